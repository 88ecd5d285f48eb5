//! One block: checked, decompressed, and its records in order (format.md 1.2, 1.3).

use bytes::Bytes;

use crate::error::Error;
use crate::error::Result;
use crate::source::Source;
use crate::wire::Reader;

use super::footer::Handle;
use super::footer::TRAILER_LEN;

/// Block type: stored as it is.
pub(super) const RAW: u8 = 0;
/// Block type: Snappy, raw format.
pub(super) const SNAPPY: u8 = 1;
/// Snappy makes at most 64 bytes of 3; more claimed is a lie, refused before it is allocated.
const MAX_SNAPPY_RATIO: usize = 32;
/// What TensorFlow adds to a rotated CRC, so that CRCs of data with CRCs in it are not weak.
const MASK_DELTA: u32 = 0xa282_ead8;

/// The form in which every CRC is stored (format.md 1.1).
pub(crate) fn mask_crc(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(MASK_DELTA)
}

/// A checked, decompressed block.
#[derive(Debug)]
pub(super) struct Block {
    bytes: Bytes,
    /// Where the records end and the restart offsets begin.
    records_end: usize,
    restarts: usize,
}

impl Block {
    /// Reads the block at `handle`, which the caller has checked to lie in the file.
    pub(super) fn read(source: &dyn Source, handle: Handle) -> Result<Self> {
        let fail = |what: String| Error::corrupt(what).at(source.path()).offset(handle.offset);
        let stored = handle.size.saturating_add(TRAILER_LEN);
        let mut bytes = source.read_vec(handle.offset, stored)?;
        let size = usize::try_from(handle.size).unwrap_or(usize::MAX);
        let trailer: [u8; 5] = bytes
            .get(size..)
            .and_then(|t| t.try_into().ok())
            .unwrap_or_default();
        let [kind, crc @ ..] = trailer;
        let crc = u32::from_le_bytes(crc);
        bytes.truncate(size.saturating_add(1));
        let computed = mask_crc(crc32c::crc32c(&bytes));
        if crc != computed {
            return Err(fail(format!(
                "checksum mismatch: stored {crc:#010x}, computed {computed:#010x}"
            ))
            .hint("the file is damaged; copy or download it again"));
        }
        bytes.truncate(size);
        let bytes = match kind {
            RAW => bytes,
            SNAPPY => decompress(&bytes).map_err(fail)?,
            other => return Err(fail(format!("block type {other} does not exist"))),
        };
        Self::new(bytes).map_err(|e| e.at(source.path()).offset(handle.offset))
    }

    /// Checks the tail of a decompressed block: the restart offsets and their count.
    fn new(bytes: Vec<u8>) -> Result<Self> {
        let count = bytes
            .last_chunk::<4>()
            .map(|b| u32::from_le_bytes(*b) as usize)
            .ok_or_else(|| Error::corrupt("a block of fewer than 4 bytes"))?;
        let records_end = count
            .checked_add(1)
            .and_then(|n| n.checked_mul(4))
            .and_then(|tail| bytes.len().checked_sub(tail))
            .ok_or_else(|| Error::corrupt(format!("{count} restart offsets do not fit in the block")))?;
        let block = Self {
            // A block that says it has no restarts is empty to TensorFlow too.
            records_end: if count == 0 { 0 } else { records_end },
            restarts: count,
            bytes: bytes.into(),
        };
        if count > 0 && block.restart(0) != Some(0) {
            return Err(Error::corrupt("the first restart offset is not 0"));
        }
        Ok(block)
    }

    fn restart(&self, index: usize) -> Option<usize> {
        if index >= self.restarts {
            return None;
        }
        // Restart offsets follow the records.
        let at = self.records_end.checked_add(index.checked_mul(4)?)?;
        let bytes = self.bytes.get(at..)?.first_chunk::<4>()?;
        usize::try_from(u32::from_le_bytes(*bytes)).ok()
    }

    /// `part`, which [`Block::for_each`] gave, kept with its block.
    pub(super) fn keep(&self, part: &[u8]) -> Bytes {
        self.bytes.slice_ref(part)
    }

