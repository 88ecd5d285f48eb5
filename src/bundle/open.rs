//! Opening a bundle, and what it says of each tensor.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use super::entries::Builder;
use super::entries::Entries;
use super::header::Header;
use super::shards::ShardFile;
use super::shards::Shards;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::source::Source;
use crate::source::Store;
use crate::table::Event;
use crate::table::Table;
use crate::tensor::Endianness;
use crate::tensor::TensorId;
use crate::tensor::TensorSet;
use crate::tensor::payload::Payload;
use crate::tensor::set::Entry;
use crate::tensor::set::Place;
use crate::tensor::set::Problem;

/// How often opening starts again because the index was replaced meanwhile.
const TRIES: u32 = 3;

/// A V2 checkpoint.
#[derive(Debug)]
pub struct Bundle {
    pub(super) prefix: PathBuf,
    pub(super) index: Arc<dyn Source>,
    pub(super) header: Header,
    pub(super) entries: Entries,
    pub(super) shards: Shards,
    /// Blocks of the index that could not be read.
    pub(super) bad_blocks: Vec<Error>,
}

impl Bundle {
    /// Opens `prefix.index` and the shards that own a tensor. An index and shards of different saves are
    /// never mixed: where the index was replaced while its shards were opened, it all starts again.
    pub fn open(store: &dyn Store, prefix: &Path) -> Result<Self> {
        let mut path = prefix.as_os_str().to_owned();
        path.push(".index");
        let path = PathBuf::from(path);
        for _ in 0..TRIES {
            let bundle = Self::open_once(store, prefix, &path)?;
            let now = store.stat(&path)?.map(|stat| stat.identity);
            if now == Some(bundle.index.stat().identity) {
                return Ok(bundle);
            }
        }
        Err(Error::new(
            ErrorKind::Changed,
            "the checkpoint is rewritten faster than it can be opened",
        )
        .at(path)
        .hint("try again when the training has saved"))
    }

    fn open_once(store: &dyn Store, prefix: &Path, path: &Path) -> Result<Self> {
        let index = store.open(path)?;
        let table = Table::open(index.clone())?;
        let mut header: Option<Header> = None;
        let mut bad_blocks: Vec<Error> = Vec::new();
        let mut entries = Builder::default();
        table.for_each(|event| match event {
            Event::Record { key, value, .. } if header.is_some() => {
                entries.push(key, value).map_err(|e| e.at(path))
            }
            Event::Record { key, block, .. } if !key.is_empty() => Err(no_header().at(path).offset(block)),
            Event::Record { value, block, .. } => {
                header = Some(Header::decode(value).map_err(|e| {
                    let what = format!("bad bundle header: {}", e.what());
                    let hint = e
                        .hint_text()
                        .unwrap_or("the file is damaged; copy or download it again");
                    Error::new(e.kind(), what).at(path).offset(block).hint(hint)
                })?);
                Ok(())
            }
            // Without the first block there is no header, and nothing can be read.
            Event::BadBlock(error) if header.is_none() => Err(error),
            Event::BadBlock(error) => {
                log::warn!("{error}");
                bad_blocks.push(error);
                Ok(())
            }
        })?;
        let header = header.ok_or_else(|| no_header().at(path))?;
        let entries = entries.finish();
        let shards = Shards::open(
            store,
            prefix,
            header.num_shards,
            wanted_shards(&entries).into_iter(),
        );
        Ok(Self {
            prefix: prefix.to_path_buf(),
            index,
            header,
            entries,
            shards,
            bad_blocks,
        })
    }

    /// The prefix it was opened by.
    pub fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// The `.index` file.
    pub fn index(&self) -> &Arc<dyn Source> {
        &self.index
    }

    /// What it says of itself.
    pub fn header(&self) -> Header {
        self.header
    }

    /// The shards that own a tensor, by number.
    pub fn shards(&self) -> impl Iterator<Item = &ShardFile> {
        self.shards.iter()
    }
}

impl TensorSet for Bundle {
    fn len(&self) -> u32 {
        self.entries.len()
    }

    fn key(&self, id: TensorId) -> &[u8] {
        self.entries.key(self.entries.row(id))
    }

    fn find(&self, key: &[u8]) -> Option<TensorId> {
        self.entries.tensor(self.entries.find(key)?)
    }

    fn entry(&self, id: TensorId) -> Entry<'_> {
        let stored = self.entries.entry(self.entries.row(id));
        Entry {
            dtype: stored.dtype,
            shape: stored.shape,
            place: stored.slices.is_empty().then_some(Place {
                shard: stored.shard,
                offset: stored.offset,
                size: stored.size,
                crc32c: stored.crc32c,
            }),
            slices: stored.slices,
        }
    }

    fn stored(&self, id: TensorId) -> u64 {
        let row = self.entries.row(id);
        let entry = self.entries.entry(row);
        if entry.slices.is_empty() {
            return entry.size;
        }
        self.entries.slice_rows(row).fold(0, |sum, row| {
            sum.saturating_add(row.map_or(0, |row| self.entries.entry(row).size))
        })
    }

    fn endianness(&self) -> Endianness {
        self.header.endianness
    }

    fn payload(&self, id: TensorId) -> Result<Payload> {
        self.payload_named(id)
    }

    fn problems(&self) -> Vec<Problem> {
        self.all_problems()
    }
}

/// The shards that own a record with bytes, in order.
fn wanted_shards(entries: &Entries) -> Vec<u32> {
    let mut wanted = Vec::new();
    for row in 0..entries.rows() {
        let entry = entries.entry(row);
        let owns = entry.slices.is_empty() && entry.size > 0 && entries.defect(row).is_none();
        if owns && wanted.last() != Some(&entry.shard) {
            wanted.push(entry.shard);
        }
    }
    wanted.sort_unstable();
    wanted.dedup();
    wanted
}

fn no_header() -> Error {
    Error::corrupt("the first record is not a bundle header, so this is no V2 index")
        .hint("a V1 checkpoint, or another program's table")
}
