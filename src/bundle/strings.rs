//! String tensors: all lengths, a checksum, then all bytes (format.md 2.3).
//!
//! Stricter than TensorFlow: lengths, checksum and bytes must fill the stored size exactly, and the table is
//! never larger than the stored bytes justify.

use crate::error::Error;
use crate::error::Result;
use crate::source::Extent;
use crate::tensor::Endianness;
use crate::tensor::strings::StringTable;
use crate::wire::Reader;

/// How much of the lengths is read at a time.
const WINDOW: u64 = 64 * 1024;
/// A varint has at most this many bytes.
const MAX_VARINT: u64 = 10;
/// The CRC of the lengths, between them and the bytes.
const CHECKSUM_LEN: u64 = 4;

/// Reads the lengths of `count` strings stored in `extent`.
pub(super) fn read(extent: Option<Extent>, count: u64, endianness: Endianness) -> Result<StringTable> {
    let Some(extent) = extent else {
        // Old writers stored nothing at all for no element.
        return match count {
            0 => Ok(StringTable::scattered(Vec::new())),
            _ => Err(Error::corrupt(format!("{count} strings in no bytes"))),
        };
    };
    let place = |e: Error, at: u64| {
        let inner = e.at_offset().unwrap_or(0);
        Error::corrupt(format!("string lengths: {}", e.what()))
            .at(extent.source().path())
            .offset(extent.offset().saturating_add(at).saturating_add(inner))
    };
    let room = extent.len().saturating_sub(CHECKSUM_LEN);
    if count > room {
        return Err(place(
            Error::corrupt(format!(
                "{count} strings cannot be stored in {} bytes",
                extent.len()
            )),
            0,
        ));
    }
    let mut ends = Vec::new();
    let (mut total, mut longest, mut crc) = (0u64, 0u64, 0u32);
    let (mut at, mut left) = (0u64, count);
    while left > 0 {
        let len = WINDOW
            .min(left.saturating_mul(MAX_VARINT))
            .min(room.saturating_sub(at));
        let window = read_part(&extent, at, len)?;
        let mut reader = Reader::new(&window);
        let before = left;
        while left > 0 && (reader.rest().len() as u64 >= MAX_VARINT || at.saturating_add(len) >= room) {
            let string = reader.varint().map_err(|e| place(e, at))?;
            total = total
                .checked_add(string)
                .filter(|total| *total <= room)
                .ok_or_else(|| place(Error::corrupt("they sum to more than is stored"), at))?;
            crc = fold_length(crc, string, endianness);
            longest = longest.max(string);
            ends.push(total);
            left = left.saturating_sub(1);
        }
        at = at.saturating_add(reader.position() as u64);
        if left == before {
            return Err(place(Error::corrupt("they do not end where they should"), at));
        }
    }
    let stored = read_part(&extent, at, CHECKSUM_LEN)?;
    let stored = stored.first_chunk().copied().unwrap_or_default();
    let stored = match endianness {
        Endianness::Little => u32::from_le_bytes(stored),
        Endianness::Big => u32::from_be_bytes(stored),
    };
    let computed = crate::table::mask_crc(crc);
    if stored != computed {
        return Err(place(
            Error::corrupt(format!(
                "checksum mismatch: stored {stored:#010x}, computed {computed:#010x}"
            )),
            at,
        ));
    }
    let start = at.saturating_add(CHECKSUM_LEN);
    if start.saturating_add(total) != extent.len() {
        return Err(place(
            Error::corrupt(format!(
                "they sum to {total} bytes, but {} follow",
                extent.len().saturating_sub(start)
            )),
            at,
        ));
    }
    let bytes = extent.part(start, total).filter(|bytes| !bytes.is_empty());
    Ok(StringTable::joined(bytes, ends, longest))
}

fn read_part(extent: &Extent, at: u64, len: u64) -> Result<Vec<u8>> {
    let mut buf = vec![0; usize::try_from(len).unwrap_or(0)];
    extent.read(at, &mut buf)?;
    Ok(buf)
}

/// Lengths enter the checksum as 4 bytes, or 8 beyond 2^32, in the writer's byte order.
fn fold_length(crc: u32, length: u64, endianness: Endianness) -> u32 {
    match (u32::try_from(length), endianness) {
        (Ok(short), Endianness::Little) => crc32c::crc32c_append(crc, &short.to_le_bytes()),
        (Ok(short), Endianness::Big) => crc32c::crc32c_append(crc, &short.to_be_bytes()),
        (Err(_), Endianness::Little) => crc32c::crc32c_append(crc, &length.to_le_bytes()),
        (Err(_), Endianness::Big) => crc32c::crc32c_append(crc, &length.to_be_bytes()),
    }
}
