//! All records of an index in compact arrays: 40 bytes a tensor over the names themselves.
//!
//! Key order is kept, so a key is found by binary search and a position is a stable number.

use std::collections::HashMap;
use std::collections::HashSet;

use super::entry;
use super::entry::RawEntry;
use super::entry::Stored;
use crate::error::Error;
use crate::error::Result;
use crate::tensor::DType;
use crate::tensor::Shape;
use crate::tensor::Slice;
use crate::tensor::TensorId;

/// A record: its place in the index, slices included.
pub(super) type Row = u32;

#[derive(Debug, Clone, Copy)]
struct Record {
    offset: u64,
    size: u64,
    name_end: u32,
    crc32c: u32,
    shard: u32,
    /// Place in `shapes`.
    shape: u32,
    dtype: u32,
}

/// The records of an index.
#[derive(Debug, Default)]
pub(super) struct Entries {
    names: Vec<u8>,
    records: Vec<Record>,
    shapes: Vec<Shape>,
    /// The slices of each partitioned tensor.
    slices: HashMap<Row, Vec<Slice>>,
    /// Records that could not be decoded: listed, not readable.
    defects: HashMap<Row, Error>,
    /// Rows that are tensors, where some rows are not (slices); otherwise all are.
    tensors: Option<Vec<Row>>,
}

/// Fills [`Entries`] in key order.
#[derive(Debug, Default)]
pub(super) struct Builder {
    entries: Entries,
    /// Shapes by their wire bytes: a model has few.
    shapes: HashMap<Box<[u8]>, u32>,
    last_shape: Option<u32>,
    last_shape_bytes: Vec<u8>,
}

impl Builder {
    /// Adds a record. One that cannot be decoded is kept with its reason.
    pub(super) fn push(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let too_many = || Error::unsupported("an index with more than 4 GiB of names or 2^32 records");
        let row = Row::try_from(self.entries.records.len()).map_err(|_| too_many())?;
        self.entries.names.extend_from_slice(key);
        let name_end = u32::try_from(self.entries.names.len()).map_err(|_| too_many())?;
        let decoded = RawEntry::decode(value).and_then(|raw| {
            let shape = self.shape(raw.shape)?;
            let slices = if raw.sliced {
                entry::slices(value)?
            } else {
                Vec::new()
            };
            Ok((raw, shape, slices))
        });
        let (raw, shape, slices) = decoded.unwrap_or_else(|e| {
            self.entries.defects.insert(row, e.context("bad index entry"));
            (RawEntry::default(), u32::MAX, Vec::new())
        });
        if !slices.is_empty() {
            self.entries.slices.insert(row, slices);
        }
        self.entries.records.push(Record {
            offset: raw.offset,
            size: raw.size,
            name_end,
            crc32c: raw.crc32c,
            shard: raw.shard,
            shape,
            dtype: raw.dtype,
        });
        Ok(())
    }

    fn shape(&mut self, bytes: &[u8]) -> Result<u32> {
        if let Some(id) = self.last_shape.filter(|_| self.last_shape_bytes == bytes) {
            return Ok(id);
        }
        let id = match self.shapes.get(bytes) {
            Some(id) => *id,
            None => {
                let shape = entry::shape(bytes)?;
                let id = u32::try_from(self.entries.shapes.len()).unwrap_or(u32::MAX);
                self.entries.shapes.push(shape);
                self.shapes.insert(bytes.into(), id);
                id
            }
        };
        self.last_shape = Some(id);
        self.last_shape_bytes.clear();
        self.last_shape_bytes.extend_from_slice(bytes);
        Ok(id)
    }

    /// Hides the keys of slices: those that a `slices` member of some entry encodes to. A key is not a
    /// slice merely because it starts with NUL.
    pub(super) fn finish(self) -> Entries {
        let mut entries = self.entries;
        entries.names.shrink_to_fit();
        entries.records.shrink_to_fit();
        let mut hidden = HashSet::new();
        for row in entries.slices.keys() {
            hidden.extend(entries.slice_rows(*row).flatten());
        }
        if !hidden.is_empty() {
            let rows = 0..entries.rows();
            entries.tensors = Some(rows.filter(|row| !hidden.contains(row)).collect());
        }
        entries
    }
}

