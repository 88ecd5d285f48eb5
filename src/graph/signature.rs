//! What an op type puts out: how many tensors and of which types, as a function of a node's attributes.
//!
//! Three sources give the same [`OpSignature`]: the op list in the file (`stripped_op_list`, OpDefs
//! without descriptions), the signatures of the file's functions, and for plain graphs, which have no
//! op list, the table in [`super::op_table`]. Rule of op_def.proto: an output argument is one tensor, or
//! `number_attr` of them, or one for each type in `type_list_attr`.

use std::collections::HashMap;

use bytes::Bytes;
use prost::Message;

use super::cursor::Extent;
use super::cursor::NARROW;
use super::cursor::Value;
use super::cursor::for_each_field;
use super::dtype;
use crate::error::Error;
use crate::error::Result;
use crate::proto::tensorflow::AttrValue;
use crate::proto::tensorflow::OpDef;
use crate::proto::tensorflow::attr_value;
use crate::source::Source;

/// The outputs of an op type.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OpSignature {
    pub(crate) args: Vec<OutputArg>,
    /// Defaults of the attributes that the outputs depend on.
    pub(crate) defaults: Vec<(Bytes, AttrValue)>,
}

/// One output argument, which may be several tensors.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OutputArg {
    pub(crate) name: Bytes,
    pub(crate) count: Count,
    pub(crate) dtype: Dtype,
    pub(crate) is_ref: bool,
}

/// How many tensors an argument is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Count {
    One,
    /// As many as this attribute says.
    Number(Bytes),
    /// One for each type in this attribute.
    TypeList(Bytes),
}

/// The type of the tensors of an argument.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Dtype {
    Fixed(u32),
    Attr(Bytes),
    /// Given by the type list.
    Listed,
}

impl OpSignature {
    pub(crate) fn new(def: &OpDef) -> Self {
        let args: Vec<OutputArg> = def
            .output_arg
            .iter()
            .map(|arg| OutputArg {
                name: arg.name.clone(),
                count: if !arg.type_list_attr.is_empty() {
                    Count::TypeList(arg.type_list_attr.clone())
                } else if !arg.number_attr.is_empty() {
                    Count::Number(arg.number_attr.clone())
                } else {
                    Count::One
                },
                dtype: if !arg.type_list_attr.is_empty() {
                    Dtype::Listed
                } else if !arg.type_attr.is_empty() {
                    Dtype::Attr(arg.type_attr.clone())
                } else {
                    Dtype::Fixed(u32::try_from(arg.r#type).unwrap_or_default())
                },
                is_ref: arg.is_ref,
            })
            .collect();
        let wanted = |name: &Bytes| {
            args.iter().any(|a| {
                matches!(&a.count, Count::Number(n) | Count::TypeList(n) if n == name)
                    || matches!(&a.dtype, Dtype::Attr(n) if n == name)
            })
        };
        let defaults = def
            .attr
            .iter()
            .filter(|a| wanted(&a.name))
            .filter_map(|a| Some((a.name.clone(), a.default_value.clone()?)))
            .collect();
        Self { args, defaults }
    }

    /// The outputs of a node with the attributes that `attr` gives: argument name, type, reference or
    /// not. Types that the attributes do not give are 0.
    pub(crate) fn outputs(
        &self,
        mut attr: impl FnMut(&[u8]) -> Result<Option<AttrValue>>,
    ) -> Result<Vec<(Bytes, u32, bool)>> {
        let mut value = |name: &Bytes| -> Result<Option<attr_value::Value>> {
            let given = attr(name)?.and_then(|v| v.value);
            Ok(given.or_else(|| {
                let (_, v) = self.defaults.iter().find(|(n, _)| n == name)?;
                v.value.clone()
            }))
        };
        let mut out: Vec<(Bytes, u32, bool)> = Vec::new();
        for arg in &self.args {
            let dtype = match &arg.dtype {
                Dtype::Fixed(t) => *t,
                Dtype::Attr(name) => match value(name)? {
                    Some(attr_value::Value::Type(t)) => u32::try_from(t).unwrap_or_default(),
                    _ => 0,
                },
                Dtype::Listed => 0,
            };
            let output = |dtype: u32| {
                (
                    arg.name.clone(),
                    dtype::base(dtype),
                    arg.is_ref || dtype::is_ref(dtype),
                )
            };
            match &arg.count {
                Count::One => out.push(output(dtype)),
                Count::Number(name) => {
                    let n = match value(name)? {
                        Some(attr_value::Value::I(n)) => n,
                        _ => 0,
                    };
                    let n = usize::try_from(n)
                        .ok()
                        .filter(|n| *n <= MAX_OUTPUTS)
                        .ok_or_else(|| {
                            let name = String::from_utf8_lossy(name);
                            Error::corrupt(format!("attribute {name:?} claims {n} outputs"))
                        })?;
                    out.extend(std::iter::repeat_n(output(dtype), n));
                }
                Count::TypeList(name) => {
                    if let Some(attr_value::Value::List(list)) = value(name)? {
                        let types = list.r#type.iter().map(|t| u32::try_from(*t).unwrap_or_default());
                        out.extend(types.map(output));
                    }
                }
            }
        }
        Ok(out)
    }
}

/// More outputs of one argument than this are not believed; an attribute of ten bytes can claim 2^63.
pub(crate) const MAX_OUTPUTS: usize = 1 << 20;

/// The op list of a file, by op type.
#[derive(Debug, Default)]
pub(crate) struct OpDefs {
    ops: HashMap<Bytes, (OpSignature, Extent)>,
}

impl OpDefs {
    /// Reads the OpDefs in the MetaInfoDefs at `extents`: field 2, an OpList, of field 1. An OpDef that
    /// does not decode is as good as absent.
    pub(crate) fn read(source: &dyn Source, extents: &[Extent]) -> Result<Self> {
        let mut ops = HashMap::new();
        for extent in extents {
            for_each_field(source, *extent, NARROW, |cursor, number, value| {
                let (2, Value::Len(list)) = (number, value) else {
                    return Ok(());
                };
                while let Some((number, value)) = cursor.whole_field(list.end())? {
                    let Value::Len(def) = value else { continue };
                    if number == 1 {
                        match OpDef::decode(cursor.bytes(def)?) {
                            Ok(op) => drop(ops.insert(op.name.clone(), (OpSignature::new(&op), def))),
                            Err(e) => log::debug!("{}: an OpDef: {e}", source.path().display()),
                        }
                    }
                    cursor.seek(def.end());
                }
                Ok(())
            })?;
        }
        Ok(Self { ops })
    }

    pub(crate) fn get(&self, op: &[u8]) -> Option<&OpSignature> {
        self.ops.get(op).map(|(s, _)| s)
    }

    pub(crate) fn extent(&self, op: &[u8]) -> Option<Extent> {
        self.ops.get(op).map(|(_, e)| *e)
    }

    pub(crate) fn names(&self) -> Vec<Bytes> {
        let mut names: Vec<Bytes> = self.ops.keys().cloned().collect();
        names.sort();
        names
    }
}
