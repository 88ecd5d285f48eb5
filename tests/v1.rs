//! V1 checkpoints of a small writer of our own: every type, packed or not, compressed or not, in slices over
//! shards; and damaged ones.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use ckptfs::source::LocalStore;
use ckptfs::tensor::Slice;
use ckptfs::tensor::TensorSet;
use ckptfs::tensor::payload::Payload;
use ckptfs::tensor::slice::Range;
use ckptfs::v1::Files;
use ckptfs::v1::V1Checkpoint;
use proptest::prelude::*;

fn varint(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn field(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    varint(out, number << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn number(out: &mut Vec<u8>, number: u64, n: u64) {
    varint(out, number << 3);
    varint(out, n);
}

fn block(out: &mut Vec<u8>, records: &[(Vec<u8>, Vec<u8>)], restart: usize, snappy: bool) -> Vec<u8> {
    let (mut body, mut restarts, mut last) = (Vec::new(), Vec::new(), Vec::new());
    for (i, (key, value)) in records.iter().enumerate() {
        let mut shared = 0;
        if i % restart == 0 {
            restarts.push(body.len() as u32);
        } else {
            shared = key.iter().zip(&last).take_while(|(a, b)| a == b).count();
        }
        for n in [shared, key.len() - shared, value.len()] {
            varint(&mut body, n as u64);
        }
        body.extend_from_slice(&key[shared..]);
        body.extend_from_slice(value);
        last = key.clone();
    }
    if restarts.is_empty() {
        restarts.push(0);
    }
    for n in restarts.iter().copied().chain([restarts.len() as u32]) {
        body.extend_from_slice(&n.to_le_bytes());
    }
    if snappy {
        body = snap::raw::Encoder::new().compress_vec(&body).unwrap();
    }
    let mut handle = Vec::new();
    varint(&mut handle, out.len() as u64);
    varint(&mut handle, body.len() as u64);
    body.push(u8::from(snappy));
    let crc = crc32c::crc32c(&body).rotate_right(15).wrapping_add(0xa282_ead8);
    out.extend_from_slice(&body);
    out.extend_from_slice(&crc.to_le_bytes());
    handle
}

/// A table with at most `per_block` records a block.
fn table(records: &BTreeMap<Vec<u8>, Vec<u8>>, per_block: usize, snappy: bool) -> Vec<u8> {
    let all: Vec<(Vec<u8>, Vec<u8>)> = records.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    let (mut out, mut index) = (Vec::new(), Vec::new());
    for chunk in all.chunks(per_block) {
        let handle = block(&mut out, chunk, 3, snappy);
        index.push((chunk.last().unwrap().0.clone(), handle));
    }
    let mut footer = block(&mut out, &[], 1, false);
    footer.extend(block(&mut out, &index, 1, false));
    footer.resize(40, 0);
    out.extend_from_slice(&footer);
    out.extend_from_slice(&[0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb]);
    out
}

/// A tensor of `rows` x `cols`, cut before some rows, each part in a shard.
#[derive(Debug, Clone)]
struct Made {
    dtype: u64,
    rows: u64,
    cols: u64,
    cuts: Vec<u64>,
    full: bool,
    packed: bool,
    seed: u8,
}

const DTYPES: [u64; 7] = [1, 3, 4, 7, 8, 9, 19];

impl Made {
    fn element(&self, i: u64) -> Vec<u8> {
        let x = (i as u8).wrapping_mul(31).wrapping_add(self.seed);
        match self.dtype {
            1 => f32::from(x).to_le_bytes().to_vec(),
            3 => (i32::from(x) - 128).to_le_bytes().to_vec(),
            4 => vec![x],
            7 => vec![x; usize::from(x % 5)],
            8 => [f32::from(x).to_le_bytes(), 0.5f32.to_le_bytes()].concat(),
            9 => (i64::from(x) * -1_000_000_007).to_le_bytes().to_vec(),
            _ => u16::from(x).to_le_bytes().to_vec(),
        }
    }

    fn bounds(&self) -> Vec<(u64, u64)> {
        let mut cuts: Vec<u64> = self
            .cuts
            .iter()
            .map(|c| c % self.rows)
            .chain([0, self.rows])
            .collect();
        cuts.sort_unstable();
        cuts.dedup();
        cuts.windows(2).map(|w| (w[0], w[1] - w[0])).collect()
    }

    fn proto(&self, elements: std::ops::Range<u64>) -> Vec<u8> {
        let mut out = Vec::new();
        let list = match self.dtype {
            1 => 5,
            3 | 4 => 7,
            7 => 8,
            8 => 9,
            9 => 10,
            _ => 13,
        };
        let mut run = Vec::new();
        for i in elements {
            let element = self.element(i);
            let wide = match self.dtype {
                7 => {
                    field(&mut out, list, &element);
                    continue;
                }
                1 | 8 if self.packed => {
                    run.extend_from_slice(&element);
                    continue;
                }
                1 | 8 => {
                    for single in element.chunks(4) {
                        varint(&mut out, list << 3 | 5);
                        out.extend_from_slice(single);
                    }
                    continue;
                }
                3 => i64::from(i32::from_le_bytes(element.try_into().unwrap())) as u64,
                9 => u64::from_le_bytes(element.try_into().unwrap()),
                4 => u64::from(element[0]),
                _ => u64::from(u16::from_le_bytes(element.try_into().unwrap())),
            };
            match self.packed {
                true => varint(&mut run, wide),
                false => number(&mut out, list, wide),
            }
        }
        if !run.is_empty() {
            field(&mut out, list, &run);
        }
        out
    }
}

/// Writes the tensors; gives the files.
fn write(dir: &Path, tensors: &[Made], shards: u32, per_block: usize, snappy: bool) -> Files {
    let mut tables = vec![BTreeMap::new(); shards as usize];
    let mut metas = vec![Vec::new(); shards as usize];
    for (n, made) in tensors.iter().enumerate() {
        let name = format!("scope/t{n}");
        let mut shape = Vec::new();
        for dim in [made.rows, made.cols] {
            let mut size = Vec::new();
            number(&mut size, 1, dim);
            field(&mut shape, 2, &size);
        }
        for (part, (start, length)) in made.bounds().into_iter().enumerate() {
            let shard = (n + part) % shards as usize;
            let whole = made.full && length == made.rows;
            let length = (!whole).then_some(length);
            let slice = Slice(vec![
                Range { start, length },
                Range {
                    start: 0,
                    length: None,
                },
            ]);
            let mut extent = Vec::new();
            if start > 0 {
                number(&mut extent, 1, start);
            }
            if let Some(length) = length {
                number(&mut extent, 2, length);
            }
            let mut spelled = Vec::new();
            field(&mut spelled, 1, &extent);
            field(&mut spelled, 1, &[]);
            let mut listed = Vec::new();
            field(&mut listed, 1, name.as_bytes());
            field(&mut listed, 2, &shape);
            number(&mut listed, 3, made.dtype);
            field(&mut listed, 4, &spelled);
            field(&mut metas[shard], 1, &listed);
            let end = start + length.unwrap_or(made.rows);
            let mut saved = Vec::new();
            field(&mut saved, 1, name.as_bytes());
            field(&mut saved, 2, &spelled);
            field(&mut saved, 3, &made.proto(start * made.cols..end * made.cols));
            let mut record = Vec::new();
            field(&mut record, 2, &saved);
            tables[shard].insert(slice.key(name.as_bytes()), record);
        }
    }
    let prefix = dir.join("model");
    let mut files = Vec::new();
    for (shard, (mut records, mut meta)) in tables.into_iter().zip(metas).enumerate() {
        field(&mut meta, 2, &[8, 1]);
        let mut record = Vec::new();
        field(&mut record, 1, &meta);
        records.insert(Vec::new(), record);
        let path = match shards {
            1 => prefix.clone(),
            _ => PathBuf::from(format!("{}-{shard:05}-of-{shards:05}", prefix.display())),
        };
        std::fs::write(&path, table(&records, per_block, snappy)).unwrap();
        files.push(path);
    }
    Files { prefix, files }
}

fn made() -> impl Strategy<Value = Made> {
    let numbers = (1u64..12, 1u64..6, 0u8..=255);
    let cuts = proptest::collection::vec(0u64..12, 0..3);
    (0..DTYPES.len(), numbers, cuts, any::<bool>(), any::<bool>()).prop_map(
        |(dtype, (rows, cols, seed), cuts, full, packed)| Made {
            dtype: DTYPES[dtype],
            rows,
            cols,
            cuts,
            full,
            packed,
            seed,
        },
    )
}

/// Reads everything there is, whatever comes of it.
fn read_all(set: &V1Checkpoint) -> usize {
    set.problems();
    let mut good = 0;
    for id in set.ids() {
        set.stored(id);
        let mut bytes = [0; 16];
        good += usize::from(match set.payload(id) {
            Ok(Payload::Whole(Some(extent))) => extent
                .read(0, &mut bytes[..extent.len().min(16) as usize])
                .is_ok(),
            Ok(Payload::Parts(parts)) => parts
                .iter()
                .all(|(_, e)| e.read(0, &mut bytes[..e.len().min(16) as usize]).is_ok()),
            Ok(_) => true,
            Err(e) => {
                assert!(e.to_string().contains("tensor "), "{e}");
                false
            }
        });
    }
    good
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_is_written_is_read(
        tensors in proptest::collection::vec(made(), 1..8),
        shards in 1u32..4,
        per_block in 1usize..9,
        snappy in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let files = write(dir.path(), &tensors, shards, per_block, snappy);
        let view = support::view(&files.prefix);
        let set = view.checkpoint().tensors().unwrap();
        prop_assert_eq!(set.len() as usize, tensors.len());
        prop_assert!(set.problems().is_empty());
        for (n, made) in tensors.iter().enumerate() {
            let id = set.find(format!("scope/t{n}").as_bytes()).unwrap();
            let all: Vec<Vec<u8>> = (0..made.rows * made.cols).map(|i| made.element(i)).collect();
            if made.dtype == 7 {
                prop_assert!(set.stored(id) >= all.len() as u64);
                for (i, string) in all.iter().enumerate() {
                    let path = format!("tensors/scope/t{n}.strings/{i}");
                    prop_assert_eq!(&support::read(&view, path.as_bytes()).unwrap(), string);
                }
            } else {
                let npy = support::read(&view, &view.tensor_path(id).unwrap()).unwrap();
                prop_assert!(npy.ends_with(&all.concat()), "{made:?}");
            }
        }
    }

    #[test]
    fn damage_is_an_error(
        tensors in proptest::collection::vec(made(), 1..5),
        snappy in any::<bool>(),
        at in any::<proptest::sample::Index>(),
        bit in 0u8..8,
        cut in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let files = write(dir.path(), &tensors, 1, 3, snappy);
        let mut bytes = std::fs::read(&files.prefix).unwrap();
        let at = at.index(bytes.len());
        match cut {
            true => bytes.truncate(at),
            false => bytes[at] ^= 1 << bit,
        }
        std::fs::write(&files.prefix, &bytes).unwrap();
        if let Ok(set) = V1Checkpoint::open(&LocalStore, &files) {
            prop_assert!(!cut);
            read_all(&set);
        }
    }
}

#[test]
fn a_missing_shard_costs_its_own_tensors() {
    let dir = tempfile::tempdir().unwrap();
    let tensor = |cuts: &[u64]| Made {
        dtype: 1,
        rows: 4,
        cols: 2,
        cuts: cuts.to_vec(),
        full: true,
        packed: true,
        seed: 1,
    };
    let files = write(dir.path(), &[tensor(&[]), tensor(&[2]), tensor(&[])], 2, 4, false);
    std::fs::remove_file(&files.files[1]).unwrap();
    let view = support::view(&files.prefix);
    let set = view.checkpoint().tensors().unwrap();
    // t0 and t2 lie in the first shard, and half of t1 does.
    assert_eq!(set.len(), 3);
    let id = |name: &str| set.find(name.as_bytes()).unwrap();
    assert!(set.payload(id("scope/t0")).is_ok() && set.payload(id("scope/t2")).is_ok());
    let e = set.payload(id("scope/t1")).unwrap_err();
    let text = format!("{e} {:?}", e.hint_text());
    assert!(
        text.contains("scope/t1") && text.contains("-00001-of-00002"),
        "{text}"
    );
    assert_eq!(set.problems().len(), 2);
    assert!(view.checkpoint().files()[1].stat.is_none());
}

#[test]
fn packed_floats_are_not_copied() {
    let path = support::data().join("v1/model.ckpt-1");
    let view = support::view(&path);
    let set = view.checkpoint().tensors().unwrap();
    let Payload::Whole(Some(extent)) = set.payload(set.find(b"dense/kernel").unwrap()).unwrap() else {
        panic!()
    };
    assert_eq!(
        extent.source().stat(),
        ckptfs::source::Store::stat(&LocalStore, &path).unwrap().unwrap()
    );
    assert!(extent.map(0, extent.len()).is_some());
    assert_eq!(view.checkpoint().kind().text(), "TensorFlow checkpoint, V1");
}

#[test]
fn every_name_of_it_is_understood() {
    let data = support::data().join("v1");
    let located = |name: &str| ckptfs::locate::locate(&LocalStore, &data.join(name)).unwrap();
    let whole = located("checkpoint");
    assert_eq!(whole.v1.as_ref().unwrap().files, [data.join("model.ckpt-1")]);
    assert_eq!(whole.meta, Some(data.join("model.ckpt-1.meta")));
    assert_eq!(located("model.ckpt-1.meta"), whole);
    let sharded = located("sharded/checkpoint");
    assert_eq!(sharded.v1.as_ref().unwrap().files.len(), 2);
    assert_eq!(sharded.meta, Some(data.join("sharded/model.ckpt-1.meta")));
    assert_eq!(sharded.name(), "model.ckpt-1");
    for name in [
        "model.ckpt-1",
        "model.ckpt-1.meta",
        "model.ckpt-1-00001-of-00002",
        "model.ckpt-1-?????-of-00002",
    ] {
        assert_eq!(located(&format!("sharded/{name}")), sharded, "{name}");
    }
    // A state file that was moved away from the absolute path in it.
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(data.join("dtypes.v1"), dir.path().join("export")).unwrap();
    let state = dir.path().join("checkpoint");
    std::fs::write(&state, "model_checkpoint_path: \"/gone/00000123/export\"").unwrap();
    let moved = ckptfs::locate::locate(&LocalStore, &state).unwrap();
    assert_eq!(moved.checkpoint(), Some(dir.path().join("export").as_path()));
    let e = ckptfs::locate::locate(&LocalStore, dir.path()).unwrap_err();
    assert!(e.to_string().contains("directory"), "{e}");
}
