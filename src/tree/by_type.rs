//! by-type/: the ops of each type, flat, as links. `ls by-type/PyFunc` finds what runs foreign code.

use std::sync::Arc;

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
use super::view::Effort;
use super::view::Kind;
use crate::content::Content;
use crate::error::Result;
use crate::graph::NodeIndex;

/// The branch.
#[derive(Debug)]
pub(super) struct ByType {
    graph: Arc<GraphTree>,
}

impl ByType {
    pub(super) fn new(graph: Arc<GraphTree>) -> Self {
        Self { graph }
    }

    fn nodes(&self) -> Option<&NodeIndex> {
        Some(self.graph.view(0)?.nodes())
    }

    /// The name of op type `number`.
    fn type_name(&self, number: u32) -> Option<&[u8]> {
        self.nodes()?.op_types().nth(number as usize)
    }

    fn ops_of(&self, number: u32) -> &[u32] {
        match (self.nodes(), self.type_name(number)) {
            (Some(nodes), Some(name)) => nodes.of_type(name),
            _ => &[],
        }
    }
}

impl Branch for ByType {
    fn lookup(&self, dir: Node, name: &[u8]) -> Result<Option<Node>> {
        if dir.facet == Facet::OpTypeDir {
            let list = self.ops_of(dir.item);
            let at = self.graph.find_flat(0, list, name).and_then(|at| list.get(at));
            return Ok(at.map(|op| Node::new(Facet::OpOfType, *op, 0)));
        }
        let mut types = self.nodes().into_iter().flat_map(NodeIndex::op_types);
        let at = types.position(|op_type| *names::whole(op_type) == *name);
        Ok(at
            .and_then(|at| u32::try_from(at).ok())
            .map(|at| Node::new(Facet::OpTypeDir, at, 0)))
    }

    fn list(&self, dir: Node, after: u64, emit: Emit<'_>) -> Result<()> {
        let skip = usize::try_from(after).unwrap_or(usize::MAX);
        if dir.facet == Facet::OpTypeDir {
            for (i, op) in self.ops_of(dir.item).iter().enumerate().skip(skip) {
                let child = Child {
                    node: Node::new(Facet::OpOfType, *op, 0),
                    kind: Kind::Link,
                    name: &self.graph.flat_name(0, *op),
                    cookie: (i as u64).saturating_add(1),
                };
                if !emit(child) {
                    break;
                }
            }
            return Ok(());
        }
        let types = self.nodes().into_iter().flat_map(NodeIndex::op_types);
        for (i, op_type) in (0u32..).zip(types).skip(skip) {
            let child = Child {
                node: Node::new(Facet::OpTypeDir, i, 0),
                kind: Kind::Directory,
                name: &names::whole(op_type),
                cookie: u64::from(i).saturating_add(1),
            };
            if !emit(child) {
                break;
            }
        }
        Ok(())
    }

    fn facts(&self, node: Node) -> Result<Facts> {
        match node.facet {
            Facet::OpOfType => Ok(Facts::link(self.target(node)?.len() as u64)),
            _ => Ok(Facts::DIRECTORY),
        }
    }

    fn content(&self, _node: Node) -> Result<Content> {
        Err(not_a("file"))
    }

    fn target(&self, node: Node) -> Result<Vec<u8>> {
        // Two levels below the root, whatever the type is called.
        Ok(relative(b"by-type/x", &self.graph.op_path(0, node.item)))
    }

    fn lookup_effort(&self, _dir: Node) -> Effort {
        if self.graph.is_sorted(0) {
            Effort::Quick
        } else {
            Effort::Slow
        }
    }
}
