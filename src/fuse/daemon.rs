//! `ckptfs mount`: in the background, or with `-f` in the foreground.
//!
//! The process forks before it has any thread; the child opens the checkpoint, mounts and serves. The
//! parent waits until the mount answers, or shows why there is none, with the exit code that the child's
//! error has. It waits as long as the child lives, since a large checkpoint takes its time; a child that
//! dies is noticed at once, because its end of the pipe closes.
//!
//! The child keeps stderr until the mount is live, so that its warnings reach the user; then it goes to
//! the log (logs.rs).
#![allow(unsafe_code)]

use std::env;
use std::fs;
use std::io;
use std::io::PipeWriter;
use std::io::Write;
use std::process;

use super::MountRequest;
use super::failure::caught;
use super::logs;
use super::logs::Logs;
use super::notify;
use super::probe;
use super::relay;
use super::session::Mounted;
use super::signals::Caught;
use crate::error::Error;
use crate::error::Result;

/// Mounts and stays in the foreground until unmounted.
pub(super) fn foreground(request: MountRequest) -> Result<()> {
    // Unlike the background process it has a stderr to log to, unless told otherwise.
    let Some(file) = &request.log_file else {
        return attended(request);
    };
    let logs = Logs::open(Some(file))?;
    let redirected = logs.take_stderr(true).map_err(|e| no_log(&e))?;
    let result = attended(request);
    redirected.finish();
    result
}

fn attended(request: MountRequest) -> Result<()> {
    let label = request.source_label.clone();
    let mut signals = None;
    let mounted = Mounted::start_with(request, || {
        signals = Some(Caught::register()?);
        Ok(())
    })?;
    let watch = signals
        .map(|signals| signals.watch(mounted.active()))
        .transpose()?;
    notify::ready();
    let dir = mounted.path().display();
    writeln!(
        io::stdout(),
        "mounted {} at {dir}; unmount with: ckptfs umount {dir} (or Ctrl-C)",
        label.to_string_lossy(),
    )
    .ok();
    let result = mounted.wait();
    if let Some(watch) = watch {
        watch.close();
    }
    result
}

fn no_log(error: &io::Error) -> Error {
    Error::io("cannot turn the messages to the log", error)
}

/// Mounts in a process of its own; returns once the mount is live.
pub(super) fn background(request: MountRequest) -> Result<()> {
    let failed = |e: &io::Error| Error::mount(format!("cannot start the background process: {e}"));
    logs::ensure_stdio().map_err(|e| failed(&e))?;
    if threads() > 1 {
        // A lock that another thread holds at the fork stays locked in the child for ever.
        return Err(Error::mount(
            "the background process must be started before any thread",
        ));
    }
    let mountpoint = request.mountpoint.clone();
    let parent = process::id();
    let (reader, writer) = io::pipe().map_err(|e| failed(&e))?;
    // What is buffered would be written by both.
    io::stdout().flush().ok();
    // SAFETY: there is one thread, checked above, so the child finds no lock held.
    match unsafe { libc::fork() } {
        -1 => Err(failed(&io::Error::last_os_error())),
        0 => {
            drop(reader);
            child(request, writer, parent)
        }
        pid => {
            drop(writer);
            relay::receive(reader).unwrap_or_else(|| Err(died(pid)))?;
            // The handshake is done, so this is answered.
            probe::ask(&mountpoint)
                .map_err(|e| Error::mount(format!("mounted, but it does not answer: {e}")).at(&mountpoint))
        }
    }
}

/// The background process. Never returns to code that believes it is the parent.
fn child(request: MountRequest, pipe: PipeWriter, parent: u32) -> ! {
    let mut pipe = Some(pipe);
    let served = caught(|| serve(request, &mut pipe, parent));
    let code = i32::from(served.is_err());
    // Without the pipe the parent has gone home, and the error is in the log.
    if let (Err(_), Some(pipe)) = (&served, pipe) {
        relay::send(pipe, &served).ok();
    }
    process::exit(code)
}

fn serve(request: MountRequest, pipe: &mut Option<PipeWriter>, parent: u32) -> Result<()> {
    // SAFETY: takes no argument; fails only for a leader of a process group, which a new child is not.
    unsafe { libc::setsid() };
    // As long as nothing is mounted, Ctrl-C on the parent ends the loading too.
    die_with_parent(true);
    if std::os::unix::process::parent_id() != parent {
        // It ended before the kernel was told to tell us.
        return Err(Error::mount("interrupted"));
    }
    let logs = Logs::open(request.log_file.as_deref())?;
    let mut signals = None;
    let mounted = Mounted::start_with(request, || {
        signals = Some(Caught::register()?);
        die_with_parent(false);
        Ok(())
    })?;
    let watch = signals
        .map(|signals| signals.watch(mounted.active()))
        .transpose()?;
    // A process that stands in a directory keeps its file system busy.
    env::set_current_dir("/").map_err(|e| Error::io("cannot change to /", &e))?;
    let redirected = logs.take_stderr(false).map_err(|e| no_log(&e))?;
    redirected.close_others().map_err(|e| no_log(&e))?;
    notify::ready();
    if let Some(pipe) = pipe.take()
        && relay::send(pipe, &Ok(())).is_err()
    {
        log::warn!("nobody waits for the mount any more; unmounting");
        return mounted.unmount();
    }
    let result = mounted.wait();
    if let Err(e) = &result {
        log::error!("{e}");
    }
    if let Some(watch) = watch {
        watch.close();
    }
    redirected.finish();
    result
}

/// Whether the kernel is to end this process when its parent ends.
fn die_with_parent(yes: bool) {
    let signal = if yes { libc::SIGTERM } else { 0 };
    // SAFETY: takes numbers only.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal) };
}

/// How the child ended that said nothing.
fn died(pid: libc::pid_t) -> Error {
    let mut status = 0;
    // SAFETY: `status` outlives the call.
    let waited = unsafe { libc::waitpid(pid, &raw mut status, 0) };
    let how = if waited != pid {
        "no trace".to_owned()
    } else if libc::WIFSIGNALED(status) {
        format!("signal {}", libc::WTERMSIG(status))
    } else {
        format!("exit code {}", libc::WEXITSTATUS(status))
    };
    Error::mount(format!(
        "the background process died before the mount was live ({how})"
    ))
    .hint("run it with -f to see more")
}

fn threads() -> usize {
    fs::read_dir("/proc/self/task").map_or(1, Iterator::count)
}
