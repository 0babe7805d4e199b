//! The auth difference.
//!
//! Events are visited in descending index, so an event is met only after everything that cites it: one pass suffices,
//! and it ends as soon as nothing that is left can matter.

use std::collections::BinaryHeap;

use super::graph::{AuthGraph, Shared, Witnesses};
use super::marks::{Mark, Marks};
use super::sets::Sets;
use crate::room::EventIx;

/// Which sets a walk has reached an event from, as bits; several words where there are more than 64 sets.
#[derive(Debug, Default)]
pub(super) struct Masks {
    words: usize,
    /// The last word of a mask that has all sets; those before have all bits.
    last_word: u64,
    /// Where the masks of an event are, if it is [`Mark::Queued`].
    slots: Vec<u32>,
    /// Two masks a slot: the sets the event is in, and the sets whose strict chain it is in.
    bits: Vec<u64>,
}

impl Masks {
    fn begin(&mut self, events: usize, sets: usize) {
        self.words = sets.div_ceil(u64::BITS as usize);
        self.last_word = u64::MAX >> (self.words * u64::BITS as usize - sets);
        self.bits.clear();
        self.slots.resize(events, 0);
    }

    fn add(&mut self, ix: EventIx) {
        self.slots[ix.index()] = (self.bits.len() / (2 * self.words)) as u32;
        self.bits.resize(self.bits.len() + 2 * self.words, 0);
    }

    /// The sets the event is in, and the sets whose strict chain it is in.
    fn of(&self, ix: EventIx) -> (&[u64], &[u64]) {
        let slot = self.slots[ix.index()] as usize;
        self.bits[slot * 2 * self.words..][..2 * self.words].split_at(self.words)
    }

    /// The same two to write to.
    fn of_mut(&mut self, ix: EventIx) -> (&mut [u64], &mut [u64]) {
        let slot = self.slots[ix.index()] as usize;
        self.bits[slot * 2 * self.words..][..2 * self.words].split_at_mut(self.words)
    }

    /// Whether a mask has some of the sets, and whether it has all.
    fn some_and_all(&self, mask: impl DoubleEndedIterator<Item = u64>) -> (bool, bool) {
        let mut words = mask.rev();
        let last = words.next().unwrap_or_default();
        let (any, every) = words.fold((0, u64::MAX), |(any, every), word| (any | word, every & word));
        (last | any != 0, last == self.last_word && every == u64::MAX)
    }
}

/// Adds the sets of one mask to another.
fn add(mask: &mut [u64], sets: &[u64]) {
    for (word, sets) in mask.iter_mut().zip(sets) {
        *word |= sets;
    }
}

/// The memory of a [`DifferenceWalk`].
#[derive(Debug, Default)]
pub(super) struct Workspace {
    masks: Masks,
    queue: BinaryHeap<EventIx>,
    witnesses: Witnesses,
}

/// A walk that finds the auth difference of state sets.
///
/// It starts from the conflicted events and goes down. That the unconflicted events have auth chains too is not
/// walked (a room has thousands of members) but asked, of the few events it matters for: see [`Shared`].
///
/// Cost, beside that of asking: the events that conflicted ones reach without meeting an unconflicted one, or one that
/// every set reaches, times the words of a mask.
pub(super) struct DifferenceWalk<'a, 'w> {
    graph: AuthGraph<'a>,
    marks: &'w mut Marks,
    masks: &'w mut Masks,
    queue: &'w mut BinaryHeap<EventIx>,
    shared: Shared<'a, 'w>,
    inclusive: bool,
    /// How many queued events may still belong to the difference, or pass a partial mask on.
    undecided: usize,
}

