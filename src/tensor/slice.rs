//! A box within a tensor: a start and a length in each dimension.
//!
//! Facts: format.md 1.7. A full dimension is spelled either by leaving the length out or by giving it; the two
//! mean the same and make different keys.

use std::fmt;

use super::Shape;
use crate::error::Error;
use crate::error::Result;

/// The part of one dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Range {
    /// The first index.
    pub start: u64,
    /// How many; `None` is the whole dimension, and then `start` is 0.
    pub length: Option<u64>,
}

/// One [`Range`] a dimension, as it is spelled in the file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Slice(pub Vec<Range>);

/// A [`Slice`] of a tensor whose shape is known: starts and lengths in elements, within the tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The first index in each dimension.
    pub starts: Vec<u64>,
    /// How many in each dimension.
    pub lengths: Vec<u64>,
}

impl Slice {
    /// The slice as numbers within `full`; fails where it does not lie in it.
    pub fn within(&self, full: &Shape) -> Result<Block> {
        if self.0.len() != full.rank() {
            return Err(Error::corrupt(format!(
                "slice {self} has {} dimensions, the tensor {full} has {}",
                self.0.len(),
                full.rank()
            )));
        }
        let mut block = Block {
            starts: Vec::with_capacity(full.rank()),
            lengths: Vec::with_capacity(full.rank()),
        };
        for (range, dim) in self.0.iter().zip(&full.0) {
            let length = range.length.unwrap_or(*dim);
            match range.start.checked_add(length) {
                Some(end) if end <= *dim => {}
                _ => {
                    return Err(Error::corrupt(format!(
                        "slice {self} does not lie in the tensor {full}"
                    )));
                }
            }
            block.starts.push(range.start);
            block.lengths.push(length);
        }
        Ok(block)
    }

    /// The key under which a bundle (or a V1 table) stores this slice of tensor `name`: an ordered
    /// code of name, rank and ranges (format.md 1.7).
    pub fn key(&self, name: &[u8]) -> Vec<u8> {
        let mut key = Self::key_start(name);
        self.put_key_end(&mut key);
        key
    }

    /// How the keys of all slices of `name` begin.
    pub fn key_start(name: &[u8]) -> Vec<u8> {
        let mut key = Vec::with_capacity(name.len().saturating_add(16));
        put_number(&mut key, 0);
        put_string(&mut key, name);
        key
    }

    /// Appends what follows in the key of this slice.
    pub fn put_key_end(&self, key: &mut Vec<u8>) {
        put_number(key, self.0.len() as u64);
        for range in &self.0 {
            put_signed(key, i64::try_from(range.start).unwrap_or(i64::MAX));
            put_signed(
                key,
                range.length.map_or(-1, |l| i64::try_from(l).unwrap_or(i64::MAX)),
            );
        }
    }
}

impl Block {
    /// Its own shape.
    pub fn shape(&self) -> Shape {
        Shape(self.lengths.clone())
    }

    /// The place in a tensor of shape `full` of the element at `index` of this block, both row-major.
    pub fn place(&self, full: &Shape, index: u64) -> u64 {
        let (mut rest, mut place, mut stride) = (index, 0u64, 1u64);
        let axes = self.starts.iter().zip(&self.lengths).zip(&full.0);
        for ((start, length), dim) in axes.rev() {
            let at = start.saturating_add(rest.checked_rem(*length).unwrap_or(0));
            rest = rest.checked_div(*length).unwrap_or(0);
            place = place.saturating_add(at.saturating_mul(stride));
            stride = stride.saturating_mul(*dim);
        }
        place
    }

    /// Whether the two share an element.
    pub fn overlaps(&self, other: &Self) -> bool {
        let mine = self.starts.iter().zip(&self.lengths);
        let theirs = other.starts.iter().zip(&other.lengths);
        mine.zip(theirs).all(|((a, an), (b, bn))| {
            *an > 0 && *bn > 0 && *a < b.saturating_add(*bn) && *b < a.saturating_add(*an)
        })
    }
}

impl fmt::Display for Slice {
    /// TensorFlow's spelling: `0,500:-`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, range) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(":")?;
            }
            match range.length {
                Some(length) => write!(f, "{},{length}", range.start)?,
                None => f.write_str("-")?,
            }
        }
        Ok(())
    }
}

/// OrderedCode's NumIncreasing: a length byte and that many big-endian bytes.
fn put_number(key: &mut Vec<u8>, value: u64) {
    let bytes = value.to_be_bytes();
    let zeros = (value.leading_zeros() >> 3) as usize;
    let significant = bytes.get(zeros..).unwrap_or_default();
    key.push(significant.len() as u8);
    key.extend_from_slice(significant);
}

