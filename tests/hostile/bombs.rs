//! Small files that mean a great deal.

use super::PREFIX;
use super::SECOND;
use super::around;
use super::bounded;
use super::refused;
use super::survive;
use super::survive_index;
use crate::support::MemoryStore;
use crate::support::writer::bundle::Bundle;
use crate::support::writer::bundle::Entry;
use crate::support::writer::bundle::Tensor;
use crate::support::writer::bundle::suffixed;
use crate::support::writer::slices;
use crate::support::writer::table;
use crate::support::writer::table::BlockBuilder;
use crate::support::writer::table::Compression;
use crate::support::writer::table::Stored;
use std::path::Path;
use std::path::PathBuf;

#[test]
fn bombs() {
    // Keys that share all but four bytes with the one before.
    const LONG: usize = 128 << 10;
    let mut block = BlockBuilder::new(16);
    block.add_raw(0, b"", &Bundle::default().header());
    block.add_raw(0, &vec![b'k'; LONG], b"");
    let mut key = vec![1];
    for i in 0..50_000u32 {
        key = i.to_be_bytes().to_vec();
        block.add_raw(LONG as u64, &key, b"");
    }
    assert_eq!(key.len(), 4);
    let block = block.finish();
    for compression in [Compression::None, Compression::SnappyAlways] {
        let index = around(block.clone(), b"\xff", compression);
        let mut store = MemoryStore::new(Bundle::default().files(Path::new(PREFIX)));
        store.put(suffixed(Path::new(PREFIX), ".index"), index);
        // Not walked: without optimisation it takes long to hash that many names.
        let view = bounded(&store, "keys", 5 * SECOND, |_| {}).unwrap();
        let problems = view.checkpoint().tensors().unwrap().problems();
        assert!(
            problems[0].error.to_string().contains("many times larger"),
            "{problems:?}"
        );
    }
    // Separators that do.
    let mut out = Vec::new();
    let mut index = BlockBuilder::new(1);
    for i in 0..20_000u32 {
        let handle = table::put_block(&mut out, &Stored::new(Vec::new(), Compression::None));
        let (shared, delta) = match i {
            0 => (0, vec![b'k'; LONG]),
            i => (LONG as u64, i.to_be_bytes().to_vec()),
        };
        index.add_raw(shared, &delta, &table::handle_bytes(handle));
    }
    table::put_tail(&mut out, index.finish(), Compression::None);
    let e = survive_index(out, "separators").unwrap_err();
    assert!(e.to_string().contains("many times larger"), "{e}");
    // A block that says it is four gigabytes.
    let mut bomb = vec![0xff, 0xff, 0xff, 0xff, 0x0f];
    bomb.extend_from_slice(&[0xfe; 100]);
    let mut out = Vec::new();
    let stored = Stored {
        bytes: bomb,
        kind: 1,
        crc: None,
    };
    let handle = table::put_block(&mut out, &stored);
    let mut index = BlockBuilder::new(1);
    index.add(b"z", &table::handle_bytes(handle));
    table::put_tail(&mut out, index.finish(), Compression::None);
    let e = survive_index(out, "snappy").unwrap_err();
    assert_eq!(
        e.to_string(),
        "/ck/hostile.index: offset 0: block 0 of 1: corrupted Snappy block: 105 bytes claim to hold 4294967295"
    );
}

#[test]
fn a_long_name_with_many_slices() {
    let mut bundle = Bundle::default();
    let entry = Entry {
        dtype: 1,
        shape: vec![1 << 20],
        slices: (0..10_000).map(|i| vec![(i, Some(1))]).collect(),
        ..Entry::default()
    };
    bundle.entry(vec![b'n'; 100_000], &entry);
    survive(&MemoryStore::new(bundle.files(Path::new(PREFIX))), "long name").unwrap();
}

#[test]
fn slices_that_share_their_bytes() {
    let mut bundle = Bundle::default();
    let count = 60_000u64;
    let stored = bundle.store(&Tensor::strings(&[count], &vec![&b""[..]; count as usize]), 0);
    let parts: Vec<slices::Spec> = (0..100).map(|i| vec![(i * count, Some(count))]).collect();
    for spec in &parts {
        bundle.entry(slices::key(b"x", spec), &stored);
    }
    let whole = Entry {
        dtype: 7,
        shape: vec![100 * count],
        slices: parts,
        ..Entry::default()
    };
    bundle.entry("x", &whole);
    let said = refused(&mut bundle, "shared bytes");
    assert!(said.contains("its slices claim"), "{said}");
}

#[test]
fn many_shards_that_are_not_there() {
    let mut bundle = Bundle {
        claimed_shards: Some(9_000_000),
        ..Bundle::default()
    };
    for i in 0..3000u64 {
        let entry = Entry {
            dtype: 4,
            shape: vec![1],
            shard: i * 3000,
            size: 1,
            ..Entry::default()
        };
        bundle.entry(format!("t{i}"), &entry);
    }
    let mut store = MemoryStore::new(bundle.files(Path::new(PREFIX)));
    for i in 0..2000 {
        store.put(PathBuf::from(format!("/ck/other-{i}")), Vec::new());
    }
    let view = survive(&store, "shards").unwrap();
    assert_eq!(view.checkpoint().tensors().unwrap().problems().len(), 3001);
}
