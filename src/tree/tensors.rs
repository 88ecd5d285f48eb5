//! tensors/: what the checkpoint holds.
//!
//! Every key is listed by what it means: `dense/kernel` as `dense/kernel.npy`, the keys of object checkpoints
//! without their dot directories (which `ls` and globs would skip). Their raw paths resolve too, unlisted.

mod arrange;

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;

use arrange::Keys;
use arrange::Moved;
use arrange::arrange;
use bytes::Bytes;

use super::branch::Branch;
use super::branch::Child;
use super::branch::Emit;
use super::branch::Facts;
use super::branch::not_a;
use super::facet::Facet;
use super::ids::Node;
use super::paths;
use super::paths::Paths;
use super::paths::RawNames;
use super::paths::Scope;
use super::view::Effort;
use super::view::Kind;
use crate::content::Content;
use crate::content::npy;
use crate::error::Error;
use crate::error::Result;
use crate::source::Extent;
use crate::tensor::DType;
use crate::tensor::TensorId;
use crate::tensor::TensorSet;
use crate::tensor::payload::Payload;
use crate::tensor::strings::StringTable;
use crate::tensor::variants::VariantTable;

/// So many names are arranged in well under a millisecond.
const QUICK_NAMES: usize = 1000;

/// A table of elements and the tensor it belongs to.
type Last<T> = Mutex<Option<(u32, Arc<T>)>>;

/// The table of tensor `item`: the last one, or made and kept as such.
fn table_of<T>(last: &Last<T>, item: u32, make: impl FnOnce() -> Result<T>) -> Result<Arc<T>> {
    let lock = || last.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, table)) = lock().as_ref().filter(|(of, _)| *of == item) {
        return Ok(table.clone());
    }
    let table = Arc::new(make()?);
    *lock() = Some((item, table.clone()));
    Ok(table)
}

/// The branch, and where each tensor stands in it.
#[derive(Debug)]
pub(super) struct Tensors {
    set: Arc<dyn TensorSet>,
    keys: Keys,
    paths: Paths,
    /// Tensors that are not listed under their raw keys, and their raw paths.
    moved: Moved,
    /// Made when a path is first looked for in vain: seldom, and a mount need not wait for it.
    raw: OnceLock<Paths>,
    /// The tables that were used last: elements are read one after the other.
    last_strings: Last<StringTable>,
    last_variants: Last<VariantTable>,
}

impl Tensors {
    pub(super) fn new(set: Arc<dyn TensorSet>) -> Self {
        let (keys, paths, moved) = arrange(&set);
        Self {
            set,
            keys,
            paths,
            moved,
            raw: OnceLock::new(),
            last_strings: Mutex::default(),
            last_variants: Mutex::default(),
        }
    }

    /// The tensors it lists.
    pub(super) fn set(&self) -> &dyn TensorSet {
        &*self.set
    }

    /// The path of the file of a tensor, from the root: `tensors/dense/kernel.npy`.
    pub(super) fn path(&self, id: TensorId) -> Vec<u8> {
        let suffix: &[u8] = match self.set.entry(id).dtype {
            DType::VARIANT => b".variants",
            _ => b".npy",
        };
        [b"tensors/", self.paths.path(&self.keys, id.0), suffix].concat()
    }

    fn raw(&self) -> &Paths {
        self.raw.get_or_init(|| self.moved.paths())
    }

    fn entry_nodes(&self, item: u32) -> (Node, Option<Node>) {
        let file = Node::new(Facet::TensorNpy, item, 0);
        match self.set.entry(TensorId(item)).dtype {
            DType::STRING => (file, Some(Node::new(Facet::Strings, item, 0))),
            DType::VARIANT => (Node::new(Facet::Variants, item, 0), None),
            _ => (file, None),
        }
    }

    /// The node `name` beside items of `paths`, for which `item_of` gives the tensor.
    fn find(
        &self,
        paths: &Paths,
        list: &dyn RawNames,
        prefix: &[u8],
        name: &[u8],
        item_of: impl Fn(u32) -> u32,
    ) -> Option<Node> {
        let find = |stem: &[u8]| {
            let position = paths.find_item(list, &[prefix, stem].concat())?;
            Some(item_of(paths.item(list, position)))
        };
        if let Some(stem) = name.strip_suffix(b".npy") {
            // TensorFlow's name of the value, `kernel:0`, is the same file; a real key of that name wins.
            let item = find(stem).or_else(|| find(stem.strip_suffix(b":0")?))?;
            let (file, _) = self.entry_nodes(item);
            return Some(file).filter(|file| file.facet == Facet::TensorNpy);
        }
        if let Some(stem) = name.strip_suffix(b".strings") {
            let (_, strings) = self.entry_nodes(find(stem)?);
            return strings;
        }
        if let Some(stem) = name.strip_suffix(b".variants") {
            let (file, _) = self.entry_nodes(find(stem)?);
            return Some(file).filter(|file| file.facet == Facet::Variants);
        }
        None
    }

