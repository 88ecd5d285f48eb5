//! What a tensor is, apart from where it is stored: its dtype, shape, slices and `.npy` header.

pub mod dtype;
pub mod float;
pub mod npy;
pub mod number;
pub mod shape;
pub mod slice;
pub mod tiling;

pub use dtype::DType;
pub use dtype::Endianness;
pub use shape::Shape;
pub use slice::Slice;
