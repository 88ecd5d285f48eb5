//! Whole graphs, good and hostile.

use proptest::prelude::*;
use prost::Message;

use super::testing::*;
use super::*;
use crate::proto::tensorflow::attr_value::ListValue;
use crate::proto::tensorflow::attr_value::Value as V;
use crate::proto::tensorflow::function_def;
use crate::proto::tensorflow::meta_graph_def::MetaInfoDef;
use crate::proto::tensorflow::meta_graph_def::SignatureDefEntry;
use crate::proto::tensorflow::op_def::ArgDef;
use crate::proto::tensorflow::op_def::AttrDef;
use crate::proto::tensorflow::*;

fn types(list: &[i32]) -> V {
    V::List(ListValue {
        r#type: list.to_vec(),
        ..ListValue::default()
    })
}

fn shapes(list: &[&[i64]]) -> V {
    V::List(ListValue {
        shape: list.iter().map(|dims| shape(dims)).collect(),
        ..ListValue::default()
    })
}

fn op_def(name: &str, outputs: Vec<ArgDef>) -> OpDef {
    OpDef {
        name: name.to_owned().into(),
        output_arg: outputs,
        ..OpDef::default()
    }
}

fn arg(name: &str, set: impl FnOnce(&mut ArgDef)) -> ArgDef {
    let mut arg = ArgDef {
        name: name.to_owned().into(),
        ..ArgDef::default()
    };
    set(&mut arg);
    arg
}