static NO_SHAPE: Shape = Shape(Vec::new());

impl Entries {
    /// How many records there are, slices included.
    pub(super) fn rows(&self) -> u32 {
        u32::try_from(self.records.len()).unwrap_or(u32::MAX)
    }

    /// How many tensors there are.
    pub(super) fn len(&self) -> u32 {
        match &self.tensors {
            Some(rows) => u32::try_from(rows.len()).unwrap_or(u32::MAX),
            None => self.rows(),
        }
    }

    /// The record of a tensor.
    pub(super) fn row(&self, id: TensorId) -> Row {
        match &self.tensors {
            Some(rows) => rows.get(id.0 as usize).copied().unwrap_or(Row::MAX),
            None => id.0,
        }
    }

    /// The tensor of a record; `None` for a slice.
    pub(super) fn tensor(&self, row: Row) -> Option<TensorId> {
        match &self.tensors {
            Some(rows) => Some(TensorId(u32::try_from(rows.binary_search(&row).ok()?).ok()?)),
            None => Some(TensorId(row)),
        }
    }

    /// The key of a record.
    pub(super) fn key(&self, row: Row) -> &[u8] {
        let row = row as usize;
        let start = match row.checked_sub(1) {
            Some(before) => self.records.get(before).map_or(0, |r| r.name_end),
            None => 0,
        };
        let end = self.records.get(row).map_or(start, |r| r.name_end);
        self.names.get(start as usize..end as usize).unwrap_or_default()
    }

    /// The record with that key.
    pub(super) fn find(&self, key: &[u8]) -> Option<Row> {
        let row = self.search(0, |other| other < key);
        (row < self.rows() && self.key(row) == key).then_some(row)
    }

    /// The first row from `low` on for whose key `before` does not hold.
    fn search(&self, mut low: Row, before: impl Fn(&[u8]) -> bool) -> Row {
        let mut high = self.rows();
        while low < high {
            let middle = low.midpoint(high);
            if before(self.key(middle)) {
                low = middle.saturating_add(1);
            } else {
                high = middle;
            }
        }
        low
    }

    /// The records of the slices of the tensor at `row`, in the order of the slices; `None` for one that is
    /// not there. The name is encoded once: a hostile index gives a name of a megabyte a million slices.
    pub(super) fn slice_rows(&self, row: Row) -> impl Iterator<Item = Option<Row>> {
        let start = Slice::key_start(self.key(row));
        let first = self.search(0, |key| key < start.as_slice());
        let after = self.search(first, |key| key.starts_with(&start));
        let skip = start.len();
        let slices = self.slices.get(&row).map_or(&[][..], Vec::as_slice);
        let mut end = Vec::new();
        slices.iter().map(move |slice| {
            end.clear();
            slice.put_key_end(&mut end);
            let (mut low, mut high) = (first, after);
            while low < high {
                let middle = low.midpoint(high);
                let own = self.key(middle).get(skip..).unwrap_or_default();
                match own.cmp(&end) {
                    std::cmp::Ordering::Less => low = middle.saturating_add(1),
                    std::cmp::Ordering::Greater => high = middle,
                    std::cmp::Ordering::Equal => return Some(middle),
                }
            }
            None
        })
    }

    /// What the index says of a record.
    pub(super) fn entry(&self, row: Row) -> Stored<'_> {
        let record = self.records.get(row as usize);
        let shape = record.and_then(|r| self.shapes.get(r.shape as usize));
        Stored {
            dtype: DType(record.map_or(0, |r| r.dtype)),
            shape: shape.unwrap_or(&NO_SHAPE),
            shard: record.map_or(0, |r| r.shard),
            offset: record.map_or(0, |r| r.offset),
            size: record.map_or(0, |r| r.size),
            crc32c: record.map_or(0, |r| r.crc32c),
            slices: self.slices.get(&row).map_or(&[], Vec::as_slice),
        }
    }

    /// Why a record could not be decoded.
    pub(super) fn defect(&self, row: Row) -> Option<&Error> {
        self.defects.get(&row)
    }
}
