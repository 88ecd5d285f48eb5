//! From tensors that are saved to the variables they come from.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::HashSet;

use bytes::Bytes;
use prost::Message;

use super::collection::Item;
use super::function::Function;
use super::meta_graph::MetaGraph;
use super::node::Node;
use super::node::RawSlot;
use super::node::Target;
use super::node::split_input;
use super::saver::Saver;
use super::saver::SaverEntry;
use super::view::GraphView;
use crate::error::Error;
use crate::error::Result;
use crate::proto::tensorflow::AttrValue;
use crate::proto::tensorflow::SaveSliceInfoDef;
use crate::proto::tensorflow::SaverDef;
use crate::proto::tensorflow::VariableDef;
use crate::proto::tensorflow::attr_value::Value;

/// Under which key of a checkpoint a variable is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariableKey {
    /// The raw key.
    pub key: Bytes,
    /// Which part of the key's tensor it is, `10 4 0,5:-`; empty for all of it.
    pub slice: Bytes,
}

/// Op types whose output is a variable or its handle.
const VARIABLES: [&[u8]; 5] = [
    b"VariableV2",
    b"Variable",
    b"VarHandleOp",
    b"TemporaryVariable",
    b"AutoReloadVariable",
];

/// Op types that pass the value of their first input on, so that it may be saved in their place.
const PASSING: [&[u8]; 12] = [
    b"Identity",
    b"ReadVariableOp",
    b"Cast",
    b"RefIdentity",
    b"Snapshot",
    b"StopGradient",
    b"Copy",
    b"CopyHost",
    b"Enter",
    b"RefEnter",
    b"DisableCopyOnRead",
    b"Reshape",
];

/// How much reading the search for savers may cost, in bytes: many ops that share one large constant,
/// or restore ops in a row, would otherwise make it the square of the file.
#[derive(Debug)]
pub(crate) struct Budget(Cell<u64>);

impl Budget {
    pub(crate) fn new(meta: &MetaGraph) -> Self {
        let file = meta.source().len().saturating_mul(4);
        Self(Cell::new(file.saturating_add(64 << 20)))
    }

    /// Takes what reading node `id` costs.
    pub(crate) fn spend(&self, view: GraphView<'_>, id: u32) -> Result<()> {
        self.take(view, view.extent(id)?.len.saturating_add(64))
    }

    /// Takes what keeping so many entries costs.
    pub(crate) fn keep(&self, view: GraphView<'_>, entries: u64) -> Result<()> {
        self.take(view, entries.saturating_mul(64))
    }

    fn take(&self, view: GraphView<'_>, cost: u64) -> Result<()> {
        match self.0.get().checked_sub(cost) {
            Some(left) => {
                self.0.set(left);
                Ok(())
            }
            None => Err(
                Error::unsupported("the savers refer to each other too often to follow")
                    .at(view.meta_graph().source().path()),
            ),
        }
    }
}

/// Which nodes of the main graph call which functions.
#[derive(Debug)]
pub(crate) struct Callers(HashMap<Bytes, u32>);

impl Callers {
    pub(crate) fn find(meta: &MetaGraph) -> Self {
        let view = meta.graph();
        let mut callers = HashMap::new();
        for op in [&b"StatefulPartitionedCall"[..], b"PartitionedCall"] {
            for id in view.nodes().of_type(op) {
                let Ok(node) = view.node(*id) else { continue };
                if let Ok(Some(AttrValue {
                    value: Some(Value::Func(f)),
                })) = view.attr(&node, b"f")
                {
                    callers.entry(f.name).or_insert(*id);
                }
            }
        }
        Self(callers)
    }

    /// The node that calls a function, by an attribute or by its op type.
    pub(crate) fn of(&self, view: GraphView<'_>, function: &[u8]) -> Option<u32> {
        let direct = || view.nodes().of_type(function).first().copied();
        self.0.get(function).copied().or_else(direct)
    }
}

/// How many ops a walk passes; savers in real graphs pass three.
const STEPS: usize = 64;

/// Whether nodes of an op type are variables.
pub fn is_variable_op(op: &[u8]) -> bool {
    VARIABLES.contains(&op)
}

/// The scope of a node's name: all before the last slash.
pub(crate) fn scope(name: &[u8]) -> &[u8] {
    let slash = name.iter().rposition(|b| *b == b'/').unwrap_or(0);
    name.get(..slash).unwrap_or_default()
}

/// The first node whose op type `wanted` says yes to, from `id` upwards through ops that pass values on.
pub(crate) fn upstream(
    view: GraphView<'_>,
    budget: &Budget,
    id: u32,
    wanted: impl Fn(&[u8]) -> bool,
) -> Option<u32> {
    match walk(view, budget, Target::Node(id), wanted) {
        Target::Node(id) => Some(id),
        _ => None,
    }
}

/// The variable that the value of `target` is.
pub(crate) fn upstream_variable(view: GraphView<'_>, budget: &Budget, target: Target) -> Option<u32> {
    match walk(view, budget, target, is_variable_op) {
        Target::Node(id) => Some(id),
        _ => None,
    }
}

/// Walks up to a wanted node or an argument of the function.
fn walk(view: GraphView<'_>, budget: &Budget, from: Target, wanted: impl Fn(&[u8]) -> bool) -> Target {
    let mut at = from;
    for _ in 0..STEPS {
        let Target::Node(id) = at else { return at };
        let op = view.nodes().op(id);
        if wanted(op) {
            return at;
        }
        if !PASSING.contains(&op) {
            return Target::Missing;
        }
        at = match budget.spend(view, id).and_then(|()| view.node(id)) {
            Ok(node) => node.data_inputs().next().map_or(Target::Missing, |i| i.target),
            Err(_) => Target::Missing,
        };
    }
    Target::Missing
}

