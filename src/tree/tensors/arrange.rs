//! Which tensor stands where in tensors/.

use std::sync::Arc;

use crate::tensor::TensorId;
use crate::tensor::TensorSet;
use crate::tree::keys;
use crate::tree::names;
use crate::tree::paths::PathOf;
use crate::tree::paths::Paths;
use crate::tree::paths::RawNames;

/// The keys of a set as raw names.
#[derive(Debug)]
pub(super) struct Keys(Arc<dyn TensorSet>);

impl RawNames for Keys {
    fn count(&self) -> u32 {
        self.0.len()
    }

    fn raw(&self, item: u32) -> &[u8] {
        self.0.key(TensorId(item))
    }
}

/// The tensors of object checkpoints, as a list of their own.
#[derive(Debug)]
pub(super) struct Moved {
    set: Arc<dyn TensorSet>,
    items: Vec<u32>,
}

impl RawNames for Moved {
    fn count(&self) -> u32 {
        u32::try_from(self.items.len()).unwrap_or(u32::MAX)
    }

    fn raw(&self, item: u32) -> &[u8] {
        self.set.key(TensorId(self.item(item)))
    }
}

impl Moved {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// The tensor at a place of the list.
    pub(super) fn item(&self, at: u32) -> u32 {
        self.items.get(at as usize).copied().unwrap_or(u32::MAX)
    }

    /// Their raw paths.
    pub(super) fn paths(&self) -> Paths {
        Paths::new(self, true, |_, raw| encoded(raw))
    }
}

/// The keys, the paths of all tensors, and those that are not listed under their raw keys.
pub(super) fn arrange(set: &Arc<dyn TensorSet>) -> (Keys, Paths, Moved) {
    let mut items = Vec::new();
    let keys = Keys(set.clone());
    let paths = Paths::new(&keys, true, |item, raw| {
        if let Some(path) = keys::object_path(raw, |key| is_before(&**set, item, key)) {
            items.push(item);
            return path;
        }
        encoded(raw)
    });
    items.shrink_to_fit();
    let moved = Moved {
        set: set.clone(),
        items,
    };
    (keys, paths, moved)
}

/// The path of a key by its own name.
fn encoded(raw: &[u8]) -> PathOf {
    if names::is_plain(raw, true) {
        return PathOf::Raw;
    }
    PathOf::Own(names::path(raw, true))
}

/// Whether `key` is a key before that of `item`. Goes back in growing steps: the name of an object stands
/// right before its attributes.
fn is_before(set: &dyn TensorSet, item: u32, key: &[u8]) -> bool {
    let (mut low, mut high) = (item, item);
    let mut step = 1u32;
    while low > 0 && set.key(TensorId(low)) > key {
        high = low;
        low = low.saturating_sub(step);
        step = step.saturating_mul(2);
    }
    while low < high {
        let middle = low.midpoint(high);
        if set.key(TensorId(middle)) < key {
            low = middle.saturating_add(1);
        } else {
            high = middle;
        }
    }
    set.key(TensorId(low)) == key
}
