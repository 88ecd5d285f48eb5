//! Variant tensors: a length, a message and a checksum for each element (format.md 2.4).

use crate::error::Error;
use crate::error::Result;
use crate::source::Extent;
use crate::tensor::variants::VariantTable;
use crate::wire::Reader;

/// The running CRC after each message.
const CHECKSUM_LEN: u64 = 4;
/// A varint has at most this many bytes.
const MAX_VARINT: u64 = 10;
/// The shortest element: a length of 0 and its checksum.
const MIN_ELEMENT: u64 = 1 + CHECKSUM_LEN;

/// Walks over `count` elements stored in `extent`, reading their lengths only.
pub(super) fn read(extent: Option<Extent>, count: u64) -> Result<VariantTable> {
    let mut messages = Vec::new();
    let Some(extent) = extent else {
        return match count {
            0 => Ok(VariantTable::new(messages)),
            _ => Err(Error::corrupt(format!("{count} variants in no bytes"))),
        };
    };
    let place = |what: String, at: u64| {
        Error::corrupt(what)
            .at(extent.source().path())
            .offset(extent.offset().saturating_add(at))
    };
    if count.saturating_mul(MIN_ELEMENT) > extent.len() {
        return Err(place(
            format!("{count} variants cannot be stored in {} bytes", extent.len()),
            0,
        ));
    }
    let mut at = 0u64;
    for index in 0..count {
        let head = MAX_VARINT.min(extent.len().saturating_sub(at));
        let mut buf = vec![0; usize::try_from(head).unwrap_or(0)];
        extent.read(at, &mut buf)?;
        let mut reader = Reader::new(&buf);
        let len = reader
            .varint()
            .map_err(|e| place(format!("length of variant {index}: {}", e.what()), at))?;
        let start = at.saturating_add(reader.position() as u64);
        let end = start
            .checked_add(len)
            .and_then(|end| end.checked_add(CHECKSUM_LEN));
        let message = extent.part(start, len);
        let (Some(end), Some(message)) = (end.filter(|end| *end <= extent.len()), message) else {
            return Err(place(
                format!("variant {index} of {len} bytes passes the stored end"),
                at,
            ));
        };
        messages.push(Some(message).filter(|m| !m.is_empty()));
        at = end;
    }
    if at != extent.len() {
        return Err(place(
            format!("{} bytes after the last variant", extent.len().saturating_sub(at)),
            at,
        ));
    }
    Ok(VariantTable::new(messages))
}