    fn strings(&self, item: u32) -> Result<Arc<StringTable>> {
        table_of(&self.last_strings, item, || {
            match self.set.payload(TensorId(item))? {
                Payload::Strings(table) => Ok(table),
                _ => Err(not_a("string tensor")),
            }
        })
    }

    fn variants(&self, item: u32) -> Result<Arc<VariantTable>> {
        table_of(&self.last_variants, item, || {
            match self.set.payload(TensorId(item))? {
                Payload::Variants(table) => Ok(table),
                _ => Err(not_a("variant tensor")),
            }
        })
    }

    /// How many elements a string or variant tensor has, as the index says; 0 where that cannot be stored.
    fn elements(&self, item: u32) -> u32 {
        let id = TensorId(item);
        let stored = self.set.stored(id);
        let count = self.set.entry(id).shape.elements().filter(|n| *n <= stored);
        count.and_then(|n| u32::try_from(n).ok()).unwrap_or(0)
    }

    fn element(&self, node: Node) -> Result<Option<Extent>> {
        let index = node.sub.into();
        let found = if node.facet == Facet::StringElement {
            self.strings(node.item)?.string(index)
        } else {
            self.variants(node.item)?.message(index)
        };
        found.ok_or_else(|| Error::not_found("no such element"))
    }

    fn lookup_scope(&self, dir: Node, name: &[u8]) -> Option<Node> {
        let scope = scope_of(dir);
        let raw_node = |found: Scope| Node::new(Facet::RawScope, found.first, found.depth);
        if dir.facet == Facet::RawScope {
            let prefix = self.raw().prefix(&self.moved, scope);
            return self.find_raw(prefix, name).or_else(|| {
                let found = self.raw().find_scope(&self.moved, &[prefix, name].concat())?;
                Some(raw_node(found))
            });
        }
        let prefix = self.paths.prefix(&self.keys, scope);
        let path = [prefix, name].concat();
        self.find(&self.paths, &self.keys, prefix, name, |item| item)
            .or_else(|| {
                let found = self.paths.find_scope(&self.keys, &path)?;
                Some(Node::new(Facet::TensorScope, found.first, found.depth))
            })
            .or_else(|| self.find_raw(prefix, name))
            .or_else(|| self.raw().find_scope(&self.moved, &path).map(raw_node))
    }

    fn find_raw(&self, prefix: &[u8], name: &[u8]) -> Option<Node> {
        self.find(self.raw(), &self.moved, prefix, name, |at| self.moved.item(at))
    }
}

fn scope_of(dir: Node) -> Scope {
    Scope {
        first: dir.item,
        depth: dir.sub,
    }
}

/// The element that a file name stands for: plain decimal.
pub(super) fn element_index(name: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(name).ok()?;
    let index: u32 = text.parse().ok()?;
    (index.to_string() == text).then_some(index)
}

impl Branch for Tensors {
    fn lookup(&self, dir: Node, name: &[u8]) -> Result<Option<Node>> {
        let element = |facet| {
            let index = element_index(name).filter(|index| *index < self.elements(dir.item))?;
            Some(dir.facet(facet, index))
        };
        Ok(match dir.facet {
            Facet::Strings => element(Facet::StringElement),
            Facet::Variants => element(Facet::VariantElement),
            _ => self.lookup_scope(dir, name),
        })
    }

    fn list(&self, dir: Node, after: u64, emit: Emit<'_>) -> Result<()> {
        let facet = match dir.facet {
            Facet::Strings => Facet::StringElement,
            Facet::Variants => Facet::VariantElement,
            facet => {
                let raw = facet == Facet::RawScope;
                let items = |at: u32| self.moved.item(at);
                if raw {
                    self.list_scope(self.raw(), &self.moved, dir, after, items, emit);
                } else {
                    self.list_scope(&self.paths, &self.keys, dir, after, |item| item, emit);
                }
                return Ok(());
            }
        };
        let first = u32::try_from(after).unwrap_or(u32::MAX);
        for index in first..self.elements(dir.item) {
            let name = index.to_string();
            let child = Child {
                node: dir.facet(facet, index),
                kind: Kind::File,
                name: name.as_bytes(),
                cookie: u64::from(index).saturating_add(1),
            };
            if !emit(child) {
                break;
            }
        }
        Ok(())
    }

