//! Telling systemd: `Type=notify` units.
//!
//! A datagram to the socket that `NOTIFY_SOCKET` names; nothing where it names none. Failures are logged
//! and ignored, since the mount itself is fine.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::SocketAddr;
use std::os::unix::net::UnixDatagram;
use std::process;

/// The mount is live, and this process serves it.
pub(super) fn ready() {
    tell(&format!("READY=1\nMAINPID={}\n", process::id()));
}

/// The mount is going away.
pub(super) fn stopping() {
    tell("STOPPING=1\n");
}

fn tell(text: &str) {
    let Some(name) = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
        return;
    };
    if let Err(e) = send(&name, text) {
        log::warn!("cannot notify {}: {e}", name.to_string_lossy());
    }
}

/// A name that starts with `@` is in the abstract namespace.
fn send(name: &OsStr, text: &str) -> io::Result<()> {
    let address = match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.send_to_addr(text.as_bytes(), &address)?;
    Ok(())
}
