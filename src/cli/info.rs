//! `ckptfs info`: what a checkpoint is, or which checkpoints a training directory has.

use serde_json::json;

use super::Outcome;
use super::args::InfoArgs;
use super::open;
use super::open::Opened;
use super::output::Output;
use crate::checkpoint::summary::SCHEMA;
use crate::checkpoint::summary::Summary;
use crate::error::Error;
use crate::error::Result;
use crate::run::RunView;
use crate::tree::CheckpointView;
use crate::tree::View;
use crate::tree::human_bytes;
use crate::tree::resolve;

/// Runs the command.
pub(super) fn run(args: &InfoArgs) -> Result<Outcome> {
    let opened = open::any(&args.source)?;
    let mut out = Output::stdout();
    match &opened {
        Opened::Checkpoint(view) => checkpoint(view, args, &mut out)?,
        Opened::Run(view) => directory(view, args, &mut out)?,
    }
    out.finish()?;
    Ok(Outcome::Fine)
}

fn checkpoint(view: &CheckpointView, args: &InfoArgs, out: &mut Output) -> Result<()> {
    if args.json {
        let summary = Summary::new(view.checkpoint());
        let value = serde_json::to_value(&summary).map_err(|e| Error::unsupported(format!("JSON: {e}")))?;
        return out.json(&value);
    }
    let (node, _) = resolve(view, b"info.txt", true)?;
    out.content(&*view.content(node)?)
}

/// The table of a training directory: in a pipe the bytes of its checkpoints.tsv.
fn directory(view: &RunView, args: &InfoArgs, out: &mut Output) -> Result<()> {
    if args.json {
        let dir = args.source.to_string_lossy();
        return out.json(&json!({"schema": SCHEMA, "directory": dir, "checkpoints": view.rows()}));
    }
    if !out.is_terminal() {
        let (node, _) = resolve(view, b"checkpoints.tsv", true)?;
        return out.content(&*view.content(node)?);
    }
    let word = |yes: bool| if yes { "yes" } else { "no" }.to_string();
    let rows: Vec<Vec<String>> = view
        .rows()
        .into_iter()
        .map(|row| {
            let notes = row.links.into_iter().chain(row.problem);
            vec![
                row.name,
                row.step.map(|step| step.to_string()).unwrap_or_default(),
                row.time,
                human_bytes(row.bytes),
                word(row.listed),
                word(row.complete),
                notes.collect::<Vec<_>>().join("; "),
            ]
        })
        .collect();
    let header = ["name", "step", "time", "bytes", "listed", "complete", "notes"];
    out.table(&header, &rows, &[false, true, false, true, false, false, false])
}
