//! The graph as a tree, against what protobuf parses and TensorFlow imports: for the corpus and the fixtures.

mod support;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use base64::Engine;
use ckptfs::tree::CheckpointView;
use ckptfs::tree::Kind;
use ckptfs::tree::View;
use ckptfs::tree::names;
use ckptfs::tree::resolve;
use serde_json::Value;
use support::sha256;

/// Every `.meta` below `root` with an expected graph: the file, and the path of what is expected without its
/// suffix.
fn metas(root: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = std::fs::read_dir(root)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    folders.sort();
    for folder in folders {
        let Ok(files) = std::fs::read_dir(folder.join("EXPECTED")) else {
            continue;
        };
        let mut names: Vec<String> = files
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .filter(|n| n.ends_with(".graph.json.gz"))
            .collect();
        names.sort();
        for name in names {
            let stem = name.strip_suffix(".graph.json.gz").unwrap();
            let file = folder.join(stem.replace("__", "/"));
            if file.extension().is_some_and(|e| e == "meta") {
                let expected = folder.join("EXPECTED").join(stem);
                found.push((file, expected.to_str().unwrap().to_string()));
            }
        }
    }
    found
}

fn gunzip(path: &str) -> Option<Vec<u8>> {
    let file = std::fs::File::open(path).ok()?;
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(file)
        .read_to_end(&mut bytes)
        .unwrap();
    Some(bytes)
}

