//! The running state of a replay: a state and what was laid over it.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::sets::Sets;
use crate::room::{EventIx, KeyIx};

/// Spreads a dense index over the bits of a hash.
#[derive(Debug, Default)]
pub(super) struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32((*byte).into());
        }
    }

    fn write_u32(&mut self, index: u32) {
        self.0 = (self.0.rotate_left(5) ^ u64::from(index)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// A map by dense index.
pub(super) type IndexMap<K, V> = HashMap<K, V, BuildHasherDefault<Spread>>;

/// A running state. What it began with is not copied: a resolution touches few of thousands of keys.
#[derive(Debug, Clone)]
pub(super) struct Running<'a> {
    /// Its unconflicted state is what lies below; `None` where nothing does.
    below: Option<&'a Sets<'a>>,
    laid_over: IndexMap<KeyIx, EventIx>,
}

impl<'a> Running<'a> {
    /// The unconflicted state of some sets.
    pub(super) fn on_unconflicted(sets: &'a Sets<'a>) -> Self {
        Self { below: Some(sets), laid_over: IndexMap::default() }
    }

    /// The empty state.
    pub(super) fn on_nothing() -> Self {
        Self { below: None, laid_over: IndexMap::default() }
    }

    pub(super) fn get(&self, key: KeyIx) -> Option<EventIx> {
        match self.laid_over.get(&key) {
            Some(event) => Some(*event),
            None => self.below?.unconflicted(key),
        }
    }

    pub(super) fn insert(&mut self, key: KeyIx, event: EventIx) {
        self.laid_over.insert(key, event);
    }

    /// What was laid over, ascending by key.
    pub(super) fn into_laid_over(self) -> Vec<(KeyIx, EventIx)> {
        let mut entries: Vec<(KeyIx, EventIx)> = self.laid_over.into_iter().collect();
        entries.sort_unstable();
        entries
    }
}
