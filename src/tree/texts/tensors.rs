//! tensors.tsv: a line a tensor.

use std::sync::Arc;

use crate::checkpoint::Checkpoint;
use crate::content::Content;
use crate::content::rendered::Lines;
use crate::content::rendered::put_field;
use crate::content::rendered::text;
use crate::error::Result;
use crate::tensor::TensorId;
use crate::tree::tensors::Tensors;

const HEADER: &str =
    "name\tdtype\tshape\tparams\tbytes\trole\trole_from\tfull_name\top\tshard\toffset\tcrc32c\tpath\n";

/// The table, in key order. A field that means nothing for a tensor is empty.
pub(in crate::tree) fn table(checkpoint: &Arc<Checkpoint>, tensors: &Arc<Tensors>) -> Result<Content> {
    let (tensors, checkpoint) = (tensors.clone(), checkpoint.clone());
    let rows = tensors.set().len().into();
    text(Arc::new(Lines::new(
        HEADER,
        rows,
        move |row, out: &mut Vec<u8>| {
            let bundle = tensors.set();
            let id = TensorId(u32::try_from(row).unwrap_or(u32::MAX));
            let entry = bundle.entry(id);
            let (role, role_from) = checkpoint.role(id);
            put_field(out, bundle.key(id));
            let params = entry.shape.elements().map(|n| n.to_string()).unwrap_or_default();
            let place = entry.place.map(|place| {
                let crc = format!("{:#010x}", place.crc32c);
                (place.shard.to_string(), place.offset.to_string(), crc)
            });
            let (shard, offset, crc) = place.unwrap_or_default();
            let fields = format!(
                "\t{}\t{}\t{params}\t{}\t{role}\t{role_from}\t",
                entry.dtype,
                entry.shape,
                bundle.stored(id),
            );
            out.extend_from_slice(fields.as_bytes());
            put_field(out, checkpoint.full_name(id).unwrap_or_default());
            out.push(b'\t');
            let op = checkpoint.op_of_key(bundle.key(id));
            if let (Some(op), Some(meta)) = (op, checkpoint.meta_graph()) {
                put_field(out, meta.graph().nodes().name(op));
            }
            out.extend_from_slice(format!("\t{shard}\t{offset}\t{crc}\t").as_bytes());
            put_field(out, &tensors.path(id));
            out.push(b'\n');
            Ok(())
        },
    )))
}
