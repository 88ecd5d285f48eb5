//! Finding the value of one record without reading it: in an uncompressed block it lies in the file as it is.

use super::block::RAW;
use super::block::SNAPPY;
use super::footer::Handle;
use crate::error::Error;
use crate::error::Result;
use crate::source::Source;
use crate::wire::Reader;

/// How much of a block is read at a time: some heads of records, few of their values.
const WINDOW: u64 = 512;
/// Three lengths stand before each key.
const MAX_LENGTHS: u64 = 15;
/// Longer keys are nobody's.
const MAX_KEY: u64 = 16 << 20;

/// Where the value of a record lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// In the file, uncompressed.
    InFile {
        /// Where it begins in the file.
        offset: u64,
        /// How many bytes it has.
        len: u64,
    },
    /// If anywhere, in a block that is compressed: [`super::Table::get`] decompresses it.
    Compressed,
}

/// Finds `key` in the block at `handle`, by its restart offsets and the heads of the records after one of
/// them. Neither values nor the checksum of the block, which covers them, are read.
pub(super) fn find(source: &dyn Source, handle: Handle, key: &[u8]) -> Result<Option<Found>> {
    let fail = |what: String| Error::corrupt(what).at(source.path()).offset(handle.offset);
    let kind = source.read_vec(handle.offset.saturating_add(handle.size), 1)?;
    match kind.first().copied() {
        Some(RAW) => {}
        Some(SNAPPY) => return Ok(Some(Found::Compressed)),
        other => {
            let other = other.unwrap_or_default();
            return Err(fail(format!("block type {other} does not exist")));
        }
    }
    let short = || fail("a block of fewer than 4 bytes".into());
    let count_at = handle.size.checked_sub(4).ok_or_else(short)?;
    let count = number(&source.read_vec(handle.offset.saturating_add(count_at), 4)?);
    let records_end = u64::from(count)
        .checked_mul(4)
        .and_then(|restarts| count_at.checked_sub(restarts))
        .ok_or_else(|| fail(format!("{count} restart offsets do not fit in the block")))?;
    let restarts = source.read_vec(
        handle.offset.saturating_add(records_end),
        count_at.saturating_sub(records_end),
    )?;
    let restart = |index: u32| {
        let at = (index as usize).saturating_mul(4);
        u64::from(number(restarts.get(at..).unwrap_or_default()))
    };
    let mut walk = Walk {
        source,
        base: handle.offset,
        end: records_end,
        at: 0,
        key: Vec::new(),
        window: Vec::new(),
        window_at: 0,
    };
    // The last restart whose key is not after the wanted one.
    let (mut low, mut high) = (0u32, count);
    while high.saturating_sub(low) > 1 {
        let middle = low.midpoint(high);
        walk.restart(restart(middle));
        match walk.next()? {
            Some(_) if walk.key.as_slice() <= key => low = middle,
            _ => high = middle,
        }
    }
    if count == 0 {
        return Ok(None);
    }
    walk.restart(restart(low));
    while let Some((offset, len)) = walk.next()? {
        match walk.key.as_slice().cmp(key) {
            std::cmp::Ordering::Less => {}
            std::cmp::Ordering::Equal => return Ok(Some(Found::InFile { offset, len })),
            std::cmp::Ordering::Greater => break,
        }
    }
    Ok(None)
}

fn number(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |b| u32::from_le_bytes(*b))
}

/// A position among the records of an uncompressed block; places are counted from its start.
struct Walk<'a> {
    source: &'a dyn Source,
    base: u64,
    end: u64,
    at: u64,
    key: Vec<u8>,
    window: Vec<u8>,
    window_at: u64,
}

impl Walk<'_> {
    fn restart(&mut self, at: u64) {
        self.at = at;
        self.key.clear();
    }

    /// What is read already from `at` on.
    fn rest(&self) -> &[u8] {
        let skip = self.at.checked_sub(self.window_at).map(usize::try_from);
        match skip {
            Some(Ok(skip)) => self.window.get(skip..).unwrap_or_default(),
            _ => &[],
        }
    }

    /// Makes `want` bytes from `at` on available, or all that are left.
    fn fill(&mut self, want: u64) -> Result<()> {
        let left = self.end.saturating_sub(self.at);
        if self.rest().len() as u64 >= want.min(left) {
            return Ok(());
        }
        let size = want.max(WINDOW).min(left);
        self.window = self.source.read_vec(self.base.saturating_add(self.at), size)?;
        self.window_at = self.at;
        Ok(())
    }

    /// Goes over the next record; gives the place of its value in the file and its length.
    fn next(&mut self) -> Result<Option<(u64, u64)>> {
        if self.at >= self.end {
            return Ok(None);
        }
        let place = self.base.saturating_add(self.at);
        let path = self.source.path();
        let bad = |what: &str| {
            Error::corrupt(format!("bad record: {what}"))
                .at(path)
                .offset(place)
        };
        self.fill(MAX_LENGTHS)?;
        let mut reader = Reader::new(self.rest());
        let shared = reader.varint32().map_err(|e| bad(e.what()))? as usize;
        let own = u64::from(reader.varint32().map_err(|e| bad(e.what()))?);
        let len = u64::from(reader.varint32().map_err(|e| bad(e.what()))?);
        let lengths = reader.position() as u64;
        if shared > self.key.len() {
            return Err(bad("it shares more bytes than the key before it has"));
        }
        let head = lengths.saturating_add(own);
        let next = self.at.saturating_add(head).saturating_add(len);
        if next > self.end {
            return Err(bad("it passes the end of its block"));
        }
        if own > MAX_KEY {
            return Err(bad("its key is too long"));
        }
        self.fill(head)?;
        self.key.truncate(shared);
        let skip = self.at.saturating_sub(self.window_at).saturating_add(lengths);
        let start = usize::try_from(skip).unwrap_or(usize::MAX);
        let end = usize::try_from(skip.saturating_add(own)).unwrap_or(usize::MAX);
        let own_bytes = self
            .window
            .get(start..end)
            .ok_or_else(|| bad("it passes the end of its block"))?;
        self.key.extend_from_slice(own_bytes);
        let value = self.base.saturating_add(self.at).saturating_add(head);
        self.at = next;
        Ok(Some((value, len)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::LocalStore;
    use crate::source::Store;
    use crate::table::Event;
    use crate::table::Table;

    /// Every record of a table is found where it lies.
    #[test]
    fn as_the_walk_finds_them() {
        let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
        for name in ["v1/dtypes.v1", "v1/model.ckpt-1", "many/model.ckpt-1.index"] {
            let path = data.join(name);
            let Ok(source) = LocalStore.open(&path) else {
                assert!(!name.starts_with("v1"), "{name}");
                continue;
            };
            let table = Table::open(source.clone()).unwrap();
            let mut all = Vec::new();
            table
                .for_each(|event| {
                    let Event::Record { key, value, .. } = event else {
                        panic!("{event:?}")
                    };
                    all.push((key.to_vec(), value.to_vec()));
                    Ok(())
                })
                .unwrap();
            assert!(all.len() > 3);
            for (key, value) in all {
                assert_eq!(table.get(&key).unwrap().unwrap(), value);
                match table.find(&key).unwrap().unwrap() {
                    Found::InFile { offset, len } => {
                        assert_eq!(source.read_vec(offset, len).unwrap(), value);
                    }
                    Found::Compressed => {}
                }
                let other = [key.as_slice(), b"\0"].concat();
                assert!(!matches!(table.find(&other), Ok(Some(Found::InFile { .. }))));
            }
        }
    }
}
