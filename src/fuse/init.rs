//! What is negotiated with the kernel when the mount starts.
//!
//! Each capability is asked for by itself, because fuser adds none of a set when one is not offered. What
//! was got is logged at info: it explains most reports of a slow mount.

use fuser::InitFlags;
use fuser::KernelConfig;

/// Measured effects, Linux 6.18:
/// * READDIRPLUS without AUTO: `ls -lU` of 10,000 entries is 51 requests, not 10,000. With AUTO a plain
///   `ls` first fills the directory cache without attributes, and `ls -l` then asks for each.
/// * PARALLEL_DIROPS: lookups in one directory do not wait for each other.
/// * DIRECT_IO_ALLOW_MMAP: shared mappings, as `np.load(mmap_mode='r')` makes, work with O_DIRECT files.
/// * EXPLICIT_INVAL_DATA: a changed mtime drops no pages; nothing here changes.
const WANTED: [(InitFlags, &str); 5] = [
    (InitFlags::FUSE_DO_READDIRPLUS, "readdirplus"),
    (InitFlags::FUSE_PARALLEL_DIROPS, "parallel_dirops"),
    (InitFlags::FUSE_ASYNC_READ, "async_read"),
    (InitFlags::FUSE_DIRECT_IO_ALLOW_MMAP, "direct_io_allow_mmap"),
    (InitFlags::FUSE_EXPLICIT_INVAL_DATA, "explicit_inval_data"),
];

/// Asks for what a read-only mount wants. `immutable`: no link will ever point elsewhere.
pub(super) fn negotiate(config: &mut KernelConfig, max_background: u16, immutable: bool) {
    let links = immutable.then_some((InitFlags::FUSE_CACHE_SYMLINKS, "cache_symlinks"));
    let mut got = Vec::new();
    let mut refused = Vec::new();
    for (flag, name) in WANTED.into_iter().chain(links) {
        match config.add_capabilities(flag) {
            Ok(()) => got.push(name),
            Err(_) => refused.push(name),
        }
    }
    // Both setters answer with the nearest value that they take.
    if let Err(most) = config.set_max_readahead(u32::MAX) {
        config.set_max_readahead(most).ok();
    }
    if let Err(least) = config.set_max_background(max_background) {
        config.set_max_background(least).ok();
    }
    let abi = config.kernel_abi();
    log::info!("FUSE {abi}: {}", got.join(", "));
    if !refused.is_empty() {
        log::info!("not offered by this kernel: {}", refused.join(", "));
    }
}
