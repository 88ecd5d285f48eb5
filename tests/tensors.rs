//! Every tensor equals what TensorFlow reads: through the tree, for the fixtures and for the corpus.

mod support;

use std::path::Path;

use ckptfs::tensor::DType;
use ckptfs::tensor::TensorId;
use ckptfs::tree::View;
use support::expected;
use support::expected::Expected;
use support::sha256;

/// Compares one checkpoint; gives how many tensors were compared by value.
fn compare(expected: &Expected) -> usize {
    let view = support::view(&expected.prefix);
    let checkpoint = view.checkpoint().clone();
    let bundle = checkpoint.tensors().unwrap();
    let mut by_value = 0;
    for want in &expected.tensors {
        let name = String::from_utf8_lossy(&want.name);
        let context = format!("{}: {name}", expected.prefix.display());
        let id = bundle
            .find(&want.name)
            .unwrap_or_else(|| panic!("{context}: not found"));
        let entry = bundle.entry(id);
        if want.dtype_enum != 0 {
            assert_eq!(entry.dtype, DType(want.dtype_enum), "{context}");
            assert_eq!(entry.dtype.to_string(), want.dtype, "{context}");
            assert_eq!(entry.shape.0, want.shape, "{context}");
        }
        let path = view.tensor_path(id).unwrap();
        if want.sha256.is_none() && want.strings.is_none() && want.sha256_strings.is_none() {
            continue;
        }
        let npy = support::read(&view, &path).unwrap_or_else(|e| panic!("{context}: {e}"));
        let (node, _) = ckptfs::tree::resolve(&view, &path, true).unwrap();
        assert_eq!(
            view.measure(node).unwrap().size,
            Some(npy.len() as u64),
            "{context}"
        );
        if let Some(size) = want.npy_size {
            assert_eq!(npy.len() as u64, size, "{context}");
        }
        if let Some(hash) = &want.npy_sha256 {
            assert_eq!(
                &sha256(&npy),
                hash,
                "{context}: {:?}",
                String::from_utf8_lossy(&npy[..npy.len().min(128)])
            );
        }
        if entry.dtype == DType::STRING {
            strings(
                &view,
                bundle.entry(id).shape.elements().unwrap(),
                &path,
                want,
                &context,
            );
        } else if let Some(hash) = &want.sha256 {
            let header = 10 + usize::from(u16::from_le_bytes([npy[8], npy[9]]));
            assert_eq!(&sha256(&npy[header..]), hash, "{context}");
        }
        by_value += 1;
    }
    assert_eq!(
        u64::from(bundle.len()),
        expected.count,
        "{}",
        expected.prefix.display()
    );
    if let (Some(names), Some(npys)) = (&expected.names_sha256, &expected.npys_sha256) {
        let all: Vec<u8> = bundle
            .ids()
            .flat_map(|id| [bundle.key(id), b"\n"].concat())
            .collect();
        assert_eq!(&sha256(&all), names);
        let files = bundle
            .ids()
            .flat_map(|id| support::read(&view, &view.tensor_path(id).unwrap()).unwrap());
        assert_eq!(&sha256(&files.collect::<Vec<u8>>()), npys);
        by_value = bundle.len() as usize;
    }
    by_value
}

/// Each element of a string tensor by its own file.
fn strings(view: &dyn View, count: u64, npy: &[u8], want: &expected::Tensor, context: &str) {
    let dir = [npy.strip_suffix(b".npy").unwrap(), b".strings/"].concat();
    let mut all = Vec::new();
    for i in 0..count {
        let path = [dir.as_slice(), i.to_string().as_bytes()].concat();
        all.push(support::read(view, &path).unwrap_or_else(|e| panic!("{context}: {e}")));
    }
    if let Some(strings) = &want.strings {
        assert_eq!(&all, strings, "{context}");
    }
    if let Some(hash) = &want.sha256_strings {
        let mut bytes = Vec::new();
        for string in &all {
            bytes.extend_from_slice(&(string.len() as u64).to_le_bytes());
            bytes.extend_from_slice(string);
        }
        assert_eq!(&sha256(&bytes), hash, "{context}");
    }
}

/// Whether it is a checkpoint of either version.
fn is_here(prefix: &Path) -> bool {
    let with = |suffix: &str| {
        let mut path = prefix.as_os_str().to_owned();
        path.push(suffix);
        Path::new(&path).is_file()
    };
    with("") || with(".index") || with("-00000-of-00002")
}

#[test]
fn corpus() {
    let Some(root) = support::corpus() else {
        return;
    };
    let all = expected::all(&root, |_| root.clone());
    let v2: Vec<&Expected> = all.iter().filter(|e| is_here(&e.prefix)).collect();
    let by_value: usize = v2.iter().map(|e| compare(e)).sum();
    let listed: usize = v2.iter().map(|e| e.tensors.len()).sum();
    println!(
        "{} checkpoints, {listed} tensors listed, {by_value} compared by value",
        v2.len()
    );
    assert!(v2.len() >= 50 && by_value >= 750, "{} {by_value}", v2.len());
}

#[test]
fn fixtures() {
    let all = expected::all(&support::data(), |_| support::data());
    let v2: Vec<&Expected> = all.iter().filter(|e| is_here(&e.prefix)).collect();
    let by_value: usize = v2.iter().map(|e| compare(e)).sum();
    println!("{} checkpoints, {by_value} tensors compared by value", v2.len());
    assert!(v2.len() >= 22 && by_value >= 5390, "{} {by_value}", v2.len());
}

#[test]
fn every_tensor_is_listed_once() {
    let Some(root) = support::corpus() else {
        return;
    };
    for expected in expected::all(&root, |_| root.clone()) {
        if !is_here(&expected.prefix) {
            continue;
        }
        let view = support::view(&expected.prefix);
        let bundle = view.checkpoint().tensors().unwrap();
        let mut listed = std::collections::BTreeSet::new();
        let (top, _) = ckptfs::tree::resolve(&view, b"tensors", true).unwrap();
        let mut todo = vec![(top, b"tensors".to_vec())];
        while let Some((dir, path)) = todo.pop() {
            view.list(dir, 0, &mut |entry| {
                let path = [&path, &b"/"[..], entry.name].concat();
                match entry.kind {
                    ckptfs::tree::Kind::Directory => todo.push((entry.node, path)),
                    _ => assert!(listed.insert(path)),
                }
                true
            })
            .unwrap();
        }
        for id in bundle.ids() {
            let TensorId(_) = id;
            let path = view.tensor_path(id).unwrap();
            assert!(listed.contains(&path), "{}", String::from_utf8_lossy(&path));
        }
    }
}
