//! Element types by their number in types.proto: TensorFlow's short name and the stored width.
//!
//! Only what attributes and constants need; numbers stay plain `u32` here because a graph may hold any.

/// `DT_STRING`.
pub(crate) const STRING: u32 = 7;
/// `DT_BOOL`.
pub(crate) const BOOL: u32 = 10;
/// `DT_RESOURCE`.
pub(crate) const RESOURCE: u32 = 20;
/// `DT_VARIANT`.
pub(crate) const VARIANT: u32 = 21;

/// What is added to a type's number for a mutable reference to it (types.proto, `DT_FLOAT_REF`).
const REF: u32 = 100;

/// Number, name (`tf.DType.name`) and bytes an element (0: not fixed).
const TYPES: [(u32, &str, u32); 33] = [
    (1, "float32", 4),
    (2, "float64", 8),
    (3, "int32", 4),
    (4, "uint8", 1),
    (5, "int16", 2),
    (6, "int8", 1),
    (STRING, "string", 0),
    (8, "complex64", 8),
    (9, "int64", 8),
    (BOOL, "bool", 1),
    (11, "qint8", 1),
    (12, "quint8", 1),
    (13, "qint32", 4),
    (14, "bfloat16", 2),
    (15, "qint16", 2),
    (16, "quint16", 2),
    (17, "uint16", 2),
    (18, "complex128", 16),
    (19, "float16", 2),
    (RESOURCE, "resource", 0),
    (VARIANT, "variant", 0),
    (22, "uint32", 4),
    (23, "uint64", 8),
    (24, "float8_e5m2", 1),
    (25, "float8_e4m3fn", 1),
    (26, "float8_e4m3fnuz", 1),
    (27, "float8_e4m3b11fnuz", 1),
    (28, "float8_e5m2fnuz", 1),
    (29, "int4", 1),
    (30, "uint4", 1),
    (31, "int2", 1),
    (32, "uint2", 1),
    (33, "float4_e2m1fn", 1),
];

/// The type behind a reference type, or the type itself.
pub(crate) fn base(dtype: u32) -> u32 {
    match dtype.checked_sub(REF) {
        Some(base) if base > 0 => base,
        _ => dtype,
    }
}

/// Whether it is a reference type.
pub(crate) fn is_ref(dtype: u32) -> bool {
    dtype > REF
}

fn row(dtype: u32) -> Option<(u32, &'static str, u32)> {
    TYPES.iter().find(|(n, _, _)| *n == dtype).copied()
}

/// TensorFlow's name: `float32`, `string_ref`; `dtype<77>` for a number that names none.
pub fn dtype_name(dtype: u32) -> String {
    match row(base(dtype)) {
        Some((_, name, _)) if is_ref(dtype) => format!("{name}_ref"),
        Some((_, name, _)) => name.to_owned(),
        None => format!("dtype<{dtype}>"),
    }
}

/// The number of a name as [`dtype_name`] gives it.
pub(crate) fn by_name(name: &str) -> Option<u32> {
    TYPES.iter().find(|(_, n, _)| *n == name).map(|(n, _, _)| *n)
}

/// Bytes an element in `tensor_content`; `None` for strings, resources, variants and unknown numbers.
pub(crate) fn width(dtype: u32) -> Option<u32> {
    row(base(dtype)).map(|(_, _, w)| w).filter(|w| *w > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_widths() {
        assert_eq!(dtype_name(1), "float32");
        assert_eq!(dtype_name(107), "string_ref");
        assert_eq!(dtype_name(0), "dtype<0>");
        assert_eq!(dtype_name(177), "dtype<177>");
        assert_eq!((by_name("float16"), by_name("x")), (Some(19), None));
        assert_eq!((width(18), width(7), width(99)), (Some(16), None, None));
        assert_eq!((base(100), base(101), is_ref(100)), (100, 1, false));
        assert!((1..).zip(TYPES).all(|(i, t)| i == t.0));
    }
}
