//! From what stands between quotes to the bytes it means.

/// What is wrong with an escape.
pub(super) type Problem = &'static str;

/// Appends the bytes of a literal. Its length bounds theirs.
pub(super) fn unescape(literal: &[u8], out: &mut Vec<u8>) -> Result<(), Problem> {
    let mut rest = literal;
    loop {
        let plain = rest.iter().position(|b| *b == b'\\').unwrap_or(rest.len());
        let (before, after) = rest.split_at_checked(plain).unwrap_or((rest, &[]));
        out.extend_from_slice(before);
        let Some(after) = after.strip_prefix(b"\\") else {
            return Ok(());
        };
        rest = escape(after, out)?;
    }
}

/// One escape, after its backslash; gives what follows.
fn escape<'a>(text: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], Problem> {
    let (first, rest) = text.split_first().ok_or("a backslash with nothing after it")?;
    let byte = match first {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'a' => 0x07,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'v' => 0x0b,
        b'?' | b'\'' | b'"' | b'\\' => *first,
        b'0'..=b'7' => {
            let (value, rest) = digits(text, 8, 3);
            out.push(u8::try_from(value).map_err(|_| "an octal escape above \\377")?);
            return Ok(rest);
        }
        b'x' | b'X' => {
            let (value, after) = digits(rest, 16, 2);
            if after.len() == rest.len() {
                return Err("\\x without hexadecimal digits");
            }
            out.push(u8::try_from(value).unwrap_or_default());
            return Ok(after);
        }
        b'u' | b'U' => {
            let (c, rest) = unicode(*first, rest)?;
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            return Ok(rest);
        }
        _ => return Err("an escape that does not exist"),
    };
    out.push(byte);
    Ok(rest)
}

/// Up to `most` digits.
fn digits(text: &[u8], radix: u32, most: usize) -> (u32, &[u8]) {
    let mut value = 0u32;
    let mut rest = text;
    for _ in 0..most {
        let Some((digit, after)) = rest
            .split_first()
            .and_then(|(b, after)| Some((char::from(*b).to_digit(radix)?, after)))
        else {
            break;
        };
        value = value.saturating_mul(radix).saturating_add(digit);
        rest = after;
    }
    (value, rest)
}

/// `\u` with four digits, `\U` with eight; two surrogates make one character.
fn unicode(kind: u8, text: &[u8]) -> Result<(char, &[u8]), Problem> {
    const PROBLEM: Problem = "\\u needs four and \\U eight hexadecimal digits of a character";
    let most = if kind == b'u' { 4 } else { 8 };
    let (value, rest) = digits(text, 16, most);
    if text.len().saturating_sub(rest.len()) != most {
        return Err(PROBLEM);
    }
    if (0xd800..0xdc00).contains(&value) {
        let low = rest.strip_prefix(b"\\u").ok_or(PROBLEM)?;
        let (second, after) = digits(low, 16, 4);
        let units = [value, second].map(|v| u16::try_from(v).unwrap_or_default());
        let mut chars = char::decode_utf16(units);
        return match (chars.next(), chars.next()) {
            (Some(Ok(c)), None) => Ok((c, after)),
            _ => Err(PROBLEM),
        };
    }
    Ok((char::from_u32(value).ok_or(PROBLEM)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Result<Vec<u8>, Problem> {
        let mut out = Vec::new();
        unescape(text, &mut out)?;
        Ok(out)
    }

    #[test]
    fn all_escapes() {
        assert_eq!(
            read(br#"\a\b\f\n\r\t\v\?\'\"\\\0\18\377\x1\x41\xe9Z\u00e9\U0001F600\ud83d\ude00"#).unwrap(),
            [
                &b"\x07\x08\x0c\n\r\t\x0b?'\"\\\0\x018\xff\x01A\xe9Z"[..],
                "é😀😀".as_bytes()
            ]
            .concat()
        );
        assert_eq!(read(b"caf\xe9").unwrap(), b"caf\xe9");
        assert_eq!(read(b"").unwrap(), b"");
    }

    #[test]
    fn bad_escapes() {
        for text in [
            &br"\"[..],
            br"\q",
            br"\400",
            br"\x",
            br"\xg",
            br"\u12",
            br"\ud83d",
            br"\ud83d\u0041",
            br"\U00110000",
        ] {
            assert!(read(text).is_err());
        }
    }
}
