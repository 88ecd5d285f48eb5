//! Node ids: computed, not stored.
//!
//! A [`Node`] says what a node is: a facet (which kind of file or directory), the item it belongs to (a
//! tensor, an op, a scope) and a place within it. [`Ids`] packs that into the 64 bits of an inode number:
//!
//! | bits | main graph and tensors | graphs of functions |
//! |---|---|---|
//! | 10 | generation | generation |
//! | 1 | 0 | 1 |
//! | 7 | facet | facet |
//! | 12 | | graph |
//! | 26 / 18 | item | item |
//! | 20 / 16 | sub | sub |
//!
//! A node whose numbers do not fit is interned: it gets the next free number, for as long as the view
//! lives. Id 1 is the root of generation 0.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::PoisonError;

use super::facet::Facet;
use super::view::NodeId;

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Node {
    /// Which kind of file, directory or link.
    pub(super) facet: Facet,
    /// Which graph it belongs to: 0 the main one, n + 1 the body of function n.
    pub(super) graph: u32,
    /// The tensor, op, scope or key it belongs to.
    pub(super) item: u32,
    /// The place within it: an element, an input, a depth.
    pub(super) sub: u32,
}

impl Node {
    /// The node with this facet of no item.
    pub(super) const fn of(facet: Facet) -> Self {
        Self::new(facet, 0, 0)
    }

    /// A node of the main graph or of the tensors.
    pub(super) const fn new(facet: Facet, item: u32, sub: u32) -> Self {
        Self {
            facet,
            graph: 0,
            item,
            sub,
        }
    }

    /// The same item and graph with another facet.
    pub(super) const fn facet(self, facet: Facet, sub: u32) -> Self {
        Self { facet, sub, ..self }
    }
}

const INTERNED: u8 = 127;
const PAYLOAD_BITS: u32 = 46;

/// Packs nodes of one view.
#[derive(Debug, Default)]
pub(super) struct Ids {
    generation: u64,
    interned: Mutex<Interned>,
}

#[derive(Debug, Default)]
struct Interned {
    nodes: Vec<Node>,
    ids: HashMap<Node, u64>,
}

/// The low `bits` of `id` after a shift.
fn field(id: u64, shift: u32, bits: u32) -> u64 {
    id.wrapping_shr(shift) & 1u64.wrapping_shl(bits).wrapping_sub(1)
}

impl Ids {
    /// Ids of a view of its own, with the given generation (below 1024).
    pub(super) fn new(generation: u16) -> Self {
        Self {
            generation: u64::from(generation & 0x3ff),
            interned: Mutex::default(),
        }
    }

    /// The id of a node.
    pub(super) fn pack(&self, node: Node) -> NodeId {
        let facet = u64::from(node.facet as u8);
        let (graph, item, sub) = (u64::from(node.graph), u64::from(node.item), u64::from(node.sub));
        if node.facet == Facet::Root {
            return NodeId(self.with_generation(0, u64::from(Facet::Root as u8), 1));
        }
        if graph == 0 && item < 1 << 26 && sub < 1 << 20 {
            return NodeId(self.with_generation(0, facet, item.wrapping_shl(20) | sub));
        }
        if graph < 1 << 12 && item < 1 << 18 && sub < 1 << 16 {
            let payload = graph.wrapping_shl(34) | item.wrapping_shl(16) | sub;
            return NodeId(self.with_generation(1, facet, payload));
        }
        let mut interned = self.interned.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = interned.ids.get(&node) {
            return NodeId(self.with_generation(0, INTERNED.into(), *index));
        }
        let index = interned.nodes.len() as u64;
        interned.nodes.push(node);
        interned.ids.insert(node, index);
        NodeId(self.with_generation(0, INTERNED.into(), index))
    }

    fn with_generation(&self, form: u64, facet: u64, payload: u64) -> u64 {
        self.generation.wrapping_shl(54) | form.wrapping_shl(53) | facet.wrapping_shl(PAYLOAD_BITS) | payload
    }

    /// The node of an id; `None` for one that was never given out by this view.
    pub(super) fn unpack(&self, id: NodeId) -> Option<Node> {
        let id = id.0;
        if field(id, 54, 10) != self.generation {
            return None;
        }
        let number = |shift, bits| u32::try_from(field(id, shift, bits)).ok();
        let facet = u8::try_from(field(id, PAYLOAD_BITS, 7)).ok()?;
        if facet == INTERNED {
            let index = usize::try_from(field(id, 0, PAYLOAD_BITS)).ok()?;
            let interned = self.interned.lock().unwrap_or_else(PoisonError::into_inner);
            return interned.nodes.get(index).copied();
        }
        let facet = Facet::from_number(facet)?;
        if field(id, 53, 1) == 0 {
            Some(Node {
                facet,
                graph: 0,
                item: number(20, 26)?,
                sub: number(0, 20)?,
            })
        } else {
            Some(Node {
                facet,
                graph: number(34, 12)?,
                item: number(16, 18)?,
                sub: number(0, 16)?,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_one() {
        assert_eq!(Ids::new(0).pack(Node::of(Facet::Root)), NodeId::ROOT);
        let ids = Ids::new(7);
        let root = ids.pack(Node::of(Facet::Root));
        assert_eq!(root.0, 7 << 54 | 1);
        assert_eq!(ids.unpack(root).map(|n| n.facet), Some(Facet::Root));
        assert_eq!(ids.unpack(NodeId::ROOT), None);
    }

    #[test]
    fn every_node_comes_back() {
        let ids = Ids::new(3);
        let mut seen = std::collections::HashSet::new();
        for facet in Facet::all().filter(|f| *f != Facet::Root) {
            for graph in [0, 1, 4095, 4096, u32::MAX] {
                for item in [0, 1, (1 << 18) - 1, 1 << 18, 1 << 26, u32::MAX] {
                    for sub in [0, 65535, 65536, 1 << 20, u32::MAX] {
                        let node = Node {
                            facet,
                            graph,
                            item,
                            sub,
                        };
                        let id = ids.pack(node);
                        assert_eq!(ids.pack(node), id);
                        assert_eq!(ids.unpack(id), Some(node));
                        assert!(seen.insert(id));
                    }
                }
            }
        }
        assert_eq!(ids.unpack(NodeId(u64::MAX)), None);
    }
}
