//! objects/: the objects of a TF2 checkpoint, by the attributes that hold them.
//!
//! An object is a directory at its first (breadth-first) path; every other way to it, cycles too, is a link
//! there. Variables are links to their `.npy`. What an object saves besides stands in its `@attributes/`, what an
//! optimizer keeps for variables in its `@slots/<slot>/<variable>`. Branches that lead to no value are left out.

mod layout;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;

use super::branch::Branch;
use super::branch::Child;
use super::branch::Emit;
use super::branch::Facts;
use super::branch::not_a;
use super::branch::relative;
use super::facet::Facet;
use super::ids::Node;
use super::names;
use super::tensors::Tensors;
use super::view::Effort;
use super::view::Kind;
use crate::checkpoint::Checkpoint;
use crate::checkpoint::objects::Objects as Graph;
use crate::checkpoint::objects::VARIABLE_VALUE;
use crate::content::Content;
use crate::content::rendered::inline;
use crate::error::Error;
use crate::error::Result;
use crate::tensor::TensorId;
use crate::tensor::payload::Payload;
use layout::Layout;

/// The attribute with a Keras layer's configuration.
const CONFIG: &[u8] = b"OBJECT_CONFIG_JSON";
/// The longest target of a symbolic link (PATH_MAX without its NUL).
const MAX_TARGET: u64 = 4095;
/// Directories with so many entries are kept sorted once they were listed.
const LARGE: usize = 64;
/// Variables deeper than this have their slots named by number: nobody reads such a path.
const DEEP: usize = 256;

/// One entry of a directory.
#[derive(Debug)]
struct Row {
    name: Vec<u8>,
    node: Node,
    kind: Kind,
}

/// The branch.
#[derive(Debug)]
pub(super) struct Objects {
    checkpoint: Arc<Checkpoint>,
    tensors: Arc<Tensors>,
    layout: OnceLock<Layout>,
    large: Mutex<HashMap<Node, Arc<Vec<Row>>>>,
}

fn missing() -> Error {
    Error::not_found("no such object")
}

/// The number of a child, slot or value within its object.
fn sub(number: u32, numbers: &std::ops::Range<u32>) -> u32 {
    number.saturating_sub(numbers.start)
}

impl Objects {
    pub(super) fn new(checkpoint: Arc<Checkpoint>, tensors: Arc<Tensors>) -> Self {
        Self {
            checkpoint,
            tensors,
            layout: OnceLock::new(),
            large: Mutex::default(),
        }
    }

    fn graph(&self) -> Result<&Graph> {
        self.checkpoint.objects().ok_or_else(missing)?
    }

    fn layout(&self, graph: &Graph) -> &Layout {
        self.layout.get_or_init(|| Layout::new(graph))
    }

    /// The directory of an object, from the root.
    fn object_path(&self, graph: &Graph, node: u32) -> Result<Vec<u8>> {
        let mut path = b"objects".to_vec();
        for name in graph.graph().route(node).ok_or_else(missing)? {
            path.push(b'/');
            path.extend_from_slice(&names::object(name));
        }
        Ok(path)
    }

    /// Whether a link from `depth` directories below objects/ to a path of that length can be.
    fn fits(depth: u32, target: u64) -> Kind {
        let ups = u64::from(depth).saturating_add(1).saturating_mul(3);
        if ups.saturating_add(target) <= MAX_TARGET {
            Kind::Link
        } else {
            Kind::File
        }
    }

