//! One MetaGraph: a graph with its functions, collections, signatures and what else came with it.
//!
//! After the scan it holds the node index and byte ranges; everything else is decoded when asked for.
//! Singular messages that stand in the file several times are merged as protobuf does: their bytes one
//! after the other. Maps are sorted by key; of equal keys the last one counts (format.md 5.2).

use std::sync::Arc;
use std::sync::OnceLock;

use bytes::Bytes;
use prost::Message;

use super::abridge::Part;
use super::abridge::abridge;
use super::collection::Collection;
use super::cursor::Extent;
use super::cursor::NARROW;
use super::cursor::Value;
use super::cursor::for_each_field;
use super::function::Function;
use super::function::last_of_each;
use super::parts::Named;
use super::parts::Parts;
use super::saver::Savers;
use super::signature::OpDefs;
use super::view::Graph;
use super::view::GraphView;
use crate::error::Error;
use crate::error::Result;
use crate::proto::tensorflow::AssetFileDef;
use crate::proto::tensorflow::AttrValue;
use crate::proto::tensorflow::GradientDef;
use crate::proto::tensorflow::OpDef;
use crate::proto::tensorflow::RegisteredGradient;
use crate::proto::tensorflow::SaverDef;
use crate::proto::tensorflow::SignatureDef;
use crate::proto::tensorflow::VersionDef;
use crate::proto::tensorflow::meta_graph_def::MetaInfoDef;
use crate::source::Source;

/// One graph of a file and what belongs to it.
#[derive(Debug)]
pub struct MetaGraph {
    source: Arc<dyn Source>,
    whole: Extent,
    graph: Graph,
    meta_info: Vec<Extent>,
    graph_defs: Vec<Extent>,
    versions: Vec<Extent>,
    gradients: Vec<Extent>,
    registered_gradients: Vec<Extent>,
    saver_def: Vec<Extent>,
    assets: Vec<Extent>,
    object_graph: Vec<Extent>,
    collections: Vec<Collection>,
    signatures: Vec<(Bytes, Extent)>,
    functions: Vec<Function>,
    ops: OnceLock<Result<OpDefs>>,
    savers: OnceLock<Savers>,
}

impl MetaGraph {
    pub(crate) fn new(source: Arc<dyn Source>, parts: Parts) -> Self {
        let map = |list: Vec<Named>| {
            let mut map: Vec<(Bytes, Extent)> = list.into_iter().map(|n| (n.name, n.extent)).collect();
            last_of_each(&mut map);
            map
        };
        let collections = map(parts.collections)
            .into_iter()
            .map(|(key, extent)| Collection::new(source.clone(), key, extent))
            .collect();
        let functions = map(parts.functions)
            .into_iter()
            .map(|(name, extent)| Function::new(source.clone(), name, extent))
            .collect();
        Self {
            whole: parts.whole,
            graph: Graph::new(parts.nodes.finish(), parts.problems.finish()),
            meta_info: parts.meta_info,
            graph_defs: parts.graph_defs,
            versions: parts.versions,
            gradients: parts.gradients,
            registered_gradients: parts.registered_gradients,
            saver_def: parts.saver_def,
            assets: parts.assets,
            object_graph: parts.object_graph,
            collections,
            signatures: map(parts.signatures),
            functions,
            ops: OnceLock::new(),
            savers: OnceLock::new(),
            source,
        }
    }

    /// The file all extents refer to.
    pub fn source(&self) -> &Arc<dyn Source> {
        &self.source
    }

    /// Where the whole message lies: the file, or a part of a SavedModel.
    pub fn extent(&self) -> Extent {
        self.whole
    }

    /// What is wrong with the file.
    pub fn problems(&self) -> &[Error] {
        self.graph.problems()
    }

