//! source/: links to the real files.

use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use super::branch::Branch;
use super::branch::Child;
use super::branch::Emit;
use super::branch::Facts;
use super::branch::not_a;
use super::facet::Facet;
use super::ids::Node;
use super::names;
use super::view::Kind;
use crate::checkpoint::Checkpoint;
use crate::content::Content;
use crate::error::Result;

/// The branch.
#[derive(Debug)]
pub(super) struct Source {
    /// File name and absolute path of each file that is there.
    links: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Source {
    pub(super) fn new(checkpoint: &Arc<Checkpoint>) -> Self {
        let present = checkpoint.files().iter().filter(|file| file.stat.is_some());
        let link = present.filter_map(|file| {
            let name = names::component(file.path.file_name()?.as_bytes()).into_owned();
            let absolute = std::path::absolute(&file.path).ok()?;
            Some((name, absolute.as_os_str().as_bytes().to_vec()))
        });
        let mut links: Vec<_> = link.collect();
        links.sort();
        links.dedup_by(|a, b| a.0 == b.0);
        Self { links }
    }

    fn link(&self, node: Node) -> Result<&(Vec<u8>, Vec<u8>)> {
        self.links.get(node.item as usize).ok_or_else(|| not_a("link"))
    }
}

impl Branch for Source {
    fn lookup(&self, _dir: Node, name: &[u8]) -> Result<Option<Node>> {
        let found = self.links.binary_search_by(|(n, _)| n.as_slice().cmp(name));
        Ok(found
            .ok()
            .and_then(|i| u32::try_from(i).ok())
            .map(|i| Node::new(Facet::SourceLink, i, 0)))
    }

    fn list(&self, _dir: Node, after: u64, emit: Emit<'_>) -> Result<()> {
        for (i, (name, _)) in (0u32..).zip(&self.links) {
            let cookie = u64::from(i).saturating_add(1);
            let child = Child {
                node: Node::new(Facet::SourceLink, i, 0),
                kind: Kind::Link,
                name,
                cookie,
            };
            if cookie > after && !emit(child) {
                break;
            }
        }
        Ok(())
    }

    fn facts(&self, node: Node) -> Result<Facts> {
        match node.facet {
            Facet::SourceLink => Ok(Facts::link(self.link(node)?.1.len() as u64)),
            _ => Ok(Facts::DIRECTORY),
        }
    }

    fn content(&self, _node: Node) -> Result<Content> {
        Err(not_a("file"))
    }

    fn target(&self, node: Node) -> Result<Vec<u8>> {
        Ok(self.link(node)?.1.clone())
    }
}
