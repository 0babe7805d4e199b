//! Iterative auth checks: replaying events on top of a running state.
//!
//! Source: <https://spec.matrix.org/latest/rooms/v2/#definitions>, "Iterative auth checks".

use std::collections::HashMap;

use super::Failure;
use super::running::Running;
use super::step::{AuthCheck, CheckVerdict, Observer, Read, Round, Source, Step};
use crate::auth::{
    Errors, Operand, Profile, Recorder, Refusal, Subject, Verdict, Verdicts, check_dependent, selection,
};
use crate::event::Kind;
use crate::room::{AuthEdges, EventIx, EventSet, KeyIx, Room};

/// The replay of events on a running state, over both rounds.
pub(super) struct Replay<'a> {
    room: &'a Room,
    edges: AuthEdges<'a>,
    profile: Profile,
    rejected: &'a EventSet,
    pub(super) state: Running<'a>,
    /// Which check put an entry there; kept only if somebody listens.
    put_by: HashMap<KeyIx, (Round, usize)>,
}

impl<'a> Replay<'a> {
    pub(super) fn new(
        room: &'a Room,
        edges: AuthEdges<'a>,
        profile: Profile,
        rejected: &'a EventSet,
        base: Running<'a>,
    ) -> Self {
        Self { room, edges, profile, rejected, state: base, put_by: HashMap::new() }
    }

    /// Checks the events in order; those that pass become part of the running state.
    ///
    /// # Errors
    /// Where the implementation that the profile stands for gives up.
    pub(super) fn run<O: Observer>(
        &mut self,
        events: &[EventIx],
        round: Round,
        verdicts: &mut Verdicts,
        observer: &mut O,
    ) -> Result<(), Failure> {
        for (place, event) in events.iter().enumerate() {
            self.check(*event, (round, place + 1), verdicts, observer)?;
        }
        Ok(())
    }

    fn check<O: Observer>(
        &mut self,
        event: EventIx,
        place: (Round, usize),
        verdicts: &mut Verdicts,
        observer: &mut O,
    ) -> Result<(), Failure> {
        let errors = self.profile.switches().errors;
        if errors != Errors::Refuse {
            self.check_own(event)?;
        }
        let verdict = self.verdict(event, |look_up| verdicts.check(self.room, event, look_up));
        if let (Errors::Raise, CheckVerdict::Rules(Err(refusal @ Refusal::Raised(..)))) = (errors, &verdict) {
            return Err(Failure::new(self.room, event, refusal.detail().unwrap_or_default()));
        }
        if verdict == CheckVerdict::NotState && errors != Errors::Refuse {
            return Err(Failure::no_state_key(self.room, event, errors));
        }
        observer.step(|| Step::AuthCheck(Box::new(self.record(event, place, verdict.clone()))));
        if let (true, Some(key)) = (verdict.is_allowed(), self.room.key_of(event)) {
            self.state.insert(key, event);
            if O::LISTENS {
                self.put_by.insert(key, place);
            }
        }
        Ok(())
    }

    /// Where implementations stumble over auth events that are no state events.
    fn check_own(&self, event: EventIx) -> Result<(), Failure> {
        let room = self.room;
        let errors = self.profile.switches().errors;
        for auth in self.edges.of(event).iter().filter(|auth| room.key_of(**auth).is_none()) {
            // ruma looks at rejection first. Synapse does too, but has stumbled over the event before.
            if errors != Errors::RumaErrors || !self.rejected.contains(*auth) {
                return Err(Failure::no_state_key(room, *auth, errors));
            }
        }
        Ok(())
    }

    /// The event's own auth event under a key, if it may be used: if it was not rejected; of several the last.
    fn own(&self, event: EventIx, key: KeyIx) -> Option<EventIx> {
        let room = self.room;
        let usable = |auth: &&EventIx| room.key_of(**auth) == Some(key) && !self.rejected.contains(**auth);
        self.edges.of(event).iter().rev().find(usable).copied()
    }

    /// The create event that an event of room version 12 has by its room ID.
    fn implied_create(&self, event: EventIx) -> Option<EventIx> {
        let implied = self.room.rules().room_id_is_create_id && self.room.event(event).kind() != Kind::Create;
        if implied { self.room.create_by_room_id(event) } else { None }
    }

    /// Checks one event. `check` applies the rules to what it is told to look things up with.
    fn verdict(
        &self,
        event: EventIx,
        check: impl FnOnce(&dyn Fn(KeyIx) -> Option<EventIx>) -> Verdict,
    ) -> CheckVerdict {
        if self.room.key_of(event).is_none() {
            return CheckVerdict::NotState;
        }
        let selected = match selection(self.room, event, self.profile) {
            Ok(selected) => selected,
            Err(refusal) => return CheckVerdict::Rules(Err(refusal)),
        };
        if self.profile.switches().rejected_stay_out && self.rejected.contains(event) {
            return CheckVerdict::RejectedBefore;
        }
        CheckVerdict::Rules(check(&|key| self.find(event, key, selected.contains(key)).0))
    }

    /// The verdict with what the rules read; `instead` replaces what is found under one key: to ask what would have been.
    fn verdict_again(
        &self,
        event: EventIx,
        instead: Option<(KeyIx, EventIx)>,
        recorder: impl Recorder,
    ) -> CheckVerdict {
        let subject = Subject { room: self.room, event, profile: self.profile };
        self.verdict(event, |look_up| {
            let look_up = |key: KeyIx| match instead {
                Some((other, event)) if other == key => Some(event),
                _ => look_up(key),
            };
            check_dependent(subject, look_up, recorder)
        })
    }

    /// What the rules find under a key: the running state's entry if the key is selected and the entry was not
    /// rejected, else the event's own auth event.
    fn find(&self, event: EventIx, key: KeyIx, selected: bool) -> (Option<EventIx>, Source) {
        if selected && let Some(event) = self.state.get(key).filter(|event| !self.rejected.contains(*event)) {
            return (Some(event), Source::Running(self.put_by.get(&key).copied()));
        }
        if key == self.room.well_known().create
            && let Some(create) = self.implied_create(event)
        {
            return (Some(create), Source::RoomId);
        }
        match self.own(event, key) {
            Some(event) => (Some(event), Source::Own),
            None => (None, Source::Absent),
        }
    }

    /// The check as a step.
    fn record(&self, event: EventIx, (round, number): (Round, usize), verdict: CheckVerdict) -> AuthCheck {
        let mut operands: Vec<Operand> = Vec::new();
        let again = self.verdict_again(event, None, &mut operands);
        debug_assert_eq!(again, verdict, "checks are functions of their inputs");
        let mut reads = Vec::new();
        if let Ok(selected) = selection(self.room, event, self.profile) {
            let create = self.room.well_known().create;
            // Not selected where the room ID implies it, but read all the same; as it is if an event lists it.
            let read = self.implied_create(event).or_else(|| self.own(event, create));
            let implied = read.map(|_| create).filter(|key| !selected.contains(*key));
            for key in selected.as_slice().iter().copied().chain(implied) {
                let (found, source) = self.find(event, key, selected.contains(key));
                let shadowed = self.own(event, key).filter(|other| Some(*other) != found);
                let would_flip = shadowed.is_some_and(|other| {
                    self.verdict_again(event, Some((key, other)), ()).is_allowed() != verdict.is_allowed()
                });
                reads.push(Read { key, event: found, source, shadowed, would_flip });
            }
        }
        let replaces = self.room.key_of(event).and_then(|key| self.state.get(key));
        AuthCheck { round, number, event, reads, operands, verdict, replaces }
    }
}
