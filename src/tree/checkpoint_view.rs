//! The checkpoint view: the branches put together.

use std::sync::Arc;
use std::time::SystemTime;

use super::branch::Branch;
use super::branch::not_a;
use super::by_name::ByName;
use super::by_type::ByType;
use super::cache::Cache;
use super::collections::Collections;
use super::facet::BranchName;
use super::facet::Facet;
use super::functions::Functions;
use super::graph_tree::GraphTree;
use super::ids::Ids;
use super::ids::Node;
use super::objects::Objects;
use super::ops::Ops;
use super::savers::Savers;
use super::signatures::Signatures;
use super::source::Source;
use super::tensors::Tensors;
use super::top::Top;
use super::view::Effort;
use super::view::Entry;
use super::view::Kind;
use super::view::NodeId;
use super::view::Stat;
use super::view::Totals;
use super::view::View;
use crate::checkpoint::Checkpoint;
use crate::content::Content;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::source::FileStat;
use crate::tensor::TensorId;

/// A checkpoint as a directory (design.md 2).
#[derive(Debug)]
pub struct CheckpointView {
    checkpoint: Arc<Checkpoint>,
    ids: Ids,
    cache: Cache,
    owner: Owner,
    top: Top,
    tensors: Option<Arc<Tensors>>,
    source: Source,
    graph: Option<GraphBranches>,
    objects: Option<(Objects, ByName)>,
}

/// The branches that a graph has.
#[derive(Debug)]
struct GraphBranches {
    ops: Ops,
    by_type: ByType,
    collections: Collections,
    savers: Savers,
    signatures: Signatures,
    functions: Functions,
}

/// Who owns the nodes: the owner of the source files.
#[derive(Debug, Clone, Copy)]
struct Owner {
    uid: u32,
    gid: u32,
    /// Read bits of files.
    read: u16,
    mtime: SystemTime,
}

impl Owner {
    /// The owner of the first file, and the read bits that every file grants: with `allow_other` they decide who reads
    /// a shard through us.
    fn of(files: &[FileStat]) -> Self {
        let Some(first) = files.first() else {
            return Self {
                uid: 0,
                gid: 0,
                read: 0o444,
                mtime: SystemTime::UNIX_EPOCH,
            };
        };
        let granted = |file: &FileStat| {
            let others = file.mode & 0o004;
            // To a file of somebody else, the owner of the first is one of the others.
            let user = match file.uid == first.uid {
                true => file.mode & 0o400,
                false => others.wrapping_shl(6),
            };
            let group = match file.gid == first.gid {
                true => file.mode & 0o040,
                false => others.wrapping_shl(3),
            };
            user | group | others
        };
        let read = files.iter().map(granted).fold(0o444, |all, bits| all & bits);
        Self {
            uid: first.uid,
            gid: first.gid,
            read: u16::try_from(read).unwrap_or(0),
            mtime: first.modified,
        }
    }
}

impl CheckpointView {
    /// The tree of a checkpoint.
    pub fn new(checkpoint: Arc<Checkpoint>) -> Self {
        Self::with_generation(checkpoint, 0)
    }

    /// The tree of one of several checkpoints: its ids have this generation (below 1024), so that views of
    /// different generations share none.
    pub fn with_generation(checkpoint: Arc<Checkpoint>, generation: u16) -> Self {
        let tensors = checkpoint.shared_tensors().map(|set| Arc::new(Tensors::new(set)));
        let graph = checkpoint
            .graph()
            .and_then(|file| GraphTree::new(file.clone()))
            .map(Arc::new);
        let files: Vec<FileStat> = checkpoint.files().iter().filter_map(|file| file.stat).collect();
        Self {
            ids: Ids::new(generation),
            cache: Cache::default(),
            owner: Owner::of(&files),
            top: Top::new(&checkpoint, tensors.clone(), graph.clone()),
            graph: graph.map(|graph| GraphBranches {
                ops: Ops::new(graph.clone(), tensors.clone()),
                by_type: ByType::new(graph.clone()),
                collections: Collections::new(graph.clone()),
                savers: Savers::new(graph.clone(), tensors.clone()),
                signatures: Signatures::new(graph.clone()),
                functions: Functions::new(graph),
            }),
            objects: tensors
                .clone()
                .filter(|_| checkpoint.has_objects())
                .map(|tensors| {
                    let objects = Objects::new(checkpoint.clone(), tensors.clone());
                    (objects, ByName::new(checkpoint.clone(), tensors))
                }),
            tensors,
            source: Source::new(&checkpoint),
            checkpoint,
        }
    }

    /// Its root: [`NodeId::ROOT`] for generation 0.
    pub fn root(&self) -> NodeId {
        self.ids.pack(Node::of(Facet::Root))
    }

    /// The checkpoint it shows.
    pub fn checkpoint(&self) -> &Arc<Checkpoint> {
        &self.checkpoint
    }

    /// What meta/manifest.json says of a tensor.
    pub fn tensor_json(&self, id: TensorId) -> Option<serde_json::Value> {
        Some(super::texts::manifest::tensor(
            &self.checkpoint,
            self.tensors.as_deref()?,
            id,
        ))
    }

    /// The path of the file of a tensor, from the root: `tensors/dense/kernel.npy`.
    pub fn tensor_path(&self, id: TensorId) -> Option<Vec<u8>> {
        Some(self.tensors.as_deref()?.path(id))
    }

