//! What each request that reads is answered with.
//!
//! The event loops call these; quick answers are made at once, slow ones on the pool, which then owns the
//! reply. Every call into the view is under [`caught`]. Bytes go out by one of two ways: mapped shard
//! bytes straight into the reply, unseen, or a copy through a buffer of the thread.
//!
//! Invariant: a size the kernel is told is exact, or it comes with a TTL of zero (readdirplus, before
//! anybody asked for that file).

use std::cell::RefCell;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::time::Duration;
use std::time::SystemTime;

use fuser::Errno;
use fuser::FileAttr;
use fuser::Generation;
use fuser::INodeNo;
use fuser::ReplyAttr;
use fuser::ReplyData;
use fuser::ReplyEntry;
use fuser::ReplyStatfs;

use super::attr::Ownership;
use super::attr::ttl;
use super::failure::Failures;
use super::failure::Wanted;
use super::failure::caught;
use super::options::MountOptions;
use super::pool::Pool;
use super::pool::Shared;
use super::sizes::KnownSizes;
use crate::content::Content;
use crate::error::Error;
use crate::error::Result;
use crate::tree::Effort;
use crate::tree::NodeId;
use crate::tree::Stat;
use crate::tree::View;

/// Inode numbers are never reused for something else, so one generation does.
const GENERATION: Generation = Generation(0);

/// Longest name of a directory entry.
pub(super) const NAME_MAX: usize = 255;

/// How long unmounting waits for slow work to end.
const PATIENCE: Duration = Duration::from_secs(2);

thread_local! {
    /// Grows to the largest read, 1 MiB, and is used for every copied one of this thread.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A view with what serving it needs.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) view: Arc<dyn View>,
    pub(super) owner: Ownership,
    pub(super) sizes: KnownSizes,
    pub(super) failures: Failures,
    pub(super) pool: Pool,
    measures: Arc<Shared<Stat>>,
    contents: Arc<Shared<Arc<Content>>>,
    names: Arc<Shared<()>>,
}

impl Server {
    pub(super) fn new(view: Arc<dyn View>, options: &MountOptions) -> Self {
        Self {
            view,
            owner: Ownership::new(options),
            sizes: KnownSizes::default(),
            failures: Failures::default(),
            pool: Pool::new(options.thread_count()),
            measures: Shared::new(),
            contents: Shared::new(),
            names: Shared::new(),
        }
    }

    /// Ends slow work at unmount.
    pub(super) fn stop(&self) {
        self.pool.stop(PATIENCE);
    }

    pub(super) fn lookup(self: &Arc<Self>, dir: NodeId, name: &OsStr, reply: ReplyEntry) {
        if name.len() > NAME_MAX {
            return reply.error(Errno::ENAMETOOLONG);
        }
        if self.names_take_long(dir) {
            let name = name.as_bytes().to_vec();
            let view = Arc::clone(&self.view);
            let first = name.clone();
            let server = Arc::clone(self);
            return self.names.get(
                &self.pool,
                dir,
                move || view.lookup(dir, &first).map(drop),
                // Each waiter wants another name, and finding it is quick by now.
                move |_| server.find(dir, &name, reply),
            );
        }
        self.find(dir, name.as_bytes(), reply);
    }

    fn find(self: &Arc<Self>, dir: NodeId, name: &[u8], reply: ReplyEntry) {
        let node = match caught(|| self.view.lookup(dir, name)) {
            Ok(Some(node)) => node,
            Ok(None) => {
                // An entry with inode 0 is "not there", and unlike ENOENT it is cached.
                let ttl = ttl(self.view.freshness(dir));
                return reply.entry(&ttl, &no_node(), GENERATION);
            }
            Err(e) => return reply.error(self.failures.errno(dir, Wanted::Node, &e)),
        };
        self.with_stat(node, move |server, stat, measured| match stat {
            Ok(stat) => {
                if measured {
                    server.sizes.looked_up(node, stat.size.unwrap_or(0));
                }
                server.remember(node);
                let ttl = ttl(server.view.freshness(node));
                reply.entry(&ttl, &server.owner.attr(node, &stat), GENERATION);
            }
            Err(e) => reply.error(server.failures.errno(node, Wanted::Node, &e)),
        });
    }

    pub(super) fn getattr(self: &Arc<Self>, node: NodeId, reply: ReplyAttr) {
        self.with_stat(node, move |server, stat, measured| match stat {
            Ok(stat) => {
                if measured {
                    server.sizes.told(node, stat.size.unwrap_or(0));
                }
                let ttl = ttl(server.view.freshness(node));
                reply.attr(&ttl, &server.owner.attr(node, &stat));
            }
            Err(e) => reply.error(server.failures.errno(node, Wanted::Node, &e)),
        });
    }

    /// Calls `then` with the attributes of `node`, size included, and whether that had to be measured.
    fn with_stat(
        self: &Arc<Self>,
        node: NodeId,
        then: impl FnOnce(&Arc<Self>, Result<Stat>, bool) + Send + 'static,
    ) {
        let mut stat = match caught(|| self.view.stat(node)) {
            Ok(stat) if stat.size.is_none() => stat,
            done => return then(self, done, false),
        };
        if let Some(size) = self.sizes.get(node) {
            stat.size = Some(size);
            return then(self, Ok(stat), true);
        }
        let view = Arc::clone(&self.view);
        let measure = move || view.measure(node);
        if self.takes_long(node) {
            let server = Arc::clone(self);
            self.measures
                .get(&self.pool, node, measure, move |stat| then(&server, stat, true));
        } else {
            then(self, caught(measure), true);
        }
    }

