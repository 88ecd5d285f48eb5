//! How a mount comes and goes, and what it refuses.

use std::fs;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::process::Command;
use std::process::Stdio;

use crate::harness::tests;
use crate::lab::Lab;
use crate::lab::SAMPLE;
use crate::lab::eventually;
use crate::lab::fails;
use crate::lab::kill;
use crate::lab::mount_line;
use crate::lab::ok;
use crate::lab::said;
use crate::lab::sh;
use crate::lab::wait_for;
use crate::support;

tests![
    the_mount_point_comes_and_goes,
    again_and_again_on_one_point,
    relative_paths,
    umount_while_busy,
    foreground_until_terminated,
    not_over_its_own_source,
    a_dead_mount_is_told_and_removed,
    two_mounts_of_one_checkpoint,
    nothing_can_be_written,
    options_that_do_not_exist,
    two_operands_mean_mount,
];

fn the_mount_point_comes_and_goes() {
    let lab = Lab::new();
    assert!(!lab.path("mnt").exists());
    let point = lab.mount_sample();
    assert!(point.join("info.txt").exists());
    assert_eq!(lab.umount(), "");
    // By the daemon, when it ends.
    lab.no_daemons();
    assert!(!point.exists(), "made by mount, so taken away");
    fs::create_dir(&point).unwrap();
    lab.mount_sample();
    lab.umount();
    assert!(point.exists(), "not made by mount, so kept");
    lab.no_daemons();
}

/// The daemon that ends may take the directory away while the next one comes.
fn again_and_again_on_one_point() {
    let lab = Lab::new();
    for _ in 0..15 {
        let point = lab.mount_sample();
        assert!(point.join("info.txt").exists());
        lab.umount();
    }
    lab.no_daemons();
    assert!(!lab.path("mnt").exists());
}

fn relative_paths() {
    let lab = Lab::new();
    lab.copy_of(SAMPLE);
    // Relative to where the command runs; the daemon does not stay there.
    ok(lab
        .program(&["mount", "--log-file", "log", "model.ckpt-10", "../mnt"])
        .current_dir(lab.path("source"))
        .env("TZ", "UTC"));
    let point = lab.path("mnt");
    fs::read(point.join("tensors/dense/kernel.npy")).unwrap();
    for link in fs::read_dir(point.join("source")).unwrap() {
        let link = link.unwrap().path();
        let target = fs::read_link(&link).unwrap();
        assert!(target.is_absolute() && target.exists(), "{}", target.display());
    }
    ok(lab.program(&["umount", "mnt"]).current_dir(&lab.dir));
    assert_eq!(mount_line(&point), None);
}

fn umount_while_busy() {
    let lab = Lab::new();
    let point = lab.mount_sample();
    let file = File::open(point.join("tensors/dense/kernel.npy")).unwrap();
    let mut before = [0; 1000];
    file.read_exact_at(&mut before, 5000).unwrap();
    let text = lab.umount();
    assert!(text.contains("still use files"), "{text}");
    assert_eq!(mount_line(&point), None);
    // Who has it open goes on reading, pages that are not cached too.
    let mut after = vec![0; 18_000];
    file.read_exact_at(&mut after, 128).unwrap();
    assert_eq!(after[5000 - 128..6000 - 128], before);
    drop(file);
    lab.no_daemons();
}

fn foreground_until_terminated() {
    let lab = Lab::new();
    let point = lab.path("mnt");
    for signal in [libc::SIGTERM, libc::SIGINT] {
        let child = lab
            .program(&["mount", "-f"])
            .arg(support::data().join(SAMPLE))
            .arg(&point)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        eventually("it is mounted", || point.join("info.txt").exists());
        kill(child.id() as i32, signal);
        let output = wait_for(child, "the foreground mount");
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("ckptfs umount"), "{text}");
        assert_eq!(mount_line(&point), None);
        assert!(!point.exists());
    }
}

