//! One history, told with and without a state DAG (MSC4242): where the two rooms differ, and why; and what would have become
//! of the state resets of either in the other.

use super::resets::{Diagnosis, Loss, Verdict, diagnose};
use super::rooms::{Divergence, Shared, ViewDifference, Views};
use crate::replay::{Place, Replay};
use crate::resolve::step::Step;
use crate::room::{EventIx, Room, When};

/// Why the states of the two rooms part at an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// Somebody asserts the state there: a server was told it by others. In a state DAG states cannot be told.
    Told,
    /// Part of what is before it is missing from the dump: without a state DAG the state is unknown, with one the event has
    /// to wait, or the other way round.
    Hole,
    /// The same state judges the event differently: by its own `auth_events`, or by its place in the state DAG.
    Rules,
    /// Other states are merged: without a state DAG messages merge too, one merge after the other; with one, all forward
    /// extremities of state events are resolved at once. Resolving step by step need not give the same.
    Merge,
    /// The same states are merged, but the listed auth events are not the calculated ones, so the auth chains differ.
    AuthEvents,
    /// The same states are merged along the same auth chains: event IDs decide, and they are others.
    Ids,
}

impl Why {
    /// The name in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Told => "told",
            Self::Hole => "hole",
            Self::Rules => "rules",
            Self::Merge => "merge",
            Self::AuthEvents => "auth_events",
            Self::Ids => "event_ids",
        }
    }
}

/// An event at which the states begin to differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parting {
    /// The event.
    pub at: Shared,
    /// Why.
    pub why: Why,
    /// The keys on which the states after it differ; `None` if only one side knows the state.
    pub keys: Option<Vec<ViewDifference>>,
    /// So many later events have other states because of it.
    pub consequences: usize,
}

/// What became of a reset in the other room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// One of the values that are lost is there: the reset does not happen. The event is that of the other room.
    Kept(EventIx),
    /// The very same value has won.
    Same,
    /// Yet another value, or none, is there.
    Other(Option<EventIx>),
    /// The lost values were never accepted there.
    NeverAccepted,
    /// Nobody knows the state there.
    Unknown,
}

impl Fate {
    /// The name in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kept(_) => "prevented",
            Self::Same => "the same",
            Self::Other(_) => "another value",
            Self::NeverAccepted => "never accepted",
            Self::Unknown => "unknown",
        }
    }
}

/// Why a reset does not happen in the other room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// The state of a branch was told by others, and contradicts what the branch knows: no such state can be told there.
    NothingIsTold,
    /// There is one line of state events, and nothing to merge.
    OneLine,
    /// Other states are merged there.
    OtherMerge,
    /// The same states are merged, but along other auth chains.
    OtherChains,
}

impl Because {
    /// The name in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NothingIsTold => "nothing-is-told",
            Self::OneLine => "one-line",
            Self::OtherMerge => "other-merge",
            Self::OtherChains => "other-chains",
        }
    }
}

/// A state reset of one room, and what it is in the other.
#[derive(Debug, Clone)]
pub struct Reset {
    /// The reset, in the first room.
    pub loss: Loss,
    /// What is there in the other.
    pub fate: Fate,
    /// Where the reset does not happen, why.
    pub because: Option<Because>,
}

/// Two rooms of one history, compared.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The events that are in both.
    pub common: usize,
    /// The events that are accepted in one of them only (or wait in one of them only).
    pub verdicts: Vec<Shared>,
    /// Where their states begin to differ, in topological order.
    pub partings: Vec<Parting>,
    /// How many events have other states.
    pub events: usize,
    /// The keys on which the current states differ; `None` if one of them is unknown.
    pub now: Option<Vec<ViewDifference>>,
    /// The state resets of the first room, each told once.
    pub resets: Vec<Reset>,
    /// How many state resets the other room has.
    pub resets_there: usize,
}

