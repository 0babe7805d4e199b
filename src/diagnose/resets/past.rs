//! Which events happened before which, as far as the room tells.

use std::collections::{BinaryHeap, HashMap};

use fixedbitset::FixedBitSet;

use super::loss::Relation;
use crate::room::{EventIx, EventSet, Room};

/// So many pasts are looked into one by one; of more, all at once.
const FEW: usize = 8;

/// The pasts of so many events are kept at once.
const KEPT: usize = 512;

/// How the given events relate, each pair once: what the first is to the second.
pub fn relations(room: &Room, events: &[EventIx]) -> Vec<(EventIx, EventIx, Relation)> {
    let mut pasts = Pasts::new(room);
    let pairs = events.iter().enumerate().flat_map(|(place, x)| events[place + 1..].iter().map(|y| (*x, *y)));
    pairs.map(|(x, y)| (x, y, pasts.relation(x, y))).collect()
}

/// The events from `event` on up to `last` that reach it.
pub(super) fn future(room: &Room, event: EventIx, last: Option<EventIx>) -> EventSet {
    let mut future = EventSet::default();
    let end = last.map_or(0, |last| last.index() + 1);
    for ix in (event.index() + 1..end).map(EventIx::new) {
        let mut referred = room.state_parents(ix).iter().chain(room.auth_events(ix));
        if referred.any(|other| *other == event || future.contains(*other)) {
            future.insert(ix);
        }
    }
    future
}

/// How events of a room relate. Pasts are searched only as far down as somebody asks, and kept for the next question.
#[derive(Debug)]
pub(super) struct Pasts<'a> {
    room: &'a Room,
    pasts: HashMap<EventIx, Past>,
}

impl<'a> Pasts<'a> {
    pub(super) fn new(room: &'a Room) -> Self {
        Self { room, pasts: HashMap::new() }
    }

    /// What `x` is to `y`: [`Relation::Before`] if `x ≺ y`.
    pub(super) fn relation(&mut self, x: EventIx, y: EventIx) -> Relation {
        let (lower, upper) = (x.min(y), x.max(y));
        if lower == upper {
            return Relation::Same;
        }
        match self.reaches(upper, lower) {
            Some(true) if x == lower => Relation::Before,
            Some(true) => Relation::After,
            Some(false) => Relation::Concurrent,
            None => Relation::Unknown,
        }
    }

    /// Whether `x ≺ y` for sure.
    pub(super) fn is_before(&mut self, x: EventIx, y: EventIx) -> bool {
        x < y && self.reaches(y, x) == Some(true)
    }

    /// Whether `upper` reaches `lower`, an event with a smaller index; `None` if only a hole could tell.
    fn reaches(&mut self, upper: EventIx, lower: EventIx) -> Option<bool> {
        let room = self.room;
        if room.auth_events(upper).contains(&lower) || room.state_parents(upper).contains(&lower) {
            return Some(true);
        }
        if self.pasts.len() >= KEPT && !self.pasts.contains_key(&upper) {
            self.pasts.clear();
        }
        self.pasts.entry(upper).or_insert_with(|| Past::of_all(&[upper])).contains(room, lower)
    }

    /// Whether any of `events` follows `event`; `None` if only a hole could tell. Cost: one search for all of them.
    pub(super) fn is_before_any(&mut self, event: EventIx, events: &[EventIx]) -> Option<bool> {
        let later: Vec<EventIx> = events.iter().copied().filter(|other| *other > event).collect();
        if later.len() > FEW {
            return Past::of_all(&later).contains(self.room, event);
        }
        let answers: Vec<Option<bool>> = later.iter().map(|later| self.reaches(*later, event)).collect();
        match answers {
            answers if answers.contains(&Some(true)) => Some(true),
            answers if answers.contains(&None) => None,
            _ => Some(false),
        }
    }

    /// Those events among `events` that none of the others follows, descending. Where nobody knows, both are kept. Cost: one
    /// search for all of them.
    pub(super) fn maximal(&mut self, events: &[EventIx]) -> Vec<EventIx> {
        let mut sorted = events.to_vec();
        sorted.sort_unstable_by(|a, b| b.cmp(a));
        sorted.dedup();
        let Some(oldest) = sorted.last().copied().filter(|_| sorted.len() > 1) else { return sorted };
        let mut past = Past::of_all(&sorted);
        let _ = past.contains(self.room, oldest);
        sorted.retain(|event| !past.has(*event));
        sorted
    }
}

/// The past of one event, or of several together, known down to some index.
#[derive(Debug)]
struct Past {
    top: usize,
    /// By distance below `top`.
    seen: FixedBitSet,
    /// Seen, but not looked into: all below what has been looked into.
    open: BinaryHeap<EventIx>,
    /// The greatest event with a missing reference.
    hole: Option<EventIx>,
}

impl Past {
    fn of_all(events: &[EventIx]) -> Self {
        let top = events.iter().max().map_or(0, |event| event.index());
        Self { top, seen: FixedBitSet::new(), open: events.iter().copied().collect(), hole: None }
    }

    /// Whether an event that has been looked for, or is above one that has, is in the past.
    fn has(&self, event: EventIx) -> bool {
        self.seen.contains(self.top - event.index())
    }

    /// Whether an event is in the past; `None` if it is not, but something above it is missing that might lead there.
    fn contains(&mut self, room: &Room, event: EventIx) -> Option<bool> {
        while let Some(next) = self.open.peek().copied().filter(|next| *next > event) {
            self.open.pop();
            if self.hole.is_none() && (room.has_missing_state_parent(next) || room.has_missing_auth(next)) {
                self.hole = Some(next);
            }
            for parent in room.state_parents(next).iter().chain(room.auth_events(next)) {
                let distance = self.top - parent.index();
                self.seen.grow(distance + 1);
                if !self.seen.put(distance) {
                    self.open.push(*parent);
                }
            }
        }
        let seen = self.has(event);
        match self.hole {
            Some(hole) if !seen && hole > event => None,
            _ => Some(seen),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::room_version::Rules;
    use crate::generate::{Mode, Plan, generate};

    /// The relation is the closure of both kinds of edges, whatever was asked before.
    #[test]
    fn relations_are_the_closure_of_references() {
        for seed in 0..20 {
            let builder = generate(&Plan::new(seed, Mode::Netsplit, Rules::of("11").unwrap()));
            let room = builder.room();
            let mut closure: Vec<FixedBitSet> = Vec::new();
            for ix in room.events() {
                let mut past = FixedBitSet::with_capacity(room.len());
                for parent in room.state_parents(ix).iter().chain(room.auth_events(ix)) {
                    past.insert(parent.index());
                    past.union_with(&closure[parent.index()].clone());
                }
                closure.push(past);
            }
            let mut pasts = Pasts::new(&room);
            for x in room.events().rev() {
                for y in room.events() {
                    let expected = match (closure[y.index()][x.index()], closure[x.index()][y.index()]) {
                        _ if x == y => Relation::Same,
                        (true, _) => Relation::Before,
                        (_, true) => Relation::After,
                        _ => Relation::Concurrent,
                    };
                    assert_eq!(pasts.relation(x, y), expected, "{seed}: {x:?} {y:?}");
                }
            }
        }
    }
}