fn not_over_its_own_source() {
    let lab = Lab::new();
    let source = lab.copy_of(SAMPLE);
    let dir = source.parent().unwrap();
    for point in [dir, lab.dir.as_path()] {
        let (code, text) = fails(lab.program(&["mount"]).arg(&source).arg(point));
        assert_eq!(code, 4, "{text}");
        assert!(text.contains("model.ckpt-10"), "{text}");
    }
    assert!(source.with_file_name("model.ckpt-10.index").exists());
    assert_eq!(mount_line(dir), None);
}

fn a_dead_mount_is_told_and_removed() {
    let lab = Lab::new();
    let point = lab.mount_sample();
    kill(lab.daemons()[0], libc::SIGKILL);
    lab.no_daemons();
    // Naming it as a source says what it is.
    let (code, text) = fails(lab.program(&["info"]).arg(point.join("tensors")));
    assert_eq!(code, 3, "{text}");
    assert!(
        text.contains("ransport endpoint") || text.contains("dead mount"),
        "{text}"
    );
    let (code, text) = fails(&mut lab.mount_command(&support::data().join(SAMPLE), ""));
    assert_eq!(code, 4);
    assert!(
        text.contains("dead mount") && text.contains("ckptfs umount"),
        "{text}"
    );
    let text = lab.umount();
    assert!(text.contains("removed a dead mount"), "{text}");
    lab.mount_sample();
    lab.umount();
}

fn two_mounts_of_one_checkpoint() {
    let lab = Lab::new();
    let point = lab.mount_sample();
    let second = lab.path("second");
    ok(lab
        .program(&["mount", "--log-file", "log"])
        .arg(support::data().join(SAMPLE))
        .arg(&second));
    ok(sh("diff -r $1/tensors $2/tensors && diff -r $1/meta $2/meta", &point).arg(&second));
    // Inode numbers are the same in each mount of the same checkpoint.
    let inodes = "cd $1 && find tensors ops -printf '%i %p\\n' | sort";
    assert_eq!(ok(&mut sh(inodes, &point)), ok(&mut sh(inodes, &second)));
    let (code, text) = fails(&mut lab.mount_command(&support::data().join(SAMPLE), ""));
    assert_eq!(code, 4);
    assert!(text.contains("already mounted"), "{text}");
    ok(lab.program(&["umount"]).args([&point, &second]));
    lab.no_daemons();
}

fn nothing_can_be_written() {
    let lab = Lab::new();
    let point = lab.mount_sample();
    for script in [
        "echo x >$1/new",
        "echo x >>$1/info.txt",
        "rm -f $1/info.txt",
        "mkdir $1/ops/x",
        "mv $1/info.txt $1/x",
        "ln -s x $1/x",
        "chmod +w $1/info.txt",
        "touch $1/info.txt",
    ] {
        let (_, text) = fails(&mut sh(script, &point));
        assert!(text.contains("Read-only file system"), "{script}: {text}");
    }
    lab.umount();
}

fn options_that_do_not_exist() {
    let lab = Lab::new();
    let (code, text) = fails(&mut lab.mount_command(&support::data().join(SAMPLE), "allow_othr"));
    assert_eq!(code, 2);
    assert!(text.contains("allow_other"), "{text}");
    // What fstab has is taken, and writing is not promised.
    lab.mount(
        &support::data().join(SAMPLE),
        "rw,noauto,user,_netdev,x-systemd.automount",
    );
    let line = mount_line(&lab.path("mnt")).unwrap();
    assert!(line.contains(" ro,"), "{line}");
    lab.umount();
}

fn two_operands_mean_mount() {
    let lab = Lab::new();
    let point = lab.path("mnt");
    // As mount.fuse3 calls it for a line of fstab.
    let mut command = lab.program(&[]);
    command
        .arg(support::data().join(SAMPLE))
        .arg(&point)
        .args(["-o", "ro"]);
    ok(&mut command);
    assert!(mount_line(&point).is_some());
    ok(Command::new("cat").arg(point.join("info.txt")));
    lab.umount();
}
