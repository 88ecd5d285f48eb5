//! The one pass over a graph file: where everything lies, and the names of the nodes.
//!
//! The field numbers are those of meta_graph.proto, graph.proto, function.proto and saved_model.proto
//! (format.md 5.2, 5.3, 5.5, 6.4). A field that may stand once but stands several times is merged, so
//! every singular message has a list of extents: their bytes, one after the other, are the merged
//! message. Invariant: what breaks is recorded and what was read before it, and what can be read after
//! it, stays. A container cut off by the end of the file is read as far as it goes.

use bytes::Bytes;

use super::cursor::Cursor;
use super::cursor::Extent;
use super::cursor::NARROW;
use super::cursor::Value;
use super::cursor::WIDE;
use super::index::Builder;
use super::parts::Named;
use super::parts::Parts;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::source::Source;

/// Which message a scan is in.
#[derive(Debug, Clone, Copy)]
enum Message {
    SavedModel,
    MetaGraph,
    GraphDef,
    Library,
}

impl Message {
    fn name(self) -> &'static str {
        match self {
            Message::SavedModel => "SavedModel",
            Message::MetaGraph => "MetaGraphDef",
            Message::GraphDef => "GraphDef",
            Message::Library => "FunctionDefLibrary",
        }
    }

    /// The messages it holds that are looked into themselves.
    fn inner(self, number: u32) -> Option<Message> {
        match (self, number) {
            (Message::SavedModel, 2) => Some(Message::MetaGraph),
            (Message::MetaGraph, 2) => Some(Message::GraphDef),
            (Message::GraphDef, 2) => Some(Message::Library),
            _ => None,
        }
    }
}

/// Scans a file that is one SavedModel. Problems outside its MetaGraphs are returned beside them.
pub(crate) fn saved_model(source: &dyn Source) -> (Vec<Parts>, Vec<Error>) {
    let mut scan = Scan::new(source);
    scan.walk(Message::SavedModel, source.len());
    (scan.done, scan.parts.problems.finish())
}

/// Scans a file that is one MetaGraphDef.
pub(crate) fn meta_graph(source: &dyn Source) -> Parts {
    one(source, Message::MetaGraph)
}

/// Scans a file that is one GraphDef.
pub(crate) fn graph_def(source: &dyn Source) -> Parts {
    let mut parts = one(source, Message::GraphDef);
    parts.graph_defs.push(Extent::new(0, source.len()));
    parts
}

fn one(source: &dyn Source, message: Message) -> Parts {
    let mut scan = Scan::new(source);
    scan.parts.whole = Extent::new(0, source.len());
    scan.walk(message, source.len());
    scan.parts
}

/// Scans the nodes of a FunctionDef: `node_def`, field 3.
pub(crate) fn function_body(source: &dyn Source, extent: Extent) -> (Builder, Vec<Error>) {
    let window = usize::try_from(extent.len).unwrap_or(WIDE).min(WIDE);
    let mut scan = Scan::new(source);
    scan.cursor = Cursor::new(source, extent, window);
    let end = extent.end();
    loop {
        match scan.cursor.whole_field(end) {
            Ok(None) => break,
            Ok(Some((3, Value::Len(node)))) => {
                if !scan.node(node) {
                    break;
                }
                scan.cursor.seek(node.end());
            }
            Ok(Some((_, Value::Len(other)))) => scan.cursor.seek(other.end()),
            Ok(Some(_)) => {}
            Err(e) => {
                scan.parts.problems.push(e.context("function body"));
                break;
            }
        }
    }
    (scan.parts.nodes, scan.parts.problems.finish())
}

struct Scan<'a> {
    cursor: Cursor<'a>,
    path: &'a std::path::Path,
    parts: Parts,
    /// The finished MetaGraphs of a SavedModel.
    done: Vec<Parts>,
    /// How many problems were found, in all messages.
    found: u64,
    name: Vec<u8>,
    op: Vec<u8>,
}

impl<'a> Scan<'a> {
    fn new(source: &'a dyn Source) -> Self {
        Self {
            cursor: Cursor::new(source, Extent::new(0, source.len()), WIDE),
            path: source.path(),
            parts: Parts::default(),
            done: Vec::new(),
            found: 0,
            name: Vec::new(),
            op: Vec::new(),
        }
    }

