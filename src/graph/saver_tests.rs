use prost::Message;

use super::*;
use crate::graph::testing::*;
use crate::proto::tensorflow::attr_value::Value as V;
use crate::proto::tensorflow::collection_def;
use crate::proto::tensorflow::meta_graph_def::CollectionDefEntry;
use crate::proto::tensorflow::op_def::ArgDef;
use crate::proto::tensorflow::*;

fn constant(name: &str, values: &[&str]) -> NodeDef {
    node(name, "Const", &[]).attr("value", strings(values))
}

fn saver_nodes() -> Vec<NodeDef> {
    vec![
        node("w", "VariableV2", &[]),
        node("p/part_0", "VarHandleOp", &[]),
        node("p/part_0/Read", "ReadVariableOp", &["p/part_0"]),
        node("p/part_0/Cast", "Cast", &["p/part_0/Read"]),
        node("loop", "Identity", &["loop"]),
        node("save/Const", "Const", &[]),
        constant("save/SaveV2/tensor_names", &["weights", "p", "l", "missing"]),
        constant("save/SaveV2/shape_and_slices", &["", "10 4 0,5:-", ""]),
        node(
            "save/SaveV2",
            "SaveV2",
            &[
                "save/Const",
                "save/SaveV2/tensor_names",
                "save/SaveV2/shape_and_slices",
                "w",
                "p/part_0/Cast",
                "loop",
                "gone",
                "^w",
            ],
        ),
        constant("save_1/names", &["other"]),
        node("save_1/Save", "Save", &["save/Const", "save_1/names", "w"]),
    ]
}

fn with_saver(def: MetaGraphDef, scope: &str) -> MetaGraphDef {
    MetaGraphDef {
        saver_def: Some(SaverDef {
            save_tensor_name: format!("{scope}/control_dependency:0").into(),
            restore_op_name: format!("{scope}/restore_all").into(),
            ..SaverDef::default()
        }),
        ..def
    }
}

#[test]
fn save_constants_tell_the_keys() {
    let m = meta(&with_saver(meta_graph_def(graph_def(saver_nodes())), "save"));
    let savers = m.savers();
    let g = m.graph();
    let id = |name: &str| g.nodes().find(name.as_bytes()).unwrap();
    assert_eq!(savers.savers().len(), 2);
    let save = &savers.savers()[0];
    assert_eq!(
        (&save.scope[..], &save.ops[..], save.restores),
        (&b"save"[..], &[id("save/SaveV2")][..], false)
    );
    assert!(save.saver_def.is_some() && savers.savers()[1].saver_def.is_none());
    let entries: Vec<_> = save
        .entries
        .iter()
        .map(|e| (&e.key[..], &e.slice[..], e.variable))
        .collect();
    assert_eq!(
        entries,
        [
            (&b"weights"[..], &b""[..], Some(id("w"))),
            (b"p", b"10 4 0,5:-", Some(id("p/part_0"))),
            (b"l", b"", None),
            (b"missing", b"", None),
        ]
    );
    assert_eq!(save.entries[3].tensor, Target::Missing);
    assert_eq!(&savers.key_of(id("w")).unwrap().key[..], b"weights");
    assert_eq!(&savers.key_of(id("p/part_0")).unwrap().slice[..], b"10 4 0,5:-");
    assert_eq!(savers.variable_keys().count(), 2);
    // The other saver is the graph's own.
    let m = meta(&with_saver(meta_graph_def(graph_def(saver_nodes())), "save_1"));
    assert_eq!(&m.savers().savers()[0].scope[..], b"save_1");
    assert_eq!(&m.savers().key_of(id("w")).unwrap().key[..], b"other");
}

#[test]
fn restore_ops_where_nothing_saves() {
    let m = nodes(vec![
        node("a", "VarHandleOp", &[]),
        node("b", "VariableV2", &[]),
        node("f", "Const", &[]),
        constant("n", &["ka", "kb", "kc"]),
        constant("s", &["", "", ""]),
        node("save/RestoreV2", "RestoreV2", &["f", "n", "s"]),
        node("save/Identity", "Identity", &["save/RestoreV2"]),
        node("assign_a", "AssignVariableOp", &["a", "save/Identity"]),
        node("assign_b", "Assign", &["b", "save/RestoreV2:1"]),
    ]);
    let saver = &m.savers().savers()[0];
    assert!(saver.restores);
    let entries: Vec<_> = saver.entries.iter().map(|e| (&e.key[..], e.variable)).collect();
    assert_eq!(entries, [(&b"ka"[..], Some(0)), (b"kb", Some(1)), (b"kc", None)]);
    assert_eq!(saver.entries[1].slot, Slot::Index(1));
}

