//! The elements of a variant tensor: where the message of each lies.

use crate::source::Extent;

/// Where the message (a VariantTensorDataProto) of each element lies.
#[derive(Debug, Clone)]
pub struct VariantTable {
    messages: Vec<Option<Extent>>,
}

impl VariantTable {
    /// The messages in order; `None` for an empty one.
    pub fn new(messages: Vec<Option<Extent>>) -> Self {
        Self { messages }
    }

    /// How many elements there are.
    pub fn len(&self) -> u64 {
        self.messages.len() as u64
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// The message of element `index`; `Some(None)` for an empty one.
    pub fn message(&self, index: u64) -> Option<Option<Extent>> {
        self.messages.get(usize::try_from(index).ok()?).cloned()
    }

    /// Bytes of memory it holds.
    pub fn weight(&self) -> usize {
        self.messages.len().saturating_mul(size_of::<Option<Extent>>())
    }
}
