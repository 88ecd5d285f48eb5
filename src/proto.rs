//! The messages of TensorFlow files as Rust types, generated from `proto/` by the build script.
//!
//! Invariant: nothing that a stranger wrote into a name can make decoding fail. So every `string` is
//! [`bytes::Bytes`] here, not `String`, and a map keyed by strings is a `Vec` of entries as on the wire
//! ([`get`] looks one up); maps keyed by integers are `BTreeMap`. The wire format is the same.

use prost_types::FileDescriptorSet;

use crate::error::Error;
use crate::error::Result;

/// One entry of a map keyed by a string.
pub trait MapEntry {
    /// What the map holds.
    type Value;

    /// The key, UTF-8 or not.
    fn key(&self) -> &[u8];

    /// The value; `None` means the default one, which need not be on the wire.
    fn value(&self) -> Option<&Self::Value>;
}

/// The value under `key`. Of several the last counts, as protobuf has it.
pub fn get<'a, E: MapEntry>(entries: &'a [E], key: &str) -> Option<&'a E::Value> {
    entries
        .iter()
        .rev()
        .find(|entry| entry.key() == key.as_bytes())
        .and_then(MapEntry::value)
}

/// The compiled `proto/`, with `string` fields as such.
static DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The descriptors of all messages here, which the text format goes by.
pub fn file_descriptor_set() -> Result<FileDescriptorSet> {
    prost::Message::decode(DESCRIPTORS).map_err(|e| Error::corrupt(format!("built-in descriptors: {e}")))
}

#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]
mod generated {
    use super::MapEntry;

    include!(concat!(env!("OUT_DIR"), "/types.rs"));
}

pub use generated::google;
pub use generated::tensorflow;

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::tensorflow::DataType;
    use super::tensorflow::NodeDef;
    use super::tensorflow::attr_value::Value;
    use super::*;

    #[test]
    fn names_need_not_be_utf8() {
        let wire = [
            0x0a, 2, 0xff, 0xfe, // name
            0x2a, 7, 0x0a, 1, b'T', 0x12, 2, 0x30, 1, // attr T: DT_FLOAT
            0x2a, 7, 0x0a, 1, b'T', 0x12, 2, 0x30, 3, // attr T: DT_INT32
            0x2a, 3, 0x0a, 1, 0xff, // attr without a value
        ];
        let node = NodeDef::decode(&wire[..]).unwrap();
        assert_eq!(&node.name[..], b"\xff\xfe");
        assert_eq!(node.attr.len(), 3);
        let value = get(&node.attr, "T").unwrap();
        assert_eq!(value.value, Some(Value::Type(DataType::DtInt32 as i32)));
        assert!(get(&node.attr, "U").is_none());
        assert_eq!(node.encode_to_vec(), wire);
    }

    #[test]
    fn descriptors_keep_strings() {
        let set = file_descriptor_set().unwrap();
        let node = set
            .file
            .iter()
            .flat_map(|f| &f.message_type)
            .find(|m| m.name() == "NodeDef")
            .unwrap();
        assert_eq!(
            node.field[0].r#type(),
            prost_types::field_descriptor_proto::Type::String
        );
    }
}
