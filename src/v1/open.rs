//! Opening a V1 checkpoint, and what it says of each tensor.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use super::decoded::Cache;
use super::files::Files;
use super::meta;
use super::tensor::Builder;
use super::tensor::Tensor;
use crate::error::Error;
use crate::error::Result;
use crate::source::Source;
use crate::source::Store;
use crate::table::MAGIC;
use crate::table::Table;
use crate::tensor::DType;
use crate::tensor::Endianness;
use crate::tensor::Shape;
use crate::tensor::TensorId;
use crate::tensor::TensorSet;
use crate::tensor::payload::Payload;
use crate::tensor::set::Entry;
use crate::tensor::set::Problem;

/// One file of a V1 checkpoint.
#[derive(Debug)]
pub struct Shard {
    /// Where it is, or should be.
    pub path: PathBuf,
    /// The table; the error says why its slices cannot be read.
    pub table: Result<Table>,
}

/// A V1 checkpoint.
#[derive(Debug)]
pub struct V1Checkpoint {
    pub(super) inner: Arc<Inner>,
}

/// What decoded slices need too.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) prefix: PathBuf,
    pub(super) shards: Vec<Shard>,
    pub(super) tensors: Vec<Tensor>,
    pub(super) cache: Cache,
}

/// Whether a file is a V1 table, by its content: the magic number of tables and a first record that lists
/// tensors. Fails where it is a table that cannot be read.
pub fn is_v1(source: &Arc<dyn Source>) -> Result<bool> {
    let Some(at) = source.len().checked_sub(MAGIC.len() as u64) else {
        return Ok(false);
    };
    if source.read_vec(at, MAGIC.len() as u64)? != MAGIC {
        return Ok(false);
    }
    let record = Table::open(source.clone())?.get(b"")?;
    Ok(record.is_some_and(|record| meta::is_meta(&record)))
}

/// Opens one file and adds its tensors to `all`.
fn open_shard(store: &dyn Store, path: &Path, shard: u32, all: &mut Builder) -> Result<Table> {
    let table = Table::open(store.open(path)?)?;
    let fail = |e: Error| {
        let inner = Error::new(e.kind(), format!("list of tensors: {}", e.what()));
        let hint = e
            .hint_text()
            .unwrap_or("the file is damaged; copy or download it again");
        inner.at(path).hint(hint)
    };
    let record = table.get(b"")?;
    let record = record.ok_or_else(|| fail(Error::corrupt("it is missing")))?;
    let mut listed = Vec::new();
    meta::decode(&record, |name, entry| {
        if name.is_empty() {
            return Err(Error::corrupt("a tensor without a name"));
        }
        listed.push((name.to_vec(), entry));
        Ok(())
    })
    .map_err(fail)?;
    for (name, entry) in listed {
        all.add(&name, entry.map_err(|e| e.at(path)), shard);
    }
    Ok(table)
}

impl V1Checkpoint {
    /// Opens the files and reads their lists of tensors. Fails where none of them can be read.
    pub fn open(store: &dyn Store, files: &Files) -> Result<Self> {
        let mut all = Builder::default();
        let mut shards = Vec::new();
        for (number, path) in (0u32..).zip(&files.files) {
            let table = open_shard(store, path, number, &mut all);
            if let Err(e) = &table {
                log::warn!("{e}");
            }
            let path = path.clone();
            shards.push(Shard { path, table });
        }
        if let Some(Err(e)) = shards.first().map(|shard| &shard.table)
            && shards.iter().all(|shard| shard.table.is_err())
        {
            return Err(e.clone());
        }
        Ok(Self {
            inner: Arc::new(Inner {
                prefix: files.prefix.clone(),
                shards,
                tensors: all.finish(),
                cache: Cache::default(),
            }),
        })
    }

    /// The name of its files, without the shard.
    pub fn prefix(&self) -> &Path {
        &self.inner.prefix
    }

    /// Its files.
    pub fn shards(&self) -> &[Shard] {
        &self.inner.shards
    }
}

static NO_SHAPE: Shape = Shape(Vec::new());

impl Inner {
    pub(super) fn tensor(&self, id: u32) -> Option<&Tensor> {
        self.tensors.get(id as usize)
    }

    /// The table of a shard.
    pub(super) fn table(&self, shard: u32) -> Result<&Table> {
        match self.shards.get(shard as usize).map(|shard| &shard.table) {
            Some(Ok(table)) => Ok(table),
            Some(Err(e)) => Err(e.clone()),
            None => Err(Error::not_found(format!("shard {shard} does not exist"))),
        }
    }
}

impl TensorSet for V1Checkpoint {
    fn len(&self) -> u32 {
        u32::try_from(self.inner.tensors.len()).unwrap_or(u32::MAX)
    }

    fn key(&self, id: TensorId) -> &[u8] {
        self.inner.tensor(id.0).map_or(&[], |tensor| &tensor.name)
    }

    fn find(&self, key: &[u8]) -> Option<TensorId> {
        let found = self
            .inner
            .tensors
            .binary_search_by(|tensor| (*tensor.name).cmp(key));
        Some(TensorId(u32::try_from(found.ok()?).ok()?))
    }

    fn entry(&self, id: TensorId) -> Entry<'_> {
        let tensor = self.inner.tensor(id.0);
        Entry {
            dtype: tensor.map_or(DType(0), |tensor| tensor.dtype),
            shape: tensor.map_or(&NO_SHAPE, |tensor| &tensor.shape),
            // Values stand in messages: no place of a shard has just them.
            place: None,
            slices: tensor
                .filter(|tensor| tensor.is_sliced())
                .map_or(&[], |tensor| &tensor.slices),
        }
    }

    /// Of numbers, the bytes they have decoded: integers are shorter in the file.
    fn stored(&self, id: TensorId) -> u64 {
        self.inner.stored(id)
    }

    fn endianness(&self) -> Endianness {
        Endianness::Little
    }

    fn payload(&self, id: TensorId) -> Result<Payload> {
        self.inner
            .payload(id)
            .map_err(|e| e.context(format_args!("tensor {}", String::from_utf8_lossy(self.key(id)))))
    }

    fn is_decoded(&self, id: TensorId) -> bool {
        self.inner
            .tensor(id.0)
            .is_none_or(|tensor| !super::payload::is_direct(tensor.dtype))
    }

    fn problems(&self) -> Vec<Problem> {
        self.inner.problems()
    }
}
