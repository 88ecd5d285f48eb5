//! The descriptors of `proto/` in the form that printing and parsing need: fields by number and by name.
//!
//! Made once, at first use; the whole pool is some 100 messages. Types refer to each other by index, so
//! that recursive messages need no counting of references.

use std::collections::HashMap;
use std::sync::OnceLock;

use prost_types::DescriptorProto;
use prost_types::EnumDescriptorProto;
use prost_types::FieldDescriptorProto;
use prost_types::FileDescriptorProto;
use prost_types::field_descriptor_proto::Label;
use prost_types::field_descriptor_proto::Type;

use crate::error::Error;
use crate::error::Result;
use crate::proto;

/// What a field holds; messages and enums by their place in the [`Pool`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Double,
    Float,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Sint64,
    Fixed32,
    Fixed64,
    Sfixed32,
    Sfixed64,
    Bool,
    String,
    Bytes,
    Enum(usize),
    Message(usize),
}

impl Kind {
    /// Whether many values may stand in one length-delimited field.
    pub(crate) fn is_packable(self) -> bool {
        !matches!(self, Kind::String | Kind::Bytes | Kind::Message(_))
    }
}

/// One field of a message.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) number: u32,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) repeated: bool,
    /// Written as one length-delimited field by those who write it now; either form is read.
    pub(crate) packed: bool,
    /// A default value that is on the wire is a value: proto2, members of a oneof, `optional`.
    pub(crate) presence: bool,
    /// The oneof it belongs to.
    pub(crate) oneof: Option<usize>,
    /// A map; its kind is the message of an entry.
    pub(crate) map: bool,
}

/// One message type.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) name: String,
    /// By number, ascending.
    pub(crate) fields: Vec<Field>,
    /// From a number to the place in `fields`; all numbers are small.
    by_number: Vec<Option<usize>>,
    by_name: HashMap<String, usize>,
    /// `google.protobuf.Any`, which prints what is inside.
    pub(crate) is_any: bool,
    /// `TensorProto`, whose payloads may be elided.
    pub(crate) is_tensor: bool,
}

impl Message {
    /// The field of this number and its place.
    pub(crate) fn by_number(&self, number: u32) -> Option<(usize, &Field)> {
        let number = usize::try_from(number).ok()?;
        let index = (*self.by_number.get(number)?)?;
        Some((index, self.fields.get(index)?))
    }

    /// The field of this name and its place.
    pub(crate) fn by_name(&self, name: &str) -> Option<(usize, &Field)> {
        let index = *self.by_name.get(name)?;
        Some((index, self.fields.get(index)?))
    }
}

/// One enum type.
#[derive(Debug)]
pub(crate) struct Enum {
    pub(crate) name: String,
    by_number: HashMap<i32, String>,
    by_name: HashMap<String, i32>,
}

impl Enum {
    /// The first name that this number has.
    pub(crate) fn name_of(&self, number: i32) -> Option<&str> {
        self.by_number.get(&number).map(String::as_str)
    }

    /// The number of this name.
    pub(crate) fn number_of(&self, name: &str) -> Option<i32> {
        self.by_name.get(name).copied()
    }
}

/// All types.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    messages: Vec<Message>,
    enums: Vec<Enum>,
    names: HashMap<String, usize>,
}

impl Pool {
    /// The message at this place.
    pub(crate) fn message(&self, index: usize) -> Option<&Message> {
        self.messages.get(index)
    }

    /// The enum at this place.
    pub(crate) fn enumeration(&self, index: usize) -> Option<&Enum> {
        self.enums.get(index)
    }

    /// The message of this full name, without a leading dot.
    pub(crate) fn find(&self, name: &str) -> Option<&Message> {
        self.messages.get(*self.names.get(name)?)
    }

