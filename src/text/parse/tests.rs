use prost::Message as _;

use super::*;
use crate::proto::tensorflow::AttrValue;
use crate::proto::tensorflow::NodeDef;
use crate::proto::tensorflow::SaverDef;
use crate::proto::tensorflow::TensorProto;
use crate::proto::tensorflow::attr_value::Value;
use crate::text::Options;
use crate::text::print;

fn wire(message: &str, text: &str) -> Vec<u8> {
    parse(message, text.as_bytes(), &ParseOptions::default())
        .unwrap()
        .wire
}

fn error(message: &str, text: &str) -> String {
    let options = ParseOptions {
        refuse_duplicates: true,
        ..ParseOptions::default()
    };
    parse(message, text.as_bytes(), &options).unwrap_err().to_string()
}

#[test]
fn a_state_file_with_all_its_liberties() {
    let text = "# written by hand\n\
        model_checkpoint_path: 'C:\\\\m' \"\\x2dckpt\" ;\n\
        all_model_checkpoint_paths: [\"a\", 'b' 'c'],\n\
        all_model_checkpoint_paths: \"caf\\303\\251\"\n\
        all_model_checkpoint_timestamps: [1.5e9, inf, - 2]\n\
        all_model_checkpoint_timestamps: 1f\n\
        model_checkpoint_path: \"last\"\n\
        future_field { x: [1, 'y'] [a.b/c] <z: -inf> } another: [{}, <>]\n\
        last_preserved_timestamp: 1583942341.8453548";
    let options = ParseOptions {
        skip_unknown: true,
        ..ParseOptions::default()
    };
    let parsed = parse("tensorflow.CheckpointState", text.as_bytes(), &options).unwrap();
    assert_eq!(
        print("tensorflow.CheckpointState", &parsed.wire, &Options::default()).unwrap(),
        "model_checkpoint_path: \"last\"\n\
         all_model_checkpoint_paths: \"a\"\nall_model_checkpoint_paths: \"bc\"\n\
         all_model_checkpoint_paths: \"café\"\n\
         all_model_checkpoint_timestamps: 1500000000.0\nall_model_checkpoint_timestamps: inf\n\
         all_model_checkpoint_timestamps: -2.0\nall_model_checkpoint_timestamps: 1.0\n\
         last_preserved_timestamp: 1583942341.8453548\n"
    );
    assert_eq!(
        parsed.warnings,
        [
            "line 8, column 1: tensorflow.CheckpointState has no field \"future_field\": skipped",
            "line 8, column 48: tensorflow.CheckpointState has no field \"another\": skipped",
        ]
    );
}

#[test]
fn values_reach_the_types() {
    let text = "dtype: DT_INT32 tensor_shape <dim { size: 0x10 } dim: { size: 010 name: 'n' }>\n\
        int_val: [1, -1] int_val: 2 bool_val: true bool_val: f bool_val: 0 float_val: [] float8_val: '\\001'";
    let tensor = TensorProto::decode(&wire("tensorflow.TensorProto", text)[..]).unwrap();
    assert_eq!(tensor.dtype, 3);
    let shape = tensor.tensor_shape.unwrap();
    assert_eq!(shape.dim.iter().map(|d| d.size).collect::<Vec<_>>(), [16, 8]);
    assert_eq!(tensor.int_val, [1, -1, 2]);
    assert_eq!(tensor.bool_val, [true, false, false]);
    assert_eq!(&tensor.float8_val[..], b"\x01");
    let saver = SaverDef::decode(
        &wire(
            "tensorflow.SaverDef",
            "version: 2, sharded: True; max_to_keep: -1",
        )[..],
    );
    let saver = saver.unwrap();
    assert_eq!((saver.version, saver.sharded, saver.max_to_keep), (2, true, -1));
    // One packed field, as protobuf would write it, closed by whatever comes next.
    assert_eq!(
        wire(
            "tensorflow.VersionDef",
            "bad_consumers: 1 bad_consumers: [2,300] producer: 7 bad_consumers: 4"
        ),
        b"\x1a\x04\x01\x02\xac\x02\x08\x07\x1a\x01\x04"
    );
}

