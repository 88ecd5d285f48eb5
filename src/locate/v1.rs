//! Finding the files of a V1 checkpoint: one file, the shards of a prefix, or a pattern of a state file.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;
use std::path::PathBuf;

use super::Located;
use super::with_suffix;
use crate::error::Result;
use crate::source::Store;
use crate::v1;
use crate::v1::Files;
use crate::v1::ShardName;

/// The V1 checkpoint that is the file `path`, or to which it belongs. Fails where `path` is a table that is
/// damaged.
pub(super) fn file(store: &dyn Store, path: &Path) -> Result<Option<Located>> {
    if !v1::is_v1(&store.open(path)?)? {
        return Ok(None);
    }
    let files = match ShardName::parse(path) {
        Some(name) => name.files(),
        None => Files {
            prefix: path.to_path_buf(),
            files: vec![path.to_path_buf()],
        },
    };
    located(store, files, path).map(Some)
}

/// The V1 checkpoint with the prefix `path`: a file of that name, a pattern, shards.
pub(super) fn at(store: &dyn Store, path: &Path) -> Result<Option<Located>> {
    if is_file(store, path)? {
        return Ok(file(store, path).unwrap_or_default());
    }
    let files = match ShardName::parse(path) {
        Some(name) => Some(name.files()),
        None => shards(store, path),
    };
    let Some(files) = files else { return Ok(None) };
    // Any shard that can be read tells; one that is damaged is told when all are opened.
    let is_one = |shard: &PathBuf| {
        let source = store.open(shard).ok()?;
        Some(v1::is_v1(&source).unwrap_or(true))
    };
    match files.files.iter().find_map(is_one) {
        Some(true) => located(store, files, path).map(Some),
        _ => Ok(None),
    }
}

fn is_file(store: &dyn Store, path: &Path) -> Result<bool> {
    Ok(store.stat(path)?.is_some_and(|stat| stat.is_file))
}

/// The graph of a sharded checkpoint has its name without the shard (format.md 3).
fn located(store: &dyn Store, files: Files, path: &Path) -> Result<Located> {
    let mut meta = None;
    for stem in [path, &files.prefix] {
        let path = with_suffix(stem, ".meta");
        if meta.is_none() && is_file(store, &path)? {
            meta = Some(path);
        }
    }
    Ok(Located {
        v1: Some(files),
        meta,
        ..Located::default()
    })
}

/// The shards `path-00000-of-...` in its directory. Of sets of different sizes one that is complete, else
/// the largest.
fn shards(store: &dyn Store, path: &Path) -> Option<Files> {
    let wanted = path.file_name()?;
    let dir = match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    let mut sets: BTreeMap<u32, u32> = BTreeMap::new();
    for name in store.list(dir).unwrap_or_default() {
        if let Some(ShardName { prefix, total, .. }) = ShardName::parse(&name)
            && prefix.as_os_str() == wanted
        {
            let count = sets.entry(total).or_default();
            *count = count.saturating_add(1);
        }
    }
    let best = sets
        .iter()
        .max_by_key(|(total, count)| (*count >= *total, **total))?;
    let name = ShardName {
        prefix: path.to_path_buf(),
        number: None,
        total: *best.0,
    };
    if sets.len() > 1 {
        log::warn!(
            "there are shards of {} saves of {}; those of {} are used",
            sets.len(),
            path.display(),
            name.total
        );
    }
    Some(name.files())
}

/// How many files of a directory are looked into.
const LOOKED_AT: usize = 64;

/// The V1 checkpoints of a directory: files with a graph beside them, and shards.
pub(super) fn prefixes(store: &dyn Store, dir: &Path, names: &[PathBuf]) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for name in names {
        let stem = super::without_suffix(name, b".meta");
        found.extend(stem.or_else(|| ShardName::parse(name).map(|shard| shard.prefix)));
    }
    found.sort();
    found.dedup();
    let is_index = |stem: &Path| {
        let index = with_suffix(stem, ".index");
        names
            .iter()
            .any(|name| name.as_os_str() == index.as_os_str() as &OsStr)
    };
    found.retain(|stem| !is_index(stem));
    found.truncate(LOOKED_AT);
    found.retain(|stem| matches!(at(store, &dir.join(stem)), Ok(Some(_))));
    found
}
