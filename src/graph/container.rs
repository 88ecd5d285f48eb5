//! What a graph file is, and opening it.
//!
//! Three messages come as files, binary or text: MetaGraphDef (`.meta`), GraphDef (`.pb`, `.pbtxt`) and
//! SavedModel (`saved_model.pb`, `.pbtxt`). None has a magic number, and protobuf parses many things by
//! accident, so the first fields are looked at: format.md 5.1 (text), 5.2, 5.3 and 6.4 (field numbers).
//! What the fields leave open, the caller's hint decides, then MetaGraphDef.

use std::sync::Arc;

use super::cursor::Cursor;
use super::cursor::Extent;
use super::cursor::NARROW;
use super::cursor::Value;
use super::meta_graph::MetaGraph;
use super::scan;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::source::MemorySource;
use crate::source::Source;
use crate::text;
use crate::text::ParseOptions;

/// Which message a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `.meta`.
    MetaGraph,
    /// A frozen or plain graph.
    GraphDef,
    /// `saved_model.pb`.
    SavedModel,
}

impl Kind {
    /// The name of its message in TensorFlow's protos.
    pub fn message(self) -> &'static str {
        match self {
            Kind::MetaGraph => "tensorflow.MetaGraphDef",
            Kind::GraphDef => "tensorflow.GraphDef",
            Kind::SavedModel => "tensorflow.SavedModel",
        }
    }
}

/// An open graph file.
#[derive(Debug)]
pub struct GraphFile {
    /// Which message it is.
    pub kind: Kind,
    /// Whether the file is text. The source then holds its binary form, which all offsets refer to.
    pub text: bool,
    /// The graphs: one, except in a SavedModel with several or none.
    pub meta_graphs: Vec<MetaGraph>,
    /// What is wrong with the file outside its graphs; each graph has its own list.
    pub problems: Vec<Error>,
}

/// Opens a graph file: one pass over it, no node decoded. Damage is not an error as long as the file
/// is recognised: what could be read is there, and the problems are listed.
pub fn open(source: Arc<dyn Source>, hint: Option<Kind>) -> Result<GraphFile> {
    if source.is_empty() {
        return Err(Error::new(ErrorKind::NotACheckpoint, "an empty file, not a graph").at(source.path()));
    }
    let head = head(source.as_ref())?;
    let is_text = looks_like_text(&head);
    let (kind, source) = if is_text {
        let kind = text_kind(&head).or(hint).unwrap_or(Kind::MetaGraph);
        (kind, from_text(source.as_ref(), kind)?)
    } else {
        let kind = binary_kind(source.as_ref())
            .map_err(|e| {
                Error::new(ErrorKind::NotACheckpoint, e.what())
                    .context("not a graph")
                    .at(source.path())
                    .offset(e.at_offset().unwrap_or(0))
            })?
            .or(hint);
        (kind.unwrap_or(Kind::MetaGraph), source)
    };
    let (parts, problems) = match kind {
        Kind::MetaGraph => (vec![scan::meta_graph(source.as_ref())], Vec::new()),
        Kind::GraphDef => (vec![scan::graph_def(source.as_ref())], Vec::new()),
        Kind::SavedModel => scan::saved_model(source.as_ref()),
    };
    Ok(GraphFile {
        kind,
        text: is_text,
        meta_graphs: parts
            .into_iter()
            .map(|parts| MetaGraph::new(source.clone(), parts))
            .collect(),
        problems,
    })
}

/// Which graph file it is, by its first fields only; `None` where they fit none or several.
pub fn kind_of(source: &dyn Source) -> Result<Option<Kind>> {
    let head = head(source)?;
    if looks_like_text(&head) {
        return Ok(text_kind(&head));
    }
    Ok(binary_kind(source).unwrap_or_default())
}

/// How much of a file is looked at to tell text from binary.
const HEAD: u64 = 1024;

fn head(source: &dyn Source) -> Result<Vec<u8>> {
    source.read_vec(0, source.len().min(HEAD))
}

/// Text where it is printable and starts with `name {` or `name:`, after comments and space.
fn looks_like_text(head: &[u8]) -> bool {
    head.iter()
        .all(|b| *b >= 0x20 && *b != 0x7f || b.is_ascii_whitespace())
        && first_field(head).is_some()
}

/// The first field name of a text message, and what follows it.
fn first_field(head: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut rest = head.trim_ascii_start();
    while rest.starts_with(b"#") {
        let line = rest.iter().position(|b| *b == b'\n')?;
        rest = rest.get(line..)?.trim_ascii_start();
    }
    let end = rest
        .iter()
        .position(|b| !b.is_ascii_alphanumeric() && *b != b'_')?;
    let (name, after) = rest.split_at_checked(end)?;
    let starts = name.first().is_some_and(|b| !b.is_ascii_digit());
    let follows = after.trim_ascii_start();
    (starts && (follows.starts_with(b"{") || follows.starts_with(b":") || follows.starts_with(b"<")))
        .then_some((name, after))
}

fn text_kind(head: &[u8]) -> Option<Kind> {
    match first_field(head)?.0 {
        b"saved_model_schema_version" | b"meta_graphs" => Some(Kind::SavedModel),
        b"node" | b"library" | b"version" | b"versions" | b"debug_info" => Some(Kind::GraphDef),
        b"meta_info_def" | b"graph_def" | b"saver_def" | b"collection_def" | b"signature_def"
        | b"asset_file_def" | b"object_graph_def" => Some(Kind::MetaGraph),
        _ => None,
    }
}

