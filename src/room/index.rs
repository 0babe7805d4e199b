//! Dense indices: events, state keys and missing events as small integers.

use std::fmt;

macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u32);

        impl $name {
            /// The index number `place`.
            ///
            /// # Panics
            /// If `place` does not fit into 32 bits: rooms of four thousand million events are out of scope.
            pub fn new(place: usize) -> Self {
                Self(u32::try_from(place).expect("fewer than 2^32 entries"))
            }

            /// The index as a number, to look things up in slices.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    };
}

index! {
    /// An event of a [`Room`](super::Room). Smaller indices come first in a topological order over `prev_events`,
    /// `auth_events` and `prev_state_events`: whatever an event refers to has a smaller index than the event itself.
    EventIx
}

index! {
    /// A state key, that is a pair (`type`, `state_key`). Indices are in bytewise order of the
    /// pairs, so walking keys by index is walking them in the order of every printed state.
    KeyIx
}

index! {
    /// An event that is referred to but not in the dump. Indices are in bytewise order of the IDs.
    MissingIx
}

/// What a reference leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Link {
    /// An event of the room.
    Event(EventIx),
    /// An event nobody has put into the dump.
    Missing(MissingIx),
}

impl Link {
    /// The event, if it is there.
    pub fn event(self) -> Option<EventIx> {
        match self {
            Self::Event(ix) => Some(ix),
            Self::Missing(_) => None,
        }
    }
}
