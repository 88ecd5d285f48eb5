//! What TensorFlow reads from a checkpoint: the EXPECTED files of the corpus and of tests/data.

use std::path::Path;
use std::path::PathBuf;

use base64::Engine;
use serde_json::Value;

/// One tensor as TensorFlow reads it.
#[derive(Debug)]
pub struct Tensor {
    pub name: Vec<u8>,
    pub dtype: String,
    pub dtype_enum: u32,
    pub shape: Vec<u64>,
    pub sha256: Option<String>,
    pub nbytes: Option<u64>,
    pub strings: Option<Vec<Vec<u8>>>,
    pub sha256_strings: Option<String>,
    pub npy_sha256: Option<String>,
    pub npy_size: Option<u64>,
    pub tf_error: Option<String>,
}

/// One checkpoint.
#[derive(Debug)]
pub struct Expected {
    /// Its prefix.
    pub prefix: PathBuf,
    /// Those that are listed: all of them, unless `count` says more.
    pub tensors: Vec<Tensor>,
    pub count: u64,
    /// Over the names of all, each with a newline, and over all `.npy` files.
    pub names_sha256: Option<String>,
    pub npys_sha256: Option<String>,
}

fn decode(text: &str) -> Vec<u8> {
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

fn tensor(value: &Value) -> Tensor {
    let text = |field: &str| value[field].as_str().map(str::to_string);
    Tensor {
        name: match value["name_b64"].as_str() {
            Some(name) => decode(name),
            None => text("name").unwrap().into_bytes(),
        },
        dtype: text("dtype").unwrap_or_default(),
        dtype_enum: value["dtype_enum"].as_u64().unwrap_or(0) as u32,
        shape: value["shape"]
            .as_array()
            .map(|dims| dims.iter().map(|d| d.as_u64().unwrap()).collect())
            .unwrap_or_default(),
        sha256: text("sha256"),
        nbytes: value["nbytes"].as_u64(),
        strings: value["strings"]
            .as_array()
            .map(|all| all.iter().map(|s| decode(s.as_str().unwrap())).collect()),
        sha256_strings: text("sha256_strings"),
        npy_sha256: text("npy_sha256"),
        npy_size: value["npy_size"].as_u64(),
        tf_error: text("tf_error"),
    }
}

/// The expected checkpoints below `root`: every `<folder>/EXPECTED/*.json`. `base` gives the directory that
/// prefixes are relative to, for a folder.
pub fn all(root: &Path, base: impl Fn(&Path) -> PathBuf) -> Vec<Expected> {
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
        let mut files: Vec<PathBuf> = files.map(|e| e.unwrap().path()).collect();
        files.sort();
        for file in files
            .iter()
            .filter(|f| f.extension().is_some_and(|e| e == "json"))
        {
            let value: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
            let (Some(prefix), Some(tensors)) = (value["prefix"].as_str(), value["tensors"].as_array())
            else {
                continue;
            };
            let text = |field: &str| value[field].as_str().map(str::to_string);
            found.push(Expected {
                prefix: base(&folder).join(prefix),
                count: value["count"].as_u64().unwrap_or(tensors.len() as u64),
                names_sha256: text("names_sha256"),
                npys_sha256: text("npys_sha256"),
                tensors: tensors.iter().map(tensor).collect(),
            });
        }
    }
    found
}
