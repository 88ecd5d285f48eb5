//! Entries, slices, lengths and handles that make no sense.

use super::PREFIX;
use super::refused;
use super::sample;
use super::single_block;
use super::survive;
use super::survive_index;
use crate::support::MemoryStore;
use crate::support::writer::bundle::Bundle;
use crate::support::writer::bundle::Entry;
use crate::support::writer::bundle::Tensor;
use crate::support::writer::payload::Elements;
use crate::support::writer::payload::variant;
use crate::support::writer::slices;
use crate::support::writer::table;
use crate::support::writer::table::BlockBuilder;
use crate::support::writer::table::Compression;
use crate::support::writer::table::Stored;
use std::path::Path;

fn refused_entry(entry: Entry) -> String {
    let mut bundle = Bundle::with_shards(2);
    bundle.shards[0] = vec![0; 100];
    bundle.entry("x", &entry);
    refused(&mut bundle, &format!("{entry:?}"))
}

#[test]
fn numbers_that_make_no_sense() {
    let entry = |dtype, shape: &[u64], shard, offset, size| Entry {
        dtype,
        shape: shape.to_vec(),
        shard,
        offset,
        size,
        ..Entry::default()
    };
    let index = "/ck/hostile.index: tensor x: ";
    let damaged = " (the index is damaged; copy or download it again)";
    let minus = u64::MAX;
    for (entry, what) in [
        (
            entry(1, &[2], 0, minus, 8),
            "bad index entry: offset -1 is negative".to_string(),
        ),
        (
            entry(1, &[2], 0, 0, minus - 7),
            "bad index entry: size -8 is negative".into(),
        ),
        (
            entry(1, &[minus], 0, 0, 8),
            "bad index entry: dimension -1 is negative".into(),
        ),
        (
            entry(1, &[2], minus, 0, 8),
            "bad index entry: shard number -1".into(),
        ),
        (
            entry(1, &[1; 255], 0, 0, 4),
            "bad index entry: a shape of more than 254 dimensions".into(),
        ),
        (
            entry(1, &[2], 0, 0, 7),
            format!("the index says 7 bytes, but float32 [2] needs 8{damaged}"),
        ),
        (
            entry(2, &[1 << 62], 0, 0, 8),
            format!(
                "the index says 8 bytes, but float64 [4611686018427387904] needs more than 2^64{damaged}"
            ),
        ),
        (
            entry(1, &[1 << 32, 1 << 32], 0, 0, 0),
            "the shape [4294967296,4294967296] has more than 2^63-1 elements".into(),
        ),
        (
            entry(1, &[2], 2, 0, 8),
            format!("the index puts it in shard 2, but counts only 2 from 0{damaged}"),
        ),
        (
            entry(20, &[], 0, 0, 8),
            "a checkpoint holds no readable data of type resource (perhaps a newer ckptfs knows it)".into(),
        ),
        (
            entry(99, &[], 0, 0, 8),
            "a checkpoint holds no readable data of type dtype(99) (perhaps a newer ckptfs knows it)".into(),
        ),
        (entry(7, &[3], 0, 0, 0), "3 strings in no bytes".into()),
        (entry(21, &[3], 0, 0, 0), "3 variants in no bytes".into()),
    ] {
        assert_eq!(refused_entry(entry), format!("{index}{what}"));
    }
    let shard = "/ck/hostile.data-00000-of-00002: offset ";
    for (entry, what) in [
        (
            entry(1, &[2], 0, 97, 8),
            "97: tensor x: 8 bytes should be stored here, but the file has only 104 \
             (the file is cut short; copy or download it again)",
        ),
        (
            entry(1, &[2], 0, (1 << 63) - 1, 8),
            "9223372036854775807: tensor x: 8 bytes should be stored here, but the file has only 104 \
             (the file is cut short; copy or download it again)",
        ),
        (
            entry(7, &[1 << 40], 0, 0, 90),
            "0: tensor x: string lengths: 1099511627776 strings cannot be stored in 90 bytes",
        ),
        (
            entry(21, &[50], 0, 0, 90),
            "0: tensor x: 50 variants cannot be stored in 90 bytes",
        ),
    ] {
        let said = refused_entry(entry);
        assert_eq!(said, format!("{shard}{what}"));
    }
}

