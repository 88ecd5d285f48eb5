//! Many readers at once, and mappings.
#![allow(unsafe_code)]

use std::fs;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::thread;

use crate::harness::tests;
use crate::lab::Lab;
use crate::lab::SHARDED;
use crate::support;

tests![
    random_reads_by_eight_threads,
    mapped_files,
    eight_readers_of_texts
];

/// All files below `dir`.
fn files(dir: PathBuf) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut todo = vec![dir];
    while let Some(dir) = todo.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let entry = entry.unwrap();
            match entry.file_type().unwrap().is_dir() {
                true => todo.push(entry.path()),
                false => found.push(entry.path()),
            }
        }
    }
    found
}

/// Numbers that look random.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound.max(1)
    }
}

fn random_reads_by_eight_threads() {
    for fixture in [crate::lab::SAMPLE, SHARDED, "partitioned/model/part.ckpt-3"] {
        let lab = Lab::new();
        let source = support::data().join(fixture);
        let point = lab.mount(&source, "threads=4");
        let view = support::view(&source);
        let files: Vec<(PathBuf, Vec<u8>)> = files(point.join("tensors"))
            .into_iter()
            .map(|file| {
                let inner = file.strip_prefix(&point).unwrap().to_str().unwrap().to_owned();
                (file, support::read(&view, inner.as_bytes()).unwrap())
            })
            .filter(|(_, bytes)| !bytes.is_empty())
            .collect();
        thread::scope(|scope| {
            for seed in 0..8 {
                let files = &files;
                scope.spawn(move || {
                    let mut random = Random(seed);
                    for _ in 0..400 {
                        let (path, want) = &files[random.below(files.len())];
                        let at = random.below(want.len());
                        let mut got = vec![0; 1 + random.below(want.len() - at)];
                        File::open(path)
                            .unwrap()
                            .read_exact_at(&mut got, at as u64)
                            .unwrap();
                        assert!(got == want[at..at + got.len()], "{} at {at}", path.display());
                    }
                });
            }
        });
    }
}

fn mapped_files() {
    let lab = Lab::new();
    let point = lab.mount(&support::data().join("partitioned/model/part.ckpt-3"), "");
    let files = files(point.join("tensors"));
    assert!(files.len() > 5);
    for path in files {
        let file = File::open(&path).unwrap();
        // SAFETY: nobody writes to the files of a read-only mount.
        let map = unsafe { memmap2::Mmap::map(&file) }.unwrap();
        assert!(map[..] == fs::read(&path).unwrap(), "{}", path.display());
    }
    let text = File::open(point.join("info.txt")).unwrap();
    // SAFETY: as above.
    let map = unsafe { memmap2::Mmap::map(&text) }.unwrap();
    assert!(map.ends_with(b"\n") && !map.contains(&0), "padding in a text");
}

fn eight_readers_of_texts() {
    let lab = Lab::new();
    let point = lab.mount_sample();
    let names = [
        "info.txt",
        "tensors.tsv",
        "scalars.tsv",
        "meta/manifest.json",
        "ops.tsv",
    ];
    let first: Vec<Vec<Vec<u8>>> = thread::scope(|scope| {
        let readers: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| names.map(|name| fs::read(point.join(name)).unwrap()).to_vec()))
            .collect();
        readers.into_iter().map(|reader| reader.join().unwrap()).collect()
    });
    assert!(first.windows(2).all(|pair| pair[0] == pair[1]));
    assert!(first[0].iter().all(|bytes| bytes.ends_with(b"\n")));
}
