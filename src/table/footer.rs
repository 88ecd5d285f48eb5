//! The last 48 bytes of a table, and block handles (format.md 1.2).

use crate::error::Error;
use crate::error::Result;
use crate::source::Source;
use crate::wire::Reader;

/// Length of the footer.
pub(super) const FOOTER_LEN: u64 = 48;
/// Bytes after each block: its type and the masked CRC of block and type.
pub(super) const TRAILER_LEN: u64 = 5;
/// Where the magic number stands in the footer; both handles end before it.
const MAGIC_AT: usize = 40;

/// The last eight bytes of every table: LevelDB's magic number, little endian.
pub const MAGIC: [u8; 8] = [0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb];

/// Where a block lies: its offset in the file and its length without the trailer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handle {
    /// Offset of the first byte.
    pub offset: u64,
    /// Bytes, as stored.
    pub size: u64,
}

impl Handle {
    /// Two varints. Bytes after them are left to the caller.
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        Ok(Self {
            offset: reader.varint()?,
            size: reader.varint()?,
        })
    }

    /// The offset after block and trailer, if it does not pass `limit`.
    pub(super) fn end_within(&self, limit: u64) -> Option<u64> {
        let end = self.offset.checked_add(self.size)?.checked_add(TRAILER_LEN)?;
        (end <= limit).then_some(end)
    }
}

/// Reads the footer; gives the handle of the index block.
pub(super) fn read_index_handle(source: &dyn Source) -> Result<Handle> {
    let at = source.len().checked_sub(FOOTER_LEN).ok_or_else(|| {
        Error::corrupt(format!(
            "{} bytes are too few for a TensorFlow table, whose footer alone has {FOOTER_LEN}",
            source.len()
        ))
        .at(source.path())
        .hint("the file is empty or cut short; copy or download it again")
    })?;
    let footer = source.read_vec(at, FOOTER_LEN)?;
    let (handles, magic) = footer.split_at_checked(MAGIC_AT).unwrap_or_default();
    let fail = |e: Error| {
        let inner = e.at_offset().unwrap_or(0);
        Error::corrupt(format!("bad footer: {}", e.what()))
            .at(source.path())
            .offset(at.saturating_add(inner))
    };
    if magic != MAGIC {
        return Err(
            fail(Error::corrupt("the magic number is missing").offset(MAGIC_AT as u64))
                .hint(magic_hint(source)),
        );
    }
    let mut reader = Reader::new(handles);
    // The metaindex block is always empty and never read, but its handle must make sense.
    let metaindex = Handle::decode(&mut reader).map_err(fail)?;
    let index = Handle::decode(&mut reader).map_err(fail)?;
    for (name, handle) in [("metaindex", metaindex), ("index", index)] {
        if handle.end_within(at).is_none() {
            return Err(fail(Error::corrupt(format!(
                "the {name} block would be {} bytes at {}, which is not inside the file",
                handle.size, handle.offset
            ))));
        }
    }
    Ok(index)
}

/// Says what a file without the magic number probably is.
fn magic_hint(source: &dyn Source) -> String {
    let head = source.read_vec(0, source.len().min(64)).unwrap_or_default();
    if head.starts_with(b"version https://git-lfs") {
        "this is a git-lfs pointer, not the file itself; run: git lfs pull".into()
    } else if head.iter().all(|b| *b == 0) {
        "the file begins with zeros: an interrupted copy or download; get it again".into()
    } else {
        "it is no table, or it is cut short; copy or download it again".into()
    }
}
