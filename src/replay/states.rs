//! Which states the events of a replay have: every distinct one kept once, named by number.

use std::num::NonZeroU32;

use crate::room::{EventIx, KeyIx, Room};
use crate::state::{Change, Finished, StateMap, StateView, Store, Stored};

/// The number of a state, counted from 1: a million events know two each, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StateNumber(NonZeroU32);

impl StateNumber {
    fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// The states of a replay in the making.
#[derive(Debug)]
pub(super) struct States {
    store: Store,
    list: Vec<Stored>,
}

impl States {
    pub(super) fn new(room: &Room) -> Self {
        let changes = room.events().filter(|ix| room.key_of(*ix).is_some()).count();
        let mut list = Vec::with_capacity(1 + changes);
        list.push(Stored::EMPTY);
        Self { store: Store::new(room.key_count(), changes), list }
    }

    /// The state without entries.
    pub(super) const EMPTY: StateNumber = StateNumber(NonZeroU32::MIN);

    pub(super) fn view(&self, state: StateNumber) -> StateView<'_> {
        self.store.view(self.list[state.index()])
    }

    /// The state that differs from `state` by `changes`, which must ascend by key.
    pub(super) fn change(&mut self, state: StateNumber, changes: &[Change]) -> StateNumber {
        if changes.is_empty() {
            return state;
        }
        let changed = self.store.change(self.list[state.index()], changes);
        self.list.push(changed);
        let number = u32::try_from(self.list.len()).ok().and_then(NonZeroU32::new);
        StateNumber(number.expect("fewer than 2^32 states: an event has two at most, and a group one"))
    }

    /// The state that consists of the given state events.
    pub(super) fn of(&mut self, room: &Room, events: &[EventIx]) -> StateNumber {
        let mut entries: Vec<(KeyIx, EventIx)> =
            events.iter().filter_map(|ix| Some((room.key_of(*ix)?, *ix))).collect();
        entries.sort_unstable();
        let changes: Vec<Change> = entries.into_iter().map(|(key, event)| (key, Some(event))).collect();
        self.change(Self::EMPTY, &changes)
    }

    /// Ends the making.
    pub(super) fn finish(self) -> FinishedStates {
        let store: Finished = self.store.finish();
        FinishedStates { list: self.list.into_iter().map(|state| store.map(state)).collect() }
    }
}

/// The states of a replay.
#[derive(Debug, Clone)]
pub(super) struct FinishedStates {
    list: Vec<StateMap>,
}

impl FinishedStates {
    pub(super) fn get(&self, state: StateNumber) -> &StateMap {
        &self.list[state.index()]
    }
}
