//! `ckptfs print`: numbers on the terminal.

mod index;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::Outcome;
use super::args::PrintArgs;
use super::glob;
use super::open;
use super::output::Output;
use crate::content::Content;
use crate::error::Error;
use crate::error::Result;
use crate::tensor::DType;
use crate::tensor::Endianness;
use crate::tensor::Shape;
use crate::tensor::TensorId;
use crate::tensor::npy;
use crate::tensor::number;
use crate::tree::CheckpointView;
use crate::tree::View;
use index::Selection;

/// Elements printed from each end of a dimension that is too long.
const EDGE: u64 = 3;
/// Up to this many elements are printed whole.
const WHOLE: u64 = 1000;

/// Runs the command. A tensor that fails is told, and the others are still printed.
pub(super) fn run(args: &PrintArgs) -> Result<Outcome> {
    let view = open::checkpoint(&args.source)?;
    let mut out = Output::stdout();
    let mut outcome = Outcome::Fine;
    let mut documents = Vec::new();
    let mut operands: Vec<Vec<u8>> = Vec::new();
    for operand in &args.tensors {
        operands.extend(expand(&view, operand.as_bytes())?);
    }
    for operand in &operands {
        let printed = Array::open(&view, operand).and_then(|array| {
            if args.json {
                documents.push(array.json()?);
                return Ok(());
            }
            let selected: Vec<u64> = array.selection.shape();
            out.line(&format!(
                "{} {} {}",
                array.name,
                array.dtype,
                Shape(array.shape.0.clone())
            ))?;
            let whole = args.all || selected.iter().product::<u64>() <= WHOLE;
            array.print(&mut out, whole)
        });
        if let Err(e) = printed {
            if super::output::is_broken_pipe(&e) {
                return Err(e);
            }
            super::report(&e);
            outcome = Outcome::Failed(e.kind());
        }
    }
    if args.json {
        out.json(&json!({"schema": 1, "tensors": documents}))?;
    }
    out.finish()?;
    Ok(outcome)
}

/// The tensors that an operand means: those whose names match, where it is a pattern and no name. A part after
/// the pattern goes to each.
fn expand(view: &CheckpointView, operand: &[u8]) -> Result<Vec<Vec<u8>>> {
    let as_it_is = Ok(vec![operand.to_vec()]);
    let (name, part) = index::split(operand);
    let Some(bundle) = view
        .checkpoint()
        .tensors()
        .filter(|bundle| bundle.find(operand).is_none())
    else {
        return as_it_is;
    };
    let Ok(pattern) = std::str::from_utf8(name) else {
        return as_it_is;
    };
    if !pattern.contains(['*', '?']) || bundle.find(name).is_some() {
        return as_it_is;
    }
    let matcher = glob::name_matcher(pattern)?;
    let named = |id: &TensorId| matcher.is_match(Path::new(OsStr::from_bytes(bundle.key(*id))));
    let part = part.map(|part| [b"[", part, b"]"].concat()).unwrap_or_default();
    let found = bundle
        .ids()
        .filter(named)
        .filter(|id| bundle.entry(*id).dtype != DType::VARIANT);
    let found: Vec<Vec<u8>> = found.map(|id| [bundle.key(id), &part].concat()).collect();
    if found.is_empty() {
        return Err(Error::not_found(format!("no tensor matches {pattern}")));
    }
    Ok(found)
}

/// A tensor, and what of it is asked for.
struct Array {
    name: String,
    dtype: DType,
    shape: Shape,
    endianness: Endianness,
    /// Bytes of an element in the `.npy` file, and where they begin.
    width: u64,
    data: u64,
    content: Arc<Content>,
    selection: Selection,
}

impl Array {
    /// Finds the tensor that an operand names: a key, a path of the tree, with `[...]` or `:0` after it.
    fn open(view: &CheckpointView, operand: &[u8]) -> Result<Self> {
        let checkpoint = view.checkpoint().clone();
        let bundle = checkpoint
            .tensors()
            .ok_or_else(|| Error::not_found("there are no tensors"))?;
        let (name, part) = match bundle.find(operand) {
            Some(_) => (operand, None),
            None => index::split(operand),
        };
        let lossy = String::from_utf8_lossy(name).into_owned();
        let id = match bundle
            .find(name)
            .or_else(|| bundle.find(name.strip_suffix(b":0")?))
        {
            Some(id) => id,
            None => view.tensor_at(name).ok_or_else(|| no_tensor(view, name))?,
        };
        let entry = bundle.entry(id);
        let endianness = bundle.endianness();
        let (node, _) = crate::tree::resolve(view, &view.tensor_path(id).unwrap_or_default(), true)?;
        let content = view.content(node)?;
        if entry.dtype.width().is_none() && entry.dtype != DType::STRING {
            return Err(Error::unsupported(format!(
                "{lossy}: a {} cannot be printed",
                entry.dtype
            )));
        }
        let descr = entry.dtype.descr(endianness).unwrap_or_else(|| "|S1".into());
        let data = npy_data_offset(&content, &descr, entry.shape)?;
        let width = match entry.dtype.width() {
            Some(width) => width,
            None => {
                let count = entry.shape.elements().unwrap_or(0).max(1);
                content.len().saturating_sub(data).checked_div(count).unwrap_or(1)
            }
        };
        Ok(Self {
            selection: Selection::parse(part, entry.shape).map_err(|e| e.context(&lossy))?,
            name: lossy,
            dtype: entry.dtype,
            shape: entry.shape.clone(),
            endianness,
            width,
            data,
            content,
        })
    }

