//! Frozen graphs: the constants of a GraphDef as tensors.

mod support;

use std::io::Read;

use ckptfs::checkpoint::Kind;
use ckptfs::checkpoint::frozen::SMALL;
use ckptfs::tree::resolve;
use serde_json::Value;
use support::sha256;

/// What TensorFlow says of the constants of a graph.
fn expected(name: &str) -> Value {
    let file = std::fs::File::open(support::data().join(name)).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(file)
        .read_to_string(&mut text)
        .unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The GraphDef of a fixture's graph as a file of its own.
fn freeze(graph: &str, part: &str, file: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let meta = support::view(&support::data().join(graph));
    let bytes = support::read(&meta, part.as_bytes()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(file);
    std::fs::write(&path, bytes).unwrap();
    (dir, path)
}

#[test]
fn constants_are_the_tensors() {
    let mut weights = 0;
    for (graph, expected_file) in [
        (
            "control_flow/model.ckpt-1",
            "control_flow/EXPECTED/model.ckpt-1.meta.outputs.json.gz",
        ),
        (
            "sundaynet/results/model.ckpt-10",
            "sundaynet/EXPECTED/results__model.ckpt-10.meta.outputs.json.gz",
        ),
    ] {
        let (_dir, path) = freeze(graph, "meta/graph_def.pb", "frozen_graph.pb");
        let view = support::view(&path);
        let checkpoint = view.checkpoint();
        assert_eq!(checkpoint.kind(), Kind::Frozen);
        assert_eq!(checkpoint.name(), "frozen_graph");
        let set = checkpoint.tensors().unwrap();
        let expected = expected(expected_file);
        let consts = expected[0]["consts"].as_object().unwrap();
        let mut found = 0;
        for (name, value) in consts {
            let shape = value["shape"].as_array().into_iter().flatten();
            let elements: u64 = shape.map(|d| d.as_u64().unwrap()).product();
            let id = set.find(name.as_bytes());
            let number = value["dtype"] != "string";
            assert_eq!(id.is_some(), number && elements > SMALL, "{graph}: {name}");
            let Some(hash) = value["npy_sha256"].as_str() else {
                continue;
            };
            if let Some(id) = id {
                let npy = support::read(&view, &view.tensor_path(id).unwrap()).unwrap();
                assert_eq!(sha256(&npy), hash, "{graph}: {name}");
                assert_eq!(checkpoint.op_of_key(name.as_bytes()).is_some(), number);
                found += 1;
            }
        }
        assert_eq!(u64::from(set.len()), found, "{graph}");
        weights += found;
        assert!(resolve(&view, b"tensors", true).is_ok());
    }
    println!("{weights} weights");
}

#[test]
fn text_too() {
    let (_dir, path) = freeze("control_flow/model.ckpt-1", "meta/graph_def.pbtxt", "graph.pbtxt");
    let view = support::view(&path);
    assert_eq!(view.checkpoint().kind().text(), "frozen graph");
    assert!(
        view.checkpoint()
            .meta_graph()
            .unwrap()
            .graph()
            .nodes()
            .has_type(b"Const")
    );
}

#[test]
fn large_and_filled() {
    // node { name: "w" op: "Const" attr { key: "value" value { tensor { dtype: DT_FLOAT ... float_val: 2 } } } }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("g.pbtxt");
    let text = r#"
        node { name: "w" op: "Const" attr { key: "dtype" value { type: DT_FLOAT } }
          attr { key: "value" value { tensor { dtype: DT_FLOAT
            tensor_shape { dim { size: 5 } dim { size: 4 } } float_val: 1.5 float_val: 2 } } } }
        node { name: "axis" op: "Const" attr { key: "value" value { tensor { dtype: DT_INT32
            tensor_shape { dim { size: 2 } } int_val: 1 int_val: 2 } } } }
        node { name: "a/b" op: "Const" attr { key: "value" value { tensor { dtype: DT_INT64
            tensor_shape { dim { size: 20 } } tensor_content: "0123456789" } } } }
    "#;
    std::fs::write(&path, text).unwrap();
    let view = support::view(&path);
    let set = view.checkpoint().tensors().unwrap();
    let keys: Vec<&[u8]> = set.ids().map(|id| set.key(id)).collect();
    assert_eq!(keys, [&b"a/b"[..], b"w"]);
    let npy = support::read(&view, b"tensors/w.npy").unwrap();
    let values = [1.5f32, 2.0].into_iter().chain([2.0; 18]);
    assert!(npy.ends_with(&values.flat_map(f32::to_le_bytes).collect::<Vec<u8>>()));
    assert!(support::read(&view, b"tensors/axis.npy").is_err());
    let e = support::read(&view, b"tensors/a/b.npy").unwrap_err();
    assert!(e.to_string().contains("a/b"), "{e}");
}