/// What a [`DifferenceWalk`] finds.
#[derive(Debug)]
pub(super) struct Found {
    /// The conflicted events, ascending.
    pub(super) conflicted: Vec<EventIx>,
    /// The events that are in the auth chains of some but not all of the sets, ascending.
    pub(super) difference: Vec<EventIx>,
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
        let Workspace { masks, queue, witnesses } = workspace;
        masks.begin(graph.room.len(), sets.different.len());
        queue.clear();
        let shared = Shared { graph, sets, witnesses };
        let mut walk = Self { graph, marks, masks, queue, shared, inclusive, undecided: 0 };
        walk.start();
        let mut conflicted = walk.queue.as_slice().to_vec();
        conflicted.sort_unstable();
        walk.undecided = conflicted.iter().filter(|ix| walk.look_at(**ix).1).count();
        Found { conflicted, difference: walk.descend() }
    }

    fn descend(mut self) -> Vec<EventIx> {
        let mut difference = Vec::new();
        let mut reach: Vec<u64> = Vec::with_capacity(self.masks.words);
        while self.undecided > 0 {
            let Some(ix) = self.queue.pop() else { break };
            let (partial, undecided) = self.look_at(ix);
            self.undecided -= usize::from(undecided);
            if self.is_in_all_chains(ix) {
                // So is whatever it cites. Should another path lead there, the same question gets the same answer.
                continue;
            }
            if partial {
                difference.push(ix);
            }
            if !self.inclusive && self.shared.has(ix) {
                // Every chain has what an unconflicted event cites.
                continue;
            }
            reach.clear();
            let (own, chain) = self.masks.of(ix);
            reach.extend(own.iter().zip(chain).map(|(own, chain)| own | chain));
            for parent in self.graph.parents(ix) {
                self.add_chain(parent, &reach);
            }
        }
        difference.reverse();
        difference
    }

    /// Whether the event is in the chains of all sets because of what they agree on.
    fn is_in_all_chains(&mut self, ix: EventIx) -> bool {
        self.inclusive && self.shared.has(ix) || self.shared.cites(self.marks, ix)
    }

    /// Queues the conflicted events and notes which sets they are in. Nothing is counted yet.
    fn start(&mut self) {
        let sets = self.shared.sets;
        let words = self.masks.words;
        let mut groups: Vec<u64> = Vec::new();
        let mut group_of: &[u32] = &[];
        for difference in sets.differences.iter() {
            if !std::ptr::eq(group_of, difference.group_of) {
                group_of = difference.group_of;
                groups.clear();
                for (set, group) in group_of.iter().enumerate() {
                    let from = *group as usize * words;
                    groups.resize(groups.len().max(from + words), 0);
                    groups[from + set / 64] |= 1 << (set % 64);
                }
            }
            for (group, event) in difference.held {
                self.enqueue(*event);
                let from = *group as usize * words;
                add(self.masks.of_mut(*event).0, &groups[from..from + words]);
            }
        }
    }

    /// Notes that the event is in the chains of these sets. Events that are in all chains are not queued: most auth events
    /// are, and most of what is conflicted cites the same ones.
    fn add_chain(&mut self, ix: EventIx, sets: &[u64]) {
        if self.marks.has(ix, Mark::InAllChains) {
            return;
        }
        let is_new = !self.marks.has(ix, Mark::Queued);
        if is_new {
            if self.is_in_all_chains(ix) {
                self.marks.set(ix, Mark::InAllChains);
                return;
            }
            self.enqueue(ix);
        }
        if self.masks.of(ix).1.iter().zip(sets).all(|(chain, sets)| chain | sets == *chain) {
            return;
        }
        let was_undecided = !is_new && self.look_at(ix).1;
        add(self.masks.of_mut(ix).1, sets);
        match (was_undecided, self.look_at(ix).1) {
            (false, true) => self.undecided += 1,
            (true, false) => self.undecided -= 1,
            _ => {}
        }
    }

    /// Queues the event, if it is not queued yet.
    fn enqueue(&mut self, ix: EventIx) {
        if self.marks.set(ix, Mark::Queued) {
            self.masks.add(ix);
            self.queue.push(ix);
        }
    }

    /// Two things about an event, as far as the conflicted events go: whether it is in some but not all chains; and
    /// whether that is so or the chains of only some of the sets lead on from it. If no queued event is the latter, none
    /// below is either.
    fn look_at(&self, ix: EventIx) -> (bool, bool) {
        let (own, chain) = self.masks.of(ix);
        let both = || own.iter().zip(chain).map(|(own, chain)| own | chain);
        let (some, all) = self.masks.some_and_all(both());
        if self.inclusive {
            return (some && !all, !all);
        }
        let (in_some, in_all) = self.masks.some_and_all(chain.iter().copied());
        let partial = in_some && !in_all;
        (partial, partial || !all)
    }
}
