//! by-name/: the tensors of a TF2 checkpoint by the names that the program gave its variables, as links.
//!
//! Objects are often reached by routes that say little (`optimizer/_variables/7`); `full_name` is the name that
//! people know. A tensor without one, and those that share one, stand under their paths in tensors/.

use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::OnceLock;

use super::branch::Branch;
use super::branch::Child;
use super::branch::Emit;
use super::branch::Facts;
use super::branch::not_a;
use super::branch::relative;
use super::facet::Facet;
use super::ids::Node;
use super::names;
use super::paths;
use super::paths::Paths;
use super::paths::RawNames;
use super::paths::Scope;
use super::tensors::Tensors;
use super::view::Effort;
use super::view::Kind;
use crate::checkpoint::Checkpoint;
use crate::content::Content;
use crate::error::Error;
use crate::error::Result;
use crate::tensor::TensorId;

/// The branch.
#[derive(Debug)]
pub(super) struct ByName {
    checkpoint: Arc<Checkpoint>,
    tensors: Arc<Tensors>,
    named: OnceLock<Result<Named>>,
}

/// The tensors by name.
#[derive(Debug)]
struct Named {
    /// The encoded path of each, with its suffix.
    items: Vec<(TensorId, Box<[u8]>)>,
    /// Where each tensor is among them.
    of_tensor: HashMap<TensorId, u32>,
    paths: Paths,
}

/// The paths alone, which know nothing of tensors.
#[derive(Debug)]
struct Items<'a>(&'a [(TensorId, Box<[u8]>)]);

impl RawNames for Items<'_> {
    fn count(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    fn raw(&self, item: u32) -> &[u8] {
        self.0.get(item as usize).map_or(b"", |(_, path)| path)
    }
}

impl Named {
    fn new(checkpoint: &Checkpoint, tensors: &Tensors) -> Result<Self> {
        let objects = checkpoint
            .objects()
            .ok_or_else(|| Error::not_found("there are no objects"))??;
        let saved: Vec<TensorId> = tensors
            .set()
            .ids()
            .filter(|id| objects.value_of(*id).is_some())
            .collect();
        let mut uses: HashMap<&[u8], u32> = HashMap::new();
        for id in &saved {
            if let Some(name) = checkpoint.full_name(*id) {
                let count = uses.entry(name).or_default();
                *count = count.saturating_add(1);
            }
        }
        let mut taken: HashSet<Vec<u8>> = HashSet::new();
        let mut items: Vec<(TensorId, Box<[u8]>)> = Vec::new();
        let mut others = Vec::new();
        for id in saved {
            let suffix = suffix(&tensors.path(id));
            match checkpoint.full_name(id) {
                Some(name) if uses.get(name) == Some(&1) => {
                    let mut path = [&names::path(name, true), suffix].concat();
                    if too_deep(&path, &tensors.path(id)) {
                        path = [&names::whole(name), suffix].concat();
                    }
                    // Of two cut names that are one, which cannot be, the second.
                    if taken.insert(path.clone()) {
                        items.push((id, path.into()));
                    } else {
                        others.push(id);
                    }
                }
                _ => others.push(id),
            }
        }
        for id in others {
            let whole = tensors.path(id);
            let path = whole.strip_prefix(b"tensors/").unwrap_or(&whole);
            let suffix = suffix(path);
            let stem = path.strip_suffix(suffix).unwrap_or(path);
            let mut name = path.to_vec();
            let mut copy = 1u32;
            // A variable may be called as another one's route is.
            while !taken.insert(name.clone()) {
                copy = copy.saturating_add(1);
                name = [stem, format!("%~{copy}").as_bytes(), suffix].concat();
            }
            items.push((id, name.into()));
        }
        items.sort_by(|a, b| a.1.cmp(&b.1));
        let paths = Paths::new(&Items(&items), true, |_, _| None);
        let of_tensor = (0u32..).zip(&items).map(|(at, (id, _))| (*id, at)).collect();
        Ok(Self {
            items,
            of_tensor,
            paths,
        })
    }
}

