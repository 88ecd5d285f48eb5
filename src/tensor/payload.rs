//! Where the bytes of a tensor lie, whatever format stores them.

use super::slice::Block;
use super::strings::StringTable;
use super::variants::VariantTable;
use crate::source::Extent;

/// The stored bytes of one tensor.
#[derive(Debug)]
pub enum Payload {
    /// Elements of fixed width, all in one place, row-major. `None` where there is no element.
    Whole(Option<Extent>),
    /// Elements of fixed width in several boxes that tile the tensor, each row-major.
    Parts(Vec<(Block, Extent)>),
    /// Elements of fixed width of which only the first are stored; all further ones equal `fill`.
    Filled {
        /// The first elements; `None` where none is stored.
        stored: Option<Extent>,
        /// The bytes of one element.
        fill: Vec<u8>,
    },
    /// Strings: where each lies.
    Strings(StringTable),
    /// Variants: where the message of each lies.
    Variants(VariantTable),
}
