//! What is mounted where: /proc/self/mountinfo.
//!
//! Read as text and never by touching the mount, because a stat of a dead FUSE mount may fail, or tell
//! what the kernel remembers. A mount point may carry several mounts; the last one in the file is the one
//! on top.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::path::PathBuf;

use crate::error::Error;
use crate::error::Result;

/// The file system type of our mounts.
pub(super) const FS_TYPE: &str = "fuse.ckptfs";

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MountEntry {
    /// Names it in /proc while it exists.
    pub(super) id: u64,
    /// `major:minor` of its device number; names it in /sys/class/bdi.
    pub(super) dev: String,
    pub(super) point: PathBuf,
    pub(super) fs_type: String,
    pub(super) source: OsString,
}

impl MountEntry {
    /// Whether it is one of ours.
    pub(super) fn is_ckptfs(&self) -> bool {
        self.fs_type == FS_TYPE
    }
}

/// The mount on top at exactly `point`, a canonical path.
pub(super) fn at(point: &Path) -> Result<Option<MountEntry>> {
    Ok(all()?.into_iter().rfind(|entry| entry.point == point))
}

/// All mounts, in the order in which they were made.
pub(super) fn all() -> Result<Vec<MountEntry>> {
    const PATH: &str = "/proc/self/mountinfo";
    let text = fs::read(PATH).map_err(|e| Error::io("cannot read", &e).at(PATH))?;
    Ok(text.split(|b| *b == b'\n').filter_map(parse).collect())
}

/// `36 35 98:0 / /mnt rw,noatime shared:1 - fuse.ckptfs source rw,user_id=0`
fn parse(line: &[u8]) -> Option<MountEntry> {
    let mut fields = line.split(|b| *b == b' ');
    let mut next = || fields.next().map(unescape);
    let id = String::from_utf8(next()?).ok()?.parse().ok()?;
    next()?;
    let dev = String::from_utf8(next()?).ok()?;
    next()?;
    let point = PathBuf::from(OsString::from_vec(next()?));
    while next()? != b"-" {}
    let fs_type = String::from_utf8(next()?).ok()?;
    let source = OsString::from_vec(next()?);
    Some(MountEntry {
        id,
        dev,
        point,
        fs_type,
        source,
    })
}

/// Blanks, tabs, newlines, `\` and `#` are written as `\` and three octal digits.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((byte, tail)) = rest.split_first() {
        let code = tail.get(..3).filter(|_| *byte == b'\\').and_then(octal);
        match code {
            Some(code) => {
                out.push(code);
                rest = tail.get(3..).unwrap_or_default();
            }
            None => {
                out.push(*byte);
                rest = tail;
            }
        }
    }
    out
}

fn octal(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_unescaped() {
        let line =
            br"123 29 0:52 / /mnt/a\040b\134c ro,nosuid shared:5 master:1 - fuse.ckptfs a,b\011c ro,user_id=0";
        let entry = parse(line).unwrap();
        assert_eq!(entry.id, 123);
        assert_eq!(entry.dev, "0:52");
        assert_eq!(entry.point, Path::new(r"/mnt/a b\c"));
        assert_eq!(entry.source, "a,b\tc");
        assert!(entry.is_ckptfs());
    }

    #[test]
    fn damaged_lines_are_skipped() {
        for line in [&b""[..], b"1 2 3", b"x 2 0:1 / /a - b c d", b"1 2 0:1 / /a rw"] {
            assert_eq!(parse(line), None);
        }
        assert_eq!(unescape(br"a\04"), br"a\04");
    }

    #[test]
    fn the_root_is_mounted() {
        assert!(at(Path::new("/")).unwrap().is_some());
        assert!(at(Path::new("/no/such/mount")).unwrap().is_none());
    }
}
