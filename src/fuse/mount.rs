//! Making the mount: /dev/fuse and mount(2), or fusermount3 for those who may not.
//!
//! fuser could do this, but its own mount code shows the type `fuse` instead of `fuse.ckptfs`, unmounts
//! a second time what was unmounted from outside (and with it whatever lies below), leaves a dead mount
//! where the mount was busy, and mounts on plain files. So the descriptor is made here and handed to it.
//!
//! Invariant: [`ActiveMount::detach`] touches the mount only if the one on top is the one that was made
//! here.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::ffi::OsStr;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsRawFd;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use super::fusermount;
use super::mountinfo;
use super::mountinfo::FS_TYPE;
use super::mountinfo::MountEntry;
use super::options::MountOptions;
use super::point::MountPoint;
use super::umount;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;

/// Where the kernel's side of FUSE is.
pub(super) const DEVICE: &str = "/dev/fuse";

/// What works with no mount at all.
const WITHOUT: &str = "`ckptfs ls`, `cat`, `cp` and `print` work without FUSE";

/// mount(2) takes a page for the source.
const FSNAME_MAX: usize = 1024;

/// A mount that was made here.
#[derive(Debug)]
pub(super) struct ActiveMount {
    point: MountPoint,
    /// What the kernel calls it; `None` where /proc does not show it.
    entry: Option<MountEntry>,
    /// It is gone, or the session that served it is over: hands off.
    over: AtomicBool,
}

impl ActiveMount {
    pub(super) fn path(&self) -> &Path {
        self.point.path()
    }

    /// `major:minor` of its device number.
    pub(super) fn dev(&self) -> Option<&str> {
        self.entry.as_ref().map(|entry| entry.dev.as_str())
    }

    /// Takes it out of the directory tree at once. Programs that have files open keep them; the session
    /// ends when the last one lets go. Does nothing where it is gone already.
    pub(super) fn detach(&self) -> Result<()> {
        if self.over.load(Ordering::Acquire) {
            return Ok(());
        }
        let path = self.path();
        let ours = self.entry.as_ref();
        let here = mountinfo::all()?;
        let Some(ours) = ours.filter(|ours| {
            here.iter()
                .any(|entry| entry.dev == ours.dev && entry.point == path)
        }) else {
            self.over.store(true, Ordering::Release);
            return Ok(());
        };
        match here.iter().rfind(|entry| entry.point == path) {
            Some(top) if top.dev == ours.dev => {
                umount::lazily(path)?;
                self.over.store(true, Ordering::Release);
                self.point.remove_if_made();
                Ok(())
            }
            _ => Err(Error::mount("something else is mounted on top")
                .at(path)
                .hint(format!("unmount that first: umount {}", path.display()))),
        }
    }

    /// The session is over, so the mount is gone or dead by the kernel's doing.
    pub(super) fn ended(&self) {
        self.over.store(true, Ordering::Release);
        self.point.remove_if_made();
    }

    /// Whether detaching was done or is not needed any more.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }
}

/// Mounts on `point`; gives the descriptor on which the kernel will ask.
pub(super) fn mount(
    mut point: MountPoint,
    source: &OsStr,
    options: &MountOptions,
) -> Result<(OwnedFd, ActiveMount)> {
    check_permission(options)?;
    point.make()?;
    let mut result = attach(point.path(), source, options);
    if result.is_err() && point.is_gone() {
        // Taken away by the mount that was here, between the two lines above.
        point.make()?;
        result = attach(point.path(), source, options);
    }
    let mounted = match result {
        Ok(fd) => fd,
        Err(e) => {
            point.remove_if_made();
            return Err(e);
        }
    };
    let entry = mountinfo::at(point.path())?.filter(MountEntry::is_ckptfs);
    if entry.is_none() {
        log::warn!(
            "{}: the mount is not in /proc/self/mountinfo",
            point.path().display()
        );
    }
    Ok((
        mounted,
        ActiveMount {
            point,
            entry,
            over: AtomicBool::new(false),
        },
    ))
}

/// Whether this process may open the device by itself, as each further event loop does.
pub(super) fn may_open_device() -> bool {
    open_device().is_ok()
}

