//! The writer of the tests writes what TensorFlow writes: the byte vectors of the format, and every index of
//! the fixtures again.

mod support;

use std::path::Path;
use std::sync::Arc;

use ckptfs::source::LocalStore;
use ckptfs::source::Store;
use ckptfs::table::Event;
use ckptfs::table::Table;
use support::writer::bundle::Bundle;
use support::writer::bundle::Entry;
use support::writer::bundle::Tensor;
use support::writer::crc32c;
use support::writer::mask;
use support::writer::payload::Elements;
use support::writer::payload::swapped;
use support::writer::payload::variant;
use support::writer::slices;
use support::writer::table::BlockBuilder;
use support::writer::table::Compression;
use support::writer::table::Options;
use support::writer::table::Stored;
use support::writer::table::put_block;
use support::writer::table::table;

/// TensorFlow's core/util/tensor_bundle/testdata/old_string_tensors/foo.index.
const FOO_INDEX: &str = "00000608011a020801000616666c6f61747308011208120208021202080320a0\
    08281835449a88590006117363616c617208071204120208012005280a35ece0\
    c029010c0f7472696e675f74656e736f720807120412020801280535bd6707be\
    030112730807120412020804200f2891083552f606fc000000000100000000d2\
    beb34a000000000100000000c0f2a1b000010274007e000000000100000000b0\
    037c6483010890010e0000000000000000000000000000000000000000000000\
    000000000000000000000057fb808b247547db";

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn checksums() {
    assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    assert_eq!(mask(0), 0xa282_ead8);
    assert_eq!(mask(crc32c(b"123456789")), 0xc78a_b0e5);
}

#[test]
fn an_empty_block() {
    let mut out = Vec::new();
    put_block(
        &mut out,
        &Stored::new(BlockBuilder::new(16).finish(), Compression::None),
    );
    assert_eq!(out, unhex("0000000001000000 00c0f2a1b0"));
}

#[test]
fn the_worked_example() {
    let mut bundle = Bundle::default();
    let entry = |dtype, shape: &[u64], offset, size, crc| Entry {
        dtype,
        shape: shape.to_vec(),
        offset,
        size,
        crc,
        ..Entry::default()
    };
    bundle
        .entry("floats", &entry(1, &[2, 3], 1056, 24, 0x5988_9a44))
        .entry("scalar", &entry(7, &[1], 5, 10, 0x29c0_e0ec))
        .entry("string_tensor", &entry(7, &[1], 0, 5, 0xbe07_67bd))
        .entry("strs", &entry(7, &[4], 15, 1041, 0xfc06_f652));
    assert_eq!(bundle.index(), unhex(FOO_INDEX));
}

#[test]
fn strings_and_variants() {
    let hello = Elements::Strings(vec![b"hello".to_vec()]);
    assert_eq!(hello.store(false), (unhex("05d9c69c4368656c6c6f"), 0x29c0_e0ec));
    assert_eq!(hello.store(true), (unhex("056239e60468656c6c6f"), 0xcef4_4067));
    let none = Elements::Strings(Vec::new());
    assert_eq!(none.store(false), (unhex("d8ea82a2"), 0x640c_c1f6));
    let one = Elements::Variants(vec![variant("int", &[1, 0, 0, 0])]);
    let bytes = unhex("0b0a03696e74120401000000df572852");
    assert_eq!(one.store(false), (bytes, 0xb670_1fbd));
    assert_eq!(Elements::Fixed(Vec::new()).store(false).1, 0xa282_ead8);
    assert_eq!(swapped(&[1, 2, 3, 4], 2), [2, 1, 4, 3]);
}

#[test]
fn slice_keys() {
    let w = slices::key(b"w", &vec![(0, Some(2)), (0, Some(3))]);
    assert_eq!(w, unhex("00770001010280828083"));
    let rows = slices::key(b"emb/w", &vec![(0, Some(500)), (0, None)]);
    assert_eq!(rows, unhex("00656d622f770001010280c1f4807f"));
    let more = slices::key(b"emb/w", &vec![(500, Some(500)), (0, Some(128))]);
    assert_eq!(more, unhex("00656d622f7700010102c1f4c1f480c080"));
    assert_eq!(slices::key(b"a", &Vec::new()), unhex("0061000100"));
    let large = slices::key(b"", &vec![(1 << 55, Some(i64::MAX as u64))]);
    assert_eq!(large, unhex("0000010101 ff8080000000000000 ffc07fffffffffffffff"));
}

#[test]
fn parts_are_row_major() {
    let tensor = Tensor::fixed(4, &[3, 4], (0..12).collect::<Vec<u8>>());
    let part = tensor.part(&vec![(1, Some(2)), (2, Some(2))]);
    assert_eq!(part, Tensor::fixed(4, &[2, 2], [6, 7, 10, 11]));
}

fn indexes(dir: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            indexes(&path, found);
        } else if path.extension().is_some_and(|e| e == "index") {
            found.push(path);
        }
    }
}

/// All records of an index, and how many blocks it has.
type Record = (Vec<u8>, Vec<u8>);

fn records(path: &Path) -> (Vec<Record>, usize) {
    let source: Arc<_> = LocalStore.open(path).unwrap();
    let table = Table::open(source).unwrap();
    let mut records = Vec::new();
    table
        .for_each(|event| {
            match event {
                Event::Record { key, value, .. } => records.push((key.to_vec(), value.to_vec())),
                Event::BadBlock(e) => panic!("{e}"),
            }
            Ok(())
        })
        .unwrap();
    (records, table.blocks())
}

#[test]
fn every_index_again() {
    let mut paths = Vec::new();
    indexes(&support::data(), &mut paths);
    if let Some(corpus) = support::corpus() {
        indexes(&corpus, &mut paths);
    }
    let (mut same, mut most_blocks, mut packed) = (0, 0, 0);
    for path in &paths {
        let (records, blocks) = records(path);
        most_blocks = most_blocks.max(blocks);
        let stored = std::fs::read(path).unwrap();
        if table(&records, &Options::default()) == stored {
            same += 1;
            continue;
        }
        // Compressed ones differ in what the compressor chose; their records must come back.
        let options = Options {
            compression: Compression::Snappy,
            ..Options::default()
        };
        let dir = tempfile::tempdir().unwrap();
        let again = dir.path().join("again.index");
        std::fs::write(&again, table(&records, &options)).unwrap();
        assert_eq!(self::records(&again).0, records, "{}", path.display());
        packed += 1;
    }
    println!("{same} indexes the same, {packed} compressed, at most {most_blocks} blocks");
    assert!(
        same >= 20 && most_blocks > 1 && packed <= 4,
        "{same} {most_blocks} {packed}"
    );
}
