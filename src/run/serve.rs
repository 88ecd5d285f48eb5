//! The run view as a [`View`].

use std::sync::Arc;

use super::generations;
use super::nodes::Node;
use super::view::Place;
use super::view::RunView;
use super::view::stat;
use crate::content::Content;
use crate::error::Error;
use crate::error::Result;
use crate::tree::Effort;
use crate::tree::Entry;
use crate::tree::Freshness;
use crate::tree::Kind;
use crate::tree::NodeId;
use crate::tree::Stat;
use crate::tree::Totals;
use crate::tree::View;

impl View for RunView {
    fn lookup(&self, dir: NodeId, name: &[u8]) -> Result<Option<NodeId>> {
        match self.place(dir)? {
            Place::Root => Ok(self.find(name)),
            Place::Own(Node::Checkpoint(slot)) => {
                let view = self.open(&slot)?;
                view.lookup(view.root(), name)
            }
            Place::Own(_) => Err(Error::not_found("not a directory")),
            Place::Inner(_, view) => view.lookup(dir, name),
        }
    }

    fn stat(&self, node: NodeId) -> Result<Stat> {
        match self.place(node)? {
            Place::Root => Ok(stat(Kind::Directory, Some(0), self.snapshot().dir.as_ref())),
            Place::Own(own) => Ok(self.own_stat(&own)),
            Place::Inner(_, view) => view.stat(node),
        }
    }

    fn measure(&self, node: NodeId) -> Result<Stat> {
        match self.place(node)? {
            Place::Own(Node::Text(text)) => {
                text.render(&*self.store);
                self.stat(node)
            }
            Place::Inner(_, view) => view.measure(node),
            Place::Root | Place::Own(_) => self.stat(node),
        }
    }

    fn effort(&self, node: NodeId) -> Effort {
        match self.place(node) {
            Ok(Place::Own(Node::Text(text))) if text.content.get().is_none() => Effort::Slow,
            Ok(Place::Inner(_, view)) => view.effort(node),
            _ => Effort::Quick,
        }
    }

    fn lookup_effort(&self, dir: NodeId) -> Effort {
        match self.place(dir) {
            Ok(Place::Root) if self.is_due() => Effort::Slow,
            Ok(Place::Own(Node::Checkpoint(slot))) => match slot.view() {
                Some(view) => view.lookup_effort(view.root()),
                None => Effort::Slow,
            },
            Ok(Place::Inner(_, view)) => view.lookup_effort(dir),
            _ => Effort::Quick,
        }
    }

    fn list(&self, dir: NodeId, after: u64, emit: &mut dyn FnMut(Entry<'_>) -> bool) -> Result<()> {
        match self.place(dir)? {
            Place::Root => {
                self.refresh();
                let snapshot = self.snapshot();
                for line in snapshot.lines.iter().filter(|line| line.cookie > after) {
                    let entry = Entry {
                        node: line.node,
                        kind: line.kind,
                        name: &line.name,
                        cookie: line.cookie,
                    };
                    if !emit(entry) {
                        break;
                    }
                }
                Ok(())
            }
            Place::Own(Node::Checkpoint(slot)) => {
                let view = self.open(&slot)?;
                view.list(view.root(), after, emit)
            }
            Place::Own(_) => Err(Error::not_found("not a directory")),
            Place::Inner(_, view) => view.list(dir, after, emit),
        }
    }

    fn target(&self, link: NodeId) -> Result<Vec<u8>> {
        match self.place(link)? {
            Place::Own(Node::Link(target)) => Ok(target.to_vec()),
            Place::Inner(_, view) => view.target(link),
            Place::Root | Place::Own(_) => Err(Error::not_found("not a link")),
        }
    }

    fn content(&self, file: NodeId) -> Result<Arc<Content>> {
        match self.place(file)? {
            Place::Own(Node::Text(text)) => Ok(text.render(&*self.store)),
            Place::Inner(_, view) => view.content(file),
            Place::Root | Place::Own(_) => Err(Error::not_found("not a file")),
        }
    }

    fn xattrs(&self, node: NodeId) -> Result<Vec<(String, Vec<u8>)>> {
        match self.place(node)? {
            Place::Own(Node::Checkpoint(slot)) => {
                let view = self.open(&slot)?;
                view.xattrs(view.root())
            }
            Place::Inner(_, view) => view.xattrs(node),
            Place::Root | Place::Own(_) => Ok(Vec::new()),
        }
    }

    fn freshness(&self, node: NodeId) -> Freshness {
        match generations::of(node) {
            0 => Freshness::For(self.options.max_age),
            _ => Freshness::Forever,
        }
    }

    fn totals(&self) -> Totals {
        let snapshot = self.snapshot();
        Totals {
            bytes: snapshot
                .facts
                .checkpoints
                .iter()
                .fold(0, |sum, shown| sum.saturating_add(shown.slot.found.bytes())),
            nodes: snapshot.lines.len() as u64,
        }
    }

    fn remember(&self, node: NodeId) {
        match generations::of(node) {
            0 => self.nodes.remember(node),
            _ => {
                if let Some(slot) = self.generations.slot(node) {
                    slot.remember();
                }
            }
        }
    }

    fn forget(&self, node: NodeId, count: u64) {
        match generations::of(node) {
            0 => self.nodes.forget(node, count),
            _ => {
                if let Some(slot) = self.generations.slot(node) {
                    slot.forget(count);
                }
            }
        }
    }

    fn opened(&self, node: NodeId) {
        if let Ok(Place::Own(Node::Checkpoint(slot)) | Place::Inner(slot, _)) = self.place(node) {
            slot.opened();
        }
    }

    fn released(&self, node: NodeId) {
        if let Ok(Place::Own(Node::Checkpoint(slot)) | Place::Inner(slot, _)) = self.place(node) {
            slot.released();
        }
    }
}
