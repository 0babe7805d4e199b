//! Where the states of a server, or others that somebody asserts, deviate from what follows from the events.
//!
//! A state that differs makes most of what comes after it differ too. So only *origins* are told: places where the states
//! after the parents agree, and that of the event does not; and places whose state does not follow from the dump at all,
//! because a parent is not there. Of everything else the events are counted that rest on an origin.

use std::collections::HashMap;
use std::rc::Rc;

use super::ancestry::{absent_parents, gaps};
use super::compare::KeyDifference;
use crate::expect::hashes::Hashes;
use crate::expect::{Entry, Expectation, ExpectedEvent, ExpectedState};
use crate::replay::{Footing, Place, Replay};
use crate::room::{EventIx, Link, Provenance, When};
use crate::state::StateMap;

/// What is odd about a state at the place where that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Oddity {
    /// The server holds a state here that does not follow from the dump, since these parents are not in it, or have no
    /// place in the DAG. It was told by another server.
    FromElsewhere {
        /// The parents.
        gaps: Vec<Link>,
    },
    /// The server knew only a part of the state here.
    Partial,
    /// Somebody asserts the state in the dump, or in a file beside it.
    Asserted {
        /// Who.
        provenance: Provenance,
        /// The state before or after the event; `None`: that after one of its missing parents.
        when: Option<When>,
        /// Where it differs from what follows from the events (the first value) ; `None` if nothing follows from them.
        keys: Option<Vec<KeyDifference>>,
    },
    /// The state differs, though those after the parents agree.
    State {
        /// The state before the event, and not only that after it.
        before: bool,
        /// Where the computed state (first value) and that of the server differ; `None` if of the latter only the hash
        /// is known.
        keys: Option<Vec<KeyDifference>>,
    },
    /// The server accepted what is rejected here, or the other way round.
    Verdict {
        /// The server rejected it.
        rejected: bool,
    },
    /// The server has other forward extremities.
    Extremities,
}

/// A place where something odd begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The place.
    pub at: Place,
    /// What is odd.
    pub oddity: Oddity,
    /// The hash of the state that the server holds, if there is one.
    pub hash: Option<String>,
    /// An event after which this very state is known to hold: the server's state did not move on from there.
    pub same_as_after: Option<EventIx>,
    /// The later events whose states rest on it.
    pub consequences: usize,
}

/// How a server's states compare with those computed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deviations {
    /// The events whose states, or verdict, could be compared.
    pub compared: usize,
    /// Those of them that agree in everything.
    pub agreeing: usize,
    /// Where deviations begin, in topological order.
    pub origins: Vec<Origin>,
}

impl Deviations {
    /// Compares a replay with the states asserted in its room, and with those that `told` tells of.
    pub fn new(replay: &Replay<'_>, told: Option<&Expectation>) -> Self {
        let events = told.map_or(&[][..], Expectation::events);
        let told_of =
            events.iter().filter_map(|event| Some((replay.room().find(&event.id)?, event))).collect();
        let mut follower = Follower {
            replay,
            told_of,
            hashes: Hashes::new(replay),
            known: None,
            causes: vec![None; replay.room().len()],
            result: Self::default(),
        };
        for ix in replay.room().events().filter(|ix| !replay.room().is_outlier(*ix)) {
            follower.event(ix);
        }
        if let Some(told) = told {
            follower.now(told);
        }
        follower.result
    }
}

/// What a server tells of one state.
struct Told {
    hash: Option<String>,
    state: Option<StateMap>,
}

struct Follower<'a> {
    replay: &'a Replay<'a>,
    told_of: HashMap<EventIx, &'a ExpectedEvent>,
    hashes: Hashes<'a>,
    /// The first event after which the state with a hash holds; `None` until somebody asks.
    known: Option<HashMap<Rc<str>, EventIx>>,
    /// By event the origin that its state rests on.
    causes: Vec<Option<u32>>,
    result: Deviations,
}

