//! Roles as a TF1 graph tells them: by the ops that train variables, and by collections.

use std::collections::HashMap;
use std::collections::HashSet;

use bytes::Bytes;
use prost::Message;

use super::Role;
use crate::graph::Item;
use crate::graph::MetaGraph;
use crate::graph::Target;
use crate::graph::is_variable_op;
use crate::proto::tensorflow::VariableDef;

/// Beginnings of the types of ops that train: their first input is a weight, further variables are slots.
const APPLY: [&[u8]; 4] = [b"Apply", b"ResourceApply", b"SparseApply", b"ResourceSparseApply"];

/// The roles that are known, by key.
pub(super) fn roles(meta: &MetaGraph) -> HashMap<Bytes, Role> {
    let nodes = meta.graph().nodes();
    let mut known: HashMap<u32, Role> = HashMap::new();
    let mut trained: HashSet<u32> = collection(meta, b"trainable_variables");
    let global = collection(meta, b"variables");
    for variable in collection(meta, b"local_variables").difference(&global) {
        known.insert(*variable, Role::Metric);
    }
    for variable in collection(meta, b"metric_variables") {
        known.insert(variable, Role::Metric);
    }
    for variable in collection(meta, b"global_step") {
        known.insert(variable, Role::Counter);
    }
    for op in nodes
        .op_types()
        .filter(|op| APPLY.iter().any(|a| op.starts_with(a)))
    {
        for id in nodes.of_type(op) {
            let Ok(node) = meta.graph().node(*id) else {
                continue;
            };
            let variables = node.data_inputs().map(|input| match input.target {
                Target::Node(target) if is_variable_op(nodes.op(target)) => Some(target),
                _ => None,
            });
            for (at, variable) in variables.enumerate() {
                match (at, variable) {
                    (0, Some(variable)) => drop(trained.insert(variable)),
                    (_, Some(variable)) => drop(known.insert(variable, Role::Slot)),
                    _ => {}
                }
            }
        }
    }
    // Doubt means weight.
    known.extend(trained.into_iter().map(|variable| (variable, Role::Weight)));
    let mut roles = HashMap::new();
    for (variable, key) in meta.savers().variable_keys() {
        let Some(role) = known.get(&variable) else {
            continue;
        };
        // A variable may be saved under the name of its average; then the name knows better.
        if key.key.ends_with(b"/ExponentialMovingAverage") {
            continue;
        }
        let before = roles.entry(key.key.clone()).or_insert(*role);
        if *role == Role::Weight {
            *before = Role::Weight;
        }
    }
    roles
}

/// The variables in a collection.
fn collection(meta: &MetaGraph, key: &[u8]) -> HashSet<u32> {
    let Some(collection) = meta.collection(key) else {
        return HashSet::new();
    };
    let name = |at: usize| match collection.item(at).ok()? {
        Item::Node { name, .. } => Some(name),
        Item::Bytes(bytes) => {
            let name = VariableDef::decode(bytes).ok()?.variable_name;
            let end = name.iter().position(|b| *b == b':').unwrap_or(name.len());
            Some(name.slice(..end))
        }
        _ => None,
    };
    (0..collection.len().unwrap_or(0))
        .filter_map(|at| meta.graph().nodes().find(&name(at)?))
        .collect()
}
