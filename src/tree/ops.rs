//! ops/: what the graph holds. An op is a directory; entries that start with `@` are ours, every other one
//! is a child op or a scope, so the path of an op is `ops/<its name>`.
//!
//! Nothing is stored for a facet: an op directory reads its NodeDef when it is listed or looked into. Links
//! are relative, so the graph can be walked with physical paths.

mod facets;
mod files;
mod links;

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

pub(super) use files::node_text;

use super::branch::Branch;
use super::branch::Child;
use super::branch::Emit;
use super::branch::Facts;
use super::branch::not_a;
use super::facet::Facet;
use super::graph_tree::GraphTree;
use super::ids::Node;
use super::paths;
use super::paths::Scope;
use super::tensors::Tensors;
use super::view::Effort;
use super::view::Kind;
use crate::content::Content;
use crate::error::Error;
use crate::error::Result;
use crate::graph::GraphView;
use crate::graph::Node as OpNode;

/// The branch.
#[derive(Debug)]
pub(super) struct Ops {
    graph: Arc<GraphTree>,
    tensors: Option<Arc<Tensors>>,
    /// The op that was read last: its directory asks for it again with every entry, and one that saves or
    /// initializes a model has thousands of inputs, each looked up by name.
    last: Mutex<Option<LastOp>>,
}

/// An op, by graph and number.
type LastOp = ((u32, u32), Arc<OpNode>);

/// Cookies of an op directory: its facets have those below, children start here.
const FIRST_CHILD: u64 = 64;

impl Ops {
    pub(super) fn new(graph: Arc<GraphTree>, tensors: Option<Arc<Tensors>>) -> Self {
        Self {
            graph,
            tensors,
            last: Mutex::default(),
        }
    }

    /// The op that a node belongs to.
    fn op(&self, node: Node) -> Result<Arc<OpNode>> {
        let key = (node.graph, node.item);
        let last = || self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, op)) = &*last()
            && *known == key
        {
            return Ok(Arc::clone(op));
        }
        let op = Arc::new(self.view(node)?.node(node.item)?);
        *last() = Some((key, Arc::clone(&op)));
        Ok(op)
    }

    fn view(&self, node: Node) -> Result<GraphView<'_>> {
        self.graph
            .view(node.graph)
            .ok_or_else(|| Error::not_found("no such graph"))
    }

    /// The scope of a directory, and its path with a `/` after it within the graph.
    fn below(&self, dir: Node) -> Option<(Scope, Vec<u8>)> {
        let (paths, nodes) = self.graph.paths(dir.graph)?;
        if dir.facet == Facet::OpScope {
            let scope = Scope {
                first: dir.item,
                depth: dir.sub,
            };
            return Some((scope, paths.paths.prefix(nodes, scope).to_vec()));
        }
        let path = paths.paths.path(nodes, dir.item);
        let scope = paths.paths.find_scope(nodes, path)?;
        Some((scope, [path, b"/"].concat()))
    }

    /// The op or scope `name` in a directory.
    fn child(&self, dir: Node, name: &[u8]) -> Option<Node> {
        let (paths, nodes) = self.graph.paths(dir.graph)?;
        let (_, prefix) = self.below(dir)?;
        let path = [prefix.as_slice(), name].concat();
        let at = |facet, item, sub| Node {
            facet,
            graph: dir.graph,
            item,
            sub,
        };
        if let Some(position) = paths.paths.find_item(nodes, &path) {
            return Some(at(Facet::Op, paths.paths.item(nodes, position), 0));
        }
        if let Some(scope) = paths.paths.find_scope(nodes, &path) {
            return Some(at(Facet::OpScope, scope.first, scope.depth));
        }
        // TensorFlow's name of an output, `global_step:0`.
        let colon = path.iter().rposition(|b| *b == b':')?;
        let (op, output) = path.split_at_checked(colon)?;
        let output = super::tensors::element_index(output.get(1..)?)?;
        let op = paths.paths.item(nodes, paths.paths.find_item(nodes, op)?);
        let outputs = self.graph.view(dir.graph)?.outputs(op).ok()?.len();
        (output as usize)
            .lt(&outputs)
            .then(|| at(Facet::TensorName, op, output))
    }
}

