//! Comparing states: what differs between two, and what is conflicted among many.
//!
//! The work is done by a descent into all tries at once, see the module `compare`. Its cost is that of the difference,
//! not of the states.

use super::compare::{Difference, Differences};
use super::{StateMap, StateView};
use crate::room::{EventIx, KeyIx};

/// A key on which states differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The key.
    pub key: KeyIx,
    /// What each state has there.
    pub values: Values,
}

/// What each of several states has under one key. Only the states that have the key take up room: a merge of thousands
/// of branches conflicts on keys that most of them lack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values {
    states: usize,
    held: Vec<(u32, EventIx)>,
}

impl Values {
    /// What `held` says (ascending by state) of `states` states.
    pub(crate) fn new(states: usize, held: Vec<(u32, EventIx)>) -> Self {
        debug_assert!(held.is_sorted_by(|(a, _), (b, _)| a < b), "states ascend");
        Self { states, held }
    }

    /// The number of states.
    pub fn len(&self) -> usize {
        self.states
    }

    /// Whether there are no states at all.
    pub fn is_empty(&self) -> bool {
        self.states == 0
    }

    /// The states that have the key, by their place from 0, and the events; ascending.
    pub fn held(&self) -> impl ExactSizeIterator<Item = (usize, EventIx)> + '_ {
        self.held.iter().map(|(state, event)| (*state as usize, *event))
    }

    /// The value of one state.
    pub fn get(&self, state: usize) -> Option<EventIx> {
        let place = self.held.binary_search_by_key(&state, |(state, _)| *state as usize).ok()?;
        Some(self.held[place].1)
    }

    /// The value of every state, in their order; `None` where the key is absent.
    pub fn iter(&self) -> impl Iterator<Item = Option<EventIx>> + '_ {
        let mut held = self.held().peekable();
        (0..self.states).map(move |state| held.next_if(|(place, _)| *place == state).map(|(_, event)| event))
    }

    /// Takes the value of the last state off.
    pub fn pop(&mut self) -> Option<EventIx> {
        self.states = self.states.checked_sub(1)?;
        let last = self.held.pop_if(|(state, _)| *state as usize == self.states);
        last.map(|(_, event)| event)
    }
}

impl Conflict {
    /// The different events among the values, ascending.
    pub fn candidates(&self) -> Vec<EventIx> {
        let mut candidates: Vec<_> = self.values.held().map(|(_, event)| event).collect();
        candidates.sort_unstable();
        candidates.dedup();
        candidates
    }
}

/// Several states divided into what they agree and what they differ on.
#[derive(Debug, Clone)]
pub struct Split {
    /// The entries that every state has.
    pub unconflicted: StateMap,
    /// The other keys, ascending.
    pub conflicts: Vec<Conflict>,
}

impl Split {
    /// Divides `states`: a key is unconflicted if every state has it with the same event (a key
    /// that is absent from one state is conflicted).
    pub fn new(states: &[StateMap]) -> Self {
        let conflicts = conflicts(states);
        let mut unconflicted = states.first().cloned().unwrap_or_default();
        for conflict in &conflicts {
            unconflicted.remove(conflict.key);
        }
        Self { unconflicted, conflicts }
    }
}

impl StateMap {
    /// The keys on which the two states differ, ascending, with the value here and the value there.
    pub fn diff(
        &self,
        other: &Self,
    ) -> impl Iterator<Item = (KeyIx, Option<EventIx>, Option<EventIx>)> + use<> {
        let mut differences = Differences::default();
        differences.find(&[self.view(), other.view()]);
        let both = |difference: Difference<'_>| (difference.key, difference.of(0), difference.of(1));
        differences.iter().map(both).collect::<Vec<_>>().into_iter()
    }
}