    /// Reads the fields of a message up to `end`. False: reading failed, there is no use in going on.
    fn walk(&mut self, message: Message, end: u64) -> bool {
        loop {
            let at = self.cursor.offset();
            match self.cursor.field(end) {
                Ok(None) => return true,
                Ok(Some((number, Value::Len(payload)))) => {
                    if !self.field(message, number, payload, true) {
                        return false;
                    }
                    self.cursor.seek(payload.end());
                }
                Ok(Some((number, Value::Cut(payload, claimed)))) => {
                    let e = self.cursor.cut(payload, claimed);
                    let before = self.found;
                    let go_on = self.field(message, number, payload, false);
                    // The innermost message tells best where a file was cut.
                    if self.found == before {
                        self.problem(
                            e.context(describe(message, number))
                                .hint("the file was cut short"),
                        );
                    }
                    self.cursor.seek(end);
                    return go_on;
                }
                Ok(Some(_)) => {}
                Err(e) => {
                    let go_on = e.kind() != ErrorKind::Io;
                    self.problem(e.offset(at).context(message.name()));
                    return go_on;
                }
            }
        }
    }

    fn problem(&mut self, error: Error) {
        let error = error.at(self.path);
        log::debug!("{error}");
        self.found = self.found.saturating_add(1);
        self.parts.problems.push(error);
    }

    /// One length-delimited field. `whole` is false where the file ends within it: then only containers
    /// are looked into. False: stop.
    fn field(&mut self, message: Message, number: u32, payload: Extent, whole: bool) -> bool {
        match (message, number) {
            (Message::MetaGraph, 2) => self.parts.graph_defs.push(payload),
            (Message::SavedModel, 2) => {
                // Problems of the SavedModel itself stay apart from those of its MetaGraphs.
                let outer = std::mem::take(&mut self.parts);
                self.parts.whole = payload;
                let go_on = self.walk(Message::MetaGraph, payload.end());
                let parts = std::mem::replace(&mut self.parts, outer);
                self.done.push(parts);
                return go_on;
            }
            _ => {}
        }
        if let Some(inner) = message.inner(number) {
            return self.walk(inner, payload.end());
        }
        if !whole {
            return true;
        }
        match (message, number) {
            (Message::GraphDef, 1) => return self.node(payload),
            (Message::GraphDef, 4) => self.parts.versions.push(payload),
            (Message::Library, 1) => {
                let named = self.function_name(payload);
                return self.named(named, message, number, |p| &mut p.functions);
            }
            (Message::Library, 2) => self.parts.gradients.push(payload),
            (Message::Library, 3) => self.parts.registered_gradients.push(payload),
            (Message::MetaGraph, 1) => self.parts.meta_info.push(payload),
            (Message::MetaGraph, 3) => self.parts.saver_def.push(payload),
            (Message::MetaGraph, 4) => {
                let named = self.map_entry(payload);
                return self.named(named, message, number, |p| &mut p.collections);
            }
            (Message::MetaGraph, 5) => {
                let named = self.map_entry(payload);
                return self.named(named, message, number, |p| &mut p.signatures);
            }
            (Message::MetaGraph, 6) => self.parts.assets.push(payload),
            (Message::MetaGraph, 7) => self.parts.object_graph.push(payload),
            _ => {}
        }
        true
    }

    fn named(
        &mut self,
        named: Result<Named>,
        message: Message,
        number: u32,
        list: impl Fn(&mut Parts) -> &mut Vec<Named>,
    ) -> bool {
        match named {
            Ok(named) => {
                list(&mut self.parts).push(named);
                true
            }
            Err(e) => {
                let go_on = e.kind() != ErrorKind::Io;
                self.problem(e.context(describe(message, number)));
                go_on
            }
        }
    }

    /// Takes the name and op type of a NodeDef; goes through all of it, so that later damage is known.
    fn node(&mut self, extent: Extent) -> bool {
        self.name.clear();
        self.op.clear();
        let read = self.node_fields(extent);
        let broken = read.is_err();
        let mut go_on = true;
        if let Err(e) = read {
            go_on = e.kind() != ErrorKind::Io;
            let name = String::from_utf8_lossy(&self.name);
            let number = self.parts.nodes.len();
            let what = format!("node {number} {name:?}");
            self.problem(e.context(what));
        }
        if (!broken || !self.name.is_empty())
            && let Err(e) = self.parts.nodes.push(&self.name, &self.op, extent)
        {
            self.problem(e);
            return false;
        }
        go_on
    }

