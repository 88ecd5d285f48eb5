//! A checkpoint: its parts opened and tied together.

pub mod roles;
pub mod scalars;
pub mod summary;

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::bundle::Bundle;
use crate::error::Result;
use crate::locate::Located;
use crate::source::FileStat;
use crate::source::Store;

/// A file that a checkpoint is made of.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it was when it was opened; `None` for a shard that is missing.
    pub stat: Option<FileStat>,
}

/// An open checkpoint.
#[derive(Debug)]
pub struct Checkpoint {
    name: String,
    bundle: Option<Arc<Bundle>>,
    files: Vec<SourceFile>,
}

impl Checkpoint {
    /// Opens what [`crate::locate`] found. Reads the index and scans the graph; no tensor, no op.
    pub fn open(store: &dyn Store, located: &Located) -> Result<Self> {
        let mut files = Vec::new();
        let bundle = match &located.prefix {
            Some(prefix) => Some(Arc::new(Bundle::open(store, prefix)?)),
            None => None,
        };
        if let Some(bundle) = &bundle {
            files.push(SourceFile {
                path: bundle.index().path().to_path_buf(),
                stat: Some(bundle.index().stat()),
            });
            for shard in bundle.shards() {
                files.push(match &shard.source {
                    Ok(source) => SourceFile {
                        path: source.path().to_path_buf(),
                        stat: Some(source.stat()),
                    },
                    Err(e) => SourceFile {
                        path: e.path().map(Path::to_path_buf).unwrap_or_default(),
                        stat: None,
                    },
                });
            }
        }
        Ok(Self {
            name: located.name(),
            bundle,
            files,
        })
    }

    /// Its name: that of its files without their suffixes.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it holds.
    pub fn bundle(&self) -> Option<&Arc<Bundle>> {
        self.bundle.as_ref()
    }

    /// The files it is made of: index, shards, graph.
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// The training step: the number at the end of its name (`model.ckpt-10`).
    pub fn step_in_name(&self) -> Option<u64> {
        let (_, digits) = self.name.rsplit_once('-')?;
        digits.parse().ok()
    }
}
