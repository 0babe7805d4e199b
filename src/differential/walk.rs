//! Walks along `auth_events`, as plain as the text has them.

use std::collections::BTreeSet;

use crate::room::{AuthEdges, EventIx};

/// The strict auth chain of some events together: everything that they reach through `auth_events`.
///
/// One of them is in it only if another reaches it.
pub(super) fn auth_chain(edges: AuthEdges<'_>, from: impl IntoIterator<Item = EventIx>) -> BTreeSet<EventIx> {
    let mut chain = BTreeSet::new();
    let mut stack: Vec<EventIx> = from.into_iter().collect();
    while let Some(ix) = stack.pop() {
        stack.extend(edges.of(ix).iter().copied().filter(|auth| chain.insert(*auth)));
    }
    chain
}

/// The conflicted state subgraph of room version 12: every event that is conflicted or reaches a conflicted event, and
/// is conflicted or is reached by one.
///
/// Source: <https://spec.matrix.org/latest/rooms/v12/#state-resolution>
pub(super) fn conflicted_subgraph(edges: AuthEdges<'_>, conflicted: &BTreeSet<EventIx>) -> BTreeSet<EventIx> {
    let mut below = auth_chain(edges, conflicted.iter().copied());
    below.extend(conflicted);
    // What an event cites comes before it in this order.
    let mut subgraph = BTreeSet::new();
    for ix in below {
        let cites_one = edges.of(ix).iter().any(|auth| subgraph.contains(auth));
        if cites_one || conflicted.contains(&ix) {
            subgraph.insert(ix);
        }
    }
    subgraph
}
