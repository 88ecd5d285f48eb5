//! One node: its fields as they stand in the file, and what its inputs name.
//!
//! A node is read only when somebody asks for it, and its attribute values not even then: a Const holds
//! its tensor in one, so an [`Attr`] is a name and a byte range. Input syntax: format.md 5.3.

use bytes::Bytes;

use super::cursor::Extent;
use super::cursor::Value;
use super::cursor::for_each_field;
use crate::error::Result;
use crate::source::Source;

/// Which output of a node an input takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slot {
    /// By number: `node` is output 0, `node:2` output 2.
    Index(u32),
    /// In function bodies, by the name of the output argument and the number within it: `node:out:1`.
    Named(Bytes, u32),
}

/// What an input names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A node of the same graph.
    Node(u32),
    /// In function bodies: an argument of the function, by number.
    Argument(u32),
    /// Nothing that exists.
    Missing,
}

/// One input of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// As it stands in the file.
    pub raw: Bytes,
    /// The node it names, without `^` and output.
    pub name: Bytes,
    /// The output it takes; of no meaning for a control input.
    pub slot: Slot,
    /// Whether it only orders execution (`^node`).
    pub control: bool,
    /// What it names.
    pub target: Target,
}

/// An attribute: its name and where its AttrValue lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attr {
    /// The raw name.
    pub name: Bytes,
    /// The AttrValue in the source; empty where nothing is set.
    pub value: Extent,
}

/// A NodeDef, without the values of its attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its number in the graph.
    pub id: u32,
    /// The raw name.
    pub name: Bytes,
    /// The op type.
    pub op: Bytes,
    /// The device, often empty.
    pub device: Bytes,
    /// Data inputs in order, then control inputs.
    pub inputs: Vec<Input>,
    /// By name; of equal names only the last, as protobuf has it.
    pub attrs: Vec<Attr>,
    /// Where the NodeDef lies in the source.
    pub extent: Extent,
}

impl Node {
    /// Where the value of an attribute lies.
    pub fn attr(&self, name: &[u8]) -> Option<Extent> {
        let i = self.attrs.binary_search_by(|a| a.name.as_ref().cmp(name)).ok()?;
        self.attrs.get(i).map(|a| a.value)
    }

    /// The inputs that carry data.
    pub fn data_inputs(&self) -> impl Iterator<Item = &Input> {
        self.inputs.iter().filter(|i| !i.control)
    }
}

/// Reads a NodeDef. Inputs are parsed, not looked up.
pub(crate) fn read(source: &dyn Source, id: u32, extent: Extent, in_function: bool) -> Result<Node> {
    let mut node = Node {
        id,
        name: Bytes::new(),
        op: Bytes::new(),
        device: Bytes::new(),
        inputs: Vec::new(),
        attrs: Vec::new(),
        extent,
    };
    let window = usize::try_from(extent.len).unwrap_or(WINDOW).min(WINDOW);
    for_each_field(source, extent, window, |cursor, number, value| {
        let Value::Len(payload) = value else { return Ok(()) };
        match number {
            1 => node.name = Bytes::copy_from_slice(cursor.bytes(payload)?),
            2 => node.op = Bytes::copy_from_slice(cursor.bytes(payload)?),
            3 => node.inputs.push(parse_input(
                &Bytes::copy_from_slice(cursor.bytes(payload)?),
                in_function,
            )),
            4 => node.device = Bytes::copy_from_slice(cursor.bytes(payload)?),
            5 => {
                let mut attr = Attr {
                    name: Bytes::new(),
                    value: Extent::new(payload.end(), 0),
                };
                while let Some((number, value)) = cursor.whole_field(payload.end())? {
                    let Value::Len(inner) = value else { continue };
                    match number {
                        1 => attr.name = Bytes::copy_from_slice(cursor.bytes(inner)?),
                        2 => attr.value = inner,
                        _ => {}
                    }
                    cursor.seek(inner.end());
                }
                node.attrs.push(attr);
            }
            _ => {}
        }
        Ok(())
    })
    .map_err(|e| e.context(format_args!("node {:?}", String::from_utf8_lossy(&node.name))))?;
    // A stable sort, and of equal names the last one stays.
    node.attrs.reverse();
    node.attrs.sort_by(|a, b| a.name.cmp(&b.name));
    node.attrs.dedup_by(|b, a| a.name == b.name);
    Ok(node)
}

