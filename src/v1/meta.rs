//! The record with the empty key: SavedTensorSlices with the list of tensors (saved_tensor_slice.proto).

use crate::bundle::check_version;
use crate::bundle::decode_shape;
use crate::bundle::decode_slice;
use crate::error::Error;
use crate::error::Result;
use crate::tensor::DType;
use crate::tensor::Shape;
use crate::tensor::Slice;
use crate::wire::Reader;
use crate::wire::Value;

/// What a table says of one tensor: SavedSliceMeta.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) dtype: DType,
    pub(super) shape: Shape,
    pub(super) slices: Vec<Slice>,
}

/// Whether the record is that of a V1 table: field 1 is a message of messages, where a V2 header has a
/// number (format.md 0).
pub(super) fn is_meta(record: &[u8]) -> bool {
    let Ok(meta) = meta(record) else {
        return false;
    };
    let mut reader = Reader::new(meta);
    loop {
        match reader.field() {
            Ok(None) => return true,
            Ok(Some(field)) if matches!((field.number, field.value), (1 | 2, Value::Len(_))) => {}
            Ok(Some(field)) if field.number > 2 => {}
            _ => return false,
        }
    }
}

fn meta(record: &[u8]) -> Result<&[u8]> {
    let mut found = None;
    let mut reader = Reader::new(record);
    while let Some(field) = reader.field()? {
        match (field.number, field.value) {
            (1, Value::Len(bytes)) => found = Some(bytes),
            (1, _) => return Err(Error::corrupt("field 1 is no message")),
            _ => {}
        }
    }
    found.ok_or_else(|| Error::corrupt("there is no list of tensors"))
}

/// Calls `each` with the name of every tensor and what is said of it.
pub(super) fn decode(record: &[u8], mut each: impl FnMut(&[u8], Result<Listed>) -> Result<()>) -> Result<()> {
    let mut reader = Reader::new(meta(record)?);
    while let Some(field) = reader.field()? {
        match (field.number, field.value) {
            (1, Value::Len(bytes)) => each(name(bytes)?, listed(bytes))?,
            (2, Value::Len(bytes)) => drop(check_version(bytes)?),
            (1 | 2, _) => {
                return Err(Error::corrupt(format!(
                    "field {} of the list has the wrong wire type",
                    field.number
                )));
            }
            _ => {}
        }
    }
    Ok(())
}

fn name(bytes: &[u8]) -> Result<&[u8]> {
    let mut name: &[u8] = &[];
    let mut reader = Reader::new(bytes);
    while let Some(field) = reader.field()? {
        if let (1, Value::Len(bytes)) = (field.number, field.value) {
            name = bytes;
        }
    }
    Ok(name)
}

fn listed(bytes: &[u8]) -> Result<Listed> {
    let mut listed = Listed {
        dtype: DType(0),
        shape: Shape::default(),
        slices: Vec::new(),
    };
    let mut reader = Reader::new(bytes);
    while let Some(field) = reader.field()? {
        match (field.number, field.value) {
            (2, Value::Len(shape)) => listed.shape = decode_shape(shape)?,
            (3, Value::Varint(n)) => {
                let number = u32::try_from(n).map_err(|_| Error::corrupt(format!("dtype {}", n as i64)))?;
                listed.dtype = DType(number);
            }
            (4, Value::Len(slice)) => listed.slices.push(decode_slice(slice)?),
            (1..=4, Value::Len(_)) if field.number == 1 => {}
            (1..=4, _) => {
                return Err(Error::corrupt(format!(
                    "field {} has the wrong wire type",
                    field.number
                )));
            }
            _ => {}
        }
    }
    Ok(listed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scalar_and_a_version() {
        let record = [
            0x0a, 0x11, 0x0a, 0x0b, 0x0a, 1, b'a', 0x12, 0, 0x18, 1, 0x22, 0, 0x20, 0, 0x12, 2, 8, 1,
        ];
        // The last field of the tensor has the wrong type.
        let mut seen = Vec::new();
        decode(&record, |name, listed| {
            seen.push((name.to_vec(), listed.is_ok()));
            Ok(())
        })
        .unwrap();
        assert_eq!(seen, [(b"a".to_vec(), false)]);
        assert!(is_meta(&record));
        assert!(is_meta(&[0x0a, 4, 0x12, 2, 8, 1]));
        // The header of a V2 bundle.
        assert!(!is_meta(&[0x08, 1, 0x1a, 2, 8, 1]));
        assert!(!is_meta(&[]));
        assert!(decode(&[0x0a, 4, 0x12, 2, 16, 9], |_, _| Ok(())).is_err());
    }
}
