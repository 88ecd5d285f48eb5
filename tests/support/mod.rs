//! What several tests share.
#![allow(dead_code, missing_docs, unreachable_pub)]

pub mod expected;

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use ckptfs::checkpoint::Checkpoint;
use ckptfs::locate;
use ckptfs::source::LocalStore;
use ckptfs::tree::CheckpointView;
use ckptfs::tree::View;
use ckptfs::tree::resolve;

/// The real checkpoints: `$CKPTFS_CORPUS`, else `../shared/checkpoints` beside the repository. Says so where
/// neither exists.
pub fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/checkpoints");
    let path = std::env::var_os("CKPTFS_CORPUS").map_or(beside, PathBuf::from);
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: no corpus");
    None
}

/// The fixtures of the repository.
pub fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// Opens a checkpoint as the commands do.
pub fn view(source: &Path) -> CheckpointView {
    let located = locate::locate(&LocalStore, source).unwrap();
    CheckpointView::new(Arc::new(Checkpoint::open(&LocalStore, &located).unwrap()))
}

/// The bytes of a file of a tree.
pub fn read(view: &dyn View, path: &[u8]) -> ckptfs::Result<Vec<u8>> {
    let (node, _) = resolve(view, path, true)?;
    view.content(node)?.to_vec(1 << 32)
}

/// The lower-case hex digits of a SHA-256.
pub fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(bytes)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}
