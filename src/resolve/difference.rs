//! The auth difference.
//!
//! Events are visited in descending index, so an event is met only after everything that cites it: one pass suffices,
//! and it ends as soon as nothing that is left can matter.

use std::collections::BinaryHeap;

use super::graph::{AuthGraph, Shared, Witnesses};
use super::marks::{Mark, Marks};
use super::masks::{Masks, add};
use super::sets::Sets;
use crate::room::EventIx;

/// The memory of a [`DifferenceWalk`].
#[derive(Debug, Default)]
pub(super) struct Workspace {
    masks: Masks,
    queue: BinaryHeap<EventIx>,
    witnesses: Witnesses,
    /// The sets that have the event that is looked at, and those whose chains lead on from it.
    own: Vec<u64>,
    reach: Vec<u64>,
}

/// What a [`DifferenceWalk`] finds.
#[derive(Debug)]
pub(super) struct Found {
    /// The conflicted events, ascending.
    pub(super) conflicted: Vec<EventIx>,
    /// The events that are in the auth chains of some but not all of the sets, ascending.
    pub(super) difference: Vec<EventIx>,
}

/// A walk that finds the auth difference of state sets.
///
/// It starts from the conflicted events and goes down. That the unconflicted events have auth chains too is not
/// walked (a room has thousands of members) but asked, of the few events it matters for: see [`Shared`].
///
/// Cost, beside that of asking: the events that conflicted ones reach without meeting one that every set reaches, times
/// the words of a mask.
pub(super) struct DifferenceWalk<'a, 'w> {
    graph: AuthGraph<'a>,
    marks: &'w mut Marks,
    /// The sets whose strict chains queued events are in; a conflicted event has a mask only if it is in any.
    masks: &'w mut Masks,
    /// What waits to be visited, beside the conflicted events.
    queue: &'w mut BinaryHeap<EventIx>,
    shared: Shared<'a, 'w>,
    inclusive: bool,
    /// How many queued events are not in all chains as far as the conflicted events go. If none is, and no conflicted event
    /// is left, nothing below is in some chains only.
    undecided: usize,
}

impl<'a, 'w> DifferenceWalk<'a, 'w> {
    /// Finds the auth difference. `inclusive`: a chain contains the set's own events.
    pub(super) fn run(
        graph: AuthGraph<'a>,
        workspace: &'w mut Workspace,
        marks: &'w mut Marks,
        sets: &'a Sets<'a>,
        inclusive: bool,
    ) -> Found {
        let Workspace { masks, queue, witnesses, own, reach } = workspace;
        masks.begin(graph.room.len(), sets.different.len());
        queue.clear();
        let shared = Shared { graph, sets, witnesses };
        let mut walk = Self { graph, marks, masks, queue, shared, inclusive, undecided: 0 };
        let conflicted = walk.conflicted();
        let difference = walk.descend(&conflicted, [own, reach]);
        Found { conflicted, difference }
    }

    /// The conflicted events, ascending, and now marked so.
    fn conflicted(&mut self) -> Vec<EventIx> {
        let mut conflicted = Vec::new();
        for difference in self.shared.sets.differences.iter() {
            let new = difference.held.iter().filter(|(_, event)| self.marks.set(*event, Mark::Conflicted));
            conflicted.extend(new.map(|(_, event)| *event));
        }
        conflicted.sort_unstable();
        conflicted
    }

    fn descend(mut self, mut conflicted: &[EventIx], [own, reach]: [&mut Vec<u64>; 2]) -> Vec<EventIx> {
        let mut difference = Vec::new();
        while !conflicted.is_empty() || self.undecided > 0 {
            let ix = match (conflicted.split_last(), self.queue.peek()) {
                (Some((ix, rest)), other) if other.is_none_or(|other| other <= ix) => {
                    conflicted = rest;
                    *ix
                }
                (_, Some(ix)) => *ix,
                (_, None) => break,
            };
            let has_mask = self.queue.peek() == Some(&ix);
            if has_mask {
                self.queue.pop();
                self.undecided -= usize::from(!self.masks.is_full(self.masks.of(ix)));
            }
            self.visit(ix, has_mask, &mut difference, [own, reach]);
            if has_mask {
                self.masks.remove(ix);
            }
        }
        difference.reverse();
        difference
    }

