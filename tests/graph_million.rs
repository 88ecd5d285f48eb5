//! A graph of a million nodes: time and memory. Not run by default:
//! `cargo test --release --test graph_million -- --ignored --nocapture`.

use std::fs::File;
use std::io::BufWriter;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use ckptfs::graph::Kind;
use ckptfs::graph::open;
use ckptfs::source::LocalStore;
use ckptfs::source::Store;

const NODES: usize = 1_000_000;

fn field(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    out.push(number << 3 | 2);
    let mut len = bytes.len();
    while len >= 0x80 {
        out.push(len as u8 | 0x80);
        len >>= 7;
    }
    out.push(len as u8);
    out.extend(bytes);
}

/// A GraphDef in a MetaGraphDef: scopes, op types, three inputs and five attributes a node.
fn write(path: &Path, payload: usize) -> u64 {
    let name = |i: usize| {
        format!(
            "tower_{}/block_{}/unit_{}/bottleneck_v2/conv{}/op_{i}",
            i / 200_000,
            i / 5000 % 40,
            i / 100 % 50,
            i % 5
        )
    };
    let mut graph = Vec::new();
    for i in 0..NODES {
        let mut node = Vec::new();
        field(&mut node, 1, name(i).as_bytes());
        field(&mut node, 2, format!("Op{}", i * 7 % 60).as_bytes());
        for (k, step) in [1usize, 17, 4000].into_iter().enumerate() {
            if let Some(from) = i.checked_sub(step) {
                let input = match k {
                    1 => format!("{}:1", name(from)),
                    2 => format!("^{}", name(from)),
                    _ => name(from),
                };
                field(&mut node, 3, input.as_bytes());
            }
        }
        for attr in ["T", "Tidx", "_class", "data_format", "_output_shapes"] {
            let mut entry = Vec::new();
            field(&mut entry, 1, attr.as_bytes());
            field(&mut entry, 2, &[0x30, 1]);
            field(&mut node, 5, &entry);
        }
        if payload > 0 && i % 10_000 == 0 {
            let mut entry = Vec::new();
            field(&mut entry, 1, b"value");
            field(&mut entry, 2, &vec![0x7a; payload]);
            field(&mut node, 5, &entry);
        }
        field(&mut graph, 1, &node);
    }
    let mut file = BufWriter::new(File::create(path).unwrap());
    let mut head = Vec::new();
    field(&mut head, 1, &[0x22, 5, b's', b'e', b'r', b'v', b'e']);
    file.write_all(&head).unwrap();
    let mut all = Vec::new();
    field(&mut all, 2, &graph);
    file.write_all(&all).unwrap();
    file.flush().unwrap();
    (head.len() + all.len()) as u64
}

/// Resident memory of this process, in bytes.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm
        .split(' ')
        .nth(1)
        .and_then(|n| n.parse().ok())
        .unwrap_or_default();
    pages * 4096
}

#[test]
#[ignore = "takes a minute and half a gigabyte"]
fn a_million_nodes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("big.meta");
    for payload in [0, 3 << 20] {
        let bytes = write(&path, payload);
        println!("file of {} MB", bytes >> 20);
        let mut scans = Vec::new();
        for _ in 0..5 {
            let start = Instant::now();
            let file = open(LocalStore.open(&path).unwrap(), Some(Kind::MetaGraph)).unwrap();
            scans.push(start.elapsed());
            assert_eq!(file.meta_graphs[0].graph().nodes().len(), NODES);
        }
        scans.sort();
        println!("scan            {:?} (median of {:?})", scans[2], scans);
        let before = resident();
        let file = open(LocalStore.open(&path).unwrap(), None).unwrap();
        let graph = file.meta_graphs[0].graph();
        assert!(graph.problems().is_empty());
        let (all, names) = graph.nodes().memory();
        println!(
            "memory          {:.1} bytes a node over {:.1} of names; resident +{} MB",
            (all - names) as f64 / NODES as f64,
            names as f64 / NODES as f64,
            resident().saturating_sub(before) >> 20
        );
        let start = Instant::now();
        graph.nodes().sorted();
        println!("sort            {:?}", start.elapsed());
        let start = Instant::now();
        assert_eq!(graph.nodes().op_types().count(), 60);
        println!("by type         {:?}", start.elapsed());
        let (all, names) = graph.nodes().memory();
        println!(
            "memory          {:.1} bytes a node over the names",
            (all - names) as f64 / NODES as f64
        );
        let start = Instant::now();
        assert!(!graph.consumers(0).unwrap().is_empty());
        println!(
            "consumers       {:?}, {:.1} bytes a node",
            start.elapsed(),
            graph.consumer_memory() as f64 / NODES as f64
        );
        let start = Instant::now();
        for i in (0..NODES as u32).step_by(100) {
            let name = graph.nodes().name(i).to_vec();
            assert_eq!(graph.nodes().find(&name), Some(i));
        }
        println!(
            "find            {:?} each",
            start.elapsed() / (NODES as u32 / 100)
        );
        let start = Instant::now();
        for i in (0..NODES as u32).step_by(100) {
            graph.node(i).unwrap();
        }
        println!(
            "node            {:?} each",
            start.elapsed() / (NODES as u32 / 100)
        );
    }
}
