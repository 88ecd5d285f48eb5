//! Protobuf fields read straight from a file, through a window that is never larger than asked for.
//!
//! A graph may hold half a gigabyte of constants between its nodes, so it is neither mapped nor loaded:
//! the cursor reads a window, gives the fields in it, and skips over what nobody wants without reading
//! it. Invariants: nothing outside the extent it was opened on is read; every [`Value::Len`] lies
//! inside the enclosing message; a length that runs past it becomes [`Value::Cut`], clamped, so that
//! what is there of a truncated container can still be used. Offsets are those of the file.

use crate::error::Error;
use crate::error::Result;
use crate::source::Source;
use crate::wire::Reader;
use crate::wire::WireType;

/// A byte range of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Extent {
    /// Where it starts, from the start of the file.
    pub offset: u64,
    /// How many bytes it has.
    pub len: u64,
}

impl Extent {
    /// The range `[offset, offset + len)`.
    pub fn new(offset: u64, len: u64) -> Self {
        Self { offset, len }
    }

    /// The range `[start, end)`, empty where `end` lies before `start`.
    pub fn between(start: u64, end: u64) -> Self {
        Self {
            offset: start,
            len: end.saturating_sub(start),
        }
    }

    /// Where it ends.
    pub fn end(self) -> u64 {
        self.offset.saturating_add(self.len)
    }

    /// Reads the range into memory; it is checked against the length of the file first.
    pub fn read(self, source: &dyn Source) -> Result<Vec<u8>> {
        source.read_vec(self.offset, self.len)
    }
}

/// The value of a field, its payload still in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value {
    /// A base-128 integer.
    Varint(u64),
    /// Eight bytes, little endian.
    Fixed64(u64),
    /// Four bytes, little endian.
    Fixed32(u32),
    /// Bytes, a string, a message or packed numbers.
    Len(Extent),
    /// A length that runs past the enclosing message: what is there of it, and what it claimed.
    Cut(Extent, u64),
    /// A group, skipped.
    Group,
}

/// How deep groups may nest before a message is refused, as in [`crate::wire`].
const MAX_GROUPS: u32 = 100;

/// The longest tag and varint together: two base-128 integers of ten bytes.
const HEADER: usize = 20;

/// The window for walking a whole file: few system calls, and it stays in the second-level cache.
pub(crate) const WIDE: usize = 128 << 10;

/// The window for one message of a few hundred bytes.
pub(crate) const NARROW: usize = 4 << 10;

/// A position in an extent of a source.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    source: &'a dyn Source,
    /// Nothing at or behind this offset is read.
    limit: u64,
    /// The offset of the first byte of `buf`.
    base: u64,
    buf: Vec<u8>,
    /// The next byte in `buf`.
    pos: usize,
    window: usize,
}

impl<'a> Cursor<'a> {
    /// Reads `extent` of `source` from its start, about `window` bytes at a time.
    pub(crate) fn new(source: &'a dyn Source, extent: Extent, window: usize) -> Self {
        Self {
            source,
            limit: extent.end().min(source.len()),
            base: extent.offset,
            buf: Vec::new(),
            pos: 0,
            window,
        }
    }

    /// The offset of the next byte.
    pub(crate) fn offset(&self) -> u64 {
        self.base.saturating_add(self.pos as u64)
    }

    /// Goes to `offset`, without reading.
    pub(crate) fn seek(&mut self, offset: u64) {
        match offset.checked_sub(self.base).map(usize::try_from) {
            Some(Ok(pos)) if pos <= self.buf.len() => self.pos = pos,
            _ => {
                self.buf.clear();
                self.base = offset;
                self.pos = 0;
            }
        }
    }

    /// Makes `want` bytes available, or as many as there are before the limit.
    fn fill(&mut self, want: usize) -> Result<()> {
        if self.rest().len() >= want {
            return Ok(());
        }
        let at = self.offset();
        let left = usize::try_from(self.limit.saturating_sub(at)).unwrap_or(usize::MAX);
        let size = want.max(self.window).min(left);
        if size <= self.rest().len() {
            return Ok(());
        }
        self.base = at;
        self.pos = 0;
        self.buf.resize(size, 0);
        if let Err(e) = self.source.read_at(at, &mut self.buf) {
            self.buf.clear();
            return Err(e);
        }
        Ok(())
    }

    fn rest(&self) -> &[u8] {
        self.buf.get(self.pos..).unwrap_or_default()
    }

    fn error(&self, what: impl Into<String>) -> Error {
        Error::corrupt(what).at(self.source.path()).offset(self.offset())
    }

