//! The run view over a training, without FUSE: what it shows, and what stays readable.

mod support;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ckptfs::ErrorKind;
use ckptfs::run::RunOptions;
use ckptfs::run::RunView;
use ckptfs::source::LocalStore;
use ckptfs::tree::Freshness;
use ckptfs::tree::NodeId;
use ckptfs::tree::View;
use ckptfs::tree::resolve;
use support::trainer::LARGE;
use support::trainer::Trainer;
use support::trainer::step_of;
use support::writer::bundle::suffixed;

/// Looks at every question, closes at once.
const EAGER: RunOptions = RunOptions {
    max_age: Duration::ZERO,
    grace: Duration::ZERO,
};
/// Looks at every question, never closes.
const PATIENT: RunOptions = RunOptions {
    max_age: Duration::ZERO,
    grace: Duration::from_secs(3600),
};

fn open(dir: &Path, options: RunOptions) -> RunView {
    RunView::new(Arc::new(LocalStore), dir, options).unwrap()
}

fn names(view: &dyn View) -> Vec<String> {
    let mut names = Vec::new();
    view.list(NodeId::ROOT, 0, &mut |entry| {
        names.push(String::from_utf8_lossy(entry.name).into_owned());
        true
    })
    .unwrap();
    names
}

fn read(view: &dyn View, path: &str) -> ckptfs::Result<Vec<u8>> {
    support::read(view, path.as_bytes())
}

fn text(view: &dyn View, path: &str) -> String {
    String::from_utf8(read(view, path).unwrap()).unwrap()
}

fn step(view: &dyn View, path: &str) -> u64 {
    step_of(&read(view, path).unwrap(), LARGE).unwrap()
}

fn node(view: &dyn View, path: &str) -> NodeId {
    resolve(view, path.as_bytes(), true).unwrap().0
}

#[test]
fn shows_what_is_there_and_follows() {
    let dir = tempfile::tempdir().unwrap();
    let mut trainer = Trainer::new(dir.path(), 2, 2);
    trainer.save(9);
    let view = open(dir.path(), PATIENT);
    assert_eq!(
        names(&view),
        ["checkpoints.tsv", "info.txt", "latest", "model.ckpt-9"]
    );
    assert_eq!(step(&view, "latest/tensors/large_1.npy"), 9);
    trainer.save(10);
    assert_eq!(step(&view, "latest/tensors/large_0.npy"), 10);
    trainer.save(11);
    let listed = names(&view);
    assert!(listed.contains(&"model.ckpt-11".into()) && !listed.contains(&"model.ckpt-9".into()));
    let table = text(&view, "checkpoints.tsv");
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}");
    assert!(
        lines[0].starts_with("name\tstep\ttime\tbytes\tlisted\tcomplete"),
        "{table}"
    );
    assert!(lines[2].starts_with("model.ckpt-11\t11\t2"), "{table}");
    assert!(
        lines[2].contains("\tyes\tyes\tlatest\t\tmodel.ckpt-11"),
        "{table}"
    );
}

#[test]
fn what_was_looked_into_outlives_its_files() {
    let dir = tempfile::tempdir().unwrap();
    let mut trainer = Trainer::new(dir.path(), 1, 2);
    trainer.save(1);
    let view = open(dir.path(), PATIENT);
    assert_eq!(step(&view, "model.ckpt-1/tensors/large_0.npy"), 1);
    let inside = node(&view, "model.ckpt-1/tensors");
    trainer.save(2);
    assert!(!names(&view).contains(&"model.ckpt-1".into()));
    // By path and by node, all of it, though its name is not listed.
    assert_eq!(step(&view, "model.ckpt-1/tensors/large_1.npy"), 1);
    assert!(view.lookup(inside, b"small_1.npy").unwrap().is_some());
    assert!(read(&view, "model.ckpt-3/info.txt").is_err());
}

#[test]
fn closed_when_vanished_and_let_go() {
    let dir = tempfile::tempdir().unwrap();
    let mut trainer = Trainer::new(dir.path(), 1, 1);
    trainer.save(1);
    let view = open(dir.path(), EAGER);
    let file = node(&view, "model.ckpt-1/tensors/large_0.npy");
    view.opened(file);
    trainer.save(2);
    names(&view);
    assert_eq!(
        step_of(&view.content(file).unwrap().to_vec(1 << 20).unwrap(), LARGE),
        Ok(1)
    );
    view.released(file);
    names(&view);
    assert_eq!(view.content(file).unwrap_err().kind(), ErrorKind::Changed);
    assert!(read(&view, "model.ckpt-1/info.txt").is_err());
}

