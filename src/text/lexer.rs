//! Splits text format into tokens: names, numbers, literals, symbols; skips white space and `#` comments.
//!
//! Works on bytes, because files of strangers need not be UTF-8 and only literals may hold anything.
//! Lines are counted on the way, so a place in the text costs nothing until an error names it.

use crate::error::Error;

/// One token, as it stands in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// The text is over.
    End,
    /// A field, an enum value, `true`, `inf`.
    Name(&'a str),
    /// Whatever starts like a number.
    Number(&'a str),
    /// What is between quotes, escapes and all.
    Literal(&'a [u8]),
    /// Anything else, a byte at a time.
    Symbol(u8),
}

impl Token<'_> {
    /// How an error calls it.
    fn describe(self) -> String {
        match self {
            Token::End => "the end of the text".to_owned(),
            Token::Name(text) | Token::Number(text) => format!("\"{}\"", shorten(text)),
            Token::Literal(_) => "a string".to_owned(),
            Token::Symbol(byte) => format!("\"{}\"", byte.escape_ascii()),
        }
    }
}

/// Names are short; what only looks like one need not be.
pub(super) fn shorten(text: &str) -> String {
    let mut chars = text.chars();
    let mut out: String = chars.by_ref().take(60).collect();
    if chars.next().is_some() {
        out.push_str("...");
    }
    out
}

/// Where a token starts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    line: usize,
    line_start: usize,
    offset: usize,
}

/// Reads tokens, with one of them looked at ahead.
#[derive(Debug)]
pub(super) struct Lexer<'a> {
    text: &'a [u8],
    pos: usize,
    line: usize,
    line_start: usize,
    place: Place,
    token: Token<'a>,
}

impl<'a> Lexer<'a> {
    /// Starts before the first token; `advance` reads it.
    pub(super) fn new(text: &'a [u8]) -> Self {
        // What editors on Windows put before UTF-8.
        let pos = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        Self {
            text,
            pos,
            line: 0,
            line_start: pos,
            place: Place {
                line: 0,
                line_start: pos,
                offset: pos,
            },
            token: Token::End,
        }
    }

