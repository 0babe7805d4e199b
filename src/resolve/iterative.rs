//! Iterative auth checks: replaying events on top of a running state.
//!
//! Source: <https://spec.matrix.org/latest/rooms/v2/#definitions>, "Iterative auth checks".

use std::collections::HashMap;

use super::Failure;
use super::running::Running;
use super::step::{AuthCheck, CheckVerdict, Observer, Read, Round, Source, Step};
use crate::auth::{
    Errors, Operand, Profile, Recorder, Refusal, Subject, Verdict, check_dependent, create_by_room_id,
    selection,
};
use crate::event::Kind;
use crate::room::{EventIx, EventSet, KeyIx, Room};

/// The replay of events on a running state, over both rounds.
pub(super) struct Replay<'a> {
    room: &'a Room,
    profile: Profile,
    rejected: &'a EventSet,
    pub(super) state: Running<'a>,
    /// Which check put an entry there; kept only if somebody listens.
    put_by: HashMap<KeyIx, (Round, usize)>,
}

impl<'a> Replay<'a> {
    pub(super) fn new(room: &'a Room, profile: Profile, rejected: &'a EventSet, base: Running<'a>) -> Self {
        Self { room, profile, rejected, state: base, put_by: HashMap::new() }
    }

    /// Checks the events in order; those that pass become part of the running state.
    ///
    /// # Errors
    /// Where the implementation that the profile stands for gives up.
    pub(super) fn run<O: Observer>(
        &mut self,
        events: &[EventIx],
        round: Round,
        observer: &mut O,
    ) -> Result<(), Failure> {
        for (place, event) in events.iter().enumerate() {
            self.check(*event, round, place + 1, observer)?;
        }
        Ok(())
    }

    fn check<O: Observer>(
        &mut self,
        event: EventIx,
        round: Round,
        number: usize,
        observer: &mut O,
    ) -> Result<(), Failure> {
        let errors = self.profile.switches().errors;
        let own = self.own_auth_events(event)?;
        let verdict = self.verdict(event, &own, None, ());
        if let (Errors::Raise, CheckVerdict::Rules(Err(refusal @ Refusal::Raised(..)))) = (errors, &verdict) {
            return Err(Failure::new(self.room, event, refusal.detail().unwrap_or_default()));
        }
        if verdict == CheckVerdict::NotState && errors != Errors::Refuse {
            return Err(Failure::no_state_key(self.room, event, errors));
        }
        let key = self.room.key_of(event);
        observer.step(|| Step::AuthCheck(Box::new(self.record(event, round, number, &own, verdict.clone()))));
        if let (true, Some(key)) = (verdict.is_allowed(), key) {
            self.state.insert(key, event);
            if O::LISTENS {
                self.put_by.insert(key, (round, number));
            }
        }
        Ok(())
    }

    /// The event's own `auth_events` that may be used: state events that were not rejected; of several for a key the
    /// last. In room version 12 the create event is implied by the room ID.
    fn own_auth_events(&self, event: EventIx) -> Result<Own, Failure> {
        let room = self.room;
        let errors = self.profile.switches().errors;
        let mut own = Own::default();
        for auth in room.auth_events(event) {
            match room.key_of(*auth) {
                Some(key) if !self.rejected.contains(*auth) => own.set(key, *auth),
                Some(_) => {}
                None if errors == Errors::Refuse => {}
                // ruma looks at rejection first. Synapse does too, but has stumbled over the event before.
                None if errors == Errors::RumaErrors && self.rejected.contains(*auth) => {}
                None => return Err(Failure::no_state_key(room, *auth, errors)),
            }
        }
        if room.rules().room_id_is_create_id && room.event(event).kind() != Kind::Create {
            own.create = create_by_room_id(room, event);
        }
        Ok(own)
    }

    /// Checks one event. `instead` replaces what is found under one key: to ask what would have been.
    fn verdict(
        &self,
        event: EventIx,
        own: &Own,
        instead: Option<(KeyIx, EventIx)>,
        recorder: impl Recorder,
    ) -> CheckVerdict {
        let switches = self.profile.switches();
        if self.room.key_of(event).is_none() {
            return CheckVerdict::NotState;
        }
        let selected = match selection(self.room, event, self.profile) {
            Ok(selected) => selected,
            Err(refusal) => return CheckVerdict::Rules(Err(refusal)),
        };
        if switches.rejected_stay_out && self.rejected.contains(event) {
            return CheckVerdict::RejectedBefore;
        }
        let look_up = |key: KeyIx| match instead {
            Some((other, event)) if other == key => Some(event),
            _ => self.find(key, own, selected.contains(key)).0,
        };
        let subject = Subject { room: self.room, event, profile: self.profile };
        let verdict: Verdict = check_dependent(subject, look_up, recorder);
        CheckVerdict::Rules(verdict)
    }

    /// What the rules find under a key: the running state's entry if the key is selected and the entry was not
    /// rejected, else the event's own auth event.
    fn find(&self, key: KeyIx, own: &Own, selected: bool) -> (Option<EventIx>, Source) {
        if selected && let Some(event) = self.state.get(key).filter(|event| !self.rejected.contains(*event)) {
            return (Some(event), Source::Running(self.put_by.get(&key).copied()));
        }
        if key == self.room.well_known().create
            && let Some(create) = own.create
        {
            return (Some(create), Source::RoomId);
        }
        match own.get(key) {
            Some(event) => (Some(event), Source::Own),
            None => (None, Source::Absent),
        }
    }

    /// The check as a step.
    fn record(
        &self,
        event: EventIx,
        round: Round,
        number: usize,
        own: &Own,
        verdict: CheckVerdict,
    ) -> AuthCheck {
        let mut operands: Vec<Operand> = Vec::new();
        let again = self.verdict(event, own, None, &mut operands);
        debug_assert_eq!(again, verdict, "checks are functions of their inputs");
        let mut reads = Vec::new();
        if let Ok(selected) = selection(self.room, event, self.profile) {
            let create = self.room.well_known().create;
            let implied = own.create.map(|_| create).filter(|key| !selected.contains(*key));
            for key in selected.as_slice().iter().copied().chain(implied) {
                let (found, source) = self.find(key, own, selected.contains(key));
                let shadowed = own.get(key).filter(|other| Some(*other) != found);
                let would_flip = shadowed.is_some_and(|other| {
                    self.verdict(event, own, Some((key, other)), ()).is_allowed() != verdict.is_allowed()
                });
                reads.push(Read { key, event: found, source, shadowed, would_flip });
            }
        }
        let replaces = self.room.key_of(event).and_then(|key| self.state.get(key));
        AuthCheck { round, number, event, reads, operands, verdict, replaces }
    }
}

/// The usable auth events of one event by key.
#[derive(Debug, Default)]
struct Own {
    entries: Vec<(KeyIx, EventIx)>,
    create: Option<EventIx>,
}

impl Own {
    fn set(&mut self, key: KeyIx, event: EventIx) {
        match self.entries.iter_mut().find(|(other, _)| *other == key) {
            Some(entry) => entry.1 = event,
            None => self.entries.push((key, event)),
        }
    }

    fn get(&self, key: KeyIx) -> Option<EventIx> {
        self.entries.iter().find(|(other, _)| *other == key).map(|(_, event)| *event)
    }
}
