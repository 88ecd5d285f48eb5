//! The nodes of the root: directories of checkpoints, links, texts. Their ids are never used again.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use super::slot::Slot;
use super::snapshot::Facts;
use crate::content::Content;
use crate::tree::NodeId;

/// What a node of the root is.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Checkpoint(Arc<Slot>),
    Link(Arc<[u8]>),
    Text(Arc<Text>),
}

/// Which text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Table,
    Info,
}

/// A text about one snapshot, rendered when it is asked for.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) which: Which,
    pub(super) facts: Arc<Facts>,
    pub(super) content: OnceLock<Arc<Content>>,
}

#[derive(Debug)]
struct Held {
    node: Node,
    /// How often the kernel was given it.
    known: u64,
    /// Since when it is not in the root any more.
    vanished: Option<Instant>,
}

/// All nodes that somebody may still ask for.
#[derive(Debug)]
pub(super) struct Nodes(Mutex<State>);

#[derive(Debug)]
struct State {
    next: u64,
    held: HashMap<NodeId, Held>,
}

/// A node is kept for so long after it has vanished: somebody may just have been given it.
const LINGER: Duration = Duration::from_secs(60);

impl Default for Nodes {
    fn default() -> Self {
        Self(Mutex::new(State {
            next: NodeId::ROOT.0.saturating_add(1),
            held: HashMap::new(),
        }))
    }
}

impl Nodes {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new node.
    pub(super) fn add(&self, node: impl FnOnce(NodeId) -> Node) -> NodeId {
        let mut state = self.lock();
        let id = NodeId(state.next);
        state.next = state.next.saturating_add(1);
        let held = Held {
            node: node(id),
            known: 0,
            vanished: None,
        };
        state.held.insert(id, held);
        id
    }

    pub(super) fn get(&self, id: NodeId) -> Option<Node> {
        self.lock().held.get(&id).map(|held| held.node.clone())
    }

    pub(super) fn remember(&self, id: NodeId) {
        if let Some(held) = self.lock().held.get_mut(&id) {
            held.known = held.known.saturating_add(1);
        }
    }

    pub(super) fn forget(&self, id: NodeId, count: u64) {
        if let Some(held) = self.lock().held.get_mut(&id) {
            held.known = held.known.saturating_sub(count);
        }
    }

    /// The checkpoints that have vanished and are open, the newest first.
    pub(super) fn lingering(&self) -> Vec<Arc<Slot>> {
        let state = self.lock();
        let slots = state.held.values().filter_map(|held| match &held.node {
            Node::Checkpoint(slot) if slot.has_vanished() && slot.view().is_some() => Some(slot.clone()),
            _ => None,
        });
        let mut slots: Vec<Arc<Slot>> = slots.collect();
        slots.sort_by_key(|slot| std::cmp::Reverse(slot.id));
        slots
    }

    /// Drops what is not in the root any more and what nobody holds.
    pub(super) fn prune(&self, is_current: impl Fn(NodeId) -> bool) {
        let now = Instant::now();
        self.lock().held.retain(|id, held| {
            if is_current(*id) {
                held.vanished = None;
                return true;
            }
            let since = *held.vanished.get_or_insert(now);
            let open = matches!(&held.node, Node::Checkpoint(slot) if slot.view().is_some());
            open || held.known > 0 || now.saturating_duration_since(since) < LINGER
        });
    }
}
