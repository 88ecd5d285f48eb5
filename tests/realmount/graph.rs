//! The graph as files: what a person does with grep, find and readlink.

use std::fs;
use std::process::Command;

use crate::harness::tests;
use crate::lab::Lab;
use crate::lab::ok;
use crate::lab::sh;
use crate::support;

tests![
    an_op_is_a_directory,
    walks_along_links,
    greps,
    types_are_folders_of_links,
    collections_hold_their_values,
];

fn an_op_is_a_directory() {
    let lab = Lab::new();
    let point = lab.mount_sample();
    let op = point.join("ops/loss/train_op");
    assert_eq!(fs::read_to_string(op.join("@type")).unwrap().trim(), "AssignAdd");
    let node = fs::read_to_string(op.join("@node.pbtxt")).unwrap();
    assert!(node.contains("name: \"loss/train_op\""), "{node}");
}

fn walks_along_links() {
    let lab = Lab::new();
    let point = lab.mount_sample();
    // From an op to its inputs, to the tensor of a variable, and back by TensorFlow's own name.
    let link = fs::read_link(point.join("ops/dense/MatMul/@inputs/0")).unwrap();
    assert!(link.to_str().unwrap().contains("@outputs"), "{}", link.display());
    for link in ["ops/dense/MatMul/@inputs/0", "ops/dense/MatMul/@inputs/1"] {
        let full = fs::canonicalize(point.join(link)).unwrap();
        assert!(
            full.starts_with(fs::canonicalize(&point).unwrap()),
            "{}",
            full.display()
        );
    }
    let variable = fs::canonicalize(point.join("ops/dense/kernel/@value.npy")).unwrap();
    assert!(
        variable.ends_with("tensors/dense/kernel.npy"),
        "{}",
        variable.display()
    );
    let value = fs::read(variable).unwrap();
    assert_eq!(fs::read(point.join("tensors/dense/kernel:0.npy")).unwrap(), value);
    let output = fs::canonicalize(point.join("ops/dense/kernel:0")).unwrap();
    assert!(
        output.ends_with("ops/dense/kernel/@outputs/0"),
        "{}",
        output.display()
    );
}

fn greps() {
    let lab = Lab::new();
    let point = lab.mount_sample();
    let count = |script: &str| ok(&mut sh(script, &point)).trim().parse::<usize>().unwrap();
    let by_type = count("grep -rlx MatMul $1/ops --include=@type | wc -l");
    assert!(by_type >= 2, "{by_type}");
    assert_eq!(count("ls $1/by-type/MatMul | wc -l"), by_type);
    assert_eq!(count("awk -F'\\t' '$2==\"MatMul\"' $1/ops.tsv | wc -l"), by_type);
    let nodes = count("find $1/ops -name @node.pbtxt | wc -l");
    assert_eq!(nodes, count("tail -n +2 $1/ops.tsv | wc -l"));
    let output = Command::new("grep")
        .args(["-rc", "float"])
        .arg(point.join("ops"))
        .output()
        .unwrap();
    // Nothing in there is unreadable.
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

fn types_are_folders_of_links() {
    let lab = Lab::new();
    let point = lab.mount_sample();
    for folder in fs::read_dir(point.join("by-type")).unwrap() {
        let folder = folder.unwrap();
        for link in fs::read_dir(folder.path()).unwrap() {
            let op = link.unwrap().path();
            let kind = fs::read_to_string(op.join("@type")).unwrap();
            assert_eq!(kind.trim(), folder.file_name().to_str().unwrap());
        }
    }
}

fn collections_hold_their_values() {
    let lab = Lab::new();
    let point = lab.mount_sample();
    let item = fs::read(point.join("collections/hyperparameters/0")).unwrap();
    let mut cat = lab.program(&["cat"]);
    cat.arg(support::data().join(crate::lab::SAMPLE))
        .arg("collections/hyperparameters/0");
    assert_eq!(ok(&mut cat).into_bytes(), item);
    assert!(!item.is_empty());
}
