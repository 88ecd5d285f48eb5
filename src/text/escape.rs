//! Quoted literals, as Python's text_format writes them.
//!
//! `string` fields keep characters beyond ASCII as they are, `bytes` fields never do. Bytes that are not
//! UTF-8 are escaped in both, so the literal is always text and always reads back to the same bytes.

use std::fmt;

/// How much is collected before it goes to the writer; large payloads are mostly escapes of 4 characters.
const CHUNK: usize = 1024;

/// Writes `bytes` in double quotes.
pub(super) fn write_literal<W: fmt::Write>(out: &mut W, bytes: &[u8], keep_utf8: bool) -> fmt::Result {
    out.write_char('"')?;
    if keep_utf8 {
        for chunk in bytes.utf8_chunks() {
            write_escaped(out, chunk.valid().as_bytes(), Some(chunk.valid()))?;
            write_escaped(out, chunk.invalid(), None)?;
        }
    } else {
        write_escaped(out, bytes, None)?;
    }
    out.write_char('"')
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\'' | b'\\')
}

/// Escapes `bytes`; where they are `text`, characters beyond ASCII stay.
fn write_escaped<W: fmt::Write>(out: &mut W, bytes: &[u8], text: Option<&str>) -> fmt::Result {
    // Names, nearly always.
    if let Some(text) = text
        && bytes.iter().all(|b| is_plain(*b) || *b >= 0x80)
    {
        return out.write_str(text);
    }
    let mut chunk = String::with_capacity(bytes.len().min(CHUNK).saturating_mul(4));
    if let Some(text) = text {
        for c in text.chars() {
            match u8::try_from(c) {
                Ok(byte) if c.is_ascii() => push(&mut chunk, byte),
                _ => chunk.push(c),
            }
            flush(out, &mut chunk)?;
        }
    } else {
        for byte in bytes {
            push(&mut chunk, *byte);
            flush(out, &mut chunk)?;
        }
    }
    out.write_str(&chunk)
}

fn flush<W: fmt::Write>(out: &mut W, chunk: &mut String) -> fmt::Result {
    if chunk.len() >= CHUNK {
        out.write_str(chunk)?;
        chunk.clear();
    }
    Ok(())
}

fn push(out: &mut String, byte: u8) {
    match byte {
        b'\t' => out.push_str("\\t"),
        b'\n' => out.push_str("\\n"),
        b'\r' => out.push_str("\\r"),
        b'"' => out.push_str("\\\""),
        b'\'' => out.push_str("\\'"),
        b'\\' => out.push_str("\\\\"),
        b' '..=b'~' => out.push(char::from(byte)),
        _ => {
            out.push('\\');
            for digit in [byte.wrapping_shr(6), byte.wrapping_shr(3), byte] {
                out.push(char::from((digit & 7) | b'0'));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(bytes: &[u8], keep_utf8: bool) -> String {
        let mut out = String::new();
        write_literal(&mut out, bytes, keep_utf8).unwrap();
        out
    }

    #[test]
    fn escapes_as_python_does() {
        let text = "é\x7f\u{80}\x01'\"\\\t\n\r?\x07".as_bytes();
        assert_eq!(
            literal(text, true),
            "\"é\\177\u{80}\\001\\'\\\"\\\\\\t\\n\\r?\\007\""
        );
        assert_eq!(
            literal(text, false),
            r#""\303\251\177\302\200\001\'\"\\\t\n\r?\007""#
        );
        assert_eq!(literal(b"a\xffb\xc3", true), r#""a\377b\303""#);
        assert_eq!(literal("plain é".as_bytes(), true), "\"plain é\"");
    }

    #[test]
    fn long_payloads_come_in_chunks() {
        assert_eq!(literal(&[0xff; 5000], false).len(), 20_002);
        assert_eq!(literal(&[0xff; 5000], true).len(), 20_002);
    }
}
