//! Where two replays of one room part, and what becomes of it.
//!
//! Replays *differ* at many events, but most of these differences are consequences: where the states after the parents
//! differ, so does what follows. Two replays *part* where they give different answers to the same question, be it what
//! some states resolve to, or whether an event is allowed. Each parting is followed: which events it reaches, and whether
//! a later event makes the replays agree again.
//!
//! ```text
//!   spec       ── topic A ──► merge: A ──► … ──► topic C ──►
//!   synapse    ── topic A ──► merge: B ──► … ──► topic C ──►
//!                             parting      ▲     healed
//!                                          └─ consequences
//! ```

use std::collections::HashMap;

use super::align::Alignment;
use super::trace::{Asker, Carried, Ledger, Recorded};
use crate::replay::{Pair, Place, Replay};
use crate::resolve::step::Step;
use crate::resolve::{Failure, Resolver};
use crate::room::{AuthEdges, EventIx, EventSet, KeyIx, Room, When};
use crate::state::StateMap;

/// A key on which two states differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyDifference {
    /// The key.
    pub key: KeyIx,
    /// What the first state has there.
    pub one: Option<EventIx>,
    /// What the second has.
    pub other: Option<EventIx>,
}

impl KeyDifference {
    /// All keys on which two states differ, ascending.
    pub fn all(one: &StateMap, other: &StateMap) -> Vec<Self> {
        one.diff(other).map(|(key, one, other)| Self { key, one, other }).collect()
    }
}

/// The first or the second of two replays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The first.
    One,
    /// The second.
    Other,
}

/// What two replays part on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Question {
    /// What the states after the parents (or after the forward extremities) resolve to.
    Resolution,
    /// Whether the event is rejected.
    Verdict,
}

/// How a parting ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The current states differ because of it.
    Open,
    /// Here the last difference that came of it is gone; whatever is built on this place does not know of it.
    Healed(Place),
    /// It reaches only events that are no part of the present: nothing that counts was built on them.
    Aside,
    /// It never reached any state.
    Stateless,
}

/// A place at which two replays answer the same question differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parting {
    /// The place.
    pub at: Place,
    /// What the question is.
    pub question: Question,
    /// Whose states and rejected events a resolution is about; where both would do, those of the first.
    pub given: Side,
    /// The keys on which the two answers differ. Of a verdict on a state event, the key that it sets.
    pub keys: Vec<KeyDifference>,
    /// One of the implementations fails, and the other does not.
    pub fails: bool,
    /// Later places that ask the same over again, and get the same two answers.
    pub again: Vec<Place>,
    /// The number of later events whose states, or whose verdict, differ because of it.
    pub consequences: usize,
    /// What becomes of it.
    pub ending: Ending,
}

/// How two replays of one room compare.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// The number of events that have another verdict, or another state before or after them.
    pub events: usize,
    /// The number of merges among them before which the states differ.
    pub merges: usize,
    /// The keys on which the current states differ, ascending; `None` if only one of the two is known.
    pub now: Option<Vec<KeyDifference>>,
    /// The current state can be computed by one of the implementations alone.
    pub now_fails: bool,
    /// Where they part, in topological order; the same answers to the same question only once.
    pub partings: Vec<Parting>,
}

impl Comparison {
    /// Compares two replays of the same room. The cost is that of their differences, of the changes from event to
    /// event, and of resolving twice where a merge has different states on both sides.
    ///
    /// # Panics
    /// If the replays are of rooms with different numbers of events.
    pub fn new(one: &Replay<'_>, other: &Replay<'_>) -> Self {
        assert_eq!(one.room().len(), other.room().len(), "replays of different rooms");
        let mut tracer = Tracer::new(one, other);
        for ix in one.room().events() {
            tracer.event(ix);
        }
        tracer.now();
        tracer.comparison
    }

    /// Whether the two replays agree on everything.
    pub fn agrees(&self) -> bool {
        self.events == 0 && !self.now_fails && self.now.as_ref().is_some_and(Vec::is_empty)
    }
}

/// The steps by which both sides answer a question, and where they part.
#[derive(Debug, Clone)]
pub struct SideBySide {
    /// The steps of the first.
    pub one: Vec<Step>,
    /// The steps of the second.
    pub other: Vec<Step>,
    /// Both, phase by phase.
    pub alignment: Alignment,
}

impl SideBySide {
    /// Resolves the same states by two algorithms and profiles along the same auth edges, and records how.
    pub fn of(
        room: &Room,
        edges: AuthEdges<'_>,
        pairs: [Pair; 2],
        sets: &[StateMap],
        rejected: &EventSet,
    ) -> (Self, [StateMap; 2]) {
        let [(one, first), (other, second)] = pairs.map(|pair| {
            let mut steps = Vec::new();
            let mut resolver = Resolver::new(room, pair.algorithm, pair.profile).along(edges);
            let state = resolver.resolve(sets, rejected, &mut steps).state;
            (steps, state)
        });
        let alignment = Alignment::of(&one, &other);
        (Self { one, other, alignment }, [first, second])
    }

