//! Which open checkpoint has which number.

use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;

use super::slot::Slot;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::tree::NodeId;

/// Numbers are 10 bits; 0 is the run view itself.
const COUNT: usize = 1 << 10;

/// The checkpoint of each number, once given out until given to another.
#[derive(Debug)]
pub(super) struct Generations {
    count: usize,
    slots: RwLock<Vec<Option<Arc<Slot>>>>,
}

impl Default for Generations {
    fn default() -> Self {
        Self::new(COUNT)
    }
}

/// The generation of a node.
pub(super) fn of(node: NodeId) -> u16 {
    u16::try_from(node.0.wrapping_shr(54)).unwrap_or(0)
}

impl Generations {
    /// Numbers below `count`, for tests.
    pub(super) fn new(count: usize) -> Self {
        Self {
            count,
            slots: RwLock::new(vec![None]),
        }
    }

    /// A number for a checkpoint that is being opened: one that nobody had, else that of a closed checkpoint of
    /// which the kernel knows no node any more.
    pub(super) fn take(&self, slot: &Arc<Slot>) -> Result<u16> {
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        let number = if slots.len() < self.count {
            slots.push(None);
            slots.len().saturating_sub(1)
        } else {
            let free = |slot: &Option<Arc<Slot>>| slot.as_ref().is_none_or(|slot| slot.is_over());
            let found = slots.iter().skip(1).position(free);
            found.map(|at| at.saturating_add(1)).ok_or_else(|| {
                Error::new(
                    ErrorKind::Unsupported,
                    format!(
                        "{} checkpoints of this mount are open or still known to the kernel, no more can be",
                        self.count.saturating_sub(1)
                    ),
                )
                .hint("unmount and mount again")
            })?
        };
        if let Some(place) = slots.get_mut(number) {
            *place = Some(slot.clone());
        }
        Ok(u16::try_from(number).unwrap_or(0))
    }

    /// The checkpoint of a node.
    pub(super) fn slot(&self, node: NodeId) -> Option<Arc<Slot>> {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        slots.get(usize::from(of(node)))?.clone()
    }

    /// All that have or had a number.
    pub(super) fn all(&self) -> Vec<Arc<Slot>> {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        slots.iter().flatten().cloned().collect()
    }
}
