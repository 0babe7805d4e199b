//! Along which edges auth chains go: those that events list, or those that a replay has calculated.

use std::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashTable};
use smallvec::SmallVec;

use super::{EventIx, Link, Room};

/// Auth events that were calculated (MSC4242), event by event.
///
/// Most events have the same auth events as another one, so every list is kept once.
#[derive(Debug, Clone, Default)]
pub struct Calculated {
    /// By event the number of its list, plus one; 0 where none was calculated.
    list_of: Vec<u32>,
    /// Where each list ends in `targets`.
    ends: Vec<u32>,
    targets: Vec<EventIx>,
    /// The numbers of the lists, by content.
    known: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// For every event the state events that have it among their auth events, ascending.
    children: Vec<SmallVec<[EventIx; 2]>>,
}

impl Calculated {
    /// Nothing yet, of a room of so many events.
    pub(crate) fn new(events: usize) -> Self {
        Self { list_of: vec![0; events], children: vec![SmallVec::new(); events], ..Self::default() }
    }

    /// Notes the auth events of an event, which is to be greater than all before it.
    pub(crate) fn push(&mut self, room: &Room, ix: EventIx, auth_events: &[EventIx]) {
        let number = self.number(auth_events);
        self.list_of[ix.index()] = number + 1;
        if room.key_of(ix).is_some() {
            auth_events.iter().for_each(|auth| self.children[auth.index()].push(ix));
        }
    }

    fn number(&mut self, list: &[EventIx]) -> u32 {
        let hash = self.hasher.hash_one(list);
        if let Some(known) = self.known.find(hash, |number| self.list(*number) == list) {
            return *known;
        }
        let number = self.ends.len() as u32;
        self.targets.extend(list);
        self.ends.push(u32::try_from(self.targets.len()).expect("fewer than 2^32 auth events"));
        let Self { known, hasher, ends, targets, .. } = self;
        known.insert_unique(hash, number, |number| hasher.hash_one(list_of(ends, targets, *number)));
        number
    }

    fn list(&self, number: u32) -> &[EventIx] {
        list_of(&self.ends, &self.targets, number)
    }

    /// The auth events of an event; `None` if they were not calculated, for no state is defined before it.
    pub fn get(&self, ix: EventIx) -> Option<&[EventIx]> {
        Some(self.list(self.list_of[ix.index()].checked_sub(1)?))
    }
}

fn list_of<'a>(ends: &[u32], targets: &'a [EventIx], number: u32) -> &'a [EventIx] {
    let number = number as usize;
    let from = number.checked_sub(1).map_or(0, |before| ends[before]);
    &targets[from as usize..ends[number] as usize]
}

/// The auth edges of a room.
#[derive(Debug, Clone, Copy)]
pub struct AuthEdges<'a> {
    room: &'a Room,
    calculated: Option<&'a Calculated>,
}

impl<'a> AuthEdges<'a> {
    /// The edges that events list.
    pub fn listed(room: &'a Room) -> Self {
        Self { room, calculated: None }
    }

    /// The calculated edges, if there are such; else those that events list.
    pub fn of_replay(room: &'a Room, calculated: Option<&'a Calculated>) -> Self {
        Self { room, calculated }
    }

    /// Whether these edges were calculated, as opposed to those that events list.
    pub fn are_calculated(self) -> bool {
        self.calculated.is_some()
    }

    /// The auth events that are in the room.
    pub fn of(self, ix: EventIx) -> &'a [EventIx] {
        match self.calculated {
            None => self.room.auth_events(ix),
            Some(calculated) => calculated.get(ix).unwrap_or_default(),
        }
    }

    /// All auth events, missing ones among them; calculated ones are never missing.
    pub fn links(self, ix: EventIx) -> impl Iterator<Item = Link> + 'a {
        let calculated = self.calculated.map(|calculated| calculated.get(ix).unwrap_or_default());
        let listed = calculated.is_none().then(|| self.room.auth_links(ix));
        let calculated = calculated.into_iter().flatten().map(|auth| Link::Event(*auth));
        listed.into_iter().flatten().chain(calculated)
    }

    /// Whether an auth event is missing.
    pub fn has_missing(self, ix: EventIx) -> bool {
        self.calculated.is_none() && self.room.has_missing_auth(ix)
    }

    /// The events that have this one among their auth events, in topological order: all state events of those, and of
    /// the others those that are cited in their turn.
    pub fn children(self, ix: EventIx) -> &'a [EventIx] {
        match self.calculated {
            None => self.room.auth_children(ix),
            Some(calculated) => &calculated.children[ix.index()],
        }
    }
}
