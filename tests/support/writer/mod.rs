//! Writes tables and bundles as TensorFlow does, and as it never would: from format.md, sharing no code with
//! the reader. Tests make their checkpoints with it.

pub mod bundle;
pub mod payload;
pub mod slices;
pub mod table;

/// Appends a base-128 integer.
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends field `number` as a varint, as proto3 does: not at all where it is 0.
pub fn put_number(out: &mut Vec<u8>, number: u32, value: u64) {
    if value != 0 {
        put_varint(out, u64::from(number) << 3);
        put_varint(out, value);
    }
}

/// Appends field `number` as bytes or a message.
pub fn put_bytes(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    put_varint(out, u64::from(number) << 3 | 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// CRC-32C, a bit at a time: slow, and plainly right.
pub fn crc32c(bytes: &[u8]) -> u32 {
    crc32c_extend(0, bytes)
}

/// The CRC of what has the CRC `crc`, with `bytes` after it.
pub fn crc32c_extend(crc: u32, bytes: &[u8]) -> u32 {
    static TABLE: std::sync::OnceLock<[u32; 256]> = std::sync::OnceLock::new();
    let table = TABLE.get_or_init(|| {
        std::array::from_fn(|byte| {
            (0..8).fold(byte as u32, |crc, _| match crc & 1 {
                1 => crc >> 1 ^ 0x82f6_3b78,
                _ => crc >> 1,
            })
        })
    });
    let crc = bytes
        .iter()
        .fold(!crc, |crc, byte| table[usize::from(crc as u8 ^ byte)] ^ crc >> 8);
    !crc
}

/// The form in which CRCs are stored.
pub fn mask(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}