    fn rows(&self, dir: Node) -> Result<Arc<Vec<Row>>> {
        let large = || self.large.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rows) = large().get(&dir) {
            return Ok(rows.clone());
        }
        let graph = self.graph()?;
        let mut rows = match dir.facet {
            Facet::Object => self.object_rows(graph, dir.item),
            Facet::ObjectAttributes => self.attribute_rows(graph, dir.item),
            Facet::ObjectSlots => slot_dirs(graph, dir.item),
            Facet::ObjectSlot => self.slot_rows(graph, dir),
            _ => return Err(not_a("directory")),
        };
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        // Only damaged graphs have a name twice.
        let mut before: Vec<u8> = Vec::new();
        let mut copies = 1u32;
        for row in &mut rows {
            if row.name == before {
                copies = copies.saturating_add(1);
                row.name.extend_from_slice(format!("%~{copies}").as_bytes());
            } else {
                copies = 1;
                before.clone_from(&row.name);
            }
        }
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        let rows = Arc::new(rows);
        if rows.len() >= LARGE {
            large().insert(dir, rows.clone());
        }
        Ok(rows)
    }

    fn object_rows(&self, graph: &Graph, node: u32) -> Vec<Row> {
        let layout = self.layout(graph);
        let mut rows = Vec::new();
        let numbers = graph.graph().child_numbers(node);
        for number in numbers.clone() {
            let Some(child) = graph.graph().child(number) else {
                continue;
            };
            let depth = layout.depth(node);
            if let Some(tensor) = graph.variable(child.node) {
                let path = self.tensors.path(tensor);
                let suffix: &[u8] = match path.ends_with(b".variants") {
                    true => b".variants",
                    false => b".npy",
                };
                rows.push(Row {
                    name: [&names::whole(child.name), suffix].concat(),
                    node: Node::new(Facet::ObjectVariable, node, sub(number, &numbers)),
                    kind: Self::fits(depth, path.len() as u64),
                });
            }
            if !layout.is_shown(child.node) {
                continue;
            }
            let own = graph
                .graph()
                .place(child.node)
                .is_some_and(|place| place.child == number);
            let (at, kind) = match own {
                true => (Node::new(Facet::Object, child.node, 0), Kind::Directory),
                false => (
                    Node::new(Facet::ObjectLink, node, sub(number, &numbers)),
                    Self::fits(depth, layout.path_len(child.node)),
                ),
            };
            rows.push(Row {
                name: names::object(child.name).into_owned(),
                node: at,
                kind,
            });
        }
        let directory = |name: &[u8], facet| Row {
            name: name.to_vec(),
            node: Node::new(facet, node, 0),
            kind: Kind::Directory,
        };
        if !self.attributes(graph, node).is_empty() {
            rows.push(directory(b"@attributes", Facet::ObjectAttributes));
        }
        if graph
            .graph()
            .slot_numbers(node)
            .any(|number| slot_tensor(graph, number).is_some())
        {
            rows.push(directory(b"@slots", Facet::ObjectSlots));
        }
        if config(graph, node).is_some() {
            rows.push(Row {
                kind: Kind::File,
                ..directory(b"@config.json", Facet::ObjectConfig)
            });
        }
        rows
    }

    /// The numbers of the values that stand in `@attributes`: all but those of variables, which stand in the
    /// directory of who holds them. Nobody holds the root.
    fn attributes(&self, graph: &Graph, node: u32) -> Vec<u32> {
        let listed = |number: &u32| {
            let value = graph.value(*number);
            value.is_some_and(|value| node == 0 || !graph.is_variable(value))
        };
        graph.value_numbers(node).filter(listed).collect()
    }

    fn attribute_rows(&self, graph: &Graph, node: u32) -> Vec<Row> {
        let numbers = graph.value_numbers(node);
        let depth = self.layout(graph).depth(node).saturating_add(1);
        let row = |number: u32| {
            let value = graph.value(number)?;
            let path = self.tensors.path(value.tensor);
            Some(Row {
                // As in tensors/, whose last component tells parts of an attribute apart.
                name: match graph.is_variable(value) {
                    true => [VARIABLE_VALUE, b".npy"].concat(),
                    false => path.rsplit(|b| *b == b'/').next().unwrap_or_default().to_vec(),
                },
                node: Node::new(Facet::ObjectAttribute, node, sub(number, &numbers)),
                kind: Self::fits(depth, path.len() as u64),
            })
        };
        self.attributes(graph, node).into_iter().filter_map(row).collect()
    }

    fn slot_rows(&self, graph: &Graph, dir: Node) -> Vec<Row> {
        let numbers = graph.graph().slot_numbers(dir.item);
        let depth = self.layout(graph).depth(dir.item).saturating_add(2);
        let first = graph.graph().slot(numbers.start.saturating_add(dir.sub));
        let row = |number: u32| {
            let slot = graph.graph().slot(number)?;
            let tensor = slot_tensor(graph, number)?;
            if Some(slot.name) != first.map(|first| first.name) {
                return None;
            }
            let shallow = (self.layout(graph).depth(slot.original) as usize) < DEEP;
            let route = graph.graph().route(slot.original).filter(|_| shallow);
            let variable = match route {
                Some(route) => names::whole(&route.join(&b'/')).into_owned(),
                None => format!("node-{}", slot.original).into_bytes(),
            };
            Some(Row {
                name: [variable.as_slice(), b".npy"].concat(),
                node: Node::new(Facet::ObjectSlotVariable, dir.item, sub(number, &numbers)),
                kind: Self::fits(depth, self.tensors.path(tensor).len() as u64),
            })
        };
        numbers.clone().filter_map(row).collect()
    }

    /// The directory that a link stands in and where it leads, both from the root.
    fn link(&self, node: Node) -> Result<(Vec<u8>, Vec<u8>)> {
        let graph = self.graph()?;
        let from = self.object_path(graph, node.item)?;
        let objects = graph.graph();
        let at = |numbers: std::ops::Range<u32>| numbers.start.saturating_add(node.sub);
        let child = || {
            let number = at(objects.child_numbers(node.item));
            objects.child(number).ok_or_else(missing)
        };
        Ok(match node.facet {
            Facet::ObjectLink => (from, self.object_path(graph, child()?.node)?),
            Facet::ObjectVariable => {
                let tensor = graph.variable(child()?.node).ok_or_else(missing)?;
                (from, self.tensors.path(tensor))
            }
            Facet::ObjectAttribute => {
                let value = graph.value(at(graph.value_numbers(node.item)));
                let path = self.tensors.path(value.ok_or_else(missing)?.tensor);
                ([&from[..], b"/@attributes"].concat(), path)
            }
            Facet::ObjectSlotVariable => {
                let tensor = slot_tensor(graph, at(objects.slot_numbers(node.item)));
                let path = self.tensors.path(tensor.ok_or_else(missing)?);
                ([&from[..], b"/@slots/x"].concat(), path)
            }
            _ => return Err(not_a("link")),
        })
    }

    /// What a link is: by the same rule as in listings.
    fn link_kind(&self, node: Node) -> Result<Kind> {
        let graph = self.graph()?;
        let depth = self.layout(graph).depth(node.item);
        let (_, to) = self.link(node)?;
        let deeper = match node.facet {
            Facet::ObjectAttribute => 1,
            Facet::ObjectSlotVariable => 2,
            _ => 0,
        };
        Ok(Self::fits(depth.saturating_add(deeper), to.len() as u64))
    }
}

