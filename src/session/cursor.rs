//! Where in time the debugger stands: at which event, and inside its resolution at which step.

use super::chosen::Chosen;
use crate::room::EventIx;

/// A place on the first clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Position {
    /// An event; the state in question is that before it.
    Event(EventIx),
    /// The resolution over the states after some events that somebody has chosen. It is in no row.
    Over(Chosen),
    /// After all events: the resolution over the forward extremities.
    Now,
}

impl Position {
    /// The event, if it is one.
    pub fn event(self) -> Option<EventIx> {
        match self {
            Self::Event(ix) => Some(ix),
            Self::Over(_) | Self::Now => None,
        }
    }

    /// The event beside which the place is shown: itself, or the last of those chosen; `None` for the last row.
    pub fn anchor(self) -> Option<EventIx> {
        match self {
            Self::Event(ix) => Some(ix),
            Self::Over(chosen) => Some(chosen.last()),
            Self::Now => None,
        }
    }
}

impl From<EventIx> for Position {
    fn from(ix: EventIx) -> Self {
        Self::Event(ix)
    }
}

/// Where the debugger stands, on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor {
    /// The first clock: events.
    pub event: Position,
    /// The second clock: the step of the resolution at that event, from 0; `None`: outside of it.
    pub step: Option<usize>,
}

impl Cursor {
    /// At an event, outside of its resolution.
    pub fn at(event: impl Into<Position>) -> Self {
        Self { event: event.into(), step: None }
    }

    /// The last row.
    pub const NOW: Self = Self { event: Position::Now, step: None };
}
