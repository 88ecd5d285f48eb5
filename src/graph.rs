//! Graphs: what a `.meta`, a frozen `.pb` or a `saved_model.pb` holds beside tensors.
//!
//! [`open`] passes over the file once and remembers where things lie: a name, an op type and a byte
//! range for every node, a key and a byte range for everything else. Whatever is asked for later is read
//! and decoded then, from its own range. That is what makes a graph of a million nodes open in half a
//! second, and one with half a gigabyte of constants cost no memory for them.
//!
//! * [`GraphFile`] holds a [`MetaGraph`] for each graph of the file, and that its functions,
//!   collections, signatures, op list and savers.
//! * [`ObjectGraph`] holds the objects of a TF2 checkpoint, which lie in a tensor of it.
//! * [`GraphView`] is the graph itself or the body of a [`Function`]: nodes, outputs, consumers, constants.
//!
//! Invariants: names are bytes; ids are positions in the file; no length, count or shape of the file is
//! trusted; damage is listed in `problems`, and what is not damaged can be read.

mod abridge;
mod attr;
mod collection;
mod constant;
mod consumers;
mod container;
mod cursor;
mod dtype;
mod element;
mod function;
mod index;
mod meta_graph;
mod node;
mod object_graph;
mod op_table;
mod order;
mod outputs;
mod parts;
mod saver;
mod scan;
mod signature;
mod strings;
mod value_list;
mod variables;
mod view;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub(crate) use cursor::Cursor;
pub(crate) use cursor::NARROW;
pub(crate) use cursor::Value as FieldValue;
pub(crate) use cursor::for_each_field;
pub(crate) use value_list::list_field;
pub(crate) use value_list::read as read_value_list;

pub use abridge::INLINE_TENSOR;
pub use abridge::Omitted;
pub use attr::attr_kind;
pub use attr::shape_text;
pub use collection::Collection;
pub use collection::CollectionKind;
pub use collection::Item;
pub use constant::ConstData;
pub use constant::ConstHead;
pub use constant::ConstValue;
pub use constant::Stored;
pub use container::GraphFile;
pub use container::Kind;
pub use container::kind_of;
pub use container::open;
pub use cursor::Extent;
pub use dtype::dtype_name;
pub use function::Function;
pub use index::NodeIndex;
pub use meta_graph::MetaGraph;
pub use node::Attr;
pub use node::Input;
pub use node::Node;
pub use node::Slot;
pub use node::Target;
pub use object_graph::Attribute as ObjectAttribute;
pub use object_graph::MAX_BYTES as MAX_OBJECT_GRAPH;
pub use object_graph::ObjectGraph;
pub use object_graph::Slot as ObjectSlot;
pub use outputs::Output;
pub use outputs::PartialShape;
pub use saver::Saver;
pub use saver::SaverEntry;
pub use saver::Savers;
pub use strings::Strings;
pub use variables::VariableKey;
pub use variables::is_variable_op;
pub use view::GraphView;