    /// The tensor whose file is at `path`: from the root or from tensors/, with or without `.npy`.
    pub fn tensor_at(&self, path: &[u8]) -> Option<TensorId> {
        let find = |path: &[u8]| {
            let (id, _) = super::resolve(self, path, true).ok()?;
            let node = self.ids.unpack(id)?;
            (node.facet == Facet::TensorNpy).then_some(TensorId(node.item))
        };
        let below = [b"tensors/", path].concat();
        find(path)
            .or_else(|| find(&below))
            .or_else(|| find(&[below.as_slice(), b".npy"].concat()))
    }

    fn node(&self, id: NodeId) -> Result<Node> {
        self.ids
            .unpack(id)
            .ok_or_else(|| Error::not_found(format!("node {id} does not exist")))
    }

    fn branch(&self, node: Node) -> Result<&dyn Branch> {
        let missing = || Error::not_found("this checkpoint has no such part");
        let graph = || self.graph.as_ref().ok_or_else(missing);
        Ok(match node.facet.branch() {
            BranchName::Ops => &graph()?.ops,
            BranchName::ByType => &graph()?.by_type,
            BranchName::Collections => &graph()?.collections,
            BranchName::Savers => &graph()?.savers,
            BranchName::Signatures => &graph()?.signatures,
            BranchName::Functions => &graph()?.functions,
            BranchName::Objects => &self.objects.as_ref().ok_or_else(missing)?.0,
            BranchName::ByName => &self.objects.as_ref().ok_or_else(missing)?.1,
            BranchName::Top => &self.top,
            BranchName::Tensors => self.tensors.as_deref().ok_or_else(missing)?,
            BranchName::Source => &self.source,
        })
    }

    /// The content of a node, kept where it is heavy or took long.
    fn made(&self, id: NodeId, node: Node) -> Result<Arc<Content>> {
        if let Some(content) = self.cache.get(id) {
            return Ok(content);
        }
        let branch = self.branch(node)?;
        let slow = branch.effort(node) == Effort::Slow;
        let content = Arc::new(branch.content(node)?);
        self.cache.put(id, &content, slow);
        Ok(content)
    }
}

impl View for CheckpointView {
    fn lookup(&self, dir: NodeId, name: &[u8]) -> Result<Option<NodeId>> {
        let node = self.node(dir)?;
        let found = self.branch(node)?.lookup(node, name)?;
        Ok(found.map(|node| self.ids.pack(node)))
    }

    fn stat(&self, id: NodeId) -> Result<Stat> {
        let node = self.node(id)?;
        let facts = self.branch(node)?.facts(node)?;
        let search = (self.owner.read & 0o444).wrapping_shr(2);
        Ok(Stat {
            kind: facts.kind,
            size: facts.size,
            stored: facts.stored,
            perm: match facts.kind {
                Kind::Directory => self.owner.read | search,
                Kind::File => self.owner.read,
                Kind::Link => 0o777,
            },
            uid: self.owner.uid,
            gid: self.owner.gid,
            mtime: self.owner.mtime,
        })
    }

    fn measure(&self, id: NodeId) -> Result<Stat> {
        let mut stat = self.stat(id)?;
        if stat.size.is_some() {
            return Ok(stat);
        }
        // What cannot be made is listed all the same, with a size that lets readers ask, and get the error.
        match self.made(id, self.node(id)?) {
            Ok(content) => {
                stat.size = Some(content.len());
                if stat.stored == 0 {
                    stat.stored = content.len();
                }
            }
            Err(e) if e.kind() == ErrorKind::TooLarge => stat.size = Some(1),
            Err(e) => {
                log::debug!("{e}");
                stat.size = Some(stat.stored.max(1));
            }
        }
        Ok(stat)
    }

    fn effort(&self, id: NodeId) -> Effort {
        let Ok(node) = self.node(id) else {
            return Effort::Quick;
        };
        match self.branch(node) {
            Ok(branch) if branch.effort(node) == Effort::Slow && !self.cache.has(id) => Effort::Slow,
            _ => Effort::Quick,
        }
    }

    fn lookup_effort(&self, dir: NodeId) -> Effort {
        let Ok(node) = self.node(dir) else {
            return Effort::Quick;
        };
        self.branch(node)
            .map_or(Effort::Quick, |branch| branch.lookup_effort(node))
    }

    fn list(&self, dir: NodeId, after: u64, emit: &mut dyn FnMut(Entry<'_>) -> bool) -> Result<()> {
        let node = self.node(dir)?;
        let branch = self.branch(node)?;
        if branch.facts(node)?.kind != Kind::Directory {
            return Err(not_a("directory"));
        }
        branch.list(node, after, &mut |child| {
            emit(Entry {
                node: self.ids.pack(child.node),
                kind: child.kind,
                name: child.name,
                cookie: child.cookie,
            })
        })
    }

    fn target(&self, link: NodeId) -> Result<Vec<u8>> {
        let node = self.node(link)?;
        self.branch(node)?.target(node)
    }

    fn content(&self, file: NodeId) -> Result<Arc<Content>> {
        self.made(file, self.node(file)?)
    }

    fn xattrs(&self, id: NodeId) -> Result<Vec<(String, Vec<u8>)>> {
        let node = self.node(id)?;
        self.branch(node)?.xattrs(node)
    }

    fn totals(&self) -> Totals {
        let files = self.checkpoint.files().iter().filter_map(|file| file.stat);
        Totals {
            bytes: files.fold(0, |sum, stat| sum.saturating_add(stat.identity.len)),
            nodes: {
                let tensors = self.checkpoint.tensors().map_or(0, |bundle| bundle.len().into());
                let ops = self
                    .checkpoint
                    .meta_graph()
                    .map_or(0, |meta| meta.graph().nodes().len() as u64);
                ops.saturating_add(tensors)
            },
        }
    }
}
