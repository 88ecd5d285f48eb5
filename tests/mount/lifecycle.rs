//! How a mount comes, is told of, and goes.

use std::fs;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixDatagram;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use crate::harness::tests;
use crate::lab::Lab;
use crate::lab::eventually;
use crate::lab::fails;
use crate::lab::finish;
use crate::lab::is_root;
use crate::lab::kill;
use crate::lab::mount_line;
use crate::lab::ok;
use crate::lab::said;
use crate::lab::sh;
use crate::lab::wait_for;
use crate::toy_view::pattern;

tests![
    mounted_means_usable,
    foreground_says_how_to_end_it,
    each_signal_unmounts,
    a_busy_mount_is_detached_and_serves_on,
    a_second_signal_ends_it_at_once,
    a_mount_that_does_not_answer_can_be_unmounted,
    umount_tells_busy_from_gone,
    an_unmount_from_outside_ends_the_daemon_and_nothing_else,
    failures_to_open_are_relayed,
    a_child_that_dies_is_noticed,
    an_interrupted_start_leaves_nothing,
    a_dead_mount_is_told_and_removed,
    a_mount_on_a_mount_is_refused,
    the_source_is_not_hidden,
    missing_mount_points_come_and_go,
    unfit_mount_points,
    labels_with_commas,
    closed_standard_descriptors,
    the_log_gets_each_failure_once,
    the_foreground_logs_to_a_file_too,
    systemd_is_told,
    umount_touches_nothing_else,
    unknown_options_are_usage_errors,
];

/// Starts `toy mount -f ...` and waits until it is mounted.
fn foreground(lab: &Lab, args: &[&str]) -> Child {
    let point = lab.path("mnt");
    let child = lab.toy(&["mount", "-f"]).args(args).arg(&point).spawn().unwrap();
    eventually("it is mounted", || mount_line(&point).is_some());
    child
}

fn mounted_means_usable() {
    let lab = Lab::new();
    let point = lab.point();
    let text = ok(&mut lab.mount_toy(&[]));
    assert_eq!(text, "");
    assert_eq!(fs::read(point.join("hello.txt")).unwrap(), b"hello, world\n");
    let line = mount_line(&point).unwrap();
    assert!(line.contains(" - fuse.ckptfs toy "), "{line}");
    for flag in ["ro", "nosuid", "nodev", "noexec", "noatime"] {
        assert!(line.split([' ', ',']).any(|word| word == flag), "{flag}: {line}");
    }
    assert_eq!(lab.daemons().len(), 1);
    assert_eq!(ok(lab.toy(&["umount"]).arg(&point)), "Gone\n");
    assert_eq!(mount_line(&point), None);
    lab.no_daemons();
    assert!(point.is_dir());
}

fn foreground_says_how_to_end_it() {
    let lab = Lab::new();
    let point = lab.point();
    let child = foreground(&lab, &["--label", "model.ckpt-10"]);
    assert_eq!(fs::read(point.join("hello.txt")).unwrap(), b"hello, world\n");
    kill(child.id() as i32, libc::SIGINT);
    let output = wait_for(child, "the foreground mount");
    let dir = point.display();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        format!("mounted model.ckpt-10 at {dir}; unmount with: ckptfs umount {dir} (or Ctrl-C)\n")
    );
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(mount_line(&point), None);
}

fn each_signal_unmounts() {
    let lab = Lab::new();
    let point = lab.point();
    for signal in [libc::SIGTERM, libc::SIGHUP, libc::SIGINT] {
        ok(&mut lab.mount_toy(&[]));
        kill(lab.daemons()[0], signal);
        lab.no_daemons();
        assert_eq!(mount_line(&point), None);
    }
}

fn a_busy_mount_is_detached_and_serves_on() {
    let lab = Lab::new();
    let point = lab.point();
    ok(&mut lab.mount_toy(&[]));
    let file = File::open(point.join("big.bin")).unwrap();
    kill(lab.daemons()[0], libc::SIGTERM);
    eventually("it is detached", || mount_line(&point).is_none());
    let mut part = [0; 100];
    file.read_exact_at(&mut part, 2_900_000).unwrap();
    assert_eq!(part, pattern(3_000_000)[2_900_000..2_900_100]);
    assert_eq!(lab.daemons().len(), 1);
    drop(file);
    lab.no_daemons();
}

