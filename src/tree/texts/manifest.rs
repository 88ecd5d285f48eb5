//! meta/manifest.json: the whole listing as one JSON document, a line a tensor.

use std::sync::Arc;

use serde_json::Value;
use serde_json::json;

use crate::checkpoint::Checkpoint;
use crate::checkpoint::summary::SCHEMA;
use crate::content::Content;
use crate::content::rendered::Blocks;
use crate::content::rendered::text;
use crate::error::Result;
use crate::tensor::TensorId;
use crate::tree::tensors::Tensors;

struct Manifest {
    checkpoint: Arc<Checkpoint>,
    tensors: Option<Arc<Tensors>>,
}

/// A name as JSON: a string, or for bytes that are no UTF-8 a string with replacements (the exact bytes are in
/// `name_hex` beside it).
pub(crate) fn name(bytes: &[u8]) -> Value {
    String::from_utf8_lossy(bytes).into()
}

/// What JSON says of one tensor; the same for every command.
pub(in crate::tree) fn tensor(checkpoint: &Checkpoint, tensors: &Tensors, id: TensorId) -> Value {
    let bundle = tensors.set();
    let entry = bundle.entry(id);
    let key = bundle.key(id);
    let (role, role_from) = checkpoint.role(id);
    let mut value = json!({
        "name": name(key),
        "dtype": entry.dtype.to_string(),
        "shape": entry.shape.0,
        "params": entry.shape.elements(),
        "bytes": bundle.stored(id),
        "role": role.to_string(),
        "role_from": role_from.to_string(),
        "path": name(&tensors.path(id)),
    });
    if let Value::Object(fields) = &mut value {
        if let Some(descr) = entry.dtype.descr(bundle.endianness()) {
            fields.insert("descr".into(), descr.into());
        }
        if let Some(full_name) = checkpoint.full_name(id) {
            fields.insert("full_name".into(), name(full_name));
        }
        if std::str::from_utf8(key).is_err() {
            let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
            fields.insert("name_hex".into(), hex.into());
        }
        if let Some(place) = entry.place {
            fields.insert("shard".into(), place.shard.into());
            fields.insert("offset".into(), place.offset.into());
            fields.insert("crc32c".into(), format!("{:#010x}", place.crc32c).into());
        }
        if !entry.slices.is_empty() {
            let slices: Vec<String> = entry.slices.iter().map(ToString::to_string).collect();
            fields.insert("slices".into(), slices.into());
        }
    }
    value
}

/// Tensors rendered together.
const TENSORS_A_BLOCK: u64 = 512;

impl Blocks for Manifest {
    fn count(&self) -> u64 {
        let tensors = self.tensors.as_ref().map_or(0, |t| t.set().len());
        u64::from(tensors).div_ceil(TENSORS_A_BLOCK).saturating_add(2)
    }

    fn render(&self, index: u64, out: &mut Vec<u8>) -> Result<()> {
        let files: Vec<Value> = self.checkpoint.files().iter().map(file).collect();
        if index == 0 {
            let mut head = json!({
                "schema": SCHEMA,
                "name": self.checkpoint.name(),
                "files": files,
            });
            if let Value::Object(fields) = &mut head {
                if let Some(bundle) = self.checkpoint.bundle() {
                    fields.insert("shards".into(), bundle.header().num_shards.into());
                }
                if let Some(tensors) = self.checkpoint.tensors() {
                    let order = format!("{:?}", tensors.endianness()).to_lowercase();
                    fields.insert("endianness".into(), order.into());
                }
            }
            let text = head.to_string();
            out.extend_from_slice(text.strip_suffix('}').unwrap_or(&text).as_bytes());
            out.extend_from_slice(b",\"tensors\":[");
            return Ok(());
        }
        if index == self.count().saturating_sub(1) {
            out.extend_from_slice(b"\n]}\n");
            return Ok(());
        }
        let Some(tensors) = &self.tensors else {
            return Ok(());
        };
        let first = index.saturating_sub(1).saturating_mul(TENSORS_A_BLOCK);
        let after = first
            .saturating_add(TENSORS_A_BLOCK)
            .min(tensors.set().len().into());
        for row in first..after {
            out.extend_from_slice(if row == 0 { b"\n" } else { b",\n" });
            let id = TensorId(u32::try_from(row).unwrap_or(u32::MAX));
            out.extend_from_slice(tensor(&self.checkpoint, tensors, id).to_string().as_bytes());
        }
        Ok(())
    }
}

fn file(file: &crate::checkpoint::SourceFile) -> Value {
    json!({
        "path": file.path.to_string_lossy(),
        "bytes": file.stat.map(|stat| stat.identity.len),
    })
}

/// The document.
pub(in crate::tree) fn render(
    checkpoint: &Arc<Checkpoint>,
    tensors: Option<&Arc<Tensors>>,
) -> Result<Content> {
    text(Arc::new(Manifest {
        checkpoint: checkpoint.clone(),
        tensors: tensors.cloned(),
    }))
}
