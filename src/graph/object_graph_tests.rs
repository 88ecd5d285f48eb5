use prost::Message;

use super::*;
use crate::proto::tensorflow::TrackableObjectGraph;
use crate::proto::tensorflow::trackable_object_graph::TrackableObject;
use crate::proto::tensorflow::trackable_object_graph::trackable_object::ObjectReference;
use crate::proto::tensorflow::trackable_object_graph::trackable_object::SlotVariableReference;

fn object(children: &[(i32, &str)]) -> TrackableObject {
    TrackableObject {
        children: children
            .iter()
            .map(|(node, name)| ObjectReference {
                node_id: *node,
                local_name: Bytes::copy_from_slice(name.as_bytes()),
            })
            .collect(),
        ..Default::default()
    }
}

fn graph(nodes: Vec<TrackableObject>) -> ObjectGraph {
    ObjectGraph::decode(TrackableObjectGraph { nodes }.encode_to_vec().into()).unwrap()
}

fn route(graph: &ObjectGraph, node: u32) -> Option<String> {
    let route = graph.route(node)?;
    Some(String::from_utf8(route.join(&b'/')).unwrap())
}

#[test]
fn the_shortest_route_wins_and_cycles_end() {
    let graph = graph(vec![
        object(&[(1, "a"), (0, "self")]),
        object(&[(2, "long"), (1, "loop"), (0, "up")]),
        object(&[(3, "deep")]),
        object(&[]),
        object(&[(4, "alone")]),
    ]);
    assert_eq!(route(&graph, 0).as_deref(), Some(""));
    assert_eq!(route(&graph, 3).as_deref(), Some("a/long/deep"));
    assert_eq!(route(&graph, 4), None);
    assert_eq!(graph.order(), [0, 1, 2, 3]);
    assert_eq!(graph.dropped(), 0);
}

#[test]
fn ids_out_of_range_lead_nowhere() {
    let mut root = object(&[(7, "far"), (-1, "negative"), (i32::MIN, "least"), (1, "a")]);
    root.slot_variables.push(SlotVariableReference {
        original_variable_node_id: 1,
        slot_name: Bytes::from_static(b"m"),
        slot_variable_node_id: 2,
    });
    let graph = graph(vec![root, object(&[])]);
    assert_eq!(graph.dropped(), 4);
    assert_eq!(graph.children(0).count(), 1);
    assert_eq!(graph.slot(0), None);
    assert_eq!(route(&graph, 1).as_deref(), Some("a"));
}

#[test]
fn a_million_children_and_a_deep_chain() {
    let names: Vec<String> = (0..1_000_000).map(|n| n.to_string()).collect();
    let children: Vec<(i32, &str)> = names.iter().map(|n| (0, n.as_str())).collect();
    let wide = graph(vec![object(&children)]);
    assert_eq!(wide.children(0).count(), 1_000_000);
    assert_eq!(wide.order(), [0]);

    let deep = graph((1..=200_000).map(|n| object(&[(n, "x")])).collect());
    assert_eq!(deep.order().len(), 200_000);
    assert_eq!(deep.route(199_999).unwrap().len(), 199_999);
    assert_eq!(deep.dropped(), 1);
}

#[test]
fn damage_is_an_error_not_a_panic() {
    let whole = TrackableObjectGraph {
        nodes: vec![object(&[(1, "a")]), object(&[])],
    }
    .encode_to_vec();
    for end in 0..whole.len() {
        let _ = ObjectGraph::decode(whole[..end].to_vec().into());
    }
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut bad = whole.clone();
            bad[at] ^= 1 << bit;
            let _ = ObjectGraph::decode(bad.into());
        }
    }
    assert!(ObjectGraph::decode(Bytes::new()).unwrap().is_empty());
    assert!(ObjectGraph::decode(Bytes::from_static(&[0x0a, 5, 1])).is_err());
}
