//! A partitioned tensor as one: elements gathered from the boxes that tile it.
//!
//! Both the tensor and each box are row-major, so a box is a series of runs, whose places in the tensor
//! ascend with their places in the box. A read of the tensor therefore takes from each box one contiguous
//! range of stored bytes: one `read_at` a box, then copies in memory.

use super::Produce;
use super::past_the_end;
use crate::error::Error;
use crate::error::Result;
use crate::source::Extent;
use crate::tensor::Shape;
use crate::tensor::slice::Block;

/// The bytes of a tensor that is stored in several boxes.
#[derive(Debug)]
pub struct Stitch {
    len: u64,
    parts: Vec<Part>,
}

/// One box: its runs in the tensor, and its bytes.
#[derive(Debug)]
struct Part {
    extent: Extent,
    /// Bytes of a run.
    run: u64,
    /// How many runs there are.
    runs: u64,
    /// The dimensions that vary from run to run, outermost first.
    axes: Vec<Axis>,
    /// Where the first run begins in the tensor, and where the last ends.
    first: u64,
    end: u64,
}

#[derive(Debug, Clone, Copy)]
struct Axis {
    length: u64,
    /// Bytes of the tensor from one index to the next.
    stride: u64,
}

impl Stitch {
    /// The tensor of `shape` with elements of `width` bytes, made of `parts`, which tile it.
    pub fn new(shape: &Shape, width: u64, parts: Vec<(Block, Extent)>) -> Result<Self> {
        let too_large = || Error::corrupt(format!("the tensor {shape} has more than 2^63-1 bytes"));
        let len = shape
            .elements()
            .and_then(|n| n.checked_mul(width))
            .ok_or_else(too_large)?;
        let mut strides = vec![0; shape.rank()];
        let mut stride = width;
        for (axis, dim) in strides.iter_mut().zip(&shape.0).rev() {
            *axis = stride;
            stride = stride.checked_mul(*dim).ok_or_else(too_large)?;
        }
        let parts = parts
            .into_iter()
            .map(|(block, extent)| Part::new(shape, &strides, width, &block, extent));
        let mut parts = parts.collect::<Option<Vec<Part>>>().ok_or_else(too_large)?;
        parts.sort_by_key(|part| part.first);
        Ok(Self { len, parts })
    }
}

impl Part {
    fn new(shape: &Shape, strides: &[u64], width: u64, block: &Block, extent: Extent) -> Option<Self> {
        let mut run = width;
        let mut axes = Vec::new();
        let mut whole = true;
        let (mut first, mut runs, mut span) = (0u64, 1u64, 0u64);
        let dims = shape
            .0
            .iter()
            .zip(strides)
            .zip(block.starts.iter().zip(&block.lengths));
        for ((dim, stride), (start, length)) in dims.rev() {
            first = first.checked_add(start.checked_mul(*stride)?)?;
            if whole {
                // Dimensions that are taken whole lie side by side, and the first that is not, too.
                run = run.checked_mul(*length)?;
            } else {
                axes.push(Axis {
                    length: *length,
                    stride: *stride,
                });
                runs = runs.checked_mul(*length)?;
                span = span.checked_add(length.checked_sub(1)?.checked_mul(*stride)?)?;
            }
            whole = whole && length == dim;
        }
        axes.reverse();
        Some(Self {
            end: first.checked_add(span)?.checked_add(run)?,
            extent,
            run,
            runs,
            axes,
            first,
        })
    }

    /// Where run `index` begins in the tensor.
    fn place(&self, index: u64) -> u64 {
        let mut rest = index;
        let mut place = self.first;
        for axis in self.axes.iter().rev() {
            let step = rest.checked_rem(axis.length).unwrap_or(0);
            rest = rest.checked_div(axis.length).unwrap_or(0);
            place = place.saturating_add(step.saturating_mul(axis.stride));
        }
        place
    }

    /// The number of runs for which `before` holds; it holds for the first ones only.
    fn count(&self, before: impl Fn(u64) -> bool) -> u64 {
        let (mut low, mut high) = (0, self.runs);
        while low < high {
            let middle = low.midpoint(high);
            if before(self.place(middle)) {
                low = middle.saturating_add(1);
            } else {
                high = middle;
            }
        }
        low
    }

    /// Copies what this box has of `[from, from + buf.len())`; gives how many bytes that were.
    fn read(&self, from: u64, buf: &mut [u8]) -> Result<u64> {
        let to = from.saturating_add(buf.len() as u64);
        if self.end <= from || self.first >= to {
            return Ok(0);
        }
        // The runs that end after `from` and begin before `to`.
        let first = self.count(|place| place.saturating_add(self.run) <= from);
        let after = self.count(|place| place < to);
        if first >= after {
            return Ok(0);
        }
        let last_place = self.place(after.saturating_sub(1));
        let skip = from.saturating_sub(self.place(first));
        let spare = last_place.saturating_add(self.run).saturating_sub(to);
        let start = first.saturating_mul(self.run).saturating_add(skip);
        let end = after.saturating_mul(self.run).saturating_sub(spare);
        let stored = usize::try_from(end.saturating_sub(start)).unwrap_or(usize::MAX);
        if stored > buf.len() {
            return Err(past_the_end(from));
        }
        if after.saturating_sub(first) == 1 {
            // One run: straight to where it belongs.
            let at = usize::try_from(last_place.saturating_sub(from)).unwrap_or(usize::MAX);
            let to = at.saturating_add(stored);
            let target = buf.get_mut(at..to).ok_or_else(|| past_the_end(from))?;
            self.extent.read(start, target)?;
            return Ok(stored as u64);
        }
        let mut bytes = vec![0; stored];
        self.extent.read(start, &mut bytes)?;
        let mut rest = bytes.as_slice();
        for index in first..after {
            let place = self.place(index);
            let begin = place.max(from);
            let len = place.saturating_add(self.run).min(to).saturating_sub(begin);
            let at = usize::try_from(begin.saturating_sub(from)).unwrap_or(usize::MAX);
            let len = usize::try_from(len).unwrap_or(usize::MAX);
            let target = buf.get_mut(at..at.saturating_add(len));
            let (Some(target), Some((head, tail))) = (target, rest.split_at_checked(len)) else {
                return Err(past_the_end(begin));
            };
            target.copy_from_slice(head);
            rest = tail;
        }
        Ok(stored as u64)
    }
}

impl Produce for Stitch {
    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        let mut got = 0u64;
        for part in &self.parts {
            got = got.saturating_add(part.read(offset, buf)?);
        }
        // The parts tile the tensor, so every byte was written once.
        if got == buf.len() as u64 {
            Ok(())
        } else {
            Err(past_the_end(offset))
        }
    }

    fn mapped(&self, offset: u64, len: u64) -> Option<Result<crate::source::KernelBytes<'_>>> {
        // A tensor cut along its first axis is one run a part: most reads lie within one.
        let index = self
            .parts
            .partition_point(|part| part.first <= offset)
            .checked_sub(1)?;
        let part = self.parts.get(index).filter(|part| part.runs == 1)?;
        part.extent.map(offset.checked_sub(part.first)?, len)
    }

    fn weight(&self) -> usize {
        self.parts
            .len()
            .saturating_mul(size_of::<Part>().saturating_add(64))
    }
}
