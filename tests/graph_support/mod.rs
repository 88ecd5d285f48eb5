//! Comparing graphs with the parse of protobuf's own library.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::path::PathBuf;

use base64::Engine;
use ckptfs::graph::CollectionKind;
use ckptfs::graph::GraphFile;
use ckptfs::graph::GraphView;
use ckptfs::graph::Item;
use ckptfs::graph::MetaGraph;
use ckptfs::graph::attr_kind;
use ckptfs::graph::open;
use ckptfs::source::LocalStore;
use ckptfs::source::Store;
use serde_json::Value;
use serde_json::json;
use sha2::Digest;

/// The real checkpoints, if they are on this machine.
pub(crate) fn corpus() -> Option<PathBuf> {
    if let Some(dir) = std::env::var_os("CKPTFS_CORPUS") {
        return Some(PathBuf::from(dir)).filter(|d| d.is_dir());
    }
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|d| d.join("shared/checkpoints"))
        .find(|d| d.is_dir())
}

/// The fixtures of the project.
pub(crate) fn fixtures() -> Option<PathBuf> {
    let dir = match std::env::var_os("CKPTFS_FIXTURES") {
        Some(dir) => PathBuf::from(dir),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data"),
    };
    Some(dir).filter(|d| d.join("sundaynet").is_dir())
}

/// The files `<root>/<folder>/<file>` that have `<root>/<folder>/EXPECTED/<file, / as __><suffix>`.
pub(crate) fn expected(root: &Path, suffix: &str) -> Vec<(PathBuf, PathBuf)> {
    let mut found = Vec::new();
    for folder in std::fs::read_dir(root).unwrap() {
        let folder = folder.unwrap().path();
        let Ok(list) = std::fs::read_dir(folder.join("EXPECTED")) else {
            continue;
        };
        for json in list {
            let json = json.unwrap().path();
            let name = json.file_name().unwrap().to_str().unwrap();
            let Some(stem) = name.strip_suffix(suffix) else {
                continue;
            };
            let file = folder.join(stem.replace("__", "/"));
            assert!(file.is_file(), "{}", file.display());
            found.push((file, json));
        }
    }
    found.sort();
    found
}

pub(crate) fn read_json(path: &Path) -> Value {
    serde_json::from_reader(flate2::read::GzDecoder::new(File::open(path).unwrap())).unwrap()
}

