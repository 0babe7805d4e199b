//! The running state of a replay: a state and what was laid over it.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::sets::Sets;
use crate::room::{EventIx, KeyIx, Room, WellKnown};

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
    /// What nearly every rule reads: the create event, the join rules, the power levels.
    well_known: [(KeyIx, Option<EventIx>); 3],
}

impl<'a> Running<'a> {
    /// A state that begins as the unconflicted state of `below`, or empty.
    pub(super) fn new(room: &Room, below: Option<&'a Sets<'a>>) -> Self {
        let WellKnown { create, join_rules, power_levels } = room.well_known();
        let well_known = [create, join_rules, power_levels]
            .map(|key| (key, below.and_then(|sets| sets.unconflicted(key))));
        Self { below, laid_over: IndexMap::default(), well_known }
    }

    pub(super) fn get(&self, key: KeyIx) -> Option<EventIx> {
        if let Some((_, event)) = self.well_known.iter().find(|(known, _)| *known == key) {
            return *event;
        }
        match self.laid_over.get(&key) {
            Some(event) => Some(*event),
            None => self.below?.unconflicted(key),
        }
    }

    pub(super) fn insert(&mut self, key: KeyIx, event: EventIx) {
        self.laid_over.insert(key, event);
        if let Some((_, known)) = self.well_known.iter_mut().find(|(known, _)| *known == key) {
            *known = Some(event);
        }
    }

    /// What was laid over, ascending by key.
    pub(super) fn into_laid_over(self) -> Vec<(KeyIx, EventIx)> {
        let mut entries: Vec<(KeyIx, EventIx)> = self.laid_over.into_iter().collect();
        entries.sort_unstable();
        entries
    }
}
