//! Nothing can be written, by any call.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use ckptfs::fuse::Op;

use crate::harness::tests;
use crate::lab::Lab;
use crate::lab::is_root;
use crate::toy_view::ToyView;

tests![every_mutating_call_is_refused];

fn every_mutating_call_is_refused() {
    let lab = Lab::new();
    let point = lab.point();
    let (mounted, _) = lab.mount(ToyView::sample(None), "");
    let c = |name: &str| CString::new(point.join(name).as_os_str().as_bytes()).unwrap();
    let (file, new, dir, link) = (c("hello.txt"), c("new"), c("sub"), c("link"));
    let (file, new, dir, link) = (file.as_ptr(), new.as_ptr(), dir.as_ptr(), link.as_ptr());
    let outside = CString::new(lab.path("outside").as_os_str().as_bytes()).unwrap();
    let attr = c"user.x".as_ptr();
    let at = libc::AT_FDCWD;
    let check = |name: &str, call: &dyn Fn() -> i32| {
        assert_eq!(call(), -1, "{name}");
        let errno = io::Error::last_os_error().raw_os_error();
        assert_eq!(
            errno,
            Some(libc::EROFS),
            "{name}: {:?}",
            io::Error::last_os_error()
        );
    };
    // SAFETY: all strings outlive the calls, and no call gets another pointer but null where it may.
    unsafe {
        check("open for writing", &|| libc::open(file, libc::O_WRONLY));
        check("open for both", &|| {
            libc::open(file, libc::O_RDWR | libc::O_APPEND)
        });
        check("truncating open", &|| {
            libc::open(file, libc::O_WRONLY | libc::O_TRUNC)
        });
        check("create", &|| {
            libc::open(new, libc::O_RDONLY | libc::O_CREAT, 0o644)
        });
        check("mkdir", &|| libc::mkdir(new, 0o755));
        check("rmdir", &|| libc::rmdir(dir));
        check("unlink", &|| libc::unlink(file));
        check("rename", &|| libc::rename(file, new));
        check("rename into", &|| libc::rename(dir, new));
        check("link", &|| libc::link(file, new));
        check("symlink", &|| libc::symlink(file, new));
        check("mknod", &|| libc::mknod(new, libc::S_IFREG | 0o644, 0));
        check("chmod", &|| libc::chmod(file, 0o600));
        check("chown", &|| libc::chown(file, 0, 0));
        check("lchown", &|| libc::lchown(link, 0, 0));
        check("mkfifo", &|| libc::mkfifo(new, 0o644));
        check("truncate", &|| libc::truncate(file, 0));
        check("utimensat", &|| libc::utimensat(at, file, ptr::null(), 0));
        check("setxattr", &|| libc::setxattr(file, attr, ptr::null(), 0, 0));
        check("removexattr", &|| libc::removexattr(file, attr));
        check("access to write", &|| libc::access(file, libc::W_OK));
        if is_root() {
            check("mknod of a device", &|| {
                libc::mknod(new, libc::S_IFCHR | 0o644, 5)
            });
        }
        // The kernel refuses all this itself.
        assert_eq!(mounted.stats().of(Op::Other), 0, "{}", mounted.stats());
        let read_only = libc::open(file, libc::O_RDONLY);
        assert!(read_only >= 0);
        // These want a descriptor that is open for writing, which there is none of.
        assert_eq!(libc::fallocate(read_only, 0, 0, 10), -1);
        assert_eq!(libc::ftruncate(read_only, 0), -1);
        assert_eq!(libc::write(read_only, b"x".as_ptr().cast(), 1), -1);
        check("fchmod", &|| libc::fchmod(read_only, 0o600));
        libc::close(read_only);
        assert_eq!(libc::rename(file, outside.as_ptr()), -1);
    }
    assert_eq!(std::fs::read(point.join("hello.txt")).unwrap(), b"hello, world\n");
}

/// The errno of asking whether it is a terminal, as Python does of each file.
pub(crate) fn errno_of_ioctl(fd: i32) -> i32 {
    let mut room = [0u8; 256];
    // SAFETY: TCGETS fills a termios, which is smaller than the room.
    let done = unsafe { libc::ioctl(fd, libc::TCGETS, room.as_mut_ptr()) };
    assert_eq!(done, -1);
    io::Error::last_os_error().raw_os_error().unwrap()
}

pub(crate) fn seek(fd: i32, offset: i64, whence: i32) -> Result<i64, i32> {
    // SAFETY: takes numbers only.
    let at = unsafe { libc::lseek(fd, offset, whence) };
    if at < 0 {
        return Err(io::Error::last_os_error().raw_os_error().unwrap());
    }
    Ok(at)
}

/// One extended attribute, asked for the way getfattr does: first its size, then its bytes.
pub(crate) fn xattr(path: &Path, name: &str) -> Result<Vec<u8>, i32> {
    let path = CString::new(path.as_os_str().as_bytes()).unwrap();
    let name = CString::new(name).unwrap();
    // SAFETY: the strings outlive the calls, and the length is that of the room.
    sized(&|room, len| unsafe { libc::getxattr(path.as_ptr(), name.as_ptr(), room.cast(), len) })
}

/// The names of all extended attributes.
pub(crate) fn xattrs(path: &Path) -> Result<Vec<u8>, i32> {
    let path = CString::new(path.as_os_str().as_bytes()).unwrap();
    // SAFETY: as above.
    sized(&|room, len| unsafe { libc::listxattr(path.as_ptr(), room.cast(), len) })
}

fn sized(call: &dyn Fn(*mut u8, usize) -> isize) -> Result<Vec<u8>, i32> {
    let errno = || io::Error::last_os_error().raw_os_error().unwrap();
    let Ok(len) = usize::try_from(call(ptr::null_mut(), 0)) else {
        return Err(errno());
    };
    if len > 0 {
        assert_eq!(call([0u8; 1].as_mut_ptr(), 1), -1);
        assert_eq!(errno(), libc::ERANGE);
    }
    let mut bytes = vec![0; len + 10];
    let Ok(len) = usize::try_from(call(bytes.as_mut_ptr(), bytes.len())) else {
        return Err(errno());
    };
    bytes.truncate(len);
    Ok(bytes)
}