    /// Whether the implementation behind one of them fails, and the other does not.
    pub fn fails_alone(&self) -> bool {
        let [one, other] =
            [&self.one, &self.other].map(|steps| steps.iter().any(|step| matches!(step, Step::Failure(_))));
        one != other
    }

    /// The phase in which they part, with the step of each side that does not say what the other's says.
    pub fn first_difference(&self) -> Option<(&'static str, Option<&Step>, Option<&Step>)> {
        let line = self.alignment.lines.get(self.alignment.first_difference?)?;
        Some((
            line.phase,
            line.one.and_then(|at| self.one.get(at)),
            line.other.and_then(|at| self.other.get(at)),
        ))
    }
}

impl Parting {
    /// How both sides come to their answers about a resolution; `None` for a verdict. Recorded on demand.
    pub fn steps(&self, one: &Replay<'_>, other: &Replay<'_>) -> Option<SideBySide> {
        if self.question != Question::Resolution {
            return None;
        }
        let given = if self.given == Side::One { one } else { other };
        let sets = given.inputs_at(self.at)?;
        let rejected = match self.at {
            Place::Event(ix) => given.rejected_before(ix),
            Place::Now => given.rejected().clone(),
        };
        let pairs = [one, other].map(|replay| Pair::of(&replay.recording()));
        Some(SideBySide::of(one.room(), one.auth(), pairs, &sets, &rejected).0)
    }
}

/// What tells one parting from another: the same answers to the same question are one.
type Signature = (Question, bool, Vec<KeyDifference>);

/// Goes through the events in order and follows every difference from where it comes.
struct Tracer<'a> {
    one: &'a Replay<'a>,
    other: &'a Replay<'a>,
    asker: Asker<'a>,
    ledger: Ledger,
    /// By event: on which keys the states after it differ, and because of which parting.
    carried: Vec<Carried>,
    /// Because of which parting an event has different verdicts.
    verdicts: HashMap<EventIx, usize>,
    known: HashMap<Signature, usize>,
    /// By parting the last place where a difference that came of it is gone.
    healed: Vec<Option<EventIx>>,
    /// By parting whether any state differs because of it.
    reached: Vec<bool>,
    comparison: Comparison,
}

impl<'a> Tracer<'a> {
    fn new(one: &'a Replay<'a>, other: &'a Replay<'a>) -> Self {
        let ledger = Ledger::new(one.room().key_count());
        Self {
            one,
            other,
            asker: Asker::new(one, other),
            carried: vec![ledger.nothing(); one.room().len()],
            ledger,
            verdicts: HashMap::new(),
            known: HashMap::new(),
            healed: Vec::new(),
            reached: Vec::new(),
            comparison: Comparison::default(),
        }
    }

    fn event(&mut self, ix: EventIx) {
        let own = self.comparison.partings.len();
        let fails = fails_alone(self.one.failure(ix), self.other.failure(ix));
        let before = self.before(ix, fails);
        let verdict = self.verdict(ix, &before);
        let after = self.after(ix, &before, verdict);
        let differs = !before.is_empty() || !after.is_empty() || verdict.is_some() || fails;
        let is_known = |replay: &Replay<'_>| (replay.before(ix).is_some(), replay.after(ix).is_some());
        if differs || is_known(self.one) != is_known(self.other) {
            self.comparison.events += 1;
            self.count(ix, own, &before, &after, verdict);
        }
        self.note_healed(ix, &after);
        self.carried[ix.index()] = after;
        self.asker.pass(ix);
    }

    /// On which keys the states before an event differ, and why.
    fn before(&mut self, ix: EventIx, fails: bool) -> Carried {
        let room = self.one.room();
        let parents = room.state_parents(ix);
        let is_known = self.one.before(ix).is_some() && self.other.before(ix).is_some();
        if !is_known || room.asserted(ix, When::Before).is_some() {
            return self.ledger.nothing();
        }
        if room.state_links(ix).nth(1).is_none() {
            // What one parent carries is carried on as it is.
            let parent = parents.first().map(|parent| self.carried[parent.index()].clone());
            return parent.unwrap_or_else(|| self.ledger.nothing());
        }
        let before = self.carry(Place::Event(ix), parents, fails);
        self.comparison.merges += usize::from(!before.is_empty() || fails);
        before
    }