fn attach(point: &Path, source: &OsStr, options: &MountOptions) -> Result<OwnedFd> {
    let source = source.as_bytes();
    let source = source.get(..FSNAME_MAX).unwrap_or(source);
    let opened = open_device();
    let direct = match opened {
        Ok(device) => match direct(&device, point, source, options) {
            Ok(()) => return Ok(device.into()),
            Err(e) => e,
        },
        // A fusermount3 that root installed may open what we may not.
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => e,
        Err(e) => return Err(no_device(&e)),
    };
    if direct.raw_os_error() != Some(libc::EPERM) && direct.raw_os_error() != Some(libc::EACCES) {
        return Err(Error::mount(format!("cannot be mounted on: {direct}")).at(point));
    }
    fusermount::mount(point, OsStr::from_bytes(source), options).map_err(|e| refused(point, &e))
}

fn open_device() -> io::Result<File> {
    // std opens with O_CLOEXEC; the descriptor in a child would keep the connection alive.
    OpenOptions::new().read(true).write(true).open(DEVICE)
}

fn direct(device: &File, point: &Path, source: &[u8], options: &MountOptions) -> io::Result<()> {
    // SAFETY: both calls take no argument and cannot fail.
    let (uid, gid) = unsafe { (libc::geteuid(), libc::getegid()) };
    let mut data = format!(
        "fd={},rootmode=40000,user_id={uid},group_id={gid}",
        device.as_raw_fd()
    );
    if options.allow_other {
        // Without default_permissions the kernel would let everybody read everything.
        data.push_str(",allow_other,default_permissions");
    }
    let target = CString::new(point.as_os_str().as_bytes())?;
    let source = CString::new(source)?;
    let fs_type = CString::new(FS_TYPE)?;
    let data = CString::new(data)?;
    let flags = libc::MS_RDONLY | libc::MS_NODEV | libc::MS_NOSUID | libc::MS_NOEXEC | libc::MS_NOATIME;
    // SAFETY: all four pointers are to NUL-terminated strings that outlive the call.
    let done = unsafe {
        libc::mount(
            source.as_ptr(),
            target.as_ptr(),
            fs_type.as_ptr(),
            flags,
            data.as_ptr().cast(),
        )
    };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// A user who asks for allow_other needs the administrator's leave, which fusermount3 looks up too late
/// and says in its own words.
fn check_permission(options: &MountOptions) -> Result<()> {
    const CONF: &str = "/etc/fuse.conf";
    // SAFETY: takes no argument and cannot fail.
    let root = unsafe { libc::geteuid() } == 0;
    if root || !options.allow_other {
        return Ok(());
    }
    let text = std::fs::read_to_string(CONF).unwrap_or_default();
    if text.lines().any(|line| line.trim() == "user_allow_other") {
        return Ok(());
    }
    Err(
        Error::mount(format!("-o allow_other is not permitted to users by {CONF}")).hint(format!(
            "have an administrator add the line user_allow_other to {CONF}, or mount as root"
        )),
    )
}

fn no_device(error: &io::Error) -> Error {
    let hint = match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENODEV | libc::ENXIO) => format!(
            "load it with `modprobe fuse`; in a container, start it with --device {DEVICE} --cap-add SYS_ADMIN; \
             {WITHOUT}"
        ),
        _ => WITHOUT.to_owned(),
    };
    Error::mount(format!("FUSE is not available: {error}"))
        .at(DEVICE)
        .hint(hint)
}

/// fusermount3 failed too: says in `error` what it said, and here what may be behind it.
fn refused(point: &Path, error: &Error) -> Error {
    if error.hint_text().is_some() {
        return error.clone();
    }
    // SAFETY: takes no argument and cannot fail.
    let root = unsafe { libc::geteuid() } == 0;
    let said = error.what();
    let hint = if root {
        format!(
            "mounting needs the SYS_ADMIN capability; in a container, start it with --device {DEVICE} \
             --cap-add SYS_ADMIN (and perhaps --security-opt apparmor:unconfined); {WITHOUT}"
        )
    } else if said.contains("write access") {
        "mount on a directory that you may write to".to_owned()
    } else if said.contains(DEVICE) {
        format!("{DEVICE} must be open to you: ls -l {DEVICE}; usually its mode is 0666; {WITHOUT}")
    } else {
        format!(
            "if nothing else explains it: AppArmor lets fusermount3 mount under $HOME, /mnt, /media and /tmp \
             only; {WITHOUT}"
        )
    };
    Error::new(ErrorKind::Mount, said).at(point).hint(hint)
}
