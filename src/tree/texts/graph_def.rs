//! meta/graph_def.pb and graph_def.pbtxt, meta_info.pbtxt, stripped_op_list.pbtxt: the graph as files that
//! TensorFlow and protobuf read.

use std::sync::Arc;

use crate::content::Content;
use crate::content::rendered::Blocks;
use crate::content::rendered::inline;
use crate::content::rendered::text;
use crate::error::Error;
use crate::error::Result;
use crate::graph::MetaGraph;
use crate::source::Extent;
use crate::text as proto_text;
use crate::tree::graph_tree::GraphTree;
use crate::tree::ops::node_text;
use crate::wire::Reader;

fn meta(graph: &GraphTree) -> Result<&MetaGraph> {
    graph.meta().ok_or_else(|| Error::not_found("there is no graph"))
}

/// The bytes of the GraphDef as they lie in the file.
pub(in crate::tree) fn binary(graph: &GraphTree) -> Result<Content> {
    let meta = meta(graph)?;
    let mut content = Content::new();
    // A message that stands in several parts is read by protobuf as their concatenation.
    for extent in meta.graph_def_extents() {
        content.push(Extent::new(meta.source().clone(), extent.offset, extent.len)?)?;
    }
    Ok(content)
}

/// The GraphDef as text: a block some nodes, then library and versions.
struct GraphText(Arc<GraphTree>);

const NODES_A_BLOCK: u64 = 128;

impl GraphText {
    fn nodes(&self) -> u64 {
        self.0.view(0).map_or(0, |view| view.nodes().len() as u64)
    }
}

impl Blocks for GraphText {
    fn count(&self) -> u64 {
        let functions = self.0.meta().map_or(0, |meta| meta.functions().len() as u64);
        self.nodes()
            .div_ceil(NODES_A_BLOCK)
            .saturating_add(functions)
            .saturating_add(1)
    }

    fn render(&self, index: u64, out: &mut Vec<u8>) -> Result<()> {
        let meta = meta(&self.0)?;
        let node_blocks = self.nodes().div_ceil(NODES_A_BLOCK);
        let functions = meta.functions();
        if index < node_blocks {
            let view = meta.graph();
            let first = index.saturating_mul(NODES_A_BLOCK);
            let after = first.saturating_add(NODES_A_BLOCK).min(self.nodes());
            for node in first..after {
                out.extend_from_slice(b"node {\n");
                out.extend_from_slice(
                    node_text(view, u32::try_from(node).unwrap_or(u32::MAX), 1)?.as_bytes(),
                );
                out.extend_from_slice(b"}\n");
            }
            return Ok(());
        }
        let at = usize::try_from(index.saturating_sub(node_blocks)).unwrap_or(usize::MAX);
        if let Some(function) = functions.get(at) {
            if at == 0 {
                out.extend_from_slice(b"library {\n");
            }
            let wire = function.extent().read(meta.source().as_ref())?;
            let mut text = String::new();
            let options = proto_text::Options {
                indent: 2,
                elide_over: Some(4096),
                note: "see functions/",
            };
            proto_text::print_into(&mut text, "tensorflow.FunctionDef", &wire, &options)?;
            out.extend_from_slice(format!("  function {{\n{text}  }}\n").as_bytes());
            return Ok(());
        }
        if !functions.is_empty() {
            let options = proto_text::Options {
                indent: 2,
                ..Default::default()
            };
            for gradient in meta.gradients()? {
                let wire = prost::Message::encode_to_vec(&gradient);
                let text = proto_text::print("tensorflow.GradientDef", &wire, &options)?;
                out.extend_from_slice(format!("  gradient {{\n{text}  }}\n").as_bytes());
            }
            for gradient in meta.registered_gradients()? {
                let wire = prost::Message::encode_to_vec(&gradient);
                let text = proto_text::print("tensorflow.RegisteredGradient", &wire, &options)?;
                out.extend_from_slice(format!("  registered_gradients {{\n{text}  }}\n").as_bytes());
            }
            out.extend_from_slice(b"}\n");
        }
        if let Some(versions) = meta.versions()? {
            let wire = prost::Message::encode_to_vec(&versions);
            let options = proto_text::Options {
                indent: 1,
                ..Default::default()
            };
            let text = proto_text::print("tensorflow.VersionDef", &wire, &options)?;
            out.extend_from_slice(format!("versions {{\n{text}}}\n").as_bytes());
        }
        Ok(())
    }
}

/// The GraphDef as text, large constants left out.
pub(in crate::tree) fn pbtxt(graph: &Arc<GraphTree>) -> Result<Content> {
    text(Arc::new(GraphText(graph.clone())))
}

/// Which part of the MetaInfoDef.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tree) enum Part {
    /// All but the op list.
    Info,
    /// The op list.
    Ops,
}

/// The number of `stripped_op_list` in MetaInfoDef (format.md 5.2).
const OP_LIST: u32 = 2;

/// The MetaInfoDef as text: without its op list, or that alone.
pub(in crate::tree) fn meta_info(graph: &GraphTree, part: Part) -> Result<Content> {
    let meta = meta(graph)?;
    let mut wire = Vec::new();
    for extent in meta.meta_info_extents() {
        wire.extend_from_slice(&extent.read(meta.source().as_ref())?);
    }
    let mut chosen = Vec::new();
    let mut reader = Reader::new(&wire);
    loop {
        let start = reader.position();
        let Some(field) = reader.field()? else {
            break;
        };
        match (part, field.number == OP_LIST) {
            (Part::Info, false) => {
                chosen.extend_from_slice(wire.get(start..reader.position()).unwrap_or_default());
            }
            (Part::Ops, true) => chosen.extend_from_slice(field.value.bytes().unwrap_or_default()),
            _ => {}
        }
    }
    let message = match part {
        Part::Info => "tensorflow.MetaGraphDef.MetaInfoDef",
        Part::Ops => "tensorflow.OpList",
    };
    inline(proto_text::print(
        message,
        &chosen,
        &proto_text::Options::default(),
    )?)
}
