//! V2 checkpoints: an `.index` table and its `.data-*` shards (format.md 1.5 to 2.8).
//!
//! [`Bundle::open`] reads the whole index once into compact arrays, opens the shards that own a tensor and
//! reads no tensor. A tensor is a [`crate::tensor::TensorId`]: its place among the keys that are shown, in key order; the
//! keys of slices are known but not shown.
//!
//! Invariant: one bad tensor never hides another. A damaged entry, a missing or short shard, a slice that
//! is not there: each makes its own tensors unreadable, with a reason, and is listed by
//! its problems.

mod entries;
mod entry;
mod header;
mod open;
mod partition;
mod payload;
mod problems;
mod shards;
mod strings;
mod variants;

pub(crate) use entry::shape as decode_shape;
pub(crate) use entry::slice as decode_slice;
pub(crate) use header::check_version;

pub use header::Header;
pub use open::Bundle;
pub use shards::ShardFile;
