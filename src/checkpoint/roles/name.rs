//! Roles as names tell them.

use super::Role;
use crate::tensor::DType;
use crate::tensor::TensorId;
use crate::tensor::TensorSet;

/// The last component of the slots that TensorFlow's optimizers make, with an optional `_<n>` after it.
const SLOTS: &[&str] = &[
    "Adam",
    "AdamW",
    "AdaMax",
    "Adagrad",
    "AdagradDA",
    "Adadelta",
    "Ftrl",
    "Momentum",
    "RMSProp",
    "RMSprop",
    "Nadam",
    "LAMBOptimizer",
    "ProximalAdagrad",
    "adam_m",
    "adam_v",
    "LARSOptimizer",
    "vc",
    "vr",
];

/// Names of counters.
const COUNTERS: &[&str] = &[
    "global_step",
    "beta1_power",
    "beta2_power",
    "save_counter",
    "iter",
    "iterations",
];

/// The role of a tensor as its name tells it.
pub(super) fn role(bundle: &dyn TensorSet, id: TensorId) -> Role {
    let entry = bundle.entry(id);
    if matches!(entry.dtype, DType::STRING | DType::VARIANT | DType::RESOURCE) {
        return Role::Other;
    }
    let key = String::from_utf8_lossy(bundle.key(id));
    if key.contains("/.OPTIMIZER_SLOT/") {
        return Role::Slot;
    }
    let name = key.strip_suffix("/.ATTRIBUTES/VARIABLE_VALUE").unwrap_or(&key);
    let (scope, last) = name.rsplit_once('/').unwrap_or(("", name));
    let stem = match last.rsplit_once('_') {
        Some((stem, digits)) if digits.bytes().all(|b| b.is_ascii_digit()) => stem,
        _ => last,
    };
    if entry.shape.rank() == 0 && (COUNTERS.contains(&last) || COUNTERS.contains(&stem)) {
        return Role::Counter;
    }
    if name.starts_with("keras_api/metrics/") || scope == "metrics" || scope.ends_with("/metrics") {
        return Role::Metric;
    }
    // Only what belongs to a variable that is there: a layer may be called Adam. TensorFlow names a slot
    // after its variable, below the scope in which the optimizer was made: `loss/dense/kernel/Adam`; older
    // estimators cut the name short, so any scope above it may be the variable too.
    let is_key = |name: &str| bundle.find(name.as_bytes()).is_some();
    let owned = || {
        let ends = scope.match_indices('/').map(|(at, _)| at).chain([scope.len()]);
        let starts = scope.match_indices('/').map(|(at, _)| at.saturating_add(1));
        ends.filter_map(|end| scope.get(..end)).any(is_key)
            || starts.filter_map(|start| scope.get(start..)).any(is_key)
    };
    if last == "ExponentialMovingAverage" && owned() {
        return Role::Ema;
    }
    if (SLOTS.contains(&last) || SLOTS.contains(&stem)) && owned() {
        return Role::Slot;
    }
    Role::Weight
}
