use prost::Message as _;

use super::*;
use crate::proto::tensorflow::AttrValue;
use crate::proto::tensorflow::GraphDef;
use crate::proto::tensorflow::NodeDef;
use crate::proto::tensorflow::TensorProto;
use crate::proto::tensorflow::attr_value;
use crate::proto::tensorflow::node_def::AttrEntry;

fn show(message: &str, wire: &[u8]) -> String {
    print(message, wire, &Options::default()).unwrap()
}

fn constant(content: &[u8]) -> NodeDef {
    NodeDef {
        name: "c".into(),
        attr: vec![AttrEntry {
            key: "value".into(),
            value: Some(AttrValue {
                value: Some(attr_value::Value::Tensor(TensorProto {
                    dtype: 3,
                    tensor_content: content.to_vec().into(),
                    int_val: vec![7; content.len()],
                    ..TensorProto::default()
                })),
            }),
        }],
        ..NodeDef::default()
    }
}

#[test]
fn payloads_over_the_limit_become_comments() {
    let wire = constant(&[1; 9]).encode_to_vec();
    let options = Options {
        elide_over: Some(8),
        note: "see @value.npy",
        ..Options::default()
    };
    let text = print("tensorflow.NodeDef", &wire, &options).unwrap();
    assert!(
        text.contains("      # tensor_content: 9 bytes, see @value.npy\n"),
        "{text}"
    );
    assert!(
        text.contains("      # int_val: 9 bytes, see @value.npy\n"),
        "{text}"
    );
    assert!(text.contains("dtype: DT_INT32"), "{text}");
    let under = constant(&[1; 8]).encode_to_vec();
    assert_eq!(
        print("tensorflow.NodeDef", &under, &options).unwrap(),
        show("tensorflow.NodeDef", &under)
    );
}

#[test]
fn a_graph_prints_node_by_node() {
    let graph = GraphDef {
        node: vec![constant(b"x"), constant(b"")],
        ..GraphDef::default()
    };
    let wire = graph.encode_to_vec();
    let whole = show("tensorflow.GraphDef", &wire);
    let mut parts = String::new();
    let mut reader = wire::Reader::new(&wire);
    while let Some(field) = reader.field().unwrap() {
        print_field_into(&mut parts, "tensorflow.GraphDef", field, &Options::default()).unwrap();
    }
    assert_eq!(parts, whole);
    let indented = Options {
        indent: 1,
        ..Options::default()
    };
    let text = print("tensorflow.GraphDef", &wire, &indented).unwrap();
    assert!(text.lines().all(|l| l.starts_with("  ")));
    assert_eq!(
        measure("tensorflow.GraphDef", &wire, &indented).unwrap(),
        text.len() as u64
    );
    // A map's entry, alone.
    let node = constant(b"").encode_to_vec();
    let mut reader = wire::Reader::new(&node);
    let (_, attr) = (reader.field().unwrap(), reader.field().unwrap().unwrap());
    let mut text = String::new();
    print_field_into(&mut text, "tensorflow.NodeDef", attr, &Options::default()).unwrap();
    assert!(text.starts_with("attr {\n  key: \"value\"\n"), "{text}");
}

#[test]
fn unknown_fields_are_comments() {
    let wire = [
        &b"\x0d\x01\x00\x00\x00"[..],  // 1 (a string) as fixed32
        b"\xfa\x01\x02x\xff",          // 31
        b"\x0a\x01n",                  // 1
        b"\xf8\x01\x05",               // 31
        b"\xf3\x01\x08\x01\xf4\x01",   // 30, a group
        b"\xe9\x01\0\0\0\0\0\0\0\x80", // 29
    ]
    .concat();
    // The group's tags name field 30.
    let text = show("tensorflow.NodeDef", &wire);
    assert_eq!(
        text,
        "name: \"n\"\n# field 1: 0x00000001\n# field 31: \"x\\377\"\n# field 31: 5\n\
         # field 30: a group of 2 bytes\n# field 29: 0x8000000000000000\n"
    );
}

#[test]
fn damage_is_an_error_with_its_offset() {
    let e = print("tensorflow.NodeDef", b"\x0a\x01n\x12\x05ab", &Options::default()).unwrap_err();
    assert!(e.to_string().contains("only 2 are left"), "{e}");
    assert!(print("tensorflow.VersionDef", b"\x1a\x01\x80", &Options::default()).is_err());
    assert!(print("tensorflow.Nope", b"", &Options::default()).is_err());
}

#[test]
fn names_that_are_not_utf8_print() {
    assert_eq!(
        show("tensorflow.NodeDef", b"\x0a\x03a\xff\xc3"),
        "name: \"a\\377\\303\"\n"
    );
}

#[test]
fn an_any_that_is_not_what_it_says_stays_closed() {
    for (url, value) in [
        (&b"x/tensorflow.NodeDef"[..], &b"\x0a\x05n"[..]),
        (b"x]/tensorflow.NodeDef", b"\x0a\x01n"),
        (b"x\xff/tensorflow.NodeDef", b"\x0a\x01n"),
        (b"tensorflow.NodeDef", b"\x0a\x01n"),
    ] {
        let mut wire = vec![0x0a, url.len() as u8];
        wire.extend(url);
        wire.extend([0x12, value.len() as u8]);
        wire.extend(value);
        assert!(show("google.protobuf.Any", &wire).starts_with("type_url: "));
    }
    // Any's own unknown fields show beside what is inside.
    let wire = b"\x18\x07\x12\x03\x0a\x01n\x0a\x14x/tensorflow.NodeDef";
    assert_eq!(
        show("google.protobuf.Any", wire),
        "[x/tensorflow.NodeDef] {\n  name: \"n\"\n}\n# field 3: 7\n"
    );
}

#[test]
fn nesting_is_bounded() {
    let mut wire = Vec::new();
    for _ in 0..2000 {
        let mut outer = vec![0x12];
        prost::encoding::encode_varint(wire.len() as u64, &mut outer);
        outer.extend(&wire);
        wire = outer;
    }
    let text = show("tensorflow.FullTypeDef", &wire);
    assert_eq!(text.matches("args {").count(), MAX_DEPTH);
    assert!(text.contains("# nested too deep: "));
    // Inside an Any it counts from there.
    let mut any = b"\x0a\x18x/tensorflow.FullTypeDef\x12".to_vec();
    prost::encoding::encode_varint(wire.len() as u64, &mut any);
    any.extend(&wire);
    assert!(show("google.protobuf.Any", &any).starts_with("type_url: "));
}

#[test]
fn a_writer_may_stop() {
    struct Short(usize);
    impl fmt::Write for Short {
        fn write_str(&mut self, s: &str) -> fmt::Result {
            self.0 = self.0.checked_sub(s.len()).ok_or(fmt::Error)?;
            Ok(())
        }
    }
    let wire = constant(&[1; 9]).encode_to_vec();
    let e = print_into(&mut Short(20), "tensorflow.NodeDef", &wire, &Options::default()).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::TooLarge);
}

proptest::proptest! {
    #[test]
    fn any_bytes_print_or_fail(wire in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        for message in ["tensorflow.MetaGraphDef", "tensorflow.NodeDef", "tensorflow.TensorProto", "google.protobuf.Any"] {
            let options = Options { elide_over: Some(8), ..Options::default() };
            if let Ok(text) = print(message, &wire, &options) {
                assert_eq!(measure(message, &wire, &options).unwrap(), text.len() as u64);
            }
        }
    }
}
