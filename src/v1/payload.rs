//! Where the bytes of a tensor lie, and decoding them.

use std::sync::Arc;

use super::decoded::Decoded;
use super::decoded::DecodedSource;
use super::decoded::SliceId;
use super::open::Inner;
use super::record;
use super::tensor::Tensor;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::graph::Extent as Bounds;
use crate::source::Extent;
use crate::table::Found;
use crate::table::Table;
use crate::tensor::DType;
use crate::tensor::TensorId;
use crate::tensor::dtype::Layout;
use crate::tensor::payload::Payload;
use crate::tensor::slice::Block;
use crate::tensor::strings::StringTable;

/// Larger slices are not decoded: a record has at most 2^31 bytes (tensor_slice_writer.h), and each byte may
/// stand for eight.
const MAX_DECODED: u64 = 4 << 30;

/// Whether a packed list of this type has the bytes of the array.
pub(super) fn is_direct(dtype: DType) -> bool {
    matches!(
        dtype,
        DType::FLOAT32 | DType::FLOAT64 | DType::COMPLEX64 | DType::COMPLEX128
    )
}

fn no_tensor() -> Error {
    Error::not_found("no such tensor")
}

impl Inner {
    /// [`crate::tensor::TensorSet::payload`] with an error that does not name the tensor.
    pub(super) fn payload(self: &Arc<Self>, id: TensorId) -> Result<Payload> {
        let tensor = self.tensor(id.0).ok_or_else(no_tensor)?;
        let blocks = tensor.blocks().map_err(|e| self.placed(e))?;
        match tensor.dtype.layout() {
            Layout::Fixed(width) => {
                let mut parts = Vec::new();
                for (part, block) in (0u32..).zip(blocks) {
                    // Nothing is ever read of a slice without elements (saveable: RestoreTensor).
                    if elements(&block) > 0 {
                        let extent = self.numbers(tensor, (id.0, part), &block, width)?;
                        parts.push((block, extent));
                    }
                }
                if tensor.is_sliced() {
                    return Ok(Payload::Parts(parts));
                }
                Ok(Payload::Whole(parts.pop().map(|(_, extent)| extent)))
            }
            Layout::Strings if tensor.is_sliced() => self.string_parts(tensor, id, blocks),
            Layout::Strings if tensor.shape.elements() == Some(0) => {
                Ok(Payload::Strings(StringTable::scattered(Vec::new())))
            }
            Layout::Strings => self.strings(tensor, (id.0, 0)).map(Payload::Strings),
            Layout::Narrow { .. } | Layout::Variants | Layout::None => Err(Error::unsupported(format!(
                "a V1 checkpoint holds no readable data of type {}",
                tensor.dtype
            ))),
        }
    }

    /// An error about what the list of tensors says: a shard that is missing explains slices that are.
    pub(super) fn placed(&self, e: Error) -> Error {
        let lost = self.shards.iter().find(|shard| shard.table.is_err());
        match lost {
            Some(shard) => e.hint(format!("{} cannot be read", shard.path.display())),
            None => e.at(&self.prefix),
        }
    }

