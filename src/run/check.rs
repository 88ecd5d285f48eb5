//! Whether an index and its shards are of one save.
//!
//! Only asked where a shard is not older than its index, which is so for a moment while a save replaces the
//! files of another one, and also for many a copy. Then the checksums of the smallest tensors are compared:
//! among them is the step counter, which every save changes.

use crate::bundle::Bundle;
use crate::error::Error;
use crate::error::Result;
use crate::source::Source;
use crate::table::mask_crc;
use crate::tensor::TensorId;
use crate::tensor::TensorSet;
use crate::tensor::set::Place;

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
    let whole = |id: TensorId| {
        let entry = bundle.entry(id);
        let place = entry
            .place
            .filter(|place| place.shard == shard && place.size > 0)?;
        entry.dtype.width().map(|_| (place, id))
    };
    let mut places: Vec<(Place, TensorId)> = bundle.ids().filter_map(whole).collect();
    places.sort_by_key(|(place, _)| place.size);
    let mut read = 0u64;
    for (place, id) in places {
        read = read.saturating_add(place.size);
        if place.size > TOO_LARGE || read > ENOUGH && read > place.size {
            break;
        }
        // A shard that is too short is told where its tensors are read.
        let Ok(bytes) = source.read_vec(place.offset, place.size) else {
            continue;
        };
        if mask_crc(crc32c::crc32c(&bytes)) != place.crc32c {
            return Err(Error::corrupt(format!(
                "the index and this shard are of different saves: the checksum of {} differs",
                String::from_utf8_lossy(bundle.key(id))
            ))
            .at(source.path())
            .offset(place.offset)
            .hint("a save over an older one was interrupted, or is under way"));
        }
    }
    Ok(())
}