#[test]
fn functions_that_save() {
    let argument = |name: &str| ArgDef {
        name: name.to_owned().into(),
        ..ArgDef::default()
    };
    let function = FunctionDef {
        signature: Some(OpDef {
            name: "__inference__traced_save_9".into(),
            input_arg: vec![argument("prefix"), argument("v"), argument("w")],
            ..OpDef::default()
        }),
        node_def: vec![
            constant("SaveV2/tensor_names", &["v/.ATTRIBUTES/VARIABLE_VALUE", "w"]),
            constant("SaveV2/shape_and_slices", &["", ""]),
            node("Read", "ReadVariableOp", &["w"]),
            node(
                "SaveV2",
                "SaveV2",
                &[
                    "prefix",
                    "SaveV2/tensor_names:output:0",
                    "SaveV2/shape_and_slices:output:0",
                    "v",
                    "Read:value:0",
                ],
            ),
        ],
        ..FunctionDef::default()
    };
    let call = NameAttrList {
        name: "__inference__traced_save_9".into(),
        ..NameAttrList::default()
    };
    let mut def = meta_graph_def(graph_def(vec![
        node("x", "VarHandleOp", &[]),
        node("x/Read", "ReadVariableOp", &["x"]),
        node("y", "VarHandleOp", &[]),
        node("file", "Placeholder", &[]),
        node("call", "StatefulPartitionedCall", &["file", "x/Read", "y"]).attr("f", V::Func(call)),
    ]));
    def.graph_def.as_mut().unwrap().library = Some(FunctionDefLibrary {
        function: vec![function],
        ..FunctionDefLibrary::default()
    });
    def.saver_def = Some(SaverDef {
        save_tensor_name: "call:0".into(),
        ..SaverDef::default()
    });
    let m = meta(&def);
    let saver = &m.savers().savers()[0];
    assert_eq!(
        saver.function.as_deref(),
        Some(&b"__inference__traced_save_9"[..])
    );
    assert!(saver.saver_def.is_some());
    assert_eq!(saver.entries[0].tensor, Target::Argument(1));
    assert_eq!(
        saver.entries.iter().map(|e| e.variable).collect::<Vec<_>>(),
        [Some(0), Some(2)]
    );
    assert_eq!(
        &m.savers().key_of(0).unwrap().key[..],
        b"v/.ATTRIBUTES/VARIABLE_VALUE"
    );
}

#[test]
fn collections_are_the_last_resort() {
    let variable = |name: &str, slice: Option<SaveSliceInfoDef>| {
        VariableDef {
            variable_name: name.to_owned().into(),
            save_slice_info_def: slice,
            ..VariableDef::default()
        }
        .encode_to_vec()
        .into()
    };
    let slice = SaveSliceInfoDef {
        full_name: "p".into(),
        full_shape: vec![10, 4],
        var_offset: vec![5, 0],
        var_shape: vec![5, 4],
    };
    let list = collection_def::BytesList {
        value: vec![
            variable("w:0", None),
            variable("p/part_1:0", Some(slice)),
            variable("gone:0", None),
            variable("w:1", None),
            vec![0xffu8].into(),
        ],
    };
    let mut def = meta_graph_def(graph_def(vec![
        node("w", "VariableV2", &[]),
        node("p/part_1", "VariableV2", &[]),
    ]));
    def.collection_def = vec![CollectionDefEntry {
        key: "variables".into(),
        value: Some(CollectionDef {
            kind: Some(collection_def::Kind::BytesList(list)),
        }),
    }];
    let m = meta(&def);
    assert!(m.savers().savers().is_empty());
    let keys: Vec<_> = m
        .savers()
        .variable_keys()
        .map(|(n, k)| (n, &k.key[..], &k.slice[..]))
        .collect();
    assert_eq!(keys, [(0, &b"w"[..], &b""[..]), (1, b"p", b"10 4 5,5:0,4")]);
}

#[test]
fn names_that_are_not_constant_are_a_problem() {
    let m = nodes(vec![
        node("n", "Placeholder", &[]),
        node("save/SaveV2", "SaveV2", &["n", "n", "n", "n"]),
        node("save/SaveV2_1", "SaveV2", &[]),
    ]);
    let saver = &m.savers().savers()[0];
    assert_eq!((saver.ops.len(), saver.entries.len()), (2, 0));
    let text: Vec<_> = saver.problems.iter().map(ToString::to_string).collect();
    assert!(text[0].contains("input 1 is not a constant"), "{text:?}");
    assert!(text[1].contains("input 1 leads nowhere"), "{text:?}");
}

#[test]
fn claims_cost_nothing() {
    // A hundred bytes that claim 2^40 keys, and many ops that share one long list of keys.
    let many = TensorProto {
        string_val: vec!["k".into()],
        ..tensor(7, &[1 << 40])
    };
    let m = nodes(vec![
        node("n", "Const", &[]).attr("value", V::Tensor(many)),
        node("r", "RestoreV2", &["n", "n", "n"]),
    ]);
    assert_eq!(m.savers().savers()[0].entries.len(), 1);
    let mut list = vec![constant("n", &[""; 20_000])];
    list.extend((0..300).map(|i| node(&format!("s{i}/r"), "RestoreV2", &["n", "n", "n"])));
    let m = nodes(list);
    let total: usize = m.savers().savers().iter().map(|s| s.entries.len()).sum();
    assert!((20_000..2_000_000).contains(&total), "{total}");
    let problem = m
        .savers()
        .savers()
        .iter()
        .flat_map(|s| &s.problems)
        .next()
        .unwrap();
    assert!(problem.to_string().contains("too often"), "{problem}");
}