fn a_second_signal_ends_it_at_once() {
    let lab = Lab::new();
    let point = lab.point();
    ok(&mut lab.mount_toy(&[]));
    let file = File::open(point.join("big.bin")).unwrap();
    let pid = lab.daemons()[0];
    kill(pid, libc::SIGTERM);
    eventually("it is detached", || mount_line(&point).is_none());
    kill(pid, libc::SIGTERM);
    lab.no_daemons();
    assert!(file.read_at(&mut [0; 100], 2_900_000).is_err());
}

fn a_mount_that_does_not_answer_can_be_unmounted() {
    let lab = Lab::new();
    let point = lab.point();
    ok(&mut lab.mount_toy(&[]));
    let pid = lab.daemons()[0];
    kill(pid, libc::SIGSTOP);
    ok(lab.toy(&["umount"]).arg(&point));
    assert_eq!(mount_line(&point), None);
    kill(pid, libc::SIGCONT);
    lab.no_daemons();
}

fn umount_tells_busy_from_gone() {
    let lab = Lab::new();
    let point = lab.point();
    ok(&mut lab.mount_toy(&[]));
    let file = File::open(point.join("big.bin")).unwrap();
    assert_eq!(ok(lab.toy(&["umount"]).arg(&point)), "StillInUse\n");
    assert_eq!(mount_line(&point), None);
    file.read_exact_at(&mut [0; 100], 2_900_000).unwrap();
    drop(file);
    lab.no_daemons();
}

fn an_unmount_from_outside_ends_the_daemon_and_nothing_else() {
    if !is_root() {
        return println!("an_unmount_from_outside...: only root mounts a tmpfs; not run");
    }
    let lab = Lab::new();
    let point = lab.point();
    ok(Command::new("mount").args(["-t", "tmpfs", "below"]).arg(&point));
    fs::write(point.join("mine"), "mine").unwrap();
    let child = foreground(&lab, &[]);
    eventually("the toy is on top", || point.join("hello.txt").exists());
    ok(Command::new("umount").arg(&point));
    let output = wait_for(child, "the foreground mount");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    // Had the program unmounted once more, the tmpfs would be gone.
    assert_eq!(fs::read(point.join("mine")).unwrap(), b"mine");
    assert!(mount_line(&point).unwrap().contains("tmpfs"));
}

fn failures_to_open_are_relayed() {
    let lab = Lab::new();
    let point = lab.point();
    for extra in [&[][..], &["-f"]] {
        let (code, said) = fails(lab.mount_toy(&["--build", "fails"]).args(extra));
        assert_eq!(code, 3);
        assert!(
            said.contains("toy: toy.index: offset 163: bad magic number (copy it again)\n"),
            "{said}"
        );
        let (code, said) = fails(lab.mount_toy(&["--build", "panics"]).args(extra));
        assert_eq!(code, 3);
        assert!(said.contains("opening a toy panics"), "{said}");
    }
    assert_eq!(mount_line(&point), None);
    lab.no_daemons();
    let started = Instant::now();
    ok(&mut lab.mount_toy(&["--build", "slowly"]));
    assert!(started.elapsed() > Duration::from_secs(1));
    assert!(mount_line(&point).is_some());
}

fn a_child_that_dies_is_noticed() {
    let lab = Lab::new();
    lab.point();
    let (code, said) = fails(&mut lab.mount_toy(&["--build", "dies"]));
    assert_eq!(code, 4);
    assert!(
        said.contains("died before the mount was live (signal 6)"),
        "{said}"
    );
}

fn an_interrupted_start_leaves_nothing() {
    let lab = Lab::new();
    let point = lab.path("mnt");
    let child = lab.mount_toy(&["--build", "forever"]).spawn().unwrap();
    eventually("both processes run", || lab.daemons().len() == 2);
    kill(child.id() as i32, libc::SIGINT);
    wait_for(child, "the parent");
    lab.no_daemons();
    assert!(!point.exists());
}