/// OrderedCode's String: 0x00 and 0xff escaped, then a terminator.
fn put_string(key: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        match byte {
            0x00 => key.extend_from_slice(&[0x00, 0xff]),
            0xff => key.extend_from_slice(&[0xff, 0x00]),
            other => key.push(*other),
        }
    }
    key.extend_from_slice(&[0x00, 0x01]);
}

/// The header bits that each length XORs into the first two bytes.
const SIGNED_HEADER: [[u8; 2]; 11] = [
    [0x00, 0x00],
    [0x80, 0x00],
    [0xc0, 0x00],
    [0xe0, 0x00],
    [0xf0, 0x00],
    [0xf8, 0x00],
    [0xfc, 0x00],
    [0xfe, 0x00],
    [0xff, 0x00],
    [0xff, 0x80],
    [0xff, 0xc0],
];

/// OrderedCode's SignedNumIncreasing: n bytes hold 7n-1 bits and the sign.
fn put_signed(key: &mut Vec<u8>, value: i64) {
    let magnitude = if value < 0 { !value } else { value };
    let bits = 64u32.saturating_sub(magnitude.leading_zeros());
    // The smallest n with bits <= 7n - 1.
    let n = (bits as usize).saturating_add(1).div_ceil(7).clamp(1, 10);
    let fill = if value < 0 { 0xff } else { 0x00 };
    let mut wide = [fill; 16];
    if let Some(low) = wide.last_chunk_mut::<8>() {
        *low = value.to_be_bytes();
    }
    let from = wide.len().saturating_sub(n);
    let bytes = wide.get_mut(from..).unwrap_or_default();
    if let Some(header) = SIGNED_HEADER.get(n) {
        for (byte, mask) in bytes.iter_mut().zip(header) {
            *byte ^= mask;
        }
    }
    key.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(value: i64) -> Vec<u8> {
        let mut key = Vec::new();
        put_signed(&mut key, value);
        key
    }

    #[test]
    fn signed_numbers_as_the_format_lists_them() {
        let vectors: &[(i64, &[u8])] = &[
            (0, &[0x80]),
            (1, &[0x81]),
            (63, &[0xbf]),
            (64, &[0xc0, 0x40]),
            (100, &[0xc0, 0x64]),
            (127, &[0xc0, 0x7f]),
            (8191, &[0xdf, 0xff]),
            (8192, &[0xe0, 0x20, 0x00]),
            (1_000_000, &[0xef, 0x42, 0x40]),
            (0x42_4242, &[0xf0, 0x42, 0x42, 0x42]),
            (1 << 31, &[0xf8, 0x80, 0, 0, 0]),
            (1 << 55, &[0xff, 0x80, 0x80, 0, 0, 0, 0, 0, 0]),
            (
                i64::MAX,
                &[0xff, 0xc0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            ),
            (-1, &[0x7f]),
            (-64, &[0x40]),
            (-65, &[0x3f, 0xbf]),
            (-0x800, &[0x38, 0x00]),
            (i64::MIN, &[0x00, 0x3f, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        ];
        for (value, bytes) in vectors {
            assert_eq!(signed(*value), *bytes, "{value}");
        }
    }

    #[test]
    fn whole_keys() {
        let r = |start, length| Range { start, length };
        let key = Slice(vec![r(0, Some(2)), r(0, Some(3))]).key(b"w");
        assert_eq!(key, [0x00, 0x77, 0x00, 0x01, 0x01, 0x02, 0x80, 0x82, 0x80, 0x83]);
        let key = Slice(vec![r(0, Some(500)), r(0, None)]).key(b"emb/w");
        let want: &[u8] = &[
            0x00, 0x65, 0x6d, 0x62, 0x2f, 0x77, 0x00, 0x01, 0x01, 0x02, 0x80, 0xc1, 0xf4, 0x80, 0x7f,
        ];
        assert_eq!(key, want);
        assert_eq!(Slice(vec![]).key(b"a"), [0x00, 0x61, 0x00, 0x01, 0x00]);
        let key = Slice(vec![]).key(&[0x00, 0xff]);
        assert_eq!(key, [0x00, 0x00, 0xff, 0xff, 0x00, 0x00, 0x01, 0x00]);
    }

    #[test]
    fn slices_must_lie_in_the_tensor() {
        let r = |start, length| Range { start, length };
        let full = Shape(vec![10, 4]);
        let ok = Slice(vec![r(4, Some(6)), r(0, None)]).within(&full).unwrap();
        assert_eq!(ok.shape(), Shape(vec![6, 4]));
        assert!(Slice(vec![r(5, Some(6)), r(0, None)]).within(&full).is_err());
        assert!(
            Slice(vec![r(u64::MAX, Some(2)), r(0, None)])
                .within(&full)
                .is_err()
        );
        assert!(Slice(vec![r(0, None)]).within(&full).is_err());
        assert_eq!(Slice(vec![r(4, Some(6)), r(0, None)]).to_string(), "4,6:-");
    }
}
