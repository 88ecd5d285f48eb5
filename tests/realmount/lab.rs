//! Mounts of checkpoints.

use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

pub(crate) use super::mounting::lab::*;
use super::support;

/// The sample: a graph, 29 tensors in one shard.
pub(crate) const SAMPLE: &str = "sundaynet/results/model.ckpt-10";
/// Three shards, with a graph.
pub(crate) const SHARDED: &str = "sharded/model.ckpt-1";

impl Lab {
    /// `ckptfs mount SOURCE mnt`, logging to `log`.
    pub(crate) fn mount_command(&self, source: &Path, options: &str) -> Command {
        let mut command = self.program(&["mount", "--log-file", "log"]);
        if !options.is_empty() {
            command.args(["-o", options]);
        }
        command.arg(source).arg(self.path("mnt"));
        command
    }

    /// Mounts; gives the mount point.
    pub(crate) fn mount(&self, source: &Path, options: &str) -> PathBuf {
        ok(&mut self.mount_command(source, options));
        self.path("mnt")
    }

    /// Mounts the sample.
    pub(crate) fn mount_sample(&self) -> PathBuf {
        self.mount(&support::data().join(SAMPLE), "")
    }

    pub(crate) fn umount(&self) -> String {
        let mut command = self.program(&["umount"]);
        let output = finish(command.arg(self.path("mnt")));
        assert!(output.status.success(), "{}", said(&output));
        said(&output)
    }

    /// A copy of the files of a fixture, which all users may read; gives the prefix.
    pub(crate) fn copy_of(&self, fixture: &str) -> PathBuf {
        let from = support::data().join(fixture);
        let to = self.path("source");
        fs::create_dir(&to).unwrap();
        fs::set_permissions(&to, Permissions::from_mode(0o755)).unwrap();
        let name = from.file_name().unwrap().to_str().unwrap();
        for entry in fs::read_dir(from.parent().unwrap()).unwrap() {
            let entry = entry.unwrap();
            if entry.file_name().to_str().unwrap().starts_with(name) {
                let copy = to.join(entry.file_name());
                fs::copy(entry.path(), &copy).unwrap();
                fs::set_permissions(&copy, Permissions::from_mode(0o644)).unwrap();
            }
        }
        to.join(name)
    }
}

/// The file that is at `prefix` with `suffix` added.
pub(crate) fn with_suffix(prefix: &Path, suffix: &str) -> PathBuf {
    let mut path = prefix.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}
