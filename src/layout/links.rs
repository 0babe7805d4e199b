//! Which references of the events are the edges of a drawing.

use crate::room::{AuthEdges, EventIx, Link, Room};

/// Which references of the events are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Edges {
    /// `prev_events`: all edges between shown events; those across others only where no other path leads there.
    #[default]
    Prev,
    /// `auth_events`, as the events list them or as they are calculated; the create event among them where the room ID
    /// stands for it.
    Auth,
    /// `auth_events` without those that follow from others: the transitive reduction.
    ReducedAuth,
    /// `prev_state_events` (MSC4242), as [`Edges::Prev`]. Messages have them too, and nothing follows a message.
    State,
}

impl Edges {
    /// The references of an event.
    pub(super) fn links(self, room: &Room, auth: AuthEdges<'_>, ix: EventIx, links: &mut Vec<Link>) {
        match self {
            Self::Prev => links.extend(room.prev_links(ix)),
            Self::State => links.extend(room.state_links(ix)),
            Self::Auth | Self::ReducedAuth => {
                links.extend(auth.links(ix));
                links.extend(room.implied_auth_event(ix).map(Link::Event));
            }
        }
    }

    /// Whether these are auth events.
    pub(super) fn are_auth(self) -> bool {
        matches!(self, Self::Auth | Self::ReducedAuth)
    }

    /// Whether the path ends at an event that is not shown, as if it were missing: before an outlier nothing is known.
    pub(super) fn ends_at(self, room: &Room, ix: EventIx) -> bool {
        self == Self::Prev && room.is_outlier(ix)
    }

    /// Whether edges to references themselves are left out too where another path leads there.
    pub(super) fn reduces_direct(self) -> bool {
        self == Self::ReducedAuth
    }

    /// Whether many events have the same references, so that it pays to look.
    pub(super) fn repeat(self) -> bool {
        self != Self::Prev
    }
}
