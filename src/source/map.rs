//! The only place that maps files.
//!
//! Invariant: the bytes of a mapping leave this module only as [`KernelBytes`], whose name says who may
//! look at them.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;

use memmap2::Mmap;
use memmap2::MmapOptions;

/// Bytes of a mapped file, for a reply to the kernel and for nothing else.
///
/// Another process may cut the file while we hold them. `writev(2)` from such pages fails with
/// EFAULT, which the reader sees as EIO; a load by our own code would be SIGBUS and a dead mount.
#[derive(Debug, Clone, Copy)]
pub struct KernelBytes<'a>(&'a [u8]);

impl<'a> KernelBytes<'a> {
    /// Wraps bytes that need no such care (memory of our own).
    pub(crate) fn owned(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// How many bytes there are. Looks at none of them.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The slice, to be passed to a system call that copies from it. Do not read it: no comparison, no
    /// checksum, no `to_vec`.
    pub fn for_system_call(&self) -> &'a [u8] {
        self.0
    }
}

/// A whole file, mapped read-only.
#[derive(Debug)]
pub(super) struct Mapping(Mmap);

impl Mapping {
    /// Maps `len` bytes of `file` from its start.
    pub(super) fn new(file: &File, len: usize) -> io::Result<Self> {
        // SAFETY: the contract of memmap2 is that nobody changes the file while we read through the
        // mapping. Others may; so the bytes are handed out as `KernelBytes` only, which our code never
        // dereferences. The kernel's copy out of a cut page fails with EFAULT instead of a signal.
        let map = unsafe { MmapOptions::new().len(len).map(file)? };
        Ok(Self(map))
    }

    /// The bytes `[offset, offset + len)`, if they lie in the mapping.
    pub(super) fn get(&self, offset: u64, len: u64) -> Option<KernelBytes<'_>> {
        let start = usize::try_from(offset).ok()?;
        let end = start.checked_add(usize::try_from(len).ok()?)?;
        self.0.get(start..end).map(KernelBytes)
    }
}
