//! Going through the events of a room, one after the other.

use std::collections::BTreeMap;

use smallvec::SmallVec;

use super::judge::Judge;
use super::messages::Messages;
use super::state_dag::{StateDagBuild, StateDagOutcome};
use super::states::{FinishedStates, StateNumber, States};
use super::stored::Expanding;
use super::{Current, Footing, Rejection};
use crate::auth::Profile;
use crate::resolve::{Algorithm, Answer, Failure, Resolver};
use crate::room::{
    Asserted, AssertedState, AuthEdges, EventIx, EventSet, KeyIx, Link, MissingIx, Room, When,
};
use crate::state::StateView;

/// What a replay knows of one event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub(super) before: Option<StateNumber>,
    pub(super) after: Option<StateNumber>,
    pub(super) footing: Footing,
    pub(super) resolved: bool,
}

impl Known {
    pub(super) const NOTHING: Self =
        Self { before: None, after: None, footing: Footing::Unknown, resolved: false };
}

/// What a replay comes to.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    pub(super) known: Vec<Known>,
    pub(super) states: FinishedStates,
    /// The states of the groups of [`Room::stored`].
    pub(super) stored: Vec<Option<StateNumber>>,
    pub(super) rejected: EventSet,
    pub(super) rejections: BTreeMap<EventIx, Rejection>,
    pub(super) failures: BTreeMap<EventIx, Failure>,
    pub(super) current: Current,
    /// Where the room version has a state DAG.
    pub(super) state_dag: Option<Box<StateDagOutcome>>,
}

/// A replay in the making.
pub(super) struct Build<'a> {
    pub(super) room: &'a Room,
    profile: Profile,
    resolver: Resolver<'a>,
    pub(super) states: States,
    stored: Expanding,
    messages: Messages,
    pub(super) known: Vec<Known>,
    pub(super) rejected: EventSet,
    /// What a state DAG adds.
    pub(super) state_dag: Option<Box<StateDagBuild>>,
    rejections: BTreeMap<EventIx, Rejection>,
    failures: BTreeMap<EventIx, Failure>,
    /// The states asserted after missing events, as far as they were needed.
    asserted_missing: BTreeMap<MissingIx, StateNumber>,
}

impl<'a> Build<'a> {
    pub(super) fn new(room: &'a Room, algorithm: Algorithm, profile: Profile) -> Self {
        Self {
            room,
            profile,
            resolver: Resolver::new(room, algorithm, profile),
            states: States::new(room),
            stored: Expanding::new(room),
            messages: Messages::new(room),
            known: Vec::with_capacity(room.len()),
            state_dag: room.rules().has_state_dag().then(|| Box::new(StateDagBuild::new(room))),
            rejected: EventSet::new(room.len()),
            rejections: BTreeMap::new(),
            failures: BTreeMap::new(),
            asserted_missing: BTreeMap::new(),
        }
    }

    pub(super) fn profile(&self) -> Profile {
        self.profile
    }

    /// How many events have been replayed.
    pub(super) fn done(&self) -> usize {
        self.known.len()
    }

    /// Replays up to so many more events. Returns whether that were all, and nothing is left to do.
    pub(super) fn advance(&mut self, events: usize) -> bool {
        if !self.stored.advance(self.room, &mut self.states, events) {
            return false;
        }
        let first = self.done();
        let end = first.saturating_add(events).min(self.room.len());
        for place in first..end {
            self.take(EventIx::new(place));
        }
        let left = events.saturating_sub(end - first);
        self.done() == self.room.len() && self.look_for_soft_failures(left)
    }

    /// Ends the replay when all events have been replayed.
    pub(super) fn finish(mut self) -> Outcome {
        let extremities = self.forward_extremities();
        let (state, footing, resolved, failure) = self.current(&extremities);
        let Self { states, stored, known, rejected, rejections, failures, state_dag, .. } = self;
        let (states, stored) = (states.finish(), stored.finish());
        let state = state.map(|state| states.get(state).clone());
        let current = Current { extremities, state, footing, resolved, failure };
        let state_dag = state_dag.map(|dag| Box::new(dag.finish()));
        Outcome { known, states, stored, rejected, rejections, failures, current, state_dag }
    }

