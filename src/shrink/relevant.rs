//! A guess at the events that matter to a merge.

use crate::replay::Replay;
use crate::resolve::step::Step;
use crate::room::{EventIx, EventSet, Room};
use crate::state::{Conflict, StateMap};

/// What the resolutions before some events replay and compare; without events that of the current state.
pub(super) fn events(replay: &Replay<'_>, targets: &[EventIx]) -> Vec<EventIx> {
    let room = replay.room();
    let mut found: Vec<EventIx> = targets.to_vec();
    if targets.is_empty() {
        let extremities = &replay.current().extremities;
        found.extend(extremities);
        let states = extremities.iter().map(|ix| replay.after(*ix).cloned()).collect();
        resolved(replay, states, &mut found);
    }
    for target in targets {
        found.extend(room.state_parents(*target));
        resolved(replay, replay.inputs(*target), &mut found);
    }
    found
}

fn resolved(replay: &Replay<'_>, states: Option<Vec<StateMap>>, found: &mut Vec<EventIx>) {
    let Some(states) = states else { return };
    for step in replay.steps(&states).1 {
        match step {
            Step::Split(split) => {
                found.extend(split.conflicts.iter().flat_map(Conflict::candidates));
            }
            Step::FullConflictedSet(full) => found.extend(full.events.iter().map(|entry| entry.event)),
            _ => {}
        }
    }
}

/// Some events and whatever authorizes them, the create event included.
pub(super) fn with_auth_chains(replay: &Replay<'_>, events: Vec<EventIx>) -> EventSet {
    let room = replay.room();
    let mut set = EventSet::new(room.len());
    let mut stack = events;
    stack.extend(room.create_event());
    while let Some(ix) = stack.pop() {
        if set.insert(ix) {
            stack.extend(replay.auth().of(ix));
        }
    }
    set
}

/// Some events and everything that they come after or cite.
pub(super) fn with_past(room: &Room, events: Vec<EventIx>) -> EventSet {
    let mut set = EventSet::new(room.len());
    let mut stack = events;
    stack.extend(room.create_event());
    while let Some(ix) = stack.pop() {
        if set.insert(ix) {
            stack.extend(
                room.auth_events(ix).iter().chain(room.prev_events(ix)).chain(room.state_parents(ix)),
            );
        }
    }
    set
}