    /// The graph itself.
    pub fn graph(&self) -> GraphView<'_> {
        GraphView::new(self, &self.graph, None)
    }

    /// All functions, by name. Of functions of the same name the last one counts.
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// The function of this name.
    pub fn function(&self, name: &[u8]) -> Option<&Function> {
        let i = self
            .functions
            .binary_search_by(|f| f.name().as_ref().cmp(name))
            .ok()?;
        self.functions.get(i)
    }

    /// The nodes of a function; its index is built at the first call.
    pub fn body<'a>(&'a self, function: &'a Function) -> GraphView<'a> {
        GraphView::new(self, function.graph(), Some(function))
    }

    /// Which functions are the gradients of which.
    pub fn gradients(&self) -> Result<Vec<GradientDef>> {
        self.decode_each(&self.gradients, "gradient")
    }

    /// Which functions are the gradients of which op types.
    pub fn registered_gradients(&self) -> Result<Vec<RegisteredGradient>> {
        self.decode_each(&self.registered_gradients, "registered gradient")
    }

    /// All collections, by key.
    pub fn collections(&self) -> &[Collection] {
        &self.collections
    }

    /// The collection of this key.
    pub fn collection(&self, key: &[u8]) -> Option<&Collection> {
        let i = self
            .collections
            .binary_search_by(|c| c.key().as_ref().cmp(key))
            .ok()?;
        self.collections.get(i)
    }

    /// The keys of the signatures, sorted, and where each SignatureDef lies.
    pub fn signatures(&self) -> &[(Bytes, Extent)] {
        &self.signatures
    }

    /// The signature of this key; `None` where there is none.
    pub fn signature(&self, key: &[u8]) -> Result<Option<SignatureDef>> {
        match self.signatures.binary_search_by(|(k, _)| k.as_ref().cmp(key)) {
            Ok(i) => match self.signatures.get(i) {
                Some((_, extent)) => self.decode(&[*extent], "signature"),
                None => Ok(None),
            },
            Err(_) => Ok(None),
        }
    }

    /// The files under `assets/` and the tensors that get their paths.
    pub fn assets(&self) -> Result<Vec<AssetFileDef>> {
        self.decode_each(&self.assets, "asset")
    }

    /// Where the AssetFileDefs lie, in the order of the file.
    pub fn asset_extents(&self) -> &[Extent] {
        &self.assets
    }

    /// Who wrote the graph: versions, tags, aliases. Without the op list, which is large; see
    /// [`MetaGraph::op_def`].
    pub fn meta_info(&self) -> Result<MetaInfoDef> {
        let mut bytes = Vec::new();
        for extent in &self.meta_info {
            let mut start = extent.offset;
            for_each_field(self.source.as_ref(), *extent, NARROW, |cursor, number, value| {
                let next = match value {
                    Value::Len(payload) => payload.end(),
                    _ => cursor.offset(),
                };
                if number != 2 {
                    bytes.extend_from_slice(cursor.bytes(Extent::between(start, next))?);
                }
                start = next;
                Ok(())
            })?;
        }
        self.decode_bytes(&bytes, &self.meta_info, "meta_info_def")
    }

    /// Where the MetaInfoDef lies; several parts are one message.
    pub fn meta_info_extents(&self) -> &[Extent] {
        &self.meta_info
    }

    /// Where the GraphDef lies; several parts are one message.
    pub fn graph_def_extents(&self) -> &[Extent] {
        &self.graph_defs
    }

    /// The producer and consumer versions of the graph.
    pub fn versions(&self) -> Result<Option<VersionDef>> {
        self.decode(&self.versions, "versions")
    }

    /// The saver that belongs to the graph.
    pub fn saver_def(&self) -> Result<Option<SaverDef>> {
        self.decode(&self.saver_def, "saver_def")
    }

    /// Where the SaverDef lies; several parts are one message.
    pub fn saver_def_extents(&self) -> &[Extent] {
        &self.saver_def
    }

    /// Where the SavedObjectGraph lies; several parts are one message.
    pub fn object_graph_extents(&self) -> &[Extent] {
        &self.object_graph
    }

    /// The op types in the op list, sorted.
    pub fn op_defs(&self) -> Vec<Bytes> {
        self.ops().map(OpDefs::names).unwrap_or_default()
    }

    /// The declaration of an op type; `None` where the file has none.
    pub fn op_def(&self, op: &[u8]) -> Result<Option<OpDef>> {
        match self.ops()?.extent(op) {
            Some(extent) => self.decode(&[extent], "op_def"),
            None => Ok(None),
        }
    }

    pub(crate) fn ops(&self) -> Result<&OpDefs> {
        self.ops
            .get_or_init(|| {
                OpDefs::read(self.source.as_ref(), &self.meta_info)
                    .inspect_err(|e| log::warn!("the op list: {e}"))
            })
            .as_ref()
            .map_err(Clone::clone)
    }

    /// What the savers in the graph save, and under which keys.
    pub fn savers(&self) -> &Savers {
        self.savers.get_or_init(|| Savers::find(self))
    }

    /// Decodes the AttrValue at `extent`; tensors over [`super::INLINE_TENSOR`] lose their elements.
    pub fn attr_value(&self, extent: Extent) -> Result<AttrValue> {
        let (bytes, _) = abridge(self.source.as_ref(), Part::AttrValue, extent)?;
        self.decode_bytes(&bytes, &[extent], "attribute")
    }

    fn decode_bytes<M: Message + Default>(&self, bytes: &[u8], from: &[Extent], what: &str) -> Result<M> {
        M::decode(bytes).map_err(|e| {
            let offset = from.first().map_or(0, |e| e.offset);
            Error::corrupt(format!("{what}: {e}"))
                .at(self.source.path())
                .offset(offset)
        })
    }

    /// The message whose parts lie at `extents`; `None` where there are none.
    fn decode<M: Message + Default>(&self, extents: &[Extent], what: &str) -> Result<Option<M>> {
        if extents.is_empty() {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        for extent in extents {
            bytes.append(&mut extent.read(self.source.as_ref())?);
        }
        self.decode_bytes(&bytes, extents, what).map(Some)
    }

    fn decode_each<M: Message + Default>(&self, extents: &[Extent], what: &str) -> Result<Vec<M>> {
        extents
            .iter()
            .map(|e| self.decode_bytes(&e.read(self.source.as_ref())?, &[*e], what))
            .collect()
    }
}
