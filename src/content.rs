//! The bytes of one virtual file, as pieces.
//!
//! A [`Content`] is a list of pieces whose lengths sum to the size of the file, known before the first
//! byte is read. Most files are one piece: a shard extent behind an inline `.npy` header is two. A piece
//! makes its bytes when they are read, so a partitioned tensor of 10 GB costs what its slice list costs.
//!
//! A read either hands out mapped bytes ([`Content::mapped`], for the kernel only) or copies
//! ([`Content::read`]).

mod extent;
pub mod mask;
pub mod npy;
pub mod rendered;
pub mod repeat;
pub mod stitch;
pub mod strings;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::source::KernelBytes;

/// Bytes that can be produced at any offset, without those before.
pub trait Produce: Send + Sync + fmt::Debug {
    /// How many bytes there are.
    fn len(&self) -> u64;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `buf` with the bytes from `offset`; the caller stays within [`Produce::len`].
    fn read(&self, offset: u64, buf: &mut [u8]) -> Result<()>;

    /// The bytes `[offset, offset + len)` as they lie in a mapped file, where they do.
    fn mapped(&self, _offset: u64, _len: u64) -> Option<Result<KernelBytes<'_>>> {
        None
    }

    /// Bytes of memory it holds on to, for caches.
    fn weight(&self) -> usize {
        0
    }
}

impl Produce for Bytes {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    fn read(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let bytes = from.checked_add(buf.len()).and_then(|end| self.get(from..end));
        match bytes {
            Some(bytes) => {
                buf.copy_from_slice(bytes);
                Ok(())
            }
            None => Err(past_the_end(offset)),
        }
    }

    fn mapped(&self, offset: u64, len: u64) -> Option<Result<KernelBytes<'_>>> {
        let from = usize::try_from(offset).ok()?;
        let to = from.checked_add(usize::try_from(len).ok()?)?;
        self.get(from..to).map(|bytes| Ok(KernelBytes::owned(bytes)))
    }

    fn weight(&self) -> usize {
        <[u8]>::len(self)
    }
}

/// The bytes of one virtual file.
#[derive(Debug, Default)]
pub struct Content {
    /// Each piece with the offset at which it starts; starts ascend.
    pieces: Vec<(u64, Box<dyn Produce>)>,
    len: u64,
}

impl Content {
    /// A file with no bytes.
    pub fn new() -> Self {
        Self::default()
    }

    /// A file of ready bytes.
    pub fn inline(bytes: impl Into<Bytes>) -> Arc<Self> {
        let bytes: Bytes = bytes.into();
        let len = bytes.len() as u64;
        let pieces: Vec<(u64, Box<dyn Produce>)> = vec![(0, Box::new(bytes))];
        Arc::new(Self { pieces, len })
    }

    /// Appends a piece. Fails where the file would pass 2^63 - 1 bytes.
    pub fn push(&mut self, piece: impl Produce + 'static) -> Result<()> {
        let len = self
            .len
            .checked_add(piece.len())
            .filter(|len| i64::try_from(*len).is_ok())
            .ok_or_else(|| Error::new(ErrorKind::TooLarge, "the file would be larger than 2^63-1 bytes"))?;
        if !piece.is_empty() {
            self.pieces.push((self.len, Box::new(piece)));
        }
        self.len = len;
        Ok(())
    }

    /// The size of the file in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether the file has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of memory it holds on to.
    pub fn weight(&self) -> usize {
        self.pieces.iter().fold(size_of::<Self>(), |sum, (_, piece)| {
            sum.saturating_add(piece.weight()).saturating_add(64)
        })
    }

    /// How many of the `want` bytes at `offset` exist.
    pub fn available(&self, offset: u64, want: usize) -> usize {
        let left = self.len.saturating_sub(offset);
        usize::try_from(left).unwrap_or(usize::MAX).min(want)
    }

