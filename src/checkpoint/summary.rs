//! What a checkpoint is, in numbers: for info.txt and `ckptfs info --json`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Checkpoint;
use super::roles::Role;
use super::scalars;
use crate::error::Error;
use crate::graph::MetaGraph;
use crate::tensor::DType;
use crate::tensor::Endianness;
use crate::tensor::TensorSet;

/// The whole.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// Version of this document; raised when a field changes its meaning.
    pub schema: u32,
    /// Name of the checkpoint.
    pub name: String,
    /// What kind of source it is.
    pub kind: &'static str,
    /// The files it is made of.
    pub files: Vec<File>,
    /// The training step: the value of the step counter, else the number in the name.
    pub step: Option<String>,
    /// What the bundle holds.
    pub tensors: Option<Tensors>,
    /// What the objects of a TF2 checkpoint are.
    pub objects: Option<ObjectNumbers>,
    /// What the graph holds.
    pub graph: Option<Graph>,
    /// What keeps tensors or parts of the graph from being read.
    pub problems: Vec<Problem>,
}

/// Numbers of the objects.
#[derive(Debug, Clone, Serialize)]
pub struct ObjectNumbers {
    /// How many there are.
    pub count: u64,
    /// Keys that an object names and the index does not have: variables without a value.
    pub dangling: Keys,
    /// Keys that no object names.
    pub unnamed: Keys,
}

/// Some keys.
#[derive(Debug, Clone, Serialize)]
pub struct Keys {
    /// How many.
    pub count: u64,
    /// The first of them.
    pub examples: Vec<String>,
}

/// Numbers of the graph.
#[derive(Debug, Clone, Serialize)]
pub struct Graph {
    /// Ops, without those of functions.
    pub ops: u64,
    /// Op types in use.
    pub op_types: u64,
    /// Functions of the library.
    pub functions: u64,
    /// Keys of collections.
    pub collections: Vec<String>,
    /// The version of TensorFlow that wrote it.
    pub tensorflow_version: Option<String>,
    /// The version of the graph format: a small number before 2019, a count of days since.
    pub producer: Option<i32>,
}

/// A source file.
#[derive(Debug, Clone, Serialize)]
pub struct File {
    /// Where it is.
    pub path: String,
    /// Its length; nothing for one that is missing.
    pub bytes: Option<u64>,
}

/// Numbers of the tensors.
#[derive(Debug, Clone, Serialize)]
pub struct Tensors {
    /// How many.
    pub count: u64,
    /// Bytes in the shards.
    pub bytes: u64,
    /// Elements by role.
    pub params: BTreeMap<String, u64>,
    /// By dtype: how many tensors and bytes.
    pub dtypes: Vec<Dtype>,
    /// Whether payloads are big-endian.
    pub big_endian: bool,
}

/// One dtype.
#[derive(Debug, Clone, Serialize)]
pub struct Dtype {
    /// Its name.
    pub dtype: String,
    /// How many tensors have it.
    pub count: u64,
    /// Bytes of all of them.
    pub bytes: u64,
}

/// One problem.
#[derive(Debug, Clone, Serialize)]
pub struct Problem {
    /// What is wrong, where, and what to do.
    pub message: String,
    /// How many tensors cannot be read for it.
    pub tensors: u64,
    /// The first of them.
    pub examples: Vec<String>,
}

/// The version of the JSON documents.
pub const SCHEMA: u32 = 1;

impl Summary {
    /// Walks over all tensors; reads none but the step counter.
    pub fn new(checkpoint: &Checkpoint) -> Self {
        let bundle = checkpoint.tensors();
        let file = |file: &super::SourceFile| File {
            path: file.path.to_string_lossy().into_owned(),
            bytes: file.stat.map(|stat| stat.identity.len),
        };
        Self {
            schema: SCHEMA,
            name: checkpoint.name().to_string(),
            kind: checkpoint.kind().text(),
            files: checkpoint.files().iter().map(file).collect(),
            step: bundle
                .and_then(step)
                .or_else(|| checkpoint.step_in_name().map(|step| step.to_string())),
            tensors: bundle.map(|bundle| tensors(checkpoint, bundle)),
            objects: checkpoint.objects().and_then(Result::ok).map(|objects| {
                let unnamed = objects.unnamed().iter();
                ObjectNumbers {
                    count: objects.graph().len().into(),
                    dangling: keys(objects.dangling()),
                    unnamed: keys(unnamed.filter_map(|id| Some(bundle?.key(*id)))),
                }
            }),
            graph: checkpoint.meta_graph().map(graph),
            problems: problems(checkpoint),
        }
    }
}

