//! State files: which checkpoint each says is the latest, and which it lists.
//!
//! Their paths are absolute or stale more often than not (directories get moved), and of a sharded V1 save they are
//! patterns. In the run view only the last component counts: a checkpoint of this directory or none.

use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::path::PathBuf;

use crate::error::Result;
use crate::source::Identity;
use crate::source::Store;
use crate::state::State;

/// The state file that `latest` follows.
pub(super) const MAIN: &str = "checkpoint";
/// More than this is another file that happens to have such a name.
const MAX_LEN: u64 = 16 << 20;
/// A state file names its latest in the first lines.
const HEAD: u64 = 4096;

/// What one state file says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StateFile {
    /// Its file name.
    pub(super) file: Vec<u8>,
    /// The name of the latest checkpoint.
    pub(super) latest: Vec<u8>,
    /// Names of all that it lists, oldest first, and when each was saved.
    pub(super) all: Vec<(Vec<u8>, Option<f64>)>,
    pub(super) warnings: Vec<String>,
}

/// Reads state files again only when they have changed.
#[derive(Debug, Default)]
pub(super) struct StateFiles {
    seen: HashMap<PathBuf, (Identity, Option<StateFile>)>,
}

impl StateFiles {
    /// The state files among `names`.
    pub(super) fn read(
        &mut self,
        store: &dyn Store,
        dir: &Path,
        names: &[PathBuf],
    ) -> Result<Vec<StateFile>> {
        let mut seen = HashMap::new();
        let mut found = Vec::new();
        for name in names {
            let path = dir.join(name);
            let Some(stat) = store.stat(&path)?.filter(|stat| stat.is_file) else {
                continue;
            };
            let known = self.seen.remove(name).filter(|known| known.0 == stat.identity);
            let (identity, state) = match known {
                Some(known) => known,
                None => match look(store, &path, name) {
                    Some(read) => read,
                    // Replaced or deleted at this moment: the next look will see.
                    None => continue,
                },
            };
            found.extend(state.clone());
            seen.insert(name.clone(), (identity, state));
        }
        self.seen = seen;
        // The main one first, whatever the others are called.
        found.sort_by_key(|state| (state.file != MAIN.as_bytes(), state.file.clone()));
        Ok(found)
    }
}

fn look(store: &dyn Store, path: &Path, name: &Path) -> Option<(Identity, Option<StateFile>)> {
    let source = store.open(path).ok()?;
    let identity = source.stat().identity;
    let len = source.len();
    let file = name.as_os_str().as_bytes().to_vec();
    let mut words = source.read_vec(0, len.min(HEAD)).ok()?;
    words.truncate(HEAD as usize);
    let wanted = b"model_checkpoint_path";
    let is_state = words.windows(wanted.len()).any(|window| window == wanted);
    if !is_state || len > MAX_LEN {
        return Some((identity, None));
    }
    let parsed = source.read_vec(0, len).and_then(|text| State::parse(&text));
    let state = match parsed {
        Ok(state) => state,
        Err(e) => {
            return Some((
                identity,
                Some(StateFile {
                    file,
                    latest: Vec::new(),
                    all: Vec::new(),
                    warnings: vec![e.to_string()],
                }),
            ));
        }
    };
    let times = state.times.iter().map(|time| Some(*time));
    let all = state
        .all
        .iter()
        .map(|path| last(path).to_vec())
        .zip(times.chain(std::iter::repeat(None)));
    Some((
        identity,
        Some(StateFile {
            file,
            latest: state.latest.as_deref().map(last).unwrap_or_default().to_vec(),
            all: all.collect(),
            warnings: state.warnings,
        }),
    ))
}

/// The last component of a listed path, also of one of Windows, without the pattern of a sharded save.
fn last(path: &Path) -> &[u8] {
    let bytes = path.as_os_str().as_bytes();
    let name = bytes
        .rsplit(|b| matches!(b, b'/' | b'\\'))
        .next()
        .unwrap_or_default();
    let pattern = b"-?????-of-";
    match name.windows(pattern.len()).rposition(|window| window == pattern) {
        Some(at) => name.get(..at).unwrap_or(name),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::LocalStore;

    #[test]
    fn only_the_last_component_counts() {
        assert_eq!(last(Path::new("/old/place/m-3")), b"m-3");
        assert_eq!(last(Path::new("C:\\runs\\m-3")), b"m-3");
        assert_eq!(last(Path::new("m-3-?????-of-00002")), b"m-3");
        assert_eq!(last(Path::new("/old/")), b"");
    }

    #[test]
    fn state_files_are_told_from_others() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write("checkpoint_best", "model_checkpoint_path: \"m-1\"\n");
        write(
            "checkpoint",
            "model_checkpoint_path: \"/gone/m-2\"\nall_model_checkpoint_paths: \"m-1\"\n",
        );
        write("checkpoint_old", "model_checkpoint_path: oops oops");
        write("notes", "nothing of that kind");
        let names: Vec<PathBuf> = ["checkpoint", "checkpoint_best", "checkpoint_old", "notes", "gone"]
            .map(PathBuf::from)
            .to_vec();
        let mut files = StateFiles::default();
        for _ in 0..2 {
            let states = files.read(&LocalStore, dir.path(), &names).unwrap();
            let latest: Vec<_> = states.iter().map(|s| (&*s.file, &*s.latest)).collect();
            assert_eq!(
                latest,
                [
                    (&b"checkpoint"[..], &b"m-2"[..]),
                    (b"checkpoint_best", b"m-1"),
                    (b"checkpoint_old", b"")
                ]
            );
            assert_eq!(states[0].all.len(), 2);
            assert!(!states[2].warnings.is_empty());
        }
        write("checkpoint", "model_checkpoint_path: \"m-30\"\n");
        let states = files.read(&LocalStore, dir.path(), &names).unwrap();
        assert_eq!(states[0].latest, b"m-30");
    }
}
