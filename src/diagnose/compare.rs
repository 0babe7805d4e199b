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
use std::rc::Rc;

use super::align::Alignment;
use super::trace::{Asker, Carried};
use crate::replay::compare::{Keys, Walk, differing_keys};
use crate::replay::{Pair, Place, Replay};
use crate::resolve::step::Step;
use crate::resolve::{Failure, Resolver};
use crate::room::{EventIx, EventSet, KeyIx, Room};
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
        let mut visits: HashMap<EventIx, (Keys, Keys)> = HashMap::new();
        Walk::new(one.room()).advance((one, other), usize::MAX, |ix, before, after| {
            visits.insert(ix, (before.clone(), after.clone()));
        });
        let mut tracer = Tracer::new(one, other);
        if !visits.is_empty() {
            for ix in one.room().events() {
                tracer.event(ix, visits.get(&ix));
            }
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
    /// Resolves the same states by two algorithms and profiles, and records how.
    pub fn of(
        room: &Room,
        pairs: [Pair; 2],
        sets: &[StateMap],
        rejected: &EventSet,
    ) -> (Self, [StateMap; 2]) {
        let [(one, first), (other, second)] = pairs.map(|pair| {
            let mut steps = Vec::new();
            let mut resolver = Resolver::new(room, pair.algorithm, pair.profile);
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
        Some(SideBySide::of(one.room(), pairs, &sets, &rejected).0)
    }
}

/// What tells one parting from another: the same answers to the same question are one.
type Signature = (Question, bool, Vec<KeyDifference>);

/// Goes through the events in order and follows every difference from where it comes.
struct Tracer<'a> {
    one: &'a Replay<'a>,
    other: &'a Replay<'a>,
    asker: Asker<'a>,
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
        Self {
            one,
            other,
            asker: Asker::new(one, other),
            carried: vec![Carried::default(); one.room().len()],
            verdicts: HashMap::new(),
            known: HashMap::new(),
            healed: Vec::new(),
            reached: Vec::new(),
            comparison: Comparison::default(),
        }
    }

    fn event(&mut self, ix: EventIx, differs: Option<&(Keys, Keys)>) {
        let parents = self.one.room().prev_events(ix);
        let is_touched = parents.iter().any(|parent| !self.carried[parent.index()].is_empty());
        if let Some((before, after)) = differs {
            self.comparison.events += 1;
            let own = self.comparison.partings.len();
            let before = self.before(ix, before);
            let verdict = self.verdict(ix, &before);
            let after = self.after(&before, after, verdict);
            self.count(ix, own, &before, &after, verdict);
            self.note_healed(ix, parents, &after);
            self.carried[ix.index()] = after;
        } else if is_touched {
            self.note_healed(ix, parents, &Carried::default());
        }
        self.asker.pass(ix);
    }

    /// On which keys the states before an event differ, and why.
    fn before(&mut self, ix: EventIx, keys: &Keys) -> Carried {
        let room = self.one.room();
        let parents = room.prev_events(ix);
        let fails = fails_alone(self.one.failure(ix), self.other.failure(ix));
        let keys = keys.clone().unwrap_or_default();
        if room.prev_links(ix).nth(1).is_none() {
            // What one parent carries is carried on as it is.
            let carried = parents.first().map(|parent| self.carried[parent.index()].clone());
            return carried.filter(|carried| *carried.keys == *keys).unwrap_or_default();
        }
        self.comparison.merges += usize::from(!keys.is_empty() || fails);
        let at = Place::Event(ix);
        let parting = (!keys.is_empty() || fails).then(|| self.parting_at(at)).flatten();
        if keys.is_empty() { Carried::default() } else { self.carry(&keys, at, parents, parting) }
    }

    /// Why states differ on `keys` behind `parents`: because of the parting here, or of one that a parent carries.
    fn carry(
        &mut self,
        keys: &Rc<[KeyIx]>,
        at: Place,
        parents: &[EventIx],
        parting: Option<usize>,
    ) -> Carried {
        let behind = parents.iter().flat_map(|parent| self.carried[parent.index()].causes.iter());
        let any = behind.min().map(|cause| *cause as usize);
        // With equal states, what was rejected before makes the difference.
        let fallback = parting.or(any).or_else(|| self.verdicts.values().min().copied());
        let fallback = fallback.unwrap_or_else(|| self.part_on_states(at));
        let carried = || parents.iter().map(|parent| &self.carried[parent.index()]);
        let own = parting.map(|parting| (parting, &self.comparison.partings[parting].keys));
        let cause = |key: &KeyIx| match own {
            Some((parting, own)) if own.binary_search_by_key(key, |own| own.key).is_ok() => parting,
            _ => carried().filter_map(|carried| carried.cause(*key)).min().unwrap_or(fallback),
        };
        let causes = keys.iter().map(|key| cause(key) as u32).collect();
        Carried { keys: Rc::clone(keys), causes }
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
        let cited = self.one.room().auth_events(ix).iter().filter_map(|auth| self.verdicts.get(auth)).min();
        let read = crate::auth::selection(self.one.room(), ix, self.one.profile());
        let by_state =
            read.ok().and_then(|keys| keys.as_slice().iter().filter_map(|key| before.cause(*key)).min());
        cited.copied().or(by_state).or_else(|| before.causes.iter().min().map(|cause| *cause as usize))
    }

    /// On which keys the states after an event differ, and why.
    fn after(&self, before: &Carried, keys: &Keys, verdict: Option<usize>) -> Carried {
        let keys = keys.clone().unwrap_or_default();
        if *keys == *before.keys {
            return before.clone();
        }
        let fallback =
            verdict.or_else(|| before.causes.iter().min().map(|cause| *cause as usize)).unwrap_or(0);
        let causes = keys.iter().map(|key| before.cause(*key).unwrap_or(fallback) as u32).collect();
        Carried { keys, causes }
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
        let mut causes: Vec<usize> =
            before.causes.iter().chain(after.causes.iter()).map(|cause| *cause as usize).collect();
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
    fn note_healed(&mut self, ix: EventIx, parents: &[EventIx], after: &Carried) {
        for parent in parents {
            let carried = &self.carried[parent.index()];
            if Rc::ptr_eq(&carried.keys, &after.keys) {
                continue;
            }
            for (_, cause) in carried.iter().filter(|(key, _)| after.cause(*key).is_none()) {
                self.healed[cause] = Some(ix);
            }
        }
    }

    /// Compares the current states, and says how every parting ends.
    fn now(&mut self) {
        let (one, other) = (self.one.current(), self.other.current());
        let extremities: Vec<EventIx> = one.extremities.iter().chain(&other.extremities).copied().collect();
        let keys = differing_keys((one.state.as_ref(), other.state.as_ref()), None);
        self.comparison.now_fails = fails_alone(one.failure.as_ref(), other.failure.as_ref());
        self.comparison.now = match (&one.state, &other.state) {
            (Some(one), Some(other)) => Some(KeyDifference::all(one, other)),
            (None, None) => Some(Vec::new()),
            _ => None,
        };
        let keys = keys.unwrap_or_default();
        let asks = !keys.is_empty() || self.comparison.now_fails;
        let parting = if asks { self.parting_at(Place::Now) } else { None };
        let now = match keys.is_empty() {
            true => Carried::default(),
            false => self.carry(&keys, Place::Now, &extremities, parting),
        };
        self.reached.iter_mut().enumerate().for_each(|(number, reached)| {
            *reached |= now.causes.contains(&(number as u32));
        });
        let carries = |number: usize| {
            extremities.iter().any(|ix| self.carried[ix.index()].causes.contains(&(number as u32)))
        };
        for number in 0..self.comparison.partings.len() {
            let ending = if now.causes.contains(&(number as u32)) {
                Ending::Open
            } else if !self.reached[number] {
                Ending::Stateless
            } else if carries(number) {
                Ending::Healed(Place::Now)
            } else {
                self.healed[number].map_or(Ending::Aside, |ix| Ending::Healed(Place::Event(ix)))
            };
            self.comparison.partings[number].ending = ending;
        }
    }
}

/// A failure of one side alone.
pub(super) fn fails_alone(one: Option<&Failure>, other: Option<&Failure>) -> bool {
    one.is_some() != other.is_some()
}
