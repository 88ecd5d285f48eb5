//! A training that saves all the time, under a real mount: readers never see a torn or a mixed array.
//!
//! `CKPTFS_LIVE_SECONDS` is how long (10 by default).

mod support;

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use support::trainer::LARGE;
use support::trainer::Trainer;
use support::trainer::step_of;

const PROGRAM: &str = env!("CARGO_BIN_EXE_ckptfs");

/// A mount that is taken away again.
struct Mount(PathBuf);

impl Mount {
    fn new(source: &Path, point: &Path) -> Self {
        fs::create_dir(point).unwrap();
        let output = Command::new(PROGRAM)
            .arg("mount")
            .arg(source)
            .arg(point)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Self(point.to_path_buf())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        Command::new(PROGRAM).arg("umount").arg(&self.0).status().ok();
    }
}

fn can_mount() -> bool {
    let there = Path::new("/dev/fuse").exists();
    if !there {
        println!("skipped: no /dev/fuse");
    }
    there
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn listed(point: &Path) -> Vec<String> {
    let entries = fs::read_dir(point).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn follows_and_keeps() {
    if !can_mount() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (run, point) = (dir.path().join("run"), dir.path().join("mnt"));
    fs::create_dir(&run).unwrap();
    let mut trainer = Trainer::new(&run, 1, 2);
    trainer.save(1);
    let mount = Mount::new(&run, &point);
    assert_eq!(
        listed(&point),
        ["checkpoints.tsv", "info.txt", "latest", "model.ckpt-1"]
    );
    let first = fs::canonicalize(point.join("latest")).unwrap();
    assert!(first.ends_with("model.ckpt-1"));
    assert!(!point.join("model.ckpt-2").exists());
    let array = |path: &Path| step_of(&fs::read(path).unwrap(), LARGE).unwrap();
    assert_eq!(array(&first.join("tensors/large_0.npy")), 1);
    trainer.save(2);
    eventually("the new checkpoint is there", || {
        point.join("model.ckpt-2").exists()
    });
    eventually("latest moves", || {
        fs::read_link(point.join("latest")).unwrap() == Path::new("model.ckpt-2")
    });
    eventually("the table changes", || {
        fs::read_to_string(point.join("checkpoints.tsv"))
            .unwrap()
            .contains("\nmodel.ckpt-2\t")
    });
    assert_eq!(
        listed(&point),
        ["checkpoints.tsv", "info.txt", "latest", "model.ckpt-2"]
    );
    assert_eq!(array(&point.join("latest/tensors/large_0.npy")), 2);
    // Deleted, but somebody is in the middle of it: also what was not read before.
    thread::sleep(Duration::from_millis(1200));
    assert_eq!(array(&first.join("tensors/large_1.npy")), 1);
    // Cached links and directories inside a checkpoint lead nowhere else.
    assert_eq!(listed(&first.join("tensors")).len(), 5);
    drop(mount);
}

#[test]
fn never_torn_never_mixed() {
    if !can_mount() {
        return;
    }
    let seconds = std::env::var("CKPTFS_LIVE_SECONDS")
        .ok()
        .and_then(|s| s.parse().ok());
    let time = Duration::from_secs(seconds.unwrap_or(10));
    let dir = tempfile::tempdir().unwrap();
    let (run, point) = (dir.path().join("run"), dir.path().join("mnt"));
    fs::create_dir(&run).unwrap();
    let mut trainer = Trainer::new(&run, 3, 2);
    trainer.save(1);
    // Saved again and again over itself.
    let same = run.join("same");
    trainer.write(&same, 1);
    let mount = Mount::new(&run, &point);
    let over = Arc::new(AtomicBool::new(false));
    let counts = Arc::new([const { AtomicU64::new(0) }; 6]);
    let mut threads = Vec::new();
    for reader in [resolved, through_latest, saved_over, lists] {
        let (over, counts, point) = (over.clone(), counts.clone(), point.clone());
        threads.push(thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                reader(&point, &counts);
            }
        }));
    }
    let end = Instant::now() + time;
    let mut step = 1;
    while Instant::now() < end {
        step += 1;
        trainer.save(step);
        trainer.write(&same, step);
        thread::sleep(Duration::from_millis(50));
    }
    over.store(true, Ordering::Relaxed);
    for thread in threads {
        thread.join().unwrap();
    }
    let counts: Vec<u64> = counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
    println!(
        "{step} saves; read: {} resolved, {} through latest, {} saved over, {} listings; {} went away at once, \
         {} saved over meanwhile",
        counts[0], counts[1], counts[2], counts[3], counts[4], counts[5]
    );
    assert!(counts[..4].iter().all(|count| *count > 10), "{counts:?}");
    // It still lives, and shows what is there.
    let last = format!("model.ckpt-{step}");
    eventually("latest is the last", || {
        fs::read_link(point.join("latest")).unwrap() == Path::new(&last)
    });
    let npy = fs::read(point.join("latest/tensors/large_0.npy")).unwrap();
    assert_eq!(step_of(&npy, LARGE), Ok(step));
    drop(mount);
}

