//! Which entries made a check fail, and what is behind each of them.

use super::cause::Tracer;
use super::loss::{Code, Deciding, Relation};
use crate::auth::{Profile, Subject, check_dependent};
use crate::event::Kind;
use crate::event::content::Membership;
use crate::replay::Replay;
use crate::resolve::step::{AuthCheck, Round, Source};
use crate::room::{EventIx, KeyIx, Room};

/// No revocation is looked for further back.
const LONGEST_WALK: usize = 1000;

/// One key that a check read.
#[derive(Debug, Clone, Copy)]
struct Entry {
    key: KeyIx,
    found: Option<EventIx>,
    source: Source,
    /// What was there when the event was sent.
    needed: Option<EventIx>,
}

/// A check that refused an event, to be asked what it would have said.
pub(super) struct Question<'a> {
    room: &'a Room,
    profile: Profile,
    event: EventIx,
    entries: Vec<Entry>,
}

/// The entries that decided.
pub(super) struct DecidingEntries {
    /// Their places, ascending.
    pub(super) places: Vec<usize>,
    /// Only all of them together would have changed the verdict.
    pub(super) together: bool,
}

impl DecidingEntries {
    /// The places of those that must change too, if one does, to change the verdict.
    pub(super) fn others(&self, place: usize) -> u32 {
        let others = self.places.iter().filter(|other| self.together && **other != place);
        others.fold(0, |mask, other| mask | 1 << other)
    }
}

/// What is behind an entry.
pub(super) struct Behind {
    pub(super) deciding: Deciding,
    /// Something is missing that might turn this.
    pub(super) uncertain: bool,
}

impl<'a> Question<'a> {
    /// `None` if the event would have been refused even when it was sent: then it is not the replay that is to blame.
    pub(super) fn new(replay: &Replay<'a>, profile: Profile, check: &AuthCheck) -> Option<Self> {
        let room = replay.room();
        let event = check.event;
        let own = |key: KeyIx| {
            replay.auth().of(event).iter().rev().copied().find(|auth| room.key_of(*auth) == Some(key))
        };
        let question = |needed: &dyn Fn(KeyIx) -> Option<EventIx>| {
            let entries = check.reads.iter().map(|read| Entry {
                key: read.key,
                found: read.event,
                source: read.source,
                // The create event is there by the room ID, whatever else is.
                needed: needed(read.key).or(read.event.filter(|_| read.source == Source::RoomId)),
            });
            Self { room, profile, event, entries: entries.collect() }
        };
        let before = replay.before(event).map(|state| question(&|key| state.get(key)));
        let all = |question: &Self| question.allows(u32::MAX, None);
        before.filter(all).or_else(|| Some(question(&own)).filter(all))
    }

    /// Whether the event is allowed where the entries at `places` (a bit mask) are as they were when it was sent, and
    /// one of them is something else.
    fn allows(&self, places: u32, instead: Option<(usize, Option<EventIx>)>) -> bool {
        let subject = Subject { room: self.room, event: self.event, profile: self.profile };
        let look_up = |key: KeyIx| {
            let place = self.entries.iter().position(|entry| entry.key == key)?;
            match instead {
                Some((other, event)) if other == place => event,
                _ if places >> place & 1 == 1 => self.entries[place].needed,
                _ => self.entries[place].found,
            }
        };
        check_dependent(subject, look_up, ()).is_ok()
    }

    /// The entries that made the difference: those that alone would have, or if none would, the fewest that together
    /// would have.
    pub(super) fn deciding(&self) -> DecidingEntries {
        // At most as many entries as a selection has keys, which is few.
        let differing: Vec<usize> = (0..self.entries.len().min(16))
            .filter(|place| self.entries[*place].found != self.entries[*place].needed)
            .collect();
        let mask_of = |subset: u32| {
            let chosen = differing.iter().enumerate().filter(|(bit, _)| subset >> bit & 1 == 1);
            chosen.fold(0_u32, |mask, (_, place)| mask | 1 << place)
        };
        for size in 1..=u32::try_from(differing.len()).unwrap_or(0) {
            let subsets = (1_u32..1 << differing.len()).filter(|subset| subset.count_ones() == size);
            let mut hits = subsets.map(mask_of).filter(|mask| self.allows(*mask, None));
            // Of several pairs one is enough: each explains the loss.
            let mask =
                if size == 1 { hits.fold(0, |all, mask| all | mask) } else { hits.next().unwrap_or(0) };
            if mask != 0 {
                let places = (0..self.entries.len()).filter(|place| mask >> place & 1 == 1).collect();
                return DecidingEntries { places, together: size > 1 };
            }
        }
        DecidingEntries { places: Vec::new(), together: false }
    }
}

/// Who began to stand in the way.
enum Began {
    With(EventIx),
    Never,
    /// Behind a hole.
    Unknown,
}

