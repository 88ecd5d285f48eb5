//! Partitioned tensors: the slices and where each lies (format.md 1.7).

use super::entries::Row;
use super::open::Bundle;
use super::strings;
use crate::error::Error;
use crate::error::Result;
use crate::source::Extent;
use crate::tensor::slice::Block;
use crate::tensor::strings::StringTable;
use crate::tensor::tiling;

impl Bundle {
    /// The slices of the partitioned tensor at `row` that have elements: checked to tile it, each with its
    /// record, whose dtype and shape fit.
    fn slices(&self, row: Row) -> Result<Vec<(Block, Row)>> {
        let entry = self.entries.entry(row);
        // Asked first: a slice takes more room here than in a file that lies. A tensor without elements can
        // be cut along its other dimensions all the same.
        let places = entry
            .shape
            .0
            .iter()
            .fold(1u64, |n, dim| n.saturating_mul((*dim).max(1)));
        if entry.slices.len() as u64 > places {
            return Err(Error::corrupt(format!(
                "{} slices are too many for a tensor of shape {}",
                entry.slices.len(),
                entry.shape
            )));
        }
        let mut blocks = Vec::with_capacity(entry.slices.len());
        for slice in entry.slices {
            blocks.push(slice.within(entry.shape)?);
        }
        tiling::check(entry.shape, &blocks)?;
        let mut found_all = Vec::with_capacity(blocks.len());
        for ((block, slice), found) in blocks
            .into_iter()
            .zip(entry.slices)
            .zip(self.entries.slice_rows(row))
        {
            // A slice that is the whole tensor is stored under the tensor's own key.
            let part = found.unwrap_or(row);
            if part == row && block.lengths != entry.shape.0 {
                return Err(Error::corrupt(format!("slice {slice} is not in the index")));
            }
            let stored = self.entries.entry(part);
            if stored.dtype != entry.dtype {
                return Err(Error::corrupt(format!(
                    "slice {slice} is {}, the tensor {}",
                    stored.dtype, entry.dtype
                )));
            }
            if *stored.shape != block.shape() {
                return Err(Error::corrupt(format!(
                    "slice {slice} has the shape {}",
                    stored.shape
                )));
            }
            found_all.push((block, part));
        }
        Ok(found_all)
    }

    /// The parts of a partitioned tensor of fixed-width elements, each with its bytes in row-major order of
    /// the part.
    pub(super) fn parts(&self, row: Row, width: u64) -> Result<Vec<(Block, Extent)>> {
        let mut parts = Vec::new();
        for (block, part) in self.slices(row)? {
            let bytes = self.fixed_extent(&self.entries.entry(part), width);
            let bytes = bytes.map_err(|e| e.context(format!("slice at {:?}", block.starts)))?;
            parts.extend(bytes.map(|extent| (block, extent)));
        }
        Ok(parts)
    }

    /// The strings of a partitioned string tensor, each in its place. TensorFlow writes such tensors and
    /// cannot read them.
    pub(super) fn string_parts(&self, row: Row) -> Result<StringTable> {
        let shape = self.entries.entry(row).shape;
        let slices = self.slices(row)?;
        // Slices that share their bytes could mean any number of strings.
        let claimed = slices.iter().fold(0u64, |sum, (_, part)| {
            sum.saturating_add(self.entries.entry(*part).size)
        });
        let stored = self.shards.bytes();
        if claimed > stored {
            return Err(Error::corrupt(format!(
                "its slices claim {claimed} bytes, the shards have {stored}"
            )));
        }
        let mut found: Vec<(u64, Option<Extent>)> = Vec::new();
        for (block, part) in slices {
            let entry = self.entries.entry(part);
            let count = block.shape().elements().unwrap_or(0);
            let table = strings::read(self.extent(&entry)?, count, self.header.endianness)?;
            for index in 0..count {
                found.push((block.place(shape, index), table.string(index).flatten()));
            }
        }
        // The slices tile the tensor, so every place occurs once.
        found.sort_by_key(|(place, _)| *place);
        Ok(StringTable::scattered(
            found.into_iter().map(|(_, string)| string).collect(),
        ))
    }
}
