//! How many files the process may have open.
#![allow(unsafe_code)]

/// Raises the limit as far as the system lets a process do it for itself.
pub fn raise_open_files() {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the pointer is to a struct of the right type that outlives the call.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return;
    }
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: as above; the struct is only read.
    if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } != 0 {
        log::info!(
            "the limit of open files stays: {}",
            std::io::Error::last_os_error()
        );
    }
}
