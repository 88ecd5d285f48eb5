//! The directory that users see, with no FUSE in it.
//!
//! [`View`] is what a mount or a command walks: nodes with computed ids, their names, attributes, links and
//! content. It is pure: the same checkpoint gives the same tree, the same ids and the same bytes, whoever
//! asks and when.
//!
//! Invariants (design.md 5): a node id never changes its kind, size, bytes or target, so caches may be
//! long; a size is exact before the first byte is read; a listing renders nothing and reads no tensor.

mod branch;
mod by_name;
mod by_type;
mod cache;
mod checkpoint_view;
mod collections;
mod facet;
mod functions;
mod graph_tree;
mod ids;
mod keys;
pub mod names;
mod objects;
mod ops;
pub mod paths;
mod savers;
mod signatures;
mod source;
mod tensors;
mod texts;
mod top;
mod view;

pub use checkpoint_view::CheckpointView;
pub use texts::info::human_bytes;
pub use texts::info::human_count;
pub use view::Effort;
pub use view::Entry;
pub use view::Freshness;
pub use view::Kind;
pub use view::NodeId;
pub use view::Stat;
pub use view::Totals;
pub use view::View;
pub use view::resolve;