#[test]
fn a_save_over_another_is_another() {
    let dir = tempfile::tempdir().unwrap();
    let trainer = Trainer::new(dir.path(), 1, 2);
    let prefix = dir.path().join("model");
    trainer.write(&prefix, 1);
    let view = open(dir.path(), PATIENT);
    let old = node(&view, "model/tensors/large_0.npy");
    assert_eq!(step(&view, "model/tensors/large_0.npy"), 1);
    trainer.write(&prefix, 2);
    let new = node(&view, "model/tensors/large_0.npy");
    assert_ne!(old, new);
    assert_eq!(step(&view, "model/tensors/large_1.npy"), 2);
    // Who has the old one keeps it.
    assert_eq!(
        step_of(&view.content(old).unwrap().to_vec(1 << 20).unwrap(), LARGE),
        Ok(1)
    );
    // The graph comes last, and makes another one again.
    fs::write(suffixed(&prefix, ".meta"), b"\x0a\x07\x2a\x052.0.0").unwrap();
    assert_ne!(node(&view, "model/tensors/large_0.npy"), new);
}

#[test]
fn an_old_index_with_a_new_shard_is_never_read() {
    let dir = tempfile::tempdir().unwrap();
    let trainer = Trainer::new(dir.path(), 1, 1);
    let prefix = dir.path().join("model");
    trainer.write(&prefix, 1);
    let view = open(dir.path(), PATIENT);
    let files = support::trainer::bundle(2, 1).files(&prefix);
    let (shard, bytes) = &files[1];
    std::thread::sleep(Duration::from_millis(20));
    fs::write(shard, bytes).unwrap();
    let error = read(&view, "model/tensors/large_0.npy").unwrap_err();
    assert!(error.to_string().contains("different saves"), "{error}");
    let table = text(&view, "checkpoints.tsv");
    assert!(table.contains("\tno\tno\tlatest\t"), "{table}");
    let (index, bytes) = &files[0];
    fs::write(index, bytes).unwrap();
    assert_eq!(step(&view, "model/tensors/large_0.npy"), 2);
}

#[test]
fn changed_in_place_is_an_error_not_other_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let trainer = Trainer::new(dir.path(), 1, 1);
    let prefix = dir.path().join("model");
    trainer.write(&prefix, 1);
    let view = open(dir.path(), PATIENT);
    let file = node(&view, "model/tensors/large_0.npy");
    let (shard, bytes) = &support::trainer::bundle(2, 1).files(&prefix)[1];
    std::thread::sleep(Duration::from_millis(20));
    fs::write(shard, bytes).unwrap();
    let error = view.content(file).unwrap().to_vec(1 << 20).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Changed);
}

#[test]
fn deleted_between_listing_and_looking() {
    let dir = tempfile::tempdir().unwrap();
    let mut trainer = Trainer::new(dir.path(), 1, 1);
    trainer.save(1);
    let view = open(dir.path(), PATIENT);
    let listed = node(&view, "model.ckpt-1");
    trainer.save(2);
    // ESTALE, so that the kernel walks again.
    let error = view.lookup(listed, b"tensors").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Changed);
}

#[test]
fn several_state_files_and_none() {
    let dir = tempfile::tempdir().unwrap();
    let mut trainer = Trainer::new(dir.path(), 3, 1);
    trainer.save(1);
    trainer.write_state("checkpoint_best");
    trainer.save(2);
    let view = open(dir.path(), PATIENT);
    let target = |name: &str| {
        let (link, _) = resolve(&view, name.as_bytes(), false).unwrap();
        String::from_utf8(view.target(link).unwrap()).unwrap()
    };
    assert_eq!(target("latest"), "model.ckpt-2");
    assert_eq!(target("latest-checkpoint_best"), "model.ckpt-1");
    fs::remove_file(dir.path().join("checkpoint")).unwrap();
    assert_eq!(target("latest"), "model.ckpt-2");
    assert!(text(&view, "info.txt").contains("no state file says"));
    // It names one that is not there: the last of those that it lists.
    fs::write(
        dir.path().join("checkpoint"),
        "model_checkpoint_path: \"C:\\\\x\\\\model.ckpt-9\"\nall_model_checkpoint_paths: \"model.ckpt-1\"\n",
    )
    .unwrap();
    assert_eq!(target("latest"), "model.ckpt-1");
}

#[test]
fn own_names_win_and_leftovers_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let trainer = Trainer::new(dir.path(), 3, 1);
    trainer.write(&dir.path().join("latest"), 3);
    fs::create_dir(dir.path().join("latest_temp")).unwrap();
    fs::write(dir.path().join("x.data-00000-of-00001.tempstate12"), "").unwrap();
    let view = open(dir.path(), PATIENT);
    assert_eq!(
        names(&view),
        ["checkpoints.tsv", "info.txt", "latest", "%6Catest"]
    );
    assert_eq!(step(&view, "latest/tensors/large_0.npy"), 3);
    assert_eq!(step(&view, "%6Catest/tensors/large_0.npy"), 3);
    let info = text(&view, "info.txt");
    assert!(
        info.contains("latest_temp: ") && info.contains("tempstate12: "),
        "{info}"
    );
}

