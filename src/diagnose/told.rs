//! What clients of a server were told of its current state: where a value vanished, or an older one came back.
//!
//! A server keeps every change of the current state that it sent to its clients. Most are a newer value for an older one.
//! One that takes a value away, or goes back to a value that the one before it knew of, is the trace that a state reset
//! leaves; so is what a server forgets when its last user leaves, and what it learns of a state that it knew in part.

use super::ancestry::Ancestry;
use crate::room::{EventIx, KeyIx, Room, StateDelta, Stored};

/// What became of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Turn {
    /// It was taken out of the state.
    Removed,
    /// It went back to a value that the one before it knew of.
    WentBack,
}

impl Turn {
    /// The name in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::WentBack => "went_back",
        }
    }
}

/// A change of the current state that is no step forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// Its place among all changes of the server.
    pub stream_id: i64,
    /// The key.
    pub key: KeyIx,
    /// What became of it.
    pub turn: Turn,
    /// The value before.
    pub before: EventIx,
    /// The value now.
    pub after: Option<EventIx>,
}

/// The changes of the current state that are no step forward, in the order in which clients were told of them. None if the
/// dump is not of a server's database.
pub fn setbacks(room: &Room) -> Vec<Told> {
    let mut ancestry = Ancestry::new(room);
    let deltas = room.stored().map_or(&[][..], Stored::deltas);
    let setback = |delta: &StateDelta| {
        let key = room.find_key(&delta.event_type, &delta.state_key)?;
        let before = room.find(delta.prev_event_id.as_deref()?)?;
        let after = match delta.event_id.as_deref() {
            None => None,
            Some(id) => Some(room.find(id)?),
        };
        let turn = match after {
            None => Turn::Removed,
            Some(after) if ancestry.precedes(after, before) => Turn::WentBack,
            Some(_) => return None,
        };
        Some(Told { stream_id: delta.stream_id, key, turn, before, after })
    };
    deltas.iter().filter_map(setback).collect()
}
