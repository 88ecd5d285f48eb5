//! checkpoints.tsv and info.txt.

use std::fmt::Write;
use std::sync::Arc;

use super::nodes::Text;
use super::nodes::Which;
use super::snapshot::Facts;
use super::table;
use crate::content::Content;
use crate::content::rendered::put_field;
use crate::source::Store;

impl Text {
    /// The bytes: the same whenever they are asked for.
    pub(super) fn render(&self, store: &dyn Store) -> Arc<Content> {
        let make = || match self.which {
            Which::Table => checkpoints(&self.facts, store),
            Which::Info => info(&self.facts).into_bytes(),
        };
        self.content.get_or_init(|| Content::inline(make())).clone()
    }
}

fn checkpoints(facts: &Facts, store: &dyn Store) -> Vec<u8> {
    let mut out = table::HEADER.join("\t").into_bytes();
    out.push(b'\n');
    for row in table::rows(facts, store) {
        out.extend_from_slice(&table::line(&row));
    }
    out
}

fn shown(name: &[u8]) -> String {
    let mut out = Vec::new();
    put_field(&mut out, name);
    String::from_utf8_lossy(&out).into_owned()
}

/// What the run is, and how to use it. Writing to a String cannot fail.
fn info(facts: &Facts) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "Training directory {}", facts.dir.display());
    let _ = writeln!(
        out,
        "checkpoints: {} (see checkpoints.tsv)",
        facts.checkpoints.len()
    );
    for link in &facts.links {
        let _ = writeln!(out, "{} -> {}", shown(&link.name), shown(&link.target));
    }
    if !facts.leftovers.is_empty() {
        out.push_str("\nUnfinished, being written or left behind:\n");
        for leftover in &facts.leftovers {
            let _ = writeln!(out, "  {}: {}", shown(&leftover.name), leftover.what);
        }
    }
    if !facts.warnings.is_empty() {
        out.push_str("\nNotes:\n");
        for warning in &facts.warnings {
            let _ = writeln!(out, "  {}", shown(warning.as_bytes()));
        }
    }
    out.push_str(HOW);
    out
}

const HOW: &str = "
This directory follows the training: new checkpoints appear, deleted ones vanish, links move, within a second.
Two reads through `latest` may see two checkpoints. Resolve it once for each job:
  dir=$(readlink -f latest); python job.py $dir
A checkpoint that was looked into stays readable after the training has deleted it, by the same path, until no file
of it is open and nobody has asked for it for a minute.
";
