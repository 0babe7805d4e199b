//! Holding an expectation against a replay.

use std::fmt;

use super::hashes::Hashes;
use super::{Entry, Expectation, ExpectedEvent, ExpectedOfStateDag, ExpectedState, Origin};
use crate::replay::Replay;
use crate::room::{EventIx, Room};
use crate::state::StateMap;

/// So many misses are kept of one comparison; the others are only counted.
pub const KEPT: usize = 20;

/// What an expectation says something about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Aspect {
    /// The version of the room.
    RoomVersion,
    /// Whether the dump holds the event.
    Presence,
    /// Whether the event is rejected.
    Verdict,
    /// Whether the states after its parents differ.
    Resolved,
    /// The state before it.
    StateBefore,
    /// The state after it.
    StateAfter,
    /// The calculated auth events (MSC4242).
    AuthEvents,
    /// Whether the event waits for what it rests on (MSC4242).
    Unprocessed,
    /// Whether the event is soft-failed (MSC4242).
    SoftFailed,
    /// The forward extremities.
    Extremities,
    /// The state of the room now.
    CurrentState,
    /// Whether the states after the forward extremities differ.
    CurrentResolved,
}

impl Aspect {
    /// The name in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RoomVersion => "room version",
            Self::Presence => "presence",
            Self::Verdict => "verdict",
            Self::Resolved => "resolved",
            Self::StateBefore => "state before",
            Self::StateAfter => "state after",
            Self::AuthEvents => "calculated auth events",
            Self::Unprocessed => "unprocessed",
            Self::SoftFailed => "soft failure",
            Self::Extremities => "forward extremities",
            Self::CurrentState => "current state",
            Self::CurrentResolved => "current state resolved",
        }
    }
}

/// One point on which a replay is not as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Miss {
    /// The event; `None` if it is about the room as a whole.
    pub event_id: Option<Box<str>>,
    /// On what they differ.
    pub aspect: Aspect,
    /// What was expected; of a state its hash.
    pub expected: String,
    /// What was computed.
    pub computed: String,
    /// The first key on which two states differ and what each has there, if both are told in full.
    pub detail: Option<String>,
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(id) = &self.event_id {
            write!(f, "{id} ")?;
        }
        write!(f, "{}: expected {}, computed {}", self.aspect.as_str(), self.expected, self.computed)?;
        match &self.detail {
            Some(detail) => write!(f, " ({detail})"),
            None => Ok(()),
        }
    }
}

/// How far a replay is as expected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// The events that could be compared.
    pub events: usize,
    /// The events that are as expected in every point.
    pub agreeing: usize,
    /// The events whose state is unknown here while a server holds one (behind a hole, or provisional).
    pub unknown: usize,
    /// The state of the room now could be compared.
    pub current: bool,
    /// The number of points that are not as expected.
    pub missed: usize,
    /// The first [`KEPT`] of them, in the order of the expectation.
    pub misses: Vec<Miss>,
}

impl Comparison {
    /// Whether everything that could be compared is as expected.
    pub fn agrees(&self) -> bool {
        self.missed == 0
    }

    fn miss(&mut self, miss: Miss) {
        self.missed += 1;
        if self.misses.len() < KEPT {
            self.misses.push(miss);
        }
    }
}

impl Expectation {
    /// Compares a replay, which must have been made with [`Expectation::algorithm`].
    ///
    /// ```
    /// use hindsight::auth::Profile;
    /// use hindsight::dump::{Options, load};
    /// use hindsight::expect::Expectation;
    /// use hindsight::replay::Replay;
    ///
    /// let expectation = Expectation::parse(include_bytes!("../../fixtures/knock/expected.json"))?;
    /// let dump = load(include_bytes!("../../fixtures/knock/scenario.json5"), &Options::default()).unwrap();
    /// let replay = Replay::new(&dump.room, expectation.algorithm(), Profile::Synapse);
    /// assert!(expectation.compare(&replay).agrees());
    /// # Ok::<(), hindsight::expect::Unreadable>(())
    /// ```
    pub fn compare(&self, replay: &Replay<'_>) -> Comparison {
        let mut work = Work {
            room: replay.room(),
            replay,
            origin: self.origin,
            hashes: Hashes::new(replay),
            result: Comparison::default(),
        };
        work.room_version(self.room_version.as_deref());
        for event in &self.events {
            work.event(event);
        }
        // What a server has now rests on all that it was ever told.
        if self.origin == Origin::Replay || work.result.unknown == 0 {
            work.current(self);
        }
        work.result
    }
}

