//! A checkpoint: its parts opened and tied together.

pub mod frozen;
pub mod objects;
pub mod roles;
pub mod scalars;
pub mod summary;

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::OnceLock;

use bytes::Bytes;
use objects::Objects;
use roles::Role;
use roles::RoleFrom;

use self::frozen::Frozen;
use crate::bundle::Bundle;
use crate::error::Error;
use crate::error::Result;
use crate::graph;
use crate::graph::GraphFile;
use crate::graph::MetaGraph;
use crate::locate::Located;
use crate::source::FileStat;
use crate::source::Store;
use crate::tensor::TensorId;
use crate::tensor::TensorSet;
use crate::v1::V1Checkpoint;

/// A file that a checkpoint is made of.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it was when it was opened; `None` for a shard that is missing.
    pub stat: Option<FileStat>,
}

/// What kind of source it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An index and shards.
    V2,
    /// Tables of slices.
    V1,
    /// A GraphDef; its tensors are its constants.
    Frozen,
    /// A graph, no tensors.
    Graph,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}

impl Kind {
    /// In words.
    pub fn text(self) -> &'static str {
        match self {
            Self::V2 => "TensorFlow checkpoint, V2",
            Self::V1 => "TensorFlow checkpoint, V1",
            Self::Frozen => "frozen graph",
            Self::Graph => "TensorFlow graph without a checkpoint",
        }
    }
}

/// An open checkpoint.
#[derive(Debug)]
pub struct Checkpoint {
    name: String,
    kind: Kind,
    bundle: Option<Arc<Bundle>>,
    tensors: Option<Arc<dyn TensorSet>>,
    graph: Option<Arc<GraphFile>>,
    files: Vec<SourceFile>,
    /// What keeps a part from being opened at all.
    problems: Vec<Error>,
    /// The variable op of each checkpoint key.
    ops: OnceLock<HashMap<Bytes, u32>>,
    /// The objects of a TF2 checkpoint, once somebody asked for them.
    objects: OnceLock<Option<Result<Objects>>>,
    /// What each tensor is for, likewise.
    roles: OnceLock<Vec<(Role, RoleFrom)>>,
}

impl Checkpoint {
    /// Opens what [`crate::locate`] found. Reads the index and scans the graph; no tensor, no op.
    pub fn open(store: &dyn Store, located: &Located) -> Result<Self> {
        let mut files = Vec::new();
        let bundle = match &located.prefix {
            Some(prefix) => Some(Arc::new(Bundle::open(store, prefix)?)),
            None => None,
        };
        if let Some(bundle) = &bundle {
            files.push(SourceFile {
                path: bundle.index().path().to_path_buf(),
                stat: Some(bundle.index().stat()),
            });
            for shard in bundle.shards() {
                files.push(match &shard.source {
                    Ok(source) => SourceFile {
                        path: source.path().to_path_buf(),
                        stat: Some(source.stat()),
                    },
                    Err(e) => SourceFile {
                        path: e.path().map(Path::to_path_buf).unwrap_or_default(),
                        stat: None,
                    },
                });
            }
        }
        let mut kind = Kind::Graph;
        let mut tensors = bundle.clone().map(|bundle| bundle as Arc<dyn TensorSet>);
        if tensors.is_some() {
            kind = Kind::V2;
        } else if let Some(v1) = &located.v1 {
            let set = V1Checkpoint::open(store, v1)?;
            files.extend(set.shards().iter().map(|shard| SourceFile {
                path: shard.path.clone(),
                stat: match &shard.table {
                    Ok(table) => Some(table.source().stat()),
                    Err(_) => store.stat(&shard.path).ok().flatten(),
                },
            }));
            kind = Kind::V1;
            tensors = Some(Arc::new(set));
        }
        let mut problems = Vec::new();
        let mut graph = None;
        if let Some(path) = &located.meta {
            let opened = store.open(path).and_then(|source| {
                files.push(SourceFile {
                    path: path.clone(),
                    stat: Some(source.stat()),
                });
                graph::open(source, Some(graph::Kind::MetaGraph))
            });
            match opened {
                Ok(file) => {
                    let file = Arc::new(file);
                    if tensors.is_none() && file.kind == graph::Kind::GraphDef {
                        kind = Kind::Frozen;
                        tensors = Some(Arc::new(Frozen::new(file.clone())));
                    }
                    graph = Some(file);
                }
                // A damaged graph must not take the tensors with it.
                Err(e) if tensors.is_some() => {
                    log::warn!("{e}: there are no ops, tensors are not affected");
                    problems.push(e.context("the graph cannot be read"));
                }
                Err(e) => return Err(e),
            }
        }
        Ok(Self {
            name: located.name(),
            kind,
            tensors,
            bundle,
            graph,
            files,
            problems,
            ops: OnceLock::new(),
            objects: OnceLock::new(),
            roles: OnceLock::new(),
        })
    }

