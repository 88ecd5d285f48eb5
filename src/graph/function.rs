//! Functions of a graph's library: named graphs that nodes call.
//!
//! The scan records only where each FunctionDef lies and its name; the index of its body, its signature
//! and its return maps are read when asked for, and kept. Node names are scoped to the function. Field
//! numbers: function.proto (format.md 5.5).

use std::sync::Arc;
use std::sync::OnceLock;

use bytes::Bytes;
use prost::Message;

use super::cursor::Cursor;
use super::cursor::Extent;
use super::cursor::NARROW;
use super::cursor::Value;
use super::cursor::for_each_field;
use super::scan;
use super::signature::OpSignature;
use super::view::Graph;
use crate::error::Error;
use crate::error::Result;
use crate::proto::tensorflow::OpDef;
use crate::source::Source;

/// One function. Its body is reached through [`super::MetaGraph::body`].
#[derive(Debug)]
pub struct Function {
    source: Arc<dyn Source>,
    name: Bytes,
    extent: Extent,
    body: OnceLock<Graph>,
    head: OnceLock<Result<Head>>,
    outputs: OnceLock<Result<OpSignature>>,
}

/// A FunctionDef without its nodes.
#[derive(Debug, Default)]
struct Head {
    signature: OpDef,
    ret: Vec<(Bytes, Bytes)>,
    control_ret: Vec<(Bytes, Bytes)>,
    attrs: Vec<(Bytes, Extent)>,
}

impl Function {
    pub(crate) fn new(source: Arc<dyn Source>, name: Bytes, extent: Extent) -> Self {
        Self {
            source,
            name,
            extent,
            body: OnceLock::new(),
            head: OnceLock::new(),
            outputs: OnceLock::new(),
        }
    }

    /// Its raw name, which need not look like a node's.
    pub fn name(&self) -> &Bytes {
        &self.name
    }

    /// Where the FunctionDef lies in the source.
    pub fn extent(&self) -> Extent {
        self.extent
    }

    pub(crate) fn graph(&self) -> &Graph {
        self.body.get_or_init(|| {
            let (nodes, problems) = scan::function_body(self.source.as_ref(), self.extent);
            Graph::new(nodes.finish(), problems)
        })
    }

    /// The signature: arguments, results, attributes.
    pub fn signature(&self) -> Result<&OpDef> {
        self.head().map(|h| &h.signature)
    }

    /// From each result of the signature to the tensor of the body that it is, by name.
    pub fn ret(&self) -> Result<&[(Bytes, Bytes)]> {
        self.head().map(|h| h.ret.as_slice())
    }

    /// From each control output of the signature to the node of the body that it is, by name.
    pub fn control_ret(&self) -> Result<&[(Bytes, Bytes)]> {
        self.head().map(|h| h.control_ret.as_slice())
    }

    /// The function's own attributes, by name, and where each AttrValue lies.
    pub fn attrs(&self) -> Result<&[(Bytes, Extent)]> {
        self.head().map(|h| h.attrs.as_slice())
    }

    /// The number of an argument.
    pub(crate) fn argument(&self, name: &[u8]) -> Option<u32> {
        let args = &self.signature().ok()?.input_arg;
        let at = args.iter().position(|a| a.name == name)?;
        u32::try_from(at).ok()
    }

    pub(crate) fn outputs(&self) -> Result<&OpSignature> {
        self.outputs
            .get_or_init(|| self.signature().map(OpSignature::new))
            .as_ref()
            .map_err(Clone::clone)
    }

    fn head(&self) -> Result<&Head> {
        self.head
            .get_or_init(|| {
                self.read_head().map_err(|e| {
                    e.context(format_args!("function {:?}", String::from_utf8_lossy(&self.name)))
                })
            })
            .as_ref()
            .map_err(Clone::clone)
    }

    fn read_head(&self) -> Result<Head> {
        let mut head = Head::default();
        let mut signature = Vec::new();
        for_each_field(
            self.source.as_ref(),
            self.extent,
            NARROW,
            |cursor, number, value| {
                let Value::Len(payload) = value else { return Ok(()) };
                match number {
                    1 => signature.extend_from_slice(cursor.bytes(payload)?),
                    4 | 6 => {
                        let (key, value) = map_entry(cursor, payload)?;
                        let value = Bytes::copy_from_slice(cursor.bytes(value)?);
                        let list = if number == 4 {
                            &mut head.ret
                        } else {
                            &mut head.control_ret
                        };
                        list.push((key, value));
                    }
                    5 => head.attrs.push(map_entry(cursor, payload)?),
                    _ => {}
                }
                Ok(())
            },
        )?;
        head.signature = OpDef::decode(signature.as_slice()).map_err(|e| {
            Error::corrupt(format!("signature: {e}"))
                .at(self.source.path())
                .offset(self.extent.offset)
        })?;
        last_of_each(&mut head.ret);
        last_of_each(&mut head.control_ret);
        last_of_each(&mut head.attrs);
        Ok(head)
    }

    /// Whether the body has a node of one of these op types, without keeping its index.
    pub(crate) fn has_op(&self, ops: &[&[u8]]) -> bool {
        if let Some(graph) = self.body.get() {
            return ops.iter().any(|op| !graph.nodes().of_type(op).is_empty());
        }
        let window = usize::try_from(self.extent.len).unwrap_or(NARROW).min(64 << 10);
        let mut found = false;
        let scanned = for_each_field(
            self.source.as_ref(),
            self.extent,
            window,
            |cursor, number, value| {
                let Value::Len(payload) = value else { return Ok(()) };
                if number != 3 || found {
                    return Ok(());
                }
                while let Some((number, value)) = cursor.whole_field(payload.end())? {
                    let Value::Len(inner) = value else { continue };
                    if number == 2 {
                        let op = cursor.bytes(inner)?;
                        found |= ops.contains(&op);
                        break;
                    }
                    cursor.seek(inner.end());
                }
                Ok(())
            },
        );
        found || scanned.is_err()
    }
}

/// The key of a map entry and where its value lies.
pub(crate) fn map_entry(cursor: &mut Cursor<'_>, extent: Extent) -> Result<(Bytes, Extent)> {
    let mut key = Bytes::new();
    let mut entry = Extent::new(extent.end(), 0);
    cursor.seek(extent.offset);
    while let Some((number, value)) = cursor.whole_field(extent.end())? {
        let Value::Len(inner) = value else { continue };
        match number {
            1 => key = Bytes::copy_from_slice(cursor.bytes(inner)?),
            2 => entry = inner,
            _ => {}
        }
        cursor.seek(inner.end());
    }
    Ok((key, entry))
}

/// Sorts a map by its keys; of equal keys the last stays, as protobuf has it.
pub(crate) fn last_of_each<V>(map: &mut Vec<(Bytes, V)>) {
    map.reverse();
    map.sort_by(|a, b| a.0.cmp(&b.0));
    map.dedup_by(|b, a| a.0 == b.0);
}
