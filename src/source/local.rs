//! Files of this machine.

use std::fs;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use super::FileStat;
use super::Identity;
use super::KernelBytes;
use super::Source;
use super::Store;
use super::map::Mapping;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;

/// The file system of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct LocalStore;

impl Store for LocalStore {
    fn open(&self, path: &Path) -> Result<Arc<dyn Source>> {
        // A FIFO given by mistake would hang in open(2); stat first.
        let meta = fs::metadata(path).map_err(|e| Error::io("cannot open", &e).at(path))?;
        if !meta.is_file() {
            let what = if meta.is_dir() {
                "is a directory, a file was expected"
            } else {
                "is not a regular file"
            };
            return Err(Error::new(ErrorKind::NotACheckpoint, what).at(path));
        }
        let file = File::open(path).map_err(|e| Error::io("cannot open", &e).at(path))?;
        let meta = file
            .metadata()
            .map_err(|e| Error::io("cannot stat", &e).at(path))?;
        Ok(Arc::new(LocalFile {
            path: path.to_path_buf(),
            stat: file_stat(&meta),
            file,
            map: OnceLock::new(),
            changed: AtomicBool::new(false),
        }))
    }

    fn list(&self, dir: &Path) -> Result<Vec<PathBuf>> {
        let failed = |e: &io::Error| Error::io("cannot list", e).at(dir);
        let mut names = Vec::new();
        for entry in fs::read_dir(dir).map_err(|e| failed(&e))? {
            names.push(PathBuf::from(entry.map_err(|e| failed(&e))?.file_name()));
        }
        names.sort();
        Ok(names)
    }

    fn stat(&self, path: &Path) -> Result<Option<FileStat>> {
        match fs::metadata(path) {
            Ok(meta) => Ok(Some(file_stat(&meta))),
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(e) => Err(Error::io("cannot stat", &e).at(path)),
        }
    }
}

/// One open file, mapped when it is first asked for.
#[derive(Debug)]
struct LocalFile {
    path: PathBuf,
    file: File,
    stat: FileStat,
    map: OnceLock<Option<Mapping>>,
    /// Set once the file was seen to have changed; from then on every check fails.
    changed: AtomicBool,
}

impl Source for LocalFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn len(&self) -> u64 {
        self.stat.identity.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        self.file.read_exact_at(buf, offset).map_err(|e| {
            let e = if e.kind() == io::ErrorKind::UnexpectedEof {
                Error::corrupt(format!(
                    "the file ends before the {} bytes wanted here",
                    buf.len()
                ))
                .hint("it was cut short; copy or download it again")
            } else {
                Error::io(format_args!("reading {} bytes", buf.len()), &e)
            };
            e.at(&self.path).offset(offset)
        })
    }

    fn map(&self, offset: u64, len: u64) -> Option<KernelBytes<'_>> {
        let map = self.map.get_or_init(|| {
            let len = usize::try_from(self.len()).ok().filter(|len| *len > 0)?;
            Mapping::new(&self.file, len)
                .map_err(|e| log::info!("{}: cannot be mapped ({e}), reading instead", self.path.display()))
                .ok()
        });
        map.as_ref()?.get(offset, len)
    }

    fn stat(&self) -> FileStat {
        self.stat
    }

    fn check_unchanged(&self) -> Result<()> {
        let now = if self.changed.load(Ordering::Relaxed) {
            None
        } else {
            self.file.metadata().ok().map(|meta| file_stat(&meta).identity)
        };
        let was = self.stat.identity;
        if now.is_some_and(|now| now.len == was.len && now.mtime == was.mtime) {
            return Ok(());
        }
        let error = Error::new(ErrorKind::Changed, "the file changed since it was opened")
            .at(&self.path)
            .hint("unmount and mount again to read the new one");
        if !self.changed.swap(true, Ordering::Relaxed) {
            log::error!("{error}");
        }
        Err(error)
    }
}

fn file_stat(meta: &fs::Metadata) -> FileStat {
    FileStat {
        identity: Identity {
            dev: meta.dev(),
            ino: meta.ino(),
            len: meta.len(),
            mtime: (meta.mtime(), meta.mtime_nsec()),
        },
        is_dir: meta.is_dir(),
        is_file: meta.is_file(),
        mode: meta.mode() & 0o7777,
        uid: meta.uid(),
        gid: meta.gid(),
        modified: meta.modified().unwrap_or(SystemTime::UNIX_EPOCH),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn reads_maps_and_notices_changes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        fs::write(&path, b"0123456789").unwrap();
        let source = LocalStore.open(&path).unwrap();
        assert_eq!(source.read_vec(2, 3).unwrap(), b"234");
        assert_eq!(source.map(8, 2).unwrap().len(), 2);
        assert!(source.map(8, 3).is_none());
        assert!(source.map(u64::MAX, 2).is_none());
        source.check_unchanged().unwrap();
        let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"x").unwrap();
        assert_eq!(source.check_unchanged().unwrap_err().kind(), ErrorKind::Changed);
        assert_eq!(source.check_unchanged().unwrap_err().kind(), ErrorKind::Changed);
    }

    #[test]
    fn ranges_past_the_end_name_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        fs::write(&path, b"01").unwrap();
        let source = LocalStore.open(&path).unwrap();
        let e = source.read_vec(1, u64::MAX).unwrap_err();
        assert!(e.to_string().contains("offset 1"), "{e}");
        assert!(source.read_at(1, &mut [0; 4]).is_err());
    }

    #[test]
    fn empty_files_and_directories() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("empty");
        fs::write(&path, b"").unwrap();
        let source = LocalStore.open(&path).unwrap();
        assert!(source.is_empty() && source.map(0, 1).is_none());
        assert_eq!(
            LocalStore.open(dir.path()).unwrap_err().kind(),
            ErrorKind::NotACheckpoint
        );
        assert_eq!(LocalStore.stat(&dir.path().join("no")).unwrap(), None);
    }
}
