//! A directory tree out of sorted paths, with no node stored.
//!
//! Items (tensors, ops) have paths of encoded components joined by `/`. Sorted by bytes, all paths below a
//! scope stand together, so a scope is a range found by binary search and named by the position of its first
//! path and its depth: 4 bytes an item, and nothing for directories. Paths that equal the raw names are not
//! stored again, and those that are the beginning of one cost 4 bytes.

/// A scope: the position of the first path below it, and how many components its own path has. Unique, and
/// stable for a given set of paths. Depth 0 is the top.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scope {
    /// Position in path order.
    pub first: u32,
    /// Components.
    pub depth: u32,
}

impl Scope {
    /// The directory that holds everything.
    pub const TOP: Self = Self { first: 0, depth: 0 };
}

/// What stands at one place of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Child {
    /// An item whose path ends here; its position.
    Item(u32),
    /// A scope.
    Scope(Scope),
}

/// Where the raw names are.
pub trait RawNames {
    /// How many items there are.
    fn count(&self) -> u32;
    /// The raw name of an item.
    fn raw(&self, item: u32) -> &[u8];
    /// The items sorted by raw name, where that order is kept elsewhere already.
    fn sorted(&self) -> Option<&[u32]> {
        None
    }
}

/// The items in path order.
#[derive(Debug, Default)]
enum Order {
    /// Item order is path order.
    #[default]
    Items,
    /// [`RawNames::sorted`].
    Raw,
    /// A list of its own: some paths differ from raw names.
    Own(Vec<u32>),
}

/// What the path of an item is, as against its raw name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathOf {
    /// The raw name itself, as nearly always.
    Raw,
    /// The first bytes of the raw name, so many.
    Start(usize),
    /// Something else.
    Own(Vec<u8>),
}

impl From<Option<Vec<u8>>> for PathOf {
    fn from(path: Option<Vec<u8>>) -> Self {
        path.map_or(Self::Raw, Self::Own)
    }
}

/// In [`Paths::kinds`]: the path is the raw name.
const RAW: u32 = u32::MAX;
/// In [`Paths::kinds`], added to the number of bytes at the end of the raw name that the path does not have.
/// Without it the number is a place in [`Paths::own_ends`].
const CUT: u32 = 1 << 31;

/// The sorted paths of all items.
#[derive(Debug, Default)]
pub struct Paths {
    order: Order,
    /// How the path of each item comes from its raw name; empty where all are raw names.
    kinds: Vec<u32>,
    /// Paths that are no part of a raw name, one after the other, and where each ends.
    own: Vec<u8>,
    own_ends: Vec<u64>,
}

impl Paths {
    /// Sorts the items by path. `encode` gives the path of an item where that is not its raw name.
    /// `sorted` says that raw names ascend in item order, as keys of an index do.
    pub fn new<P: Into<PathOf>>(
        names: &dyn RawNames,
        sorted: bool,
        mut encode: impl FnMut(u32, &[u8]) -> P,
    ) -> Self {
        let mut paths = Self::default();
        let count = names.count();
        for item in 0..count {
            let raw = names.raw(item);
            let kind = match encode(item, raw).into() {
                PathOf::Raw => RAW,
                PathOf::Start(len) => paths.cut(raw, len),
                PathOf::Own(path) => paths.keep(&path),
            };
            if kind != RAW && paths.kinds.is_empty() {
                paths.kinds = Vec::with_capacity(count as usize);
                paths.kinds.resize(item as usize, RAW);
            }
            if kind != RAW || !paths.kinds.is_empty() {
                paths.kinds.push(kind);
            }
        }
        paths.own.shrink_to_fit();
        paths.own_ends.shrink_to_fit();
        if paths.kinds.is_empty() && sorted {
            return paths;
        }
        if paths.kinds.is_empty() && names.sorted().is_some() {
            paths.order = Order::Raw;
            return paths;
        }
        let mut order: Vec<u32> = (0..count).collect();
        order.sort_by(|a, b| paths.path(names, *a).cmp(paths.path(names, *b)));
        // The names of a well-kept model are in path order too.
        if (0u32..).zip(&order).any(|(i, item)| i != *item) {
            paths.order = Order::Own(order);
        }
        paths
    }

    fn cut(&mut self, raw: &[u8], len: usize) -> u32 {
        let off = raw.len().checked_sub(len).and_then(|off| u32::try_from(off).ok());
        match off.filter(|off| *off < RAW ^ CUT) {
            Some(off) => CUT | off,
            None => self.keep(raw.get(..len).unwrap_or(raw)),
        }
    }

    fn keep(&mut self, path: &[u8]) -> u32 {
        let place = u32::try_from(self.own_ends.len()).unwrap_or(RAW);
        self.own.extend_from_slice(path);
        self.own_ends.push(self.own.len() as u64);
        place
    }

