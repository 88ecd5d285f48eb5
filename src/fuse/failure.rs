//! From an [`Error`] to an errno and one log line.
//!
//! A failing file is read again and again (`grep -r`, a data loader that retries), so each message is
//! logged once per node. What a program asked for decides the errno of "not found": a name that is not
//! there is ENOENT, bytes that are not there (a missing shard) are EIO, since the name exists.
//!
//! Also here: [`caught`], which turns a panic of the layers below into such an error, so that one bad
//! file costs one EIO and never an event loop.

use std::any::Any;
use std::collections::HashSet;
use std::hash::BuildHasher;
use std::hash::RandomState;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Mutex;
use std::sync::PoisonError;

use fuser::Errno;

use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::tree::NodeId;

/// What the failed request wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A name, attributes or a link.
    Node,
    /// Bytes of a file, or a listing.
    Bytes,
}

/// Distinct messages remembered; past that nothing more is logged, which says so once.
const LIMIT: usize = 4096;

/// The failures that were logged already.
#[derive(Debug, Default)]
pub(super) struct Failures {
    seen: Mutex<HashSet<u64>>,
    hasher: RandomState,
}

impl Failures {
    /// The errno for `error`, logged if it is new for `node`.
    pub(super) fn errno(&self, node: NodeId, wanted: Wanted, error: &Error) -> Errno {
        let errno = errno(error.kind(), wanted);
        let usual = [Errno::ENOENT.code(), Errno::ESTALE.code()];
        if !usual.contains(&errno.code()) && self.is_new(node, error) {
            match error.kind() {
                ErrorKind::TooLarge | ErrorKind::Unsupported => log::warn!("{error}"),
                _ => log::error!("{error}"),
            }
        }
        errno
    }

    fn is_new(&self, node: NodeId, error: &Error) -> bool {
        let key = self.hasher.hash_one((node, error.to_string()));
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= LIMIT {
            return false;
        }
        let new = seen.insert(key);
        if new && seen.len() == LIMIT {
            log::error!("{LIMIT} different errors so far; further ones are not logged");
        }
        new
    }
}

fn errno(kind: ErrorKind, wanted: Wanted) -> Errno {
    match kind {
        ErrorKind::NotFound if wanted == Wanted::Node => Errno::ENOENT,
        // The kernel then walks the path again from the root, asking for each name.
        ErrorKind::Changed if wanted == Wanted::Node => Errno::ESTALE,
        ErrorKind::TooLarge => Errno::EFBIG,
        ErrorKind::Unsupported => Errno::EOPNOTSUPP,
        _ => Errno::EIO,
    }
}

/// Runs `work`; a panic in it becomes an error.
pub(super) fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    // What a panic may leave half-done is behind locks of the view, which are poisoned then.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| Err(panicked(&*payload)))
}

fn panicked(payload: &(dyn Any + Send)) -> Error {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic");
    Error::new(ErrorKind::Io, format!("internal error: {text}"))
        .hint("this is a fault of ckptfs; please report it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_names_and_missing_bytes_differ() {
        assert_eq!(errno(ErrorKind::NotFound, Wanted::Node).code(), libc::ENOENT);
        assert_eq!(errno(ErrorKind::NotFound, Wanted::Bytes).code(), libc::EIO);
        assert_eq!(errno(ErrorKind::TooLarge, Wanted::Bytes).code(), libc::EFBIG);
        assert_eq!(errno(ErrorKind::Changed, Wanted::Bytes).code(), libc::EIO);
        assert_eq!(errno(ErrorKind::Changed, Wanted::Node).code(), libc::ESTALE);
    }

    #[test]
    fn each_message_counts_once_a_node() {
        let failures = Failures::default();
        let error = Error::corrupt("x");
        assert!(failures.is_new(NodeId(1), &error));
        assert!(!failures.is_new(NodeId(1), &error));
        assert!(failures.is_new(NodeId(2), &error));
    }

    #[test]
    fn panics_become_errors() {
        let error = caught(|| -> Result<()> { panic!("oh {}", 1) }).unwrap_err();
        assert!(error.to_string().contains("internal error: oh 1"), "{error}");
    }
}