    fn facts(&self, node: Node) -> Result<Facts> {
        let entry = self.set.entry(TensorId(node.item));
        let file = |size| Facts {
            kind: Kind::File,
            size,
            stored: 0,
        };
        Ok(match node.facet {
            Facet::TensorNpy => Facts {
                stored: self.set.stored(TensorId(node.item)),
                ..file(npy::size(entry.dtype, entry.shape, self.set.endianness()))
            },
            Facet::StringElement | Facet::VariantElement => file(None),
            _ => Facts::DIRECTORY,
        })
    }

    fn content(&self, node: Node) -> Result<Content> {
        match node.facet {
            Facet::TensorNpy => {
                let id = TensorId(node.item);
                let entry = self.set.entry(id);
                let endianness = self.set.endianness();
                npy::tensor(self.set.payload(id)?, entry.dtype, entry.shape, endianness)
            }
            Facet::StringElement | Facet::VariantElement => {
                let mut content = Content::new();
                match self.element(node)? {
                    Some(extent) => content.push(extent)?,
                    None => content.push(Bytes::new())?,
                }
                Ok(content)
            }
            _ => Err(not_a("file")),
        }
    }

    fn effort(&self, node: Node) -> Effort {
        let entry = self.set.entry(TensorId(node.item));
        match entry.dtype.width() {
            Some(_) if entry.slices.len() < 64 && !self.set.is_decoded(TensorId(node.item)) => Effort::Quick,
            _ => Effort::Slow,
        }
    }

    fn lookup_effort(&self, _dir: Node) -> Effort {
        if self.raw.get().is_none() && self.moved.len() > QUICK_NAMES {
            return Effort::Slow;
        }
        Effort::Quick
    }

    fn xattrs(&self, node: Node) -> Result<Vec<(String, Vec<u8>)>> {
        if !matches!(node.facet, Facet::TensorNpy | Facet::Strings | Facet::Variants) {
            return Ok(Vec::new());
        }
        let id = TensorId(node.item);
        let entry = self.set.entry(id);
        let mut all = vec![
            ("name", self.set.key(id).to_vec()),
            ("dtype", entry.dtype.to_string().into()),
            ("shape", entry.shape.to_string().into()),
            ("size", self.set.stored(id).to_string().into()),
        ];
        if let Some(place) = entry.place {
            all.push(("shard", place.shard.to_string().into()));
            all.push(("offset", place.offset.to_string().into()));
            all.push(("crc32c", format!("{:#010x}", place.crc32c).into()));
        }
        Ok(all
            .into_iter()
            .map(|(name, value)| (format!("user.ckptfs.{name}"), value))
            .collect())
    }
}

impl Tensors {
    fn list_scope(
        &self,
        paths: &Paths,
        list: &dyn RawNames,
        dir: Node,
        after: u64,
        item_of: impl Fn(u32) -> u32,
        emit: Emit<'_>,
    ) {
        // A cookie is the position of the next path, and how many of its entries were listed already.
        let cookie = |position: u32, listed: u64| u64::from(position).wrapping_shl(2) | listed;
        let start = u32::try_from(after.wrapping_shr(2)).unwrap_or(u32::MAX);
        let mut skip = after & 3;
        let facet = dir.facet;
        let mut file_name = Vec::new();
        paths.children(list, scope_of(dir), start, |child, name, next| {
            let skipped = std::mem::take(&mut skip);
            match child {
                paths::Child::Scope(scope) => emit(Child {
                    node: Node::new(facet, scope.first, scope.depth),
                    kind: Kind::Directory,
                    name,
                    cookie: cookie(next, 0),
                }),
                paths::Child::Item(position) => {
                    let (first, second) = self.entry_nodes(item_of(paths.item(list, position)));
                    let last = if second.is_none() { 0 } else { 1 };
                    for (listed, node) in [Some(first), second].into_iter().flatten().enumerate() {
                        let listed = listed as u64;
                        if listed < skipped {
                            continue;
                        }
                        let (suffix, kind): (&[u8], _) = match node.facet {
                            Facet::Strings => (b".strings", Kind::Directory),
                            Facet::Variants => (b".variants", Kind::Directory),
                            _ => (b".npy", Kind::File),
                        };
                        file_name.clear();
                        file_name.extend_from_slice(name);
                        file_name.extend_from_slice(suffix);
                        let more = emit(Child {
                            node,
                            kind,
                            name: &file_name,
                            cookie: if listed == last {
                                cookie(next, 0)
                            } else {
                                cookie(position, listed.saturating_add(1))
                            },
                        });
                        if !more {
                            return false;
                        }
                    }
                    true
                }
            }
        });
    }
}
