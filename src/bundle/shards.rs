//! The `.data-*` files (format.md 1.8, 2.1).
//!
//! Opened once, before anything is served, and kept open: a trainer that deletes or replaces its files by
//! rename cannot take them away. A missing one is remembered with its reason.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Error;
use crate::error::Result;
use crate::source::Source;
use crate::source::Store;

/// One `.data-*` file.
#[derive(Debug, Clone)]
pub struct ShardFile {
    /// Its number.
    pub number: u32,
    /// The file, or why it cannot be read.
    pub source: Result<Arc<dyn Source>>,
}

/// The shards that own a tensor.
#[derive(Debug, Default)]
pub(super) struct Shards {
    files: BTreeMap<u32, ShardFile>,
    /// The total in the names of the files, where it differs from the header's (format.md 1.8).
    pub(super) renamed_total: Option<u32>,
}

/// `P.data-00000-of-00002`.
pub(super) fn shard_path(prefix: &Path, number: u32, total: u32) -> PathBuf {
    let mut name = prefix.as_os_str().to_owned();
    name.push(format!(".data-{number:05}-of-{total:05}"));
    PathBuf::from(name)
}

impl Shards {
    /// Opens the shards `wanted` of a bundle of `total`.
    pub(super) fn open(
        store: &dyn Store,
        prefix: &Path,
        total: u32,
        wanted: impl Iterator<Item = u32>,
    ) -> Self {
        let mut shards = Self::default();
        let mut listed: Option<Vec<OsString>> = None;
        for number in wanted {
            if shards.files.contains_key(&number) {
                continue;
            }
            let source = if number < total {
                shards.open_one(store, prefix, number, total, &mut listed)
            } else {
                Err(Error::corrupt(format!("shard {number} of {total} cannot be")))
            };
            shards.files.insert(number, ShardFile { number, source });
        }
        shards
    }

    fn open_one(
        &mut self,
        store: &dyn Store,
        prefix: &Path,
        number: u32,
        total: u32,
        listed: &mut Option<Vec<OsString>>,
    ) -> Result<Arc<dyn Source>> {
        let path = shard_path(prefix, number, total);
        let error = match store.open(&path) {
            Ok(source) => return Ok(source),
            Err(e) => e,
        };
        if error.kind() != crate::ErrorKind::NotFound {
            return Err(error);
        }
        let names = listed.get_or_insert_with(|| list_shards(store, prefix));
        let totals = totals_of(names, prefix, number);
        if let [other] = totals.as_slice() {
            let source = store.open(&shard_path(prefix, number, *other))?;
            self.renamed_total = Some(*other);
            return Ok(source);
        }
        Err(Error::not_found("this shard is missing")
            .at(path)
            .hint("copy or download it to this place; tensors in other shards can be read"))
    }

    /// The shard `number`, or why it cannot be read.
    pub(super) fn get(&self, number: u32) -> Result<Arc<dyn Source>> {
        match self.files.get(&number) {
            Some(shard) => shard.source.clone(),
            None => Err(Error::corrupt(format!(
                "shard {number} is not part of this bundle"
            ))),
        }
    }

    /// All shards that own a tensor, by number.
    pub(super) fn iter(&self) -> impl Iterator<Item = &ShardFile> {
        self.files.values()
    }
}

fn list_shards(store: &dyn Store, prefix: &Path) -> Vec<OsString> {
    let dir = prefix
        .parent()
        .filter(|dir| !dir.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let names = store.list(dir).unwrap_or_default();
    names.into_iter().map(PathBuf::into_os_string).collect()
}

/// The totals under which a shard `number` of this prefix exists.
fn totals_of(names: &[OsString], prefix: &Path, number: u32) -> Vec<u32> {
    let Some(base) = prefix.file_name() else {
        return Vec::new();
    };
    let mut start = base.as_bytes().to_vec();
    start.extend_from_slice(format!(".data-{number:05}-of-").as_bytes());
    let total = |name: &OsString| -> Option<u32> {
        let digits = std::str::from_utf8(name.as_bytes().strip_prefix(start.as_slice())?).ok()?;
        let plain = digits.len() >= 5 && digits.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| digits.parse().ok())?
    };
    names.iter().filter_map(total).collect()
}
