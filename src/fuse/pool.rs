//! Where slow work goes.
//!
//! Rendering a text or measuring strings may take seconds, and an event loop that does it answers nobody
//! else. A job here owns the reply and sends it when it is done. Work on one node is done once
//! ([`Shared`]): whoever asks meanwhile waits for the same result.
//!
//! Invariants: the queue is bounded (when it is full the caller works itself, which slows the one who
//! floods it); threads start when first needed; a panic costs one job; after [`Pool::stop`] nothing
//! starts, and dropped jobs answer EIO because their replies are dropped.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::thread;
use std::time::Duration;

use super::failure::caught;
use crate::error::Result;
use crate::tree::NodeId;

/// Jobs that wait; each is one blocked system call of some program.
const QUEUE: usize = 1024;

type Job = Box<dyn FnOnce() + Send>;

/// A bounded number of threads and a bounded queue.
#[derive(Debug)]
pub(super) struct Pool {
    inner: Arc<Inner>,
    threads: usize,
}

struct Inner {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    stopping: bool,
    alive: usize,
    idle: usize,
}

impl Pool {
    /// A pool of at most `threads` threads, none of which runs yet.
    pub(super) fn new(threads: usize) -> Self {
        Self {
            inner: Arc::new(Inner {
                state: Mutex::default(),
                changed: Condvar::new(),
            }),
            threads: threads.max(1),
        }
    }

    /// Runs `job` on a thread of the pool, soon; here and now where the queue is full.
    fn run(&self, job: Job) {
        let mut state = self.inner.lock();
        if state.stopping {
            drop(state);
            return drop(job);
        }
        if state.jobs.len() >= QUEUE || !self.staffed(&mut state) {
            drop(state);
            return quietly(job);
        }
        state.jobs.push_back(job);
        drop(state);
        self.inner.changed.notify_one();
    }

    /// Whether some thread will take the next job; starts one where all are busy.
    fn staffed(&self, state: &mut State) -> bool {
        if state.idle <= state.jobs.len() && state.alive < self.threads {
            let inner = Arc::clone(&self.inner);
            let spawned = thread::Builder::new()
                .name("ckptfs-work".into())
                .spawn(move || inner.work());
            match spawned {
                Ok(_) => state.alive = state.alive.saturating_add(1),
                Err(e) => log::warn!("cannot start a thread: {e}"),
            }
        }
        state.alive > 0
    }

    /// Drops what waits and ends the threads; waits at most `patience` for what runs.
    pub(super) fn stop(&self, patience: Duration) {
        let mut state = self.inner.lock();
        state.stopping = true;
        let dropped = std::mem::take(&mut state.jobs);
        self.inner.changed.notify_all();
        let waited = self
            .inner
            .changed
            .wait_timeout_while(state, patience, |state| state.alive > 0);
        drop(waited);
        drop(dropped);
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut state = self.lock();
        while !state.stopping {
            if let Some(job) = state.jobs.pop_front() {
                drop(state);
                quietly(job);
                state = self.lock();
            } else {
                state.idle = state.idle.saturating_add(1);
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.idle = state.idle.saturating_sub(1);
            }
        }
        state.alive = state.alive.saturating_sub(1);
        self.changed.notify_all();
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Inner")
            .field("waiting", &state.jobs.len())
            .field("alive", &state.alive)
            .field("stopping", &state.stopping)
            .finish()
    }
}

/// Runs `job`; a panic is logged and ends there.
fn quietly(job: impl FnOnce()) {
    let done = caught(|| {
        job();
        Ok(())
    });
    if let Err(e) = done {
        log::error!("{e}");
    }
}

type Waiter<T> = Box<dyn FnOnce(Result<T>) + Send>;

/// Results in the making, one a node, and who waits for them.
pub(super) struct Shared<T>(Mutex<HashMap<NodeId, Vec<Waiter<T>>>>);

impl<T: Clone + Send + 'static> Shared<T> {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::default()))
    }

    /// Has `pool` run `compute` for `node`, unless that is under way, and hands the result to `waiter`
    /// there.
    pub(super) fn get(
        self: &Arc<Self>,
        pool: &Pool,
        node: NodeId,
        compute: impl FnOnce() -> Result<T> + Send + 'static,
        waiter: impl FnOnce(Result<T>) + Send + 'static,
    ) {
        let waiter: Waiter<T> = Box::new(waiter);
        let mut map = self.lock();
        if let Some(waiters) = map.get_mut(&node) {
            waiters.push(waiter);
            return;
        }
        map.insert(node, vec![waiter]);
        drop(map);
        let flight = Flight {
            shared: Arc::clone(self),
            node,
            landed: false,
        };
        pool.run(Box::new(move || {
            let result = caught(compute);
            for waiter in flight.land() {
                let result = result.clone();
                quietly(move || waiter(result));
            }
        }));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<NodeId, Vec<Waiter<T>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
}

