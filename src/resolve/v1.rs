//! State resolution v1: phases of one event type each, ordered by the sender's claim of depth.
//!
//! Source: <https://spec.matrix.org/latest/rooms/v1/#state-resolution>; where the text is silent (the result of a phase
//! becomes visible only when the whole phase is done; if no candidate is allowed the last one stays) this does what
//! Synapse and gomatrixserverlib do.

use sha1::{Digest, Sha1};

use super::running::Running;
use super::sets::Sets;
use super::step::{
    AuthCheck, Candidates, CheckVerdict, Choice, ChoiceReason, Observer, Read, Round, Source,
    Split as SplitStep, Step, V1Phase,
};
use super::v2::Context;
use super::{Failure, Sizes};
use crate::auth::{
    Errors, Operand, Profile, Refusal, Subject, Verdict, Verdicts, check_dependent, selection,
};
use crate::room::{EventIx, EventSet, KeyIx, Room};
use crate::state::Difference;

/// A candidate with what it is ordered by.
type Candidate = (EventIx, i64, [u8; 20]);

/// The candidates for one key.
struct Bucket {
    key: KeyIx,
    phase: V1Phase,
    candidates: Vec<Candidate>,
}

/// Resolves; returns the entries that the resolved state has beside the unconflicted ones, ascending by key.
pub(super) fn resolve<O: Observer>(
    context: Context<'_>,
    verdicts: &mut Verdicts,
    sets: &Sets<'_>,
    observer: &mut O,
) -> Result<(Vec<(KeyIx, EventIx)>, Sizes), Failure> {
    let Context { room, profile, rejected, .. } = context;
    // What rules may read: the unconflicted entries and the winners of finished phases.
    let mut visible = Running::new(room, Some(sets));
    let mut state: Vec<(KeyIx, EventIx)> = Vec::new();
    let mut conflicts = Vec::new();
    for difference in sets.differences.iter() {
        match only_candidate(difference.held) {
            Some(only) => {
                visible.insert(difference.key, only);
                state.push((difference.key, only));
            }
            None => conflicts.push(difference),
        }
    }
    observer.step(|| {
        let unconflicted = sets.unconflicted_len() + state.len();
        let conflicts = conflicts.iter().map(|conflict| sets.conflict(*conflict)).collect();
        Step::Split(SplitStep { unconflicted, conflicts })
    });
    let sizes = Sizes { conflicts: conflicts.len(), ..Sizes::default() };
    let mut buckets = Vec::new();
    for Difference { key, held, .. } in conflicts {
        let bucket = bucket(room, profile, key, held, rejected);
        if let [(winner, ..)] = *bucket.candidates {
            state.push((bucket.key, winner));
            let choice =
                Choice { phase: bucket.phase, key: bucket.key, winner, reason: ChoiceReason::OnlyOne };
            observer.step(|| Step::Choice(choice));
        } else if !bucket.candidates.is_empty() {
            buckets.push(bucket);
        }
    }
    let mut number = 0;
    for phase in [V1Phase::PowerLevels, V1Phase::JoinRules, V1Phase::Members, V1Phase::Others] {
        let mut winners = Vec::new();
        for bucket in buckets.iter().filter(|bucket| bucket.phase == phase) {
            let order = bucket.candidates.clone();
            observer.step(|| Step::Candidates(Candidates { phase, key: bucket.key, order }));
            let mut contest = Contest { room, profile, visible: &visible, verdicts, number: &mut number };
            let (winner, reason) = contest.decide(bucket, observer)?;
            observer.step(|| Step::Choice(Choice { phase, key: bucket.key, winner, reason }));
            winners.push((bucket.key, winner));
        }
        for (key, winner) in winners {
            visible.insert(key, winner);
            state.push((key, winner));
        }
    }
    state.sort_unstable();
    Ok((state, sizes))
}

/// The event that all sets have which have any: a key is conflicted if two sets have different events for it; a set that
/// lacks it does not conflict.
fn only_candidate(held: &[(u32, EventIx)]) -> Option<EventIx> {
    let (_, first) = *held.first()?;
    held.iter().all(|(_, event)| *event == first).then_some(first)
}

