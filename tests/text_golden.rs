//! Text against what Python's `text_format.MessageToString` (protobuf 7.36) made of the same messages.
//!
//! `tests/data/text/<name>.<message>.pb` and `.txt`: three real graphs, and messages made of edge cases
//! (every escape, floats at the ends of their range, maps with default keys, fields out of order, given
//! twice, or of a oneof set in turn).

use std::fs;
use std::path::Path;

use ckptfs::text;

fn goldens() -> Vec<(String, String, Vec<u8>, String)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/text");
    let mut out = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "pb") {
            let stem = path.file_stem().unwrap().to_str().unwrap();
            let (name, message) = stem.split_once('.').unwrap();
            let wire = fs::read(&path).unwrap();
            let expected = fs::read_to_string(path.with_extension("txt")).unwrap();
            out.push((name.to_owned(), format!("tensorflow.{message}"), wire, expected));
        }
    }
    assert!(out.len() >= 15);
    out
}

#[test]
fn prints_what_python_prints() {
    for (name, message, wire, expected) in goldens() {
        let options = text::Options::default();
        let printed = text::print(&message, &wire, &options).unwrap();
        for (line, (a, b)) in printed.lines().zip(expected.lines()).enumerate() {
            assert_eq!(a, b, "{name}, line {}", line + 1);
        }
        assert_eq!(printed, expected, "{name}");
        assert_eq!(
            text::measure(&message, &wire, &options).unwrap(),
            printed.len() as u64
        );
    }
}

#[test]
fn parses_what_python_prints() {
    let strict = text::ParseOptions {
        refuse_duplicates: true,
        ..text::ParseOptions::default()
    };
    for (name, message, _, expected) in goldens() {
        let parsed = text::parse(&message, expected.as_bytes(), &strict).unwrap();
        let printed = text::print(&message, &parsed.wire, &text::Options::default()).unwrap();
        assert_eq!(printed, expected, "{name}");
    }
}
