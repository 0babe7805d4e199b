//! State before and after every event.
//!
//! An event is judged as a server judges it on receipt: its format, the rules against its own `auth_events`, the rules
//! against the state before it. What cannot be known is *unknown*: behind a hole there is no state, unless somebody
//! asserts one; and what follows from an asserted state is marked so.
//!
//! ```text
//!   before(e) = resolve(after(p) for p in prev_events(e))
//!   after(e)  = before(e) + e, if e is a state event and not rejected
//! ```
//!
//! Sources: <https://spec.matrix.org/latest/server-server-api/#checks-performed-on-receipt-of-a-pdu>,
//! <https://spec.matrix.org/latest/server-server-api/#room-state-resolution>

mod judge;

use std::collections::BTreeMap;

pub use self::judge::Check;
use self::judge::Judge;
use crate::auth::{Profile, Refusal};
use crate::report::{Code, Finding};
use crate::resolve::step::{Observer, Step};
use crate::resolve::{Algorithm, Failure, Resolution, Resolver};
use crate::room::{EventIx, EventSet, Link, Room, When};
use crate::state::StateMap;

/// Which check rejected an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CheckKind {
    /// The event is not of the form the room version asks for.
    Format,
    /// Against its own `auth_events`.
    AuthEvents,
    /// Against the state before it.
    StateBefore,
    /// None here: the dump says that a server rejected it, and what is known does not suffice to judge.
    Recorded,
}

impl CheckKind {
    /// The name in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::AuthEvents => "auth_events",
            Self::StateBefore => "state_before",
            Self::Recorded => "recorded",
        }
    }
}

/// Why an event was rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// By which check.
    pub check: CheckKind,
    /// The rule; `None` if the rejection is only recorded.
    pub refusal: Option<Refusal>,
    /// One sentence without a full stop.
    pub reason: String,
}

/// How far a state can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Footing {
    /// Computed from the create event on.
    Computed,
    /// Somewhere below it a state was asserted.
    Asserted,
    /// Unknown: somewhere below it is a hole.
    Unknown,
}

impl Footing {
    /// The name in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Computed => "computed",
            Self::Asserted => "asserted",
            Self::Unknown => "unknown",
        }
    }
}

/// What a replay knows of one event.
#[derive(Debug, Clone)]
struct Known {
    before: Option<StateMap>,
    after: Option<StateMap>,
    footing: Footing,
    resolved: bool,
}

/// The replay of a whole room in the manner of one algorithm and profile.
///
/// Keeps of every event its verdict and its states (maps that share nearly everything); the steps of a resolution are
/// recomputed on demand by [`Replay::steps`].
#[derive(Debug, Clone)]
pub struct Replay<'a> {
    room: &'a Room,
    algorithm: Algorithm,
    profile: Profile,
    known: Vec<Known>,
    rejected: EventSet,
    rejections: BTreeMap<EventIx, Rejection>,
    failures: BTreeMap<EventIx, Failure>,
    current: Current,
}

/// The state of the room now: the resolution over the forward extremities.
#[derive(Debug, Clone)]
pub struct Current {
    /// The forward extremities, ascending: accepted events with a place in the DAG that no accepted event has as its
    /// parent. Events recorded as soft-failed or as outliers are none, but what an accepted event reaches through
    /// soft-failed ones is none either.
    pub extremities: Vec<EventIx>,
    /// The resolved state; `None` if there is no extremity, or the state after one is unknown.
    pub state: Option<StateMap>,
    /// How far it can be relied on.
    pub footing: Footing,
    /// The states after the extremities were not all equal.
    pub resolved: bool,
    /// The implementation that the profile stands for would fail.
    pub failure: Option<Failure>,
}

