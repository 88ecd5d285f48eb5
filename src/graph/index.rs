//! The nodes of a graph: names, op types and where each NodeDef lies. Nothing is decoded.
//!
//! A million nodes cost about 20 bytes each beside the names themselves: 4 bytes each for the end of the
//! name in one arena, the offset (8 in files over 4 GiB), the length and the op type, and 4 once the
//! sorted order is asked for, 4 more once the lists by type are. Node ids are positions in the file.
//! Names are bytes, not text; damaged graphs may repeat them, and every occurrence keeps its id.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::OnceLock;

use super::cursor::Extent;
use super::order;
use crate::error::Error;
use crate::error::Result;

/// Where nodes start: four bytes each as long as the file allows it.
#[derive(Debug, Clone)]
enum Offsets {
    Narrow(Vec<u32>),
    Wide(Vec<u64>),
}

impl Offsets {
    fn push(&mut self, offset: u64) {
        match self {
            Offsets::Narrow(v) => match u32::try_from(offset) {
                Ok(offset) => v.push(offset),
                Err(_) => {
                    let mut wide: Vec<u64> = v.iter().map(|o| u64::from(*o)).collect();
                    wide.push(offset);
                    *self = Offsets::Wide(wide);
                }
            },
            Offsets::Wide(v) => v.push(offset),
        }
    }

    fn get(&self, i: usize) -> Option<u64> {
        match self {
            Offsets::Narrow(v) => v.get(i).map(|o| u64::from(*o)),
            Offsets::Wide(v) => v.get(i).copied(),
        }
    }

    fn shrink(&mut self) {
        match self {
            Offsets::Narrow(v) => v.shrink_to_fit(),
            Offsets::Wide(v) => v.shrink_to_fit(),
        }
    }

    fn memory(&self) -> usize {
        match self {
            Offsets::Narrow(v) => v.capacity().saturating_mul(4),
            Offsets::Wide(v) => v.capacity().saturating_mul(8),
        }
    }
}

/// Byte strings one after the other, found by number.
#[derive(Debug, Clone, Default)]
struct Arena {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl Arena {
    fn get(&self, i: usize) -> &[u8] {
        let end = |i: usize| self.ends.get(i).map(|e| *e as usize);
        let start = match i.checked_sub(1) {
            Some(before) => end(before),
            None => Some(0),
        };
        match (start, end(i)) {
            (Some(start), Some(end)) => self.bytes.get(start..end).unwrap_or_default(),
            _ => &[],
        }
    }

    /// Adds a string; false where the arena is full.
    fn push(&mut self, bytes: &[u8]) -> bool {
        let end = self.bytes.len().checked_add(bytes.len());
        match end.and_then(|end| u32::try_from(end).ok()) {
            Some(end) => {
                self.bytes.extend_from_slice(bytes);
                self.ends.push(end);
                true
            }
            None => false,
        }
    }

    fn len(&self) -> usize {
        self.ends.len()
    }

    fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.ends.shrink_to_fit();
    }
}

/// Node ids by op type.
#[derive(Debug, Clone)]
struct ByType {
    /// Type numbers in the order of their names.
    types: Vec<u32>,
    /// Where the nodes of type number `t` start; one more at the end.
    starts: Vec<u32>,
    /// All nodes, by type number, each list in the order of names.
    nodes: Vec<u32>,
}

/// The nodes of one graph or function body, in the order of the file.
#[derive(Debug, Clone)]
pub struct NodeIndex {
    names: Arena,
    offsets: Offsets,
    lens: Vec<u32>,
    op_types: Vec<u32>,
    type_names: Arena,
    sorted: OnceLock<Vec<u32>>,
    by_type: OnceLock<ByType>,
}

