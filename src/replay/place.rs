//! Places in the time of a room.

use crate::room::EventIx;

/// A place in the time of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// An event; the state in question is that before it.
    Event(EventIx),
    /// After all events: the resolution over the forward extremities.
    Now,
}

impl Place {
    /// The event, if it is one.
    pub fn event(self) -> Option<EventIx> {
        match self {
            Self::Event(ix) => Some(ix),
            Self::Now => None,
        }
    }
}

impl From<EventIx> for Place {
    fn from(ix: EventIx) -> Self {
        Self::Event(ix)
    }
}
