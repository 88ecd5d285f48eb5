//! `ckptfs tensors`: the table people want first.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde_json::json;

use super::Outcome;
use super::args::TensorsArgs;
use super::glob;
use super::open;
use super::output::Output;
use crate::error::Error;
use crate::error::Result;
use crate::locate::natural;
use crate::tensor::TensorId;
use crate::tree::human_bytes;
use crate::tree::human_count;

/// Runs the command.
pub(super) fn run(args: &TensorsArgs) -> Result<Outcome> {
    let view = open::checkpoint(&args.source)?;
    let checkpoint = view.checkpoint().clone();
    let bundle = checkpoint.tensors().ok_or_else(|| {
        Error::not_found("there is a graph but no checkpoint, so there are no tensors")
            .at(&args.source)
            .hint("its ops: ckptfs ls SOURCE ops")
    })?;
    let matchers = args
        .globs
        .iter()
        .map(|glob| glob::name_matcher(glob))
        .collect::<Result<Vec<_>>>()?;
    const ROLES: [&str; 6] = ["weight", "slot", "ema", "counter", "metric", "other"];
    if let Some(unknown) = args.role.iter().find(|role| !ROLES.contains(&role.as_str())) {
        return Err(Error::usage(format!("role {unknown} does not exist"))
            .hint(format!("one of {}", ROLES.join(", "))));
    }
    let wanted = |id: &TensorId| {
        let name = Path::new(std::ffi::OsStr::from_bytes(bundle.key(*id)));
        let named = matchers.is_empty() || matchers.iter().any(|m| m.is_match(name));
        named && (args.role.is_empty() || args.role.contains(&checkpoint.role(*id).0.to_string()))
    };
    let mut ids: Vec<TensorId> = bundle.ids().filter(wanted).collect();
    match args.sort.as_str() {
        "name" => ids.sort_by(|a, b| natural(bundle.key(*a), bundle.key(*b))),
        "size" => ids.sort_by_key(|id| std::cmp::Reverse(bundle.stored(*id))),
        _ => {}
    }
    let mut out = Output::stdout();
    let params = |id: TensorId| bundle.entry(id).shape.elements().unwrap_or(0);
    let total = ids.iter().fold(0u64, |sum, id| sum.saturating_add(params(*id)));
    let bytes = ids
        .iter()
        .fold(0u64, |sum, id| sum.saturating_add(bundle.stored(*id)));
    if args.json {
        let tensors: Vec<_> = ids.iter().filter_map(|id| view.tensor_json(*id)).collect();
        out.json(&json!({"schema": 1, "tensors": tensors, "params": total, "bytes": bytes}))?;
        out.finish()?;
        return Ok(Outcome::Fine);
    }
    let terminal = out.is_terminal();
    let rows: Vec<Vec<String>> = ids
        .iter()
        .map(|id| {
            let entry = bundle.entry(*id);
            let stored = bundle.stored(*id);
            let mut name = Vec::new();
            crate::content::rendered::put_field(&mut name, bundle.key(*id));
            vec![
                String::from_utf8_lossy(&name).into_owned(),
                entry.dtype.to_string(),
                entry.shape.to_string(),
                params(*id).to_string(),
                if terminal {
                    human_bytes(stored)
                } else {
                    stored.to_string()
                },
                checkpoint.role(*id).0.to_string(),
            ]
        })
        .collect();
    let header = ["name", "dtype", "shape", "params", "bytes", "role"];
    out.table(&header, &rows, &[false, false, false, true, true, false])?;
    if terminal {
        let line = format!(
            "{} tensors, {total} parameters ({}), {}",
            ids.len(),
            human_count(total),
            human_bytes(bytes)
        );
        out.line(&line)?;
    }
    out.finish()?;
    if ids.is_empty() && !args.globs.is_empty() {
        return Err(Error::not_found(format!(
            "no tensor matches {}",
            args.globs.join(" or ")
        )));
    }
    Ok(Outcome::Fine)
}
