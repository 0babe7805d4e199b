//! How a value was lost: from the recording of a resolution to a chain of causes.

use std::collections::{HashMap, HashSet};

use super::entry::Question;
use super::loss::{Cause, Code, Relation, Verdict};
use super::past::Pasts;
use super::recording::Recording;
use crate::auth::Profile;
use crate::replay::Replay;
use crate::resolve::step::{AuthCheck, CheckVerdict, Round, V1Phase};
use crate::room::{EventIx, EventSet, KeyIx, Room};

/// No chain is longer. What an event depends on is older than the event, so chains end; but nobody reads longer ones.
const LONGEST: usize = 64;

/// Traces losses through one recorded resolution.
pub(super) struct Tracer<'t, 'a> {
    pub(super) replay: &'t Replay<'a>,
    pub(super) room: &'a Room,
    /// By which the recorded resolution went; that of the replay, unless it fails there.
    pub(super) profile: Profile,
    pub(super) pasts: &'t mut Pasts<'a>,
    pub(super) recording: &'t Recording,
    /// The keys on which the states differ.
    pub(super) conflicted: &'t HashSet<KeyIx>,
    /// The events that count as rejected there.
    pub(super) rejected: &'t EventSet,
    pub(super) known: HashMap<(EventIx, Option<EventIx>), Vec<Cause>>,
}

impl<'t, 'a> Tracer<'t, 'a> {
    /// Begins to trace in the recorded resolution of a merge where some keys were `conflicted` and some events counted as
    /// `rejected`.
    pub(super) fn new(
        replay: &'t Replay<'a>,
        profile: Profile,
        pasts: &'t mut Pasts<'a>,
        recording: &'t Recording,
        (conflicted, rejected): (&'t HashSet<KeyIx>, &'t EventSet),
    ) -> Self {
        let known = HashMap::new();
        Self { replay, room: replay.room(), profile, pasts, recording, conflicted, rejected, known }
    }
}

/// The verdict that a chain comes to.
pub(super) fn verdict(chain: &[Cause]) -> Verdict {
    match chain.last() {
        Some(leaf) if !chain.iter().any(|cause| cause.uncertain) => leaf.code.verdict(),
        _ => Verdict::Undecided,
    }
}

impl Cause {
    pub(super) fn new(event: EventIx, code: Code) -> Self {
        Self {
            event,
            code,
            by: None,
            check: None,
            refusal: None,
            operands: Vec::new(),
            deciding: Vec::new(),
            together: false,
            placement: None,
            inversion: None,
            uncertain: false,
        }
    }

    fn of_check(check: &AuthCheck) -> Self {
        let refusal = match &check.verdict {
            CheckVerdict::Rules(Err(refusal)) => Some(refusal.clone()),
            CheckVerdict::Rules(Ok(_)) | CheckVerdict::RejectedBefore | CheckVerdict::NotState => None,
        };
        Self {
            check: Some((check.round, check.number)),
            refusal,
            operands: check.operands.clone(),
            ..Self::new(check.event, Code::Unexplained)
        }
    }
}

impl Tracer<'_, '_> {
    /// How an event was lost; `stands` is what is under its key instead.
    pub(super) fn chain(&mut self, event: EventIx, stands: Option<EventIx>) -> Vec<Cause> {
        self.trace(event, stands, LONGEST)
    }

    fn trace(&mut self, event: EventIx, stands: Option<EventIx>, left: usize) -> Vec<Cause> {
        if let Some(known) = self.known.get(&(event, stands)) {
            return known.clone();
        }
        let recording = self.recording;
        let chain = match recording.check(event) {
            _ if left == 0 => vec![Cause::new(event, Code::Unexplained)],
            Some(check) if check.verdict.is_allowed() => vec![self.replaced(event, stands)],
            Some(check) => self.refused(check, left - 1),
            None => self.unchecked(event, stands, left - 1),
        };
        self.known.insert((event, stands), chain.clone());
        chain
    }