    fn load() -> Result<Self> {
        let set = proto::file_descriptor_set()?;
        let mut names = Names::default();
        for file in &set.file {
            names.collect(&prefix(file), &file.message_type, &file.enum_type);
        }
        let mut pool = Self {
            names: names.messages.clone(),
            ..Self::default()
        };
        for file in &set.file {
            let proto3 = file.syntax() == "proto3";
            pool.add(&names, proto3, &prefix(file), &file.message_type, &file.enum_type)?;
        }
        Ok(pool)
    }

    /// Adds types in the order in which [`Names::collect`] counted them.
    fn add(
        &mut self,
        names: &Names,
        proto3: bool,
        prefix: &str,
        messages: &[DescriptorProto],
        enums: &[EnumDescriptorProto],
    ) -> Result<()> {
        for e in enums {
            let mut by_number = HashMap::new();
            for value in &e.value {
                by_number
                    .entry(value.number())
                    .or_insert_with(|| value.name().to_owned());
            }
            self.enums.push(Enum {
                name: format!("{prefix}{}", e.name()),
                by_number,
                by_name: e
                    .value
                    .iter()
                    .map(|v| (v.name().to_owned(), v.number()))
                    .collect(),
            });
        }
        for m in messages {
            let name = format!("{prefix}{}", m.name());
            let mut fields = m
                .field
                .iter()
                .map(|f| field(names, proto3, m, f))
                .collect::<Result<Vec<_>>>()?;
            fields.sort_by_key(|f| f.number);
            let mut by_number = Vec::new();
            for (index, field) in fields.iter().enumerate() {
                by_number.resize(usize::try_from(field.number).unwrap_or(0), None);
                by_number.push(Some(index));
            }
            self.messages.push(Message {
                by_name: fields
                    .iter()
                    .enumerate()
                    .map(|(i, f)| (f.name.clone(), i))
                    .collect(),
                by_number,
                is_any: name == "google.protobuf.Any",
                is_tensor: name == "tensorflow.TensorProto",
                fields,
                name: name.clone(),
            });
            self.add(names, proto3, &format!("{name}."), &m.nested_type, &m.enum_type)?;
        }
        Ok(())
    }
}

/// Where each type will lie in the pool.
#[derive(Default)]
struct Names {
    messages: HashMap<String, usize>,
    enums: HashMap<String, usize>,
    entries: HashMap<String, bool>,
}

impl Names {
    fn collect(&mut self, prefix: &str, messages: &[DescriptorProto], enums: &[EnumDescriptorProto]) {
        for e in enums {
            let next = self.enums.len();
            self.enums.insert(format!("{prefix}{}", e.name()), next);
        }
        for m in messages {
            let name = format!("{prefix}{}", m.name());
            let next = self.messages.len();
            self.messages.insert(name.clone(), next);
            let entry = m.options.as_ref().is_some_and(|o| o.map_entry());
            self.entries.insert(name.clone(), entry);
            self.collect(&format!("{name}."), &m.nested_type, &m.enum_type);
        }
    }
}

fn prefix(file: &FileDescriptorProto) -> String {
    match file.package() {
        "" => String::new(),
        package => format!("{package}."),
    }
}

fn field(names: &Names, proto3: bool, message: &DescriptorProto, f: &FieldDescriptorProto) -> Result<Field> {
    let type_name = f.type_name().trim_start_matches('.');
    let place = |of: &HashMap<String, usize>| {
        of.get(type_name)
            .copied()
            .ok_or_else(|| Error::corrupt(format!("{}.{}: no type {type_name}", message.name(), f.name())))
    };
    let kind = match f.r#type() {
        Type::Double => Kind::Double,
        Type::Float => Kind::Float,
        Type::Int32 => Kind::Int32,
        Type::Int64 => Kind::Int64,
        Type::Uint32 => Kind::Uint32,
        Type::Uint64 => Kind::Uint64,
        Type::Sint32 => Kind::Sint32,
        Type::Sint64 => Kind::Sint64,
        Type::Fixed32 => Kind::Fixed32,
        Type::Fixed64 => Kind::Fixed64,
        Type::Sfixed32 => Kind::Sfixed32,
        Type::Sfixed64 => Kind::Sfixed64,
        Type::Bool => Kind::Bool,
        Type::String => Kind::String,
        Type::Bytes => Kind::Bytes,
        Type::Enum => Kind::Enum(place(&names.enums)?),
        Type::Message => Kind::Message(place(&names.messages)?),
        Type::Group => return Err(Error::unsupported("groups in proto/")),
    };
    let repeated = f.label() == Label::Repeated;
    let message_kind = matches!(kind, Kind::Message(_));
    let declared = f.options.as_ref().and_then(|o| o.packed);
    Ok(Field {
        number: u32::try_from(f.number()).unwrap_or(0),
        name: f.name().to_owned(),
        kind,
        repeated,
        packed: repeated && kind.is_packable() && declared.unwrap_or(proto3),
        presence: !repeated && (message_kind || !proto3 || f.oneof_index.is_some()),
        oneof: f.oneof_index.and_then(|i| usize::try_from(i).ok()),
        map: message_kind && names.entries.get(type_name).copied().unwrap_or(false),
    })
}

