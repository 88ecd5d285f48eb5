//! Where bytes come from.
//!
//! A [`Store`] opens, lists and stats; a [`Source`] is one open file: its length, exact reads, mapped
//! ranges and its identity; an [`Extent`] is a range of one. Today both are local files ([`LocalStore`]) or memory ([`MemorySource`]:
//! a text `.meta` turned into its binary form); an object store would implement the same two traits.
//! Nothing after this layer knows where bytes live.
//!
//! Two ways to the bytes, for two uses (design.md 5):
//! * [`Source::read_at`] copies into a buffer. Everything that *looks* at bytes uses it.
//! * [`Source::map`] gives [`KernelBytes`], which only the reply to the kernel may use. If the file
//!   was cut meanwhile, the kernel's copy fails with EFAULT and the reader gets EIO; our own load
//!   from such a page would be SIGBUS.

mod extent;
mod local;
mod map;
mod memory;

use std::fmt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

pub use extent::Extent;
pub use local::LocalStore;
pub use map::KernelBytes;
pub use memory::MemorySource;

use crate::error::Result;

/// What tells one state of a file from another: a rewritten or replaced file differs in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity {
    /// Device number.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
    /// Length in bytes.
    pub len: u64,
    /// Modification time, seconds and nanoseconds since the epoch.
    pub mtime: (i64, i64),
}

/// What `stat` says of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileStat {
    /// Which state of which file it is.
    pub identity: Identity,
    /// Whether it is a directory.
    pub is_dir: bool,
    /// Whether it is a regular file.
    pub is_file: bool,
    /// Permission bits, 0o7777.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Modification time.
    pub modified: SystemTime,
}

/// One open file.
pub trait Source: Send + Sync + fmt::Debug {
    /// The path it was opened by, for messages.
    fn path(&self) -> &Path;

    /// Its length in bytes when it was opened.
    fn len(&self) -> u64;

    /// Whether it had no bytes when it was opened.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `buf` from `offset`. A file that ends before is an error, never a short read.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()>;

    /// The bytes `[offset, offset + len)` for a reply to the kernel; `None` where the source cannot be
    /// mapped or the range does not lie in it.
    fn map(&self, offset: u64, len: u64) -> Option<KernelBytes<'_>>;

    /// What it was when it was opened.
    fn stat(&self) -> FileStat;

    /// Fails when the file is no longer what was opened: its length or modification time differ.
    fn check_unchanged(&self) -> Result<()>;

    /// Reads `[offset, offset + len)` into a new buffer. The range is checked against the length of
    /// the file first, so a length that a file merely claims allocates nothing.
    fn read_vec(&self, offset: u64, len: u64) -> Result<Vec<u8>> {
        let end = offset.checked_add(len).filter(|end| *end <= self.len());
        let size = usize::try_from(len).ok();
        let (Some(_), Some(size)) = (end, size) else {
            return Err(crate::Error::corrupt(format!(
                "{len} bytes wanted, but the file ends at {}",
                self.len()
            ))
            .at(self.path())
            .offset(offset));
        };
        let mut buf = vec![0; size];
        self.read_at(offset, &mut buf)?;
        Ok(buf)
    }
}

/// Where files are found.
pub trait Store: Send + Sync + fmt::Debug {
    /// Opens a file for reading.
    fn open(&self, path: &Path) -> Result<Arc<dyn Source>>;

    /// The names in a directory, sorted by bytes.
    fn list(&self, dir: &Path) -> Result<Vec<PathBuf>>;

    /// What a path is; `None` where nothing is there. Symbolic links are followed.
    fn stat(&self, path: &Path) -> Result<Option<FileStat>>;
}
