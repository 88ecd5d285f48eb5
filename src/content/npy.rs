//! Tensors as `.npy` files: a header and the pieces that hold the elements.

use bytes::Bytes;

use super::Content;
use super::mask::Mask;
use super::mask::widen;
use super::repeat::Repeat;
use super::stitch::Stitch;
use super::strings::Strings;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::source::Extent;
use crate::tensor::DType;
use crate::tensor::Endianness;
use crate::tensor::Shape;
use crate::tensor::dtype::Layout;
use crate::tensor::npy;
use crate::tensor::payload::Payload;

/// A string array may be this many times larger than its stored bytes, or [`SMALL_ARRAY`].
const MAX_STRING_EXPANSION: u64 = 64;
/// String arrays up to this size are made whatever is stored.
const SMALL_ARRAY: u64 = 1 << 20;

/// The size of the `.npy` file of a tensor with elements of fixed width, without making it; `None` for
/// strings and variants, and where there is no such file.
pub fn size(dtype: DType, shape: &Shape, endianness: Endianness) -> Option<u64> {
    let descr = dtype.descr(endianness)?;
    let data = shape.elements()?.checked_mul(dtype.width()?)?;
    let size = data.checked_add(npy::header(&descr, shape).len() as u64)?;
    i64::try_from(size).ok()?;
    Some(size)
}

/// The `.npy` file of a tensor: what `numpy.save` writes for it.
pub fn tensor(payload: Payload, dtype: DType, shape: &Shape, endianness: Endianness) -> Result<Content> {
    let mut content = Content::new();
    match payload {
        Payload::Strings(table) => {
            let width = Strings::width(&table);
            content.push(header(&format!("|S{width}"), shape))?;
            check_expansion(table.len(), width, table.total().saturating_add(table.len()))?;
            content.push(Strings::new(table))?;
        }
        Payload::Variants(_) => {
            return Err(Error::unsupported("variants have no .npy form"));
        }
        Payload::Whole(extent) => {
            content.push(array_header(dtype, shape, endianness)?)?;
            push_elements(&mut content, dtype, extent)?;
        }
        Payload::Filled { stored, fill } => {
            content.push(array_header(dtype, shape, endianness)?)?;
            let len = shape
                .elements()
                .and_then(|n| n.checked_mul(dtype.width()?))
                .unwrap_or(u64::MAX);
            let rest = len.saturating_sub(stored.as_ref().map_or(0, Extent::len));
            push_elements(&mut content, dtype, stored)?;
            let fill = match dtype.layout() {
                Layout::Narrow { bits, signed } => fill.iter().map(|b| widen(*b, bits, signed)).collect(),
                _ => fill,
            };
            if rest > 0 {
                content.push(Repeat::new(fill, rest))?;
            }
        }
        Payload::Parts(parts) => {
            content.push(array_header(dtype, shape, endianness)?)?;
            let stitch = Stitch::new(shape, dtype.width().unwrap_or(1), parts)?;
            match dtype.layout() {
                Layout::Narrow { bits, signed } => content.push(Mask::new(stitch, bits, signed))?,
                _ => content.push(stitch)?,
            }
        }
    }
    Ok(content)
}

/// Stored elements as they are, or widened.
fn push_elements(content: &mut Content, dtype: DType, extent: Option<Extent>) -> Result<()> {
    match (dtype.layout(), extent) {
        (_, None) => Ok(()),
        (Layout::Narrow { bits, signed }, Some(extent)) => content.push(Mask::new(extent, bits, signed)),
        (_, Some(extent)) => content.push(extent),
    }
}

/// Fails where `count` strings of `width` bytes would be far more than the `stored` bytes they come from.
pub fn check_expansion(count: u64, width: u64, stored: u64) -> Result<()> {
    let limit = stored.saturating_mul(MAX_STRING_EXPANSION).max(SMALL_ARRAY);
    if count.saturating_mul(width) <= limit {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::TooLarge,
        format!("as an array of {width} bytes a string it would be far larger than its {stored} bytes"),
    )
    .hint("read its elements one by one instead"))
}

/// The header of the `.npy` file of a tensor of fixed width.
pub fn array_header(dtype: DType, shape: &Shape, endianness: Endianness) -> Result<Bytes> {
    let descr = dtype
        .descr(endianness)
        .ok_or_else(|| Error::unsupported(format!("NumPy has no array of {dtype}")))?;
    Ok(header(&descr, shape))
}

fn header(descr: &str, shape: &Shape) -> Bytes {
    npy::header(descr, shape).into()
}
