//! Whether a mount answers.
//!
//! A stat would not tell, since the kernel keeps the attributes of the root and answers by itself; statfs
//! is passed on every time. But a call whose request was taken by a server that then stopped cannot be
//! interrupted, not even by SIGKILL, and the process that made it cannot end. So where the server may be
//! stuck a child asks, and is left behind if need be.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;
use std::thread;
use std::time::Duration;
use std::time::Instant;

/// How long a mount may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Waits for the answer of whoever serves the mount at `point`; ENOTCONN from one that is dead.
pub(super) fn ask(point: &Path) -> io::Result<()> {
    let path = CString::new(point.as_os_str().as_bytes())?;
    let mut room = MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: the path is NUL-terminated, and the room is what the call fills; nothing reads it.
    let done = unsafe { libc::statfs(path.as_ptr(), room.as_mut_ptr()) };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Whether the mount at `point` is dead: the process that served it was killed. One that does not answer
/// in time (stopped, or stuck in a slow source) is not.
pub(super) fn is_dead(point: &Path) -> bool {
    let Ok(path) = CString::new(point.as_os_str().as_bytes()) else {
        return false;
    };
    let mut room = MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: the child makes system calls only, on memory that was there before the fork, so it does
    // not matter what other threads held at that moment.
    match unsafe { libc::fork() } {
        -1 => false,
        0 => unsafe {
            // Left behind, it must not keep open what somebody waits for the end of.
            libc::syscall(libc::SYS_close_range, 0u32, u32::MAX, 0u32);
            let done = libc::statfs(path.as_ptr(), room.as_mut_ptr());
            let dead = done == -1 && *libc::__errno_location() == libc::ENOTCONN;
            libc::_exit(i32::from(dead))
        },
        child => exit_code(child) == Some(1),
    }
}

fn exit_code(child: libc::pid_t) -> Option<i32> {
    let deadline = Instant::now().checked_add(PATIENCE)?;
    let mut status = 0;
    loop {
        // SAFETY: `status` outlives the call.
        match unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) } {
            0 if Instant::now() < deadline => thread::sleep(Duration::from_millis(2)),
            0 => break,
            done if done == child && libc::WIFEXITED(status) => return Some(libc::WEXITSTATUS(status)),
            _ => return None,
        }
    }
    // SAFETY: the child is ours and was not waited for, so the number is still its own.
    unsafe {
        libc::kill(child, libc::SIGKILL);
        libc::waitpid(child, ptr::null_mut(), libc::WNOHANG);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_not_dead() {
        assert!(ask(Path::new("/")).is_ok());
        assert!(ask(Path::new("/no/such")).is_err());
        assert!(!is_dead(Path::new("/")));
        assert!(!is_dead(Path::new("/no/such")));
    }
}
