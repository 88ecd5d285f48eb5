//! From SOURCE to a tree.

use std::path::Path;
use std::sync::Arc;

use crate::checkpoint::Checkpoint;
use crate::error::Result;
use crate::locate;
use crate::source::LocalStore;
use crate::tree::CheckpointView;

/// Opens the checkpoint that `source` means.
pub(super) fn checkpoint(source: &Path) -> Result<Arc<Checkpoint>> {
    let located = locate::locate(&LocalStore, source)?;
    Ok(Arc::new(Checkpoint::open(&LocalStore, &located)?))
}

/// The tree of the checkpoint that `source` means.
pub(super) fn view(source: &Path) -> Result<CheckpointView> {
    Ok(CheckpointView::new(checkpoint(source)?))
}
