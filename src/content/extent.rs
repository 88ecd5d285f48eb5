//! Bytes of a file as they are: most tensors.

use std::sync::Arc;

use super::Produce;
use crate::error::Error;
use crate::error::Result;
use crate::source::KernelBytes;
use crate::source::Source;

/// The range `[offset, offset + len)` of a source. It lies in the source: [`Extent::new`] checks.
#[derive(Debug, Clone)]
pub struct Extent {
    source: Arc<dyn Source>,
    offset: u64,
    len: u64,
}

impl Extent {
    /// `len` bytes of `source` from `offset`; fails where they do not all exist.
    pub fn new(source: Arc<dyn Source>, offset: u64, len: u64) -> Result<Self> {
        match offset.checked_add(len) {
            Some(end) if end <= source.len() => Ok(Self { source, offset, len }),
            _ => Err(Error::corrupt(format!(
                "{len} bytes are stored here, but the file has only {}",
                source.len()
            ))
            .at(source.path())
            .offset(offset)
            .hint("the file is cut short; copy or download it again")),
        }
    }
}

impl Produce for Extent {
    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        // After the read, so that a file rewritten during it is noticed too.
        self.source.read_at(self.offset.saturating_add(offset), buf)?;
        self.source.check_unchanged()
    }

    fn mapped(&self, offset: u64, len: u64) -> Option<Result<KernelBytes<'_>>> {
        let bytes = self.source.map(self.offset.checked_add(offset)?, len)?;
        Some(self.source.check_unchanged().map(|()| bytes))
    }
}
