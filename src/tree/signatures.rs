//! signatures/: how a served model is called: method, inputs and outputs.

use std::sync::Arc;

use super::branch::Branch;
use super::branch::Child;
use super::branch::Emit;
use super::branch::Facts;
use super::branch::not_a;
use super::facet::Facet;
use super::graph_tree::GraphTree;
use super::ids::Node;
use super::names;
use super::view::Kind;
use crate::content::Content;
use crate::content::rendered::inline;
use crate::content::rendered::put_field;
use crate::error::Error;
use crate::error::Result;
use crate::graph::dtype_name;
use crate::proto::tensorflow::TensorInfo;
use crate::proto::tensorflow::tensor_info::Encoding;
use crate::text as proto_text;

/// The branch.
#[derive(Debug)]
pub(super) struct Signatures {
    graph: Arc<GraphTree>,
}

/// The files of a signature; their order is part of node ids.
const FILES: [&str; 4] = ["inputs.tsv", "method", "outputs.tsv", "signature.pbtxt"];

impl Signatures {
    pub(super) fn new(graph: Arc<GraphTree>) -> Self {
        Self { graph }
    }

    fn keys(&self) -> Vec<&[u8]> {
        let meta = self.graph.meta();
        let signatures = meta.map(|meta| meta.signatures()).unwrap_or_default();
        signatures.iter().map(|(key, _)| &key[..]).collect()
    }
}

/// One line a tensor: its name in the signature, the tensor of the graph, dtype and shape.
fn table<'a>(entries: impl Iterator<Item = (&'a [u8], Option<&'a TensorInfo>)>) -> Vec<u8> {
    let mut out = b"name\ttensor\tdtype\tshape\n".to_vec();
    for (name, info) in entries {
        put_field(&mut out, name);
        out.push(b'\t');
        if let Some(info) = info {
            match &info.encoding {
                Some(Encoding::Name(tensor)) => put_field(&mut out, tensor),
                Some(Encoding::CooSparse(_)) => out.extend_from_slice(b"(sparse)"),
                Some(Encoding::CompositeTensor(_)) => out.extend_from_slice(b"(composite)"),
                None => {}
            }
            let dtype = dtype_name(u32::try_from(info.dtype).unwrap_or(0));
            let shape = match &info.tensor_shape {
                None => String::new(),
                Some(shape) if shape.unknown_rank => "unknown".into(),
                Some(shape) => {
                    let dims = shape.dim.iter().map(|dim| match dim.size {
                        -1 => "?".to_string(),
                        n => n.to_string(),
                    });
                    format!("[{}]", dims.collect::<Vec<_>>().join(","))
                }
            };
            out.extend_from_slice(format!("\t{dtype}\t{shape}").as_bytes());
        }
        out.push(b'\n');
    }
    out
}

impl Branch for Signatures {
    fn lookup(&self, dir: Node, name: &[u8]) -> Result<Option<Node>> {
        let number = |at: Option<usize>| at.and_then(|at| u32::try_from(at).ok());
        if dir.facet == Facet::SignaturesDir {
            let at = self.keys().iter().position(|key| *names::whole(key) == *name);
            return Ok(number(at).map(|at| Node::new(Facet::Signature, at, 0)));
        }
        let at = FILES.iter().position(|file| file.as_bytes() == name);
        Ok(number(at).map(|at| dir.facet(Facet::SignatureFile, at)))
    }

    fn list(&self, dir: Node, after: u64, emit: Emit<'_>) -> Result<()> {
        let mut children: Vec<(Vec<u8>, Node, Kind)> = Vec::new();
        if dir.facet == Facet::SignaturesDir {
            for (i, key) in (0u32..).zip(self.keys()) {
                let node = Node::new(Facet::Signature, i, 0);
                children.push((names::whole(key).into_owned(), node, Kind::Directory));
            }
        } else {
            for (i, file) in (0u32..).zip(FILES) {
                children.push((file.into(), dir.facet(Facet::SignatureFile, i), Kind::File));
            }
        }
        for (cookie, (name, node, kind)) in (1u64..).zip(&children) {
            let child = Child {
                node: *node,
                kind: *kind,
                name,
                cookie,
            };
            if cookie > after && !emit(child) {
                break;
            }
        }
        Ok(())
    }

    fn facts(&self, node: Node) -> Result<Facts> {
        Ok(match node.facet {
            Facet::SignatureFile => Facts::UNMEASURED,
            _ => Facts::DIRECTORY,
        })
    }

    fn content(&self, node: Node) -> Result<Content> {
        let missing = || Error::not_found("no such signature");
        let meta = self.graph.meta().ok_or_else(missing)?;
        let (key, extent) = meta.signatures().get(node.item as usize).ok_or_else(missing)?;
        let signature = meta.signature(key)?.ok_or_else(missing)?;
        match FILES.get(node.sub as usize) {
            Some(&"inputs.tsv") => inline(table(
                signature.inputs.iter().map(|e| (&e.key[..], e.value.as_ref())),
            )),
            Some(&"outputs.tsv") => inline(table(
                signature.outputs.iter().map(|e| (&e.key[..], e.value.as_ref())),
            )),
            Some(&"method") => inline([&signature.method_name[..], b"\n"].concat()),
            Some(_) => {
                let wire = extent.read(meta.source().as_ref())?;
                inline(proto_text::print(
                    "tensorflow.SignatureDef",
                    &wire,
                    &proto_text::Options::default(),
                )?)
            }
            None => Err(not_a("file")),
        }
    }
}
