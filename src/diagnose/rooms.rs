//! One room as two servers see it: what only one of them has, and where that makes their states part.
//!
//! The rooms have indices of their own, so their states are compared by way of event IDs: keys of both are numbered
//! together, and only what changes from an event to the next is looked at.

use std::rc::Rc;

use super::ancestry::gaps;
use super::compare::Side;
use crate::replay::Replay;
use crate::room::{EventIx, EventSet, KeyIx, Link, Room};
use crate::state::StateMap;

/// A key on which the states of two rooms differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewDifference {
    /// Type and state key.
    pub key: (Box<str>, Box<str>),
    /// What the first has there, in its own numbers.
    pub one: Option<EventIx>,
    /// What the second has, in its own.
    pub other: Option<EventIx>,
}

/// An event that both have, by its index in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shared {
    /// In the first.
    pub one: EventIx,
    /// In the second.
    pub other: EventIx,
}

/// Why the states of two views part at an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// To this side these parents are missing, so it does not know the state, or somebody asserts it.
    Hole(Side, Vec<Link>),
    /// The event is rejected on one side.
    Verdict,
    /// The states behind it are the same, and yet that of the event is not.
    State,
}

/// An event at which the states of two views part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Divergence {
    /// The event.
    pub at: Shared,
    /// Why.
    pub reason: Reason,
    /// The keys on which the states after it differ; `None` if only one side knows the state.
    pub keys: Option<Vec<ViewDifference>>,
    /// The later events that both have, and whose states differ because of it.
    pub consequences: usize,
}

/// What one side would have to fetch from the other. Indices are those of the side that has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fetch {
    /// Events that what both have rests on, by `prev_events` or `auth_events`: they fill holes. In topological order.
    pub holes: Vec<EventIx>,
    /// The others, in topological order.
    pub newer: Vec<EventIx>,
    /// Of what is to be fetched, the events that nothing to be fetched refers to: asking for what is before them, and for
    /// them, gives all.
    pub latest: Vec<EventIx>,
    /// Events that both have, and right behind which something is to be fetched.
    pub earliest: Vec<EventIx>,
}

/// Two views of a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Views {
    /// The number of events that both have.
    pub common: usize,
    /// The events that are rejected on one side only.
    pub verdicts: Vec<Shared>,
    /// The events that one server noted as rejected or soft-failed, and the other did not; none if either dump records
    /// nothing.
    pub recorded: Vec<Shared>,
    /// Where their states part, in topological order.
    pub divergences: Vec<Divergence>,
    /// The number of events that both have, and whose states differ.
    pub events: usize,
    /// The keys on which the current states differ; `None` if one of them is unknown.
    pub now: Option<Vec<ViewDifference>>,
    /// What the first would have to fetch; indices of the second.
    pub for_one: Fetch,
    /// What the second would have to fetch; indices of the first.
    pub for_other: Fetch,
}

impl Views {
    /// Compares two views.
    pub fn new(one: &Replay<'_>, other: &Replay<'_>) -> Self {
        let there = one.room().events().map(|ix| other.room().find(one.room().id(ix))).collect();
        Self::mapped(one, other, there)
    }

    /// Compares two rooms whose events correspond: `there` says which event of the second each of the first is.
    pub(super) fn mapped(one: &Replay<'_>, other: &Replay<'_>, there: Vec<Option<EventIx>>) -> Self {
        let numbers = Numbers::new(one.room(), other.room(), there);
        let mut walk = Walk::new(one, other, &numbers);
        for ix in one.room().events() {
            if let Some(there) = numbers.to_other[ix.index()] {
                walk.event(Shared { one: ix, other: there });
            }
        }
        let Walk { divergences, events, verdicts, recorded, .. } = walk;
        let states = one.current().state.as_ref().zip(other.current().state.as_ref());
        let now = states.map(|(ours, theirs)| {
            let keys = numbers.differing(ours, theirs, None);
            numbers.differences((one.room(), other.room()), (ours, theirs), &keys)
        });
        Self {
            common: numbers.to_other.iter().flatten().count(),
            verdicts,
            recorded,
            divergences,
            events,
            now,
            for_one: fetch(other.room(), &numbers.to_one),
            for_other: fetch(one.room(), &numbers.to_other),
        }
    }

    /// Whether both have the same events, verdicts and states.
    pub fn agrees(&self) -> bool {
        self.verdicts.is_empty()
            && self.recorded.is_empty()
            && self.divergences.is_empty()
            && self.for_one == Fetch::default()
            && self.for_other == Fetch::default()
            && self.now.as_ref().is_none_or(Vec::is_empty)
    }
}