/// Whether a link from there would be longer than a link can be (PATH_MAX without its NUL).
fn too_deep(path: &[u8], target: &[u8]) -> bool {
    let ups = path.split(|b| *b == b'/').count().saturating_mul(3);
    ups.saturating_add(target.len()) > 4095
}

/// The suffix of a tensor's file.
fn suffix(path: &[u8]) -> &'static [u8] {
    match path.ends_with(b".variants") {
        true => b".variants",
        false => b".npy",
    }
}

impl ByName {
    pub(super) fn new(checkpoint: Arc<Checkpoint>, tensors: Arc<Tensors>) -> Self {
        Self {
            checkpoint,
            tensors,
            named: OnceLock::new(),
        }
    }

    fn named(&self) -> Result<&Named> {
        let named = self
            .named
            .get_or_init(|| Named::new(&self.checkpoint, &self.tensors));
        named.as_ref().map_err(Clone::clone)
    }
}

fn scope_of(dir: Node) -> Scope {
    Scope {
        first: dir.item,
        depth: dir.sub,
    }
}

fn link(id: TensorId) -> Node {
    Node::new(Facet::NameLink, id.0, 0)
}

impl Branch for ByName {
    fn lookup(&self, dir: Node, name: &[u8]) -> Result<Option<Node>> {
        let named = self.named()?;
        let items = Items(&named.items);
        let path = [named.paths.prefix(&items, scope_of(dir)), name].concat();
        if let Some(position) = named.paths.find_item(&items, &path) {
            let item = named.paths.item(&items, position);
            return Ok(named.items.get(item as usize).map(|(id, _)| link(*id)));
        }
        let scope = named.paths.find_scope(&items, &path);
        Ok(scope.map(|scope| Node::new(Facet::NameScope, scope.first, scope.depth)))
    }

    fn list(&self, dir: Node, after: u64, emit: Emit<'_>) -> Result<()> {
        let named = self.named()?;
        let items = Items(&named.items);
        let start = u32::try_from(after).unwrap_or(u32::MAX);
        named
            .paths
            .children(&items, scope_of(dir), start, |child, name, next| {
                let (node, kind) = match child {
                    paths::Child::Scope(scope) => (
                        Node::new(Facet::NameScope, scope.first, scope.depth),
                        Kind::Directory,
                    ),
                    paths::Child::Item(position) => {
                        let item = named.paths.item(&items, position);
                        match named.items.get(item as usize) {
                            Some((id, _)) => (link(*id), Kind::Link),
                            None => return true,
                        }
                    }
                };
                emit(Child {
                    node,
                    kind,
                    name,
                    cookie: next.into(),
                })
            });
        Ok(())
    }

    fn facts(&self, node: Node) -> Result<Facts> {
        match node.facet {
            Facet::NameLink => Ok(Facts::link(self.target(node)?.len() as u64)),
            _ => Ok(Facts::DIRECTORY),
        }
    }

    fn content(&self, _node: Node) -> Result<Content> {
        Err(not_a("file"))
    }

    fn target(&self, node: Node) -> Result<Vec<u8>> {
        let named = self.named()?;
        let id = TensorId(node.item);
        let at = named.of_tensor.get(&id).ok_or_else(|| not_a("link"))?;
        let path = [b"by-name/", Items(&named.items).raw(*at)].concat();
        let dir = path.iter().rposition(|b| *b == b'/').unwrap_or(0);
        Ok(relative(
            path.get(..dir).unwrap_or_default(),
            &self.tensors.path(id),
        ))
    }

    fn lookup_effort(&self, _dir: Node) -> Effort {
        match self.named.get() {
            Some(_) => Effort::Quick,
            None => Effort::Slow,
        }
    }
}
