//! Searches in the auth graph: the auth difference and the conflicted state subgraph.
//!
//! Events are visited in descending index, so an event is met only after everything that cites it: one pass suffices,
//! and it ends as soon as nothing that is left can matter.

use std::collections::{BinaryHeap, HashSet};

use super::step::{BetweenEntry, DifferenceEntry, Reach};
use crate::room::{EventIx, EventSet, Room};
use crate::state::{Split, StateMap};

/// The auth graph as a profile sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct AuthGraph<'a> {
    pub(super) room: &'a Room,
    /// D37: every event of a room of version 12 cites the create event.
    pub(super) implied_create: Option<EventIx>,
}

impl<'a> AuthGraph<'a> {
    /// The events that `ix` cites.
    pub(super) fn parents(self, ix: EventIx) -> impl Iterator<Item = EventIx> + 'a {
        let implied = self.implied_create.filter(|create| *create < ix);
        self.room.auth_events(ix).iter().copied().chain(implied)
    }
}

/// Which sets a walk has reached an event from, as bits; several words where there are more than 64 sets.
#[derive(Debug, Default)]
pub(super) struct Masks {
    words: usize,
    /// For every event two masks: the sets it is in, and the sets whose strict chain it is in.
    bits: Vec<u64>,
    touched: Vec<EventIx>,
    queued: EventSet,
}

impl Masks {
    fn reset(&mut self, events: usize, sets: usize) {
        let words = sets.div_ceil(64).max(1);
        if words != self.words || self.bits.len() != 2 * words * events {
            self.words = words;
            self.bits = vec![0; 2 * words * events];
            self.queued = EventSet::new(events);
            self.touched.clear();
        }
        for ix in self.touched.drain(..) {
            let from = 2 * words * ix.index();
            self.bits[from..from + 2 * words].fill(0);
            self.queued.remove(ix);
        }
    }

    fn own(&self, ix: EventIx) -> &[u64] {
        let from = 2 * self.words * ix.index();
        &self.bits[from..from + self.words]
    }

    fn chain(&self, ix: EventIx) -> &[u64] {
        let from = 2 * self.words * ix.index() + self.words;
        &self.bits[from..from + self.words]
    }
}

/// A walk that finds the auth difference of state sets.
///
/// It starts from the conflicted events and goes down. That the unconflicted events have auth chains too is not
/// walked (a room has thousands of members) but asked, of the few events it matters for: see [`Shared`].
pub(super) struct DifferenceWalk<'a, 'm> {
    graph: AuthGraph<'a>,
    masks: &'m mut Masks,
    sets: usize,
    inclusive: bool,
    shared: Shared<'a>,
    queue: BinaryHeap<EventIx>,
    /// How many queued events may still belong to the difference, or pass a partial mask on.
    undecided: usize,
}

impl<'a, 'm> DifferenceWalk<'a, 'm> {
    /// Finds the events that are in the auth chains of some but not all of the sets, ascending.
    ///
    /// `inclusive`: a chain contains the set's own events.
    pub(super) fn run(
        graph: AuthGraph<'a>,
        masks: &'m mut Masks,
        split: &'a Split,
        sets: usize,
        inclusive: bool,
    ) -> Vec<EventIx> {
        masks.reset(graph.room.len(), sets);
        let shared = Shared { graph, state: &split.unconflicted, dead_ends: HashSet::new() };
        let mut walk = Self { graph, masks, sets, inclusive, shared, queue: BinaryHeap::new(), undecided: 0 };
        let mut bits = vec![0; walk.masks.words];
        for conflict in &split.conflicts {
            for candidate in conflict.candidates() {
                bits.fill(0);
                for (set, _) in conflict.values.held().filter(|(_, event)| *event == candidate) {
                    bits[set / 64] |= 1 << (set % 64);
                }
                walk.add(candidate, &bits, false);
            }
        }
        walk.descend()
    }

    fn full(&self, word: usize) -> u64 {
        let left = self.sets - word * 64;
        if left >= 64 { u64::MAX } else { (1 << left) - 1 }
    }

    fn descend(mut self) -> Vec<EventIx> {
        let mut difference = Vec::new();
        let mut reach = vec![0; self.masks.words];
        while self.undecided > 0 {
            let Some(ix) = self.queue.pop() else { break };
            self.undecided -= usize::from(self.is_undecided(ix));
            let in_state = self.shared.has(ix);
            let in_all_chains = (self.inclusive && in_state) || self.shared.cites(ix);
            if !in_all_chains && self.is_partial(ix) {
                difference.push(ix);
            }
            if in_all_chains || in_state {
                // Whatever it cites is in the chain of every set. Should another path lead there, the same question
                // gets the same answer.
                continue;
            }
            for (word, (own, chain)) in self.masks.own(ix).iter().zip(self.masks.chain(ix)).enumerate() {
                reach[word] = own | chain;
            }
            for parent in self.graph.parents(ix) {
                self.add(parent, &reach, true);
            }
        }
        difference.reverse();
        difference
    }

