//! `ckptfs mount`: a checkpoint, or a training directory, as a directory.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use super::Outcome;
use super::args::MountArgs;
use crate::checkpoint::Checkpoint;
use crate::error::Error;
use crate::error::Result;
use crate::fuse;
use crate::fuse::MountOptions;
use crate::fuse::MountRequest;
use crate::locate;
use crate::locate::Located;
use crate::locate::Source;
use crate::run::RunOptions;
use crate::run::RunView;
use crate::source::LocalStore;
use crate::source::Store;
use crate::tree::CheckpointView;
use crate::tree::View;
use crate::v1::Files;

/// Runs the command. The checkpoint is found here, where its name is as the user typed it; it is opened in the
/// process that will serve it.
pub(super) fn run(args: MountArgs) -> Result<Outcome> {
    let mut options = MountOptions::default();
    for text in &args.options {
        options.parse(text)?;
    }
    for note in &options.notes {
        eprintln!("ckptfs: {note}");
    }
    let source = absolute(locate::source(&LocalStore, &args.source)?)?;
    let (label, source_paths) = match &source {
        Source::Checkpoint(located) => {
            let label = located.path().unwrap_or(&args.source).to_path_buf();
            (label, files(&LocalStore, located))
        }
        Source::Run(dir) => (dir.clone(), vec![dir.clone()]),
    };
    let request = MountRequest {
        source_label: label.into_os_string(),
        mountpoint: args.mountpoint,
        source_paths,
        options,
        foreground: args.foreground,
        log_file: args.log_file,
        build: Box::new(move || match &source {
            Source::Checkpoint(located) => checkpoint(located),
            Source::Run(dir) => directory(dir),
        }),
    };
    fuse::serve(request)?;
    Ok(Outcome::Fine)
}

fn checkpoint(located: &Located) -> Result<Arc<dyn View>> {
    let checkpoint = Arc::new(Checkpoint::open(&LocalStore, located)?);
    for file in checkpoint.files().iter().filter(|file| file.stat.is_none()) {
        log::warn!(
            "{} is missing: its tensors cannot be read, all others can",
            file.path.display()
        );
    }
    Ok(Arc::new(CheckpointView::new(checkpoint)))
}

fn directory(dir: &Path) -> Result<Arc<dyn View>> {
    // Each checkpoint that is looked into keeps all its files open.
    fuse::raise_open_files();
    let view = Arc::new(RunView::new(Arc::new(LocalStore), dir, RunOptions::default())?);
    view.tend();
    Ok(view)
}

/// The background process leaves the current directory, so paths must not depend on it.
fn absolute(source: Source) -> Result<Source> {
    let one = |path: PathBuf| std::path::absolute(&path).map_err(|e| Error::io("no such path", &e).at(path));
    let files = |v1: Files| {
        Ok::<_, Error>(Files {
            prefix: one(v1.prefix)?,
            files: v1.files.into_iter().map(one).collect::<Result<_>>()?,
        })
    };
    Ok(match source {
        Source::Checkpoint(located) => Source::Checkpoint(Located {
            prefix: located.prefix.map(one).transpose()?,
            v1: located.v1.map(files).transpose()?,
            meta: located.meta.map(one).transpose()?,
        }),
        Source::Run(dir) => Source::Run(one(dir)?),
    })
}

/// The files that a mount must not hide.
fn files(store: &dyn Store, located: &Located) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = located.meta.iter().cloned().collect();
    if let Some(prefix) = &located.prefix {
        let mut index = prefix.as_os_str().to_owned();
        index.push(".index");
        files.push(PathBuf::from(index));
    }
    files.extend(located.v1.iter().flat_map(|v1| v1.files.iter().cloned()));
    files.retain(|file: &PathBuf| store.stat(Path::new(file)).ok().flatten().is_some());
    files
}
