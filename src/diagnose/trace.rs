//! Following differences: what is carried from event to event, and whether two replays part or only pass on.

use std::rc::Rc;

use super::compare::{KeyDifference, Side, fails_alone};
use crate::replay::{Place, Replay};
use crate::resolve::Resolver;
use crate::room::{EventIx, EventSet, KeyIx};
use crate::state::StateMap;

/// On which keys states differ after an event, and the number of what each difference comes from.
#[derive(Debug, Clone, Default)]
pub(super) struct Carried {
    /// Ascending.
    pub(super) keys: Rc<[KeyIx]>,
    /// Of each key.
    pub(super) causes: Rc<[u32]>,
}

impl Carried {
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// What the difference on a key comes from; `None` if there is none.
    pub(super) fn cause(&self, key: KeyIx) -> Option<usize> {
        self.keys.binary_search(&key).ok().map(|place| self.causes[place] as usize)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (KeyIx, usize)> {
        self.keys.iter().zip(self.causes.iter()).map(|(key, cause)| (*key, *cause as usize))
    }
}

/// Two different answers to the same question.
pub(super) struct Answers {
    /// Whose states and rejected events the question is about.
    pub(super) given: Side,
    pub(super) keys: Vec<KeyDifference>,
    pub(super) fails: bool,
}

/// Asks both replays the same question: about the states and the rejected events of either.
pub(super) struct Asker<'a> {
    replays: [&'a Replay<'a>; 2],
    resolvers: [Resolver<'a>; 2],
    /// The events that each has rejected so far.
    rejected: [EventSet; 2],
}

impl<'a> Asker<'a> {
    pub(super) fn new(one: &'a Replay<'a>, other: &'a Replay<'a>) -> Self {
        let replays = [one, other];
        let resolver =
            |replay: &Replay<'a>| Resolver::new(replay.room(), replay.algorithm(), replay.profile());
        Self {
            replays,
            resolvers: replays.map(resolver),
            rejected: replays.map(|replay| EventSet::new(replay.room().len())),
        }
    }

    /// Goes on to the next event.
    pub(super) fn pass(&mut self, ix: EventIx) {
        for (replay, rejected) in self.replays.iter().zip(&mut self.rejected) {
            if replay.rejected().contains(ix) {
                rejected.insert(ix);
            }
        }
    }

    /// Whether the states of one side resolve to something else by the manner of the other; the first side is asked
    /// about first.
    pub(super) fn resolution(&mut self, at: Place) -> Option<Answers> {
        [Side::One, Side::Other].into_iter().find_map(|given| self.resolution_of(at, given))
    }

    fn resolution_of(&mut self, at: Place, given: Side) -> Option<Answers> {
        let (asked, stranger) = if given == Side::One { (0, 1) } else { (1, 0) };
        let replay = self.replays[asked];
        let inputs = replay.inputs_at(at)?;
        let theirs = self.resolvers[stranger].resolve(&inputs, &self.rejected[asked], &mut ());
        let failure = match at {
            Place::Event(ix) => replay.failure(ix),
            Place::Now => replay.current().failure.as_ref(),
        };
        let ours = replay.state_at(at)?;
        let (one, other): (&StateMap, &StateMap) =
            if given == Side::One { (ours, &theirs.state) } else { (&theirs.state, ours) };
        let fails = fails_alone(failure, theirs.failure.as_ref());
        let keys = KeyDifference::all(one, other);
        (fails || !keys.is_empty()).then_some(Answers { given, keys, fails })
    }

    /// Whether the two, which judge an event differently, would do so on the same state and with the same events rejected.
    pub(super) fn parts_on_verdict(&self, ix: EventIx) -> bool {
        let [one, other] = self.replays;
        let differs = |replay: &Replay<'_>, stranger: &Replay<'_>, rejected: &EventSet| {
            let theirs = stranger.judge_on(ix, replay.before(ix), rejected);
            theirs.is_some() != replay.rejection(ix).is_some()
        };
        one.profile() != other.profile()
            && (differs(one, other, &self.rejected[0]) || differs(other, one, &self.rejected[1]))
    }
}
