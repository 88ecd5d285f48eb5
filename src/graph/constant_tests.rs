use super::*;
use crate::graph::testing::*;
use crate::proto::tensorflow::TensorProto;
use crate::proto::tensorflow::attr_value::Value as V;

fn value(t: TensorProto) -> Result<ConstValue> {
    nodes(vec![node("c", "Const", &[]).attr("value", V::Tensor(t))])
        .graph()
        .const_value(0)
}

/// The stored bytes and the fill of a tensor of fixed width.
fn fixed_bytes(t: TensorProto) -> (Vec<u8>, Vec<u8>, u64) {
    let meta = nodes(vec![node("c", "Const", &[]).attr("value", V::Tensor(t))]);
    let value = meta.graph().const_value(0).unwrap();
    match value.data {
        ConstData::Fixed {
            stored, fill, count, ..
        } => (
            stored.read(meta.source().as_ref()).unwrap().to_vec(),
            fill.to_vec(),
            count,
        ),
        ConstData::Strings { .. } => panic!("strings"),
    }
}

fn text(t: TensorProto) -> String {
    value(t).unwrap_err().to_string()
}

#[test]
fn content_stays_in_the_file() {
    let t = TensorProto {
        tensor_content: vec![1u8, 2, 3, 4, 5, 6, 7, 8].into(),
        ..tensor(1, &[2])
    };
    let v = value(t.clone()).unwrap();
    assert!(matches!(
        v.data,
        ConstData::Fixed {
            stored: Stored::File(Extent { len: 8, .. }),
            count: 2,
            ..
        }
    ));
    assert_eq!(v.byte_len(), Some(8));
    assert_eq!(fixed_bytes(t.clone()).0, [1, 2, 3, 4, 5, 6, 7, 8]);
    let wrong = TensorProto {
        tensor_shape: Some(shape(&[3])),
        ..t
    };
    assert!(text(wrong).contains("tensor_content has 8 bytes, 3 elements of 4"));
}

#[test]
fn lists_repeat_their_last_value() {
    let t = TensorProto {
        int_val: vec![1, -2],
        ..tensor(3, &[1 << 20, 1 << 20])
    };
    let (stored, fill, count) = fixed_bytes(t.clone());
    assert_eq!(stored, [1, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff]);
    assert_eq!((fill, count), (vec![0xfe, 0xff, 0xff, 0xff], 2));
    assert_eq!(value(t).unwrap().elements, 1 << 40);
    // Longer: the rest is ignored. Empty: zeros.
    let t = TensorProto {
        int_val: vec![1, 2, 3],
        ..tensor(5, &[2])
    };
    assert_eq!(fixed_bytes(t), (vec![1, 0, 2, 0], vec![], 2));
    assert_eq!(fixed_bytes(tensor(9, &[2])), (vec![], vec![0; 8], 0));
    // No elements: nothing at all.
    let t = TensorProto {
        int_val: vec![1],
        ..tensor(3, &[0, 1 << 62, 1 << 62])
    };
    assert_eq!(fixed_bytes(t), (vec![], vec![], 0));
}

#[test]
fn every_list_is_read() {
    type Set = fn(&mut TensorProto);
    let cases: [(i32, Set, &[u8]); 14] = [
        (1, |t| t.float_val = vec![1.0], &[0, 0, 0x80, 0x3f]),
        (2, |t| t.double_val = vec![1.0], &[0, 0, 0, 0, 0, 0, 0xf0, 0x3f]),
        (4, |t| t.int_val = vec![255], &[255]),
        (
            8,
            |t| t.scomplex_val = vec![1.0, -1.0, 5.0],
            &[0, 0, 0x80, 0x3f, 0, 0, 0x80, 0xbf],
        ),
        (
            18,
            |t| t.dcomplex_val = vec![0.0, 1.0],
            &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f],
        ),
        (9, |t| t.int64_val = vec![-1], &[255; 8]),
        (10, |t| t.bool_val = vec![true], &[1]),
        (14, |t| t.half_val = vec![0x3f80], &[0x80, 0x3f]),
        (19, |t| t.half_val = vec![0x3c00], &[0, 0x3c]),
        (22, |t| t.uint32_val = vec![u32::MAX], &[255; 4]),
        (23, |t| t.uint64_val = vec![u64::MAX], &[255; 8]),
        (25, |t| t.float8_val = vec![0x38u8].into(), &[0x38]),
        (29, |t| t.int_val = vec![0x0f], &[0xff]),
        (30, |t| t.int_val = vec![0xff], &[0x0f]),
    ];
    for (dtype, set, expected) in cases {
        let mut t = tensor(dtype, &[]);
        set(&mut t);
        assert_eq!(fixed_bytes(t).0, expected, "{dtype}");
    }
}

