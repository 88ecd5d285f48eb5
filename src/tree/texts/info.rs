//! info.txt: what this is, in the first screen a user reads.

use std::fmt::Write;
use std::sync::Arc;

use crate::checkpoint::Checkpoint;
use crate::checkpoint::roles::Role;
use crate::checkpoint::summary::Graph;
use crate::checkpoint::summary::ObjectNumbers;
use crate::checkpoint::summary::Summary;
use crate::checkpoint::summary::Tensors as Numbers;
use crate::content::Content;
use crate::content::rendered::inline;
use crate::error::Result;
use crate::tensor::TensorId;
use crate::tree::tensors::Tensors;

/// A number of bytes for people: `1.4 MB` (powers of 1000, as `ls --si`).
pub fn human_bytes(bytes: u64) -> String {
    human(bytes, &["bytes", "kB", "MB", "GB", "TB", "PB", "EB"])
}

/// A count for people: `110.1M`.
pub fn human_count(count: u64) -> String {
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
    let summary = Summary::new(checkpoint);
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{}", summary.name);
    let _ = writeln!(out, "kind        {}", summary.kind);
    for file in &summary.files {
        let size = file.bytes.map_or("MISSING".into(), human_bytes);
        let _ = writeln!(out, "file        {}  ({size})", file.path);
    }
    if let Some(step) = &summary.step {
        let _ = writeln!(out, "step        {step}");
    }
    if let Some(numbers) = &summary.tensors {
        tensor_lines(&mut out, numbers);
    }
    if let Some(graph) = &summary.graph {
        graph_lines(&mut out, graph);
    }
    if let Some(objects) = &summary.objects {
        object_lines(&mut out, objects);
    }
    problem_lines(&mut out, &summary);
    if let Some(tensors) = tensors {
        usage_lines(&mut out, checkpoint, tensors);
    }
    inline(out)
}

fn tensor_lines(out: &mut String, numbers: &Numbers) {
    let _ = writeln!(
        out,
        "tensors     {} ({})",
        numbers.count,
        human_bytes(numbers.bytes)
    );
    for (role, what) in [
        ("weight", "weights"),
        ("slot", "optimizer slots"),
        ("ema", "moving averages"),
    ] {
        if let Some(count) = numbers.params.get(role) {
            let _ = writeln!(out, "parameters  {count} ({}) {what}", human_count(*count));
        }
    }
    for dtype in &numbers.dtypes {
        let bytes = human_bytes(dtype.bytes);
        let _ = writeln!(
            out,
            "dtype       {}: {} tensors, {bytes}",
            dtype.dtype, dtype.count
        );
    }
    if numbers.big_endian {
        let _ = writeln!(out, "byte order  big-endian (arrays say so: >f4)");
    }
}

fn graph_lines(out: &mut String, graph: &Graph) {
    let functions = match graph.functions {
        0 => String::new(),
        n => format!(", {n} functions"),
    };
    let _ = writeln!(
        out,
        "graph       {} ops of {} types{functions}",
        graph.ops, graph.op_types
    );
    if let Some(version) = &graph.tensorflow_version {
        let _ = writeln!(out, "written by  TensorFlow {version}");
    }
    if !graph.collections.is_empty() {
        let _ = writeln!(out, "collections {}", graph.collections.join(", "));
    }
}

fn object_lines(out: &mut String, objects: &ObjectNumbers) {
    let _ = writeln!(out, "objects     {}", objects.count);
    for (keys, what) in [
        (&objects.dangling, "named by objects but not saved"),
        (&objects.unnamed, "saved but named by no object"),
    ] {
        if keys.count > 0 {
            let more = if keys.count > keys.examples.len() as u64 {
                ", ..."
            } else {
                ""
            };
            let names = keys.examples.join(", ");
            let _ = writeln!(out, "keys        {} {what}: {names}{more}", keys.count);
        }
    }
}

fn problem_lines(out: &mut String, summary: &Summary) {
    if summary.problems.is_empty() {
        let _ = writeln!(out, "problems    none found in index and file lengths");
    }
    for problem in &summary.problems {
        let _ = writeln!(out, "problem     {}", problem.message);
        if problem.tensors > 0 {
            let more = if problem.tensors > problem.examples.len() as u64 {
                ", ..."
            } else {
                ""
            };
            let names = problem.examples.join(", ");
            let _ = writeln!(
                out,
                "            {} tensors cannot be read: {names}{more}",
                problem.tensors
            );
        }
    }
}

/// What to type next, with a tensor of this very checkpoint.
fn usage_lines(out: &mut String, checkpoint: &Checkpoint, tensors: &Tensors) {
    let bundle = tensors.set();
    let example = bundle
        .ids()
        .filter(|id| bundle.entry(*id).dtype.is_numeric() && checkpoint.role(*id).0 == Role::Weight)
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
