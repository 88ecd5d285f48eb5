//! A range of a file.

use std::sync::Arc;

use super::KernelBytes;
use super::Source;
use crate::error::Error;
use crate::error::Result;

/// The bytes `[offset, offset + len)` of a source. They exist: [`Extent::new`] checks.
#[derive(Debug, Clone)]
pub struct Extent {
    source: Arc<dyn Source>,
    offset: u64,
    len: u64,
}

impl Extent {
    /// `len` bytes of `source` from `offset`; fails where the file does not have them all.
    pub fn new(source: Arc<dyn Source>, offset: u64, len: u64) -> Result<Self> {
        match offset.checked_add(len) {
            Some(end) if end <= source.len() => Ok(Self { source, offset, len }),
            _ => Err(Error::corrupt(format!(
                "{len} bytes should be stored here, but the file has only {}",
                source.len()
            ))
            .at(source.path())
            .offset(offset)
            .hint("the file is cut short; copy or download it again")),
        }
    }

    /// The file.
    pub fn source(&self) -> &Arc<dyn Source> {
        &self.source
    }

    /// Where it starts in the file.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How many bytes there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The part `[offset, offset + len)` of it; `None` where that is not inside.
    pub fn part(&self, offset: u64, len: u64) -> Option<Self> {
        let end = offset.checked_add(len)?;
        (end <= self.len).then(|| Self {
            source: self.source.clone(),
            offset: self.offset.saturating_add(offset),
            len,
        })
    }

    /// Fills `buf` from `offset` within it, and fails if the file is not what was opened any more: asked
    /// after the read, so that a rewrite during it is noticed too.
    pub fn read(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        match offset.checked_add(buf.len() as u64) {
            Some(end) if end <= self.len => {}
            _ => {
                return Err(
                    Error::corrupt(format!("{} bytes wanted past the end of a range", buf.len()))
                        .at(self.source.path())
                        .offset(self.offset.saturating_add(offset)),
                );
            }
        }
        self.source.read_at(self.offset.saturating_add(offset), buf)?;
        self.source.check_unchanged()
    }

    /// The bytes `[offset, offset + len)` within it for a reply to the kernel, where they are mapped.
    pub fn map(&self, offset: u64, len: u64) -> Option<Result<KernelBytes<'_>>> {
        offset.checked_add(len).filter(|end| *end <= self.len)?;
        let bytes = self.source.map(self.offset.checked_add(offset)?, len)?;
        Some(self.source.check_unchanged().map(|()| bytes))
    }
}
