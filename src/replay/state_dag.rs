//! What a state DAG adds to a replay (MSC4242).
//!
//! ```text
//!   before(e) = resolve(after(p) for p in prev_state_events(e))
//!   auth(e)   = what the auth events selection finds in before(e)
//! ```
//!
//! For every event, in place of the checks against listed `auth_events` and against the state before it:
//! 1. Is everything it names known, and what that names, down to the create event? If not, it waits: that is no rejection.
//! 2. Rule 2: it names state events of this room that were accepted, or it is rejected. So rejection is handed down.
//! 3. The state before it, resolved from the states after what it names.
//! 4. Its auth events, calculated from that state; later resolutions follow them.
//! 5. The rules from 3 on, against that state.
//! 6. A message that is accepted is held against the current state too: see [`Arrivals`].
//!
//! Points on which the MSC is silent, and what is done here, as in Synapse where nothing else is said:
//! - What is unknown counts before what is known to be wrong: an event that names both waits.
//! - Before an event that rule 2 rejects no state is defined, nor are auth events.
//! - The create event is no calculated auth event, as it is no auth event in version 12. (Synapse lists it. Resolution is
//!   the same.)
//! - More than 20 entries are no reason to reject: the MSC limits what servers send, in prose.
//! - The creator's first join is told by `prev_events`, as in version 12: the one place where they decide.
//! - A state that somebody asserts is taken for what is behind a hole, as in other rooms, though no server does so.

use smallvec::SmallVec;

use super::arrivals::Arrivals;
use super::build::{Build, Known, timeline_extremities};
use super::states::StateNumber;
use super::{CheckKind, Footing, Rejection, Replay};
use crate::auth::{Rule, selection};
use crate::event::Kind;
use crate::event::room_version::AuthSource;
use crate::resolve::step::CalcAuth;
use crate::room::{Calculated, EventIx, EventSet, Link, MissingIx, Room, When};

/// So many missing events are told, and found on a way that ends there.
const MOST_MISSING: usize = 64;

/// A state DAG in the making.
pub(super) struct StateDagBuild {
    pub(super) auth: Calculated,
    pub(super) unprocessed: EventSet,
    /// Begun when all events have been replayed.
    pub(super) arrivals: Option<Arrivals>,
    pub(super) asks_soft_failures: bool,
    /// What judges hold for rejected if rejected events may be named: nothing.
    pub(super) nobody: Option<EventSet>,
}

/// What a replay knows of a state DAG.
#[derive(Debug, Clone)]
pub(super) struct StateDagOutcome {
    pub(super) auth: Calculated,
    pub(super) unprocessed: EventSet,
    pub(super) soft_failed: EventSet,
    /// Messages of which nobody knows whether they are soft-failed.
    pub(super) unasked: EventSet,
}

impl StateDagBuild {
    pub(super) fn new(room: &Room) -> Self {
        Self {
            auth: Calculated::new(room.len()),
            unprocessed: EventSet::default(),
            arrivals: None,
            asks_soft_failures: true,
            nobody: None,
        }
    }

    pub(super) fn finish(self) -> StateDagOutcome {
        let Self { auth, unprocessed, arrivals, .. } = self;
        let (soft_failed, unasked) = arrivals.map(Arrivals::finish).unwrap_or_default();
        StateDagOutcome { auth, unprocessed, soft_failed, unasked }
    }
}

