//! Extended attributes, with `-o xattr`.
//!
//! An option because the kernel caches no "no such attribute": `ls -l` then asks twice for each file
//! (security.selinux and system.posix_acl_access, about 20 microseconds a question). Without the option
//! the first question is answered ENOSYS and there is no second.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use fuser::Errno;
use fuser::ReplyXattr;

use super::failure::Wanted;
use super::failure::caught;
use super::server::Server;
use crate::tree::NodeId;

impl Server {
    pub(super) fn getxattr(&self, node: NodeId, name: &OsStr, size: u32, reply: ReplyXattr) {
        let xattrs = match caught(|| self.view.xattrs(node)) {
            Ok(xattrs) => xattrs,
            Err(e) => return reply.error(self.failures.errno(node, Wanted::Bytes, &e)),
        };
        match xattrs
            .iter()
            .find(|(known, _)| known.as_bytes() == name.as_bytes())
        {
            Some((_, value)) => send(value, size, reply),
            None => reply.error(Errno::NO_XATTR),
        }
    }

    pub(super) fn listxattr(&self, node: NodeId, size: u32, reply: ReplyXattr) {
        match caught(|| self.view.xattrs(node)) {
            Ok(xattrs) => {
                let mut names = Vec::new();
                for (name, _) in &xattrs {
                    names.extend_from_slice(name.as_bytes());
                    names.push(0);
                }
                send(&names, size, reply);
            }
            Err(e) => reply.error(self.failures.errno(node, Wanted::Bytes, &e)),
        }
    }
}

/// A caller that gives no room asks how much is needed.
fn send(bytes: &[u8], room: u32, reply: ReplyXattr) {
    match u32::try_from(bytes.len()) {
        Ok(len) if room == 0 => reply.size(len),
        Ok(len) if len <= room => reply.data(bytes),
        Ok(_) => reply.error(Errno::ERANGE),
        Err(_) => reply.error(Errno::E2BIG),
    }
}
