//! Files that are not a checkpoint, by their first bytes and names: what they are, and the tool for them.

use std::path::Path;
use std::path::PathBuf;

use crate::error::Error;
use crate::error::ErrorKind;
use crate::source::Store;
use crate::table::MAGIC;

/// Says what a file is that is no part of a checkpoint.
pub(super) fn file(store: &dyn Store, path: &Path) -> Error {
    let source = match store.open(path) {
        Ok(source) => source,
        Err(e) => return e,
    };
    let head = source.read_vec(0, source.len().min(512)).unwrap_or_default();
    let tail = source
        .len()
        .checked_sub(8)
        .and_then(|at| source.read_vec(at, 8).ok())
        .unwrap_or_default();
    let (what, hint) = of_bytes(&head, &tail, source.len())
        .or_else(|| of_name(path))
        .unwrap_or(("is no part of a TensorFlow checkpoint", NAME_ONE));
    Error::new(ErrorKind::NotACheckpoint, what).at(path).hint(hint)
}

const NAME_ONE: &str = "name a checkpoint by its prefix, such as results/model.ckpt-10";

fn of_bytes(head: &[u8], tail: &[u8], len: u64) -> Option<(&'static str, &'static str)> {
    if head.starts_with(b"version https://git-lfs.github.com/spec/") {
        return Some(("is a git-lfs pointer, not the file itself", "run: git lfs pull"));
    }
    if head.starts_with(b"\x89HDF\r\n\x1a\n") {
        return Some((
            "is an HDF5 file (Keras .h5)",
            "open it with h5py, h5glance or keras",
        ));
    }
    if head.starts_with(b"PK\x03\x04") {
        return Some((
            "is a zip archive (Keras .keras, PyTorch .pt or NumPy .npz)",
            "unpack it, or open it with its own library",
        ));
    }
    if head.starts_with(b"GGUF") {
        return Some(("is a GGUF file", "open it with llama.cpp or gguf-dump"));
    }
    if head.starts_with(&[0x83, 0xaf, 0x70, 0xd1, 0x0d, 0x88, 0x4a, 0x3f]) {
        return Some((
            "is a chunked SavedModel (.cpb)",
            "save the model again with TensorFlow as saved_model.pb",
        ));
    }
    if head.starts_with(b"\x93NUMPY") {
        return Some(("is a NumPy array", "np.load opens it as it is"));
    }
    if head.starts_with(b"\x80\x02") || head.starts_with(b"\x80\x04") {
        return Some(("is a Python pickle", "open it with the library that wrote it"));
    }
    if head.starts_with(&[0x1f, 0x8b]) {
        return Some(("is compressed (gzip)", "unpack it first: tar xzf or gunzip"));
    }
    if tail == MAGIC {
        return Some((
            "is a table without .index in its name, and no V1 checkpoint",
            "an index needs its name: P.index beside P.data-00000-of-00001",
        ));
    }
    let json = head.get(8) == Some(&b'{');
    let header = head.first_chunk::<8>().map(|b| u64::from_le_bytes(*b));
    if json && header.is_some_and(|n| n < len) {
        return Some(("is a safetensors file", "open it with the safetensors package"));
    }
    if len == 0 {
        return Some(("is empty", "an interrupted copy or save; copy it again"));
    }
    None
}

fn of_name(path: &Path) -> Option<(&'static str, &'static str)> {
    match path.file_name()?.to_str()? {
        "saved_model.pb" | "saved_model.pbtxt" => Some((
            "is the graph of a SavedModel, a checkpoint was expected",
            "its tensors are a checkpoint: try variables/variables beside it",
        )),
        _ => None,
    }
}

/// What a directory without checkpoints may be.
pub(super) fn directory_hint(names: &[PathBuf]) -> Option<&'static str> {
    let has = |name: &str| names.iter().any(|n| n.as_os_str() == name);
    if has("_CHECKPOINT_METADATA") || has("_METADATA") || has("manifest.ocdbt") {
        return Some("this looks like an Orbax checkpoint; open it with orbax-checkpoint");
    }
    if has("model.safetensors") {
        return Some("it holds a safetensors file; open that with the safetensors package");
    }
    None
}
