//! Marks on events that are wiped all at once.

use crate::room::EventIx;

/// What an event can be marked as in the course of one resolution.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
pub(super) enum Mark {
    /// Not all state sets have it.
    Conflicted,
    /// Met by the walk for the auth difference.
    Queued,
    /// Found to be in the auth chains of all sets.
    InAllChains,
    /// Met by the search for an event of the unconflicted state.
    Searched,
    /// Reached from the conflicted events, in the search for the conflicted subgraph.
    Cone,
    /// In the conflicted subgraph.
    Subgraph,
    /// In the full conflicted set.
    Full,
    /// In the auth chain of a power event.
    BelowPower,
    /// In the power ordering.
    Power,
    /// On an auth path between events of the power ordering, but not in it.
    Between,
}

/// Marks on the events of a room.
///
/// Each word holds the number of a resolution above one bit a mark (up to ten). A word with another number holds no marks, so
/// that to begin a resolution is to count one further.
#[derive(Debug, Default)]
pub(super) struct Marks {
    words: Vec<u32>,
    resolution: u32,
}

/// What one resolution adds to the words.
const STEP: u32 = 1 << 10;

impl Marks {
    /// Wipes all marks.
    pub(super) fn begin(&mut self, events: usize) {
        match self.resolution.checked_add(STEP) {
            Some(next) if self.words.len() == events => self.resolution = next,
            _ => {
                self.words.clear();
                self.words.resize(events, 0);
                self.resolution = STEP;
            }
        }
    }

    /// Whether the event has the mark.
    pub(super) fn has(&self, ix: EventIx, mark: Mark) -> bool {
        self.bits(ix) & 1 << mark as u8 != 0
    }

    /// Gives the event the mark; returns whether that is new.
    pub(super) fn set(&mut self, ix: EventIx, mark: Mark) -> bool {
        let bits = self.bits(ix);
        let bit = 1 << mark as u8;
        self.words[ix.index()] = self.resolution | bits | bit;
        bits & bit == 0
    }

    /// Takes the mark away.
    pub(super) fn unset(&mut self, ix: EventIx, mark: Mark) {
        self.words[ix.index()] = self.resolution | self.bits(ix) & !(1 << mark as u8);
    }

    fn bits(&self, ix: EventIx) -> u32 {
        let word = self.words[ix.index()];
        if word & !(STEP - 1) == self.resolution { word & (STEP - 1) } else { 0 }
    }
}
