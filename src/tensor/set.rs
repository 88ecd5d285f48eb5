//! A set of named tensors, whatever format stores them: a V2 bundle, a V1 checkpoint, the weights of a frozen
//! graph. All that comes after the readers knows tensors by this trait only.

use std::fmt;
use std::iter::Map;
use std::ops::Range;

use super::DType;
use super::Endianness;
use super::Shape;
use super::Slice;
use super::payload::Payload;
use crate::error::Error;
use crate::error::Result;

/// A tensor of a set: its place among the tensors in key order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TensorId(pub u32);

/// What is known of a tensor without reading it.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Element type.
    pub dtype: DType,
    /// Shape of the full tensor.
    pub shape: &'a Shape,
    /// Where it is stored, for a tensor that lies in one place of a shard.
    pub place: Option<Place>,
    /// The slices that make it up; empty for most.
    pub slices: &'a [Slice],
}

/// One place of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The number of the shard.
    pub shard: u32,
    /// Where the bytes begin.
    pub offset: u64,
    /// How many there are.
    pub size: u64,
    /// Their masked CRC-32C, as stored.
    pub crc32c: u32,
}

/// One thing that is wrong, and the tensors it makes unreadable.
#[derive(Debug, Clone)]
pub struct Problem {
    /// What is wrong, where, and what to do.
    pub error: Error,
    /// How many tensors cannot be read for it.
    pub tensors: u64,
    /// The first of them.
    pub examples: Vec<TensorId>,
}

/// The tensors of a set, in key order.
pub type Ids = Map<Range<u32>, fn(u32) -> TensorId>;

/// Named tensors in the order of their keys.
pub trait TensorSet: Send + Sync + fmt::Debug {
    /// How many there are.
    fn len(&self) -> u32;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them, in key order.
    fn ids(&self) -> Ids {
        (0..self.len()).map(TensorId)
    }

    /// The key of a tensor: any bytes. Keys ascend with ids.
    fn key(&self, id: TensorId) -> &[u8];

    /// The tensor with that key.
    fn find(&self, key: &[u8]) -> Option<TensorId>;

    /// What is known of a tensor without reading it.
    fn entry(&self, id: TensorId) -> Entry<'_>;

    /// Bytes that a tensor takes in the files, all slices together.
    fn stored(&self, id: TensorId) -> u64;

    /// The byte order of payloads.
    fn endianness(&self) -> Endianness;

    /// Where the bytes of a tensor lie. Reads no tensor data, but for the lengths of strings and variants. The
    /// error says why this tensor cannot be read.
    fn payload(&self, id: TensorId) -> Result<Payload>;

    /// Whether reading a tensor may mean decoding it first, which takes long.
    fn is_decoded(&self, _id: TensorId) -> bool {
        false
    }

    /// Everything that keeps a tensor from being read, as far as can be told without reading them.
    fn problems(&self) -> Vec<Problem>;
}
