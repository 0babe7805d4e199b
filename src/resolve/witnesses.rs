//! For those who want to see it: how auth chains reach the events of the auth difference, and how auth paths between
//! conflicted events lead through those of the subgraph.

use std::collections::BinaryHeap;

use super::graph::AuthGraph;
use super::step::{BetweenEntry, DifferenceEntry, Reach};
use crate::room::{EventIx, EventSet};

/// The sizes of the auth chains, and how each chain reaches the events of the difference: for those who want to see
/// it. Cost: one walk over the auth graph for every set.
pub(super) fn witnesses(
    graph: AuthGraph<'_>,
    sets: &[Vec<EventIx>],
    difference: &[EventIx],
    inclusive: bool,
) -> (Vec<usize>, Vec<DifferenceEntry>) {
    let mut entries: Vec<DifferenceEntry> = difference
        .iter()
        .map(|event| DifferenceEntry { event: *event, reached: vec![None; sets.len()] })
        .collect();
    let mut sizes = Vec::with_capacity(sets.len());
    for (number, set) in sets.iter().enumerate() {
        let mut chain = EventSet::new(graph.room.len());
        let mut queue: BinaryHeap<EventIx> = set.iter().copied().collect();
        let in_state: EventSet = set.iter().copied().collect();
        let mut last = None;
        while let Some(ix) = queue.pop() {
            if last == Some(ix) {
                continue;
            }
            last = Some(ix);
            if inclusive && in_state.contains(ix) {
                note(&mut entries, number, ix, Reach::InState);
                chain.insert(ix);
            }
            for parent in graph.parents(ix) {
                note(&mut entries, number, parent, Reach::CitedBy(ix));
                if chain.insert(parent) {
                    queue.push(parent);
                }
            }
        }
        sizes.push(chain.len());
    }
    (sizes, entries)
}

fn note(entries: &mut [DifferenceEntry], set: usize, event: EventIx, reach: Reach) {
    if let Ok(place) = entries.binary_search_by_key(&event, |entry| entry.event) {
        let slot = &mut entries[place].reached[set];
        if slot.is_none() {
            *slot = Some(reach);
        }
    }
}

/// For the events of the subgraph that are not conflicted: the way up and the way down.
pub(super) fn between(
    graph: AuthGraph<'_>,
    subgraph: &[EventIx],
    conflicted: &[EventIx],
) -> Vec<BetweenEntry> {
    let inside: EventSet = subgraph.iter().copied().collect();
    let mut entries: Vec<BetweenEntry> = subgraph
        .iter()
        .filter(|event| conflicted.binary_search(event).is_err())
        .filter_map(|event| {
            let below = graph.parents(*event).find(|parent| inside.contains(*parent))?;
            Some(BetweenEntry { event: *event, above: *event, below })
        })
        .collect();
    for ix in subgraph {
        for parent in graph.parents(*ix) {
            if let Ok(place) = entries.binary_search_by_key(&parent, |entry| entry.event)
                && entries[place].above == parent
            {
                entries[place].above = *ix;
            }
        }
    }
    entries
}
