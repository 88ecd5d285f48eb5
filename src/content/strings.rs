//! A string tensor as fixed-width elements, padded with NULs: NumPy's `|S<n>`.

use super::Produce;
use super::past_the_end;
use crate::error::Result;
use crate::tensor::strings::StringTable;

/// Strings of a table, each `width` bytes.
#[derive(Debug)]
pub struct Strings {
    table: StringTable,
    width: u64,
    len: u64,
}

impl Strings {
    /// The width NumPy gives such an array: the longest string, at least 1.
    pub fn width(table: &StringTable) -> u64 {
        table.longest().max(1)
    }

    /// All strings of `table`.
    pub fn new(table: StringTable) -> Self {
        let width = Self::width(&table);
        Self {
            len: table.len().saturating_mul(width),
            table,
            width,
        }
    }
}

impl Produce for Strings {
    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        buf.fill(0);
        let to = offset.saturating_add(buf.len() as u64);
        let first = offset.checked_div(self.width).unwrap_or(0);
        let after = to.div_ceil(self.width.max(1)).min(self.table.len());
        let Some(bytes) = self.table.together() else {
            return (first..after).try_for_each(|index| self.read_one(index, offset, buf));
        };
        // What the strings have in the window lies between these two places of the stored bytes.
        let window = |index: u64| {
            let (start, end) = self.table.range(index).unwrap_or_default();
            let place = index.saturating_mul(self.width);
            let skip = offset.saturating_sub(place).min(end.saturating_sub(start));
            let from = start.saturating_add(skip);
            (
                from,
                end.min(start.saturating_add(to.saturating_sub(place))).max(from),
                place.saturating_add(skip),
            )
        };
        if first >= after {
            return Ok(());
        }
        let (from, ..) = window(first);
        let (_, until, _) = window(after.saturating_sub(1));
        let mut stored = vec![0; usize::try_from(until.saturating_sub(from)).unwrap_or(0)];
        bytes.read(from, &mut stored)?;
        for index in first..after {
            let (start, end, place) = window(index);
            let source = cut(start, from)..cut(end, from);
            let at = cut(place, offset);
            let target = at..at.saturating_add(source.len());
            if source.is_empty() {
                continue;
            }
            match (buf.get_mut(target), stored.get(source)) {
                (Some(target), Some(source)) => target.copy_from_slice(source),
                _ => return Err(past_the_end(offset)),
            }
        }
        Ok(())
    }

    fn weight(&self) -> usize {
        self.table.weight()
    }
}

impl Strings {
    /// Copies what string `index` has in the window `buf` at `offset`.
    fn read_one(&self, index: u64, offset: u64, buf: &mut [u8]) -> Result<()> {
        let Some(Some(string)) = self.table.string(index) else {
            return Ok(());
        };
        let place = index.saturating_mul(self.width);
        let skip = offset.saturating_sub(place).min(string.len());
        let at = cut(place.saturating_add(skip), offset);
        let left = usize::try_from(string.len().saturating_sub(skip)).unwrap_or(usize::MAX);
        let end = at.saturating_add(left).min(buf.len());
        match buf.get_mut(at..end) {
            Some(target) => string.read(skip, target),
            None => Ok(()),
        }
    }
}

fn cut(value: u64, base: u64) -> usize {
    usize::try_from(value.saturating_sub(base)).unwrap_or(usize::MAX)
}
