//! Whether one event knows of another.

use std::collections::HashMap;

use crate::room::{EventIx, EventSet, Link, Room, When};

/// So many steps a question may cost, for every event of the room and in all.
const STEPS_PER_EVENT: usize = 64;

/// Answers whether an event is an ancestor of another by `prev_events` and `auth_events`. Remembers its answers.
///
/// Indices are topological, so a search from the later event stops at the index of the earlier one. All searches together
/// may cost a number of steps that is proportional to the room; after that the answer is no.
#[derive(Debug)]
pub struct Ancestry<'a> {
    room: &'a Room,
    known: HashMap<(EventIx, EventIx), bool>,
    steps_left: usize,
}

impl<'a> Ancestry<'a> {
    /// Begins to answer for a room.
    pub fn new(room: &'a Room) -> Self {
        let steps_left = room.len().saturating_mul(STEPS_PER_EVENT).saturating_add(1 << 20);
        Self { room, known: HashMap::new(), steps_left }
    }

    /// Whether `later` reaches `earlier`, and is not the same.
    pub fn precedes(&mut self, earlier: EventIx, later: EventIx) -> bool {
        if earlier >= later {
            return false;
        }
        if let Some(known) = self.known.get(&(earlier, later)) {
            return *known;
        }
        let answer = self.search(earlier, later);
        self.known.insert((earlier, later), answer);
        answer
    }

    fn search(&mut self, earlier: EventIx, later: EventIx) -> bool {
        let mut seen = EventSet::default();
        let mut stack = vec![later];
        while let Some(ix) = stack.pop() {
            let parents = self.room.state_parents(ix).iter().chain(self.room.auth_events(ix));
            for parent in parents.copied().filter(|parent| *parent >= earlier) {
                if parent == earlier {
                    return true;
                }
                let Some(left) = self.steps_left.checked_sub(1) else { return false };
                self.steps_left = left;
                // The set begins at the earlier event, or it would be as large as the room.
                if seen.insert(EventIx::new(parent.index() - earlier.index())) {
                    stack.push(parent);
                }
            }
        }
        false
    }
}

/// The parents of an event that are not in the dump, or have no place in the DAG.
pub(super) fn absent_parents(room: &Room, ix: EventIx) -> Vec<Link> {
    let is_absent = |link: &Link| match link {
        Link::Missing(_) => true,
        Link::Event(parent) => room.has_no_place(*parent),
    };
    room.state_links(ix).filter(is_absent).collect()
}

/// An event, or the forward extremities, and everything before them in the graph that states follow.
pub fn history(room: &Room, from: &[EventIx]) -> EventSet {
    let mut history = EventSet::new(room.len());
    for ix in from {
        history.insert(*ix);
    }
    let last = from.iter().max().map_or(0, |ix| ix.index() + 1);
    for ix in (0..last).rev().map(EventIx::new) {
        if history.contains(ix) {
            for parent in room.state_parents(ix) {
                history.insert(*parent);
            }
        }
    }
    history
}

/// The parents of an event after which nothing is known because the dump does not tell: those that are not in it, and
/// those without a place in the DAG, as far as nobody asserts the state there.
pub(super) fn gaps(room: &Room, ix: EventIx) -> Vec<Link> {
    if room.is_outlier(ix) || room.asserted(ix, When::Before).is_some() {
        return Vec::new();
    }
    let is_gap = |link: &Link| match link {
        Link::Missing(missing) => room.asserted_missing(*missing).is_none(),
        Link::Event(parent) => room.has_no_place(*parent) && room.asserted(*parent, When::After).is_none(),
    };
    room.state_links(ix).filter(is_gap).collect()
}
