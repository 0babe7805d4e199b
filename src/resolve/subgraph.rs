//! The conflicted state subgraph of v2.1.

use super::graph::AuthGraph;
use super::marks::{Mark, Marks};
use crate::room::EventIx;

/// Every event on an auth path between two conflicted events, these included; ascending.
///
/// `conflicted` must be ascending. Events below the smallest of them cannot reach one and are not visited.
///
/// Cost: the auth chains of the conflicted events down to the smallest of them.
pub(super) fn subgraph(graph: AuthGraph<'_>, marks: &mut Marks, conflicted: &[EventIx]) -> Vec<EventIx> {
    for ix in conflicted {
        marks.set(*ix, Mark::Subgraph);
    }
    let mut inside = conflicted.to_vec();
    for ix in between(graph, marks, conflicted) {
        if graph.parents(ix).any(|parent| marks.has(parent, Mark::Subgraph)) {
            marks.set(ix, Mark::Subgraph);
            inside.push(ix);
        }
    }
    inside.sort_unstable();
    inside
}

/// The events that are not conflicted and that the conflicted ones reach, down to the smallest of these; ascending.
fn between(graph: AuthGraph<'_>, marks: &mut Marks, conflicted: &[EventIx]) -> Vec<EventIx> {
    let Some(floor) = conflicted.first().copied() else { return Vec::new() };
    let mut reached = Vec::new();
    let mut stack = conflicted.to_vec();
    while let Some(ix) = stack.pop() {
        for parent in graph.parents(ix).filter(|parent| *parent > floor) {
            if !marks.has(parent, Mark::Subgraph) && marks.set(parent, Mark::Cone) {
                reached.push(parent);
                stack.push(parent);
            }
        }
    }
    reached.sort_unstable();
    reached
}
