//! Root and an ordinary user.

use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;

use crate::harness::tests;
use crate::lab::Lab;
use crate::lab::SAMPLE;
use crate::lab::SHARDED;
use crate::lab::as_user;
use crate::lab::fails;
use crate::lab::is_root;
use crate::lab::mount_line;
use crate::lab::ok;
use crate::lab::sh;
use crate::lab::with_suffix;

tests![
    a_user_mounts_reads_and_unmounts,
    what_a_user_cannot_read,
    permissions_come_from_the_source,
    allow_other_checks_permissions,
];

fn a_user_mounts_reads_and_unmounts() {
    let lab = Lab::new();
    let source = lab.copy_of(SAMPLE);
    ok(as_user(&mut lab.mount_command(&source, "")));
    let point = lab.path("mnt");
    assert!(mount_line(&point).unwrap().contains(" fuse.ckptfs "));
    let script = "ls -lR $1 >/dev/null; cat $1/collections/hyperparameters/0 >/dev/null; \
                  find $1/tensors -name '*.npy' -exec cat {} + | wc -c";
    let count: u64 = ok(as_user(&mut sh(script, &point))).trim().parse().unwrap();
    assert!(count > 58_000, "{count}");
    ok(as_user(lab.program(&["umount"]).arg(&point)));
    assert_eq!(mount_line(&point), None);
    lab.no_daemons();
    assert!(!point.exists());
}

fn what_a_user_cannot_read() {
    if !is_root() {
        return println!("what_a_user_cannot_read: needs root; not run");
    }
    let lab = Lab::new();
    let source = lab.copy_of(SHARDED);
    let close = |suffix: &str, mode: u32| {
        fs::set_permissions(with_suffix(&source, suffix), Permissions::from_mode(mode)).unwrap();
    };
    // Without the index there is nothing.
    close(".index", 0o600);
    let (code, text) = fails(as_user(&mut lab.mount_command(&source, "")));
    assert_eq!(code, 3, "{text}");
    assert!(
        text.contains("model.ckpt-1.index") && text.contains("ermission denied"),
        "{text}"
    );
    assert!(!lab.path("mnt").exists());
    close(".index", 0o644);
    // A shard that may not be read is an error that names it; nobody gets half a checkpoint unawares.
    close(".data-00002-of-00003", 0o600);
    let mut info = lab.program(&["info"]);
    let output = crate::lab::finish(as_user(info.arg(&source)));
    let all = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        all.contains("data-00002-of-00003") && all.contains("ermission denied"),
        "{all}"
    );
}

fn permissions_come_from_the_source() {
    if !is_root() {
        return println!("permissions_come_from_the_source: needs root; not run");
    }
    let lab = Lab::new();
    let source = lab.copy_of(SAMPLE);
    for entry in fs::read_dir(source.parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::chown(&path, Some(1234), Some(4321)).unwrap();
    }
    let point = lab.mount(&source, "");
    let meta = fs::metadata(point.join("tensors/dense/kernel.npy")).unwrap();
    assert_eq!((meta.uid(), meta.gid(), meta.mode() & 0o777), (1234, 4321, 0o440));
    let meta = fs::metadata(point.join("tensors")).unwrap();
    assert_eq!((meta.uid(), meta.mode() & 0o777), (1234, 0o550));
    lab.umount();
    let point = lab.mount(&source, "uid=7,gid=8,umask=077");
    let meta = fs::metadata(point.join("ops")).unwrap();
    assert_eq!((meta.uid(), meta.gid(), meta.mode() & 0o777), (7, 8, 0o500));
    lab.umount();
}

fn allow_other_checks_permissions() {
    if !is_root() {
        return println!("allow_other_checks_permissions: needs root; not run");
    }
    let lab = Lab::new();
    let source = lab.copy_of(SAMPLE);
    let read = |lab: &Lab| sh("cat $1/tensors/dense/kernel.npy | wc -c", &lab.path("mnt"));
    lab.mount(&source, "");
    let (_, text) = fails(as_user(&mut sh("ls $1", &lab.path("mnt"))));
    assert!(text.contains("ermission denied"), "{text}");
    lab.umount();
    lab.mount(&source, "allow_other");
    assert_eq!(ok(as_user(&mut read(&lab))).trim(), "18560");
    lab.umount();
    fs::set_permissions(
        with_suffix(&source, ".data-00000-of-00001"),
        Permissions::from_mode(0o600),
    )
    .unwrap();
    lab.mount(&source, "allow_other");
    let (_, text) = fails(as_user(&mut sh(
        "cat $1/tensors/dense/kernel.npy",
        &lab.path("mnt"),
    )));
    assert!(text.contains("ermission denied"), "{text}");
    lab.umount();
}
