//! Narrow floats as f32: half, bfloat16 and the float8 family. Every value of theirs is exact in f32.
//!
//! Facts: format.md 2.2 (biases, what has infinities, how NaN is spelled).

use super::DType;

/// A binary float of at most 16 bits with a sign.
#[derive(Debug, Clone, Copy)]
struct Format {
    mantissa_bits: u32,
    exponent_bits: u32,
    bias: i32,
    special: Special,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Special {
    /// As IEEE: the highest exponent is infinity and NaN.
    Ieee,
    /// No infinity; all bits set (but the sign) is NaN.
    AllOnes,
    /// No infinity, no negative zero; the sign bit alone is NaN.
    SignOnly,
}

const fn format(exponent_bits: u32, mantissa_bits: u32, bias: i32, special: Special) -> Format {
    Format {
        mantissa_bits,
        exponent_bits,
        bias,
        special,
    }
}

fn format_of(dtype: DType) -> Option<Format> {
    Some(match dtype.0 {
        19 => format(5, 10, 15, Special::Ieee),
        14 => format(8, 7, 127, Special::Ieee),
        24 => format(5, 2, 15, Special::Ieee),
        25 => format(4, 3, 7, Special::AllOnes),
        26 => format(4, 3, 8, Special::SignOnly),
        27 => format(4, 3, 11, Special::SignOnly),
        28 => format(5, 2, 16, Special::SignOnly),
        _ => return None,
    })
}

/// The value of `bits` of a narrow float type; `None` for other types.
pub fn widen(dtype: DType, bits: u16) -> Option<f32> {
    let f = format_of(dtype)?;
    let bits = u32::from(bits);
    let mask = |n: u32| 1u32.wrapping_shl(n).wrapping_sub(1);
    let mantissa = bits & mask(f.mantissa_bits);
    let exponent = bits.wrapping_shr(f.mantissa_bits) & mask(f.exponent_bits);
    let width = f.mantissa_bits.wrapping_add(f.exponent_bits);
    let negative = bits.wrapping_shr(width) & 1 == 1;
    let signed = |value: f32| if negative { -value } else { value };
    match f.special {
        Special::Ieee if exponent == mask(f.exponent_bits) => {
            return Some(if mantissa == 0 {
                signed(f32::INFINITY)
            } else {
                f32::NAN
            });
        }
        Special::AllOnes if bits & mask(width) == mask(width) => return Some(f32::NAN),
        Special::SignOnly if negative && bits & mask(width) == 0 => return Some(f32::NAN),
        _ => {}
    }
    let fraction = f64::from(mantissa) / f64::from(1u32.wrapping_shl(f.mantissa_bits));
    let bits_to_exponent = i32::try_from(exponent).unwrap_or(0).wrapping_sub(f.bias);
    let value = if exponent == 0 {
        fraction * 2f64.powi(1i32.wrapping_sub(f.bias))
    } else {
        (1.0 + fraction) * 2f64.powi(bits_to_exponent)
    };
    Some(signed(value as f32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        let w = |n, bits| widen(DType(n), bits).unwrap();
        assert_eq!(w(19, 0x3c00), 1.0);
        assert_eq!(w(19, 0x0001), 5.960_464_5e-8);
        assert_eq!(w(19, 0xfc00), f32::NEG_INFINITY);
        assert!(w(19, 0x7e00).is_nan());
        assert_eq!(w(14, 0x3f80), 1.0);
        assert_eq!(w(14, 0x0001).to_bits(), 0x0001_0000);
        assert_eq!(w(14, 0xff80), f32::NEG_INFINITY);
        assert_eq!(w(24, 0x3c), 1.0);
        assert_eq!(w(24, 0x7b), 57344.0);
        assert_eq!(w(24, 0x7c), f32::INFINITY);
        assert_eq!(w(25, 0x38), 1.0);
        assert_eq!(w(25, 0x7e), 448.0);
        assert!(w(25, 0xff).is_nan());
        assert_eq!(w(26, 0x7f), 240.0);
        assert!(w(26, 0x80).is_nan());
        assert_eq!(w(27, 0x7f), 30.0);
        assert_eq!(w(28, 0x7f), 57344.0);
        assert!(w(19, 0x8000).is_sign_negative());
    }

    #[test]
    fn bfloat16_is_the_upper_half_of_f32() {
        for bits in 0..=u16::MAX {
            let value = w16(bits);
            let want = f32::from_bits(u32::from(bits) << 16);
            assert!(
                value.to_bits() == want.to_bits() || value.is_nan() && want.is_nan(),
                "{bits:#x}"
            );
        }
        fn w16(bits: u16) -> f32 {
            widen(DType::BFLOAT16, bits).unwrap()
        }
    }
}