impl Branch for Ops {
    fn lookup(&self, dir: Node, name: &[u8]) -> Result<Option<Node>> {
        match dir.facet {
            Facet::OpScope => Ok(self.child(dir, name)),
            Facet::Op if name.starts_with(b"@") => self.facet(dir, name),
            Facet::Op => Ok(self.child(dir, name)),
            _ => self.facet(dir, name),
        }
    }

    fn list(&self, dir: Node, after: u64, emit: Emit<'_>) -> Result<()> {
        if !matches!(dir.facet, Facet::Op | Facet::OpScope) {
            return self.list_facet(dir, after, emit);
        }
        if dir.facet == Facet::Op && after < FIRST_CHILD {
            let mut more = true;
            self.list_facet(dir, after, &mut |child| {
                more = emit(child);
                more
            })?;
            if !more {
                return Ok(());
            }
        }
        let (Some((paths, nodes)), Some((scope, prefix))) = (self.graph.paths(dir.graph), self.below(dir))
        else {
            return Ok(());
        };
        let start = u32::try_from(after.saturating_sub(FIRST_CHILD)).unwrap_or(u32::MAX);
        let mut path = prefix.clone();
        paths.paths.children(nodes, scope, start, |child, name, next| {
            let cookie = u64::from(next).saturating_add(FIRST_CHILD);
            let (facet, item, sub) = match child {
                paths::Child::Item(position) => (Facet::Op, paths.paths.item(nodes, position), 0),
                paths::Child::Scope(scope) => {
                    // A scope that is an op too was listed as the op.
                    path.truncate(prefix.len());
                    path.extend_from_slice(name);
                    if paths.paths.find_item(nodes, &path).is_some() {
                        return true;
                    }
                    (Facet::OpScope, scope.first, scope.depth)
                }
            };
            let node = Node {
                facet,
                graph: dir.graph,
                item,
                sub,
            };
            emit(Child {
                node,
                kind: Kind::Directory,
                name,
                cookie,
            })
        });
        Ok(())
    }

    fn facts(&self, node: Node) -> Result<Facts> {
        Ok(match node.facet {
            Facet::OpType
            | Facet::OpNode
            | Facet::OpDevice
            | Facet::Attr
            | Facet::InputsText
            | Facet::OutputDtype
            | Facet::OutputShape
            | Facet::ConstValue => Facts::UNMEASURED,
            Facet::Input | Facet::Call => match self.link(node)? {
                links::Link::To(target) => Facts::link(target.len() as u64),
                links::Link::Text(text) => Facts::text(text.len() as u64),
            },
            Facet::ControlInput
            | Facet::Consumer
            | Facet::OutputOp
            | Facet::VariableValue
            | Facet::TensorName => match self.link(node)? {
                links::Link::To(target) => Facts::link(target.len() as u64),
                links::Link::Text(text) => Facts::text(text.len() as u64),
            },
            _ => Facts::DIRECTORY,
        })
    }

    fn content(&self, node: Node) -> Result<Content> {
        if let Some(content) = self.file(node)? {
            return Ok(content);
        }
        match self.link(node)? {
            links::Link::Text(text) => crate::content::rendered::inline(text),
            links::Link::To(_) => Err(not_a("file")),
        }
    }

    fn target(&self, node: Node) -> Result<Vec<u8>> {
        match self.link(node)? {
            links::Link::To(target) => Ok(target),
            links::Link::Text(_) => Err(not_a("link")),
        }
    }

    fn effort(&self, node: Node) -> Effort {
        match node.facet {
            // Texts that may be as long as the op has inputs or payload.
            Facet::OpNode | Facet::InputsText | Facet::Attr | Facet::ConstValue => Effort::Slow,
            _ => Effort::Quick,
        }
    }

    fn lookup_effort(&self, dir: Node) -> Effort {
        // The first look sorts the names, the first list of consumers reads all inputs.
        let ready = self.graph.is_sorted(dir.graph)
            && (!matches!(dir.facet, Facet::Op | Facet::Consumers | Facet::Outputs)
                || self.graph.view(dir.graph).is_some_and(GraphView::has_consumers));
        if ready { Effort::Quick } else { Effort::Slow }
    }
}
