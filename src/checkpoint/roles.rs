//! What each tensor is for: a weight, or the state of the training around it.
//!
//! A wrong role loses weights in an export, so doubt means weight.

mod graph;
mod name;
mod objects;

use std::fmt;

use super::Checkpoint;
use crate::tensor::TensorId;
use crate::tensor::TensorSet;

/// What a tensor is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Part of the model. Moving statistics of batch normalisation are.
    Weight,
    /// State that an optimizer keeps for a variable.
    Slot,
    /// An exponential moving average of a variable.
    Ema,
    /// A step or a power that counts with it.
    Counter,
    /// State of an evaluation metric.
    Metric,
    /// Bookkeeping: strings, object graphs.
    Other,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Weight => "weight",
            Self::Slot => "slot",
            Self::Ema => "ema",
            Self::Counter => "counter",
            Self::Metric => "metric",
            Self::Other => "other",
        })
    }
}

/// How a role is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RoleFrom {
    /// By the objects of a TF2 checkpoint.
    Objects,
    /// By the ops and collections of the graph.
    Graph,
    /// By the name, and the name of what it belongs to.
    Name,
}

impl fmt::Display for RoleFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Objects => "objects",
            Self::Graph => "graph",
            Self::Name => "name",
        })
    }
}

/// The roles of all tensors of a bundle, in key order.
pub(super) fn table(checkpoint: &Checkpoint, bundle: &dyn TensorSet) -> Vec<(Role, RoleFrom)> {
    let objects = checkpoint.objects().and_then(Result::ok);
    let objects = objects
        .map(|objects| objects::roles(bundle, objects))
        .unwrap_or_default();
    let graph = checkpoint.meta_graph().map(graph::roles).unwrap_or_default();
    let role = |id: TensorId| {
        let named = name::role(bundle, id);
        if named == Role::Other {
            return (named, RoleFrom::Name);
        }
        match (objects.get(&id), graph.get(bundle.key(id))) {
            (Some(role), _) => (*role, RoleFrom::Objects),
            (None, Some(role)) => (*role, RoleFrom::Graph),
            (None, None) => (named, RoleFrom::Name),
        }
    };
    bundle.ids().map(role).collect()
}
