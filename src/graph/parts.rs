//! What a scan hands over: byte ranges, the node index being built, and what was found wrong.

use bytes::Bytes;

use super::cursor::Extent;
use super::index::Builder;
use crate::error::Error;

/// A map entry or function that was found by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) name: Bytes,
    /// The value of the entry; empty where it has none.
    pub(crate) extent: Extent,
}

/// Where the parts of one MetaGraphDef lie.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    pub(crate) whole: Extent,
    pub(crate) meta_info: Vec<Extent>,
    pub(crate) graph_defs: Vec<Extent>,
    pub(crate) nodes: Builder,
    pub(crate) versions: Vec<Extent>,
    pub(crate) functions: Vec<Named>,
    pub(crate) gradients: Vec<Extent>,
    pub(crate) registered_gradients: Vec<Extent>,
    pub(crate) saver_def: Vec<Extent>,
    pub(crate) collections: Vec<Named>,
    pub(crate) signatures: Vec<Named>,
    pub(crate) assets: Vec<Extent>,
    pub(crate) object_graph: Vec<Extent>,
    pub(crate) problems: Problems,
}

/// What was found wrong, the first hundred of it.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    list: Vec<Error>,
    more: u64,
}

impl Problems {
    /// How many are kept: one broken byte can break a million messages.
    const KEPT: usize = 100;

    pub(crate) fn push(&mut self, error: Error) {
        if self.list.len() < Self::KEPT {
            self.list.push(error);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    pub(crate) fn finish(mut self) -> Vec<Error> {
        if self.more > 0 {
            self.list.push(Error::corrupt(format!(
                "and {} more problems like these",
                self.more
            )));
        }
        self.list
    }
}
