//! The texts at the root and in meta/: one file each.

pub(super) mod graph_def;
pub(super) mod info;
pub(super) mod manifest;
pub(super) mod object_graph;
pub(super) mod ops;
pub(super) mod scalars;
pub(super) mod tensors;