    /// On which keys the states at a place differ, and why: because of a parting there, or of one that a parent carries.
    /// Looks only at the keys that are not as after the first parent.
    fn carry(&mut self, at: Place, parents: &[EventIx], fails: bool) -> Carried {
        let states = self.one.state_at(at).zip(self.other.state_at(at));
        let (Some((one, other)), Some(first)) = (states, parents.first()) else {
            return self.ledger.nothing();
        };
        let base = self.carried[first.index()].clone();
        let changed = match (self.one.after(*first), self.other.after(*first)) {
            (Some(base_one), Some(base_other)) => changed_keys((base_one, one), (base_other, other)),
            _ => changed_keys((one, other), (one, other)),
        };
        let differing: Vec<(KeyIx, bool)> =
            changed.into_iter().map(|key| (key, one.get(key) != other.get(key))).collect();
        // What the base carries and is not among the changed keys stays.
        let looked_at = changed_of(&self.ledger, &base, &differing);
        let differs = self.ledger.len(&base) > looked_at || differing.iter().any(|(_, differs)| *differs);
        let parting = if differs || fails { self.parting_at(at) } else { None };
        let mut changes = self.attribute(at, parents, &differing, parting);
        if let Some(parting) = parting {
            let own = self.comparison.partings[parting].keys.iter().map(|own| own.key);
            changes
                .extend(own.filter(|key| one.get(*key) != other.get(*key)).map(|key| (key, Some(parting))));
        }
        changes.sort_unstable_by_key(|(key, _)| *key);
        changes.dedup();
        self.ledger.change(&base, &changes)
    }

    /// The causes of differences.
    fn attribute(
        &mut self,
        at: Place,
        parents: &[EventIx],
        differing: &[(KeyIx, bool)],
        parting: Option<usize>,
    ) -> Vec<Recorded> {
        let any = parents.iter().flat_map(|parent| self.carried[parent.index()].causes()).min();
        let is_new = differing.iter().any(|(_, differs)| *differs);
        let mut fallback = parting.or(any);
        if is_new && fallback.is_none() {
            // With equal states, what was rejected before makes the difference.
            let rejected = self.verdicts.values().min().copied();
            fallback = Some(rejected.unwrap_or_else(|| self.part_on_states(at)));
        }
        let own = parting.map(|parting| (parting, &self.comparison.partings[parting].keys));
        let cause = |key: KeyIx| match own {
            Some((parting, own)) if own.binary_search_by_key(&key, |own| own.key).is_ok() => Some(parting),
            _ => {
                let carried = parents.iter().map(|parent| &self.carried[parent.index()]);
                carried.filter_map(|carried| self.ledger.cause(carried, key)).min().or(fallback)
            }
        };
        differing.iter().map(|(key, differs)| (*key, if *differs { cause(*key) } else { None })).collect()
    }

    /// A parting that nothing else explains: the states there are as they are.
    fn part_on_states(&mut self, at: Place) -> usize {
        let (one, other) = (self.one.state_at(at), self.other.state_at(at));
        let keys = one.zip(other).map_or_else(Vec::new, |(one, other)| KeyDifference::all(one, other));
        self.part(at, Side::One, (Question::Resolution, false, keys))
    }

    /// The parting about the resolution at a place, if the sides answer the same question differently there.
    fn parting_at(&mut self, at: Place) -> Option<usize> {
        let answer = self.asker.resolution(at)?;
        let signature = (Question::Resolution, answer.fails, answer.keys);
        Some(self.part(at, answer.given, signature))
    }

    /// Why the verdicts on an event differ, if they do.
    fn verdict(&mut self, ix: EventIx, before: &Carried) -> Option<usize> {
        let (one, other) = (self.one.rejection(ix), self.other.rejection(ix));
        if one.is_some() == other.is_some() {
            return None;
        }
        let explained =
            if self.asker.parts_on_verdict(ix) { None } else { self.why_judged_differently(ix, before) };
        let cause = match explained {
            Some(cause) => cause,
            None => {
                let set = |rejected: bool| (!rejected).then_some(ix);
                let difference =
                    |key| KeyDifference { key, one: set(one.is_some()), other: set(other.is_some()) };
                let keys = self.one.room().key_of(ix).map(difference).into_iter().collect();
                self.part(Place::Event(ix), Side::One, (Question::Verdict, false, keys))
            }
        };
        self.verdicts.insert(ix, cause);
        Some(cause)
    }

    /// The parting that made the same rules come to different verdicts: by an auth event with two verdicts, or by the state.
    fn why_judged_differently(&self, ix: EventIx, before: &Carried) -> Option<usize> {
        let cited = self.one.auth().of(ix).iter().filter_map(|auth| self.verdicts.get(auth)).min();
        let read = crate::auth::selection(self.one.room(), ix, self.one.profile());
        let by_state = read
            .ok()
            .and_then(|keys| keys.as_slice().iter().filter_map(|key| self.ledger.cause(before, *key)).min());
        cited.copied().or(by_state).or_else(|| before.causes().next())
    }

