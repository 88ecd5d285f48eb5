//! Random bundles, read back through the tree as the commands do, against what was written.

mod support;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;

use ckptfs::content::Content;
use ckptfs::source::LocalStore;
use ckptfs::tensor::DType;
use ckptfs::tree::CheckpointView;
use ckptfs::tree::Kind;
use ckptfs::tree::NodeId;
use ckptfs::tree::View;
use ckptfs::tree::names;
use ckptfs::tree::resolve;
use proptest::prelude::*;
use support::random::Rng;
use support::random::Sample;
use support::random::sample;
use support::reference;
use support::writer::bundle::Tensor;
use support::writer::payload::Elements;
use support::writer::table;

/// One line of a listing.
type Line = (NodeId, Kind, Vec<u8>, u64);

fn list(view: &dyn View, dir: NodeId, after: u64, most: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    view.list(dir, after, &mut |entry| {
        lines.push((entry.node, entry.kind, entry.name.to_vec(), entry.cookie));
        lines.len() < most
    })
    .unwrap();
    lines
}

/// Walks everything below tensors/, and checks each directory; gives the files and directories by path.
fn walk(view: &CheckpointView) -> BTreeMap<Vec<u8>, (NodeId, Kind)> {
    let (top, _) = resolve(view, b"tensors", true).unwrap();
    let mut found = BTreeMap::new();
    let mut seen = HashMap::from([(top, b"tensors".to_vec())]);
    let mut todo = vec![(top, b"tensors".to_vec())];
    while let Some((dir, path)) = todo.pop() {
        let lines = list(view, dir, 0, usize::MAX);
        let distinct: BTreeSet<&[u8]> = lines.iter().map(|line| line.2.as_slice()).collect();
        assert_eq!(distinct.len(), lines.len(), "{path:?} lists a name twice");
        for (i, (node, kind, name, cookie)) in lines.iter().enumerate() {
            assert!((1..=255).contains(&name.len()), "{name:?}");
            assert!(!name.contains(&b'/') && !name.contains(&0) && !matches!(&**name, b"." | b".."));
            assert_eq!(view.lookup(dir, name).unwrap(), Some(*node), "{path:?} {name:?}");
            assert_eq!(view.stat(*node).unwrap().kind, *kind);
            // What comes after it is the same whenever the listing is taken up again.
            assert_ne!(*cookie, 0);
            let rest = list(view, dir, *cookie, 3);
            assert_eq!(
                rest,
                lines[i + 1..lines.len().min(i + 4)],
                "{path:?} after {name:?}"
            );
            let path = [&path, &b"/"[..], name].concat();
            if let Some(other) = seen.insert(*node, path.clone()) {
                panic!("{path:?} and {other:?} are both node {node}");
            }
            if *kind == Kind::Directory {
                todo.push((*node, path.clone()));
            }
            found.insert(path, (*node, *kind));
        }
    }
    found
}

/// Random ranges of a content equal those of `want`.
fn check_content(content: &Content, want: &[u8], rng: &mut Rng, context: &str) {
    assert_eq!(content.len(), want.len() as u64, "{context}");
    assert!(content.to_vec(1 << 30).unwrap() == want, "{context}");
    for _ in 0..12 {
        let from = rng.below(want.len() as u64 + 3) as usize;
        let len = rng.below(want.len() as u64 + 3) as usize;
        let slice = &want[from.min(want.len())..(from + len).min(want.len())];
        let mut buf = vec![0xaa; len];
        let got = content.read(from as u64, &mut buf).unwrap();
        assert!(&buf[..got] == slice, "{context}: {from} {len}");
        if let Some(mapped) = content.mapped(from as u64, len) {
            assert!(
                mapped.unwrap().for_system_call() == slice,
                "{context}: mapped {from} {len}"
            );
        }
    }
}