#[test]
fn empty_shapes_of_any_size() {
    let mut bundle = Bundle::default();
    for (name, shape) in [("a", vec![0, 1 << 62]), ("b", vec![0, 1 << 62, 1 << 62])] {
        bundle.add(name, &Tensor::fixed(1, &shape, []), 0);
    }
    let view = survive(&MemoryStore::new(bundle.files(Path::new(PREFIX))), "empty").unwrap();
    for (file, shape) in [("a", vec![0, 1 << 62]), ("b", vec![0, 1 << 62, 1 << 62])] {
        let npy = crate::support::read(&view, format!("tensors/{file}.npy").as_bytes()).unwrap();
        assert_eq!(npy, crate::support::reference::header("<f4", &shape));
    }
}

#[test]
fn slices_that_do_not_fit() {
    let whole = Tensor::floats(&[4], &[1.0, 2.0, 3.0, 4.0]);
    let r = |start, length| vec![(start, Some(length))];
    let say = |parts: &[slices::Spec], change: &dyn Fn(&mut Bundle)| {
        let mut bundle = Bundle::default();
        let parts: Vec<_> = parts.iter().map(|spec| (spec.clone(), 0)).collect();
        bundle.add_sliced("x", &whole, &parts);
        change(&mut bundle);
        refused(&mut bundle, "slices")
    };
    let nothing = |_: &mut Bundle| {};
    let index = "/ck/hostile.index: tensor x: ";
    assert_eq!(
        say(&[r(0, 3), r(2, 2)], &nothing),
        format!("{index}two slices overlap: [0]+[3] and [2]+[2]")
    );
    assert_eq!(
        say(&[r(0, 1), r(2, 2)], &nothing),
        format!("{index}the 2 slices hold 3 elements, the tensor [4] has 4")
    );
    let entry = |specs: &[slices::Spec]| Entry {
        dtype: 1,
        shape: vec![4],
        slices: specs.to_vec(),
        ..Entry::default()
    };
    let replace = |specs: &[slices::Spec]| {
        let entry = entry(specs);
        move |bundle: &mut Bundle| {
            bundle.entry("x", &entry);
        }
    };
    assert_eq!(
        say(&[r(0, 2), r(2, 2)], &replace(&[r(0, 2), r(2, 3)])),
        format!("{index}slice 2,3 does not lie in the tensor [4]")
    );
    assert_eq!(
        say(
            &[r(0, 2), r(2, 2)],
            &replace(&[r(0, 2), vec![(2, Some(2)), (0, None)]])
        ),
        format!("{index}slice 2,2:- has 2 dimensions, the tensor [4] has 1")
    );
    assert_eq!(
        say(&[r(0, 2), r(2, 2)], &|bundle| {
            bundle.records.remove(&slices::key(b"x", &r(2, 2)));
        }),
        format!("{index}slice 2,2 is not in the index")
    );
    let part = |dtype, shape: &[u64], size| Entry {
        dtype,
        shape: shape.to_vec(),
        size,
        ..Entry::default()
    };
    for (part, what) in [
        (part(3, &[2], 8), "slice 2,2 is int32, the tensor float32"),
        (part(1, &[3], 12), "slice 2,2 has the shape [3]"),
        (
            part(1, &[2], 9),
            "slice at [2]: the index says 9 bytes, but float32 [2] needs 8 \
             (the index is damaged; copy or download it again)",
        ),
    ] {
        let said = say(&[r(0, 2), r(2, 2)], &|bundle| {
            bundle.entry(slices::key(b"x", &r(2, 2)), &part);
        });
        assert_eq!(said, format!("{index}{what}"));
    }
}

