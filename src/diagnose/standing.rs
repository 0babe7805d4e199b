//! Why an event was rejected, or why it is or is not part of the current state.

use super::ancestry::history;
use super::story::{Chapter, Story, What};
use crate::auth::{Operand, Subject, check_dependent};
use crate::replay::{Check, CheckKind, Place, Replay};
use crate::room::{EventIx, KeyIx, Link};

/// What an event counts for in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It was rejected.
    Rejected,
    /// It has no place in the DAG, so it never came up for a decision.
    Outlier,
    /// It is no state event, and was accepted.
    Message,
    /// The state of the room now is unknown.
    Unknown,
    /// It is what its key has now.
    Current,
    /// No event that counts was built on it: it is not in the history of the forward extremities.
    Aside,
    /// Its key has another value now, or none.
    Past(Option<EventIx>),
}

/// A look-up that decided: with another event there, the verdict would be the opposite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flip {
    /// The key that the rules looked up.
    pub key: KeyIx,
    /// What they found.
    pub found: Option<EventIx>,
    /// What the event itself cites (or, if it was its own citing that failed, what the state before it has).
    pub instead: Option<EventIx>,
}

/// The explanation of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The event.
    pub event: EventIx,
    /// What it counts for.
    pub standing: Standing,
    /// Every check on receipt, with what it read.
    pub checks: Vec<Check>,
    /// What decided, if a single look-up did.
    pub flips: Vec<Flip>,
    /// The rejected events that brought this one down, the one it cites first, each citing the next.
    pub culprits: Vec<EventIx>,
    /// The story of its key until now, of a state event that was not rejected.
    pub story: Option<Story>,
}

impl Explanation {
    /// Explains an event.
    pub fn new(replay: &Replay<'_>, event: EventIx) -> Self {
        let checks = replay.judge(event);
        let is_rejected = replay.rejected().contains(event);
        let key = replay.room().key_of(event).filter(|_| !is_rejected && !replay.room().is_outlier(event));
        Self {
            event,
            standing: standing(replay, event),
            flips: if is_rejected { flips(replay, event, &checks) } else { Vec::new() },
            culprits: culprits(replay, event),
            checks,
            story: key.map(|key| Story::new(replay, key, Place::Now)),
        }
    }

    /// The chapters of the story from the event on in which it has a part.
    pub fn chapters(&self) -> impl Iterator<Item = &Chapter> {
        self.story.iter().flat_map(|story| story.chapters_about(self.event))
    }

    /// The chapter in which the event was last seen to lose: it was replaced, or another value won.
    pub fn lost_at(&self) -> Option<&Chapter> {
        let lost = |chapter: &&Chapter| match &chapter.what {
            What::Set { replaced } => *replaced == Some(Some(self.event)),
            What::Merge(merge) => merge.value != Some(self.event),
            What::Asserted { value, .. } => *value != Some(self.event),
            What::Attempt { .. } | What::Unknown(_) => false,
        };
        self.chapters().filter(lost).last()
    }
}

fn standing(replay: &Replay<'_>, event: EventIx) -> Standing {
    let room = replay.room();
    if replay.rejected().contains(event) {
        return Standing::Rejected;
    }
    if room.is_outlier(event) {
        return Standing::Outlier;
    }
    let Some(key) = room.key_of(event) else { return Standing::Message };
    let current = replay.current();
    let Some(state) = &current.state else { return Standing::Unknown };
    match state.get(key) {
        Some(value) if value == event => Standing::Current,
        _ if !history(room, &current.extremities).contains(event) => Standing::Aside,
        value => Standing::Past(value),
    }
}

/// The look-ups each of which alone would have turned the verdict of the check that failed.
fn flips(replay: &Replay<'_>, event: EventIx, checks: &[Check]) -> Vec<Flip> {
    let failed = checks.iter().find(|check| matches!(check.verdict, Some(Err(_))));
    let Some(failed) = failed else { return Vec::new() };
    let wanted = match failed.kind {
        CheckKind::StateBefore => CheckKind::AuthEvents,
        CheckKind::AuthEvents => CheckKind::StateBefore,
        CheckKind::Format | CheckKind::StateParents | CheckKind::Recorded => return Vec::new(),
    };
    let Some(others) = checks.iter().find(|check| check.kind == wanted) else { return Vec::new() };
    let subject = Subject { room: replay.room(), event, profile: replay.profile() };
    let found = |reads: &[(KeyIx, Option<EventIx>)], key: KeyIx| {
        reads.iter().find(|(read, _)| *read == key).and_then(|(_, found)| *found)
    };
    // Another rule, about the event alone, may have failed.
    if check_dependent(subject, |key| found(&failed.reads, key), ()).is_ok() {
        return Vec::new();
    }
    let mut flips = Vec::new();
    for (key, held) in failed.reads.iter().copied() {
        let instead = found(&others.reads, key);
        let look_up = |wanted: KeyIx| if wanted == key { instead } else { found(&failed.reads, wanted) };
        if instead != held && check_dependent(subject, look_up, ()).is_ok() {
            flips.push(Flip { key, found: held, instead });
        }
    }
    flips
}

/// Follows rejected auth events, or entries of `prev_state_events`, to the one that was rejected for a reason of its own.
fn culprits(replay: &Replay<'_>, event: EventIx) -> Vec<EventIx> {
    let mut culprits: Vec<EventIx> = Vec::new();
    let mut at = event;
    while replay.rejected().contains(at) {
        let failed = replay.judge(at).into_iter().find(|check| matches!(check.verdict, Some(Err(_))));
        let cited = failed.iter().flat_map(|check| &check.operands).find_map(|operand| match operand {
            Operand::AuthEvent(Link::Event(cited)) | Operand::StateParent(Link::Event(cited))
                if replay.rejected().contains(*cited) =>
            {
                Some(*cited)
            }
            _ => None,
        });
        // Events that are named have smaller indices, so this comes to an end.
        let Some(cited) = cited.filter(|cited| *cited < at) else { break };
        culprits.push(cited);
        at = cited;
    }
    culprits
}
