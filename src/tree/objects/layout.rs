//! What of an object graph is shown, and how deep it stands.

use crate::checkpoint::objects::Objects;
use crate::tree::names;

/// Found by one walk over all objects, when objects/ is first entered.
#[derive(Debug)]
pub(super) struct Layout {
    nodes: Vec<Shown>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Shown {
    /// It is a directory.
    is_shown: bool,
    /// Directories above it, objects/ not counted.
    depth: u32,
    /// Length of its path from the root.
    path_len: u64,
    /// Its place among all objects in depth-first order of first paths, and where what stands below it ends.
    enter: u32,
    leave: u32,
}

impl Layout {
    pub(super) fn new(objects: &Objects) -> Self {
        let graph = objects.graph();
        let mut nodes = vec![Shown::default(); graph.len() as usize];
        let get = |nodes: &[Shown], node: u32| nodes.get(node as usize).copied().unwrap_or_default();
        let below = objects_below(objects);
        for node in graph.order() {
            let (depth, path_len) = match graph.place(*node) {
                None => (0, b"objects".len() as u64),
                Some(place) => {
                    let parent = get(&nodes, place.parent);
                    let name = graph.child(place.child).map_or(&b""[..], |child| child.name);
                    let name = names::object(name).len() as u64;
                    (
                        parent.depth.saturating_add(1),
                        parent.path_len.saturating_add(name).saturating_add(1),
                    )
                }
            };
            if let Some(shown) = nodes.get_mut(*node as usize) {
                (shown.depth, shown.path_len) = (depth, path_len);
            }
        }
        // The number of each object in the walk, and where what is below it ends.
        for node in graph.order() {
            let start = match graph.place(*node) {
                None => 0,
                Some(place) => get(&nodes, place.parent).leave,
            };
            let size = below.get(*node as usize).copied().unwrap_or(1);
            if let Some(parent) = graph.place(*node).and_then(|p| nodes.get_mut(p.parent as usize)) {
                // Until all children have their numbers, `leave` says where the next one starts.
                parent.leave = parent.leave.saturating_add(size);
            }
            if let Some(shown) = nodes.get_mut(*node as usize) {
                shown.enter = start;
                shown.leave = start.saturating_add(1);
            }
        }
        let mut layout = Self { nodes };
        layout.show(objects);
        layout
    }

    /// Marks what leads to a value: backwards over all edges but those to what an object itself stands in,
    /// which lead to nothing new.
    fn show(&mut self, objects: &Objects) {
        let graph = objects.graph();
        // Edges backwards: parents by child, packed.
        let mut starts = vec![0u32; self.nodes.len().saturating_add(1)];
        for child in graph.order().iter().flat_map(|node| graph.children(*node)) {
            if let Some(count) = starts.get_mut((child.node as usize).saturating_add(1)) {
                *count = count.saturating_add(1);
            }
        }
        let mut sum = 0u32;
        for start in &mut starts {
            sum = sum.saturating_add(*start);
            *start = sum;
        }
        let mut parents = vec![0u32; sum as usize];
        let mut fill = starts.clone();
        for node in graph.order() {
            for child in graph.children(*node) {
                let Some(at) = fill.get_mut(child.node as usize) else {
                    continue;
                };
                if let Some(parent) = parents.get_mut(*at as usize) {
                    *parent = *node;
                }
                *at = at.saturating_add(1);
            }
        }
        let mut todo = Vec::new();
        for node in graph.order() {
            let mut slots = graph.slot_numbers(*node).filter_map(|number| graph.slot(number));
            let has_value = *node == 0
                || objects.values(*node).any(|value| !objects.is_variable(value))
                || graph
                    .children(*node)
                    .any(|child| objects.variable(child.node).is_some())
                || slots.any(|slot| objects.variable(slot.node).is_some());
            if has_value {
                self.mark(*node, &mut todo);
            }
        }
        while let Some(node) = todo.pop() {
            let range = starts
                .get(node as usize)
                .zip(starts.get((node as usize).saturating_add(1)));
            let Some((start, end)) = range else { continue };
            for parent in parents.get(*start as usize..*end as usize).unwrap_or_default() {
                if !self.is_within(*parent, node) {
                    self.mark(*parent, &mut todo);
                }
            }
        }
    }

    fn mark(&mut self, node: u32, todo: &mut Vec<u32>) {
        if let Some(shown) = self.nodes.get_mut(node as usize).filter(|shown| !shown.is_shown) {
            shown.is_shown = true;
            todo.push(node);
        }
    }

    /// Whether `node` is `outer` or stands below it.
    fn is_within(&self, node: u32, outer: u32) -> bool {
        let get = |node: u32| self.nodes.get(node as usize).copied().unwrap_or_default();
        let (node, outer) = (get(node), get(outer));
        outer.enter <= node.enter && node.enter < outer.leave
    }

    /// Whether an object is a directory: there is something in it.
    pub(super) fn is_shown(&self, node: u32) -> bool {
        self.nodes.get(node as usize).is_some_and(|shown| shown.is_shown)
    }

    /// How many directories below objects/ it stands.
    pub(super) fn depth(&self, node: u32) -> u32 {
        self.nodes.get(node as usize).map_or(0, |shown| shown.depth)
    }

    /// The length of its path from the root.
    pub(super) fn path_len(&self, node: u32) -> u64 {
        self.nodes
            .get(node as usize)
            .map_or(u64::MAX, |shown| shown.path_len)
    }
}

/// How many objects stand at and below each.
fn objects_below(objects: &Objects) -> Vec<u32> {
    let graph = objects.graph();
    let mut below = vec![1u32; graph.len() as usize];
    for node in graph.order().iter().rev() {
        let size = below.get(*node as usize).copied().unwrap_or(1);
        if let Some(sum) = graph
            .place(*node)
            .and_then(|place| below.get_mut(place.parent as usize))
        {
            *sum = sum.saturating_add(size);
        }
    }
    below
}
