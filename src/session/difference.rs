//! What differs between two states, and which of several states have an entry.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Session;
use super::cursor::Position;
use super::running::Running;
use crate::replay::Replay;
use crate::room::{EventIx, KeyIx, Link, When};
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
    /// In the states after which parents this entry is: one bit for each of the first 64 of [`StateDiff::parents`], the
    /// lowest for the first. Where this state lacks the key, those that lack it too.
    pub held_by: u64,
}

impl Entry {
    /// Whether the state after a parent has this entry; `false` beyond the 64th.
    pub fn is_held_by(&self, parent: usize) -> bool {
        parent < 64 && self.held_by >> parent & 1 == 1
    }

    /// Whether the two states differ here.
    pub fn is_changed(&self) -> bool {
        self.before != self.after
    }
}

/// A state beside another. It holds what differs; everything else is looked up when somebody asks for it.
#[derive(Debug, Clone)]
pub struct StateDiff {
    /// The parents, forward extremities or chosen events, whose states the entries are looked up in.
    pub parents: Vec<Link>,
    /// The keys on which the two states differ, ascending.
    pub changes: Vec<KeyIx>,
    before: StateMap,
    after: StateMap,
    /// One bit for each of the first 64 parents.
    all_parents: u64,
    /// The keys that some parents do not hold as this state does, with the bits of those parents.
    not_held_by: BTreeMap<KeyIx, u64>,
}

impl StateDiff {
    /// Holds `after` against `before`, and against the states after some parents. Cost: what differs.
    pub fn new(before: StateMap, after: StateMap, parents: Vec<Link>, states: &[StateMap]) -> Self {
        let changes = before.diff(&after).map(|(key, ..)| key).collect();
        // The parents have nearly everything in common with this state: only what they have not is looked at.
        let parents_told = &states[..states.len().min(u64::BITS as usize)];
        let mut not_held_by: BTreeMap<KeyIx, u64> = BTreeMap::new();
        for (place, state) in parents_told.iter().enumerate() {
            for (key, ..) in state.diff(&after) {
                *not_held_by.entry(key).or_default() |= 1 << place;
            }
        }
        let all_parents = parents_told.iter().enumerate().fold(0_u64, |bits, (place, _)| bits | 1 << place);
        Self { parents, changes, before, after, all_parents, not_held_by }
    }

    /// The other state.
    pub fn before(&self) -> &StateMap {
        &self.before
    }

    /// This state.
    pub fn after(&self) -> &StateMap {
        &self.after
    }

    /// One key of the two states; `None` where neither has it.
    pub fn entry(&self, key: KeyIx) -> Option<Entry> {
        let (before, after) = (self.before.get(key), self.after.get(key));
        before.or(after)?;
        let held_by = self.all_parents & !self.not_held_by.get(&key).copied().unwrap_or(0);
        Some(Entry { key, before, after, held_by })
    }
}

/// What a state is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Against {
    /// The state after the first parent: what the place itself has changed.
    FirstParent,
    /// The state at the row before.
    PreviousRow,
    /// The state after a parent, by its place.
    Parent(usize),
    /// The running state one step earlier; outside of a resolution as [`Against::FirstParent`].
    PreviousStep,
    /// What the server whose database this is stored for the same place.
    Stored,
}

impl Session {
    /// The state at a place: before the event, or what the resolution there comes to; at the last row the current
    /// state. `None` if it is unknown.
    pub fn state_at(&self, position: Position) -> Option<StateMap> {
        let replay = self.replay();
        match position {
            Position::Event(ix) => replay.before(ix).cloned(),
            Position::Over(_) if position == self.cursor().event => {
                Some(self.steps()?.resolution.state.clone())
            }
            Position::Over(_) => Some(self.steps_at(position)?.resolution.state),
            Position::Now => replay.current().state.clone(),
        }
    }

    /// The parents of a place (of the last row the forward extremities, of a choice the chosen events), with the states after them; `None` where one
    /// is unknown.
    pub fn parents_of(&self, position: Position) -> Vec<(Link, Option<StateMap>)> {
        let replay = self.replay();
        match position {
            Position::Event(ix) => {
                replay.room().state_links(ix).map(|link| (link, replay.after_link(link))).collect()
            }
            Position::Over(chosen) => after(&replay, self.chosen(chosen)),
            Position::Now => after(&replay, &replay.current().extremities),
        }
    }

