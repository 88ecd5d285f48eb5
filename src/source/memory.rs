//! A file that lives in memory.

use std::path::Path;
use std::path::PathBuf;

use bytes::Bytes;

use super::FileStat;
use super::KernelBytes;
use super::Source;
use crate::error::Error;
use crate::error::Result;

/// Bytes of our own making under the name of the file they come from.
#[derive(Debug)]
pub struct MemorySource {
    path: PathBuf,
    bytes: Bytes,
    stat: FileStat,
}

impl MemorySource {
    /// `bytes` as if they were the file `path`, with its `stat`.
    pub fn new(path: impl Into<PathBuf>, bytes: Bytes, stat: FileStat) -> Self {
        Self {
            path: path.into(),
            bytes,
            stat,
        }
    }
}

impl Source for MemorySource {
    fn path(&self) -> &Path {
        &self.path
    }

    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        match range(&self.bytes, offset, buf.len()) {
            Some(bytes) => {
                buf.copy_from_slice(bytes);
                Ok(())
            }
            None => Err(Error::corrupt(format!(
                "{} bytes wanted, but the data ends at {}",
                buf.len(),
                self.bytes.len()
            ))
            .at(&self.path)
            .offset(offset)),
        }
    }

    fn map(&self, offset: u64, len: u64) -> Option<KernelBytes<'_>> {
        range(&self.bytes, offset, usize::try_from(len).ok()?).map(KernelBytes::owned)
    }

    fn stat(&self) -> FileStat {
        self.stat
    }

    fn check_unchanged(&self) -> Result<()> {
        Ok(())
    }
}

fn range(bytes: &[u8], offset: u64, len: usize) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    bytes.get(start..start.checked_add(len)?)
}
