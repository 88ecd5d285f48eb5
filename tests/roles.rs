//! What each tensor is for, and how that is known: checked by hand.

mod support;

use std::collections::BTreeMap;
use std::path::Path;

/// How many tensors have each role, and how that is known: `weight/objects`.
fn counts(prefix: &Path) -> BTreeMap<String, u32> {
    let view = support::view(prefix);
    let checkpoint = view.checkpoint();
    let mut counts = BTreeMap::new();
    for id in checkpoint.tensors().unwrap().ids() {
        let (role, from) = checkpoint.role(id);
        *counts.entry(format!("{role}/{from}")).or_default() += 1;
    }
    println!("{}: {counts:?}", prefix.display());
    counts
}

fn check(prefix: &Path, want: &[(&str, u32)]) {
    let want: BTreeMap<String, u32> = want.iter().map(|(k, n)| (k.to_string(), *n)).collect();
    assert_eq!(counts(prefix), want, "{}", prefix.display());
}

#[test]
fn objects_tell() {
    // 6 trained variables and 2 moving statistics; 12 moments; iteration, learning rate, save_counter.
    check(
        &support::data().join("keras3/keras/ckpt-1"),
        &[
            ("weight/objects", 8),
            ("slot/objects", 12),
            ("counter/objects", 2),
            ("counter/name", 1),
            ("other/name", 1),
        ],
    );
    // 11 numeric variables, the values of a table and a numeric attribute; 9 slots; beta powers, save_counter.
    check(
        &support::data().join("tf2_object/training/ckpt-7"),
        &[
            ("weight/objects", 13),
            ("slot/objects", 9),
            ("counter/objects", 2),
            ("counter/name", 1),
            ("other/name", 6),
        ],
    );
    check(
        &support::data().join("tf2_object/optimizer_root"),
        &[("weight/objects", 1), ("slot/objects", 1), ("other/name", 1)],
    );
}

#[test]
fn graphs_tell() {
    // The moving statistics of the batch normalisation are weights that no op trains.
    check(
        &support::data().join("sundaynet/results/model.ckpt-10"),
        &[
            ("weight/graph", 8),
            ("weight/name", 2),
            ("slot/graph", 16),
            ("counter/graph", 1),
            ("counter/name", 2),
        ],
    );
    let Some(root) = support::corpus() else {
        return;
    };
    check(
        &root.join("guesslang_0.9.3/model.ckpt-40198"),
        &[
            ("weight/graph", 10),
            ("weight/name", 2),
            ("slot/graph", 20),
            ("counter/graph", 1),
        ],
    );
    check(
        &root.join("tfx_keras_serving/variables/variables"),
        &[
            ("weight/objects", 6),
            ("slot/objects", 12),
            ("metric/objects", 4),
            ("counter/objects", 5),
            ("other/name", 1),
        ],
    );
}