/// Most nodes fit whole; of a large Const only what stands around the tensor is read.
const WINDOW: usize = 16 << 10;

/// Takes an input string apart.
pub(crate) fn parse_input(raw: &Bytes, in_function: bool) -> Input {
    let (name, slot, control) = split_input(raw, in_function);
    let slot = match slot {
        RawSlot::Index(i) => Slot::Index(i),
        RawSlot::Named(out, i) => Slot::Named(raw.slice_ref(out), i),
    };
    Input {
        name: raw.slice_ref(name),
        slot,
        control,
        target: Target::Missing,
        raw: raw.clone(),
    }
}

/// As [`Slot`], borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RawSlot<'a> {
    Index(u32),
    Named(&'a [u8], u32),
}

/// The node, the output and whether it is a control input. What does not parse is taken for a name.
pub(crate) fn split_input(raw: &[u8], in_function: bool) -> (&[u8], RawSlot<'_>, bool) {
    if let Some(name) = raw.strip_prefix(b"^") {
        return (name, RawSlot::Index(0), true);
    }
    if !in_function {
        return match split(raw, raw.iter().rposition(|b| *b == b':')) {
            Some((name, index)) => match number(index) {
                Some(index) => (name, RawSlot::Index(index), false),
                None => (raw, RawSlot::Index(0), false),
            },
            None => (raw, RawSlot::Index(0), false),
        };
    }
    let colon = |bytes: &[u8]| bytes.iter().position(|b| *b == b':');
    let Some((name, rest)) = split(raw, colon(raw)) else {
        return (raw, RawSlot::Index(0), false);
    };
    if let Some(index) = number(rest) {
        return (name, RawSlot::Index(index), false);
    }
    match split(rest, colon(rest)) {
        Some((out, index)) => match number(index) {
            Some(index) => (name, RawSlot::Named(out, index), false),
            None => (raw, RawSlot::Index(0), false),
        },
        None => (name, RawSlot::Named(rest, 0), false),
    }
}

fn split(bytes: &[u8], at: Option<usize>) -> Option<(&[u8], &[u8])> {
    let (before, rest) = bytes.split_at_checked(at?)?;
    Some((before, rest.get(1..)?))
}

fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_of_graphs() {
        let index = |i| RawSlot::Index(i);
        for (raw, expected) in [
            (&b"a/b"[..], (&b"a/b"[..], index(0), false)),
            (b"a:3", (b"a", index(3), false)),
            (b"^a", (b"a", index(0), true)),
            (b"^a:1", (b"a:1", index(0), true)),
            (b"a:b", (b"a:b", index(0), false)),
            (b"a:", (b"a:", index(0), false)),
            (b"a:99999999999", (b"a:99999999999", index(0), false)),
            (b"", (b"", index(0), false)),
            (b":0", (b"", index(0), false)),
        ] {
            assert_eq!(
                split_input(raw, false),
                expected,
                "{}",
                String::from_utf8_lossy(raw)
            );
        }
    }

    #[test]
    fn inputs_of_function_bodies() {
        let index = |i| RawSlot::Index(i);
        for (raw, expected) in [
            (&b"arg"[..], (&b"arg"[..], index(0), false)),
            (b"arg:2", (b"arg", index(2), false)),
            (b"n:out:1", (b"n", RawSlot::Named(b"out", 1), false)),
            (b"n:out", (b"n", RawSlot::Named(b"out", 0), false)),
            (b"^n", (b"n", index(0), true)),
            (b"n:out:x", (b"n:out:x", index(0), false)),
        ] {
            assert_eq!(
                split_input(raw, true),
                expected,
                "{}",
                String::from_utf8_lossy(raw)
            );
        }
        let input = parse_input(&Bytes::from_static(b"n:out:1"), true);
        assert_eq!(input.slot, Slot::Named(Bytes::from_static(b"out"), 1));
        assert_eq!(&input.name[..], b"n");
    }
}
