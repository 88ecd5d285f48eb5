//! What the reader must make of a bundle of the writer, made another way.

use super::writer::bundle::Tensor;
use super::writer::payload::Elements;

/// NumPy's letter and the bytes of an element, by number of the dtype; `None` where no bytes are fixed.
pub fn descr(dtype: u32, big: bool) -> Option<(String, usize)> {
    let order = if big { '>' } else { '<' };
    Some(match dtype {
        1 => (format!("{order}f4"), 4),
        2 => (format!("{order}f8"), 8),
        3 | 13 => (format!("{order}i4"), 4),
        4 | 12 | 30 | 32 => ("|u1".into(), 1),
        5 | 15 => (format!("{order}i2"), 2),
        6 | 11 | 29 | 31 => ("|i1".into(), 1),
        8 => (format!("{order}c8"), 8),
        9 => (format!("{order}i8"), 8),
        10 => ("|b1".into(), 1),
        14 => (format!("{order}V2"), 2),
        16 | 17 => (format!("{order}u2"), 2),
        18 => (format!("{order}c16"), 16),
        19 => (format!("{order}f2"), 2),
        22 => (format!("{order}u4"), 4),
        23 => (format!("{order}u8"), 8),
        24..=28 => ("<V1".into(), 1),
        _ => return None,
    })
}

/// The header of numpy.save.
pub fn header(descr: &str, shape: &[u64]) -> Vec<u8> {
    let dims: Vec<String> = shape.iter().map(u64::to_string).collect();
    let tuple = match dims.as_slice() {
        [one] => format!("({one},)"),
        all => format!("({})", all.join(", ")),
    };
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {tuple}, }}");
    if let Some(first) = dims.first() {
        text.push_str(&" ".repeat(21 - first.len()));
    }
    let room = 64 - (10 + text.len() + 1) % 64;
    text.push_str(&" ".repeat(room));
    text.push('\n');
    let mut out = b"\x93NUMPY\x01\x00".to_vec();
    out.extend_from_slice(&(text.len() as u16).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
    out
}

/// The `.npy` file of a tensor; `None` for variants.
pub fn npy(tensor: &Tensor, big: bool) -> Option<Vec<u8>> {
    match &tensor.elements {
        Elements::Variants(_) => None,
        Elements::Strings(strings) => {
            let width = strings.iter().map(Vec::len).max().unwrap_or(0).max(1);
            let mut out = header(&format!("|S{width}"), &tensor.shape);
            for string in strings {
                let mut cell = string.clone();
                cell.resize(width, 0);
                out.extend_from_slice(&cell);
            }
            Some(out)
        }
        Elements::Fixed(bytes) => {
            let mut out = header(&descr(tensor.dtype, big)?.0, &tensor.shape);
            out.extend(bytes.iter().map(|byte| match tensor.dtype {
                29 => (byte << 4) as i8 as i32 >> 4,
                30 => i32::from(byte & 15),
                31 => (byte << 6) as i8 as i32 >> 6,
                32 => i32::from(byte & 3),
                _ => i32::from(*byte),
            } as u8));
            Some(out)
        }
    }
}

/// A field of a .tsv file as it was before it was escaped.
pub fn unescape(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = field.iter();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'\\' => match bytes.next().unwrap() {
                b't' => b'\t',
                b'n' => b'\n',
                b'r' => b'\r',
                b'\\' => b'\\',
                other => panic!("an escape \\{}", *other as char),
            },
            byte => *byte,
        });
    }
    out
}
