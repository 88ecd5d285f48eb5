//! The header of a `.npy` file, byte for byte what `numpy.save` writes.
//!
//! Layout: magic `\x93NUMPY`, version, length of the rest, a Python dict as text, spaces, a newline; data
//! start at a multiple of 64. NumPy leaves room for the first dimension to grow to 21 digits, and adds a
//! full 64 spaces where the text is aligned already. Checked against NumPy by tests/numpy.rs.

use std::fmt::Write;

use super::Shape;

/// NumPy's `GROWTH_AXIS_MAX_DIGITS`.
const GROWTH_DIGITS: usize = 21;
/// NumPy's `ARRAY_ALIGN`.
const ALIGN: usize = 64;

/// The header for a C-ordered array of `shape` whose elements NumPy calls `descr` (`<f4`).
pub fn header(descr: &str, shape: &Shape) -> Vec<u8> {
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (");
    for (i, dim) in shape.0.iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{}{dim}", if i > 0 { ", " } else { "" });
    }
    if shape.rank() == 1 {
        text.push(',');
    }
    text.push_str("), }");
    if let Some(first) = shape.0.first() {
        let digits = first.checked_ilog10().map_or(1, |log| log.saturating_add(1)) as usize;
        let room = GROWTH_DIGITS.saturating_sub(digits);
        text.extend(std::iter::repeat_n(' ', room));
    }
    wrap(&text, false).unwrap_or_else(|| wrap(&text, true).unwrap_or_default())
}

/// Puts magic, version and length before the text; `None` where version 1 cannot hold the length.
fn wrap(text: &str, version2: bool) -> Option<Vec<u8>> {
    let prefix = if version2 { 12 } else { 10 };
    let unpadded = text.len().checked_add(1)?.checked_add(prefix)?;
    let padding = ALIGN.checked_sub(unpadded.checked_rem(ALIGN)?)?;
    let total = unpadded.checked_add(padding)?;
    let length = total.checked_sub(prefix)?;
    let mut out = Vec::with_capacity(total);
    out.extend_from_slice(b"\x93NUMPY");
    if version2 {
        out.extend_from_slice(&[2, 0]);
        out.extend_from_slice(&u32::try_from(length).ok()?.to_le_bytes());
    } else {
        out.extend_from_slice(&[1, 0]);
        out.extend_from_slice(&u16::try_from(length).ok()?.to_le_bytes());
    }
    out.extend_from_slice(text.as_bytes());
    out.extend(std::iter::repeat_n(b' ', padding));
    out.push(b'\n');
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_headers() {
        let h = header("<f4", &Shape(vec![2, 3]));
        assert_eq!(h.len(), 128);
        assert!(h.starts_with(
            b"\x93NUMPY\x01\0\x76\0{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"
        ));
        assert!(h.ends_with(b" \n"));
        let h = header("|S5", &Shape(vec![]));
        assert_eq!(h.len(), 128);
        assert!(String::from_utf8_lossy(&h).contains("'shape': (), }"));
        let h = header("|b1", &Shape(vec![7]));
        assert!(String::from_utf8_lossy(&h).contains("'shape': (7,), }"));
    }

    #[test]
    fn long_headers_are_version_2() {
        let h = header("<f4", &Shape(vec![1; 30_000]));
        assert_eq!(h.get(6..8), Some(&[2u8, 0][..]));
        assert_eq!(h.len() % 64, 0);
    }
}
