//! A few bytes over and over: a Const of the graph that stores one value for 10^12 elements.

use bytes::Bytes;

use super::Produce;
use crate::error::Result;

/// `unit` repeated to `len` bytes; zeros where `unit` is empty.
#[derive(Debug)]
pub struct Repeat {
    unit: Bytes,
    len: u64,
}

impl Repeat {
    /// `len` bytes made of `unit`.
    pub fn new(unit: impl Into<Bytes>, len: u64) -> Self {
        Self {
            unit: unit.into(),
            len,
        }
    }
}

impl Produce for Repeat {
    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        let Some(skip) = offset.checked_rem(self.unit.len() as u64) else {
            buf.fill(0);
            return Ok(());
        };
        let skip = usize::try_from(skip).unwrap_or(0);
        for (target, byte) in buf.iter_mut().zip(self.unit.iter().cycle().skip(skip)) {
            *target = *byte;
        }
        Ok(())
    }

    fn weight(&self) -> usize {
        self.unit.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_offset_is_in_phase() {
        let repeat = Repeat::new(&b"abc"[..], 1 << 60);
        let mut buf = [0; 5];
        repeat.read(3_000_000_001, &mut buf).unwrap();
        assert_eq!(&buf, b"bcabc");
        Repeat::new(&b""[..], 10).read(2, &mut buf).unwrap();
        assert_eq!(buf, [0; 5]);
    }
}
