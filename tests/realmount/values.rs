//! Every checkpoint, mounted: the tensors that TensorFlow reads, and the tree that the commands show.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use ckptfs::tensor::DType;
use ckptfs::tree::CheckpointView;
use ckptfs::tree::Kind;
use ckptfs::tree::NodeId;
use ckptfs::tree::View;

use crate::harness::tests;
use crate::lab::Lab;
use crate::lab::with_suffix;
use crate::support;
use crate::support::expected;
use crate::support::expected::Expected;
use crate::support::expected::Tensor;
use crate::support::sha256;

tests![
    fixtures,
    corpus_first_quarter,
    corpus_second_quarter,
    corpus_third_quarter,
    corpus_last_quarter,
];

/// Names longer than this cannot be given to the system at once.
const PATH_MAX: usize = 4096;

/// So many directories of a tree are compared, and so many files read whole besides the tensors: enough for each
/// kind of thing, and few enough for a build without optimization.
const DIRECTORIES: usize = 400;
const READ_WHOLE: usize = 1000;

fn fixtures() {
    let all = expected::all(&support::data(), |_| support::data());
    let all: Vec<Expected> = all.into_iter().filter(is_here).collect();
    let tensors: usize = all.iter().map(check).sum();
    assert!(all.len() >= 25 && tensors >= 500, "{} {tensors}", all.len());
}

fn corpus_first_quarter() {
    corpus(0);
}

fn corpus_second_quarter() {
    corpus(1);
}

fn corpus_third_quarter() {
    corpus(2);
}

fn corpus_last_quarter() {
    corpus(3);
}

/// Every fourth checkpoint of the corpus: tests run side by side, and none may take too long.
fn corpus(quarter: usize) {
    let Some(root) = support::corpus() else { return };
    let all = expected::all(&root, |_| root.clone());
    let all: Vec<Expected> = all.into_iter().filter(is_here).collect();
    assert!(all.len() >= 52, "{}", all.len());
    all.iter().skip(quarter).step_by(4).for_each(|e| {
        check(e);
    });
}

/// V2, V1 in one file, or V1 in two shards; of some checkpoints only the expectations are there.
fn is_here(expected: &Expected) -> bool {
    [".index", "", "-00000-of-00002"]
        .iter()
        .any(|suffix| with_suffix(&expected.prefix, suffix).is_file())
}

/// Mounts it and compares everything; gives how many tensors were compared by value.
fn check(expected: &Expected) -> usize {
    let lab = Lab::new();
    let point = lab.mount(&expected.prefix, "");
    let view = support::view(&expected.prefix);
    let by_value = expected
        .tensors
        .iter()
        .filter(|want| tensor(&view, &point, want, &expected.prefix))
        .count();
    tree(&view, &point, &expected.prefix);
    lab.umount();
    by_value
}

/// Whether TensorFlow has a value for it; then it is the one in the mount.
fn tensor(view: &CheckpointView, point: &Path, want: &Tensor, source: &Path) -> bool {
    let bundle = view.checkpoint().tensors().unwrap();
    let id = bundle.find(&want.name).unwrap();
    let path = view.tensor_path(id).unwrap();
    let context = format!("{} {}", source.display(), String::from_utf8_lossy(&path));
    let file = point.join(OsStr::from_bytes(&path));
    let has_value = want.sha256.is_some() || want.strings.is_some() || want.sha256_strings.is_some();
    if !has_value || file.as_os_str().len() >= PATH_MAX {
        return false;
    }
    let npy = fs::read(&file).unwrap_or_else(|e| panic!("{context}: {e}"));
    let meta = fs::metadata(&file).unwrap();
    assert_eq!(meta.len(), npy.len() as u64, "{context}");
    if let Some(hash) = &want.npy_sha256 {
        assert_eq!(&sha256(&npy), hash, "{context}");
    }
    if bundle.entry(id).dtype == DType::STRING {
        strings(&file, bundle.entry(id).shape.elements().unwrap(), want, &context);
    } else if let Some(hash) = &want.sha256 {
        let header = 10 + usize::from(u16::from_le_bytes([npy[8], npy[9]]));
        assert_eq!(&sha256(&npy[header..]), hash, "{context}");
    }
    true
}

