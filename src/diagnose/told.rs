//! What was told, to clients or to a server: where a value vanished by that, or an older one came back.
//!
//! Where a server lacks a parent, another one tells it the state, and what it is told counts. If a parent that it knows of
//! had a newer value, that one is lost without any merge: no resolution has an eye on it.
//!
//! A server keeps every change of the current state that it sent to its clients. Most are a newer value for an older one.
//! One that takes a value away, or goes back to a value that the one before it knew of, is the trace that a state reset
//! leaves; so is what a server forgets when its last user leaves, and what it learns of a state that it knew in part.

use std::collections::BTreeSet;

use super::ancestry::{Ancestry, absent_parents};
use crate::replay::Replay;
use crate::room::{EventIx, KeyIx, Link, Provenance, Room, StateDelta, Stored, When};

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

/// A value that an asserted state lost, though the state after a parent has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToldBack {
    /// The event that the state was asserted for.
    pub at: EventIx,
    /// By whom.
    pub provenance: Provenance,
    /// The parent.
    pub parent: EventIx,
    /// The key.
    pub key: KeyIx,
    /// What became of it.
    pub turn: Turn,
    /// The value after the parent.
    pub before: EventIx,
    /// The value in the asserted state.
    pub after: Option<EventIx>,
    /// Every parent is there, so nothing else can have brought it about.
    pub is_certain: bool,
}

/// The values that asserted states lost, in topological order of their events; of each key the first parent that had it.
pub fn told_back(replay: &Replay<'_>) -> Vec<ToldBack> {
    let room = replay.room();
    let mut ancestry = Ancestry::new(room);
    let mut all = Vec::new();
    for ix in room.events().filter(|ix| !room.is_outlier(*ix)) {
        let asserted = room.asserted(ix, When::Before).or_else(|| room.asserted(ix, When::After));
        let told = replay.before(ix).filter(|_| room.asserted(ix, When::Before).is_some());
        let (Some(asserted), Some(told)) = (asserted, told.or_else(|| replay.after(ix))) else { continue };
        let is_certain = absent_parents(room, ix).is_empty();
        let mut seen = BTreeSet::new();
        for link in room.state_links(ix) {
            let (Link::Event(parent), Some(state)) = (link, replay.after_link(link)) else { continue };
            for (key, before, after) in state.diff(told) {
                // What the event sets itself was not told.
                let Some(before) = before.filter(|_| after != Some(ix)) else { continue };
                let turn = match after {
                    None => Turn::Removed,
                    Some(after) if ancestry.precedes(after, before) => Turn::WentBack,
                    Some(_) => continue,
                };
                if seen.insert(key) {
                    let provenance = asserted.provenance;
                    all.push(ToldBack { at: ix, provenance, parent, key, turn, before, after, is_certain });
                }
            }
        }
    }
    all
}