#[test]
fn lying_lengths() {
    let say = |dtype, count, bytes: &[u8]| {
        let mut bundle = Bundle::default();
        let mut entry = bundle.store(&Tensor::fixed(4, &[count], bytes), 0);
        entry.dtype = dtype;
        bundle.entry("x", &entry);
        refused(&mut bundle, "lengths")
    };
    let good = Elements::Strings(vec![b"hello".to_vec(), b"you".to_vec()])
        .store(false)
        .0;
    let mut longer = good.clone();
    longer.push(0);
    let mut huge = vec![0xff; 9];
    huge.push(1);
    huge.extend_from_slice(&good);
    let place = "/ck/hostile.data-00000-of-00001: offset ";
    assert_eq!(
        say(7, 2, &longer),
        format!("{place}2: tensor x: string lengths: they sum to 8 bytes, but 9 follow")
    );
    assert_eq!(
        say(7, 2, &huge),
        format!("{place}0: tensor x: string lengths: they sum to more than is stored")
    );
    assert!(say(7, 3, &good).contains("string lengths: "));
    assert!(say(7, 1, &good).contains("string lengths: checksum mismatch: stored 0x"));
    let one = Elements::Variants(vec![variant("int", &[1])]).store(false).0;
    let mut far = one.clone();
    far[0] = 100;
    assert_eq!(
        say(21, 1, &far),
        format!("{place}0: tensor x: variant 0 of 100 bytes passes the stored end")
    );
    let twice = [one.clone(), one.clone()].concat();
    assert_eq!(
        say(21, 1, &twice),
        format!(
            "{place}{}: tensor x: {} bytes after the last variant",
            one.len(),
            one.len()
        )
    );
}

#[test]
fn blocks_that_share_their_place() {
    let records = sample().all_records();
    let mut out = Vec::new();
    let first = table::put_block(
        &mut out,
        &Stored::new(single_block(&records[..1]), Compression::None),
    );
    let second = table::put_block(
        &mut out,
        &Stored::new(single_block(&records[1..]), Compression::None),
    );
    let end = out.len() as u64;
    for (what, handles) in [
        ("the same twice", [first, first]),
        ("in each other", [first, (second.0 - 3, second.1)]),
        ("the wrong way round", [second, first]),
        ("at the end of all numbers", [first, (u64::MAX - 3, 10)]),
        ("past the end", [first, (end, 1 << 40)]),
    ] {
        let mut bytes = out.clone();
        let mut index = BlockBuilder::new(1);
        index.add(b"\x00", &table::handle_bytes(handles[0]));
        index.add(b"z", &table::handle_bytes(handles[1]));
        table::put_tail(&mut bytes, index.finish(), Compression::None);
        let e = survive_index(bytes, what).unwrap_err();
        assert!(
            e.to_string().contains("where the file has no room for it"),
            "{what}: {e}"
        );
    }
}

#[test]
fn a_key_below_its_block() {
    let header = (Vec::new(), Bundle::default().header());
    let entry = Entry::default().encode();
    let mut out = Vec::new();
    let mut index = BlockBuilder::new(1);
    for (records, separator) in [
        (vec![header, (b"b".to_vec(), entry.clone())], &b"m"[..]),
        (vec![(b"c".to_vec(), entry)], b"z"),
    ] {
        let stored = Stored::new(single_block(&records), Compression::None);
        let handle = table::put_block(&mut out, &stored);
        index.add(separator, &table::handle_bytes(handle));
    }
    table::put_tail(&mut out, index.finish(), Compression::None);
    let view = survive_index(out, "below").unwrap();
    let bundle = view.checkpoint().tensors().unwrap();
    assert_eq!(bundle.len(), 1);
    let problem = bundle.problems()[0].error.to_string();
    assert!(
        problem.contains("block 1 of 2: key c does not belong in this block"),
        "{problem}"
    );
}