fn check_tensor(view: &CheckpointView, name: &[u8], tensor: &Tensor, big: bool, rng: &mut Rng) -> usize {
    let bundle = view.checkpoint().tensors().unwrap();
    let id = bundle.find(name).unwrap();
    let path = view.tensor_path(id).unwrap();
    let context = format!("{name:?} at {:?}", String::from_utf8_lossy(&path));
    assert_eq!(bundle.key(id), name);
    let entry = bundle.entry(id);
    assert_eq!(
        (entry.dtype, &entry.shape.0),
        (DType(tensor.dtype), &tensor.shape),
        "{context}"
    );
    let (node, physical) = resolve(view, &path, true).unwrap();
    assert_eq!(physical, path, "{context}");
    // The key itself is a path too.
    let suffix: &[u8] = if tensor.dtype == 21 { b".variants" } else { b".npy" };
    let raw = [b"tensors/", &*names::path(name, true), suffix].concat();
    assert_eq!(resolve(view, &raw, true).unwrap().0, node, "{context}");
    let mut files = 1;
    match reference::npy(tensor, big) {
        Some(want) => {
            assert_eq!(view.tensor_at(&path), Some(id), "{context}");
            let size = view.measure(node).unwrap().size;
            assert_eq!(size, Some(want.len() as u64), "{context}");
            check_content(&view.content(node).unwrap(), &want, rng, &context);
        }
        None => assert!(view.content(node).is_err()),
    }
    if let Elements::Strings(elements) | Elements::Variants(elements) = &tensor.elements {
        let strings = tensor.dtype == 7;
        let stem = path.strip_suffix(suffix).unwrap();
        let dir = [stem, if strings { b".strings" } else { b".variants" }].concat();
        let (dir_node, _) = resolve(view, &dir, true).unwrap();
        assert_eq!(
            list(view, dir_node, 0, usize::MAX).len(),
            elements.len(),
            "{context}"
        );
        for (i, want) in elements.iter().enumerate() {
            let (node, _) = resolve(view, &[&dir, format!("/{i}").as_bytes()].concat(), true).unwrap();
            check_content(&view.content(node).unwrap(), want, rng, &context);
        }
        assert_eq!(
            view.lookup(dir_node, elements.len().to_string().as_bytes())
                .unwrap(),
            None
        );
        assert_eq!(view.lookup(dir_node, b"00").unwrap(), None);
        files += elements.len() + usize::from(strings);
    }
    let xattrs: HashMap<String, Vec<u8>> = view.xattrs(node).unwrap().into_iter().collect();
    assert_eq!(xattrs["user.ckptfs.name"], name);
    assert_eq!(xattrs["user.ckptfs.shape"], entry.shape.to_string().into_bytes());
    assert_eq!(
        xattrs["user.ckptfs.size"],
        bundle.stored(id).to_string().into_bytes()
    );
    assert_eq!(xattrs.contains_key("user.ckptfs.crc32c"), entry.slices.is_empty());
    files
}

/// tensors.tsv and meta/manifest.json say the same.
fn check_texts(view: &CheckpointView, sample: &Sample) {
    let bundle = view.checkpoint().tensors().unwrap();
    let tsv = support::read(view, b"tensors.tsv").unwrap();
    let mut lines = tsv.split(|b| *b == b'\n');
    let columns: Vec<&[u8]> = lines.next().unwrap().split(|b| *b == b'\t').collect();
    let at = |name: &str| columns.iter().position(|c| *c == name.as_bytes()).unwrap();
    for ((name, tensor), line) in sample.tensors.iter().zip(lines.by_ref()) {
        let id = bundle.find(name).unwrap();
        let fields: Vec<Vec<u8>> = line.split(|b| *b == b'\t').map(reference::unescape).collect();
        assert_eq!(fields.len(), columns.len());
        assert_eq!(&fields[at("name")], name);
        assert_eq!(fields[at("dtype")], DType(tensor.dtype).to_string().as_bytes());
        assert_eq!(fields[at("shape")], bundle.entry(id).shape.to_string().as_bytes());
        assert_eq!(fields[at("bytes")], bundle.stored(id).to_string().as_bytes());
        assert_eq!(fields[at("path")], view.tensor_path(id).unwrap());
    }
    assert_eq!(lines.collect::<Vec<_>>(), [b""]);
    let manifest = support::read(view, b"meta/manifest.json").unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let rows = manifest["tensors"].as_array().unwrap();
    assert_eq!(rows.len(), sample.tensors.len());
    for ((name, tensor), row) in sample.tensors.iter().zip(rows) {
        assert_eq!(row["name"].as_str().unwrap(), String::from_utf8_lossy(name));
        assert_eq!(row["shape"], serde_json::json!(tensor.shape));
        if std::str::from_utf8(name).is_err() {
            let hex: String = name.iter().map(|b| format!("{b:02x}")).collect();
            assert_eq!(row["name_hex"].as_str(), Some(&*hex));
        }
    }
    for file in ["info.txt", "scalars.tsv"] {
        assert!(!support::read(view, file.as_bytes()).unwrap().is_empty());
    }
}

