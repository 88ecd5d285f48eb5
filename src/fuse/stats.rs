//! How many requests of each kind the kernel sent.
//!
//! A mount is fast when the kernel does not ask: these counters show whether it does, in tests ("a second
//! `ls` asks nothing") and in the last log line of a mount. A relaxed increment a request costs nothing
//! beside the request.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

/// The kinds of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Op {
    Lookup,
    Forget,
    Getattr,
    Readlink,
    Open,
    Read,
    Release,
    Opendir,
    Readdir,
    Readdirplus,
    Releasedir,
    Statfs,
    Xattr,
    /// Everything else, among it what a read-only mount refuses.
    Other,
}

const NAMES: [(Op, &str); 14] = [
    (Op::Lookup, "lookup"),
    (Op::Forget, "forget"),
    (Op::Getattr, "getattr"),
    (Op::Readlink, "readlink"),
    (Op::Open, "open"),
    (Op::Read, "read"),
    (Op::Release, "release"),
    (Op::Opendir, "opendir"),
    (Op::Readdir, "readdir"),
    (Op::Readdirplus, "readdirplus"),
    (Op::Releasedir, "releasedir"),
    (Op::Statfs, "statfs"),
    (Op::Xattr, "xattr"),
    (Op::Other, "other"),
];

/// Counters of one mount.
#[derive(Debug, Default)]
pub struct Stats {
    counts: [AtomicU64; NAMES.len()],
}

impl Stats {
    /// Requests of one kind so far.
    pub fn of(&self, op: Op) -> u64 {
        self.counts
            .get(op as usize)
            .map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// Requests of all kinds so far, but for FORGET, which the kernel sends when it likes and which
    /// nobody waits for.
    pub fn total(&self) -> u64 {
        NAMES
            .iter()
            .filter(|(op, _)| *op != Op::Forget)
            .fold(0, |sum, (op, _)| sum.saturating_add(self.of(*op)))
    }

    pub(super) fn count(&self, op: Op) {
        if let Some(count) = self.counts.get(op as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl fmt::Display for Stats {
    /// `lookup 3, read 10`: the kinds that were seen.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (op, name) in NAMES {
            let count = self.of(op);
            if count > 0 {
                write!(f, "{separator}{name} {count}")?;
                separator = ", ";
            }
        }
        if separator.is_empty() {
            f.write_str("none")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_kind() {
        let stats = Stats::default();
        assert_eq!(stats.to_string(), "none");
        stats.count(Op::Read);
        stats.count(Op::Read);
        stats.count(Op::Forget);
        stats.count(Op::Other);
        assert_eq!(stats.to_string(), "forget 1, read 2, other 1");
        assert_eq!(stats.total(), 3);
        for (index, (op, _)) in NAMES.iter().enumerate() {
            assert_eq!(*op as usize, index);
        }
    }
}
