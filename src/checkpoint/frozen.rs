//! The tensors of a frozen graph: its constants that are weights.
//!
//! Freezing turns variables into Consts of the same name, among many small ones: shapes, axes, steps. A weight is
//! taken to be a Const of numbers with more than [`SMALL`] elements; every Const, small or not, has
//! `@value.npy` in ops/. Which they are is found out at first need, from the heads of the tensors.

use std::sync::Arc;
use std::sync::OnceLock;

use crate::error::Error;
use crate::error::Result;
use crate::graph::ConstData;
use crate::graph::GraphFile;
use crate::graph::GraphView;
use crate::graph::Stored;
use crate::source::Extent;
use crate::source::MemorySource;
use crate::tensor::DType;
use crate::tensor::Endianness;
use crate::tensor::Shape;
use crate::tensor::TensorId;
use crate::tensor::TensorSet;
use crate::tensor::payload::Payload;
use crate::tensor::set::Entry;
use crate::tensor::set::Problem;

/// Constants of no more elements are parameters of ops, not weights.
pub const SMALL: u64 = 16;

/// The weights of a frozen graph.
#[derive(Debug)]
pub struct Frozen {
    file: Arc<GraphFile>,
    weights: OnceLock<Vec<Weight>>,
}

#[derive(Debug)]
struct Weight {
    op: u32,
    dtype: DType,
    shape: Shape,
    stored: u64,
}

static NO_SHAPE: Shape = Shape(Vec::new());

impl Frozen {
    /// The weights of the first graph of `file`. Reads nothing.
    pub fn new(file: Arc<GraphFile>) -> Self {
        Self {
            file,
            weights: OnceLock::new(),
        }
    }

    fn graph(&self) -> Option<GraphView<'_>> {
        Some(self.file.meta_graphs.first()?.graph())
    }

    fn weights(&self) -> &[Weight] {
        self.weights.get_or_init(|| {
            let Some(graph) = self.graph() else {
                return Vec::new();
            };
            let nodes = graph.nodes();
            let weight = |op: &u32| {
                // A Const that cannot be read says so in ops/.
                let head = graph.const_head(*op).ok()?;
                let dtype = DType(head.dtype);
                (dtype.width().is_some() && head.elements > SMALL).then_some(Weight {
                    op: *op,
                    dtype,
                    shape: Shape(head.shape),
                    stored: head.stored,
                })
            };
            let mut weights: Vec<Weight> = nodes.of_type(b"Const").iter().filter_map(weight).collect();
            weights.sort_by(|a, b| nodes.name(a.op).cmp(nodes.name(b.op)));
            weights.dedup_by(|a, b| nodes.name(a.op) == nodes.name(b.op));
            weights
        })
    }

    fn weight(&self, id: TensorId) -> Option<&Weight> {
        self.weights().get(id.0 as usize)
    }

    fn read(&self, weight: &Weight) -> Result<Payload> {
        let meta = self.file.meta_graphs.first().ok_or_else(no_tensor)?;
        let source = meta.source();
        let value = meta.graph().const_value(weight.op)?;
        let ConstData::Fixed { stored, fill, .. } = value.data else {
            return Err(no_tensor());
        };
        let stored = match stored {
            _ if stored.is_empty() => None,
            Stored::File(extent) => Some(Extent::new(source.clone(), extent.offset, extent.len)?),
            Stored::Memory(bytes) => {
                let len = bytes.len() as u64;
                let memory = MemorySource::new(source.path(), bytes, source.stat());
                Some(Extent::new(Arc::new(memory), 0, len)?)
            }
        };
        Ok(match fill.is_empty() {
            true => Payload::Whole(stored),
            false => Payload::Filled {
                stored,
                fill: fill.to_vec(),
            },
        })
    }
}

fn no_tensor() -> Error {
    Error::not_found("no such tensor")
}

impl TensorSet for Frozen {
    fn len(&self) -> u32 {
        u32::try_from(self.weights().len()).unwrap_or(u32::MAX)
    }

    fn key(&self, id: TensorId) -> &[u8] {
        match (self.graph(), self.weight(id)) {
            (Some(graph), Some(weight)) => graph.nodes().name(weight.op),
            _ => &[],
        }
    }

    fn find(&self, key: &[u8]) -> Option<TensorId> {
        let nodes = self.graph()?.nodes();
        let found = self.weights().binary_search_by(|w| nodes.name(w.op).cmp(key));
        Some(TensorId(u32::try_from(found.ok()?).ok()?))
    }

    fn entry(&self, id: TensorId) -> Entry<'_> {
        let weight = self.weight(id);
        Entry {
            dtype: weight.map_or(DType(0), |weight| weight.dtype),
            shape: weight.map_or(&NO_SHAPE, |weight| &weight.shape),
            place: None,
            slices: &[],
        }
    }

    /// Bytes of the message that holds it.
    fn stored(&self, id: TensorId) -> u64 {
        self.weight(id).map_or(0, |weight| weight.stored)
    }

    fn endianness(&self) -> Endianness {
        Endianness::Little
    }

    fn payload(&self, id: TensorId) -> Result<Payload> {
        let weight = self.weight(id).ok_or_else(no_tensor)?;
        self.read(weight)
            .map_err(|e| e.context(format_args!("tensor {}", String::from_utf8_lossy(self.key(id)))))
    }

    fn problems(&self) -> Vec<Problem> {
        Vec::new()
    }
}
