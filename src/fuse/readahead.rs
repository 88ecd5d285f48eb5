//! How far the kernel reads ahead in a mount.
//!
//! FUSE can only lower it when the mount starts; 128 KiB is the kernel's own figure. Raised to 1 MiB
//! through /sys, which takes root, sequential reads go from 2.0 to 3.4-4.1 GB/s and mapped ones from
//! 0.4-1.9 to 3.3-3.6 (Linux 6.18). Best effort: a mount works without.

use std::fs;

/// What is set unless the user says otherwise.
const KIB: u32 = 1024;

/// Sets the readahead of the mount with device number `dev` (`major:minor`): to `wanted`, or up to
/// 1 MiB.
pub(super) fn raise(dev: &str, wanted: Option<u32>) {
    let path = format!("/sys/class/bdi/{dev}/read_ahead_kb");
    let now = fs::read_to_string(&path)
        .ok()
        .and_then(|text| text.trim().parse::<u32>().ok());
    let target = wanted.unwrap_or(KIB);
    if now == Some(target) || (wanted.is_none() && now.is_some_and(|now| now > target)) {
        return;
    }
    match fs::write(&path, target.to_string()) {
        Ok(()) => log::info!("readahead {target} KiB"),
        Err(e) => log::info!("for faster reading, as root: echo {target} > {path} ({e})"),
    }
}
