//! From names in a checkpoint to file names (design.md 4).
//!
//! A component is percent-encoded only where a file name cannot hold it, and reversibly; one over 208 bytes
//! is cut and carries a hash of the raw name, so that with every suffix it stays within 255 bytes. Bytes
//! above 0x7f stay as they are.

use std::borrow::Cow;
use std::fmt::Write;

use sha2::Digest;
use sha2::Sha256;

/// The longest encoded component; longer ones are cut and hashed.
pub const MAX_COMPONENT: usize = 208;
/// Hex digits of SHA-256 after a cut.
const HASH_DIGITS: usize = 32;
/// Suffixes of files and directories in tensors/: a scope that ends in one has its dot encoded.
pub const SUFFIXES: [&str; 3] = [".npy", ".strings", ".variants"];

/// The file name of one component of an op name, tensor key or full name.
pub fn component(raw: &[u8]) -> Cow<'_, [u8]> {
    encode(raw, false)
}

/// The file name of a name that is not split at `/`: a collection key, an op type, a tag.
pub fn whole(raw: &[u8]) -> Cow<'_, [u8]> {
    encode(raw, true)
}

/// The directory name of a scope in tensors/, by-name/, objects/ and export/f32/.
pub fn scope(raw: &[u8]) -> Cow<'_, [u8]> {
    scope_of(raw, false)
}

/// The directory name of an object in objects/: one component, by the rule of scopes.
pub fn object(raw: &[u8]) -> Cow<'_, [u8]> {
    scope_of(raw, true)
}

fn scope_of(raw: &[u8], slash: bool) -> Cow<'_, [u8]> {
    let dot = SUFFIXES
        .iter()
        .find_map(|suffix| raw.strip_suffix(suffix.as_bytes()));
    let Some(stem) = dot else {
        return encode(raw, slash);
    };
    let mut out = Vec::with_capacity(raw.len().saturating_add(2));
    put(&mut out, stem, slash);
    out.extend_from_slice(b"%2E");
    out.extend_from_slice(raw.get(stem.len().saturating_add(1)..).unwrap_or_default());
    Cow::Owned(bounded(out, raw))
}

fn encode(raw: &[u8], slash: bool) -> Cow<'_, [u8]> {
    let special = |byte: &u8| byte.is_ascii_control() || *byte == b'%' || slash && *byte == b'/';
    let dots = matches!(raw, b"." | b"..");
    if !(raw.is_empty()
        || dots
        || raw.starts_with(b"@")
        || raw.len() > MAX_COMPONENT
        || raw.iter().any(special))
    {
        return Cow::Borrowed(raw);
    }
    let mut out = Vec::with_capacity(raw.len().saturating_add(16));
    match raw {
        b"" => out.push(b'%'),
        b"." => out.extend_from_slice(b"%2E"),
        b".." => out.extend_from_slice(b"%2E%2E"),
        _ => put(&mut out, raw, slash),
    }
    Cow::Owned(bounded(out, raw))
}

fn put(out: &mut Vec<u8>, raw: &[u8], slash: bool) {
    for (i, byte) in raw.iter().enumerate() {
        match byte {
            b'%' => out.extend_from_slice(b"%25"),
            b'@' if i == 0 => out.extend_from_slice(b"%40"),
            b'/' if slash => out.extend_from_slice(b"%2F"),
            byte if byte.is_ascii_control() => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
            byte => out.push(*byte),
        }
    }
}