fn strings(npy: &Path, count: u64, want: &Tensor, context: &str) {
    let dir = npy.with_extension("strings");
    let all: Vec<Vec<u8>> = (0..count)
        .map(|i| fs::read(dir.join(i.to_string())).unwrap_or_else(|e| panic!("{context}: {e}")))
        .collect();
    if let Some(strings) = &want.strings {
        assert_eq!(&all, strings, "{context}");
    }
    if let Some(hash) = &want.sha256_strings {
        let bytes: Vec<u8> = all
            .iter()
            .flat_map(|text| [&(text.len() as u64).to_le_bytes(), text.as_slice()].concat())
            .collect();
        assert_eq!(&sha256(&bytes), hash, "{context}");
    }
}

/// The tree in the mount against the tree in this process: names, kinds, sizes, targets, bytes.
fn tree(view: &CheckpointView, point: &Path, source: &Path) {
    let mut files = 0usize;
    let mut read = 0usize;
    // From both ends in turn: down one branch, and across all that begin near the root.
    let mut todo = VecDeque::from([(NodeId::ROOT, point.to_path_buf())]);
    let mut directories = 0;
    while let Some((dir, path)) = match directories % 2 {
        0 => todo.pop_front(),
        _ => todo.pop_back(),
    } {
        directories += 1;
        if directories > DIRECTORIES {
            break;
        }
        if path.as_os_str().len() + 256 >= PATH_MAX {
            continue;
        }
        let context = || format!("{}: {}", source.display(), path.display());
        let mut want: BTreeMap<Vec<u8>, (NodeId, Kind)> = BTreeMap::new();
        view.list(dir, 0, &mut |entry| {
            assert!(
                want.insert(entry.name.to_vec(), (entry.node, entry.kind))
                    .is_none(),
                "{} has {} twice",
                context(),
                String::from_utf8_lossy(entry.name)
            );
            true
        })
        .unwrap();
        let mut listed = 0;
        for entry in fs::read_dir(&path).unwrap_or_else(|e| panic!("{}: {e}", context())) {
            let entry = entry.unwrap();
            listed += 1;
            let name = entry.file_name();
            let Some(&(node, kind)) = want.get(name.as_bytes()) else {
                panic!("{}: {name:?} is not in the tree", context());
            };
            let here = entry.path();
            // What the listing itself said of it, before it is looked up.
            let of_entry = entry.file_type().unwrap();
            let meta = fs::symlink_metadata(&here).unwrap();
            assert_eq!(meta.file_type(), of_entry, "{}", here.display());
            assert_eq!(meta.ino(), node.0, "{}", here.display());
            match kind {
                Kind::Directory => {
                    assert!(meta.is_dir(), "{}", here.display());
                    todo.push_back((node, here));
                }
                Kind::Link => {
                    let target = fs::read_link(&here).unwrap();
                    assert_eq!(target.as_os_str().as_bytes(), view.target(node).unwrap());
                    assert_eq!(meta.len(), target.as_os_str().len() as u64, "{}", here.display());
                    assert!(fs::metadata(&here).is_ok(), "{} dangles", here.display());
                }
                Kind::File => {
                    assert!(meta.is_file(), "{}", here.display());
                    files += 1;
                    let Ok(stat) = view.measure(node) else {
                        // Its shard is missing: the name is there, the bytes are not.
                        assert!(fs::read(&here).is_err(), "{}", here.display());
                        continue;
                    };
                    assert_eq!(Some(meta.len()), stat.size, "{}", here.display());
                    if read < READ_WHOLE && meta.len() < 1 << 20 {
                        read += 1;
                        let bytes = fs::read(&here);
                        let content = view.content(node).and_then(|content| content.to_vec(1 << 20));
                        match (bytes, content) {
                            (Ok(bytes), Ok(content)) => {
                                assert_eq!(bytes.len() as u64, meta.len(), "{}", here.display());
                                // Digests, because a difference in megabytes is no use on a screen.
                                assert!(bytes == content, "{}: other bytes", here.display());
                            }
                            (Err(_), Err(_)) => {}
                            (here, there) => panic!("{}: {:?} {:?}", context(), here.is_ok(), there.is_ok()),
                        }
                    }
                }
            }
        }
        assert_eq!(listed, want.len(), "{}", context());
    }
    assert!(files >= 3, "{}", source.display());
}
