//! Memory that is given back when it is free.
//!
//! glibc maps large buffers by themselves and unmaps them when they are freed, but each one freed raises what
//! it takes for large, up to 32 MiB, and smaller ones then stay with the process. Listing the consumers of a
//! million ops needs such buffers once: 53 MiB stayed after it, of which 20 were in use.
#![allow(unsafe_code)]

/// What is large. Above the blocks of an index (256 KiB), which are read by the hundred.
#[cfg(target_env = "gnu")]
const LARGE: libc::c_int = 1 << 20;

/// Keeps what is taken for large as it is. For the process that serves, before it opens anything.
pub(super) fn give_back() {
    // SAFETY: takes numbers; the allocator may be told at any time.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
    }
}
