//! Collections: named lists that came with the graph.
//!
//! A CollectionDef is one of five kinds of list, or none; which one, and what the key means by it, is
//! format.md 5.6. The scan records only where each lies; its items are found when asked for, as byte
//! ranges, and decoded one at a time. Field numbers: meta_graph.proto.

use std::sync::Arc;
use std::sync::OnceLock;

use bytes::Bytes;

use super::cursor::Cursor;
use super::cursor::Extent;
use super::cursor::Value;
use super::cursor::WIDE;
use super::cursor::for_each_field;
use super::node::Slot;
use super::node::parse_input;
use crate::error::Error;
use crate::error::Result;
use crate::source::Source;

/// What the items of a collection are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CollectionKind {
    /// Nothing is set.
    Empty,
    /// Names of ops or tensors.
    NodeList,
    /// Strings or serialized messages.
    BytesList,
    /// Integers.
    Int64List,
    /// Floats.
    FloatList,
    /// Messages with their type names.
    AnyList,
}

impl CollectionKind {
    /// As the proto names it: `node_list`, ...; `empty` for none.
    pub fn name(self) -> &'static str {
        match self {
            CollectionKind::Empty => "empty",
            CollectionKind::NodeList => "node_list",
            CollectionKind::BytesList => "bytes_list",
            CollectionKind::Int64List => "int64_list",
            CollectionKind::FloatList => "float_list",
            CollectionKind::AnyList => "any_list",
        }
    }

    fn new(field: u32) -> Option<Self> {
        Some(match field {
            1 => CollectionKind::NodeList,
            2 => CollectionKind::BytesList,
            3 => CollectionKind::Int64List,
            4 => CollectionKind::FloatList,
            5 => CollectionKind::AnyList,
            _ => return None,
        })
    }
}

/// One item of a collection.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// The name of an op or tensor.
    Node {
        /// As it stands in the file.
        raw: Bytes,
        /// The op.
        name: Bytes,
        /// The output, where the name is that of a tensor.
        output: Option<u32>,
    },
    /// A string, or a message of type [`Collection::message`].
    Bytes(Bytes),
    /// An integer.
    Int(i64),
    /// A float.
    Float(f32),
    /// A message and the URL of its type.
    Any {
        /// `type.googleapis.com/` and the full name.
        type_url: Bytes,
        /// The message.
        value: Bytes,
    },
}

impl Item {
    /// The full name of the message in an Any.
    pub fn any_message(type_url: &[u8]) -> &[u8] {
        let slash = type_url.iter().rposition(|b| *b == b'/');
        match slash.and_then(|i| i.checked_add(1)) {
            Some(start) => type_url.get(start..).unwrap_or_default(),
            None => type_url,
        }
    }
}

/// The items, where they lie or what they are.
#[derive(Debug)]
enum Items {
    Extents(Vec<Extent>),
    Ints(Vec<i64>),
    Floats(Vec<f32>),
}

#[derive(Debug)]
struct Contents {
    kind: CollectionKind,
    items: Items,
}

/// One collection.
#[derive(Debug)]
pub struct Collection {
    source: Arc<dyn Source>,
    key: Bytes,
    extent: Extent,
    contents: OnceLock<Result<Contents>>,
}

impl Collection {
    pub(crate) fn new(source: Arc<dyn Source>, key: Bytes, extent: Extent) -> Self {
        Self {
            source,
            key,
            extent,
            contents: OnceLock::new(),
        }
    }

    /// The raw key: free text.
    pub fn key(&self) -> &Bytes {
        &self.key
    }

    /// Where the CollectionDef lies in the source.
    pub fn extent(&self) -> Extent {
        self.extent
    }

    /// What its items are.
    pub fn kind(&self) -> Result<CollectionKind> {
        Ok(self.contents()?.kind)
    }

