//! Damaged checkpoints: what is wrong is said, with file and place, and what is not damaged is read.

mod support;

use std::path::Path;
use std::path::PathBuf;

use ckptfs::source::LocalStore;
use ckptfs::tree::CheckpointView;
use ckptfs::tree::View;
use ckptfs::tree::resolve;
use support::MemoryStore;
use support::reference;
use support::writer::bundle::Bundle;
use support::writer::bundle::Tensor;
use support::writer::bundle::shard_path;
use support::writer::bundle::suffixed;
use support::writer::slices::Spec;
use support::writer::table::Options;

/// Some of everything, in two shards.
fn tensors() -> Vec<(&'static str, Tensor, usize)> {
    vec![
        ("dense/bias", Tensor::floats(&[3], &[1.0, 2.0, 3.0]), 0),
        (
            "dense/kernel",
            Tensor::floats(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
            1,
        ),
        ("global_step", Tensor::fixed(9, &[], 10i64.to_le_bytes()), 0),
        ("none", Tensor::fixed(1, &[0, 4], []), 1),
        ("words", Tensor::strings(&[2], &[b"hello", b"you"]), 1),
    ]
}

fn sample() -> Bundle {
    let mut bundle = Bundle::with_shards(2);
    for (name, tensor, shard) in tensors() {
        bundle.add(name, &tensor, shard);
    }
    let table = Tensor::floats(&[2, 2], &[1.0, 2.0, 3.0, 4.0]);
    let rows: [(Spec, usize); 2] = [
        (vec![(0, Some(1)), (0, None)], 0),
        (vec![(1, Some(1)), (0, None)], 1),
    ];
    bundle.add_sliced("table", &table, &rows);
    bundle
}

fn prefix() -> PathBuf {
    PathBuf::from("/ck/model.ckpt-10")
}

fn store(bundle: &Bundle) -> MemoryStore {
    MemoryStore::new(bundle.files(&prefix()))
}

/// The `.npy` of a tensor by its key, through the tree.
fn read(view: &CheckpointView, name: &str) -> ckptfs::Result<Vec<u8>> {
    support::read(view, format!("tensors/{name}.npy").as_bytes())
}

fn info(view: &CheckpointView) -> String {
    String::from_utf8(support::read(view, b"info.txt").unwrap()).unwrap()
}

/// Fails unless all tensors that the view lists are as they were written.
fn check_values(view: &CheckpointView, context: &str) {
    let bundle = view.checkpoint().tensors().unwrap();
    let all = tensors();
    for id in bundle.ids() {
        let name = String::from_utf8(bundle.key(id).to_vec()).unwrap();
        let Some((_, want, _)) = all.iter().find(|(n, ..)| *n == name) else {
            assert_eq!(name, "table", "{context}: a tensor out of nowhere");
            continue;
        };
        assert!(
            read(view, &name).unwrap() == reference::npy(want, false).unwrap(),
            "{context}: {name}"
        );
    }
    assert_eq!(bundle.len(), 6, "{context}");
}

#[test]
fn every_bit_of_an_index() {
    let bundle = sample();
    let index = suffixed(&prefix(), ".index");
    let mut store = store(&bundle);
    let whole = bundle.index();
    let (mut refused, mut harmless) = (0, 0);
    for at in 0..whole.len() {
        for mask in [1, 2, 4, 8, 16, 32, 64, 128, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] ^= mask;
            store.put(&index, bytes);
            let context = format!("byte {at} ^ {mask:#x}");
            match support::open(&store, &prefix()) {
                Err(e) => {
                    assert_eq!(e.path(), Some(index.as_path()), "{context}: {e}");
                    assert!(e.at_offset().is_some() && !e.what().is_empty(), "{context}: {e}");
                    refused += 1;
                }
                // The metaindex block and the padding of the footer mean nothing.
                Ok(view) => {
                    check_values(&view, &context);
                    harmless += 1;
                }
            }
        }
    }
    let unused = 13 + 40;
    assert!(refused > 0 && harmless <= unused * 9, "{refused} {harmless}");
}

#[test]
fn every_length_of_an_index() {
    let bundle = sample();
    let index = suffixed(&prefix(), ".index");
    let mut store = store(&bundle);
    let whole = bundle.index();
    for len in 0..whole.len() {
        store.put(&index, whole[..len].to_vec());
        let e = support::open(&store, &prefix()).unwrap_err();
        assert_eq!(e.path(), Some(index.as_path()), "{len}: {e}");
        assert!(e.hint_text().is_some(), "{len}: {e}");
    }
}

fn open_error(index: Vec<u8>) -> String {
    let mut store = store(&sample());
    store.put(suffixed(&prefix(), ".index"), index);
    support::open(&store, &prefix()).unwrap_err().to_string()
}

