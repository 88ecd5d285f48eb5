//! Small graphs for tests, made from the generated types.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use prost::Message;

use super::container::Kind;
use super::container::open;
use super::meta_graph::MetaGraph;
use crate::proto::tensorflow::*;
use crate::source::FileStat;
use crate::source::Identity;
use crate::source::MemorySource;
use crate::source::Source;

/// A file in memory.
pub(crate) fn source(bytes: Vec<u8>) -> Arc<dyn Source> {
    let identity = Identity {
        dev: 0,
        ino: 0,
        len: bytes.len() as u64,
        mtime: (0, 0),
    };
    let stat = FileStat {
        identity,
        is_dir: false,
        is_file: true,
        mode: 0o644,
        uid: 0,
        gid: 0,
        modified: SystemTime::UNIX_EPOCH,
    };
    Arc::new(MemorySource::new(PathBuf::from("graph.meta"), bytes.into(), stat))
}

pub(crate) fn node(name: &str, op: &str, inputs: &[&str]) -> NodeDef {
    NodeDef {
        name: Bytes::copy_from_slice(name.as_bytes()),
        op: Bytes::copy_from_slice(op.as_bytes()),
        input: inputs
            .iter()
            .map(|i| Bytes::copy_from_slice(i.as_bytes()))
            .collect(),
        ..NodeDef::default()
    }
}

impl NodeDef {
    pub(crate) fn attr(mut self, name: &str, value: attr_value::Value) -> Self {
        self.attr.push(node_def::AttrEntry {
            key: Bytes::copy_from_slice(name.as_bytes()),
            value: Some(AttrValue { value: Some(value) }),
        });
        self
    }
}

pub(crate) fn shape(dims: &[i64]) -> TensorShapeProto {
    TensorShapeProto {
        dim: dims
            .iter()
            .map(|d| tensor_shape_proto::Dim {
                size: *d,
                ..Default::default()
            })
            .collect(),
        unknown_rank: false,
    }
}

pub(crate) fn tensor(dtype: i32, dims: &[i64]) -> TensorProto {
    TensorProto {
        dtype,
        tensor_shape: Some(shape(dims)),
        ..TensorProto::default()
    }
}

/// A string vector, as savers have it.
pub(crate) fn strings(values: &[&str]) -> attr_value::Value {
    attr_value::Value::Tensor(TensorProto {
        string_val: values
            .iter()
            .map(|v| Bytes::copy_from_slice(v.as_bytes()))
            .collect(),
        ..tensor(7, &[values.len() as i64])
    })
}

pub(crate) fn graph_def(nodes: Vec<NodeDef>) -> GraphDef {
    GraphDef {
        node: nodes,
        ..GraphDef::default()
    }
}

pub(crate) fn meta_graph_def(graph: GraphDef) -> MetaGraphDef {
    MetaGraphDef {
        graph_def: Some(graph),
        ..MetaGraphDef::default()
    }
}

pub(crate) fn open_bytes(bytes: Vec<u8>, kind: Kind) -> MetaGraph {
    let mut file = open(source(bytes), Some(kind)).unwrap();
    assert_eq!(file.kind, kind);
    file.meta_graphs.remove(0)
}

pub(crate) fn meta(def: &MetaGraphDef) -> MetaGraph {
    open_bytes(def.encode_to_vec(), Kind::MetaGraph)
}

/// A MetaGraph of just these nodes.
pub(crate) fn nodes(nodes: Vec<NodeDef>) -> MetaGraph {
    meta(&meta_graph_def(graph_def(nodes)))
}
