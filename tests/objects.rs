//! objects/, by-name/ and meta/object_graph.pbtxt: of the fixtures and of the corpus.

mod support;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use ckptfs::tree::CheckpointView;
use ckptfs::tree::Kind;
use ckptfs::tree::View;
use ckptfs::tree::resolve;

/// The bundles below a directory that have objects.
fn bundles(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            bundles(&path, found);
        } else if path.extension().is_some_and(|e| e == "index") {
            let bytes = std::fs::read(&path).unwrap();
            if bytes.windows(28).any(|w| w == b"_CHECKPOINTABLE_OBJECT_GRAPH") {
                found.push(path.with_extension(""));
            }
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Everything below a directory: path and, for links, target. Links lead somewhere, stat says what the listing
/// says, and lookup finds what is listed.
fn walk(view: &CheckpointView, top: &str) -> BTreeMap<String, String> {
    let (node, _) = resolve(view, top.as_bytes(), true).unwrap();
    let mut all = BTreeMap::new();
    let mut todo = vec![(node, top.to_string())];
    while let Some((dir, path)) = todo.pop() {
        let mut entries = Vec::new();
        view.list(dir, 0, &mut |entry| {
            entries.push((entry.node, entry.kind, entry.name.to_vec()));
            true
        })
        .unwrap();
        // Only a checkpoint that saves nothing has such directories, at the top.
        assert!(path == top || !entries.is_empty(), "{path} is empty");
        for (node, kind, name) in entries {
            let path = format!("{path}/{}", text(&name));
            assert_eq!(view.lookup(dir, &name).unwrap(), Some(node), "{path}");
            let stat = view.stat(node).unwrap();
            assert_eq!(stat.kind, kind, "{path}");
            let target = match kind {
                Kind::Link => {
                    let target = view.target(node).unwrap();
                    assert_eq!(stat.size, Some(target.len() as u64));
                    resolve(view, path.as_bytes(), true).unwrap_or_else(|e| panic!("{path}: {e}"));
                    text(&target)
                }
                Kind::File => {
                    let content = view.content(node).unwrap().to_vec(1 << 20).unwrap();
                    assert_eq!(view.measure(node).unwrap().size, Some(content.len() as u64));
                    String::new()
                }
                Kind::Directory => {
                    todo.push((node, path.clone()));
                    continue;
                }
            };
            assert!(all.insert(path.clone(), target).is_none(), "{path}");
        }
    }
    all
}

fn lines(all: &BTreeMap<String, String>) -> Vec<String> {
    all.iter()
        .map(|(path, target)| format!("{path} -> {target}"))
        .collect()
}

#[test]
fn object_graphs_as_protobuf_prints_them() {
    let mut count = 0;
    for fixture in ["tf2_object", "keras3", "savedmodel"] {
        let expected = support::data().join(fixture).join("EXPECTED");
        for file in std::fs::read_dir(&expected).unwrap() {
            let file = file.unwrap().path();
            let name = file.file_name().unwrap().to_str().unwrap().to_string();
            let Some(prefix) = name.strip_suffix(".object_graph.pbtxt.gz") else {
                continue;
            };
            let view = support::view(&support::data().join(fixture).join(prefix.replace("__", "/")));
            let mut want = String::new();
            flate2::read::GzDecoder::new(std::fs::File::open(&file).unwrap())
                .read_to_string(&mut want)
                .unwrap();
            let got = support::read(&view, b"meta/object_graph.pbtxt").unwrap();
            assert!(text(&got) == want, "{name}");
            count += 1;
        }
    }
    assert_eq!(count, 7);
}

#[test]
fn a_training_checkpoint() {
    let view = support::view(&support::data().join("tf2_object/training/ckpt-7"));
    let objects = walk(&view, "objects");
    let golden = include_str!("support/objects_training.txt");
    assert_eq!(lines(&objects).join("\n") + "\n", golden);
    let config = support::read(&view, b"objects/model/described/@config.json").unwrap();
    assert!(config.starts_with(b"{"), "{}", text(&config));
    let names = walk(&view, "by-name");
    let get = |path: &str| names.get(path).map(String::as_str);
    assert_eq!(
        get("by-name/dense/kernel.npy"),
        Some("../../tensors/model/shared.npy")
    );
    assert_eq!(
        get("by-name/dense/kernel/Adam_1.npy"),
        Some("../../../tensors/model/shared/@slots/optimizer/v.npy")
    );
    // Four variables are called `Variable`.
    assert_eq!(get("by-name/Variable.npy"), None);
    assert_eq!(
        get("by-name/model/named/plain.npy"),
        Some("../../../tensors/model/named/plain.npy")
    );
    assert_eq!(
        get("by-name/iterator/@attributes/ITERATOR_STATE.variants"),
        Some("../../../tensors/iterator/@attributes/ITERATOR_STATE.variants")
    );
    let info = text(&support::read(&view, b"info.txt").unwrap());
    assert!(info.contains("\nobjects     37\n"), "{info}");
    assert!(!info.contains("\nkeys "), "{info}");
    let table = text(&support::read(&view, b"tensors.tsv").unwrap());
    assert!(table.contains("\tdense/kernel\t"), "{table}");
}

#[test]
fn roots_that_are_variables_and_optimizers() {
    let view = support::view(&support::data().join("tf2_object/variable_root"));
    assert_eq!(
        lines(&walk(&view, "objects")),
        [
            "objects/@attributes/VARIABLE_VALUE.npy -> ../../tensors/%.npy",
            "objects/root -> .",
            "objects/root.npy -> ../tensors/%.npy"
        ]
    );
    let view = support::view(&support::data().join("tf2_object/optimizer_root"));
    assert_eq!(
        lines(&walk(&view, "objects")),
        [
            "objects/@slots/momentum/target%2Fv.npy -> ../../../tensors/target/v/@slots/%/momentum.npy",
            "objects/root -> .",
            "objects/target/v.npy -> ../../tensors/target/v.npy"
        ]
    );
}

#[test]
fn variables_without_a_value() {
    let Some(root) = support::corpus() else {
        return;
    };
    let view = support::view(&root.join("tf_c_UninitializedVariable/variables/variables"));
    let info = text(&support::read(&view, b"info.txt").unwrap());
    assert!(info.contains("named by objects but not saved: "), "{info}");
}

/// Every tensor that an object saves is found once in by-name/ and at least once in objects/.
#[test]
fn every_saved_tensor_is_there() {
    let mut all = Vec::new();
    for fixture in ["tf2_object", "keras3", "savedmodel"] {
        bundles(&support::data().join(fixture), &mut all);
    }
    if let Some(root) = support::corpus() {
        bundles(&root, &mut all);
    }
    let mut tensors = 0;
    for prefix in &all {
        let view = support::view(prefix);
        let checkpoint = view.checkpoint().clone();
        let bundle = checkpoint.tensors().unwrap();
        let objects = checkpoint.objects().unwrap().unwrap();
        let reached = |top: &str| -> Vec<String> {
            let found = walk(&view, top);
            let links = found.iter().filter(|(_, target)| target.contains("tensors/"));
            links
                .map(|(path, _)| text(&resolve(&view, path.as_bytes(), true).unwrap().1))
                .collect()
        };
        let (by_name, by_object) = (reached("by-name"), reached("objects"));
        let unique: BTreeSet<&String> = by_name.iter().collect();
        assert_eq!(unique.len(), by_name.len(), "{}", prefix.display());
        let by_object: BTreeSet<&String> = by_object.iter().collect();
        for id in bundle.ids().filter(|id| objects.value_of(*id).is_some()) {
            let path = text(&view.tensor_path(id).unwrap());
            assert!(unique.contains(&path), "{}: {path}", prefix.display());
            assert!(by_object.contains(&path), "{}: {path}", prefix.display());
            tensors += 1;
        }
    }
    println!("{} checkpoints, {tensors} tensors", all.len());
    assert!(all.len() >= 7 && tensors >= 80);
}