#[test]
fn map_entries_are_whole_on_the_wire() {
    // As protobuf writes them, though text leaves defaults out.
    let text = "ret {} ret { value: 'x' } arg_attr { value {} } resource_arg_unique_id { key: 3 }";
    assert_eq!(
        wire("tensorflow.FunctionDef", text),
        b"\x22\x04\x0a\0\x12\0\x22\x05\x0a\0\x12\x01x\x3a\x04\x08\0\x12\0\x42\x04\x08\x03\x10\0"
    );
}

#[test]
fn what_is_inside_an_any() {
    let text = "any_list { value { [type.googleapis.com/tensorflow.NodeDef]: { name: 'n' } } }";
    let wire = wire("tensorflow.CollectionDef", text);
    let text = print("tensorflow.CollectionDef", &wire, &Options::default()).unwrap();
    assert!(
        text.contains("[type.googleapis.com/tensorflow.NodeDef] {\n      name: \"n\""),
        "{text}"
    );
    let e = error("google.protobuf.Any", "[x/y.Z] {}");
    assert_eq!(e, "line 1, column 1: type [x/y.Z] is not known");
    let e = error("tensorflow.NodeDef", "\n [my.ext]: 5");
    assert_eq!(e, "line 2, column 2: extension [my.ext] is not known");
}

#[test]
fn errors_say_where_and_what() {
    let node = |text| error("tensorflow.NodeDef", text);
    assert_eq!(
        node("name: 'a'\nnam: 'b'"),
        "line 2, column 1: tensorflow.NodeDef has no field \"nam\""
    );
    assert_eq!(
        node("name 'a'"),
        "line 1, column 6: expected \":\" after name, found a string"
    );
    assert_eq!(
        node("name: a"),
        "line 1, column 7: expected a string in quotes, found \"a\""
    );
    assert_eq!(
        node("attr {\n key: 'a'"),
        "line 2, column 10: expected the name of a field, found the end of the text"
    );
    assert_eq!(
        node("input: ['a' 'b'; 'c']"),
        "line 1, column 16: expected \",\" or \"]\", found \";\""
    );
    assert_eq!(
        node("name: ['a']"),
        "line 1, column 7: expected a string in quotes, found \"[\""
    );
    assert_eq!(
        node("name: 'a\\q'"),
        "line 1, column 7: an escape that does not exist"
    );
    assert_eq!(
        node("name: 'a' name: 'b'"),
        "line 1, column 11: name is given twice"
    );
    assert_eq!(
        node("attr { value { i: 1 s: '' } }"),
        "line 1, column 21: s is given, but i excludes it"
    );
    assert_eq!(
        node("attr { value { i: 9223372036854775808 } }"),
        "line 1, column 19: expected an integer of 64 bits, found \"9223372036854775808\""
    );
    assert_eq!(
        node("attr { value { type: DT_NOPE } }"),
        "line 1, column 22: a value of tensorflow.DataType is not \"DT_NOPE\""
    );
    assert_eq!(
        node("}"),
        "line 1, column 1: expected the name of a field, found \"}\""
    );
    assert_eq!(
        node("attr { > "),
        "line 1, column 8: expected the name of a field, found \">\""
    );
    assert_eq!(
        node("\u{e9}"),
        "line 1, column 1: expected the name of a field, found \"\\xc3\""
    );
    assert!(parse("tensorflow.Nope", b"", &ParseOptions::default()).is_err());
}

#[test]
fn nesting_is_bounded() {
    let deep = |n| "args {".repeat(n) + &"}".repeat(n);
    assert!(
        parse(
            "tensorflow.FullTypeDef",
            deep(MAX_DEPTH).as_bytes(),
            &ParseOptions::default()
        )
        .is_ok()
    );
    let e = error("tensorflow.FullTypeDef", &deep(MAX_DEPTH + 1));
    assert!(e.contains("nested too deep"), "{e}");
    let lenient = ParseOptions {
        skip_unknown: true,
        ..ParseOptions::default()
    };
    let text = "x {".repeat(100_000);
    assert!(parse("tensorflow.NodeDef", text.as_bytes(), &lenient).is_err());
}