/// A MetaGraph with something in every field.
fn full() -> MetaGraphDef {
    let mut body = vec![
        node("mul", "Mul", &["x", "x:0"]).attr("T", V::Type(1)),
        node("split", "Split", &["dim", "mul:z:0"]).attr("num_split", V::I(2)),
        node("out", "Identity", &["split:output:1", "^mul"]).attr("T", V::Type(1)),
    ];
    body[0].attr.push(node_def::AttrEntry {
        key: "T".into(),
        value: Some(AttrValue {
            value: Some(V::Type(2)),
        }),
    });
    let function = FunctionDef {
        signature: Some(OpDef {
            name: "f<lambda>".into(),
            input_arg: vec![arg("x", |a| a.r#type = 1), arg("dim", |a| a.r#type = 3)],
            output_arg: vec![arg("y", |a| a.r#type = 1), arg("n", |a| a.r#type = 9)],
            ..OpDef::default()
        }),
        node_def: body,
        ret: vec![function_def::RetEntry {
            key: "y".into(),
            value: "out:output:0".into(),
        }],
        control_ret: vec![function_def::ControlRetEntry {
            key: "c".into(),
            value: "mul".into(),
        }],
        ..FunctionDef::default()
    };
    let graph = GraphDef {
        node: vec![
            node("w", "VariableV2", &[])
                .attr("dtype", V::Type(1))
                .attr("shape", V::Shape(shape(&[3, -1]))),
            node("w/read", "Identity", &["w"]).attr("T", V::Type(1)),
            node("call", "f<lambda>", &["w/read", "w:0", "^w"]),
            node("topk", "TopKV2", &["call:1", "nowhere", "^topk"])
                .attr("_output_shapes", shapes(&[&[1], &[2]])),
            node("odd", "Custom", &["topk:1", "odd:4"]),
        ],
        library: Some(FunctionDefLibrary {
            function: vec![function],
            gradient: vec![GradientDef {
                function_name: "f<lambda>".into(),
                gradient_func: "g".into(),
            }],
            ..FunctionDefLibrary::default()
        }),
        versions: Some(VersionDef {
            producer: 24,
            ..VersionDef::default()
        }),
        ..GraphDef::default()
    };
    let info = MetaInfoDef {
        tags: vec!["serve".into()],
        tensorflow_version: "1.15.0".into(),
        stripped_op_list: Some(OpList {
            op: vec![
                op_def("Identity", vec![arg("output", |a| a.type_attr = "T".into())]),
                op_def("Mul", vec![arg("z", |a| a.type_attr = "T".into())]),
                op_def(
                    "Split",
                    vec![arg("output", |a| {
                        a.type_attr = "T".into();
                        a.number_attr = "num_split".into();
                    })],
                ),
                OpDef {
                    attr: vec![AttrDef {
                        name: "T".into(),
                        default_value: Some(AttrValue {
                            value: Some(V::Type(3)),
                        }),
                        ..AttrDef::default()
                    }],
                    ..op_def(
                        "TopKV2",
                        vec![
                            arg("values", |a| a.type_attr = "T".into()),
                            arg("indices", |a| a.r#type = 3),
                        ],
                    )
                },
            ],
        }),
        ..MetaInfoDef::default()
    };
    MetaGraphDef {
        meta_info_def: Some(info),
        graph_def: Some(graph),
        saver_def: Some(SaverDef {
            save_tensor_name: "save/control_dependency:0".into(),
            ..SaverDef::default()
        }),
        signature_def: vec![SignatureDefEntry {
            key: "serving_default".into(),
            value: Some(SignatureDef {
                method_name: "predict".into(),
                ..SignatureDef::default()
            }),
        }],
        asset_file_def: vec![AssetFileDef {
            filename: "vocab.txt".into(),
            ..AssetFileDef::default()
        }],
        object_graph_def: Some(SavedObjectGraph::default()),
        ..MetaGraphDef::default()
    }
}

fn names(view: GraphView<'_>, ids: &[u32]) -> Vec<String> {
    ids.iter()
        .map(|i| String::from_utf8_lossy(view.nodes().name(*i)).into_owned())
        .collect()
}

/// Asks everything there is to ask. Nothing may panic.
fn touch(meta: &MetaGraph) {
    let _ = (
        meta.meta_info(),
        meta.versions(),
        meta.saver_def(),
        meta.assets(),
        meta.gradients(),
        meta.registered_gradients(),
        meta.savers(),
    );
    for (key, _) in meta.signatures() {
        let _ = meta.signature(key);
    }
    for c in meta.collections() {
        for i in 0..c.len().unwrap_or(0).min(1000) {
            let _ = c.item(i);
        }
    }
    let mut views = vec![meta.graph()];
    for f in meta.functions() {
        let _ = (f.signature(), f.ret(), f.control_ret(), f.attrs());
        views.push(meta.body(f));
    }
    for view in views {
        let index = view.nodes();
        let _ = (index.sorted(), index.duplicates(), index.op_types().count());
        for i in index.ids() {
            let _ = (view.const_value(i), view.node_def(i), view.abridged(i));
            let _ = (view.consumers(i), view.control_consumers(i));
            if let Ok(node) = view.node(i) {
                let _ = view.outputs_of(&node);
                for attr in &node.attrs {
                    let _ = meta.attr_text(attr.value);
                }
                for input in &node.inputs {
                    if let Target::Node(id) = input.target {
                        let _ = view.output_number(id, &input.slot);
                    }
                }
            }
        }
    }
}

#[test]
fn everything_is_found() {
    let m = meta(&full());
    assert!(m.problems().is_empty());
    touch(&m);
    assert_eq!(m.versions().unwrap().unwrap().producer, 24);
    let info = m.meta_info().unwrap();
    assert_eq!(
        (&info.tags[..], info.stripped_op_list),
        (&["serve".into()][..], None)
    );
    assert_eq!(
        m.saver_def().unwrap().unwrap().save_tensor_name,
        "save/control_dependency:0"
    );
    assert_eq!(m.signatures()[0].0, "serving_default");
    assert_eq!(
        m.signature(b"serving_default").unwrap().unwrap().method_name,
        "predict"
    );
    assert_eq!(m.signature(b"other").unwrap(), None);
    assert_eq!(m.assets().unwrap()[0].filename, "vocab.txt");
    assert_eq!(m.gradients().unwrap()[0].gradient_func, "g");
    assert_eq!(m.object_graph_extents().len(), 1);
    assert_eq!(m.op_defs(), ["Identity", "Mul", "Split", "TopKV2"]);
    assert_eq!(
        m.op_def(b"TopKV2").unwrap().unwrap().output_arg[1].name,
        "indices"
    );
    assert_eq!(m.op_def(b"Nope").unwrap(), None);
}

#[test]
fn inputs_outputs_and_consumers() {
    let m = meta(&full());
    let g = m.graph();
    let id = |name: &str| g.nodes().find(name.as_bytes()).unwrap();
    let call = g.node(id("call")).unwrap();
    assert_eq!(
        call.inputs.iter().map(|i| i.target).collect::<Vec<_>>(),
        [
            Target::Node(id("w/read")),
            Target::Node(id("w")),
            Target::Node(id("w"))
        ]
    );
    assert!(call.inputs[2].control && !call.inputs[1].control);
    assert_eq!(g.node(id("topk")).unwrap().inputs[1].target, Target::Missing);
    assert_eq!(names(g, g.consumers(id("w")).unwrap()), ["call", "w/read"]);
    assert_eq!(names(g, g.control_consumers(id("w")).unwrap()), ["call"]);
    assert_eq!(names(g, g.consumers(id("odd")).unwrap()), ["odd"]);
    assert_eq!(names(g, g.control_consumers(id("topk")).unwrap()), ["topk"]);

    let out = |name: &str| g.outputs(id(name)).unwrap();
    let w = &out("w")[..];
    assert_eq!(w[0].dtype_name().unwrap(), "float32_ref");
    assert_eq!(w[0].shape, Some(PartialShape::Dims(vec![3, -1])));
    // The op list, with the default of an attribute that is not there.
    let topk = out("topk");
    assert_eq!(topk.iter().map(|o| o.dtype).collect::<Vec<_>>(), [3, 3]);
    assert_eq!(topk[1].arg, "indices");
    assert_eq!(topk[1].shape, Some(PartialShape::Dims(vec![2])));
    // A function.
    assert_eq!(out("call").iter().map(|o| o.dtype).collect::<Vec<_>>(), [1, 9]);
    // Only use tells.
    let odd = out("odd");
    assert_eq!(odd.len(), 5);
    assert_eq!(
        (odd[4].dtype, odd[4].dtype_name(), &odd[4].shape),
        (0, None, &None)
    );
}

#[test]
fn function_bodies() {
    let m = meta(&full());
    let f = m.function(b"f<lambda>").unwrap();
    assert!(m.function(b"f").is_none());
    assert_eq!(f.ret().unwrap(), [("y".into(), "out:output:0".into())]);
    assert_eq!(f.control_ret().unwrap(), [("c".into(), "mul".into())]);
    assert_eq!(f.signature().unwrap().input_arg.len(), 2);
    let b = m.body(f);
    assert_eq!(b.nodes().len(), 3);
    let mul = b.node(0).unwrap();
    assert_eq!(
        mul.inputs.iter().map(|i| i.target).collect::<Vec<_>>(),
        [Target::Argument(0), Target::Argument(0)]
    );
    assert_eq!(b.outputs(0).unwrap()[0].dtype, 2, "the last of equal attributes");
    let split = b.node(1).unwrap();
    assert_eq!(split.inputs[0].target, Target::Argument(1));
    assert_eq!(split.inputs[1].slot, Slot::Named("z".into(), 0));
    let out = b.node(2).unwrap();
    assert_eq!(b.output_number(1, &out.inputs[0].slot).unwrap(), Some(1));
    assert_eq!(b.output_number(1, &Slot::Named("nope".into(), 0)).unwrap(), None);
    assert_eq!(names(b, b.consumers(0).unwrap()), ["split"]);
    assert_eq!(names(b, b.control_consumers(0).unwrap()), ["out"]);
    assert!(f.has_op(&[b"Split"]) && !f.has_op(&[b"SaveV2"]));
}

#[test]
fn op_types_without_an_op_list() {
    let m = nodes(vec![
        node("s", "Split", &[])
            .attr("num_split", V::I(3))
            .attr("T", V::Type(1)),
        node("huge", "Split", &[]).attr("num_split", V::I(1 << 62)),
        node("restore", "RestoreV2", &[]).attr("dtypes", types(&[1, 7])),
        node("noop", "NoOp", &[]),
        node("arg", "ArgMax", &[]),
        node("hinted", "Unknown", &[]).attr("_output_shapes", shapes(&[&[], &[4]])),
        node("unused", "Unknown", &[]),
        node("far", "Unknown", &["far:4294967295"]),
    ]);
    let g = m.graph();
    let dtypes = |id| g.outputs(id).unwrap().iter().map(|o| o.dtype).collect::<Vec<_>>();
    assert_eq!(dtypes(0), [1, 1, 1]);
    let e = g.outputs(1).unwrap_err().to_string();
    assert!(e.contains("claims 4611686018427387904 outputs"), "{e}");
    assert_eq!(dtypes(2), [1, 7]);
    assert_eq!(dtypes(3), [0; 0]);
    assert_eq!(dtypes(4), [9]);
    assert_eq!(dtypes(5), [0, 0]);
    assert_eq!(dtypes(6), [0; 0]);
    assert!(g.outputs(7).unwrap().len() <= 1 << 20);
}

#[test]
fn duplicates_self_loops_and_nameless_nodes() {
    let m = nodes(vec![
        node("a", "A", &["a", "^a"]),
        node("a", "B", &["a"]),
        node("", "C", &["", ":3", "^"]),
    ]);
    assert_eq!(m.graph().nodes().duplicates(), [1]);
    assert_eq!(m.graph().consumers(0).unwrap(), [0, 1]);
    assert_eq!(m.graph().consumers(1).unwrap(), [0u32; 0]);
    assert_eq!(m.graph().consumers(2).unwrap(), [2]);
    assert!(m.graph().node(3).is_err() && m.graph().consumers(3).unwrap().is_empty());
    touch(&m);
}

#[test]
fn parts_that_stand_several_times_are_merged() {
    let mut bytes = meta_graph_def(graph_def(vec![node("a", "A", &[])])).encode_to_vec();
    bytes.extend(meta_graph_def(graph_def(vec![node("b", "A", &["a"])])).encode_to_vec());
    let info = |i: MetaInfoDef| MetaGraphDef {
        meta_info_def: Some(i),
        ..MetaGraphDef::default()
    };
    bytes.extend(
        info(MetaInfoDef {
            tags: vec!["x".into()],
            tensorflow_version: "1".into(),
            ..MetaInfoDef::default()
        })
        .encode_to_vec(),
    );
    bytes.extend(
        info(MetaInfoDef {
            tags: vec!["y".into()],
            tensorflow_version: "2".into(),
            ..MetaInfoDef::default()
        })
        .encode_to_vec(),
    );
    let m = open_bytes(bytes, Kind::MetaGraph);
    assert_eq!(names(m.graph(), m.graph().nodes().sorted()), ["a", "b"]);
    assert_eq!(m.graph().consumers(0).unwrap(), [1]);
    let info = m.meta_info().unwrap();
    assert_eq!((info.tags.len(), &info.tensorflow_version[..]), (2, &b"2"[..]));
}

#[test]
fn kinds_are_recognised() {
    let graph = full().graph_def.unwrap();
    let saved = SavedModel {
        saved_model_schema_version: 1,
        meta_graphs: vec![full(), MetaGraphDef::default(), full()],
    };
    let versionless = SavedModel {
        saved_model_schema_version: 0,
        meta_graphs: vec![full()],
    };
    let nameless = MetaGraphDef {
        meta_info_def: None,
        ..full()
    };
    let only_library = GraphDef {
        node: Vec::new(),
        ..graph.clone()
    };
    for (bytes, kind, count) in [
        (full().encode_to_vec(), Kind::MetaGraph, 1),
        (nameless.encode_to_vec(), Kind::MetaGraph, 1),
        (graph.encode_to_vec(), Kind::GraphDef, 1),
        (only_library.encode_to_vec(), Kind::GraphDef, 1),
        (saved.encode_to_vec(), Kind::SavedModel, 3),
        (versionless.encode_to_vec(), Kind::SavedModel, 1),
    ] {
        for hint in [None, Some(Kind::MetaGraph), Some(Kind::GraphDef)] {
            let file = open(source(bytes.clone()), hint).unwrap();
            assert_eq!((file.kind, file.meta_graphs.len()), (kind, count));
            assert!(file.problems.is_empty());
            for m in &file.meta_graphs {
                assert!(m.problems().is_empty());
                touch(m);
            }
        }
    }
    let file = open(source(saved.encode_to_vec()), None).unwrap();
    assert_eq!(file.meta_graphs[2].graph().nodes().len(), 5);
    let whole = file.meta_graphs[2]
        .extent()
        .read(file.meta_graphs[2].source().as_ref());
    assert_eq!(MetaGraphDef::decode(&whole.unwrap()[..]).unwrap(), full());
    for bytes in [&b""[..], b"PK\x03\x04", &[0xff; 64]] {
        assert!(open(source(bytes.to_vec()), None).is_err(), "{bytes:?}");
    }
}

#[test]
fn text_files() {
    let text =
        "# a graph\nnode { name: \"a\" op: \"NoOp\" }\nnode { name: \"b\" op: \"NoOp\" input: \"^a\" }\n";
    let file = open(source(text.as_bytes().to_vec()), None).unwrap();
    assert_eq!((file.kind, file.text), (Kind::GraphDef, true));
    let g = file.meta_graphs[0].graph();
    assert_eq!(g.control_consumers(0).unwrap(), [1]);
    let e = open(source(b"node { name: }".to_vec()), None).unwrap_err();
    assert!(e.to_string().starts_with("graph.meta: "), "{e}");
}

#[test]
fn what_stands_before_a_cut_stays() {
    let bytes = full().encode_to_vec();
    let whole = meta(&full());
    let ends: Vec<u64> = whole
        .graph()
        .nodes()
        .ids()
        .map(|i| whole.graph().extent(i).unwrap().end())
        .collect();
    for len in 1..bytes.len() {
        let Ok(file) = open(source(bytes[..len].to_vec()), Some(Kind::MetaGraph)) else {
            // Not even one field.
            assert!(len < 3, "{len}");
            continue;
        };
        assert_eq!(file.kind, Kind::MetaGraph, "{len}");
        let m = &file.meta_graphs[0];
        let expected = ends.iter().filter(|end| **end <= len as u64).count();
        assert_eq!(m.graph().nodes().len(), expected, "{len}");
        for problem in m.problems() {
            assert!(
                problem.path().is_some() && problem.at_offset().is_some(),
                "{problem}"
            );
        }
        touch(m);
    }
    let m = open_bytes(bytes[..ends[3] as usize + 9].to_vec(), Kind::MetaGraph);
    assert_eq!(m.problems().len(), 1, "{:?}", m.problems());
    let text = m.problems()[0].to_string();
    assert!(text.contains("GraphDef.node: a length of"), "{text}");
    assert!(text.contains("cut short"), "{text}");
}

#[test]
fn a_broken_node_does_not_hide_the_others() {
    let mut bytes = graph_def(vec![node("a", "A", &[])]).encode_to_vec();
    // name "b", then a length that runs out of the node.
    bytes.extend([0x0a, 5, 0x0a, 1, b'b', 0x12, 9]);
    bytes.extend(graph_def(vec![node("c", "C", &["b"])]).encode_to_vec());
    let m = open_bytes(bytes, Kind::GraphDef);
    assert_eq!(names(m.graph(), m.graph().nodes().sorted()), ["a", "b", "c"]);
    assert!(
        m.problems()[0].to_string().contains("node 1 \"b\""),
        "{:?}",
        m.problems()
    );
    assert!(m.graph().node(1).is_err() && m.graph().node(2).is_ok());
    assert_eq!(m.graph().consumers(1).unwrap(), [2]);
    touch(&m);
}

#[test]
fn every_flipped_byte_is_survived() {
    let bytes = full().encode_to_vec();
    for at in 0..bytes.len() {
        for flip in [0x01u8, 0x80, 0xff] {
            let mut bytes = bytes.clone();
            bytes[at] ^= flip;
            if let Ok(file) = open(source(bytes), None) {
                file.meta_graphs.iter().for_each(touch);
            }
        }
    }
}

#[test]
fn problems_are_bounded() {
    // A node that is a lone tag, many times.
    let bytes: Vec<u8> = [0x0a, 5, 0x0a, 1, b'b', 0x12, 9].repeat(10_000);
    let m = open_bytes(bytes, Kind::GraphDef);
    assert_eq!(m.graph().nodes().len(), 10_000);
    assert_eq!(m.problems().len(), 101);
    assert!(m.problems()[100].to_string().contains("9900 more"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400), kind in 0usize..4) {
        let hint = [None, Some(Kind::MetaGraph), Some(Kind::GraphDef), Some(Kind::SavedModel)][kind];
        if let Ok(file) = open(source(bytes), hint) {
            file.meta_graphs.iter().for_each(touch);
        }
    }

    #[test]
    fn random_splices(at in any::<prop::sample::Index>(), junk in prop::collection::vec(any::<u8>(), 0..12)) {
        let mut bytes = full().encode_to_vec();
        let at = at.index(bytes.len());
        let end = (at + junk.len()).min(bytes.len());
        bytes.splice(at..end, junk);
        if let Ok(file) = open(source(bytes), None) {
            file.meta_graphs.iter().for_each(touch);
        }
    }

    #[test]
    fn random_tensors(bytes in prop::collection::vec(any::<u8>(), 0..60), dtype in 0u8..35, dims in prop::collection::vec(-2i64..1 << 40, 0..3)) {
        // A plausible head, then junk.
        let mut wire = tensor(i32::from(dtype), &dims).encode_to_vec();
        wire.extend(bytes);
        let source = source(wire.clone());
        let _ = constant::read(source.as_ref(), Extent::new(0, wire.len() as u64));
    }
}
