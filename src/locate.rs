//! From what the user typed to the files of a checkpoint (design.md 1).
//!
//! Users never know which file to name, so a prefix, any file of it, and a state file all work, and what does
//! not is answered with what was found and the nearest thing that would. Literal names win over any reading
//! of a suffix.

mod recognise;
mod suggest;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::path::PathBuf;

pub(crate) use suggest::distance;
pub(crate) use suggest::natural;

use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::source::Store;
use crate::state::State;

/// The files of one checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Located {
    /// The prefix of a V2 bundle.
    pub prefix: Option<PathBuf>,
    /// The graph: a `.meta` file.
    pub meta: Option<PathBuf>,
}

/// What the user may have named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// One checkpoint.
    Checkpoint(Located),
    /// A training directory, with any number of them.
    Run(PathBuf),
}

/// Finds what `path` means: a directory with checkpoints is a run, all else is as [`locate`] says.
pub fn source(store: &dyn Store, path: &Path) -> Result<Source> {
    let is_run = bundle_at(store, path)?.is_none() && is_run(store, path)?;
    if is_run {
        return Ok(Source::Run(path.to_path_buf()));
    }
    locate(store, path).map(Source::Checkpoint)
}

/// Whether `path` is a directory with checkpoints, or with a state file that names one.
fn is_run(store: &dyn Store, path: &Path) -> Result<bool> {
    if !store.stat(path)?.is_some_and(|stat| stat.is_dir) {
        return Ok(false);
    }
    let names = store.list(path)?;
    let has_index = names.iter().any(|name| without_suffix(name, b".index").is_some());
    let state = path.join("checkpoint");
    Ok(has_index || State::read(store, &state).is_ok_and(|state| state.latest.is_some()))
}

impl Located {
    /// The name of the checkpoint: that of its files without their suffixes.
    pub fn name(&self) -> String {
        let path = self
            .prefix
            .as_deref()
            .or(self.meta.as_deref())
            .unwrap_or(Path::new(""));
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        if self.prefix.is_none() {
            return name.strip_suffix(".meta").unwrap_or(&name).to_string();
        }
        name.into_owned()
    }
}

/// `path` with `suffix` after it.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// `path` without `suffix`, if it ends in it and more than that.
fn without_suffix(path: &Path, suffix: &[u8]) -> Option<PathBuf> {
    let stem = path.as_os_str().as_bytes().strip_suffix(suffix)?;
    (!stem.is_empty()).then(|| PathBuf::from(OsStr::from_bytes(stem)))
}

/// The prefix of a `.data-00000-of-00001` file.
pub(crate) fn shard_prefix(path: &Path) -> Option<PathBuf> {
    let bytes = path.as_os_str().as_bytes();
    let at = bytes.windows(6).rposition(|w| w == b".data-")?;
    let (stem, tail) = bytes.split_at_checked(at)?;
    let numbers = std::str::from_utf8(tail.strip_prefix(b".data-")?).ok()?;
    let (number, total) = numbers.split_once("-of-")?;
    let digits = |text: &str| text.len() >= 5 && text.bytes().all(|b| b.is_ascii_digit());
    (digits(number) && digits(total) && !stem.is_empty()).then(|| PathBuf::from(OsStr::from_bytes(stem)))
}

/// Finds the checkpoint that `path` means.
pub fn locate(store: &dyn Store, path: &Path) -> Result<Located> {
    if let Some(found) = bundle_at(store, path)? {
        return Ok(found);
    }
    let Some(stat) = store.stat(path)? else {
        return missing(store, path);
    };
    if stat.is_dir {
        return Err(suggest::directory(store, path));
    }
    if let Some(prefix) = without_suffix(path, b".index").or_else(|| shard_prefix(path)) {
        return match bundle_at(store, &prefix)? {
            Some(found) => Ok(found),
            None => Err(Error::not_found(format!(
                "the index {} is missing; without it the shards cannot be read",
                with_suffix(&prefix, ".index").display()
            ))
            .at(path)
            .hint("copy the .index file of this checkpoint to this place")),
        };
    }
    if let Some(stem) = without_suffix(path, b".meta") {
        return Ok(bundle_at(store, &stem)?.unwrap_or(Located {
            prefix: None,
            meta: Some(path.to_path_buf()),
        }));
    }
    match state_file(store, path)? {
        Some(found) => Ok(found),
        None => Err(recognise::file(store, path)),
    }
}

/// The latest checkpoint of a state file; `None` where `path` is none.
fn state_file(store: &dyn Store, path: &Path) -> Result<Option<Located>> {
    let Ok(state) = State::read(store, path) else {
        return Ok(None);
    };
    let Some(latest) = state.latest else {
        return Ok(None);
    };
    let dir = path.parent().unwrap_or(Path::new(""));
    let exists = |prefix: &Path| matches!(bundle_at(store, prefix), Ok(Some(_)));
    let prefix = State::resolve(dir, &latest, exists).ok_or_else(|| {
        Error::not_found(format!(
            "the latest checkpoint it names, {}, is not there",
            latest.display()
        ))
        .at(path)
        .hint(suggest::nearest(
            store,
            &dir.join(latest.file_name().unwrap_or_default()),
        ))
    })?;
    bundle_at(store, &prefix)
}

/// The bundle with the prefix `path`, and its graph.
fn bundle_at(store: &dyn Store, path: &Path) -> Result<Option<Located>> {
    let is_file = |path: &Path| Ok::<_, Error>(store.stat(path)?.is_some_and(|stat| stat.is_file));
    if !is_file(&with_suffix(path, ".index"))? {
        return Ok(None);
    }
    let meta = with_suffix(path, ".meta");
    Ok(Some(Located {
        prefix: Some(path.to_path_buf()),
        meta: is_file(&meta)?.then_some(meta),
    }))
}

/// Nothing is at `path` itself: a prefix whose index is gone, or a wrong name.
fn missing(store: &dyn Store, path: &Path) -> Result<Located> {
    let meta = with_suffix(path, ".meta");
    if store.stat(&meta)?.is_some_and(|stat| stat.is_file) {
        log::warn!(
            "{}.index is missing: there are ops but no tensors",
            path.display()
        );
        return Ok(Located {
            prefix: None,
            meta: Some(meta),
        });
    }
    Err(Error::new(ErrorKind::NotFound, "no checkpoint has this name")
        .at(path)
        .hint(suggest::nearest(store, path)))
}
