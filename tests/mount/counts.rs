//! What the kernel asks, and how often: a mount is fast when it does not ask.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use ckptfs::fuse::Mounted;
use ckptfs::fuse::Op;

use crate::harness::tests;
use crate::lab::Lab;
use crate::lab::ok;
use crate::lab::sh;
use crate::toy_view::SLOW;
use crate::toy_view::ToyView;
use crate::toy_view::text;

tests![
    a_second_listing_asks_nothing,
    a_large_listing_takes_few_requests,
    names_that_are_not_there_are_asked_once,
    a_second_read_asks_nothing,
    measured_once,
    what_may_change_is_asked_again,
    xattrs_are_asked_once_without_the_option,
    slow_files_hold_nobody_up,
    slow_directories_hold_nobody_up,
];

/// Requests that `script` causes.
fn asked(mounted: &Mounted, script: &str, dir: &Path) -> u64 {
    let (before, detail) = (mounted.stats().total(), mounted.stats().to_string());
    ok(&mut sh(script, dir));
    let count = mounted.stats().total() - before;
    if count > 0 {
        println!("    {script}: {count} ({detail} -> {})", mounted.stats());
    }
    count
}

/// Whether `script`, run again, causes no request. Three tries, because the machine may drop its caches at
/// any moment.
fn asks_nothing(mounted: &Mounted, script: &str, dir: &Path) -> bool {
    (0..3).any(|_| asked(mounted, script, dir) == 0)
}

fn a_second_listing_asks_nothing() {
    let lab = Lab::new();
    let point = lab.point();
    let (mounted, _) = lab.mount(ToyView::sample(None), "");
    // The first question about attributes that do not exist is asked once a mount.
    ok(&mut sh("ls -l $1/hello.txt", &point));
    assert!(asked(&mounted, "ls $1/many", &point) > 0);
    assert!(asks_nothing(&mounted, "ls $1/many", &point));
    assert!(asks_nothing(&mounted, "ls -l $1/many", &point));
    assert!(asked(&mounted, "find $1", &point) < 120);
    assert!(asks_nothing(&mounted, "find $1", &point));
}

fn a_large_listing_takes_few_requests() {
    let lab = Lab::new();
    let point = lab.point();
    let (mounted, _) = lab.mount(ToyView::sample(None), "");
    // 10,000 entries of about 160 bytes in replies of 32 KiB.
    let count = asked(&mounted, "ls -lU $1/many", &point);
    assert!(count < 70, "{count}: {}", mounted.stats());
    assert!(mounted.stats().of(Op::Lookup) < 5, "{}", mounted.stats());
}

fn names_that_are_not_there_are_asked_once() {
    let lab = Lab::new();
    let point = lab.point();
    let (mounted, _) = lab.mount(ToyView::sample(None), "");
    for _ in 0..5 {
        assert!(fs::metadata(point.join("nope")).is_err());
    }
    assert_eq!(mounted.stats().of(Op::Lookup), 1);
}

fn a_second_read_asks_nothing() {
    let lab = Lab::new();
    let point = lab.point();
    let shard = lab.shard(1_000_000);
    let (mounted, _) = lab.mount(ToyView::sample(Some(&shard)), "");
    let script = "cat $1/tensor.npy $1/hello.txt $1/lazy/lazy-01 $1/link >/dev/null";
    assert!(asked(&mounted, script, &point) > 0);
    assert!(asks_nothing(&mounted, script, &point), "{}", mounted.stats());
    assert!(mounted.stats().of(Op::Open) <= 1);
}

fn measured_once() {
    let lab = Lab::new();
    let point = lab.point();
    let (mounted, view) = lab.mount(ToyView::sample(None), "");
    let measured = || view.measured.load(Ordering::SeqCst);
    ok(&mut sh("ls $1/lazy; ls -U $1/lazy", &point));
    assert_eq!(measured(), 0, "a plain listing measures");
    ok(&mut sh(
        "ls -l $1/lazy; ls -l $1/lazy; cat $1/lazy/*; stat $1/lazy/*",
        &point,
    ));
    assert_eq!(measured(), 20, "{}", mounted.stats());
}