impl NodeIndex {
    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.lens.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.lens.is_empty()
    }

    /// The ids of all nodes, in the order of the file.
    pub fn ids(&self) -> Range<u32> {
        0..u32::try_from(self.len()).unwrap_or(u32::MAX)
    }

    /// The raw name of a node; empty where there is no such node.
    pub fn name(&self, node: u32) -> &[u8] {
        self.names.get(node as usize)
    }

    /// The op type of a node; empty where there is no such node.
    pub fn op(&self, node: u32) -> &[u8] {
        match self.op_types.get(node as usize) {
            Some(t) => self.type_names.get(*t as usize),
            None => &[],
        }
    }

    /// Where the NodeDef of a node lies in the source.
    pub fn extent(&self, node: u32) -> Option<Extent> {
        let i = node as usize;
        Some(Extent::new(self.offsets.get(i)?, u64::from(*self.lens.get(i)?)))
    }

    /// All node ids in the order of their names (by bytes), equal names in the order of the file.
    pub fn sorted(&self) -> &[u32] {
        self.sorted
            .get_or_init(|| order::sorted(self.len(), |i| self.names.get(i as usize)))
    }

    /// The first node of this name.
    pub fn find(&self, name: &[u8]) -> Option<u32> {
        let first = self.from(name).first().copied()?;
        (self.name(first) == name).then_some(first)
    }

    /// Every node of this name: more than one only in a damaged graph.
    pub fn find_all(&self, name: &[u8]) -> &[u32] {
        let rest = self.from(name);
        let len = rest.iter().take_while(|i| self.name(**i) == name).count();
        rest.get(..len).unwrap_or_default()
    }

    /// The nodes whose names start with `prefix`, in the order of names.
    pub fn with_prefix(&self, prefix: &[u8]) -> &[u32] {
        let rest = self.from(prefix);
        let len = rest.partition_point(|i| self.name(*i).starts_with(prefix));
        rest.get(..len).unwrap_or_default()
    }

    /// The part of the sorted order that is not before `name`.
    fn from(&self, name: &[u8]) -> &[u32] {
        let sorted = self.sorted();
        let start = sorted.partition_point(|i| self.name(*i) < name);
        sorted.get(start..).unwrap_or_default()
    }

    /// The nodes whose name an earlier node has already, in the order of names.
    pub fn duplicates(&self) -> Vec<u32> {
        let sorted = self.sorted();
        sorted
            .iter()
            .zip(sorted.iter().skip(1))
            .filter(|(a, b)| self.name(**a) == self.name(**b))
            .map(|(_, b)| *b)
            .collect()
    }

    /// Whether any node is of an op type. Needs no order, so it is quick from the start.
    pub fn has_type(&self, op: &[u8]) -> bool {
        (0..self.type_names.len()).any(|t| self.type_names.get(t) == op)
    }

    /// How many op types are in use.
    pub fn type_count(&self) -> usize {
        self.type_names.len()
    }

    /// The op types in use, in the order of their names.
    pub fn op_types(&self) -> impl Iterator<Item = &[u8]> {
        self.by_type()
            .types
            .iter()
            .map(|t| self.type_names.get(*t as usize))
    }

    /// The nodes of an op type, in the order of their names.
    pub fn of_type(&self, op: &[u8]) -> &[u32] {
        let by_type = self.by_type();
        let found = by_type
            .types
            .binary_search_by(|t| self.type_names.get(*t as usize).cmp(op))
            .ok()
            .and_then(|i| by_type.types.get(i))
            .map(|t| *t as usize);
        let bound = |t: usize| by_type.starts.get(t).map(|s| *s as usize);
        match found.map(|t| (bound(t), bound(t.saturating_add(1)))) {
            Some((Some(start), Some(end))) => by_type.nodes.get(start..end).unwrap_or_default(),
            _ => &[],
        }
    }

    fn by_type(&self) -> &ByType {
        self.by_type.get_or_init(|| {
            let count = self.type_names.len();
            let (starts, nodes) = order::grouped(
                count,
                self.sorted()
                    .iter()
                    .map(|i| (self.op_types.get(*i as usize).copied().unwrap_or_default(), *i)),
            );
            let types = order::sorted(count, |t| self.type_names.get(t as usize));
            ByType { types, starts, nodes }
        })
    }

    /// Bytes in use for all of it, and of these the bytes of the names.
    pub fn memory(&self) -> (usize, usize) {
        let u32s = |v: &Vec<u32>| v.capacity().saturating_mul(4);
        let by_type = self.by_type.get();
        let numbers = [
            u32s(&self.names.ends),
            self.offsets.memory(),
            u32s(&self.lens),
            u32s(&self.op_types),
            u32s(&self.type_names.ends),
            self.type_names.bytes.capacity(),
            self.sorted.get().map_or(0, u32s),
            by_type.map_or(0, |b| u32s(&b.nodes)),
            by_type.map_or(0, |b| u32s(&b.starts)),
            by_type.map_or(0, |b| u32s(&b.types)),
        ];
        let names = self.names.bytes.capacity();
        let rest = numbers.into_iter().fold(0, usize::saturating_add);
        (rest.saturating_add(names), names)
    }
}