    /// The path of an item.
    pub fn path<'a>(&'a self, names: &'a dyn RawNames, item: u32) -> &'a [u8] {
        let raw = names.raw(item);
        match self.kinds.get(item as usize).copied() {
            None | Some(RAW) => raw,
            Some(cut) if cut & CUT != 0 => {
                let len = raw.len().saturating_sub((cut ^ CUT) as usize);
                raw.get(..len).unwrap_or_default()
            }
            Some(place) => self.own_path(place as usize),
        }
    }

    fn own_path(&self, place: usize) -> &[u8] {
        let end_of = |place| {
            self.own_ends
                .get(place)
                .and_then(|end| usize::try_from(*end).ok())
        };
        let start = place.checked_sub(1).map_or(Some(0), end_of);
        let range = start.zip(end_of(place));
        range
            .and_then(|(start, end)| self.own.get(start..end))
            .unwrap_or_default()
    }

    /// The item at a position.
    pub fn item(&self, names: &dyn RawNames, position: u32) -> u32 {
        let of = |order: &[u32]| order.get(position as usize).copied().unwrap_or(u32::MAX);
        match &self.order {
            Order::Items => position,
            Order::Raw => names.sorted().map_or(position, of),
            Order::Own(order) => of(order),
        }
    }

    fn at<'a>(&'a self, names: &'a dyn RawNames, position: u32) -> &'a [u8] {
        self.path(names, self.item(names, position))
    }

    /// The path of a scope with a `/` after it; empty for the top.
    pub fn prefix<'a>(&'a self, names: &'a dyn RawNames, scope: Scope) -> &'a [u8] {
        if scope.depth == 0 || scope.first >= names.count() {
            return &[];
        }
        let path = self.at(names, scope.first);
        let mut left = scope.depth;
        for (i, byte) in path.iter().enumerate() {
            if *byte == b'/' {
                left = left.saturating_sub(1);
                if left == 0 {
                    return path.get(..=i).unwrap_or_default();
                }
            }
        }
        // Not a scope of these paths: an id that nobody was given.
        path
    }

    /// The first position in `[low, count)` for which `before` does not hold.
    fn search(&self, names: &dyn RawNames, low: u32, before: impl Fn(&[u8]) -> bool) -> u32 {
        let (mut low, mut high) = (low, names.count());
        while low < high {
            let middle = low.midpoint(high);
            if before(self.at(names, middle)) {
                low = middle.saturating_add(1);
            } else {
                high = middle;
            }
        }
        low
    }

    /// The first position at or after `low` whose path does not begin with `prefix`, where that at `low`
    /// does. Gallops, because most groups are small.
    fn end_of(&self, names: &dyn RawNames, low: u32, prefix: &[u8]) -> u32 {
        let mut step = 1u32;
        let mut inside = low;
        while let probe = low.saturating_add(step)
            && probe < names.count()
            && self.at(names, probe).starts_with(prefix)
        {
            inside = probe;
            step = step.saturating_mul(2);
        }
        let (mut low, mut high) = (inside, low.saturating_add(step).min(names.count()));
        while low < high {
            let middle = low.midpoint(high);
            if self.at(names, middle).starts_with(prefix) {
                low = middle.saturating_add(1);
            } else {
                high = middle;
            }
        }
        low
    }

    /// The item whose path is `path`; its position.
    pub fn find_item(&self, names: &dyn RawNames, path: &[u8]) -> Option<u32> {
        let position = self.search(names, 0, |p| p < path);
        (position < names.count() && self.at(names, position) == path).then_some(position)
    }

    /// The scope whose path is `path` (without the `/` at its end), where something is below it.
    pub fn find_scope(&self, names: &dyn RawNames, path: &[u8]) -> Option<Scope> {
        if path.is_empty() {
            return Some(Scope::TOP);
        }
        let mut prefix = path.to_vec();
        prefix.push(b'/');
        let first = self.search(names, 0, |p| p < prefix.as_slice());
        let found = first < names.count() && self.at(names, first).starts_with(&prefix);
        let slashes = prefix.iter().filter(|byte| **byte == b'/').count();
        found.then_some(Scope {
            first,
            depth: u32::try_from(slashes).unwrap_or(u32::MAX),
        })
    }

