//! The nearest thing that would work.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::path::PathBuf;

use crate::error::Error;
use crate::error::ErrorKind;
use crate::source::Store;

/// The prefixes of the checkpoints in a directory, in natural order: `model.ckpt-9` before `model.ckpt-10`.
fn prefixes(store: &dyn Store, dir: &Path) -> Vec<PathBuf> {
    let names = store.list(dir).unwrap_or_default();
    let mut found: Vec<PathBuf> = names
        .iter()
        .filter_map(|name| super::without_suffix(name, b".index"))
        .collect();
    found.extend(super::v1::prefixes(store, dir, &names));
    found.sort_by(|a, b| natural(a.as_os_str().as_bytes(), b.as_os_str().as_bytes()));
    found
}

/// Compares names with runs of digits as numbers.
pub(crate) fn natural(a: &[u8], b: &[u8]) -> std::cmp::Ordering {
    let (mut x, mut y) = (a, b);
    while let (Some(p), Some(q)) = (x.first(), y.first()) {
        if p.is_ascii_digit() && q.is_ascii_digit() {
            let run = |s: &[u8]| s.iter().take_while(|b| b.is_ascii_digit()).count();
            let (m, tail_x) = x.split_at_checked(run(x)).unwrap_or_default();
            let (n, tail_y) = y.split_at_checked(run(y)).unwrap_or_default();
            let value = |d: &[u8]| d.iter().skip_while(|b| **b == b'0').copied().collect::<Vec<u8>>();
            let (m, n) = (value(m), value(n));
            let order = m.len().cmp(&n.len()).then_with(|| m.cmp(&n));
            if order.is_ne() {
                return order;
            }
            (x, y) = (tail_x, tail_y);
        } else {
            if p != q {
                return p.cmp(q);
            }
            (x, y) = (x.get(1..).unwrap_or_default(), y.get(1..).unwrap_or_default());
        }
    }
    x.len().cmp(&y.len()).then_with(|| a.cmp(b))
}

/// A directory was named: says what it holds.
pub(super) fn directory(store: &dyn Store, dir: &Path) -> Error {
    let found = prefixes(store, dir);
    let names = store.list(dir).unwrap_or_default();
    let has = |name: &str| names.iter().any(|n| n.as_os_str() == name);
    let not = |what: String| Error::new(ErrorKind::NotACheckpoint, what).at(dir);
    if let Some(last) = found.last() {
        let try_path = dir.join(last);
        let count = match found.len() {
            1 => "a directory with 1 checkpoint".to_string(),
            n => format!("a directory with {n} checkpoints"),
        };
        return not(format!("is {count}, one of them was expected"))
            .hint(format!("try {}", try_path.display()));
    }
    let model = ["saved_model.pb", "saved_model.pbtxt", "saved_model.cpb"]
        .into_iter()
        .find(|name| has(name));
    if let Some(model) = model {
        let variables = dir.join("variables").join("variables");
        let there = store
            .stat(&super::with_suffix(&variables, ".index"))
            .ok()
            .flatten()
            .is_some();
        return not(format!("is a SavedModel ({model}), a checkpoint was expected")).hint(if there {
            format!("its variables are a checkpoint: try {}", variables.display())
        } else {
            "it has no variables/, so it holds no tensors".into()
        });
    }
    if let Some(hint) = super::recognise::directory_hint(&names) {
        return not("is a directory without TensorFlow checkpoints".into()).hint(hint);
    }
    let below = names.iter().find_map(|name| {
        let sub = dir.join(name);
        let is_dir = store.stat(&sub).ok().flatten().is_some_and(|stat| stat.is_dir);
        let prefix = is_dir.then(|| prefixes(store, &sub).pop())??;
        Some(sub.join(prefix))
    });
    not(format!(
        "is a directory with {} files and no checkpoint (no *.index)",
        names.len()
    ))
    .hint(match below {
        Some(path) => format!("try {}", path.display()),
        None => "name a checkpoint by its prefix, such as results/model.ckpt-10".into(),
    })
}

/// A name that is not there: the nearest that is.
pub(super) fn nearest(store: &dyn Store, path: &Path) -> String {
    let dir = match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    match store.stat(dir) {
        Ok(Some(stat)) if stat.is_dir => {}
        _ => return format!("the directory {} does not exist", dir.display()),
    }
    let wanted = path.file_name().unwrap_or_default().as_bytes();
    let found = prefixes(store, dir);
    let best = found
        .iter()
        .min_by_key(|name| distance(name.as_os_str().as_bytes(), wanted));
    let orphan =
        store.list(dir).unwrap_or_default().iter().any(|name| {
            super::shard_prefix(name).is_some_and(|prefix| prefix.as_os_str().as_bytes() == wanted)
        });
    match best {
        _ if orphan => "its .data files are there, but its .index is missing: copy that too".into(),
        Some(best) => {
            let path = if path.parent().is_some_and(|p| !p.as_os_str().is_empty()) {
                dir.join(best)
            } else {
                best.clone()
            };
            match found.len() {
                1 => format!("there is one checkpoint there; try {}", path.display()),
                n => format!("there are {n} checkpoints there; try {}", path.display()),
            }
        }
        None => format!("there is no checkpoint (no *.index) in {}", dir.display()),
    }
}

/// Edit distance, for names of usual length.
pub(crate) fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = i;
        if let Some(first) = row.first_mut() {
            *first = i.saturating_add(1);
        }
        for j in 0..b.len() {
            let changed = diagonal.saturating_add(usize::from(b.get(j) != Some(x)));
            let left = row.get(j).copied().unwrap_or(0).saturating_add(1);
            let Some(cell) = row.get_mut(j.saturating_add(1)) else {
                continue;
            };
            diagonal = *cell;
            *cell = changed.min(left).min(cell.saturating_add(1));
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!(distance(b"kitten", b"sitting"), 3);
        assert_eq!(distance(b"", b"abc"), 3);
        assert_eq!(distance(b"abc", b"abc"), 0);
    }

    #[test]
    fn numbers_in_names() {
        let mut names = ["ckpt-10", "ckpt-9", "ckpt", "ckpt-09", "b"];
        names.sort_by(|a, b| natural(a.as_bytes(), b.as_bytes()));
        assert_eq!(names, ["b", "ckpt", "ckpt-09", "ckpt-9", "ckpt-10"]);
    }
}
