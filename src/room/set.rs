//! Sets of events as bits.

use fixedbitset::FixedBitSet;

use super::index::EventIx;

/// A set of events of one room.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventSet(FixedBitSet);

impl EventSet {
    /// The empty set for a room of `len` events.
    pub fn new(len: usize) -> Self {
        Self(FixedBitSet::with_capacity(len))
    }

    /// Whether the event is in the set.
    pub fn contains(&self, ix: EventIx) -> bool {
        self.0.contains(ix.index())
    }

    /// Adds the event; returns whether it is new to the set.
    pub fn insert(&mut self, ix: EventIx) -> bool {
        self.0.grow(ix.index() + 1);
        !self.0.put(ix.index())
    }

    /// Removes the event.
    pub fn remove(&mut self, ix: EventIx) {
        self.0.set(ix.index(), false);
    }

    /// The events in the set, ascending.
    pub fn iter(&self) -> impl Iterator<Item = EventIx> + '_ {
        self.0.ones().map(EventIx::new)
    }

    /// The number of events in the set.
    pub fn len(&self) -> usize {
        self.0.count_ones(..)
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_clear()
    }
}

impl FromIterator<EventIx> for EventSet {
    fn from_iter<I: IntoIterator<Item = EventIx>>(events: I) -> Self {
        let mut set = Self::default();
        for ix in events {
            set.insert(ix);
        }
        set
    }
}