    /// Calls `each` with every record in order; `key` is a buffer that is reused. Keys strictly increase.
    pub(super) fn for_each(
        &self,
        key: &mut Vec<u8>,
        mut each: impl FnMut(&[u8], &[u8]) -> Result<()>,
    ) -> Result<()> {
        key.clear();
        let records = self.bytes.get(..self.records_end).unwrap_or_default();
        let mut reader = Reader::new(records);
        let mut next_restart = 0usize;
        while !reader.is_at_end() {
            let at = reader.position();
            let bad = |what: &str| Error::corrupt(format!("bad record at byte {at} of the block: {what}"));
            let shared = reader.varint32().map_err(|e| bad(e.what()))? as usize;
            let own = reader.varint32().map_err(|e| bad(e.what()))?;
            let value_len = reader.varint32().map_err(|e| bad(e.what()))?;
            let delta = reader.take(own.into()).map_err(|e| bad(e.what()))?;
            let value = reader.take(value_len.into()).map_err(|e| bad(e.what()))?;
            match self.restart(next_restart) {
                Some(restart) if restart == at => {
                    if shared != 0 {
                        return Err(bad("a key that is not whole at a restart point"));
                    }
                    next_restart = next_restart.saturating_add(1);
                }
                Some(restart) if restart < at => return Err(bad("a restart offset inside a record")),
                _ => {}
            }
            let Some(old) = key.get(shared..) else {
                return Err(bad("it shares more bytes than the key before it has"));
            };
            // What is shared is equal, so the rest decides.
            if at > 0 && delta <= old {
                return Err(bad("its key is not after the one before it"));
            }
            key.truncate(shared);
            key.extend_from_slice(delta);
            each(key, value)?;
        }
        // An empty block has one restart offset, 0, and no record.
        let unused = self.restarts.saturating_sub(next_restart);
        if unused > 0 && !(records.is_empty() && self.restarts == 1) {
            return Err(Error::corrupt(format!(
                "{unused} restart offsets point at no record"
            )));
        }
        Ok(())
    }
}

fn decompress(stored: &[u8]) -> Result<Vec<u8>, String> {
    let bad = |e: snap::Error| format!("corrupted Snappy block: {e}");
    let len = snap::raw::decompress_len(stored).map_err(bad)?;
    if len > stored.len().saturating_mul(MAX_SNAPPY_RATIO) {
        return Err(format!(
            "corrupted Snappy block: {} bytes claim to hold {len}",
            stored.len()
        ));
    }
    snap::raw::Decoder::new().decompress_vec(stored).map_err(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc_vectors_of_the_format() {
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(mask_crc(0), 0xa282_ead8);
        assert_eq!(mask_crc(0xe306_9283), 0xc78a_b0e5);
    }

    #[test]
    fn the_empty_block() {
        let block = Block::new(vec![0, 0, 0, 0, 1, 0, 0, 0]).unwrap();
        block
            .for_each(&mut Vec::new(), |_, _| Err(Error::corrupt("a record")))
            .unwrap();
    }

    #[test]
    fn restarts_are_checked() {
        assert!(Block::new(vec![]).is_err());
        assert!(Block::new(vec![0xff; 8]).is_err());
        assert!(Block::new(vec![4, 0, 0, 0, 1, 0, 0, 0]).is_err());
        // One record, then a restart that shares bytes.
        let mut bytes = vec![0, 1, 0, b'a', 1, 1, 0, b'b'];
        bytes.extend_from_slice(&[0, 0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0]);
        let block = Block::new(bytes).unwrap();
        let e = block.for_each(&mut Vec::new(), |_, _| Ok(())).unwrap_err();
        assert!(e.to_string().contains("restart"), "{e}");
    }

    #[test]
    fn snappy_bombs_are_refused() {
        let e = decompress(&[0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0]).unwrap_err();
        assert!(e.contains("claim"), "{e}");
        let packed = snap::raw::Encoder::new().compress_vec(&[7; 1000]).unwrap();
        assert_eq!(decompress(&packed).unwrap(), vec![7; 1000]);
    }
}