fn json(path: &str) -> Option<Value> {
    Some(serde_json::from_slice(&gunzip(path)?).unwrap())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn op_path(name: &str) -> Vec<u8> {
    [b"ops/", names::path(name.as_bytes(), false).as_slice()].concat()
}

fn listed(view: &dyn View, path: &[u8]) -> Vec<(String, Kind)> {
    let Ok((dir, _)) = resolve(view, path, true) else {
        return Vec::new();
    };
    let mut names = Vec::new();
    view.list(dir, 0, &mut |entry| {
        names.push((String::from_utf8_lossy(entry.name).into_owned(), entry.kind));
        true
    })
    .unwrap();
    names
}

fn read(view: &dyn View, op: &[u8], file: &str) -> Option<Vec<u8>> {
    support::read(view, &[op, b"/", file.as_bytes()].concat()).ok()
}

/// `mean` as TensorFlow writes it in full.
fn full_input(raw: &str) -> String {
    if raw.starts_with('^')
        || raw
            .rsplit_once(':')
            .is_some_and(|(_, n)| n.bytes().all(|b| b.is_ascii_digit()))
    {
        raw.to_string()
    } else {
        format!("{raw}:0")
    }
}

/// Each op at its path with the right type, inputs and attributes; each collection item.
fn nodes(view: &CheckpointView, graph: &Value, context: &str) -> usize {
    let nodes = graph["nodes"].as_array().unwrap();
    for node in nodes {
        let (name, op_type) = (text(&node[0]), text(&node[1]));
        let path = op_path(name);
        let context = format!("{context}: {name}");
        assert_eq!(
            read(view, &path, "@type").unwrap(),
            format!("{op_type}\n").as_bytes(),
            "{context}"
        );
        let device = text(&node[2]);
        let want = (!device.is_empty()).then(|| format!("{device}\n").into_bytes());
        assert_eq!(read(view, &path, "@device"), want, "{context}");
        let inputs: Vec<String> = node[3]
            .as_array()
            .unwrap()
            .iter()
            .map(|i| full_input(text(i)))
            .collect();
        let lines = read(view, &path, "@inputs.txt").unwrap_or_default();
        let lines: Vec<&str> = std::str::from_utf8(&lines).unwrap().lines().collect();
        let have: Vec<&str> = lines
            .iter()
            .map(|line| line.split('\t').next().unwrap())
            .collect();
        assert_eq!(have, inputs, "{context}");
        // Each input is a link to the output of an op that exists, or a text where there is none.
        let data: Vec<&String> = inputs.iter().filter(|i| !i.starts_with('^')).collect();
        let links = listed(view, &[&path, &b"/@inputs"[..]].concat());
        assert_eq!(links.len(), data.len(), "{context}");
        for (i, input) in data.iter().enumerate() {
            let link = [&path, format!("/@inputs/{i}").as_bytes()].concat();
            let (_, physical) = resolve(view, &link, true).unwrap();
            let (source, output) = input.rsplit_once(':').unwrap();
            let want = [op_path(source), format!("/@outputs/{output}").into_bytes()].concat();
            assert_eq!(
                String::from_utf8_lossy(&physical),
                String::from_utf8_lossy(&want),
                "{context}"
            );
        }
        let attrs: BTreeSet<String> = listed(view, &[&path, &b"/@attrs"[..]].concat())
            .into_iter()
            .map(|a| a.0)
            .collect();
        let want: BTreeSet<String> = node[4].as_object().unwrap().keys().cloned().collect();
        assert_eq!(attrs, want, "{context}");
    }
    nodes.len()
}

fn collections(view: &CheckpointView, graph: &Value, context: &str) -> usize {
    let collections = graph["collections"].as_object().unwrap();
    let mut items_seen = 0;
    let keys: Vec<String> = listed(view, b"collections").into_iter().map(|c| c.0).collect();
    assert_eq!(keys.len(), collections.len(), "{context}");
    for (key, collection) in collections {
        let dir = [b"collections/", &*names::whole(key.as_bytes())].concat();
        let context = format!("{context}: collection {key}");
        let kind = String::from_utf8(read(view, &dir, "@kind").unwrap()).unwrap();
        let want = collection["kind"].as_str().unwrap_or("empty");
        assert_eq!(kind.trim_end().split('\t').next().unwrap(), want, "{context}");
        let items: Vec<&Value> = collection["items"]
            .as_array()
            .map(|a| a.iter().collect())
            .unwrap_or_default();
        for (i, item) in items.iter().enumerate() {
            items_seen += 1;
            let path = [&dir, format!("/{i}").as_bytes()].concat();
            let (node, _) = resolve(view, &path, false).unwrap_or_else(|e| panic!("{context}: {e}"));
            match want {
                "node_list" => {
                    let name = text(item);
                    let op = name.rsplit_once(':').map_or(name, |(op, _)| op);
                    let op = op.trim_start_matches('^');
                    match view.stat(node).unwrap().kind {
                        Kind::Link => {
                            let (_, physical) = resolve(view, &path, true).unwrap();
                            assert_eq!(physical, op_path(op), "{context}");
                        }
                        _ => assert_eq!(
                            support::read(view, &path).unwrap(),
                            format!("{name}\n").as_bytes()
                        ),
                    }
                }
                "bytes_list" | "any_list" => {
                    let item = if want == "any_list" { &item[1] } else { item };
                    let have = support::read(view, &path).unwrap();
                    match text(item).strip_prefix("sha256:") {
                        Some(hash) => assert_eq!(sha256(&have), hash, "{context}"),
                        None => {
                            let want = base64::engine::general_purpose::STANDARD
                                .decode(text(item))
                                .unwrap();
                            assert_eq!(have, want, "{context}");
                        }
                    }
                }
                "int64_list" => {
                    assert_eq!(
                        support::read(view, &path).unwrap(),
                        format!("{item}\n").as_bytes(),
                        "{context}"
                    );
                }
                "float_list" => {
                    let have = String::from_utf8(support::read(view, &path).unwrap()).unwrap();
                    let want = item.as_f64().unwrap_or_else(|| text(item).parse().unwrap()) as f32;
                    let have: f32 = have.trim().parse().unwrap();
                    assert!(
                        have == want || have.is_nan() && want.is_nan(),
                        "{context}: {have} {want}"
                    );
                }
                other => panic!("{context}: {other}"),
            }
        }
        let lines = read(view, &dir, "@items").unwrap();
        assert_eq!(
            lines.iter().filter(|b| **b == b'\n').count(),
            items.len(),
            "{context}"
        );
    }
    items_seen
}

/// Outputs, consumers, constants and variables as TensorFlow imports them.
fn imported(view: &CheckpointView, graph: &Value, context: &str) {
    for (name, outputs) in graph["outputs"].as_object().unwrap() {
        let path = op_path(name);
        let outputs = outputs.as_array().unwrap();
        let have = listed(view, &[&path, &b"/@outputs"[..]].concat());
        assert_eq!(have.len(), outputs.len(), "{context}: {name}");
        for (i, output) in outputs.iter().enumerate() {
            let dtype = read(view, &path, &format!("@outputs/{i}/dtype")).unwrap();
            assert_eq!(
                String::from_utf8(dtype).unwrap().trim_end(),
                text(&output[1]),
                "{context}: {name}:{i}"
            );
            let link = [&path, format!(":{i}").as_bytes()].concat();
            let (_, physical) = resolve(view, &link, true).unwrap();
            assert_eq!(
                physical,
                [&path, format!("/@outputs/{i}").as_bytes()].concat(),
                "{context}"
            );
        }
        let mut consumers: BTreeSet<String> = BTreeSet::new();
        for (list, mark) in [("consumers", ""), ("control_consumers", "^")] {
            for consumer in graph[list][name].as_array().into_iter().flatten() {
                let flat = names::whole(text(consumer).as_bytes()).into_owned();
                let entry = format!("{mark}{}", String::from_utf8(flat).unwrap());
                let link = [&path, format!("/@consumers/{entry}").as_bytes()].concat();
                let (_, physical) = resolve(view, &link, true).unwrap_or_else(|e| panic!("{context}: {e}"));
                assert_eq!(physical, op_path(text(consumer)), "{context}");
                consumers.insert(entry);
            }
        }
        let have: BTreeSet<String> = listed(view, &[&path, &b"/@consumers"[..]].concat())
            .into_iter()
            .map(|c| c.0)
            .collect();
        assert_eq!(have, consumers, "{context}: {name}");
    }
    for (name, value) in graph["consts"].as_object().unwrap() {
        let Some(hash) = value["npy_sha256"].as_str() else {
            continue;
        };
        let npy = read(view, &op_path(name), "@value.npy").unwrap_or_else(|| panic!("{context}: {name}"));
        assert_eq!(
            sha256(&npy),
            hash,
            "{context}: {name}: {:?}",
            String::from_utf8_lossy(&npy[..npy.len().min(128)])
        );
    }
    let bundle = view.checkpoint().tensors();
    for (variable, key) in graph["variables"].as_object().unwrap() {
        let Some(id) = bundle.and_then(|bundle| bundle.find(text(key).as_bytes())) else {
            continue;
        };
        let (_, physical) = resolve(view, &[&op_path(variable), &b"/@value.npy"[..]].concat(), true).unwrap();
        assert_eq!(Some(physical), view.tensor_path(id), "{context}: {variable}");
    }
}

/// The texts of meta/ against protobuf's.
fn texts(view: &CheckpointView, expected: &str, context: &str) -> bool {
    let whole = gunzip(&format!("{expected}.pbtxt.gz"));
    if let Some(want) = &whole {
        let have = support::read(view, b"meta/graph_def.pbtxt").unwrap();
        let have = String::from_utf8(have).unwrap();
        // Large constants are left out there, and said so; then only what is left can be compared.
        if !have.contains("is left out here") {
            assert_eq!(have, String::from_utf8_lossy(want), "{context}");
        }
    }
    if let Some(parts) = json(&format!("{expected}.text.json.gz")) {
        for (file, part) in [
            ("meta_info.pbtxt", "meta_info_def"),
            ("stripped_op_list.pbtxt", "stripped_op_list"),
        ] {
            let have = support::read(view, format!("meta/{file}").as_bytes()).unwrap();
            assert_eq!(
                String::from_utf8(have).unwrap(),
                text(&parts[0][part]),
                "{context}: {file}"
            );
        }
        for (key, items) in parts[0]["collections"].as_object().into_iter().flatten() {
            for (i, item) in items.as_array().unwrap().iter().enumerate() {
                let path = [
                    b"collections/",
                    &*names::whole(key.as_bytes()),
                    format!("/{i}.pbtxt").as_bytes(),
                ]
                .concat();
                let have = support::read(view, &path).unwrap_or_else(|e| panic!("{context}: {e}"));
                assert_eq!(
                    String::from_utf8(have).unwrap(),
                    text(item),
                    "{context}: {key} {i}"
                );
            }
        }
    }
    whole.is_some()
}

fn compare(root: &Path) -> BTreeMap<&'static str, usize> {
    let mut totals = BTreeMap::new();
    for (file, expected) in metas(root) {
        let context = file.display().to_string();
        let view = support::view(&file);
        let graphs = json(&format!("{expected}.graph.json.gz")).unwrap();
        *totals.entry("graphs").or_default() += 1;
        *totals.entry("ops").or_default() += nodes(&view, &graphs[0], &context);
        *totals.entry("items").or_default() += collections(&view, &graphs[0], &context);
        if let Some(graphs) = json(&format!("{expected}.outputs.json.gz")) {
            imported(&view, &graphs[0], &context);
            *totals.entry("imported").or_default() += 1;
        }
        *totals.entry("texts").or_default() += usize::from(texts(&view, &expected, &context));
    }
    println!("{}: {totals:?}", root.display());
    totals
}

