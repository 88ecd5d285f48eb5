//! Slices that have to be decoded: sources that do so when they are read, and a bounded cache.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use bytes::Bytes;

use super::open::Inner;
use crate::error::Error;
use crate::error::Result;
use crate::source::FileStat;
use crate::source::KernelBytes;
use crate::source::Source;

/// Bytes of decoded slices that are kept. The last one stays even if it is larger.
const LIMIT: u64 = 256 << 20;
/// How many slices may be decoded at the same time.
const LANES: usize = 8;

/// A slice: its tensor, and its place among the slices of that.
pub(super) type SliceId = (u32, u32);

/// A decoded slice.
#[derive(Debug)]
pub(super) struct Decoded {
    /// Little-endian elements, or all strings one after the other.
    pub(super) bytes: Bytes,
    /// The end of each string.
    pub(super) ends: Vec<u64>,
    /// Bytes of the longest string.
    pub(super) longest: u64,
}

impl Decoded {
    fn weight(&self) -> u64 {
        (self.bytes.len() as u64).saturating_add((self.ends.len() as u64).saturating_mul(8))
    }
}

/// The slices that were read last.
#[derive(Debug)]
pub(super) struct Cache {
    limit: u64,
    kept: Mutex<Kept>,
    /// Held while a slice is decoded, so that several readers of it wait for one.
    lanes: [Mutex<()>; LANES],
}

#[derive(Debug, Default)]
struct Kept {
    slices: HashMap<SliceId, (u64, Arc<Decoded>)>,
    /// By the time of last use.
    order: BTreeMap<u64, SliceId>,
    weight: u64,
    clock: u64,
}

impl Default for Cache {
    fn default() -> Self {
        Self::new(LIMIT)
    }
}

impl Cache {
    pub(super) fn new(limit: u64) -> Self {
        Self {
            limit,
            kept: Mutex::default(),
            lanes: Default::default(),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The slice `id`, made by `decode` if it is not kept.
    pub(super) fn get(&self, id: SliceId, decode: impl FnOnce() -> Result<Decoded>) -> Result<Arc<Decoded>> {
        if let Some(found) = self.kept().touch(id) {
            return Ok(found);
        }
        let lane = (id.0 as usize).wrapping_add(id.1 as usize);
        let lane = self.lanes.get(lane.checked_rem(LANES).unwrap_or(0));
        let _alone = lane.map(|lane| lane.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(found) = self.kept().touch(id) {
            return Ok(found);
        }
        let made = Arc::new(decode()?);
        self.kept().insert(id, made.clone(), self.limit);
        Ok(made)
    }
}

impl Kept {
    fn touch(&mut self, id: SliceId) -> Option<Arc<Decoded>> {
        let (used, found) = self.slices.get_mut(&id)?;
        self.order.remove(used);
        self.clock = self.clock.saturating_add(1);
        *used = self.clock;
        self.order.insert(self.clock, id);
        Some(found.clone())
    }

    fn insert(&mut self, id: SliceId, made: Arc<Decoded>, limit: u64) {
        self.clock = self.clock.saturating_add(1);
        self.weight = self.weight.saturating_add(made.weight());
        self.slices.insert(id, (self.clock, made));
        self.order.insert(self.clock, id);
        while self.weight > limit && self.slices.len() > 1 {
            let Some((_, oldest)) = self.order.pop_first() else {
                break;
            };
            if let Some((_, gone)) = self.slices.remove(&oldest) {
                self.weight = self.weight.saturating_sub(gone.weight());
            }
        }
    }
}

/// A slice as if it were a file of its decoded bytes. Knows its length without decoding.
#[derive(Debug)]
pub(super) struct DecodedSource {
    pub(super) set: Arc<Inner>,
    pub(super) id: SliceId,
    pub(super) file: Arc<dyn Source>,
    pub(super) len: u64,
}

impl Source for DecodedSource {
    fn path(&self) -> &Path {
        self.file.path()
    }

    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        let decoded = self.set.decoded(self.id)?;
        let range = || {
            let start = usize::try_from(offset).ok()?;
            decoded.bytes.get(start..start.checked_add(buf.len())?)
        };
        match range() {
            Some(bytes) => {
                buf.copy_from_slice(bytes);
                Ok(())
            }
            None => Err(Error::corrupt(format!(
                "{} bytes wanted at {offset} of a slice of {}",
                buf.len(),
                decoded.bytes.len()
            ))
            .at(self.path())),
        }
    }

    fn map(&self, _offset: u64, _len: u64) -> Option<KernelBytes<'_>> {
        // What the cache may drop cannot be lent.
        None
    }

    fn stat(&self) -> FileStat {
        self.file.stat()
    }

    fn check_unchanged(&self) -> Result<()> {
        self.file.check_unchanged()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_bounded() {
        let cache = Cache::new(100);
        let make = |len: usize| {
            move || {
                Ok(Decoded {
                    bytes: vec![0; len].into(),
                    ends: Vec::new(),
                    longest: 0,
                })
            }
        };
        let kept = |id| cache.kept().slices.contains_key(&id);
        cache.get((0, 0), make(40)).unwrap();
        cache.get((1, 0), make(40)).unwrap();
        cache.get((0, 0), || panic!("it is kept")).unwrap();
        cache.get((2, 0), make(40)).unwrap();
        assert!(kept((0, 0)) && !kept((1, 0)) && kept((2, 0)));
        cache.get((3, 0), make(1000)).unwrap();
        assert!(!kept((0, 0)) && !kept((2, 0)) && kept((3, 0)));
        assert_eq!(cache.kept().weight, 1000);
        assert!(cache.get((4, 0), || Err(Error::corrupt("no"))).is_err());
        cache.get((5, 0), make(10)).unwrap();
        let kept = cache.kept();
        assert_eq!((kept.weight, kept.order.len()), (10, 1));
    }
}
