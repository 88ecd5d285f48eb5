//! Values of one-element tensors: steps, learning rates.

use crate::tensor::TensorId;
use crate::tensor::TensorSet;
use crate::tensor::number;
use crate::tensor::payload::Payload;

/// Whether a tensor is one number.
pub fn is_scalar(bundle: &dyn TensorSet, id: TensorId) -> bool {
    let entry = bundle.entry(id);
    entry.dtype.is_numeric() && entry.shape.elements() == Some(1)
}

/// The value of a one-element numeric tensor; `None` for others and for what cannot be read.
pub fn value(bundle: &dyn TensorSet, id: TensorId) -> Option<String> {
    if !is_scalar(bundle, id) {
        return None;
    }
    let extent = match bundle.payload(id).ok()? {
        Payload::Whole(extent) => extent?,
        Payload::Parts(parts) => parts.into_iter().next()?.1,
        Payload::Filled {
            stored: Some(extent), ..
        } => extent,
        Payload::Filled { stored: None, fill } => {
            return number::text(bundle.entry(id).dtype, bundle.endianness(), &fill);
        }
        Payload::Strings(_) | Payload::Variants(_) => return None,
    };
    let mut bytes = vec![0; usize::try_from(extent.len()).ok()?];
    extent.read(0, &mut bytes).ok()?;
    number::text(bundle.entry(id).dtype, bundle.endianness(), &bytes)
}
