//! Unmounting: `ckptfs umount DIR`.
//!
//! Only ckptfs mounts are touched. A mount that programs use is detached: it vanishes from the tree at
//! once, they keep what they have open, and its process ends with the last of them. A dead mount, whose
//! process was killed, is removed the same way. Done means gone from /proc/self/mountinfo.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use super::fusermount;
use super::mountinfo;
use super::mountinfo::MountEntry;
use super::point;
use super::probe;
use crate::error::Error;
use crate::error::Result;

/// How long the mount may take to vanish from mountinfo; a detached one does so at once.
const PATIENCE: Duration = Duration::from_secs(5);

/// What became of a mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmounted {
    /// It is gone.
    Gone,
    /// It is gone from the directory tree; programs still use files in it, and the process that serves
    /// them ends when they are done.
    StillInUse,
    /// It was dead: the process that served it had been killed.
    WasDead,
}

/// Unmounts the ckptfs that is mounted on `dir`.
pub fn umount(dir: &Path) -> Result<Unmounted> {
    let path = point::locate(dir).map_err(|e| Error::mount(format!("cannot unmount: {e}")).at(dir))?;
    let Some(entry) = mountinfo::at(&path)? else {
        return Err(not_mounted(&path));
    };
    if !entry.is_ckptfs() {
        return Err(Error::mount(format!(
            "what is mounted here is {} ({}), not ckptfs",
            entry.fs_type,
            entry.source.to_string_lossy()
        ))
        .at(&path)
        .hint(format!("unmount it with: umount {}", path.display())));
    }
    let dead = probe::is_dead(&path);
    // Without MNT_DETACH first: whether it is refused tells whether anybody uses it.
    let busy = !dead && plainly(&path).is_err();
    if busy || dead {
        lazily(&path)?;
    }
    vanished(&path, &entry)?;
    Ok(match (dead, busy) {
        (true, _) => Unmounted::WasDead,
        (_, true) => Unmounted::StillInUse,
        _ => Unmounted::Gone,
    })
}

/// Detaches what is mounted on `path`, whoever uses it.
pub(super) fn lazily(path: &Path) -> Result<()> {
    match system(path, libc::MNT_DETACH) {
        Ok(()) => Ok(()),
        Err(e) if e.raw_os_error() == Some(libc::EPERM) => {
            fusermount::unmount(path, true).map_err(|e| e.at(path))
        }
        Err(e) => Err(Error::mount(format!("cannot unmount: {e}")).at(path)),
    }
}

fn plainly(path: &Path) -> Result<()> {
    match system(path, 0) {
        Ok(()) => Ok(()),
        Err(e) if e.raw_os_error() == Some(libc::EPERM) => fusermount::unmount(path, false),
        Err(e) => Err(Error::io("unmounting", &e)),
    }
}

fn system(path: &Path, flags: libc::c_int) -> io::Result<()> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: the path is NUL-terminated and outlives the call.
    let done = unsafe { libc::umount2(path.as_ptr(), flags | libc::UMOUNT_NOFOLLOW) };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Waits until that very mount is gone.
fn vanished(path: &Path, entry: &MountEntry) -> Result<()> {
    let deadline = Instant::now().checked_add(PATIENCE);
    loop {
        let there = mountinfo::all()?
            .iter()
            .any(|now| now.id == entry.id && now.dev == entry.dev && now.point == path);
        if !there {
            return Ok(());
        }
        if deadline.is_none_or(|deadline| Instant::now() > deadline) {
            return Err(Error::mount("is still mounted").at(path));
        }
        thread::sleep(Duration::from_millis(10));
    }
}

fn not_mounted(path: &Path) -> Error {
    let error = Error::mount("nothing is mounted here").at(path);
    let ours: Vec<String> = mountinfo::all()
        .unwrap_or_default()
        .iter()
        .filter(|entry| entry.is_ckptfs())
        .map(|entry| entry.point.display().to_string())
        .collect();
    if ours.is_empty() {
        error.hint("no ckptfs is mounted at all")
    } else {
        error.hint(format!("ckptfs is mounted on {}", ours.join(", ")))
    }
}
