//! Orders over many small things: sorting names, grouping by a number, looking names up by hash.
//!
//! All work on u32 ids, so that a million nodes cost four bytes a node and no allocation each.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

/// Below this many, names are compared as they are; above, eight bytes at a time are compared as one
/// number, which keeps the comparison in the cache (node names share long scopes).
const SMALL: usize = 24;

/// The ids `0..count` by the bytes of their names; equal names stay in the order of ids.
pub(crate) fn sorted<'a>(count: usize, name: impl Fn(u32) -> &'a [u8]) -> Vec<u32> {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    let mut ids: Vec<u32> = (0..count).collect();
    // Runs that are equal in their first `depth` bytes and still to be sorted. No recursion: two equal
    // names of a megabyte would be a hundred thousand calls deep.
    let mut todo = vec![(0usize, ids.len(), 0usize)];
    let mut keyed: Vec<(u64, u32)> = Vec::new();
    while let Some((start, end, depth)) = todo.pop() {
        let Some(run) = ids.get_mut(start..end) else {
            continue;
        };
        let tail = |id: u32| name(id).get(depth..).unwrap_or_default();
        if run.len() <= SMALL {
            run.sort_unstable_by(|a, b| tail(*a).cmp(tail(*b)).then(a.cmp(b)));
            continue;
        }
        keyed.clear();
        keyed.extend(run.iter().map(|id| (key(tail(*id)), *id)));
        keyed.sort_unstable();
        for (slot, (_, id)) in run.iter_mut().zip(&keyed) {
            *slot = *id;
        }
        let mut at = start;
        for group in keyed.chunk_by(|a, b| a.0 == b.0) {
            let group_end = at.saturating_add(group.len());
            if let Some(run) = ids.get_mut(at..group_end).filter(|run| run.len() > 1) {
                // The key pads with zeros, so names that end within it come first, shorter ones before.
                let left = |id: u32| tail(id).len().min(9);
                run.sort_unstable_by_key(|id| (left(*id), *id));
                let ended = run.partition_point(|id| left(*id) <= 8);
                let rest = at.saturating_add(ended);
                if group_end.saturating_sub(rest) > 1 {
                    todo.push((rest, group_end, depth.saturating_add(8)));
                }
            }
            at = group_end;
        }
    }
    ids
}

/// The first eight bytes as a number that sorts as they do.
fn key(bytes: &[u8]) -> u64 {
    match bytes.first_chunk::<8>() {
        Some(chunk) => u64::from_be_bytes(*chunk),
        None => {
            let mut chunk = [0; 8];
            for (to, from) in chunk.iter_mut().zip(bytes) {
                *to = *from;
            }
            u64::from_be_bytes(chunk)
        }
    }
}

/// Groups `(group, item)` pairs: the starts of the `groups` groups, one more at the end, and the items
/// by group, each in the order they came. Pairs of groups that do not exist are left out.
pub(crate) fn grouped(
    groups: usize,
    pairs: impl Iterator<Item = (u32, u32)> + Clone,
) -> (Vec<u32>, Vec<u32>) {
    let mut starts = vec![0u32; groups.saturating_add(1)];
    for (group, _) in pairs.clone() {
        if let Some(n) = starts.get_mut((group as usize).saturating_add(1)) {
            *n = n.saturating_add(1);
        }
    }
    let mut sum = 0u32;
    for n in &mut starts {
        sum = sum.saturating_add(*n);
        *n = sum;
    }
    let mut items = vec![0u32; sum as usize];
    // `starts[g]` moves to the end of group g, which is the start of g + 1; shifted back below.
    for (group, item) in pairs {
        let group = group as usize;
        if group >= groups {
            continue;
        }
        if let Some(next) = starts.get_mut(group) {
            if let Some(slot) = items.get_mut(*next as usize) {
                *slot = item;
            }
            *next = next.saturating_add(1);
        }
    }
    starts.rotate_right(1);
    if let Some(first) = starts.first_mut() {
        *first = 0;
    }
    if let Some(last) = starts.last_mut() {
        *last = sum;
    }
    (starts, items)
}

/// Finds ids by name in constant time, for passes that look up every input of a graph. Sixteen bytes a
/// name, dropped after the pass.
pub(crate) struct NameTable {
    /// The upper half of the hash and the id: most names that differ are told apart here.
    slots: Vec<(u32, u32)>,
    mask: usize,
    seed: u64,
}

/// No id.
const EMPTY: (u32, u32) = (0, u32::MAX);

