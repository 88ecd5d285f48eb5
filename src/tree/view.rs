//! The interface between the tree and those who show it (FUSE, the commands).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use std::time::SystemTime;

use crate::content::Content;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;

/// A file, directory or link of a view: 64 bits that say what it is. Also its inode number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u64);

impl NodeId {
    /// The root directory of every view (the inode number FUSE gives its root).
    pub const ROOT: Self = Self(1);
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link.
    Link,
}

/// What `stat` shows of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub kind: Kind,
    /// Bytes of a file or of a link's target; `None` where the file must be measured first
    /// ([`View::measure`]). 0 for directories.
    pub size: Option<u64>,
    /// Bytes of source files it stands for, which `du` adds up; 0 for views made of others' bytes.
    pub stored: u64,
    /// Permission bits.
    pub perm: u16,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Modification time: that of the source file.
    pub mtime: SystemTime,
}

/// One line of a listing.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The node.
    pub node: NodeId,
    /// What it is.
    pub kind: Kind,
    /// Its file name: 1 to 255 bytes, no `/`, no NUL, neither `.` nor `..`.
    pub name: &'a [u8],
    /// Where the listing goes on after it; never 0. Opaque, stable as long as the view.
    pub cookie: u64,
}

/// How long an answer about a node stays true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// As long as the mount.
    Forever,
    /// For this long (the root of the run view and `latest`).
    For(Duration),
}

/// How long an answer may take to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// Well under a millisecond.
    Quick,
    /// Perhaps longer: rendering a text, scanning string lengths. Not on an event loop.
    Slow,
}

/// What `df` shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Bytes of the source files.
    pub bytes: u64,
    /// Files, directories and links that can be counted without walking (tensors and ops).
    pub nodes: u64,
}

/// A tree of virtual files. See the module's invariants.
pub trait View: Send + Sync + fmt::Debug + 'static {
    /// The node called `name` in directory `dir`; `None` where there is none.
    fn lookup(&self, dir: NodeId, name: &[u8]) -> Result<Option<NodeId>>;

    /// What a node is, without work: an unmeasured file has no size.
    fn stat(&self, node: NodeId) -> Result<Stat>;

    /// [`View::stat`] with the size, at whatever [`View::effort`] that takes.
    fn measure(&self, node: NodeId) -> Result<Stat> {
        let mut stat = self.stat(node)?;
        if stat.size.is_none() {
            stat.size = Some(self.content(node)?.len());
        }
        Ok(stat)
    }

    /// Whether [`View::measure`] or [`View::content`] of this node may take long now.
    fn effort(&self, node: NodeId) -> Effort;

    /// Whether finding `name` in `dir` may take long now (a first look into ops/ sorts a million names).
    fn lookup_effort(&self, _dir: NodeId) -> Effort {
        Effort::Quick
    }

    /// Lists `dir` after the entry with cookie `after` (0: from the start) until `emit` says `false`.
    /// `.` and `..` are not listed.
    fn list(&self, dir: NodeId, after: u64, emit: &mut dyn FnMut(Entry<'_>) -> bool) -> Result<()>;

    /// The target of a link: at most 4,095 bytes.
    fn target(&self, link: NodeId) -> Result<Vec<u8>>;

    /// The bytes of a file. Cheap to call again: what is costly to make is kept, within a bound.
    fn content(&self, file: NodeId) -> Result<Arc<Content>>;

    /// Extended attributes: full name (`user.ckptfs.dtype`) and value.
    fn xattrs(&self, node: NodeId) -> Result<Vec<(String, Vec<u8>)>>;

    /// How long [`View::stat`] of this node and a lookup of it stay true; for a directory also its
    /// listing and what is *not* in it. Where it is [`Freshness::Forever`] for the root, it must be so for
    /// every node: the mount then answers each OPEN and OPENDIR but the first with "do not ask again".
    fn freshness(&self, _node: NodeId) -> Freshness {
        Freshness::Forever
    }

    /// Sizes for statfs.
    fn totals(&self) -> Totals;

    /// Somebody who will say so when it is over (the kernel) was given `node` and may ask for it until
    /// [`View::forget`] has been called as often.
    fn remember(&self, _node: NodeId) {}

    /// `count` of what [`View::remember`] counted are over.
    fn forget(&self, _node: NodeId, _count: u64) {}

    /// A file or directory is held open until [`View::released`].
    fn opened(&self, _node: NodeId) {}

    /// One handle of those that [`View::opened`] counted is closed.
    fn released(&self, _node: NodeId) {}
}

/// How many links a path may cross; Linux allows 40.
const MAX_LINKS: u32 = 40;

/// The node at `path` (components separated by `/`; empty ones and `.` are skipped, `..` goes up), as
/// the kernel would walk it. `follow` says whether a link at the very end is followed.
///
/// Gives the node and its physical path from the root. Links that leave the tree (to the source files)
/// are not followed: the link itself is the answer at the end of a path, and an error within it.
pub fn resolve(view: &dyn View, path: &[u8], follow: bool) -> Result<(NodeId, Vec<u8>)> {
    let mut todo: Vec<Vec<u8>> = path.rsplit(|b| *b == b'/').map(<[u8]>::to_vec).collect();
    let mut walked: Vec<(NodeId, Vec<u8>)> = Vec::new();
    let mut links = 0u32;
    while let Some(name) = todo.pop() {
        let dir = walked.last().map_or(NodeId::ROOT, |(node, _)| *node);
        match name.as_slice() {
            b"" | b"." => continue,
            b".." => {
                walked.pop();
                continue;
            }
            _ => {}
        }
        let here = || {
            let mut path = join(&walked);
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(&name);
            String::from_utf8_lossy(&path).into_owned()
        };
        if view.stat(dir)?.kind != Kind::Directory {
            return Err(Error::not_found(format!("{}: not a directory", here())));
        }
        let Some(node) = view.lookup(dir, &name)? else {
            return Err(Error::not_found(format!(
                "{}: no such file in the checkpoint",
                here()
            )));
        };
        let last = todo.iter().all(|rest| rest.is_empty() || rest == b".");
        if view.stat(node)?.kind == Kind::Link && (follow || !last) {
            let target = view.target(node)?;
            links = links.saturating_add(1);
            if links > MAX_LINKS {
                return Err(Error::new(ErrorKind::Io, format!("{}: too many links", here())));
            }
            if !target.starts_with(b"/") {
                todo.extend(target.rsplit(|b| *b == b'/').map(<[u8]>::to_vec));
                continue;
            }
            if !last {
                return Err(Error::not_found(format!(
                    "{}: leads out of the checkpoint",
                    here()
                )));
            }
        }
        walked.push((node, name));
    }
    let node = walked.last().map_or(NodeId::ROOT, |(node, _)| *node);
    Ok((node, join(&walked)))
}

fn join(walked: &[(NodeId, Vec<u8>)]) -> Vec<u8> {
    let names: Vec<&[u8]> = walked.iter().map(|(_, name)| name.as_slice()).collect();
    names.join(&b'/')
}
