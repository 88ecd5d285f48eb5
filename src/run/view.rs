//! The run view: when to look, and what a node is.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;

use super::generations;
use super::generations::Generations;
use super::nodes::Node;
use super::nodes::Nodes;
use super::scan;
use super::scan::Scan;
use super::slot::Slot;
use super::snapshot::Snapshot;
use super::states::StateFiles;
use super::table;
use super::table::Row;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::source::Store;
use crate::tree::CheckpointView;
use crate::tree::Kind;
use crate::tree::NodeId;
use crate::tree::Stat;

/// How the run view keeps time.
#[derive(Debug, Clone, Copy)]
pub struct RunOptions {
    /// How old what was seen of the directory may be. The kernel may believe it for as long again.
    pub max_age: Duration,
    /// How long a checkpoint that has vanished stays open with no handle and nobody asking.
    pub grace: Duration,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            max_age: Duration::from_millis(500),
            grace: Duration::from_secs(60),
        }
    }
}

/// How often [`RunView::tend`] looks whether something can be closed.
const TEND: Duration = Duration::from_secs(5);

/// A training directory as a directory of checkpoint views (design.md 3).
#[derive(Debug)]
pub struct RunView {
    pub(super) store: Arc<dyn Store>,
    dir: PathBuf,
    pub(super) options: RunOptions,
    pub(super) nodes: Nodes,
    pub(super) generations: Generations,
    now: RwLock<Arc<Snapshot>>,
    looking: Mutex<StateFiles>,
    looked: Mutex<Instant>,
    /// What was seen last is known to be wrong.
    stale: AtomicBool,
    /// Looking has failed, which was logged.
    failing: AtomicBool,
}

/// The node that a call is about: one of the root, or one of an open checkpoint.
pub(super) enum Place {
    Root,
    Own(Node),
    Inner(Arc<Slot>, Arc<CheckpointView>),
}

impl RunView {
    /// The run in `dir`. Looks at it once; opens no checkpoint.
    pub fn new(store: Arc<dyn Store>, dir: &Path, options: RunOptions) -> Result<Self> {
        let mut states = StateFiles::default();
        let nodes = Nodes::default();
        let scan = scan::scan(&*store, dir)?;
        if scan.dir.is_none() {
            return Err(Error::not_found("no such directory").at(dir));
        }
        let found = states.read(&*store, dir, &scan.states)?;
        let snapshot = Snapshot::build(dir.to_path_buf(), scan, &found, None, &nodes);
        Ok(Self {
            store,
            dir: dir.to_path_buf(),
            options,
            nodes,
            generations: Generations::default(),
            now: RwLock::new(Arc::new(snapshot)),
            looking: Mutex::new(states),
            looked: Mutex::new(Instant::now()),
            stale: AtomicBool::new(false),
            failing: AtomicBool::new(false),
        })
    }

    /// All checkpoints, in natural order. Reads the indexes that were not read before.
    pub fn rows(&self) -> Vec<Row> {
        self.refresh();
        table::rows(&self.snapshot().facts, &*self.store)
    }

    /// The prefix of the checkpoint that `latest` leads to.
    pub fn latest(&self) -> Option<PathBuf> {
        self.refresh();
        let facts = self.snapshot().facts.clone();
        let latest = super::snapshot::LATEST.as_bytes();
        let link = facts.links.iter().find(|link| link.name == latest)?;
        let shown = facts
            .checkpoints
            .iter()
            .find(|shown| shown.dir_name == link.target)?;
        Some(shown.slot.found.prefix.clone())
    }

    /// Looks after it in a thread of its own, which ends with it: without requests nothing would notice that
    /// an open checkpoint has vanished, and its files would take up the disk.
    pub fn tend(self: &Arc<Self>) {
        let weak = Arc::downgrade(self);
        let tend = move || {
            loop {
                thread::sleep(TEND);
                let Some(view) = weak.upgrade() else {
                    return;
                };
                if view.generations.all().iter().any(|slot| !slot.is_closed()) {
                    view.refresh();
                    view.close_idle();
                }
            }
        };
        if let Err(e) = thread::Builder::new().name("run".into()).spawn(tend) {
            log::warn!("deleted checkpoints are only closed when somebody looks: {e}");
        }
    }

    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn is_due(&self) -> bool {
        let looked = *self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        self.stale.load(Ordering::Acquire) || looked.elapsed() >= self.options.max_age
    }

