//! Graphs written and imported by TensorFlow: outputs, consumers, constants and the keys of variables.

mod graph_support;

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine;
use ckptfs::graph::ConstData;
use ckptfs::graph::ConstValue;
use ckptfs::graph::GraphView;
use ckptfs::graph::MetaGraph;
use ckptfs::graph::PartialShape;
use graph_support::expected;
use graph_support::fixtures;
use graph_support::open_file;
use graph_support::read_json;
use graph_support::text;
use serde_json::Value;
use serde_json::json;
use sha2::Digest;

#[test]
fn graphs_of_the_fixtures() {
    let Some(root) = fixtures() else {
        eprintln!("skipped: no tests/data");
        return;
    };
    assert!(graph_support::compare_graphs(&root) > 0);
}

#[test]
fn what_tensorflow_makes_of_them() {
    let Some(root) = fixtures() else {
        eprintln!("skipped: no tests/data");
        return;
    };
    let files = expected(&root, ".outputs.json.gz");
    assert!(!files.is_empty());
    for (path, json) in files {
        let file = open_file(&path);
        let expected = read_json(&json);
        let expected = expected.as_array().unwrap();
        assert_eq!(file.meta_graphs.len(), expected.len());
        for (meta, expected) in file.meta_graphs.iter().zip(expected) {
            outputs(&path, meta.graph(), &expected["outputs"]);
            consumers(&path, meta.graph(), &expected["consumers"], false);
            consumers(&path, meta.graph(), &expected["control_consumers"], true);
            consts(&path, meta.graph(), &expected["consts"]);
            variables(&path, meta, expected);
        }
    }
}

fn find(view: GraphView<'_>, name: &str) -> u32 {
    view.nodes().find(name.as_bytes()).unwrap()
}

fn outputs(path: &Path, view: GraphView<'_>, expected: &Value) {
    let expected = expected.as_object().unwrap();
    assert_eq!(view.nodes().len(), expected.len());
    for (name, expected) in expected {
        let found = view.outputs(find(view, name)).unwrap();
        let expected = expected.as_array().unwrap();
        let at = format!("{}: {name}", path.display());
        assert_eq!(found.len(), expected.len(), "{at}: {found:?} {expected:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert_eq!(found.dtype_name().as_deref(), expected[1].as_str(), "{at}");
            // TensorFlow infers shapes when it imports; the file need not have them.
            match &found.shape {
                Some(PartialShape::Dims(dims)) => {
                    let dims: Vec<Value> = dims
                        .iter()
                        .map(|d| if *d < 0 { Value::Null } else { json!(d) })
                        .collect();
                    assert_eq!(Value::Array(dims), expected[2], "{at}");
                }
                Some(PartialShape::Unknown) | None => {}
            }
        }
    }
}

fn consumers(path: &Path, view: GraphView<'_>, expected: &Value, control: bool) {
    let mut found = BTreeMap::new();
    for id in view.nodes().ids() {
        let list = match control {
            true => view.control_consumers(id).unwrap(),
            false => view.consumers(id).unwrap(),
        };
        if !list.is_empty() {
            let names: Vec<String> = list.iter().map(|i| text(view.nodes().name(*i))).collect();
            found.insert(text(view.nodes().name(id)), names);
        }
    }
    assert_eq!(json!(found), *expected, "{}", path.display());
}

fn consts(path: &Path, view: GraphView<'_>, expected: &Value) {
    let expected = expected.as_object().unwrap();
    assert_eq!(view.nodes().of_type(b"Const").len(), expected.len());
    for (name, expected) in expected {
        let value = view.const_value(find(view, name)).unwrap();
        let at = format!("{}: {name}", path.display());
        assert_eq!(
            ckptfs::graph::dtype_name(value.dtype),
            expected["dtype"].as_str().unwrap(),
            "{at}"
        );
        assert_eq!(json!(value.shape), expected["shape"], "{at}");
        if let Some(strings) = expected.get("strings").and_then(Value::as_array) {
            let found: Vec<Value> = (0..value.elements)
                .map(|i| json!(base64::engine::general_purpose::STANDARD.encode(value.string(i).unwrap())))
                .collect();
            assert_eq!(&found, strings, "{at}");
        }
        if let (Some(descr), Some(hash)) = (expected["npy_descr"].as_str(), expected["npy_sha256"].as_str())
            && value.byte_len().is_some()
        {
            let npy = npy(view, &value, descr);
            let hex: String = sha2::Sha256::digest(&npy)
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect();
            assert_eq!(hex, hash, "{at} {value:?}");
        }
    }
}

/// What `numpy.save` writes.
fn npy(view: GraphView<'_>, value: &ConstValue, descr: &str) -> Vec<u8> {
    let dims: Vec<String> = value.shape.iter().map(u64::to_string).collect();
    let shape = match &dims[..] {
        [one] => format!("({one},)"),
        dims => format!("({})", dims.join(", ")),
    };
    let mut out = b"\x93NUMPY\x01\x00".to_vec();
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    let padding = 64 - (10 + header.len() + 1) % 64;
    out.extend(u16::try_from(header.len() + padding + 1).unwrap().to_le_bytes());
    out.extend(header.bytes());
    out.extend(std::iter::repeat_n(b' ', padding));
    out.push(b'\n');
    let ConstData::Fixed {
        stored, fill, count, ..
    } = &value.data
    else {
        panic!("strings")
    };
    out.extend(stored.read(view.meta_graph().source().as_ref()).unwrap());
    for _ in *count..value.elements {
        out.extend(fill);
    }
    out
}

fn variables(path: &Path, meta: &MetaGraph, expected: &Value) {
    let view = meta.graph();
    let name = |id: u32| text(view.nodes().name(id));
    let found: BTreeMap<String, String> = match meta.savers().savers().first() {
        Some(saver) => saver
            .entries
            .iter()
            .filter_map(|e| Some((name(e.variable?), text(&e.key))))
            .collect(),
        None => BTreeMap::new(),
    };
    // The fixtures note what savers save only for files written by a Saver.
    let savers = expected["savers"].as_array().unwrap();
    if !savers.is_empty() {
        assert_eq!(json!(found), expected["variables"], "{}", path.display());
    }
    for saver in savers {
        let wanted = saver["save_tensor_name"].as_str().unwrap();
        let (scope, _) = wanted.rsplit_once('/').unwrap();
        let found = meta
            .savers()
            .savers()
            .iter()
            .find(|s| s.scope == scope)
            .unwrap_or_else(|| panic!("{}: no saver {wanted}", path.display()));
        assert!(found.problems.is_empty() && !found.restores);
        let found: BTreeMap<String, String> = found
            .entries
            .iter()
            .filter_map(|e| Some((name(e.variable?), text(&e.key))))
            .collect();
        assert_eq!(json!(found), saver["variables"], "{}: {wanted}", path.display());
    }
}