fn what_may_change_is_asked_again() {
    let lab = Lab::new();
    let point = lab.point();
    let mut view = ToyView::sample(None);
    view.volatile = Some(Duration::from_millis(200));
    let (mounted, _) = lab.mount(view, "");
    let script = "ls $1/sub; cat $1/hello.txt; ls $1/nope 2>/dev/null; cat $1/link";
    let run = || {
        let before = mounted.stats().total();
        Command::new("sh")
            .args(["-c", script, "sh"])
            .arg(&point)
            .output()
            .unwrap();
        mounted.stats().total() - before
    };
    run();
    thread::sleep(Duration::from_millis(300));
    let (lookups, opens) = (mounted.stats().of(Op::Lookup), mounted.stats().of(Op::Open));
    let (listings, reads) = (mounted.stats().of(Op::Readdirplus), mounted.stats().of(Op::Read));
    let links = mounted.stats().of(Op::Readlink);
    assert!(run() > 5);
    let stats = mounted.stats();
    assert!(stats.of(Op::Lookup) >= lookups + 3, "{stats}");
    assert!(stats.of(Op::Open) >= opens + 2, "{stats}");
    assert!(
        stats.of(Op::Readdirplus) + stats.of(Op::Readdir) > listings,
        "{stats}"
    );
    assert!(stats.of(Op::Readlink) > links, "{stats}");
    // Bytes of a node never change, so pages are kept.
    assert_eq!(stats.of(Op::Read), reads, "{stats}");
}

fn xattrs_are_asked_once_without_the_option() {
    let lab = Lab::new();
    let point = lab.point();
    let (mounted, _) = lab.mount(ToyView::sample(None), "");
    let get = |name: &str| crate::refusals::xattr(&point.join("hello.txt"), name);
    assert_eq!(get("user.ckptfs.dtype"), Err(libc::EOPNOTSUPP));
    assert_eq!(get("user.other"), Err(libc::EOPNOTSUPP));
    assert_eq!(crate::refusals::xattrs(&point), Err(libc::EOPNOTSUPP));
    assert_eq!(crate::refusals::xattrs(&point), Err(libc::EOPNOTSUPP));
    assert_eq!(mounted.stats().of(Op::Xattr), 2);

    let lab = Lab::new();
    let point = lab.point();
    let shard = lab.shard(10);
    let (_mounted, _) = lab.mount(ToyView::sample(Some(&shard)), "xattr");
    let get = |name: &str| crate::refusals::xattr(&point.join("tensor.npy"), name);
    assert_eq!(get("user.ckptfs.dtype"), Ok(b"float32".to_vec()));
    assert_eq!(get("user.ckptfs.nope"), Err(libc::ENODATA));
    let list = crate::refusals::xattrs(&point.join("tensor.npy"));
    assert_eq!(list, Ok(b"user.ckptfs.dtype\0user.ckptfs.shape\0".to_vec()));
    assert_eq!(crate::refusals::xattrs(&point), Ok(Vec::new()));
}

fn slow_files_hold_nobody_up() {
    let lab = Lab::new();
    let point = lab.point();
    let (_mounted, view) = lab.mount(ToyView::sample(None), "threads=1");
    thread::scope(|scope| {
        let started = Instant::now();
        for _ in 0..6 {
            scope.spawn(|| ok(Command::new("stat").arg(point.join("slow/slow.txt"))));
        }
        while view.measured.load(Ordering::SeqCst) == 0 {
            assert!(started.elapsed() < Duration::from_secs(10));
            thread::sleep(Duration::from_millis(1));
        }
        let started = Instant::now();
        assert_eq!(fs::read(point.join("slow/quick.txt")).unwrap(), b"quick\n");
        assert!(started.elapsed() < SLOW / 2, "{:?}", started.elapsed());
    });
    assert_eq!(view.measured.load(Ordering::SeqCst), 1);
    assert_eq!(fs::read(point.join("slow/slow.txt")).unwrap(), text("slow", 2000));
}

fn slow_directories_hold_nobody_up() {
    let lab = Lab::new();
    let point = lab.point();
    let mut view = ToyView::sample(None);
    view.slow_names = true;
    let (_mounted, view) = lab.mount(view, "threads=1");
    thread::scope(|scope| {
        scope.spawn(|| ok(Command::new("ls").arg(&point)));
        let started = Instant::now();
        while view.warmed.load(Ordering::SeqCst) == 0 {
            assert!(started.elapsed() < Duration::from_secs(10));
            thread::sleep(Duration::from_millis(1));
        }
        let started = Instant::now();
        ok(Command::new("stat").arg("-f").arg(&point));
        assert!(started.elapsed() < SLOW / 2, "{:?}", started.elapsed());
    });
    assert_eq!(fs::read(point.join("hello.txt")).unwrap(), b"hello, world\n");
}
