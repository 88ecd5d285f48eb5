//! Programs that read the mount, for what no coreutil does.
//!
//! They are processes of their own: a process that maps a file of a mount that it serves itself may
//! wait for itself.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::io::BufRead;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::ptr;

/// `toy mmap FILE`: writes the file's bytes to stdout, from a shared mapping.
pub(crate) fn mmap(path: &Path) {
    let map = map(path);
    io::stdout().write_all(map).unwrap();
}

/// `toy mmap-hold FILE`: maps the file and touches its first byte, says `mapped`, waits for a line, then
/// writes the bytes.
pub(crate) fn mmap_hold(path: &Path) {
    let map = map(path);
    println!("mapped {}", map[0]);
    io::stdin().lock().read_line(&mut String::new()).unwrap();
    io::stdout().write_all(map).unwrap();
}

fn map(path: &Path) -> &'static [u8] {
    let file = File::open(path).unwrap();
    let len = file.metadata().unwrap().len() as usize;
    if len == 0 {
        return &[];
    }
    // SAFETY: the mapping is as long as the file, is never unmapped, and no test writes to the file.
    unsafe {
        let at = libc::mmap(
            ptr::null_mut(),
            len,
            libc::PROT_READ,
            libc::MAP_SHARED,
            file.as_raw_fd(),
            0,
        );
        assert_ne!(at, libc::MAP_FAILED, "{}", io::Error::last_os_error());
        std::slice::from_raw_parts(at.cast(), len)
    }
}
