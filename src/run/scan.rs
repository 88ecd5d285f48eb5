//! One look at a training directory: which files belong together, and what is left over.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::path::PathBuf;

use crate::error::Result;
use crate::locate;
use crate::source::FileStat;
use crate::source::Identity;
use crate::source::Store;

/// A checkpoint: its name and its files.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// The prefix without the directory.
    pub(super) name: Vec<u8>,
    pub(super) prefix: PathBuf,
    /// The index first.
    pub(super) files: Vec<(PathBuf, FileStat)>,
}

impl Found {
    /// What tells this state of it from another.
    fn identities(&self) -> impl Iterator<Item = (&Path, Identity)> {
        self.files
            .iter()
            .map(|(path, stat)| (path.as_path(), stat.identity))
    }

    pub(super) fn same(&self, other: &Self) -> bool {
        self.identities().eq(other.identities())
    }

    /// Whether it is `whole` without some of its files, as while it is being deleted.
    pub(super) fn is_rest_of(&self, whole: &Self) -> bool {
        self.identities()
            .all(|file| whole.identities().any(|other| other == file))
    }

    pub(super) fn identity(&self, path: &Path) -> Option<Identity> {
        self.identities().find(|file| file.0 == path).map(|file| file.1)
    }

    pub(super) fn index(&self) -> Option<&FileStat> {
        self.files.first().map(|(_, stat)| stat)
    }

    pub(super) fn meta(&self) -> Option<&Path> {
        let is_meta = |path: &&Path| path.as_os_str().as_bytes().ends_with(b".meta");
        self.files.iter().map(|(path, _)| path.as_path()).find(is_meta)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.files
            .iter()
            .fold(0, |sum, (_, stat)| sum.saturating_add(stat.identity.len))
    }
}

/// Something that a save leaves when it is interrupted, or has while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leftover {
    pub(super) name: Vec<u8>,
    pub(super) what: &'static str,
}

/// What a directory holds.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// `None` where the directory is not there (any more).
    pub(super) dir: Option<FileStat>,
    /// In natural order: `model.ckpt-9` before `model.ckpt-10`.
    pub(super) checkpoints: Vec<Found>,
    pub(super) leftovers: Vec<Leftover>,
    /// Names of files that may be state files.
    pub(super) states: Vec<PathBuf>,
}

#[derive(Debug, Default)]
struct Group {
    index: bool,
    meta: bool,
    shards: Vec<PathBuf>,
}

/// Looks at a directory.
pub(super) fn scan(store: &dyn Store, dir: &Path) -> Result<Scan> {
    let mut scan = Scan {
        dir: store.stat(dir)?.filter(|stat| stat.is_dir),
        ..Scan::default()
    };
    if scan.dir.is_none() {
        return Ok(scan);
    }
    let mut groups: BTreeMap<Vec<u8>, Group> = BTreeMap::new();
    for name in store.list(dir)? {
        let bytes = name.as_os_str().as_bytes();
        if let Some(what) = leftover(bytes) {
            scan.leftovers.push(Leftover {
                name: bytes.to_vec(),
                what,
            });
        } else if let Some(stem) = stem(bytes, b".index") {
            groups.entry(stem).or_default().index = true;
        } else if let Some(stem) = stem(bytes, b".meta") {
            groups.entry(stem).or_default().meta = true;
        } else if let Some(prefix) = locate::shard_prefix(&name) {
            let stem = prefix.as_os_str().as_bytes().to_vec();
            groups.entry(stem).or_default().shards.push(name);
        } else if may_be_state(bytes) {
            scan.states.push(name);
        }
    }
    for (name, group) in groups {
        let prefix = dir.join(path(&name));
        let with = |suffix: &str| locate::with_suffix(&prefix, suffix);
        let mut files = vec![with(".index")];
        files.extend(group.shards.iter().map(|shard| dir.join(shard)));
        if group.meta {
            files.push(with(".meta"));
        }
        let mut found = Vec::new();
        if group.index {
            for file in files {
                // What was deleted since it was listed is not there.
                if let Some(stat) = store.stat(&file)?.filter(|stat| stat.is_file) {
                    found.push((file, stat));
                }
            }
        }
        let has_index = found.first().is_some_and(|(file, _)| *file == with(".index"));
        if has_index {
            scan.checkpoints.push(Found {
                name,
                prefix,
                files: found,
            });
        } else if !group.shards.is_empty() {
            let what = "data without an index: a save or copy that is not finished";
            scan.leftovers.push(Leftover { name, what });
        } else if group.meta {
            let what = "a graph without a checkpoint";
            scan.leftovers.push(Leftover { name, what });
        }
    }
    scan.checkpoints.sort_by(|a, b| locate::natural(&a.name, &b.name));
    scan.leftovers.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(scan)
}

