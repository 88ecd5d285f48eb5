//! A small tree with one of everything that can go right or wrong.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::SystemTime;

use bytes::Bytes;
use ckptfs::Error;
use ckptfs::ErrorKind;
use ckptfs::Result;
use ckptfs::content::Content;
use ckptfs::source::Extent;
use ckptfs::source::LocalStore;
use ckptfs::source::Source;
use ckptfs::source::Store;
use ckptfs::tree::Effort;
use ckptfs::tree::Entry;
use ckptfs::tree::Freshness;
use ckptfs::tree::Kind;
use ckptfs::tree::NodeId;
use ckptfs::tree::Stat;
use ckptfs::tree::Totals;
use ckptfs::tree::View;

/// How long a slow file takes.
pub(crate) const SLOW: Duration = Duration::from_millis(400);

/// Files in `many/`.
pub(crate) const MANY: usize = 10_000;

#[derive(Debug, Clone)]
pub(crate) enum Toy {
    Dir(BTreeMap<Vec<u8>, u64>),
    Text(Bytes),
    /// Text whose size is not known before it is measured.
    Lazy(Bytes),
    /// The same, and measuring takes [`SLOW`].
    Slow(Bytes),
    Link(Vec<u8>),
    /// A header and all bytes of a file.
    Shard(Bytes, Arc<dyn Source>),
    /// Says it has this size; reading fails with this.
    Broken(u64, Error),
    /// Measuring fails with this.
    Unmeasurable(Error),
    PanicsWhenRead,
    PanicsWhenMeasured,
}

#[derive(Debug)]
pub(crate) struct ToyView {
    nodes: Vec<Toy>,
    /// Everything may change after this long.
    pub(crate) volatile: Option<Duration>,
    /// The first look into a directory takes [`SLOW`].
    pub(crate) slow_names: bool,
    pub(crate) measured: AtomicUsize,
    pub(crate) warmed: AtomicUsize,
}

pub(crate) fn text(name: &str, lines: usize) -> Vec<u8> {
    (0..lines)
        .flat_map(|i| format!("{name} line {i}\n").into_bytes())
        .collect()
}

pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 + i / 256) as u8).collect()
}

impl ToyView {
    /// The sample tree; `shard`, if given, is behind `tensor.npy`.
    pub(crate) fn sample(shard: Option<&Path>) -> Self {
        let mut toy = Self::empty();
        toy.add("hello.txt", Toy::Text("hello, world\n".into()));
        toy.add("empty", Toy::Text(Bytes::new()));
        toy.add("big.bin", Toy::Text(pattern(3_000_000).into()));
        toy.add("sub/deep/file.txt", Toy::Text("deep\n".into()));
        toy.add("link", Toy::Link(b"sub/deep/file.txt".to_vec()));
        toy.add("dangling", Toy::Link(b"../nowhere".to_vec()));
        for name in ["with space", "new\nline", "\u{fc}n\u{ef}", "-rf", "@at", "\\back"] {
            toy.add(&format!("names/{name}"), Toy::Text(name.to_owned().into()));
        }
        toy.add(&format!("names/{}", "n".repeat(255)), Toy::Text("long".into()));
        for i in 0..MANY {
            toy.add(&format!("many/file-{i:05}"), Toy::Text(format!("{i}\n").into()));
        }
        for i in 0..20 {
            let name = format!("lazy-{i:02}");
            let bytes = text(&name, 500 + i).into();
            toy.add(&format!("lazy/{name}"), Toy::Lazy(bytes));
        }
        toy.add("slow/slow.txt", Toy::Slow(text("slow", 2000).into()));
        toy.add("slow/quick.txt", Toy::Text("quick\n".into()));
        let corrupt = Error::corrupt("a toy block is damaged").at("toy.data").offset(7);
        toy.add("bad/corrupt.bin", Toy::Broken(1000, corrupt));
        toy.add(
            "bad/missing.bin",
            Toy::Broken(
                1000,
                Error::not_found("the shard is not there").at("toy.data-00001"),
            ),
        );
        let huge = Error::new(ErrorKind::TooLarge, "it would have 2^70 bytes");
        toy.add("bad/huge.bin", Toy::Unmeasurable(huge));
        toy.add("bad/read-panics", Toy::PanicsWhenRead);
        toy.add("bad/measure-panics", Toy::PanicsWhenMeasured);
        if let Some(shard) = shard {
            let source = LocalStore.open(shard).unwrap();
            toy.add(
                "tensor.npy",
                Toy::Shard("0123456789abcdef".repeat(8).into(), source),
            );
        }
        toy
    }

    pub(crate) fn empty() -> Self {
        Self {
            // Ids start at 1, the root.
            nodes: vec![Toy::Dir(BTreeMap::new()), Toy::Dir(BTreeMap::new())],
            volatile: None,
            slow_names: false,
            measured: AtomicUsize::new(0),
            warmed: AtomicUsize::new(0),
        }
    }

    pub(crate) fn add(&mut self, path: &str, toy: Toy) {
        let mut dir = 1usize;
        let (dirs, name) = path.rsplit_once('/').unwrap_or(("", path));
        for part in dirs.split('/').filter(|part| !part.is_empty()) {
            dir = match self.child(dir, part.as_bytes()) {
                Some(child) => child,
                None => self.insert(dir, part.as_bytes(), Toy::Dir(BTreeMap::new())),
            };
        }
        self.insert(dir, name.as_bytes(), toy);
    }

