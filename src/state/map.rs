//! A state as a map that belongs to nobody else.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::node::{EMPTY, Node, StateView, WIDTH, height_for, pack, place_of, unpack};
use super::store::Stored;
use crate::room::{EventIx, KeyIx};

/// A room state: for every set state key the event that set it.
///
/// Cloning is cheap. The first change to a clone copies the nodes that the map has of its own; those it has from a
/// replay stay shared.
#[derive(Clone, Default)]
pub struct StateMap {
    /// The nodes of the replay that the map comes from; they never change.
    shared: Option<Arc<Vec<Node>>>,
    /// Nodes made since, numbered after the shared ones. Each is referred to from one place, so it can be changed
    /// where it is.
    own: Option<Arc<Vec<Node>>>,
    root: u32,
    height: u32,
    len: u32,
    latest: u32,
}

impl StateMap {
    /// The empty state.
    pub fn new() -> Self {
        Self::default()
    }

    /// A state of a store whose nodes these are.
    pub(super) fn in_store(nodes: Arc<Vec<Node>>, height: u32, state: Stored) -> Self {
        let Stored { root, len, latest } = state;
        Self { shared: Some(nodes), own: None, root, height, len, latest }
    }

    /// The number of set keys.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether no key is set.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether both are the same nodes. If so the states are equal; if not they may still be.
    pub fn shares_root_with(&self, other: &Self) -> bool {
        self.view().identity() == other.view().identity()
    }

    /// The event that set the key.
    pub fn get(&self, key: KeyIx) -> Option<EventIx> {
        self.view().get(key)
    }

    /// The entries in the order of keys, which is the bytewise order of (`type`, `state_key`).
    pub fn iter(&self) -> impl Iterator<Item = (KeyIx, EventIx)> + '_ {
        self.view().iter()
    }

    /// The entries whose keys are in a range, in the order of keys. Cost: the logarithm of the keys, and what is asked for.
    pub fn range(&self, keys: Range<KeyIx>) -> impl Iterator<Item = (KeyIx, EventIx)> + '_ {
        self.view().iter_from(keys.start).take_while(move |(key, _)| *key < keys.end)
    }

    /// Sets the key; returns what it held.
    pub fn insert(&mut self, key: KeyIx, event: EventIx) -> Option<EventIx> {
        while self.height < height_for(key) {
            self.height += 1;
            if self.root != 0 {
                let mut node = EMPTY;
                node[0] = self.root;
                self.root = self.push(node);
            }
        }
        let old = self.put(key, Some(event));
        self.len += u32::from(old.is_none());
        self.latest = self.latest.max(pack(Some(event)));
        old
    }

    /// Clears the key; returns what it held.
    pub fn remove(&mut self, key: KeyIx) -> Option<EventIx> {
        self.get(key)?;
        self.len -= 1;
        let old = self.put(key, None);
        if self.len == 0 {
            *self = Self::default();
        }
        old
    }

    pub(crate) fn view(&self) -> StateView<'_> {
        static NOTHING: [Node; 1] = [[0; WIDTH]];
        StateView {
            shared: self.shared.as_deref().map_or(&NOTHING, Vec::as_slice),
            own: self.own.as_deref().map_or(&[], Vec::as_slice),
            root: self.root,
            height: self.height,
            len: self.len,
            latest: self.latest,
        }
    }

    /// The number of the first node of its own.
    fn first_own(&self) -> usize {
        self.view().shared.len()
    }

    fn push(&mut self, node: Node) -> u32 {
        let first = self.first_own();
        let own = Arc::make_mut(self.own.get_or_insert_default());
        let number = first + own.len();
        own.push(node);
        u32::try_from(number).expect("fewer than 2^32 nodes: they would take up 256 GiB")
    }

    /// Sets what is under a key that the height allows for; makes the nodes on the way there its own.
    fn put(&mut self, key: KeyIx, event: Option<EventIx>) -> Option<EventIx> {
        let mut number = self.make_own(self.root);
        self.root = number;
        for level in (1..=self.height).rev() {
            let place = place_of(key, level);
            let child = self.view().node(number)[place];
            let own = self.make_own(child);
            self.own_node(number)[place] = own;
            number = own;
        }
        let value = &mut self.own_node(number)[place_of(key, 0)];
        unpack(std::mem::replace(value, pack(event)))
    }

    fn make_own(&mut self, number: u32) -> u32 {
        if (number as usize) < self.first_own() { self.push(*self.view().node(number)) } else { number }
    }

    fn own_node(&mut self, number: u32) -> &mut Node {
        let first = self.first_own();
        &mut Arc::make_mut(self.own.get_or_insert_default())[number as usize - first]
    }
}

impl FromIterator<(KeyIx, EventIx)> for StateMap {
    fn from_iter<I: IntoIterator<Item = (KeyIx, EventIx)>>(entries: I) -> Self {
        let mut state = Self::new();
        for (key, event) in entries {
            state.insert(key, event);
        }
        state
    }
}

impl PartialEq for StateMap {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.diff(other).next().is_none()
    }
}

impl Eq for StateMap {}

impl fmt::Debug for StateMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn key(n: usize) -> KeyIx {
        KeyIx::new(n)
    }

    fn event(n: usize) -> EventIx {
        EventIx::new(n)
    }

    #[test]
    fn snapshots_do_not_see_later_changes() {
        let mut state = StateMap::new();
        state.insert(key(3), event(1));
        let snapshot = state.clone();
        assert_eq!(state.insert(key(3), event(2)), Some(event(1)));
        state.insert(key(100_000), event(3));
        assert_eq!(snapshot.get(key(3)), Some(event(1)));
        assert_eq!(snapshot.get(key(100_000)), None);
        assert_eq!((snapshot.len(), state.len()), (1, 2));
    }

    proptest! {
        /// The map behaves as an ordinary sorted map does.
        #[test]
        fn behaves_as_a_sorted_map(
            ops in prop::collection::vec((0_usize..9_000, prop::option::of(0_usize..50)), 0..200),
            start in 0_usize..99_000,
            len in 0_usize..9_000,
        ) {
            let mut state = StateMap::new();
            let mut model = BTreeMap::new();
            for (k, value) in ops {
                match value {
                    Some(value) => prop_assert_eq!(state.insert(key(k), event(value)), model.insert(key(k), event(value))),
                    None => prop_assert_eq!(state.remove(key(k)), model.remove(&key(k))),
                }
                prop_assert_eq!(state.len(), model.len());
                prop_assert_eq!(state.get(key(k)), model.get(&key(k)).copied());
            }
            prop_assert!(state.iter().eq(model.iter().map(|(k, v)| (*k, *v))));
            let starts = model.keys().map(|key| key.index()).chain([start, start % 9_000]);
            for start in starts {
                let range = key(start)..key(start + len);
                prop_assert!(state.range(range.clone()).eq(model.range(range).map(|(k, v)| (*k, *v))));
            }
        }
    }
}
