//! Sizes that the kernel was told after the file had been measured.
//!
//! A listing gives an unmeasured file size 0 and lets the kernel ask again. Where the kernel knows the
//! real size already (somebody opened the file before the directory was listed), such a 0 would cut its
//! cached pages, and a program that has the file mapped would die of SIGBUS. So measured sizes are kept
//! for as long as the kernel keeps the inode: counted up with every entry it is given, down by FORGET.
//!
//! Only measured files are here, so a listing of a million unmeasured ones costs nothing.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use crate::tree::NodeId;

/// One measured file that the kernel knows.
#[derive(Debug, Clone, Copy)]
struct Known {
    size: u64,
    lookups: u64,
}

/// All measured files that the kernel knows.
#[derive(Debug, Default)]
pub(super) struct KnownSizes(Mutex<HashMap<NodeId, Known>>);

impl KnownSizes {
    /// The size of `node`, if the kernel was told it.
    pub(super) fn get(&self, node: NodeId) -> Option<u64> {
        self.lock().get(&node).map(|known| known.size)
    }

    /// The kernel is given `node` with this size, as the answer to a LOOKUP.
    pub(super) fn looked_up(&self, node: NodeId, size: u64) {
        let mut map = self.lock();
        let known = map.entry(node).or_insert(Known { size, lookups: 0 });
        known.lookups = known.lookups.saturating_add(1);
    }

    /// The kernel is told the size of a node that it holds already, which is one lookup at least.
    pub(super) fn told(&self, node: NodeId, size: u64) {
        self.lock().entry(node).or_insert(Known { size, lookups: 1 });
    }

    /// The kernel is given `node` in a listing.
    pub(super) fn listed(&self, node: NodeId) {
        if let Some(known) = self.lock().get_mut(&node) {
            known.lookups = known.lookups.saturating_add(1);
        }
    }

    /// The kernel drops `lookups` of what it was given.
    pub(super) fn forget(&self, node: NodeId, lookups: u64) {
        let mut map = self.lock();
        if let Some(known) = map.get_mut(&node) {
            known.lookups = known.lookups.saturating_sub(lookups);
            if known.lookups == 0 {
                map.remove(&node);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<NodeId, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_until_the_kernel_forgets_every_lookup() {
        let sizes = KnownSizes::default();
        let node = NodeId(7);
        sizes.listed(node);
        assert_eq!(sizes.get(node), None);
        sizes.looked_up(node, 42);
        sizes.listed(node);
        sizes.told(node, 42);
        sizes.forget(node, 1);
        assert_eq!(sizes.get(node), Some(42));
        sizes.forget(node, 1);
        assert_eq!(sizes.get(node), None);
        sizes.told(node, 42);
        sizes.forget(node, 3);
        assert_eq!(sizes.get(node), None);
    }
}
