//! One checkpoint of the run: a state of its files, opened at first access.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use super::check;
use super::generations::Generations;
use super::scan::Found;
use crate::bundle::Bundle;
use crate::checkpoint::Checkpoint;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::locate::Located;
use crate::source::Store;
use crate::tensor::TensorSet;
use crate::tree::CheckpointView;
use crate::tree::NodeId;

/// How often, and after how long, a pair of an index and a shard that do not fit is looked at again: in the middle
/// of a save that is gone in a moment.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(20);

/// A checkpoint in one state of its files.
#[derive(Debug)]
pub(super) struct Slot {
    /// Its directory in the root.
    pub(super) id: NodeId,
    pub(super) found: Found,
    stage: RwLock<Stage>,
    /// Held by who opens it, so that others wait.
    opening: Mutex<()>,
    /// Open files and directories.
    handles: AtomicU64,
    /// How often the kernel was given a node below it.
    known: AtomicU64,
    used: Mutex<Instant>,
    /// It is no state of the directory any more.
    vanished: AtomicBool,
    /// What is wrong, once known.
    problem: OnceLock<Option<String>>,
}

#[derive(Debug, Clone)]
enum Stage {
    Shut,
    Open(Arc<CheckpointView>),
    Closed,
}

/// Takes `count` away, never below 0.
pub(super) fn lower(counter: &AtomicU64, count: u64) {
    // The closure always gives a value, so this cannot fail.
    let _ = counter.fetch_update(Ordering::AcqRel, Ordering::Acquire, |now| {
        Some(now.saturating_sub(count))
    });
}

impl Slot {
    pub(super) fn new(id: NodeId, found: Found) -> Self {
        Self {
            id,
            found,
            stage: RwLock::new(Stage::Shut),
            opening: Mutex::default(),
            handles: AtomicU64::new(0),
            known: AtomicU64::new(0),
            used: Mutex::new(Instant::now()),
            vanished: AtomicBool::new(false),
            problem: OnceLock::new(),
        }
    }

    fn stage(&self) -> Stage {
        self.stage.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, stage: Stage) {
        *self.stage.write().unwrap_or_else(PoisonError::into_inner) = stage;
    }

    /// The tree, if it is open.
    pub(super) fn view(&self) -> Option<Arc<CheckpointView>> {
        match self.stage() {
            Stage::Open(view) => Some(view),
            Stage::Shut | Stage::Closed => None,
        }
    }

    /// The tree; opens the files where nobody has. What they are not any more is [`ErrorKind::Changed`].
    pub(super) fn open(
        self: &Arc<Self>,
        store: &dyn Store,
        generations: &Generations,
    ) -> Result<Arc<CheckpointView>> {
        self.touch();
        if let Some(view) = self.view() {
            return Ok(view);
        }
        let _alone = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        match self.stage() {
            Stage::Open(view) => return Ok(view),
            Stage::Closed => return Err(self.gone()),
            Stage::Shut => {}
        }
        let checkpoint = Arc::new(self.open_files(store)?);
        let generation = generations.take(self)?;
        let view = Arc::new(CheckpointView::with_generation(checkpoint, generation));
        self.set(Stage::Open(view.clone()));
        Ok(view)
    }

    fn open_files(&self, store: &dyn Store) -> Result<Checkpoint> {
        let located = Located {
            prefix: Some(self.found.prefix.clone()),
            meta: self.found.meta().map(Into::into),
            v1: None,
        };
        let checkpoint = match Checkpoint::open(store, &located) {
            Ok(checkpoint) => checkpoint,
            Err(e) if self.is_there(store) => return Err(e),
            Err(_) => return Err(self.gone()),
        };
        // Exactly the files that were listed: those that are open now are what they were then.
        let same = checkpoint.files().iter().all(|file| {
            let now = file.stat.map(|stat| stat.identity);
            now == self.found.identity(&file.path)
        });
        let meta = self
            .found
            .meta()
            .is_none_or(|meta| checkpoint.files().iter().any(|file| file.path == meta));
        if !same || !meta {
            return Err(self.gone());
        }
        let Some(bundle) = checkpoint.bundle() else {
            return Err(self.gone());
        };
        let mut tries = 0;
        while let Err(e) = check::same_save(bundle) {
            tries = u32::saturating_add(tries, 1);
            if tries > TRIES {
                return Err(e);
            }
            thread::sleep(PAUSE);
            if !self.is_there(store) {
                return Err(self.gone());
            }
        }
        Ok(checkpoint)
    }

