//! The objects of a TF2 checkpoint: a TrackableObjectGraph (format.md 6.3).
//!
//! Kept as ranges over the wire bytes, a few times the size of what stands there, whatever it claims to be.
//! Cycles and shared objects are normal. An id that is out of range leads nowhere: such edges are left out
//! and counted, and hide nothing else.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::Bytes;

use crate::error::Error;
use crate::error::Result;
use crate::wire::Reader;

/// Larger graphs are refused: offsets are kept in 32 bits.
pub const MAX_BYTES: usize = 1 << 30;

/// Bytes within the message.
#[derive(Debug, Clone, Copy, Default)]
struct Span {
    start: u32,
    len: u32,
}

/// Ends of a node's parts in the flat lists.
#[derive(Debug, Clone, Copy, Default)]
struct Ends {
    children: u32,
    attributes: u32,
    slots: u32,
}

#[derive(Debug, Clone, Copy, Default)]
struct Edge {
    name: Span,
    node: u32,
}

#[derive(Debug, Clone, Copy, Default)]
struct RawAttribute {
    name: Span,
    full_name: Span,
    key: Span,
}

#[derive(Debug, Clone, Copy, Default)]
struct RawSlot {
    original: u32,
    name: Span,
    node: u32,
}

/// A child of an object: by its number among all children of the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Child<'a> {
    /// The attribute of the parent that holds it: any bytes.
    pub name: &'a [u8],
    /// Which object it is.
    pub node: u32,
}

/// A value that an object saves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// `VARIABLE_VALUE` for variables.
    pub name: &'a [u8],
    /// The TF1 name of a variable; often empty.
    pub full_name: &'a [u8],
    /// The key of the checkpoint, or what it starts with.
    pub key: &'a [u8],
}

/// What an optimizer keeps for a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot<'a> {
    /// The variable it is kept for.
    pub original: u32,
    /// `m`, `momentum`.
    pub name: &'a [u8],
    /// The variable it is kept in.
    pub node: u32,
}

/// How the shortest route from the root reaches an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The object before it.
    pub parent: u32,
    /// Which of all children of the graph it is.
    pub child: u32,
}

/// The objects.
#[derive(Debug)]
pub struct ObjectGraph {
    wire: Bytes,
    ends: Vec<Ends>,
    children: Vec<Edge>,
    attributes: Vec<RawAttribute>,
    slots: Vec<RawSlot>,
    places: Vec<Place>,
    order: Vec<u32>,
    dropped: u64,
}

/// No object: the place of the root and of what no route reaches.
const NOWHERE: Place = Place {
    parent: u32::MAX,
    child: u32::MAX,
};

impl ObjectGraph {
    /// Reads the message.
    pub fn decode(wire: Bytes) -> Result<Self> {
        if wire.len() > MAX_BYTES {
            return Err(Error::unsupported(format!(
                "an object graph of {} bytes is too large",
                wire.len()
            )));
        }
        let mut graph = Self {
            wire: wire.clone(),
            ends: Vec::new(),
            children: Vec::new(),
            attributes: Vec::new(),
            slots: Vec::new(),
            places: Vec::new(),
            order: Vec::new(),
            dropped: 0,
        };
        let context = |e: Error| e.context("the object graph");
        let mut reader = Reader::new(&wire);
        while let Some(field) = reader.field().map_err(context)? {
            if let (1, Some(bytes)) = (field.number, field.value.bytes()) {
                graph.node(bytes).map_err(context)?;
            }
        }
        graph.drop_stray_edges();
        graph.walk();
        Ok(graph)
    }

    fn node(&mut self, bytes: &[u8]) -> Result<()> {
        let mut reader = Reader::new(bytes);
        while let Some(field) = reader.field()? {
            let Some(bytes) = field.value.bytes() else {
                continue;
            };
            let mut part = Reader::new(bytes);
            match field.number {
                1 => {
                    let mut edge = Edge::default();
                    while let Some(field) = part.field()? {
                        match (field.number, field.value.varint(), field.value.bytes()) {
                            (1, Some(node), _) => edge.node = id(node),
                            (2, _, Some(name)) => edge.name = self.span(name),
                            _ => {}
                        }
                    }
                    self.children.push(edge);
                }
                2 => {
                    let mut attribute = RawAttribute::default();
                    while let Some(field) = part.field()? {
                        match (field.number, field.value.bytes()) {
                            (1, Some(name)) => attribute.name = self.span(name),
                            (2, Some(name)) => attribute.full_name = self.span(name),
                            (3, Some(key)) => attribute.key = self.span(key),
                            _ => {}
                        }
                    }
                    self.attributes.push(attribute);
                }
                3 => {
                    let mut slot = RawSlot::default();
                    while let Some(field) = part.field()? {
                        match (field.number, field.value.varint(), field.value.bytes()) {
                            (1, Some(node), _) => slot.original = id(node),
                            (2, _, Some(name)) => slot.name = self.span(name),
                            (3, Some(node), _) => slot.node = id(node),
                            _ => {}
                        }
                    }
                    self.slots.push(slot);
                }
                _ => {}
            }
        }
        self.ends.push(self.here());
        Ok(())
    }

    fn here(&self) -> Ends {
        let len = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Ends {
            children: len(self.children.len()),
            attributes: len(self.attributes.len()),
            slots: len(self.slots.len()),
        }
    }