/// The pool. It is empty if the built-in descriptors were broken, which a test rules out.
pub(crate) fn pool() -> &'static Pool {
    static POOL: OnceLock<Pool> = OnceLock::new();
    POOL.get_or_init(|| Pool::load().unwrap_or_default())
}

/// The message of this full name, or an error that says there is none.
pub(crate) fn message(name: &str) -> Result<&'static Message> {
    pool()
        .find(name)
        .ok_or_else(|| Error::unsupported(format!("no message type {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_found() {
        let pool = Pool::load().unwrap();
        assert!(pool.messages.len() > 100);
        let node = message("tensorflow.NodeDef").unwrap();
        let (index, attr) = node.by_name("attr").unwrap();
        assert_eq!(node.by_number(5).unwrap().0, index);
        assert!(attr.map && attr.repeated && !attr.packed);
        let Kind::Message(entry) = attr.kind else { panic!() };
        assert_eq!(pool.message(entry).unwrap().name, "tensorflow.NodeDef.AttrEntry");
        assert!(node.by_number(8).is_none() && node.by_number(u32::MAX).is_none());
        assert!(message("tensorflow.Nope").is_err());
    }

    #[test]
    fn labels_are_right() {
        let field = |m: &str, f: &str| {
            let (_, f) = message(m).unwrap().by_name(f).unwrap();
            (f.packed, f.presence, f.oneof.is_some())
        };
        assert_eq!(
            field("tensorflow.VersionDef", "bad_consumers"),
            (true, false, false)
        );
        assert_eq!(field("tensorflow.AttrValue", "i"), (false, true, true));
        assert_eq!(field("tensorflow.NodeDef", "name"), (false, false, false));
        assert_eq!(field("tensorflow.GraphDef", "library"), (false, true, false));
        let debug = "tensorflow.GraphDebugInfo.FileLineCol";
        assert_eq!(field(debug, "line"), (false, true, false));
    }

    #[test]
    fn every_index_points_somewhere() {
        let pool = Pool::load().unwrap();
        for message in &pool.messages {
            assert_eq!(pool.find(&message.name).unwrap().name, message.name);
            for (index, field) in message.fields.iter().enumerate() {
                assert_eq!(message.by_number(field.number).unwrap().0, index);
                match field.kind {
                    Kind::Message(i) => assert!(pool.message(i).is_some()),
                    Kind::Enum(i) => assert!(pool.enumeration(i).is_some()),
                    _ => {}
                }
            }
        }
        let (_, dtype) = message("tensorflow.TensorProto")
            .unwrap()
            .by_name("dtype")
            .unwrap();
        let Kind::Enum(i) = dtype.kind else { panic!() };
        let dtype = pool.enumeration(i).unwrap();
        assert_eq!(dtype.name, "tensorflow.DataType");
        assert_eq!(dtype.name_of(14), Some("DT_BFLOAT16"));
        assert_eq!(dtype.number_of("DT_FLOAT_REF"), Some(101));
    }
}