impl<'a> Replay<'a> {
    /// Replays a room. `algorithm`: by default that of the room version.
    pub fn new(room: &'a Room, algorithm: Option<Algorithm>, profile: Profile) -> Self {
        let algorithm = algorithm.unwrap_or(room.rules().algorithm);
        let mut replay = Self {
            room,
            algorithm,
            profile,
            known: Vec::with_capacity(room.len()),
            rejected: EventSet::new(room.len()),
            rejections: BTreeMap::new(),
            failures: BTreeMap::new(),
            current: Current {
                extremities: Vec::new(),
                state: None,
                footing: Footing::Unknown,
                resolved: false,
                failure: None,
            },
        };
        let mut resolver = Resolver::new(room, algorithm, profile);
        for ix in room.events() {
            replay.take(ix, &mut resolver);
        }
        replay.current = replay.find_current(&mut resolver);
        replay
    }

    /// The room.
    pub fn room(&self) -> &'a Room {
        self.room
    }

    /// The algorithm in use.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The profile in use.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// The state before an event; `None` if it is unknown (or the event has no place in the DAG).
    pub fn before(&self, ix: EventIx) -> Option<&StateMap> {
        self.known[ix.index()].before.as_ref()
    }

    /// The state after an event; `None` if it is unknown (or the event has no place in the DAG).
    pub fn after(&self, ix: EventIx) -> Option<&StateMap> {
        self.known[ix.index()].after.as_ref()
    }

    /// How far the state after an event can be relied on.
    pub fn footing(&self, ix: EventIx) -> Footing {
        self.known[ix.index()].footing
    }

    /// Whether the states after the event's parents differed, so that a resolution ran.
    pub fn resolved(&self, ix: EventIx) -> bool {
        self.known[ix.index()].resolved
    }

    /// Why an event was rejected, if it was.
    pub fn rejection(&self, ix: EventIx) -> Option<&Rejection> {
        self.rejections.get(&ix)
    }

    /// The rejected events.
    pub fn rejected(&self) -> &EventSet {
        &self.rejected
    }

    /// Where the implementation that the profile stands for would have failed to resolve the state before an event.
    pub fn failure(&self, ix: EventIx) -> Option<&Failure> {
        self.failures.get(&ix)
    }

    /// The state of the room now.
    pub fn current(&self) -> &Current {
        &self.current
    }

    /// The states after the parents of an event, in the order of the event: what is resolved for the state before it.
    ///
    /// `None` if one of them is unknown.
    pub fn inputs(&self, ix: EventIx) -> Option<Vec<StateMap>> {
        self.room.prev_links(ix).map(|link| self.after_link(link)).collect()
    }

    /// The state after an event, be it in the dump or only asserted.
    fn after_link(&self, link: Link) -> Option<StateMap> {
        match link {
            Link::Event(ix) => self.after(ix).cloned(),
            Link::Missing(missing) => Some(state_of(self.room, &self.room.asserted_missing(missing)?.events)),
        }
    }

    /// Resolves given states as the replay does, and records the steps.
    pub fn steps(&self, sets: &[StateMap]) -> (Resolution, Vec<Step>) {
        let mut steps = Vec::new();
        let resolution = self.resolve(sets, &mut steps);
        (resolution, steps)
    }

    /// Resolves given states as the replay does.
    pub fn resolve<O: Observer>(&self, sets: &[StateMap], observer: &mut O) -> Resolution {
        Resolver::new(self.room, self.algorithm, self.profile).resolve(sets, &self.rejected, observer)
    }

    /// Judges one event again and says what every check came to, with what the rules read.
    pub fn judge(&self, ix: EventIx) -> Vec<Check> {
        let judge = Judge { room: self.room, profile: self.profile, rejected: &self.rejected };
        judge.checks(ix, self.before(ix))
    }

    /// Where the recomputed verdicts differ from those that the dump records.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let has_records = self.room.has_records();
        for ix in self.room.events() {
            let recorded = self.room.recorded(ix).rejected.as_deref();
            let message = match (recorded, self.rejection(ix)) {
                (Some(reason), None) => {
                    format!(
                        "the dump says that a server rejected it ({reason}); by these rules it is accepted"
                    )
                }
                (None, Some(rejection)) if has_records && !self.room.is_outlier(ix) => {
                    format!("the dump says that a server accepted it; by these rules: {}", rejection.reason)
                }
                _ => continue,
            };
            findings.push(
                Finding::new(Code::RecordedVerdictDiffers, message)
                    .event(self.room.id(ix))
                    .maybe_line(self.room.line(ix))
                    .remedy("try --profile synapse, or look at the event with `resolve --steps`"),
            );
        }
        findings
    }

    fn take(&mut self, ix: EventIx, resolver: &mut Resolver<'_>) {
        let known = if self.room.is_outlier(ix) {
            Known { before: None, after: None, footing: Footing::Unknown, resolved: false }
        } else {
            self.state_before(ix, resolver)
        };
        let judge = Judge { room: self.room, profile: self.profile, rejected: &self.rejected };
        if let Some(rejection) = judge.verdict(ix, known.before.as_ref()) {
            self.rejected.insert(ix);
            self.rejections.insert(ix, rejection);
        }
        let known = self.with_state_after(ix, known);
        self.known.push(known);
    }

    fn state_before(&mut self, ix: EventIx, resolver: &mut Resolver<'_>) -> Known {
        if let Some(asserted) = self.room.asserted(ix, When::Before) {
            let before = state_of(self.room, &asserted.events);
            return Known { before: Some(before), after: None, footing: Footing::Asserted, resolved: false };
        }
        let footing = |link: Link| match link {
            Link::Event(parent) => self.footing(parent),
            Link::Missing(_) => Footing::Asserted,
        };
        let links = || self.room.prev_links(ix);
        let Some(inputs) = self.inputs(ix) else {
            return Known { before: None, after: None, footing: Footing::Unknown, resolved: false };
        };
        let footing = links().map(footing).max().unwrap_or(Footing::Computed);
        let resolution = resolver.resolve(&inputs, &self.rejected, &mut ());
        if let Some(failure) = resolution.failure {
            self.failures.insert(ix, failure);
        }
        Known { before: Some(resolution.state), after: None, footing, resolved: resolution.resolved }
    }

    fn with_state_after(&self, ix: EventIx, mut known: Known) -> Known {
        if let Some(asserted) = self.room.asserted(ix, When::After) {
            known.after = Some(state_of(self.room, &asserted.events));
            known.footing = Footing::Asserted;
            return known;
        }
        known.after = known.before.clone();
        if let (Some(state), Some(key), false) =
            (&mut known.after, self.room.key_of(ix), self.rejected.contains(ix))
        {
            state.insert(key, ix);
        }
        known
    }

    fn forward_extremities(&self) -> Vec<EventIx> {
        let counts = |ix: EventIx| {
            let recorded = self.room.recorded(ix);
            let known_to_server = !self.room.is_outlier(ix) && !recorded.outlier;
            known_to_server && !recorded.soft_failed && !self.rejected.contains(ix)
        };
        // Children have greater indices, so going down meets them first.
        let mut covered = EventSet::new(self.room.len());
        let mut extremities = Vec::new();
        for ix in self.room.events().rev() {
            let covers = |child: &EventIx| {
                counts(*child) || self.room.recorded(*child).soft_failed && covered.contains(*child)
            };
            if self.room.children(ix).iter().any(covers) {
                covered.insert(ix);
            } else if counts(ix) {
                extremities.push(ix);
            }
        }
        extremities.reverse();
        extremities
    }

    fn find_current(&self, resolver: &mut Resolver<'_>) -> Current {
        let extremities = self.forward_extremities();
        let states: Option<Vec<StateMap>> = extremities.iter().map(|ix| self.after(*ix).cloned()).collect();
        // A dump of nothing but outliers has no extremities: then nothing is known, which is not an empty state.
        let Some(states) = states.filter(|states| !states.is_empty()) else {
            return Current {
                extremities,
                state: None,
                footing: Footing::Unknown,
                resolved: false,
                failure: None,
            };
        };
        let footing = extremities.iter().map(|ix| self.footing(*ix)).max().unwrap_or(Footing::Computed);
        let Resolution { state, resolved, failure, .. } = resolver.resolve(&states, &self.rejected, &mut ());
        Current { extremities, state: Some(state), footing, resolved, failure }
    }
}

/// The state that consists of the given state events.
pub fn state_of(room: &Room, events: &[EventIx]) -> StateMap {
    events.iter().filter_map(|ix| Some((room.key_of(*ix)?, *ix))).collect()
}
