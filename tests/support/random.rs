//! Random bundles: nasty names, every dtype, every way to cut a tensor.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::reference::descr;
use super::writer::bundle::Bundle;
use super::writer::bundle::Tensor;
use super::writer::payload::Elements;
use super::writer::payload::variant;
use super::writer::slices::Spec;
use super::writer::table::Compression;
use super::writer::table::Options;

/// Numbers that are the same for the same seed.
#[derive(Debug, Clone)]
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }
}

/// A component of a name.
fn component() -> impl Strategy<Value = Vec<u8>> {
    let known: Vec<&[u8]> = vec![
        b"a",
        b"b",
        b"ab",
        b"A",
        b"kernel",
        b"kernel:0",
        b"",
        b".",
        b"..",
        b"...",
        b"%",
        b"%2E",
        b"%25",
        b"@",
        b"@slots",
        b"@attributes",
        b"a.npy",
        b".npy",
        b"a.strings",
        b".variants",
        b"a.npy.npy",
        b"0",
        b"\0",
        b"\x1f\n\t",
        b"\x7f",
        b"\xff\xfe",
        b"\xc3",
        b"a b",
        b"a\\b",
        b"a-",
        b"a.",
        "日本".as_bytes(),
        b".ATTRIBUTES",
        b"VARIABLE_VALUE",
        b".OPTIMIZER_SLOT",
        b"%~",
        b".hidden",
    ];
    let long = (200usize..320, any::<bool>()).prop_map(|(len, suffix)| {
        let mut name = b"l".repeat(len);
        if suffix {
            name.extend_from_slice(b".npy");
        }
        name
    });
    let wide = (60usize..90).prop_map(|len| "é%日".repeat(len).into_bytes());
    prop_oneof![
        8 => proptest::sample::select(known).prop_map(<[u8]>::to_vec),
        2 => vec(any::<u8>().prop_filter("slash", |b| *b != b'/'), 0..6),
        1 => long,
        1 => wide,
    ]
}

/// The key of a tensor.
pub fn name() -> impl Strategy<Value = Vec<u8>> {
    let plain = vec(component(), 1..4).prop_map(|parts| parts.join(&b'/'));
    let value: &[u8] = b"/.ATTRIBUTES/VARIABLE_VALUE";
    let ends: &[&[u8]] = &[
        b"",
        b"",
        b"",
        value,
        value,
        b"/.ATTRIBUTES/OBJECT_CONFIG_JSON",
        b"/.OPTIMIZER_SLOT/opt/m/.ATTRIBUTES/VARIABLE_VALUE",
        b"/.OPTIMIZER_SLOT/opt/m",
        b"/.OPTIMIZER_SLOT//.ATTRIBUTES/x",
        b"/.ATTRIBUTES/@x",
        b"/.ATTRIBUTES/",
        b"/",
    ];
    (plain, proptest::sample::select(ends.to_vec()))
        .prop_map(|(plain, end)| [&plain, end].concat())
        .prop_filter("the header", |name| !name.is_empty())
}

fn shape() -> impl Strategy<Value = Vec<u64>> {
    let high = (9usize..=254, vec(0usize..254, 0..4)).prop_map(|(rank, twos)| {
        let mut dims = vec![1; rank];
        twos.iter().for_each(|at| dims[at % rank] = 2);
        dims
    });
    prop_oneof![
        8 => vec(0u64..6, 0..4),
        3 => vec(1u64..7, 1..5),
        1 => high,
        1 => Just(vec![0, 1 << 40]),
    ]
}

/// What is to be stored under one name.
#[derive(Debug, Clone)]
pub struct Item {
    pub dtype: u32,
    pub shape: Vec<u64>,
    pub seed: u64,
    pub sliced: bool,
}

fn item() -> impl Strategy<Value = Item> {
    let dtypes: Vec<u32> = (1..=32).filter(|n| *n != 20).chain([7, 7, 7, 21]).collect();
    (
        proptest::sample::select(dtypes),
        shape(),
        any::<u64>(),
        any::<bool>(),
    )
        .prop_map(|(dtype, shape, seed, sliced)| Item {
            dtype,
            shape,
            seed,
            sliced,
        })
}

