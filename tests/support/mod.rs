//! What several tests share.
#![allow(dead_code, missing_docs, unreachable_pub)]

pub mod expected;
pub mod memory;
pub mod random;
pub mod reference;
pub mod trainer;
pub mod writer;

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use ckptfs::checkpoint::Checkpoint;
use ckptfs::locate;
use ckptfs::source::FileStat;
use ckptfs::source::Identity;
use ckptfs::source::LocalStore;
use ckptfs::source::MemorySource;
use ckptfs::source::Source;
use ckptfs::source::Store;
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

/// A file system in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore(pub std::collections::BTreeMap<PathBuf, bytes::Bytes>);

impl MemoryStore {
    pub fn new(files: impl IntoIterator<Item = (PathBuf, Vec<u8>)>) -> Self {
        Self(
            files
                .into_iter()
                .map(|(path, bytes)| (path, bytes.into()))
                .collect(),
        )
    }

    pub fn put(&mut self, path: impl Into<PathBuf>, bytes: impl Into<bytes::Bytes>) {
        self.0.insert(path.into(), bytes.into());
    }
}

impl Store for MemoryStore {
    fn open(&self, path: &Path) -> ckptfs::Result<Arc<dyn Source>> {
        let stat = self.stat(path)?;
        match (self.0.get(path), stat) {
            (Some(bytes), Some(stat)) => Ok(Arc::new(MemorySource::new(path, bytes.clone(), stat))),
            _ => {
                let error = std::io::Error::from_raw_os_error(2);
                Err(ckptfs::Error::io("cannot open", &error).at(path))
            }
        }
    }

    fn list(&self, dir: &Path) -> ckptfs::Result<Vec<PathBuf>> {
        let inside = self.0.keys().filter(|path| path.parent() == Some(dir));
        Ok(inside
            .filter_map(|path| path.file_name().map(PathBuf::from))
            .collect())
    }

    fn stat(&self, path: &Path) -> ckptfs::Result<Option<FileStat>> {
        Ok(self.0.get(path).map(|bytes| FileStat {
            identity: Identity {
                dev: 1,
                ino: 1,
                len: bytes.len() as u64,
                mtime: (0, 0),
            },
            is_dir: false,
            is_file: true,
            mode: 0o644,
            uid: 0,
            gid: 0,
            modified: std::time::SystemTime::UNIX_EPOCH,
        }))
    }
}

/// Opens a checkpoint of any store as the commands do.
pub fn open(store: &dyn Store, source: &Path) -> ckptfs::Result<CheckpointView> {
    let located = locate::locate(store, source)?;
    Ok(CheckpointView::new(Arc::new(Checkpoint::open(store, &located)?)))
}