/// Collects nodes while the file is scanned.
#[derive(Debug)]
pub(crate) struct Builder {
    index: NodeIndex,
    types: HashMap<Box<[u8]>, u32>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            index: NodeIndex {
                names: Arena::default(),
                offsets: Offsets::Narrow(Vec::new()),
                lens: Vec::new(),
                op_types: Vec::new(),
                type_names: Arena::default(),
                sorted: OnceLock::new(),
                by_type: OnceLock::new(),
            },
            types: HashMap::new(),
        }
    }
}

impl Builder {
    /// Adds the node whose NodeDef lies at `extent`.
    pub(crate) fn push(&mut self, name: &[u8], op: &[u8], extent: Extent) -> Result<()> {
        let index = &mut self.index;
        let too_large = |what: &str| Err(Error::unsupported(what).offset(extent.offset));
        let Ok(len) = u32::try_from(extent.len) else {
            return too_large("a node of 4 GiB or more");
        };
        if index.len() >= u32::MAX as usize {
            return too_large("more than 4,294,967,295 nodes");
        }
        let op_type = match self.types.get(op) {
            Some(t) => *t,
            None => {
                let t = u32::try_from(index.type_names.len()).unwrap_or(u32::MAX);
                if !index.type_names.push(op) {
                    return too_large("op types of 4 GiB together");
                }
                self.types.insert(op.into(), t);
                t
            }
        };
        if !index.names.push(name) {
            return too_large("node names of 4 GiB together");
        }
        index.offsets.push(extent.offset);
        index.lens.push(len);
        index.op_types.push(op_type);
        Ok(())
    }

    /// How many nodes there are so far.
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// The index, in as little memory as it needs.
    pub(crate) fn finish(mut self) -> NodeIndex {
        self.index.names.shrink();
        self.index.type_names.shrink();
        self.index.offsets.shrink();
        self.index.lens.shrink_to_fit();
        self.index.op_types.shrink_to_fit();
        self.index
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(nodes: &[(&str, &str)]) -> NodeIndex {
        let mut b = Builder::default();
        for (i, (name, op)) in nodes.iter().enumerate() {
            b.push(name.as_bytes(), op.as_bytes(), Extent::new(i as u64, 1))
                .unwrap();
        }
        b.finish()
    }

    #[test]
    fn finds_by_name_prefix_and_type() {
        let i = index(&[
            ("b", "Add"),
            ("a/x", "Mul"),
            ("a", "Add"),
            ("a", "Mul"),
            ("", "Add"),
        ]);
        assert_eq!(i.sorted(), [4, 2, 3, 1, 0]);
        assert_eq!(i.find(b"a"), Some(2));
        assert_eq!(i.find_all(b"a"), [2, 3]);
        assert_eq!(i.find(b"aa"), None);
        assert_eq!(i.with_prefix(b"a"), [2, 3, 1]);
        assert_eq!(i.with_prefix(b"a/"), [1]);
        assert_eq!(i.with_prefix(b""), i.sorted());
        assert_eq!(i.duplicates(), [3]);
        assert_eq!(i.op_types().collect::<Vec<_>>(), [b"Add", b"Mul"]);
        assert_eq!(i.of_type(b"Add"), [4, 2, 0]);
        assert_eq!(i.of_type(b"Mul"), [3, 1]);
        assert!(i.of_type(b"Sub").is_empty());
        assert_eq!(i.op(1), b"Mul");
        assert_eq!((i.name(9), i.op(9), i.extent(9)), (&[][..], &[][..], None));
    }

    #[test]
    fn offsets_widen_when_they_must() {
        let mut b = Builder::default();
        let far = u64::from(u32::MAX) + 5;
        b.push(b"a", b"A", Extent::new(7, 1)).unwrap();
        b.push(b"b", b"A", Extent::new(far, 2)).unwrap();
        assert!(b.push(b"c", b"A", Extent::new(0, far)).is_err());
        let i = b.finish();
        assert_eq!(i.extent(0), Some(Extent::new(7, 1)));
        assert_eq!(i.extent(1), Some(Extent::new(far, 2)));
        assert_eq!(i.len(), 2);
    }
}