#[test]
fn narrow_types_lose_stray_bits() {
    for (dtype, expected) in [(29, [0xf9, 7]), (30, [9, 7]), (31, [1, 0xff]), (32, [1, 3])] {
        let t = TensorProto {
            tensor_content: vec![0xa9u8, 0x57].into(),
            ..tensor(dtype, &[2])
        };
        assert_eq!(fixed_bytes(t).0, expected, "{dtype}");
    }
}

#[test]
fn packed_and_single_numbers_mix() {
    // float_val packed [1.0], then single 2.0, then packed [3.0]; shape [4], dtype float.
    let mut wire = vec![0x08, 1, 0x12, 4, 0x12, 2, 0x08, 4];
    wire.extend([
        0x2a, 4, 0, 0, 0x80, 0x3f, 0x2d, 0, 0, 0, 0x40, 0x2a, 4, 0, 0, 0x40, 0x40,
    ]);
    let source = source(wire.clone());
    let v = read(source.as_ref(), Extent::new(0, wire.len() as u64)).unwrap();
    let ConstData::Fixed {
        stored, fill, count, ..
    } = v.data
    else {
        panic!()
    };
    let expected: Vec<u8> = [1.0f32, 2.0, 3.0].iter().flat_map(|f| f.to_le_bytes()).collect();
    assert_eq!(stored, Stored::Memory(expected.into()));
    assert_eq!((count, &fill[..]), (3, &3.0f32.to_le_bytes()[..]));
}

#[test]
fn strings_of_both_kinds() {
    let t = TensorProto {
        string_val: vec!["a".into(), "bc".into()],
        ..tensor(7, &[4])
    };
    let v = value(t).unwrap();
    let all: Vec<_> = (0..5).map(|i| v.string(i)).collect();
    assert_eq!(
        all,
        [Some(&b"a"[..]), Some(b"bc"), Some(b"bc"), Some(b"bc"), None]
    );
    let t = TensorProto {
        tensor_content: vec![1u8, 0, 2, b'x', b'y', b'z'].into(),
        ..tensor(7, &[3])
    };
    let v = value(t.clone()).unwrap();
    assert_eq!(
        [v.string(0), v.string(1), v.string(2)],
        [Some(&b"x"[..]), Some(b""), Some(b"yz")]
    );
    for content in [
        &[1u8, 0, 3, b'x', b'y', b'z'][..],
        &[1, 0, 1, b'x', b'y', b'z'],
        &[1, 0],
    ] {
        let t = TensorProto {
            tensor_content: content.to_vec().into(),
            ..t.clone()
        };
        assert!(value(t).is_err());
    }
    let v = value(tensor(7, &[1 << 40])).unwrap();
    assert_eq!(v.string((1 << 40) - 1), Some(&b""[..]));
}

#[test]
fn impossible_shapes_are_refused() {
    assert!(text(tensor(1, &[2, -5])).contains("a dimension of -5"));
    assert!(text(tensor(1, &[1 << 62, 4])).contains("does not fit 63 bits"));
    assert!(text(tensor(20, &[])).contains("resource"));
    assert!(text(tensor(77, &[])).contains("unknown type 77"));
    let mut unknown = tensor(1, &[]);
    unknown.tensor_shape.as_mut().unwrap().unknown_rank = true;
    assert!(text(unknown).contains("unknown rank"));
    assert!(text(tensor(1, &[1; 300])).contains("300 dimensions"));
    let e = nodes(vec![node("c", "Const", &[])])
        .graph()
        .const_value(0)
        .unwrap_err();
    assert!(e.to_string().contains("holds no tensor"), "{e}");
}

#[test]
fn a_trillion_elements_in_thirty_bytes() {
    let t = TensorProto {
        float_val: vec![0.5],
        ..tensor(1, &[1_000_000, 1_000_000])
    };
    assert_eq!(value(t.clone()).unwrap().byte_len(), Some(4_000_000_000_000));
    assert_eq!(fixed_bytes(t).1, 0.5f32.to_le_bytes());
}
