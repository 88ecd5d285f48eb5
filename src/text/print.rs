//! Prints wire bytes as text, by descriptor.
//!
//! A message that is on the wire as it will be printed (fields by number, nothing twice, no map), as most
//! are, is printed straight from the wire. Any other is first put in order: fields sorted, of several
//! values of a singular field the last one or, for messages, all merged, of a oneof the last member, maps
//! by key. Fields that `proto/` does not know follow as comments, so that text never hides what is there.

use std::fmt;

use super::MAX_DEPTH;
use super::arrange::Item;
use super::arrange::Order;
use super::arrange::arrange;
use super::arrange::map_entries;
use super::arrange::order_of;
use super::arrange::suits;
use super::descriptor;
use super::descriptor::Field;
use super::descriptor::Kind;
use super::descriptor::Message;
use super::escape::write_literal;
use super::scalar::Scalar;
use super::scalar::packed;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::wire;
use crate::wire::Value;

/// How to print.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options<'a> {
    /// How many levels to indent by, two spaces each.
    pub indent: usize,
    /// Payloads of a TensorProto (`tensor_content`, the `_val` lists) with more bytes than this become a
    /// comment `# tensor_content: 123456 bytes`.
    pub elide_over: Option<usize>,
    /// What such a comment says of where the payload can be read: "see @value.npy".
    pub note: &'a str,
}

/// A writer that only counts: the size of a text that nobody wants to hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counter(
    /// Bytes written so far.
    pub u64,
);

impl fmt::Write for Counter {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.0 = self.0.saturating_add(s.len() as u64);
        Ok(())
    }
}

/// Prints the message `wire` of the type `message`, a full name such as `tensorflow.NodeDef`.
pub fn print(message: &str, wire: &[u8], options: &Options) -> Result<String> {
    let mut out = String::new();
    print_into(&mut out, message, wire, options)?;
    Ok(out)
}

/// Prints a message into a writer. What was written before an error stays written.
pub fn print_into<W: fmt::Write>(out: &mut W, message: &str, wire: &[u8], options: &Options) -> Result<()> {
    Printer::new(out, options).message(descriptor::message(message)?, wire, 0)
}

/// Prints one field of `message` alone, with its name, such as one node of a graph too large to print
/// whole. The caller sees to the order of the fields.
pub fn print_field_into<W: fmt::Write>(
    out: &mut W,
    message: &str,
    field: wire::Field<'_>,
    options: &Options,
) -> Result<()> {
    let message = descriptor::message(message)?;
    let mut printer = Printer::new(out, options);
    match message.by_number(field.number) {
        Some((_, f)) if suits(f, field.value) => printer.field(f, &[Item::new(field.value)], 0),
        _ => printer.unknown(field),
    }
}

/// How many bytes [`print()`] would give.
pub fn measure(message: &str, wire: &[u8], options: &Options) -> Result<u64> {
    let mut counter = Counter::default();
    print_into(&mut counter, message, wire, options)?;
    Ok(counter.0)
}

/// A writer that refuses: the caller's own limit, since nothing here can fail to write.
fn full(_: fmt::Error) -> Error {
    Error::new(ErrorKind::TooLarge, "the text is longer than wanted")
}

struct Printer<'p, W> {
    out: &'p mut W,
    options: &'p Options<'p>,
    indent: usize,
    /// Digits of a number before they are put in Python's form.
    scratch: String,
}

impl<'p, W: fmt::Write> Printer<'p, W> {
    fn new(out: &'p mut W, options: &'p Options<'p>) -> Self {
        Self {
            out,
            options,
            indent: options.indent,
            scratch: String::new(),
        }
    }

    fn write(&mut self, text: &str) -> Result<()> {
        self.out.write_str(text).map_err(full)
    }

    fn write_indent(&mut self) -> Result<()> {
        const SPACES: &str = "                                ";
        let mut left = self.indent.saturating_mul(2);
        while left > 0 {
            let n = left.min(SPACES.len());
            self.write(SPACES.get(..n).unwrap_or(SPACES))?;
            left = left.saturating_sub(n);
        }
        Ok(())
    }