    fn visit(
        &mut self,
        ix: EventIx,
        has_mask: bool,
        difference: &mut Vec<EventIx>,
        [own, reach]: [&mut Vec<u64>; 2],
    ) {
        if self.is_in_all_chains(ix) {
            // So is whatever it cites. Should another path lead there, the same question gets the same answer.
            return;
        }
        let is_conflicted = self.marks.has(ix, Mark::Conflicted);
        reach.clear();
        if has_mask {
            reach.extend_from_slice(self.masks.of(ix));
        } else {
            reach.resize(self.masks.words(), 0);
        }
        // Not every set has a conflicted event, so where it is in no strict chain, the chain of no set or of a part has it.
        let mut is_partial = if has_mask { !self.masks.is_full(reach) } else { self.inclusive };
        if is_conflicted && (has_mask || self.leads_on(ix)) {
            self.find_own(ix, own);
            add(reach, own);
            if self.inclusive {
                is_partial = !self.masks.is_full(reach);
            }
        }
        if is_partial {
            difference.push(ix);
        }
        if !is_conflicted && !self.inclusive && self.shared.has(ix) {
            // Every chain has what an unconflicted event cites.
            return;
        }
        for parent in self.graph.parents(ix) {
            self.add_chain(parent, reach);
        }
    }

    /// Whether the event cites any that is not known to be in all chains.
    fn leads_on(&mut self, ix: EventIx) -> bool {
        let mut leads_on = false;
        for parent in self.graph.parents(ix) {
            leads_on |= !self.is_settled(parent);
        }
        leads_on
    }

    /// Finds the sets that have a conflicted event.
    fn find_own(&self, ix: EventIx, own: &mut Vec<u64>) {
        own.clear();
        let key = self.graph.room.key_of(ix);
        let Some(difference) = key.and_then(|key| self.shared.sets.differences.get(key)) else { return };
        let rest_has_it = difference.of_group(0) == Some(ix);
        if rest_has_it {
            own.extend(self.masks.full());
        } else {
            own.resize(self.masks.words(), 0);
        }
        let mut flip = |set: u32| own[set as usize / 64] ^= 1 << (set % 64);
        if rest_has_it {
            difference.listed().filter(|(_, event)| *event != Some(ix)).for_each(|(set, _)| flip(set));
        } else {
            difference.states_with(ix).for_each(flip);
        }
    }

    /// Whether the event is in the chains of all sets because of what they agree on.
    fn is_in_all_chains(&mut self, ix: EventIx) -> bool {
        self.inclusive && self.shared.has(ix) || self.shared.cites(self.marks, ix)
    }

    /// Whether the event is in all chains and so needs no visit: most auth events are, and most of what is conflicted
    /// cites the same ones. Asked of events that are not queued.
    fn is_settled(&mut self, ix: EventIx) -> bool {
        if self.marks.has(ix, Mark::InAllChains) {
            return true;
        }
        let settled = !self.marks.has(ix, Mark::Queued) && self.is_in_all_chains(ix);
        if settled {
            self.marks.set(ix, Mark::InAllChains);
        }
        settled
    }

    /// Notes that the event is in the chains of these sets.
    fn add_chain(&mut self, ix: EventIx, sets: &[u64]) {
        if self.is_settled(ix) {
            return;
        }
        let was_undecided = if self.marks.set(ix, Mark::Queued) {
            self.masks.add(ix);
            self.queue.push(ix);
            false
        } else {
            !self.masks.is_full(self.masks.of(ix))
        };
        self.masks.extend(ix, sets);
        match (was_undecided, !self.masks.is_full(self.masks.of(ix))) {
            (false, true) => self.undecided += 1,
            (true, false) => self.undecided -= 1,
            _ => {}
        }
    }
}
