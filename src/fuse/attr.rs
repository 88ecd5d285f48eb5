//! From what a view says of a node to what the kernel is told.
//!
//! Sizes, owners, permission bits and how long the kernel may believe them. Links are always 0777: the
//! kernel never asks their mode, and `ls -l` shows 0777 for every other link too. Write bits are never
//! shown. Directories have one link, as on btrfs, because an exact count would need a walk, and `find`
//! takes 1 for "unknown".

use std::time::Duration;

use fuser::FileAttr;
use fuser::FileType;
use fuser::INodeNo;

use super::options::MountOptions;
use crate::tree::Freshness;
use crate::tree::Kind;
use crate::tree::NodeId;
use crate::tree::Stat;

/// The kernel takes any number of seconds and clamps it itself (measured with Linux 6.18: five stats, no
/// second GETATTR).
const FOREVER: Duration = Duration::from_secs(u64::MAX);

/// How long the kernel may keep what it was told.
pub(super) fn ttl(freshness: Freshness) -> Duration {
    match freshness {
        Freshness::Forever => FOREVER,
        Freshness::For(time) => time,
    }
}

/// The kernel's word for a kind.
pub(super) fn file_type(kind: Kind) -> FileType {
    match kind {
        Kind::Directory => FileType::Directory,
        Kind::File => FileType::RegularFile,
        Kind::Link => FileType::Symlink,
    }
}

/// What `-o uid=,gid=,umask=` put in place of the source's own.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ownership {
    uid: Option<u32>,
    gid: Option<u32>,
    umask: Option<u16>,
}

impl Ownership {
    pub(super) fn new(options: &MountOptions) -> Self {
        Self {
            uid: options.uid,
            gid: options.gid,
            umask: options.umask,
        }
    }

    /// What the kernel is told of `node`. A size that is not known is 0.
    pub(super) fn attr(&self, node: NodeId, stat: &Stat) -> FileAttr {
        FileAttr {
            ino: INodeNo(node.0),
            size: stat.size.unwrap_or(0),
            blocks: stat.stored.div_ceil(512),
            atime: stat.mtime,
            mtime: stat.mtime,
            ctime: stat.mtime,
            crtime: stat.mtime,
            kind: file_type(stat.kind),
            perm: self.perm(stat),
            nlink: 1,
            uid: self.uid.unwrap_or(stat.uid),
            gid: self.gid.unwrap_or(stat.gid),
            rdev: 0,
            // 1 MiB here makes Python read 1 MiB to look at the first six bytes.
            blksize: 4096,
            flags: 0,
        }
    }

    fn perm(&self, stat: &Stat) -> u16 {
        let full = match stat.kind {
            Kind::Link => return 0o777,
            Kind::Directory => 0o555,
            Kind::File => 0o444,
        };
        match self.umask {
            Some(umask) => full & !umask,
            None => stat.perm & 0o555,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    fn stat(kind: Kind) -> Stat {
        Stat {
            kind,
            size: Some(513),
            stored: 513,
            perm: 0o640,
            uid: 5,
            gid: 6,
            mtime: SystemTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn the_source_decides_unless_overridden() {
        let own = Ownership::default().attr(NodeId(9), &stat(Kind::File));
        assert_eq!((own.uid, own.gid, own.perm, own.blocks), (5, 6, 0o440, 2));
        let options = MountOptions {
            uid: Some(1),
            gid: Some(2),
            umask: Some(0o027),
            ..MountOptions::default()
        };
        let own = Ownership::new(&options);
        let file = own.attr(NodeId(9), &stat(Kind::File));
        assert_eq!((file.uid, file.gid, file.perm), (1, 2, 0o440));
        assert_eq!(own.attr(NodeId(9), &stat(Kind::Directory)).perm, 0o550);
        assert_eq!(own.attr(NodeId(9), &stat(Kind::Link)).perm, 0o777);
    }
}
