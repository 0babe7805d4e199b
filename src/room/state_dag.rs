//! The edges that states follow: those of `prev_events`, or of a state DAG.

use super::adjacency::Adjacency;
use super::{EventIx, Link, Room};

/// The edges of the state DAG: those of `prev_state_events`.
#[derive(Debug, Clone)]
pub(super) struct StateDag {
    pub(super) parents: Adjacency,
    pub(super) children: Adjacency,
}

impl Room {
    fn state_edges(&self) -> &Adjacency {
        self.state_dag.as_ref().map_or(&self.prev, |dag| &dag.parents)
    }

    /// The events in the room after which the state before this one comes, in the order of the event, each once: those of
    /// `prev_events`, or of `prev_state_events` where the room version has a state DAG
    /// ([`StateSource`](crate::event::room_version::StateSource)).
    pub fn state_parents(&self, ix: EventIx) -> &[EventIx] {
        self.state_edges().of(ix)
    }

    /// All events after which the state before this one comes, missing ones among them, each once.
    pub fn state_links(&self, ix: EventIx) -> impl Iterator<Item = Link> + '_ {
        self.state_edges().links(ix)
    }

    /// Whether an event after which the state before this one comes is missing.
    pub fn has_missing_state_parent(&self, ix: EventIx) -> bool {
        self.state_edges().has_missing(ix)
    }

    /// The events that have this one among their [`state_parents`](Self::state_parents), in topological order.
    pub fn state_children(&self, ix: EventIx) -> &[EventIx] {
        self.state_dag.as_ref().map_or(&self.children, |dag| &dag.children).of(ix)
    }

    /// The events with missing [`state_parents`](Self::state_parents), and all their state parents.
    pub fn state_holes(&self) -> impl Iterator<Item = (EventIx, &[Link])> {
        self.state_edges().events_with_missing()
    }

    /// Whether nothing is known after the event for want of a place in the DAG. Not so in a room with a state DAG, where to
    /// name such an event is a reason to be rejected.
    pub(crate) fn has_no_place(&self, ix: EventIx) -> bool {
        self.is_outlier(ix) && !self.rules.has_state_dag()
    }
}