/// How events and keys of two rooms correspond.
struct Numbers {
    to_other: Vec<Option<EventIx>>,
    to_one: Vec<Option<EventIx>>,
    /// The common number of each key of the second room. Those of the first have their own.
    of_other: Vec<u32>,
    /// Of each common number the key of the second room.
    in_other: Vec<Option<KeyIx>>,
    keys_of_one: usize,
}

impl Numbers {
    fn new(one: &Room, other: &Room, to_other: Vec<Option<EventIx>>) -> Self {
        let mut to_one = vec![None; other.len()];
        for (ix, there) in one.events().zip(&to_other) {
            if let Some(there) = there {
                to_one[there.index()] = Some(ix);
            }
        }
        let mut in_other = vec![None; one.key_count()];
        let mut of_other = Vec::with_capacity(other.key_count());
        for key in (0..other.key_count()).map(KeyIx::new) {
            let (event_type, state_key) = other.key(key);
            let number = one.find_key(event_type, state_key).map_or_else(
                || {
                    in_other.push(None);
                    in_other.len() - 1
                },
                KeyIx::index,
            );
            in_other[number] = Some(key);
            of_other.push(number as u32);
        }
        Self { to_other, to_one, of_other, in_other, keys_of_one: one.key_count() }
    }

    fn values(&self, one: &StateMap, other: &StateMap, number: u32) -> (Option<EventIx>, Option<EventIx>) {
        let place = number as usize;
        let ours = (place < self.keys_of_one).then(|| one.get(KeyIx::new(place))).flatten();
        (ours, self.in_other[place].and_then(|key| other.get(key)))
    }

    fn differs(&self, one: &StateMap, other: &StateMap, number: u32) -> bool {
        let (ours, theirs) = self.values(one, other, number);
        match (ours, theirs) {
            (Some(ours), Some(theirs)) => self.to_other[ours.index()] != Some(theirs),
            (ours, theirs) => ours.is_some() != theirs.is_some(),
        }
    }

    /// The numbers of the keys on which two states differ, given those of a pair from which it is not far.
    fn differing(
        &self,
        one: &StateMap,
        other: &StateMap,
        base: Option<(&StateMap, &StateMap, &Rc<[u32]>)>,
    ) -> Rc<[u32]> {
        let number = |key: KeyIx| self.of_other[key.index()];
        let mut keys: Vec<u32> = match base {
            Some((base_one, base_other, keys)) => {
                if one.shares_root_with(base_one) && other.shares_root_with(base_other) {
                    return Rc::clone(keys);
                }
                let ours = base_one.diff(one).map(|(key, ..)| key.index() as u32);
                let theirs = base_other.diff(other).map(|(key, ..)| number(key));
                ours.chain(theirs).chain(keys.iter().copied()).collect()
            }
            None => {
                let ours = one.iter().map(|(key, _)| key.index() as u32);
                ours.chain(other.iter().map(|(key, _)| number(key))).collect()
            }
        };
        keys.sort_unstable();
        keys.dedup();
        keys.retain(|number| self.differs(one, other, *number));
        keys.into()
    }

    fn differences(
        &self,
        (one_room, other_room): (&Room, &Room),
        (one, other): (&StateMap, &StateMap),
        keys: &[u32],
    ) -> Vec<ViewDifference> {
        let told = keys.iter().map(|number| {
            let (ours, theirs) = self.values(one, other, *number);
            let place = *number as usize;
            let key = match self.in_other[place] {
                _ if place < self.keys_of_one => one_room.key(KeyIx::new(place)),
                Some(key) => other_room.key(key),
                None => ("", ""),
            };
            ViewDifference { key: (key.0.into(), key.1.into()), one: ours, other: theirs }
        });
        told.collect()
    }
}

/// What is found about the state after an event that both have.
#[derive(Debug, Clone)]
enum After {
    /// Neither side knows it, or the event has no place in the DAG on one of them.
    Nowhere,
    /// Only one side knows it.
    Half,
    /// Both know it; the keys on which they differ.
    Both(Rc<[u32]>),
}

impl After {
    fn differs(&self) -> bool {
        match self {
            Self::Nowhere => false,
            Self::Half => true,
            Self::Both(keys) => !keys.is_empty(),
        }
    }
}

struct Walk<'a> {
    one: &'a Replay<'a>,
    other: &'a Replay<'a>,
    numbers: &'a Numbers,
    /// By event of the first room.
    after: Vec<After>,
    causes: Vec<Option<u32>>,
    divergences: Vec<Divergence>,
    events: usize,
    verdicts: Vec<Shared>,
    recorded: Vec<Shared>,
}

