//! Where the links of an op lead.

use super::Ops;
use crate::error::Error;
use crate::error::Result;
use crate::graph::Input;
use crate::graph::Node as OpNode;
use crate::graph::Slot;
use crate::graph::Target;
use crate::tree::branch::not_a;
use crate::tree::branch::relative;
use crate::tree::facet::Facet;
use crate::tree::ids::Node;
use crate::tree::view::Kind;

/// The longest target of a symbolic link (PATH_MAX without its NUL).
const MAX_TARGET: usize = 4095;

/// A link, or a text with the name where a link would lead nowhere or be too long.
#[derive(Debug)]
pub(super) enum Link {
    To(Vec<u8>),
    Text(Vec<u8>),
}

impl Link {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::To(_) => Kind::Link,
            Self::Text(_) => Kind::File,
        }
    }

    /// A link from `dir` to `to`, both from the root; `name` stands in the text if that cannot be.
    fn new(dir: &[u8], to: &[u8], name: &[u8]) -> Self {
        let target = relative(dir, to);
        if target.len() > MAX_TARGET {
            return Self::text(name);
        }
        Self::To(target)
    }

    fn text(name: &[u8]) -> Self {
        Self::Text([name, b"\n"].concat())
    }
}

/// The control inputs of an op, or the others.
pub(super) fn inputs(op: &OpNode, control: bool) -> impl Iterator<Item = &Input> {
    op.inputs.iter().filter(move |input| input.control == control)
}

impl Ops {
    /// Where a link leads.
    pub(super) fn link(&self, node: Node) -> Result<Link> {
        let missing = || Error::not_found("no such entry");
        let here = self.graph.op_path(node.graph, node.item);
        let name = |op: u32| self.view(node).map(|view| view.nodes().name(op).to_vec());
        Ok(match node.facet {
            Facet::Input | Facet::ControlInput => {
                let op = self.op(node)?;
                let control = node.facet == Facet::ControlInput;
                let input = inputs(&op, control).nth(node.sub as usize);
                return self.input_link(node, input.ok_or_else(missing)?);
            }
            Facet::OutputOp => Link::To(b"../..".to_vec()),
            Facet::Consumer => {
                let (op, _) = self.consumer(node)?.ok_or_else(missing)?;
                let to = self.graph.op_path(node.graph, op);
                Link::new(&[&here, &b"/@consumers"[..]].concat(), &to, &name(op)?)
            }
            Facet::Call => {
                let calls = self.calls(node)?;
                let call = calls.get(node.sub as usize).ok_or_else(missing)?;
                let Some(function) = call.function else {
                    return Ok(Link::text(&call.name));
                };
                let to = self.graph.function_path(function);
                Link::new(&[&here, &b"/@function"[..]].concat(), &to, &call.name)
            }
            Facet::VariableValue => {
                let to = self.variable_path(node).ok_or_else(missing)?;
                Link::new(&here, &to, &name(node.item)?)
            }
            Facet::TensorName => {
                // Beside the op: in the directory that holds it.
                let dir = match here.iter().rposition(|b| *b == b'/') {
                    Some(slash) => here.get(..slash).unwrap_or_default(),
                    None => &[],
                };
                let to = [here.as_slice(), format!("/@outputs/{}", node.sub).as_bytes()].concat();
                Link::new(dir, &to, &name(node.item)?)
            }
            _ => return Err(not_a("link")),
        })
    }

    /// Where an input of the op of `node` leads.
    pub(super) fn input_link(&self, node: Node, input: &Input) -> Result<Link> {
        let Target::Node(target) = input.target else {
            return Ok(Link::text(&input.raw));
        };
        let here = self.graph.op_path(node.graph, node.item);
        let mut to = self.graph.op_path(node.graph, target);
        if input.control {
            return Ok(Link::new(
                &[&here, &b"/@control_inputs"[..]].concat(),
                &to,
                &input.raw,
            ));
        }
        let Some(output) = self.view(node)?.output_number(target, &input.slot)? else {
            return Ok(Link::text(&input.raw));
        };
        to.extend_from_slice(format!("/@outputs/{output}").as_bytes());
        Ok(Link::new(&[&here, &b"/@inputs"[..]].concat(), &to, &input.raw))
    }

    /// The name of an input as TensorFlow writes it in full: `loss/mean:0`, `^init`.
    pub(super) fn full_name(input: &Input) -> Vec<u8> {
        match input.slot {
            _ if input.control => input.raw.to_vec(),
            Slot::Index(output) => [&input.name[..], format!(":{output}").as_bytes()].concat(),
            Slot::Named(..) => input.raw.to_vec(),
        }
    }
}
