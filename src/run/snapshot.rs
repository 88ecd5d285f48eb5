//! What the root shows at one time.

use std::collections::HashMap;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::nodes::Node;
use super::nodes::Nodes;
use super::nodes::Text;
use super::nodes::Which;
use super::scan::Leftover;
use super::scan::Scan;
use super::slot::Slot;
use super::states::MAIN;
use super::states::StateFile;
use crate::source::FileStat;
use crate::tree::Kind;
use crate::tree::NodeId;
use crate::tree::names;

/// The table of checkpoints.
pub(super) const TABLE: &str = "checkpoints.tsv";
/// The text about the run.
pub(super) const INFO: &str = "info.txt";
/// The link to the latest checkpoint.
pub(super) const LATEST: &str = "latest";

/// One checkpoint in the root.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    pub(super) slot: Arc<Slot>,
    /// The name of its directory.
    pub(super) dir_name: Vec<u8>,
    /// Whether a state file lists it.
    pub(super) listed: bool,
    /// When it was saved, as a state file says, in seconds since 1970.
    pub(super) saved: Option<f64>,
}

/// A link in the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) name: Vec<u8>,
    pub(super) target: Vec<u8>,
}

/// What the texts tell. Two that are equal have the same texts.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) dir: PathBuf,
    pub(super) checkpoints: Vec<Shown>,
    pub(super) links: Vec<Link>,
    pub(super) leftovers: Vec<Leftover>,
    pub(super) warnings: Vec<String>,
}

impl PartialEq for Facts {
    fn eq(&self, other: &Self) -> bool {
        let key = |shown: &Shown| (shown.slot.id, shown.listed, shown.saved.map(f64::to_bits));
        self.checkpoints
            .iter()
            .map(key)
            .eq(other.checkpoints.iter().map(key))
            && self.links == other.links
            && self.leftovers == other.leftovers
            && self.warnings == other.warnings
    }
}

/// One line of the root.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) node: NodeId,
    pub(super) kind: Kind,
    pub(super) name: Vec<u8>,
    /// Belongs to the name for as long as that stays in the root.
    pub(super) cookie: u64,
}

/// The root at one time.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) dir: Option<FileStat>,
    pub(super) facts: Arc<Facts>,
    /// In the order of cookies.
    pub(super) lines: Vec<Line>,
    pub(super) names: HashMap<Vec<u8>, NodeId>,
    next_cookie: u64,
}

impl Snapshot {
    /// The root with what was found. Nodes of `before` that are still true are taken over.
    pub(super) fn build(
        dir: PathBuf,
        scan: Scan,
        states: &[StateFile],
        before: Option<&Self>,
        nodes: &Nodes,
    ) -> Self {
        let slots = slots(scan.checkpoints, before, nodes);
        let facts = facts(dir, slots, scan.leftovers, states);
        let facts = match before {
            Some(before) if *before.facts == facts => before.facts.clone(),
            _ => Arc::new(facts),
        };
        let mut snapshot = Self {
            dir: scan.dir,
            facts: facts.clone(),
            lines: Vec::new(),
            names: HashMap::new(),
            next_cookie: before.map_or(1, |before| before.next_cookie),
        };
        let cookies: HashMap<&[u8], u64> = before
            .into_iter()
            .flat_map(|before| &before.lines)
            .map(|line| (line.name.as_slice(), line.cookie))
            .collect();
        let mut add = |name: &[u8], kind: Kind, node: NodeId| {
            let cookie = cookies.get(name).copied().unwrap_or_else(|| {
                let new = snapshot.next_cookie;
                snapshot.next_cookie = new.saturating_add(1);
                new
            });
            if snapshot.names.insert(name.to_vec(), node).is_none() {
                snapshot.lines.push(Line {
                    node,
                    kind,
                    name: name.to_vec(),
                    cookie,
                });
            }
        };
        for (name, which) in [(TABLE, Which::Table), (INFO, Which::Info)] {
            let same = before.filter(|before| Arc::ptr_eq(&before.facts, &facts));
            let known = same.and_then(|before| before.names.get(name.as_bytes()));
            let node = known.copied().unwrap_or_else(|| {
                nodes.add(|_| {
                    Node::Text(Arc::new(Text {
                        which,
                        facts: facts.clone(),
                        content: std::sync::OnceLock::new(),
                    }))
                })
            });
            add(name.as_bytes(), Kind::File, node);
        }
        for link in &facts.links {
            let same = before.filter(|before| before.facts.links.contains(link));
            let known = same.and_then(|before| before.names.get(&link.name));
            let node = known
                .copied()
                .unwrap_or_else(|| nodes.add(|_| Node::Link(link.target.as_slice().into())));
            add(&link.name, Kind::Link, node);
        }
        for shown in &facts.checkpoints {
            add(&shown.dir_name, Kind::Directory, shown.slot.id);
        }
        snapshot.lines.sort_by_key(|line| line.cookie);
        snapshot
    }
}

