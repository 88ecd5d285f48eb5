//! The strings of a tensor: where each lies.

use crate::source::Extent;

/// Where each string of a tensor lies.
#[derive(Debug, Clone)]
pub struct StringTable {
    place: Place,
    longest: u64,
    total: u64,
}

#[derive(Debug, Clone)]
enum Place {
    /// One after the other.
    Together {
        /// All bytes; `None` where there are none.
        bytes: Option<Extent>,
        /// The end of each string within `bytes`.
        ends: Vec<u64>,
    },
    /// Each on its own: a tensor that is stored in slices. `None` for an empty string.
    Scattered(Vec<Option<Extent>>),
}

impl StringTable {
    /// Strings that lie one after the other in `bytes` (`None`: all are empty), each up to its end.
    pub fn joined(bytes: Option<Extent>, ends: Vec<u64>, longest: u64) -> Self {
        Self {
            total: ends.last().copied().unwrap_or(0),
            place: Place::Together { bytes, ends },
            longest,
        }
    }

    /// Strings that lie here and there.
    pub fn scattered(strings: Vec<Option<Extent>>) -> Self {
        let len = |string: &Option<Extent>| string.as_ref().map_or(0, Extent::len);
        Self {
            longest: strings.iter().map(len).max().unwrap_or(0),
            total: strings.iter().map(len).fold(0, u64::saturating_add),
            place: Place::Scattered(strings),
        }
    }

    /// How many strings there are.
    pub fn len(&self) -> u64 {
        match &self.place {
            Place::Together { ends, .. } => ends.len() as u64,
            Place::Scattered(strings) => strings.len() as u64,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of the longest.
    pub fn longest(&self) -> u64 {
        self.longest
    }

    /// Bytes of all together.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Where string `index` starts and ends within the bytes of all, where these lie together.
    pub fn range(&self, index: u64) -> Option<(u64, u64)> {
        let Place::Together { ends, .. } = &self.place else {
            return None;
        };
        let index = usize::try_from(index).ok()?;
        let end = *ends.get(index)?;
        let start = match index.checked_sub(1) {
            Some(before) => *ends.get(before)?,
            None => 0,
        };
        Some((start, end))
    }

    /// The bytes of all strings, one after the other; `None` where there are none, or they lie apart.
    pub fn together(&self) -> Option<&Extent> {
        match &self.place {
            Place::Together { bytes, .. } => bytes.as_ref(),
            Place::Scattered(_) => None,
        }
    }

    /// The bytes of string `index`; `Some(None)` for an empty one.
    pub fn string(&self, index: u64) -> Option<Option<Extent>> {
        if let Place::Scattered(strings) = &self.place {
            return strings.get(usize::try_from(index).ok()?).cloned();
        }
        let (start, end) = self.range(index)?;
        let len = end.saturating_sub(start);
        let bytes = self.together().and_then(|bytes| bytes.part(start, len));
        Some(bytes.filter(|bytes| !bytes.is_empty()))
    }

    /// Bytes of memory it holds.
    pub fn weight(&self) -> usize {
        match &self.place {
            Place::Together { ends, .. } => ends.len().saturating_mul(size_of::<u64>()),
            Place::Scattered(strings) => strings.len().saturating_mul(size_of::<Option<Extent>>()),
        }
    }
}
