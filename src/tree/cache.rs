//! Contents that were costly to make, within a bound.
//!
//! Only memory that a content holds on to counts. What is evicted is made again, the same, when it is next
//! asked for; so eviction is first in, first out, with a second chance for what was used meanwhile.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use super::view::NodeId;
use crate::content::Content;

/// Bytes kept at most.
const CAPACITY: usize = 64 << 20;
/// Contents lighter than this are not worth a place: they are made in a microsecond.
const LIGHT: usize = 512;

/// Contents by node.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    held: HashMap<NodeId, Held>,
    queue: VecDeque<NodeId>,
    weight: usize,
}

#[derive(Debug)]
struct Held {
    content: Arc<Content>,
    weight: usize,
    used: bool,
}

impl Cache {
    /// The content of a node, if it is kept.
    pub(super) fn get(&self, node: NodeId) -> Option<Arc<Content>> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held = state.held.get_mut(&node)?;
        held.used = true;
        Some(held.content.clone())
    }

    /// Whether the content of a node is kept.
    pub(super) fn has(&self, node: NodeId) -> bool {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.held.contains_key(&node)
    }

    /// Keeps a content, if it is heavy enough and not too heavy. `always` keeps light ones too (those that
    /// took long to make).
    pub(super) fn put(&self, node: NodeId, content: &Arc<Content>, always: bool) {
        let weight = content.weight();
        if weight > CAPACITY / 2 || weight < LIGHT && !always {
            return;
        }
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.held.contains_key(&node) {
            return;
        }
        let held = Held {
            content: content.clone(),
            weight,
            used: false,
        };
        state.held.insert(node, held);
        state.queue.push_back(node);
        state.weight = state.weight.saturating_add(weight);
        while state.weight > CAPACITY {
            let Some(oldest) = state.queue.pop_front() else {
                return;
            };
            match state.held.get_mut(&oldest) {
                Some(held) if held.used => {
                    held.used = false;
                    state.queue.push_back(oldest);
                }
                Some(held) => {
                    let freed = held.weight;
                    state.held.remove(&oldest);
                    state.weight = state.weight.saturating_sub(freed);
                }
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounded() {
        let cache = Cache::default();
        for i in 0..100 {
            cache.put(NodeId(i), &Content::inline(vec![0u8; 1 << 20]), false);
        }
        let kept = (0..100).filter(|i| cache.has(NodeId(*i))).count();
        assert!((60..=64).contains(&kept), "{kept}");
        assert!(cache.get(NodeId(99)).is_some());
        cache.put(NodeId(200), &Content::inline(vec![0u8; CAPACITY]), false);
        assert!(!cache.has(NodeId(200)));
        cache.put(NodeId(201), &Content::inline(vec![0u8; 8]), false);
        assert!(!cache.has(NodeId(201)));
    }
}
