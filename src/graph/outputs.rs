//! The outputs of a node: how many, their types, their shapes.
//!
//! No file says it outright. In this order: the op list of the file; the signature, where the op type
//! is a function of the file; the built-in table; else the length of `_output_shapes`; else, for op
//! types nobody knows, what the consumers use. Shapes come from `_output_shapes`, which TensorFlow
//! writes with `add_shapes` (format.md 5.3), or from the `shape` or `value` of ops that have them.

use bytes::Bytes;

use super::dtype;
use super::node::Node;
use super::node::Slot;
use super::op_table;
use super::signature::MAX_OUTPUTS;
use super::signature::OpSignature;
use super::view::GraphView;
use crate::error::Result;
use crate::proto::tensorflow::TensorShapeProto;
use crate::proto::tensorflow::attr_value::Value;

/// The shape of a tensor as far as the graph knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartialShape {
    /// Not even the rank is known.
    Unknown,
    /// The dimensions; -1 is one not known.
    Dims(Vec<i64>),
}

impl PartialShape {
    pub(crate) fn new(shape: &TensorShapeProto) -> Self {
        if shape.unknown_rank {
            return PartialShape::Unknown;
        }
        PartialShape::Dims(shape.dim.iter().map(|d| d.size).collect())
    }
}

/// One output of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The output argument of the op it belongs to, which may be several outputs; empty if not known.
    pub arg: Bytes,
    /// The DataType number of its elements; 0 if not known.
    pub dtype: u32,
    /// Whether it is a mutable reference, as TF1 variables put out.
    pub is_ref: bool,
    /// The shape; `None` where the graph says nothing of it.
    pub shape: Option<PartialShape>,
}

impl Output {
    /// TensorFlow's name of the type, `float32_ref` for references; `None` if not known.
    pub fn dtype_name(&self) -> Option<String> {
        let suffix = if self.is_ref { "_ref" } else { "" };
        (self.dtype != 0).then(|| format!("{}{suffix}", dtype::dtype_name(self.dtype)))
    }
}

/// The outputs of `node` in `view`.
pub(crate) fn outputs(view: GraphView<'_>, node: &Node) -> Result<Vec<Output>> {
    let shapes = output_shapes(view, node)?;
    let mut outputs: Vec<Output> = match from_signature(view, node)? {
        Some(outputs) => outputs
            .into_iter()
            .map(|(arg, dtype, is_ref)| Output {
                arg,
                dtype,
                is_ref,
                shape: None,
            })
            .collect(),
        None => {
            let count = match &shapes {
                Some(shapes) => shapes.len(),
                None => {
                    let used = view.consumers_of_all()?.used_outputs(node.id);
                    usize::try_from(used).unwrap_or(MAX_OUTPUTS).min(MAX_OUTPUTS)
                }
            };
            let unknown = Output {
                arg: Bytes::new(),
                dtype: 0,
                is_ref: false,
                shape: None,
            };
            vec![unknown; count]
        }
    };
    for (output, shape) in outputs.iter_mut().zip(shapes.unwrap_or_default()) {
        output.shape = Some(shape);
    }
    if let [only] = outputs.as_mut_slice()
        && only.shape.is_none()
    {
        only.shape = own_shape(view, node)?;
    }
    Ok(outputs)
}

/// Argument names, types and references, where the op type is known.
fn from_signature(view: GraphView<'_>, node: &Node) -> Result<Option<Vec<(Bytes, u32, bool)>>> {
    let evaluate = |signature: &OpSignature| {
        signature
            .outputs(|name| view.attr(node, name))
            .map(Some)
            .map_err(|e| {
                e.context(format_args!("node {:?}", String::from_utf8_lossy(&node.name)))
                    .at(view.meta_graph().source().path())
                    .offset(node.extent.offset)
            })
    };
    // An op list that cannot be read leaves the other ways.
    if let Some(signature) = view.meta_graph().ops().ok().and_then(|ops| ops.get(&node.op)) {
        return evaluate(signature);
    }
    if let Some(function) = view.meta_graph().function(&node.op) {
        return evaluate(function.outputs()?);
    }
    match op_table::get(&node.op) {
        Some(signature) => evaluate(signature),
        None => Ok(None),
    }
}

/// The attribute `_output_shapes`.
fn output_shapes(view: GraphView<'_>, node: &Node) -> Result<Option<Vec<PartialShape>>> {
    Ok(match view.attr(node, b"_output_shapes")?.and_then(|v| v.value) {
        Some(Value::List(list)) => Some(list.shape.iter().map(PartialShape::new).collect()),
        _ => None,
    })
}

/// The shape that an op of one output carries itself.
fn own_shape(view: GraphView<'_>, node: &Node) -> Result<Option<PartialShape>> {
    let name: &[u8] = match &node.op[..] {
        b"Const" => b"value",
        b"Variable" | b"VariableV2" | b"TemporaryVariable" | b"Placeholder" | b"PlaceholderWithDefault" => {
            b"shape"
        }
        b"VarHandleOp" => return Ok(Some(PartialShape::Dims(Vec::new()))),
        _ => return Ok(None),
    };
    Ok(match view.attr(node, name)?.and_then(|v| v.value) {
        Some(Value::Shape(shape)) => Some(PartialShape::new(&shape)),
        Some(Value::Tensor(tensor)) => {
            let shape = tensor.tensor_shape.unwrap_or_default();
            Some(PartialShape::new(&shape))
        }
        _ => None,
    })
}

impl<'a> GraphView<'a> {
    /// The outputs of a node. For an op type that nobody knows the first call reads the inputs of all
    /// nodes; otherwise the node is enough.
    pub fn outputs(self, id: u32) -> Result<Vec<Output>> {
        outputs(self, &self.node(id)?)
    }

    /// As [`GraphView::outputs`], of a node that is read already.
    pub fn outputs_of(self, node: &Node) -> Result<Vec<Output>> {
        outputs(self, node)
    }

    /// The number of the output of `id` that `slot` takes; `None` where a named output is not known.
    pub fn output_number(self, id: u32, slot: &Slot) -> Result<Option<u32>> {
        match slot {
            Slot::Index(i) => Ok(Some(*i)),
            Slot::Named(arg, i) => {
                let outputs = self.outputs(id)?;
                if let Some(first) = outputs.iter().position(|o| o.arg == arg) {
                    return Ok(u32::try_from(first).ok().and_then(|first| first.checked_add(*i)));
                }
                // A single output argument needs no name.
                let nameless = outputs.iter().all(|o| o.arg.is_empty());
                Ok((nameless && outputs.len() <= 1).then_some(*i))
            }
        }
    }
}
