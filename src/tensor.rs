//! What a tensor is, apart from where it is stored: its dtype, shape, slices and `.npy` header.

pub mod dtype;
pub mod float;
pub mod npy;
pub mod number;
pub mod payload;
pub mod set;
pub mod shape;
pub mod slice;
pub mod strings;
pub mod tiling;
pub mod variants;

pub use dtype::DType;
pub use dtype::Endianness;
pub use set::TensorId;
pub use set::TensorSet;
pub use shape::Shape;
pub use slice::Slice;