    fn element(&self, index: u64) -> Result<String> {
        let mut bytes = vec![0; usize::try_from(self.width).unwrap_or(0)];
        let at = index.saturating_mul(self.width).saturating_add(self.data);
        self.content.read(at, &mut bytes)?;
        if self.dtype == DType::STRING {
            let end = bytes
                .iter()
                .rposition(|b| *b != 0)
                .map_or(0, |last| last.saturating_add(1));
            let text: String = bytes.get(..end).unwrap_or_default().escape_ascii().to_string();
            return Ok(format!("\"{text}\""));
        }
        // The bytes of narrow integers are widened already; the number reader masks again, which is the same.
        Ok(number::text(self.dtype, self.endianness, &bytes).unwrap_or_default())
    }

    /// Prints as NumPy does: nested brackets, long dimensions cut in the middle.
    fn print(&self, out: &mut Output, whole: bool) -> Result<()> {
        let mut text = String::new();
        self.nested(out, &mut text, &mut Vec::new(), whole)?;
        out.line(&text)
    }

    fn nested(&self, out: &mut Output, text: &mut String, at: &mut Vec<u64>, whole: bool) -> Result<()> {
        let shape = self.selection.shape();
        let Some(length) = shape.get(at.len()).copied() else {
            text.push_str(&self.element(self.selection.flat(at))?);
            return Ok(());
        };
        let last = at.len().saturating_add(1) == shape.len();
        text.push('[');
        let cut = !whole && length > EDGE.saturating_mul(2).saturating_add(1);
        let mut index = 0u64;
        while index < length {
            if cut && index == EDGE {
                text.push_str(if last { " ..." } else { "\n..." });
                index = length.saturating_sub(EDGE);
            }
            if index > 0 {
                if last {
                    text.push(' ');
                } else {
                    out.line(&std::mem::take(text))?;
                    text.push_str(&" ".repeat(at.len().saturating_add(1)));
                }
            }
            at.push(index);
            self.nested(out, text, at, whole)?;
            at.pop();
            index = index.saturating_add(1);
        }
        text.push(']');
        Ok(())
    }

    fn json(&self) -> Result<serde_json::Value> {
        let shape = self.selection.shape();
        let count = shape
            .iter()
            .try_fold(1u64, |n, dim| n.checked_mul(*dim))
            .unwrap_or(u64::MAX);
        let mut values: Vec<serde_json::Value> = Vec::new();
        let mut at = vec![0u64; shape.len()];
        for _ in 0..count {
            let text = self.element(self.selection.flat(&at))?;
            // Numbers as numbers; what JSON has no number for (nan, inf, complex) as text.
            let value = match (text.as_str(), serde_json::from_str(&text)) {
                ("True", _) => true.into(),
                ("False", _) => false.into(),
                (_, Ok(value)) => value,
                (text, Err(_)) => text.into(),
            };
            values.push(value);
            for (place, dim) in at.iter_mut().zip(&shape).rev() {
                *place = place.saturating_add(1);
                if *place < *dim {
                    break;
                }
                *place = 0;
            }
        }

        Ok(json!({
            "name": self.name,
            "dtype": self.dtype.to_string(),
            "shape": shape,
            "values": values,
        }))
    }
}

/// Where the elements begin: after the header, whose length stands in it.
fn npy_data_offset(content: &Content, descr: &str, shape: &Shape) -> Result<u64> {
    let mut prefix = [0; 10];
    content.read(0, &mut prefix)?;
    let [.., version, _, low, high] = prefix;
    if version == 1 {
        return Ok(u64::from(u16::from_le_bytes([low, high])).saturating_add(10));
    }
    Ok(npy::header(descr, shape).len() as u64)
}

fn no_tensor(view: &CheckpointView, name: &[u8]) -> Error {
    let text = String::from_utf8_lossy(name).into_owned();
    let error = Error::not_found(format!("{text}: no such tensor"));
    let bundle = view.checkpoint().tensors();
    let near = bundle.and_then(|bundle| {
        let key = |id| bundle.key(id);
        bundle
            .ids()
            .take(100_000)
            .filter(|id| crate::locate::distance(key(*id), name) <= name.len().max(4) / 2)
            .min_by_key(|id| crate::locate::distance(key(*id), name))
            .map(|id| key(id).to_vec())
    });
    match near {
        Some(near) => error.hint(format!("did you mean {}?", String::from_utf8_lossy(&near))),
        None => error,
    }
}
