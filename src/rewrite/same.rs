//! Whether a room that was written anew behaves as the old one did.

use crate::auth::Refusal;
use crate::replay::{Rejection, Replay};
use crate::room::{EventIx, KeyIx};
use crate::state::StateMap;

/// On what an event differs from what it was written from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Deviation {
    /// It is not there.
    Lost,
    /// The verdict: whether it is rejected, by which check and rule.
    Verdict,
    /// The state before it.
    StateBefore,
    /// The state after it.
    StateAfter,
    /// The state of the room now, or its forward extremities; the event is the last one.
    Current,
}

impl Deviation {
    /// A name for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lost => "left out",
            Self::Verdict => "verdict",
            Self::StateBefore => "state before",
            Self::StateAfter => "state after",
            Self::Current => "current state",
        }
    }
}

/// One event by its index in each of two rooms, the states there, and how the latter relate to those of its parent.
struct Pair<'a> {
    old: &'a Replay<'a>,
    new: &'a Replay<'a>,
    events: &'a [Option<EventIx>],
}

/// Where the replay of a room that was written anew differs from that of the room it was written from: of every
/// difference the event where it begins, not those that inherit it. `events` is the new event of every old one.
///
/// The cost is that of the changes from event to event, not of the states.
pub fn deviations(
    old: &Replay<'_>,
    new: &Replay<'_>,
    events: &[Option<EventIx>],
) -> Vec<(EventIx, Deviation)> {
    let pair = Pair { old, new, events };
    let mut found = Vec::new();
    for ix in old.room().events() {
        match events[ix.index()] {
            None => found.push((ix, Deviation::Lost)),
            Some(now) => found.extend(pair.deviations(ix, now).map(|deviation| (ix, deviation))),
        }
    }
    let last = old.room().events().next_back();
    found.extend(last.filter(|_| !pair.is_current_same()).map(|last| (last, Deviation::Current)));
    found
}

impl Pair<'_> {
    fn deviations(&self, old: EventIx, new: EventIx) -> impl Iterator<Item = Deviation> + use<> {
        let verdict = is_same_verdict(self.old.rejection(old), self.new.rejection(new))
            && self.old.failure(old).is_some() == self.new.failure(new).is_some()
            && self.old.footing(old) == self.new.footing(new);
        let parent = self.old.room().state_parents(old).first().copied();
        let parent = parent.and_then(|parent| Some((parent, self.events[parent.index()]?)));
        let base = parent.map(|(old, new)| (self.old.after(old), self.new.after(new)));
        let before = (self.old.before(old), self.new.before(new));
        let after = (self.old.after(old), self.new.after(new));
        let is_before_same = self.is_same(base, before) && self.old.resolved(old) == self.new.resolved(new);
        let is_after_same = self.is_same(Some(before), after);
        let found = [
            (verdict, Deviation::Verdict),
            (is_before_same, Deviation::StateBefore),
            (is_after_same, Deviation::StateAfter),
        ];
        found.into_iter().filter(|(same, _)| !same).map(|(_, deviation)| deviation)
    }

    /// Whether two states correspond, given two that do and are not far from them.
    fn is_same(
        &self,
        base: Option<(Option<&StateMap>, Option<&StateMap>)>,
        states: (Option<&StateMap>, Option<&StateMap>),
    ) -> bool {
        let (Some(old), Some(new)) = states else { return states.0.is_some() == states.1.is_some() };
        let empty = StateMap::new();
        let (old_base, new_base) = match base {
            Some((Some(old), Some(new))) => (old, new),
            _ => (&empty, &empty),
        };
        let mut expected: Vec<_> = old_base
            .diff(old)
            .map(|(_, gone, come)| (gone.map(|ix| self.new_of(ix)), come.map(|ix| self.new_of(ix))))
            .collect();
        let mut found: Vec<_> = new_base
            .diff(new)
            .map(|(_, gone, come): (KeyIx, _, _)| (gone.map(Some), come.map(Some)))
            .collect();
        expected.sort_unstable();
        found.sort_unstable();
        expected == found
    }

    fn new_of(&self, old: EventIx) -> Option<EventIx> {
        self.events[old.index()]
    }

    fn is_current_same(&self) -> bool {
        let (old, new) = (self.old.current(), self.new.current());
        let mut extremities: Vec<_> = old.extremities.iter().map(|ix| self.new_of(*ix)).collect();
        extremities.sort_unstable();
        extremities.into_iter().eq(new.extremities.iter().copied().map(Some))
            && old.footing == new.footing
            && old.resolved == new.resolved
            && self.is_same(None, (old.state.as_ref(), new.state.as_ref()))
    }
}

fn is_same_verdict(old: Option<&Rejection>, new: Option<&Rejection>) -> bool {
    let of = |rejection: &Rejection| {
        let refusal = rejection.refusal.as_ref().map(|refusal| {
            let kind = match refusal {
                Refusal::Rule(_) => 0,
                Refusal::Unreadable(..) => 1,
                Refusal::Raised(..) => 2,
            };
            (kind, refusal.rule())
        });
        (rejection.check, refusal)
    };
    old.map(of) == new.map(of)
}
