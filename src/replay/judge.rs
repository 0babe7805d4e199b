//! The verdict on one event.

use super::{CheckKind, Rejection};
use crate::auth::{
    Errors, Operand, Profile, Recorder, Refusal, Rule, Subject, Verdict, Verdicts, check_dependent,
    check_independent, selection,
};
use crate::event::Kind;
use crate::room::{EventIx, EventSet, KeyIx, Room};
use crate::state::StateView;

/// One check of an event, with what it read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Which check.
    pub kind: CheckKind,
    /// The keys that were looked up, and what was there.
    pub reads: Vec<(KeyIx, Option<EventIx>)>,
    /// What the rules read.
    pub operands: Vec<Operand>,
    /// How it ended; `None` if what is known does not suffice to run it.
    pub verdict: Option<Verdict>,
}

/// Judges events, given which were rejected before.
pub(super) struct Judge<'a> {
    pub(super) room: &'a Room,
    pub(super) profile: Profile,
    pub(super) rejected: &'a EventSet,
}

impl Judge<'_> {
    /// Why the event is rejected, if it is. `before` is the state before it, if that is known.
    pub(super) fn verdict(
        &self,
        ix: EventIx,
        before: Option<StateView<'_>>,
        verdicts: &mut Verdicts,
    ) -> Option<Rejection> {
        let before = before.filter(|_| self.knows_all(ix));
        let reject = |check: CheckKind, refusal: Refusal| {
            let reason = refusal.reason();
            Some(Rejection { check, refusal: Some(refusal), reason, origin: None })
        };
        if let Err(refusal) = self.check_format(ix) {
            return reject(CheckKind::Format, refusal);
        }
        if self.room.rules().has_state_dag() {
            if let Some(rejection) = self.verdict_on_place(ix) {
                return Some(rejection);
            }
        } else if self.can_judge_auth_events(ix, before) {
            if let Some(rejection) = self.verdict_on_place(ix) {
                return Some(rejection);
            }
            if let Err(refusal) = verdicts.check(self.room, ix, |key| self.own(ix, key)) {
                return reject(CheckKind::AuthEvents, refusal);
            }
        }
        // What the rules look up is hardly ever something else here than among the auth events.
        if let Some(before) = before
            && let Err(refusal) = verdicts.check(self.room, ix, |key| before.get(key))
        {
            return reject(CheckKind::StateBefore, refusal);
        }
        // In a state DAG an event that cannot be judged waits, whatever a server has made of it.
        if self.room.rules().has_state_dag() {
            return None;
        }
        let recorded = self.room.recorded(ix).rejected.as_deref().filter(|_| before.is_none())?;
        let reason = format!("recorded by the server as {recorded}");
        Some(Rejection { check: CheckKind::Recorded, refusal: None, reason, origin: None })
    }

    /// Why the event is rejected, if it is by the rules that need no state: for what it names.
    pub(super) fn verdict_on_place(&self, ix: EventIx) -> Option<Rejection> {
        let subject = Subject { room: self.room, event: ix, profile: self.profile };
        let refusal = check_independent(subject, |named| self.rejected.contains(named), ()).err()?;
        let reason = refusal.reason();
        let check = CheckKind::on_place(self.room);
        Some(Rejection { check, refusal: Some(refusal), reason, origin: None })
    }

    /// All checks with what they read, whether or not an earlier one fails.
    pub(super) fn checks(&self, ix: EventIx, before: Option<StateView<'_>>) -> Vec<Check> {
        let before = before.filter(|_| self.knows_all(ix));
        let mut checks = Vec::new();
        if let Err(refusal) = self.check_format(ix) {
            let verdict = Some(Err(refusal));
            checks.push(Check { kind: CheckKind::Format, reads: Vec::new(), operands: Vec::new(), verdict });
        }
        let mut operands = Vec::new();
        if self.room.rules().has_state_dag() {
            // Without a state before it the event waits, unless this is what it fails by.
            let verdict = self.check_place(ix, &mut operands);
            let verdict = (before.is_some() || self.rejected.contains(ix)).then_some(verdict);
            checks.push(Check { kind: CheckKind::StateParents, reads: Vec::new(), operands, verdict });
        } else {
            let verdict =
                self.can_judge_auth_events(ix, before).then(|| self.check_auth_events(ix, &mut operands));
            let reads = self.reads(ix, |key| self.own(ix, key));
            checks.push(Check { kind: CheckKind::AuthEvents, reads, operands, verdict });
        }
        // Before what is rejected for its place in a state DAG there is no state to judge by.
        let has_none = self.room.rules().has_state_dag() && before.is_none() && self.rejected.contains(ix);
        if !self.room.is_outlier(ix) && !has_none {
            let mut operands = Vec::new();
            let verdict = before.map(|before| self.check_against(ix, before, &mut operands));
            let reads = before.map_or_else(Vec::new, |before| self.reads(ix, |key| before.get(key)));
            checks.push(Check { kind: CheckKind::StateBefore, reads, operands, verdict });
        }
        checks
    }

    /// Whether the state before the event is known as a whole. A server that knows a part of it fills in what the event
    /// itself cites, so what the part lacks is held against nobody.
    fn knows_all(&self, ix: EventIx) -> bool {
        !self.room.recorded(ix).partial_state
    }

    fn reads(&self, ix: EventIx, find: impl Fn(KeyIx) -> Option<EventIx>) -> Vec<(KeyIx, Option<EventIx>)> {
        selection(self.room, ix, self.profile).map_or_else(
            |_| Vec::new(),
            |selected| selected.as_slice().iter().map(|key| (*key, find(*key))).collect(),
        )
    }

    /// Synapse does not even parse an event of room version 12 that names the create event.
    fn check_format(&self, ix: EventIx) -> Result<(), Refusal> {
        let strict =
            self.profile.switches().errors == Errors::Raise && self.room.rules().room_id_is_create_id;
        if !strict || self.room.event(ix).kind() == Kind::Create {
            return Ok(());
        }
        let create = self.room.create_by_room_id(ix);
        if create.is_some() && self.room.auth_events(ix).iter().any(|auth| Some(*auth) == create) {
            return Err(Refusal::Raised(
                Rule::AuthUnexpected,
                "SynapseError: auth_events must not contain the create event".into(),
            ));
        }
        Ok(())
    }

    /// Whether the auth events suffice to judge. A server that cannot get an auth event rejects the event; but where a
    /// part of the room is missing from the dump, the server had it.
    fn can_judge_auth_events(&self, ix: EventIx, before: Option<StateView<'_>>) -> bool {
        before.is_some() || !self.room.has_missing_auth(ix)
    }

    /// The event's own auth event under a key; in room version 12 the create event is implied by the room ID.
    fn own(&self, ix: EventIx, key: KeyIx) -> Option<EventIx> {
        let room = self.room;
        let listed = room.auth_events(ix).iter().copied().find(|auth| room.key_of(*auth) == Some(key));
        let implied = room.rules().room_id_is_create_id && key == room.well_known().create;
        listed.or_else(|| if implied { room.create_by_room_id(ix) } else { None })
    }

    fn check_auth_events(&self, ix: EventIx, recorder: &mut impl Recorder) -> Verdict {
        let verdict = self.check_place(ix, &mut *recorder)?;
        let subject = Subject { room: self.room, event: ix, profile: self.profile };
        if self.room.event(ix).kind() == Kind::Create {
            return Ok(verdict);
        }
        check_dependent(subject, |key| self.own(ix, key), recorder)
    }

    fn check_place(&self, ix: EventIx, recorder: &mut impl Recorder) -> Verdict {
        let subject = Subject { room: self.room, event: ix, profile: self.profile };
        check_independent(subject, |named| self.rejected.contains(named), recorder)
    }

    fn check_against(&self, ix: EventIx, state: StateView<'_>, recorder: &mut impl Recorder) -> Verdict {
        let subject = Subject { room: self.room, event: ix, profile: self.profile };
        check_dependent(subject, |key| state.get(key), recorder)
    }
}
