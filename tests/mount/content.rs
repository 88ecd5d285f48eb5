//! What programs see in a mount.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::thread;

use crate::harness::tests;
use crate::lab::Lab;
use crate::lab::eventually;
use crate::lab::fails;
use crate::lab::finish;
use crate::lab::ok;
use crate::lab::said;
use crate::lab::sh;
use crate::toy_view::MANY;
use crate::toy_view::Toy;
use crate::toy_view::ToyView;
use crate::toy_view::pattern;
use crate::toy_view::text;

tests![
    names_links_and_types,
    bytes_at_every_offset,
    attributes,
    owner_and_mode_from_options,
    unmeasured_files_are_whole_in_every_order,
    a_mapping_survives_the_first_listing,
    concurrent_readers,
    mapped_shards,
    a_truncated_shard_is_an_error_and_no_more,
    failures_are_errnos_and_no_more,
    odd_calls,
];

fn names_links_and_types() {
    let lab = Lab::new();
    let point = lab.point();
    let (_mounted, _) = lab.mount(ToyView::sample(None), "");
    let names: BTreeSet<OsString> = fs::read_dir(point.join("names"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    let long = "n".repeat(255);
    let want = [
        "with space",
        "new\nline",
        "\u{fc}n\u{ef}",
        "-rf",
        "@at",
        "\\back",
        &long,
    ];
    assert_eq!(names, want.iter().map(OsString::from).collect());
    for name in want.iter().filter(|name| name.len() < 100) {
        assert_eq!(fs::read(point.join("names").join(name)).unwrap(), name.as_bytes());
    }
    assert_eq!(
        fs::read_link(point.join("link")).unwrap(),
        Path::new("sub/deep/file.txt")
    );
    assert_eq!(fs::read(point.join("link")).unwrap(), b"deep\n");
    assert!(fs::symlink_metadata(point.join("dangling")).unwrap().is_symlink());
    assert!(fs::metadata(point.join("dangling")).is_err());
    let all = ok(&mut sh("ls -a $1; ls -a $1/sub", &point));
    assert_eq!(all.lines().filter(|line| matches!(*line, "." | "..")).count(), 4);
    let found = ok(Command::new("find").arg(point.join("many")).args(["-type", "f"]));
    assert_eq!(found.lines().count(), MANY);
    let found = ok(Command::new("find")
        .arg(&point)
        .args(["-maxdepth", "1", "-type", "l"]));
    assert_eq!(found.lines().count(), 2);
    // Positions that a program keeps stay good: rm -r and tar seek in directories.
    let listed = ok(&mut sh("ls -U $1/many | sort -u | wc -l", &point));
    assert_eq!(listed.trim(), MANY.to_string());
    let too_long = fs::metadata(point.join("x".repeat(256))).unwrap_err();
    assert_eq!(too_long.raw_os_error(), Some(libc::ENAMETOOLONG));
}

fn bytes_at_every_offset() {
    let lab = Lab::new();
    let point = lab.point();
    let shard = lab.shard(300_000);
    let (_mounted, _) = lab.mount(ToyView::sample(Some(&shard)), "");
    assert_eq!(fs::read(point.join("empty")).unwrap(), b"");
    assert_eq!(fs::read(point.join("big.bin")).unwrap(), pattern(3_000_000));
    let mut want = "0123456789abcdef".repeat(8).into_bytes();
    want.extend(pattern(300_000));
    let file = File::open(point.join("tensor.npy")).unwrap();
    assert_eq!(file.metadata().unwrap().len(), want.len() as u64);
    for (offset, len) in [
        (0, 10),
        (120, 16),
        (127, 1),
        (128, 1),
        (100, 200_000),
        (300_000, 500),
        (300_127, 9),
    ] {
        let mut got = vec![0; len];
        let count = file.read_at(&mut got, offset as u64).unwrap();
        let end = want.len().min(offset + len);
        assert_eq!(&got[..count], &want[offset..end], "{offset} {len}");
    }
    assert_eq!(file.read_at(&mut [0; 10], 1 << 40).unwrap(), 0);
    assert_eq!(fs::read(point.join("tensor.npy")).unwrap(), want);
    let odd = ok(&mut sh(
        "dd if=$1/tensor.npy bs=777 status=none iflag=direct | cmp - $1/tensor.npy; \
         tail -c 5 $1/hello.txt; head -c 5 $1/hello.txt",
        &point,
    ));
    assert_eq!(odd, "orld\nhello");
}

fn attributes() {
    let lab = Lab::new();
    let point = lab.point();
    let (_mounted, _) = lab.mount(ToyView::sample(None), "");
    let meta = fs::metadata(point.join("big.bin")).unwrap();
    assert_eq!(
        (meta.len(), meta.blocks(), meta.blksize()),
        (3_000_000, 5860, 4096)
    );
    assert_eq!(
        (meta.mode(), meta.nlink(), meta.mtime()),
        (0o100_444, 1, 1_000_000_000)
    );
    assert_eq!(fs::metadata(&point).unwrap().mode(), 0o40_555);
    assert_eq!(
        fs::symlink_metadata(point.join("link")).unwrap().mode(),
        0o120_777
    );
    let free = ok(Command::new("stat").args(["-f", "-c", "%b %f %S %l"]).arg(&point));
    assert_eq!(free.trim(), "2 0 4096 255");
}

fn owner_and_mode_from_options() {
    let lab = Lab::new();
    let point = lab.point();
    let (_mounted, _) = lab.mount(ToyView::sample(None), "uid=1234,gid=5678,umask=027");
    let file = fs::metadata(point.join("hello.txt")).unwrap();
    assert_eq!((file.uid(), file.gid(), file.mode() & 0o777), (1234, 5678, 0o440));
    assert_eq!(fs::metadata(point.join("sub")).unwrap().mode() & 0o777, 0o550);
}

/// Each pair of these, in this order, on files that nobody has looked at.
const READERS: [&str; 10] = [
    "ls $1 >/dev/null",
    "ls -l $1 >/dev/null",
    "test $(cat $1/f1 | wc -c) = 8390",
    "test $(wc -c <$1/f1) = 8390",
    "test $(stat -c %s $1/f1) = 8390",
    "test \"$(tail -c 9 $1/f1)\" = 'line 499'",
    "grep -rq 'line 499$' $1",
    "rm -rf $2 && cp -r $1 $2 && test $(cat $2/f1 | wc -c) = 8390",
    "test $(CKPTFS_TOY=1 $3 mmap $1/f1 | wc -c) = 8390",
    "test $(find $1 -type f -size +8000c | wc -l) = 2",
];

fn unmeasured_files_are_whole_in_every_order() {
    let lab = Lab::new();
    let point = lab.point();
    let mut view = ToyView::empty();
    let bytes = text("lazy-00", 500);
    assert_eq!(bytes.len(), 8390);
    for first in 0..READERS.len() {
        for second in 0..READERS.len() {
            for file in ["f1", "f2"] {
                view.add(
                    &format!("{first}-{second}/{file}"),
                    Toy::Lazy(bytes.clone().into()),
                );
            }
        }
    }
    let (_mounted, _) = lab.mount(view, "");
    let run = |script: &str, dir: &Path| {
        let mut command = sh(script, dir);
        command.arg(lab.path("copy")).arg(lab.program_path());
        let output = finish(&mut command);
        assert!(output.status.success(), "{script}: {}", said(&output));
    };
    for (i, first) in READERS.iter().enumerate() {
        for (j, second) in READERS.iter().enumerate() {
            run(&format!("{first} && {second}"), &point.join(format!("{i}-{j}")));
        }
    }
}

fn a_mapping_survives_the_first_listing() {
    use std::io::BufRead;
    use std::io::BufReader;
    use std::io::Write;
    use std::process::Stdio;
    let lab = Lab::new();
    let point = lab.point();
    let (_mounted, _) = lab.mount(ToyView::sample(None), "");
    let file = point.join("lazy/lazy-07");
    let mut holder = lab
        .toy(&["mmap-hold", file.to_str().unwrap()])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(holder.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert_eq!(line, "mapped 108\n");
    // The listing has no sizes; the mapped file must keep its own.
    ok(&mut sh("ls -U $1/lazy", &point));
    holder.stdin.take().unwrap().write_all(b"\n").unwrap();
    let mut bytes = Vec::new();
    out.read_to_end(&mut bytes).unwrap();
    assert!(holder.wait().unwrap().success());
    assert_eq!(bytes, text("lazy-07", 507));
}

fn concurrent_readers() {
    let lab = Lab::new();
    let point = lab.point();
    let shard = lab.shard(5_000_000);
    let (_mounted, _) = lab.mount(ToyView::sample(Some(&shard)), "");
    let want = pattern(5_000_000);
    thread::scope(|scope| {
        for reader in 0..8usize {
            let (point, want) = (&point, &want);
            scope.spawn(move || {
                let file = File::open(point.join("tensor.npy")).unwrap();
                let mut seed = reader * 7919;
                for _ in 0..60 {
                    seed = (seed * 1_103_515_245 + 12345) % (1 << 31);
                    let at = seed % 4_900_000;
                    let mut got = vec![0; 1 + seed % 90_000];
                    file.read_exact_at(&mut got, 128 + at as u64).unwrap();
                    assert_eq!(got, want[at..at + got.len()]);
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                ok(&mut sh(
                    "ls -lR $1/many $1/lazy | wc -l; cmp $1/big.bin $1/big.bin",
                    &point,
                ))
            });
        }
    });
}

fn mapped_shards() {
    let lab = Lab::new();
    let point = lab.point();
    let shard = lab.shard(1_000_000);
    let (_mounted, _) = lab.mount(ToyView::sample(Some(&shard)), "");
    let file = point.join("tensor.npy");
    let output = finish(&mut lab.toy(&["mmap", file.to_str().unwrap()]));
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(output.stdout[128..], pattern(1_000_000));
}

fn a_truncated_shard_is_an_error_and_no_more() {
    let lab = Lab::new();
    let point = lab.point();
    let shard = lab.shard(4_000_000);
    let (_mounted, _) = lab.mount(ToyView::sample(Some(&shard)), "");
    let file = File::open(point.join("tensor.npy")).unwrap();
    file.read_exact_at(&mut [0; 1000], 0).unwrap();
    File::options()
        .write(true)
        .open(&shard)
        .unwrap()
        .set_len(1000)
        .unwrap();
    let error = file.read_at(&mut [0; 1000], 3_000_000).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EIO));
    let (_, said) = fails(Command::new("cat").arg(point.join("tensor.npy")));
    assert!(said.contains("Input/output error"), "{said}");
    assert_eq!(fs::read(point.join("hello.txt")).unwrap(), b"hello, world\n");
}

fn failures_are_errnos_and_no_more() {
    let lab = Lab::new();
    let point = lab.point();
    let (_mounted, _) = lab.mount(ToyView::sample(None), "threads=1");
    let errno = |name: &str| fs::read(point.join("bad").join(name)).unwrap_err().raw_os_error();
    for _ in 0..3 {
        assert_eq!(errno("corrupt.bin"), Some(libc::EIO));
        // The name is there, its bytes are not.
        assert_eq!(errno("missing.bin"), Some(libc::EIO));
        assert_eq!(errno("huge.bin"), Some(libc::EFBIG));
        assert_eq!(errno("read-panics"), Some(libc::EIO));
        assert_eq!(errno("measure-panics"), Some(libc::EIO));
        assert_eq!(errno("nothing"), Some(libc::ENOENT));
    }
    // Listed all the same, and one event loop lived through it all.
    assert_eq!(fs::read_dir(point.join("bad")).unwrap().count(), 5);
    assert_eq!(fs::read(point.join("hello.txt")).unwrap(), b"hello, world\n");
    eventually("reading a directory fails", || {
        fs::read(point.join("sub")).unwrap_err().raw_os_error() == Some(libc::EISDIR)
    });
}

fn odd_calls() {
    use std::os::fd::AsRawFd;
    let lab = Lab::new();
    let point = lab.point();
    let (_mounted, _) = lab.mount(ToyView::sample(None), "");
    let file = File::open(point.join("big.bin")).unwrap();
    assert_eq!(crate::refusals::errno_of_ioctl(file.as_raw_fd()), libc::ENOTTY);
    // The kernel's own emulation of holes: data everywhere, one hole at the end.
    assert_eq!(crate::refusals::seek(file.as_raw_fd(), 5, libc::SEEK_DATA), Ok(5));
    assert_eq!(
        crate::refusals::seek(file.as_raw_fd(), 5, libc::SEEK_HOLE),
        Ok(3_000_000)
    );
    let not_utf8 = OsString::from_vec(vec![b'a', 0xff]);
    assert!(fs::metadata(point.join(not_utf8)).is_err());
    ok(&mut sh(
        "test -r $1/hello.txt && tar -cf - -C $1 hello.txt link names sub lazy | tar -tf - >/dev/null && \
         du -s $1 >/dev/null; cp --reflink=auto -a $1/sub $1/../copied",
        &point,
    ));
}
