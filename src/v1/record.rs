//! The record of a slice: SavedTensorSlices with one SavedSlice, whose TensorProto has values but neither type nor
//! shape (saved_tensor_slice.proto). Both come from the list of tensors.

use bytes::Bytes;

use super::decoded::Decoded;
use crate::error::Error;
use crate::error::Result;
use crate::graph::Cursor;
use crate::graph::Extent as Bounds;
use crate::graph::FieldValue;
use crate::graph::NARROW;
use crate::graph::for_each_field;
use crate::graph::list_field;
use crate::graph::read_value_list;
use crate::source::FileStat;
use crate::source::MemorySource;
use crate::source::Source;
use crate::tensor::DType;

/// TensorProto.string_val.
const STRING_VAL: u32 = 8;

/// The only field `number` of a message; `None` where it is missing.
fn message(source: &dyn Source, bounds: Bounds, number: u32) -> Result<Option<Bounds>> {
    let mut found = None;
    for_each_field(source, bounds, NARROW, |cursor, n, value| {
        match value {
            _ if n != number => {}
            FieldValue::Len(inner) if found.is_none() => found = Some(inner),
            _ => {
                return Err(Error::corrupt(format!("field {number} is not one message"))
                    .at(source.path())
                    .offset(cursor.offset()));
            }
        }
        Ok(())
    })?;
    Ok(found)
}

/// The TensorProto of the record at `bounds`, which must be of tensor `name`.
fn tensor_proto(source: &dyn Source, bounds: Bounds, name: &[u8]) -> Result<Bounds> {
    let bad = |what: &str| Error::corrupt(what).at(source.path()).offset(bounds.offset);
    let slice = message(source, bounds, 2)?.ok_or_else(|| bad("the record holds no slice"))?;
    let stored = message(source, slice, 1)?.unwrap_or_default();
    // A name is read only if it may be the right one.
    if stored.len != name.len() as u64 || stored.read(source)? != name {
        return Err(bad("the record is of another tensor"));
    }
    Ok(message(source, slice, 3)?.unwrap_or(Bounds::new(slice.end(), 0)))
}

/// Where the values of the record at `bounds` lie, if all are packed in one run; otherwise they have to be
/// decoded. Reads heads of fields only.
pub(super) fn packed(
    source: &dyn Source,
    bounds: Bounds,
    name: &[u8],
    dtype: DType,
) -> Result<Option<Bounds>> {
    let proto = tensor_proto(source, bounds, name)?;
    let mut cursor = Cursor::new(source, proto, NARROW);
    let mut run = None;
    while let Some((number, value)) = cursor.whole_field(proto.end())? {
        let is_list = Some(number) == list_field(dtype.0);
        match value {
            FieldValue::Len(inner) => {
                if is_list && run.replace(inner).is_some() {
                    return Ok(None);
                }
                cursor.seek(inner.end());
            }
            _ if is_list => return Ok(None),
            _ => {}
        }
    }
    Ok(run)
}

/// Decodes the `record` of a slice of `elements` elements of `width` bytes each.
pub(super) fn numbers(
    record: Bytes,
    (file, stat): (&std::path::Path, FileStat),
    name: &[u8],
    dtype: DType,
    width: u64,
    elements: u64,
) -> Result<Decoded> {
    let source = MemorySource::new(file, record, stat);
    let whole = Bounds::new(0, source.len());
    let run = || {
        let proto = tensor_proto(&source, whole, name)?;
        let width = u32::try_from(width).unwrap_or(u32::MAX);
        // One more than there should be, so that too many are noticed.
        let more = elements.saturating_add(1);
        read_value_list(&source, proto, dtype.0, width, more)?.read(&source)
    };
    let bytes = run().map_err(in_record)?;
    if Some(bytes.len() as u64) != elements.checked_mul(width) {
        let stored = (bytes.len() as u64).checked_div(width).unwrap_or(0);
        return Err(miscounted(stored, elements).at(file));
    }
    Ok(Decoded {
        bytes,
        ends: Vec::new(),
        longest: 0,
    })
}

/// Decodes the `record` of a slice of `elements` strings.
pub(super) fn strings(
    record: Bytes,
    (file, stat): (&std::path::Path, FileStat),
    name: &[u8],
    elements: u64,
) -> Result<Decoded> {
    let source = MemorySource::new(file, record.clone(), stat);
    let (mut bytes, mut ends, mut longest) = (Vec::new(), Vec::new(), 0u64);
    let mut run = || {
        let proto = tensor_proto(&source, Bounds::new(0, source.len()), name)?;
        for_each_field(&source, proto, NARROW, |_, number, value| {
            if let (STRING_VAL, FieldValue::Len(inner)) = (number, value) {
                let start = usize::try_from(inner.offset).unwrap_or(usize::MAX);
                let end = usize::try_from(inner.end()).unwrap_or(usize::MAX);
                bytes.extend_from_slice(record.get(start..end).unwrap_or_default());
                ends.push(bytes.len() as u64);
                longest = longest.max(inner.len);
            }
            Ok(())
        })
    };
    run().map_err(in_record)?;
    if ends.len() as u64 != elements {
        return Err(miscounted(ends.len() as u64, elements).at(file));
    }
    Ok(Decoded {
        bytes: bytes.into(),
        ends,
        longest,
    })
}

/// How many values are stored and how many there should be.
pub(super) fn miscounted(stored: u64, elements: u64) -> Error {
    Error::corrupt(format!(
        "{} values are stored, {elements} are needed",
        if stored > elements {
            format!("more than {elements}")
        } else {
            stored.to_string()
        }
    ))
    .hint("the file is damaged; copy or download it again")
}

/// An error whose offset is one in the record, which may lie compressed: it says so.
fn in_record(e: Error) -> Error {
    let at = e.at_offset().unwrap_or(0);
    let what = format!("byte {at} of the record: {}", e.what());
    let plain = Error::new(e.kind(), what);
    match e.path() {
        Some(path) => plain.at(path),
        None => plain,
    }
}
