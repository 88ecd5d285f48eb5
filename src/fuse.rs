//! The adapter from a [`View`] to the kernel: FUSE, mounting, the background process.
//!
//! [`serve`] is `ckptfs mount`: it checks the mount point, opens the checkpoint, mounts, and stays in the
//! background until it is unmounted. [`Mounted`] is the same within a process that has more to do
//! (`ckptfs run`). [`umount`] is `ckptfs umount`.
//!
//! Nothing before this layer knows FUSE, and nothing here knows TensorFlow: it serves any view. Three rules
//! hold throughout (measured reasons at each place): the kernel is told only what stays true, so that it
//! need not ask again; an event loop never waits, slow work goes to the pool; and no failure of one file,
//! not even a panic, ends the mount.

mod adapter;
mod attr;
mod daemon;
mod failure;
mod fusermount;
mod init;
mod limits;
mod listing;
mod logs;
mod memory;
mod mount;
mod mountinfo;
mod notify;
mod options;
mod point;
mod pool;
mod probe;
mod readahead;
mod relay;
mod server;
mod session;
mod signals;
mod sizes;
mod stats;
mod umount;
mod xattr;

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

pub use limits::raise_open_files;
pub use options::MountOptions;
pub use session::Mounted;
pub use stats::Op;
pub use stats::Stats;
pub use umount::Unmounted;
pub use umount::umount;

use crate::error::Result;
use crate::tree::View;

/// Opens what is to be mounted. Called after the mount point was checked, in the process that will serve.
pub type Build = Box<dyn FnOnce() -> Result<Arc<dyn View>>>;

/// What to mount, where and how.
pub struct MountRequest {
    /// What `mount` and `df` show as the source, unless `-o fsname=` says otherwise.
    pub source_label: OsString,
    /// The directory to mount on; made if it is missing.
    pub mountpoint: PathBuf,
    /// Files and directories that the view reads: the mount must not hide them, nor lie in a directory.
    pub source_paths: Vec<PathBuf>,
    /// The `-o` options.
    pub options: MountOptions,
    /// Stay in the foreground.
    pub foreground: bool,
    /// Where the log goes; by default to the system's log, and in the foreground to stderr.
    pub log_file: Option<PathBuf>,
    /// Opens the view.
    pub build: Build,
}

impl fmt::Debug for MountRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MountRequest")
            .field("source_label", &self.source_label)
            .field("mountpoint", &self.mountpoint)
            .field("options", &self.options)
            .field("foreground", &self.foreground)
            .finish_non_exhaustive()
    }
}

/// Mounts, and serves until unmounted. In the background, unless the request says otherwise: returns
/// once the mount answers, while a process of its own goes on. Call it before any thread is started.
pub fn serve(request: MountRequest) -> Result<()> {
    if request.foreground {
        daemon::foreground(request)
    } else {
        daemon::background(request)
    }
}