    /// The fields of a message, each on its lines.
    fn message(&mut self, message: &Message, wire: &[u8], depth: usize) -> Result<()> {
        let expanded = message.is_any && self.any(wire, depth)?;
        let elides = message.is_tensor && self.options.elide_over.is_some();
        let (order, unknown) = order_of(message, wire)?;
        if expanded {
        } else if order == Order::AsPrinted && !elides {
            let mut reader = wire::Reader::new(wire);
            while let Some(field) = reader.field()? {
                if let Some((_, f)) = message.by_number(field.number)
                    && suits(f, field.value)
                {
                    self.field(f, &[Item::new(field.value)], depth)?;
                }
            }
        } else {
            let items = arrange(message, wire)?;
            for run in items.chunk_by(|a, b| a.field == b.field) {
                let Some(f) = run.first().and_then(|item| message.fields.get(item.field)) else {
                    continue;
                };
                if !(elides && self.elide(f, run)?) {
                    self.field(f, run, depth)?;
                }
            }
        }
        if unknown {
            let mut reader = wire::Reader::new(wire);
            while let Some(field) = reader.field()? {
                let known = message.by_number(field.number);
                if !known.is_some_and(|(_, f)| suits(f, field.value)) {
                    self.unknown(field)?;
                }
            }
        }
        Ok(())
    }

