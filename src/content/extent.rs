//! Bytes of a file as they are: most tensors.

use super::Produce;
use crate::error::Result;
use crate::source::Extent;
use crate::source::KernelBytes;

impl Produce for Extent {
    fn len(&self) -> u64 {
        Extent::len(self)
    }

    fn read(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        Extent::read(self, offset, buf)
    }

    fn mapped(&self, offset: u64, len: u64) -> Option<Result<KernelBytes<'_>>> {
        self.map(offset, len)
    }
}
