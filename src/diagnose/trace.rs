//! Following differences: what is carried from event to event, and whether two replays part or only pass on.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::compare::{KeyDifference, Side, fails_alone};
use crate::replay::{Place, Replay};
use crate::resolve::Resolver;
use crate::room::{EventIx, EventSet, KeyIx};
use crate::state::{Differences, StateMap, Store, Stored};

/// On which keys states differ after an event, and what each difference comes from. Belongs to a [`Ledger`].
#[derive(Debug, Clone)]
pub(super) struct Carried {
    keys: Stored,
    /// The number of keys for each cause.
    causes: Rc<BTreeMap<usize, usize>>,
}

impl Carried {
    pub(super) fn is_empty(&self) -> bool {
        self.causes.is_empty()
    }

    /// What differences come from, each once, ascending.
    pub(super) fn causes(&self) -> impl Iterator<Item = usize> {
        self.causes.keys().copied()
    }

    pub(super) fn has_cause(&self, cause: usize) -> bool {
        self.causes.contains_key(&cause)
    }
}

/// A key, and the cause of its difference; `None` where there is no difference any more.
pub(super) type Recorded = (KeyIx, Option<usize>);

/// Keeps what every event carries. Differences that last take up room once, as the entries of states do: a cause stands in
/// for the event of an entry.
#[derive(Debug)]
pub(super) struct Ledger {
    store: Store,
    differences: Differences,
    nothing: Carried,
}

impl Ledger {
    pub(super) fn new(keys: usize) -> Self {
        let nothing = Carried { keys: Stored::EMPTY, causes: Rc::default() };
        Self { store: Store::new(keys, 0), differences: Differences::default(), nothing }
    }

    pub(super) fn nothing(&self) -> Carried {
        self.nothing.clone()
    }

    /// What the difference on a key comes from; `None` if there is none.
    pub(super) fn cause(&self, carried: &Carried, key: KeyIx) -> Option<usize> {
        self.store.view(carried.keys).get(key).map(EventIx::index)
    }

    /// The number of keys.
    pub(super) fn len(&self, carried: &Carried) -> usize {
        self.store.view(carried.keys).len()
    }

    /// All keys, ascending.
    pub(super) fn keys(&self, carried: &Carried) -> Vec<KeyIx> {
        self.store.view(carried.keys).iter().map(|(key, _)| key).collect()
    }

    /// What differs from `carried` by `changes`, which must ascend by key.
    pub(super) fn change(&mut self, carried: &Carried, changes: &[Recorded]) -> Carried {
        let changes: Vec<Recorded> =
            changes.iter().copied().filter(|(key, cause)| self.cause(carried, *key) != *cause).collect();
        if changes.is_empty() {
            return carried.clone();
        }
        let mut causes = BTreeMap::clone(&carried.causes);
        for (key, cause) in &changes {
            if let Some(old) = self.cause(carried, *key)
                && let Some(count) = causes.get_mut(&old)
            {
                *count -= 1;
                if *count == 0 {
                    causes.remove(&old);
                }
            }
            if let Some(cause) = cause {
                *causes.entry(*cause).or_default() += 1;
            }
        }
        let entries: Vec<_> =
            changes.into_iter().map(|(key, cause)| (key, cause.map(EventIx::new))).collect();
        Carried { keys: self.store.change(carried.keys, &entries), causes: Rc::new(causes) }
    }

    /// The causes of what the first carries and the second does not.
    pub(super) fn gone(&mut self, first: &Carried, second: &Carried) -> Vec<usize> {
        if first.keys == second.keys {
            return Vec::new();
        }
        self.differences.find(&[self.store.view(first.keys), self.store.view(second.keys)]);
        let gone = self.differences.iter().filter(|difference| difference.of(1).is_none());
        gone.filter_map(|difference| difference.of(0).map(EventIx::index)).collect()
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
        // Each is asked about the states of the other, whose auth events are those of the other too.
        let resolver = |replay: &'a Replay<'a>, about: &'a Replay<'a>| {
            Resolver::new(replay.room(), replay.algorithm(), replay.profile()).along(about.auth())
        };
        Self {
            replays,
            resolvers: [resolver(one, other), resolver(other, one)],
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
