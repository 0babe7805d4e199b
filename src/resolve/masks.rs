//! Sets of state sets as bits.

use crate::room::EventIx;

/// For every event of a walk the sets whose auth chain it is in, as bits; several words where there are more than 64
/// sets.
///
/// Only events that wait to be visited have a mask: its memory is used again afterwards. So the masks take up what the
/// front of the walk does, not what the whole walk would.
#[derive(Debug, Default)]
pub(super) struct Masks {
    words: usize,
    /// The last word of a mask that has all sets; those before have all bits.
    last_word: u64,
    /// Where the mask of an event is, if it has one.
    slots: Vec<u32>,
    bits: Vec<u64>,
    free: Vec<u32>,
}

impl Masks {
    pub(super) fn begin(&mut self, events: usize, sets: usize) {
        self.words = sets.div_ceil(u64::BITS as usize);
        self.last_word = u64::MAX >> (self.words * u64::BITS as usize - sets);
        self.bits.clear();
        self.free.clear();
        self.slots.resize(events, 0);
    }

    /// The number of words of a mask.
    pub(super) fn words(&self) -> usize {
        self.words
    }

    /// Gives the event an empty mask.
    pub(super) fn add(&mut self, ix: EventIx) {
        let slot = self.free.pop().unwrap_or_else(|| {
            let slot = self.bits.len() / self.words;
            self.bits.resize(self.bits.len() + self.words, 0);
            slot as u32
        });
        self.slots[ix.index()] = slot;
        self.of_mut(ix).fill(0);
    }

    /// Takes the event's mask away.
    pub(super) fn remove(&mut self, ix: EventIx) {
        self.free.push(self.slots[ix.index()]);
    }

    /// The event's mask; it must have one.
    pub(super) fn of(&self, ix: EventIx) -> &[u64] {
        &self.bits[self.slots[ix.index()] as usize * self.words..][..self.words]
    }

    fn of_mut(&mut self, ix: EventIx) -> &mut [u64] {
        &mut self.bits[self.slots[ix.index()] as usize * self.words..][..self.words]
    }

    /// Adds sets to the event's mask.
    pub(super) fn extend(&mut self, ix: EventIx, sets: &[u64]) {
        add(self.of_mut(ix), sets);
    }

    /// The words of a mask that has all sets.
    pub(super) fn full(&self) -> impl Iterator<Item = u64> {
        std::iter::repeat_n(u64::MAX, self.words - 1).chain([self.last_word])
    }

    /// Whether a mask has all sets.
    pub(super) fn is_full(&self, mask: &[u64]) -> bool {
        let (last, rest) = mask.split_last().unwrap_or((&self.last_word, &[]));
        *last == self.last_word && rest.iter().fold(u64::MAX, |every, word| every & word) == u64::MAX
    }
}

/// Adds the sets of one mask to another.
pub(super) fn add(mask: &mut [u64], sets: &[u64]) {
    for (word, sets) in mask.iter_mut().zip(sets) {
        *word |= sets;
    }
}
