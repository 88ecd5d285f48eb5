//! `ckptfs info`: what a checkpoint is.

use super::Outcome;
use super::args::InfoArgs;
use super::open;
use super::output::Output;
use crate::checkpoint::summary::Summary;
use crate::error::Error;
use crate::error::Result;
use crate::tree::View;
use crate::tree::resolve;

/// Runs the command.
pub(super) fn run(args: &InfoArgs) -> Result<Outcome> {
    let view = open::view(&args.source)?;
    let mut out = Output::stdout();
    if args.json {
        let summary = Summary::new(view.checkpoint());
        let value = serde_json::to_value(&summary).map_err(|e| Error::unsupported(format!("JSON: {e}")))?;
        out.json(&value)?;
    } else {
        let (node, _) = resolve(&view, b"info.txt", true)?;
        out.content(&*view.content(node)?)?;
    }
    out.finish()?;
    Ok(Outcome::Fine)
}
