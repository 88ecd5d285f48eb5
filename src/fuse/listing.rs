//! Directory listings, plain and with attributes.
//!
//! A listing measures nothing: a file whose size is not known yet is listed with size 0 and a TTL of
//! zero, so that the kernel asks (LOOKUP) before anybody sees the 0. `.` and `..` are ours; their cookies
//! lie far above those of any view, so a view's cookies go to the kernel as they are.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::time::Duration;

use fuser::Generation;
use fuser::INodeNo;
use fuser::ReplyDirectory;
use fuser::ReplyDirectoryPlus;

use super::attr::file_type;
use super::attr::ttl;
use super::failure::Wanted;
use super::failure::caught;
use super::server::NAME_MAX;
use super::server::Server;
use crate::error::Result;
use crate::tree::Entry;
use crate::tree::Kind;
use crate::tree::NodeId;
use crate::tree::Stat;

/// Cookie of `.`; the kernel keeps positions signed.
const DOT: u64 = 0x7fff_ffff_ffff_fff0;
/// Cookie of `..`.
const DOT_DOT: u64 = 0x7fff_ffff_ffff_fff1;
/// The inode number of a parent that is not known; libfuse says the same. Programs that want the real
/// one ask for the attributes of `..`, which the kernel answers itself.
const UNKNOWN: NodeId = NodeId(0xffff_ffff);

impl Server {
    pub(super) fn readdir(self: &Arc<Self>, dir: NodeId, offset: u64, mut reply: ReplyDirectory) {
        self.when_listable(dir, move |server| {
            let listed = server.entries(dir, offset, &mut |entry| {
                !reply.add(
                    INodeNo(entry.node.0),
                    entry.cookie,
                    file_type(entry.kind),
                    OsStr::from_bytes(entry.name),
                )
            });
            match listed {
                Ok(()) => reply.ok(),
                Err(e) => reply.error(server.failures.errno(dir, Wanted::Bytes, &e)),
            }
        });
    }

    pub(super) fn readdirplus(self: &Arc<Self>, dir: NodeId, offset: u64, mut reply: ReplyDirectoryPlus) {
        self.when_listable(dir, move |server| {
            let listed = server.entries(dir, offset, &mut |entry| server.add_plus(&mut reply, &entry));
            match listed {
                Ok(()) => reply.ok(),
                Err(e) => reply.error(server.failures.errno(dir, Wanted::Bytes, &e)),
            }
        });
    }

    /// Adds one entry with its attributes; `false` where the reply is full.
    fn add_plus(&self, reply: &mut ReplyDirectoryPlus, entry: &Entry<'_>) -> bool {
        let node = entry.node;
        let ours = entry.cookie == DOT || entry.cookie == DOT_DOT;
        let mut valid = Duration::ZERO;
        let mut stat = match ours {
            // The kernel takes the type of these two and nothing else.
            true => placeholder(entry.kind),
            // What is wrong with it is said when it is looked up, which TTL zero makes sure of.
            false => caught(|| self.view.stat(node)).unwrap_or_else(|_| placeholder(entry.kind)),
        };
        if !ours && stat.size.is_none() {
            stat.size = self.sizes.get(node);
        }
        if !ours && stat.size.is_some() {
            valid = ttl(self.view.freshness(node));
        }
        let attr = self.owner.attr(node, &stat);
        let name = OsStr::from_bytes(entry.name);
        let full = reply.add(attr.ino, entry.cookie, name, &valid, &attr, Generation(0));
        if !full && !ours {
            self.sizes.listed(node);
            self.remember(node);
        }
        !full
    }

    /// Emits what follows the entry with cookie `after`, `.` and `..` included.
    fn entries(&self, dir: NodeId, after: u64, emit: &mut dyn FnMut(Entry<'_>) -> bool) -> Result<()> {
        let mut own = |node: NodeId, name: &[u8], cookie: u64| {
            emit(Entry {
                node,
                kind: Kind::Directory,
                name,
                cookie,
            })
        };
        if after == 0 && !own(dir, b".", DOT) {
            return Ok(());
        }
        if matches!(after, 0 | DOT) {
            let parent = if dir == NodeId::ROOT { dir } else { UNKNOWN };
            if !own(parent, b"..", DOT_DOT) {
                return Ok(());
            }
        }
        let after = if matches!(after, DOT | DOT_DOT) { 0 } else { after };
        caught(|| {
            self.view.list(dir, after, &mut |entry| {
                // fuser panics on names that do not fit; a view that breaks its promise loses the entry.
                if entry.name.is_empty() || entry.name.len() > NAME_MAX {
                    log::error!("a name of {} bytes in {dir} is not listed", entry.name.len());
                    return true;
                }
                emit(entry)
            })
        })
    }
}

fn placeholder(kind: Kind) -> Stat {
    Stat {
        kind,
        size: None,
        stored: 0,
        perm: 0o555,
        uid: 0,
        gid: 0,
        mtime: std::time::SystemTime::UNIX_EPOCH,
    }
}