/// The variable of the main graph that an entry of a saver in a function saves.
pub(crate) fn through_call(
    meta: &MetaGraph,
    budget: &Budget,
    function: &Function,
    caller: &Node,
    entry: &SaverEntry,
) -> Option<u32> {
    let Target::Argument(i) = walk(meta.body(function), budget, entry.tensor, |_| false) else {
        return None;
    };
    let input = caller.data_inputs().nth(i as usize)?;
    upstream_variable(meta.graph(), budget, input.target)
}

/// The variables that take the outputs of a restore op, by output.
pub(crate) fn restored(view: GraphView<'_>, budget: &Budget, id: u32) -> Result<BTreeMap<u32, u32>> {
    let mut found = BTreeMap::new();
    // Each with the output of the restore op that its value is; the op itself has none yet.
    let mut todo: Vec<(u32, Option<u32>)> = vec![(id, None)];
    let mut seen = HashSet::new();
    while let Some((at, output)) = todo.pop() {
        if !seen.insert((at, output)) {
            continue;
        }
        let name = view.nodes().name(at);
        for consumer in view.consumers(at)? {
            budget.spend(view, *consumer)?;
            let node = view.node(*consumer)?;
            for (i, input) in node.data_inputs().enumerate() {
                let (from, slot, _) = split_input(&input.raw, view.function().is_some());
                let RawSlot::Index(slot) = slot else { continue };
                if from != name {
                    continue;
                }
                let output = output.unwrap_or(slot);
                match (&node.op[..], i) {
                    (b"Assign" | b"AssignVariableOp", 1) => {
                        let target = node.data_inputs().next().map_or(Target::Missing, |i| i.target);
                        if let Some(variable) = upstream_variable(view, budget, target) {
                            found.entry(output).or_insert(variable);
                        }
                    }
                    (op, 0) if PASSING.contains(&op) => todo.push((*consumer, Some(output))),
                    _ => {}
                }
            }
        }
    }
    Ok(found)
}

/// The SaverDef that names a saver: the MetaGraph's own, or one of collection `savers`.
pub(crate) fn saver_def(
    meta: &MetaGraph,
    callers: &Callers,
    own: Option<&SaverDef>,
    saver: &Saver,
) -> Option<SaverDef> {
    let view = meta.graph();
    let caller = saver.function.as_ref().and_then(|f| callers.of(view, f));
    let names = |def: &SaverDef| match &saver.function {
        None => {
            let (name, _, _) = split_input(&def.save_tensor_name, false);
            let (file, _, _) = split_input(&def.filename_tensor_name, false);
            let same = |name: &[u8]| !name.is_empty() && scope(name) == saver.scope;
            // SavedModels feed the file name from outside the scope of the saver.
            same(name) || (name.is_empty() && same(file))
        }
        Some(_) => {
            caller.is_some_and(|id| split_input(&def.save_tensor_name, false).0 == view.nodes().name(id))
        }
    };
    if let Some(own) = own.filter(|def| names(def)) {
        return Some(own.clone());
    }
    let collection = meta.collection(b"savers")?;
    for i in 0..collection.len().ok()? {
        if let Ok(Item::Bytes(bytes)) = collection.item(i) {
            match SaverDef::decode(bytes) {
                Ok(def) if names(&def) => return Some(def),
                _ => {}
            }
        }
    }
    None
}

/// Collections that hold VariableDefs.
const COLLECTIONS: [&[u8]; 7] = [
    b"variables",
    b"trainable_variables",
    b"local_variables",
    b"model_variables",
    b"metric_variables",
    b"moving_average_variables",
    b"global_step",
];

/// The key a saver in list form would use for every variable that a collection describes.
pub(crate) fn from_collections(meta: &MetaGraph) -> BTreeMap<u32, VariableKey> {
    let view = meta.graph();
    let mut keys = BTreeMap::new();
    for collection in COLLECTIONS.iter().filter_map(|key| meta.collection(key)) {
        for i in 0..collection.len().unwrap_or(0) {
            let Ok(Item::Bytes(bytes)) = collection.item(i) else {
                continue;
            };
            let Ok(def) = VariableDef::decode(bytes) else {
                continue;
            };
            let (name, slot, _) = split_input(&def.variable_name, false);
            if slot != RawSlot::Index(0) {
                continue;
            }
            let Some(node) = view.nodes().find(name) else {
                continue;
            };
            let info = def.save_slice_info_def.unwrap_or_default();
            let whole = info.full_name.is_empty();
            keys.entry(node).or_insert_with(|| VariableKey {
                key: if whole {
                    Bytes::copy_from_slice(name)
                } else {
                    info.full_name.clone()
                },
                slice: if whole { Bytes::new() } else { slice_spec(&info) },
            });
        }
    }
    keys
}

/// `10 4 0,5:0,4`, as `Variable.SaveSliceInfo.spec` writes it.
fn slice_spec(info: &SaveSliceInfoDef) -> Bytes {
    let mut spec = String::new();
    for size in &info.full_shape {
        spec.push_str(&format!("{size} "));
    }
    let parts: Vec<String> = info
        .var_offset
        .iter()
        .zip(&info.var_shape)
        .map(|(offset, size)| format!("{offset},{size}"))
        .collect();
    spec.push_str(&parts.join(":"));
    spec.into()
}
