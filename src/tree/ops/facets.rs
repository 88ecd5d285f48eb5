//! What is in the directories of an op.

use super::Ops;
use super::links::inputs;
use crate::error::Result;
use crate::graph;
use crate::graph::Node as OpNode;
use crate::proto::tensorflow::attr_value::Value;
use crate::tensor::DType;
use crate::tensor::dtype::Layout;
use crate::tree::branch::Child;
use crate::tree::branch::Emit;
use crate::tree::facet::Facet;
use crate::tree::ids::Node;
use crate::tree::names;
use crate::tree::tensors::element_index;
use crate::tree::view::Kind;

/// A file, directory or link of an op.
type Part = (Vec<u8>, Node, Kind);

/// A function that an op calls.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Call {
    /// The file name: the attribute that names the function, `type` where the op type itself does.
    pub(super) file: Vec<u8>,
    /// The raw name of the function.
    pub(super) name: Vec<u8>,
    /// Its number; `None` for one that the library does not have.
    pub(super) function: Option<u32>,
}

/// What is in @inputs or @control_inputs, and whether these are control inputs.
fn input_facet(dir: Facet) -> (Facet, bool) {
    match dir {
        Facet::ControlInputs => (Facet::ControlInput, true),
        _ => (Facet::Input, false),
    }
}

impl Ops {
    /// The entries of an op directory that start with `@`, sorted. What an op does not have is absent.
    fn op_parts(&self, dir: Node) -> Result<Vec<Part>> {
        let view = self.view(dir)?;
        let op = self.op(dir)?;
        let mut parts: Vec<(&str, Facet, Kind)> = Vec::with_capacity(12);
        if !op.attrs.is_empty() {
            parts.push(("@attrs", Facet::Attrs, Kind::Directory));
        }
        if !view.consumers(op.id)?.is_empty() || !view.control_consumers(op.id)?.is_empty() {
            parts.push(("@consumers", Facet::Consumers, Kind::Directory));
        }
        if op.inputs.iter().any(|input| input.control) {
            parts.push(("@control_inputs", Facet::ControlInputs, Kind::Directory));
        }
        if !op.device.is_empty() {
            parts.push(("@device", Facet::OpDevice, Kind::File));
        }
        if !self.calls(dir)?.is_empty() {
            parts.push(("@function", Facet::Calls, Kind::Directory));
        }
        if op.data_inputs().next().is_some() {
            parts.push(("@inputs", Facet::Inputs, Kind::Directory));
        }
        if !op.inputs.is_empty() {
            parts.push(("@inputs.txt", Facet::InputsText, Kind::File));
        }
        parts.push(("@node.pbtxt", Facet::OpNode, Kind::File));
        if !view.outputs_of(&op)?.is_empty() {
            parts.push(("@outputs", Facet::Outputs, Kind::Directory));
        }
        parts.push(("@type", Facet::OpType, Kind::File));
        if let Some((facet, kind)) = self.value_facet(dir, &op)? {
            parts.push(("@value.npy", facet, kind));
        }
        let part =
            |(name, facet, kind): (&str, Facet, Kind)| (name.as_bytes().to_vec(), dir.facet(facet, 0), kind);
        Ok(parts.into_iter().map(part).collect())
    }

    /// Whether an op has a `@value.npy`: a constant of its own, or a variable the tensor of which is there.
    fn value_facet(&self, dir: Node, op: &OpNode) -> Result<Option<(Facet, Kind)>> {
        if op.attr(b"value").is_some() && matches!(&op.op[..], b"Const" | b"HostConst") {
            let dtype = match self.view(dir)?.attr(op, b"dtype")?.and_then(|attr| attr.value) {
                Some(Value::Type(dtype)) => DType(u32::try_from(dtype).unwrap_or(0)),
                _ => return Ok(None),
            };
            let array = !matches!(dtype.layout(), Layout::None | Layout::Variants);
            return Ok(array.then_some((Facet::ConstValue, Kind::File)));
        }
        let variable = self
            .variable_path(dir)
            .map(|_| (Facet::VariableValue, Kind::Link));
        Ok(variable)
    }