impl Item {
    pub fn tensor(&self) -> Tensor {
        let mut rng = Rng(self.seed);
        let count = self.shape.iter().product::<u64>() as usize;
        let elements = match self.dtype {
            7 => Elements::Strings((0..count).map(|_| string(&mut rng)).collect()),
            21 => Elements::Variants((0..count).map(|_| message(&mut rng)).collect()),
            _ => Elements::Fixed(rng.bytes(count * descr(self.dtype, false).unwrap().1)),
        };
        Tensor {
            dtype: self.dtype,
            shape: self.shape.clone(),
            elements,
        }
    }
}

fn string(rng: &mut Rng) -> Vec<u8> {
    let len = match rng.below(8) {
        0 => 0,
        1 => 100 + rng.below(100),
        _ => rng.below(9),
    };
    rng.bytes(len as usize)
}

fn message(rng: &mut Rng) -> Vec<u8> {
    match rng.below(4) {
        0 => Vec::new(),
        _ => {
            let metadata = string(rng);
            variant("int", &metadata)
        }
    }
}

/// Cuts a tensor into boxes, along any axis and each piece on its own.
pub fn cut(shape: &[u64], rng: &mut Rng) -> Vec<Spec> {
    let whole: Vec<(u64, u64)> = shape.iter().map(|dim| (0, *dim)).collect();
    let mut boxes = Vec::new();
    let mut todo = vec![whole];
    while let Some(mut piece) = todo.pop() {
        let axes: Vec<usize> = (0..piece.len()).filter(|axis| piece[*axis].1 > 1).collect();
        if axes.is_empty() || boxes.len() > 40 || rng.below(4) == 0 {
            boxes.push(piece);
            continue;
        }
        let axis = axes[rng.below(axes.len() as u64) as usize];
        let (start, length) = piece[axis];
        let first = 1 + rng.below(length - 1);
        piece[axis] = (start, first);
        let mut rest = piece.clone();
        rest[axis] = (start + first, length - first);
        todo.push(piece);
        todo.push(rest);
    }
    let spell = |boxed: &Vec<(u64, u64)>, rng: &mut Rng| -> Spec {
        let axes = boxed.iter().zip(shape);
        axes.map(|((start, length), dim)| {
            let full = length == dim && rng.below(2) == 0;
            (*start, if full { None } else { Some(*length) })
        })
        .collect()
    };
    boxes.iter().map(|boxed| spell(boxed, rng)).collect()
}

/// A bundle and what is in it.
#[derive(Debug)]
pub struct Sample {
    pub bundle: Bundle,
    pub tensors: BTreeMap<Vec<u8>, Tensor>,
}

/// A bundle of up to `most` tensors.
pub fn sample(most: usize) -> impl Strategy<Value = Sample> {
    let items = proptest::collection::btree_map(name(), item(), 0..most);
    let options = (
        prop_oneof![Just(1usize), 20usize..300, Just(262_144)],
        1usize..20,
        proptest::sample::select(vec![
            Compression::None,
            Compression::Snappy,
            Compression::SnappyAlways,
        ]),
    );
    let layout = (1usize..4, 0usize..7, any::<bool>(), any::<u64>());
    (items, options, layout).prop_map(|(items, options, (shards, alignment, big, seed))| {
        let (block_size, restart_interval, compression) = options;
        let mut bundle = Bundle {
            big,
            alignment: 1 << alignment,
            options: Options {
                block_size,
                restart_interval,
                compression,
            },
            ..Bundle::with_shards(shards)
        };
        let mut rng = Rng(seed);
        let mut tensors = BTreeMap::new();
        for (name, item) in items {
            let tensor = item.tensor();
            let mut shard = || rng.below(shards as u64) as usize;
            if item.sliced && item.dtype != 21 {
                let mut own = Rng(item.seed);
                let parts: Vec<_> = cut(&item.shape, &mut own)
                    .into_iter()
                    .map(|spec| (spec, shard()))
                    .collect();
                bundle.add_sliced(&name, &tensor, &parts);
            } else {
                bundle.add(&name, &tensor, shard());
            }
            tensors.insert(name, tensor);
        }
        Sample { bundle, tensors }
    })
}