#[test]
fn corpus() {
    let Some(root) = support::corpus() else {
        return;
    };
    let totals = compare(&root);
    assert!(totals["graphs"] >= 20 && totals["ops"] >= 10_000, "{totals:?}");
}

#[test]
fn fixtures() {
    let totals = compare(&support::data());
    assert!(
        totals["graphs"] >= 6 && totals["imported"] >= 6 && totals["texts"] >= 4,
        "{totals:?}"
    );
}

fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut len = bytes.len();
    while len >= 0x80 {
        out.push(len as u8 | 0x80);
        len >>= 7;
    }
    out.push(len as u8);
    out.extend(bytes);
    out
}

/// What initializes a large model waits for thousands of ops. Its inputs are listed a request at a time, and
/// each entry is asked for its attributes; a listing once took a minute for two thousand.
#[test]
fn thousands_of_inputs_are_listed_in_parts() {
    const INPUTS: usize = 3000;
    let name = |i: usize| format!("model/layer_{}/variable_{i}/Assign", i / 10);
    let node = |name: &str, inputs: Vec<u8>| {
        let node = [field(1, name.as_bytes()), field(2, b"NoOp"), inputs].concat();
        field(1, &node)
    };
    let mut graph: Vec<u8> = (0..INPUTS).flat_map(|i| node(&name(i), Vec::new())).collect();
    let control = (0..INPUTS).flat_map(|i| field(3, format!("^{}", name(i)).as_bytes()));
    graph.extend(node("init", control.collect()));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("wide.meta");
    std::fs::write(&file, field(2, &graph)).unwrap();
    let view = support::view(&file);
    let (inputs, _) = resolve(&view, b"ops/init/@control_inputs", true).unwrap();
    let (mut after, mut found) = (0, Vec::new());
    loop {
        let mut part = Vec::new();
        view.list(inputs, after, &mut |entry| {
            part.push((entry.node, entry.name.to_vec()));
            after = entry.cookie;
            part.len() < 32
        })
        .unwrap();
        if part.is_empty() {
            break;
        }
        found.extend(part);
    }
    assert_eq!(found.len(), INPUTS);
    for (i, (node, file)) in found.iter().enumerate() {
        assert_eq!(file, i.to_string().as_bytes());
        assert_eq!(view.stat(*node).unwrap().kind, Kind::Link);
        assert_eq!(
            view.target(*node).unwrap(),
            format!("../../{}", name(i)).into_bytes()
        );
        assert_eq!(view.lookup(inputs, file).unwrap(), Some(*node));
    }
    assert_eq!(view.lookup(inputs, b"3000").unwrap(), None);
}
