//! One element as text: the shortest form that reads back as the same value, as Python's `repr` writes it.

use super::DType;
use super::Endianness;
use super::dtype::Layout;
use super::float;

/// The text of the element that `bytes` hold (as many as [`DType::width`]); `None` for what is no number.
pub fn text(dtype: DType, endianness: Endianness, bytes: &[u8]) -> Option<String> {
    let bytes = ordered(dtype, endianness, bytes)?;
    Some(match dtype.layout() {
        Layout::Narrow { bits, signed } => {
            let unused = 8u32.checked_sub(bits)?;
            let byte = bytes.first()?.wrapping_shl(unused);
            if signed {
                (byte as i8).wrapping_shr(unused).to_string()
            } else {
                byte.wrapping_shr(unused).to_string()
            }
        }
        Layout::Fixed(_) => match dtype.0 {
            1 => real32(f32::from_le_bytes(take(&bytes)?)),
            2 => real(f64::from_le_bytes(take(&bytes)?)),
            3 | 13 => i32::from_le_bytes(take(&bytes)?).to_string(),
            4 | 12 => u8::from_le_bytes(take(&bytes)?).to_string(),
            5 | 15 => i16::from_le_bytes(take(&bytes)?).to_string(),
            6 | 11 => i8::from_le_bytes(take(&bytes)?).to_string(),
            8 => {
                let (re, im) = bytes.split_at_checked(4)?;
                complex(
                    &real32(f32::from_le_bytes(take(re)?)),
                    &real32(f32::from_le_bytes(take(im)?)),
                )
            }
            9 => i64::from_le_bytes(take(&bytes)?).to_string(),
            10 => match bytes.first()? {
                0 => "False".into(),
                _ => "True".into(),
            },
            16 | 17 => u16::from_le_bytes(take(&bytes)?).to_string(),
            18 => {
                let (re, im) = bytes.split_at_checked(8)?;
                complex(
                    &real(f64::from_le_bytes(take(re)?)),
                    &real(f64::from_le_bytes(take(im)?)),
                )
            }
            22 => u32::from_le_bytes(take(&bytes)?).to_string(),
            23 => u64::from_le_bytes(take(&bytes)?).to_string(),
            14 | 19 => real32(float::widen(dtype, u16::from_le_bytes(take(&bytes)?))?),
            _ => real32(float::widen(dtype, (*bytes.first()?).into())?),
        },
        Layout::Strings | Layout::Variants | Layout::None => return None,
    })
}

fn take<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.first_chunk::<N>().copied()
}

/// The bytes in little-endian order.
fn ordered(dtype: DType, endianness: Endianness, bytes: &[u8]) -> Option<Vec<u8>> {
    let width = usize::try_from(dtype.width()?).ok()?;
    let mut bytes = bytes.get(..width)?.to_vec();
    if endianness == Endianness::Big {
        let unit = usize::try_from(dtype.swap_unit()).ok()?.max(1);
        bytes.chunks_mut(unit).for_each(<[u8]>::reverse);
    }
    Some(bytes)
}

fn complex(re: &str, im: &str) -> String {
    let sign = if im.starts_with('-') { "" } else { "+" };
    format!("{re}{sign}{im}j")
}

/// A float as Python's `repr` of the same value in single precision.
pub fn real32(value: f32) -> String {
    layout(
        value.is_finite(),
        f64::from(value.abs()),
        format!("{value:?}"),
        format!("{value:e}"),
    )
}

fn real(value: f64) -> String {
    layout(
        value.is_finite(),
        value.abs(),
        format!("{value:?}"),
        format!("{value:e}"),
    )
}

/// Python's choice between plain and exponent form.
fn layout(finite: bool, size: f64, plain: String, exponent: String) -> String {
    if !finite {
        return plain.to_lowercase();
    }
    if size == 0.0 || (1e-4..1e16).contains(&size) {
        return match plain.contains('e') {
            true => exponent_text(&exponent),
            false => plain,
        };
    }
    exponent_text(&exponent)
}

/// `1e5` as Python writes it: `1e+05`.
fn exponent_text(text: &str) -> String {
    let Some((mantissa, exponent)) = text.split_once('e') else {
        return text.to_string();
    };
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_python() {
        let f = |v: f32| text(DType::FLOAT32, Endianness::Little, &v.to_le_bytes()).unwrap();
        assert_eq!(f(0.1), "0.1");
        assert_eq!(f(1.0), "1.0");
        assert_eq!(f(-0.0), "-0.0");
        assert_eq!(f(1e-7), "1e-07");
        assert_eq!(f(f32::NAN), "nan");
        assert_eq!(f(f32::NEG_INFINITY), "-inf");
        assert_eq!(f(3.4e38), "3.4e+38");
        let d = |v: f64| text(DType::FLOAT64, Endianness::Big, &v.to_be_bytes()).unwrap();
        assert_eq!(d(123456789.25), "123456789.25");
        assert_eq!(d(1e22), "1e+22");
        assert_eq!(
            text(DType::INT64, Endianness::Little, &(-5i64).to_le_bytes()).unwrap(),
            "-5"
        );
        assert_eq!(text(DType(29), Endianness::Little, &[0xf8]).unwrap(), "-8");
        assert_eq!(text(DType::BOOL, Endianness::Little, &[1]).unwrap(), "True");
        let mut c = 1.5f32.to_le_bytes().to_vec();
        c.extend_from_slice(&(-2f32).to_le_bytes());
        assert_eq!(
            text(DType::COMPLEX64, Endianness::Little, &c).unwrap(),
            "1.5-2.0j"
        );
        assert_eq!(text(DType::STRING, Endianness::Little, &c), None);
        assert_eq!(text(DType::FLOAT64, Endianness::Little, &[0]), None);
    }
}
