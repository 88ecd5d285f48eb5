//! From what the user typed to the files of a checkpoint (design.md 1).
//!
//! Users never know which file to name, so a prefix, any file of it, and a state file all work, and what does
//! not is answered with what was found and the nearest thing that would. Literal names win over any reading
//! of a suffix.

mod recognise;
mod suggest;
mod v1;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::path::PathBuf;

pub(crate) use suggest::distance;
pub(crate) use suggest::natural;

use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::graph;
use crate::source::Store;
use crate::state::State;
use crate::v1::Files;

/// The files of one checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Located {
    /// The prefix of a V2 bundle.
    pub prefix: Option<PathBuf>,
    /// The files of a V1 checkpoint.
    pub v1: Option<Files>,
    /// The graph: a `.meta` file, or a frozen graph.
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
        let path = self.path().unwrap_or(Path::new(""));
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        if self.checkpoint().is_none() {
            let stem = [".meta", ".pb", ".pbtxt"]
                .iter()
                .find_map(|suffix| name.strip_suffix(suffix));
            return stem.filter(|stem| !stem.is_empty()).unwrap_or(&name).to_string();
        }
        name.into_owned()
    }

    /// The prefix of the checkpoint, of either version.
    pub fn checkpoint(&self) -> Option<&Path> {
        let v1 = self.v1.as_ref().map(|files| files.prefix.as_path());
        self.prefix.as_deref().or(v1)
    }

    /// What stands for it in a message: the prefix, or the file of a graph alone.
    pub fn path(&self) -> Option<&Path> {
        self.checkpoint().or(self.meta.as_deref())
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
        return match v1::at(store, path)? {
            Some(found) => Ok(found),
            None => missing(store, path),
        };
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
    if let Some(found) = v1::file(store, path)? {
        return Ok(found);
    }
    if let Some(stem) = without_suffix(path, b".meta") {
        let meta = Some(path.to_path_buf());
        return Ok(match checkpoint_at(store, &stem)? {
            Some(found) => Located { meta, ..found },
            None => Located {
                meta,
                ..Located::default()
            },
        });
    }
    if is_graph(store, path)? {
        return Ok(Located {
            meta: Some(path.to_path_buf()),
            ..Located::default()
        });
    }
    match state_file(store, path)? {
        Some(found) => Ok(found),
        None => Err(recognise::file(store, path)),
    }
}

/// Whether a `.pb` or `.pbtxt` file is a GraphDef, by its first fields.
fn is_graph(store: &dyn Store, path: &Path) -> Result<bool> {
    let named = [&b".pb"[..], b".pbtxt"]
        .iter()
        .any(|suffix| without_suffix(path, suffix).is_some());
    Ok(named && graph::kind_of(&*store.open(path)?)? == Some(graph::Kind::GraphDef))
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
    let exists = |prefix: &Path| matches!(checkpoint_at(store, prefix), Ok(Some(_)));
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
    checkpoint_at(store, &prefix)
}

/// The checkpoint with the prefix `path`, of either version, and its graph.
fn checkpoint_at(store: &dyn Store, path: &Path) -> Result<Option<Located>> {
    match bundle_at(store, path)? {
        Some(found) => Ok(Some(found)),
        None => v1::at(store, path),
    }
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
        ..Located::default()
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
            meta: Some(meta),
            ..Located::default()
        });
    }
    Err(Error::new(ErrorKind::NotFound, "no checkpoint has this name")
        .at(path)
        .hint(suggest::nearest(store, path)))
}
