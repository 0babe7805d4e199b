//! The states of a replay: every node once, whichever states it is part of.
//!
//! Where many servers' views of a room diverge and meet again, the same nodes come about again and again. The store
//! finds each new node among those it has (hash consing), so equal states have the same root, the states of a whole
//! room take up little, and comparing them skips whatever they share.

use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::StateMap;
use super::node::{BITS, EMPTY, Node, StateView, WIDTH, height_for, pack, place_of};
use crate::room::{EventIx, KeyIx};

/// The entry that a key gets, if any.
pub(crate) type Change = (KeyIx, Option<EventIx>);

/// A state in a [`Store`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(super) root: u32,
    pub(super) len: u32,
    /// As in a [`StateView`].
    pub(super) latest: u32,
}

impl Stored {
    /// The state without entries, which every store has.
    pub(crate) const EMPTY: Self = Self { root: 0, len: 0, latest: 0 };
}

/// A growing set of states over the same keys.
#[derive(Debug)]
pub(crate) struct Store {
    nodes: Vec<Node>,
    /// The number of every node, with its hash: so growing need not look at the nodes.
    numbers: HashTable<(u32, u32)>,
    height: u32,
}

impl Store {
    /// A store for states over the keys below `keys`, with space for about so many changes of one key: lists that grow
    /// have to be copied.
    pub(crate) fn new(keys: usize, changes: usize) -> Self {
        let height = height_for(KeyIx::new(keys.saturating_sub(1)));
        let expected = 1 + changes.saturating_mul(height as usize + 1);
        let mut nodes = Vec::with_capacity(expected);
        nodes.push(EMPTY);
        Self { nodes, numbers: HashTable::with_capacity(expected), height }
    }

    /// Borrows a state.
    pub(crate) fn view(&self, state: Stored) -> StateView<'_> {
        let Stored { root, len, latest } = state;
        StateView { shared: &self.nodes, own: &[], root, height: self.height, len, latest }
    }

    /// The state that differs from `state` by `changes`, which must ascend by key.
    ///
    /// Cost: the nodes on the paths to the changed keys, each looked up once.
    pub(crate) fn change(&mut self, state: Stored, changes: &[Change]) -> Stored {
        if changes.is_empty() {
            return state;
        }
        debug_assert!(changes.is_sorted_by(|(a, _), (b, _)| a < b), "changes ascend by key");
        let mut len = state.len;
        let root = self.rebuild(state.root, self.height, changes, &mut len);
        let latest = changes.iter().map(|(_, event)| pack(*event)).fold(state.latest, u32::max);
        Stored { root, len, latest }
    }

    fn rebuild(&mut self, number: u32, level: u32, changes: &[Change], len: &mut u32) -> u32 {
        let mut node = self.nodes[number as usize];
        if level == 0 {
            for (key, event) in changes {
                let value = &mut node[place_of(*key, 0)];
                *len -= u32::from(*value != 0);
                *value = pack(*event);
                *len += u32::from(*value != 0);
            }
        } else {
            for below in changes.chunk_by(|(a, _), (b, _)| place_of(*a, level) == place_of(*b, level)) {
                let place = place_of(below[0].0, level);
                node[place] = self.rebuild(node[place], level - 1, below, len);
            }
        }
        self.number(node)
    }

    /// The number of a node, which is new if there is none like it.
    fn number(&mut self, node: Node) -> u32 {
        if node == EMPTY {
            return 0;
        }
        let hash = hash(&node);
        let Self { nodes, numbers, .. } = self;
        let same = |(number, short): &(u32, u32)| *short == hash && nodes[*number as usize] == node;
        match numbers.entry(spread(hash), same, |(_, hash)| spread(*hash)) {
            Entry::Occupied(known) => known.get().0,
            Entry::Vacant(free) => {
                let number =
                    u32::try_from(nodes.len()).expect("fewer than 2^32 nodes: they would take up 256 GiB");
                free.insert((number, hash));
                nodes.push(node);
                number
            }
        }
    }

    /// Ends the growth of the store. The nodes stay as long as a state that is made of them.
    pub(crate) fn finish(mut self) -> Finished {
        self.nodes.shrink_to_fit();
        Finished { nodes: Arc::new(self.nodes), height: self.height }
    }
}

/// The nodes of a [`Store`] that does not grow any more.
#[derive(Debug, Clone)]
pub(crate) struct Finished {
    nodes: Arc<Vec<Node>>,
    height: u32,
}

impl Finished {
    /// A state as a map of its own.
    pub(crate) fn map(&self, state: Stored) -> StateMap {
        StateMap::in_store(Arc::clone(&self.nodes), self.height, state)
    }
}

impl StateMap {
    /// The state that differs from this one by `changes`.
    pub(crate) fn changed(mut self, changes: &[Change]) -> Self {
        for (key, event) in changes {
            match event {
                Some(event) => self.insert(*key, *event),
                None => self.remove(*key),
            };
        }
        self
    }
}

fn hash(node: &Node) -> u32 {
    // Nodes are made of small numbers; multiplying spreads them upwards, the rotation brings them down again. Two halves
    // are hashed side by side, for a product is needed only some steps later.
    let mut halves = [0_u64; 2];
    let (lower, upper) = node.split_at(WIDTH / 2);
    for (place, (a, b)) in lower.iter().zip(upper).enumerate() {
        let half = &mut halves[place % 2];
        *half =
            (half.rotate_left(BITS * 6) ^ (u64::from(*a) | u64::from(*b) << u32::BITS)).wrapping_mul(SPREAD);
    }
    let hash = (halves[0].rotate_left(BITS * 6) ^ halves[1]).wrapping_mul(SPREAD);
    (hash >> u32::BITS) as u32
}

/// A hash of 64 bits, as the table wants it.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(SPREAD)
}

/// 2^64 by the golden ratio.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The states of a store are those that ordinary maps would be, and equal ones are the same.
        #[test]
        fn states_are_what_was_changed(
            steps in prop::collection::vec(
                (0_usize..8, prop::collection::btree_map(0_usize..600, prop::option::of(0_usize..3), 0..6)),
                0..40,
            ),
        ) {
            let mut store = Store::new(600, 40);
            let mut states = vec![(Stored::EMPTY, BTreeMap::new())];
            for (from, changes) in steps {
                let (mut stored, mut model) = states[from % states.len()].clone();
                let changes: Vec<Change> =
                    changes.into_iter().map(|(key, event)| (KeyIx::new(key), event.map(EventIx::new))).collect();
                for (key, event) in &changes {
                    match event {
                        Some(event) => model.insert(*key, *event),
                        None => model.remove(key),
                    };
                }
                stored = store.change(stored, &changes);
                prop_assert_eq!(store.view(stored).len(), model.len());
                prop_assert!(store.view(stored).latest() >= model.values().max().copied());
                for (other, other_model) in &states {
                    prop_assert_eq!(other.root == stored.root, *other_model == model);
                }
                states.push((stored, model));
            }
            let finished = store.finish();
            for (stored, model) in states {
                let map = finished.map(stored);
                prop_assert!(map.iter().eq(model.iter().map(|(key, event)| (*key, *event))));
                prop_assert!(model.iter().all(|(key, event)| map.get(*key) == Some(*event)));
            }
        }
    }
}