struct Work<'a> {
    room: &'a Room,
    replay: &'a Replay<'a>,
    origin: Origin,
    hashes: Hashes<'a>,
    result: Comparison,
}

fn miss(event_id: Option<&str>, aspect: Aspect, expected: &str, computed: impl Into<String>) -> Miss {
    let event_id = event_id.map(Box::from);
    Miss { event_id, aspect, expected: expected.to_owned(), computed: computed.into(), detail: None }
}

fn told(value: bool, yes: &'static str, no: &'static str) -> &'static str {
    if value { yes } else { no }
}

impl Work<'_> {
    fn room_version(&mut self, expected: Option<&str>) {
        let computed = self.room.rules().id;
        if let Some(expected) = expected.filter(|expected| *expected != computed) {
            self.result.miss(miss(None, Aspect::RoomVersion, expected, computed));
        }
    }

    fn event(&mut self, expected: &ExpectedEvent) {
        let Some(ix) = self.room.find(&expected.id) else {
            self.result.events += 1;
            self.result.miss(miss(Some(&expected.id), Aspect::Presence, "an event", "none with this ID"));
            return;
        };
        let is_known = self.replay.before(ix).is_some();
        if self.origin == Origin::Server && (expected.provisional || !is_known) {
            self.result.unknown += 1;
            return;
        }
        self.result.events += 1;
        let missed = self.result.missed;
        self.verdict(ix, expected);
        self.resolved(ix, expected);
        self.state_dag(ix, &expected.state_dag);
        if let Some(state) = &expected.before {
            let hash = self.hashes.before(ix);
            self.state(Some(ix), Aspect::StateBefore, state, self.replay.before(ix), hash.as_deref());
        }
        if let Some(state) = &expected.after {
            let hash = self.hashes.after(ix);
            self.state(Some(ix), Aspect::StateAfter, state, self.replay.after(ix), hash.as_deref());
        }
        self.result.agreeing += usize::from(self.result.missed == missed);
    }

    fn verdict(&mut self, ix: EventIx, expected: &ExpectedEvent) {
        let rejection = self.replay.rejection(ix);
        let Some(expected) = expected.rejected.filter(|rejected| *rejected != rejection.is_some()) else {
            return;
        };
        let computed = match rejection {
            Some(rejection) => format!("rejected ({}: {})", rejection.check.as_str(), rejection.reason),
            None => "accepted".to_owned(),
        };
        let expected = told(expected, "rejected", "accepted");
        self.result.miss(miss(Some(self.room.id(ix)), Aspect::Verdict, expected, computed));
    }

    fn resolved(&mut self, ix: EventIx, expected: &ExpectedEvent) {
        let computed = self.replay.resolved(ix);
        if let Some(expected) = expected.resolved.filter(|resolved| *resolved != computed) {
            let name = |resolved| told(resolved, "states that differ", "equal states");
            let id = Some(self.room.id(ix));
            self.result.miss(miss(id, Aspect::Resolved, name(expected), name(computed)));
        }
    }

    fn state_dag(&mut self, ix: EventIx, expected: &ExpectedOfStateDag) {
        let id = Some(self.room.id(ix));
        if let Some(expected) = &expected.auth_events {
            let computed = self.replay.calculated_auth(ix).map(|auth| {
                let mut ids: Vec<&str> = auth.iter().map(|auth| self.room.id(*auth)).collect();
                ids.sort_unstable();
                ids
            });
            let expected: Option<Vec<&str>> =
                expected.as_ref().map(|ids| ids.iter().map(|id| &**id).collect());
            if computed != expected {
                let name =
                    |ids: Option<Vec<&str>>| ids.map_or_else(|| "none".to_owned(), |ids| ids.join(", "));
                self.result.miss(miss(id, Aspect::AuthEvents, &name(expected), name(computed)));
            }
        }
        let unprocessed = Some(self.replay.is_unprocessed(ix));
        if expected.unprocessed.is_some() && expected.unprocessed != unprocessed {
            let name = |value| told(value == Some(true), "waits", "does not wait");
            self.result.miss(miss(id, Aspect::Unprocessed, name(expected.unprocessed), name(unprocessed)));
        }
        let soft_failed = self.replay.soft_failed(ix);
        if expected.soft_failed.is_some() && expected.soft_failed != soft_failed {
            let name = |value: Option<bool>| match value {
                Some(value) => told(value, "soft-failed", "not soft-failed"),
                None => "not asked",
            };
            self.result.miss(miss(id, Aspect::SoftFailed, name(expected.soft_failed), name(soft_failed)));
        }
    }

    fn state(
        &mut self,
        ix: Option<EventIx>,
        aspect: Aspect,
        expected: &ExpectedState,
        computed: Option<&StateMap>,
        hash: Option<&str>,
    ) {
        let (told, detail) = match (expected, computed) {
            (ExpectedState::Stored(group), _) => {
                let Some(stored) = self.replay.stored_group(*group) else { return };
                if stored.map().is_some() && stored.map() == computed {
                    return;
                }
                let told = stored.hash(self.room);
                let detail =
                    computed.and_then(|state| first_difference(self.room, state, stored.list(self.room)));
                (told, detail)
            }
            (ExpectedState::Unknown, None) => return,
            (ExpectedState::Unknown, Some(_)) => ("unknown".to_owned(), None),
            (ExpectedState::Known { hash: expected, list }, _) => {
                let detail = computed
                    .zip(list.as_ref())
                    .and_then(|(state, list)| first_difference(self.room, state, entries(list)));
                let same_hash = expected.as_deref().map_or(hash.is_some(), |expected| {
                    hash.is_some_and(|hash| hash.eq_ignore_ascii_case(expected))
                });
                if same_hash && detail.is_none() {
                    return;
                }
                let told =
                    expected.as_deref().map_or_else(|| "the state told in full".to_owned(), str::to_owned);
                (told, detail)
            }
        };
        let id = ix.map(|ix| self.room.id(ix));
        let mut miss = miss(id, aspect, &told, hash.unwrap_or("unknown"));
        miss.detail = detail;
        self.result.miss(miss);
    }

    fn current(&mut self, expectation: &Expectation) {
        let (expected, current) = (&expectation.current, self.replay.current());
        if let Some(extremities) = &expected.extremities {
            let mut computed: Vec<&str> = current.extremities.iter().map(|ix| self.room.id(*ix)).collect();
            computed.sort_unstable();
            if !computed.iter().copied().eq(extremities.iter().map(|id| &**id)) {
                let computed = computed.join(", ");
                self.result.miss(miss(None, Aspect::Extremities, &extremities.join(", "), computed));
            }
        }
        if let Some(resolved) = expected.resolved.filter(|resolved| *resolved != current.resolved) {
            let name = |resolved| told(resolved, "states that differ", "equal states");
            let miss = miss(None, Aspect::CurrentResolved, name(resolved), name(current.resolved));
            self.result.miss(miss);
        }
        if let Some(state) = &expected.state {
            let hash = current.state.as_ref().map(|state| state.hash(self.room));
            self.state(None, Aspect::CurrentState, state, current.state.as_ref(), hash.as_deref());
        }
        self.result.current = expected.extremities.is_some() || expected.state.is_some();
    }
}

