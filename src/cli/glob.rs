//! Patterns over the tree, as the shell would expand them in a mount.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use globset::GlobBuilder;
use globset::GlobMatcher;

use crate::error::Error;
use crate::error::Result;
use crate::tree::Kind;
use crate::tree::NodeId;
use crate::tree::View;
use crate::tree::resolve;

/// A node and its path from the root.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) node: NodeId,
    pub(super) path: Vec<u8>,
}

fn matcher(pattern: &str) -> Result<GlobMatcher> {
    let glob = GlobBuilder::new(pattern)
        .literal_separator(true)
        .backslash_escape(true)
        .build();
    Ok(glob
        .map_err(|e| Error::usage(format!("pattern {pattern}: {e}")))?
        .compile_matcher())
}

/// A pattern over whole names, where `*` crosses `/`.
pub(super) fn name_matcher(pattern: &str) -> Result<GlobMatcher> {
    let glob = GlobBuilder::new(pattern)
        .literal_separator(false)
        .backslash_escape(true)
        .build();
    Ok(glob
        .map_err(|e| Error::usage(format!("pattern {pattern}: {e}")))?
        .compile_matcher())
}

/// The nodes that `path` means: the one of that literal name, else those that match it as a pattern.
pub(super) fn expand(view: &dyn View, path: &[u8], follow: bool) -> Result<Vec<Found>> {
    let literal = resolve(view, path, follow);
    let error = match literal {
        Ok((node, path)) => return Ok(vec![Found { node, path }]),
        Err(e) => e,
    };
    let text = match std::str::from_utf8(path) {
        Ok(text) if text.contains(['*', '?', '[', '{']) => text,
        _ => return Err(with_suggestion(view, path, error)),
    };
    let mut found = Vec::new();
    let parts: Vec<&str> = text
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    walk(view, NodeId::ROOT, &mut Vec::new(), &parts, &mut found)?;
    if found.is_empty() {
        return Err(Error::not_found(format!("{text}: no file matches")));
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found.dedup_by(|a, b| a.path == b.path);
    Ok(found)
}

fn walk(
    view: &dyn View,
    dir: NodeId,
    path: &mut Vec<u8>,
    parts: &[&str],
    found: &mut Vec<Found>,
) -> Result<()> {
    let Some((part, rest)) = parts.split_first() else {
        return Ok(());
    };
    let deep = *part == "**";
    if deep && !rest.is_empty() {
        walk(view, dir, path, rest, found)?;
    }
    let matcher = matcher(if deep { "*" } else { part })?;
    let mut children: Vec<(NodeId, Kind, Vec<u8>)> = Vec::new();
    view.list(dir, 0, &mut |entry| {
        let name = Path::new(std::ffi::OsStr::from_bytes(entry.name));
        if matcher.is_match(name) && (deep || !entry.name.starts_with(b".") || part.starts_with('.')) {
            children.push((entry.node, entry.kind, entry.name.to_vec()));
        }
        true
    })?;
    for (mut node, mut kind, name) in children {
        let before = path.len();
        if before > 0 {
            path.push(b'/');
        }
        path.extend_from_slice(&name);
        let last = rest.is_empty();
        if last {
            found.push(Found {
                node,
                path: path.clone(),
            });
        }
        if !last
            && !deep
            && kind == Kind::Link
            && let Ok((target, _)) = resolve(view, path, true)
        {
            node = target;
            kind = view.stat(node)?.kind;
        }
        if kind == Kind::Directory && (deep || !last) {
            walk(view, node, path, if deep { parts } else { rest }, found)?;
        }
        path.truncate(before);
    }
    Ok(())
}

/// Adds what the user may have meant: the nearest name in the deepest directory that exists.
fn with_suggestion(view: &dyn View, path: &[u8], error: Error) -> Error {
    let parts: Vec<&[u8]> = path.split(|b| *b == b'/').filter(|p| !p.is_empty()).collect();
    let mut dir = NodeId::ROOT;
    let mut here: Vec<&[u8]> = Vec::new();
    for part in &parts {
        let so_far = [here.as_slice(), &[part]].concat().join(&b'/');
        match resolve(view, &so_far, true) {
            Ok((node, _)) => {
                dir = node;
                here.push(part);
            }
            Err(_) => {
                let near = nearest(view, dir, part);
                return match near {
                    Some(name) => {
                        let path = [here.as_slice(), &[&name]].concat().join(&b'/');
                        error.hint(format!("did you mean {}?", String::from_utf8_lossy(&path)))
                    }
                    None => error,
                };
            }
        }
    }
    error
}

/// How many names of a directory are looked at for the nearest.
const NEAREST_OF: u32 = 20_000;

fn nearest(view: &dyn View, dir: NodeId, wanted: &[u8]) -> Option<Vec<u8>> {
    let mut best: Option<(usize, Vec<u8>)> = None;
    let mut seen = 0u32;
    let listed = view.list(dir, 0, &mut |entry| {
        seen = seen.saturating_add(1);
        let distance = crate::locate::distance(entry.name, wanted);
        // `kernel` for `kernel.npy` is nearer than any other short name.
        let distance = if entry.name.starts_with(wanted) {
            1
        } else {
            distance
        };
        if best.as_ref().is_none_or(|(least, _)| distance < *least) {
            best = Some((distance, entry.name.to_vec()));
        }
        seen < NEAREST_OF
    });
    listed.ok()?;
    let (distance, name) = best?;
    (distance <= wanted.len().max(4) / 2).then_some(name)
}
