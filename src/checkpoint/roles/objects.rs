//! Roles as the objects of a TF2 checkpoint tell them.
//!
//! What the root leads to without passing an optimizer is the model. Of what only an optimizer leads to, its
//! slots and its own lists of variables are slots, its scalars count; whatever else it holds stays unknown.

use std::collections::HashMap;
use std::collections::HashSet;

use super::Role;
use super::name;
use crate::checkpoint::objects::Objects;
use crate::tensor::TensorId;
use crate::tensor::TensorSet;

/// The list in which an optimizer of Keras 3 holds the variables of the model.
const TRAINABLE: &[u8] = b"_trainable_variables";
/// Children by which a metric hangs on a Keras model.
const METRICS: [&[u8]; 3] = [b"_compile_metrics", b"compiled_metrics", b"_loss_tracker"];

/// What objects lead to, each by its own rules.
struct Found<'a> {
    objects: &'a Objects,
    /// The model.
    model: HashSet<u32>,
}

/// The roles that are known; others are not in it.
pub(super) fn roles(bundle: &dyn TensorSet, objects: &Objects) -> HashMap<TensorId, Role> {
    let graph = objects.graph();
    let all = || 0..graph.len();
    let optimizers: HashSet<u32> = all().filter(|node| is_optimizer(objects, *node)).collect();
    let slots = || {
        let of = |node: &u32| graph.slot_numbers(*node).filter_map(|number| graph.slot(number));
        optimizers.iter().flat_map(of)
    };
    let mut found = Found {
        objects,
        model: HashSet::new(),
    };
    let metrics = found.metrics();
    // The model: an optimizer may be the root itself, and then its other children are not known.
    if !optimizers.contains(&0) {
        found.add(0, |node| optimizers.contains(&node) || metrics.contains(&node));
    }
    let mut known: HashMap<u32, Role> = HashMap::new();
    for node in &metrics {
        for below in found.below(*node, &optimizers) {
            known.insert(below, Role::Metric);
        }
    }
    for optimizer in &optimizers {
        // Only those of Keras keep their own variables in lists.
        let mut children = graph.children(*optimizer);
        let has_lists = children.any(|child| matches!(child.name, b"_iterations" | b"_variables"));
        for child in graph.children(*optimizer) {
            if let Some(id) = objects.variable(child.node) {
                // Its step, its learning rate; a variable of its own with a shape is a state of some kind.
                if bundle.entry(id).shape.rank() == 0 {
                    known.insert(child.node, Role::Counter);
                }
                continue;
            }
            let role = match child.name {
                TRAINABLE => Role::Weight,
                b"_model_variables_moving_average" => Role::Ema,
                name if has_lists && is_list(objects, child.node) && name.starts_with(b"_") => Role::Slot,
                _ => continue,
            };
            for variable in graph.children(child.node) {
                // `_variables` lists counters and moving averages too, which other children tell apart.
                match role {
                    Role::Slot => drop(known.entry(variable.node).or_insert(role)),
                    _ => drop(known.insert(variable.node, role)),
                }
            }
        }
    }
    // Counters and lists above came in any order of children: counters win over lists.
    for optimizer in &optimizers {
        for child in graph.children(*optimizer) {
            let scalar = |id: TensorId| bundle.entry(id).shape.rank() == 0;
            if objects.variable(child.node).is_some_and(scalar) {
                known.insert(child.node, Role::Counter);
            }
        }
    }
    for slot in slots() {
        let role = match slot.name {
            b"average" => Role::Ema,
            _ => Role::Slot,
        };
        known.insert(slot.node, role);
    }
    // Doubt means weight: what the model holds, what is optimized and what has slots.
    let trained = optimizers.iter().flat_map(|node| {
        let lists = graph.children(*node).filter(|child| child.name == TRAINABLE);
        lists.flat_map(|list| graph.children(list.node))
    });
    known.extend(trained.map(|child| (child.node, Role::Weight)));
    known.extend(slots().map(|slot| (slot.original, Role::Weight)));
    known.extend(found.model.iter().map(|node| (*node, Role::Weight)));

    let mut roles = HashMap::new();
    for node in all() {
        let Some(role) = known.get(&node) else { continue };
        for value in objects.values(node) {
            // Of several objects that save one tensor, one that holds it as a weight counts.
            let before = roles.entry(value.tensor).or_insert(*role);
            if *role == Role::Weight {
                *before = Role::Weight;
            }
        }
    }
    // The model's own counters (`save_counter`, a step) are not weights; the name alone says so.
    roles.retain(|id, role| *role != Role::Weight || name::role(bundle, *id) != Role::Counter);
    roles
}

/// Whether an object is an optimizer: it has slots, or a step beside what only optimizers have.
fn is_optimizer(objects: &Objects, node: u32) -> bool {
    let graph = objects.graph();
    if graph
        .slot_numbers(node)
        .any(|number| graph.slot(number).is_some())
    {
        return true;
    }
    let has = |names: &[&[u8]]| graph.children(node).any(|child| names.contains(&child.name));
    has(&[b"iter", b"_iterations"]) && has(&[b"learning_rate", b"_learning_rate", b"_variables"])
}

/// Whether all children of an object are numbered, as those of a list are.
fn is_list(objects: &Objects, node: u32) -> bool {
    let number = |name: &[u8]| !name.is_empty() && name.iter().all(u8::is_ascii_digit);
    objects.graph().children(node).all(|child| number(child.name))
}

impl Found<'_> {
    /// The objects that hold metrics.
    fn metrics(&self) -> HashSet<u32> {
        let graph = self.objects.graph();
        let mut metrics = HashSet::new();
        for node in 0..graph.len() {
            for child in graph.children(node) {
                if METRICS.contains(&child.name) {
                    metrics.insert(child.node);
                }
                if child.name == b"keras_api" {
                    let inner = graph.children(child.node).filter(|c| c.name == b"metrics");
                    metrics.extend(inner.map(|c| c.node));
                }
            }
        }
        metrics.remove(&0);
        metrics
    }

    /// Adds what an object leads to to the model.
    fn add(&mut self, from: u32, barred: impl Fn(u32) -> bool) {
        let mut todo = vec![from];
        while let Some(node) = todo.pop() {
            if self.model.insert(node) {
                let children = self.objects.graph().children(node).map(|child| child.node);
                todo.extend(children.filter(|node| !barred(*node) && !self.model.contains(node)));
            }
        }
    }

    /// What an object leads to without an optimizer.
    fn below(&self, from: u32, optimizers: &HashSet<u32>) -> HashSet<u32> {
        let mut seen = HashSet::from([from]);
        let mut todo = vec![from];
        while let Some(node) = todo.pop() {
            for child in self.objects.graph().children(node) {
                if !optimizers.contains(&child.node) && seen.insert(child.node) {
                    todo.push(child.node);
                }
            }
        }
        seen
    }
}
