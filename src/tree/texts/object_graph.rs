//! meta/object_graph.pbtxt: the objects of a TF2 checkpoint as protobuf's text.

use crate::checkpoint::Checkpoint;
use crate::content::Content;
use crate::content::rendered::inline;
use crate::error::Error;
use crate::error::Result;
use crate::text as proto_text;

/// The text.
pub(in crate::tree) fn render(checkpoint: &Checkpoint) -> Result<Content> {
    let missing = || Error::not_found("there are no objects");
    let objects = checkpoint.objects().ok_or_else(missing)??;
    let options = proto_text::Options::default();
    inline(proto_text::print(
        "tensorflow.TrackableObjectGraph",
        objects.graph().wire(),
        &options,
    )?)
}
