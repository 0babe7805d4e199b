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
    /// Where the masks of an event are, if it is [`Mark::Queued`].
    slots: Vec<u32>,
    /// Two masks a slot: the sets the event is in, and the sets whose strict chain it is in.
    bits: Vec<u64>,
}

impl Masks {
    fn begin(&mut self, events: usize, sets: usize) {
        self.words = sets.div_ceil(u64::BITS as usize);
        self.bits.clear();
        self.slots.resize(events, 0);
    }

    fn add(&mut self, ix: EventIx) {
        self.slots[ix.index()] = (self.bits.len() / (2 * self.words)) as u32;
        self.bits.resize(self.bits.len() + 2 * self.words, 0);
    }

    /// The place of the first of an event's words.
    fn place(&self, ix: EventIx) -> usize {
        self.slots[ix.index()] as usize * 2 * self.words
    }

    fn own_and_chain(&self, ix: EventIx) -> impl Iterator<Item = (u64, u64)> + '_ {
        let (own, chain) = self.bits[self.place(ix)..][..2 * self.words].split_at(self.words);
        own.iter().copied().zip(chain.iter().copied())
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
    sets: usize,
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
        let count = sets.different.len();
        let mut walk = Self { graph, marks, masks, queue, shared, sets: count, inclusive, undecided: 0 };
        for (_, held) in sets.differences.iter() {
            walk.start_from(held);
        }
        let mut conflicted = walk.queue.as_slice().to_vec();
        conflicted.sort_unstable();
        walk.undecided = conflicted.iter().filter(|ix| walk.is_undecided(**ix)).count();
        Found { conflicted, difference: walk.descend() }
    }

    fn full(&self, word: usize) -> u64 {
        let left = self.sets - word * 64;
        if left >= 64 { u64::MAX } else { (1 << left) - 1 }
    }

    fn descend(mut self) -> Vec<EventIx> {
        let mut difference = Vec::new();
        while self.undecided > 0 {
            let Some(ix) = self.queue.pop() else { break };
            let partial = self.is_partial(ix);
            self.undecided -= usize::from(partial || self.hands_on_part(ix));
            if self.inclusive && self.shared.has(ix) || self.shared.cites(self.marks, ix) {
                // It is in the chain of every set, and so is whatever it cites. Should another path lead there, the
                // same question gets the same answer.
                continue;
            }
            if partial {
                difference.push(ix);
            }
            if !self.inclusive && self.shared.has(ix) {
                // So is what an unconflicted event cites.
                continue;
            }
            for parent in self.graph.parents(ix) {
                self.add_chain(parent, ix);
            }
        }
        difference.reverse();
        difference
    }

    /// Notes which sets have which events under a key. Nothing is counted yet.
    fn start_from(&mut self, held: &[(u32, EventIx)]) {
        // Sets that follow one another often have the same.
        for run in held.chunk_by(|(_, a), (_, b)| a == b) {
            let ix = run[0].1;
            self.enqueue(ix);
            let own = self.masks.place(ix);
            for (set, _) in run {
                self.masks.bits[own + *set as usize / 64] |= 1 << (set % 64);
            }
        }
    }

    /// Notes that the event is in the chain of every set that `child`, which cites it, is in or in the chain of.
    fn add_chain(&mut self, ix: EventIx, child: EventIx) {
        let was_undecided = !self.enqueue(ix) && self.is_undecided(ix);
        let words = self.masks.words;
        let (from, to) = (self.masks.place(child), self.masks.place(ix) + words);
        for word in 0..words {
            self.masks.bits[to + word] |= self.masks.bits[from + word] | self.masks.bits[from + words + word];
        }
        match (was_undecided, self.is_undecided(ix)) {
            (false, true) => self.undecided += 1,
            (true, false) => self.undecided -= 1,
            _ => {}
        }
    }

    /// Queues the event; returns whether that is new.
    fn enqueue(&mut self, ix: EventIx) -> bool {
        let new = self.marks.set(ix, Mark::Queued);
        if new {
            self.masks.add(ix);
            self.queue.push(ix);
        }
        new
    }

    /// Whether the event is in some but not all chains, as far as the conflicted events go.
    fn is_partial(&self, ix: EventIx) -> bool {
        let (mut some, mut all) = (false, true);
        for (word, (own, chain)) in self.masks.own_and_chain(ix).enumerate() {
            let mask = if self.inclusive { own | chain } else { chain };
            some |= mask != 0;
            all &= mask == self.full(word);
        }
        some && !all
    }

    /// Whether the chains of only some of the sets lead on from the event.
    fn hands_on_part(&self, ix: EventIx) -> bool {
        self.masks.own_and_chain(ix).enumerate().any(|(word, (own, chain))| own | chain != self.full(word))
    }

    /// Whether the event is partial, or hands a partial mask on. If no queued event is either, none below is.
    fn is_undecided(&self, ix: EventIx) -> bool {
        self.hands_on_part(ix) || self.is_partial(ix)
    }
}