    /// The path of the tensor of a variable op, from the root.
    pub(super) fn variable_path(&self, node: Node) -> Option<Vec<u8>> {
        let meta = self.graph.meta().filter(|_| node.graph == 0)?;
        if !graph::is_variable_op(meta.graph().nodes().op(node.item)) {
            return None;
        }
        let tensors = self.tensors.as_deref()?;
        let key = meta.savers().key_of(node.item)?;
        Some(tensors.path(tensors.set().find(&key.key)?))
    }

    /// The functions that an op calls, by file name.
    pub(super) fn calls(&self, node: Node) -> Result<Vec<Call>> {
        let meta = self.graph.meta();
        let mut calls = Vec::new();
        if meta.is_none_or(|meta| meta.functions().is_empty()) {
            return Ok(calls);
        }
        let view = self.view(node)?;
        let op = view.node(node.item)?;
        let call = |file: Vec<u8>, name: &[u8]| Call {
            file,
            name: name.to_vec(),
            function: self.graph.function_number(name),
        };
        if self.graph.function_number(&op.op).is_some() {
            calls.push(call(b"type".to_vec(), &op.op));
        }
        for attr in &op.attrs {
            // Only small values can be function names; a tensor is not decoded for this.
            let Some(value) = view.attr(&op, &attr.name)?.and_then(|value| value.value) else {
                continue;
            };
            let name = names::whole(&attr.name).into_owned();
            match value {
                Value::Func(f) => calls.push(call(name, &f.name)),
                Value::List(list) => {
                    for (i, f) in list.func.iter().enumerate() {
                        let name = [name.as_slice(), format!(".{i}").as_bytes()].concat();
                        calls.push(call(name, &f.name));
                    }
                }
                _ => {}
            }
        }
        calls.sort();
        Ok(calls)
    }

    /// The consumers of an op: those that take its outputs, then those that wait for it.
    pub(super) fn consumer(&self, node: Node) -> Result<Option<(u32, bool)>> {
        let view = self.view(node)?;
        let data = view.consumers(node.item)?;
        let at = node.sub as usize;
        if let Some(op) = data.get(at) {
            return Ok(Some((*op, false)));
        }
        let control = view.control_consumers(node.item)?;
        Ok(control.get(at.saturating_sub(data.len())).map(|op| (*op, true)))
    }

    /// Numbered children.
    fn numbered(dir: Node, facet: Facet, count: usize, kind: Kind) -> Vec<Part> {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        (0..count)
            .map(|i| (i.to_string().into_bytes(), dir.facet(facet, i), kind))
            .collect()
    }

    /// Lists the inputs of an op. Thousands take many requests, each of which makes its own part only.
    fn list_inputs(&self, dir: Node, after: u64, emit: Emit<'_>) -> Result<()> {
        let (facet, control) = input_facet(dir.facet);
        let op = self.op(dir)?;
        let skipped = usize::try_from(after).unwrap_or(usize::MAX);
        for (at, input) in (0u32..).zip(inputs(&op, control)).skip(skipped) {
            let node = dir.facet(facet, at);
            let name = at.to_string();
            let child = Child {
                node,
                kind: self.input_link(node, input)?.kind(),
                name: name.as_bytes(),
                cookie: u64::from(at).saturating_add(1),
            };
            if !emit(child) {
                break;
            }
        }
        Ok(())
    }

