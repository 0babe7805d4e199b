//! Verdicts, remembered with what they were reached from.

use std::cell::Cell;

use super::dependent::check_remembering;
use super::memo::Memo;
use super::{Profile, Refusal, Rule, Subject, Verdict};
use crate::room::{EventIx, KeyIx, Room};

/// No check of the rules looks up more keys: create event, power levels, join rules, the memberships of sender, target
/// and authoriser, a third-party invite.
const MOST: usize = 7;

/// A key, and the event found there: its index plus one, or 0.
type Read = (u32, u32);

fn pack(event: Option<EventIx>) -> u32 {
    event.map_or(0, |event| event.index() as u32 + 1)
}

fn unpack(found: u32) -> Option<EventIx> {
    found.checked_sub(1).map(|event| EventIx::new(event as usize))
}

/// What one check looked up, and what it came to.
#[derive(Debug, Clone, Copy)]
struct Known {
    event: EventIx,
    reads: [Read; MOST],
    len: u8,
    allowed: bool,
    rule: Rule,
}

impl Known {
    fn verdict(&self) -> Verdict {
        if self.allowed { Ok(self.rule) } else { Err(Refusal::Rule(self.rule)) }
    }

    /// Whether `state` has what was found.
    fn holds_in(&self, state: impl Fn(KeyIx) -> Option<EventIx>) -> bool {
        let reads = &self.reads[..usize::from(self.len)];
        reads.iter().all(|(key, found)| pack(state(KeyIx::new(*key as usize))) == *found)
    }
}

/// The verdicts of the rules about some state, as one profile has them: of every event the last.
///
/// A check is a function of the event and of what it looks up. Where another state has the same there, as it most often
/// has, its verdict is the same, and need not be reached again. Verdicts about something unreadable are not kept.
#[derive(Debug)]
pub(crate) struct Verdicts {
    profile: Profile,
    /// By event the place in `known`, plus one.
    places: Vec<u32>,
    /// State events: only they are checked more often than on receipt.
    known: Vec<Known>,
    last: Option<Known>,
    memo: Option<Memo>,
}

impl Verdicts {
    /// No verdicts yet.
    pub(crate) fn new(profile: Profile) -> Self {
        Self { profile, places: Vec::new(), known: Vec::new(), last: None, memo: None }
    }

    /// Checks as [`check_dependent`](super::check_dependent) does.
    ///
    /// # Errors
    /// The verdict, if the event is refused.
    pub(crate) fn check(
        &mut self,
        room: &Room,
        event: EventIx,
        state: impl Fn(KeyIx) -> Option<EventIx>,
    ) -> Verdict {
        if let Some(known) = self.find(event)
            && known.holds_in(&state)
        {
            return known.verdict();
        }
        let subject = Subject { room, event, profile: self.profile };
        let reads = Reads::default();
        let memo = self.memo.get_or_insert_with(|| Memo::new(room));
        let verdict = check_remembering(subject, |key| reads.look_up(key, &state), memo);
        if let Some(known) = reads.into_known(event, &verdict) {
            self.keep(room, known);
        }
        verdict
    }

    /// What was looked up for the last check, if it was of this event and allowed it.
    pub(crate) fn reads_that_allowed(
        &self,
        event: EventIx,
    ) -> Option<impl ExactSizeIterator<Item = (KeyIx, Option<EventIx>)>> {
        let last = self.last.as_ref().filter(|last| last.event == event && last.allowed)?;
        let reads = &last.reads[..usize::from(last.len)];
        Some(reads.iter().map(|(key, found)| (KeyIx::new(*key as usize), unpack(*found))))
    }

    fn find(&self, event: EventIx) -> Option<&Known> {
        if let Some(last) = &self.last
            && last.event == event
        {
            return Some(last);
        }
        let place = self.places.get(event.index())?.checked_sub(1)?;
        Some(&self.known[place as usize])
    }

    fn keep(&mut self, room: &Room, known: Known) {
        self.last = Some(known);
        let event = known.event;
        if room.key_of(event).is_none() {
            return;
        }
        if self.places.len() < room.len() {
            self.places.resize(room.len(), 0);
        }
        match self.places[event.index()].checked_sub(1) {
            Some(place) => self.known[place as usize] = known,
            None => {
                self.known.push(known);
                self.places[event.index()] = self.known.len() as u32;
            }
        }
    }
}

/// What a check in progress has looked up, each key once.
#[derive(Debug, Default)]
struct Reads {
    reads: [Cell<Read>; MOST],
    /// Greater than [`MOST`] if there are more than there is room for.
    len: Cell<usize>,
}

impl Reads {
    /// What `find` finds under a key, or found when the key was looked up before.
    fn look_up(&self, key: KeyIx, find: impl Fn(KeyIx) -> Option<EventIx>) -> Option<EventIx> {
        let number = key.index() as u32;
        let len = self.len.get();
        for read in self.reads.iter().take(len) {
            let (known, found) = read.get();
            if known == number {
                return unpack(found);
            }
        }
        let found = find(key);
        if let Some(free) = self.reads.get(len) {
            free.set((number, pack(found)));
        }
        self.len.set(len + 1);
        found
    }

    fn into_known(self, event: EventIx, verdict: &Verdict) -> Option<Known> {
        let (allowed, rule) = match verdict {
            Ok(rule) => (true, *rule),
            Err(Refusal::Rule(rule)) => (false, *rule),
            Err(Refusal::Unreadable(..) | Refusal::Raised(..)) => return None,
        };
        let len = u8::try_from(self.len.get()).ok().filter(|len| usize::from(*len) <= MOST)?;
        Some(Known { event, reads: self.reads.map(Cell::into_inner), len, allowed, rule })
    }
}
