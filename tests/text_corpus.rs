//! Text of real graphs, there and back. The corpus is too large for the repository: `CKPTFS_CORPUS`, or
//! `../shared/checkpoints` beside it.

use std::env;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use ckptfs::text;

fn corpus() -> Option<PathBuf> {
    let dir = env::var_os("CKPTFS_CORPUS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/checkpoints"),
        PathBuf::from,
    );
    if dir.is_dir() {
        return Some(dir);
    }
    println!("skipped: no corpus");
    None
}

/// All files below `dir` and the message each holds.
fn files(dir: &Path, out: &mut Vec<(PathBuf, &'static str)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            files(&path, out);
        } else if name.ends_with(".meta") {
            out.push((path, "tensorflow.MetaGraphDef"));
        } else if name == "saved_model.pb" || name == "saved_model.pbtxt" {
            out.push((path, "tensorflow.SavedModel"));
        } else if name == "graph.pbtxt" {
            out.push((path, "tensorflow.GraphDef"));
        } else if name == "fingerprint.pb" {
            out.push((path, "tensorflow.FingerprintDef"));
        } else if name == "checkpoint" {
            out.push((path, "tensorflow.CheckpointState"));
        }
    }
}

/// How often each byte occurs: the same for messages that differ in the order of their fields only.
fn histogram(bytes: &[u8]) -> Vec<usize> {
    let mut out = vec![0; 256];
    for byte in bytes {
        out[usize::from(*byte)] += 1;
    }
    out
}

const STRICT: text::ParseOptions = text::ParseOptions {
    skip_unknown: false,
    refuse_duplicates: true,
};

#[test]
fn binary_files_print_and_parse_back() {
    let Some(dir) = corpus() else { return };
    let mut all = Vec::new();
    files(&dir, &mut all);
    let mut count = 0;
    for (path, message) in all {
        let name = path.to_str().unwrap();
        if !name.ends_with(".pb") && !name.ends_with(".meta") {
            continue;
        }
        let wire = fs::read(&path).unwrap();
        if cfg!(debug_assertions) && wire.len() > 1_000_000 {
            // Without optimizing: 20 seconds for all, 6 without the seven largest.
            continue;
        }
        let printed = text::print(message, &wire, &text::Options::default()).unwrap();
        assert!(
            !printed.lines().any(|l| l.trim_start().starts_with('#')),
            "{name}: unknown fields"
        );
        let parsed = text::parse(message, printed.as_bytes(), &STRICT).unwrap();
        assert_eq!(histogram(&parsed.wire), histogram(&wire), "{name}");
        let again = text::print(message, &parsed.wire, &text::Options::default()).unwrap();
        assert!(again == printed, "{name}");
        // With payloads left out it is still text that parses.
        let elide = text::Options {
            elide_over: Some(64),
            note: "see @value.npy",
            ..text::Options::default()
        };
        let short = text::print(message, &wire, &elide).unwrap();
        text::parse(message, short.as_bytes(), &STRICT).unwrap();
        count += 1;
    }
    println!("{count} files");
    assert!(count > 0);
}

#[test]
fn text_files_parse() {
    let Some(dir) = corpus() else { return };
    let mut all = Vec::new();
    files(&dir, &mut all);
    let mut count = 0;
    for (path, message) in all {
        let name = path.to_str().unwrap();
        if !name.ends_with(".pbtxt") && !name.ends_with("/checkpoint") {
            continue;
        }
        let written = fs::read(&path).unwrap();
        let parsed = text::parse(message, &written, &STRICT).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(!parsed.wire.is_empty());
        let printed = text::print(message, &parsed.wire, &text::Options::default()).unwrap();
        let again = text::parse(message, printed.as_bytes(), &STRICT).unwrap();
        let reprinted = text::print(message, &again.wire, &text::Options::default()).unwrap();
        assert!(reprinted == printed, "{name}");
        count += 1;
    }
    println!("{count} files");
    assert!(count > 0);
}