#[test]
fn warnings_are_bounded() {
    let lenient = ParseOptions {
        skip_unknown: true,
        ..ParseOptions::default()
    };
    let text = "x: 1 ".repeat(5000);
    let parsed = parse("tensorflow.NodeDef", text.as_bytes(), &lenient).unwrap();
    assert_eq!(parsed.warnings.len(), MAX_WARNINGS);
    assert_eq!(parsed.wire, b"");
}

#[test]
fn long_messages_get_long_lengths() {
    let name = "n".repeat(70_000);
    let text = format!("attr {{ key: 'k' value {{ s: '{name}' }} }} name: 'x'");
    let node = NodeDef::decode(&wire("tensorflow.NodeDef", &text)[..]).unwrap();
    let AttrValue {
        value: Some(Value::S(s)),
    } = node.attr[0].value.clone().unwrap()
    else {
        panic!()
    };
    assert_eq!(s.len(), 70_000);
    assert_eq!(&node.name[..], b"x");
}

/// A message that is well-formed on the wire, drawn from `seed`, of any fields in any order.
fn arbitrary(message: &Message, seed: &mut impl FnMut() -> u64, depth: u32) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..seed() % 5 {
        let Some(field) = message.fields.get(seed() as usize % message.fields.len().max(1)) else {
            continue;
        };
        let number = seed().checked_shr(seed() as u32 % 64).unwrap();
        match field.kind {
            Kind::Message(_) if depth == 0 => {}
            Kind::Message(i) => {
                push_tag(&mut out, field.number, 2);
                let inner = arbitrary(descriptor::pool().message(i).unwrap(), seed, depth - 1);
                push_varint(&mut out, inner.len() as u64);
                out.extend(inner);
            }
            Kind::String | Kind::Bytes => {
                push_tag(&mut out, field.number, 2);
                let bytes = number.to_le_bytes();
                push_varint(&mut out, 8);
                out.extend(bytes);
            }
            Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => {
                push_tag(&mut out, field.number, 5);
                out.extend((number as u32).to_le_bytes());
            }
            Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => {
                push_tag(&mut out, field.number, 1);
                out.extend(number.to_le_bytes());
            }
            _ => {
                push_tag(&mut out, field.number, 0);
                push_varint(&mut out, number);
            }
        }
    }
    out
}

proptest::proptest! {
    #[test]
    fn messages_round_trip(mut state in proptest::num::u64::ANY) {
        let mut seed = || {
            // splitmix64
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        };
        for name in ["tensorflow.NodeDef", "tensorflow.MetaGraphDef", "tensorflow.GraphDebugInfo", "tensorflow.SavedObject"] {
            let message = descriptor::message(name).unwrap();
            let wire = arbitrary(message, &mut seed, 8);
            let text = print(name, &wire, &Options::default()).unwrap();
            let strict = ParseOptions { refuse_duplicates: true, ..ParseOptions::default() };
            let parsed = parse(name, text.as_bytes(), &strict).unwrap();
            assert_eq!(print(name, &parsed.wire, &Options::default()).unwrap(), text);
            // What was read is in order: reading its text again gives the same bytes.
            assert_eq!(parse(name, text.as_bytes(), &strict).unwrap(), parsed);
        }
    }

    #[test]
    fn any_text_parses_or_fails(text in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let lenient = ParseOptions { skip_unknown: true, ..ParseOptions::default() };
        let _ = parse("tensorflow.NodeDef", &text, &lenient);
    }

    #[test]
    fn any_tokens_parse_or_fail(tokens in proptest::collection::vec(0usize..24, 0..60)) {
        const TOKENS: [&str; 24] = [
            "name", "attr", "key", "value", "list", "type", "i", "x", ":", "{", "}", "<", ">", "[", "]",
            ",", ";", "'a'", "\"\\377\"", "-1", "DT_FLOAT", "# c\n", "[a/google.protobuf.Any]", "-",
        ];
        let text: Vec<_> = tokens.iter().map(|i| TOKENS[*i]).collect();
        for skip_unknown in [false, true] {
            let options = ParseOptions { skip_unknown, ..ParseOptions::default() };
            if let Ok(parsed) = parse("tensorflow.NodeDef", text.join(" ").as_bytes(), &options) {
                print("tensorflow.NodeDef", &parsed.wire, &Options::default()).unwrap();
            }
        }
    }
}
