//! The program under test: mounts the sample tree as `ckptfs mount` would mount a checkpoint.
//!
//! `toy mount [-f] [-o OPTS] [--log FILE] [--source PATH] [--shard FILE] [--label TEXT] [--build WHAT] DIR`
//! and `toy umount DIR`.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ckptfs::Error;
use ckptfs::ErrorKind;
use ckptfs::Result;
use ckptfs::fuse;
use ckptfs::fuse::MountRequest;

use super::client;
use super::toy_view::ToyView;

/// Present in the environment: this is the program, not the tests.
pub(crate) const ROLE: &str = "CKPTFS_TOY";

pub(crate) fn main() -> ! {
    let mut logger = env_logger::Builder::new();
    logger.filter_level(log::LevelFilter::Info).init();
    let code = match run() {
        Ok(()) => 0,
        Err(e) => {
            eprintln!("toy: {e}");
            match e.kind() {
                ErrorKind::Usage => 2,
                ErrorKind::Mount => 4,
                _ => 3,
            }
        }
    };
    process::exit(code);
}

fn run() -> Result<()> {
    let mut args = env::args_os().skip(1);
    let command = args.next().unwrap_or_default();
    match command.to_str() {
        Some("mount") => mount(args),
        Some("umount") => {
            let dir = PathBuf::from(args.next().unwrap_or_default());
            println!("{:?}", fuse::umount(&dir)?);
            Ok(())
        }
        Some("mmap") => {
            client::mmap(args.next().unwrap().as_ref());
            Ok(())
        }
        Some("mmap-hold") => {
            client::mmap_hold(args.next().unwrap().as_ref());
            Ok(())
        }
        _ => Err(Error::usage("mount, umount, mmap or mmap-hold")),
    }
}

fn mount(mut args: impl Iterator<Item = OsString>) -> Result<()> {
    let mut request = MountRequest {
        source_label: "toy".into(),
        mountpoint: PathBuf::new(),
        source_paths: Vec::new(),
        options: fuse::MountOptions::default(),
        foreground: false,
        log_file: None,
        build: Box::new(|| Ok(Arc::new(ToyView::empty()))),
    };
    let mut shard: Option<PathBuf> = None;
    let mut build = OsString::new();
    while let Some(arg) = args.next() {
        let mut value = || args.next().unwrap_or_default();
        match arg.to_str() {
            Some("-f") => request.foreground = true,
            Some("-o") => request.options.parse(&value())?,
            Some("--log") => request.log_file = Some(value().into()),
            Some("--source") => request.source_paths.push(value().into()),
            Some("--shard") => shard = Some(value().into()),
            Some("--label") => request.source_label = value(),
            Some("--build") => build = value(),
            _ => request.mountpoint = arg.into(),
        }
    }
    request.build = Box::new(move || {
        match build.to_str() {
            Some("fails") => {
                return Err(Error::corrupt("bad magic number")
                    .at("toy.index")
                    .offset(163)
                    .hint("copy it again"));
            }
            Some("panics") => panic!("opening a toy panics"),
            Some("dies") => process::abort(),
            Some("slowly") => thread::sleep(Duration::from_secs(1)),
            Some("forever") => thread::sleep(Duration::from_secs(1000)),
            _ => {}
        }
        Ok(Arc::new(ToyView::sample(shard.as_deref())))
    });
    fuse::serve(request)
}
