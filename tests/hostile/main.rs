//! Files made to break a reader: their checksums are right. Nothing panics, nothing takes long, nothing takes
//! much memory, and what cannot be read says why.

mod bombs;
mod entries;
mod mutated;
#[path = "../support/mod.rs"]
mod support;

use ckptfs::tree::CheckpointView;
use ckptfs::tree::Kind;
use ckptfs::tree::View;
use std::path::Path;
use std::time::Duration;
use support::MemoryStore;
use support::memory;
use support::memory::cpu_time;
use support::writer::bundle::Bundle;
use support::writer::bundle::Tensor;
use support::writer::bundle::suffixed;
use support::writer::payload::Elements;
use support::writer::payload::variant;
use support::writer::table;
use support::writer::table::BlockBuilder;
use support::writer::table::Compression;
use support::writer::table::Stored;

#[global_allocator]
static COUNTING: memory::Counting = memory::Counting;

const PREFIX: &str = "/ck/hostile";
const SECOND: Duration = Duration::from_secs(1);

/// Looks at everything of a tree, but reads little of large files.
fn walk(view: &CheckpointView) {
    let mut todo = vec![(ckptfs::tree::NodeId::ROOT, 0)];
    let mut files = 0;
    while let Some((dir, depth)) = todo.pop() {
        let mut entries = Vec::new();
        view.list(dir, 0, &mut |entry| {
            entries.push((entry.node, entry.kind));
            entries.len() < 300
        })
        .unwrap();
        for (node, kind) in entries {
            view.stat(node).unwrap();
            view.xattrs(node).unwrap();
            match kind {
                Kind::Directory if depth < 300 => todo.push((node, depth + 1)),
                Kind::File if files < 2000 => {
                    files += 1;
                    let Ok(content) = view.content(node) else {
                        continue;
                    };
                    let mut buf = vec![0; 4096];
                    for offset in [0, content.len() / 2, content.len().saturating_sub(9)] {
                        let _ = content.read(offset, &mut buf);
                    }
                }
                _ => {}
            }
        }
    }
}

/// Opens and walks, within bounds of time and memory; gives the view.
fn survive(store: &MemoryStore, context: &str) -> ckptfs::Result<CheckpointView> {
    bounded(store, context, SECOND, walk)
}

fn bounded(
    store: &MemoryStore,
    context: &str,
    limit: Duration,
    work: impl FnOnce(&CheckpointView),
) -> ckptfs::Result<CheckpointView> {
    let bytes: usize = store.0.values().map(|file| file.len()).sum();
    let start = cpu_time();
    let (result, peak, _) = memory::measure(|| {
        let view = support::open(store, Path::new(PREFIX))?;
        work(&view);
        Ok(view)
    });
    let took = cpu_time() - start;
    assert!(took < limit, "{context}: {took:?}");
    assert!(
        peak < (64 << 20) + 8 * bytes,
        "{context}: {peak} bytes for {bytes}"
    );
    result
}

fn survive_index(index: Vec<u8>, context: &str) -> ckptfs::Result<CheckpointView> {
    let mut store = MemoryStore::new(Bundle::default().files(Path::new(PREFIX)));
    store.put(suffixed(Path::new(PREFIX), ".index"), index);
    survive(&store, context)
}

fn sample() -> Bundle {
    let mut bundle = Bundle::with_shards(2);
    bundle.add("a/w", &Tensor::floats(&[2, 2], &[1.0, 2.0, 3.0, 4.0]), 0);
    bundle.add("a/words", &Tensor::strings(&[3], &[b"x", b"", b"yz"]), 1);
    let elements = Elements::Variants(vec![variant("int", &[1, 0, 0, 0]), Vec::new()]);
    let variants = Tensor {
        dtype: 21,
        shape: vec![2],
        elements,
    };
    bundle.add("b", &variants, 0);
    let rows = [
        (vec![(0, Some(1)), (0, None)], 0),
        (vec![(1, Some(2)), (0, None)], 1),
    ];
    bundle.add_sliced("s", &Tensor::floats(&[3, 1], &[1.0, 2.0, 3.0]), &rows);
    let words = Tensor::strings(&[3, 1], &[b"x", b"", b"yz"]);
    bundle.add_sliced("t", &words, &rows);
    bundle
}

/// Where the data block of a one-block index ends, and the blocks behind it: handles of data and index.
fn single_block(records: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut block = BlockBuilder::new(16);
    records.iter().for_each(|(key, value)| block.add(key, value));
    block.finish()
}

/// A table of one data block with any contents.
fn around(block: Vec<u8>, last_key: &[u8], compression: Compression) -> Vec<u8> {
    let mut out = Vec::new();
    let handle = table::put_block(&mut out, &Stored::new(block, compression));
    let mut index = BlockBuilder::new(1);
    index.add(last_key, &table::handle_bytes(handle));
    table::put_tail(&mut out, index.finish(), Compression::None);
    out
}

/// The error of tensor `x` of a bundle, which has a good tensor beside it.
fn refused(bundle: &mut Bundle, context: &str) -> String {
    bundle.add("good", &Tensor::floats(&[1], &[1.0]), 0);
    let view = survive(&MemoryStore::new(bundle.files(Path::new(PREFIX))), context).unwrap();
    let good = support::read(&view, b"tensors/good.npy").unwrap();
    assert_eq!(good[good.len() - 4..], 1.0f32.to_le_bytes());
    let opened = view.checkpoint().tensors().unwrap();
    let id = opened.find(b"x").unwrap();
    let problems = opened.problems();
    let named = problems.iter().any(|p| p.examples.contains(&id));
    let error = opened.payload(id).unwrap_err();
    // Lengths in the shard are not read to look for problems.
    let in_shard = error
        .path()
        .is_some_and(|path| path.to_string_lossy().contains(".data-"));
    assert!(named || in_shard, "{context}: {problems:?}");
    assert!(error.path().is_some(), "{error}");
    error.to_string()
}
