//! What differs between two states, and which of several states have an entry.

use super::Session;
use super::cursor::Position;
use crate::room::{EventIx, KeyIx, Link};
use crate::state::StateMap;

/// One key of a state, beside another state and those of the parents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: KeyIx,
    /// What the other state has.
    pub before: Option<EventIx>,
    /// What this state has.
    pub after: Option<EventIx>,
    /// In the states after which parents this entry is, by their place in [`StateDiff::parents`]. Where this state lacks
    /// the key, the entry is the absence.
    pub held_by: Vec<bool>,
}

impl Entry {
    /// Whether the two states differ here.
    pub fn is_changed(&self) -> bool {
        self.before != self.after
    }
}

/// A state beside another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDiff {
    /// The parents, or the forward extremities, whose states the entries are looked up in.
    pub parents: Vec<Link>,
    /// The keys that either state has, ascending.
    pub entries: Vec<Entry>,
    /// The number of entries that differ.
    pub changed: usize,
}

impl StateDiff {
    /// Holds `after` against `before`, and against the states after some parents.
    pub fn new(before: &StateMap, after: &StateMap, parents: Vec<Link>, states: &[StateMap]) -> Self {
        let differences: Vec<_> = before.diff(after).collect();
        let mut entries = Vec::with_capacity(after.len() + differences.len());
        let mut push = |key, before, after| {
            let held_by = states.iter().map(|state| state.get(key) == after).collect();
            entries.push(Entry { key, before, after, held_by });
        };
        // Both ascend by key; a difference has a key of its own, or one of `after`.
        let mut differences_left = differences.iter().peekable();
        for (key, event) in after.iter() {
            while let Some((lost, before, _)) = differences_left.next_if(|(other, ..)| *other < key) {
                push(*lost, *before, None);
            }
            let changed = differences_left.next_if(|(other, ..)| *other == key);
            push(key, changed.map_or(Some(event), |(_, before, _)| *before), Some(event));
        }
        for (lost, before, _) in differences_left {
            push(*lost, *before, None);
        }
        Self { parents, entries, changed: differences.len() }
    }
}

/// What a state is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Against {
    /// The state after the first parent: what the place itself has changed.
    FirstParent,
    /// The state at the row before.
    PreviousRow,
    /// The state after a parent, by its place.
    Parent(usize),
    /// The running state one step earlier; outside of a resolution as [`Against::FirstParent`].
    PreviousStep,
}

impl Session {
    /// The state at a place: before the event; at the last row the current state. `None` if it is unknown.
    pub fn state_at(&self, position: Position) -> Option<StateMap> {
        let replay = self.replay();
        match position {
            Position::Event(ix) => replay.before(ix).cloned(),
            Position::Now => replay.current().state.clone(),
        }
    }

    /// The parents of a place (of the last row: the forward extremities), with the states after them; `None` where one
    /// is unknown.
    pub fn parents_of(&self, position: Position) -> Vec<(Link, Option<StateMap>)> {
        let replay = self.replay();
        match position {
            Position::Event(ix) => {
                replay.room().prev_links(ix).map(|link| (link, replay.after_link(link))).collect()
            }
            Position::Now => {
                let extremities = replay.current().extremities.iter();
                extremities.map(|ix| (Link::Event(*ix), replay.after(*ix).cloned())).collect()
            }
        }
    }

    /// The state at the cursor beside another one; `None` if either is unknown.
    pub fn state_diff(&self, against: Against) -> Option<StateDiff> {
        let here = self.cursor().event;
        let after = self.state_at(here)?;
        let parents = self.parents_of(here);
        let before = match against {
            Against::FirstParent | Against::PreviousStep => match parents.first() {
                Some((_, state)) => state.clone()?,
                None => StateMap::new(),
            },
            Against::Parent(place) => parents.get(place)?.1.clone()?,
            Against::PreviousRow => match self.rows().row_from(here).checked_sub(1) {
                Some(row) => self.state_at(self.rows().get(row))?,
                None => StateMap::new(),
            },
        };
        let (links, states): (Vec<Link>, Vec<StateMap>) =
            parents.into_iter().filter_map(|(link, state)| Some((link, state?))).unzip();
        Some(StateDiff::new(&before, &after, links, &states))
    }
}