pub(crate) fn open_file(path: &Path) -> GraphFile {
    let file = open(LocalStore.open(path).unwrap(), None).unwrap();
    assert!(
        file.problems.is_empty(),
        "{}: {:?}",
        path.display(),
        file.problems
    );
    file
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn nodes(view: GraphView<'_>) -> Value {
    assert!(view.problems().is_empty(), "{:?}", view.problems());
    let list = view.nodes().ids().map(|id| {
        let node = view.node(id).unwrap();
        assert_eq!(node.name, view.nodes().name(id));
        assert_eq!(node.op, view.nodes().op(id));
        let attrs: BTreeMap<String, Option<&str>> = node
            .attrs
            .iter()
            .map(|a| {
                let value = view.meta_graph().attr_value(a.value).unwrap();
                view.meta_graph().attr_text(a.value).unwrap();
                (text(&a.name), attr_kind(&value))
            })
            .collect();
        let inputs: Vec<String> = node.inputs.iter().map(|i| text(&i.raw)).collect();
        json!([
            text(&node.name),
            text(&node.op),
            text(&node.device),
            inputs,
            attrs
        ])
    });
    Value::Array(list.collect())
}

fn bytes_json(bytes: &[u8]) -> Value {
    json!(base64::engine::general_purpose::STANDARD.encode(bytes))
}

/// `sha256:` and the hash of what `bytes_json` encodes.
fn hashed(found: &str) -> String {
    let bytes = base64::engine::general_purpose::STANDARD.decode(found).unwrap();
    let digest = sha2::Sha256::digest(bytes);
    let hex: String = digest.iter().map(|b| format!("{b:02x}")).collect();
    format!("sha256:{hex}")
}

fn float_json(f: f64) -> Value {
    match f {
        f if f.is_nan() => json!("nan"),
        f64::INFINITY => json!("inf"),
        f64::NEG_INFINITY => json!("-inf"),
        f => json!(f),
    }
}

fn collections(meta: &MetaGraph) -> Value {
    let list = meta.collections().iter().map(|c| {
        let kind = match c.kind().unwrap() {
            CollectionKind::Empty => Value::Null,
            kind => json!(kind.name()),
        };
        let items: Vec<Value> = (0..c.len().unwrap())
            .map(|i| match c.item(i).unwrap() {
                Item::Node { raw, .. } => json!(text(&raw)),
                Item::Bytes(bytes) => bytes_json(&bytes),
                Item::Int(n) => json!(n),
                Item::Float(f) => float_json(f64::from(f)),
                Item::Any { type_url, value } => json!([text(&type_url), bytes_json(&value)]),
            })
            .collect();
        (text(c.key()), json!({"items": items, "kind": kind}))
    });
    Value::Object(list.collect())
}

fn signatures(meta: &MetaGraph) -> Value {
    use ckptfs::proto::tensorflow::TensorInfo;
    use ckptfs::proto::tensorflow::tensor_info::Encoding;
    let tensor = |info: &Option<TensorInfo>| {
        let info = info.clone().unwrap_or_default();
        let name = match info.encoding {
            Some(Encoding::Name(name)) => text(&name),
            _ => String::new(),
        };
        json!([name, info.dtype])
    };
    let list = meta.signatures().iter().map(|(key, _)| {
        let s = meta.signature(key).unwrap().unwrap();
        let inputs: BTreeMap<String, Value> = s
            .inputs
            .iter()
            .map(|e| (text(&e.key), tensor(&e.value)))
            .collect();
        let outputs: BTreeMap<String, Value> = s
            .outputs
            .iter()
            .map(|e| (text(&e.key), tensor(&e.value)))
            .collect();
        let method = text(&s.method_name);
        (
            text(key),
            json!({"inputs": inputs, "method": method, "outputs": outputs}),
        )
    });
    Value::Object(list.collect())
}

/// The parse of one MetaGraph, in the form of `*.graph.json.gz`.
pub(crate) fn graph_json(meta: &MetaGraph) -> Value {
    assert!(meta.problems().is_empty(), "{:?}", meta.problems());
    let functions: BTreeMap<String, Value> = meta
        .functions()
        .iter()
        .map(|f| (text(f.name()), nodes(meta.body(f))))
        .collect();
    let info = meta.meta_info().unwrap();
    let tags: Vec<String> = info.tags.iter().map(|t| text(t)).collect();
    json!({
        "collections": collections(meta),
        "functions": functions,
        "nodes": nodes(meta.graph()),
        "producer": meta.versions().unwrap().unwrap_or_default().producer,
        "signatures": signatures(meta),
        "tags": tags,
        "tensorflow_version": text(&info.tensorflow_version),
    })
}

/// Compares every graph under `root` with its expected parse; returns how many there were.
pub(crate) fn compare_graphs(root: &Path) -> usize {
    let files = expected(root, ".graph.json.gz");
    for (path, json) in &files {
        let file = open_file(path);
        let expected = read_json(json);
        let expected = expected.as_array().unwrap();
        assert_eq!(file.meta_graphs.len(), expected.len(), "{}", path.display());
        for (meta, expected) in file.meta_graphs.iter().zip(expected) {
            let found = graph_json(meta);
            for (part, expected) in expected.as_object().unwrap() {
                same(&format!("{}: {part}", path.display()), &found[part], expected);
            }
        }
    }
    files.len()
}

/// Names the smallest part that differs.
fn same(at: &str, found: &Value, expected: &Value) {
    if found == expected {
        return;
    }
    match (found, expected) {
        // Long payloads are expected by their hash.
        (Value::String(a), Value::String(b)) if b.starts_with("sha256:") => {
            assert_eq!(hashed(a), *b, "{at}");
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                same(&format!("{at}[{i}]"), a, b);
            }
        }
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            for (key, value) in a {
                same(&format!("{at}.{key}"), value, &b[key]);
            }
        }
        _ => panic!("{at}: {found} instead of {expected}"),
    }
}