/// One computation; drops its waiters where it never runs.
struct Flight<T: Clone + Send + 'static> {
    shared: Arc<Shared<T>>,
    node: NodeId,
    /// Whether the waiters were taken. Those found after that wait for the next flight of the same node.
    landed: bool,
}

impl<T: Clone + Send + 'static> Flight<T> {
    fn land(mut self) -> Vec<Waiter<T>> {
        self.landed = true;
        self.shared.lock().remove(&self.node).unwrap_or_default()
    }
}

impl<T: Clone + Send + 'static> Drop for Flight<T> {
    fn drop(&mut self) {
        if !self.landed {
            // Dropped once the lock is gone: a waiter may ask again.
            let waiters = self.shared.lock().remove(&self.node);
            drop(waiters);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;
    use std::sync::atomic::Ordering;
    use std::sync::mpsc;

    const SOON: Duration = Duration::from_secs(10);

    #[test]
    fn one_computation_for_all_who_wait() {
        let pool = Pool::new(2);
        let shared = Shared::<u32>::new();
        let (go, wait) = mpsc::channel::<()>();
        let (out, results) = mpsc::channel();
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&runs);
        let first = out.clone();
        shared.get(
            &pool,
            NodeId(1),
            move || {
                counted.fetch_add(1, Ordering::Relaxed);
                wait.recv_timeout(SOON).unwrap();
                Ok(42)
            },
            move |r| first.send(r.unwrap()).unwrap(),
        );
        for _ in 0..3 {
            let out = out.clone();
            shared.get(
                &pool,
                NodeId(1),
                || panic!("must not run"),
                move |r| out.send(r.unwrap()).unwrap(),
            );
        }
        go.send(()).unwrap();
        for _ in 0..4 {
            assert_eq!(results.recv_timeout(SOON).unwrap(), 42);
        }
        assert_eq!(runs.load(Ordering::Relaxed), 1);
        pool.stop(SOON);
    }

    #[test]
    fn a_panic_is_an_error_and_the_pool_goes_on() {
        let pool = Pool::new(1);
        let shared = Shared::<u32>::new();
        let (out, results) = mpsc::channel();
        let bad = out.clone();
        shared.get(
            &pool,
            NodeId(1),
            || panic!("boom"),
            move |r| bad.send(r.is_err()).unwrap(),
        );
        assert!(results.recv_timeout(SOON).unwrap());
        shared.get(&pool, NodeId(1), || Ok(1), |_| panic!("waiter"));
        shared.get(&pool, NodeId(2), || Ok(1), move |r| out.send(r.is_ok()).unwrap());
        assert!(results.recv_timeout(SOON).unwrap());
        pool.stop(SOON);
    }

    #[test]
    fn who_asks_again_as_soon_as_answered_is_answered_again() {
        let pool = Arc::new(Pool::new(1));
        let shared = Shared::<u32>::new();
        let (out, results) = mpsc::channel();
        let (again, with) = (Arc::clone(&shared), Arc::clone(&pool));
        shared.get(
            &pool,
            NodeId(1),
            || Ok(1),
            move |_| again.get(&with, NodeId(1), || Ok(2), move |r| out.send(r.unwrap()).unwrap()),
        );
        assert_eq!(results.recv_timeout(SOON), Ok(2));
        pool.stop(SOON);
    }

    #[test]
    fn a_full_queue_is_worked_off_by_the_caller_and_stopping_drops_the_rest() {
        let pool = Pool::new(1);
        let shared = Shared::<u32>::new();
        let (go, wait) = mpsc::channel::<()>();
        let (running, started) = mpsc::channel::<()>();
        let done = Arc::new(AtomicUsize::new(0));
        shared.get(
            &pool,
            NodeId(0),
            move || {
                running.send(()).unwrap();
                wait.recv_timeout(SOON).ok();
                Ok(0)
            },
            drop,
        );
        started.recv_timeout(SOON).unwrap();
        let many = QUEUE as u64 + 50;
        for node in 1..=many {
            let done = Arc::clone(&done);
            shared.get(
                &pool,
                NodeId(node),
                || Ok(0),
                move |_| {
                    done.fetch_add(1, Ordering::Relaxed);
                },
            );
        }
        assert_eq!(done.load(Ordering::Relaxed), 50);
        pool.stop(Duration::ZERO);
        go.send(()).unwrap();
        pool.stop(SOON);
        assert!(shared.lock().is_empty());
        assert_eq!(pool.inner.lock().alive, 0);
    }
}