    /// The token looked at.
    pub(super) fn token(&self) -> Token<'a> {
        self.token
    }

    /// Where it starts.
    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// `line 3, column 5: what`.
    pub(super) fn message_at(&self, place: Place, what: &str) -> String {
        let before = self.text.get(place.line_start..place.offset).unwrap_or_default();
        let column = String::from_utf8_lossy(before).chars().count();
        let (line, column) = (place.line.saturating_add(1), column.saturating_add(1));
        format!("line {line}, column {column}: {what}")
    }

    /// An error at a place.
    pub(super) fn error_at(&self, place: Place, what: &str) -> Error {
        Error::corrupt(self.message_at(place, what))
    }

    /// An error that says what should stand where the token is.
    pub(super) fn expected(&self, what: &str) -> Error {
        let found = self.token.describe();
        self.error_at(self.place, &format!("expected {what}, found {found}"))
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.pos.saturating_add(ahead)).copied()
    }

    fn step(&mut self) {
        self.pos = self.pos.saturating_add(1);
    }

    fn skip_space(&mut self) {
        while let Some(byte) = self.peek(0) {
            match byte {
                b'\n' => {
                    self.step();
                    self.line = self.line.saturating_add(1);
                    self.line_start = self.pos;
                }
                b' ' | b'\t' | b'\r' | 0x0b | 0x0c => self.step(),
                b'#' => {
                    let rest = self.text.get(self.pos..).unwrap_or_default();
                    let len = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
                    self.pos = self.pos.saturating_add(len);
                }
                _ => break,
            }
        }
    }

    fn take_while(&mut self, accept: impl Fn(u8) -> bool) -> &'a str {
        let start = self.pos;
        while self.peek(0).is_some_and(&accept) {
            self.step();
        }
        // Only ASCII is ever accepted.
        str::from_utf8(self.text.get(start..self.pos).unwrap_or_default()).unwrap_or_default()
    }

    /// Reads the next token.
    pub(super) fn advance(&mut self) -> Result<(), Error> {
        self.skip_space();
        self.place = Place {
            line: self.line,
            line_start: self.line_start,
            offset: self.pos,
        };
        self.token = match self.peek(0) {
            None => Token::End,
            Some(b'a'..=b'z' | b'A'..=b'Z' | b'_') => {
                Token::Name(self.take_while(|b| b.is_ascii_alphanumeric() || b == b'_'))
            }
            Some(b'0'..=b'9' | b'-' | b'+') => self.number(),
            Some(b'.') if self.peek(1).is_some_and(|b| b.is_ascii_digit()) => self.number(),
            Some(quote @ (b'"' | b'\'')) => self.literal(quote)?,
            Some(byte) => {
                self.step();
                Token::Symbol(byte)
            }
        };
        Ok(())
    }

    fn number(&mut self) -> Token<'a> {
        Token::Number(self.take_while(|b| b.is_ascii_alphanumeric() || b"_.+-".contains(&b)))
    }

    fn literal(&mut self, quote: u8) -> Result<Token<'a>, Error> {
        self.step();
        let start = self.pos;
        loop {
            match self.peek(0) {
                Some(b'\\') => {
                    self.step();
                    if self.peek(0).is_some_and(|b| b != b'\n') {
                        self.step();
                    }
                }
                None | Some(b'\n') => {
                    return Err(self.error_at(self.place, "a string without its closing quote"));
                }
                Some(byte) if byte == quote => {
                    let inside = self.text.get(start..self.pos).unwrap_or_default();
                    self.step();
                    return Ok(Token::Literal(inside));
                }
                Some(_) => self.step(),
            }
        }
    }

    /// Reads on from `[` to `]`: the type URL of an Any or the name of an extension, without the white
    /// space that may be in it. The token looked at is the one after.
    pub(super) fn bracketed(&mut self) -> Result<String, Error> {
        let place = self.place;
        let mut out = String::new();
        loop {
            self.skip_space();
            match self.peek(0) {
                Some(b']') => {
                    self.step();
                    self.advance()?;
                    return Ok(out);
                }
                Some(b) if b.is_ascii_alphanumeric() || b"-._~/!$&()*+,;=%".contains(&b) => {
                    self.step();
                    out.push(char::from(b));
                }
                _ => return Err(self.error_at(place, "expected a type URL or extension name and \"]\"")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &[u8]) -> Vec<Token<'_>> {
        let mut lexer = Lexer::new(text);
        let mut out = Vec::new();
        loop {
            lexer.advance().unwrap();
            match lexer.token() {
                Token::End => return out,
                token => out.push(token),
            }
        }
    }

    #[test]
    fn splits() {
        assert_eq!(
            tokens(b"\xef\xbb\xbfa_1: -1.5e+9f,# {\n\t'x\"\\'' .5 \r\n<\xff"),
            [
                Token::Name("a_1"),
                Token::Symbol(b':'),
                Token::Number("-1.5e+9f"),
                Token::Symbol(b','),
                Token::Literal(b"x\"\\'"),
                Token::Number(".5"),
                Token::Symbol(b'<'),
                Token::Symbol(0xff),
            ]
        );
    }

    #[test]
    fn places_are_counted_in_characters() {
        let mut lexer = Lexer::new("a:\n 'é' }".as_bytes());
        for _ in 0..4 {
            lexer.advance().unwrap();
        }
        assert_eq!(
            lexer.expected("a name").to_string(),
            "line 2, column 6: expected a name, found \"}\""
        );
    }

    #[test]
    fn literals_end_on_their_line() {
        for text in [&b"'a"[..], b"'a\n'", b"'a\\", b"'a\\\n'", b"\"a'"] {
            let e = Lexer::new(text).advance().unwrap_err();
            assert!(e.to_string().contains("line 1, column 1"), "{e}");
        }
    }

    #[test]
    fn brackets_may_be_spaced() {
        let mut lexer = Lexer::new(b"[ a.b/ # why\n c ] {");
        lexer.advance().unwrap();
        assert_eq!(lexer.bracketed().unwrap(), "a.b/c");
        assert_eq!(lexer.token(), Token::Symbol(b'{'));
        assert!(Lexer::new(b"a b").bracketed().is_err());
    }
}
