//! Attribute values as short text, one value a file: for people and for grep, not for a parser (the
//! NodeDef in text format is that).
//!
//! A list has one item a line, everything else is one line; each line ends in a newline; nothing set
//! and an empty list are empty. Invariant: the same bytes at every read, and a tensor of any size is a
//! short line. Kinds of values: attr_value.proto (format.md 5.3).

use std::fmt::Write;

use super::abridge::INLINE_TENSOR;
use super::constant;
use super::cursor::Extent;
use super::cursor::NARROW;
use super::cursor::Value as Wire;
use super::cursor::for_each_field;
use super::dtype::dtype_name;
use super::element::escape;
use super::element::number;
use super::element::tensor_values;
use super::meta_graph::MetaGraph;
use super::outputs::PartialShape;
use crate::error::Result;
use crate::proto::MapEntry;
use crate::proto::tensorflow::AttrValue;
use crate::proto::tensorflow::NameAttrList;
use crate::proto::tensorflow::TensorProto;
use crate::proto::tensorflow::TensorShapeProto;
use crate::proto::tensorflow::attr_value::ListValue;
use crate::proto::tensorflow::attr_value::Value;

/// How deep functions with functions in their attributes are shown.
const DEPTH: u32 = 8;

/// The shape as it is written in tables: `[1,?,3]`, `unknown`.
pub fn shape_text(shape: &PartialShape) -> String {
    let PartialShape::Dims(dims) = shape else {
        return "unknown".to_owned();
    };
    let mut out = String::from("[");
    for (i, dim) in dims.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        match dim {
            -1 => out.push('?'),
            n => write!(out, "{n}").unwrap_or_default(),
        }
    }
    out.push(']');
    out
}

/// Which member of the oneof an AttrValue has set, as the proto names it: `type`, `list`, ...
pub fn attr_kind(value: &AttrValue) -> Option<&'static str> {
    Some(match value.value.as_ref()? {
        Value::S(_) => "s",
        Value::I(_) => "i",
        Value::F(_) => "f",
        Value::B(_) => "b",
        Value::Type(_) => "type",
        Value::Shape(_) => "shape",
        Value::Tensor(_) => "tensor",
        Value::List(_) => "list",
        Value::Func(_) => "func",
        Value::Placeholder(_) => "placeholder",
    })
}

