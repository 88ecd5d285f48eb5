//! Mounts of toys.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use ckptfs::fuse::MountOptions;
use ckptfs::fuse::MountRequest;
use ckptfs::fuse::Mounted;

use super::daemon;
pub(crate) use super::mounting::lab::*;
use super::toy_view::ToyView;

impl Lab {
    /// Mounts `view` on `mnt`, served by this process.
    pub(crate) fn mount(&self, view: ToyView, options: &str) -> (Mounted, Arc<ToyView>) {
        let view = Arc::new(view);
        let shown = Arc::clone(&view);
        let mut parsed = MountOptions::default();
        parsed.parse(options.as_ref()).unwrap();
        let mounted = Mounted::start(MountRequest {
            source_label: "toy".into(),
            mountpoint: self.path("mnt"),
            source_paths: Vec::new(),
            options: parsed,
            foreground: false,
            log_file: None,
            build: Box::new(move || Ok(shown)),
        });
        (mounted.unwrap(), view)
    }

    /// A file with a pattern in it, to be mapped.
    pub(crate) fn shard(&self, len: usize) -> PathBuf {
        let path = self.path("shard.data");
        std::fs::write(&path, super::toy_view::pattern(len)).unwrap();
        path
    }

    /// The toy, with arguments.
    pub(crate) fn toy(&self, args: &[&str]) -> Command {
        let mut command = self.program(args);
        command.env(daemon::ROLE, "1");
        command
    }

    /// `toy mount ... mnt`, logging to `log`.
    pub(crate) fn mount_toy(&self, args: &[&str]) -> Command {
        let mut command = self.toy(&["mount", "--log", "log"]);
        command.arg(self.path("mnt")).args(args);
        command
    }
}
