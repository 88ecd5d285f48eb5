//! info.txt: what this is, in the first screen a user reads.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use super::scalars;
use crate::bundle::Bundle;
use crate::bundle::TensorId;
use crate::checkpoint::Checkpoint;
use crate::checkpoint::roles;
use crate::checkpoint::roles::Role;
use crate::content::Content;
use crate::content::rendered::inline;
use crate::error::Result;
use crate::tensor::DType;
use crate::tensor::Endianness;
use crate::tree::tensors::Tensors;

/// A number of bytes for people: `1.4 MB` (powers of 1000, as `ls --si`).
pub(crate) fn human_bytes(bytes: u64) -> String {
    human(bytes, &["bytes", "kB", "MB", "GB", "TB", "PB", "EB"])
}

/// A count for people: `110.1M`.
pub(crate) fn human_count(count: u64) -> String {
    human(count, &["", "K", "M", "B", "T", "P", "E"]).replace(' ', "")
}

fn human(value: u64, units: &[&str]) -> String {
    let mut scaled = value as f64;
    let mut unit = 0usize;
    while scaled >= 999.95 && unit.saturating_add(1) < units.len() {
        scaled /= 1000.0;
        unit = unit.saturating_add(1);
    }
    let name = units.get(unit).copied().unwrap_or_default();
    if unit == 0 {
        format!("{value} {name}").trim_end().to_string()
    } else {
        format!("{scaled:.1} {name}")
    }
}

/// The text.
pub(in crate::tree) fn render(checkpoint: &Arc<Checkpoint>, tensors: Option<&Tensors>) -> Result<Content> {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{}", checkpoint.name());
    let kind = match (checkpoint.bundle(), tensors) {
        (Some(_), _) => "TensorFlow checkpoint, V2",
        _ => "TensorFlow graph without a checkpoint",
    };
    let _ = writeln!(out, "kind        {kind}");
    for file in checkpoint.files() {
        let size = match file.stat {
            Some(stat) => human_bytes(stat.identity.len),
            None => "MISSING".into(),
        };
        let _ = writeln!(out, "file        {}  ({size})", file.path.display());
    }
    if let (Some(bundle), Some(tensors)) = (checkpoint.bundle(), tensors) {
        tensor_lines(&mut out, checkpoint, bundle);
        problem_lines(&mut out, bundle);
        usage_lines(&mut out, bundle, tensors);
    }
    inline(out)
}

fn tensor_lines(out: &mut String, checkpoint: &Checkpoint, bundle: &Bundle) {
    let mut by_dtype: BTreeMap<DType, (u64, u64)> = BTreeMap::new();
    let mut params: BTreeMap<&str, u64> = BTreeMap::new();
    let mut bytes = 0u64;
    for id in bundle.ids() {
        let entry = bundle.entry(id);
        let stored = bundle.stored(id);
        bytes = bytes.saturating_add(stored);
        let counts = by_dtype.entry(entry.dtype).or_default();
        counts.0 = counts.0.saturating_add(1);
        counts.1 = counts.1.saturating_add(stored);
        let (role, _) = roles::by_name(bundle, id);
        let what = match role {
            Role::Weight => "weights",
            Role::Slot => "optimizer slots",
            Role::Ema => "moving averages",
            Role::Counter | Role::Metric | Role::Other => continue,
        };
        let sum = params.entry(what).or_default();
        *sum = sum.saturating_add(entry.shape.elements().unwrap_or(0));
    }
    if let Some(step) = step(checkpoint, bundle) {
        let _ = writeln!(out, "step        {step}");
    }
    let _ = writeln!(out, "tensors     {} ({})", bundle.len(), human_bytes(bytes));
    for (what, count) in params.iter().rev() {
        let _ = writeln!(out, "parameters  {count} ({}) {what}", human_count(*count));
    }
    for (dtype, (count, bytes)) in &by_dtype {
        let _ = writeln!(
            out,
            "dtype       {dtype}: {count} tensors, {}",
            human_bytes(*bytes)
        );
    }
    if bundle.header().endianness == Endianness::Big {
        let _ = writeln!(out, "byte order  big-endian (arrays say so: >f4)");
    }
}

/// The training step: the value of the step counter, else the number in the name.
fn step(checkpoint: &Checkpoint, bundle: &Bundle) -> Option<String> {
    let counter = bundle.ids().find(|id| {
        let key = bundle.key(*id);
        key == b"global_step" || key.ends_with(b"/global_step")
    });
    counter
        .and_then(|id| scalars::value(bundle, id))
        .or_else(|| checkpoint.step_in_name().map(|step| step.to_string()))
}

fn problem_lines(out: &mut String, bundle: &Bundle) {
    let problems = bundle.problems();
    if problems.is_empty() {
        let _ = writeln!(out, "problems    none found in index and file lengths");
    }
    for problem in problems {
        let _ = writeln!(out, "problem     {}", problem.error);
        if problem.tensors > 0 {
            let names: Vec<String> = problem
                .examples
                .iter()
                .map(|id| String::from_utf8_lossy(bundle.key(*id)).into_owned())
                .collect();
            let more = if problem.tensors > names.len() as u64 {
                ", ..."
            } else {
                ""
            };
            let _ = writeln!(
                out,
                "            {} tensors cannot be read: {}{more}",
                problem.tensors,
                names.join(", ")
            );
        }
    }
}

/// What to type next, with a tensor of this very checkpoint.
fn usage_lines(out: &mut String, bundle: &Bundle, tensors: &Tensors) {
    let example = bundle
        .ids()
        .filter(|id| bundle.entry(*id).dtype.is_numeric())
        .max_by_key(|id: &TensorId| bundle.stored(*id));
    let _ = writeln!(out);
    let _ = writeln!(out, "list        column -ts $'\\t' tensors.tsv | less -S");
    if let Some(id) = example {
        let path = tensors.path(id);
        let path = String::from_utf8_lossy(&path);
        let _ = writeln!(out, "load        numpy.load({path:?})");
        let _ = writeln!(out, "one row     numpy.load({path:?}, mmap_mode='r')[0]");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_for_people() {
        assert_eq!(human_bytes(0), "0 bytes");
        assert_eq!(human_bytes(999), "999 bytes");
        assert_eq!(human_bytes(1000), "1.0 kB");
        assert_eq!(human_bytes(1_400_000), "1.4 MB");
        assert_eq!(human_count(110_100_000), "110.1M");
        assert_eq!(human_count(12), "12");
        assert_eq!(human_bytes(u64::MAX), "18.4 EB");
    }
}
