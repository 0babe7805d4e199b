//! Soft failure in rooms with state DAGs.
//!
//! A message that is accepted is held against the current state at its arrival: the resolution over what the forward
//! extremities of the state DAG were then. State events are never soft-failed there: they become extremities whatever the
//! current state says, or a server that comes back could miss them (MSC4242, "Soft Failure"). Synapse's code for these rooms
//! still asks about state events, and by `prev_events`; here the text counts.
//!
//! Events arrive in the order of the dump, but not before what they name.

use std::cell::Cell;

use smallvec::SmallVec;

use super::build::Build;
use super::states::StateNumber;
use crate::room::{EventIx, EventSet, Room};

/// Events as they arrive, one after the other.
pub(super) struct Arrivals {
    /// Last arrivals first.
    left: Vec<EventIx>,
    /// The forward extremities of what has arrived.
    tips: Vec<EventIx>,
    /// The current state, if it had to be resolved.
    current: Option<StateNumber>,
    soft_failed: EventSet,
}

impl Arrivals {
    pub(super) fn new(room: &Room) -> Self {
        let mut at: Vec<u32> = Vec::with_capacity(room.len());
        for ix in room.events() {
            let parents = room.state_parents(ix).iter().map(|parent| at[parent.index()]).max();
            at.push(room.position(ix).max(parents.unwrap_or(0)));
        }
        let mut left: Vec<EventIx> = room.events().collect();
        left.sort_unstable_by_key(|ix| std::cmp::Reverse((at[ix.index()], *ix)));
        Self { left, tips: Vec::new(), current: None, soft_failed: EventSet::default() }
    }

    pub(super) fn finish(self) -> EventSet {
        self.soft_failed
    }

    /// Lets up to so many more events arrive. Returns whether those were all.
    pub(super) fn advance(&mut self, build: &mut Build<'_>, events: usize) -> bool {
        for _ in 0..events {
            let Some(ix) = self.left.pop() else { break };
            self.arrive(build, ix);
        }
        self.left.is_empty()
    }

    fn arrive(&mut self, build: &mut Build<'_>, ix: EventIx) {
        if build.is_in_state_dag(ix) {
            let parents = build.room.state_parents(ix);
            self.tips.retain(|tip| !parents.contains(tip));
            self.tips.push(ix);
            self.current = None;
        } else if build.room.key_of(ix).is_none()
            && !build.rejected.contains(ix)
            && let Some(before) = build.known[ix.index()].before
            && !self.is_allowed_now(build, ix, before)
        {
            self.soft_failed.insert(ix);
        }
    }

    fn is_allowed_now(&mut self, build: &mut Build<'_>, ix: EventIx, before: StateNumber) -> bool {
        let after: SmallVec<[StateNumber; 8]> =
            self.tips.iter().filter_map(|tip| build.known[tip.index()].after).collect();
        if after.iter().all(|after| *after == before) {
            return true;
        }
        if self.current.is_none() {
            // What all agree on is what they would be resolved to; most often that is all there is to know.
            let differ = Cell::new(false);
            let allowed = build.check(ix, |states, key| {
                let mut values = after.iter().map(|after| states.view(*after).get(key));
                let first = values.next().flatten();
                differ.set(differ.get() || values.any(|value| value != first));
                first
            });
            if !differ.get() {
                return allowed;
            }
        }
        let current = match self.current {
            Some(current) => current,
            None => build.resolve(&after).0,
        };
        self.current = Some(current);
        build.check(ix, |states, key| states.view(current).get(key))
    }
}
