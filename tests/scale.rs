//! A million tensors: how long opening takes and what it costs (design.md 7). Prints its figures,
//! in processor time:
//! `cargo test --release --test scale -- --ignored --nocapture`.

mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ckptfs::checkpoint::Checkpoint;
use ckptfs::locate;
use ckptfs::source::LocalStore;
use ckptfs::tree::CheckpointView;
use ckptfs::tree::Kind;
use ckptfs::tree::View;
use ckptfs::tree::resolve;
use support::memory;
use support::memory::cpu_time;
use support::writer::bundle::Bundle;
use support::writer::bundle::Entry;

#[global_allocator]
static COUNTING: memory::Counting = memory::Counting;

const COUNT: u64 = 1_000_000;

/// Writes the index of a bundle with a million small tensors under `names`; gives the bytes of all names.
fn write(prefix: &Path, names: impl Iterator<Item = String>) -> usize {
    let mut bundle = Bundle::default();
    let shapes: [&[u64]; 4] = [&[768, 768], &[768], &[768, 3072], &[]];
    let mut offset = 0;
    let mut bytes = 0;
    for (i, name) in names.enumerate() {
        let shape = shapes[i % shapes.len()];
        let size = 4 * shape.iter().product::<u64>();
        bytes += name.len();
        bundle.entry(
            &name,
            &Entry {
                dtype: 1,
                shape: shape.to_vec(),
                offset,
                size,
                crc: (i as u32).wrapping_mul(0x9e37_79b1),
                ..Entry::default()
            },
        );
        offset += size;
    }
    bundle.write(prefix);
    assert_eq!(bundle.records.len() as u64, COUNT);
    // Sparse: nobody reads it.
    let shard = std::fs::File::create(support::writer::bundle::shard_path(prefix, 0, 1)).unwrap();
    shard.set_len(offset).unwrap();
    bytes
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn open(prefix: &Path) -> (CheckpointView, Duration, Duration) {
    let start = cpu_time();
    let located = locate::locate(&LocalStore, prefix).unwrap();
    let checkpoint = Arc::new(Checkpoint::open(&LocalStore, &located).unwrap());
    let opened = cpu_time() - start;
    let view = CheckpointView::new(checkpoint);
    (view, opened, cpu_time() - start - opened)
}

/// Lists everything; gives how many entries there are.
fn list(view: &CheckpointView) -> u64 {
    let (top, _) = resolve(view, b"tensors", true).unwrap();
    let (mut todo, mut entries) = (vec![top], 0);
    while let Some(dir) = todo.pop() {
        view.list(dir, 0, &mut |entry| {
            entries += 1;
            if entry.kind == Kind::Directory {
                todo.push(entry.node);
            }
            true
        })
        .unwrap();
    }
    entries
}

fn measure(kind: &str, names: impl Iterator<Item = String>, budget: bool) {
    let dir = tempfile::tempdir().unwrap();
    let prefix = dir.path().join("model.ckpt-1");
    let name_bytes = write(&prefix, names);
    let (mut opens, mut views, mut totals) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..7 {
        let (_, opened, made) = open(&prefix);
        opens.push(opened);
        views.push(made);
        totals.push(opened + made);
    }
    let (view, peak, kept) = memory::measure(|| open(&prefix).0);
    let start = cpu_time();
    let entries = list(&view);
    let listed = cpu_time() - start;
    let total = median(totals);
    let per_tensor = |bytes: usize| (bytes as f64 - name_bytes as f64) / COUNT as f64;
    println!(
        "{kind}: names {:.1} bytes; open {:?} + view {:?} = {total:?}; \
         kept {:.1} bytes a tensor over the names, peak {:.1}; {entries} entries listed in {listed:?}",
        name_bytes as f64 / COUNT as f64,
        median(opens),
        median(views),
        per_tensor(kept),
        per_tensor(peak),
    );
    let start = cpu_time();
    let info = support::read(&view, b"info.txt").unwrap().len();
    println!("{kind}: info.txt of {info} bytes in {:?}", cpu_time() - start);
    assert!(entries >= COUNT);
    if budget && !cfg!(debug_assertions) {
        assert!(total < Duration::from_millis(500), "{total:?}");
        assert!(per_tensor(kept) <= 64.0, "{}", per_tensor(kept));
    }
}

const PARTS: [&str; 5] = ["kernel", "bias", "scale", "gamma", "moving_mean"];

/// `block_12/layer_7/attention/kernel` and so on.
fn names() -> impl Iterator<Item = String> {
    (0..COUNT).map(|i| {
        let part = PARTS[(i % 5) as usize];
        let (layer, block) = (i / 5 % 100, i / 500);
        format!("block_{block}/layer_{layer}/self_attention/{part}")
    })
}

#[test]
#[ignore = "takes minutes; prints figures"]
fn plain_names() {
    measure("plain", names(), true);
}

#[test]
#[ignore = "takes minutes; prints figures"]
fn object_names() {
    let names = names().map(|name| name + "/.ATTRIBUTES/VARIABLE_VALUE");
    measure("objects", names, true);
}

#[test]
#[ignore = "takes minutes; prints figures"]
fn object_names_with_slots() {
    let names = names().enumerate().map(|(i, name)| {
        let variable = name.replace("kernel", "kernel_of_it");
        match i % 3 {
            0 => format!("{variable}/.ATTRIBUTES/VARIABLE_VALUE"),
            _ => format!("{variable}/.OPTIMIZER_SLOT/optimizer/m/.ATTRIBUTES/VARIABLE_VALUE"),
        }
    });
    // Their paths are no part of their keys, and cost their bytes: over the budget for now, so only told.
    measure("slots", names, false);
}