impl Comparison {
    /// Compares a room with what it was told anew as. `events`: the event of the second for every one of the first.
    pub fn new(one: &Replay<'_>, other: &Replay<'_>, events: &[Option<EventIx>]) -> Self {
        let views = Views::mapped(one, other, events.to_vec());
        let sides = Sides { one, other, events };
        let verdicts = one.room().events().filter_map(|ix| {
            let there = events[ix.index()]?;
            let differs = one.rejected().contains(ix) != other.rejected().contains(there)
                || is_open(one, ix) != is_open(other, there);
            differs.then_some(Shared { one: ix, other: there })
        });
        let diagnosis = diagnose(one);
        Self {
            common: views.common,
            verdicts: verdicts.collect(),
            partings: views.divergences.iter().map(|divergence| sides.parting(divergence)).collect(),
            events: views.events,
            now: views.now,
            resets: sides.resets(&diagnosis),
            resets_there: told_once(&diagnose(other)).len(),
        }
    }

    /// Whether the two rooms judge all events alike and have the same states.
    pub fn agrees(&self) -> bool {
        self.verdicts.is_empty() && self.events == 0 && self.now.as_ref().is_none_or(Vec::is_empty)
    }
}

/// Whether nothing was decided about an event, for want of what it rests on.
fn is_open(replay: &Replay<'_>, ix: EventIx) -> bool {
    replay.is_unprocessed(ix)
}

/// The resets that are not repetitions of earlier ones.
fn told_once(diagnosis: &Diagnosis) -> Vec<&Loss> {
    let places = diagnosis.of(Verdict::Reset);
    diagnosis.grouped(&places).into_iter().map(|group| &diagnosis.losses[group.told]).collect()
}

struct Sides<'a> {
    one: &'a Replay<'a>,
    other: &'a Replay<'a>,
    events: &'a [Option<EventIx>],
}

