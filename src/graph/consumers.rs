//! Who reads the outputs of a node.
//!
//! Built once, when first asked for, in one pass over the inputs of all nodes: lists by node in one
//! array, four bytes an edge and four a node, for data and control inputs apart. Each list is sorted by
//! the names of the consumers and has each of them once. Edges to names that do not exist are left out.

use super::cursor::Cursor;
use super::cursor::Extent;
use super::cursor::Value;
use super::cursor::WIDE;
use super::index::NodeIndex;
use super::node::RawSlot;
use super::node::split_input;
use super::order;
use super::order::NameTable;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::source::Source;

/// Lists of nodes, by node.
#[derive(Debug, Default)]
struct Lists {
    starts: Vec<u32>,
    items: Vec<u32>,
}

impl Lists {
    /// From `(node, rank of consumer)` pairs.
    fn new(nodes: usize, sorted: &[u32], edges: &[(u32, u32)]) -> Self {
        let (mut starts, mut items) = order::grouped(nodes, edges.iter().copied());
        let mut kept = 0usize;
        let mut start = 0usize;
        for bound in starts.iter_mut().skip(1) {
            let end = *bound as usize;
            if let Some(list) = items.get_mut(start..end) {
                list.sort_unstable();
            }
            let mut last = None;
            for at in start..end {
                let item = items.get(at).copied();
                if item != last {
                    last = item;
                    if let (Some(item), Some(slot)) = (item, items.get_mut(kept)) {
                        *slot = item;
                        kept = kept.saturating_add(1);
                    }
                }
            }
            start = end;
            *bound = u32::try_from(kept).unwrap_or(u32::MAX);
        }
        items.truncate(kept);
        items.shrink_to_fit();
        for item in &mut items {
            *item = sorted.get(*item as usize).copied().unwrap_or_default();
        }
        Self { starts, items }
    }

    fn get(&self, node: u32) -> &[u32] {
        let node = node as usize;
        let bound = |i: usize| self.starts.get(i).map(|s| *s as usize);
        match (bound(node), bound(node.saturating_add(1))) {
            (Some(start), Some(end)) => self.items.get(start..end).unwrap_or_default(),
            _ => &[],
        }
    }

    fn memory(&self) -> usize {
        let count = self.starts.capacity().saturating_add(self.items.capacity());
        count.saturating_mul(4)
    }
}

/// The consumers of all nodes of a graph.
#[derive(Debug, Default)]
pub(crate) struct Consumers {
    data: Lists,
    control: Lists,
    /// The highest output number in use, of the nodes where it is not 0; by node.
    highest: Vec<(u32, u32)>,
}

impl Consumers {
    /// Reads the inputs of all nodes. A node that cannot be read has no edges; a file that cannot, is
    /// an error.
    pub(crate) fn new(source: &dyn Source, nodes: &NodeIndex, in_function: bool) -> Result<Self> {
        let table = NameTable::new(nodes.len(), |i| nodes.name(i));
        let sorted = nodes.sorted();
        let mut rank = vec![0u32; nodes.len()];
        for (at, id) in (0u32..).zip(sorted) {
            if let Some(slot) = rank.get_mut(*id as usize) {
                *slot = at;
            }
        }
        let (mut data, mut control, mut highest) = (Vec::new(), Vec::new(), Vec::new());
        let mut cursor = Cursor::new(source, Extent::new(0, source.len()), WIDE);
        for (id, rank) in nodes.ids().zip(rank) {
            let Some(extent) = nodes.extent(id) else { continue };
            let each = |raw: &[u8]| {
                let (name, slot, is_control) = split_input(raw, in_function);
                let Some(target) = table.find(name, |i| nodes.name(i)) else {
                    return;
                };
                if is_control {
                    control.push((target, rank));
                    return;
                }
                data.push((target, rank));
                match slot {
                    RawSlot::Index(i) | RawSlot::Named(_, i) if i > 0 => highest.push((target, i)),
                    _ => {}
                }
            };
            match for_each_input(&mut cursor, extent, each) {
                Err(e) if e.kind() == ErrorKind::Io => return Err(e),
                _ => {}
            }
        }
        highest.sort_unstable_by(|a, b| b.cmp(a));
        highest.dedup_by_key(|(node, _)| *node);
        highest.reverse();
        highest.shrink_to_fit();
        Ok(Self {
            data: Lists::new(nodes.len(), sorted, &data),
            control: Lists::new(nodes.len(), sorted, &control),
            highest,
        })
    }

    /// The nodes that take an output of `node`.
    pub(crate) fn data(&self, node: u32) -> &[u32] {
        self.data.get(node)
    }

    /// The nodes that wait for `node`.
    pub(crate) fn control(&self, node: u32) -> &[u32] {
        self.control.get(node)
    }

    /// How many outputs of a node are in use, counting from 0 to the highest.
    pub(crate) fn used_outputs(&self, node: u32) -> u64 {
        match self.highest.binary_search_by_key(&node, |(n, _)| *n) {
            Ok(i) => self
                .highest
                .get(i)
                .map_or(1, |(_, o)| u64::from(*o).saturating_add(1)),
            Err(_) => u64::from(!self.data(node).is_empty()),
        }
    }

    /// Bytes in use.
    pub(crate) fn memory(&self) -> usize {
        self.data
            .memory()
            .saturating_add(self.control.memory())
            .saturating_add(self.highest.capacity().saturating_mul(8))
    }
}

/// Calls `each` with every input of the NodeDef at `extent`.
fn for_each_input(cursor: &mut Cursor<'_>, extent: Extent, mut each: impl FnMut(&[u8])) -> Result<()> {
    cursor.seek(extent.offset);
    while let Some((number, value)) = cursor.whole_field(extent.end())? {
        let Value::Len(payload) = value else { continue };
        if number == 3 {
            each(cursor.bytes(payload)?);
        } else {
            cursor.seek(payload.end());
        }
    }
    Ok(())
}
