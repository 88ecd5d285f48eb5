//! ops.tsv: a line an op.

use std::sync::Arc;

use crate::content::Content;
use crate::content::rendered::Lines;
use crate::content::rendered::put_field;
use crate::content::rendered::text;
use crate::error::Result;
use crate::tree::graph_tree::GraphTree;

/// The table, in the order of the graph. Inputs are separated by commas, as they stand in the file.
pub(in crate::tree) fn table(graph: &Arc<GraphTree>) -> Result<Content> {
    let graph = graph.clone();
    let rows = graph.view(0).map_or(0, |view| view.nodes().len() as u64);
    text(Arc::new(Lines::new(
        "name\ttype\tdevice\tinputs\n",
        rows,
        move |row, out: &mut Vec<u8>| {
            let (Some(view), Ok(op)) = (graph.view(0), u32::try_from(row)) else {
                return Ok(());
            };
            put_field(out, view.nodes().name(op));
            out.push(b'\t');
            put_field(out, view.nodes().op(op));
            out.push(b'\t');
            // A node that cannot be decoded keeps its line, with name and type.
            if let Ok(node) = view.node(op) {
                put_field(out, &node.device);
                out.push(b'\t');
                for (i, input) in node.inputs.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    put_field(out, &input.raw);
                }
            } else {
                out.push(b'\t');
            }
            out.push(b'\n');
            Ok(())
        },
    )))
}