    /// All occurrences of one field.
    fn field(&mut self, field: &Field, items: &[Item<'_>], depth: usize) -> Result<()> {
        match field.kind {
            Kind::Message(index) => {
                let Some(message) = descriptor::pool().message(index) else {
                    return Ok(());
                };
                if field.map {
                    return self.map(field, message, items, depth);
                }
                if !field.repeated && items.len() > 1 {
                    // Merging messages is the same as parsing one after the other.
                    let merged = items.iter().map(Item::bytes).collect::<Vec<_>>().concat();
                    return self.block(&field.name, message, &merged, depth);
                }
                for item in items {
                    self.block(&field.name, message, item.bytes(), depth)?;
                }
            }
            _ if field.repeated => {
                for item in items {
                    match item.value {
                        Value::Len(bytes) if field.kind.is_packable() => {
                            let mut values = packed(field.kind, bytes);
                            while let Some(value) = values.next()? {
                                self.scalar(&field.name, value)?;
                            }
                        }
                        value => {
                            if let Some(value) = Scalar::read(field.kind, value) {
                                self.scalar(&field.name, value)?;
                            }
                        }
                    }
                }
            }
            _ => {
                let value = items.last().and_then(|i| Scalar::read(field.kind, i.value));
                if let Some(value) = value
                    && (field.presence || !value.is_default())
                {
                    self.scalar(&field.name, value)?;
                }
            }
        }
        Ok(())
    }

    /// `name: value`.
    fn scalar(&mut self, name: &str, value: Scalar<'_>) -> Result<()> {
        self.write_indent()?;
        self.write(name)?;
        self.write(": ")?;
        value.write(self.out, &mut self.scratch).map_err(full)?;
        self.write("\n")
    }

    /// `name {`, the fields, `}`.
    fn block(&mut self, name: &str, message: &Message, wire: &[u8], depth: usize) -> Result<()> {
        self.open(name)?;
        let depth = depth.saturating_add(1);
        if depth >= MAX_DEPTH {
            self.write_indent()?;
            self.write(&format!("# nested too deep: {} bytes\n", wire.len()))?;
        } else {
            self.message(message, wire, depth)?;
        }
        self.close()
    }

    fn open(&mut self, name: &str) -> Result<()> {
        self.write_indent()?;
        self.write(name)?;
        self.write(" {\n")?;
        self.indent = self.indent.saturating_add(1);
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        self.indent = self.indent.saturating_sub(1);
        self.write_indent()?;
        self.write("}\n")
    }

    /// The entries of a map, by key. A value that is a message is always there, as in protobuf.
    fn map(&mut self, field: &Field, entry: &Message, items: &[Item<'_>], depth: usize) -> Result<()> {
        let (Some((_, key_field)), Some((_, value_field))) = (entry.by_number(1), entry.by_number(2)) else {
            return Ok(());
        };
        let depth = depth.saturating_add(1);
        // A field printed alone comes here with one entry at a time.
        for (key, values) in map_entries(key_field, value_field, items)? {
            self.open(&field.name)?;
            if depth >= MAX_DEPTH {
                self.write_indent()?;
                self.write("# nested too deep\n")?;
                self.close()?;
                continue;
            }
            if key_field.presence || !key.is_default() {
                self.scalar(&key_field.name, key)?;
            }
            match (value_field.kind, values.as_slice()) {
                (Kind::Message(_), []) => self.field(value_field, &[Item::new(Value::Len(&[]))], depth)?,
                (kind, []) => {
                    if let (true, Some(value)) = (value_field.presence, Scalar::default_of(kind)) {
                        self.scalar(&value_field.name, value)?;
                    }
                }
                (_, values) => self.field(value_field, values, depth)?,
            }
            self.close()?;
        }
        Ok(())
    }

    /// `[type.googleapis.com/tensorflow.NodeDef] {` and what is inside, where the type is known and the
    /// bytes are such a message; otherwise nothing, and the fields of Any are printed as they are.
    fn any(&mut self, wire: &[u8], depth: usize) -> Result<bool> {
        let (mut url, mut value) = (&[][..], &[][..]);
        let mut reader = wire::Reader::new(wire);
        while let Some(field) = reader.field()? {
            match (field.number, field.value) {
                (1, Value::Len(bytes)) => url = bytes,
                (2, Value::Len(bytes)) => value = bytes,
                _ => {}
            }
        }
        let Ok(url) = str::from_utf8(url) else {
            return Ok(false);
        };
        let Some((prefix, name)) = url.rsplit_once('/') else {
            return Ok(false);
        };
        let inner = descriptor::pool().find(name).filter(|_| is_url_prefix(prefix));
        match inner {
            Some(inner) if is_valid(inner, value, depth.saturating_add(1)) => {
                self.block(&format!("[{url}]"), inner, value, depth)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Prints a comment in place of a payload that is over the limit.
    fn elide(&mut self, field: &Field, items: &[Item<'_>]) -> Result<bool> {
        let payload = field.kind == Kind::Bytes || field.repeated && !matches!(field.kind, Kind::Message(_));
        let bytes = items.iter().map(Item::len).fold(0, usize::saturating_add);
        if !payload || self.options.elide_over.is_none_or(|limit| bytes <= limit) {
            return Ok(false);
        }
        let comma = if self.options.note.is_empty() { "" } else { ", " };
        let name = &field.name;
        let text = format!("# {name}: {bytes} bytes{comma}{}\n", self.options.note);
        self.write_indent()?;
        self.write(&text)?;
        Ok(true)
    }

    /// A comment for a field that has no name here.
    fn unknown(&mut self, field: wire::Field<'_>) -> Result<()> {
        self.write_indent()?;
        self.write(&format!("# field {}: ", field.number))?;
        let limit = self.options.elide_over.unwrap_or(usize::MAX);
        match field.value {
            Value::Varint(v) => self.write(&v.to_string())?,
            Value::Fixed32(v) => self.write(&format!("{v:#010x}"))?,
            Value::Fixed64(v) => self.write(&format!("{v:#018x}"))?,
            Value::Group(bytes) => self.write(&format!("a group of {} bytes", bytes.len()))?,
            Value::Len(bytes) if bytes.len() > limit => self.write(&format!("{} bytes", bytes.len()))?,
            Value::Len(bytes) => write_literal(self.out, bytes, false).map_err(full)?,
        }
        self.write("\n")
    }
}

/// Whether the part of a type URL before the name reads back from between brackets.
fn is_url_prefix(prefix: &str) -> bool {
    prefix
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-._~/".contains(&b))
}

/// Whether `wire` is well-formed as this message, all the way down. What is inside another Any is looked
/// at when that one prints.
fn is_valid(message: &Message, wire: &[u8], depth: usize) -> bool {
    if depth >= MAX_DEPTH {
        return false;
    }
    let mut reader = wire::Reader::new(wire);
    loop {
        let field = match reader.field() {
            Ok(Some(field)) => field,
            Ok(None) => return true,
            Err(_) => return false,
        };
        let Some((_, f)) = message.by_number(field.number) else {
            continue;
        };
        let valid = match (f.kind, field.value) {
            (Kind::Message(index), Value::Len(bytes)) => descriptor::pool()
                .message(index)
                .is_some_and(|m| is_valid(m, bytes, depth.saturating_add(1))),
            (kind, Value::Len(bytes)) if f.repeated && kind.is_packable() => packed(kind, bytes).all_whole(),
            _ => true,
        };
        if !valid {
            return false;
        }
    }
}

#[cfg(test)]
mod tests;