    /// The bytes at `offset`, cut at the end of the file, if one piece holds them all and has them
    /// mapped. For a reply to the kernel.
    pub fn mapped(&self, offset: u64, want: usize) -> Option<Result<KernelBytes<'_>>> {
        let len = self.available(offset, want) as u64;
        let (start, piece) = self.pieces.get(self.piece_at(offset)?)?;
        let within = offset.checked_sub(*start)?;
        if within.checked_add(len)? > piece.len() {
            return None;
        }
        piece.mapped(within, len)
    }

    /// Fills `buf` from `offset`; gives how many bytes that were (fewer only at the end of the file).
    pub fn read(&self, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let total = self.available(offset, buf.len());
        let Some(mut index) = self.piece_at(offset) else {
            return Ok(0);
        };
        let mut done = 0usize;
        while done < total {
            let at = offset.saturating_add(done as u64);
            let Some((start, piece)) = self.pieces.get(index) else {
                return Err(past_the_end(at));
            };
            let within = at.saturating_sub(*start);
            let left = usize::try_from(piece.len().saturating_sub(within)).unwrap_or(usize::MAX);
            let end = done.saturating_add(left).min(total);
            let Some(part) = buf.get_mut(done..end).filter(|part| !part.is_empty()) else {
                return Err(past_the_end(at));
            };
            piece.read(within, part)?;
            done = end;
            index = index.saturating_add(1);
        }
        Ok(total)
    }

    /// All bytes, for files known to be small (text, elements): at most `limit` of them.
    pub fn to_vec(&self, limit: u64) -> Result<Vec<u8>> {
        match usize::try_from(self.len) {
            Ok(len) if self.len <= limit => {
                let mut buf = vec![0; len];
                self.read(0, &mut buf)?;
                Ok(buf)
            }
            _ => Err(Error::new(
                ErrorKind::TooLarge,
                format!("{} bytes, more than the {limit} that are read at once", self.len),
            )),
        }
    }

    /// The piece that holds the byte at `offset`.
    fn piece_at(&self, offset: u64) -> Option<usize> {
        if offset >= self.len {
            return None;
        }
        self.pieces
            .partition_point(|(start, _)| *start <= offset)
            .checked_sub(1)
    }
}

pub(crate) fn past_the_end(offset: u64) -> Error {
    Error::new(
        ErrorKind::Io,
        format!("a read at {offset}, past the end of the virtual file"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Content {
        let mut content = Content::new();
        content.push(Bytes::from_static(b"head")).unwrap();
        content.push(Bytes::new()).unwrap();
        content.push(Bytes::from_static(b"body!")).unwrap();
        content
    }

    #[test]
    fn every_range_equals_the_whole() {
        let content = sample();
        let whole = content.to_vec(100).unwrap();
        assert_eq!(whole, b"headbody!");
        for from in 0..12 {
            for len in 0..12 {
                let mut buf = vec![0; len];
                let n = content.read(from as u64, &mut buf).unwrap();
                let want = whole.get(from..whole.len().min(from + len)).unwrap_or_default();
                assert_eq!(&buf[..n], want, "{from} {len}");
            }
        }
    }

    #[test]
    fn mapped_only_within_one_piece() {
        let content = sample();
        assert_eq!(content.mapped(4, 100).unwrap().unwrap().len(), 5);
        assert!(content.mapped(2, 4).is_none());
        assert!(content.mapped(9, 1).is_none());
    }

    #[test]
    fn sizes_are_bounded() {
        #[derive(Debug)]
        struct Huge;
        impl Produce for Huge {
            fn len(&self) -> u64 {
                1 << 62
            }
            fn read(&self, _: u64, _: &mut [u8]) -> Result<()> {
                Ok(())
            }
        }
        let mut content = Content::new();
        content.push(Huge).unwrap();
        assert_eq!(content.push(Huge).unwrap_err().kind(), ErrorKind::TooLarge);
        assert!(content.to_vec(1 << 20).is_err());
    }
}
