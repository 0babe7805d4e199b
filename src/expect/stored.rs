//! What the database of a server holds, taken for an expectation.

use super::{Expectation, ExpectedCurrent, ExpectedEvent, ExpectedOfStateDag, ExpectedState, Origin};
use crate::room::{Room, Stored, When};

impl Expectation {
    /// What a server stored, if the dump is one of its database: states before and after events, verdicts, and what is
    /// current. To be held against replays of this room only.
    pub fn of_database(room: &Room) -> Option<Self> {
        let stored = room.stored().filter(|stored| stored.group_count() > 0)?;
        let events = room.events().filter_map(|ix| {
            let state = |when| stored.of_event(ix, when).map(ExpectedState::Stored);
            let recorded = room.recorded(ix);
            let is_placed = !recorded.outlier && !room.is_foreign(ix);
            let after = state(When::After).filter(|_| is_placed)?;
            Some(ExpectedEvent {
                id: room.id(ix).into(),
                rejected: Some(recorded.rejected.is_some()),
                resolved: None,
                before: state(When::Before),
                after: Some(after),
                provisional: recorded.partial_state,
                state_dag: ExpectedOfStateDag::default(),
            })
        });
        let events = events.collect();
        let current = current(stored);
        Some(Self { origin: Origin::Server, room_version: None, algorithm: None, events, current })
    }
}

fn current(stored: &Stored) -> ExpectedCurrent {
    let notes = stored.notes();
    let mut current = ExpectedCurrent::default();
    if notes.partial_state {
        return current;
    }
    if !notes.forward_extremities.is_empty() {
        current.extremities = Some(notes.forward_extremities.clone());
    }
    if !notes.current_state.is_empty() {
        current.state = Some(ExpectedState::Known { hash: None, list: Some(notes.current_state.clone()) });
    }
    current
}