    fn take(&mut self, ix: EventIx) {
        if self.state_dag.is_some() {
            let known = self.take_in_state_dag(ix);
            return self.known.push(known);
        }
        let mut known = if self.room.is_outlier(ix) { Known::NOTHING } else { self.state_before(ix) };
        if !self.is_like_a_known_message(ix, known.before) {
            self.judge(ix, known.before);
        }
        self.state_after(ix, &mut known);
        self.known.push(known);
    }

    pub(super) fn is_like_a_known_message(&mut self, ix: EventIx, before: Option<StateNumber>) -> bool {
        before.is_some_and(|before| {
            self.messages.are_known_to_allow(self.room, ix, before, self.states.view(before))
        })
    }

    pub(super) fn judge(&mut self, ix: EventIx, before: Option<StateNumber>) {
        let nobody = self.state_dag.as_ref().and_then(|dag| dag.nobody.as_ref());
        let rejected = nobody.unwrap_or(&self.rejected);
        let judge = Judge { room: self.room, profile: self.profile, rejected };
        let state = before.map(|before| self.states.view(before));
        let verdicts = self.resolver.verdicts();
        if let Some(rejection) = judge.verdict(ix, state, verdicts) {
            self.reject(ix, rejection);
        } else if let (Some(before), Some(reads)) = (before, verdicts.reads_that_allowed(ix)) {
            self.messages.note(self.room, ix, before, reads);
        }
    }

    pub(super) fn reject(&mut self, ix: EventIx, rejection: Rejection) {
        self.rejected.insert(ix);
        self.rejections.insert(ix, rejection);
    }

    /// Why an event was rejected.
    pub(super) fn rejection(&self, ix: EventIx) -> Option<&Rejection> {
        self.rejections.get(&ix)
    }

