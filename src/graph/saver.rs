//! What the savers of a graph save: which checkpoint key belongs to which variable.
//!
//! A save op has its keys as a constant vector beside the tensors, and that is what TensorFlow goes by,
//! so it is read first (format.md 6.1); only a graph with no save or restore op falls back on the
//! VariableDefs of its collections (6.2). TF2 saves inside a function, whose arguments lead to the
//! variables of the node that calls it (6.4). Invariant: walks are bounded, so loops in hostile graphs end.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::constant::ConstData;
use super::meta_graph::MetaGraph;
use super::node::Node;
use super::node::Slot;
use super::node::Target;
use super::variables;
use super::variables::Budget;
use super::variables::Callers;
use super::variables::VariableKey;
use super::view::GraphView;
use crate::error::Error;
use crate::error::Result;
use crate::proto::tensorflow::SaverDef;

/// One thing a saver saves or restores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaverEntry {
    /// The checkpoint key.
    pub key: Bytes,
    /// Which part of the key's tensor it is, as TensorFlow writes it: `10 4 0,5:-`; empty for all of it.
    pub slice: Bytes,
    /// What gives the tensor, in the saver's own graph or function; for a restore op, the op itself.
    pub tensor: Target,
    /// The output of it that is the tensor.
    pub slot: Slot,
    /// The variable in the main graph, where one was found.
    pub variable: Option<u32>,
}

/// Save ops that belong together: one scope, several ops where the saver is sharded.
#[derive(Debug, Clone)]
pub struct Saver {
    /// The scope of its ops, `save`, with no slash at the end.
    pub scope: Bytes,
    /// The function it lies in; `None` for the main graph.
    pub function: Option<Bytes>,
    /// Its save ops, or its restore ops where the graph has no save ops.
    pub ops: Vec<u32>,
    /// Whether `ops` are restore ops.
    pub restores: bool,
    /// What it saves, in order.
    pub entries: Vec<SaverEntry>,
    /// The SaverDef that names it.
    pub saver_def: Option<SaverDef>,
    /// What could not be read.
    pub problems: Vec<Error>,
}

/// All savers of a MetaGraph, and what follows from them.
#[derive(Debug, Default)]
pub struct Savers {
    savers: Vec<Saver>,
    keys: BTreeMap<u32, VariableKey>,
}

impl Savers {
    /// The savers: that of the MetaGraph's own SaverDef first, then by scope, then those in functions.
    pub fn savers(&self) -> &[Saver] {
        &self.savers
    }

    /// The checkpoint key of a variable. Where several savers save it, the first one counts.
    pub fn key_of(&self, variable: u32) -> Option<&VariableKey> {
        self.keys.get(&variable)
    }

    /// All variables with a key, by node.
    pub fn variable_keys(&self) -> impl Iterator<Item = (u32, &VariableKey)> {
        self.keys.iter().map(|(node, key)| (*node, key))
    }

    pub(crate) fn find(meta: &MetaGraph) -> Self {
        let budget = Budget::new(meta);
        let callers = Callers::find(meta);
        let mut savers = in_graph(meta.graph(), &budget, &SAVE_OPS);
        savers.extend(in_functions(meta, &budget, &callers));
        if savers.is_empty() {
            savers = in_graph(meta.graph(), &budget, &RESTORE_OPS);
        }
        let own = meta.saver_def().ok().flatten();
        for saver in &mut savers {
            saver.saver_def = variables::saver_def(meta, &callers, own.as_ref(), saver);
        }
        // Stable: the rest stays in its order.
        savers.sort_by_key(|s| own.is_none() || s.saver_def != own);
        let mut keys = BTreeMap::new();
        for entry in savers.iter().flat_map(|s| &s.entries) {
            if let Some(variable) = entry.variable {
                keys.entry(variable).or_insert_with(|| VariableKey {
                    key: entry.key.clone(),
                    slice: entry.slice.clone(),
                });
            }
        }
        if savers.iter().all(|s| s.entries.is_empty()) {
            keys = variables::from_collections(meta);
        }
        Self { savers, keys }
    }
}

/// An op that saves or restores: which inputs are its names and slices, and where its tensors start.
struct SaverOp {
    op: &'static [u8],
    slices: Option<usize>,
    tensors: Option<usize>,
}

/// Inputs by core/ops/io_ops.cc; input 0 is the file, input 1 the names.
const SAVE_OPS: [SaverOp; 3] = [
    SaverOp {
        op: b"SaveV2",
        slices: Some(2),
        tensors: Some(3),
    },
    SaverOp {
        op: b"SaveSlices",
        slices: Some(2),
        tensors: Some(3),
    },
    SaverOp {
        op: b"Save",
        slices: None,
        tensors: Some(2),
    },
];

