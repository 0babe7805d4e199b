//! The auth graph as a resolution sees it, and the chain of the unconflicted state.

use super::marks::{Mark, Marks};
use super::sets::Sets;
use crate::room::{AuthEdges, EventIx, Room};

/// The auth graph as a profile sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct AuthGraph<'a> {
    pub(super) room: &'a Room,
    pub(super) edges: AuthEdges<'a>,
    /// D37: every event of a room of version 12 cites the create event.
    pub(super) implied_create: Option<EventIx>,
}

impl<'a> AuthGraph<'a> {
    /// The events that `ix` cites.
    pub(super) fn parents(self, ix: EventIx) -> impl Iterator<Item = EventIx> + 'a {
        let implied = self.implied_create.filter(|create| *create < ix);
        self.edges.of(ix).iter().copied().chain(implied)
    }
}

/// For events the last one found that has them in its auth chain. What an auth chain holds never changes, so this is
/// worth knowing from one resolution to the next.
#[derive(Debug, Default)]
pub(super) struct Witnesses {
    /// The index, plus one; 0 where nothing is known.
    of: Vec<u32>,
    stack: Vec<EventIx>,
    trail: Vec<EventIx>,
}

/// The auth chain of the unconflicted state, asked event by event.
///
/// Whether an event is in it is found out by going *up*, from the event to those that cite it, until one is part of
/// the unconflicted state:
///
/// ```text
///        in the state     in the state   later than any state
///              ▲               ▲              ▲
///   create ◄── join ◄── leave ─┘ ◄── … ◄──────┘
/// ```
///
/// Power levels, join rules and the create event are cited by nearly every member, so the search ends at once; an event
/// that nobody cites any more has little above it. What was found is asked first the next time, and events found to lead
/// nowhere are remembered until the end of the resolution.
pub(super) struct Shared<'a, 'w> {
    pub(super) graph: AuthGraph<'a>,
    pub(super) sets: &'a Sets<'a>,
    pub(super) witnesses: &'w mut Witnesses,
}

impl Shared<'_, '_> {
    /// Whether the event is part of the unconflicted state.
    pub(super) fn has(&self, ix: EventIx) -> bool {
        self.graph.room.key_of(ix).is_some_and(|key| self.sets.all_have(key, ix))
    }

    /// Whether an event of the unconflicted state cites the event, directly or through others.
    pub(super) fn cites(&mut self, marks: &mut Marks, ix: EventIx) -> bool {
        if self.graph.implied_create == Some(ix) {
            return self.sets.unconflicted_len() > usize::from(self.has(ix));
        }
        if self.graph.edges.children(ix).is_empty() || marks.has(ix, Mark::Searched) {
            return false;
        }
        if self.witnesses.of.len() < self.graph.room.len() {
            self.witnesses.of.resize(self.graph.room.len(), 0);
        }
        let known = self.witnesses.of[ix.index()].checked_sub(1);
        if known.is_some_and(|witness| self.has(EventIx::new(witness as usize))) {
            return true;
        }
        let found = self.search(marks, ix);
        if let Some(witness) = found {
            self.witnesses.of[ix.index()] = witness.index() as u32 + 1;
        }
        found.is_some()
    }

    /// Looks for an event of the unconflicted state among those that have `ix` in their auth chain.
    fn search(&mut self, marks: &mut Marks, ix: EventIx) -> Option<EventIx> {
        let latest = self.sets.latest?;
        let mut stack = std::mem::take(&mut self.witnesses.stack);
        let mut trail = std::mem::take(&mut self.witnesses.trail);
        stack.clear();
        trail.clear();
        marks.set(ix, Mark::Searched);
        trail.push(ix);
        stack.push(ix);
        let mut found = None;
        'search: while let Some(at) = stack.pop() {
            let children = self.graph.edges.children(at);
            let children = &children[..children.partition_point(|child| *child <= latest)];
            for child in children.iter().rev() {
                if self.has(*child) {
                    found = Some(*child);
                    break 'search;
                }
                if marks.set(*child, Mark::Searched) {
                    trail.push(*child);
                    stack.push(*child);
                }
            }
        }
        // If the search failed, nothing above any of them is part of the state. Else they may lead there.
        if found.is_some() {
            trail.iter().for_each(|met| marks.unset(*met, Mark::Searched));
        }
        self.witnesses.stack = stack;
        self.witnesses.trail = trail;
        found
    }
}
