//! Mounts by ordinary users, and who may look into whose.

use std::fs;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use crate::harness::tests;
use crate::lab::Lab;
use crate::lab::USER;
use crate::lab::as_user;
use crate::lab::fails;
use crate::lab::is_root;
use crate::lab::kill;
use crate::lab::mount_line;
use crate::lab::ok;
use crate::lab::sh;

tests![
    a_user_mounts_and_unmounts,
    a_user_signals_and_is_busy,
    a_users_dead_mount,
    sources_set_no_options,
    others_stay_out_unless_allowed,
    allow_other_needs_leave,
    what_a_user_may_not,
    hints_for_what_is_missing,
];

fn a_user_mounts_and_unmounts() {
    let lab = Lab::new();
    let point = lab.point();
    let shard = lab.shard(100_000);
    ok(as_user(lab.mount_toy(&["--shard"]).arg(&shard)));
    let line = mount_line(&point).unwrap();
    assert!(line.contains(" - fuse.ckptfs toy "), "{line}");
    for flag in ["ro", "nosuid", "nodev", "noexec", "noatime"] {
        assert!(line.split([' ', ',']).any(|word| word == flag), "{flag}: {line}");
    }
    let script =
        "ls -lR $1 >/dev/null; cat $1/hello.txt; tail -c +129 $1/tensor.npy | cmp - $1/../shard.data";
    assert_eq!(ok(as_user(&mut sh(script, &point))), "hello, world\n");
    assert_eq!(ok(as_user(lab.toy(&["umount"]).arg(&point))), "Gone\n");
    assert_eq!(mount_line(&point), None);
    lab.no_daemons();
}

fn a_user_signals_and_is_busy() {
    let lab = Lab::new();
    let point = lab.point();
    ok(as_user(&mut lab.mount_toy(&["-o", "threads=2"])));
    let mut reader = as_user(&mut sh("exec 3<$1/big.bin; echo open; exec sleep 30", &point))
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut word = [0; 5];
    std::io::Read::read_exact(reader.stdout.as_mut().unwrap(), &mut word).unwrap();
    assert_eq!(ok(as_user(lab.toy(&["umount"]).arg(&point))), "StillInUse\n");
    assert_eq!(mount_line(&point), None);
    kill(reader.id() as i32, libc::SIGKILL);
    reader.wait().unwrap();
    lab.no_daemons();
    ok(as_user(&mut lab.mount_toy(&[])));
    kill(lab.daemons()[0], libc::SIGTERM);
    lab.no_daemons();
    assert_eq!(mount_line(&point), None);
}

fn a_users_dead_mount() {
    let lab = Lab::new();
    let point = lab.point();
    ok(as_user(&mut lab.mount_toy(&[])));
    kill(lab.daemons()[0], libc::SIGKILL);
    lab.no_daemons();
    let (_, said) = fails(as_user(&mut lab.mount_toy(&[])));
    assert!(said.contains("dead mount"), "{said}");
    assert_eq!(ok(as_user(lab.toy(&["umount"]).arg(&point))), "WasDead\n");
    assert_eq!(mount_line(&point), None);
}

fn sources_set_no_options() {
    let lab = Lab::new();
    let point = lab.point();
    ok(as_user(&mut lab.mount_toy(&["--label", r"a,allow_other b\c"])));
    let line = mount_line(&point).unwrap();
    assert!(line.contains(r" fuse.ckptfs a,allow_other\040b\134c "), "{line}");
    assert!(
        !line.rsplit(' ').next().unwrap().contains("allow_other"),
        "{line}"
    );
}