/// As [`SAVE_OPS`]; what is restored comes out, not in.
const RESTORE_OPS: [SaverOp; 3] = [
    SaverOp {
        op: b"RestoreV2",
        slices: Some(2),
        tensors: None,
    },
    SaverOp {
        op: b"RestoreSlice",
        slices: Some(2),
        tensors: None,
    },
    SaverOp {
        op: b"Restore",
        slices: None,
        tensors: None,
    },
];

/// The savers made of these ops, by scope.
fn in_graph(view: GraphView<'_>, budget: &Budget, kinds: &[SaverOp]) -> Vec<Saver> {
    let mut by_scope: BTreeMap<Bytes, Saver> = BTreeMap::new();
    for kind in kinds {
        for id in view.nodes().of_type(kind.op) {
            let scope = Bytes::copy_from_slice(variables::scope(view.nodes().name(*id)));
            let saver = by_scope.entry(scope.clone()).or_insert_with(|| Saver {
                scope,
                function: view.function().map(|f| f.name().clone()),
                ops: Vec::new(),
                restores: kind.tensors.is_none(),
                entries: Vec::new(),
                saver_def: None,
                problems: Vec::new(),
            });
            saver.ops.push(*id);
            match entries(view, budget, kind, *id) {
                Ok(entries) => saver.entries.extend(entries),
                Err(e) => saver.problems.push(e),
            }
        }
    }
    by_scope.into_values().collect()
}

/// The savers in functions, their variables found through the nodes that call them.
fn in_functions(meta: &MetaGraph, budget: &Budget, callers: &Callers) -> Vec<Saver> {
    let ops: Vec<&[u8]> = SAVE_OPS.iter().map(|k| k.op).collect();
    let mut found = Vec::new();
    for function in meta.functions().iter().filter(|f| f.has_op(&ops)) {
        let mut savers = in_graph(meta.body(function), budget, &SAVE_OPS);
        let view = meta.graph();
        let caller = callers
            .of(view, function.name())
            .and_then(|id| view.node(id).ok());
        for entry in savers.iter_mut().flat_map(|s| &mut s.entries) {
            entry.variable = caller
                .as_ref()
                .and_then(|c| variables::through_call(meta, budget, function, c, entry));
        }
        found.extend(savers);
    }
    found
}

/// What one save or restore op handles.
fn entries(view: GraphView<'_>, budget: &Budget, kind: &SaverOp, id: u32) -> Result<Vec<SaverEntry>> {
    budget.spend(view, id)?;
    let node = view.node(id)?;
    let names = constant_strings(view, budget, &node, 1)?;
    let slices = match kind.slices {
        Some(input) => constant_strings(view, budget, &node, input)?,
        None => Vec::new(),
    };
    let slice = |i: usize| slices.get(i).cloned().unwrap_or_default();
    let mut out = Vec::with_capacity(names.len());
    match kind.tensors {
        Some(first) => {
            let inputs = node.data_inputs().skip(first);
            for (i, (key, input)) in names.into_iter().zip(inputs).enumerate() {
                // In functions the variable is settled later, from the caller.
                let variable = match view.function() {
                    None => variables::upstream_variable(view, budget, input.target),
                    Some(_) => None,
                };
                out.push(SaverEntry {
                    key,
                    slice: slice(i),
                    tensor: input.target,
                    slot: input.slot.clone(),
                    variable,
                });
            }
        }
        None => {
            let restored = variables::restored(view, budget, id)?;
            for (i, key) in names.into_iter().enumerate() {
                let output = u32::try_from(i).unwrap_or(u32::MAX);
                out.push(SaverEntry {
                    key,
                    slice: slice(i),
                    tensor: Target::Node(id),
                    slot: Slot::Index(output),
                    variable: restored.get(&output).copied(),
                });
            }
        }
    }
    Ok(out)
}

/// The strings of the constant at a data input.
fn constant_strings(view: GraphView<'_>, budget: &Budget, node: &Node, input: usize) -> Result<Vec<Bytes>> {
    let fail = |what: &str| {
        let name = String::from_utf8_lossy(&node.name).into_owned();
        Error::unsupported(format!("op {name:?}: input {input} {what}"))
            .at(view.meta_graph().source().path())
            .offset(node.extent.offset)
    };
    let target = node.data_inputs().nth(input).map(|i| i.target);
    let Some(Target::Node(id)) = target else {
        return Err(fail("leads nowhere"));
    };
    let id = variables::upstream(view, budget, id, |op| op == b"Const")
        .ok_or_else(|| fail("is not a constant"))?;
    budget.spend(view, id)?;
    let value = view.const_value(id)?;
    // A vector may claim more strings than it stores; savers have each key once, so the rest is no loss.
    match value.data {
        ConstData::Strings { stored, .. } => {
            budget.keep(view, stored.len())?;
            let strings = stored.iter().map(Bytes::copy_from_slice);
            Ok(strings
                .take(usize::try_from(value.elements).unwrap_or(usize::MAX))
                .collect())
        }
        ConstData::Fixed { .. } => Err(fail("is not a string constant")),
    }
}

#[cfg(test)]
#[path = "saver_tests.rs"]
mod tests;
