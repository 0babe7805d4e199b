//! Two replays of one room side by side.

use std::sync::Arc;

use super::cursor::Position;
use crate::replay::compare::Walk;
use crate::replay::{Pair, Recording, Replay};
use crate::room::{EventIx, Room};

/// Where two replays differ.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comparison {
    /// The events that have another verdict, or another state before or after them, ascending.
    pub events: Vec<EventIx>,
    /// Whether the current states differ.
    pub now: bool,
}

/// Two replays of one room, to be compared off the frame: that takes as long as the room is large.
#[derive(Debug, Clone)]
pub struct Sides {
    pub(super) room: Arc<Room>,
    pub(super) one: Recording,
    pub(super) other: Recording,
}

impl Sides {
    /// Begins to compare.
    pub fn begin(&self) -> Comparing<'_> {
        let (one, other) = (self.one.of(&self.room), self.other.of(&self.room));
        Comparing { walk: Walk::new(&self.room), one, other, events: Vec::new() }
    }

    /// The pairs by which the room was replayed.
    pub fn pairs(&self) -> [Pair; 2] {
        [Pair::of(&self.one), Pair::of(&self.other)]
    }

    /// The number of events.
    pub fn len(&self) -> usize {
        self.room.len()
    }

    /// Whether there are no events.
    pub fn is_empty(&self) -> bool {
        self.room.is_empty()
    }
}

/// A comparison under way.
pub struct Comparing<'a> {
    walk: Walk,
    one: Replay<'a>,
    other: Replay<'a>,
    events: Vec<EventIx>,
}

impl Comparing<'_> {
    /// How many events have been compared.
    pub fn done(&self) -> usize {
        self.walk.done()
    }

    /// Compares up to so many more events. Returns whether that were all.
    pub fn advance(&mut self, events: usize) -> bool {
        let Self { walk, one, other, events: differing } = self;
        walk.advance((one, other), events, |ix, _, _| differing.push(ix))
    }

    /// The comparison; what is left of it is done now.
    pub fn finish(mut self) -> Comparison {
        self.advance(usize::MAX);
        let (one, other) = (self.one.current(), self.other.current());
        let now = one.state != other.state || one.failure.is_some() != other.failure.is_some();
        Comparison { events: self.events, now }
    }
}

impl Comparison {
    /// Whether they differ in a row.
    pub fn differs(&self, position: Position) -> bool {
        match position {
            Position::Event(ix) => self.events.binary_search(&ix).is_ok(),
            Position::Over(_) => false,
            Position::Now => self.now,
        }
    }

    /// The first difference.
    pub fn first(&self) -> Option<Position> {
        self.events.first().map(|ix| Position::Event(*ix)).or(self.now.then_some(Position::Now))
    }
}
