//! The value of a TensorProto as it lies in a file: what a Const holds.
//!
//! format.md 5.4: `tensor_content` has exactly the elements of the shape, raw and little endian;
//! otherwise the list of the type has the first elements, the last of which repeats, and an empty list
//! means zeros. So thirty bytes may claim 10^12 elements. Invariant: memory is bounded by what is
//! stored, never by the shape; the rest of the elements is described by [`ConstData::Fixed::fill`]. Raw bytes
//! are not even read: they stay a range of the file.

use bytes::Bytes;
use prost::Message;

use super::cursor::Cursor;
use super::cursor::Extent;
use super::cursor::NARROW;
use super::cursor::Value;
use super::cursor::WIDE;
use super::dtype;
use super::strings::Strings;
use super::strings::StringsBuilder;
use super::value_list;
use super::value_list::is_narrow;
use super::value_list::narrow;
use crate::error::Error;
use crate::error::Result;
use crate::proto::tensorflow::TensorShapeProto;
use crate::source::Source;

/// A constant tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConstValue {
    /// The DataType number.
    pub dtype: u32,
    /// The dimensions; their product fits 63 bits.
    pub shape: Vec<u64>,
    /// The product of the dimensions.
    pub elements: u64,
    /// The elements.
    pub data: ConstData,
}

/// Where stored elements are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// Raw in the file, little endian.
    File(Extent),
    /// Decoded, little endian.
    Memory(Bytes),
}

impl Stored {
    /// How many bytes there are.
    pub fn len(&self) -> u64 {
        match self {
            Stored::File(extent) => extent.len,
            Stored::Memory(bytes) => bytes.len() as u64,
        }
    }

    /// Whether nothing is stored.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes, read if they are in the file.
    pub fn read(&self, source: &dyn Source) -> Result<Bytes> {
        match self {
            Stored::File(extent) => Ok(extent.read(source)?.into()),
            Stored::Memory(bytes) => Ok(bytes.clone()),
        }
    }
}

/// The elements of a constant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConstData {
    /// Elements of a fixed width.
    Fixed {
        /// Bytes an element.
        width: u32,
        /// The first elements.
        stored: Stored,
        /// How many these are.
        count: u64,
        /// The bytes of the element that all further ones are equal to; empty where there are none.
        fill: Bytes,
    },
    /// Byte strings.
    Strings {
        /// The first elements.
        stored: Strings,
        /// What all further ones are equal to.
        fill: Bytes,
    },
}

impl ConstValue {
    /// The bytes of all elements together, as an array has them; `None` for strings and beyond 2^64.
    pub fn byte_len(&self) -> Option<u64> {
        match &self.data {
            ConstData::Fixed { width, .. } => self.elements.checked_mul(u64::from(*width)),
            ConstData::Strings { .. } => None,
        }
    }

    /// String `i`, where the tensor is of strings and has so many.
    pub fn string(&self, i: u64) -> Option<&[u8]> {
        match &self.data {
            ConstData::Strings { stored, fill } if i < self.elements => Some(stored.get(i).unwrap_or(fill)),
            _ => None,
        }
    }
}

/// What a constant is, without its elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConstHead {
    /// The DataType number.
    pub dtype: u32,
    /// The dimensions; their product fits 63 bits.
    pub shape: Vec<u64>,
    /// The product of the dimensions.
    pub elements: u64,
    /// Bytes of the message that holds it.
    pub stored: u64,
}

/// Reads the TensorProto at `extent` without its elements.
pub(crate) fn read_head(source: &dyn Source, extent: Extent) -> Result<ConstHead> {
    let head = Head::read(source, extent)?;
    let (shape, elements) = dimensions(&head.shape).map_err(|e| e.at(source.path()).offset(extent.offset))?;
    Ok(ConstHead {
        dtype: dtype::base(head.dtype),
        shape,
        elements,
        stored: extent.len,
    })
}

/// The highest rank TensorFlow knows (tensor_shape.h, `MaxDimensions`).
const MAX_RANK: usize = 254;

/// Reads the TensorProto at `extent`.
pub(crate) fn read(source: &dyn Source, extent: Extent) -> Result<ConstValue> {
    let here = |e: Error| e.at(source.path()).offset(extent.offset);
    let head = Head::read(source, extent)?;
    let (shape, elements) = dimensions(&head.shape).map_err(here)?;
    let dtype = dtype::base(head.dtype);
    let data = match dtype {
        dtype::STRING => strings(source, extent, &head, elements)?,
        dtype::RESOURCE | dtype::VARIANT => {
            let name = dtype::dtype_name(dtype);
            return Err(here(Error::unsupported(format!(
                "a {name} constant has no value to show"
            ))));
        }
        _ => match dtype::width(dtype) {
            Some(width) => fixed(source, extent, &head, dtype, width, elements)?,
            None => {
                return Err(here(Error::unsupported(format!(
                    "a constant of unknown type {}",
                    head.dtype
                ))));
            }
        },
    };
    Ok(ConstValue {
        dtype,
        shape,
        elements,
        data,
    })
}

/// A TensorProto without its lists.
#[derive(Debug, Default)]
struct Head {
    dtype: u32,
    shape: TensorShapeProto,
    content: Extent,
}