impl Tracer<'_, '_> {
    /// What is behind the entry at `place`; `others` are the places that must change too to save the event.
    pub(super) fn entry(&mut self, question: &Question<'_>, place: usize, others: u32) -> Behind {
        let Entry { key, found, source, needed } = question.entries[place];
        let event = question.event;
        let relation = found.map(|found| self.pasts.relation(found, event));
        let deciding = Deciding { key, found, source, relation, needed, code: Code::Unexplained, by: found };
        let began = match (found, relation) {
            (Some(found), Some(Relation::Concurrent | Relation::After | Relation::Unknown)) => {
                self.began(question, (place, others), found)
            }
            _ => Began::Never,
        };
        let (by, relation, uncertain) = match began {
            Began::With(by) => (by, self.pasts.relation(by, event), false),
            Began::Unknown => match found {
                Some(found) => (found, relation.unwrap_or(Relation::Unknown), true),
                None => return self.without_revocation(event, deciding),
            },
            Began::Never => return self.without_revocation(event, deciding),
        };
        let code = match relation {
            Relation::After if self.is_absence_from_the_start(&deciding) => Code::MissingAuthority,
            Relation::After => Code::Retroactive,
            _ => self.revocation(Some(by), event),
        };
        let uncertain = uncertain || relation == Relation::Unknown;
        Behind { deciding: Deciding { code, by: Some(by), relation: Some(relation), ..deciding }, uncertain }
    }

    /// What a revocation is called.
    fn revocation(&self, by: Option<EventIx>, event: EventIx) -> Code {
        let sender = |ix: EventIx| self.room.event(ix).sender();
        if by.is_some_and(|by| sender(by) == sender(event)) { Code::SelfRevoked } else { Code::Revoked }
    }

    /// The event of the entry's key with which it began to stand in the way: before it, the lost event would have passed.
    fn began(&mut self, question: &Question<'_>, (place, others): (usize, u32), found: EventIx) -> Began {
        let key = question.entries[place].key;
        let mut at = found;
        for _ in 0..LONGEST_WALK {
            let Some(before) = self.replay.before(at) else { return Began::Unknown };
            let earlier = before.get(key).filter(|earlier| *earlier != at);
            if question.allows(others, Some((place, earlier))) {
                return Began::With(at);
            }
            let Some(earlier) = earlier else { return Began::Never };
            if matches!(self.pasts.relation(earlier, question.event), Relation::Before | Relation::Same) {
                return Began::Never;
            }
            at = earlier;
        }
        Began::Unknown
    }

    /// Nobody took anything back by this entry: what the event needed is older, was not replayed, or was lost.
    fn without_revocation(&mut self, event: EventIx, deciding: Deciding) -> Behind {
        let Deciding { found, needed, relation, .. } = deciding;
        let uncertain = relation == Some(Relation::Unknown);
        let behind = |code: Code, by: Option<EventIx>| Behind {
            deciding: Deciding { code, by, ..deciding },
            uncertain,
        };
        let Some(needed) = needed else {
            return match relation {
                Some(Relation::After) => behind(Code::Retroactive, found),
                Some(Relation::Concurrent | Relation::Unknown) => {
                    behind(self.revocation(found, event), found)
                }
                _ => behind(Code::StaleAuthority, found),
            };
        };
        // What was there follows what was needed, though where it was sent that had been lost already.
        if found.is_some_and(|found| self.pasts.is_before(needed, found)) {
            let code = match relation {
                Some(Relation::After) => Code::Retroactive,
                Some(Relation::Concurrent | Relation::Unknown) => self.revocation(deciding.found, event),
                _ => Code::StaleAuthority,
            };
            return behind(code, found);
        }
        let was_lost = match found {
            // In v1 a membership in dispute is in no state until the memberships are decided, which comes last.
            None => self
                .recording
                .check(needed)
                .is_some_and(|check| check.round != Round::V1 && !check.verdict.is_allowed()),
            Some(_) => {
                self.is_replayed(needed)
                    && (!self.recording.passed(needed) || !self.came_later(needed, &deciding))
            }
        };
        if was_lost {
            return behind(Code::Cascade, Some(needed));
        }
        match relation {
            None => behind(Code::MissingAuthority, Some(needed)),
            Some(Relation::After) => behind(Code::Retroactive, found),
            Some(_) => behind(Code::StaleAuthority, found),
        }
    }

    /// Whether `needed` was replayed only after what was found in its place.
    fn came_later(&self, needed: EventIx, deciding: &Deciding) -> bool {
        match (deciding.source, deciding.found) {
            (Source::Running(Some(_)) | Source::Candidate, Some(found)) => {
                !self.recording.is_checked_before(needed, found)
            }
            // Nothing had been put there yet.
            _ => true,
        }
    }

    /// The sender is not in the room in the state that the replay began with, and nobody disputes that: the state is
    /// later than the event.
    fn is_absence_from_the_start(&self, deciding: &Deciding) -> bool {
        let is_left = |ix: EventIx| {
            let event = self.room.event(ix);
            event.kind() == Kind::Member
                && event
                    .as_member()
                    .is_some_and(|member| member.membership.value() == Some(&Membership::Leave))
        };
        deciding.source == Source::Running(None)
            && !self.conflicted.contains(&deciding.key)
            && deciding.found.is_some_and(is_left)
    }
}