    /// How many items it has.
    pub fn len(&self) -> Result<usize> {
        Ok(match &self.contents()?.items {
            Items::Extents(v) => v.len(),
            Items::Ints(v) => v.len(),
            Items::Floats(v) => v.len(),
        })
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Where item `i` lies: the string, the bytes or the Any. `None` for numbers.
    pub fn item_extent(&self, i: usize) -> Result<Option<Extent>> {
        Ok(match &self.contents()?.items {
            Items::Extents(v) => v.get(i).copied(),
            _ => None,
        })
    }

    /// Item `i`.
    pub fn item(&self, i: usize) -> Result<Item> {
        let contents = self.contents()?;
        let item = match &contents.items {
            Items::Ints(v) => v.get(i).map(|n| Item::Int(*n)),
            Items::Floats(v) => v.get(i).map(|f| Item::Float(*f)),
            Items::Extents(v) => match v.get(i) {
                Some(extent) => Some(self.read(contents.kind, *extent)?),
                None => None,
            },
        };
        item.ok_or_else(|| {
            Error::not_found(format!(
                "collection {:?} has no item {i}",
                String::from_utf8_lossy(&self.key)
            ))
            .at(self.source.path())
        })
    }

    fn read(&self, kind: CollectionKind, extent: Extent) -> Result<Item> {
        if kind == CollectionKind::AnyList {
            let (mut type_url, mut value) = (Bytes::new(), Bytes::new());
            for_each_field(
                self.source.as_ref(),
                extent,
                window(extent),
                |cursor, number, field| {
                    let Value::Len(payload) = field else { return Ok(()) };
                    match number {
                        1 => type_url = Bytes::copy_from_slice(cursor.bytes(payload)?),
                        2 => value = Bytes::copy_from_slice(cursor.bytes(payload)?),
                        _ => {}
                    }
                    Ok(())
                },
            )?;
            return Ok(Item::Any { type_url, value });
        }
        let raw = Bytes::from(extent.read(self.source.as_ref())?);
        if kind != CollectionKind::NodeList {
            return Ok(Item::Bytes(raw));
        }
        let input = parse_input(&raw, false);
        let output = match input.slot {
            Slot::Index(i) if input.name.len() < raw.len() && !input.control => Some(i),
            _ => None,
        };
        Ok(Item::Node {
            raw,
            name: input.name,
            output,
        })
    }

    /// The full name of the message that the bytes of this collection hold, where its key is one that
    /// TensorFlow registers a proto for (control_flow_ops.py, ref_variable.py, queue_runner_impl.py,
    /// saver.py). Others may hold the same and not say so.
    pub fn message(&self) -> Option<&'static str> {
        Some(match &self.key[..] {
            b"variables"
            | b"trainable_variables"
            | b"local_variables"
            | b"model_variables"
            | b"metric_variables"
            | b"moving_average_variables"
            | b"global_step" => "tensorflow.VariableDef",
            b"queue_runners" => "tensorflow.QueueRunnerDef",
            b"savers" => "tensorflow.SaverDef",
            b"cond_context" => "tensorflow.CondContextDef",
            b"while_context" => "tensorflow.WhileContextDef",
            _ => return None,
        })
    }

    fn contents(&self) -> Result<&Contents> {
        self.contents
            .get_or_init(|| {
                self.find().map_err(|e| {
                    e.context(format_args!(
                        "collection {:?}",
                        String::from_utf8_lossy(&self.key)
                    ))
                })
            })
            .as_ref()
            .map_err(Clone::clone)
    }

    fn find(&self) -> Result<Contents> {
        let mut cursor = Cursor::new(self.source.as_ref(), self.extent, window(self.extent));
        let mut contents = Contents {
            kind: CollectionKind::Empty,
            items: Items::Extents(Vec::new()),
        };
        while let Some((number, value)) = cursor.whole_field(self.extent.end())? {
            let Value::Len(list) = value else { continue };
            if let Some(kind) = CollectionKind::new(number) {
                // A oneof: another kind replaces what was there, the same one adds to it.
                if kind != contents.kind {
                    contents.kind = kind;
                    contents.items = match kind {
                        CollectionKind::Int64List => Items::Ints(Vec::new()),
                        CollectionKind::FloatList => Items::Floats(Vec::new()),
                        _ => Items::Extents(Vec::new()),
                    };
                }
                list_items(&mut cursor, list, &mut contents.items)?;
            }
            cursor.seek(list.end());
        }
        Ok(contents)
    }
}

