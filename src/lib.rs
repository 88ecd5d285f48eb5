//! Mount a TensorFlow checkpoint as a read-only directory.
//!
//! The crate is a stack of layers; each uses only those before it:
//!
//! | layer | what it knows |
//! |---|---|
//! | [`error`] | one error type: which file, which offset, what is wrong, what to do |
//! | [`source`] | where bytes come from: files, mapped or read |
//! | [`wire`] | varints and protobuf fields over a byte slice, bounded |
//! | [`proto`] | the messages of TensorFlow files |
//! | [`text`] | protobuf text format: printing and parsing by descriptor |
//! | [`graph`] | MetaGraphs: nodes over the raw bytes, functions, collections, savers |
//!
//! Invariants that hold everywhere: nothing is ever written to the source; no length, offset, count
//! or shape of a file is trusted; bytes of a mapped shard are only handed to the kernel, never
//! looked at (a shard cut under us would otherwise kill the process with SIGBUS).
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::todo,
        clippy::unimplemented,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::arithmetic_side_effects
    )
)]

pub mod error;
pub mod graph;
pub mod proto;
pub mod source;
pub mod text;
pub mod wire;

pub use error::{Error, ErrorKind, Result};
