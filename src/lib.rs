//! Mount a TensorFlow checkpoint as a read-only directory.
//!
//! The crate is a stack of layers; each uses only those before it:
//!
//! | layer | what it knows |
//! |---|---|
//! | [`error`] | one error: which file, which offset, what is wrong, what to do |
//! | [`source`] | where bytes come from: files, mapped or read |
//! | [`wire`] | varints and protobuf fields over a byte slice, bounded |
//! | [`proto`] | the messages of TensorFlow files |
//! | [`table`] | LevelDB-format tables: blocks and records |
//! | [`text`] | protobuf text format: printing and parsing by descriptor |
//! | [`tensor`] | what a tensor is, apart from where it is stored: dtype, shape, slices, `.npy` header |
//! | [`bundle`] | V2 checkpoints: an index and its shards |
//! | [`graph`] | graphs: nodes over the raw bytes, functions, collections, savers |
//! | [`v1`] | V1 checkpoints: tables of slices, read as sets of tensors |
//! | [`state`] | the `checkpoint` state file |
//! | [`locate`] | from what the user typed to the files of a checkpoint |
//! | [`checkpoint`] | the parts of a checkpoint, opened and tied together |
//! | [`content`] | the bytes of one virtual file, as pieces |
//! | [`tree`] | the directory: ids, names, attributes, links, content; no FUSE |
//! | [`run`] | a training directory: all its checkpoints, followed while the training runs |
//! | [`fuse`] | a tree over FUSE: the adapter, mounting, the background process |
//! | [`cli`] | the commands |
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

pub mod bundle;
pub mod checkpoint;
pub mod cli;
pub mod content;
pub mod error;
pub mod fuse;
pub mod graph;
pub mod locate;
pub mod proto;
pub mod run;
pub mod source;
pub mod state;
pub mod table;
pub mod tensor;
pub mod text;
pub mod tree;
pub mod v1;
pub mod wire;

pub use error::{Error, ErrorKind, Result};