    /// Adds sets to one of the event's masks and queues the event.
    fn add(&mut self, ix: EventIx, bits: &[u64], to_chain: bool) {
        let was_undecided = if self.masks.queued.insert(ix) {
            self.masks.touched.push(ix);
            self.queue.push(ix);
            false
        } else {
            self.is_undecided(ix)
        };
        let words = self.masks.words;
        let from = 2 * words * ix.index() + if to_chain { words } else { 0 };
        for (word, bits) in self.masks.bits[from..from + words].iter_mut().zip(bits) {
            *word |= bits;
        }
        match (was_undecided, self.is_undecided(ix)) {
            (false, true) => self.undecided += 1,
            (true, false) => self.undecided -= 1,
            _ => {}
        }
    }

    /// Whether the event is in some but not all chains, as far as the conflicted events go.
    fn is_partial(&self, ix: EventIx) -> bool {
        let (mut some, mut all) = (false, true);
        for (word, (own, chain)) in self.masks.own(ix).iter().zip(self.masks.chain(ix)).enumerate() {
            let mask = if self.inclusive { own | chain } else { *chain };
            some |= mask != 0;
            all &= mask == self.full(word);
        }
        some && !all
    }

    /// Whether the event is partial, or hands a partial mask on. If no queued event is either, none below is.
    fn is_undecided(&self, ix: EventIx) -> bool {
        let mut hands_on_all = true;
        for (word, (own, chain)) in self.masks.own(ix).iter().zip(self.masks.chain(ix)).enumerate() {
            hands_on_all &= own | chain == self.full(word);
        }
        !hands_on_all || self.is_partial(ix)
    }
}

/// The auth chain of the unconflicted state, asked event by event.
///
/// Whether an event is in it is found out by going *up*, from the event to those that cite it, until one is part of
/// the unconflicted state. Power levels, join rules and the create event are cited by nearly every member, so the
/// search ends at once; an event that nobody cites any more has little above it. Events found to lead nowhere
/// are remembered.
struct Shared<'a> {
    graph: AuthGraph<'a>,
    state: &'a StateMap,
    dead_ends: HashSet<EventIx>,
}

impl Shared<'_> {
    /// Whether the event is part of the unconflicted state.
    fn has(&self, ix: EventIx) -> bool {
        self.graph.room.key_of(ix).is_some_and(|key| self.state.get(key) == Some(ix))
    }

    /// Whether an event of the unconflicted state cites the event, directly or through others.
    fn cites(&mut self, ix: EventIx) -> bool {
        if self.graph.implied_create == Some(ix) {
            return self.state.len() > usize::from(self.has(ix));
        }
        if self.dead_ends.contains(&ix) {
            return false;
        }
        let mut seen = HashSet::from([ix]);
        let mut stack = vec![ix];
        while let Some(at) = stack.pop() {
            for child in self.graph.room.auth_children(at) {
                if self.has(*child) {
                    return true;
                }
                if !self.dead_ends.contains(child) && seen.insert(*child) {
                    stack.push(*child);
                }
            }
        }
        // Nothing above any of them is part of the state.
        self.dead_ends.extend(seen);
        false
    }
}

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

/// The conflicted state subgraph: every event on an auth path between two conflicted events, these included.
///
/// `conflicted` must be ascending. Events below the smallest of them cannot reach one and are not visited.
pub(super) fn subgraph(graph: AuthGraph<'_>, conflicted: &[EventIx]) -> Vec<EventIx> {
    let cone = cone(graph, conflicted);
    let mut inside: EventSet = conflicted.iter().copied().collect();
    for ix in cone {
        if !inside.contains(ix) && graph.parents(ix).any(|parent| inside.contains(parent)) {
            inside.insert(ix);
        }
    }
    inside.iter().collect()
}

/// The events that `from` (ascending) reaches through auth edges, down to the smallest of `from`; ascending, `from`
/// included.
fn cone(graph: AuthGraph<'_>, from: &[EventIx]) -> Vec<EventIx> {
    let Some(floor) = from.first().copied() else { return Vec::new() };
    let mut seen: EventSet = from.iter().copied().collect();
    let mut stack = from.to_vec();
    while let Some(ix) = stack.pop() {
        for parent in graph.parents(ix).filter(|parent| *parent >= floor) {
            if seen.insert(parent) {
                stack.push(parent);
            }
        }
    }
    seen.iter().collect()
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