    fn slice<'a>(&'a self, tensor: &Tensor, part: u32) -> Result<(&'a Table, Vec<u8>)> {
        let part = part as usize;
        let (Some(slice), Some(shard)) = (tensor.slices.get(part), tensor.shards.get(part)) else {
            return Err(no_tensor());
        };
        Ok((self.table(*shard)?, slice.key(&tensor.name)))
    }

    /// The elements of a slice: in the file where they stand there as the array has them, otherwise decoded when they
    /// are read.
    fn numbers(self: &Arc<Self>, tensor: &Tensor, id: SliceId, block: &Block, width: u64) -> Result<Extent> {
        let (table, key) = self.slice(tensor, id.1)?;
        let file = table.source();
        let count = elements(block);
        let want = count.saturating_mul(width);
        let found = table.find(&key)?.ok_or_else(|| no_record(table))?;
        if let (Found::InFile { offset, len }, true) = (found, is_direct(tensor.dtype)) {
            let bounds = Bounds::new(offset, len);
            if let Some(run) = record::packed(&**file, bounds, &tensor.name, tensor.dtype)? {
                if run.len != want {
                    let stored = run.len.checked_div(width).unwrap_or(0);
                    return Err(record::miscounted(stored, count)
                        .at(file.path())
                        .offset(run.offset));
                }
                return Extent::new(file.clone(), run.offset, run.len);
            }
        }
        // A number takes a byte or more, so a shape that claims far more than is stored is refused here.
        if let Found::InFile { len, .. } = found
            && count > len
        {
            return Err(record::miscounted(len, count).at(file.path()));
        }
        if want > MAX_DECODED {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!("a slice of {want} bytes is too large to be decoded"),
            )
            .at(file.path()));
        }
        self.decoded_extent(id, table, want)
    }

    fn decoded_extent(self: &Arc<Self>, id: SliceId, table: &Table, len: u64) -> Result<Extent> {
        let source = DecodedSource {
            set: self.clone(),
            id,
            file: table.source().clone(),
            len,
        };
        Extent::new(Arc::new(source), 0, len)
    }

    fn strings(self: &Arc<Self>, tensor: &Tensor, id: SliceId) -> Result<StringTable> {
        let (table, _) = self.slice(tensor, id.1)?;
        let decoded = self.decode_kept(id)?;
        let len = decoded.bytes.len() as u64;
        let bytes = match len {
            0 => None,
            _ => Some(self.decoded_extent(id, table, len)?),
        };
        Ok(StringTable::joined(bytes, decoded.ends.clone(), decoded.longest))
    }

    fn string_parts(self: &Arc<Self>, tensor: &Tensor, id: TensorId, blocks: Vec<Block>) -> Result<Payload> {
        let mut found: Vec<(u64, Option<Extent>)> = Vec::new();
        for (part, block) in (0u32..).zip(blocks) {
            let count = elements(&block);
            if count == 0 {
                continue;
            }
            let table = self.strings(tensor, (id.0, part))?;
            for index in 0..count {
                found.push((block.place(&tensor.shape, index), table.string(index).flatten()));
            }
        }
        found.sort_by_key(|(place, _)| *place);
        let strings = found.into_iter().map(|(_, string)| string);
        Ok(Payload::Strings(StringTable::scattered(strings.collect())))
    }

    /// The decoded slice, for a reader: the error names the tensor.
    pub(super) fn decoded(&self, id: SliceId) -> Result<Arc<Decoded>> {
        self.decode_kept(id).map_err(|e| {
            let name = self.tensor(id.0).map_or(&[][..], |tensor| &tensor.name);
            e.context(format_args!("tensor {}", String::from_utf8_lossy(name)))
        })
    }

    fn decode_kept(&self, id: SliceId) -> Result<Arc<Decoded>> {
        self.cache.get(id, || self.decode(id))
    }

    /// Reads and checks the block of a slice and decodes it.
    fn decode(&self, id: SliceId) -> Result<Decoded> {
        let tensor = self.tensor(id.0).ok_or_else(no_tensor)?;
        let (table, key) = self.slice(tensor, id.1)?;
        let slice = tensor.slices.get(id.1 as usize).ok_or_else(no_tensor)?;
        let count = elements(&slice.within(&tensor.shape)?);
        let record = table.get(&key)?.ok_or_else(|| no_record(table))?;
        let file = (table.source().path(), table.source().stat());
        table.source().check_unchanged()?;
        match tensor.dtype.width() {
            Some(width) => record::numbers(record, file, &tensor.name, tensor.dtype, width, count),
            None => record::strings(record, file, &tensor.name, count),
        }
    }

    /// Bytes of a tensor: of strings those of their records, of numbers those of the array, which needs no
    /// reading.
    pub(super) fn stored(&self, id: TensorId) -> u64 {
        let Some(tensor) = self.tensor(id.0) else {
            return 0;
        };
        if let Some(width) = tensor.dtype.width() {
            let elements = tensor.shape.elements().unwrap_or(0);
            return elements.saturating_mul(width);
        }
        if tensor.dtype != DType::STRING {
            return 0;
        }
        let record = |part: u32| -> Result<u64> {
            let (table, key) = self.slice(tensor, part)?;
            Ok(match table.find(&key)? {
                Some(Found::InFile { len, .. }) => len,
                Some(Found::Compressed) => table.get(&key)?.map_or(0, |value| value.len() as u64),
                None => 0,
            })
        };
        *tensor.stored.get_or_init(|| {
            let parts = (0u32..).zip(&tensor.slices);
            parts.fold(0, |sum, (part, _)| sum.saturating_add(record(part).unwrap_or(0)))
        })
    }
}

fn elements(block: &Block) -> u64 {
    block.shape().elements().unwrap_or(u64::MAX)
}

fn no_record(table: &Table) -> Error {
    Error::corrupt("its record is missing")
        .at(table.source().path())
        .hint("the file is damaged; copy or download it again")
}
