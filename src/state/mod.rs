//! Room states as persistent maps.
//!
//! A state maps [`KeyIx`] to [`EventIx`]. Two states of one room share nearly everything, so a state
//! is a trie with 64-way branches whose nodes are shared: a snapshot costs a pointer, a change
//! copies one node a level, and comparing states skips whatever they share.
//!
//! ```text
//!   before ──► root ──► [keys 0..64] [keys 64..128]
//!                            │            ▲
//!   after ───► root' ──► [keys 0..64]' ───┘      (one leaf and the root copied)
//! ```

mod diff;
mod hash;

use std::fmt;
use std::sync::Arc;

pub use self::diff::{Conflict, Split, Values};
use crate::room::{EventIx, KeyIx};

/// Bits of a key that one level of the trie consumes.
const BITS: u32 = 6;
/// Places in a node.
const WIDTH: usize = 1 << BITS;

/// A node: the occupied places as bits, and what is there, packed.
#[derive(Debug, Clone)]
enum Node {
    Leaf { occupied: u64, values: Vec<EventIx> },
    Branch { occupied: u64, children: Vec<Arc<Node>> },
}

/// The number of occupied places before `place`.
fn rank(occupied: u64, place: u32) -> usize {
    (occupied & ((1 << place) - 1)).count_ones() as usize
}

/// A room state: for every set state key the event that set it.
///
/// Cloning is cheap; clones share their nodes.
#[derive(Clone, Default)]
pub struct StateMap {
    root: Option<Arc<Node>>,
    /// The number of branch levels above the leaves.
    height: u32,
    len: usize,
}

impl StateMap {
    /// The empty state.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of set keys.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no key is set.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether both are the same nodes. If so the states are equal; if not they may still be.
    pub fn shares_root_with(&self, other: &Self) -> bool {
        match (&self.root, &other.root) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        }
    }

    /// The event that set the key.
    pub fn get(&self, key: KeyIx) -> Option<EventIx> {
        let key = key.index();
        if key >= self.capacity() {
            return None;
        }
        let mut node = &**self.root.as_ref()?;
        let mut level = self.height;
        loop {
            let place = place_of(key, level);
            match node {
                Node::Branch { occupied, children } => {
                    if occupied & (1 << place) == 0 {
                        return None;
                    }
                    node = &children[rank(*occupied, place)];
                    level -= 1;
                }
                Node::Leaf { occupied, values } => {
                    return (occupied & (1 << place) != 0).then(|| values[rank(*occupied, place)]);
                }
            }
        }
    }

    /// Sets the key; returns what it held.
    pub fn insert(&mut self, key: KeyIx, event: EventIx) -> Option<EventIx> {
        while key.index() >= self.capacity() {
            self.grow();
        }
        let height = self.height;
        let root = self.root.get_or_insert_with(|| Arc::new(Node::empty(height)));
        let old = Node::insert(Arc::make_mut(root), height, key.index(), event);
        self.len += usize::from(old.is_none());
        old
    }

    /// Clears the key; returns what it held.
    pub fn remove(&mut self, key: KeyIx) -> Option<EventIx> {
        self.get(key)?;
        let root = self.root.as_mut()?;
        let old = Node::remove(Arc::make_mut(root), self.height, key.index());
        self.len -= 1;
        if self.len == 0 {
            self.root = None;
        }
        Some(old)
    }

    /// The entries in the order of keys, which is the bytewise order of (`type`, `state_key`).
    pub fn iter(&self) -> impl Iterator<Item = (KeyIx, EventIx)> + '_ {
        Iter { stack: self.root.iter().map(|root| (&**root, self.height, 0, 0)).collect() }
    }

    /// The number of keys a trie of this height can hold.
    fn capacity(&self) -> usize {
        WIDTH.saturating_pow(self.height + 1)
    }

    fn grow(&mut self) {
        if let Some(root) = self.root.take() {
            self.root = Some(Arc::new(Node::Branch { occupied: 1, children: vec![root] }));
        }
        self.height += 1;
    }
}

/// The place of `key` in a node `level` levels above the leaves.
fn place_of(key: usize, level: u32) -> u32 {
    ((key >> (BITS * level)) & (WIDTH - 1)) as u32
}

impl Node {
    fn empty(level: u32) -> Self {
        match level {
            0 => Self::Leaf { occupied: 0, values: Vec::new() },
            _ => Self::Branch { occupied: 0, children: Vec::new() },
        }
    }

    fn insert(&mut self, level: u32, key: usize, event: EventIx) -> Option<EventIx> {
        let place = place_of(key, level);
        match self {
            Self::Leaf { occupied, values } => {
                let at = rank(*occupied, place);
                if *occupied & (1 << place) != 0 {
                    return Some(std::mem::replace(&mut values[at], event));
                }
                *occupied |= 1 << place;
                values.insert(at, event);
                None
            }
            Self::Branch { occupied, children } => {
                let at = rank(*occupied, place);
                if *occupied & (1 << place) == 0 {
                    *occupied |= 1 << place;
                    children.insert(at, Arc::new(Self::empty(level - 1)));
                }
                Arc::make_mut(&mut children[at]).insert(level - 1, key, event)
            }
        }
    }

    /// Removes a key that is set. Nodes that become empty go too.
    fn remove(&mut self, level: u32, key: usize) -> EventIx {
        let place = place_of(key, level);
        match self {
            Self::Leaf { occupied, values } => {
                let at = rank(*occupied, place);
                *occupied &= !(1 << place);
                values.remove(at)
            }
            Self::Branch { occupied, children } => {
                let at = rank(*occupied, place);
                let child = Arc::make_mut(&mut children[at]);
                let old = child.remove(level - 1, key);
                if child.occupied() == 0 {
                    *occupied &= !(1 << place);
                    children.remove(at);
                }
                old
            }
        }
    }

    fn occupied(&self) -> u64 {
        match self {
            Self::Leaf { occupied, .. } | Self::Branch { occupied, .. } => *occupied,
        }
    }
}

/// Depth-first walk; a stack entry is (node, level, key of its first place, next place to look at).
struct Iter<'a> {
    stack: Vec<(&'a Node, u32, usize, u32)>,
}

impl Iterator for Iter<'_> {
    type Item = (KeyIx, EventIx);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (node, level, base, next) = self.stack.last_mut()?;
            let occupied = node.occupied();
            let ahead = if *next < u64::BITS { occupied >> *next } else { 0 };
            if ahead == 0 {
                self.stack.pop();
                continue;
            }
            let place = *next + ahead.trailing_zeros();
            *next = place + 1;
            let key = *base + ((place as usize) << (BITS * *level));
            match node {
                Node::Leaf { values, .. } => return Some((KeyIx::new(key), values[rank(occupied, place)])),
                Node::Branch { children, .. } => {
                    let child = (&*children[rank(occupied, place)], *level - 1, key, 0);
                    self.stack.push(child);
                }
            }
        }
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
        fn behaves_as_a_sorted_map(ops in prop::collection::vec((0_usize..9_000, prop::option::of(0_usize..50)), 0..200)) {
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
        }
    }
}
