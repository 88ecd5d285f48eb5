//! A whole table: its data blocks, and its records in key order.

use std::sync::Arc;

use bytes::Bytes;

use super::block::Block;
use super::footer::Handle;
use super::footer::read_index_handle;
use super::seek;
use super::seek::Found;
use crate::error::Error;
use crate::error::Result;
use crate::error::printable;
use crate::source::Source;
use crate::wire::Reader;

/// Keys are prefix-compressed with a whole key every 16 records, so all keys together have at most 16
/// times the bytes of the blocks, and some more where these are compressed. A file that claims more than
/// this makes gigabytes of names out of nothing.
const MAX_KEY_EXPANSION: u64 = 32;
/// Keys of so many bytes are read from any file.
const MODEST_KEYS: u64 = 16 << 20;

/// Fails where the keys are larger than `stored` bytes of blocks can mean.
fn check_expansion(keys: u64, stored: u64) -> Result<()> {
    if keys
        <= stored
            .saturating_mul(MAX_KEY_EXPANSION)
            .saturating_add(MODEST_KEYS)
    {
        return Ok(());
    }
    Err(Error::corrupt(
        "the keys are many times larger than the file; no writer makes such a table",
    ))
}

/// An open table.
#[derive(Debug)]
pub struct Table {
    source: Arc<dyn Source>,
    blocks: Vec<DataBlock>,
}

/// What [`Table::for_each`] comes upon.
#[derive(Debug)]
pub enum Event<'a> {
    /// A record.
    Record {
        /// Its key.
        key: &'a [u8],
        /// Its value.
        value: &'a [u8],
        /// The offset of its block in the file.
        block: u64,
    },
    /// A block, or the rest of one, that cannot be read.
    BadBlock(Error),
}

#[derive(Debug)]
struct DataBlock {
    handle: Handle,
    /// A key that is not before the last key of this block and before the first of the next.
    separator: Box<[u8]>,
}

impl Table {
    /// Reads footer and index block. Data blocks are read when they are asked for.
    pub fn open(source: Arc<dyn Source>) -> Result<Self> {
        let index = read_index_handle(&*source)?;
        let block = Block::read(&*source, index).map_err(|e| e.context("index block"))?;
        let mut blocks: Vec<DataBlock> = Vec::new();
        let mut key = Vec::new();
        let mut key_bytes = 0u64;
        block
            .for_each(&mut key, |key, value| {
                key_bytes = key_bytes.saturating_add(key.len() as u64);
                check_expansion(key_bytes, index.size)?;
                let handle = Handle::decode(&mut Reader::new(value)).map_err(|e| {
                    Error::corrupt(format!("bad handle of block {}: {}", blocks.len(), e.what()))
                })?;
                let after = blocks
                    .last()
                    .map_or(0, |last| last.handle.end_within(index.offset).unwrap_or(u64::MAX));
                if handle.offset < after || handle.end_within(index.offset).is_none() {
                    return Err(Error::corrupt(format!(
                        "block {} would be {} bytes at {}, where the file has no room for it",
                        blocks.len(),
                        handle.size,
                        handle.offset
                    )));
                }
                blocks.push(DataBlock {
                    handle,
                    separator: key.into(),
                });
                Ok(())
            })
            .map_err(|e| e.context("index block").at(source.path()).offset(index.offset))?;
        Ok(Self { source, blocks })
    }

    /// The file.
    pub fn source(&self) -> &Arc<dyn Source> {
        &self.source
    }

    /// How many data blocks there are.
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// Calls `each` with every record in key order. A block that cannot be read is told too, and the walk
    /// goes on behind it; an error of `each` ends it.
    pub fn for_each(&self, mut each: impl FnMut(Event<'_>) -> Result<()>) -> Result<()> {
        let mut key = Vec::new();
        let mut before: Option<&[u8]> = None;
        let mut key_bytes = 0u64;
        let mut block_bytes = 0u64;
        for (number, data) in self.blocks.iter().enumerate() {
            let place = |e: Error| {
                e.context(format!("block {number} of {}", self.blocks.len()))
                    .at(self.source.path())
                    .offset(data.handle.offset)
            };
            let block = match Block::read(&*self.source, data.handle) {
                Ok(block) => block,
                Err(e) => {
                    each(Event::BadBlock(place(e)))?;
                    continue;
                }
            };
            block_bytes = block_bytes.saturating_add(data.handle.size);
            let floor = before.replace(&data.separator);
            let mut stop: Option<Error> = None;
            let outcome = block.for_each(&mut key, |key, value| {
                if floor.is_some_and(|floor| key <= floor) || key > &*data.separator {
                    return Err(Error::corrupt(format!(
                        "key {} does not belong in this block",
                        printable(key)
                    )));
                }
                key_bytes = key_bytes.saturating_add(key.len() as u64);
                check_expansion(key_bytes, block_bytes)?;
                let record = Event::Record {
                    key,
                    value,
                    block: data.handle.offset,
                };
                each(record).inspect_err(|e| stop = Some(e.clone()))
            });
            match (stop, outcome) {
                (Some(e), _) => return Err(e),
                (None, Err(e)) => each(Event::BadBlock(place(e)))?,
                (None, Ok(())) => {}
            }
        }
        Ok(())
    }

    /// The only block that may hold `key`.
    fn block_of(&self, key: &[u8]) -> Option<&DataBlock> {
        let index = self.blocks.partition_point(|block| &*block.separator < key);
        self.blocks.get(index)
    }

    /// Where the value of `key` lies, where it is there. Reads heads of some records of one block, no value;
    /// so the checksum of the block is not looked at.
    pub fn find(&self, key: &[u8]) -> Result<Option<Found>> {
        match self.block_of(key) {
            Some(data) => seek::find(&*self.source, data.handle, key),
            None => Ok(None),
        }
    }

    /// The value of `key`, where it is there. Reads and checks one block, which the value keeps in memory.
    pub fn get(&self, key: &[u8]) -> Result<Option<Bytes>> {
        let Some(data) = self.block_of(key) else {
            return Ok(None);
        };
        let block = Block::read(&*self.source, data.handle)?;
        let mut found = None;
        block
            .for_each(&mut Vec::new(), |k, value| {
                if k == key {
                    found = Some(block.keep(value));
                }
                Ok(())
            })
            .map_err(|e| e.at(self.source.path()).offset(data.handle.offset))?;
        Ok(found)
    }
}