fn path(bytes: &[u8]) -> &Path {
    Path::new(std::ffi::OsStr::from_bytes(bytes))
}

fn stem(name: &[u8], suffix: &[u8]) -> Option<Vec<u8>> {
    let stem = name.strip_suffix(suffix)?;
    (!stem.is_empty()).then(|| stem.to_vec())
}

fn find(name: &[u8], what: &[u8]) -> Option<usize> {
    name.windows(what.len()).position(|window| window == what)
}

fn is_hex(text: &[u8]) -> bool {
    text.len() == 32 && text.iter().all(u8::is_ascii_hexdigit)
}

/// What an unfinished save calls its files (format.md 6.6).
fn leftover(name: &[u8]) -> Option<&'static str> {
    let after = |what: &[u8]| name.get(find(name, what)?.saturating_add(what.len())..);
    if name.ends_with(b"_temp") || after(b"_temp_").is_some_and(is_hex) {
        return Some("shards of a save that is not finished");
    }
    if after(b".tempstate").is_some_and(|tail| tail.iter().all(u8::is_ascii_digit)) {
        return Some("a file of a save that is not finished");
    }
    let numbered =
        |tail: &[u8]| tail.first().is_some_and(u8::is_ascii_digit) && find(tail, b"-of-").is_some();
    if after(b".part-").is_some_and(numbered) {
        return Some("a part of a save that is not finished");
    }
    if after(b".tmp").is_some_and(is_hex) {
        return Some("a state file that was not finished");
    }
    None
}

/// State files are called `checkpoint`, or what the program that trains chose: a name without a dot, usually.
fn may_be_state(name: &[u8]) -> bool {
    !name.starts_with(b".") && (!name.contains(&b'.') || find(name, b"checkpoint").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::LocalStore;

    #[test]
    fn files_are_grouped_and_leftovers_told() {
        let dir = tempfile::tempdir().unwrap();
        let hex = "0123456789abcdef0123456789abcdef";
        for name in [
            "m-9.index",
            "m-9.data-00000-of-00001",
            "m-10.index",
            "m-10.data-00000-of-00002",
            "m-10.data-00001-of-00002",
            "m-10.meta",
            "m-11.data-00000-of-00001",
            "m-12.meta",
            "checkpoint",
            "checkpoint_best",
            "graph.pbtxt",
            "events.out.tfevents.1",
            "m-13.data-00000-of-00001.tempstate123",
            "m-13.part-00000-of-00001.index",
            &format!("checkpoint.tmp{hex}"),
            &format!("m-14_temp_{hex}"),
            "m-15_temp",
        ] {
            std::fs::write(dir.path().join(name), name).unwrap();
        }
        let scan = scan(&LocalStore, dir.path()).unwrap();
        let names: Vec<_> = scan.checkpoints.iter().map(|c| c.name.as_slice()).collect();
        assert_eq!(names, [&b"m-9"[..], b"m-10"]);
        let ten = scan.checkpoints.last().unwrap();
        assert_eq!(ten.files.len(), 4);
        assert!(ten.meta().is_some() && ten.index().is_some());
        assert_eq!(
            scan.states,
            [Path::new("checkpoint"), Path::new("checkpoint_best")]
        );
        assert_eq!(scan.leftovers.len(), 7);
    }

    #[test]
    fn a_rest_is_no_other_checkpoint() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["m.index", "m.data-00000-of-00001", "m.meta"] {
            std::fs::write(dir.path().join(name), name).unwrap();
        }
        let look = || scan(&LocalStore, dir.path()).unwrap().checkpoints.pop().unwrap();
        let whole = look();
        std::fs::remove_file(dir.path().join("m.meta")).unwrap();
        let rest = look();
        assert!(rest.is_rest_of(&whole) && !whole.is_rest_of(&rest) && !rest.same(&whole));
        std::fs::write(dir.path().join("m.index"), "longer than before").unwrap();
        assert!(!look().is_rest_of(&whole));
        assert!(scan(&LocalStore, &dir.path().join("no")).unwrap().dir.is_none());
    }
}
