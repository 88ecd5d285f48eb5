//! Numbers, strings and enum values: from the wire to what is printed.

use std::fmt;

use super::descriptor;
use super::descriptor::Kind;
use super::escape::write_literal;
use super::number::write_double;
use super::number::write_float;
use crate::error::Result;
use crate::wire::Reader;
use crate::wire::Value;

/// One value of a field that is not a message.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scalar<'a> {
    Double(f64),
    Float(f32),
    Signed(i64),
    Unsigned(u64),
    Bool(bool),
    String(&'a [u8]),
    Bytes(&'a [u8]),
    /// A number, and which enum names it.
    Enum(i32, usize),
}

impl<'a> Scalar<'a> {
    /// The value as its kind has it, if the wire has it in that form.
    pub(super) fn read(kind: Kind, value: Value<'a>) -> Option<Self> {
        Some(match (kind, value) {
            (Kind::String, Value::Len(bytes)) => Scalar::String(bytes),
            (Kind::Bytes, Value::Len(bytes)) => Scalar::Bytes(bytes),
            (_, Value::Varint(v)) => Self::of_varint(kind, v)?,
            (_, Value::Fixed32(v)) => Self::of_fixed32(kind, v)?,
            (_, Value::Fixed64(v)) => Self::of_fixed64(kind, v)?,
            _ => return None,
        })
    }

    /// What a field of this kind has that is not on the wire.
    pub(super) fn default_of(kind: Kind) -> Option<Self> {
        match kind {
            Kind::String => Some(Scalar::String(&[])),
            Kind::Bytes => Some(Scalar::Bytes(&[])),
            _ => Self::of_varint(kind, 0)
                .or_else(|| Self::of_fixed32(kind, 0))
                .or_else(|| Self::of_fixed64(kind, 0)),
        }
    }

    /// Integers of 32 bits are cut to size, as all protobuf readers do.
    #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
    fn of_varint(kind: Kind, v: u64) -> Option<Self> {
        Some(match kind {
            Kind::Int32 => Scalar::Signed(i64::from(v as i32)),
            Kind::Int64 => Scalar::Signed(v as i64),
            Kind::Uint32 => Scalar::Unsigned(u64::from(v as u32)),
            Kind::Uint64 => Scalar::Unsigned(v),
            Kind::Sint32 => Scalar::Signed(i64::from(unzigzag(u64::from(v as u32)) as i32)),
            Kind::Sint64 => Scalar::Signed(unzigzag(v)),
            Kind::Bool => Scalar::Bool(v != 0),
            Kind::Enum(index) => Scalar::Enum(v as i32, index),
            _ => return None,
        })
    }

    #[allow(clippy::cast_possible_wrap)]
    fn of_fixed32(kind: Kind, v: u32) -> Option<Self> {
        Some(match kind {
            Kind::Fixed32 => Scalar::Unsigned(u64::from(v)),
            Kind::Sfixed32 => Scalar::Signed(i64::from(v as i32)),
            Kind::Float => Scalar::Float(f32::from_bits(v)),
            _ => return None,
        })
    }

    #[allow(clippy::cast_possible_wrap)]
    fn of_fixed64(kind: Kind, v: u64) -> Option<Self> {
        Some(match kind {
            Kind::Fixed64 => Scalar::Unsigned(v),
            Kind::Sfixed64 => Scalar::Signed(v as i64),
            Kind::Double => Scalar::Double(f64::from_bits(v)),
            _ => return None,
        })
    }

    /// Whether proto3 leaves it out. A negative zero is not a zero there.
    pub(super) fn is_default(self) -> bool {
        match self {
            Scalar::Double(v) => v.to_bits() == 0,
            Scalar::Float(v) => v.to_bits() == 0,
            Scalar::Signed(v) => v == 0,
            Scalar::Unsigned(v) => v == 0,
            Scalar::Bool(v) => !v,
            Scalar::String(v) | Scalar::Bytes(v) => v.is_empty(),
            Scalar::Enum(v, _) => v == 0,
        }
    }

    /// Writes it as text format has it.
    pub(super) fn write<W: fmt::Write>(self, out: &mut W, scratch: &mut String) -> fmt::Result {
        match self {
            Scalar::Double(v) => write_double(out, v, scratch),
            Scalar::Float(v) => write_float(out, v, scratch),
            Scalar::Signed(v) => write!(out, "{v}"),
            Scalar::Unsigned(v) => write!(out, "{v}"),
            Scalar::Bool(v) => out.write_str(if v { "true" } else { "false" }),
            Scalar::String(v) => write_literal(out, v, true),
            Scalar::Bytes(v) => write_literal(out, v, false),
            Scalar::Enum(v, index) => {
                let name = descriptor::pool().enumeration(index).and_then(|e| e.name_of(v));
                match name {
                    Some(name) => out.write_str(name),
                    None => write!(out, "{v}"),
                }
            }
        }
    }

    /// The order of map keys: integers by value, strings by their bytes.
    pub(super) fn key(self) -> Key<'a> {
        match self {
            Scalar::Signed(v) => Key::Integer(i128::from(v)),
            Scalar::Unsigned(v) => Key::Integer(i128::from(v)),
            Scalar::Bool(v) => Key::Integer(i128::from(v)),
            Scalar::Enum(v, _) => Key::Integer(i128::from(v)),
            Scalar::String(v) | Scalar::Bytes(v) => Key::Bytes(v),
            // No map has such keys.
            Scalar::Double(_) | Scalar::Float(_) => Key::Integer(0),
        }
    }
}

/// What map entries are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key<'a> {
    Integer(i128),
    Bytes(&'a [u8]),
}

#[allow(clippy::cast_possible_wrap)]
fn unzigzag(v: u64) -> i64 {
    v.wrapping_shr(1) as i64 ^ ((v & 1) as i64).wrapping_neg()
}

/// The values in one packed field.
#[derive(Debug)]
pub(super) struct Packed<'a> {
    kind: Kind,
    reader: Reader<'a>,
}

/// Walks the values in one packed field.
pub(super) fn packed(kind: Kind, bytes: &[u8]) -> Packed<'_> {
    Packed {
        kind,
        reader: Reader::new(bytes),
    }
}

impl<'a> Packed<'a> {
    /// The next value, or `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Scalar<'a>>> {
        if self.reader.is_at_end() {
            return Ok(None);
        }
        let value = match self.kind {
            Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => Value::Fixed64(self.reader.fixed64()?),
            Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => Value::Fixed32(self.reader.fixed32()?),
            _ => Value::Varint(self.reader.varint()?),
        };
        Ok(Scalar::read(self.kind, value))
    }

    /// Whether all values are whole.
    pub(super) fn all_whole(mut self) -> bool {
        loop {
            match self.next() {
                Ok(Some(_)) => {}
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
    }
}