impl Follower<'_> {
    /// The first event after which the state with a hash holds.
    fn first_with(&mut self, hash: &str) -> Option<EventIx> {
        let Self { known, hashes, replay, .. } = self;
        let known = known.get_or_insert_with(|| {
            let mut known = HashMap::new();
            for ix in replay.room().events() {
                if let Some(hash) = hashes.after(ix) {
                    known.entry(hash).or_insert(ix);
                }
            }
            known
        });
        known.get(&*hash.to_ascii_lowercase()).copied()
    }

    fn event(&mut self, ix: EventIx) {
        let inherited = self.inherited(ix);
        let asserted = self.asserted(ix);
        let cause = match self.told_of.get(&ix).copied() {
            Some(told) => self.told(ix, told, asserted, inherited),
            None => asserted.or(inherited),
        };
        if let (Some(cause), true) = (cause, cause == inherited && asserted.is_none()) {
            self.result.origins[cause as usize].consequences += 1;
        }
        self.causes[ix.index()] = cause;
    }

    fn inherited(&self, ix: EventIx) -> Option<u32> {
        self.replay.room().state_parents(ix).iter().filter_map(|parent| self.causes[parent.index()]).min()
    }

    /// Whether the state before or after an event is the one that the server tells.
    fn agrees(&mut self, told: &Told, ix: EventIx, when: When) -> bool {
        let computed = match when {
            When::Before => self.replay.before(ix),
            When::After => self.replay.after(ix),
        };
        match (&told.hash, &told.state) {
            (Some(hash), _) => {
                let own = match when {
                    When::Before => self.hashes.before(ix),
                    When::After => self.hashes.after(ix),
                };
                own.is_some_and(|own| own.eq_ignore_ascii_case(hash))
            }
            (None, Some(state)) => computed == Some(state),
            // A list that names what is not there tells another state.
            (None, None) => false,
        }
    }

    fn begin(&mut self, at: Place, oddity: Oddity, told: Option<Told>) -> u32 {
        let hash = told
            .and_then(|told| told.hash.or_else(|| told.state.map(|state| state.hash(self.replay.room()))));
        let known = hash.as_deref().and_then(|hash| self.first_with(hash));
        let same_as_after = known.filter(|known| at.event().is_none_or(|ix| *known < ix));
        self.result.origins.push(Origin { at, oddity, hash, same_as_after, consequences: 0 });
        self.result.origins.len() as u32 - 1
    }

    /// States that the dump itself asserts, where they do not follow from the events.
    fn asserted(&mut self, ix: EventIx) -> Option<u32> {
        let (room, replay) = (self.replay.room(), self.replay);
        let at = Place::Event(ix);
        let by_server =
            |when| room.asserted(ix, when).is_some_and(|state| state.provenance == Provenance::Server);
        if by_server(When::Before) || by_server(When::After) {
            let oddity = match room.recorded(ix).partial_state {
                true => Oddity::Partial,
                false => Oddity::FromElsewhere { gaps: absent_parents(room, ix) },
            };
            let told = self.replay.after(ix).map(|state| Told { hash: None, state: Some(state.clone()) });
            return Some(self.begin(at, oddity, told));
        }
        let mut cause = None;
        if let Some(asserted) = room.asserted(ix, When::Before) {
            let computed =
                replay.inputs(ix).map(|inputs| replay.resolve_at(Some(ix), &inputs, &mut ()).state);
            let when = Some(When::Before);
            cause =
                self.asserted_differs(at, asserted.provenance, when, computed, replay.before(ix)).or(cause);
        } else {
            let links: Vec<Link> = room.state_links(ix).collect();
            let provenances = links.iter().filter_map(|link| match link {
                Link::Missing(missing) => Some(room.asserted_missing(*missing)?.provenance),
                Link::Event(_) => None,
            });
            for provenance in provenances.take(1) {
                let oddity = Oddity::Asserted { provenance, when: None, keys: None };
                cause = Some(self.begin(at, oddity, None));
            }
        }
        if let Some(asserted) = room.asserted(ix, When::After) {
            let mut computed = replay.before(ix).cloned();
            if let (Some(state), Some(key), None) = (&mut computed, room.key_of(ix), replay.rejection(ix)) {
                state.insert(key, ix);
            }
            let when = Some(When::After);
            cause =
                self.asserted_differs(at, asserted.provenance, when, computed, replay.after(ix)).or(cause);
        }
        cause
    }

    fn asserted_differs(
        &mut self,
        at: Place,
        provenance: Provenance,
        when: Option<When>,
        computed: Option<StateMap>,
        asserted: Option<&StateMap>,
    ) -> Option<u32> {
        let keys = computed.zip(asserted).map(|(computed, asserted)| KeyDifference::all(&computed, asserted));
        if keys.as_ref().is_some_and(Vec::is_empty) {
            return None;
        }
        Some(self.begin(at, Oddity::Asserted { provenance, when, keys }, None))
    }

    /// Holds an event against what the server tells; returns what its state rests on now.
    fn told(
        &mut self,
        ix: EventIx,
        told: &ExpectedEvent,
        asserted: Option<u32>,
        inherited: Option<u32>,
    ) -> Option<u32> {
        let at = Place::Event(ix);
        let rests_on = asserted.or(inherited);
        let after = self.read(told.after.as_ref());
        if told.provisional {
            return rests_on.or_else(|| Some(self.begin(at, Oddity::Partial, after)));
        }
        if self.replay.before(ix).is_none() {
            let gaps = gaps(self.replay.room(), ix);
            let is_origin = asserted.is_none() && (!gaps.is_empty() || inherited.is_none());
            return match (is_origin, after.is_some()) {
                (true, true) => Some(self.begin(at, Oddity::FromElsewhere { gaps }, after)),
                _ => rests_on,
            };
        }
        self.result.compared += 1;
        let is_rejected = self.replay.rejected().contains(ix);
        if let Some(before) = self.read(told.before.as_ref())
            && !self.agrees(&before, ix, When::Before)
        {
            let keys = before.differences(self.replay.before(ix));
            return rests_on
                .or_else(|| Some(self.begin(at, Oddity::State { before: true, keys }, Some(before))));
        }
        if let Some(rejected) = told.rejected.filter(|rejected| *rejected != is_rejected) {
            return rests_on.or_else(|| Some(self.begin(at, Oddity::Verdict { rejected }, after)));
        }
        if let Some(after) = after
            && !self.agrees(&after, ix, When::After)
        {
            let keys = after.differences(self.replay.after(ix));
            return rests_on
                .or_else(|| Some(self.begin(at, Oddity::State { before: false, keys }, Some(after))));
        }
        self.result.agreeing += 1;
        // The server may hold what is asserted; all the same it does not follow from the events.
        rests_on.filter(|_| self.replay.footing(ix) == Footing::Asserted)
    }

    fn read(&mut self, told: Option<&ExpectedState>) -> Option<Told> {
        match told? {
            ExpectedState::Unknown => None,
            ExpectedState::Stored(group) => {
                let stored = self.replay.stored_group(*group)?;
                let state = stored.map().cloned();
                let hash = state.is_none().then(|| stored.hash(self.replay.room()));
                Some(Told { hash, state })
            }
            ExpectedState::Known { hash, list } => Some(Told {
                state: list
                    .as_ref()
                    .and_then(|list| self.state(list))
                    .or_else(|| self.by_hash(hash.as_deref()?)),
                hash: hash.as_deref().map(str::to_owned),
            }),
        }
    }

    /// The state that a list tells; `None` if it names an event that is not in the dump.
    fn state(&self, list: &[Entry]) -> Option<StateMap> {
        let room = self.replay.room();
        list.iter()
            .map(|(event_type, state_key, id)| Some((room.find_key(event_type, state_key)?, room.find(id)?)))
            .collect()
    }

    fn by_hash(&mut self, hash: &str) -> Option<StateMap> {
        self.first_with(hash).and_then(|ix| self.replay.after(ix).cloned())
    }

    /// Whether the server holds a state after the event, and none is known here.
    fn is_unknown(&self, ix: EventIx) -> bool {
        self.told_of.get(&ix).is_some_and(|told| told.after.is_some()) && self.replay.after(ix).is_none()
    }

    /// What the server holds as current, unless that rests on something found before.
    fn now(&mut self, told: &Expectation) {
        let current = self.replay.current();
        // What the server was told elsewhere is a deviation too, but none that hides what comes after it, if it is known.
        let is_hidden = |ix: &EventIx| {
            let cause = self.causes[ix.index()].map(|cause| &self.result.origins[cause as usize].oddity);
            cause.is_some_and(|oddity| !matches!(oddity, Oddity::FromElsewhere { .. }))
        };
        let is_partial = |origin: &Origin| matches!(origin.oddity, Oddity::Partial);
        let has_unknown = self.replay.room().events().any(|ix| self.is_unknown(ix));
        if current.extremities.iter().any(is_hidden)
            || self.result.origins.iter().any(is_partial)
            || has_unknown
        {
            return;
        }
        if let Some(extremities) = &told.current().extremities {
            let mut own: Vec<&str> =
                current.extremities.iter().map(|ix| self.replay.room().id(*ix)).collect();
            own.sort_unstable();
            if !own.into_iter().eq(extremities.iter().map(|id| &**id)) {
                self.begin(Place::Now, Oddity::Extremities, None);
                return;
            }
        }
        let Some(state) = self.read(told.current().state.as_ref()) else { return };
        let own = current.state.as_ref().map(|state| state.hash(self.replay.room()));
        let agrees = match (&state.hash, &state.state) {
            (Some(hash), _) => own.is_some_and(|own| own.eq_ignore_ascii_case(hash)),
            (None, told) => told.is_some() && current.state == *told,
        };
        if !agrees {
            let keys = state.differences(current.state.as_ref());
            self.begin(Place::Now, Oddity::State { before: true, keys }, Some(state));
        }
    }
}

impl Told {
    fn differences(&self, computed: Option<&StateMap>) -> Option<Vec<KeyDifference>> {
        computed.zip(self.state.as_ref()).map(|(computed, theirs)| KeyDifference::all(computed, theirs))
    }
}