    /// Where a part of the message lies in it.
    fn span(&self, part: &[u8]) -> Span {
        let start = part.as_ptr().addr().wrapping_sub(self.wire.as_ptr().addr());
        match (u32::try_from(start), u32::try_from(part.len())) {
            (Ok(start), Ok(len)) if start.saturating_add(len) as usize <= self.wire.len() => {
                Span { start, len }
            }
            _ => Span::default(),
        }
    }

    /// Edges to objects that do not exist lead back to nowhere, once and for all.
    fn drop_stray_edges(&mut self) {
        let count = self.len();
        let mut dropped = 0u64;
        for edge in &mut self.children {
            if edge.node >= count {
                edge.node = u32::MAX;
                dropped = dropped.saturating_add(1);
            }
        }
        for slot in &mut self.slots {
            if slot.node >= count || slot.original >= count {
                slot.node = u32::MAX;
                slot.original = u32::MAX;
                dropped = dropped.saturating_add(1);
            }
        }
        self.dropped = dropped;
    }

    /// Breadth first from the root, as TensorFlow names objects.
    fn walk(&mut self) {
        let mut places = vec![NOWHERE; self.ends.len()];
        let mut order = Vec::new();
        let mut queue = VecDeque::new();
        if !self.ends.is_empty() {
            queue.push_back(0u32);
        }
        while let Some(parent) = queue.pop_front() {
            order.push(parent);
            for child in self.child_numbers(parent) {
                let Some(node) = self.child(child).map(|child| child.node) else {
                    continue;
                };
                if let Some(place) = places.get_mut(node as usize)
                    && *place == NOWHERE
                    && node != 0
                {
                    *place = Place { parent, child };
                    queue.push_back(node);
                }
            }
        }
        self.places = places;
        self.order = order;
    }

    /// The message.
    pub fn wire(&self) -> &Bytes {
        &self.wire
    }

    /// How many objects there are.
    pub fn len(&self) -> u32 {
        u32::try_from(self.ends.len()).unwrap_or(u32::MAX)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many children and slots name an object that does not exist.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The objects that the root leads to, breadth first.
    pub fn order(&self) -> &[u32] {
        &self.order
    }

    /// How the root leads to an object first; `None` for the root and what is not reached by children.
    pub fn place(&self, node: u32) -> Option<Place> {
        let place = self.places.get(node as usize).copied()?;
        (place != NOWHERE).then_some(place)
    }

    fn range(&self, node: u32, part: impl Fn(&Ends) -> u32) -> Range<u32> {
        let Some(ends) = self.ends.get(node as usize) else {
            return 0..0;
        };
        let before = (node as usize).checked_sub(1).and_then(|n| self.ends.get(n));
        before.map_or(0, &part)..part(ends)
    }

    fn text(&self, span: Span) -> &[u8] {
        let end = span.start.saturating_add(span.len);
        self.wire
            .get(span.start as usize..end as usize)
            .unwrap_or_default()
    }

    /// The numbers of an object's children, in the order of the file.
    pub fn child_numbers(&self, node: u32) -> Range<u32> {
        self.range(node, |ends| ends.children)
    }

    /// A child by its number; `None` where it names no object.
    pub fn child(&self, number: u32) -> Option<Child<'_>> {
        let edge = self.children.get(number as usize)?;
        (edge.node != u32::MAX).then(|| Child {
            name: self.text(edge.name),
            node: edge.node,
        })
    }

    /// The children of an object that exist.
    pub fn children(&self, node: u32) -> impl Iterator<Item = Child<'_>> {
        self.child_numbers(node).filter_map(|number| self.child(number))
    }

    /// The numbers of an object's attributes.
    pub fn attribute_numbers(&self, node: u32) -> Range<u32> {
        self.range(node, |ends| ends.attributes)
    }

    /// An attribute by its number.
    pub fn attribute(&self, number: u32) -> Option<Attribute<'_>> {
        let attribute = self.attributes.get(number as usize)?;
        Some(Attribute {
            name: self.text(attribute.name),
            full_name: self.text(attribute.full_name),
            key: self.text(attribute.key),
        })
    }

    /// The numbers of what an object, an optimizer, keeps for variables.
    pub fn slot_numbers(&self, node: u32) -> Range<u32> {
        self.range(node, |ends| ends.slots)
    }

    /// A slot by its number; `None` where it names no object.
    pub fn slot(&self, number: u32) -> Option<Slot<'_>> {
        let slot = self.slots.get(number as usize)?;
        (slot.node != u32::MAX).then(|| Slot {
            original: slot.original,
            name: self.text(slot.name),
            node: slot.node,
        })
    }

    /// The local names that lead to an object first, from the root; `None` for one that is not reached.
    pub fn route(&self, node: u32) -> Option<Vec<&[u8]>> {
        let mut names = Vec::new();
        let mut at = node;
        while let Some(place) = self.place(at) {
            names.push(self.child(place.child)?.name);
            at = place.parent;
        }
        names.reverse();
        (at == 0).then_some(names)
    }
}

/// An int32 on the wire: a negative one is as far out of range as any.
fn id(varint: u64) -> u32 {
    u32::try_from(varint)
        .ok()
        .filter(|id| i32::try_from(*id).is_ok())
        .unwrap_or(u32::MAX)
}

#[cfg(test)]
#[path = "object_graph_tests.rs"]
mod tests;