    /// Looks at the directory again if the last look is too old.
    pub(super) fn refresh(&self) {
        if !self.is_due() {
            return;
        }
        let mut states = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody else may have looked meanwhile.
        if !self.is_due() {
            return;
        }
        self.stale.store(false, Ordering::Release);
        // The age counts from before the look, since that may take long.
        let started = Instant::now();
        match self.look(&mut states) {
            Ok(()) => self.failing.store(false, Ordering::Release),
            Err(e) => {
                if !self.failing.swap(true, Ordering::AcqRel) {
                    log::error!("{e}: what was seen before is shown");
                }
            }
        }
        *self.looked.lock().unwrap_or_else(PoisonError::into_inner) = started;
        drop(states);
        self.close_idle();
    }

    fn look(&self, states: &mut StateFiles) -> Result<()> {
        let before = self.snapshot();
        // A directory that is gone has no checkpoints.
        let scan: Scan = match scan::scan(&*self.store, &self.dir) {
            Err(e) if e.kind() == ErrorKind::NotFound => Scan::default(),
            done => done?,
        };
        let found = states.read(&*self.store, &self.dir, &scan.states)?;
        let after = Snapshot::build(self.dir.clone(), scan, &found, Some(&before), &self.nodes);
        let current: std::collections::HashSet<NodeId> = after.lines.iter().map(|line| line.node).collect();
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(after);
        self.nodes.prune(|id| current.contains(&id));
        Ok(())
    }

    fn close_idle(&self) {
        for slot in self.generations.all() {
            slot.close_if_idle(self.options.grace);
        }
    }

    pub(super) fn place(&self, node: NodeId) -> Result<Place> {
        if node == NodeId::ROOT {
            return Ok(Place::Root);
        }
        let gone = || Error::not_found(format!("node {node} does not exist (any more)"));
        if generations::of(node) == 0 {
            return self.nodes.get(node).map(Place::Own).ok_or_else(gone);
        }
        let slot = self.generations.slot(node).ok_or_else(gone)?;
        let view = slot.view().ok_or_else(|| slot.gone())?;
        slot.touch();
        Ok(Place::Inner(slot, view))
    }

    pub(super) fn open(&self, slot: &Arc<Slot>) -> Result<Arc<CheckpointView>> {
        let opened = slot.open(&*self.store, &self.generations);
        if matches!(&opened, Err(e) if e.kind() == ErrorKind::Changed) {
            // The kernel walks the path again when it is told so; it must then find what is there now.
            self.stale.store(true, Ordering::Release);
        }
        opened
    }

    pub(super) fn find(&self, name: &[u8]) -> Option<NodeId> {
        self.refresh();
        if let Some(node) = self.snapshot().names.get(name) {
            return Some(*node);
        }
        // Not listed any more, but somebody may be in the middle of it.
        let decoded = crate::tree::names::decode(name)?;
        let lingering = self.nodes.lingering();
        let slot = lingering.iter().find(|slot| slot.found.name == decoded)?;
        slot.touch();
        Some(slot.id)
    }

    pub(super) fn own_stat(&self, node: &Node) -> Stat {
        let snapshot = self.snapshot();
        let dir = snapshot.dir.as_ref();
        let (kind, size, source) = match node {
            Node::Checkpoint(slot) => (Kind::Directory, Some(0), slot.found.index()),
            Node::Link(target) => (Kind::Link, Some(target.len() as u64), dir),
            Node::Text(text) => (Kind::File, text.content.get().map(|content| content.len()), dir),
        };
        stat(kind, size, source)
    }
}

/// Attributes after those of a source file.
pub(super) fn stat(kind: Kind, size: Option<u64>, source: Option<&crate::source::FileStat>) -> Stat {
    let mode = source.map_or(0o444, |source| source.mode);
    let read = u16::try_from(mode & 0o444).unwrap_or(0o444);
    Stat {
        kind,
        size,
        stored: 0,
        perm: match kind {
            Kind::Directory => read | read.wrapping_shr(2),
            Kind::File => read,
            Kind::Link => 0o777,
        },
        uid: source.map_or(0, |source| source.uid),
        gid: source.map_or(0, |source| source.gid),
        mtime: source.map_or(SystemTime::UNIX_EPOCH, |source| source.modified),
    }
}