/// The entries of a state list, sorted.
fn entries(list: &[Entry]) -> Vec<(&str, &str, &str)> {
    let mut list: Vec<_> =
        list.iter().map(|(event_type, state_key, id)| (&**event_type, &**state_key, &**id)).collect();
    list.sort_unstable();
    list
}

/// The first key on which a state and a state list, which is sorted, differ, and what each has there.
fn first_difference(room: &Room, state: &StateMap, list: Vec<(&str, &str, &str)>) -> Option<String> {
    let mut expected = list.into_iter().peekable();
    let mut computed = state.list(room).peekable();
    loop {
        let (theirs, ours) = (expected.peek().copied(), computed.peek().copied());
        match (theirs, ours) {
            (None, None) => return None,
            (Some(theirs), Some(ours)) if theirs == ours => {
                expected.next();
                computed.next();
            }
            (theirs, ours) => {
                let at = [theirs, ours].into_iter().flatten().map(|(kind, key, _)| (kind, key)).min()?;
                let here = |entry: Option<(&str, &str, &str)>| {
                    let entry = entry.filter(|(kind, key, _)| (*kind, *key) == at);
                    entry.map_or_else(|| "nothing".to_owned(), |(_, _, id)| id.to_owned())
                };
                let (theirs, ours) = (here(theirs), here(ours));
                return Some(format!("at {} {:?}: expected {theirs}, computed {ours}", at.0, at.1));
            }
        }
    }
}