impl MetaGraph {
    /// The AttrValue at `extent` as text.
    pub fn attr_text(&self, extent: Extent) -> Result<Vec<u8>> {
        let value = self.attr_value(extent)?;
        let tensors = self.tensors(extent)?;
        let mut out = Vec::new();
        match value.value {
            None => {}
            Some(Value::S(bytes)) => {
                let plain = std::str::from_utf8(&bytes)
                    .is_ok_and(|s| s.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\t')));
                if plain {
                    out.extend_from_slice(&bytes);
                } else {
                    out.extend_from_slice(escape(&bytes).as_bytes());
                }
                out.push(b'\n');
            }
            Some(Value::List(list)) => {
                for line in self.list(&list, &tensors) {
                    out.extend_from_slice(line.as_bytes());
                    out.push(b'\n');
                }
            }
            Some(Value::Tensor(tensor)) => {
                out.extend_from_slice(self.tensor(&tensor, tensors.first()).as_bytes());
                out.push(b'\n');
            }
            Some(value) => {
                out.extend_from_slice(inline(&value, DEPTH).as_bytes());
                out.push(b'\n');
            }
        }
        Ok(out)
    }

    /// Where the tensors of an AttrValue lie: its own (8), or those of its list (1, 8).
    fn tensors(&self, extent: Extent) -> Result<Vec<Extent>> {
        let mut tensors = Vec::new();
        for_each_field(self.source().as_ref(), extent, NARROW, |cursor, number, value| {
            match (number, value) {
                (8, Wire::Len(tensor)) => tensors.push(tensor),
                (1, Wire::Len(list)) => {
                    while let Some((number, value)) = cursor.whole_field(list.end())? {
                        let Wire::Len(item) = value else { continue };
                        if number == 8 {
                            tensors.push(item);
                        }
                        cursor.seek(item.end());
                    }
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(tensors)
    }

    fn list(&self, list: &ListValue, tensors: &[Extent]) -> Vec<String> {
        let mut lines = plain_items(list, DEPTH);
        for (i, tensor) in list.tensor.iter().enumerate() {
            lines.push(self.tensor(tensor, tensors.get(i)));
        }
        lines
    }

    /// `float32 [2,3]`, and the value where it is small.
    fn tensor(&self, tensor: &TensorProto, extent: Option<&Extent>) -> String {
        let mut out = tensor_head(tensor);
        if let Some(extent) = extent.filter(|e| e.len <= INLINE_TENSOR) {
            let values = constant::read(self.source().as_ref(), *extent)
                .and_then(|value| tensor_values(self.source().as_ref(), &value));
            if let Ok(Some(values)) = values {
                out.push(' ');
                out.push_str(&values);
            }
        }
        out
    }
}

fn tensor_head(tensor: &TensorProto) -> String {
    let dtype = dtype_name(u32::try_from(tensor.dtype).unwrap_or(u32::MAX));
    let shape = PartialShape::new(&tensor.tensor_shape.clone().unwrap_or_default());
    format!("{dtype} {}", shape_text(&shape))
}

/// A value on one line.
fn inline(value: &Value, depth: u32) -> String {
    match value {
        Value::S(bytes) => format!("\"{}\"", escape(bytes)),
        Value::I(n) => n.to_string(),
        Value::F(f) => number(f64::from(*f), &format!("{f:?}")),
        Value::B(b) => b.to_string(),
        Value::Type(t) => type_text(*t),
        Value::Shape(shape) => shape_of(shape),
        Value::Tensor(tensor) => tensor_head(tensor),
        Value::Placeholder(name) => format!("${}", escape(name)),
        Value::Func(func) => func_text(func, depth),
        Value::List(list) => {
            let mut items = plain_items(list, depth);
            items.extend(list.tensor.iter().map(tensor_head));
            format!("[{}]", items.join(", "))
        }
    }
}

/// The items of a list, all but tensors. Only one of the fields is ever set.
fn plain_items(list: &ListValue, depth: u32) -> Vec<String> {
    let mut items: Vec<String> = Vec::new();
    items.extend(list.s.iter().map(|s| escape(s)));
    items.extend(list.i.iter().map(i64::to_string));
    items.extend(list.f.iter().map(|f| number(f64::from(*f), &format!("{f:?}"))));
    items.extend(list.b.iter().map(bool::to_string));
    items.extend(list.r#type.iter().map(|t| type_text(*t)));
    items.extend(list.shape.iter().map(shape_of));
    items.extend(list.func.iter().map(|f| func_text(f, depth)));
    items
}

fn type_text(dtype: i32) -> String {
    dtype_name(u32::try_from(dtype).unwrap_or(u32::MAX))
}

fn shape_of(shape: &TensorShapeProto) -> String {
    shape_text(&PartialShape::new(shape))
}

/// `name`, or `name[a=1, b=float32]` with the attributes by name.
fn func_text(func: &NameAttrList, depth: u32) -> String {
    let mut out = escape(&func.name);
    if func.attr.is_empty() {
        return out;
    }
    let Some(depth) = depth.checked_sub(1) else {
        return out + "[...]";
    };
    let mut attrs: Vec<(&[u8], String)> = func
        .attr
        .iter()
        .map(|entry| {
            let value = entry.value().and_then(|v| v.value.as_ref());
            (entry.key(), value.map_or(String::new(), |v| inline(v, depth)))
        })
        .collect();
    attrs.reverse();
    attrs.sort_by(|a, b| a.0.cmp(b.0));
    attrs.dedup_by(|b, a| a.0 == b.0);
    let attrs: Vec<String> = attrs
        .into_iter()
        .map(|(name, value)| format!("{}={value}", escape(name)))
        .collect();
    write!(out, "[{}]", attrs.join(", ")).unwrap_or_default();
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::testing::*;
    use crate::proto::tensorflow::name_attr_list::AttrEntry;

    fn text(value: Value) -> String {
        let meta = nodes(vec![node("n", "Op", &[]).attr("a", value)]);
        let node = meta.graph().node(0).unwrap();
        String::from_utf8(meta.attr_text(node.attr(b"a").unwrap()).unwrap()).unwrap()
    }

    fn list(set: impl FnOnce(&mut ListValue)) -> Value {
        let mut list = ListValue::default();
        set(&mut list);
        Value::List(list)
    }

    #[test]
    fn single_values() {
        assert_eq!(text(Value::I(-3)), "-3\n");
        assert_eq!(text(Value::F(0.1)), "0.1\n");
        assert_eq!(text(Value::F(1.0)), "1\n");
        assert_eq!(text(Value::F(1e-8)), "1e-8\n");
        assert_eq!(text(Value::F(f32::NAN)), "nan\n");
        assert_eq!(text(Value::B(true)), "true\n");
        assert_eq!(text(Value::Type(1)), "float32\n");
        assert_eq!(text(Value::Type(-7)), "dtype<4294967295>\n");
        assert_eq!(text(Value::Shape(shape(&[1, -1, 3]))), "[1,?,3]\n");
        let unknown = TensorShapeProto {
            unknown_rank: true,
            ..Default::default()
        };
        assert_eq!(text(Value::Shape(unknown)), "unknown\n");
        assert_eq!(text(Value::S("h\u{e9}\nx".into())), "h\u{e9}\nx\n");
        assert_eq!(text(Value::S(vec![0xff, b'a', 0].into())), "\\377a\\000\n");
        assert_eq!(text(Value::Placeholder("T".into())), "$T\n");
    }

    #[test]
    fn lists_have_an_item_a_line() {
        assert_eq!(text(list(|l| l.i = vec![1, 2])), "1\n2\n");
        assert_eq!(
            text(list(|l| l.s = vec!["a\nb".into(), "loc:@x".into()])),
            "a\\nb\nloc:@x\n"
        );
        assert_eq!(text(list(|l| l.r#type = vec![1, 7])), "float32\nstring\n");
        assert_eq!(
            text(list(|l| l.shape = vec![shape(&[]), shape(&[2])])),
            "[]\n[2]\n"
        );
        assert_eq!(text(list(|_| {})), "");
        let tensors = vec![
            TensorProto {
                int_val: vec![5],
                ..tensor(3, &[])
            },
            tensor(1, &[2]),
        ];
        assert_eq!(
            text(list(|l| l.tensor = tensors)),
            "int32 [] 5\nfloat32 [2] [0,0]\n"
        );
    }

    #[test]
    fn tensors_are_summed_up() {
        let t = TensorProto {
            float_val: vec![1.5, 2.0],
            ..tensor(1, &[2, 2])
        };
        assert_eq!(text(Value::Tensor(t)), "float32 [2,2] [[1.5,2],[2,2]]\n");
        assert_eq!(
            text(Value::Tensor(tensor(1, &[1 << 30, 1 << 20]))),
            "float32 [1073741824,1048576]\n"
        );
        assert_eq!(text(Value::Tensor(tensor(1, &[-5]))), "float32 [-5]\n");
        let big = TensorProto {
            tensor_content: vec![0u8; 5000].into(),
            ..tensor(4, &[5000])
        };
        assert_eq!(text(Value::Tensor(big)), "uint8 [5000]\n");
        let s = TensorProto {
            string_val: vec!["a\"".into()],
            ..tensor(7, &[1])
        };
        assert_eq!(text(Value::Tensor(s)), "string [1] [\"a\\\"\"]\n");
    }

    #[test]
    fn functions_show_their_attributes() {
        let entry = |key: &str, value| AttrEntry {
            key: key.to_owned().into(),
            value: Some(AttrValue { value: Some(value) }),
        };
        let func = NameAttrList {
            name: "__inference_f_1".into(),
            attr: vec![entry("N", Value::I(2)), entry("D", list(|l| l.i = vec![1, 2]))],
        };
        assert_eq!(text(Value::Func(func)), "__inference_f_1[D=[1, 2], N=2]\n");
    }
}