    fn node_fields(&mut self, extent: Extent) -> Result<()> {
        if extent.len <= NARROW as u64 {
            let bytes = self.cursor.bytes(extent)?;
            if short_fields(bytes, &mut self.name, &mut self.op) {
                return Ok(());
            }
            self.name.clear();
            self.op.clear();
        }
        self.cursor.seek(extent.offset);
        let end = extent.end();
        while let Some((number, value)) = self.cursor.whole_field(end)? {
            let Value::Len(payload) = value else { continue };
            let to = match number {
                1 => &mut self.name,
                2 => &mut self.op,
                _ => {
                    self.cursor.seek(payload.end());
                    continue;
                }
            };
            let bytes = self.cursor.bytes(payload)?;
            to.clear();
            to.extend_from_slice(bytes);
        }
        Ok(())
    }

    /// An entry of a map keyed by strings: 1 the key, 2 the value. The last of each counts.
    fn map_entry(&mut self, extent: Extent) -> Result<Named> {
        let mut named = Named {
            name: Bytes::new(),
            extent: Extent::new(extent.end(), 0),
        };
        self.cursor.seek(extent.offset);
        while let Some((number, value)) = self.cursor.whole_field(extent.end())? {
            let Value::Len(payload) = value else { continue };
            match number {
                1 => named.name = Bytes::copy_from_slice(self.cursor.bytes(payload)?),
                2 => named.extent = payload,
                _ => {}
            }
            self.cursor.seek(payload.end());
        }
        Ok(named)
    }

    /// The name of a FunctionDef: field 1 of its signature, which is field 1.
    fn function_name(&mut self, extent: Extent) -> Result<Named> {
        let mut name = Bytes::new();
        self.cursor.seek(extent.offset);
        while let Some((number, value)) = self.cursor.whole_field(extent.end())? {
            let Value::Len(payload) = value else { continue };
            if number == 1 {
                while let Some((number, value)) = self.cursor.whole_field(payload.end())? {
                    let Value::Len(inner) = value else { continue };
                    if number == 1 {
                        name = Bytes::copy_from_slice(self.cursor.bytes(inner)?);
                    }
                    self.cursor.seek(inner.end());
                }
            }
            self.cursor.seek(payload.end());
        }
        Ok(Named { name, extent })
    }
}

/// Takes name and op type of a NodeDef that has only length-delimited fields, as all nodes do in
/// practice: twice as fast as the general way. False: it has others, or is damaged.
fn short_fields(bytes: &[u8], name: &mut Vec<u8>, op: &mut Vec<u8>) -> bool {
    let mut rest = bytes;
    while let [tag, tail @ ..] = rest {
        // Field numbers up to 15, wire type 2.
        if tag & 0x87 != 2 || *tag == 2 {
            return false;
        }
        let (len, tail) = match tail {
            [len @ 0..0x80, tail @ ..] => (usize::from(*len), tail),
            [low, high @ 0..0x80, tail @ ..] => {
                let len = usize::from(*high).wrapping_shl(7) | usize::from(low & 0x7f);
                (len, tail)
            }
            _ => return false,
        };
        let Some((payload, next)) = tail.split_at_checked(len) else {
            return false;
        };
        match tag {
            0x0a => {
                name.clear();
                name.extend_from_slice(payload);
            }
            0x12 => {
                op.clear();
                op.extend_from_slice(payload);
            }
            _ => {}
        }
        rest = next;
    }
    true
}

/// What a field is, for messages.
fn describe(message: Message, number: u32) -> String {
    let field = match (message, number) {
        (Message::SavedModel, 2) => "meta_graphs",
        (Message::MetaGraph, 1) => "meta_info_def",
        (Message::MetaGraph, 2) => "graph_def",
        (Message::MetaGraph, 3) => "saver_def",
        (Message::MetaGraph, 4) => "collection_def",
        (Message::MetaGraph, 5) => "signature_def",
        (Message::MetaGraph, 6) => "asset_file_def",
        (Message::MetaGraph, 7) => "object_graph_def",
        (Message::GraphDef, 1) => "node",
        (Message::GraphDef, 2) => "library",
        (Message::GraphDef, 4) => "versions",
        (Message::Library, 1) => "function",
        _ => return format!("{} field {number}", message.name()),
    };
    format!("{}.{field}", message.name())
}