    /// Runs `read` over the window with at least a whole header in it, bounded by `end`.
    #[inline]
    fn header<T>(&mut self, end: u64, read: impl Fn(&mut Reader<'_>) -> Result<T>) -> Result<T> {
        if self.rest().len() < HEADER {
            self.fill(HEADER)?;
        }
        let at = self.offset();
        let room = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX);
        let rest = self.rest();
        let mut reader = Reader::new(rest.get(..room).unwrap_or(rest));
        match read(&mut reader) {
            Ok(value) => {
                self.pos = self.pos.saturating_add(reader.position());
                Ok(value)
            }
            Err(e) => {
                let inside = e.at_offset().unwrap_or(0);
                Err(Error::corrupt(e.what())
                    .at(self.source.path())
                    .offset(at.saturating_add(inside)))
            }
        }
    }

    /// The base-128 integer here, in a message that ends at `end`.
    pub(crate) fn varint(&mut self, end: u64) -> Result<u64> {
        self.header(end, |r| r.varint())
    }

    /// The next field of a message that ends at `end`, or `None` at its end. After a [`Value::Len`] or
    /// [`Value::Cut`] the cursor stands at the payload; the caller reads or skips it with [`Cursor::seek`].
    pub(crate) fn field(&mut self, end: u64) -> Result<Option<(u32, Value)>> {
        if self.offset() >= end {
            return Ok(None);
        }
        let (number, wire_type, n) = self.header(end, |r| {
            let (number, wire_type) = r.tag()?;
            let n = match wire_type {
                WireType::Varint | WireType::Len => r.varint()?,
                WireType::Fixed64 => r.fixed64()?,
                WireType::Fixed32 => u64::from(r.fixed32()?),
                WireType::StartGroup => 0,
                WireType::EndGroup => {
                    return Err(Error::corrupt("the end of a group that did not start"));
                }
            };
            Ok((number, wire_type, n))
        })?;
        let value = match wire_type {
            WireType::Len => {
                let extent = Extent::new(self.offset(), n);
                if extent.offset.checked_add(n).is_some_and(|e| e <= end) {
                    Value::Len(extent)
                } else {
                    Value::Cut(Extent::between(extent.offset, end), n)
                }
            }
            WireType::Varint => Value::Varint(n),
            WireType::Fixed64 => Value::Fixed64(n),
            WireType::Fixed32 => Value::Fixed32(u32::try_from(n).unwrap_or_default()),
            WireType::StartGroup | WireType::EndGroup => {
                self.skip_group(number, end)?;
                Value::Group
            }
        };
        Ok(Some((number, value)))
    }

    /// As [`Cursor::field`], but a length that runs past the end is an error.
    pub(crate) fn whole_field(&mut self, end: u64) -> Result<Option<(u32, Value)>> {
        match self.field(end)? {
            Some((_, Value::Cut(extent, claimed))) => Err(self.cut(extent, claimed)),
            other => Ok(other),
        }
    }

    /// The error for a length of `claimed` bytes of which only `extent` is there.
    pub(crate) fn cut(&self, extent: Extent, claimed: u64) -> Error {
        Error::corrupt(format!(
            "a length of {claimed} bytes, but only {} are left",
            extent.len
        ))
        .at(self.source.path())
        .offset(extent.offset)
    }

    /// The bytes of `extent`, which must come from this cursor. The cursor then stands at its end.
    pub(crate) fn bytes(&mut self, extent: Extent) -> Result<&[u8]> {
        self.seek(extent.offset);
        let Ok(len) = usize::try_from(extent.len) else {
            return Err(self.error("a value too long for memory"));
        };
        self.fill(len)?;
        let start = self.pos;
        let end = start.saturating_add(len);
        if self.buf.len() < end {
            return Err(self.error(format!("the file ends before the {len} bytes wanted here")));
        }
        self.pos = end;
        Ok(self.buf.get(start..end).unwrap_or_default())
    }

