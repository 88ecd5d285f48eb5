//! The `.data-*` files (format.md 1.8, 2.1).
//!
//! Opened once, before anything is served, and kept open: a trainer that deletes or replaces its files by
//! rename cannot take them away. A missing one is remembered with its reason.

use std::collections::BTreeMap;
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
    /// How many the header says there are.
    total: u32,
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
        let mut shards = Self {
            total,
            ..Self::default()
        };
        let mut other_total: Option<Option<u32>> = None;
        for number in wanted.filter(|number| *number < total) {
            let source = shards.open_one(store, prefix, number, &mut other_total);
            shards.files.insert(number, ShardFile { number, source });
        }
        shards
    }

    fn open_one(
        &mut self,
        store: &dyn Store,
        prefix: &Path,
        number: u32,
        other_total: &mut Option<Option<u32>>,
    ) -> Result<Arc<dyn Source>> {
        let path = shard_path(prefix, number, self.total);
        let error = match store.open(&path) {
            Ok(source) => return Ok(source),
            Err(e) => e,
        };
        if error.kind() != crate::ErrorKind::NotFound {
            return Err(error);
        }
        let other = other_total.get_or_insert_with(|| total_of_files(store, prefix));
        if let Some(other) = other.filter(|other| number < *other && *other < self.total)
            && let Ok(source) = store.open(&shard_path(prefix, number, other))
        {
            self.renamed_total = Some(other);
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
                "the index puts it in shard {number}, but counts only {} from 0",
                self.total
            ))
            .hint("the index is damaged; copy or download it again")),
        }
    }

    /// Bytes of all that could be opened.
    pub(super) fn bytes(&self) -> u64 {
        let lengths = self.files.values().filter_map(|shard| shard.source.as_ref().ok());
        lengths.fold(0, |sum, source| sum.saturating_add(source.len()))
    }

    /// All shards that own a tensor, by number.
    pub(super) fn iter(&self) -> impl Iterator<Item = &ShardFile> {
        self.files.values()
    }
}

/// The total that all shards of this prefix have in their names; `None` where they disagree: then some are
/// of another save.
fn total_of_files(store: &dyn Store, prefix: &Path) -> Option<u32> {
    let dir = prefix
        .parent()
        .filter(|dir| !dir.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut start = prefix.file_name()?.as_bytes().to_vec();
    start.extend_from_slice(b".data-");
    let names = store.list(dir).ok()?;
    let mut totals = names.iter().filter_map(|name| {
        let tail = name.as_os_str().as_bytes().strip_prefix(start.as_slice())?;
        let (number, total) = std::str::from_utf8(tail).ok()?.split_once("-of-")?;
        let digits = |text: &str| text.len() >= 5 && text.bytes().all(|b| b.is_ascii_digit());
        (digits(number) && digits(total)).then(|| total.parse::<u32>().ok())?
    });
    let first = totals.next()?;
    totals.all(|total| total == first).then_some(first)
}
