//! savers/: what each saver of the graph saves, and whether the checkpoint has it.

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
use super::tensors::Tensors;
use super::view::Effort;
use super::view::Kind;
use crate::content::Content;
use crate::content::rendered::Lines;
use crate::content::rendered::inline;
use crate::content::rendered::put_field;
use crate::content::rendered::text;
use crate::error::Error;
use crate::error::Result;
use crate::graph::GraphView;
use crate::graph::MetaGraph;
use crate::graph::Saver;
use crate::graph::SaverEntry;
use crate::graph::Target;
use crate::tensor::TensorSet;
use crate::text as proto_text;

/// The branch.
#[derive(Debug)]
pub(super) struct Savers {
    graph: Arc<GraphTree>,
    tensors: Option<Arc<Tensors>>,
}

const HEADER: &str = "key\top\tslice\tdtype\tin_checkpoint\n";

impl Savers {
    pub(super) fn new(graph: Arc<GraphTree>, tensors: Option<Arc<Tensors>>) -> Self {
        Self { graph, tensors }
    }

    fn all(&self) -> &[Saver] {
        self.graph
            .meta()
            .map(|meta| meta.savers().savers())
            .unwrap_or_default()
    }

    fn saver(&self, node: Node) -> Result<&Saver> {
        self.all()
            .get(node.item as usize)
            .ok_or_else(|| Error::not_found("no such saver"))
    }

    /// The name of a saver: its scope, after the function it lies in.
    fn name(saver: &Saver) -> Vec<u8> {
        match &saver.function {
            Some(function) => names::whole(&[&function[..], b"/", &saver.scope[..]].concat()).into_owned(),
            None => names::whole(&saver.scope).into_owned(),
        }
    }

    fn files(saver: &Saver) -> impl Iterator<Item = (&'static str, Facet)> {
        let def = saver
            .saver_def
            .is_some()
            .then_some(("saver_def.pbtxt", Facet::SaverDef));
        def.into_iter().chain([("var_list.tsv", Facet::VarList)])
    }
}

/// One line: key, op, slice, dtype, and whether the checkpoint has the key.
fn put_entry(
    out: &mut Vec<u8>,
    meta: &MetaGraph,
    saver: &Saver,
    entry: &SaverEntry,
    bundle: Option<&dyn TensorSet>,
) {
    let function = saver.function.as_ref().and_then(|name| meta.function(name));
    let view = match function {
        Some(function) => meta.body(function),
        None => meta.graph(),
    };
    let op: Option<(GraphView<'_>, u32)> = match (entry.variable, entry.tensor) {
        (Some(variable), _) => Some((meta.graph(), variable)),
        (None, Target::Node(op)) => Some((view, op)),
        _ => None,
    };
    put_field(out, &entry.key);
    out.push(b'\t');
    if let Some((view, op)) = op {
        put_field(out, view.nodes().name(op));
    }
    out.push(b'\t');
    put_field(out, &entry.slice);
    let found = bundle.and_then(|bundle| bundle.find(&entry.key));
    let stored = found.and_then(|id| Some(bundle?.entry(id).dtype.to_string()));
    let dtype = stored.or_else(|| {
        let Target::Node(op) = entry.tensor else {
            return None;
        };
        let output = view.output_number(op, &entry.slot).ok().flatten()?;
        let outputs = view.outputs(op).ok()?;
        Some(crate::graph::dtype_name(outputs.get(output as usize)?.dtype))
    });
    let there = match (bundle, found) {
        (None, _) => "",
        (Some(_), Some(_)) => "yes",
        (Some(_), None) => "no",
    };
    out.extend_from_slice(format!("\t{}\t{there}\n", dtype.unwrap_or_default()).as_bytes());
}

impl Branch for Savers {
    fn lookup(&self, dir: Node, name: &[u8]) -> Result<Option<Node>> {
        if dir.facet == Facet::SaversDir {
            let at = self.all().iter().position(|saver| Self::name(saver) == name);
            return Ok(at
                .and_then(|at| u32::try_from(at).ok())
                .map(|at| Node::new(Facet::Saver, at, 0)));
        }
        let mut files = Self::files(self.saver(dir)?);
        Ok(files
            .find(|(file, _)| file.as_bytes() == name)
            .map(|(_, facet)| dir.facet(facet, 0)))
    }

    fn list(&self, dir: Node, after: u64, emit: Emit<'_>) -> Result<()> {
        let mut children: Vec<(Vec<u8>, Node, Kind)> = Vec::new();
        if dir.facet == Facet::SaversDir {
            for (i, saver) in (0u32..).zip(self.all()) {
                children.push((Self::name(saver), Node::new(Facet::Saver, i, 0), Kind::Directory));
            }
        } else {
            for (name, facet) in Self::files(self.saver(dir)?) {
                children.push((name.into(), dir.facet(facet, 0), Kind::File));
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
            Facet::VarList | Facet::SaverDef => Facts::UNMEASURED,
            _ => Facts::DIRECTORY,
        })
    }

    fn content(&self, node: Node) -> Result<Content> {
        let saver = self.saver(node)?;
        if node.facet == Facet::SaverDef {
            let def = saver.saver_def.as_ref().ok_or_else(|| not_a("file"))?;
            let wire = prost::Message::encode_to_vec(def);
            return inline(proto_text::print(
                "tensorflow.SaverDef",
                &wire,
                &proto_text::Options::default(),
            )?);
        }
        let rows = saver.entries.len() as u64;
        let (graph, tensors, item) = (self.graph.clone(), self.tensors.clone(), node.item as usize);
        text(Arc::new(Lines::new(
            HEADER,
            rows,
            move |row, out: &mut Vec<u8>| {
                let meta = graph.meta();
                let saver = meta.and_then(|meta| meta.savers().savers().get(item));
                let entry = saver.and_then(|saver| saver.entries.get(usize::try_from(row).ok()?));
                if let (Some(meta), Some(saver), Some(entry)) = (meta, saver, entry) {
                    let bundle = tensors.as_deref().map(|tensors| tensors.set());
                    put_entry(out, meta, saver, entry, bundle);
                }
                Ok(())
            },
        )))
    }

    fn lookup_effort(&self, _dir: Node) -> Effort {
        // The first look reads the constants of all save ops.
        Effort::Slow
    }
}
