//! Comparing states: what differs between two, and what is conflicted among many.
//!
//! Both walks descend into several tries at once and skip every subtree that is shared by all. Their
//! cost is that of the difference, not of the states.

use std::sync::Arc;

use super::{BITS, Node, StateMap, rank};
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
    fn new(values: impl ExactSizeIterator<Item = Option<EventIx>>) -> Self {
        let states = values.len();
        let held = (0_u32..).zip(values).filter_map(|(state, value)| Some((state, value?))).collect();
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
        let conflicts: Vec<_> = conflicts(states);
        let mut unconflicted = states.first().cloned().unwrap_or_default();
        for conflict in &conflicts {
            unconflicted.remove(conflict.key);
        }
        Self { unconflicted, conflicts }
    }
}

impl StateMap {
    /// The keys on which the two states differ, ascending, with the value here and the value there.
    pub fn diff(&self, other: &Self) -> impl Iterator<Item = (KeyIx, Option<EventIx>, Option<EventIx>)> {
        conflicts(&[self.clone(), other.clone()])
            .into_iter()
            .map(|conflict| (conflict.key, conflict.values.get(0), conflict.values.get(1)))
    }
}

fn conflicts(states: &[StateMap]) -> Vec<Conflict> {
    let height = states.iter().map(|state| state.height).max().unwrap_or(0);
    let mut lifted: Vec<Option<Arc<Node>>> = Vec::with_capacity(states.len());
    for state in states {
        let mut root = state.root.clone();
        for _ in state.height..height {
            root = root.map(|root| Arc::new(Node::Branch { occupied: 1, children: vec![root] }));
        }
        lifted.push(root);
    }
    let roots: Vec<Option<&Node>> = lifted.iter().map(Option::as_deref).collect();
    let mut found = Vec::new();
    walk(&roots, height, 0, &mut found);
    found
}

/// Descends into the nodes at one place of all states.
fn walk(nodes: &[Option<&Node>], level: u32, base: usize, found: &mut Vec<Conflict>) {
    let all_same = nodes.windows(2).all(|pair| match (pair[0], pair[1]) {
        (Some(a), Some(b)) => std::ptr::eq(a, b),
        (None, None) => true,
        _ => false,
    });
    if all_same {
        return;
    }
    let mut ahead = nodes.iter().flatten().fold(0, |bits, node| bits | node.occupied());
    let mut below: Vec<Option<&Node>> = Vec::with_capacity(nodes.len());
    while ahead != 0 {
        let place = ahead.trailing_zeros();
        ahead &= ahead - 1;
        let key = base + ((place as usize) << (BITS * level));
        if level == 0 {
            let value = |node: &Option<&Node>| node.and_then(|node| node.value(place));
            let first = value(&nodes[0]);
            if nodes[1..].iter().any(|node| value(node) != first) {
                found.push(Conflict { key: KeyIx::new(key), values: Values::new(nodes.iter().map(value)) });
            }
        } else {
            below.clear();
            below.extend(nodes.iter().map(|node| node.and_then(|node| node.child(place))));
            walk(&below, level - 1, key, found);
        }
    }
}

impl Node {
    fn value(&self, place: u32) -> Option<EventIx> {
        match self {
            Self::Leaf { occupied, values } if occupied & (1 << place) != 0 => {
                Some(values[rank(*occupied, place)])
            }
            Self::Leaf { .. } | Self::Branch { .. } => None,
        }
    }

    fn child(&self, place: u32) -> Option<&Self> {
        match self {
            Self::Branch { occupied, children } if occupied & (1 << place) != 0 => {
                Some(&children[rank(*occupied, place)])
            }
            Self::Leaf { .. } | Self::Branch { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The split is the one the definition gives, whatever the states share.
        #[test]
        fn split_follows_the_definition(
            common in prop::collection::btree_map(0_usize..6_000, 0_usize..9, 0..60),
            changes in prop::collection::vec(
                prop::collection::vec((0_usize..6_000, prop::option::of(0_usize..9)), 0..8),
                1..6,
            ),
        ) {
            let base: StateMap =
                common.iter().map(|(k, v)| (KeyIx::new(*k), EventIx::new(*v))).collect();
            let states: Vec<StateMap> = changes
                .iter()
                .map(|changes| {
                    let mut state = base.clone();
                    for (key, value) in changes {
                        match value {
                            Some(value) => state.insert(KeyIx::new(*key), EventIx::new(*value)),
                            None => state.remove(KeyIx::new(*key)),
                        };
                    }
                    state
                })
                .collect();
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
                    expected.push(Conflict { key, values: Values::new(values.into_iter()) });
                }
            }
            prop_assert_eq!(split.conflicts, expected);
            prop_assert_eq!(states[0] == states[states.len() - 1], models[0] == models[models.len() - 1]);
        }
    }
}
