//! Where to mount: is this directory fit for it.
//!
//! Checked before the checkpoint is opened, which may take long. A missing directory is made just before
//! mounting, so that an interrupted start leaves none, and removed again when the mount ends. Each refusal
//! says what to do.
//!
//! A mount point that hides the source is refused: whoever reads the shards through the hidden path,
//! this program included, would wait for itself. Paths are compared by component, since comparing text
//! would refuse `/data/ckpt-10` for a source in `/data/ckpt`.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use super::mountinfo;
use super::probe;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;

/// A directory to mount on.
#[derive(Debug)]
pub(super) struct MountPoint {
    path: PathBuf,
    /// It was missing, and is made for this mount.
    missing: bool,
}

impl MountPoint {
    /// Checks `dir` against what is mounted and against the `sources`.
    pub(super) fn check(dir: &Path, sources: &[PathBuf]) -> Result<Self> {
        let path = match locate(dir) {
            Ok(path) => path,
            Err(e) => return Err(unusable(dir, &e)),
        };
        if let Some(entry) = mountinfo::at(&path)?.filter(mountinfo::MountEntry::is_ckptfs) {
            let source = entry.source.to_string_lossy().into_owned();
            return Err(if probe::is_dead(&path) {
                dead(&path)
            } else {
                Error::mount(format!("{source} is already mounted here"))
                    .at(&path)
                    .hint(format!("unmount it first: ckptfs umount {}", path.display()))
            });
        }
        apart(&path, sources)?;
        let missing = match fs::metadata(&path) {
            Ok(meta) if meta.is_dir() => false,
            Ok(_) => {
                return Err(Error::mount("is not a directory")
                    .at(&path)
                    .hint("a checkpoint is mounted on a directory"));
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => true,
            Err(e) => return Err(unusable(&path, &e)),
        };
        let mut point = Self { path, missing };
        if missing {
            // Whether it can be made is known for sure by making it.
            point.make()?;
            point.remove_if_made();
        } else if fs::read_dir(&point.path).is_ok_and(|mut entries| entries.next().is_some()) {
            let path = point.path.display();
            log::warn!("{path}: is not empty; its files are hidden while mounted");
        }
        Ok(point)
    }

    /// Makes the directory, if it was missing or is now: a mount that was just unmounted takes the directory that it
    /// made away when it ends, which may be after [`MountPoint::check`] saw it.
    pub(super) fn make(&mut self) -> Result<()> {
        self.missing = self.missing || self.is_gone();
        if !self.missing {
            return Ok(());
        }
        fs::create_dir(&self.path)
            .map_err(|e| as_mount(Error::io("cannot create the mount point", &e).at(&self.path)))
    }

    /// Whether there is no such directory.
    pub(super) fn is_gone(&self) -> bool {
        fs::symlink_metadata(&self.path).is_err_and(|e| e.kind() == io::ErrorKind::NotFound)
    }

    /// Its canonical path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the directory, if it was made for the mount and nothing is in it or on it.
    pub(super) fn remove_if_made(&self) {
        if self.missing && matches!(mountinfo::at(&self.path), Ok(None)) {
            // Fails where somebody put something into it, which is theirs.
            fs::remove_dir(&self.path).ok();
        }
    }
}

/// The canonical path of `dir`, whose last component may be missing or a dead mount.
pub(super) fn locate(dir: &Path) -> io::Result<PathBuf> {
    let error = match fs::canonicalize(dir) {
        Ok(path) => return Ok(path),
        Err(e) => e,
    };
    // The last component cannot be looked at; the directory it lies in can.
    let absolute = std::path::absolute(dir)?;
    match (absolute.parent(), absolute.file_name()) {
        (Some(parent), Some(name)) => match fs::canonicalize(parent) {
            Ok(parent) => Ok(parent.join(name)),
            Err(_) => Err(error),
        },
        _ => Err(error),
    }
}

/// Refuses a mount point that hides a source or lies in one.
fn apart(point: &Path, sources: &[PathBuf]) -> Result<()> {
    for source in sources {
        let Ok(source) = fs::canonicalize(source) else {
            continue;
        };
        let (what, other) = if source.starts_with(point) {
            ("the mount would hide its own source", &source)
        } else if source.is_dir() && point.starts_with(&source) {
            ("the mount point lies in its own source", &source)
        } else {
            continue;
        };
        return Err(Error::mount(format!("{what}, {}", other.display()))
            .at(point)
            .hint("mount it somewhere else, for example on an empty directory beside it"));
    }
    Ok(())
}

fn unusable(path: &Path, error: &io::Error) -> Error {
    if error.raw_os_error() == Some(libc::ENOTCONN) {
        return dead(path);
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let hint = match (error.kind(), parent) {
        (io::ErrorKind::NotFound, Some(parent)) => {
            format!(
                "create the directory that it is to lie in: mkdir -p {}",
                parent.display()
            )
        }
        (io::ErrorKind::PermissionDenied, _) => {
            "mount on a directory that you may enter and write to".to_owned()
        }
        _ => "mount on a directory".to_owned(),
    };
    as_mount(Error::io("cannot be mounted on", error).at(path)).hint(hint)
}

fn dead(path: &Path) -> Error {
    Error::mount("a dead mount is here, whose ckptfs was killed (\"Transport endpoint is not connected\")")
        .at(path)
        .hint(format!("remove it first: ckptfs umount {}", path.display()))
}

/// What fails about the mount point is a failed mount, whatever the system calls it.
fn as_mount(error: Error) -> Error {
    let mut mount = Error::new(ErrorKind::Mount, error.what());
    if let Some(path) = error.path() {
        mount = mount.at(path);
    }
    match error.hint_text() {
        Some(hint) => mount.hint(hint),
        None => mount,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_directories_are_made_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new");
        let mut point = MountPoint::check(&path, &[]).unwrap();
        assert!(!path.exists());
        point.make().unwrap();
        assert!(path.is_dir());
        point.remove_if_made();
        assert!(!path.exists());
        let mut kept = MountPoint::check(dir.path(), &[]).unwrap();
        kept.make().unwrap();
        kept.remove_if_made();
        assert!(dir.path().exists());
    }

    #[test]
    fn unfit_mount_points_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let text = |path: &Path| MountPoint::check(path, &[]).unwrap_err().to_string();
        assert!(text(&file).contains("is not a directory"));
        assert!(text(&file.join("x")).contains("cannot be mounted on"));
        let deep = text(&dir.path().join("a/b"));
        assert!(deep.contains("mkdir -p"), "{deep}");
    }

    #[test]
    fn overlap_is_by_component() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("ckpt");
        fs::create_dir(&data).unwrap();
        fs::create_dir(dir.path().join("ckpt-10")).unwrap();
        let index = data.join("model.index");
        fs::write(&index, "").unwrap();
        let check = |point: &Path, source: &Path| MountPoint::check(point, &[source.to_path_buf()]);
        for point in [&data, &data.join("../ckpt"), dir.path()] {
            let e = check(point, &index).unwrap_err();
            assert!(e.to_string().contains("would hide its own source"), "{e}");
        }
        let e = check(&data.join("mnt"), &data).unwrap_err();
        assert!(e.to_string().contains("lies in its own source"), "{e}");
        assert!(!data.join("mnt").exists());
        // Beside the files of a prefix is fine, and so is a name that only begins alike.
        check(&data.join("mnt"), &index).unwrap();
        check(&dir.path().join("ckpt-10"), &data).unwrap();
        check(&dir.path().join("ckpt-10"), &dir.path().join("missing")).unwrap();
    }
}
