//! TensorFlow's element types: number, name, width, NumPy's spelling.
//!
//! Facts: format.md 2.2 (numbers and widths), 2.7 (which are swapped), design.md 2 (what NumPy is told).

use std::fmt;

/// The byte order of a bundle's payloads (its header says which).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Endianness {
    /// Least significant byte first: all but a few.
    #[default]
    Little,
    /// Most significant byte first: written on such a host.
    Big,
}

/// A `DataType` number of TensorFlow. Numbers this version does not know are kept: such a tensor is
/// listed, its data refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DType(pub u32);

/// How elements lie on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// So many bytes an element, row-major.
    Fixed(u64),
    /// One byte an element of which only the low bits count; `signed` ones are sign-extended.
    Narrow {
        /// How many low bits carry the value: 2 or 4.
        bits: u32,
        /// Whether the highest of them is a sign.
        signed: bool,
    },
    /// Lengths, then bytes (format.md 2.3).
    Strings,
    /// Length-prefixed messages (format.md 2.4).
    Variants,
    /// No bytes that could be read: resources, references, unknown numbers.
    None,
}

struct Info {
    number: u32,
    name: &'static str,
    layout: Layout,
    /// NumPy's type letter and width, without the byte order; `V` types are told as they are.
    descr: &'static str,
}

const fn info(number: u32, name: &'static str, width: u64, descr: &'static str) -> Info {
    Info {
        number,
        name,
        layout: Layout::Fixed(width),
        descr,
    }
}

const fn other(number: u32, name: &'static str, layout: Layout, descr: &'static str) -> Info {
    Info {
        number,
        name,
        layout,
        descr,
    }
}

const fn narrow(bits: u32, signed: bool) -> Layout {
    Layout::Narrow { bits, signed }
}

/// Every number of types.proto, in order. Quantised integers are stored, and shown, as plain ones.
const TABLE: &[Info] = &[
    info(1, "float32", 4, "f4"),
    info(2, "float64", 8, "f8"),
    info(3, "int32", 4, "i4"),
    info(4, "uint8", 1, "u1"),
    info(5, "int16", 2, "i2"),
    info(6, "int8", 1, "i1"),
    other(7, "string", Layout::Strings, ""),
    info(8, "complex64", 8, "c8"),
    info(9, "int64", 8, "i8"),
    info(10, "bool", 1, "b1"),
    info(11, "qint8", 1, "i1"),
    info(12, "quint8", 1, "u1"),
    info(13, "qint32", 4, "i4"),
    info(14, "bfloat16", 2, "V2"),
    info(15, "qint16", 2, "i2"),
    info(16, "quint16", 2, "u2"),
    info(17, "uint16", 2, "u2"),
    info(18, "complex128", 16, "c16"),
    info(19, "float16", 2, "f2"),
    other(20, "resource", Layout::None, ""),
    other(21, "variant", Layout::Variants, ""),
    info(22, "uint32", 4, "u4"),
    info(23, "uint64", 8, "u8"),
    info(24, "float8_e5m2", 1, "V1"),
    info(25, "float8_e4m3fn", 1, "V1"),
    info(26, "float8_e4m3fnuz", 1, "V1"),
    info(27, "float8_e4m3b11fnuz", 1, "V1"),
    info(28, "float8_e5m2fnuz", 1, "V1"),
    other(29, "int4", narrow(4, true), "i1"),
    other(30, "uint4", narrow(4, false), "u1"),
    other(31, "int2", narrow(2, true), "i1"),
    other(32, "uint2", narrow(2, false), "u1"),
];

impl DType {
    /// `DT_FLOAT`.
    pub const FLOAT32: Self = Self(1);
    /// `DT_DOUBLE`.
    pub const FLOAT64: Self = Self(2);
    /// `DT_UINT8`.
    pub const UINT8: Self = Self(4);
    /// `DT_INT8`.
    pub const INT8: Self = Self(6);
    /// `DT_STRING`.
    pub const STRING: Self = Self(7);
    /// `DT_COMPLEX64`.
    pub const COMPLEX64: Self = Self(8);
    /// `DT_INT64`.
    pub const INT64: Self = Self(9);
    /// `DT_BOOL`.
    pub const BOOL: Self = Self(10);
    /// `DT_BFLOAT16`.
    pub const BFLOAT16: Self = Self(14);
    /// `DT_COMPLEX128`.
    pub const COMPLEX128: Self = Self(18);
    /// `DT_HALF`.
    pub const FLOAT16: Self = Self(19);
    /// `DT_RESOURCE`.
    pub const RESOURCE: Self = Self(20);
    /// `DT_VARIANT`.
    pub const VARIANT: Self = Self(21);
    /// `DT_FLOAT8_E5M2`.
    pub const FLOAT8_E5M2: Self = Self(24);

