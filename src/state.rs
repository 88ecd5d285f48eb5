//! The `checkpoint` state file: which checkpoints a training directory lists, and the latest.
//!
//! Facts: format.md 4. Paths in it are prefixes; TensorFlow's Saver wrote absolute ones for years, and directories
//! get moved, so a path that leads nowhere falls back to its last component beside the state file. A damaged
//! line or an unknown field is told and the rest is used, where TensorFlow ignores the whole file.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::path::PathBuf;

use prost::Message;

use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::proto::tensorflow::CheckpointState;
use crate::source::Store;
use crate::text;
use crate::text::ParseOptions;

/// A state file is a few lines for each checkpoint that is kept; more is another file by that name.
const MAX_LEN: u64 = 16 << 20;

/// What a state file says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct State {
    /// The prefix of the latest checkpoint, as it is written.
    pub latest: Option<PathBuf>,
    /// All prefixes that are listed, oldest first; the latest is the last.
    pub all: Vec<PathBuf>,
    /// When each was saved, in seconds since 1970; as many as `all`, or none.
    pub times: Vec<f64>,
    /// What could not be understood.
    pub warnings: Vec<String>,
}

fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

impl State {
    /// Reads the state file at `file`.
    pub fn read(store: &dyn Store, file: &Path) -> Result<Self> {
        let source = store.open(file)?;
        if source.len() > MAX_LEN {
            return Err(
                Error::new(ErrorKind::NotACheckpoint, "too large for a checkpoint state file").at(file),
            );
        }
        Self::parse(&source.read_vec(0, source.len())?).map_err(|e| e.at(file))
    }

    /// Parses the text of a state file.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let options = ParseOptions {
            skip_unknown: true,
            ..ParseOptions::default()
        };
        let parsed = text::parse("tensorflow.CheckpointState", bytes, &options)?;
        let state = CheckpointState::decode(parsed.wire.as_slice())
            .map_err(|e| Error::corrupt(format!("not a checkpoint state file: {e}")))?;
        let latest = Some(&state.model_checkpoint_path)
            .filter(|p| !p.is_empty())
            .map(|p| path(p));
        let mut all: Vec<PathBuf> = state.all_model_checkpoint_paths.iter().map(|p| path(p)).collect();
        if let Some(latest) = &latest
            && all.last() != Some(latest)
        {
            all.push(latest.clone());
        }
        let times = state.all_model_checkpoint_timestamps;
        Ok(Self {
            latest,
            times: if times.len() == all.len() {
                times
            } else {
                Vec::new()
            },
            all,
            warnings: parsed.warnings,
        })
    }

    /// The prefix that `listed` means, for a state file in `dir`: as it is written, or where `exists` knows no
    /// checkpoint of that prefix, its last component in `dir`. `None` where neither is there.
    pub fn resolve(dir: &Path, listed: &Path, exists: impl Fn(&Path) -> bool) -> Option<PathBuf> {
        // `join` keeps an absolute path as it is.
        let written = dir.join(listed);
        if exists(&written) {
            return Some(written);
        }
        // A Windows path has its last component after a backslash.
        let name = listed
            .as_os_str()
            .as_bytes()
            .rsplit(|b| matches!(b, b'/' | b'\\'))
            .next()?;
        let beside = dir.join(OsStr::from_bytes(name));
        (!name.is_empty() && exists(&beside)).then_some(beside)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_tensorflow_writes_it() {
        let state = State::parse(
            b"model_checkpoint_path: \"model.ckpt-10\"\n\
              all_model_checkpoint_paths: \"model.ckpt-5\"\n\
              all_model_checkpoint_paths: \"model.ckpt-10\"\n\
              all_model_checkpoint_timestamps: 1583942341.8453548\n\
              all_model_checkpoint_timestamps: 1583942342.5\n\
              last_preserved_timestamp: 1583942340.1\n",
        )
        .unwrap();
        assert_eq!(state.latest.as_deref(), Some(Path::new("model.ckpt-10")));
        assert_eq!(state.all.len(), 2);
        assert_eq!(state.times.len(), 2);
        assert_eq!(state.warnings, Vec::<String>::new());
    }

    #[test]
    fn the_latest_is_always_listed() {
        let state =
            State::parse(b"model_checkpoint_path: 'C:\\\\runs\\\\m-3'\nall_model_checkpoint_paths: 'm-1'")
                .unwrap();
        assert_eq!(state.all, [Path::new("m-1"), Path::new("C:\\runs\\m-3")]);
        assert!(State::parse(b"").unwrap().latest.is_none());
        assert!(State::parse(b"\x00\x01binary").is_err());
    }

    #[test]
    fn moved_directories_are_found() {
        let exists = |path: &Path| path == Path::new("/new/m-3");
        let resolve = |listed: &str| State::resolve(Path::new("/new"), Path::new(listed), exists);
        assert_eq!(resolve("/old/place/m-3"), Some("/new/m-3".into()));
        assert_eq!(resolve("m-3"), Some("/new/m-3".into()));
        assert_eq!(resolve("C:\\runs\\m-3"), Some("/new/m-3".into()));
        assert_eq!(resolve("/old/m-4"), None);
        assert_eq!(resolve("/old/"), None);
    }
}
