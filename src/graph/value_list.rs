//! The `*_val` lists of a TensorProto: elements as protobuf numbers, turned into the bytes of an array.
//!
//! Which list a type uses and how: tensor.proto, and format.md 5.4. Numbers of fixed width that lie in one packed run
//! are little endian in the file already and stay there. Invariant: no more is decoded than is stored,
//! and no more than the shape has room for.

use bytes::Bytes;

use super::constant::Stored;
use super::constant::window;
use super::cursor::Cursor;
use super::cursor::Extent;
use super::cursor::Value;
use super::dtype;
use crate::error::Error;
use crate::error::Result;
use crate::source::Source;

/// How the elements of a type stand in their list: tensor.proto.
#[derive(Debug, Clone, Copy)]
enum Coding {
    /// Varints, cut to the width.
    Varint,
    /// Numbers of four bytes, little endian; complex elements are two.
    Fixed32,
    /// Numbers of eight bytes, little endian; complex elements are two.
    Fixed64,
    /// One byte an element, in one bytes field.
    Raw,
}

/// The list field of a type and how it is coded.
fn list_of(dtype: u32) -> Option<(u32, Coding)> {
    Some(match dtype {
        1 => (5, Coding::Fixed32),
        2 => (6, Coding::Fixed64),
        3 | 4 | 5 | 6 | 11 | 12 | 13 | 15 | 16 | 17 | 29 | 30 | 31 | 32 => (7, Coding::Varint),
        8 => (9, Coding::Fixed32),
        9 => (10, Coding::Varint),
        10 => (11, Coding::Varint),
        14 | 19 => (13, Coding::Varint),
        18 => (12, Coding::Fixed64),
        22 => (16, Coding::Varint),
        23 => (17, Coding::Varint),
        24..=28 => (18, Coding::Raw),
        _ => return None,
    })
}

/// The number of the list field of a type.
pub(crate) fn list_field(dtype: u32) -> Option<u32> {
    list_of(dtype).map(|(field, _)| field)
}

/// The value in one byte of the types narrower than that, whose upper bits are unspecified
/// (format.md, dtype table): sign-extended or masked.
pub(crate) fn narrow(dtype: u32, byte: u8) -> u8 {
    let signed = |bits: u32| {
        let shift = 8u32.saturating_sub(bits);
        byte.wrapping_shl(shift)
            .cast_signed()
            .wrapping_shr(shift)
            .cast_unsigned()
    };
    match dtype {
        29 => signed(4),
        30 => byte & 0x0f,
        31 => signed(2),
        32 => byte & 0x03,
        dtype::BOOL => u8::from(byte != 0),
        _ => byte,
    }
}

/// Whether [`narrow`] changes elements as they are stored.
pub(crate) fn is_narrow(dtype: u32) -> bool {
    matches!(dtype, 29..=32)
}

/// The elements in the list of the TensorProto at `extent`, at most `elements` of them. One packed run of numbers of fixed width is left
/// in the file; everything else is decoded.
pub(crate) fn read(
    source: &dyn Source,
    extent: Extent,
    dtype: u32,
    width: u32,
    elements: u64,
) -> Result<Stored> {
    let Some((field, coding)) = list_of(dtype) else {
        return Ok(Stored::Memory(Bytes::new()));
    };
    let limit = elements.saturating_mul(u64::from(width));
    let mut cursor = Cursor::new(source, extent, window(extent));
    let end = extent.end();
    let mut only: Option<Extent> = None;
    let mut out: Vec<u8> = Vec::new();
    while let Some((number, value)) = cursor.whole_field(end)? {
        let next = match value {
            Value::Len(payload) => payload.end(),
            _ => cursor.offset(),
        };
        if number == field && (out.len() as u64) < limit {
            let room = limit.saturating_sub(out.len() as u64);
            match (coding, value) {
                (Coding::Varint, Value::Varint(n)) => put(&mut out, dtype, width, n),
                (Coding::Varint, Value::Len(payload)) => {
                    while cursor.offset() < payload.end() && (out.len() as u64) < limit {
                        let n = cursor.varint(payload.end())?;
                        put(&mut out, dtype, width, n);
                    }
                }
                (Coding::Fixed32, Value::Fixed32(n)) => out.extend_from_slice(&n.to_le_bytes()),
                (Coding::Fixed64, Value::Fixed64(n)) => out.extend_from_slice(&n.to_le_bytes()),
                (Coding::Fixed32 | Coding::Fixed64 | Coding::Raw, Value::Len(payload)) => {
                    let unit = match coding {
                        Coding::Fixed64 => 8,
                        Coding::Fixed32 => 4,
                        _ => 1,
                    };
                    if payload.len.checked_rem(unit) != Some(0) {
                        return Err(Error::corrupt(format!(
                            "a packed list of {} bytes, not a multiple of {unit}",
                            payload.len
                        ))
                        .at(source.path())
                        .offset(payload.offset));
                    }
                    let run = Extent::new(payload.offset, payload.len.min(room));
                    if out.is_empty() && only.is_none() {
                        only = Some(run);
                    } else {
                        if let Some(first) = only.take() {
                            out = first.read(source)?;
                        }
                        out.extend_from_slice(&run.read(source)?);
                    }
                }
                _ => {}
            }
            if let (Some(first), false) = (only, out.is_empty()) {
                // Single numbers after a packed run.
                let mut all = first.read(source)?;
                all.append(&mut out);
                out = all;
                only = None;
            }
        }
        cursor.seek(next);
    }
    let whole = |len: u64| {
        let len = len.min(limit);
        len.saturating_sub(len.checked_rem(u64::from(width)).unwrap_or_default())
    };
    Ok(match only {
        Some(run) => Stored::File(Extent::new(run.offset, whole(run.len))),
        None => {
            out.truncate(usize::try_from(whole(out.len() as u64)).unwrap_or_default());
            out.shrink_to_fit();
            Stored::Memory(out.into())
        }
    })
}

/// Adds an element: the low bytes of a varint, as a cast in C++ takes them.
fn put(out: &mut Vec<u8>, dtype: u32, width: u32, n: u64) {
    if dtype == dtype::BOOL {
        out.push(u8::from(n != 0));
        return;
    }
    for (i, byte) in n.to_le_bytes().into_iter().enumerate() {
        if i < width as usize {
            out.push(if is_narrow(dtype) {
                narrow(dtype, byte)
            } else {
                byte
            });
        }
    }
}
