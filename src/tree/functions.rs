//! functions/: the library of the graph. Each function has its body as a tree of ops.

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
use crate::graph::Function;
use crate::graph::MetaGraph;
use crate::graph::dtype_name;
use crate::proto::tensorflow::op_def::ArgDef;
use crate::text as proto_text;

/// The branch.
#[derive(Debug)]
pub(super) struct Functions {
    graph: Arc<GraphTree>,
}

/// The files of a function; their order is part of node ids.
const FILES: [&str; 3] = ["inputs.tsv", "outputs.tsv", "signature.pbtxt"];

impl Functions {
    pub(super) fn new(graph: Arc<GraphTree>) -> Self {
        Self { graph }
    }

    fn all(&self) -> &[Function] {
        self.graph.meta().map(MetaGraph::functions).unwrap_or_default()
    }

    /// The ops of a function: the top of its own graph.
    fn ops(function: u32) -> Node {
        Node {
            facet: Facet::OpScope,
            graph: function.saturating_add(1),
            item: 0,
            sub: 0,
        }
    }

    fn children(&self, dir: Node) -> Vec<(Vec<u8>, Node, Kind)> {
        let file = |(i, name): (u32, &&str)| {
            (
                name.as_bytes().to_vec(),
                dir.facet(Facet::FunctionFile, i),
                Kind::File,
            )
        };
        let mut children: Vec<_> = (0u32..).zip(&FILES).map(file).collect();
        children.push((b"ops".to_vec(), Self::ops(dir.item), Kind::Directory));
        children
    }
}

/// The type of an argument: a dtype, or the attribute that gives it.
fn type_text(arg: &ArgDef) -> String {
    let attr = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    match u32::try_from(arg.r#type).unwrap_or(0) {
        0 if !arg.type_attr.is_empty() => attr(&arg.type_attr),
        0 => attr(&arg.type_list_attr),
        dtype => dtype_name(dtype),
    }
}

/// One line an argument: name, dtype, and for results the tensor of the body.
fn table(args: &[ArgDef], ret: Option<&[(bytes::Bytes, bytes::Bytes)]>) -> Vec<u8> {
    let mut out: Vec<u8> = match ret {
        Some(_) => b"name\tdtype\ttensor\n".to_vec(),
        None => b"name\tdtype\n".to_vec(),
    };
    for arg in args {
        put_field(&mut out, &arg.name);
        out.extend_from_slice(format!("\t{}", type_text(arg)).as_bytes());
        if let Some(ret) = ret {
            out.push(b'\t');
            if let Some((_, tensor)) = ret.iter().find(|(name, _)| *name == arg.name) {
                put_field(&mut out, tensor);
            }
        }
        out.push(b'\n');
    }
    out
}

impl Branch for Functions {
    fn lookup(&self, dir: Node, name: &[u8]) -> Result<Option<Node>> {
        if dir.facet == Facet::FunctionsDir {
            let all = self.all();
            let fits = |at: &u32| {
                all.get(*at as usize)
                    .is_some_and(|f| *names::whole(f.name()) == *name)
            };
            let quick = names::decode(name)
                .and_then(|raw| self.graph.function_number(&raw))
                .filter(fits);
            let count = u32::try_from(all.len()).unwrap_or(u32::MAX);
            let at = quick.or_else(|| (0..count).find(fits));
            return Ok(at.map(|at| Node::new(Facet::Function, at, 0)));
        }
        Ok(self
            .children(dir)
            .into_iter()
            .find(|(child, ..)| child == name)
            .map(|(_, node, _)| node))
    }

    fn list(&self, dir: Node, after: u64, emit: Emit<'_>) -> Result<()> {
        if dir.facet == Facet::FunctionsDir {
            let skip = usize::try_from(after).unwrap_or(usize::MAX);
            for (i, function) in (0u32..).zip(self.all()).skip(skip) {
                let child = Child {
                    node: Node::new(Facet::Function, i, 0),
                    kind: Kind::Directory,
                    name: &names::whole(function.name()),
                    cookie: u64::from(i).saturating_add(1),
                };
                if !emit(child) {
                    break;
                }
            }
            return Ok(());
        }
        for (cookie, (name, node, kind)) in (1u64..).zip(&self.children(dir)) {
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
            Facet::FunctionFile => Facts::UNMEASURED,
            _ => Facts::DIRECTORY,
        })
    }

    fn content(&self, node: Node) -> Result<Content> {
        let function = self
            .all()
            .get(node.item as usize)
            .ok_or_else(|| Error::not_found("no such function"))?;
        match FILES.get(node.sub as usize) {
            Some(&"inputs.tsv") => inline(table(&function.signature()?.input_arg, None)),
            Some(&"outputs.tsv") => inline(table(&function.signature()?.output_arg, Some(function.ret()?))),
            Some(_) => {
                let wire = prost::Message::encode_to_vec(function.signature()?);
                inline(proto_text::print(
                    "tensorflow.OpDef",
                    &wire,
                    &proto_text::Options::default(),
                )?)
            }
            None => Err(not_a("file")),
        }
    }
}
