//! scalars.tsv: name, dtype and value of every one-element numeric tensor: steps, learning rates.

use std::sync::Arc;

use crate::bundle::Bundle;
use crate::bundle::Payload;
use crate::bundle::TensorId;
use crate::content::Content;
use crate::content::rendered::Lines;
use crate::content::rendered::put_field;
use crate::content::rendered::text;
use crate::error::Result;
use crate::tensor::number;
use crate::tree::tensors::Tensors;

/// The value of a one-element numeric tensor; `None` for others and for what cannot be read.
pub(in crate::tree) fn value(bundle: &Bundle, id: TensorId) -> Option<String> {
    let entry = bundle.entry(id);
    if entry.shape.elements() != Some(1) || !entry.dtype.is_numeric() {
        return None;
    }
    let extent = match bundle.payload(id).ok()? {
        Payload::Whole(extent) => extent?,
        Payload::Parts(parts) => parts.into_iter().next()?.1,
        _ => return None,
    };
    let mut bytes = vec![0; usize::try_from(extent.len()).ok()?];
    extent.read(0, &mut bytes).ok()?;
    number::text(entry.dtype, bundle.header().endianness, &bytes)
}

/// The table, in key order. What cannot be read has an empty value.
pub(in crate::tree) fn table(tensors: &Arc<Tensors>) -> Result<Content> {
    let tensors = tensors.clone();
    let bundle = tensors.bundle();
    let scalars = bundle.ids().filter(|id| {
        let entry = bundle.entry(*id);
        entry.shape.elements() == Some(1) && entry.dtype.is_numeric()
    });
    let scalars: Vec<TensorId> = scalars.collect();
    let rows = scalars.len() as u64;
    text(Arc::new(Lines::new(
        "name\tdtype\tvalue\n",
        rows,
        move |row, out: &mut Vec<u8>| {
            let id = usize::try_from(row).ok().and_then(|row| scalars.get(row));
            let Some(id) = id.copied() else {
                return Ok(());
            };
            let bundle = tensors.bundle();
            put_field(out, bundle.key(id));
            let value = value(bundle, id).unwrap_or_default();
            out.extend_from_slice(format!("\t{}\t{value}\n", bundle.entry(id).dtype).as_bytes());
            Ok(())
        },
    )))
}
