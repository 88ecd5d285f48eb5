//! Reads text into wire bytes, by descriptor.
//!
//! The bytes go into one buffer as the text is read. A message's length stands before it, so its place is
//! kept and the length slipped in at its end; that moves each byte once a level at most, and levels are
//! bounded. Values of a packed field that follow each other become one field, as protobuf writes them.

mod skip;

use super::MAX_DEPTH;
use super::descriptor;
use super::descriptor::Field;
use super::descriptor::Kind;
use super::descriptor::Message;
use super::lexer::Lexer;
use super::lexer::Place;
use super::lexer::Token;
use super::lexer::shorten;
use super::literal::unescape;
use super::value::boolean;
use super::value::float;
use super::value::integer;
use super::value::push_tag;
use super::value::push_varint;
use super::value::what_is;
use super::value::zigzag;
use crate::error::Result;

/// How to read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ParseOptions {
    /// Skip what `proto/` has no name for, with a warning, instead of failing.
    pub skip_unknown: bool,
    /// Fail when a singular field is given twice, or two members of a oneof, as `.pbtxt` readers do;
    /// otherwise the last one counts, as for state files.
    pub refuse_duplicates: bool,
}

/// What a text means.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parsed {
    /// The message on the wire.
    pub wire: Vec<u8>,
    /// What was skipped, each with its line and column; the first [`MAX_WARNINGS`].
    pub warnings: Vec<String>,
}

/// How many warnings are kept.
pub const MAX_WARNINGS: usize = 100;

/// Reads `text` as a message of the type `message`, a full name such as `tensorflow.NodeDef`. Errors name
/// line and column, and what should stand there.
pub fn parse(message: &str, text: &[u8], options: &ParseOptions) -> Result<Parsed> {
    let message = descriptor::message(message)?;
    let mut parser = Parser {
        lexer: Lexer::new(text),
        options: *options,
        out: Parsed::default(),
    };
    parser.lexer.advance()?;
    parser.fields(message, Token::End, 0)?;
    Ok(parser.out)
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    options: ParseOptions,
    out: Parsed,
}

/// What of a message has been read so far.
#[derive(Default)]
struct Seen {
    /// Singular fields, by their place; no message has more than 128.
    fields: u128,
    /// Oneofs, with the member that is set.
    oneofs: Vec<(usize, usize)>,
    /// The packed field that is still open, and where its values start.
    packed: Option<(u32, usize)>,
}

