//! The run view: a training directory with all its checkpoints, followed while the training runs.
//!
//! ```text
//! /mnt/run
//! ├── model.ckpt-10/      a checkpoint view, for each index in the directory
//! ├── model.ckpt-20/
//! ├── latest -> model.ckpt-20      what the state file `checkpoint` says
//! ├── latest-checkpoint_best -> …  what another state file says: `latest-` and its file name
//! ├── checkpoints.tsv     a line a checkpoint: step, time, bytes, listed, complete
//! └── info.txt            what this is, and what was left behind by crashed saves
//! ```
//!
//! This layer owns the clock. The directory is listed again when somebody asks and the last look is over half a
//! second old; what was found is an immutable snapshot that is swapped as a whole. The kernel is told to ask
//! again after half a second, so nobody sees what is older than a second. It is never notified.
//!
//! **A checkpoint is a state of its files**: names, inodes, lengths and modification times of index, shards and
//! graph. Any difference (a save over the same prefix, the `.meta` that comes last, a copy that grows) makes it
//! another checkpoint with a new node. So a node never changes, and everything below it may be cached.
//!
//! **First access opens all files**, and they must be the ones that were listed. From then on deleting them
//! takes nothing away: the name vanishes from the listing, but it and all that was found through it can be
//! read until the checkpoint has vanished, no handle is open and nobody has asked for a minute.
//!
//! **Never an old index with a new shard.** TensorFlow renames shards before the index, so for a moment there is
//! such a pair. Where a shard is not older than its index, checksums of its smallest tensors are compared first.
//!
//! **Generations.** An open checkpoint has a number of 10 bits, which is part of its node ids. A number is used
//! again only when its checkpoint is closed and the kernel has forgotten every node of it. If 1,023 are in
//! use, opening another one fails and says so.

mod check;
mod generations;
mod nodes;
mod scan;
mod serve;
mod slot;
mod snapshot;
mod states;
mod table;
mod texts;
mod view;

pub use table::Row;
pub use view::RunOptions;
pub use view::RunView;