#[test]
fn what_is_said_of_an_index() {
    let whole = sample().index();
    assert_eq!(
        open_error(whole[..40].to_vec()),
        "/ck/model.ckpt-10.index: 40 bytes are too few for a TensorFlow table, whose footer alone has 48 \
         (the file is empty or cut short; copy or download it again)"
    );
    let at = whole.len() - 10 - 8;
    assert_eq!(
        open_error(whole[..whole.len() - 10].to_vec()),
        format!(
            "/ck/model.ckpt-10.index: offset {at}: bad footer: the magic number is missing \
             (it is no table, or it is cut short; copy or download it again)"
        )
    );
    assert_eq!(
        open_error(vec![0; 100]),
        "/ck/model.ckpt-10.index: offset 92: bad footer: the magic number is missing \
         (the file begins with zeros: an interrupted copy or download; get it again)"
    );
    let lfs = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
    assert_eq!(
        open_error(lfs.to_vec()),
        format!(
            "/ck/model.ckpt-10.index: offset {}: bad footer: the magic number is missing \
             (this is a git-lfs pointer, not the file itself; run: git lfs pull)",
            lfs.len() - 8
        )
    );
    let mut flipped = whole.clone();
    flipped[20] ^= 1;
    let e = open_error(flipped);
    assert!(
        e.starts_with("/ck/model.ckpt-10.index: offset 0: block 0 of 1: checksum mismatch: stored 0x")
            && e.ends_with("(the file is damaged; copy or download it again)"),
        "{e}"
    );
    let newer = Bundle {
        min_consumer: 2,
        ..Bundle::default()
    };
    assert_eq!(
        open_error(newer.index()),
        "/ck/model.ckpt-10.index: offset 0: bad bundle header: the checkpoint needs a reader of version 2, this is 1 \
         (written by a newer TensorFlow than this reader knows)"
    );
    let forbidden = Bundle {
        bad_consumers: vec![3, 1],
        ..Bundle::default()
    };
    assert!(open_error(forbidden.index()).contains("the checkpoint forbids readers of version 1"));
    let many = Bundle {
        claimed_shards: Some(1 << 31),
        ..Bundle::default()
    };
    assert_eq!(
        open_error(many.index()),
        "/ck/model.ckpt-10.index: offset 0: bad bundle header: 2147483648 shards make no sense \
         (the file is damaged; copy or download it again)"
    );
}

#[test]
fn a_missing_shard() {
    let bundle = sample();
    let mut store = store(&bundle);
    let gone = shard_path(&prefix(), 1, 2);
    store.0.remove(&gone);
    let view = support::open(&store, &prefix()).unwrap();
    for (name, tensor, shard) in tensors() {
        let read = read(&view, name);
        if shard == 0 || name == "none" {
            assert!(read.unwrap() == reference::npy(&tensor, false).unwrap(), "{name}");
        } else {
            assert_eq!(
                read.unwrap_err().to_string(),
                format!(
                    "/ck/model.ckpt-10.data-00001-of-00002: tensor {name}: this shard is missing \
                     (copy or download it to this place; tensors in other shards can be read)"
                )
            );
        }
    }
    let e = read(&view, "table").unwrap_err();
    assert_eq!(e.path(), Some(gone.as_path()), "{e}");
    let problems = view.checkpoint().tensors().unwrap().problems();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(
        (problems[0].tensors, problems[0].error.path()),
        (3, Some(gone.as_path()))
    );
    let info = info(&view);
    let lines = [
        "problem     /ck/model.ckpt-10.data-00001-of-00002: this shard is missing (copy or download it to \
         this place; tensors in other shards can be read)",
        "            3 tensors cannot be read: dense/kernel, table, words",
    ];
    assert!(info.contains(&lines.join("\n")), "{info}");
    assert!(
        info.contains("model.ckpt-10.data-00001-of-00002  (MISSING)"),
        "{info}"
    );
}

#[test]
fn short_and_empty_shards() {
    let bundle = sample();
    let path = shard_path(&prefix(), 1, 2);
    // kernel is at 0..24, words at 24..38, a row of table at 38..46.
    assert_eq!(bundle.shards[1].len(), 24 + 14 + 8);
    for (len, lost) in [(0, 3), (23, 3), (24, 2), (37, 2), (38, 1), (45, 1), (46, 0)] {
        let mut store = store(&bundle);
        store.put(&path, bundle.shards[1][..len].to_vec());
        let view = support::open(&store, &prefix()).unwrap();
        let problems = view.checkpoint().tensors().unwrap().problems();
        assert_eq!(
            problems.iter().map(|p| p.tensors).sum::<u64>(),
            lost,
            "{len}: {problems:?}"
        );
        assert_eq!(problems.len(), usize::from(lost > 0), "{len}: {problems:?}");
        assert!(read(&view, "dense/bias").is_ok() && read(&view, "none").is_ok());
        let readable = ["dense/kernel", "words", "table"].map(|name| read(&view, name).is_ok());
        assert_eq!(readable.iter().filter(|ok| !**ok).count() as u64, lost, "{len}");
        if len == 23 {
            assert_eq!(
                read(&view, "dense/kernel").unwrap_err().to_string(),
                "/ck/model.ckpt-10.data-00001-of-00002: offset 0: tensor dense/kernel: 24 bytes should be \
                 stored here, but the file has only 23 (the file is cut short; copy or download it again)"
            );
            assert!(info(&view).contains("3 tensors cannot be read"));
        }
    }
}

