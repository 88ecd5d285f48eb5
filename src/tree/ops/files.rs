//! The files of an op.

use bytes::Bytes;

use super::Ops;
use crate::content::Content;
use crate::content::mask::widen;
use crate::content::npy;
use crate::content::rendered::inline;
use crate::content::rendered::put_field;
use crate::content::repeat::Repeat;
use crate::error::Error;
use crate::error::Result;
use crate::graph::ConstData;
use crate::graph::ConstValue;
use crate::graph::GraphView;
use crate::graph::Stored;
use crate::graph::Target;
use crate::graph::shape_text;
use crate::source::Extent;
use crate::tensor::DType;
use crate::tensor::Endianness;
use crate::tensor::Shape;
use crate::tensor::dtype::Layout;
use crate::text;
use crate::tree::facet::Facet;
use crate::tree::ids::Node;

impl Ops {
    /// The content of a file of an op; `None` for what is no file of its own.
    pub(super) fn file(&self, node: Node) -> Result<Option<Content>> {
        let view = self.view(node)?;
        let line = |text: &[u8]| inline([text, b"\n"].concat()).map(Some);
        let missing = || Error::not_found("no such entry");
        match node.facet {
            Facet::OpType => line(view.nodes().op(node.item)),
            Facet::OpDevice => line(&view.node(node.item)?.device),
            Facet::OpNode => inline(node_text(view, node.item, 0)?).map(Some),
            Facet::Attr => {
                let op = view.node(node.item)?;
                let attr = op.attrs.get(node.sub as usize).ok_or_else(missing)?;
                inline(view.meta_graph().attr_text(attr.value)?).map(Some)
            }
            Facet::InputsText => inline(inputs_text(view, node.item)?).map(Some),
            Facet::OutputDtype | Facet::OutputShape => {
                let outputs = view.outputs(node.item)?;
                let output = outputs.get(node.sub as usize).ok_or_else(missing)?;
                match (node.facet, &output.shape) {
                    (Facet::OutputDtype, _) => line(output.dtype_name().ok_or_else(missing)?.as_bytes()),
                    (_, Some(shape)) => line(shape_text(shape).as_bytes()),
                    (_, None) => Err(missing()),
                }
            }
            Facet::ConstValue => constant(view, view.const_value(node.item)?).map(Some),
            _ => Ok(None),
        }
    }
}

/// One line an input: name, dtype and shape; control inputs as `^name`.
fn inputs_text(view: GraphView<'_>, op: u32) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    for input in view.node(op)?.inputs {
        put_field(&mut out, &Ops::full_name(&input));
        let output = match (input.target, input.control) {
            (Target::Node(target), false) => {
                let number = view.output_number(target, &input.slot)?;
                let outputs = view.outputs(target)?;
                number.and_then(|number| outputs.get(number as usize).cloned())
            }
            _ => None,
        };
        if let Some(output) = output {
            let shape = output.shape.as_ref().map(shape_text).unwrap_or_default();
            let dtype = output.dtype_name().unwrap_or_default();
            out.extend_from_slice(format!("\t{dtype}\t{shape}").as_bytes());
        }
        out.push(b'\n');
    }
    Ok(out)
}

/// A NodeDef as text. Tensors over 4 KiB are left out; a comment says how large they are and where to read them.
pub(in crate::tree) fn node_text(view: GraphView<'_>, op: u32, indent: usize) -> Result<String> {
    let (wire, omitted) = view.abridged(op)?;
    let options = text::Options {
        indent,
        ..text::Options::default()
    };
    let mut out = String::new();
    let pad = "  ".repeat(indent);
    for left_out in &omitted {
        let attr = String::from_utf8_lossy(&left_out.attr).replace(['\n', '\r'], " ");
        let place = match &*attr {
            "value" => ", see @value.npy",
            _ => "",
        };
        out.push_str(&format!(
            "{pad}# {attr}: a tensor of {} bytes is left out here{place}\n",
            left_out.tensor.len
        ));
    }
    text::print_into(&mut out, "tensorflow.NodeDef", &wire, &options)?;
    Ok(out)
}

/// A constant as a `.npy` file. Its size is computed, its bytes are made when they are read: thirty bytes of a
/// graph may stand for 10^12 elements.
fn constant(view: GraphView<'_>, value: ConstValue) -> Result<Content> {
    let dtype = DType(value.dtype);
    let shape = Shape(value.shape.clone());
    let mut content = Content::new();
    match value.data {
        ConstData::Fixed {
            width,
            stored,
            count,
            fill,
        } => {
            content.push(npy::array_header(dtype, &shape, Endianness::Little)?)?;
            let source = view.meta_graph().source();
            let narrow = match dtype.layout() {
                Layout::Narrow { bits, signed } => Some((bits, signed)),
                _ => None,
            };
            let mask = |bytes: Bytes| match narrow {
                Some((bits, signed)) => bytes
                    .iter()
                    .map(|b| widen(*b, bits, signed))
                    .collect::<Vec<u8>>()
                    .into(),
                None => bytes,
            };
            let take = count.min(value.elements).saturating_mul(width.into());
            match stored {
                Stored::File(extent) => {
                    let extent = Extent::new(source.clone(), extent.offset, extent.len.min(take))?;
                    match narrow {
                        Some((bits, signed)) => {
                            content.push(crate::content::mask::Mask::new(extent, bits, signed))?;
                        }
                        None => content.push(extent)?,
                    }
                }
                Stored::Memory(bytes) => {
                    let len = usize::try_from(take).unwrap_or(usize::MAX).min(bytes.len());
                    content.push(mask(bytes.slice(..len)))?;
                }
            }
            let rest = value.elements.saturating_sub(count);
            let too_large = || Error::new(crate::ErrorKind::TooLarge, "the array would pass 2^63-1 bytes");
            let rest = rest.checked_mul(width.into()).ok_or_else(too_large)?;
            if rest > 0 {
                content.push(Repeat::new(mask(fill), rest))?;
            }
        }
        ConstData::Strings { stored, fill } => {
            let few = value.elements.min(stored.len());
            let strings = (0..few).map(|i| stored.get(i).unwrap_or_default());
            let rest = value.elements.saturating_sub(few);
            let filled = if rest > 0 { fill.len() } else { 0 };
            let width = strings
                .clone()
                .map(<[u8]>::len)
                .max()
                .unwrap_or(0)
                .max(filled)
                .max(1);
            npy::check_expansion(
                value.elements,
                width as u64,
                stored.iter().map(<[u8]>::len).sum::<usize>() as u64,
            )?;
            content.push(Bytes::from(crate::tensor::npy::header(
                &format!("|S{width}"),
                &shape,
            )))?;
            let mut bytes = Vec::new();
            for string in strings {
                let end = bytes.len().saturating_add(width);
                bytes.extend_from_slice(string);
                bytes.resize(end, 0);
            }
            content.push(Bytes::from(bytes))?;
            if rest > 0 {
                let mut unit = fill.to_vec();
                unit.resize(width, 0);
                content.push(Repeat::new(unit, rest.saturating_mul(width as u64)))?;
            }
        }
    }
    Ok(content)
}
