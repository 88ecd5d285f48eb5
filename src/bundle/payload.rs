//! Where the bytes of a tensor lie, checked against its shape and its shard.

use super::entry::Stored;
use super::open::Bundle;
use super::strings;
use super::variants;
use crate::error::Error;
use crate::error::Result;
use crate::error::printable;
use crate::source::Extent;
use crate::tensor::TensorId;
use crate::tensor::TensorSet;
use crate::tensor::dtype::Layout;
use crate::tensor::payload::Payload;

impl Bundle {
    /// Where the bytes of a tensor lie. Reads no tensor data, but for the lengths of strings and variants.
    /// The error says why this tensor cannot be read.
    pub(super) fn payload_named(&self, id: TensorId) -> Result<Payload> {
        self.payload_of(id)
            .map_err(|e| e.context(format_args!("tensor {}", printable(self.key(id)))))
    }

    /// [`Bundle::payload`] with an error that does not name the tensor.
    pub(super) fn payload_of(&self, id: TensorId) -> Result<Payload> {
        // What is not about a shard is about the index.
        self.find_payload(id).map_err(|e| e.at(self.index.path()))
    }

    fn find_payload(&self, id: TensorId) -> Result<Payload> {
        let row = self.entries.row(id);
        if let Some(defect) = self.entries.defect(row) {
            return Err(defect.clone());
        }
        let entry = self.entries.entry(row);
        let elements = entry.shape.elements().ok_or_else(|| {
            Error::corrupt(format!("the shape {} has more than 2^63-1 elements", entry.shape))
        })?;
        let sliced = !entry.slices.is_empty();
        match entry.dtype.layout() {
            Layout::Fixed(width) if sliced => self.parts(row, width).map(Payload::Parts),
            Layout::Narrow { .. } if sliced => self.parts(row, 1).map(Payload::Parts),
            Layout::Fixed(width) => self.fixed_extent(&entry, width).map(Payload::Whole),
            Layout::Narrow { .. } => self.fixed_extent(&entry, 1).map(Payload::Whole),
            Layout::Strings if sliced => self.string_parts(row).map(Payload::Strings),
            Layout::Variants if sliced => Err(Error::unsupported(format!(
                "{} tensors stored in slices cannot be read, by TensorFlow neither",
                entry.dtype
            ))),
            Layout::Strings => {
                let extent = self.extent(&entry)?;
                strings::read(extent, elements, self.header.endianness).map(Payload::Strings)
            }
            Layout::Variants => {
                let extent = self.extent(&entry)?;
                variants::read(extent, elements).map(Payload::Variants)
            }
            Layout::None => Err(Error::unsupported(format!(
                "a checkpoint holds no readable data of type {}",
                entry.dtype
            ))
            .hint("perhaps a newer ckptfs knows it")),
        }
    }

    /// The bytes of a record of fixed-width elements; `None` where it has none.
    pub(super) fn fixed_extent(&self, entry: &Stored<'_>, width: u64) -> Result<Option<Extent>> {
        let elements = entry.shape.elements();
        let want = elements.and_then(|n| n.checked_mul(width));
        let Some(want) = want.filter(|want| *want == entry.size) else {
            let want = want.map_or("more than 2^64".into(), |want| want.to_string());
            return Err(Error::corrupt(format!(
                "the index says {} bytes, but {} {} needs {want}",
                entry.size, entry.dtype, entry.shape
            ))
            .hint("the index is damaged; copy or download it again"));
        };
        if want == 0 {
            // Its shard need not even exist.
            return Ok(None);
        }
        self.extent(entry)?.map(Ok).transpose()
    }

    /// The bytes of a record; `None` where it has none.
    pub(super) fn extent(&self, entry: &Stored<'_>) -> Result<Option<Extent>> {
        if entry.size == 0 {
            return Ok(None);
        }
        let source = self.shards.get(entry.shard)?;
        Extent::new(source, entry.offset, entry.size).map(Some)
    }
}