    pub(super) fn readlink(&self, node: NodeId, reply: ReplyData) {
        match caught(|| self.view.target(node)) {
            Ok(target) => reply.data(&target),
            Err(e) => reply.error(self.failures.errno(node, Wanted::Node, &e)),
        }
    }

    pub(super) fn read(self: &Arc<Self>, node: NodeId, offset: u64, size: u32, reply: ReplyData) {
        let view = Arc::clone(&self.view);
        let content = move || view.content(node);
        if self.takes_long(node) {
            let server = Arc::clone(self);
            self.contents.get(&self.pool, node, content, move |content| {
                server.send(node, content, offset, size, reply);
            });
        } else {
            self.send(node, caught(content), offset, size, reply);
        }
    }

    fn send(&self, node: NodeId, content: Result<Arc<Content>>, offset: u64, size: u32, reply: ReplyData) {
        let failed = |e: &Error| self.failures.errno(node, Wanted::Bytes, e);
        let content = match content {
            Ok(content) => content,
            Err(e) => return reply.error(failed(&e)),
        };
        let want = content.available(offset, usize::try_from(size).unwrap_or(usize::MAX));
        if want == 0 {
            return reply.data(&[]);
        }
        match caught(|| content.mapped(offset, want).transpose()) {
            Ok(Some(bytes)) => return reply.data(bytes.for_system_call()),
            Ok(None) => {}
            Err(e) => return reply.error(failed(&e)),
        }
        BUFFER.with_borrow_mut(|buffer| {
            if buffer.len() < want {
                buffer.resize(want, 0);
            }
            let part = buffer.get_mut(..want).unwrap_or_default();
            match caught(|| content.read(offset, part)) {
                Ok(count) => reply.data(part.get(..count).unwrap_or_default()),
                Err(e) => reply.error(failed(&e)),
            }
        });
    }

    pub(super) fn statfs(&self, reply: ReplyStatfs) {
        match caught(|| Ok(self.view.totals())) {
            Ok(totals) => reply.statfs(
                totals.bytes.div_ceil(4096),
                0,
                0,
                totals.nodes,
                0,
                4096,
                255,
                4096,
            ),
            Err(e) => reply.error(self.failures.errno(NodeId::ROOT, Wanted::Node, &e)),
        }
    }

    /// Calls `then` once names in `dir` are found quickly, elsewhere if that takes time.
    pub(super) fn when_listable(
        self: &Arc<Self>,
        dir: NodeId,
        then: impl FnOnce(&Arc<Self>) + Send + 'static,
    ) {
        if self.names_take_long(dir) {
            let view = Arc::clone(&self.view);
            let server = Arc::clone(self);
            self.names.get(
                &self.pool,
                dir,
                move || view.list(dir, 0, &mut |_| false),
                move |_| then(&server),
            );
        } else {
            then(self);
        }
    }

    /// The kernel is given `node`.
    pub(super) fn remember(&self, node: NodeId) {
        self.tell(|view| view.remember(node));
    }

    /// The kernel drops `lookups` of what it was given.
    pub(super) fn forget(&self, node: NodeId, lookups: u64) {
        self.sizes.forget(node, lookups);
        self.tell(|view| view.forget(node, lookups));
    }

    /// A program has opened `node`.
    pub(super) fn opened(&self, node: NodeId) {
        self.tell(|view| view.opened(node));
    }

    /// A handle of `node` is closed.
    pub(super) fn released(&self, node: NodeId) {
        self.tell(|view| view.released(node));
    }

    fn tell(&self, what: impl FnOnce(&dyn View)) {
        let told = caught(|| {
            what(&*self.view);
            Ok(())
        });
        if let Err(e) = told {
            log::error!("{e}");
        }
    }

    /// Whether the whole view stays as it is for as long as it is mounted.
    pub(super) fn is_immutable(&self) -> bool {
        self.view.freshness(NodeId::ROOT) == crate::tree::Freshness::Forever
    }

    fn names_take_long(&self, dir: NodeId) -> bool {
        matches!(caught(|| Ok(self.view.lookup_effort(dir))), Ok(Effort::Slow))
    }

    fn takes_long(&self, node: NodeId) -> bool {
        matches!(caught(|| Ok(self.view.effort(node))), Ok(Effort::Slow))
    }
}

/// The attributes of an entry that is not there; the kernel looks at the inode number only.
fn no_node() -> FileAttr {
    FileAttr {
        ino: INodeNo(0),
        size: 0,
        blocks: 0,
        atime: SystemTime::UNIX_EPOCH,
        mtime: SystemTime::UNIX_EPOCH,
        ctime: SystemTime::UNIX_EPOCH,
        crtime: SystemTime::UNIX_EPOCH,
        kind: fuser::FileType::RegularFile,
        perm: 0,
        nlink: 0,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: 0,
        flags: 0,
    }
}