/// The candidates in the order they are tried: for power levels, join rules and memberships the least depth first, for
/// others the greatest; ties by SHA-1 of the event ID, descending and ascending.
fn bucket(room: &Room, profile: Profile, key: KeyIx, held: &[(u32, EventIx)], rejected: &EventSet) -> Bucket {
    let phase = phase(room, key);
    let drop_rejected = profile.switches().rejected_stay_out;
    let mut events: Vec<EventIx> = held.iter().map(|(_, event)| *event).collect();
    events.sort_unstable();
    events.dedup();
    let mut candidates: Vec<Candidate> = events
        .into_iter()
        .filter(|event| !(drop_rejected && rejected.contains(*event)))
        .map(|event| (event, room.event(event).depth(), Sha1::digest(room.id(event).as_bytes()).into()))
        .collect();
    candidates.sort_by(|(_, depth, sha1), (_, other_depth, other_sha1)| {
        depth.cmp(other_depth).then_with(|| other_sha1.cmp(sha1))
    });
    if phase == V1Phase::Others {
        candidates.reverse();
    }
    Bucket { key, phase, candidates }
}

fn phase(room: &Room, key: KeyIx) -> V1Phase {
    match room.key(key) {
        ("m.room.power_levels", "") => V1Phase::PowerLevels,
        ("m.room.join_rules", _) => V1Phase::JoinRules,
        ("m.room.member", _) => V1Phase::Members,
        _ => V1Phase::Others,
    }
}

/// The contest for one key.
struct Contest<'a> {
    room: &'a Room,
    profile: Profile,
    visible: &'a Running<'a>,
    verdicts: &'a mut Verdicts,
    number: &'a mut usize,
}

impl Contest<'_> {
    fn decide<O: Observer>(
        &mut self,
        bucket: &Bucket,
        observer: &mut O,
    ) -> Result<(EventIx, ChoiceReason), Failure> {
        let events = bucket.candidates.iter().map(|(event, ..)| *event);
        if bucket.phase == V1Phase::Others {
            let mut last = None;
            for event in events {
                last = Some(event);
                if self.is_allowed(event, bucket.key, None, observer)? {
                    return Ok((event, ChoiceReason::FirstAllowed));
                }
            }
            return Ok((last.expect("a bucket has candidates"), ChoiceReason::NoneAllowed));
        }
        let mut events = events;
        let mut winner = events.next().expect("a bucket has candidates");
        for event in events {
            if !self.is_allowed(event, bucket.key, Some(winner), observer)? {
                break;
            }
            winner = event;
        }
        Ok((winner, ChoiceReason::LastAllowed))
    }

    /// Whether the rules allow an event, given the visible state with the candidate so far laid over its key.
    fn is_allowed<O: Observer>(
        &mut self,
        event: EventIx,
        key: KeyIx,
        candidate: Option<EventIx>,
        observer: &mut O,
    ) -> Result<bool, Failure> {
        *self.number += 1;
        let subject = Subject { room: self.room, event, profile: self.profile };
        let look_up = |wanted: KeyIx| match candidate {
            Some(candidate) if wanted == key => Some(candidate),
            _ => self.visible.get(wanted),
        };
        let verdict: Verdict = selection(self.room, event, self.profile)
            .and_then(|_| self.verdicts.check(self.room, event, look_up));
        if let (Errors::Raise, Err(Refusal::Raised(_, text))) = (self.profile.switches().errors, &verdict) {
            return Err(Failure::new(self.room, event, text));
        }
        observer.step(|| {
            let mut operands: Vec<Operand> = Vec::new();
            let _ = check_dependent(subject, look_up, &mut operands);
            let reads = selection(self.room, event, self.profile).map_or_else(
                |_| Vec::new(),
                |selected| {
                    let read = |wanted: &KeyIx| self.read(*wanted, key, candidate);
                    selected.as_slice().iter().map(read).collect()
                },
            );
            Step::AuthCheck(Box::new(AuthCheck {
                round: Round::V1,
                number: *self.number,
                event,
                reads,
                operands,
                verdict: CheckVerdict::Rules(verdict.clone()),
                replaces: candidate,
            }))
        });
        Ok(verdict.is_ok())
    }

    fn read(&self, wanted: KeyIx, key: KeyIx, candidate: Option<EventIx>) -> Read {
        let (event, source) = match (candidate, self.visible.get(wanted)) {
            (Some(candidate), _) if wanted == key => (Some(candidate), Source::Candidate),
            (_, Some(event)) => (Some(event), Source::Running(None)),
            (_, None) => (None, Source::Absent),
        };
        Read { key: wanted, event, source, shadowed: None, would_flip: false }
    }
}