    fn info(self) -> Option<&'static Info> {
        let index = usize::try_from(self.0).ok()?.checked_sub(1)?;
        TABLE.get(index).filter(|info| info.number == self.0)
    }

    /// All types this version knows.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|info| Self(info.number))
    }

    /// The type of that name (`float32`).
    pub fn by_name(name: &str) -> Option<Self> {
        TABLE
            .iter()
            .find(|info| info.name == name)
            .map(|info| Self(info.number))
    }

    /// How its elements lie on disk.
    pub fn layout(self) -> Layout {
        self.info().map_or(Layout::None, |info| info.layout)
    }

    /// Bytes an element takes on disk; `None` for strings, variants and what has no data.
    pub fn width(self) -> Option<u64> {
        match self.layout() {
            Layout::Fixed(width) => Some(width),
            Layout::Narrow { .. } => Some(1),
            Layout::Strings | Layout::Variants | Layout::None => None,
        }
    }

    /// Whether NumPy and safetensors see numbers (or booleans) in it.
    pub fn is_numeric(self) -> bool {
        self.width().is_some()
    }

    /// NumPy's `descr` for elements stored in this byte order: `<f4`, `>c16`, `|i1`. `None` where there
    /// is no fixed-width array. The float8 family is `<V1`, as ml_dtypes writes it, e5m2 too, for which it
    /// writes `<f1`, which NumPy cannot load.
    pub fn descr(self, endianness: Endianness) -> Option<String> {
        let info = self.info().filter(|info| !info.descr.is_empty())?;
        let order = match (self, info.layout, endianness) {
            (Self(24..=28), _, _) => '<',
            (_, Layout::Narrow { .. } | Layout::Fixed(1), _) => '|',
            (_, _, Endianness::Little) => '<',
            (_, _, Endianness::Big) => '>',
        };
        Some(format!("{order}{}", info.descr))
    }

    /// The unit in which a big-endian payload is swapped: complex numbers swap each part.
    pub fn swap_unit(self) -> u64 {
        match self {
            Self::COMPLEX64 => 4,
            Self::COMPLEX128 => 8,
            _ => self.width().unwrap_or(1),
        }
    }
}

impl fmt::Display for DType {
    /// TensorFlow's name, as `tf.as_dtype(n).name` gives it; `dtype(99)` for an unknown number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.info() {
            Some(info) => f.pad(info.name),
            None if (101..=132).contains(&self.0) => {
                write!(f, "{}_ref", Self(self.0.saturating_sub(100)))
            }
            None => write!(f, "dtype({})", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_indexed_by_number() {
        for (i, info) in TABLE.iter().enumerate() {
            assert_eq!(info.number as usize, i + 1);
            assert_eq!(DType::by_name(info.name), Some(DType(info.number)));
        }
        assert_eq!(DType(0).layout(), Layout::None);
        assert_eq!(DType(33).to_string(), "dtype(33)");
        assert_eq!(DType(101).to_string(), "float32_ref");
    }

    #[test]
    fn numpy_spellings() {
        let little = |n| DType(n).descr(Endianness::Little).unwrap();
        let big = |n| DType(n).descr(Endianness::Big).unwrap();
        assert_eq!(little(1), "<f4");
        assert_eq!(big(18), ">c16");
        assert_eq!(little(10), "|b1");
        assert_eq!(big(4), "|u1");
        assert_eq!(little(14), "<V2");
        assert_eq!(little(24), "<V1");
        assert_eq!(little(25), "<V1");
        assert_eq!(little(29), "|i1");
        assert_eq!(DType::STRING.descr(Endianness::Little), None);
    }
}
