//! INT, TERM and HUP.
//!
//! The first one detaches the mount; the session then ends when the last program lets go. A second one
//! ends the process at once. Without this a signal would kill the process and leave a dead mount.
//!
//! Registered just before mounting, not earlier: while a checkpoint loads, Ctrl-C simply ends the program.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;
use std::process;
use std::ptr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use signal_hook::consts::SIGHUP;
use signal_hook::consts::SIGINT;
use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Handle;
use signal_hook::iterator::Signals;

use super::mount::ActiveMount;
use super::notify;
use crate::error::Error;
use crate::error::Result;

/// After this long a mount that was detached and does not end must be in use.
const SETTLE: Duration = Duration::from_secs(1);

/// Signals that wait for somebody to watch them.
#[derive(Debug)]
pub(super) struct Caught(Signals);

impl Caught {
    /// From here on the signals no longer end the process.
    pub(super) fn register() -> Result<Self> {
        let mut wanted = vec![SIGINT, SIGTERM];
        if !is_ignored(SIGHUP) {
            wanted.push(SIGHUP);
        }
        Signals::new(wanted)
            .map(Self)
            .map_err(|e| Error::io("cannot catch signals", &e))
    }

    /// Unmounts `mount` when one comes. The handle ends the watch.
    pub(super) fn watch(self, mount: Arc<ActiveMount>) -> Result<Handle> {
        let handle = self.0.handle();
        thread::Builder::new()
            .name("ckptfs-signals".into())
            .spawn(move || watch(self.0, &mount))
            .map_err(|e| Error::io("cannot start a thread", &e))?;
        Ok(handle)
    }
}

fn watch(mut signals: Signals, mount: &ActiveMount) {
    let Some(signal) = signals.forever().next() else {
        return;
    };
    log::info!("signal {signal}: unmounting {}", mount.path().display());
    notify::stopping();
    if let Err(e) = mount.detach() {
        log::error!("{e}");
    }
    let step = Duration::from_millis(50);
    let mut waited = Duration::ZERO;
    let second = loop {
        if let Some(second) = signals.pending().next() {
            break Some(second);
        }
        if signals.handle().is_closed() {
            return;
        }
        if waited >= SETTLE {
            log::warn!(
                "{}: programs still use files in it; serving them until they are done (a second signal ends it now)",
                mount.path().display()
            );
            break signals.forever().next();
        }
        thread::sleep(step);
        waited = waited.saturating_add(step);
    };
    if let Some(second) = second {
        process::exit(second.saturating_add(128));
    }
}

/// Whether the parent wanted `signal` ignored, as nohup does.
fn is_ignored(signal: libc::c_int) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: asks only; `action` is large enough and is filled where the call succeeds.
    unsafe {
        libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) == 0
            && action.assume_init().sa_sigaction == libc::SIG_IGN
    }
}
