//! The bytes of a tensor in a shard, and their CRC (format.md 2.3, 2.4).

use super::crc32c;
use super::crc32c_extend;
use super::mask;
use super::put_bytes;
use super::put_varint;

/// The elements of a tensor, row-major.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Elements {
    /// Of fixed width: the bytes as they are stored.
    Fixed(Vec<u8>),
    Strings(Vec<Vec<u8>>),
    /// VariantTensorDataProtos.
    Variants(Vec<Vec<u8>>),
}

impl Elements {
    /// The stored bytes and the masked CRC of the entry.
    pub fn store(&self, big: bool) -> (Vec<u8>, u32) {
        match self {
            Self::Fixed(bytes) => (bytes.clone(), mask(crc32c(bytes))),
            Self::Strings(strings) => store_strings(strings, big),
            Self::Variants(variants) => store_variants(variants),
        }
    }

    /// Those at `places`; `width` bytes each where they are fixed.
    pub fn pick(&self, places: &[usize], width: usize) -> Self {
        match self {
            Self::Fixed(bytes) => Self::Fixed(
                places
                    .iter()
                    .flat_map(|at| &bytes[at * width..(at + 1) * width])
                    .copied()
                    .collect(),
            ),
            Self::Strings(all) => Self::Strings(places.iter().map(|at| all[*at].clone()).collect()),
            Self::Variants(all) => Self::Variants(places.iter().map(|at| all[*at].clone()).collect()),
        }
    }
}

fn store_strings(strings: &[Vec<u8>], big: bool) -> (Vec<u8>, u32) {
    let mut out = Vec::new();
    let mut crc = 0;
    for string in strings {
        put_varint(&mut out, string.len() as u64);
        let length = string.len() as u32;
        let folded = if big {
            length.to_be_bytes()
        } else {
            length.to_le_bytes()
        };
        crc = crc32c_extend(crc, &folded);
    }
    let checksum = mask(crc);
    let checksum = if big {
        checksum.to_be_bytes()
    } else {
        checksum.to_le_bytes()
    };
    crc = crc32c_extend(crc, &checksum);
    out.extend_from_slice(&checksum);
    for string in strings {
        crc = crc32c_extend(crc, string);
        out.extend_from_slice(string);
    }
    (out, mask(crc))
}

fn store_variants(variants: &[Vec<u8>]) -> (Vec<u8>, u32) {
    let mut out = Vec::new();
    let mut crc = 0;
    for variant in variants {
        put_varint(&mut out, variant.len() as u64);
        out.extend_from_slice(variant);
        crc = crc32c_extend(crc, &(variant.len() as u64).to_le_bytes());
        crc = crc32c_extend(crc, variant);
        let checksum = mask(crc).to_le_bytes();
        crc = crc32c_extend(crc, &checksum);
        out.extend_from_slice(&checksum);
    }
    (out, mask(crc))
}

/// A VariantTensorDataProto with a type name and metadata.
pub fn variant(type_name: &str, metadata: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_bytes(&mut out, 1, type_name.as_bytes());
    put_bytes(&mut out, 2, metadata);
    out
}

/// Every `unit` bytes turned round.
pub fn swapped(bytes: &[u8], unit: usize) -> Vec<u8> {
    bytes
        .chunks(unit)
        .flat_map(|chunk| chunk.iter().rev())
        .copied()
        .collect()
}