fn a_dead_mount_is_told_and_removed() {
    let lab = Lab::new();
    let point = lab.point();
    ok(&mut lab.mount_toy(&[]));
    kill(lab.daemons()[0], libc::SIGKILL);
    lab.no_daemons();
    let (_, said) = fails(Command::new("df").arg(&point));
    assert!(said.contains("Transport endpoint is not connected"), "{said}");
    let (code, said) = fails(&mut lab.mount_toy(&[]));
    assert_eq!(code, 4);
    let remedy = format!("ckptfs umount {}", point.display());
    assert!(said.contains("dead mount") && said.contains(&remedy), "{said}");
    assert_eq!(ok(lab.toy(&["umount"]).arg(&point)), "WasDead\n");
    assert!(fs::read_dir(&point).unwrap().next().is_none());
    ok(&mut lab.mount_toy(&[]));
}

fn a_mount_on_a_mount_is_refused() {
    let lab = Lab::new();
    let point = lab.point();
    ok(&mut lab.mount_toy(&["--label", "model.ckpt-10"]));
    let (code, said) = fails(&mut lab.mount_toy(&[]));
    assert_eq!(code, 4);
    assert!(said.contains("model.ckpt-10 is already mounted here"), "{said}");
    assert!(point.join("hello.txt").exists());
}

fn the_source_is_not_hidden() {
    let lab = Lab::new();
    let point = lab.point();
    fs::write(point.join("model.index"), "x").unwrap();
    let (code, said) = fails(&mut lab.mount_toy(&["--source", "mnt/model.index"]));
    assert_eq!(code, 4);
    assert!(said.contains("would hide its own source"), "{said}");
    let (code, said) = fails(&mut lab.mount_toy(&["--source", "."]));
    assert_eq!(code, 4);
    assert!(said.contains("lies in its own source"), "{said}");
}

fn missing_mount_points_come_and_go() {
    let lab = Lab::new();
    let point = lab.path("mnt");
    ok(&mut lab.mount_toy(&[]));
    assert!(point.join("hello.txt").exists());
    kill(lab.daemons()[0], libc::SIGTERM);
    lab.no_daemons();
    assert!(!point.exists());
    ok(&mut lab.mount_toy(&[]));
    ok(lab.toy(&["umount"]).arg(&point));
    lab.no_daemons();
    assert!(!point.exists());
    fails(&mut lab.mount_toy(&["--build", "fails"]));
    assert!(!point.exists());
}

fn unfit_mount_points() {
    let lab = Lab::new();
    fs::write(lab.path("mnt"), "a file").unwrap();
    let (code, said) = fails(&mut lab.mount_toy(&[]));
    assert_eq!(code, 4);
    assert!(said.contains("is not a directory"), "{said}");
    let (code, said) = fails(lab.toy(&["mount"]).arg(lab.path("a/b/c")));
    assert_eq!(code, 4);
    assert!(said.contains("mkdir -p"), "{said}");
    fs::remove_file(lab.path("mnt")).unwrap();
    fs::create_dir(lab.path("mnt")).unwrap();
    fs::write(lab.path("mnt/x"), "").unwrap();
    let output = finish(&mut lab.mount_toy(&[]));
    assert!(output.status.success());
    assert!(crate::lab::said(&output).contains("is not empty"), "{}", said);
}

fn labels_with_commas() {
    let lab = Lab::new();
    let point = lab.point();
    let label = r"a,allow_other b\c";
    ok(&mut lab.mount_toy(&["--label", label]));
    let line = mount_line(&point).unwrap();
    assert!(line.contains(r" fuse.ckptfs a,allow_other\040b\134c "), "{line}");
    let options = line.rsplit(' ').next().unwrap();
    assert!(!options.contains("allow_other"), "{line}");
    ok(lab.toy(&["umount"]).arg(&point));
    ok(&mut lab.mount_toy(&["-o", r"fsname=x\,y"]));
    assert!(mount_line(&point).unwrap().contains(" fuse.ckptfs x,y "));
}

