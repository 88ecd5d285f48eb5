//! From SOURCE to a tree.

use std::path::Path;
use std::sync::Arc;

use crate::checkpoint::Checkpoint;
use crate::error::Error;
use crate::error::Result;
use crate::locate;
use crate::locate::Located;
use crate::locate::Source;
use crate::run::RunOptions;
use crate::run::RunView;
use crate::source::LocalStore;
use crate::tree::CheckpointView;
use crate::tree::View;

/// What SOURCE is, opened.
#[derive(Debug)]
pub(super) enum Opened {
    /// One checkpoint.
    Checkpoint(Box<CheckpointView>),
    /// A training directory.
    Run(Box<RunView>),
}

/// Opens what `source` means.
pub(super) fn any(source: &Path) -> Result<Opened> {
    Ok(match locate::source(&LocalStore, source)? {
        Source::Checkpoint(located) => Opened::Checkpoint(Box::new(open(&located)?)),
        Source::Run(dir) => Opened::Run(Box::new(run(&dir)?)),
    })
}

/// The tree of what `source` means.
pub(super) fn view(source: &Path) -> Result<Arc<dyn View>> {
    Ok(match any(source)? {
        Opened::Checkpoint(view) => Arc::new(*view),
        Opened::Run(view) => Arc::new(*view),
    })
}

/// The tree of the one checkpoint that `source` means.
pub(super) fn checkpoint(source: &Path) -> Result<CheckpointView> {
    open(&located(source)?)
}

/// The files of the one checkpoint that `source` means: of a training directory the latest, which is said.
pub(super) fn located(source: &Path) -> Result<Located> {
    let dir = match locate::source(&LocalStore, source)? {
        Source::Checkpoint(located) => return Ok(located),
        Source::Run(dir) => dir,
    };
    let latest = run(&dir)?.latest().ok_or_else(|| {
        Error::not_found("the checkpoint that its state file names is not there")
            .at(&dir)
            .hint("wait for the first save, or name a checkpoint by its prefix")
    })?;
    eprintln!("ckptfs: {}: the latest is {}", dir.display(), latest.display());
    locate::locate(&LocalStore, &latest)
}

fn open(located: &Located) -> Result<CheckpointView> {
    Ok(CheckpointView::new(Arc::new(Checkpoint::open(
        &LocalStore,
        located,
    )?)))
}

fn run(dir: &Path) -> Result<RunView> {
    RunView::new(Arc::new(LocalStore), dir, RunOptions::default())
}
