//! A training that saves as TensorFlow does: shards by rename, then the index by rename, then the graph, then the
//! state file by rename; and deletes what is beyond `max_to_keep`: graph, index, shards.

use std::collections::VecDeque;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use super::writer::bundle::Bundle;
use super::writer::bundle::Entry;
use super::writer::bundle::Tensor;
use super::writer::bundle::suffixed;
use super::writer::mask;

/// Elements of the large tensor: more than the kernel reads at once.
pub const LARGE: usize = 50_000;

/// A checkpoint whose every element is `step`.
pub fn bundle(step: u64, shards: usize) -> Bundle {
    let mut bundle = Bundle::with_shards(shards);
    let value = step as f32;
    let int = Tensor::fixed(9, &[], step.to_le_bytes());
    bundle.add("global_step", &int, 0);
    for shard in 0..shards {
        // Not by `add`, whose plain checksum takes longer than the training may.
        let bytes: Vec<u8> = value.to_le_bytes().repeat(LARGE);
        let entry = Entry {
            dtype: 1,
            shape: vec![LARGE as u64],
            shard: shard as u64,
            offset: bundle.shards[shard].len() as u64,
            size: bytes.len() as u64,
            crc: mask(crc32c::crc32c(&bytes)),
            slices: Vec::new(),
        };
        bundle.shards[shard].extend_from_slice(&bytes);
        bundle.entry(format!("large_{shard}"), &entry);
        bundle.add(
            format!("small_{shard}"),
            &Tensor::floats(&[3], &[value; 3]),
            shard,
        );
    }
    bundle
}

/// The training.
pub struct Trainer {
    pub dir: PathBuf,
    pub keep: usize,
    pub shards: usize,
    kept: VecDeque<u64>,
}

impl Trainer {
    pub fn new(dir: &Path, keep: usize, shards: usize) -> Self {
        Self {
            dir: dir.to_path_buf(),
            keep,
            shards,
            kept: VecDeque::new(),
        }
    }

    pub fn prefix(&self, step: u64) -> PathBuf {
        self.dir.join(format!("model.ckpt-{step}"))
    }

    /// Writes the files of a step below a prefix.
    pub fn write(&self, prefix: &Path, step: u64) {
        let files = bundle(step, self.shards).files(prefix);
        let temporary = |path: &Path| suffixed(path, &format!(".tempstate{step}"));
        for (path, bytes) in &files {
            fs::write(temporary(path), bytes).unwrap();
        }
        // The index is the first of them, and comes last.
        for (path, _) in files.iter().skip(1).chain(files.first()) {
            fs::rename(temporary(path), path).unwrap();
        }
    }

    pub fn save(&mut self, step: u64) {
        let prefix = self.prefix(step);
        self.write(&prefix, step);
        // A MetaGraphDef with nothing but the version of TensorFlow.
        fs::write(suffixed(&prefix, ".meta"), b"\x0a\x07\x2a\x052.0.0").unwrap();
        self.kept.push_back(step);
        let mut deleted = Vec::new();
        while self.kept.len() > self.keep {
            deleted.extend(self.kept.pop_front());
        }
        self.write_state("checkpoint");
        for step in deleted {
            self.delete(step);
        }
    }

    pub fn write_state(&self, name: &str) {
        let mut text = String::new();
        let latest = self.kept.back().unwrap();
        text.push_str(&format!(
            "model_checkpoint_path: \"/elsewhere/model.ckpt-{latest}\"\n"
        ));
        for step in &self.kept {
            text.push_str(&format!("all_model_checkpoint_paths: \"model.ckpt-{step}\"\n"));
        }
        let temporary = self.dir.join("checkpoint.tmp0123456789abcdef0123456789abcdef");
        fs::write(&temporary, text).unwrap();
        fs::rename(temporary, self.dir.join(name)).unwrap();
    }

    pub fn delete(&self, step: u64) {
        let prefix = self.prefix(step);
        let files = bundle_paths(&prefix, self.shards);
        fs::remove_file(suffixed(&prefix, ".meta")).ok();
        for file in files {
            fs::remove_file(file).unwrap();
        }
    }
}

fn bundle_paths(prefix: &Path, shards: usize) -> Vec<PathBuf> {
    let mut paths = vec![suffixed(prefix, ".index")];
    for shard in 0..shards {
        paths.push(super::writer::bundle::shard_path(prefix, shard, shards));
    }
    paths
}

/// The step that the bytes of a `.npy` of `dtype` float32 hold in all elements; an error where they differ.
pub fn step_of(npy: &[u8], elements: usize) -> Result<u64, String> {
    let data = npy
        .get(npy.len().saturating_sub(elements * 4)..)
        .unwrap_or_default();
    if data.len() != elements * 4 {
        return Err(format!("{} bytes", npy.len()));
    }
    let first = &data[..4];
    if let Some(at) = data.chunks(4).position(|value| value != first) {
        return Err(format!("element {at} is of another step"));
    }
    Ok(f32::from_le_bytes(first.try_into().unwrap()) as u64)
}