#[test]
fn incomplete_checkpoints_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut trainer = Trainer::new(dir.path(), 3, 2);
    for step in 1..=3 {
        trainer.save(step);
    }
    let shard = |step: u64, number| {
        support::writer::bundle::shard_path(&dir.path().join(format!("model.ckpt-{step}")), number, 2)
    };
    fs::remove_file(shard(1, 1)).unwrap();
    let file = fs::OpenOptions::new().write(true).open(shard(2, 0)).unwrap();
    file.set_len(1000).unwrap();
    let view = open(dir.path(), PATIENT);
    let complete: Vec<bool> = view.rows().iter().map(|row| row.complete).collect();
    assert_eq!(complete, [false, false, true]);
    // What is there can be read.
    assert_eq!(step(&view, "model.ckpt-1/tensors/large_0.npy"), 1);
    assert!(read(&view, "model.ckpt-1/tensors/large_1.npy").is_err());
}

#[test]
fn ids_say_how_long_they_hold() {
    let dir = tempfile::tempdir().unwrap();
    let mut trainer = Trainer::new(dir.path(), 3, 1);
    trainer.save(1);
    let view = open(dir.path(), RunOptions::default());
    for path in ["", "latest", "checkpoints.tsv", "model.ckpt-1"] {
        let Freshness::For(time) = view.freshness(resolve(&view, path.as_bytes(), false).unwrap().0) else {
            panic!("{path}");
        };
        assert!(time <= Duration::from_secs(1));
    }
    let inside = node(&view, "model.ckpt-1/tensors");
    assert_eq!(view.freshness(inside), Freshness::Forever);
}

#[test]
fn a_text_never_changes_under_its_id() {
    let dir = tempfile::tempdir().unwrap();
    let mut trainer = Trainer::new(dir.path(), 3, 1);
    trainer.save(1);
    let view = open(dir.path(), PATIENT);
    let old = node(&view, "checkpoints.tsv");
    trainer.save(2);
    let new = node(&view, "checkpoints.tsv");
    assert_ne!(old, new);
    assert_eq!(
        view.content(old)
            .unwrap()
            .to_vec(1 << 20)
            .unwrap()
            .iter()
            .filter(|b| **b == b'\n')
            .count(),
        2
    );
    assert_eq!(node(&view, "checkpoints.tsv"), new);
}

#[test]
fn an_empty_or_deleted_directory_is_empty() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    fs::create_dir(&path).unwrap();
    let mut trainer = Trainer::new(&path, 3, 1);
    let view = open(&path, PATIENT);
    assert_eq!(names(&view), ["checkpoints.tsv", "info.txt"]);
    trainer.save(5);
    assert_eq!(step(&view, "latest/tensors/large_0.npy"), 5);
    fs::remove_dir_all(&path).unwrap();
    assert_eq!(names(&view), ["checkpoints.tsv", "info.txt"]);
    assert_eq!(step(&view, "model.ckpt-5/tensors/large_0.npy"), 5);
    assert!(RunView::new(Arc::new(LocalStore), &path, PATIENT).is_err());
}

/// More checkpoints than there are generations, each looked into, as the kernel does it.
#[test]
fn generations_are_used_again_only_when_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let trainer = Trainer::new(dir.path(), 1, 1);
    let prefix = dir.path().join("m");
    let mut small = support::writer::bundle::Bundle::with_shards(1);
    let tensor = support::writer::bundle::Tensor::floats(&[1], &[1.0]);
    small.add("x", &tensor, 0);
    let files = small.files(&prefix);
    let view = open(dir.path(), EAGER);
    let look = |remember: bool| -> ckptfs::Result<NodeId> {
        for (path, bytes) in &files {
            let temporary = suffixed(path, ".tempstate1");
            fs::write(&temporary, bytes).unwrap();
            fs::rename(&temporary, path).unwrap();
        }
        let (node, _) = resolve(&view, b"m/tensors/x.npy", true)?;
        if remember {
            view.remember(node);
        }
        Ok(node)
    };
    drop(trainer);
    for _ in 0..1100 {
        look(false).unwrap();
    }
    let mut held = Vec::new();
    let error = loop {
        match look(true) {
            Ok(node) => held.push(node),
            Err(e) => break e,
        }
        assert!(held.len() <= 1023);
    };
    assert_eq!(held.len(), 1023);
    assert!(error.to_string().contains("unmount and mount again"), "{error}");
    let distinct: std::collections::HashSet<_> = held.iter().collect();
    assert_eq!(distinct.len(), held.len());
    view.forget(held[7], 1);
    assert_eq!(look(true).unwrap(), held[7]);
}
