//! A NodeDef or AttrValue without the values of its large tensors, so that looking at a Const of half a
//! gigabyte does not read it.
//!
//! What is left is valid wire format that decodes and prints like the original; a tensor over the limit
//! keeps its dtype, shape and version and loses its elements. Field numbers: node_def.proto,
//! attr_value.proto, tensor.proto.

use bytes::Bytes;

use super::cursor::Cursor;
use super::cursor::Extent;
use super::cursor::Value;
use crate::error::Result;
use crate::source::Source;

/// A tensor whose elements were left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Omitted {
    /// The attribute it is the value of, or in the list of.
    pub attr: Bytes,
    /// Where the whole TensorProto lies in the source.
    pub tensor: Extent,
}

/// Tensors up to this many bytes stand in texts in full (design: `@node.pbtxt`).
pub const INLINE_TENSOR: u64 = 4 << 10;

/// What can be abridged, from the outside in.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    Node,
    AttrEntry,
    AttrValue,
    List,
    Tensor,
}

impl Part {
    /// The part that a field is.
    fn inner(self, number: u32) -> Option<Part> {
        match (self, number) {
            (Part::Node, 5) => Some(Part::AttrEntry),
            (Part::AttrEntry, 2) => Some(Part::AttrValue),
            (Part::AttrValue, 1) => Some(Part::List),
            (Part::AttrValue | Part::List, 8) => Some(Part::Tensor),
            _ => None,
        }
    }
}

/// The wire bytes of the message at `extent`, abridged, and what was left out.
pub(crate) fn abridge(source: &dyn Source, part: Part, extent: Extent) -> Result<(Vec<u8>, Vec<Omitted>)> {
    if extent.len <= INLINE_TENSOR {
        return Ok((extent.read(source)?, Vec::new()));
    }
    let mut copy = Copy {
        cursor: Cursor::new(source, extent, INLINE_TENSOR as usize),
        attr: Bytes::new(),
        omitted: Vec::new(),
    };
    let bytes = copy.message(part, extent)?;
    Ok((bytes, copy.omitted))
}

struct Copy<'a> {
    cursor: Cursor<'a>,
    attr: Bytes,
    omitted: Vec<Omitted>,
}

impl Copy<'_> {
    fn message(&mut self, part: Part, extent: Extent) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        if matches!(part, Part::Tensor) {
            self.omitted.push(Omitted {
                attr: self.attr.clone(),
                tensor: extent,
            });
        }
        self.cursor.seek(extent.offset);
        loop {
            let start = self.cursor.offset();
            let Some((number, value)) = self.cursor.whole_field(extent.end())? else {
                return Ok(out);
            };
            let next = match value {
                Value::Len(payload) => payload.end(),
                _ => self.cursor.offset(),
            };
            match (part, value) {
                (Part::Tensor, _) if number > 3 => {}
                (_, Value::Len(payload)) if payload.len > INLINE_TENSOR && part.inner(number).is_some() => {
                    let inner = part.inner(number).unwrap_or(Part::Tensor);
                    let bytes = self.message(inner, payload)?;
                    put_varint(&mut out, u64::from(number).wrapping_shl(3) | 2);
                    put_varint(&mut out, bytes.len() as u64);
                    out.extend_from_slice(&bytes);
                }
                _ => {
                    if let (Part::AttrEntry, 1, Value::Len(payload)) = (part, number, value) {
                        self.attr = Bytes::copy_from_slice(self.cursor.bytes(payload)?);
                    }
                    out.extend_from_slice(self.cursor.bytes(Extent::between(start, next))?);
                }
            }
            self.cursor.seek(next);
        }
    }
}

fn put_varint(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push((n & 0x7f) as u8 | 0x80);
        n >>= 7;
    }
    out.push((n & 0x7f) as u8);
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;
    use crate::graph::testing::*;
    use crate::proto::tensorflow::NodeDef;
    use crate::proto::tensorflow::TensorProto;
    use crate::proto::tensorflow::attr_value::ListValue;
    use crate::proto::tensorflow::attr_value::Value as V;

    #[test]
    fn large_tensors_keep_dtype_and_shape() {
        let big = TensorProto {
            tensor_content: vec![7u8; 5000].into(),
            ..tensor(4, &[5000])
        };
        let small = TensorProto {
            int_val: vec![1, 2],
            ..tensor(3, &[2])
        };
        let list = ListValue {
            tensor: vec![small.clone(), big.clone()],
            ..ListValue::default()
        };
        let def = node("c", "Const", &["^x"])
            .attr("value", V::Tensor(big.clone()))
            .attr("list", V::List(list))
            .attr("dtype", V::Type(4));
        let source = source(def.encode_to_vec());
        let all = Extent::new(0, source.len());
        let (bytes, omitted) = abridge(source.as_ref(), Part::Node, all).unwrap();
        assert!(bytes.len() < 200);
        assert_eq!(
            omitted.iter().map(|o| &o.attr[..]).collect::<Vec<_>>(),
            [b"value", &b"list"[..]]
        );
        let whole = omitted[0].tensor.read(source.as_ref()).unwrap();
        assert_eq!(TensorProto::decode(&whole[..]).unwrap(), big);
        let expected = node("c", "Const", &["^x"])
            .attr("value", V::Tensor(tensor(4, &[5000])))
            .attr(
                "list",
                V::List(ListValue {
                    tensor: vec![small, tensor(4, &[5000])],
                    ..ListValue::default()
                }),
            )
            .attr("dtype", V::Type(4));
        assert_eq!(NodeDef::decode(&bytes[..]).unwrap(), expected);
    }
}
