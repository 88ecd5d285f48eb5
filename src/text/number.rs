//! Floating point numbers, as Python's text_format writes them: `repr` of the shortest number that reads
//! back the same, where for single precision "shortest" starts at six digits.

use std::fmt;
use std::fmt::Write;

/// Writes `value` as Python's `repr` does.
pub(super) fn write_double<W: fmt::Write>(out: &mut W, value: f64, scratch: &mut String) -> fmt::Result {
    if !value.is_finite() {
        return write_special(out, value);
    }
    scratch.clear();
    write!(scratch, "{value:e}")?;
    write_repr(out, scratch)
}

/// Writes `value` as protobuf's `ToShortestFloat` and Python's `repr` do.
pub(super) fn write_float<W: fmt::Write>(out: &mut W, value: f32, scratch: &mut String) -> fmt::Result {
    if !value.is_finite() {
        return write_special(out, f64::from(value));
    }
    scratch.clear();
    // The shortest digits and the first precision from six on that reads back are the same number, but
    // for subnormals (fewer than six digits may do) and powers of two (the gap below is half the gap
    // above, so the nearest decimal may be on the wrong side).
    let bits = value.to_bits();
    if value != 0.0 && (bits & 0x007f_ffff == 0 || bits & 0x7f80_0000 == 0) {
        for precision in 5..17 {
            scratch.clear();
            write!(scratch, "{:.precision$e}", f64::from(value))?;
            let rounded = scratch.parse::<f64>().unwrap_or(f64::NAN);
            #[allow(clippy::cast_possible_truncation)]
            if (rounded as f32).to_bits() == bits {
                return write_double(out, rounded, scratch);
            }
        }
        scratch.clear();
    }
    write!(scratch, "{value:e}")?;
    write_repr(out, scratch)
}

fn write_special<W: fmt::Write>(out: &mut W, value: f64) -> fmt::Result {
    out.write_str(if value.is_nan() {
        "nan"
    } else if value > 0.0 {
        "inf"
    } else {
        "-inf"
    })
}

/// From Rust's `1.25e-7` to Python's `1.25e-07`, and to `0.00125` for exponents of -4 to 15.
fn write_repr<W: fmt::Write>(out: &mut W, scientific: &str) -> fmt::Result {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent = exponent.parse::<i32>().unwrap_or(0);
    let unsigned = mantissa.strip_prefix('-').unwrap_or(mantissa);
    let (first, rest) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    if unsigned.len() != mantissa.len() {
        out.write_char('-')?;
    }
    match usize::try_from(exponent) {
        Ok(exponent) if exponent < 16 => {
            out.write_str(first)?;
            match rest.split_at_checked(exponent) {
                Some((whole, fraction)) if !fraction.is_empty() => {
                    out.write_str(whole)?;
                    out.write_char('.')?;
                    out.write_str(fraction)
                }
                _ => {
                    out.write_str(rest)?;
                    for _ in rest.len()..exponent {
                        out.write_char('0')?;
                    }
                    out.write_str(".0")
                }
            }
        }
        Err(_) if exponent >= -4 => {
            out.write_str("0.")?;
            for _ in exponent..-1 {
                out.write_char('0')?;
            }
            out.write_str(first)?;
            out.write_str(rest)
        }
        _ => {
            out.write_str(first)?;
            if !rest.is_empty() {
                out.write_char('.')?;
                out.write_str(rest)?;
            }
            let sign = if exponent < 0 { '-' } else { '+' };
            write!(out, "e{sign}{:02}", exponent.unsigned_abs())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_pythons() {
        for (value, text) in [
            (1e16, "1e+16"),
            (1e15, "1000000000000000.0"),
            (123456789012345678.0, "1.2345678901234568e+17"),
            (1e-4, "0.0001"),
            (1.5e-4, "0.00015"),
            (1e-5, "1e-05"),
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.5, "1.5"),
            (-120.0, "-120.0"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (-1e100, "-1e+100"),
            (1583942341.8453548, "1583942341.8453548"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (-f64::NAN, "nan"),
        ] {
            let mut out = String::new();
            write_double(&mut out, value, &mut String::new()).unwrap();
            assert_eq!(out, text);
        }
    }

    #[test]
    fn floats_are_pythons() {
        for (bits, text) in [
            (1, "1.4013e-45"),
            (2, "2.8026e-45"),
            (0x0080_0000, "1.1754944e-38"),
            (0x007f_ffff, "1.1754942e-38"),
            (0x7f7f_ffff, "3.4028235e+38"),
            (0x8000_0000, "-0.0"),
            (0x3dcc_cccd, "0.1"),
            (0x4b80_0000, "16777216.0"),
            (0x5a0e_1bca, "1e+16"),
            (0x38d1_b717, "0.0001"),
            (0x3727_c5ac, "1e-05"),
            (0x6a00_0000, "3.8685626e+25"),
            (0x2000_0000, "1.0842022e-19"),
            (0x0c00_0000, "9.8607613e-32"),
        ] {
            let mut out = String::new();
            write_float(&mut out, f32::from_bits(bits), &mut String::new()).unwrap();
            assert_eq!(out, text);
        }
    }
}
