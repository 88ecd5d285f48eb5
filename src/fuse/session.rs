//! A live mount: the descriptor, the event loops and their end.
//!
//! [`Mounted`] is a mount that this process serves. It ends when it is unmounted, by this program or from
//! outside, and the last program that uses it lets go. Dropping it detaches it, so that no error path
//! leaves a dead mount behind.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::thread::JoinHandle;

use fuser::Config;
use fuser::Session;
use fuser::SessionACL;

use super::MountRequest;
use super::adapter::Adapter;
use super::failure::caught;
use super::memory;
use super::mount;
use super::mount::ActiveMount;
use super::options::MountOptions;
use super::point::MountPoint;
use super::readahead;
use super::stats::Stats;
use crate::error::Error;
use crate::error::Result;

/// A mount that this process serves, on threads of its own.
pub struct Mounted {
    mount: Arc<ActiveMount>,
    stats: Arc<Stats>,
    thread: Option<JoinHandle<std::io::Result<()>>>,
}

impl Mounted {
    /// Mounts and serves in this process; the caller goes on meanwhile. `foreground` and `log_file` of the
    /// request mean nothing here, and signals are the caller's: one that kills the process leaves a dead
    /// mount.
    pub fn start(request: MountRequest) -> Result<Self> {
        Self::start_with(request, || Ok(()))
    }

    /// [`Mounted::start`], with `before` called when all is checked and opened, just before mounting.
    pub(super) fn start_with(request: MountRequest, before: impl FnOnce() -> Result<()>) -> Result<Self> {
        let MountRequest {
            source_label,
            mountpoint,
            source_paths,
            options,
            build,
            ..
        } = request;
        memory::give_back();
        for note in &options.notes {
            log::warn!("{note}");
        }
        let point = MountPoint::check(&mountpoint, &source_paths)?;
        let view = caught(build)?;
        before()?;
        let adapter = Adapter::new(view, &options);
        let stats = adapter.stats();
        let source = options.fsname.as_ref().unwrap_or(&source_label);
        let (fd, active) = mount::mount(point, source, &options)?;
        let mut mounted = Self {
            mount: Arc::new(active),
            stats,
            thread: None,
        };
        // From here on, dropping `mounted` takes the mount away.
        let config = config(&options);
        let session = Session::from_fd(adapter, fd, config.acl, config)
            .map_err(|e| Error::mount(format!("the kernel does not answer: {e}")).at(mounted.path()))?;
        if let Some(dev) = mounted.mount.dev() {
            readahead::raise(dev, options.read_ahead_kb);
        }
        let mount = Arc::clone(&mounted.mount);
        let thread = thread::Builder::new()
            .name("ckptfs-session".into())
            .spawn(move || {
                let result = session.run();
                mount.ended();
                result
            });
        mounted.thread =
            Some(thread.map_err(|e| Error::mount(format!("cannot start a thread: {e}")).at(mounted.path()))?);
        Ok(mounted)
    }

    /// The canonical path of the mount point.
    pub fn path(&self) -> &Path {
        self.mount.path()
    }

    /// Requests served so far.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Takes the mount out of the directory tree; [`Mounted::wait`] then ends when nobody uses it.
    pub fn detach(&self) -> Result<()> {
        self.mount.detach()
    }

    /// Waits until the mount is unmounted and nobody uses it any more.
    pub fn wait(mut self) -> Result<()> {
        let Some(thread) = self.thread.take() else {
            return Ok(());
        };
        let path = self.mount.path().to_path_buf();
        match thread.join() {
            Ok(Ok(())) => Ok(()),
            Ok(Err(e)) => Err(Error::mount(format!("serving the mount failed: {e}")).at(path)),
            Err(_) => Err(Error::mount("serving the mount failed: a panic").at(path)),
        }
    }

    /// Unmounts, and waits until nobody uses it any more.
    pub fn unmount(self) -> Result<()> {
        self.detach()?;
        self.wait()
    }

    pub(super) fn active(&self) -> Arc<ActiveMount> {
        Arc::clone(&self.mount)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if !self.mount.is_over()
            && let Err(e) = self.mount.detach()
        {
            log::error!("{e}");
        }
    }
}

impl fmt::Debug for Mounted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mounted")
            .field("path", &self.path())
            .finish_non_exhaustive()
    }
}

fn config(options: &MountOptions) -> Config {
    let mut config = Config::default();
    config.acl = if options.allow_other {
        SessionACL::All
    } else {
        SessionACL::Owner
    };
    config.n_threads = Some(options.thread_count());
    // A descriptor each lets the loops take requests side by side, but fuser opens /dev/fuse anew for
    // that, which a user whose mount fusermount3 made may not be allowed to.
    config.clone_fd = mount::may_open_device();
    config
}
