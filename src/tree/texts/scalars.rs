//! scalars.tsv: name, dtype and value of every one-element numeric tensor: steps, learning rates.

use std::sync::Arc;

use crate::checkpoint::scalars;
use crate::content::Content;
use crate::content::rendered::Lines;
use crate::content::rendered::put_field;
use crate::content::rendered::text;
use crate::error::Result;
use crate::tensor::TensorId;
use crate::tree::tensors::Tensors;

/// The table, in key order. What cannot be read has an empty value.
pub(in crate::tree) fn table(tensors: &Arc<Tensors>) -> Result<Content> {
    let tensors = tensors.clone();
    let bundle = tensors.set();
    let scalars: Vec<TensorId> = bundle
        .ids()
        .filter(|id| scalars::is_scalar(bundle, *id))
        .collect();
    let rows = scalars.len() as u64;
    text(Arc::new(Lines::new(
        "name\tdtype\tvalue\n",
        rows,
        move |row, out: &mut Vec<u8>| {
            let id = usize::try_from(row).ok().and_then(|row| scalars.get(row));
            let Some(id) = id.copied() else {
                return Ok(());
            };
            let bundle = tensors.set();
            put_field(out, bundle.key(id));
            let value = crate::checkpoint::scalars::value(bundle, id).unwrap_or_default();
            out.extend_from_slice(format!("\t{}\t{value}\n", bundle.entry(id).dtype).as_bytes());
            Ok(())
        },
    )))
}