impl Sides<'_> {
    fn there(&self, ix: EventIx) -> Option<EventIx> {
        self.events[ix.index()]
    }

    fn parting(&self, divergence: &Divergence) -> Parting {
        let at = divergence.at;
        Parting {
            at,
            why: self.why(at),
            keys: divergence.keys.clone(),
            consequences: divergence.consequences,
        }
    }

    fn why(&self, at: Shared) -> Why {
        let sides = [(self.one, at.one), (self.other, at.other)];
        let told = |(replay, ix): (&Replay<'_>, EventIx)| is_told(replay.room(), ix);
        if sides.into_iter().any(told) {
            return Why::Told;
        }
        if sides
            .into_iter()
            .any(|(replay, ix)| replay.before(ix).is_none() && !replay.rejected().contains(ix))
        {
            return Why::Hole;
        }
        let same_before = self.same_state(at);
        let judged = sides.map(|(replay, ix)| replay.rejected().contains(ix));
        if judged[0] != judged[1] && same_before != Some(false) {
            return Why::Rules;
        }
        if !self.same_inputs(at) {
            return Why::Merge;
        }
        if self.chains_differ(at.one) { Why::AuthEvents } else { Why::Ids }
    }

    /// Whether the states before an event correspond; `None` if one is unknown.
    fn same_state(&self, at: Shared) -> Option<bool> {
        let (ours, theirs) = (self.one.before(at.one)?, self.other.before(at.other)?);
        Some(self.correspond(ours, theirs))
    }

    fn correspond(&self, ours: &crate::state::StateMap, theirs: &crate::state::StateMap) -> bool {
        let room = self.other.room();
        ours.len() == theirs.len()
            && ours.iter().all(|(_, event)| {
                let there = self.there(event);
                there.and_then(|there| theirs.get(room.key_of(there)?)) == there && there.is_some()
            })
    }

    /// Whether the states that are resolved for an event are the same in both rooms. Those that are there more than once
    /// count once.
    fn same_inputs(&self, at: Shared) -> bool {
        let (Some(ours), Some(theirs)) = (self.one.inputs(at.one), self.other.inputs(at.other)) else {
            return false;
        };
        ours.iter().all(|ours| theirs.iter().any(|theirs| self.correspond(ours, theirs)))
            && theirs.iter().all(|theirs| ours.iter().any(|ours| self.correspond(ours, theirs)))
    }

    /// Whether an event that is replayed for the state before `ix` lists other auth events than are calculated for it.
    fn chains_differ(&self, ix: EventIx) -> bool {
        let Some(inputs) = self.one.inputs(ix) else { return false };
        let mut steps: Vec<Step> = Vec::new();
        self.one.resolve_at(Some(ix), &inputs, &mut steps);
        let full = steps.iter().find_map(|step| match step {
            Step::FullConflictedSet(full) => Some(full),
            _ => None,
        });
        full.is_some_and(|full| {
            full.events.iter().any(|entry| {
                let Some(there) = self.there(entry.event) else { return true };
                let sorted = |mut list: Vec<Option<EventIx>>| {
                    list.sort_unstable();
                    list
                };
                let ours = self.one.auth().of(entry.event).iter().map(|auth| self.there(*auth)).collect();
                let theirs = self.other.auth().of(there).iter().copied().map(Some).collect();
                sorted(ours) != sorted(theirs)
            })
        })
    }

    fn resets(&self, diagnosis: &Diagnosis) -> Vec<Reset> {
        let reset = |loss: &Loss| {
            let fate = self.fate(loss);
            let because = matches!(fate, Fate::Kept(_)).then(|| self.because(loss));
            Reset { loss: loss.clone(), fate, because }
        };
        told_once(diagnosis).into_iter().map(reset).collect()
    }

    fn place_there(&self, loss: &Loss) -> Option<Place> {
        match loss.at {
            Place::Now => Some(Place::Now),
            Place::Event(ix) => self.there(ix).map(Place::Event),
        }
    }

    fn fate(&self, loss: &Loss) -> Fate {
        let Some(state) = self.place_there(loss).and_then(|place| self.other.state_at(place)) else {
            return Fate::Unknown;
        };
        let (event_type, state_key) = self.one.room().key(loss.key);
        let key = self.other.room().find_key(event_type, state_key);
        let value = key.and_then(|key| state.get(key));
        let lost = || loss.lost.iter().map(|tip| self.there(tip.event));
        if let Some(kept) = value.filter(|value| lost().any(|there| there == Some(*value))) {
            return Fate::Kept(kept);
        }
        let was_accepted =
            |there: EventIx| !self.other.rejected().contains(there) && !self.other.is_unprocessed(there);
        if !lost().flatten().any(was_accepted) {
            return Fate::NeverAccepted;
        }
        if value == loss.after.and_then(|after| self.there(after)) { Fate::Same } else { Fate::Other(value) }
    }

    fn because(&self, loss: &Loss) -> Because {
        if !loss.stale.is_empty() {
            return Because::NothingIsTold;
        }
        let merges = match self.place_there(loss) {
            Some(Place::Event(there)) => self.other.resolved(there),
            Some(Place::Now) => self.other.current().resolved,
            None => false,
        };
        if !merges {
            return Because::OneLine;
        }
        match (loss.at, self.place_there(loss)) {
            (Place::Event(one), Some(Place::Event(other))) if self.same_inputs(Shared { one, other }) => {
                Because::OtherChains
            }
            _ => Because::OtherMerge,
        }
    }
}

/// Whether somebody asserts the state before or after an event, or after a parent that is missing.
fn is_told(room: &Room, ix: EventIx) -> bool {
    [When::Before, When::After].iter().any(|when| room.asserted(ix, *when).is_some())
        || room.state_links(ix).any(|link| match link {
            crate::room::Link::Missing(missing) => room.asserted_missing(missing).is_some(),
            crate::room::Link::Event(_) => false,
        })
}