    /// Everything in a directory of an op but child ops and inputs.
    fn parts(&self, dir: Node) -> Result<Vec<Part>> {
        Ok(match dir.facet {
            Facet::Op => self.op_parts(dir)?,
            Facet::Attrs => {
                let op = self.op(dir)?;
                let part = |(i, attr): (u32, &graph::Attr)| {
                    (
                        names::whole(&attr.name).into_owned(),
                        dir.facet(Facet::Attr, i),
                        Kind::File,
                    )
                };
                (0u32..).zip(&op.attrs).map(part).collect()
            }
            Facet::Outputs => {
                let count = self.view(dir)?.outputs(dir.item)?.len();
                Self::numbered(dir, Facet::Output, count, Kind::Directory)
            }
            Facet::Output => {
                let outputs = self.view(dir)?.outputs(dir.item)?;
                let output = outputs.get(dir.sub as usize);
                let mut parts = vec![(b"@op".to_vec(), dir.facet(Facet::OutputOp, dir.sub), Kind::Link)];
                if output.is_some_and(|o| o.dtype != 0) {
                    parts.push((
                        b"dtype".to_vec(),
                        dir.facet(Facet::OutputDtype, dir.sub),
                        Kind::File,
                    ));
                }
                if output.is_some_and(|o| o.shape.is_some()) {
                    parts.push((
                        b"shape".to_vec(),
                        dir.facet(Facet::OutputShape, dir.sub),
                        Kind::File,
                    ));
                }
                parts
            }
            Facet::Consumers => {
                let view = self.view(dir)?;
                let data = view.consumers(dir.item)?.iter().map(|op| (*op, false));
                let control = view.control_consumers(dir.item)?.iter().map(|op| (*op, true));
                let part = |(i, (op, control)): (u32, (u32, bool))| {
                    (
                        self.consumer_name(dir.graph, op, control),
                        dir.facet(Facet::Consumer, i),
                        Kind::Link,
                    )
                };
                (0u32..).zip(data.chain(control)).map(part).collect()
            }
            Facet::Calls => {
                let calls = self.calls(dir)?;
                let part = |(i, call): (u32, Call)| {
                    let kind = if call.function.is_some() {
                        Kind::Link
                    } else {
                        Kind::File
                    };
                    (call.file, dir.facet(Facet::Call, i), kind)
                };
                (0u32..).zip(calls).map(part).collect()
            }
            _ => Vec::new(),
        })
    }

    /// `loss%2Fmul`, or `^loss%2Fmul` for an op that only waits.
    fn consumer_name(&self, graph: u32, op: u32, control: bool) -> Vec<u8> {
        let name = self.graph.flat_name(graph, op);
        if control {
            [b"^", name.as_slice()].concat()
        } else {
            name
        }
    }

    /// The entry `name` of a directory of an op.
    pub(super) fn facet(&self, dir: Node, name: &[u8]) -> Result<Option<Node>> {
        // Long lists are searched without being made.
        match dir.facet {
            Facet::Inputs | Facet::ControlInputs => {
                let index = element_index(name);
                let (facet, control) = input_facet(dir.facet);
                let count = inputs(&*self.op(dir)?, control).count();
                let found = index.filter(|index| (*index as usize) < count);
                return Ok(found.map(|index| dir.facet(facet, index)));
            }
            Facet::Consumers => {
                let view = self.view(dir)?;
                let data = view.consumers(dir.item)?;
                let (list, skip, name) = match name.strip_prefix(b"^") {
                    Some(name) => (view.control_consumers(dir.item)?, data.len(), name),
                    None => (data, 0, name),
                };
                let at = self.graph.find_flat(dir.graph, list, name);
                let sub = at.and_then(|at| u32::try_from(at.saturating_add(skip)).ok());
                return Ok(sub.map(|sub| dir.facet(Facet::Consumer, sub)));
            }
            _ => {}
        }
        let parts = self.parts(dir)?;
        Ok(parts
            .into_iter()
            .find(|(part, ..)| part == name)
            .map(|(_, node, _)| node))
    }

    /// Lists a directory of an op, child ops left out.
    pub(super) fn list_facet(&self, dir: Node, after: u64, emit: Emit<'_>) -> Result<()> {
        if matches!(dir.facet, Facet::Inputs | Facet::ControlInputs) {
            return self.list_inputs(dir, after, emit);
        }
        for (cookie, (name, node, kind)) in (1u64..).zip(self.parts(dir)?) {
            let child = Child {
                node,
                kind,
                name: &name,
                cookie,
            };
            if cookie > after && !emit(child) {
                break;
            }
        }
        Ok(())
    }
}