impl<'a> Walk<'a> {
    fn new(one: &'a Replay<'a>, other: &'a Replay<'a>, numbers: &'a Numbers) -> Self {
        let len = one.room().len();
        Self {
            one,
            other,
            numbers,
            after: vec![After::Nowhere; len],
            causes: vec![None; len],
            divergences: Vec::new(),
            events: 0,
            verdicts: Vec::new(),
            recorded: Vec::new(),
        }
    }

    fn event(&mut self, at: Shared) {
        let judged_differently =
            self.one.rejected().contains(at.one) != self.other.rejected().contains(at.other);
        if judged_differently {
            self.verdicts.push(at);
        }
        let noted = |room: &Room, ix: EventIx| {
            let recorded = room.recorded(ix);
            (recorded.rejected.is_some(), recorded.soft_failed)
        };
        // Where a dump records nothing at all, silence does not speak.
        let both_tell = self.one.room().has_records() && self.other.room().has_records();
        if both_tell && noted(self.one.room(), at.one) != noted(self.other.room(), at.other) {
            self.recorded.push(at);
        }
        let after = self.compare(at);
        if after.differs() {
            self.events += 1;
            let inherited = self.inherited(at);
            let cause = inherited.unwrap_or_else(|| self.diverge(at, judged_differently, &after));
            if inherited.is_some() {
                self.divergences[cause as usize].consequences += 1;
            }
            self.causes[at.one.index()] = Some(cause);
        }
        self.after[at.one.index()] = after;
    }

    fn compare(&self, at: Shared) -> After {
        let states = (self.one.after(at.one), self.other.after(at.other));
        let (ours, theirs) = match states {
            (Some(ours), Some(theirs)) => (ours, theirs),
            (None, None) => return After::Nowhere,
            _ => return After::Half,
        };
        let base = self.one.room().state_parents(at.one).iter().find_map(|parent| {
            let After::Both(keys) = &self.after[parent.index()] else { return None };
            let there = self.numbers.to_other[parent.index()]?;
            Some((self.one.after(*parent)?, self.other.after(there)?, keys))
        });
        After::Both(self.numbers.differing(ours, theirs, base))
    }

    fn inherited(&self, at: Shared) -> Option<u32> {
        self.one.room().state_parents(at.one).iter().filter_map(|parent| self.causes[parent.index()]).min()
    }

    fn diverge(&mut self, at: Shared, judged_differently: bool, after: &After) -> u32 {
        let missing = |side: Side, room: &Room, ix: EventIx| {
            let not_there = room.state_links(ix).filter(|link| match link {
                Link::Missing(_) => true,
                Link::Event(parent) => room.is_outlier(*parent),
            });
            let links: Vec<Link> = not_there.collect();
            let is_hole = !links.is_empty() || !gaps(room, ix).is_empty() || room.is_outlier(ix);
            is_hole.then_some(Reason::Hole(side, links))
        };
        let reason = missing(Side::Other, self.other.room(), at.other)
            .or_else(|| missing(Side::One, self.one.room(), at.one))
            .unwrap_or(if judged_differently { Reason::Verdict } else { Reason::State });
        let keys = match (after, self.one.after(at.one), self.other.after(at.other)) {
            (After::Both(keys), Some(ours), Some(theirs)) => {
                let rooms = (self.one.room(), self.other.room());
                Some(self.numbers.differences(rooms, (ours, theirs), keys))
            }
            _ => None,
        };
        self.divergences.push(Divergence { at, reason, keys, consequences: 0 });
        self.divergences.len() as u32 - 1
    }
}

/// What is only in `room`, to be fetched by somebody who has what `there` leads to.
fn fetch(room: &Room, there: &[Option<EventIx>]) -> Fetch {
    let is_only_here = |ix: EventIx| there[ix.index()].is_none();
    let mut needed = EventSet::new(room.len());
    let mut cited = EventSet::new(room.len());
    let mut earliest = EventSet::new(room.len());
    let mut fetch = Fetch::default();
    for ix in room.events().rev() {
        let here = is_only_here(ix);
        for before in room.state_parents(ix).iter().chain(room.auth_events(ix)).copied() {
            if is_only_here(before) {
                if !here || needed.contains(ix) {
                    needed.insert(before);
                }
                if here {
                    cited.insert(before);
                }
            }
        }
        if here {
            let parents = room.state_parents(ix).iter().copied();
            parents.filter(|parent| !is_only_here(*parent)).for_each(|parent| {
                earliest.insert(parent);
            });
            let list = if needed.contains(ix) { &mut fetch.holes } else { &mut fetch.newer };
            list.push(ix);
            if !cited.contains(ix) {
                fetch.latest.push(ix);
            }
        }
    }
    fetch.holes.reverse();
    fetch.newer.reverse();
    fetch.latest.reverse();
    fetch.earliest = earliest.iter().collect();
    fetch
}