/// The tensor that a slot is saved as.
fn slot_tensor(graph: &Graph, number: u32) -> Option<TensorId> {
    graph.variable(graph.graph().slot(number)?.node)
}

/// A directory for each name of slots: that of the first slot of this name.
fn slot_dirs(graph: &Graph, node: u32) -> Vec<Row> {
    let numbers = graph.graph().slot_numbers(node);
    let mut seen = HashMap::new();
    for number in numbers.clone() {
        if let (Some(slot), Some(_)) = (graph.graph().slot(number), slot_tensor(graph, number)) {
            seen.entry(slot.name).or_insert(sub(number, &numbers));
        }
    }
    let row = |(name, first): (&[u8], u32)| Row {
        name: names::object(name).into_owned(),
        node: Node::new(Facet::ObjectSlot, node, first),
        kind: Kind::Directory,
    };
    seen.into_iter().map(row).collect()
}

/// The tensor with the configuration of an object.
fn config(graph: &Graph, node: u32) -> Option<TensorId> {
    let mut values = graph.values(node);
    let is_config = |attribute: u32| {
        let attribute = graph.graph().attribute(attribute);
        attribute.is_some_and(|attribute| attribute.name == CONFIG)
    };
    Some(values.find(|value| is_config(value.attribute))?.tensor)
}

impl Branch for Objects {
    fn lookup(&self, dir: Node, name: &[u8]) -> Result<Option<Node>> {
        let rows = self.rows(dir)?;
        let at = rows.binary_search_by(|row| row.name.as_slice().cmp(name));
        Ok(at.ok().and_then(|at| rows.get(at)).map(|row| row.node))
    }

    fn list(&self, dir: Node, after: u64, emit: Emit<'_>) -> Result<()> {
        let skip = usize::try_from(after).unwrap_or(usize::MAX);
        let rows = self.rows(dir)?;
        for (cookie, row) in (1u64..).zip(rows.iter()).skip(skip) {
            let more = emit(Child {
                node: row.node,
                kind: row.kind,
                name: &row.name,
                cookie,
            });
            if !more {
                break;
            }
        }
        Ok(())
    }

    fn facts(&self, node: Node) -> Result<Facts> {
        match node.facet {
            Facet::ObjectConfig => Ok(Facts::UNMEASURED),
            Facet::Object | Facet::ObjectAttributes | Facet::ObjectSlots | Facet::ObjectSlot => {
                Ok(Facts::DIRECTORY)
            }
            _ => {
                let (from, to) = self.link(node)?;
                Ok(match self.link_kind(node)? {
                    Kind::Link => Facts::link(relative(&from, &to).len() as u64),
                    _ => Facts::text((to.len() as u64).saturating_add(1)),
                })
            }
        }
    }

    fn content(&self, node: Node) -> Result<Content> {
        if node.facet != Facet::ObjectConfig {
            let (_, to) = self.link(node)?;
            return inline([&to[..], b"\n"].concat());
        }
        let id = config(self.graph()?, node.item).ok_or_else(missing)?;
        let Payload::Strings(table) = self.tensors.set().payload(id)? else {
            return Err(Error::corrupt("the configuration of this object is not a string"));
        };
        let mut content = Content::new();
        if let Some(Some(extent)) = table.string(0) {
            content.push(extent)?;
        }
        Ok(content)
    }

    fn target(&self, node: Node) -> Result<Vec<u8>> {
        let (from, to) = self.link(node)?;
        match self.link_kind(node)? {
            Kind::Link => Ok(relative(&from, &to)),
            _ => Err(not_a("link")),
        }
    }

    fn lookup_effort(&self, _dir: Node) -> Effort {
        match self.layout.get() {
            Some(_) => Effort::Quick,
            None => Effort::Slow,
        }
    }
}