/// A slot for each checkpoint: that of before where the state is the same, or where it is being deleted.
fn slots(found: Vec<super::scan::Found>, before: Option<&Snapshot>, nodes: &Nodes) -> Vec<Arc<Slot>> {
    let mut known: HashMap<Vec<u8>, Vec<Arc<Slot>>> = HashMap::new();
    let current = before.into_iter().flat_map(|before| &before.facts.checkpoints);
    for slot in current.map(|shown| shown.slot.clone()).chain(nodes.lingering()) {
        known.entry(slot.found.name.clone()).or_default().push(slot);
    }
    let mut slots = Vec::new();
    for found in found {
        let candidates = known.get(&found.name).map(Vec::as_slice).unwrap_or_default();
        let fits = |slot: &&Arc<Slot>| {
            let rest = slot.view().is_some() && found.is_rest_of(&slot.found);
            !slot.is_closed() && (found.same(&slot.found) || rest)
        };
        let slot = match candidates.iter().find(fits) {
            Some(slot) => slot.clone(),
            None => {
                let mut new = None;
                nodes.add(|id| Node::Checkpoint(new.insert(Arc::new(Slot::new(id, found))).clone()));
                match new {
                    Some(slot) => slot,
                    None => continue,
                }
            }
        };
        slot.set_vanished(false);
        slots.push(slot);
    }
    let kept: HashSet<NodeId> = slots.iter().map(|slot| slot.id).collect();
    for slot in known.into_values().flatten() {
        if !kept.contains(&slot.id) {
            slot.set_vanished(true);
        }
    }
    slots
}

fn facts(dir: PathBuf, slots: Vec<Arc<Slot>>, leftovers: Vec<Leftover>, states: &[StateFile]) -> Facts {
    let mut warnings = Vec::new();
    let exists = |name: &[u8]| slots.iter().any(|slot| slot.found.name == name);
    let mut targets: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for state in states {
        let file = String::from_utf8_lossy(&state.file).into_owned();
        warnings.extend(state.warnings.iter().map(|warning| format!("{file}: {warning}")));
        let link = match state.file == MAIN.as_bytes() {
            true => LATEST.as_bytes().to_vec(),
            false => [LATEST.as_bytes(), b"-", &state.file].concat(),
        };
        let mut newest = state.all.iter().rev().map(|(name, _)| name);
        let target = match exists(&state.latest) {
            true => Some(&state.latest),
            false => {
                let found = newest.find(|name| exists(name));
                if !state.latest.is_empty() {
                    let latest = String::from_utf8_lossy(&state.latest);
                    warnings.push(format!("{file}: the latest checkpoint, {latest}, is not there"));
                }
                found
            }
        };
        if let Some(target) = target {
            targets.push((link, target.clone()));
        }
    }
    if !targets.iter().any(|(link, _)| link == LATEST.as_bytes()) {
        // No state file, or one that names nothing that is there: what was written last.
        let written = |slot: &&Arc<Slot>| slot.found.index().map(|stat| stat.identity.mtime);
        if let Some(slot) = slots.iter().max_by_key(written) {
            targets.insert(0, (LATEST.as_bytes().to_vec(), slot.found.name.clone()));
            if !slots.is_empty() {
                warnings
                    .push("no state file says which checkpoint is the latest: the one written last".into());
            }
        }
    }
    let own: HashSet<Vec<u8>> = [TABLE, INFO, LATEST]
        .into_iter()
        .map(|name| name.as_bytes().to_vec())
        .chain(targets.iter().map(|(link, _)| link.clone()))
        .collect();
    let checkpoints: Vec<Shown> = slots
        .into_iter()
        .map(|slot| {
            let name = &slot.found.name;
            let line = || {
                let all = states.iter().flat_map(|state| &state.all);
                all.filter(|(listed, _)| listed == name)
            };
            Shown {
                dir_name: dir_name(name, &own),
                listed: line().next().is_some(),
                saved: line().find_map(|(_, time)| *time),
                slot: slot.clone(),
            }
        })
        .collect();
    let links = targets.into_iter().filter_map(|(name, target)| {
        let shown = checkpoints.iter().find(|shown| shown.slot.found.name == target)?;
        Some(Link {
            name,
            target: shown.dir_name.clone(),
        })
    });
    Facts {
        dir,
        links: links.collect(),
        checkpoints,
        leftovers,
        warnings,
    }
}

/// The directory of a checkpoint: its name, with the first byte encoded where that is a name of ours.
fn dir_name(name: &[u8], own: &HashSet<Vec<u8>>) -> Vec<u8> {
    let encoded = names::component(name).into_owned();
    match encoded.split_first() {
        Some((first, rest)) if own.contains(&encoded) => {
            let mut out = format!("%{first:02X}").into_bytes();
            out.extend_from_slice(rest);
            out
        }
        _ => encoded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_names_win() {
        let own: HashSet<Vec<u8>> = [b"latest".to_vec()].into();
        assert_eq!(dir_name(b"latest", &own), b"%6Catest");
        assert_eq!(names::decode(b"%6Catest").unwrap(), b"latest");
        assert_eq!(dir_name(b"latest-5", &own), b"latest-5");
    }
}
