//! The record with the empty key: how many shards, which byte order, which version (format.md 1.5).

use crate::error::Error;
use crate::error::Result;
use crate::tensor::Endianness;
use crate::wire::Reader;
use crate::wire::Value;

/// The version of the format that this reader knows, as TensorFlow's own does.
const CONSUMER: u64 = 1;
/// More shards than any trainer writes; also keeps hostile headers from making us look for files.
const MAX_SHARDS: u64 = 9_999_999;

/// What a bundle says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Header {
    /// How many `.data-*` files the bundle says it has.
    pub num_shards: u32,
    /// The byte order of payloads.
    pub endianness: Endianness,
    /// The version of the writer.
    pub producer: u32,
}

impl Header {
    /// Decodes a BundleHeaderProto and checks that this reader may read it.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self> {
        let mut header = Self::default();
        let mut num_shards = 0u64;
        let mut reader = Reader::new(bytes);
        while let Some(field) = reader.field()? {
            match (field.number, field.value) {
                (1, Value::Varint(n)) => num_shards = n,
                (2, Value::Varint(0)) => header.endianness = Endianness::Little,
                (2, Value::Varint(1)) => header.endianness = Endianness::Big,
                (2, Value::Varint(n)) => {
                    return Err(Error::corrupt(format!("byte order {n} does not exist")));
                }
                (3, Value::Len(version)) => header.producer = check_version(version)?,
                _ => {}
            }
        }
        header.num_shards = u32::try_from(num_shards)
            .ok()
            .filter(|n| (1..=MAX_SHARDS).contains(&u64::from(*n)))
            .ok_or_else(|| Error::corrupt(format!("{} shards make no sense", num_shards as i64)))?;
        Ok(header)
    }
}

/// Decodes a VersionDef; gives the producer.
pub(crate) fn check_version(bytes: &[u8]) -> Result<u32> {
    let mut producer = 0u64;
    let mut reader = Reader::new(bytes);
    let newer =
        |what: String| Error::unsupported(what).hint("written by a newer TensorFlow than this reader knows");
    let bad = |n: u64| newer(format!("the checkpoint forbids readers of version {n}"));
    while let Some(field) = reader.field()? {
        match (field.number, field.value) {
            (1, Value::Varint(n)) => producer = n,
            (2, Value::Varint(min)) if min > CONSUMER && min < 1 << 31 => {
                return Err(newer(format!(
                    "the checkpoint needs a reader of version {min}, this is {CONSUMER}"
                )));
            }
            (3, Value::Varint(CONSUMER)) => return Err(bad(CONSUMER)),
            (3, Value::Len(packed)) => {
                let mut packed = Reader::new(packed);
                while !packed.is_at_end() {
                    if packed.varint()? == CONSUMER {
                        return Err(bad(CONSUMER));
                    }
                }
            }
            _ => {}
        }
    }
    u32::try_from(producer).map_err(|_| Error::corrupt(format!("producer version {}", producer as i64)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_header() {
        let header = Header::decode(&[0x08, 1, 0x1a, 2, 8, 1]).unwrap();
        assert_eq!(
            header,
            Header {
                num_shards: 1,
                endianness: Endianness::Little,
                producer: 1
            }
        );
        assert_eq!(
            Header::decode(&[8, 2, 16, 1]).unwrap().endianness,
            Endianness::Big
        );
    }

    #[test]
    fn what_is_refused() {
        let refused: &[&[u8]] = &[
            &[],
            &[8, 0],
            &[8, 1, 16, 2],
            &[8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
            &[8, 1, 0x1a, 2, 16, 2],
            &[8, 1, 0x1a, 2, 24, 1],
            &[8, 1, 0x1a, 3, 0x1a, 1, 1],
            &[8],
        ];
        for bytes in refused {
            assert!(Header::decode(bytes).is_err(), "{bytes:?}");
        }
    }
}