    /// Skips the fields of group `number` and its end tag.
    fn skip_group(&mut self, number: u32, end: u64) -> Result<()> {
        let mut open = vec![number];
        while let Some(innermost) = open.last().copied() {
            let (inner, wire_type, n) = self.header(end, |r| {
                let (inner, wire_type) = r.tag()?;
                let n = match wire_type {
                    WireType::Varint => r.varint().map(|_| 0)?,
                    WireType::Fixed64 => r.take(8).map(|_| 0)?,
                    WireType::Fixed32 => r.take(4).map(|_| 0)?,
                    WireType::Len => r.varint()?,
                    WireType::StartGroup | WireType::EndGroup => 0,
                };
                Ok((inner, wire_type, n))
            })?;
            match wire_type {
                WireType::Len => match self.offset().checked_add(n).filter(|next| *next <= end) {
                    Some(next) => self.seek(next),
                    None => return Err(self.cut(Extent::between(self.offset(), end), n)),
                },
                WireType::StartGroup if open.len() >= MAX_GROUPS as usize => {
                    return Err(self.error("groups nested too deep"));
                }
                WireType::StartGroup => open.push(inner),
                WireType::EndGroup if inner == innermost => drop(open.pop()),
                WireType::EndGroup => return Err(self.error("the end of another group")),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Calls `each` for every field of the message in `extent`, in order. A broken or cut field is an error
/// that names the file and the offset.
pub(crate) fn for_each_field<'a>(
    source: &'a dyn Source,
    extent: Extent,
    window: usize,
    mut each: impl FnMut(&mut Cursor<'a>, u32, Value) -> Result<()>,
) -> Result<()> {
    let mut cursor = Cursor::new(source, extent, window);
    let end = extent.end();
    while let Some((number, value)) = cursor.whole_field(end)? {
        let next = match value {
            Value::Len(payload) => payload.end(),
            _ => cursor.offset(),
        };
        each(&mut cursor, number, value)?;
        cursor.seek(next);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::testing::source;

    fn fields(bytes: &[u8], window: usize) -> Result<Vec<(u32, Value)>> {
        let source = source(bytes.to_vec());
        let mut out = Vec::new();
        let extent = Extent::new(0, bytes.len() as u64);
        for_each_field(source.as_ref(), extent, window, |_, n, v| {
            out.push((n, v));
            Ok(())
        })?;
        Ok(out)
    }

    #[test]
    fn the_window_does_not_matter() {
        let mut bytes = vec![0x0a, 100];
        bytes.extend([7; 100]);
        bytes.extend([0x10, 0xac, 0x02, 0x1d, 1, 0, 0, 0, 0x0b, 0x10, 7, 0x0c, 0x18, 1]);
        let expected = vec![
            (1, Value::Len(Extent::new(2, 100))),
            (2, Value::Varint(300)),
            (3, Value::Fixed32(1)),
            (1, Value::Group),
            (3, Value::Varint(1)),
        ];
        for window in [1, 7, 64, 4096] {
            assert_eq!(fields(&bytes, window).unwrap(), expected, "{window}");
        }
    }

    #[test]
    fn payloads_are_read_and_skipped() {
        let mut bytes = vec![0x0a, 3, b'a', b'b', b'c', 0x12, 50];
        bytes.extend([9; 50]);
        let source = source(bytes.clone());
        let mut c = Cursor::new(source.as_ref(), Extent::new(0, bytes.len() as u64), 8);
        let Some((1, Value::Len(first))) = c.field(57).unwrap() else {
            panic!()
        };
        assert_eq!(c.bytes(first).unwrap(), b"abc");
        let Some((2, Value::Len(second))) = c.field(57).unwrap() else {
            panic!()
        };
        assert_eq!(c.bytes(second).unwrap(), [9; 50]);
        assert_eq!(c.field(57).unwrap(), None);
        assert_eq!(c.bytes(first).unwrap(), b"abc");
    }

    #[test]
    fn lengths_past_the_end_are_clamped_or_refused() {
        let source = source(vec![0x0a, 0xff, 0xff, 3, 1, 2]);
        let mut c = Cursor::new(source.as_ref(), Extent::new(0, 6), 64);
        assert_eq!(
            c.field(6).unwrap(),
            Some((1, Value::Cut(Extent::new(4, 2), 65535)))
        );
        let e = fields(&[0x0a, 0xff, 0xff, 3, 1, 2], 64).unwrap_err();
        assert_eq!(
            e.to_string(),
            "graph.meta: offset 4: a length of 65535 bytes, but only 2 are left"
        );
        // A length that does not fit 64 bits when the offset is added.
        let e = fields(
            &[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
            64,
        );
        assert!(e.is_err());
    }

    #[test]
    fn groups_are_bounded() {
        assert!(fields(&[0x0b; 1000], 16).is_err());
        assert!(fields(&[0x0c], 16).is_err());
        assert!(fields(&[0x0b, 0x14], 16).is_err());
        assert!(fields(&[0x0b, 0x0a, 200, 0x0c], 16).is_err());
    }
}
