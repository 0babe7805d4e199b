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
    /// Messages that were not asked about, because the room is too wide.
    unasked: EventSet,
    /// So many forward extremities may still be looked at.
    looks: usize,
}

/// So many forward extremities are looked at for a room, and some for every event: of a room that is thousands wide, and whose
/// messages are all held against all of that, some are left out.
const LOOKS: usize = 1 << 24;
const LOOKS_PER_EVENT: usize = 256;
/// To resolve the states after forward extremities is as much as to look so often at each.
const RESOLVED: usize = 64;

impl Arrivals {
    pub(super) fn new(room: &Room) -> Self {
        let mut at: Vec<u32> = Vec::with_capacity(room.len());
        for ix in room.events() {
            let parents = room.state_parents(ix).iter().map(|parent| at[parent.index()]).max();
            at.push(room.position(ix).max(parents.unwrap_or(0)));
        }
        let mut left: Vec<EventIx> = room.events().collect();
        left.sort_unstable_by_key(|ix| std::cmp::Reverse((at[ix.index()], *ix)));
        Self {
            looks: LOOKS + LOOKS_PER_EVENT * left.len(),
            left,
            tips: Vec::new(),
            current: None,
            soft_failed: EventSet::default(),
            unasked: EventSet::default(),
        }
    }

    /// The messages that are soft-failed, and those of which nobody knows.
    pub(super) fn finish(self) -> (EventSet, EventSet) {
        (self.soft_failed, self.unasked)
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
        {
            match self.is_allowed_now(build, ix, before) {
                Some(true) => {}
                Some(false) => _ = self.soft_failed.insert(ix),
                None => _ = self.unasked.insert(ix),
            }
        }
    }

    /// Whether the current state allows a message; `None` if it would take too long to say.
    fn is_allowed_now(&mut self, build: &mut Build<'_>, ix: EventIx, before: StateNumber) -> Option<bool> {
        self.looks = self.looks.checked_sub(self.tips.len())?;
        let after: SmallVec<[StateNumber; 8]> =
            self.tips.iter().filter_map(|tip| build.known[tip.index()].after).collect();
        if after.iter().all(|after| *after == before) {
            return Some(true);
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
                return Some(allowed);
            }
        }
        let current = match self.current {
            Some(current) => current,
            None => {
                self.looks = self.looks.checked_sub(RESOLVED * self.tips.len())?;
                build.resolve(&after).0
            }
        };
        self.current = Some(current);
        Some(build.check(ix, |states, key| states.view(current).get(key)))
    }
}