/// How many keys are listed.
const EXAMPLES: usize = 10;

fn keys<'a>(all: impl Iterator<Item = &'a [u8]>) -> Keys {
    let mut keys = Keys {
        count: 0,
        examples: Vec::new(),
    };
    for key in all {
        keys.count = keys.count.saturating_add(1);
        if keys.examples.len() < EXAMPLES {
            keys.examples.push(String::from_utf8_lossy(key).into_owned());
        }
    }
    keys
}

fn graph(meta: &MetaGraph) -> Graph {
    let version = meta
        .meta_info()
        .ok()
        .map(|info| String::from_utf8_lossy(&info.tensorflow_version).into_owned());
    let keys = meta
        .collections()
        .iter()
        .map(|c| String::from_utf8_lossy(c.key()).into_owned());
    Graph {
        ops: meta.graph().nodes().len() as u64,
        op_types: meta.graph().nodes().type_count() as u64,
        functions: meta.functions().len() as u64,
        collections: keys.collect(),
        tensorflow_version: version.filter(|version| !version.is_empty()),
        producer: meta.versions().ok().flatten().map(|versions| versions.producer),
    }
}

fn tensors(checkpoint: &Checkpoint, bundle: &dyn TensorSet) -> Tensors {
    let mut dtypes: BTreeMap<DType, (u64, u64)> = BTreeMap::new();
    let mut params: BTreeMap<String, u64> = BTreeMap::new();
    let mut total = 0u64;
    for id in bundle.ids() {
        let entry = bundle.entry(id);
        let stored = bundle.stored(id);
        total = total.saturating_add(stored);
        let (count, bytes) = dtypes.entry(entry.dtype).or_default();
        *count = count.saturating_add(1);
        *bytes = bytes.saturating_add(stored);
        let (role, _) = checkpoint.role(id);
        if role != Role::Other {
            let sum = params.entry(role.to_string()).or_default();
            *sum = sum.saturating_add(entry.shape.elements().unwrap_or(0));
        }
    }
    let dtype = |(dtype, (count, bytes)): (DType, (u64, u64))| Dtype {
        dtype: dtype.to_string(),
        count,
        bytes,
    };
    Tensors {
        count: bundle.len().into(),
        bytes: total,
        params,
        dtypes: dtypes.into_iter().map(dtype).collect(),
        big_endian: bundle.endianness() == Endianness::Big,
    }
}

fn step(bundle: &dyn TensorSet) -> Option<String> {
    let counter = bundle.ids().find(|id| {
        let key = bundle.key(*id);
        key == b"global_step" || key.ends_with(b"/global_step")
    });
    scalars::value(bundle, counter?)
}

fn problems(checkpoint: &Checkpoint) -> Vec<Problem> {
    let plain = |error: &Error| Problem {
        message: error.to_string(),
        tensors: 0,
        examples: Vec::new(),
    };
    let mut all: Vec<Problem> = checkpoint.problems().iter().map(plain).collect();
    if let Some(bundle) = checkpoint.tensors() {
        all.extend(bundle.problems().into_iter().map(|problem| {
            Problem {
                message: problem.error.to_string(),
                tensors: problem.tensors,
                examples: problem
                    .examples
                    .iter()
                    .map(|id| String::from_utf8_lossy(bundle.key(*id)).into_owned())
                    .collect(),
            }
        }));
    }
    match checkpoint.objects() {
        Some(Err(e)) => all.push(plain(&e.context("the objects cannot be read"))),
        Some(Ok(objects)) if objects.graph().dropped() > 0 => all.push(plain(&Error::corrupt(format!(
            "the object graph: {} children or slots name an object that does not exist",
            objects.graph().dropped()
        )))),
        _ => {}
    }
    if let Some(file) = checkpoint.graph() {
        all.extend(file.problems.iter().map(plain));
    }
    if let Some(meta) = checkpoint.meta_graph() {
        all.extend(meta.problems().iter().map(plain));
    }
    all
}
