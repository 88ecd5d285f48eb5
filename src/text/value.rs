//! Numbers and bools in text, and how they go on the wire.

use super::descriptor;
use super::descriptor::Kind;

/// An integer: decimal, `0x` or octal with a leading zero; `negative` if a minus stood apart.
pub(super) fn integer(text: &str, negative: bool) -> Option<i128> {
    let (minus, digits) = sign(text)?;
    if minus && negative {
        return None;
    }
    let hex = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let (digits, radix) = match (hex, digits.strip_prefix('0')) {
        (Some(digits), _) => (digits, 16),
        (None, Some(digits)) if !digits.is_empty() => (digits, 8),
        _ => (digits, 10),
    };
    // A second sign, which from_str_radix would take.
    if !digits.starts_with(|c: char| c.is_ascii_hexdigit()) {
        return None;
    }
    let value = i128::from(u64::from_str_radix(digits, radix).ok()?);
    Some(if minus || negative {
        value.wrapping_neg()
    } else {
        value
    })
}

/// A floating point number: as C has it, with or without `f` at its end, or `inf`, `infinity`, `nan` in
/// any case.
pub(super) fn float(text: &str, negative: bool) -> Option<f64> {
    let (minus, digits) = sign(text)?;
    if minus && negative {
        return None;
    }
    let is = |words: [&str; 2]| words.iter().any(|w| digits.eq_ignore_ascii_case(w));
    let value = if is(["inf", "inff"]) || is(["infinity", "infinityf"]) {
        f64::INFINITY
    } else if is(["nan", "nanf"]) {
        f64::NAN
    } else if digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        let digits = digits.strip_suffix(['f', 'F']).unwrap_or(digits);
        digits.parse::<f64>().ok()?
    } else {
        return None;
    };
    Some(if minus || negative { -value } else { value })
}

/// What any protobuf reader takes for a bool.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "t" | "1" => Some(true),
        "false" | "False" | "f" | "0" => Some(false),
        _ => None,
    }
}

fn sign(text: &str) -> Option<(bool, &str)> {
    match text.strip_prefix('-') {
        Some(rest) => Some((true, rest)),
        None => Some((false, text.strip_prefix('+').unwrap_or(text))),
    }
}

/// Small numbers of either sign become small unsigned ones.
pub(super) fn zigzag(v: i64) -> u64 {
    (v.wrapping_shl(1) ^ v.wrapping_shr(63)).cast_unsigned()
}

/// A base-128 integer.
pub(super) fn push_varint(out: &mut Vec<u8>, mut v: u64) {
    while v >= 0x80 {
        out.push((v & 0x7f) as u8 | 0x80);
        v = v.wrapping_shr(7);
    }
    out.push(v as u8);
}

/// The number and wire type of a field.
pub(super) fn push_tag(out: &mut Vec<u8>, number: u32, wire_type: u64) {
    push_varint(out, u64::from(number).wrapping_shl(3) | wire_type);
}

/// What a kind of field wants, for errors.
pub(super) fn what_is(kind: Kind) -> String {
    match kind {
        Kind::Double | Kind::Float => "a number".to_owned(),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => "an integer of 32 bits".to_owned(),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => "an integer of 64 bits".to_owned(),
        Kind::Uint32 | Kind::Fixed32 => "an unsigned integer of 32 bits".to_owned(),
        Kind::Uint64 | Kind::Fixed64 => "an unsigned integer of 64 bits".to_owned(),
        Kind::Bool => "true or false".to_owned(),
        Kind::String | Kind::Bytes => "a string in quotes".to_owned(),
        Kind::Message(_) => "\"{\"".to_owned(),
        Kind::Enum(index) => descriptor::pool()
            .enumeration(index)
            .map_or_else(String::new, |e| format!("a value of {}", e.name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers() {
        for (text, value) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("+7", Some(7)),
            ("0x1F", Some(31)),
            ("-0X10", Some(-16)),
            ("017", Some(15)),
            ("18446744073709551615", Some(u64::MAX.into())),
            ("18446744073709551616", None),
            ("08", None),
            ("1.0", None),
            ("--1", None),
            ("0x-1", None),
            ("+-1", None),
            ("", None),
            ("-", None),
            ("1_0", None),
            ("a", None),
        ] {
            assert_eq!(integer(text, false), value, "{text}");
        }
        assert_eq!(integer("5", true), Some(-5));
        assert_eq!(integer("-5", true), None);
    }

    #[test]
    fn floats() {
        for (text, value) in [
            ("1.5e9", Some(1.5e9)),
            ("1f", Some(1.0)),
            ("-1.F", Some(-1.0)),
            (".5", Some(0.5)),
            ("10", Some(10.0)),
            ("inf", Some(f64::INFINITY)),
            ("-Inf", Some(f64::NEG_INFINITY)),
            ("inff", Some(f64::INFINITY)),
            ("-INFINITY", Some(f64::NEG_INFINITY)),
            ("infinityf", Some(f64::INFINITY)),
            ("1e", None),
            ("0x10", None),
            ("e5", None),
            ("", None),
            ("f", None),
            ("in", None),
        ] {
            assert_eq!(float(text, false), value, "{text}");
        }
        assert!(float("nan", false).unwrap().is_nan());
        assert!(float("-nanf", false).unwrap().is_nan());
        assert_eq!(float("inf", true), Some(f64::NEG_INFINITY));
    }

    #[test]
    fn wire() {
        assert_eq!([0, -1, 1, i64::MIN].map(zigzag), [0, 1, 2, u64::MAX]);
        let mut out = Vec::new();
        push_tag(&mut out, 17, 2);
        push_varint(&mut out, u64::MAX);
        assert_eq!(out.len(), 12);
    }
}
