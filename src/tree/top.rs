//! The root directory, the texts in it, and meta/.

use std::sync::Arc;

use super::branch::Branch;
use super::branch::Child;
use super::branch::Emit;
use super::branch::Facts;
use super::branch::not_a;
use super::facet::Facet;
use super::graph_tree::GraphTree;
use super::ids::Node;
use super::tensors::Tensors;
use super::texts;
use super::texts::graph_def::Part;
use super::view::Kind;
use crate::checkpoint::Checkpoint;
use crate::content::Content;
use crate::error::Result;
use crate::graph::MetaGraph;

/// A directory or file with a fixed name.
#[derive(Debug, Clone, Copy)]
struct Fixed {
    name: &'static str,
    node: Node,
    kind: Kind,
}

/// The branch: what is there depends on what the source has; a part that it lacks is absent.
#[derive(Debug)]
pub(super) struct Top {
    checkpoint: Arc<Checkpoint>,
    tensors: Option<Arc<Tensors>>,
    graph: Option<Arc<GraphTree>>,
    root: Vec<Fixed>,
    meta: Vec<Fixed>,
}

/// The texts. Their order is part of node ids.
const INFO: u32 = 0;
const TENSORS: u32 = 1;
const SCALARS: u32 = 2;
const MANIFEST: u32 = 3;
const OPS: u32 = 4;
const GRAPH_BINARY: u32 = 5;
const GRAPH_TEXT: u32 = 6;
const META_INFO: u32 = 7;
const OP_LIST: u32 = 8;
const OBJECT_GRAPH: u32 = 9;

impl Top {
    pub(super) fn new(
        checkpoint: &Arc<Checkpoint>,
        tensors: Option<Arc<Tensors>>,
        graph: Option<Arc<GraphTree>>,
    ) -> Self {
        let dir = |name, facet| Fixed {
            name,
            node: Node::of(facet),
            kind: Kind::Directory,
        };
        let text = |name, which| Fixed {
            name,
            node: Node::new(Facet::Text, which, 0),
            kind: Kind::File,
        };
        let mut root = vec![
            text("info.txt", INFO),
            dir("meta", Facet::Meta),
            dir("source", Facet::SourceDir),
        ];
        let mut meta = vec![text("manifest.json", MANIFEST)];
        if tensors.is_some() {
            root.push(text("tensors.tsv", TENSORS));
            root.push(text("scalars.tsv", SCALARS));
            root.push(dir("tensors", Facet::TensorScope));
        }
        if checkpoint.has_objects() {
            root.push(dir("objects", Facet::Object));
            root.push(dir("by-name", Facet::NameScope));
            meta.push(text("object_graph.pbtxt", OBJECT_GRAPH));
        }
        if let Some(graph) = graph.as_deref().and_then(GraphTree::meta) {
            root.push(text("ops.tsv", OPS));
            root.push(dir("ops", Facet::OpScope));
            root.push(dir("by-type", Facet::ByTypeDir));
            let parts = [
                (
                    !graph.collections().is_empty(),
                    "collections",
                    Facet::CollectionsDir,
                ),
                (may_have_savers(graph), "savers", Facet::SaversDir),
                (!graph.signatures().is_empty(), "signatures", Facet::SignaturesDir),
                (!graph.functions().is_empty(), "functions", Facet::FunctionsDir),
            ];
            root.extend(parts.iter().filter(|part| part.0).map(|part| dir(part.1, part.2)));
            meta.push(text("graph_def.pb", GRAPH_BINARY));
            meta.push(text("graph_def.pbtxt", GRAPH_TEXT));
            if !graph.meta_info_extents().is_empty() {
                meta.push(text("meta_info.pbtxt", META_INFO));
                meta.push(text("stripped_op_list.pbtxt", OP_LIST));
            }
        }
        root.sort_by_key(|fixed| fixed.name);
        meta.sort_by_key(|fixed| fixed.name);
        Self {
            checkpoint: checkpoint.clone(),
            tensors,
            graph,
            root,
            meta,
        }
    }

    fn children(&self, dir: Node) -> &[Fixed] {
        match dir.facet {
            Facet::Root => &self.root,
            Facet::Meta => &self.meta,
            _ => &[],
        }
    }
}

/// Whether a graph probably has savers. Finding them reads constants, which a mount must not.
fn may_have_savers(graph: &MetaGraph) -> bool {
    const OPS: [&[u8]; 5] = [b"SaveV2", b"SaveSlices", b"Save", b"RestoreV2", b"Restore"];
    let nodes = graph.graph().nodes();
    let traced = |name: &[u8]| name.windows(11).any(|window| window == b"traced_save");
    OPS.iter().any(|op| nodes.has_type(op)) || graph.functions().iter().any(|f| traced(f.name()))
}

impl Branch for Top {
    fn lookup(&self, dir: Node, name: &[u8]) -> Result<Option<Node>> {
        let found = self
            .children(dir)
            .iter()
            .find(|fixed| fixed.name.as_bytes() == name);
        Ok(found.map(|fixed| fixed.node))
    }

    fn list(&self, dir: Node, after: u64, emit: Emit<'_>) -> Result<()> {
        for (cookie, fixed) in (1u64..).zip(self.children(dir)) {
            let child = Child {
                node: fixed.node,
                kind: fixed.kind,
                name: fixed.name.as_bytes(),
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
            Facet::Text => Facts::UNMEASURED,
            _ => Facts::DIRECTORY,
        })
    }

    fn content(&self, node: Node) -> Result<Content> {
        if node.facet != Facet::Text {
            return Err(not_a("file"));
        }
        match (node.item, &self.tensors, &self.graph) {
            (INFO, tensors, _) => texts::info::render(&self.checkpoint, tensors.as_deref()),
            (MANIFEST, tensors, _) => texts::manifest::render(&self.checkpoint, tensors.as_ref()),
            (TENSORS, Some(tensors), _) => texts::tensors::table(&self.checkpoint, tensors),
            (SCALARS, Some(tensors), _) => texts::scalars::table(tensors),
            (OBJECT_GRAPH, ..) => texts::object_graph::render(&self.checkpoint),
            (OPS, _, Some(graph)) => texts::ops::table(graph),
            (GRAPH_BINARY, _, Some(graph)) => texts::graph_def::binary(graph),
            (GRAPH_TEXT, _, Some(graph)) => texts::graph_def::pbtxt(graph),
            (META_INFO, _, Some(graph)) => texts::graph_def::meta_info(graph, Part::Info),
            (OP_LIST, _, Some(graph)) => texts::graph_def::meta_info(graph, Part::Ops),
            _ => Err(not_a("file")),
        }
    }
}
