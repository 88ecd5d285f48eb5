//! Slice keys (format.md 1.7).

/// Start and length in each dimension; a length that is left out is the whole dimension.
pub type Spec = Vec<(u64, Option<u64>)>;

/// The key of a slice of `name`.
pub fn key(name: &[u8], spec: &Spec) -> Vec<u8> {
    let mut out = vec![0];
    for byte in name {
        match byte {
            0 => out.extend_from_slice(&[0, 0xff]),
            0xff => out.extend_from_slice(&[0xff, 0]),
            byte => out.push(*byte),
        }
    }
    out.extend_from_slice(&[0, 1]);
    let rank = spec.len() as u64;
    let bytes = rank.to_be_bytes();
    let own = &bytes[rank.leading_zeros() as usize / 8..];
    out.push(own.len() as u8);
    out.extend_from_slice(own);
    for (start, length) in spec {
        put_signed(&mut out, *start as i64);
        put_signed(&mut out, length.map_or(-1, |length| length as i64));
    }
    out
}

fn put_signed(out: &mut Vec<u8>, value: i64) {
    let wide = i128::from(value);
    let n = (1..=10)
        .find(|n| (-(1_i128 << (7 * n - 1))..1_i128 << (7 * n - 1)).contains(&wide))
        .unwrap();
    let bytes = wide.to_be_bytes();
    let mut own = bytes[16 - n as usize..].to_vec();
    // The length as leading ones.
    let header = !0_u16 << (16 - n);
    let [first, second] = header.to_be_bytes();
    own[0] ^= first;
    if let Some(byte) = own.get_mut(1) {
        *byte ^= second;
    }
    out.extend_from_slice(&own);
}
