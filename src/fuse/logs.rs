//! Where the background process says what is wrong.
//!
//! It has no terminal, and its warnings (a shard that changed, a file that cannot be read) must not
//! vanish. So its stderr becomes a pipe, and a thread carries each line to `--log-file`, or to the system's
//! log (`/dev/log`: journald or syslog), or where there is none to a file in the state directory. Whatever
//! writes to stderr is covered so, panics too, and the logger needs to know nothing.
#![allow(unsafe_code)]

use std::env;
use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::PipeReader;
use std::io::Read;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::os::fd::OwnedFd;
use std::os::fd::RawFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::path::PathBuf;
use std::process;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::error::Error;
use crate::error::Result;

const SYSTEM_LOG: &str = "/dev/log";
const NULL: &str = "/dev/null";

/// Longest line that is carried whole.
const LINE_MAX: u64 = 8192;

/// How long the end of the process waits for the last lines.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where lines will go, opened while errors can still be shown.
#[derive(Debug)]
pub(super) enum Logs {
    File(File),
    System,
}

impl Logs {
    pub(super) fn open(file: Option<&Path>) -> Result<Self> {
        match file {
            Some(path) => append(path)
                .map(Self::File)
                .map_err(|e| Error::mount(format!("cannot write the log file: {e}")).at(path)),
            None => Ok(Self::System),
        }
    }

    /// Turns stderr to the log; `for_now` if it is to come back. (A background process that kept a copy
    /// would keep whoever reads the other end of it waiting.)
    pub(super) fn take_stderr(self, for_now: bool) -> io::Result<Redirected> {
        let null = OpenOptions::new().read(true).write(true).open(NULL)?;
        let after = if for_now {
            io::stderr().as_fd().try_clone_to_owned()?
        } else {
            null.try_clone()?.into()
        };
        let (reader, writer) = io::pipe()?;
        let (done, ended) = mpsc::channel::<()>();
        thread::Builder::new().name("ckptfs-log".into()).spawn(move || {
            carry(reader, self);
            drop(done);
        })?;
        replace(writer.as_raw_fd(), 2)?;
        Ok(Redirected { null, after, ended })
    }
}

/// A stderr that goes to the log.
#[derive(Debug)]
pub(super) struct Redirected {
    null: File,
    /// What stderr becomes in the end.
    after: OwnedFd,
    ended: mpsc::Receiver<()>,
}

impl Redirected {
    /// Turns stdin and stdout to /dev/null.
    pub(super) fn close_others(&self) -> io::Result<()> {
        replace(self.null.as_raw_fd(), 0)?;
        replace(self.null.as_raw_fd(), 1)
    }

    /// Waits until all lines are written; further ones go to the old stderr, or nowhere.
    pub(super) fn finish(self) {
        if replace(self.after.as_raw_fd(), 2).is_ok() {
            // The thread sees the end of the pipe and hangs up, which is an error here, and the good one.
            self.ended.recv_timeout(PATIENCE).ok();
        }
    }
}

/// Opens /dev/null in place of each of stdin, stdout and stderr that is closed: what is opened next would
/// otherwise get its number, and be written to by whoever prints.
pub(super) fn ensure_stdio() -> io::Result<()> {
    loop {
        let null = OpenOptions::new().read(true).write(true).open(NULL)?;
        if null.as_raw_fd() > 2 {
            return Ok(());
        }
        // Kept open on purpose.
        std::mem::forget(null);
    }
}

fn replace(new: RawFd, old: RawFd) -> io::Result<()> {
    // SAFETY: takes two numbers; `old` is 0, 1 or 2, which nobody here owns as a `File`.
    if unsafe { libc::dup2(new, old) } == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// Carries lines until the pipe ends.
fn carry(from: PipeReader, to: Logs) {
    let mut lines = BufReader::new(from);
    let mut sink = Sink {
        target: to,
        socket: None,
    };
    loop {
        let mut line = Vec::new();
        match (&mut lines).take(LINE_MAX).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => sink.line(&uncoloured(line.trim_ascii_end())),
        }
    }
}

struct Sink {
    target: Logs,
    socket: Option<UnixDatagram>,
}

impl Sink {
    fn line(&mut self, line: &[u8]) {
        if line.is_empty() {
            return;
        }
        if let Logs::System = self.target {
            if self.send(line).is_ok() {
                return;
            }
            let Some(file) = fallback().and_then(|path| append(&path).ok()) else {
                return;
            };
            self.target = Logs::File(file);
        }
        if let Logs::File(file) = &mut self.target {
            // One write a line, so that lines of several mounts do not mix.
            let mut whole = format!("ckptfs[{}]: ", process::id()).into_bytes();
            whole.extend_from_slice(line);
            whole.push(b'\n');
            file.write_all(&whole).ok();
        }
    }

    fn send(&mut self, line: &[u8]) -> io::Result<()> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => {
                let socket = UnixDatagram::unbound()?;
                socket.connect(SYSTEM_LOG)?;
                // A stuck logger must not stop the event loops, which log through us.
                socket.set_nonblocking(true)?;
                socket
            }
        };
        let mut packet = format!("<{}>ckptfs[{}]: ", priority(line), process::id()).into_bytes();
        packet.extend_from_slice(line);
        socket.send(&packet)?;
        self.socket = Some(socket);
        Ok(())
    }
}

/// Facility daemon, and the severity that the logger wrote near the start of the line.
fn priority(line: &[u8]) -> u8 {
    const DAEMON: u8 = 24;
    let head = String::from_utf8_lossy(line.get(..48).unwrap_or(line)).into_owned();
    let severity = [("ERROR", 3), ("WARN", 4), ("INFO", 6), ("DEBUG", 7), ("TRACE", 7)]
        .into_iter()
        .find_map(|(word, severity)| head.contains(word).then_some(severity))
        .unwrap_or(4);
    DAEMON | severity
}

/// Where lines go on a machine without a system log: /var/log, or the user's state directory.
fn fallback() -> Option<PathBuf> {
    // SAFETY: takes no argument and cannot fail.
    if unsafe { libc::geteuid() } == 0 {
        return Some(PathBuf::from("/var/log/ckptfs.log"));
    }
    let state = match env::var_os("XDG_STATE_HOME").filter(|dir| !dir.is_empty()) {
        Some(dir) => PathBuf::from(dir),
        None => Path::new(&env::var_os("HOME")?).join(".local/state"),
    };
    fs::create_dir_all(&state).ok()?;
    Some(state.join("ckptfs.log"))
}

/// Without terminal colours: the logger chose them when stderr still was a terminal.
fn uncoloured(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len());
    let mut bytes = line.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte == 0x1b {
            bytes.by_ref().find(u8::is_ascii_alphabetic);
        } else {
            out.push(byte);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_lose_colours_and_keep_their_severity() {
        let line = b"[2026-01-01T00:00:00Z \x1b[1m\x1b[31mERROR\x1b[0m ckptfs] x";
        assert_eq!(uncoloured(line), b"[2026-01-01T00:00:00Z ERROR ckptfs] x");
        assert_eq!(priority(&uncoloured(line)), 27);
        assert_eq!(priority(b"thread 'x' panicked"), 28);
    }

    #[test]
    fn a_file_gets_whole_lines() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(b"one\n\ntwo").unwrap();
        drop(writer);
        carry(reader, Logs::open(Some(&path)).unwrap());
        let text = fs::read_to_string(&path).unwrap();
        let pid = process::id();
        assert_eq!(text, format!("ckptfs[{pid}]: one\nckptfs[{pid}]: two\n"));
        assert!(Logs::open(Some(dir.path())).is_err());
    }
}
