//! Many byte strings in one buffer: the elements of a string constant.

use bytes::Bytes;

/// Byte strings by number: 8 bytes each beside their own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Strings {
    bytes: Bytes,
    ends: Vec<u64>,
}

impl Strings {
    /// The strings of `bytes` that end at `ends`.
    pub(crate) fn new(bytes: Bytes, ends: Vec<u64>) -> Self {
        Self { bytes, ends }
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.ends.len() as u64
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// String `i`.
    pub fn get(&self, i: u64) -> Option<&[u8]> {
        let i = usize::try_from(i).ok()?;
        let end = usize::try_from(*self.ends.get(i)?).ok()?;
        let start = match i.checked_sub(1) {
            Some(before) => usize::try_from(*self.ends.get(before)?).ok()?,
            None => 0,
        };
        self.bytes.get(start..end)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).filter_map(|i| self.get(i))
    }
}

/// Collects strings.
#[derive(Debug, Default)]
pub(crate) struct StringsBuilder {
    bytes: Vec<u8>,
    ends: Vec<u64>,
}

impl StringsBuilder {
    pub(crate) fn push(&mut self, string: &[u8]) {
        self.bytes.extend_from_slice(string);
        self.ends.push(self.bytes.len() as u64);
    }

    pub(crate) fn len(&self) -> u64 {
        self.ends.len() as u64
    }

    pub(crate) fn finish(self) -> Strings {
        Strings::new(self.bytes.into(), self.ends)
    }
}