fn others_stay_out_unless_allowed() {
    if !is_root() {
        return println!("others_stay_out_unless_allowed: needs root; not run");
    }
    let lab = Lab::new();
    let point = lab.point();
    ok(&mut lab.mount_toy(&[]));
    fails(as_user(Command::new("ls").arg(&point)));
    ok(lab.toy(&["umount"]).arg(&point));
    lab.no_daemons();

    // Not even root looks into a user's mount.
    ok(as_user(&mut lab.mount_toy(&[])));
    assert!(fs::read_dir(&point).is_err());
    ok(lab.toy(&["umount"]).arg(&point));
    lab.no_daemons();

    ok(&mut lab.mount_toy(&["-o", "allow_other"]));
    let line = mount_line(&point).unwrap();
    assert!(line.contains("default_permissions,allow_other"), "{line}");
    assert_eq!(ok(as_user(&mut sh("cat $1/hello.txt", &point))), "hello, world\n");
    ok(lab.toy(&["umount"]).arg(&point));
    lab.no_daemons();

    ok(&mut lab.mount_toy(&["-o", "allow_other,umask=077"]));
    let (_, said) = fails(as_user(&mut sh("cat $1/hello.txt", &point)));
    assert!(said.contains("Permission denied"), "{said}");
    // Opened by root first, so that the pages are cached; the kernel still checks.
    fs::read(point.join("hello.txt")).unwrap();
    fails(as_user(&mut sh("cat $1/hello.txt", &point)));
    ok(lab.toy(&["umount"]).arg(&point));
    lab.no_daemons();

    let uid = format!("allow_other,umask=077,uid={USER}");
    ok(&mut lab.mount_toy(&["-o", &uid]));
    assert_eq!(ok(as_user(&mut sh("cat $1/hello.txt", &point))), "hello, world\n");
    assert_eq!(fs::metadata(&point).unwrap().uid(), USER);
}

fn allow_other_needs_leave() {
    let conf = fs::read_to_string("/etc/fuse.conf").unwrap_or_default();
    let lab = Lab::new();
    lab.point();
    let mut command = lab.mount_toy(&["-o", "allow_other"]);
    if conf.lines().any(|line| line.trim() == "user_allow_other") {
        ok(as_user(&mut command));
    } else {
        let (code, said) = fails(as_user(&mut command));
        assert_eq!(code, 4);
        assert!(said.contains("user_allow_other"), "{said}");
    }
}

fn what_a_user_may_not() {
    if !is_root() {
        return println!("what_a_user_may_not: needs root; not run");
    }
    let lab = Lab::new();
    // A directory of root's: fusermount3 says so, and that is passed on.
    let (code, said) = fails(as_user(&mut lab.toy(&["mount", "--log", "log", "/opt"])));
    assert_eq!(code, 4);
    assert!(
        said.contains("fusermount") && said.contains("write access"),
        "{said}"
    );
    assert!(said.contains("that you may write to"), "{said}");
    let (code, said) = fails(as_user(&mut lab.toy(&["mount", "--log", "log", "/opt/new"])));
    assert_eq!(code, 4);
    assert!(said.contains("cannot create the mount point"), "{said}");
    // A user cannot unmount root's.
    let point = lab.point();
    ok(&mut lab.mount_toy(&["-o", "allow_other"]));
    let file = File::open(point.join("hello.txt")).unwrap();
    fails(as_user(lab.toy(&["umount"]).arg(&point)));
    assert!(mount_line(&point).is_some());
    file.read_exact_at(&mut [0; 5], 0).unwrap();
}

/// In a mount namespace of their own, things can be missing.
fn hints_for_what_is_missing() {
    if !is_root() {
        return println!("hints_for_what_is_missing: needs root; not run");
    }
    let lab = Lab::new();
    lab.point();
    let run = |script: &str| {
        let mut command = Command::new("unshare");
        command
            .args(["-m", "sh", "-c", script, "sh"])
            .arg(lab.program_path());
        command.env(crate::daemon::ROLE, "1").current_dir(&lab.dir);
        fails(&mut command)
    };
    let (code, said) =
        run("mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && exec \"$1\" mount --log log mnt");
    assert_eq!(code, 4);
    for word in ["/dev/fuse", "modprobe fuse", "--device /dev/fuse", "without FUSE"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    fs::copy("/usr/bin/setpriv", lab.path("setpriv")).unwrap();
    let (code, said) = run(
        "mount -t tmpfs none /usr/bin && exec ./setpriv --reuid 65534 --regid 65534 --clear-groups \
         \"$1\" mount --log log mnt",
    );
    assert_eq!(code, 4);
    assert!(
        said.contains("not installed") && said.contains("apt install fuse3"),
        "{said}"
    );
    let (code, said) = run("exec setpriv --bounding-set -sys_admin \"$1\" mount --log log mnt");
    assert_eq!(code, 4);
    assert!(said.contains("--cap-add SYS_ADMIN"), "{said}");
}