    /// Judges events, given which were rejected before.
    pub(super) fn judging(&self) -> Judge<'_> {
        let nobody = self.state_dag.as_ref().and_then(|dag| dag.nobody.as_ref());
        Judge { room: self.room, profile: self.profile, rejected: nobody.unwrap_or(&self.rejected) }
    }

    /// What the rules about some state say of an event, given how to look the state up.
    pub(super) fn check(&mut self, ix: EventIx, state: impl Fn(&States, KeyIx) -> Option<EventIx>) -> bool {
        let Self { room, states, resolver, .. } = self;
        resolver.verdicts().check(room, ix, |key| state(states, key)).is_ok()
    }

    pub(super) fn state_before(&mut self, ix: EventIx) -> Known {
        if let Some(asserted) = self.room.asserted(ix, When::Before) {
            let before = self.asserted_state(asserted);
            return Known { before, footing: Footing::Asserted, ..Known::NOTHING };
        }
        if let [parent] = self.room.state_parents(ix)
            && !self.room.has_missing_state_parent(ix)
        {
            let Known { after, footing, .. } = self.known[parent.index()];
            let footing = if after.is_some() { footing } else { Footing::Unknown };
            return Known { before: after, footing, ..Known::NOTHING };
        }
        let room = self.room;
        let mut inputs: SmallVec<[StateNumber; 8]> = SmallVec::new();
        let mut footing = Footing::Computed;
        for link in room.state_links(ix) {
            let Some(state) = self.after_link(link) else { return Known::NOTHING };
            inputs.push(state);
            footing = footing.max(match link {
                Link::Event(parent) => self.known[parent.index()].footing,
                Link::Missing(_) => Footing::Asserted,
            });
        }
        let (before, resolved, failure) = self.resolve(&inputs);
        if let Some(failure) = failure {
            self.failures.insert(ix, failure);
        }
        Known { before: Some(before), after: None, footing, resolved }
    }

    fn asserted_state(&mut self, asserted: &AssertedState) -> Option<StateNumber> {
        match asserted.source() {
            Asserted::Listed(events) => Some(self.states.of(self.room, events)),
            Asserted::Group(group) => self.stored.state(*group),
        }
    }

    /// The state after an event, be it in the dump or only asserted.
    pub(super) fn after_link(&mut self, link: Link) -> Option<StateNumber> {
        match link {
            Link::Event(ix) => self.known[ix.index()].after,
            Link::Missing(missing) => {
                if let Some(known) = self.asserted_missing.get(&missing) {
                    return Some(*known);
                }
                let state = self.asserted_state(self.room.asserted_missing(missing)?)?;
                self.asserted_missing.insert(missing, state);
                Some(state)
            }
        }
    }

    pub(super) fn resolve(&mut self, inputs: &[StateNumber]) -> (StateNumber, bool, Option<Failure>) {
        let Some(first) = inputs.first() else { return (States::EMPTY, false, None) };
        if inputs.iter().all(|input| input == first) {
            return (*first, false, None);
        }
        let views: SmallVec<[StateView<'_>; 4]> =
            inputs.iter().map(|input| self.states.view(*input)).collect();
        let calculated = self.state_dag.as_deref().map(|dag| &dag.auth);
        let edges = AuthEdges::of_replay(self.room, calculated);
        let answer = self.resolver.answer_along(edges, &views, &self.rejected, &mut ());
        drop(views);
        let Answer { base, changes, resolved, failure, .. } = answer;
        (self.states.change(inputs[base], &changes), resolved, failure)
    }

    pub(super) fn state_after(&mut self, ix: EventIx, known: &mut Known) {
        if let Some(asserted) = self.room.asserted(ix, When::After) {
            known.after = self.asserted_state(asserted);
            known.footing = Footing::Asserted;
            return;
        }
        known.after = known.before;
        if let (Some(before), Some(key), false) =
            (known.before, self.room.key_of(ix), self.rejected.contains(ix))
        {
            known.after = Some(self.states.change(before, &[(key, Some(ix))]));
        }
    }

    fn forward_extremities(&self) -> Vec<EventIx> {
        if self.state_dag.is_some() {
            return self.state_dag_extremities();
        }
        let has_failed = |ix: EventIx| self.room.recorded(ix).soft_failed;
        timeline_extremities(self.room, has_failed, |ix| self.rejected.contains(ix))
    }

    /// The state over the extremities: what it is, how far it can be relied on, whether they differ, what fails.
    fn current(&mut self, extremities: &[EventIx]) -> (Option<StateNumber>, Footing, bool, Option<Failure>) {
        let after = |ix: &EventIx| self.known[ix.index()].after;
        let states: Option<Vec<StateNumber>> = extremities.iter().map(after).collect();
        if extremities.is_empty() && self.nothing_waits() {
            return (Some(States::EMPTY), Footing::Computed, false, None);
        }
        // A dump of nothing but outliers has no extremities: then nothing is known, which is not an empty state.
        let Some(states) = states.filter(|states| !states.is_empty()) else {
            return (None, Footing::Unknown, false, None);
        };
        let footing = |ix: &EventIx| self.known[ix.index()].footing;
        let footing = extremities.iter().map(footing).max().unwrap_or(Footing::Computed);
        let (state, resolved, failure) = self.resolve(&states);
        (Some(state), footing, resolved, failure)
    }
}

/// The events that no other follows by `prev_events`. What a server does not hold, what is soft-failed or rejected is none,
/// and covers none; but a soft-failed event that something follows covers what comes before it.
pub(super) fn timeline_extremities(
    room: &Room,
    has_failed: impl Fn(EventIx) -> bool,
    is_out: impl Fn(EventIx) -> bool,
) -> Vec<EventIx> {
    let counts = |ix: EventIx| {
        let known_to_server = !room.is_outlier(ix) && !room.recorded(ix).outlier;
        known_to_server && !has_failed(ix) && !is_out(ix)
    };
    // Children have greater indices, so going down meets them first.
    let mut covered = EventSet::new(room.len());
    let mut extremities = Vec::new();
    for ix in room.events().rev() {
        let covers = |child: &EventIx| counts(*child) || has_failed(*child) && covered.contains(*child);
        if room.children(ix).iter().any(covers) {
            covered.insert(ix);
        } else if counts(ix) {
            extremities.push(ix);
        }
    }
    extremities.reverse();
    extremities
}
