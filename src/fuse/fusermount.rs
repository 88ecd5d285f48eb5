//! fusermount3, which mounts for users who may not.
//!
//! It is set-user-ID root, mounts, and sends the opened descriptor back over a socket that it finds by
//! the variable `_FUSE_COMMFD`. What it prints on failure is the reason, so it becomes our message.
//!
//! In its option string a comma or a backslash within a value must be escaped; a source called
//! `a,allow_other` would otherwise set options.
#![allow(unsafe_code)]

use std::ffi::OsStr;
use std::ffi::OsString;
use std::io;
use std::mem::MaybeUninit;
use std::mem::size_of;
use std::os::fd::AsRawFd;
use std::os::fd::FromRawFd;
use std::os::fd::OwnedFd;
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;

use super::options::MountOptions;
use crate::error::Error;
use crate::error::Result;

/// By name, and where distributions put it, for a PATH as short as cron's.
const PROGRAMS: [&str; 4] = [
    "fusermount3",
    "fusermount",
    "/usr/bin/fusermount3",
    "/usr/bin/fusermount",
];

/// Mounts on `point` and gives the descriptor on which the kernel will ask.
pub(super) fn mount(point: &Path, source: &OsStr, options: &MountOptions) -> Result<OwnedFd> {
    let (ours, theirs) = UnixStream::pair().map_err(|e| Error::io("cannot make a socket pair", &e))?;
    let fd = theirs.as_raw_fd();
    let output = run(|command| {
        command
            .arg("-o")
            .arg(option_string(source, options))
            .arg("--")
            .arg(point)
            .env("_FUSE_COMMFD", fd.to_string());
        inherit(command, fd);
    })?;
    drop(theirs);
    if !output.status.success() {
        return Err(said(&output));
    }
    receive(&ours).map_err(|e| Error::mount(format!("fusermount3 sent no descriptor: {e}")))
}

/// Unmounts `point`; `lazily` also where programs still use it.
pub(super) fn unmount(point: &Path, lazily: bool) -> Result<()> {
    let output = run(|command| {
        command.arg("-u");
        if lazily {
            command.arg("-z");
        }
        command.arg("--").arg(point);
    })?;
    if output.status.success() {
        return Ok(());
    }
    Err(said(&output))
}

/// Runs the first of the programs that is there.
fn run(arguments: impl Fn(&mut Command)) -> Result<Output> {
    let mut denied = None;
    for program in PROGRAMS {
        let mut command = Command::new(program);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        arguments(&mut command);
        match command.output() {
            Ok(output) => return Ok(output),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            // A directory of PATH that may not be entered gives this too, where the program is nowhere.
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
                denied = denied.or_else(|| program.starts_with('/').then_some(program));
            }
            Err(e) => return Err(Error::mount(format!("cannot run {program}: {e}"))),
        }
    }
    if let Some(program) = denied {
        return Err(Error::mount(format!("you may not run {program}")).hint(format!(
            "some systems keep it for one group, which you must be in: ls -l {program}"
        )));
    }
    Err(
        Error::mount("users mount with fusermount3, which is not installed").hint(
            "install it (apt install fuse3, dnf install fuse3), or mount as root; \
             `ckptfs ls`, `cat`, `cp` and `print` work without FUSE",
        ),
    )
}

fn said(output: &Output) -> Error {
    let text = String::from_utf8_lossy(&output.stderr);
    let text = text.trim().replace('\n', "; ");
    if text.is_empty() {
        return Error::mount(format!("fusermount3 failed: {}", output.status));
    }
    Error::mount(text)
}

fn option_string(source: &OsStr, options: &MountOptions) -> OsString {
    let mut text = b"ro,nosuid,nodev,noexec,noatime,subtype=ckptfs,".to_vec();
    if options.allow_other {
        text.extend_from_slice(b"allow_other,default_permissions,");
    }
    text.extend_from_slice(b"fsname=");
    for byte in source.as_bytes() {
        if matches!(byte, b',' | b'\\') {
            text.push(b'\\');
        }
        text.push(*byte);
    }
    OsString::from_vec(text)
}

/// Lets the child, and only the child, have `fd`, which is close-on-exec here.
fn inherit(command: &mut Command, fd: RawFd) {
    // SAFETY: between fork and exec only fcntl is called, which is async-signal-safe.
    unsafe {
        command.pre_exec(move || {
            if libc::fcntl(fd, libc::F_SETFD, 0) == -1 {
                return Err(io::Error::last_os_error());
            }
            Ok(())
        });
    }
}

/// Takes the one descriptor that comes over `socket`.
fn receive(socket: &UnixStream) -> io::Result<OwnedFd> {
    let mut byte = [0u8; 1];
    let mut part = libc::iovec {
        iov_base: byte.as_mut_ptr().cast(),
        iov_len: byte.len(),
    };
    // 64 bytes, aligned as cmsghdr wants it, hold the header and one descriptor (24 bytes).
    let mut control = [0u64; 8];
    // SAFETY: an all-zero msghdr is a valid empty one.
    let mut message: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of::<[u64; 8]>() as _;
    // SAFETY: `message` points to buffers that outlive the call, with their true lengths.
    let got = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_CMSG_CLOEXEC) };
    if got < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel filled `message`; the macros stay within `msg_controllen`, and a header of this
    // level and type is followed by at least one descriptor, which is ours from here on.
    unsafe {
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        if header.is_null()
            || (*header).cmsg_level != libc::SOL_SOCKET
            || (*header).cmsg_type != libc::SCM_RIGHTS
        {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
        let fd = libc::CMSG_DATA(header).cast::<RawFd>().read_unaligned();
        Ok(OwnedFd::from_raw_fd(fd))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_set_no_options() {
        let options = MountOptions {
            allow_other: true,
            ..MountOptions::default()
        };
        let text = option_string(OsStr::new(r"a,dev\b"), &options);
        assert!(text.to_str().unwrap().ends_with(r"fsname=a\,dev\\b"), "{text:?}");
        assert!(
            text.to_str()
                .unwrap()
                .contains("allow_other,default_permissions,")
        );
    }

    #[test]
    fn nothing_received_is_an_error() {
        let (a, b) = UnixStream::pair().unwrap();
        drop(b);
        assert!(receive(&a).is_err());
    }
}
