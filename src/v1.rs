//! V1 checkpoints: one table, or one a shard, whose records are slices of tensors (format.md 3).
//!
//! [`V1Checkpoint::open`] reads the index block and the first record of each table, which lists the tensors
//! with their slices. Where a slice lies is looked up when it is asked for. Packed floats in an uncompressed
//! block are served from the file; everything else is decoded when it is read and kept in a bounded cache.
//!
//! Invariants: as in [`crate::bundle`], one bad tensor or shard never hides another; memory is bounded by what is stored,
//! never by what a shape claims.

mod decoded;
mod files;
mod meta;
mod open;
mod payload;
mod problems;
mod record;
mod tensor;

pub use files::Files;
pub use files::ShardName;
pub use open::Shard;
pub use open::V1Checkpoint;
pub use open::is_v1;