/// How many top-level fields are looked at.
const FIELDS: usize = 64;

/// Decides by the first fields. `None`: they fit several messages. An error: they fit none.
fn binary_kind(source: &dyn Source) -> Result<Option<Kind>> {
    let mut cursor = Cursor::new(source, Extent::new(0, source.len()), NARROW);
    let end = source.len();
    for i in 0..FIELDS {
        let field = match cursor.field(end) {
            Ok(field) => field,
            // A damaged file, but not from the start.
            Err(_) if i > 0 => return Ok(None),
            Err(e) => return Err(e),
        };
        let Some((number, value)) = field else { break };
        let kind = match (number, value) {
            (1, Value::Varint(_)) => Some(Kind::SavedModel),
            (3, Value::Varint(_)) => Some(Kind::GraphDef),
            (1, Value::Len(extent) | Value::Cut(extent, _)) => {
                is_node(source, extent).map(|node| match node {
                    true => Kind::GraphDef,
                    false => Kind::MetaGraph,
                })
            }
            (2, Value::Len(extent) | Value::Cut(extent, _)) => message_in_field_2(source, extent),
            (3 | 6 | 7, Value::Len(_) | Value::Cut(..)) => Some(Kind::MetaGraph),
            (4 | 5, Value::Len(_) | Value::Cut(..)) => None,
            _ => {
                return Err(Error::corrupt(format!(
                    "field {number} of a kind that graphs do not have"
                )));
            }
        };
        match (kind, value) {
            (Some(kind), _) => return Ok(Some(kind)),
            (None, Value::Len(extent)) => cursor.seek(extent.end()),
            (None, Value::Cut(..)) => break,
            _ => {}
        }
    }
    Ok(None)
}

/// Field 2 is a graph_def in a MetaGraphDef, a library in a GraphDef, a MetaGraphDef in a SavedModel
/// whose version is 0: told apart by what their own field 1 is, if they have one.
fn message_in_field_2(source: &dyn Source, extent: Extent) -> Option<Kind> {
    let first = first_len(source, extent)?;
    if first.0 != 1 {
        return None;
    }
    match is_node(source, first.1) {
        Some(true) => return Some(Kind::MetaGraph),
        // A MetaInfoDef with its op list; a FunctionDef has no field 2.
        Some(false) => return Some(Kind::SavedModel),
        None => {}
    }
    // A FunctionDef starts with its signature, an OpDef, which starts with its name.
    let signature = first_len(source, first.1)?;
    let name = first_len(source, signature.1)?;
    (signature.0 == 1 && name.0 == 1 && is_printable(source, name.1)).then_some(Kind::GraphDef)
}

/// The first field of a message, where it has a length.
fn first_len(source: &dyn Source, extent: Extent) -> Option<(u32, Extent)> {
    let mut cursor = Cursor::new(source, extent, NARROW);
    match cursor.field(extent.end()).ok()?? {
        (number, Value::Len(inner) | Value::Cut(inner, _)) => Some((number, inner)),
        _ => None,
    }
}

/// Whether a message is a NodeDef, whose field 2 is an op type, or a MetaInfoDef, whose field 2 is an
/// OpList. `None`: there is no field 2.
fn is_node(source: &dyn Source, extent: Extent) -> Option<bool> {
    let mut cursor = Cursor::new(source, extent, NARROW);
    for _ in 0..FIELDS {
        match cursor.field(extent.end()).ok()?? {
            (2, Value::Len(inner) | Value::Cut(inner, _)) if inner.len > 0 => {
                return Some(is_printable(source, inner));
            }
            (_, Value::Len(inner)) => cursor.seek(inner.end()),
            _ => return None,
        }
    }
    None
}

/// Whether it is text such as names are made of. An OpList, which starts with a tag below 0x20, is not.
fn is_printable(source: &dyn Source, extent: Extent) -> bool {
    let head = Extent::new(extent.offset, extent.len.min(HEAD));
    match head.read(source) {
        Ok(bytes) => bytes.iter().all(|b| *b >= 0x20 && *b != 0x7f),
        Err(_) => false,
    }
}

/// Turns a text file into the binary form of its message, in memory.
fn from_text(source: &dyn Source, kind: Kind) -> Result<Arc<dyn Source>> {
    let text = source.read_vec(0, source.len())?;
    let options = ParseOptions {
        skip_unknown: true,
        ..ParseOptions::default()
    };
    let parsed = text::parse(kind.message(), &text, &options).map_err(|e| e.at(source.path()))?;
    for warning in &parsed.warnings {
        log::warn!("{}: {warning}", source.path().display());
    }
    Ok(Arc::new(MemorySource::new(
        source.path(),
        parsed.wire.into(),
        source.stat(),
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_from_binary() {
        for (head, kind) in [
            (&b"node {\n  name: \"x\""[..], Some(Kind::GraphDef)),
            (b"# comment\n\n meta_info_def{", Some(Kind::MetaGraph)),
            (b"saved_model_schema_version: 1", Some(Kind::SavedModel)),
        ] {
            assert!(looks_like_text(head));
            assert_eq!(text_kind(head), kind);
        }
        assert!(looks_like_text(b"foo: 1") && text_kind(b"foo: 1").is_none());
        for head in [&b"\n\x05node {"[..], b"node", b"3a: 1", b"# only", b"a = 1", b""] {
            assert!(!looks_like_text(head), "{head:?}");
        }
    }
}