/// The keys on which states differ, ascending: those that are not the same in every one of them. Costs the difference.
pub fn conflicts(states: &[StateMap]) -> Vec<Conflict> {
    let views: Vec<StateView<'_>> = states.iter().map(StateMap::view).collect();
    let mut differences = Differences::default();
    differences.find(&views);
    let conflict = |difference: Difference<'_>| Conflict {
        key: difference.key,
        values: Values::new(states.len(), difference.entries()),
    };
    differences.iter().map(conflict).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::state::{Store, Stored};

    type Changes = Vec<(usize, Option<usize>)>;

    /// States that share nodes in every way there is: of a store, with nodes of their own beside, with none in common.
    fn states(common: &BTreeMap<usize, usize>, changes: &[Changes]) -> Vec<StateMap> {
        let entries = || common.iter().map(|(key, event)| (KeyIx::new(*key), EventIx::new(*event)));
        let lone: StateMap = entries().collect();
        let mut store = Store::new(6_000, 0);
        let stored = store
            .change(Stored::EMPTY, &entries().map(|(key, event)| (key, Some(event))).collect::<Vec<_>>());
        let finished = store.finish();
        let change = |(place, changes): (usize, &Changes)| {
            let mut state = match place % 4 {
                0 => entries().collect(),
                1 => lone.clone(),
                _ => finished.map(stored),
            };
            for (key, value) in changes {
                match value {
                    Some(value) => state.insert(KeyIx::new(*key), EventIx::new(*value)),
                    None => state.remove(KeyIx::new(*key)),
                };
            }
            state
        };
        changes.iter().enumerate().map(change).collect()
    }

    proptest! {
        /// The split is the one the definition gives, whatever the states share.
        #[test]
        fn split_follows_the_definition(
            common in prop::collection::btree_map(0_usize..6_000, 0_usize..9, 0..60),
            changes in prop::collection::vec(
                prop::collection::vec((0_usize..6_000, prop::option::of(0_usize..9)), 0..8),
                1..9,
            ),
        ) {
            let states = states(&common, &changes);
            let models: Vec<BTreeMap<_, _>> = states.iter().map(|state| state.iter().collect()).collect();
            let keys: BTreeSet<_> = models.iter().flat_map(|model| model.keys().copied()).collect();
            let split = Split::new(&states);
            let mut expected = Vec::new();
            for key in keys {
                let values: Vec<_> = models.iter().map(|model| model.get(&key).copied()).collect();
                if values.windows(2).all(|pair| pair[0] == pair[1]) {
                    prop_assert_eq!(split.unconflicted.get(key), values[0]);
                } else {
                    prop_assert_eq!(split.unconflicted.get(key), None);
                    prop_assert!(split.conflicts.iter().any(|conflict| conflict.key == key && conflict.values.iter().eq(values.iter().copied())));
                    let held = (0..).zip(values).filter_map(|(state, value)| Some((state, value?))).collect();
                    expected.push(Conflict { key, values: Values::new(states.len(), held) });
                }
            }
            prop_assert_eq!(split.conflicts, expected);
            prop_assert_eq!(states[0] == states[states.len() - 1], models[0] == models[models.len() - 1]);
        }

        /// Two states differ where a plain look says so, in one replay and out of it.
        #[test]
        fn differences_follow_the_definition(
            common in prop::collection::btree_map(0_usize..6_000, 0_usize..9, 0..60),
            changes in prop::collection::btree_map(0_usize..6_000, prop::option::of(0_usize..9), 0..30),
        ) {
            let mut store = Store::new(6_000, 0);
            let event = |event: Option<usize>| event.map(EventIx::new);
            let common: Vec<_> = common.into_iter().map(|(key, value)| (KeyIx::new(key), event(Some(value)))).collect();
            let changes: Vec<_> = changes.into_iter().map(|(key, value)| (KeyIx::new(key), event(value))).collect();
            let before = store.change(Stored::EMPTY, &common);
            let after = store.change(before, &changes);
            let finished = store.finish();
            let [before, after] = [finished.map(before), finished.map(after)];
            let apart: StateMap = after.iter().collect();
            let mut expected = Vec::new();
            for key in (0..6_000).map(KeyIx::new) {
                let (old, new) = (before.get(key), after.get(key));
                expected.extend((old != new).then_some((key, old, new)));
            }
            for after in [after, apart] {
                prop_assert_eq!(&before.diff(&after).collect::<Vec<_>>(), &expected);
            }
        }
    }
}
