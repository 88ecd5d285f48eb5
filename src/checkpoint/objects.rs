//! The objects of a TF2 checkpoint and the tensors that they save.

use std::collections::HashMap;
use std::collections::HashSet;
use std::ops::Range;

use bytes::Bytes;

use crate::error::Error;
use crate::error::Result;
use crate::graph::ObjectGraph;
use crate::tensor::TensorId;
use crate::tensor::TensorSet;
use crate::tensor::payload::Payload;

/// The key under which an object-based checkpoint has its object graph.
pub const KEY: &[u8] = b"_CHECKPOINTABLE_OBJECT_GRAPH";

/// The attribute that holds the value of a variable.
pub const VARIABLE_VALUE: &[u8] = b"VARIABLE_VALUE";

/// A tensor that an object saves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value {
    /// The tensor.
    pub tensor: TensorId,
    /// The object.
    pub node: u32,
    /// The number of its attribute.
    pub attribute: u32,
}

/// The objects.
#[derive(Debug)]
pub struct Objects {
    graph: ObjectGraph,
    values: Vec<Value>,
    /// The end of each object's values.
    ends: Vec<u32>,
    /// The first value that is a tensor.
    of_tensor: HashMap<TensorId, u32>,
    dangling: Vec<u32>,
    unnamed: Vec<TensorId>,
}

/// Tables and iterators save several tensors under what their attribute's key starts with; more than this
/// many nobody has.
const PARTS: usize = 64;

impl Objects {
    /// Reads the objects of a bundle; `None` where it has none.
    pub fn read(bundle: &dyn TensorSet) -> Option<Result<Self>> {
        let id = bundle.find(KEY)?;
        Some(Self::wire(bundle, id).and_then(|wire| Ok(Self::new(bundle, ObjectGraph::decode(wire)?))))
    }

    fn wire(bundle: &dyn TensorSet, id: TensorId) -> Result<Bytes> {
        let Payload::Strings(table) = bundle.payload(id)? else {
            return Err(Error::corrupt("the object graph is not a string"));
        };
        let Some(Some(extent)) = table.string(0) else {
            return Ok(Bytes::new());
        };
        let len = usize::try_from(extent.len()).ok();
        let Some(len) = len.filter(|len| *len <= crate::graph::MAX_OBJECT_GRAPH) else {
            return Err(Error::unsupported(format!(
                "an object graph of {} bytes is too large",
                extent.len()
            )));
        };
        let mut wire = vec![0; len];
        extent.read(0, &mut wire)?;
        Ok(wire.into())
    }

    fn new(bundle: &dyn TensorSet, graph: ObjectGraph) -> Self {
        let all = 0..graph.len();
        let attributes = all.clone().flat_map(|node| graph.attribute_numbers(node));
        let exact: HashSet<TensorId> = attributes
            .filter_map(|number| bundle.find(graph.attribute(number)?.key))
            .collect();
        let mut objects = Self {
            values: Vec::new(),
            ends: Vec::new(),
            of_tensor: HashMap::new(),
            dangling: Vec::new(),
            unnamed: Vec::new(),
            graph,
        };
        for node in all {
            for number in objects.graph.attribute_numbers(node) {
                let Some(attribute) = objects.graph.attribute(number) else {
                    continue;
                };
                let tensors = match bundle.find(attribute.key) {
                    Some(tensor) => vec![tensor],
                    None => parts(bundle, attribute.key)
                        .filter(|tensor| !exact.contains(tensor))
                        .collect(),
                };
                if tensors.is_empty() {
                    objects.dangling.push(number);
                }
                for tensor in tensors {
                    let at = u32::try_from(objects.values.len()).unwrap_or(u32::MAX);
                    objects.of_tensor.entry(tensor).or_insert(at);
                    objects.values.push(Value {
                        tensor,
                        node,
                        attribute: number,
                    });
                }
            }
            objects
                .ends
                .push(u32::try_from(objects.values.len()).unwrap_or(u32::MAX));
        }
        objects.unnamed = bundle
            .ids()
            .filter(|id| bundle.key(*id) != KEY && !objects.of_tensor.contains_key(id))
            .collect();
        objects
    }

    /// The objects alone.
    pub fn graph(&self) -> &ObjectGraph {
        &self.graph
    }

    /// The numbers of the tensors that an object saves.
    pub fn value_numbers(&self, node: u32) -> Range<u32> {
        let end = self.ends.get(node as usize).copied().unwrap_or(0);
        let before = (node as usize).checked_sub(1).and_then(|n| self.ends.get(n));
        before.copied().unwrap_or(0)..end
    }

    /// A saved tensor by its number.
    pub fn value(&self, number: u32) -> Option<Value> {
        self.values.get(number as usize).copied()
    }

    /// The tensors that an object saves.
    pub fn values(&self, node: u32) -> impl Iterator<Item = Value> {
        self.value_numbers(node).filter_map(|number| self.value(number))
    }

    /// The value of an object that is a variable.
    pub fn variable(&self, node: u32) -> Option<TensorId> {
        let mut values = self.values(node);
        let value = values.find(|value| self.is_variable(*value))?;
        Some(value.tensor)
    }

    /// Whether a value is that of a variable.
    pub fn is_variable(&self, value: Value) -> bool {
        let attribute = self.graph.attribute(value.attribute);
        attribute.is_some_and(|attribute| attribute.name == VARIABLE_VALUE)
    }

    /// Which object saves a tensor, and as what.
    pub fn value_of(&self, tensor: TensorId) -> Option<Value> {
        self.value(*self.of_tensor.get(&tensor)?)
    }

    /// The attribute that is saved as a tensor.
    pub fn attribute_of(&self, tensor: TensorId) -> Option<crate::graph::ObjectAttribute<'_>> {
        self.graph.attribute(self.value_of(tensor)?.attribute)
    }

    /// The keys of attributes that the index does not have: variables without a value.
    pub fn dangling(&self) -> impl Iterator<Item = &[u8]> {
        let key = |number: &u32| self.graph.attribute(*number).map(|attribute| attribute.key);
        self.dangling.iter().filter_map(key)
    }

    /// Tensors that no object saves.
    pub fn unnamed(&self) -> &[TensorId] {
        &self.unnamed
    }
}

/// The tensors whose key is `key` and more of the same component: `.../table-keys`, `.../ITERATOR_STATE`.
fn parts(bundle: &dyn TensorSet, key: &[u8]) -> impl Iterator<Item = TensorId> {
    let (mut low, mut high) = (0, bundle.len());
    while low < high {
        let middle = low.midpoint(high);
        if bundle.key(TensorId(middle)) < key {
            low = middle.saturating_add(1);
        } else {
            high = middle;
        }
    }
    let is_attribute = key.windows(13).any(|window| window == b"/.ATTRIBUTES/");
    let first = if is_attribute { low } else { bundle.len() };
    let rest = move |id: &TensorId| bundle.key(*id).strip_prefix(key);
    (first..bundle.len())
        .map(TensorId)
        .take(PARTS)
        .take_while(move |id| rest(id).is_some())
        .filter(move |id| rest(id).is_some_and(|rest| !rest.contains(&b'/')))
}