    fn child(&self, dir: usize, name: &[u8]) -> Option<usize> {
        match &self.nodes[dir] {
            Toy::Dir(children) => children.get(name).map(|id| *id as usize),
            _ => None,
        }
    }

    fn insert(&mut self, dir: usize, name: &[u8], toy: Toy) -> usize {
        let id = self.nodes.len();
        self.nodes.push(toy);
        let Toy::Dir(children) = &mut self.nodes[dir] else {
            panic!("not a directory");
        };
        children.insert(name.to_vec(), id as u64);
        id
    }

    fn node(&self, node: NodeId) -> Result<&Toy> {
        self.nodes
            .get(node.0 as usize)
            .ok_or_else(|| Error::not_found("no such node"))
    }

    fn warm(&self) {
        if self.slow_names && self.warmed.fetch_add(1, Ordering::SeqCst) == 0 {
            thread::sleep(SLOW);
        }
    }
}

impl View for ToyView {
    fn lookup(&self, dir: NodeId, name: &[u8]) -> Result<Option<NodeId>> {
        self.warm();
        self.node(dir)?;
        Ok(self.child(dir.0 as usize, name).map(|id| NodeId(id as u64)))
    }

    fn stat(&self, node: NodeId) -> Result<Stat> {
        let (kind, size) = match self.node(node)? {
            Toy::Dir(_) => (Kind::Directory, Some(0)),
            Toy::Text(bytes) => (Kind::File, Some(bytes.len() as u64)),
            Toy::Link(target) => (Kind::Link, Some(target.len() as u64)),
            Toy::Shard(header, source) => (Kind::File, Some(header.len() as u64 + source.len())),
            Toy::Broken(size, _) => (Kind::File, Some(*size)),
            Toy::PanicsWhenRead => (Kind::File, Some(10)),
            Toy::Lazy(_) | Toy::Slow(_) | Toy::Unmeasurable(_) | Toy::PanicsWhenMeasured => {
                (Kind::File, None)
            }
        };
        Ok(Stat {
            kind,
            size,
            stored: size.unwrap_or(0),
            perm: if kind == Kind::Directory { 0o755 } else { 0o644 },
            uid: 0,
            gid: 0,
            mtime: SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000),
        })
    }

    fn measure(&self, node: NodeId) -> Result<Stat> {
        self.measured.fetch_add(1, Ordering::SeqCst);
        let mut stat = self.stat(node)?;
        match self.node(node)? {
            Toy::Unmeasurable(error) => return Err(error.clone()),
            Toy::PanicsWhenMeasured => panic!("measuring a toy panics"),
            _ => stat.size = Some(self.content(node)?.len()),
        }
        Ok(stat)
    }

    fn effort(&self, node: NodeId) -> Effort {
        match self.node(node) {
            Ok(Toy::Slow(_)) => Effort::Slow,
            _ => Effort::Quick,
        }
    }

    fn lookup_effort(&self, _: NodeId) -> Effort {
        if self.slow_names && self.warmed.load(Ordering::SeqCst) < 2 {
            Effort::Slow
        } else {
            Effort::Quick
        }
    }

    fn list(&self, dir: NodeId, after: u64, emit: &mut dyn FnMut(Entry<'_>) -> bool) -> Result<()> {
        self.warm();
        let Toy::Dir(children) = self.node(dir)? else {
            return Err(Error::not_found("not a directory"));
        };
        for (position, (name, id)) in children.iter().enumerate().skip(after as usize) {
            let node = NodeId(*id);
            let entry = Entry {
                node,
                kind: self.stat(node)?.kind,
                name,
                cookie: position as u64 + 1,
            };
            if !emit(entry) {
                break;
            }
        }
        Ok(())
    }

    fn target(&self, link: NodeId) -> Result<Vec<u8>> {
        match self.node(link)? {
            Toy::Link(target) => Ok(target.clone()),
            _ => Err(Error::not_found("not a link")),
        }
    }

    fn content(&self, file: NodeId) -> Result<Arc<Content>> {
        match self.node(file)? {
            Toy::Text(bytes) | Toy::Lazy(bytes) => Ok(Content::inline(bytes.clone())),
            Toy::Slow(bytes) => {
                thread::sleep(SLOW);
                Ok(Content::inline(bytes.clone()))
            }
            Toy::Shard(header, source) => {
                let mut content = Content::new();
                content.push(header.clone())?;
                content.push(Extent::new(Arc::clone(source), 0, source.len())?)?;
                Ok(Arc::new(content))
            }
            Toy::Broken(_, error) => Err(error.clone()),
            Toy::PanicsWhenRead => panic!("reading a toy panics"),
            _ => Err(Error::not_found("not a file")),
        }
    }

    fn xattrs(&self, node: NodeId) -> Result<Vec<(String, Vec<u8>)>> {
        Ok(match self.node(node)? {
            Toy::Shard(..) => vec![
                ("user.ckptfs.dtype".into(), b"float32".to_vec()),
                ("user.ckptfs.shape".into(), b"[2,3]".to_vec()),
            ],
            _ => Vec::new(),
        })
    }

    fn freshness(&self, _: NodeId) -> Freshness {
        self.volatile.map_or(Freshness::Forever, Freshness::For)
    }

    fn totals(&self) -> Totals {
        Totals {
            bytes: 8192,
            nodes: self.nodes.len() as u64,
        }
    }
}
