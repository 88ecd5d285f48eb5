//! `ckptfs resolve`: the prefix that a name means.

use serde_json::json;

use super::Outcome;
use super::args::ResolveArgs;
use super::open;
use super::output::Output;
use crate::error::Result;

/// Runs the command.
pub(super) fn run(args: &ResolveArgs) -> Result<Outcome> {
    let located = open::located(&args.source)?;
    let mut out = Output::stdout();
    let text = |path: &Option<std::path::PathBuf>| path.as_ref().map(|p| p.to_string_lossy().into_owned());
    if args.json {
        out.json(&json!({
            "schema": 1,
            "prefix": text(&located.prefix),
            "meta": text(&located.meta),
        }))?;
    } else if let Some(path) = text(&located.prefix).or_else(|| text(&located.meta)) {
        out.line(&path)?;
    }
    out.finish()?;
    Ok(Outcome::Fine)
}
