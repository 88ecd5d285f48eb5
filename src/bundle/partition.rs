//! Partitioned tensors: the slices and where each lies (format.md 1.7).

use super::entries::Row;
use super::open::Bundle;
use crate::error::Error;
use crate::error::Result;
use crate::source::Extent;
use crate::tensor::slice::Block;
use crate::tensor::tiling;

impl Bundle {
    /// The parts of the partitioned tensor at `row`: checked to tile it, each with the bytes of its
    /// elements in row-major order of the part.
    pub(super) fn parts(&self, row: Row, width: u64) -> Result<Vec<(Block, Extent)>> {
        let entry = self.entries.entry(row);
        let mut blocks = Vec::with_capacity(entry.slices.len());
        for slice in entry.slices {
            blocks.push(slice.within(entry.shape)?);
        }
        tiling::check(entry.shape, &blocks)?;
        let mut parts = Vec::with_capacity(blocks.len());
        for ((block, slice), found) in blocks.into_iter().zip(entry.slices).zip(self.slice_rows(row)) {
            // A slice that is the whole tensor is stored under the tensor's own key.
            let part = found.unwrap_or(row);
            if part == row && block.lengths != entry.shape.0 {
                return Err(Error::corrupt(format!("slice {slice} is not in the index")));
            }
            let part = self.entries.entry(part);
            if part.dtype != entry.dtype {
                return Err(Error::corrupt(format!(
                    "slice {slice} is {}, the tensor {}",
                    part.dtype, entry.dtype
                )));
            }
            if *part.shape != block.shape() {
                return Err(Error::corrupt(format!(
                    "slice {slice} has the shape {}",
                    part.shape
                )));
            }
            let bytes = self
                .fixed_extent(&part, width)
                .map_err(|e| e.context(format!("slice {slice}")))?;
            parts.extend(bytes.map(|extent| (block, extent)));
        }
        Ok(parts)
    }
}
