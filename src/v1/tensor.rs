//! The tensors of all shards: what their lists say of each, put together.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::meta::Listed;
use crate::error::Error;
use crate::error::Result;
use crate::tensor::DType;
use crate::tensor::Shape;
use crate::tensor::Slice;
use crate::tensor::slice::Block;
use crate::tensor::tiling;

/// One tensor.
#[derive(Debug)]
pub(super) struct Tensor {
    pub(super) name: Box<[u8]>,
    pub(super) dtype: DType,
    pub(super) shape: Shape,
    /// The slices as they are spelled in the keys of their records.
    pub(super) slices: Vec<Slice>,
    /// The shard of each slice.
    pub(super) shards: Vec<u32>,
    /// Why what is said of it makes no sense.
    pub(super) defect: Option<Error>,
    /// Bytes of a string tensor in the file, once somebody asked.
    pub(super) stored: OnceLock<u64>,
}

impl Tensor {
    /// Whether it is stored in several slices, or in one that is not all of it.
    pub(super) fn is_sliced(&self) -> bool {
        match self.slices.as_slice() {
            [only] => only
                .within(&self.shape)
                .map_or(true, |block| block.lengths != self.shape.0),
            _ => true,
        }
    }

    /// The slices as boxes, checked to tile the tensor.
    pub(super) fn blocks(&self) -> Result<Vec<Block>> {
        if let Some(defect) = &self.defect {
            return Err(defect.clone());
        }
        if self.shape.elements().is_none() {
            return Err(Error::corrupt(format!(
                "the shape {} has more than 2^63-1 elements",
                self.shape
            )));
        }
        let blocks: Result<Vec<Block>> = self.slices.iter().map(|s| s.within(&self.shape)).collect();
        let blocks = blocks?;
        tiling::check(&self.shape, &blocks)?;
        Ok(blocks)
    }
}

/// Puts the lists of several tables together.
#[derive(Debug, Default)]
pub(super) struct Builder(BTreeMap<Box<[u8]>, Tensor>);

impl Builder {
    /// Adds what the table of `shard` says of tensor `name`.
    pub(super) fn add(&mut self, name: &[u8], listed: Result<Listed>, shard: u32) {
        let tensor = self.0.entry(name.into()).or_insert_with(|| Tensor {
            name: name.into(),
            dtype: DType(0),
            shape: Shape::default(),
            slices: Vec::new(),
            shards: Vec::new(),
            defect: None,
            stored: OnceLock::new(),
        });
        let listed = match listed {
            Ok(listed) => listed,
            Err(e) => {
                tensor.defect.get_or_insert(e.context("bad entry"));
                return;
            }
        };
        if tensor.shards.is_empty() {
            tensor.dtype = listed.dtype;
            tensor.shape = listed.shape;
        } else if (tensor.dtype, &tensor.shape) != (listed.dtype, &listed.shape) {
            tensor.defect.get_or_insert(Error::corrupt(format!(
                "it is {} {} in one place and {} {} in another",
                tensor.dtype, tensor.shape, listed.dtype, listed.shape
            )));
            return;
        }
        for slice in listed.slices {
            tensor.slices.push(slice);
            tensor.shards.push(shard);
        }
    }

    /// All tensors by their names.
    pub(super) fn finish(self) -> Vec<Tensor> {
        self.0.into_values().collect()
    }
}