#[test]
fn a_replaced_shard() {
    let dir = tempfile::tempdir().unwrap();
    let prefix = dir.path().join("model.ckpt-10");
    sample().write(&prefix);
    let view = support::open(&LocalStore, &prefix).unwrap();
    let path = shard_path(&prefix, 1, 2);
    // By rename, as trainers do: the one that was opened stays readable.
    let other = dir.path().join("other");
    std::fs::write(&other, [7; 46]).unwrap();
    std::fs::rename(&other, &path).unwrap();
    check_values(&view, "renamed over");
    // In place: no byte of the new one is ever shown.
    sample().write(&prefix);
    let view = support::open(&LocalStore, &prefix).unwrap();
    let (node, _) = resolve(&view, b"tensors/dense/kernel.npy", true).unwrap();
    let content = view.content(node).unwrap();
    std::fs::write(&path, [7; 47]).unwrap();
    let e = content.to_vec(1000).unwrap_err();
    assert_eq!(
        e.to_string(),
        format!(
            "{}: the file changed since it was opened (unmount and mount again to read the new one)",
            path.display()
        )
    );
    assert!(content.mapped(128, 24).unwrap().is_err());
    assert!(read(&view, "words").is_err() && read(&view, "table").is_err());
    assert!(read(&view, "dense/bias").is_ok());
}

#[test]
fn shards_of_another_save_are_not_mixed_in() {
    let bundle = sample();
    let mut store = store(&bundle);
    let gone = shard_path(&prefix(), 1, 2);
    let bytes = store.0.remove(&gone).unwrap();
    store.put(shard_path(&prefix(), 1, 3), bytes.clone());
    let view = support::open(&store, &prefix()).unwrap();
    assert!(read(&view, "dense/kernel").is_err());
    // A merge that dropped empty shards: the names agree with each other, not with the header.
    let mut quirk = sample();
    quirk.claimed_shards = Some(5);
    let view = support::open(&MemoryStore::new(quirk.files(&prefix())), &prefix()).unwrap();
    check_values(&view, "quirk");
    let problems = view.checkpoint().tensors().unwrap().problems();
    assert_eq!(problems.len(), 1);
    assert_eq!(
        problems[0].error.to_string(),
        "/ck/model.ckpt-10.data-00000-of-00002: the index says 5 shards, the files say 2; the files are used"
    );
}

#[test]
fn a_damaged_block_costs_its_own_tensors() {
    let mut bundle = Bundle {
        options: Options {
            block_size: 200,
            ..Options::default()
        },
        ..Bundle::default()
    };
    for i in 0..100u8 {
        bundle.add(format!("layer_{i:03}/kernel"), &Tensor::fixed(4, &[1], [i]), 0);
    }
    let index = suffixed(&prefix(), ".index");
    let mut bytes = bundle.index();
    // Somewhere in the blocks, of which there are many.
    let at = bytes.len() / 3;
    bytes[at] ^= 0x10;
    let mut store = store(&bundle);
    store.put(&index, bytes);
    let view = support::open(&store, &prefix()).unwrap();
    let opened = view.checkpoint().tensors().unwrap();
    assert!((80..100).contains(&opened.len()), "{}", opened.len());
    for id in opened.ids() {
        let name = String::from_utf8(opened.key(id).to_vec()).unwrap();
        let number: u8 = name[6..9].parse().unwrap();
        assert_eq!(read(&view, &name).unwrap().last(), Some(&number));
    }
    let problems = opened.problems();
    assert_eq!(problems.len(), 1);
    let message = problems[0].error.to_string();
    assert!(
        message.starts_with("/ck/model.ckpt-10.index: offset ")
            && message.contains("tensors of this block are missing: block ")
            && message.contains("checksum mismatch")
            && message.ends_with("(the file is damaged; copy or download it again)"),
        "{message}"
    );
    assert!(info(&view).contains("tensors of this block are missing"));
}

#[test]
fn big_endian_arrays() {
    let mut bundle = Bundle {
        big: true,
        ..Bundle::default()
    };
    let values = [1.5f32, -2.0, 3.25];
    let stored: Vec<u8> = values.iter().flat_map(|v| v.to_be_bytes()).collect();
    bundle.add("w", &Tensor::fixed(1, &[3], stored.clone()), 0);
    bundle.add("s", &Tensor::strings(&[1], &[b"hello"]), 0);
    bundle.add("step", &Tensor::fixed(9, &[], 7i64.to_be_bytes()), 0);
    let store = store(&bundle);
    let view = support::open(&store, Path::new("/ck/model.ckpt-10")).unwrap();
    let want = [reference::header(">f4", &[3]), stored].concat();
    assert_eq!(read(&view, "w").unwrap(), want);
    assert_eq!(support::read(&view, b"tensors/s.strings/0").unwrap(), b"hello");
    let scalars = support::read(&view, b"scalars.tsv").unwrap();
    assert_eq!(scalars, b"name\tdtype\tvalue\nstep\tint64\t7\n");
}
