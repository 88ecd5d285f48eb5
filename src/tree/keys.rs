//! The keys of object checkpoints, by what they mean (design.md 2, format.md 6.3).
//!
//! `P/.ATTRIBUTES/VARIABLE_VALUE` is `P`; `P/.OPTIMIZER_SLOT/O/S/.ATTRIBUTES/VARIABLE_VALUE` is
//! `P/@slots/O/S`; another attribute A is `P/@attributes/A`.

use super::names;
use super::paths::PathOf;

const ATTRIBUTES: &[u8] = b"/.ATTRIBUTES/";
const SLOT: &[u8] = b"/.OPTIMIZER_SLOT/";
const VALUE: &[u8] = b"VARIABLE_VALUE";

/// The encoded path in tensors/ of a key of an object checkpoint; `None` for a key that stands under its own
/// name: one of another form, or one whose plain name is itself a key.
pub(super) fn object_path(key: &[u8], exists: impl Fn(&[u8]) -> bool) -> Option<PathOf> {
    // The attribute has no `/`, so nearly all other keys are told by what stands before their last one.
    let attribute_at = key.iter().rposition(|b| *b == b'/')?.checked_add(1)?;
    let (head, attribute) = key.split_at_checked(attribute_at)?;
    let object = head.strip_suffix(ATTRIBUTES)?;
    // Nearly all objects have no dot, and then neither of the two.
    let dots = object.iter().fold(false, |dots, byte| dots | (*byte == b'.'));
    let again = || find(key, ATTRIBUTES) != Some(object.len());
    if attribute.is_empty() || exists(object) || dots && again() {
        return None;
    }
    // The last component is the file, all before it are scopes.
    let (mut path, slot) = match dots.then(|| find(object, SLOT)).flatten() {
        Some(at) => {
            let variable = object.get(..at)?;
            let of = object.get(at.checked_add(SLOT.len())?..)?;
            if attribute == VALUE && names::is_plain(object, true) {
                return Some(PathOf::Own([variable, b"/@slots/", of].concat()));
            }
            ([&scopes(variable), &b"/@slots"[..]].concat(), of)
        }
        None if attribute == VALUE && names::is_plain(object, true) => {
            return Some(PathOf::Start(object.len()));
        }
        None => (Vec::new(), object),
    };
    if !path.is_empty() {
        path.push(b'/');
    }
    if attribute == VALUE {
        path.extend_from_slice(&names::path(slot, true));
    } else {
        path.extend_from_slice(&scopes(slot));
        path.extend_from_slice(b"/@attributes/");
        path.extend_from_slice(&names::component(attribute));
    }
    Some(PathOf::Own(path))
}

/// The path of a name all of whose components are scopes.
fn scopes(raw: &[u8]) -> Vec<u8> {
    let parts: Vec<_> = raw.split(|b| *b == b'/').map(names::scope).collect();
    parts.join(&b'/')
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    // Both needles begin with `/.`, which is rare elsewhere.
    let mut pairs = haystack.iter().zip(haystack.iter().skip(1)).enumerate();
    let found = pairs.find(|(at, pair)| {
        *pair == (&b'/', &b'.') && haystack.get(*at..).is_some_and(|rest| rest.starts_with(needle))
    });
    found.map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(key: &str) -> Option<String> {
        let path = match object_path(key.as_bytes(), |key| key == b"taken")? {
            PathOf::Raw => key.as_bytes().to_vec(),
            PathOf::Start(len) => key.as_bytes()[..len].to_vec(),
            PathOf::Own(path) => path,
        };
        Some(String::from_utf8(path).unwrap())
    }

    #[test]
    fn by_what_they_mean() {
        let value = "/.ATTRIBUTES/VARIABLE_VALUE";
        assert_eq!(path(&format!("net/w{value}")).as_deref(), Some("net/w"));
        assert_eq!(
            path(&format!("net/w/.OPTIMIZER_SLOT/opt/inner/m{value}")).as_deref(),
            Some("net/w/@slots/opt/inner/m")
        );
        assert_eq!(
            path("layer/.ATTRIBUTES/OBJECT_CONFIG_JSON").as_deref(),
            Some("layer/@attributes/OBJECT_CONFIG_JSON")
        );
        assert_eq!(
            path("t.npy/.ATTRIBUTES/table-keys").as_deref(),
            Some("t%2Enpy/@attributes/table-keys")
        );
        assert_eq!(path(&format!("w.npy{value}")).as_deref(), Some("w.npy"));
        assert_eq!(
            path(&format!("w.npy/.OPTIMIZER_SLOT/o/m{value}")).as_deref(),
            Some("w%2Enpy/@slots/o/m")
        );
        // The root's own attribute: an empty path.
        assert_eq!(
            path("/.ATTRIBUTES/py_state").as_deref(),
            Some("%/@attributes/py_state")
        );
    }

    #[test]
    fn others_keep_their_names() {
        assert_eq!(path("dense/kernel"), None);
        assert_eq!(path("_CHECKPOINTABLE_OBJECT_GRAPH"), None);
        assert_eq!(path("taken/.ATTRIBUTES/VARIABLE_VALUE"), None);
        assert_eq!(path("w/.ATTRIBUTES/VARIABLE_VALUE/x"), None);
        assert_eq!(path("w/.ATTRIBUTES/.ATTRIBUTES/x"), None);
        assert_eq!(path(".ATTRIBUTES/x"), None);
        assert_eq!(path("w/.ATTRIBUTES/"), None);
    }
}