    /// Whether the files are still in this state.
    fn is_there(&self, store: &dyn Store) -> bool {
        self.found.files.iter().all(|(path, stat)| {
            let now = store.stat(path).ok().flatten();
            now.is_some_and(|now| now.identity == stat.identity)
        })
    }

    /// It was deleted or saved again.
    pub(super) fn gone(&self) -> Error {
        Error::new(
            ErrorKind::Changed,
            "this checkpoint was deleted or saved again since it was listed",
        )
        .at(&self.found.prefix)
        .hint("look again")
    }

    /// Somebody asks for something of it.
    pub(super) fn touch(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    pub(super) fn opened(&self) {
        self.handles.fetch_add(1, Ordering::AcqRel);
        self.touch();
    }

    pub(super) fn released(&self) {
        lower(&self.handles, 1);
        self.touch();
    }

    pub(super) fn remember(&self) {
        self.known.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn forget(&self, count: u64) {
        lower(&self.known, count);
    }

    pub(super) fn set_vanished(&self, vanished: bool) {
        self.vanished.store(vanished, Ordering::Release);
    }

    pub(super) fn has_vanished(&self) -> bool {
        self.vanished.load(Ordering::Acquire)
    }

    /// Closes the files of a checkpoint that has vanished, has no open handle and that nobody has asked for
    /// in `grace`.
    pub(super) fn close_if_idle(&self, grace: Duration) {
        if !self.has_vanished() || self.handles.load(Ordering::Acquire) > 0 {
            return;
        }
        // Not while somebody opens it; who does will be looked at the next time.
        let Ok(_alone) = self.opening.try_lock() else {
            return;
        };
        let used = *self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.elapsed() >= grace {
            self.set(Stage::Closed);
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        matches!(self.stage(), Stage::Closed)
    }

    /// Closed, and the kernel holds nothing of it: its generation may be another's.
    pub(super) fn is_over(&self) -> bool {
        self.is_closed() && self.known.load(Ordering::Acquire) == 0
    }

    /// What keeps it from being complete (the index and every needed shard, long enough); `None` where it is.
    pub(super) fn problem(&self, store: &dyn Store) -> Option<String> {
        if let Some(known) = self.problem.get() {
            return known.clone();
        }
        let opened = match self.view() {
            Some(view) => view.checkpoint().bundle().cloned().ok_or_else(|| self.gone()),
            None => Bundle::open(store, &self.found.prefix).map(Arc::new),
        };
        let same = |bundle: &Bundle| {
            let index = self.found.index().map(|stat| stat.identity);
            index == Some(bundle.index().stat().identity)
        };
        let problem = match opened {
            Ok(bundle) if same(&bundle) => incomplete(&bundle),
            Err(e) if self.is_there(store) => Some(e.to_string()),
            // Not to be kept: it may be well as soon as it is looked at again.
            _ => return Some("changed while it was looked at".into()),
        };
        self.problem.get_or_init(|| problem).clone()
    }
}

/// Why not all tensors of a bundle can be read, as far as index and lengths of the shards tell.
fn incomplete(bundle: &Bundle) -> Option<String> {
    let problems = bundle.problems();
    let index = bundle.index().path();
    let mut counted = problems.iter().filter(|problem| {
        let lost = problem.tensors > 0 && problem.error.kind() != ErrorKind::Unsupported;
        lost || problem.error.path() == Some(index)
    });
    if let Some(first) = counted.next() {
        let mut text = first.error.to_string();
        let more = counted.count();
        if more > 0 {
            // Writing to a String cannot fail.
            let _ = write!(text, "; and {more} more");
        }
        return Some(text);
    }
    check::same_save(bundle).err().map(|e| e.to_string())
}
