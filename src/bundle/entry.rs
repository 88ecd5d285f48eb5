//! One record of the index: BundleEntryProto (format.md 1.6), decoded without allocating.

use crate::error::Error;
use crate::error::Result;
use crate::tensor::DType;
use crate::tensor::Shape;
use crate::tensor::Slice;
use crate::tensor::shape::MAX_RANK;
use crate::tensor::slice::Range;
use crate::wire::Reader;
use crate::wire::Value;

/// What the index says of one record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored<'a> {
    /// Element type.
    pub(super) dtype: DType,
    /// Shape of the full tensor.
    pub(super) shape: &'a Shape,
    /// Which shard holds it. Means nothing for a partitioned tensor, like the next three.
    pub(super) shard: u32,
    /// Where its bytes begin in the shard.
    pub(super) offset: u64,
    /// How many bytes it has there.
    pub(super) size: u64,
    /// The masked CRC-32C of these bytes, as stored.
    pub(super) crc32c: u32,
    /// The slices that make it up; empty for most.
    pub(super) slices: &'a [Slice],
}

/// The fields as they stand on the wire.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RawEntry<'a> {
    pub(super) dtype: u32,
    pub(super) shape: &'a [u8],
    pub(super) shard: u32,
    pub(super) offset: u64,
    pub(super) size: u64,
    pub(super) crc32c: u32,
    /// Whether field 7 occurs; [`slices`] decodes it.
    pub(super) sliced: bool,
}

fn not_negative(what: &str, value: u64) -> Result<u64> {
    if i64::try_from(value).is_ok() {
        Ok(value)
    } else {
        Err(Error::corrupt(format!("{what} {} is negative", value as i64)))
    }
}

impl<'a> RawEntry<'a> {
    /// Decodes and range-checks the numbers of a record.
    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self> {
        let mut entry = Self::default();
        let mut reader = Reader::new(bytes);
        while let Some(field) = reader.field()? {
            match (field.number, field.value) {
                (1, Value::Varint(n)) => {
                    entry.dtype =
                        u32::try_from(n).map_err(|_| Error::corrupt(format!("dtype {}", n as i64)))?;
                }
                (2, Value::Len(shape)) => entry.shape = shape,
                (3, Value::Varint(n)) => {
                    entry.shard = i32::try_from(n)
                        .ok()
                        .and_then(|n| u32::try_from(n).ok())
                        .ok_or_else(|| Error::corrupt(format!("shard number {}", n as i64)))?;
                }
                (4, Value::Varint(n)) => entry.offset = not_negative("offset", n)?,
                (5, Value::Varint(n)) => entry.size = not_negative("size", n)?,
                (6, Value::Fixed32(n)) => entry.crc32c = n,
                (7, Value::Len(_)) => entry.sliced = true,
                (1..=7, _) => {
                    return Err(Error::corrupt(format!(
                        "field {} has the wrong wire type",
                        field.number
                    )));
                }
                _ => {}
            }
        }
        Ok(entry)
    }
}

/// Decodes a TensorShapeProto. `unknown_rank` is ignored, as TensorFlow does here.
pub(crate) fn shape(bytes: &[u8]) -> Result<Shape> {
    let mut dims = Vec::new();
    let mut reader = Reader::new(bytes);
    while let Some(field) = reader.field()? {
        let (2, Value::Len(dim)) = (field.number, field.value) else {
            continue;
        };
        if dims.len() >= MAX_RANK {
            return Err(Error::corrupt(format!(
                "a shape of more than {MAX_RANK} dimensions"
            )));
        }
        let mut size = 0;
        let mut dim = Reader::new(dim);
        while let Some(field) = dim.field()? {
            if let (1, Value::Varint(n)) = (field.number, field.value) {
                size = not_negative("dimension", n)?;
            }
        }
        dims.push(size);
    }
    Ok(Shape(dims))
}

/// Decodes the slices of a record.
pub(super) fn slices(bytes: &[u8]) -> Result<Vec<Slice>> {
    let mut slices = Vec::new();
    let mut reader = Reader::new(bytes);
    while let Some(field) = reader.field()? {
        if let (7, Value::Len(bytes)) = (field.number, field.value) {
            slices.push(slice(bytes)?);
        }
    }
    Ok(slices)
}

/// Decodes a TensorSliceProto. An extent without a length, or with -1, is the whole dimension.
pub(crate) fn slice(bytes: &[u8]) -> Result<Slice> {
    let mut ranges = Vec::new();
    let mut reader = Reader::new(bytes);
    while let Some(field) = reader.field()? {
        let (1, Value::Len(extent)) = (field.number, field.value) else {
            continue;
        };
        if ranges.len() >= MAX_RANK {
            return Err(Error::corrupt(format!(
                "a slice of more than {MAX_RANK} dimensions"
            )));
        }
        let mut range = Range {
            start: 0,
            length: None,
        };
        let mut extent = Reader::new(extent);
        while let Some(field) = extent.field()? {
            match (field.number, field.value) {
                (1, Value::Varint(n)) => range.start = not_negative("slice start", n)?,
                (2, Value::Varint(u64::MAX)) => range.length = None,
                (2, Value::Varint(n)) => range.length = Some(not_negative("slice length", n)?),
                _ => {}
            }
        }
        if range.length.is_none() && range.start != 0 {
            return Err(Error::corrupt(format!(
                "a slice that starts at {} without a length",
                range.start
            )));
        }
        ranges.push(range);
    }
    Ok(Slice(ranges))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worked_example_of_the_format() {
        let bytes = [
            0x08, 1, 0x12, 8, 0x12, 2, 8, 2, 0x12, 2, 8, 3, 0x20, 0xa0, 8, 0x28, 0x18, 0x35, 0x44, 0x9a,
            0x88, 0x59,
        ];
        let entry = RawEntry::decode(&bytes).unwrap();
        assert_eq!(
            (entry.dtype, entry.shard, entry.offset, entry.size),
            (1, 0, 1056, 24)
        );
        assert_eq!(entry.crc32c, 0x5988_9a44);
        assert_eq!(shape(entry.shape).unwrap(), Shape(vec![2, 3]));
        assert!(!entry.sliced);
    }

    #[test]
    fn negative_numbers_are_refused() {
        let minus_one = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        for tag in [0x08, 0x18, 0x20, 0x28] {
            let mut bytes = vec![tag];
            bytes.extend_from_slice(&minus_one);
            assert!(RawEntry::decode(&bytes).is_err());
        }
        let mut dim = vec![0x12, 11, 8];
        dim.extend_from_slice(&minus_one);
        assert!(shape(&dim).is_err());
    }

    #[test]
    fn both_spellings_of_a_full_extent() {
        let absent = slice(&[0x0a, 0]).unwrap();
        let minus_one = slice(&[
            0x0a, 11, 16, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1,
        ])
        .unwrap();
        assert_eq!(absent, minus_one);
        assert_eq!(absent.to_string(), "-");
        assert_eq!(slice(&[0x0a, 2, 16, 5]).unwrap().to_string(), "0,5");
        assert!(slice(&[0x0a, 2, 8, 5]).is_err());
    }
}