/// Cuts a component that is too long at a character or escape boundary and adds the hash of the raw name.
fn bounded(mut encoded: Vec<u8>, raw: &[u8]) -> Vec<u8> {
    if encoded.len() <= MAX_COMPONENT {
        return encoded;
    }
    let mut cut = MAX_COMPONENT;
    // Not inside a UTF-8 sequence (at most three continuation bytes) ...
    for _ in 0..3 {
        if encoded.get(cut).is_some_and(|byte| byte & 0xc0 == 0x80) {
            cut = cut.saturating_sub(1);
        }
    }
    // ... and not inside an escape.
    for back in 1..=2usize {
        let at = cut.saturating_sub(back);
        if encoded.get(at) == Some(&b'%') {
            cut = at;
            break;
        }
    }
    encoded.truncate(cut);
    encoded.extend_from_slice(b"%~");
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(raw) {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex.truncate(HASH_DIGITS);
    encoded.extend_from_slice(hex.as_bytes());
    encoded
}

/// The raw name of an encoded one; `None` for a name that was cut, and for what no name encodes to.
pub fn decode(encoded: &[u8]) -> Option<Vec<u8>> {
    if encoded == b"%" {
        return Some(Vec::new());
    }
    let mut out = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((first, tail)) = rest.split_first() {
        if *first != b'%' {
            out.push(*first);
            rest = tail;
            continue;
        }
        let (digits, after) = tail.split_at_checked(2)?;
        let digits = std::str::from_utf8(digits).ok()?;
        out.push(u8::from_str_radix(digits, 16).ok()?);
        rest = after;
    }
    Some(out)
}

/// Whether `special` holds for any byte; asks for all, which is quicker for short names.
fn any_byte(raw: &[u8], special: impl Fn(u8) -> bool) -> bool {
    raw.iter().fold(false, |found, byte| found | special(*byte))
}

/// Whether every component of `raw`, split at `/`, is its own file name, as nearly all are. `scopes` adds
/// the suffix rule for all but the last.
pub fn is_plain(raw: &[u8], scopes: bool) -> bool {
    // Asked for a million names at every mount, so first without a branch: what has none of these bytes and no
    // empty component is plain.
    if any_byte(raw, |byte| byte.is_ascii_control() | (byte == b'%')) {
        return false;
    }
    let ends = raw.first().is_none_or(|b| *b == b'/') || raw.last() == Some(&b'/');
    let pairs = raw.iter().zip(raw.iter().skip(1));
    let empty = pairs.fold(ends, |found, (a, b)| found | ((*a == b'/') & (*b == b'/')));
    if !empty && raw.len() <= MAX_COMPONENT && !any_byte(raw, |byte| (byte == b'.') | (byte == b'@')) {
        return true;
    }
    let mut rest = raw;
    loop {
        let slash = rest.iter().position(|byte| *byte == b'/');
        let part = rest.get(..slash.unwrap_or(rest.len())).unwrap_or_default();
        let whole = !matches!(part, b"" | b"." | b"..") && part.len() <= MAX_COMPONENT;
        if !whole || part.starts_with(b"@") {
            return false;
        }
        let Some(slash) = slash else {
            return true;
        };
        if scopes && SUFFIXES.iter().any(|suffix| part.ends_with(suffix.as_bytes())) {
            return false;
        }
        rest = rest.get(slash.saturating_add(1)..).unwrap_or_default();
    }
}

/// The path of a name that is split at `/`: each component encoded, scopes by their rule if asked.
pub fn path(raw: &[u8], scopes: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut parts = raw.split(|byte| *byte == b'/').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            out.extend_from_slice(&component(part));
        } else {
            out.extend_from_slice(&if scopes { scope(part) } else { component(part) });
            out.push(b'/');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(raw: &str) -> String {
        String::from_utf8(component(raw.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn the_rules() {
        for (raw, encoded) in [
            ("kernel", "kernel"),
            ("", "%"),
            (".", "%2E"),
            ("..", "%2E%2E"),
            ("...", "..."),
            ("a%b", "a%25b"),
            ("@at", "%40at"),
            ("a@b", "a@b"),
            ("a\tb\x7f\0", "a%09b%7F%00"),
            ("日本", "日本"),
            ("a b\\c:0", "a b\\c:0"),
        ] {
            assert_eq!(text(raw), encoded);
        }
        assert_eq!(&*whole(b"loss/dense"), b"loss%2Fdense");
        assert_eq!(&*scope(b"x.npy"), b"x%2Enpy");
        assert_eq!(&*scope(b".strings"), b"%2Estrings");
        assert_eq!(&*scope(b"@x.variants"), b"%40x%2Evariants");
        assert_eq!(&*component(b"x.npy"), b"x.npy");
        assert_eq!(&*object(b"a/x.npy"), b"a%2Fx%2Enpy");
        assert_eq!(path(b"a//b.npy/c.npy", true), b"a/%/b%2Enpy/c.npy");
    }

    #[test]
    fn long_names_are_cut_and_told_apart() {
        let a = component(&[b'a'; 300]).into_owned();
        assert_eq!(a.len(), 208 + 2 + 32);
        assert!(a.starts_with(&[b'a'; 208]));
        let mut other = vec![b'a'; 300];
        other.push(b'b');
        assert_ne!(a, component(&other).into_owned());
        assert_eq!(component(&[b'a'; 208]).len(), 208);
        // Never within a character or an escape.
        let utf8 = component("日".repeat(100).as_bytes()).into_owned();
        assert!(String::from_utf8(utf8.clone()).is_ok());
        assert!(utf8.starts_with("日".repeat(69).as_bytes()));
        let escapes = component(&[1; 100]).into_owned();
        assert!(escapes.starts_with("%01".repeat(69).as_bytes()));
        assert_eq!(escapes.get(207..209), Some(&b"%~"[..]));
    }

    proptest! {
        #[test]
        fn plain_is_what_encoding_leaves_alone(raw in "[a@%./\\x01]{0,6}(/?[a-z@]{0,3}(\\.npy|\\.strings)?){0,3}", scopes: bool) {
            let raw = raw.as_bytes();
            prop_assert_eq!(is_plain(raw, scopes), path(raw, scopes) == raw);
        }

        #[test]
        fn reversible_and_legal(raw in proptest::collection::vec(any::<u8>().prop_filter("slash", |b| *b != b'/'), 0..80)) {
            for encoded in [component(&raw), scope(&raw)] {
                prop_assert!(!encoded.is_empty() && encoded.len() <= 255);
                prop_assert!(!encoded.contains(&0) && !encoded.contains(&b'/'));
                prop_assert!(!matches!(&*encoded, b"." | b".."));
                prop_assert!(!encoded.starts_with(b"@"));
                if raw.len() < 60 {
                    prop_assert_eq!(decode(&encoded), Some(raw.clone()));
                }
            }
        }

        #[test]
        fn plain_is_what_encodes_to_itself(raw in "[a@./]{0,8}|[a@%./\\x01]{0,8}|(a|[.]npy|/|[.]strings){0,5}|[a/]{200,215}") {
            for scopes in [false, true] {
                prop_assert_eq!(is_plain(raw.as_bytes(), scopes), path(raw.as_bytes(), scopes) == raw.as_bytes());
            }
        }
    }
}