fn closed_standard_descriptors() {
    let lab = Lab::new();
    let point = lab.point();
    let mut command = sh("exec \"$1\" mount --log log mnt <&- >&- 2>&-", lab.program_path());
    let mut command = finish(command.env(crate::daemon::ROLE, "1").current_dir(&lab.dir));
    assert!(command.status.success(), "{}", said(&command));
    command.stdout.clear();
    assert_eq!(fs::read(point.join("hello.txt")).unwrap(), b"hello, world\n");
    ok(&mut sh("cat $1/bad/corrupt.bin || :", &point));
    assert!(point.join("empty").exists());
}

fn the_log_gets_each_failure_once() {
    let lab = Lab::new();
    let point = lab.point();
    ok(&mut lab.mount_toy(&[]));
    for _ in 0..3 {
        fs::read(point.join("bad/corrupt.bin")).unwrap_err();
        fs::read(point.join("bad/read-panics")).unwrap_err();
    }
    ok(lab.toy(&["umount"]).arg(&point));
    lab.no_daemons();
    let log = fs::read_to_string(lab.path("log")).unwrap();
    let count = |what: &str| log.matches(what).count();
    assert_eq!(count("toy.data: offset 7: a toy block is damaged"), 1, "{log}");
    assert_eq!(count("internal error: reading a toy panics"), 1, "{log}");
    assert_eq!(count("Not Implemented"), 0, "{log}");
    assert_eq!(count("requests served: "), 1, "{log}");
    assert!(log.lines().all(|line| line.starts_with("ckptfs[")), "{log}");
}

fn the_foreground_logs_to_a_file_too() {
    let lab = Lab::new();
    let point = lab.point();
    let child = foreground(&lab, &["--log", "log"]);
    fs::read(point.join("bad/corrupt.bin")).unwrap_err();
    kill(child.id() as i32, libc::SIGTERM);
    let output = wait_for(child, "the foreground mount");
    assert!(output.status.success());
    let log = fs::read_to_string(lab.path("log")).unwrap();
    assert!(log.contains("a toy block is damaged"), "{log}");
    assert_eq!(said(&output), "");
    let (code, said) = fails(&mut lab.mount_toy(&["-f", "--build", "fails"]));
    assert_eq!(code, 3);
    assert!(said.contains("bad magic number"), "{said}");
}

fn systemd_is_told() {
    let lab = Lab::new();
    let point = lab.point();
    let name = lab.path("notify");
    let socket = UnixDatagram::bind(&name).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let receive = || {
        let mut room = [0; 200];
        let len = socket.recv(&mut room).unwrap();
        String::from_utf8_lossy(&room[..len]).into_owned()
    };
    ok(lab.mount_toy(&[]).env("NOTIFY_SOCKET", &name));
    let pid = lab.daemons()[0];
    assert_eq!(receive(), format!("READY=1\nMAINPID={pid}\n"));
    kill(pid, libc::SIGTERM);
    assert_eq!(receive(), "STOPPING=1\n");
    lab.no_daemons();
    assert_eq!(mount_line(&point), None);
}

fn umount_touches_nothing_else() {
    let lab = Lab::new();
    let point = lab.point();
    let (code, said) = fails(lab.toy(&["umount"]).arg(&point));
    assert_eq!(code, 4);
    assert!(said.contains("nothing is mounted here"), "{said}");
    let (_, said) = fails(lab.toy(&["umount"]).arg(lab.path("no/such/dir")));
    assert!(said.contains("cannot unmount"), "{said}");
    if is_root() {
        ok(Command::new("mount").args(["-t", "tmpfs", "other"]).arg(&point));
        let (code, said) = fails(lab.toy(&["umount"]).arg(&point));
        assert_eq!(code, 4);
        assert!(said.contains("tmpfs (other), not ckptfs"), "{said}");
        assert!(mount_line(&point).unwrap().contains("tmpfs"));
    }
}

fn unknown_options_are_usage_errors() {
    let lab = Lab::new();
    lab.point();
    let (code, said) = fails(&mut lab.mount_toy(&["-o", "ro,alow_other"]));
    assert_eq!(code, 2);
    assert!(said.contains("did you mean allow_other?"), "{said}");
    let output = finish(lab.mount_toy(&["-o", "defaults,rw,nofail"]).stdout(Stdio::null()));
    assert!(output.status.success());
    assert!(crate::lab::said(&output).contains("read-only all the same"));
}