/// Collects the items of a list: field 1, repeated; numbers packed or not.
fn list_items(cursor: &mut Cursor<'_>, list: Extent, items: &mut Items) -> Result<()> {
    while let Some((number, value)) = cursor.whole_field(list.end())? {
        let next = match value {
            Value::Len(payload) => payload.end(),
            _ => cursor.offset(),
        };
        if number == 1 {
            match (&mut *items, value) {
                (Items::Extents(v), Value::Len(payload)) => v.push(payload),
                (Items::Ints(v), Value::Varint(n)) => v.push(n.cast_signed()),
                (Items::Ints(v), Value::Len(packed)) => {
                    while cursor.offset() < packed.end() {
                        v.push(cursor.varint(packed.end())?.cast_signed());
                    }
                }
                (Items::Floats(v), Value::Fixed32(bits)) => v.push(f32::from_bits(bits)),
                (Items::Floats(v), Value::Len(packed)) => {
                    let chunks = cursor.bytes(packed)?.chunks_exact(4);
                    v.extend(chunks.filter_map(|c| c.first_chunk().map(|b| f32::from_le_bytes(*b))));
                }
                _ => {}
            }
        }
        cursor.seek(next);
    }
    Ok(())
}

fn window(extent: Extent) -> usize {
    usize::try_from(extent.len).unwrap_or(WIDE).min(WIDE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::testing::*;
    use crate::proto::google::protobuf::Any;
    use crate::proto::tensorflow::CollectionDef;
    use crate::proto::tensorflow::collection_def::*;
    use crate::proto::tensorflow::meta_graph_def::CollectionDefEntry;

    fn meta_with(list: Vec<(&str, Option<Kind>)>) -> crate::graph::MetaGraph {
        let mut def = meta_graph_def(graph_def(vec![node("a", "A", &[])]));
        def.collection_def = list
            .into_iter()
            .map(|(key, kind)| CollectionDefEntry {
                key: key.to_owned().into(),
                value: Some(CollectionDef { kind }),
            })
            .collect();
        meta(&def)
    }

    #[test]
    fn all_kinds() {
        let url = "type.googleapis.com/tensorflow.AssetFileDef";
        let m = meta_with(vec![
            (
                "train_op",
                Some(Kind::NodeList(NodeList {
                    value: vec!["a".into(), "a:1".into(), "^a".into()],
                })),
            ),
            (
                "hyper/parameters",
                Some(Kind::BytesList(BytesList {
                    value: vec!["x".into(), vec![0xffu8].into()],
                })),
            ),
            (
                "ints",
                Some(Kind::Int64List(Int64List {
                    value: vec![-1, i64::MAX],
                })),
            ),
            ("floats", Some(Kind::FloatList(FloatList { value: vec![0.5] }))),
            (
                "assets",
                Some(Kind::AnyList(AnyList {
                    value: vec![Any {
                        type_url: url.into(),
                        value: "v".into(),
                    }],
                })),
            ),
            ("none", None),
            (
                "train_op",
                Some(Kind::NodeList(NodeList {
                    value: vec!["b".into()],
                })),
            ),
        ]);
        let keys: Vec<_> = m.collections().iter().map(|c| c.key().clone()).collect();
        assert_eq!(
            keys,
            ["assets", "floats", "hyper/parameters", "ints", "none", "train_op"]
        );
        let get = |k: &str| m.collection(k.as_bytes()).unwrap();
        assert_eq!(get("none").kind().unwrap(), CollectionKind::Empty);
        assert!(get("none").is_empty().unwrap());
        assert_eq!(get("ints").item(0).unwrap(), Item::Int(-1));
        assert_eq!(get("ints").item(1).unwrap(), Item::Int(i64::MAX));
        assert!(get("ints").item(2).is_err());
        assert_eq!(get("floats").item(0).unwrap(), Item::Float(0.5));
        assert_eq!(
            get("hyper/parameters").item(1).unwrap(),
            Item::Bytes(vec![0xffu8].into())
        );
        assert_eq!(get("train_op").len().unwrap(), 1, "the last of equal keys");
        let Item::Any { type_url, value } = get("assets").item(0).unwrap() else {
            panic!()
        };
        assert_eq!(Item::any_message(&type_url), b"tensorflow.AssetFileDef");
        assert_eq!(&value[..], b"v");
    }

    #[test]
    fn node_names() {
        let m = meta_with(vec![(
            "l",
            Some(Kind::NodeList(NodeList {
                value: vec!["a".into(), "a:1".into()],
            })),
        )]);
        let item = |i| m.collections()[0].item(i).unwrap();
        let name = Bytes::from("a");
        assert_eq!(
            item(0),
            Item::Node {
                raw: "a".into(),
                name: name.clone(),
                output: None
            }
        );
        assert_eq!(
            item(1),
            Item::Node {
                raw: "a:1".into(),
                name,
                output: Some(1)
            }
        );
    }
}
