//! `ckptfs cat`: files of the tree to stdout.

use std::os::unix::ffi::OsStrExt;

use super::Outcome;
use super::args::CatArgs;
use super::glob;
use super::open;
use super::output::Output;
use crate::error::Error;
use crate::error::Result;
use crate::tree::Kind;

/// Runs the command. An operand that fails is told, and the others are still written.
pub(super) fn run(args: &CatArgs) -> Result<Outcome> {
    let view = open::view(&args.source)?;
    let mut out = Output::stdout();
    let mut outcome = Outcome::Fine;
    for path in &args.paths {
        let written = glob::expand(&*view, path.as_bytes(), true).and_then(|found| {
            found.iter().try_for_each(|file| {
                let name = String::from_utf8_lossy(&file.path);
                match view.stat(file.node)?.kind {
                    Kind::File => out.content(&*view.content(file.node)?),
                    Kind::Directory => Err(Error::usage(format!("{name}: is a directory")).hint(format!(
                        "list it with: ckptfs ls {} {name}",
                        args.source.display()
                    ))),
                    Kind::Link => Err(Error::usage(format!("{name}: leads out of the checkpoint"))
                        .hint(String::from_utf8_lossy(&view.target(file.node)?).into_owned())),
                }
            })
        });
        if let Err(e) = written {
            if super::output::is_broken_pipe(&e) {
                return Err(e);
            }
            super::report(&e);
            outcome = Outcome::Failed(e.kind());
        }
    }
    out.finish()?;
    Ok(outcome)
}
