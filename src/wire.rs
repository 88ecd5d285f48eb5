//! The protobuf wire format over a byte slice: tags, varints and length-delimited fields, bounded.
//!
//! Used where a message is scanned rather than decoded: a million index entries, the node names of a
//! graph, one field of a large message. Invariant: no read leaves the slice, no length is trusted, and
//! nothing is allocated. Errors carry the offset inside the slice; the caller adds where that lies in the
//! file. Facts: format.md 1.1 (varints), the protobuf encoding guide (wire types).

use crate::error::Error;
use crate::error::Result;

/// How a field is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireType {
    /// A base-128 integer.
    Varint,
    /// Eight bytes, little endian.
    Fixed64,
    /// A length and that many bytes.
    Len,
    /// The start of a group (proto2, obsolete).
    StartGroup,
    /// The end of a group.
    EndGroup,
    /// Four bytes, little endian.
    Fixed32,
}

/// One field: its number and where its value lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// The field number, at least 1.
    pub number: u32,
    /// The value.
    pub value: Value<'a>,
}

/// The value of a field as it stands on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// A base-128 integer; signed fields reinterpret it.
    Varint(u64),
    /// Eight bytes.
    Fixed64(u64),
    /// Bytes, a string, a message or packed numbers.
    Len(&'a [u8]),
    /// The fields between a start and an end group tag, both left out.
    Group(&'a [u8]),
    /// Four bytes.
    Fixed32(u32),
}

impl<'a> Value<'a> {
    /// The bytes of a length-delimited value.
    pub fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Value::Len(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The integer of a varint value.
    pub fn varint(self) -> Option<u64> {
        match self {
            Value::Varint(v) => Some(v),
            _ => None,
        }
    }
}

/// How deep groups may nest before a message is refused; C++ and prost use the same limit.
const MAX_DEPTH: u32 = 100;

/// A position in a byte slice.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    buf: &'a [u8],
    pos: usize,
}

impl<'a> Reader<'a> {
    /// Reads `buf` from its start.
    pub fn new(buf: &'a [u8]) -> Self {
        Self { buf, pos: 0 }
    }

    /// Where the next byte lies, from the start of the slice.
    pub fn position(&self) -> usize {
        self.pos
    }

    /// The bytes not yet read.
    pub fn rest(&self) -> &'a [u8] {
        self.buf.get(self.pos..).unwrap_or_default()
    }

    /// Whether all is read.
    #[inline]
    pub fn is_at_end(&self) -> bool {
        self.pos >= self.buf.len()
    }

    fn error(&self, what: &str) -> Error {
        Error::corrupt(what).offset(self.pos as u64)
    }

    /// The next byte.
    #[inline]
    pub fn byte(&mut self) -> Result<u8> {
        match self.buf.get(self.pos) {
            Some(b) => {
                self.pos = self.pos.saturating_add(1);
                Ok(*b)
            }
            None => Err(self.error("the data ends in the middle of a value")),
        }
    }

    /// The next `len` bytes.
    #[inline]
    pub fn take(&mut self, len: u64) -> Result<&'a [u8]> {
        let end = usize::try_from(len)
            .ok()
            .and_then(|len| self.pos.checked_add(len));
        match end.and_then(|end| Some((end, self.buf.get(self.pos..end)?))) {
            Some((end, bytes)) => {
                self.pos = end;
                Ok(bytes)
            }
            None => Err(self.too_long(len)),
        }
    }

    #[cold]
    fn too_long(&self, len: u64) -> Error {
        self.error(&format!(
            "a length of {len} bytes, but only {} are left",
            self.rest().len()
        ))
    }

    /// A base-128 integer of at most ten bytes. Non-minimal encodings are accepted, bits beyond the 64th
    /// are not.
    #[inline]
    pub fn varint(&mut self) -> Result<u64> {
        // Nearly all tags and lengths are one byte.
        match self.buf.get(self.pos) {
            Some(byte) if *byte < 0x80 => {
                self.pos = self.pos.saturating_add(1);
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64> {
        let start = self.pos;
        // Most are one byte: tags, lengths, small numbers.
        if let Some(byte) = self.buf.get(start).filter(|byte| **byte < 0x80) {
            self.pos = start.saturating_add(1);
            return Ok((*byte).into());
        }
        let mut value = 0u64;
        let mut shift = 0u32;
        loop {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 || shift > 63 {
                self.pos = start;
                return Err(self.error("an integer that does not fit 64 bits"));
            }
            value |= bits.wrapping_shl(shift);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
            shift = shift.saturating_add(7);
        }
    }

    /// A base-128 integer that must fit 32 bits.
    #[inline]
    pub fn varint32(&mut self) -> Result<u32> {
        let start = self.pos;
        let value = self.varint()?;
        u32::try_from(value).map_err(|_| {
            Error::corrupt(format!("{value}, where a number below 2^32 must stand")).offset(start as u64)
        })
    }

    /// Four bytes, little endian.
    #[inline]
    pub fn fixed32(&mut self) -> Result<u32> {
        let bytes = self.take(4)?;
        Ok(bytes.first_chunk().map_or(0, |b| u32::from_le_bytes(*b)))
    }

    /// Eight bytes, little endian.
    pub fn fixed64(&mut self) -> Result<u64> {
        let bytes = self.take(8)?;
        Ok(bytes.first_chunk().map_or(0, |b| u64::from_le_bytes(*b)))
    }

    /// The tag of the next field: its number and wire type.
    #[inline]
    pub fn tag(&mut self) -> Result<(u32, WireType)> {
        let start = self.pos;
        let tag = self.varint()?;
        let wire_type = match tag & 7 {
            0 => WireType::Varint,
            1 => WireType::Fixed64,
            2 => WireType::Len,
            3 => WireType::StartGroup,
            4 => WireType::EndGroup,
            5 => WireType::Fixed32,
            n => {
                return Err(Error::corrupt(format!("wire type {n} does not exist")).offset(start as u64));
            }
        };
        match u32::try_from(tag.wrapping_shr(3)) {
            Ok(number) if number > 0 && number < 1 << 29 => Ok((number, wire_type)),
            _ => Err(Error::corrupt("a field number out of range").offset(start as u64)),
        }
    }

    /// The next field, or `None` at the end of the slice.
    #[inline]
    pub fn field(&mut self) -> Result<Option<Field<'a>>> {
        if self.is_at_end() {
            return Ok(None);
        }
        let start = self.pos;
        let (number, wire_type) = self.tag()?;
        let value = match wire_type {
            WireType::Varint => Value::Varint(self.varint()?),
            WireType::Fixed64 => Value::Fixed64(self.fixed64()?),
            WireType::Fixed32 => Value::Fixed32(self.fixed32()?),
            WireType::Len => {
                let len = self.varint()?;
                Value::Len(self.take(len)?)
            }
            WireType::StartGroup => Value::Group(self.group(number, 0)?),
            WireType::EndGroup => {
                return Err(Error::corrupt("the end of a group that did not start").offset(start as u64));
            }
        };
        Ok(Some(Field { number, value }))
    }

    /// Skips the fields of group `number` and its end tag; gives the bytes between.
    fn group(&mut self, number: u32, depth: u32) -> Result<&'a [u8]> {
        if depth >= MAX_DEPTH {
            return Err(self.error("groups nested too deep"));
        }
        let start = self.pos;
        loop {
            let end = self.pos;
            let (inner, wire_type) = self.tag()?;
            match wire_type {
                WireType::Varint => drop(self.varint()?),
                WireType::Fixed64 => drop(self.take(8)?),
                WireType::Fixed32 => drop(self.take(4)?),
                WireType::Len => {
                    let len = self.varint()?;
                    self.take(len)?;
                }
                WireType::StartGroup => drop(self.group(inner, depth.saturating_add(1))?),
                WireType::EndGroup if inner == number => {
                    return Ok(self.buf.get(start..end).unwrap_or_default());
                }
                WireType::EndGroup => return Err(self.error("the end of another group")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints() {
        for (bytes, value) in [
            (&[0u8][..], 0u64),
            (&[0x7f], 127),
            (&[0x80, 1], 128),
            (&[0x80, 0x80, 0], 0),
            (
                &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
                u64::MAX,
            ),
        ] {
            let mut r = Reader::new(bytes);
            assert_eq!(r.varint().unwrap(), value);
            assert!(r.is_at_end());
        }
        assert!(Reader::new(&[0x80]).varint().is_err());
        assert!(Reader::new(&[0xff; 11]).varint().is_err());
        assert!(
            Reader::new(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2])
                .varint()
                .is_err()
        );
        assert!(Reader::new(&[0x80, 0x80, 0x80, 0x80, 0x10]).varint32().is_err());
    }

    #[test]
    fn fields() {
        let mut r = Reader::new(&[0x08, 5, 0x12, 2, b'h', b'i', 0x1d, 1, 0, 0, 0]);
        assert_eq!(
            r.field().unwrap().unwrap(),
            Field {
                number: 1,
                value: Value::Varint(5)
            }
        );
        assert_eq!(r.field().unwrap().unwrap().value.bytes().unwrap(), b"hi");
        assert_eq!(r.field().unwrap().unwrap().value, Value::Fixed32(1));
        assert_eq!(r.field().unwrap(), None);
    }

    #[test]
    fn groups_are_skipped_and_bounded() {
        let mut r = Reader::new(&[0x0b, 0x10, 7, 0x0c, 0x08, 1]);
        assert_eq!(r.field().unwrap().unwrap().value, Value::Group(&[0x10, 7]));
        assert_eq!(r.field().unwrap().unwrap().value, Value::Varint(1));
        assert!(Reader::new(&[0x0b; 1000]).field().is_err());
        assert!(Reader::new(&[0x0c]).field().is_err());
    }

    #[test]
    fn lengths_are_checked() {
        let e = Reader::new(&[0x12, 0xff, 0xff, 0xff, 0xff, 0x0f, 1])
            .field()
            .unwrap_err();
        assert!(e.to_string().contains("only 1 are left"), "{e}");
        assert!(Reader::new(&[0x00, 0x01]).field().is_err());
        assert!(Reader::new(&[0x0e]).field().is_err());
    }
}