type Counts = [AtomicU64; 6];

fn count(counts: &Counts, which: usize) {
    counts[which].fetch_add(1, Ordering::Relaxed);
}

/// What a moving directory may answer; anything else is a failure of the mount.
fn is_moving(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ESTALE))
}

/// Resolves `latest` once and reads all of it, slowly: once the first file is open, nothing may fail.
fn resolved(point: &Path, counts: &Counts) {
    let target = fs::canonicalize(point.join("latest"));
    let dir = match target {
        Ok(dir) => dir,
        Err(e) if is_moving(&e) => return count(counts, 4),
        Err(e) => panic!("latest: {e}"),
    };
    let name = dir.file_name().unwrap().to_str().unwrap();
    let wanted: u64 = name.strip_prefix("model.ckpt-").unwrap().parse().unwrap();
    let mut began = false;
    for file in ["large_0", "small_1", "large_1", "small_0"] {
        let elements = if file.starts_with("large") { LARGE } else { 3 };
        match fs::read(dir.join(format!("tensors/{file}.npy"))) {
            Ok(npy) => assert_eq!(step_of(&npy, elements), Ok(wanted), "{name} {file}"),
            Err(e) if !began && is_moving(&e) => return count(counts, 4),
            Err(e) => panic!("{name} {file}: {e}"),
        }
        began = true;
        thread::sleep(Duration::from_millis(100));
    }
    count(counts, 0);
}

/// Each read may be of another step, but of one.
fn through_latest(point: &Path, counts: &Counts) {
    for shard in 0..2 {
        match fs::read(point.join(format!("latest/tensors/large_{shard}.npy"))) {
            Ok(npy) => {
                step_of(&npy, LARGE).unwrap();
                count(counts, 1);
            }
            Err(e) if is_moving(&e) => count(counts, 4),
            Err(e) => panic!("latest: {e}"),
        }
    }
}

/// A prefix that is saved over: an error in the middle of a save, never two steps.
fn saved_over(point: &Path, counts: &Counts) {
    match fs::read(point.join("same/tensors/large_1.npy")) {
        Ok(npy) => {
            step_of(&npy, LARGE).unwrap();
            count(counts, 2);
        }
        Err(e) if is_moving(&e) || e.raw_os_error() == Some(libc::EIO) => count(counts, 5),
        Err(e) => panic!("same: {e}"),
    }
    thread::sleep(Duration::from_millis(5));
}

/// The root: nothing twice, and the table is a table.
fn lists(point: &Path, counts: &Counts) {
    let names = listed(point);
    let mut once = names.clone();
    once.dedup();
    assert_eq!(names, once);
    let table = fs::read_to_string(point.join("checkpoints.tsv")).unwrap();
    assert!(table.starts_with("name\t") && table.ends_with('\n'), "{table}");
    assert!(table.lines().all(|line| line.split('\t').count() == 9), "{table}");
    count(counts, 3);
    thread::sleep(Duration::from_millis(20));
}