    /// The state that a server stored for a place; `None` if the room does not come from its database, or that does not
    /// tell, or in terms of events that are not there.
    pub fn stored_at(&self, position: Position) -> Option<StateMap> {
        let replay = self.replay();
        match position {
            Position::Event(ix) => replay.stored(ix, When::Before)?.map().cloned(),
            Position::Over(_) => None,
            Position::Now => replay.stored_current(),
        }
    }

    /// The running state of the resolution at the step of the cursor; `None` outside of a resolution.
    pub fn running_state(&self) -> Option<&StateMap> {
        self.running.as_ref().map(Running::now)
    }

    /// The state at the cursor beside another one; `None` if either is unknown. Inside a resolution
    /// [`Against::PreviousStep`] is about the running state; everything else is about what comes out.
    pub fn state_diff(&self, against: Against) -> Option<Arc<StateDiff>> {
        let mut known = self.memo.diffs.borrow_mut();
        known.entry(against).or_insert_with(|| self.make_diff(against).map(Arc::new)).clone()
    }

    fn make_diff(&self, against: Against) -> Option<StateDiff> {
        let here = self.cursor().event;
        let parents = self.parents_of(here);
        let (before, after) = match (against, &self.running) {
            (Against::PreviousStep, Some(running)) => (running.before().clone(), running.now().clone()),
            (Against::FirstParent | Against::PreviousStep, _) => {
                let before = match parents.first() {
                    Some((_, state)) => state.clone()?,
                    None => StateMap::new(),
                };
                (before, self.state_at(here)?)
            }
            (Against::Parent(place), _) => (parents.get(place)?.1.clone()?, self.state_at(here)?),
            (Against::Stored, _) => (self.stored_at(here)?, self.state_at(here)?),
            (Against::PreviousRow, _) => {
                let before = match self.rows().row_from(here).checked_sub(1) {
                    Some(row) => self.state_at(self.rows().get(row))?,
                    None => StateMap::new(),
                };
                (before, self.state_at(here)?)
            }
        };
        let (links, states): (Vec<Link>, Vec<StateMap>) =
            parents.into_iter().filter_map(|(link, state)| Some((link, state?))).unzip();
        Some(StateDiff::new(before, after, links, &states))
    }
}

fn after(replay: &Replay<'_>, events: &[EventIx]) -> Vec<(Link, Option<StateMap>)> {
    events.iter().map(|ix| (Link::Event(*ix), replay.after(*ix).cloned())).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn state(entries: &[(usize, usize)]) -> StateMap {
        entries.iter().map(|(key, event)| (KeyIx::new(*key), EventIx::new(*event))).collect()
    }

    proptest! {
        #[test]
        fn a_diff_answers_for_every_key(
            before in prop::collection::vec((0_usize..40, 0_usize..4), 0..30),
            after in prop::collection::vec((0_usize..40, 0_usize..4), 0..30),
            parent in prop::collection::vec((0_usize..40, 0_usize..4), 0..30),
        ) {
            let [before, after, parent] = [state(&before), state(&after), state(&parent)];
            let links = vec![Link::Event(EventIx::new(0)); 2];
            let diff = StateDiff::new(before.clone(), after.clone(), links, &[parent.clone(), after.clone()]);
            let mut changes = Vec::new();
            for key in (0..40).map(KeyIx::new) {
                let (old, new) = (before.get(key), after.get(key));
                let Some(entry) = diff.entry(key) else {
                    prop_assert_eq!((old, new), (None, None));
                    continue;
                };
                prop_assert_eq!((entry.before, entry.after), (old, new));
                prop_assert_eq!(entry.is_held_by(0), parent.get(key) == new);
                prop_assert!(entry.is_held_by(1) && !entry.is_held_by(2) && !entry.is_held_by(64));
                changes.extend(entry.is_changed().then_some(key));
            }
            prop_assert_eq!(diff.changes, changes);
        }
    }
}
