//! Every byte changed, and many at random.

use super::PREFIX;
use super::around;
use super::sample;
use super::single_block;
use super::survive;
use super::survive_index;
use crate::support::MemoryStore;
use crate::support::random::Rng;
use crate::support::writer::bundle::suffixed;
use crate::support::writer::put_varint;
use crate::support::writer::table;
use crate::support::writer::table::BlockBuilder;
use crate::support::writer::table::Compression;
use crate::support::writer::table::Stored;
use proptest::prelude::*;
use std::path::Path;

#[test]
fn every_byte_behind_a_right_checksum() {
    let bundle = sample();
    let block = single_block(&bundle.all_records());
    let mut store = MemoryStore::new(bundle.files(Path::new(PREFIX)));
    let index = suffixed(Path::new(PREFIX), ".index");
    let mut opened = 0;
    for at in 0..block.len() {
        for mask in [1, 2, 4, 8, 16, 32, 64, 128, 0xff] {
            let mut bytes = block.clone();
            bytes[at] ^= mask;
            store.put(&index, around(bytes, b"\xff", Compression::None));
            match survive(&store, &format!("byte {at} ^ {mask:#x}")) {
                Ok(_) => opened += 1,
                Err(e) => assert_eq!(e.path(), Some(index.as_path()), "{e}"),
            }
        }
    }
    assert!(opened > 1000, "{opened}");
}

#[test]
fn every_byte_of_a_shard() {
    let bundle = sample();
    for shard in 0..2 {
        for at in 0..bundle.shards[shard].len() {
            for mask in [1, 0x80, 0xff] {
                let mut files = bundle.files(Path::new(PREFIX));
                files[1 + shard].1[at] ^= mask;
                survive(&MemoryStore::new(files), &format!("shard {shard} byte {at}")).unwrap();
            }
        }
    }
}

/// Changes some bytes, or cuts, or repeats a part.
fn mutate(bytes: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..1 + rng.below(4) {
        let at = rng.below(bytes.len() as u64) as usize;
        match rng.below(6) {
            0 => bytes[at] = rng.next() as u8,
            1 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][rng.below(5) as usize],
            2 => bytes.truncate(at.max(1)),
            3 => {
                let end = (at + 1 + rng.below(12) as usize).min(bytes.len());
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            4 => {
                let mut number = Vec::new();
                put_varint(&mut number, rng.next() >> rng.below(64));
                bytes.splice(at..at + 1, number);
            }
            _ => {
                bytes.remove(at);
                if bytes.is_empty() {
                    bytes.push(0);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn mutated_blocks(seed in any::<u64>(), packed in any::<bool>()) {
        let mut rng = Rng(seed);
        let bundle = sample();
        let mut block = single_block(&bundle.all_records());
        let compression = if packed { Compression::SnappyAlways } else { Compression::None };
        mutate(&mut block, &mut rng);
        let mut store = MemoryStore::new(bundle.files(Path::new(PREFIX)));
        store.put(suffixed(Path::new(PREFIX), ".index"), around(block, b"\xff\xff", compression));
        let _ = survive(&store, "block");
    }

    /// Whole records stay in place, the messages in them do not.
    #[test]
    fn mutated_entries(seed in any::<u64>()) {
        let mut rng = Rng(seed);
        let mut bundle = sample();
        let which = rng.below(bundle.records.len() as u64) as usize;
        mutate(bundle.records.values_mut().nth(which).unwrap(), &mut rng);
        let view = survive(&MemoryStore::new(bundle.files(Path::new(PREFIX))), "entry").unwrap();
        let opened = view.checkpoint().tensors().unwrap();
        // The others are there still.
        prop_assert!(opened.len() >= 4);
        for problem in opened.problems() {
            prop_assert!(problem.error.path().is_some(), "{}", problem.error);
        }
    }

    #[test]
    fn mutated_index_blocks(seed in any::<u64>()) {
        let mut rng = Rng(seed);
        let mut out = Vec::new();
        let mut index = BlockBuilder::new(1);
        let records = sample().all_records();
        for (key, value) in &records {
            let block = single_block(&[(key.clone(), value.clone())]);
            let handle = table::put_block(&mut out, &Stored::new(block, Compression::None));
            index.add(key, &table::handle_bytes(handle));
        }
        let mut index = index.finish();
        mutate(&mut index, &mut rng);
        table::put_tail(&mut out, index, Compression::None);
        let _ = survive_index(out, "index block");
    }
}