fn check(sample: &Sample) {
    let dir = tempfile::tempdir().unwrap();
    let prefix = dir.path().join("model.ckpt-1");
    sample.bundle.write(&prefix);
    let view = support::open(&LocalStore, &prefix).unwrap();
    let bundle = view.checkpoint().tensors().unwrap();
    let problems = bundle.problems();
    assert!(problems.is_empty(), "{problems:?}");
    let keys: Vec<&[u8]> = bundle.ids().map(|id| bundle.key(id)).collect();
    assert_eq!(keys, sample.tensors.keys().map(Vec::as_slice).collect::<Vec<_>>());
    let listed = walk(&view);
    let mut rng = Rng(7);
    let mut files = 0;
    for (name, tensor) in &sample.tensors {
        files += check_tensor(&view, name, tensor, sample.bundle.big, &mut rng);
        let path = view.tensor_path(bundle.find(name).unwrap()).unwrap();
        assert!(listed.contains_key(&path), "{path:?} is not listed");
    }
    // Nothing else is there but scopes.
    let suffixes: [&[u8]; 2] = [b".strings", b".variants"];
    let known = |path: &[u8], kind| kind == Kind::File || suffixes.iter().any(|s| path.ends_with(s));
    assert_eq!(
        listed
            .iter()
            .filter(|(path, (_, kind))| known(path, *kind))
            .count(),
        files
    );
    check_texts(&view, sample);
    assert_eq!(walk(&support::open(&LocalStore, &prefix).unwrap()), listed);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn read_as_written(sample in sample(14)) {
        check(&sample);
    }

    #[test]
    fn tables(
        records in proptest::collection::btree_map(
            proptest::collection::vec(0u8..4, 0..8),
            proptest::collection::vec(any::<u8>(), 0..12),
            0..60,
        ),
        block_size in 1usize..200,
        restart_interval in 1usize..18,
        compression in proptest::sample::select(vec![table::Compression::None, table::Compression::SnappyAlways]),
        wanted in proptest::collection::vec(proptest::collection::vec(0u8..4, 0..8), 0..20),
    ) {
        let options = table::Options { block_size, restart_interval, compression };
        let sorted: Vec<(&Vec<u8>, &Vec<u8>)> = records.iter().collect();
        let store = support::MemoryStore::new([("t".into(), table::table(&sorted, &options))]);
        let source = ckptfs::source::Store::open(&store, "t".as_ref()).unwrap();
        let table = ckptfs::table::Table::open(source).unwrap();
        let mut found = Vec::new();
        table.for_each(|event| match event {
            ckptfs::table::Event::Record { key, value, .. } => {
                found.push((key.to_vec(), value.to_vec()));
                Ok(())
            }
            ckptfs::table::Event::BadBlock(e) => Err(e),
        }).unwrap();
        prop_assert_eq!(&found, &records.clone().into_iter().collect::<Vec<_>>());
        for key in wanted.iter().chain(records.keys()) {
            let got = table.get(key).unwrap();
            prop_assert_eq!(got.as_deref(), records.get(key).map(Vec::as_slice));
        }
    }
}