impl Head {
    fn read(source: &dyn Source, extent: Extent) -> Result<Self> {
        let mut head = Head::default();
        let mut shape = Vec::new();
        super::cursor::for_each_field(source, extent, NARROW, |cursor, number, value| {
            match (number, value) {
                (1, Value::Varint(n)) => head.dtype = u32::try_from(n).unwrap_or(u32::MAX),
                (2, Value::Len(payload)) => shape.extend_from_slice(cursor.bytes(payload)?),
                (4, Value::Len(payload)) => head.content = payload,
                _ => {}
            }
            Ok(())
        })?;
        head.shape = TensorShapeProto::decode(shape.as_slice()).map_err(|e| {
            Error::corrupt(format!("tensor_shape: {e}"))
                .at(source.path())
                .offset(extent.offset)
        })?;
        Ok(head)
    }
}

/// The dimensions and their product, if they are those of a value.
fn dimensions(shape: &TensorShapeProto) -> Result<(Vec<u64>, u64)> {
    if shape.unknown_rank {
        return Err(Error::corrupt("a constant of unknown rank"));
    }
    if shape.dim.len() > MAX_RANK {
        return Err(Error::corrupt(format!(
            "a constant of {} dimensions",
            shape.dim.len()
        )));
    }
    let mut dims = Vec::with_capacity(shape.dim.len());
    for dim in &shape.dim {
        let size = u64::try_from(dim.size)
            .map_err(|_| Error::corrupt(format!("a constant with a dimension of {}", dim.size)))?;
        dims.push(size);
    }
    let product = if dims.contains(&0) {
        Some(0)
    } else {
        dims.iter()
            .try_fold(1u64, |n, d| n.checked_mul(*d))
            .filter(|n| i64::try_from(*n).is_ok())
    };
    match product {
        Some(elements) => Ok((dims, elements)),
        None => Err(Error::corrupt(format!(
            "a constant of shape {dims:?}: the number of elements does not fit 63 bits"
        ))),
    }
}

fn fixed(
    source: &dyn Source,
    extent: Extent,
    head: &Head,
    dtype: u32,
    width: u32,
    elements: u64,
) -> Result<ConstData> {
    if head.content.len > 0 {
        if elements.checked_mul(u64::from(width)) != Some(head.content.len) {
            return Err(Error::corrupt(format!(
                "tensor_content has {} bytes, {elements} elements of {width} were expected",
                head.content.len
            ))
            .at(source.path())
            .offset(head.content.offset));
        }
        let stored = if is_narrow(dtype) {
            let mut bytes = head.content.read(source)?;
            bytes.iter_mut().for_each(|b| *b = narrow(dtype, *b));
            Stored::Memory(bytes.into())
        } else {
            Stored::File(head.content)
        };
        return Ok(ConstData::Fixed {
            width,
            stored,
            count: elements,
            fill: Bytes::new(),
        });
    }
    let stored = value_list::read(source, extent, dtype, width, elements)?;
    let count = stored.len().checked_div(u64::from(width)).unwrap_or_default();
    let fill = if count >= elements {
        Bytes::new()
    } else if count == 0 {
        Bytes::from(vec![0; width as usize])
    } else {
        last_element(source, &stored, width)?
    };
    Ok(ConstData::Fixed {
        width,
        stored,
        count,
        fill,
    })
}

fn last_element(source: &dyn Source, stored: &Stored, width: u32) -> Result<Bytes> {
    let start = stored.len().saturating_sub(u64::from(width));
    match stored {
        Stored::File(extent) => {
            let at = extent.offset.saturating_add(start);
            Ok(source.read_vec(at, u64::from(width))?.into())
        }
        Stored::Memory(bytes) => {
            let last = usize::try_from(start).ok().and_then(|start| bytes.get(start..));
            Ok(Bytes::copy_from_slice(last.unwrap_or_default()))
        }
    }
}

/// Small messages in one read, large ones by the window.
pub(crate) fn window(extent: Extent) -> usize {
    usize::try_from(extent.len).unwrap_or(WIDE).min(WIDE)
}

fn strings(source: &dyn Source, extent: Extent, head: &Head, elements: u64) -> Result<ConstData> {
    if head.content.len > 0 {
        return Ok(ConstData::Strings {
            stored: string_content(source, head.content, elements)?,
            fill: Bytes::new(),
        });
    }
    let mut stored = StringsBuilder::default();
    super::cursor::for_each_field(source, extent, window(extent), |cursor, number, value| {
        if let (8, Value::Len(payload)) = (number, value)
            && stored.len() < elements
        {
            stored.push(cursor.bytes(payload)?);
        }
        Ok(())
    })?;
    let stored = stored.finish();
    let last = stored.len().checked_sub(1).and_then(|i| stored.get(i));
    let fill = Bytes::copy_from_slice(last.unwrap_or_default());
    Ok(ConstData::Strings { stored, fill })
}

/// `elements` varint lengths, then that many bytes, no more (core/platform/tensor_coding.cc).
fn string_content(source: &dyn Source, content: Extent, elements: u64) -> Result<Strings> {
    let broken = |what: String| Error::corrupt(what).at(source.path()).offset(content.offset);
    if elements > content.len {
        return Err(broken(format!(
            "tensor_content has {} bytes, too few for {elements} strings",
            content.len
        )));
    }
    let mut cursor = Cursor::new(source, content, window(content));
    let mut lengths = Vec::new();
    let mut total = 0u64;
    for _ in 0..elements {
        let len = cursor.varint(content.end())?;
        total = total.saturating_add(len);
        lengths.push(total);
    }
    let rest = Extent::between(cursor.offset(), content.end());
    if total != rest.len {
        return Err(broken(format!(
            "the strings are {total} bytes by their lengths, but {} are there",
            rest.len
        )));
    }
    Ok(Strings::new(rest.read(source)?.into(), lengths))
}

#[cfg(test)]
#[path = "constant_tests.rs"]
mod tests;
