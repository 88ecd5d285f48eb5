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
            "v1": located.v1.as_ref().map(|v1| v1.files.iter().map(|p| p.to_string_lossy()).collect::<Vec<_>>()),
            "meta": text(&located.meta),
        }))?;
    } else if let Some(path) = located.path() {
        out.line(&path.to_string_lossy())?;
    }
    out.finish()?;
    Ok(Outcome::Fine)
}
