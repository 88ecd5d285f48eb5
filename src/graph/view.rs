//! A graph or a function body with all that is needed to ask about its nodes.
//!
//! [`Graph`] owns an index and its consumers; [`GraphView`] ties it to the MetaGraph it lies in, which
//! has the op list, the functions and the file. Views are two pointers and a function: copy them.

use std::sync::OnceLock;

use prost::Message;

use super::abridge::Omitted;
use super::abridge::Part;
use super::abridge::abridge;
use super::constant;
use super::constant::ConstHead;
use super::constant::ConstValue;
use super::consumers::Consumers;
use super::cursor::Extent;
use super::cursor::NARROW;
use super::cursor::Value;
use super::cursor::for_each_field;
use super::function::Function;
use super::index::NodeIndex;
use super::meta_graph::MetaGraph;
use super::node;
use super::node::Input;
use super::node::Node;
use super::node::Target;
use crate::error::Error;
use crate::error::Result;
use crate::proto::tensorflow::AttrValue;
use crate::proto::tensorflow::NodeDef;
use crate::source::Source;

/// The nodes of a graph or function body.
#[derive(Debug)]
pub(crate) struct Graph {
    nodes: NodeIndex,
    problems: Vec<Error>,
    consumers: OnceLock<Result<Consumers>>,
}

impl Graph {
    pub(crate) fn new(nodes: NodeIndex, problems: Vec<Error>) -> Self {
        Self {
            nodes,
            problems,
            consumers: OnceLock::new(),
        }
    }

    pub(crate) fn nodes(&self) -> &NodeIndex {
        &self.nodes
    }

    pub(crate) fn problems(&self) -> &[Error] {
        &self.problems
    }
}

/// A graph or function body in its MetaGraph.
#[derive(Debug, Clone, Copy)]
pub struct GraphView<'a> {
    meta: &'a MetaGraph,
    graph: &'a Graph,
    function: Option<&'a Function>,
}

impl<'a> GraphView<'a> {
    pub(crate) fn new(meta: &'a MetaGraph, graph: &'a Graph, function: Option<&'a Function>) -> Self {
        Self {
            meta,
            graph,
            function,
        }
    }

    /// The MetaGraph it lies in.
    pub fn meta_graph(self) -> &'a MetaGraph {
        self.meta
    }

    /// The function whose body it is; `None` for the graph itself.
    pub fn function(self) -> Option<&'a Function> {
        self.function
    }

    /// Names, op types and places of its nodes.
    pub fn nodes(self) -> &'a NodeIndex {
        &self.graph.nodes
    }

    /// What is wrong with it.
    pub fn problems(self) -> &'a [Error] {
        &self.graph.problems
    }

    fn source(self) -> &'a dyn Source {
        self.meta.source().as_ref()
    }

    /// Where the NodeDef of a node lies.
    pub fn extent(self, id: u32) -> Result<Extent> {
        self.nodes()
            .extent(id)
            .ok_or_else(|| Error::not_found(format!("no node {id} in the graph")).at(self.source().path()))
    }

    /// Reads a node and looks its inputs up.
    pub fn node(self, id: u32) -> Result<Node> {
        let mut node = node::read(self.source(), id, self.extent(id)?, self.function.is_some())?;
        for input in &mut node.inputs {
            input.target = self.target(input);
        }
        Ok(node)
    }

    fn target(self, input: &Input) -> Target {
        if let Some(id) = self.nodes().find(&input.name) {
            return Target::Node(id);
        }
        let argument = self.function.filter(|_| !input.control);
        match argument.and_then(|f| f.argument(&input.name)) {
            Some(i) => Target::Argument(i),
            None => Target::Missing,
        }
    }

    /// The wire bytes of a NodeDef without the elements of large tensors, and which were left out.
    pub fn abridged(self, id: u32) -> Result<(Vec<u8>, Vec<Omitted>)> {
        abridge(self.source(), Part::Node, self.extent(id)?)
    }

    /// A NodeDef, decoded, without the elements of large tensors.
    pub fn node_def(self, id: u32) -> Result<NodeDef> {
        let extent = self.extent(id)?;
        let (bytes, _) = abridge(self.source(), Part::Node, extent)?;
        NodeDef::decode(bytes.as_slice()).map_err(|e| {
            Error::corrupt(format!(
                "node {:?}: {e}",
                String::from_utf8_lossy(self.nodes().name(id))
            ))
            .at(self.source().path())
            .offset(extent.offset)
        })
    }

    /// An attribute of a node, decoded, without the elements of large tensors; `None` where the node
    /// does not have it.
    pub fn attr(self, node: &Node, name: &[u8]) -> Result<Option<AttrValue>> {
        match node.attr(name) {
            Some(extent) => self.meta.attr_value(extent).map(Some),
            None => Ok(None),
        }
    }

    pub(crate) fn consumers_of_all(self) -> Result<&'a Consumers> {
        self.graph
            .consumers
            .get_or_init(|| {
                Consumers::new(self.source(), &self.graph.nodes, self.function.is_some())
                    .inspect_err(|e| log::warn!("who consumes what: {e}"))
            })
            .as_ref()
            .map_err(Clone::clone)
    }

    /// The nodes that take an output of this one, each once, by name. The first call reads the inputs
    /// of all nodes.
    pub fn consumers(self, id: u32) -> Result<&'a [u32]> {
        Ok(self.consumers_of_all()?.data(id))
    }

    /// The nodes that wait for this one (`^node`), each once, by name.
    pub fn control_consumers(self, id: u32) -> Result<&'a [u32]> {
        Ok(self.consumers_of_all()?.control(id))
    }

    /// Whether the consumers are known already, so that asking for them is quick.
    pub fn has_consumers(self) -> bool {
        self.graph.consumers.get().is_some()
    }

    /// Bytes in use for consumers, if they were asked for.
    pub fn consumer_memory(self) -> usize {
        match self.graph.consumers.get() {
            Some(Ok(consumers)) => consumers.memory(),
            _ => 0,
        }
    }

    /// The tensor in attribute `value` of a node: what a Const holds.
    pub fn const_value(self, id: u32) -> Result<ConstValue> {
        self.constant(id, constant::read)
    }

    /// What a Const is, without reading its elements.
    pub fn const_head(self, id: u32) -> Result<ConstHead> {
        self.constant(id, constant::read_head)
    }

    fn constant<T>(self, id: u32, read: impl Fn(&dyn Source, Extent) -> Result<T>) -> Result<T> {
        let node = node::read(self.source(), id, self.extent(id)?, self.function.is_some())?;
        let name = String::from_utf8_lossy(&node.name).into_owned();
        let tensor = match node.attr(b"value") {
            Some(attr) => self.tensor_attr(attr)?,
            None => None,
        };
        let Some(tensor) = tensor else {
            return Err(Error::not_found(format!("op {name:?} holds no tensor"))
                .at(self.source().path())
                .offset(node.extent.offset));
        };
        read(self.source(), tensor).map_err(|e| e.context(format_args!("op {name:?}")))
    }

    /// Where the TensorProto in the AttrValue at `extent` lies: field 8.
    fn tensor_attr(self, extent: Extent) -> Result<Option<Extent>> {
        let mut tensor = None;
        for_each_field(self.source(), extent, NARROW, |_, number, value| {
            // A oneof: what comes last counts.
            tensor = match (number, value) {
                (8, Value::Len(payload)) => Some(payload),
                (1..=10, _) => None,
                _ => tensor,
            };
            Ok(())
        })?;
        Ok(tensor)
    }
}
