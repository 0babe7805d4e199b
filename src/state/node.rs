//! The nodes of the tries that states are, and reading them.
//!
//! ```text
//!   level 2            [ 5  9  0 … 0 ]            a branch: the numbers of 16 nodes, 0 where there is none
//!                        │  └──────────────┐
//!   level 1      5: [ 3  4  0 … ]     9: [ 8  0  0 … ]
//!                     │
//!   level 0   3: [ e  e  0 … ]                    a leaf: under 16 keys the event's index plus one, or 0
//! ```
//!
//! Nodes are named by numbers into lists and not by pointers: a node is 64 bytes, one cache line, and a copy of it
//! counts no references. Node 0 is empty, at every level, so that a search need not look where it is.

use std::hash::Hash;

use crate::room::{EventIx, KeyIx};

/// Bits of a key that one level of the trie consumes.
pub(super) const BITS: u32 = 4;
/// Places in a node.
pub(super) const WIDTH: usize = 1 << BITS;
/// Levels that the largest key needs.
const LEVELS: usize = u32::BITS.div_ceil(BITS) as usize;

/// A branch or a leaf; the level tells which.
pub(super) type Node = [u32; WIDTH];

/// What is where nothing is.
pub(super) static EMPTY: Node = [0; WIDTH];

/// The place of `key` in a node `level` levels above the leaves.
pub(super) fn place_of(key: KeyIx, level: u32) -> usize {
    (key.index() >> (BITS * level)) & (WIDTH - 1)
}

/// The number of branch levels that a trie for the keys up to `key` needs.
pub(super) fn height_for(key: KeyIx) -> u32 {
    (usize::BITS - key.index().leading_zeros()).div_ceil(BITS).saturating_sub(1)
}

/// An event as a leaf has it.
pub(super) fn pack(event: Option<EventIx>) -> u32 {
    // A room has fewer than 2^32 events, so the sum fits.
    event.map_or(0, |event| event.index() as u32 + 1)
}

/// The event that a leaf has.
pub(super) fn unpack(value: u32) -> Option<EventIx> {
    value.checked_sub(1).map(|event| EventIx::new(event as usize))
}

/// A state, borrowed: where its nodes are, and which of them is the root.
///
/// Nodes are in up to two lists, numbered through: those of a whole replay, and those that a
/// [`StateMap`](super::StateMap) has of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StateView<'a> {
    pub(super) shared: &'a [Node],
    pub(super) own: &'a [Node],
    pub(super) root: u32,
    /// The number of branch levels above the leaves.
    pub(super) height: u32,
    pub(super) len: u32,
    /// No event of the state is later than this one, given as a leaf has it.
    pub(super) latest: u32,
}

impl<'a> StateView<'a> {
    /// The number of set keys.
    pub(crate) fn len(self) -> usize {
        self.len as usize
    }

    /// An event that none of the state is later than; `None` if the state is empty.
    pub(crate) fn latest(self) -> Option<EventIx> {
        unpack(self.latest)
    }

    pub(super) fn node(self, number: u32) -> &'a Node {
        let number = number as usize;
        match number.checked_sub(self.shared.len()) {
            None => &self.shared[number],
            Some(own) => &self.own[own],
        }
    }

    /// The event that set the key.
    pub(crate) fn get(self, key: KeyIx) -> Option<EventIx> {
        if height_for(key) > self.height {
            return None;
        }
        let found =
            (0..=self.height).rev().fold(self.root, |number, level| self.node(number)[place_of(key, level)]);
        unpack(found)
    }

    /// The entries in the order of keys.
    pub(crate) fn iter(self) -> Entries<'a> {
        let mut entries = Entries { view: self, path: [(&EMPTY, 0); LEVELS], level: self.height, base: 0 };
        entries.path[self.height as usize].0 = self.node(self.root);
        entries
    }

    /// The entries from a key on, in the order of keys.
    pub(crate) fn iter_from(self, key: KeyIx) -> Entries<'a> {
        let mut entries = Entries { view: self, path: [(&EMPTY, 0); LEVELS], level: self.height, base: 0 };
        if height_for(key) > self.height {
            return entries;
        }
        let mut number = self.root;
        loop {
            let (level, place) = (entries.level, place_of(key, entries.level));
            let node = self.node(number);
            number = node[place];
            if level == 0 || number == 0 {
                entries.path[level as usize] = (node, place as u32);
                return entries;
            }
            entries.path[level as usize] = (node, place as u32 + 1);
            entries.base += place << (BITS * level);
            entries.level -= 1;
        }
    }

    /// What tells the nodes of this state from others. States of equal identity are equal; others may still be.
    pub(crate) fn identity(self) -> impl Ord + Hash + Copy {
        let root = if self.root == 0 { &EMPTY } else { self.node(self.root) };
        (std::ptr::from_ref(root), if self.root == 0 { 0 } else { self.height })
    }

    /// Whether the nodes of both have the same numbers.
    pub(super) fn is_beside(self, other: Self) -> bool {
        let same = |a: &[Node], b: &[Node]| a.len() == b.len() && (a.is_empty() || std::ptr::eq(a, b));
        same(self.shared, other.shared) && same(self.own, other.own) && self.height == other.height
    }
}

/// A walk over the entries of a state, in the order of keys.
#[derive(Debug, Clone)]
pub(crate) struct Entries<'a> {
    view: StateView<'a>,
    /// By level: the node, and its next place to look at.
    path: [(&'a Node, u32); LEVELS],
    level: u32,
    /// The key of the first place of the node at `level`.
    base: usize,
}

impl Iterator for Entries<'_> {
    type Item = (KeyIx, EventIx);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (node, next) = &mut self.path[self.level as usize];
            let Some(ahead) = node[*next as usize..].iter().position(|child| *child != 0) else {
                if self.level == self.view.height {
                    *next = WIDTH as u32;
                    return None;
                }
                self.level += 1;
                let span = BITS * (self.level + 1);
                self.base = self.base.checked_shr(span).map_or(0, |base| base << span);
                continue;
            };
            let place = *next as usize + ahead;
            let child = node[place];
            *next = place as u32 + 1;
            let key = self.base + (place << (BITS * self.level));
            if self.level == 0 {
                return Some((KeyIx::new(key), unpack(child)?));
            }
            self.level -= 1;
            self.base = key;
            self.path[self.level as usize] = (self.view.node(child), 0);
        }
    }
}