    /// It passed, and something else was put in its place.
    fn replaced(&mut self, event: EventIx, stands: Option<EventIx>) -> Cause {
        let mut cause = Cause::new(event, Code::Unexplained);
        if let Some(check) = self.recording.check(event) {
            cause.check = Some((check.round, check.number));
        }
        let Some(stands) = stands.filter(|stands| *stands != event) else { return cause };
        cause.by = Some(stands);
        let relation = self.pasts.relation(stands, event);
        cause.code = match relation {
            Relation::Before | Relation::Unknown => Code::OrderInversion,
            Relation::Concurrent => Code::Overwritten,
            Relation::After | Relation::Same => Code::Unexplained,
        };
        cause.uncertain = relation == Relation::Unknown;
        cause.inversion = match relation {
            Relation::Before => self.recording.inversion(self.room, stands, event),
            _ => None,
        };
        cause
    }

    /// A check refused it: which entries made the difference, and what is behind each. Of several that would each have
    /// sufficed to refuse it, one that is legitimate explains the loss.
    fn refused(&mut self, check: &AuthCheck, left: usize) -> Vec<Cause> {
        let mut cause = Cause::of_check(check);
        let is_rejected = self.rejected.contains(check.event);
        if !matches!(check.verdict, CheckVerdict::Rules(_)) {
            cause.code = Code::Rejected;
            return vec![cause];
        }
        let Some(question) = Question::new(self.replay, self.profile, check) else {
            cause.code = if is_rejected { Code::Rejected } else { Code::Unexplained };
            return vec![cause];
        };
        let mut best: Option<(Verdict, Vec<Cause>)> = None;
        let deciding = question.deciding();
        cause.together = deciding.together;
        for place in deciding.places.iter().copied() {
            let entry = self.entry(&question, place, deciding.others(place));
            let mut chain = vec![Cause { code: entry.deciding.code, by: entry.deciding.by, ..cause.clone() }];
            chain[0].uncertain = entry.uncertain;
            cause.deciding.push(entry.deciding);
            if let (Code::Cascade, Some(needed)) = (entry.deciding.code, entry.deciding.by) {
                chain.extend(self.trace(needed, entry.deciding.found, left));
            }
            let verdict = verdict(&chain);
            if best.as_ref().is_none_or(|(other, _)| verdict < *other) {
                best = Some((verdict, chain));
            }
        }
        let Some((_, mut chain)) = best else { return vec![cause] };
        chain[0].deciding = cause.deciding;
        if let (Code::Retroactive, Some(by)) = (chain[0].code, chain[0].by) {
            chain[0].inversion = self.recording.inversion(self.room, check.event, by);
        }
        chain
    }

    /// It never came to a check.
    fn unchecked(&mut self, event: EventIx, stands: Option<EventIx>, left: usize) -> Vec<Cause> {
        let recording = self.recording;
        if recording.position(event).is_some_and(|position| position.dropped) {
            return vec![Cause::new(event, Code::MissingAuthority)];
        }
        let candidates = self.room.key_of(event).and_then(|key| recording.candidates(key));
        let Some(candidates) = candidates else { return vec![Cause::new(event, Code::Unexplained)] };
        // v1: the first candidate stands unchecked, and the first one refused ends the contest.
        let order = candidates.order.iter().map(|(candidate, ..)| *candidate);
        let refused = order
            .take_while(|candidate| *candidate != event)
            .find(|candidate| recording.check(*candidate).is_some_and(|check| !check.verdict.is_allowed()));
        match refused.filter(|_| candidates.phase != V1Phase::Others) {
            Some(refused) => {
                let mut chain = vec![Cause { by: Some(refused), ..Cause::new(event, Code::Cascade) }];
                chain.extend(self.trace(refused, stands, left));
                chain
            }
            None => vec![self.replaced(event, stands)],
        }
    }

    /// Whether an event was replayed and could have been lost there.
    pub(super) fn is_replayed(&self, event: EventIx) -> bool {
        let tried = || {
            let candidates = self.recording.candidates(self.room.key_of(event)?)?;
            Some(candidates.order.iter().any(|(candidate, ..)| *candidate == event))
        };
        self.recording.check(event).is_some_and(|check| check.round != Round::V1) || tried() == Some(true)
    }
}
