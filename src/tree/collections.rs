//! collections/: what the program put beside the graph. Bytes as they are, numbers as text, ops as links, and the
//! protos of known keys as text too.

use std::sync::Arc;

use prost::Message;

use super::branch::Branch;
use super::branch::Child;
use super::branch::Emit;
use super::branch::Facts;
use super::branch::not_a;
use super::branch::relative;
use super::facet::Facet;
use super::graph_tree::GraphTree;
use super::ids::Node;
use super::names;
use super::tensors::element_index;
use super::view::Kind;
use crate::content::Content;
use crate::content::rendered::Lines;
use crate::content::rendered::inline;
use crate::content::rendered::put_field;
use crate::content::rendered::text;
use crate::error::Error;
use crate::error::Result;
use crate::graph::Collection;
use crate::graph::CollectionKind;
use crate::graph::Item;
use crate::graph::MetaGraph;
use crate::proto::google::protobuf::Any;
use crate::source::Extent;
use crate::text as proto_text;

/// The branch.
#[derive(Debug)]
pub(super) struct Collections {
    graph: Arc<GraphTree>,
}

impl Collections {
    pub(super) fn new(graph: Arc<GraphTree>) -> Self {
        Self { graph }
    }

    fn all(&self) -> &[Collection] {
        self.graph.meta().map(MetaGraph::collections).unwrap_or_default()
    }

    fn collection(&self, node: Node) -> Result<&Collection> {
        self.all()
            .get(node.item as usize)
            .ok_or_else(|| Error::not_found("no such collection"))
    }

    fn count(collection: &Collection) -> Result<u32> {
        Ok(u32::try_from(collection.len()?).unwrap_or(u32::MAX))
    }

    /// The op that an item of a node list names: where the link leads.
    fn link(&self, node: Node) -> Result<Option<Vec<u8>>> {
        let Item::Node { name, .. } = self.collection(node)?.item(node.sub as usize)? else {
            return Ok(None);
        };
        let found = self.graph.view(0).and_then(|view| view.nodes().find(&name));
        Ok(found.map(|op| relative(b"collections/x", &self.graph.op_path(0, op))))
    }

    /// The message of an item, by its full name, and its wire bytes.
    fn message(collection: &Collection, item: &Item) -> Option<(String, Vec<u8>)> {
        match item {
            Item::Bytes(bytes) => Some((collection.message()?.to_string(), bytes.to_vec())),
            // As an Any, so that the text says which message it is.
            Item::Any { type_url, value } => {
                let any = Any {
                    type_url: type_url.clone(),
                    value: value.clone(),
                };
                Some(("google.protobuf.Any".into(), any.encode_to_vec()))
            }
            _ => None,
        }
    }

    /// Whether items have a text beside their bytes.
    fn has_text(collection: &Collection) -> Result<bool> {
        Ok(match collection.kind()? {
            CollectionKind::AnyList => true,
            CollectionKind::BytesList => collection.message().is_some(),
            _ => false,
        })
    }

    fn item_kind(&self, node: Node) -> Result<Kind> {
        let is_node = self.collection(node)?.kind()? == CollectionKind::NodeList;
        Ok(if is_node && self.link(node)?.is_some() {
            Kind::Link
        } else {
            Kind::File
        })
    }

    /// An item as a file: bytes as they are, numbers and names with a newline.
    fn item(&self, node: Node) -> Result<Content> {
        let collection = self.collection(node)?;
        match collection.item(node.sub as usize)? {
            Item::Bytes(_) => {
                let mut content = Content::new();
                let source = self.graph.meta().map(MetaGraph::source);
                let extent = collection.item_extent(node.sub as usize)?;
                if let (Some(source), Some(extent)) = (source, extent) {
                    content.push(Extent::new(source.clone(), extent.offset, extent.len)?)?;
                }
                Ok(content)
            }
            Item::Int(n) => inline(format!("{n}\n")),
            Item::Float(f) => inline(format!("{}\n", crate::tensor::number::real32(f))),
            Item::Node { raw, .. } => inline([&raw[..], b"\n"].concat()),
            Item::Any { value, .. } => inline(value),
        }
    }
}