    /// Walks over the children of a scope from `position` on (0: from its start) in path order: items whose
    /// path ends in this directory and scopes, each with its component. `each` gives `false` to stop and is
    /// told the position at which the walk goes on after the child. An item and a scope of one name are two
    /// children.
    pub fn children(
        &self,
        names: &dyn RawNames,
        scope: Scope,
        position: u32,
        mut each: impl FnMut(Child, &[u8], u32) -> bool,
    ) {
        let prefix = self.prefix(names, scope).to_vec();
        let mut at = position.max(scope.first);
        let mut group: Vec<u8> = Vec::new();
        while at < names.count() {
            let Some(rest) = self.at(names, at).strip_prefix(prefix.as_slice()) else {
                return;
            };
            let (child, name, next) = match rest.iter().position(|byte| *byte == b'/') {
                None => (Child::Item(at), rest, at.saturating_add(1)),
                Some(slash) => {
                    let name = rest.get(..slash).unwrap_or_default();
                    group.clear();
                    group.extend_from_slice(&prefix);
                    group.extend_from_slice(name);
                    group.push(b'/');
                    let child = Scope {
                        first: at,
                        depth: scope.depth.saturating_add(1),
                    };
                    (Child::Scope(child), name, self.end_of(names, at, &group))
                }
            };
            if !each(child, name, next) {
                return;
            }
            at = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[derive(Debug)]
    struct List(Vec<Vec<u8>>);

    impl RawNames for List {
        fn count(&self) -> u32 {
            self.0.len() as u32
        }
        fn raw(&self, item: u32) -> &[u8] {
            &self.0[item as usize]
        }
    }

    fn list(names: &[&str]) -> List {
        List(names.iter().map(|n| n.as_bytes().to_vec()).collect())
    }

    fn children(paths: &Paths, names: &List, scope: Scope) -> Vec<String> {
        let mut out = Vec::new();
        paths.children(names, scope, 0, |child, name, _| {
            let name = String::from_utf8_lossy(name).into_owned();
            out.push(match child {
                Child::Item(_) => name,
                Child::Scope(_) => name + "/",
            });
            true
        });
        out
    }

    #[test]
    fn a_name_may_be_leaf_and_scope() {
        let names = list(&["a/b/c", "a", "a-b", "a/b", "z"]);
        let paths = Paths::new(&names, false, |_, _| PathOf::Raw);
        assert_eq!(children(&paths, &names, Scope::TOP), ["a", "a-b", "a/", "z"]);
        let a = paths.find_scope(&names, b"a").unwrap();
        assert_eq!(children(&paths, &names, a), ["b", "b/"]);
        assert_eq!(paths.prefix(&names, a), b"a/");
        let b = paths.find_scope(&names, b"a/b").unwrap();
        assert_eq!(children(&paths, &names, b), ["c"]);
        assert_eq!(paths.find_scope(&names, b"z"), None);
        assert_eq!(
            paths.find_item(&names, b"a/b").map(|p| paths.item(&names, p)),
            Some(3)
        );
        assert_eq!(paths.find_item(&names, b"a/"), None);
    }

    #[test]
    fn paths_from_names() {
        let names = list(&["a", "b/rest", "c", "d"]);
        let paths = Paths::new(&names, true, |item, _| match item {
            1 => PathOf::Start(1),
            2 => PathOf::Own(b"0".to_vec()),
            3 => PathOf::Start(0),
            _ => PathOf::Raw,
        });
        let all: Vec<&[u8]> = (0..4).map(|item| paths.path(&names, item)).collect();
        assert_eq!(all, [&b"a"[..], b"b", b"0", b""]);
        assert_eq!(
            (0..4).map(|at| paths.item(&names, at)).collect::<Vec<_>>(),
            [3, 2, 0, 1]
        );
        let same = Paths::new(&names, true, |_, _| PathOf::Start(1));
        assert!(matches!(same.order, Order::Items));
    }

    #[test]
    fn listing_goes_on_where_it_stopped() {
        let names = list(&["d/a", "d/b/x", "d/b/y", "d/c"]);
        let paths = Paths::new(&names, true, |_, _| PathOf::Raw);
        let d = paths.find_scope(&names, b"d").unwrap();
        let mut seen = Vec::new();
        let mut from = 0;
        loop {
            let mut more = false;
            paths.children(&names, d, from, |_, name, next| {
                seen.push(String::from_utf8_lossy(name).into_owned());
                from = next;
                more = true;
                false
            });
            if !more {
                break;
            }
        }
        assert_eq!(seen, ["a", "b", "c"]);
    }

    proptest! {
        #[test]
        fn equals_a_plain_walk(raw in proptest::collection::btree_set("[ab/]{0,6}", 0..40)) {
            let names = List(raw.iter().map(|n| n.clone().into_bytes()).collect());
            let paths = Paths::new(&names, true, |_, raw| {
                (!crate::tree::names::is_plain(raw, false)).then(|| crate::tree::names::path(raw, false))
            });
            let all: BTreeSet<String> = raw.iter()
                .map(|n| String::from_utf8(crate::tree::names::path(n.as_bytes(), false)).unwrap())
                .collect();
            // Walk the tree; every item must be found once, at its path.
            let mut found = BTreeSet::new();
            let mut todo = vec![Scope::TOP];
            while let Some(scope) = todo.pop() {
                let prefix = String::from_utf8(paths.prefix(&names, scope).to_vec()).unwrap();
                paths.children(&names, scope, 0, |child, name, _| {
                    let name = String::from_utf8(name.to_vec()).unwrap();
                    match child {
                        Child::Item(_) => assert!(found.insert(format!("{prefix}{name}"))),
                        Child::Scope(s) => todo.push(s),
                    }
                    true
                });
            }
            prop_assert_eq!(found, all);
        }
    }
}