    /// On which keys the states after an event differ, and why.
    fn after(&mut self, ix: EventIx, before: &Carried, verdict: Option<usize>) -> Carried {
        let room = self.one.room();
        if room.asserted(ix, When::After).is_some() {
            return self.ledger.nothing();
        }
        let Some(key) = room.key_of(ix) else { return before.clone() };
        let (Some(one), Some(other)) = (self.one.after(ix), self.other.after(ix)) else {
            return before.clone();
        };
        if one.get(key) == other.get(key) {
            return self.ledger.change(before, &[(key, None)]);
        }
        let cause = self.ledger.cause(before, key).or(verdict).or_else(|| before.causes().next());
        let cause = cause.unwrap_or_else(|| self.part_on_states(Place::Event(ix)));
        self.ledger.change(before, &[(key, Some(cause))])
    }

    /// The number of the parting with these answers, which is a new one or happens again.
    fn part(&mut self, at: Place, given: Side, signature: Signature) -> usize {
        if let Some(number) = self.known.get(&signature) {
            let parting = &mut self.comparison.partings[*number];
            if parting.at != at {
                parting.again.push(at);
            }
            return *number;
        }
        let number = self.comparison.partings.len();
        let (question, fails, keys) = signature.clone();
        self.comparison.partings.push(Parting {
            at,
            question,
            given,
            keys,
            fails,
            again: Vec::new(),
            consequences: 0,
            ending: Ending::Stateless,
        });
        self.healed.push(None);
        self.reached.push(false);
        self.known.insert(signature, number);
        number
    }

    /// Counts the event for every parting that it differs because of, but those that are made here.
    fn count(&mut self, ix: EventIx, own: usize, before: &Carried, after: &Carried, verdict: Option<usize>) {
        let mut causes: Vec<usize> = before.causes().chain(after.causes()).collect();
        causes.sort_unstable();
        causes.dedup();
        for cause in &causes {
            self.reached[*cause] = true;
        }
        causes.extend(verdict.filter(|verdict| !causes.contains(verdict)));
        for cause in causes.into_iter().filter(|cause| *cause < own) {
            let parting = &mut self.comparison.partings[cause];
            parting.consequences += usize::from(parting.again.last() != Some(&Place::Event(ix)));
        }
    }

    /// Notes for every difference that a parent carries and the event does not that it is gone.
    fn note_healed(&mut self, ix: EventIx, after: &Carried) {
        for parent in self.one.room().state_parents(ix) {
            for cause in self.ledger.gone(&self.carried[parent.index()], after) {
                self.healed[cause] = Some(ix);
            }
        }
    }

    /// Compares the current states, and says how every parting ends.
    fn now(&mut self) {
        let (one, other) = (self.one.current(), self.other.current());
        let extremities: Vec<EventIx> = one.extremities.iter().chain(&other.extremities).copied().collect();
        self.comparison.now_fails = fails_alone(one.failure.as_ref(), other.failure.as_ref());
        let now = self.carry(Place::Now, &extremities, self.comparison.now_fails);
        self.comparison.now = match (&one.state, &other.state) {
            (Some(one), Some(other)) => {
                let difference = |key| KeyDifference { key, one: one.get(key), other: other.get(key) };
                Some(self.ledger.keys(&now).into_iter().map(difference).collect())
            }
            (None, None) => Some(Vec::new()),
            _ => None,
        };
        let carries = |number: usize| extremities.iter().any(|ix| self.carried[ix.index()].has_cause(number));
        for (number, parting) in self.comparison.partings.iter_mut().enumerate() {
            parting.ending = if now.has_cause(number) {
                Ending::Open
            } else if !self.reached[number] {
                Ending::Stateless
            } else if carries(number) {
                Ending::Healed(Place::Now)
            } else {
                self.healed[number].map_or(Ending::Aside, |ix| Ending::Healed(Place::Event(ix)))
            };
        }
    }
}

/// The number of keys that are carried and are looked at.
fn changed_of(ledger: &Ledger, carried: &Carried, keys: &[(KeyIx, bool)]) -> usize {
    keys.iter().filter(|(key, _)| ledger.cause(carried, *key).is_some()).count()
}

/// The keys on which either pair of states differs, ascending.
fn changed_keys(one: (&StateMap, &StateMap), other: (&StateMap, &StateMap)) -> Vec<KeyIx> {
    let changed = one.0.diff(one.1).chain(other.0.diff(other.1)).map(|(key, ..)| key);
    let mut keys: Vec<KeyIx> = changed.collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// A failure of one side alone.
pub(super) fn fails_alone(one: Option<&Failure>, other: Option<&Failure>) -> bool {
    one.is_some() != other.is_some()
}
