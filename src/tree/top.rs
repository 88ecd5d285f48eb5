//! The root directory, the texts in it, and meta/.

use std::sync::Arc;

use super::branch::Branch;
use super::branch::Child;
use super::branch::Emit;
use super::branch::Facts;
use super::branch::not_a;
use super::facet::Facet;
use super::ids::Node;
use super::tensors::Tensors;
use super::texts;
use super::view::Kind;
use crate::checkpoint::Checkpoint;
use crate::content::Content;
use crate::error::Result;

/// A directory or file with a fixed name.
#[derive(Debug, Clone, Copy)]
struct Fixed {
    name: &'static str,
    node: Node,
    kind: Kind,
}

/// The branch: what is there depends on what the source has; a part that it lacks is absent.
#[derive(Debug)]
pub(super) struct Top {
    checkpoint: Arc<Checkpoint>,
    tensors: Option<Arc<Tensors>>,
    root: Vec<Fixed>,
    meta: Vec<Fixed>,
}

/// The texts. Their order is part of node ids.
const INFO: u32 = 0;
const TENSORS: u32 = 1;
const SCALARS: u32 = 2;
const MANIFEST: u32 = 3;

impl Top {
    pub(super) fn new(checkpoint: &Arc<Checkpoint>, tensors: Option<Arc<Tensors>>) -> Self {
        let dir = |name, facet| Fixed {
            name,
            node: Node::of(facet),
            kind: Kind::Directory,
        };
        let text = |name, which| Fixed {
            name,
            node: Node::new(Facet::Text, which, 0),
            kind: Kind::File,
        };
        let mut root = vec![
            text("info.txt", INFO),
            dir("meta", Facet::Meta),
            dir("source", Facet::SourceDir),
        ];
        let meta = vec![text("manifest.json", MANIFEST)];
        if tensors.is_some() {
            root.push(text("tensors.tsv", TENSORS));
            root.push(text("scalars.tsv", SCALARS));
            root.push(dir("tensors", Facet::TensorScope));
        }
        root.sort_by_key(|fixed| fixed.name);
        Self {
            checkpoint: checkpoint.clone(),
            tensors,
            root,
            meta,
        }
    }

    fn children(&self, dir: Node) -> &[Fixed] {
        match dir.facet {
            Facet::Root => &self.root,
            Facet::Meta => &self.meta,
            _ => &[],
        }
    }
}

impl Branch for Top {
    fn lookup(&self, dir: Node, name: &[u8]) -> Result<Option<Node>> {
        let found = self
            .children(dir)
            .iter()
            .find(|fixed| fixed.name.as_bytes() == name);
        Ok(found.map(|fixed| fixed.node))
    }

    fn list(&self, dir: Node, after: u64, emit: Emit<'_>) -> Result<()> {
        for (cookie, fixed) in (1u64..).zip(self.children(dir)) {
            let child = Child {
                node: fixed.node,
                kind: fixed.kind,
                name: fixed.name.as_bytes(),
                cookie,
            };
            if cookie > after && !emit(child) {
                break;
            }
        }
        Ok(())
    }

    fn facts(&self, node: Node) -> Result<Facts> {
        Ok(match node.facet {
            Facet::Text => Facts::UNMEASURED,
            _ => Facts::DIRECTORY,
        })
    }

    fn content(&self, node: Node) -> Result<Content> {
        match (node.facet, node.item, &self.tensors) {
            (Facet::Text, INFO, tensors) => texts::info::render(&self.checkpoint, tensors.as_deref()),
            (Facet::Text, MANIFEST, tensors) => texts::manifest::render(&self.checkpoint, tensors.as_ref()),
            (Facet::Text, TENSORS, Some(tensors)) => texts::tensors::table(&self.checkpoint, tensors),
            (Facet::Text, SCALARS, Some(tensors)) => texts::scalars::table(tensors),
            _ => Err(not_a("file")),
        }
    }
}