impl Parser<'_> {
    fn is_at(&self, symbol: u8) -> bool {
        self.lexer.token() == Token::Symbol(symbol)
    }

    fn accept(&mut self, symbol: u8) -> Result<bool> {
        let found = self.is_at(symbol);
        if found {
            self.lexer.advance()?;
        }
        Ok(found)
    }

    fn warn(&mut self, place: Place, what: &str) {
        if self.out.warnings.len() < MAX_WARNINGS {
            let message = self.lexer.message_at(place, what);
            self.out.warnings.push(message);
        }
    }

    /// Fails, or warns where the unknown is to be skipped.
    fn unknown(&mut self, place: Place, what: &str) -> Result<()> {
        if !self.options.skip_unknown {
            return Err(self.lexer.error_at(place, what));
        }
        self.warn(place, &format!("{what}: skipped"));
        Ok(())
    }

    /// Fields up to the token that ends them, and that token.
    fn fields(&mut self, message: &Message, end: Token<'_>, depth: usize) -> Result<Seen> {
        let mut seen = Seen::default();
        while self.lexer.token() != end {
            self.field(message, &mut seen, depth)?;
            if !self.accept(b',')? {
                self.accept(b';')?;
            }
        }
        self.close_packed(&mut seen);
        if end != Token::End {
            self.lexer.advance()?;
        }
        Ok(seen)
    }

    /// One field: its name and its value or values.
    fn field(&mut self, message: &Message, seen: &mut Seen, depth: usize) -> Result<()> {
        let place = self.lexer.place();
        if self.is_at(b'[') {
            self.close_packed(seen);
            return self.bracketed(message, depth);
        }
        let name = match self.lexer.token() {
            Token::Name(name) | Token::Number(name) => name,
            _ => return Err(self.lexer.expected("the name of a field")),
        };
        let Some((index, field)) = message.by_name(name) else {
            let name = shorten(name);
            self.unknown(place, &format!("{} has no field \"{name}\"", message.name))?;
            self.lexer.advance()?;
            return self.skip(depth);
        };
        self.lexer.advance()?;
        if !field.repeated {
            self.check_once(message, index, field, seen, place)?;
        }
        let is_message = matches!(field.kind, Kind::Message(_));
        if !self.accept(b':')? && !is_message {
            return Err(self.lexer.expected(&format!("\":\" after {}", field.name)));
        }
        if !(field.repeated && self.accept(b'[')?) {
            return self.value(field, seen, depth);
        }
        if self.accept(b']')? {
            return Ok(());
        }
        loop {
            self.value(field, seen, depth)?;
            if self.accept(b']')? {
                return Ok(());
            }
            if !self.accept(b',')? {
                return Err(self.lexer.expected("\",\" or \"]\""));
            }
        }
    }

    fn check_once(
        &mut self,
        message: &Message,
        index: usize,
        field: &Field,
        seen: &mut Seen,
        place: Place,
    ) -> Result<()> {
        let bit = bit_of(index);
        let twice = seen.fields & bit != 0;
        seen.fields |= bit;
        if !self.options.refuse_duplicates {
            return Ok(());
        }
        if twice {
            let what = format!("{} is given twice", field.name);
            return Err(self.lexer.error_at(place, &what));
        }
        if let Some(oneof) = field.oneof {
            if let Some((_, other)) = seen.oneofs.iter().find(|(o, _)| *o == oneof) {
                let other = message.fields.get(*other).map_or("", |f| f.name.as_str());
                let what = format!("{} is given, but {other} excludes it", field.name);
                return Err(self.lexer.error_at(place, &what));
            }
            seen.oneofs.push((oneof, index));
        }
        Ok(())
    }

    /// One value, with its tag.
    fn value(&mut self, field: &Field, seen: &mut Seen, depth: usize) -> Result<()> {
        if !field.packed {
            self.close_packed(seen);
        }
        match field.kind {
            Kind::Message(index) => {
                let Some(message) = descriptor::pool().message(index) else {
                    return Ok(());
                };
                push_tag(&mut self.out.wire, field.number, 2);
                self.block(message, field.map, depth)
            }
            Kind::String | Kind::Bytes => {
                push_tag(&mut self.out.wire, field.number, 2);
                let start = self.start_length();
                self.literals()?;
                self.end_length(start);
                Ok(())
            }
            kind if field.packed => {
                if seen.packed.is_none_or(|(number, _)| number != field.number) {
                    self.close_packed(seen);
                    push_tag(&mut self.out.wire, field.number, 2);
                    seen.packed = Some((field.number, self.start_length()));
                }
                self.scalar(kind, None)
            }
            kind => self.scalar(kind, Some(field.number)),
        }
    }

    /// `{` or `<`, fields, and the bracket that closes them, with the length before.
    fn block(&mut self, message: &Message, map_entry: bool, depth: usize) -> Result<()> {
        let depth = depth.saturating_add(1);
        let place = self.lexer.place();
        let end = match self.lexer.token() {
            Token::Symbol(b'{') => b'}',
            Token::Symbol(b'<') => b'>',
            _ => return Err(self.lexer.expected("\"{\"")),
        };
        if depth > MAX_DEPTH {
            return Err(self.lexer.error_at(place, "messages nested too deep"));
        }
        self.lexer.advance()?;
        let start = self.start_length();
        let seen = self.fields(message, Token::Symbol(end), depth)?;
        if map_entry {
            self.complete_entry(message, &seen, start);
        }
        self.end_length(start);
        Ok(())
    }

    /// Adds the key or value that text leaves out because it is the default: on the wire an entry has both.
    fn complete_entry(&mut self, entry: &Message, seen: &Seen, start: usize) {
        for (index, field) in entry.fields.iter().enumerate() {
            if seen.fields & bit_of(index) != 0 {
                continue;
            }
            let mut default = Vec::new();
            let (wire_type, zeros) = match field.kind {
                Kind::String | Kind::Bytes | Kind::Message(_) => (2, 1),
                Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => (1, 8),
                Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => (5, 4),
                _ => (0, 1),
            };
            push_tag(&mut default, field.number, wire_type);
            default.extend((0..zeros).map(|_| 0));
            let place = if index == 0 { start } else { self.out.wire.len() };
            self.out.wire.splice(place..place, default);
        }
    }

    /// Keeps room for a length of one byte, which is enough for most.
    fn start_length(&mut self) -> usize {
        self.out.wire.push(0);
        self.out.wire.len()
    }

    /// Fills in the length of what was written since.
    fn end_length(&mut self, start: usize) {
        let length = self.out.wire.len().saturating_sub(start);
        let room = start.saturating_sub(1);
        match (u8::try_from(length), self.out.wire.get_mut(room)) {
            (Ok(byte @ ..0x80), Some(place)) => *place = byte,
            _ => {
                let mut varint = Vec::new();
                push_varint(&mut varint, length as u64);
                self.out.wire.splice(room..start, varint);
            }
        }
    }

    fn close_packed(&mut self, seen: &mut Seen) {
        if let Some((_, start)) = seen.packed.take() {
            self.end_length(start);
        }
    }

    /// One or more literals, which make one value.
    fn literals(&mut self) -> Result<()> {
        if !matches!(self.lexer.token(), Token::Literal(_)) {
            return Err(self.lexer.expected("a string in quotes"));
        }
        while let Token::Literal(text) = self.lexer.token() {
            let place = self.lexer.place();
            unescape(text, &mut self.out.wire).map_err(|what| self.lexer.error_at(place, what))?;
            self.lexer.advance()?;
        }
        Ok(())
    }

    /// A number, bool or enum value; with its tag if it has one of its own.
    fn scalar(&mut self, kind: Kind, number: Option<u32>) -> Result<()> {
        let place = self.lexer.place();
        // A minus may stand apart.
        let negative = self.lexer.token() == Token::Number("-");
        if negative {
            self.lexer.advance()?;
        }
        let (Token::Name(text) | Token::Number(text)) = self.lexer.token() else {
            return Err(self.lexer.expected(&what_is(kind)));
        };
        let signed = |low: i64, high: i64| {
            integer(text, negative).and_then(|v| i64::try_from(v).ok().filter(|v| (low..=high).contains(v)))
        };
        let unsigned =
            |high: u64| integer(text, negative).and_then(|v| u64::try_from(v).ok().filter(|v| *v <= high));
        let (int, uint) = (
            || signed(i64::from(i32::MIN), i64::from(i32::MAX)),
            || unsigned(u64::from(u32::MAX)),
        );
        let (wire_type, value) = match kind {
            Kind::Int32 => (0, int().map(i64::cast_unsigned)),
            Kind::Int64 => (0, signed(i64::MIN, i64::MAX).map(i64::cast_unsigned)),
            Kind::Sint32 => (0, int().map(zigzag)),
            Kind::Sint64 => (0, signed(i64::MIN, i64::MAX).map(zigzag)),
            Kind::Uint32 => (0, uint()),
            Kind::Uint64 => (0, unsigned(u64::MAX)),
            Kind::Bool => (0, boolean(text).filter(|_| !negative).map(u64::from)),
            Kind::Enum(index) => {
                let named = descriptor::pool()
                    .enumeration(index)
                    .and_then(|e| e.number_of(text))
                    .filter(|_| !negative)
                    .map(i64::from);
                (0, named.or_else(int).map(i64::cast_unsigned))
            }
            Kind::Fixed32 => (5, uint()),
            Kind::Sfixed32 => (5, int().map(i64::cast_unsigned)),
            #[allow(clippy::cast_possible_truncation, reason = "as protobuf rounds")]
            Kind::Float => (5, float(text, negative).map(|v| u64::from((v as f32).to_bits()))),
            Kind::Fixed64 => (1, unsigned(u64::MAX)),
            Kind::Sfixed64 => (1, signed(i64::MIN, i64::MAX).map(i64::cast_unsigned)),
            Kind::Double => (1, float(text, negative).map(f64::to_bits)),
            Kind::String | Kind::Bytes | Kind::Message(_) => (2, None),
        };
        let Some(value) = value else {
            // A value that a newer enum has is as unknown as a newer field.
            if let (Kind::Enum(_), Token::Name(_)) = (kind, self.lexer.token()) {
                let text = shorten(text);
                self.unknown(place, &format!("{} is not \"{text}\"", what_is(kind)))?;
                return self.lexer.advance();
            }
            return Err(self.lexer.expected(&what_is(kind)));
        };
        if let Some(number) = number {
            push_tag(&mut self.out.wire, number, wire_type);
        }
        match wire_type {
            5 => self.out.wire.extend(value.to_le_bytes().iter().take(4)),
            1 => self.out.wire.extend(value.to_le_bytes()),
            _ => push_varint(&mut self.out.wire, value),
        }
        self.lexer.advance()
    }

    /// What starts with `[`: the content of an Any, or an extension, which no message here has.
    fn bracketed(&mut self, message: &Message, depth: usize) -> Result<()> {
        let place = self.lexer.place();
        let name = self.lexer.bracketed()?;
        if !message.is_any {
            self.unknown(place, &format!("extension [{}] is not known", shorten(&name)))?;
            return self.skip(depth);
        }
        let inner = name
            .rsplit_once('/')
            .filter(|(prefix, _)| !prefix.is_empty())
            .and_then(|(_, name)| descriptor::pool().find(name));
        let Some(inner) = inner else {
            self.unknown(place, &format!("type [{}] is not known", shorten(&name)))?;
            return self.skip(depth);
        };
        self.accept(b':')?;
        push_tag(&mut self.out.wire, 1, 2);
        push_varint(&mut self.out.wire, name.len() as u64);
        self.out.wire.extend_from_slice(name.as_bytes());
        push_tag(&mut self.out.wire, 2, 2);
        self.block(inner, false, depth)
    }
}

/// The bit of a field in [`Seen`].
fn bit_of(index: usize) -> u128 {
    u32::try_from(index)
        .ok()
        .and_then(|i| 1u128.checked_shl(i))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests;
