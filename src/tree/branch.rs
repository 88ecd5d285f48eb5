//! What a branch of the tree answers: the same questions as a view, about its own nodes.

use std::fmt;

use super::ids::Node;
use super::view::Effort;
use super::view::Kind;
use crate::content::Content;
use crate::error::Error;
use crate::error::Result;

/// What a branch says of a node; the tree adds owner, permissions and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) kind: Kind,
    /// As in [`super::view::Stat`].
    pub(super) size: Option<u64>,
    /// As in [`super::view::Stat`].
    pub(super) stored: u64,
}

impl Facts {
    /// A directory.
    pub(super) const DIRECTORY: Self = Self {
        kind: Kind::Directory,
        size: Some(0),
        stored: 0,
    };

    /// A file that must be made to be measured.
    pub(super) const UNMEASURED: Self = Self {
        kind: Kind::File,
        size: None,
        stored: 0,
    };

    /// A file of our own making of that size.
    pub(super) const fn text(size: u64) -> Self {
        Self {
            kind: Kind::File,
            size: Some(size),
            stored: 0,
        }
    }

    /// A link whose target has that length.
    pub(super) const fn link(len: u64) -> Self {
        Self {
            kind: Kind::Link,
            size: Some(len),
            stored: 0,
        }
    }
}

/// One child of a directory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Child<'a> {
    pub(super) node: Node,
    pub(super) kind: Kind,
    pub(super) name: &'a [u8],
    pub(super) cookie: u64,
}

/// Receives children; `false` ends the listing.
pub(super) type Emit<'a> = &'a mut dyn FnMut(Child<'_>) -> bool;

/// A part of the tree.
pub(super) trait Branch: Send + Sync + fmt::Debug {
    /// As [`super::View::lookup`].
    fn lookup(&self, dir: Node, name: &[u8]) -> Result<Option<Node>>;

    /// As [`super::View::list`].
    fn list(&self, dir: Node, after: u64, emit: Emit<'_>) -> Result<()>;

    /// What a node is.
    fn facts(&self, node: Node) -> Result<Facts>;

    /// The bytes of a file, made anew; the tree keeps what is heavy.
    fn content(&self, node: Node) -> Result<Content>;

    /// As [`super::View::target`].
    fn target(&self, node: Node) -> Result<Vec<u8>> {
        let _ = node;
        Err(not_a("link"))
    }

    /// How long making the content takes.
    fn effort(&self, node: Node) -> Effort {
        let _ = node;
        Effort::Slow
    }

    /// As [`super::View::lookup_effort`].
    fn lookup_effort(&self, dir: Node) -> Effort {
        let _ = dir;
        Effort::Quick
    }

    /// As [`super::View::xattrs`].
    fn xattrs(&self, node: Node) -> Result<Vec<(String, Vec<u8>)>> {
        let _ = node;
        Ok(Vec::new())
    }
}

/// A question that does not fit the kind of a node.
pub(super) fn not_a(what: &str) -> Error {
    Error::new(crate::ErrorKind::Io, format!("not a {what}"))
}

/// The path from directory `from` to `to`, both from the root: `../../mean/@outputs/0`.
pub(super) fn relative(from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut from = from.split(|b| *b == b'/').filter(|c| !c.is_empty()).peekable();
    let mut to = to.split(|b| *b == b'/').filter(|c| !c.is_empty()).peekable();
    while from.peek().is_some() && from.peek() == to.peek() {
        from.next();
        to.next();
    }
    let ups = from.map(|_| b"..".as_slice());
    let mut parts: Vec<&[u8]> = ups.chain(to).collect();
    if parts.is_empty() {
        parts.push(b".");
    }
    parts.join(&b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_paths() {
        let r = |a: &str, b: &str| String::from_utf8(relative(a.as_bytes(), b.as_bytes())).unwrap();
        assert_eq!(
            r("ops/loss/train_op/@inputs", "ops/loss/mean/@outputs/0"),
            "../../mean/@outputs/0"
        );
        assert_eq!(r("by-type/MatMul", "ops/loss/dense"), "../../ops/loss/dense");
        assert_eq!(r("ops/a/@outputs/0", "ops/a"), "../..");
        assert_eq!(r("", "tensors/a.npy"), "tensors/a.npy");
        assert_eq!(r("a", "a"), ".");
    }
}