/// An item on one line of `@items`: text as text, messages as their text in one line, other bytes escaped.
fn put_line(out: &mut Vec<u8>, collection: &Collection, index: usize) -> Result<()> {
    let item = collection.item(index)?;
    if let Some((name, wire)) = Collections::message(collection, &item)
        && let Ok(text) = proto_text::print(&name, &wire, &proto_text::Options::default())
    {
        let words: Vec<&str> = text.lines().map(str::trim).collect();
        out.extend_from_slice(words.join(" ").as_bytes());
        out.push(b'\n');
        return Ok(());
    }
    match item {
        Item::Node { raw, .. } => put_field(out, &raw),
        Item::Int(n) => out.extend_from_slice(n.to_string().as_bytes()),
        Item::Float(f) => out.extend_from_slice(crate::tensor::number::real32(f).as_bytes()),
        Item::Bytes(bytes) | Item::Any { value: bytes, .. } => {
            let plain = std::str::from_utf8(&bytes)
                .is_ok_and(|s| !s.chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
            if plain {
                put_field(out, &bytes);
            } else {
                out.extend_from_slice(bytes.escape_ascii().to_string().as_bytes());
            }
        }
    }
    out.push(b'\n');
    Ok(())
}

impl Branch for Collections {
    fn lookup(&self, dir: Node, name: &[u8]) -> Result<Option<Node>> {
        if dir.facet == Facet::CollectionsDir {
            let raw = names::decode(name);
            let all = self.all();
            let at = raw.and_then(|raw| all.binary_search_by(|c| c.key()[..].cmp(&raw)).ok());
            let fits = |at: &usize| all.get(*at).is_some_and(|c| *names::whole(c.key()) == *name);
            let at = at.filter(fits).or_else(|| (0..all.len()).find(fits));
            return Ok(at
                .and_then(|at| u32::try_from(at).ok())
                .map(|at| Node::new(Facet::Collection, at, 0)));
        }
        let collection = self.collection(dir)?;
        Ok(match name {
            b"@items" => Some(dir.facet(Facet::CollectionItems, 0)),
            b"@kind" => Some(dir.facet(Facet::CollectionKind, 0)),
            name => {
                let (digits, facet) = match name.strip_suffix(b".pbtxt") {
                    Some(digits) if Self::has_text(collection)? => (digits, Facet::CollectionText),
                    _ => (name, Facet::CollectionItem),
                };
                let count = Self::count(collection)?;
                element_index(digits)
                    .filter(|index| *index < count)
                    .map(|index| dir.facet(facet, index))
            }
        })
    }

    fn list(&self, dir: Node, after: u64, emit: Emit<'_>) -> Result<()> {
        if dir.facet == Facet::CollectionsDir {
            let skip = usize::try_from(after).unwrap_or(usize::MAX);
            for (i, collection) in (0u32..).zip(self.all()).skip(skip) {
                let child = Child {
                    node: Node::new(Facet::Collection, i, 0),
                    kind: Kind::Directory,
                    name: &names::whole(collection.key()),
                    cookie: u64::from(i).saturating_add(1),
                };
                if !emit(child) {
                    break;
                }
            }
            return Ok(());
        }
        let collection = self.collection(dir)?;
        for (cookie, (name, facet)) in (1u64..).zip([
            ("@items", Facet::CollectionItems),
            ("@kind", Facet::CollectionKind),
        ]) {
            let child = Child {
                node: dir.facet(facet, 0),
                kind: Kind::File,
                name: name.as_bytes(),
                cookie,
            };
            if cookie > after && !emit(child) {
                return Ok(());
            }
        }
        let texts = Self::has_text(collection)?;
        // Two cookies an item: after it, and after its text.
        let first = u32::try_from(after.saturating_sub(2) / 2).unwrap_or(u32::MAX);
        for index in first..Self::count(collection)? {
            let cookie = u64::from(index).saturating_mul(2).saturating_add(3);
            let node = dir.facet(Facet::CollectionItem, index);
            let name = index.to_string();
            let child = Child {
                node,
                kind: self.item_kind(node)?,
                name: name.as_bytes(),
                cookie,
            };
            if cookie > after && !emit(child) {
                return Ok(());
            }
            let (cookie, name) = (cookie.saturating_add(1), name + ".pbtxt");
            let child = Child {
                node: dir.facet(Facet::CollectionText, index),
                kind: Kind::File,
                name: name.as_bytes(),
                cookie,
            };
            if texts && cookie > after && !emit(child) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn facts(&self, node: Node) -> Result<Facts> {
        Ok(match node.facet {
            Facet::CollectionItem => match self.link(node)? {
                Some(target) => Facts::link(target.len() as u64),
                None => Facts::text(self.item(node)?.len()),
            },
            Facet::CollectionText | Facet::CollectionItems | Facet::CollectionKind => Facts::UNMEASURED,
            _ => Facts::DIRECTORY,
        })
    }

    fn content(&self, node: Node) -> Result<Content> {
        let collection = self.collection(node)?;
        match node.facet {
            Facet::CollectionItem => self.item(node),
            Facet::CollectionText => {
                let item = collection.item(node.sub as usize)?;
                let (name, wire) = Self::message(collection, &item).ok_or_else(|| not_a("message"))?;
                match proto_text::print(&name, &wire, &proto_text::Options::default()) {
                    Ok(text) => inline(text),
                    // A message of an unknown type, or bytes that are none: said, not hidden.
                    Err(e) => inline(format!("# {name}: {} bytes: {}\n", wire.len(), e.what())),
                }
            }
            Facet::CollectionKind => {
                let message = match collection.kind()? {
                    CollectionKind::BytesList => collection.message().map(|m| format!("\t{m}")),
                    _ => None,
                };
                inline(format!(
                    "{}{}\n",
                    collection.kind()?.name(),
                    message.unwrap_or_default()
                ))
            }
            Facet::CollectionItems => {
                let graph = self.graph.clone();
                let item = node.item as usize;
                let rows = collection.len()? as u64;
                text(Arc::new(Lines::new("", rows, move |row, out: &mut Vec<u8>| {
                    let collections = graph.meta().map(MetaGraph::collections).unwrap_or_default();
                    match (collections.get(item), usize::try_from(row)) {
                        (Some(collection), Ok(row)) => put_line(out, collection, row),
                        _ => Ok(()),
                    }
                })))
            }
            _ => Err(not_a("file")),
        }
    }

    fn target(&self, node: Node) -> Result<Vec<u8>> {
        self.link(node)?.ok_or_else(|| not_a("link"))
    }
}
