//! Graphs of real projects, if they are on this machine, against protobuf's own parse.

mod graph_support;

use graph_support::corpus;
use graph_support::expected;
use graph_support::open_file;
use graph_support::text;

#[test]
fn graphs_of_the_corpus() {
    let Some(root) = corpus() else {
        eprintln!("skipped: no corpus");
        return;
    };
    let count = graph_support::compare_graphs(&root);
    assert!(count > 0, "no graphs in {}", root.display());
    eprintln!("{count} graphs");
}

/// What the op list says of an op must be what the built-in table says: as many outputs of the same
/// types. Graphs are read twice, the second time as the bare GraphDef that a frozen file is.
#[test]
fn outputs_do_not_depend_on_the_op_list() {
    let Some(root) = corpus() else {
        eprintln!("skipped: no corpus");
        return;
    };
    let (mut same, mut unknown) = (0, std::collections::BTreeSet::new());
    for (path, _) in expected(&root, ".graph.json.gz") {
        for meta in &open_file(&path).meta_graphs {
            let parts = meta.graph_def_extents();
            let bytes: Vec<u8> = parts
                .iter()
                .flat_map(|e| e.read(meta.source().as_ref()).unwrap())
                .collect();
            let stat = meta.source().stat();
            let source = ckptfs::source::MemorySource::new(&path, bytes.into(), stat);
            let bare = ckptfs::graph::open(std::sync::Arc::new(source), None).unwrap();
            let (with, without) = (meta.graph(), bare.meta_graphs[0].graph());
            assert_eq!(
                with.nodes().len(),
                without.nodes().len(),
                "{}: {:?}",
                path.display(),
                bare.kind
            );
            for id in with.nodes().ids() {
                let (a, b) = (with.outputs(id).unwrap(), without.outputs(id).unwrap());
                let op = text(with.nodes().op(id));
                let types = |list: &[ckptfs::graph::Output]| {
                    list.iter().map(|o| (o.dtype, o.is_ref)).collect::<Vec<_>>()
                };
                if types(&a) == types(&b) {
                    same += 1;
                } else {
                    assert!(
                        b.iter().all(|o| o.dtype == 0),
                        "{}: {op}: {a:?} {b:?}",
                        path.display()
                    );
                    unknown.insert(op);
                }
            }
        }
    }
    eprintln!("{same} nodes the same; op types not in the table: {unknown:?}");
    assert!(unknown.len() < 20);
}
