//! Elements of small tensors as text.

use super::constant::ConstData;
use super::constant::ConstValue;
use super::dtype;
use crate::error::Result;
use crate::source::Source;

/// How many elements are shown.
const SHOWN: u64 = 32;

/// The values in nested brackets, `[[1,2],[3,4]]`; a scalar without. `None` where there are too many.
pub(crate) fn tensor_values(source: &dyn Source, value: &ConstValue) -> Result<Option<String>> {
    if value.elements > SHOWN {
        return Ok(None);
    }
    let mut elements: Vec<String> = Vec::new();
    match &value.data {
        ConstData::Strings { .. } => {
            for i in 0..value.elements {
                let string = value.string(i).unwrap_or_default();
                elements.push(format!("\"{}\"", escape(string)));
            }
        }
        ConstData::Fixed {
            width, stored, fill, ..
        } => {
            let bytes = stored.read(source)?;
            let stored = bytes.chunks_exact((*width).max(1) as usize);
            elements.extend(stored.map(|e| element(value.dtype, e)));
            while (elements.len() as u64) < value.elements {
                elements.push(element(value.dtype, fill));
            }
        }
    }
    let mut rest = elements.into_iter();
    Ok(Some(nested(&value.shape, &mut rest)))
}

fn nested(shape: &[u64], elements: &mut impl Iterator<Item = String>) -> String {
    let Some((size, inner)) = shape.split_first() else {
        return elements.next().unwrap_or_default();
    };
    // With no elements in all, an outer dimension may be of any size.
    if inner.contains(&0) {
        return "[]".to_owned();
    }
    let items: Vec<String> = (0..*size).map(|_| nested(inner, elements)).collect();
    format!("[{}]", items.join(","))
}

/// One element from its little-endian bytes.
fn element(dtype: u32, bytes: &[u8]) -> String {
    let f32s = || bytes.first_chunk().map_or(0.0, |b| f32::from_le_bytes(*b));
    let f64s = || bytes.first_chunk().map_or(0.0, |b| f64::from_le_bytes(*b));
    let short = || bytes.first_chunk().map_or(0, |b| u16::from_le_bytes(*b));
    let unsigned = || {
        let mut all = [0; 8];
        all.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        u64::from_le_bytes(all)
    };
    let signed = || {
        let unused = 64u32.saturating_sub(8u32.saturating_mul(bytes.len().min(8) as u32));
        unsigned().wrapping_shl(unused).cast_signed().wrapping_shr(unused)
    };
    let float = |f: f32| number(f64::from(f), &format!("{f:?}"));
    match dtype {
        1 => float(f32s()),
        2 => number(f64s(), &format!("{:?}", f64s())),
        3 | 5 | 6 | 9 | 11 | 13 | 15 | 29 | 31 => signed().to_string(),
        4 | 12 | 16 | 17 | 22 | 23 | 30 | 32 => unsigned().to_string(),
        dtype::BOOL => (bytes.first() != Some(&0)).to_string(),
        14 => float(f32::from_bits(u32::from(short()).wrapping_shl(16))),
        19 => float(half(short())),
        8 => {
            let parts: Vec<String> = bytes.chunks_exact(4).map(|b| element(1, b)).collect();
            format!("({}j)", parts.join(","))
        }
        18 => {
            let parts: Vec<String> = bytes.chunks_exact(8).map(|b| element(2, b)).collect();
            format!("({}j)", parts.join(","))
        }
        _ => format!("0x{:02x}", unsigned()),
    }
}

/// IEEE 754 binary16.
fn half(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let exponent = i32::from(bits.wrapping_shr(10) & 0x1f);
    let fraction = f32::from(bits & 0x3ff) / 1024.0;
    match exponent {
        0 => sign * fraction * 2f32.powi(-14),
        31 if fraction == 0.0 => sign * f32::INFINITY,
        31 => f32::NAN,
        e => sign * (1.0 + fraction) * 2f32.powi(e.saturating_sub(15)),
    }
}

/// A float as short as it can be: `shortest` is Rust's round-trip form.
pub(crate) fn number(value: f64, shortest: &str) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    shortest.strip_suffix(".0").unwrap_or(shortest).to_owned()
}

/// Bytes as text on one line: valid UTF-8 stays, quotes, backslashes and control bytes are escaped as
/// in C.
pub(crate) fn escape(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' => out.push_str("\\n"),
                '\t' => out.push_str("\\t"),
                '\r' => out.push_str("\\r"),
                '"' | '\\' => {
                    out.push('\\');
                    out.push(c);
                }
                c if c.is_control() => {
                    let mut utf8 = [0; 4];
                    c.encode_utf8(&mut utf8).bytes().for_each(|b| octal(&mut out, b));
                }
                c => out.push(c),
            }
        }
        chunk.invalid().iter().for_each(|b| octal(&mut out, *b));
    }
    out
}

fn octal(out: &mut String, byte: u8) {
    out.push_str(&format!("\\{byte:03o}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_of_all_kinds() {
        for (dtype, bytes, text) in [
            (1, &1.5f32.to_le_bytes()[..], "1.5"),
            (2, &(-1e300f64).to_le_bytes(), "-1e300"),
            (3, &(-7i32).to_le_bytes(), "-7"),
            (6, &[0xff], "-1"),
            (4, &[0xff], "255"),
            (9, &i64::MIN.to_le_bytes(), "-9223372036854775808"),
            (23, &u64::MAX.to_le_bytes(), "18446744073709551615"),
            (10, &[1], "true"),
            (14, &[0x80, 0x3f], "1"),
            (19, &[0x00, 0xbc], "-1"),
            (19, &[0x00, 0x7c], "inf"),
            (19, &[0x01, 0x7c], "nan"),
            (19, &[0x01, 0x00], "5.9604645e-8"),
            (8, &[0, 0, 0x80, 0x3f, 0, 0, 0, 0x40], "(1,2j)"),
            (25, &[0x38], "0x38"),
        ] {
            assert_eq!(element(dtype, bytes), text, "{dtype}");
        }
    }

    #[test]
    fn shapes_without_elements_do_not_loop() {
        assert_eq!(nested(&[1 << 60, 0], &mut std::iter::empty()), "[]");
        assert_eq!(nested(&[0, 1 << 60], &mut std::iter::empty()), "[]");
    }

    #[test]
    fn text_is_escaped_on_one_line() {
        assert_eq!(escape("a\n\"\\\u{e9}\u{7}".as_bytes()), "a\\n\\\"\\\\\u{e9}\\007");
        assert_eq!(escape(&[b'a', 0xff, 0xc3]), "a\\377\\303");
    }
}
