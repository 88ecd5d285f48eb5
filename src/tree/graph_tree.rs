//! The names of a graph as paths: what ops/, by-type/ and all links to ops are made of.
//!
//! Paths are sorted when they are first needed, and those of a function's body when somebody enters it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::OnceLock;

use super::names;
use super::paths::Paths;
use super::paths::RawNames;
use crate::graph::GraphFile;
use crate::graph::GraphView;
use crate::graph::MetaGraph;
use crate::graph::NodeIndex;

/// One MetaGraph with its functions.
#[derive(Debug)]
pub(super) struct GraphTree {
    file: Arc<GraphFile>,
    main: OnceLock<OpPaths>,
    bodies: Vec<OnceLock<OpPaths>>,
}

/// The paths of the ops of one graph.
#[derive(Debug)]
pub(super) struct OpPaths {
    pub(super) paths: Paths,
    /// Damaged graphs may hold a name several times: the second is 2, and so on.
    copies: HashMap<u32, u32>,
}

impl RawNames for NodeIndex {
    fn count(&self) -> u32 {
        u32::try_from(self.len()).unwrap_or(u32::MAX)
    }

    fn raw(&self, item: u32) -> &[u8] {
        self.name(item)
    }

    fn sorted(&self) -> Option<&[u32]> {
        Some(NodeIndex::sorted(self))
    }
}

impl GraphTree {
    /// The first MetaGraph of a file; `None` where it holds none.
    pub(super) fn new(file: Arc<GraphFile>) -> Option<Self> {
        let functions = file.meta_graphs.first()?.functions().len();
        Some(Self {
            file,
            main: OnceLock::new(),
            bodies: (0..functions).map(|_| OnceLock::new()).collect(),
        })
    }

    /// The MetaGraph.
    pub(super) fn meta(&self) -> Option<&MetaGraph> {
        self.file.meta_graphs.first()
    }

    /// Graph 0 is the main one, n + 1 the body of function n.
    pub(super) fn view(&self, graph: u32) -> Option<GraphView<'_>> {
        let meta = self.meta()?;
        match graph.checked_sub(1) {
            None => Some(meta.graph()),
            Some(function) => Some(meta.body(meta.functions().get(function as usize)?)),
        }
    }

    fn cell(&self, graph: u32) -> Option<&OnceLock<OpPaths>> {
        match graph.checked_sub(1) {
            None => Some(&self.main),
            Some(function) => self.bodies.get(function as usize),
        }
    }

    /// Whether the paths of a graph are sorted already.
    pub(super) fn is_sorted(&self, graph: u32) -> bool {
        self.cell(graph).is_some_and(|cell| cell.get().is_some())
    }

    /// The paths of a graph. The first call sorts its names.
    pub(super) fn paths(&self, graph: u32) -> Option<(&OpPaths, &NodeIndex)> {
        let nodes = self.view(graph)?.nodes();
        Some((self.cell(graph)?.get_or_init(|| OpPaths::new(nodes)), nodes))
    }

    /// The directory of ops of a graph, from the root.
    pub(super) fn base(&self, graph: u32) -> Vec<u8> {
        match graph.checked_sub(1) {
            None => b"ops".to_vec(),
            Some(function) => [self.function_path(function).as_slice(), b"/ops"].concat(),
        }
    }

    /// The directory of a function, from the root.
    pub(super) fn function_path(&self, function: u32) -> Vec<u8> {
        let functions = self.meta().map(MetaGraph::functions).unwrap_or_default();
        let name = functions
            .get(function as usize)
            .map(|f| f.name().as_ref())
            .unwrap_or_default();
        [b"functions/", &*names::whole(name)].concat()
    }

    /// The directory of an op, from the root.
    pub(super) fn op_path(&self, graph: u32, op: u32) -> Vec<u8> {
        let mut path = self.base(graph);
        if let Some((paths, nodes)) = self.paths(graph) {
            path.push(b'/');
            path.extend_from_slice(paths.paths.path(nodes, op));
        }
        path
    }

    /// The name of an op as one component: `loss%2Fdense`.
    pub(super) fn flat_name(&self, graph: u32, op: u32) -> Vec<u8> {
        let Some((paths, nodes)) = self.paths(graph) else {
            return Vec::new();
        };
        let mut name = names::whole(nodes.name(op)).into_owned();
        if let Some(copy) = paths.copies.get(&op) {
            name.extend_from_slice(format!("%~{copy}").as_bytes());
        }
        name
    }

    /// The op of `list`, which is sorted by raw name, whose flat name is `name`; its place in the list.
    pub(super) fn find_flat(&self, graph: u32, list: &[u32], name: &[u8]) -> Option<usize> {
        let nodes = self.view(graph)?.nodes();
        let raw = names::decode(name);
        let at = raw.and_then(|raw| list.binary_search_by(|op| nodes.name(*op).cmp(&raw)).ok());
        match at {
            Some(at) if self.flat_name(graph, *list.get(at)?) == name => Some(at),
            // A cut name, or one of several equal ones.
            _ => list.iter().position(|op| self.flat_name(graph, *op) == name),
        }
    }

    /// The number of a function.
    pub(super) fn function_number(&self, name: &[u8]) -> Option<u32> {
        let functions = self.meta()?.functions();
        let at = functions.binary_search_by(|f| f.name().as_ref().cmp(name)).ok()?;
        u32::try_from(at).ok()
    }
}

impl OpPaths {
    fn new(nodes: &NodeIndex) -> Self {
        let mut copies = HashMap::new();
        let mut seen: HashMap<&[u8], u32> = HashMap::new();
        for op in nodes.duplicates() {
            let count = seen.entry(nodes.name(op)).or_insert(1);
            *count = count.saturating_add(1);
            copies.insert(op, *count);
        }
        let paths = Paths::new(nodes, false, |op, raw| {
            let copy = copies.get(&op);
            if copy.is_none() && names::is_plain(raw, false) {
                return None;
            }
            let mut path = names::path(raw, false);
            if let Some(copy) = copy {
                path.extend_from_slice(format!("%~{copy}").as_bytes());
            }
            Some(path)
        });
        Self { paths, copies }
    }
}
