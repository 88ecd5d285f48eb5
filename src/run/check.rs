//! Whether an index and its shards are of one save.
//!
//! Only asked where a shard is not older than its index, which is so for a moment while a save replaces the
//! files of another one, and also for many a copy. Then the checksums of the smallest tensors are compared:
//! among them is the step counter, which every save changes.

use crate::bundle::Bundle;
use crate::bundle::TensorId;
use crate::error::Error;
use crate::error::Result;
use crate::source::Source;
use crate::table::mask_crc;

/// Bytes read for each shard at most, apart from the first tensor.
const ENOUGH: u64 = 1 << 20;
/// A single tensor of more than this is not read.
const TOO_LARGE: u64 = 64 << 20;

/// Fails where a shard that is not older than the index does not fit it.
pub(super) fn same_save(bundle: &Bundle) -> Result<()> {
    let index = bundle.index().stat().identity.mtime;
    for shard in bundle.shards() {
        if let Ok(source) = &shard.source
            && source.stat().identity.mtime >= index
        {
            fits(bundle, shard.number, &**source)?;
        }
    }
    Ok(())
}

fn fits(bundle: &Bundle, shard: u32, source: &dyn Source) -> Result<()> {
    let whole = |id: &TensorId| {
        let entry = bundle.entry(*id);
        let plain = entry.slices.is_empty() && entry.dtype.width().is_some();
        plain && entry.shard == shard && entry.size > 0
    };
    let mut ids: Vec<TensorId> = bundle.ids().filter(whole).collect();
    ids.sort_by_key(|id| bundle.entry(*id).size);
    let mut read = 0u64;
    for id in ids {
        let entry = bundle.entry(id);
        read = read.saturating_add(entry.size);
        if entry.size > TOO_LARGE || read > ENOUGH && read > entry.size {
            break;
        }
        // A shard that is too short is told where its tensors are read.
        let Ok(bytes) = source.read_vec(entry.offset, entry.size) else {
            continue;
        };
        if mask_crc(crc32c::crc32c(&bytes)) != entry.crc32c {
            return Err(Error::corrupt(format!(
                "the index and this shard are of different saves: the checksum of {} differs",
                String::from_utf8_lossy(bundle.key(id))
            ))
            .at(source.path())
            .offset(entry.offset)
            .hint("a save over an older one was interrupted, or is under way"));
        }
    }
    Ok(())
}
