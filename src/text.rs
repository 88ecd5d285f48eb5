//! Protobuf's text format: what `.pbtxt` files, `checkpoint` state files and protobuf's debug output are.
//!
//! Both directions go between text and wire bytes by descriptor, without the generated types: nothing is
//! decoded into memory first, so a graph prints at the cost of reading it, and fields that the types do
//! not know still show. [`print()`] gives what Python's `text_format.MessageToString` gives, the same bytes
//! every time; [`parse()`] reads all that protobuf's own parsers read.
//!
//! Invariants: time is linear in the input, nesting is bounded at [`MAX_DEPTH`], and whatever prints
//! parses back to the same message, comments and elided payloads apart.

mod arrange;
mod descriptor;
mod escape;
mod lexer;
mod literal;
mod number;
mod parse;
mod print;
mod scalar;
mod value;

pub use parse::MAX_WARNINGS;
pub use parse::ParseOptions;
pub use parse::Parsed;
pub use parse::parse;
pub use print::Counter;
pub use print::Options;
pub use print::measure;
pub use print::print;
pub use print::print_field_into;
pub use print::print_into;

/// How deep messages may nest; protobuf and prost refuse more on the wire too.
pub const MAX_DEPTH: usize = 100;
