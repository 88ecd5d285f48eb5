//! `ckptfs umount`.

use super::Outcome;
use super::args::UmountArgs;
use crate::error::Result;
use crate::fuse;
use crate::fuse::Unmounted;

/// Runs the command. A directory that fails is told, and the others are still unmounted.
pub(super) fn run(args: &UmountArgs) -> Result<Outcome> {
    let mut outcome = Outcome::Fine;
    for dir in &args.mountpoints {
        match fuse::umount(dir) {
            Ok(Unmounted::Gone) => {}
            Ok(Unmounted::StillInUse) => {
                eprintln!(
                    "ckptfs: {}: unmounted; programs still use files in it",
                    dir.display()
                );
            }
            Ok(Unmounted::WasDead) => eprintln!("ckptfs: {}: removed a dead mount", dir.display()),
            Err(e) => {
                super::report(&e);
                outcome = Outcome::Failed(e.kind());
            }
        }
    }
    Ok(outcome)
}
