//! The states that a server stored, as maps that share their parts with those that the replay computes.

use super::Replay;
use super::states::{StateNumber, States};
use crate::room::{EventIx, GroupIx, Room, StateEntry, Strange, When};
use crate::state::{self, StateMap};

/// The state groups of a room on the way to states.
#[derive(Debug)]
pub(super) struct Expanding {
    states: Vec<Option<StateNumber>>,
    /// How many of [`Stored::order`](crate::room::Stored::order) are expanded.
    done: usize,
}

impl Expanding {
    pub(super) fn new(room: &Room) -> Self {
        let groups = room.stored().map_or(0, crate::room::Stored::group_count);
        Self { states: vec![None; groups], done: 0 }
    }

    /// Expands up to so many more groups. Returns whether that were all.
    pub(super) fn advance(&mut self, room: &Room, states: &mut States, groups: usize) -> bool {
        let Some(stored) = room.stored() else { return true };
        let rest = &stored.order()[self.done..];
        for group in rest.iter().take(groups) {
            let (on, changes) = stored.difference(*group);
            // In this order it has been expanded before.
            let on = on.and_then(|on| self.states[on.index()]).unwrap_or(States::EMPTY);
            self.states[group.index()] = Some(states.change(on, changes));
        }
        self.done += groups.min(rest.len());
        self.done == stored.order().len()
    }

    /// The state of a group, by its index.
    pub(super) fn state(&self, group: GroupIx) -> Option<StateNumber> {
        self.states[group.index()]
    }

    pub(super) fn finish(self) -> Vec<Option<StateNumber>> {
        self.states
    }
}

/// A state that a server stored.
#[derive(Debug, Clone, Copy)]
pub struct StoredState<'a> {
    state: &'a StateMap,
    strange: Option<&'a Strange>,
}

impl<'a> StoredState<'a> {
    /// The state; `None` if some of its entries are no events of the room.
    pub fn map(self) -> Option<&'a StateMap> {
        self.strange.is_none().then_some(self.state)
    }

    /// Its entries, sorted: type, state key, event ID.
    pub fn list(self, room: &'a Room) -> Vec<(&'a str, &'a str, &'a str)> {
        let mut list: Vec<_> = self.state.list(room).collect();
        if let Some(strange) = self.strange {
            list.extend(
                strange.iter().map(|((event_type, state_key), id)| (&**event_type, &**state_key, &**id)),
            );
            list.sort_unstable();
        }
        list
    }

    /// The hash of its entries.
    pub fn hash(self, room: &Room) -> String {
        match self.strange {
            None => self.state.hash(room),
            Some(_) => state::hash_of(self.list(room)),
        }
    }
}

impl Replay<'_> {
    /// What the server stored as the state before or after an event; `None` if that is not known.
    pub fn stored(&self, ix: EventIx, when: When) -> Option<StoredState<'_>> {
        self.stored_group(self.room().stored()?.of_event(ix, when)?)
    }

    /// What the server holds as the current state; `None` if it does not say, or names events that are not in the room.
    pub fn stored_current(&self) -> Option<StateMap> {
        let room = self.room();
        let list = &room.stored()?.notes().current_state;
        let entry = |(event_type, state_key, id): &StateEntry| {
            let ix = room.find(id)?;
            let key = room.key_of(ix).filter(|key| room.key(*key) == (event_type, state_key))?;
            Some((key, ix))
        };
        list.iter().map(entry).collect::<Option<StateMap>>().filter(|state| !state.is_empty())
    }

    /// The state of a state group; `None` if what it is built on is not known.
    pub fn stored_group(&self, group: GroupIx) -> Option<StoredState<'_>> {
        let outcome = &self.recording.outcome;
        let state = outcome.states.get((*outcome.stored.get(group.index())?)?);
        Some(StoredState { state, strange: self.room().stored()?.strange(group) })
    }
}
