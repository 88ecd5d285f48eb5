//! LevelDB-format tables: the container of `.index` files and of V1 checkpoints.
//!
//! A file of blocks with a footer that points at the index block, which points at the data blocks; records
//! are sorted by key. Strict where TensorFlow is lax (format.md 1.2-1.4): every handle is checked against
//! the file, blocks must follow each other, keys must strictly increase, every block's CRC is checked. A
//! corrupt block costs its own records: the reader says which block and goes on with the next.

mod block;

mod footer;
mod read;
mod seek;

pub(crate) use block::mask_crc;
pub use footer::Handle;
pub use footer::MAGIC;
pub use read::Event;
pub use read::Table;
pub use seek::Found;