impl NameTable {
    /// A table of the names of the ids `0..count`; of equal names the first is found.
    pub(crate) fn new<'a>(count: usize, name: impl Fn(u32) -> &'a [u8]) -> Self {
        let size = count.saturating_mul(2).max(8).next_power_of_two();
        let mut table = Self {
            slots: vec![EMPTY; size],
            mask: size.saturating_sub(1),
            seed: RandomState::new().hash_one(size),
        };
        for id in 0..u32::try_from(count).unwrap_or(u32::MAX) {
            let bytes = name(id);
            let (mut at, tag) = table.place(bytes);
            while let Some(slot) = table.slots.get_mut(at) {
                if *slot == EMPTY {
                    *slot = (tag, id);
                    break;
                }
                if slot.0 == tag && name(slot.1) == bytes {
                    break;
                }
                at = at.wrapping_add(1) & table.mask;
            }
        }
        table
    }

    fn place(&self, bytes: &[u8]) -> (usize, u32) {
        let hash = hash(self.seed, bytes);
        (hash as usize & self.mask, (hash >> 32) as u32)
    }

    /// The first id of this name.
    pub(crate) fn find<'a>(&self, bytes: &[u8], name: impl Fn(u32) -> &'a [u8]) -> Option<u32> {
        let (mut at, tag) = self.place(bytes);
        loop {
            match self.slots.get(at) {
                None | Some(&EMPTY) => return None,
                Some((t, id)) if *t == tag && name(*id) == bytes => return Some(*id),
                Some(_) => at = at.wrapping_add(1) & self.mask,
            }
        }
    }
}

/// Eight bytes at a time, each folded in by a full multiplication; the seed is random, so that a file
/// cannot be made to collide. Names are 50 bytes long and looked up by the million, which is where the
/// standard library's hash would take most of the time.
fn hash(seed: u64, bytes: &[u8]) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let fold = |a: u64, b: u64| {
        let product = u128::from(a).wrapping_mul(u128::from(b));
        (product as u64) ^ (product >> 64) as u64
    };
    let mut state = seed ^ (bytes.len() as u64);
    let (chunks, rest) = bytes.as_chunks::<8>();
    for chunk in chunks {
        state = fold(state ^ u64::from_le_bytes(*chunk), ODD ^ seed.rotate_left(32));
    }
    state = fold(state ^ key(rest), ODD);
    fold(state, seed | 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sorts_by_bytes() {
        let mut names: Vec<Vec<u8>> = Vec::new();
        for scope in ["", "a/very/long/scope/", "a/very/long/scope\0", "b"] {
            for i in 0..60 {
                names.push(format!("{scope}{}", i * 37 % 60).into_bytes());
                names.push([scope.as_bytes(), &vec![0; i % 11]].concat());
            }
        }
        check(&names);
    }

    fn check(names: &[Vec<u8>]) {
        let mut expected: Vec<u32> = (0..names.len() as u32).collect();
        expected.sort_by(|a, b| names[*a as usize].cmp(&names[*b as usize]));
        assert_eq!(sorted(names.len(), |i| &names[i as usize]), expected);
    }

    proptest! {
        #[test]
        fn sorts_like_the_standard_library(
            names in prop::collection::vec(prop::collection::vec(0u8..3, 0..20), 0..200)
        ) {
            check(&names);
        }

        #[test]
        fn groups_keep_order(pairs in prop::collection::vec((0u32..7, any::<u32>()), 0..50)) {
            let (starts, items) = grouped(5, pairs.iter().copied());
            for g in 0..5u32 {
                let expected: Vec<u32> = pairs.iter().filter(|p| p.0 == g).map(|p| p.1).collect();
                let (a, b) = (starts[g as usize] as usize, starts[g as usize + 1] as usize);
                prop_assert_eq!(&items[a..b], &expected[..]);
            }
        }
    }

    #[test]
    fn long_equal_names_do_not_recurse() {
        let name = vec![b'x'; 1 << 16];
        let names: Vec<Vec<u8>> = (0..40).map(|_| name.clone()).collect();
        check(&names);
    }

    #[test]
    fn tables_find_the_first() {
        let names = [&b"a"[..], b"b", b"a", b""];
        let table = NameTable::new(4, |i| names[i as usize]);
        for (name, id) in [
            (&b"a"[..], Some(0)),
            (b"b", Some(1)),
            (b"", Some(3)),
            (b"c", None),
        ] {
            assert_eq!(table.find(name, |i| names[i as usize]), id);
        }
    }
}
