//! int4, uint4, int2 and uint2: a byte an element, of which only the low bits count (format.md 2.2).
//!
//! TensorFlow leaves the upper bits unspecified; NumPy gets the value as int8 or uint8.

use super::Produce;
use crate::error::Result;

/// Narrow integers, widened to a byte.
#[derive(Debug)]
pub struct Mask<P> {
    inner: P,
    bits: u32,
    signed: bool,
}

impl<P: Produce> Mask<P> {
    /// The bytes of `inner` cut to their low `bits`, sign-extended where `signed`.
    pub fn new(inner: P, bits: u32, signed: bool) -> Self {
        Self { inner, bits, signed }
    }
}

/// The value of a narrow integer as a byte.
pub fn widen(byte: u8, bits: u32, signed: bool) -> u8 {
    let unused = 8u32.saturating_sub(bits);
    let shifted = byte.wrapping_shl(unused);
    if signed {
        (shifted as i8).wrapping_shr(unused) as u8
    } else {
        shifted.wrapping_shr(unused)
    }
}

impl<P: Produce> Produce for Mask<P> {
    fn len(&self) -> u64 {
        self.inner.len()
    }

    fn read(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        self.inner.read(offset, buf)?;
        for byte in buf {
            *byte = widen(*byte, self.bits, self.signed);
        }
        Ok(())
    }

    fn weight(&self) -> usize {
        self.inner.weight()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stray_bits_are_dropped() {
        assert_eq!(widen(0xf7, 4, true), 7);
        assert_eq!(widen(0x18, 4, true) as i8, -8);
        assert_eq!(widen(0xff, 4, false), 15);
        assert_eq!(widen(0xfe, 2, true) as i8, -2);
        assert_eq!(widen(0xfe, 2, false), 2);
    }
}
