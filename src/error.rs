//! The one error of the crate.
//!
//! Files come from strangers, crashed trainings and half-finished downloads, so an error is normal
//! output: it names the file, the offset, what is wrong there and what the user can do. It is cheap
//! to clone, because one failure may answer several waiting readers.

use std::fmt;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

/// `Result` with the crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure it is: decides the exit code and the errno, nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// A file or a name inside the checkpoint does not exist.
    NotFound,
    /// The path exists but is not something ckptfs reads.
    NotACheckpoint,
    /// The bytes break the format.
    Corrupt,
    /// The format allows it, ckptfs does not (a newer version, a resource tensor).
    Unsupported,
    /// The operating system refused or failed.
    Io,
    /// The file changed under an open handle.
    Changed,
    /// A virtual file would be too large to make.
    TooLarge,
    /// The command line is wrong.
    Usage,
    /// Mounting or unmounting failed.
    Mount,
}

#[derive(Debug, Clone)]
struct Inner {
    kind: ErrorKind,
    path: Option<PathBuf>,
    offset: Option<u64>,
    what: String,
    hint: Option<String>,
    os: Option<i32>,
}

/// What went wrong, where, and what to do about it.
///
/// Built by chaining: `Error::corrupt("bad magic number").at(path).offset(163).hint("...")`.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

impl Error {
    /// An error of `kind` that says `what`, in lower case and with no full stop.
    pub fn new(kind: ErrorKind, what: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            path: None,
            offset: None,
            what: what.into(),
            hint: None,
            os: None,
        }))
    }

    /// Bytes that break the format.
    pub fn corrupt(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Corrupt, what)
    }

    /// Something the format allows and ckptfs does not read.
    pub fn unsupported(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, what)
    }

    /// A file or name that is not there.
    pub fn not_found(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, what)
    }

    /// A command line that makes no sense.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, what)
    }

    /// A failed mount or unmount.
    pub fn mount(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Mount, what)
    }

    /// An operating system error while doing `what` ("opening", "reading 48 bytes").
    pub fn io(what: impl fmt::Display, error: &io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::NotFound => ErrorKind::NotFound,
            _ => ErrorKind::Io,
        };
        let mut e = Self::new(kind, format!("{what}: {error}"));
        e.edit().os = error.raw_os_error();
        e
    }

    /// Adds the file, unless a more exact place already named one.
    #[must_use]
    pub fn at(mut self, path: impl AsRef<Path>) -> Self {
        if self.0.path.is_none() {
            self.edit().path = Some(path.as_ref().to_path_buf());
        }
        self
    }

    /// Adds the byte offset in the file, unless one is known already.
    #[must_use]
    pub fn offset(mut self, offset: u64) -> Self {
        if self.0.offset.is_none() {
            self.edit().offset = Some(offset);
        }
        self
    }

    /// Puts `context` before the message: "tensor dense/kernel: ...".
    #[must_use]
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        let inner = self.edit();
        inner.what = format!("{context}: {}", inner.what);
        self
    }

    /// Adds what the user can do, unless there is a hint already.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        if self.0.hint.is_none() {
            self.edit().hint = Some(hint.into());
        }
        self
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The file it is about.
    pub fn path(&self) -> Option<&Path> {
        self.0.path.as_deref()
    }

    /// The byte offset in that file.
    pub fn at_offset(&self) -> Option<u64> {
        self.0.offset
    }

    /// What is wrong, without the place and the hint.
    pub fn what(&self) -> &str {
        &self.0.what
    }

    /// What the user can do.
    pub fn hint_text(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The errno of the failed system call, where there was one.
    pub fn os_error(&self) -> Option<i32> {
        self.0.os
    }

    fn edit(&mut self) -> &mut Inner {
        Arc::make_mut(&mut self.0)
    }
}

impl fmt::Display for Error {
    /// `results/model.ckpt-10.index: offset 163: bad magic number (try ...)`, on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.0.path {
            write!(f, "{}: ", path.display())?;
        }
        if let Some(offset) = self.0.offset {
            write!(f, "offset {offset}: ")?;
        }
        f.write_str(&self.0.what)?;
        if let Some(hint) = &self.0.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.kind)
    }
}

impl std::error::Error for Error {}

/// Names longer than this are cut in messages.
const MAX_NAME: usize = 200;

/// A name of a file as it stands in a message: on one line, whatever bytes it has, and not endless.
pub(crate) fn printable(name: &[u8]) -> String {
    let mut out = String::new();
    for chunk in name.get(..MAX_NAME).unwrap_or(name).utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() {
                out.extend(c.escape_default());
            } else {
                out.push(c);
            }
        }
        out.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    if name.len() > MAX_NAME {
        out.push_str(&format!("... ({} bytes)", name.len()));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_line() {
        assert_eq!(printable("dense/日本".as_bytes()), "dense/日本");
        assert_eq!(printable(b"a\n\0\xffb"), "a\\n\\u{0}\\xffb");
        assert!(printable(&[b'x'; 5000]).ends_with("xx... (5000 bytes)"));
    }

    #[test]
    fn names_file_offset_and_remedy() {
        let e = Error::corrupt("bad magic number")
            .at("m.index")
            .offset(163)
            .hint("download it again");
        assert_eq!(
            e.to_string(),
            "m.index: offset 163: bad magic number (download it again)"
        );
        assert_eq!(e.kind(), ErrorKind::Corrupt);
    }

    #[test]
    fn the_first_place_named_is_kept() {
        let e = Error::corrupt("x").at("inner").at("outer").offset(1).offset(2);
        assert_eq!(e.to_string(), "inner: offset 1: x");
    }

    #[test]
    fn missing_files_are_not_found() {
        let os = io::Error::from_raw_os_error(2);
        let e = Error::io("opening", &os).at("nope");
        assert_eq!(e.kind(), ErrorKind::NotFound);
        assert_eq!(e.os_error(), Some(2));
    }
}