impl Build<'_> {
    pub(super) fn take_in_state_dag(&mut self, ix: EventIx) -> Known {
        let room = self.room;
        if room.is_foreign(ix) {
            // As far as what it names tells.
            if !room.has_missing_state_parent(ix)
                && let Some(rejection) = self.judging().verdict_on_place(ix)
            {
                self.reject(ix, rejection);
            }
            return Known::NOTHING;
        }
        // A create event that names anything is rejected for that, known or not.
        let is_told = room.event(ix).kind() == Kind::Create || room.asserted(ix, When::Before).is_some();
        if !is_told && room.state_links(ix).any(|link| self.is_unknown(link)) {
            if let Some(dag) = &mut self.state_dag {
                dag.unprocessed.insert(ix);
            }
            let mut known = Known::NOTHING;
            self.state_after(ix, &mut known);
            return known;
        }
        if let Some(rejection) = self.judging().verdict_on_place(ix) {
            let origin = self.origin(ix, &rejection);
            self.reject(ix, Rejection { origin, ..rejection });
            return Known { footing: Footing::Undefined, ..Known::NOTHING };
        }
        let mut known = self.state_before(ix);
        if let Some(before) = known.before {
            self.calculate_auth(ix, before);
        }
        if !self.is_like_a_known_message(ix, known.before) {
            self.judge(ix, known.before);
        }
        self.state_after(ix, &mut known);
        known
    }

    /// Whether nothing can be said of what comes after: it is missing, or waits itself.
    fn is_unknown(&self, link: Link) -> bool {
        match link {
            Link::Missing(missing) => self.room.asserted_missing(missing).is_none(),
            Link::Event(parent) => {
                let is_judged = self.room.is_foreign(parent) || self.rejected.contains(parent);
                !is_judged && self.known[parent.index()].after.is_none()
            }
        }
    }

    /// The event that a rejection goes back to: the first in line that was rejected for something of its own.
    fn origin(&self, ix: EventIx, rejection: &Rejection) -> Option<EventIx> {
        let is_handed_down =
            rejection.refusal.as_ref().is_some_and(|refusal| refusal.rule() == Rule::StateParentRejected);
        let parent = self.room.state_parents(ix).iter().find(|parent| self.rejected.contains(**parent));
        let parent = *parent.filter(|_| is_handed_down)?;
        self.rejection(parent).and_then(|rejection| rejection.origin).or(Some(parent))
    }

    /// Finds the auth events of an event in the state before it. An event that does not tell what to look for has none, and
    /// is rejected for that.
    fn calculate_auth(&mut self, ix: EventIx, before: StateNumber) {
        let profile = self.profile();
        let Self { room, states, state_dag: Some(dag), .. } = self else { return };
        let state = states.view(before);
        if let Ok(selected) = selection(room, ix, profile) {
            // An asserted state may hold later events, which authorize nothing: auth chains go back in time.
            let found = selected.without_implied_create(room).filter_map(|key| state.get(key));
            let found: SmallVec<[EventIx; 8]> = found.filter(|auth| *auth < ix).collect();
            dag.auth.push(room, ix, &found);
        }
    }

    /// Whether an event is part of the state DAG: an accepted state event.
    pub(super) fn is_in_state_dag(&self, ix: EventIx) -> bool {
        self.room.key_of(ix).is_some()
            && !self.rejected.contains(ix)
            && self.known[ix.index()].after.is_some()
    }

    /// The events of the state DAG that no event of it names.
    pub(super) fn state_dag_extremities(&self) -> Vec<EventIx> {
        let is_last = |ix: &EventIx| {
            self.is_in_state_dag(*ix)
                && !self.room.state_children(*ix).iter().any(|child| self.is_in_state_dag(*child))
        };
        self.room.events().filter(is_last).collect()
    }

    /// Whether every event of a state DAG could be judged.
    pub(super) fn nothing_waits(&self) -> bool {
        self.state_dag.as_deref().is_some_and(|dag| dag.unprocessed.is_empty())
    }

    /// Leaves out what comes after the replay proper.
    pub(super) fn ask_no_soft_failures(&mut self) {
        if let Some(dag) = &mut self.state_dag {
            dag.asks_soft_failures = false;
        }
    }

    /// Judges events that name rejected ones as if they named what these name.
    pub(super) fn pass_over_rejected(&mut self) {
        if let Some(dag) = &mut self.state_dag {
            dag.nobody = Some(EventSet::default());
        }
    }

    /// Holds up to so many more accepted messages against the state of their time. Returns whether those were all.
    pub(super) fn look_for_soft_failures(&mut self, events: usize) -> bool {
        let Some(dag) = self.state_dag.as_mut().filter(|dag| dag.asks_soft_failures) else { return true };
        let arrivals = dag.arrivals.take();
        let mut arrivals = arrivals.unwrap_or_else(|| Arrivals::new(self.room));
        let is_done = arrivals.advance(self, events);
        if let Some(dag) = &mut self.state_dag {
            dag.arrivals = Some(arrivals);
        }
        is_done
    }
}

impl Replay<'_> {
    /// The forward extremities by `prev_events`, ascending. In a room with a state DAG those say what was sent last, and
    /// nothing of the state, which the extremities of the state DAG make up ([`Current::extremities`](super::Current)); in
    /// other rooms both are the same.
    pub fn timeline_extremities(&self) -> Vec<EventIx> {
        let Some(dag) = &self.recording.outcome.state_dag else { return self.current().extremities.clone() };
        let has_failed = |ix| dag.soft_failed.contains(ix) || self.room.recorded(ix).soft_failed;
        let is_out = |ix| self.rejected().contains(ix) || dag.unprocessed.contains(ix);
        timeline_extremities(self.room, has_failed, is_out)
    }

    /// What an event of a state DAG waits for: the missing events that it rests on, ascending, of many only some. None if
    /// it does not wait.
    pub fn waits_for(&self, ix: EventIx) -> Vec<MissingIx> {
        let (mut missing, mut seen, mut stack) = (Vec::new(), EventSet::default(), vec![ix]);
        while let Some(ix) = stack.pop() {
            if missing.len() >= MOST_MISSING || !self.is_unprocessed(ix) || !seen.insert(ix) {
                continue;
            }
            for link in self.room.state_links(ix) {
                match link {
                    Link::Event(parent) => stack.push(parent),
                    Link::Missing(gap) if self.room.asserted_missing(gap).is_none() => missing.push(gap),
                    Link::Missing(_) => {}
                }
            }
        }
        missing.sort_unstable();
        missing.dedup();
        missing
    }

    /// How the auth events of an event follow from the state before it; `None` where the event lists its own, and where no
    /// state is defined before it.
    pub fn auth_calculation(&self, ix: EventIx) -> Option<CalcAuth> {
        let before = self.before(ix).filter(|_| self.room.rules().auth_source == AuthSource::Calculated)?;
        Some(self.calculation(ix, before))
    }
}

impl CheckKind {
    /// The check on what an event names, by the rules that need no state.
    pub(super) fn on_place(room: &Room) -> Self {
        if room.rules().has_state_dag() { Self::StateParents } else { Self::AuthEvents }
    }
}
