//! String tensors: all lengths, a checksum, then all bytes (format.md 2.3).
//!
//! Stricter than TensorFlow: lengths, checksum and bytes must fill the stored size exactly, and the table is
//! never larger than the stored bytes justify.

use crate::error::Error;
use crate::error::Result;
use crate::source::Extent;
use crate::tensor::Endianness;
use crate::wire::Reader;

/// How much of the lengths is read at a time.
const WINDOW: u64 = 64 * 1024;
/// A varint has at most this many bytes.
const MAX_VARINT: u64 = 10;
/// The CRC of the lengths, between them and the bytes.
const CHECKSUM_LEN: u64 = 4;

/// Where each string of a tensor lies.
#[derive(Debug, Clone)]
pub struct StringTable {
    place: Place,
    longest: u64,
    total: u64,
}

#[derive(Debug, Clone)]
enum Place {
    /// One after the other.
    Together {
        /// All bytes; `None` where there are none.
        bytes: Option<Extent>,
        /// The end of each string within `bytes`.
        ends: Vec<u64>,
    },
    /// Each on its own: a tensor that is stored in slices. `None` for an empty string.
    Scattered(Vec<Option<Extent>>),
}

impl StringTable {
    /// Reads the lengths of `count` strings stored in `extent`.
    pub(super) fn read(extent: Option<Extent>, count: u64, endianness: Endianness) -> Result<Self> {
        let Some(extent) = extent else {
            // Old writers stored nothing at all for no element.
            return match count {
                0 => Ok(Self::scattered(Vec::new())),
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
        Ok(Self {
            place: Place::Together {
                bytes: extent.part(start, total).filter(|bytes| !bytes.is_empty()),
                ends,
            },
            longest,
            total,
        })
    }

    /// Strings that lie here and there.
    pub(super) fn scattered(strings: Vec<Option<Extent>>) -> Self {
        let len = |string: &Option<Extent>| string.as_ref().map_or(0, Extent::len);
        Self {
            longest: strings.iter().map(len).max().unwrap_or(0),
            total: strings.iter().map(len).fold(0, u64::saturating_add),
            place: Place::Scattered(strings),
        }
    }

    /// How many strings there are.
    pub fn len(&self) -> u64 {
        match &self.place {
            Place::Together { ends, .. } => ends.len() as u64,
            Place::Scattered(strings) => strings.len() as u64,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of the longest.
    pub fn longest(&self) -> u64 {
        self.longest
    }

    /// Bytes of all together.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Where string `index` starts and ends within the bytes of all, where these lie together.
    pub fn range(&self, index: u64) -> Option<(u64, u64)> {
        let Place::Together { ends, .. } = &self.place else {
            return None;
        };
        let index = usize::try_from(index).ok()?;
        let end = *ends.get(index)?;
        let start = match index.checked_sub(1) {
            Some(before) => *ends.get(before)?,
            None => 0,
        };
        Some((start, end))
    }

    /// The bytes of all strings, one after the other; `None` where there are none, or they lie apart.
    pub fn together(&self) -> Option<&Extent> {
        match &self.place {
            Place::Together { bytes, .. } => bytes.as_ref(),
            Place::Scattered(_) => None,
        }
    }

    /// The bytes of string `index`; `Some(None)` for an empty one.
    pub fn string(&self, index: u64) -> Option<Option<Extent>> {
        if let Place::Scattered(strings) = &self.place {
            return strings.get(usize::try_from(index).ok()?).cloned();
        }
        let (start, end) = self.range(index)?;
        let len = end.saturating_sub(start);
        let bytes = self.together().and_then(|bytes| bytes.part(start, len));
        Some(bytes.filter(|bytes| !bytes.is_empty()))
    }

    /// Bytes of memory it holds.
    pub fn weight(&self) -> usize {
        match &self.place {
            Place::Together { ends, .. } => ends.len().saturating_mul(size_of::<u64>()),
            Place::Scattered(strings) => strings.len().saturating_mul(size_of::<Option<Extent>>()),
        }
    }
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