    /// The graph file.
    pub fn graph(&self) -> Option<&Arc<GraphFile>> {
        self.graph.as_ref()
    }

    /// The graph.
    pub fn meta_graph(&self) -> Option<&MetaGraph> {
        self.graph.as_ref()?.meta_graphs.first()
    }

    /// What keeps a part from being opened.
    pub fn problems(&self) -> &[Error] {
        &self.problems
    }

    /// The op of the variable that a checkpoint key is the value of, as the savers of the graph say; of a frozen
    /// graph the Const of that name.
    pub fn op_of_key(&self, key: &[u8]) -> Option<u32> {
        if self.kind == Kind::Frozen {
            return self.meta_graph()?.graph().nodes().find(key);
        }
        let ops = self.ops.get_or_init(|| {
            let keys = self.meta_graph().map(|meta| meta.savers().variable_keys());
            // Of the parts of a partitioned variable the first.
            let mut ops = HashMap::new();
            for (op, key) in keys.into_iter().flatten() {
                ops.entry(key.key.clone()).or_insert(op);
            }
            ops
        });
        ops.get(key).copied()
    }

    /// Whether it has objects. Reads nothing.
    pub fn has_objects(&self) -> bool {
        let key = self.tensors().map(|tensors| tensors.find(objects::KEY));
        key.flatten().is_some()
    }

    /// Its objects, read when they are first asked for; `None` where it has none.
    pub fn objects(&self) -> Option<Result<&Objects>> {
        let objects = self
            .objects
            .get_or_init(|| self.tensors().and_then(Objects::read));
        Some(objects.as_ref()?.as_ref().map_err(Clone::clone))
    }

    /// What a tensor is for, and how that is known. The first call looks at objects and graph.
    pub fn role(&self, id: TensorId) -> (Role, RoleFrom) {
        let roles = self.roles.get_or_init(|| match self.tensors() {
            Some(tensors) => roles::table(self, tensors),
            None => Vec::new(),
        });
        let role = roles.get(id.0 as usize).copied();
        role.unwrap_or((Role::Other, RoleFrom::Name))
    }

    /// The name that the program gave a variable (`dense/kernel`), where its objects say.
    pub fn full_name(&self, id: TensorId) -> Option<&[u8]> {
        let name = self.objects()?.ok()?.attribute_of(id)?.full_name;
        (!name.is_empty()).then_some(name)
    }

    /// Its name: that of its files without their suffixes.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What kind of source it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The tensors it holds.
    pub fn tensors(&self) -> Option<&dyn TensorSet> {
        self.tensors.as_deref()
    }

    /// [`Checkpoint::tensors`], to be kept.
    pub fn shared_tensors(&self) -> Option<Arc<dyn TensorSet>> {
        self.tensors.clone()
    }

    /// The V2 bundle, where that is what it is.
    pub fn bundle(&self) -> Option<&Arc<Bundle>> {
        self.bundle.as_ref()
    }

    /// The files it is made of: index, shards, graph.
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// The training step: the number at the end of its name (`model.ckpt-10`).
    pub fn step_in_name(&self) -> Option<u64> {
        let (_, digits) = self.name.rsplit_once('-')?;
        digits.parse().ok()
    }
}
