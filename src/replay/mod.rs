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
//! In a room with a state DAG (MSC4242) states follow `prev_state_events` instead, and auth events are calculated from them.
//!
//! Sources: <https://spec.matrix.org/latest/server-server-api/#checks-performed-on-receipt-of-a-pdu>,
//! <https://spec.matrix.org/latest/server-server-api/#room-state-resolution>,
//! <https://github.com/matrix-org/matrix-spec-proposals/pull/4242>

mod arrivals;
mod build;
pub(crate) mod compare;
mod judge;
mod messages;
mod pair;
mod place;
mod state_dag;
mod states;
mod stored;

use std::sync::Arc;

use self::build::{Build, Known, Outcome};
pub use self::judge::Check;
use self::judge::Judge;
pub use self::pair::Pair;
pub use self::place::Place;
use self::state_dag::StateDagOutcome;
pub use self::stored::StoredState;
use crate::auth::{Profile, Refusal, SelectedFor, Verdicts, selection};
use crate::event::room_version::AuthSource;
use crate::report::{Code, Finding};
use crate::resolve::step::{CalcAuth, Observer, SelectedKey, Step};
use crate::resolve::{Algorithm, Failure, Resolution, Resolver};
use crate::room::{AuthEdges, EventIx, EventSet, Link, Room};
use crate::state::StateMap;

/// Which check rejected an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CheckKind {
    /// The event is not of the form the room version asks for.
    Format,
    /// Against its own `auth_events`.
    AuthEvents,
    /// By the rules on `prev_state_events`, and others that need no state (MSC4242).
    StateParents,
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
            Self::StateParents => "prev_state_events",
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
    /// Where the rejection is handed down along `prev_state_events`: the event it goes back to, which was rejected for
    /// something of its own.
    pub origin: Option<EventIx>,
}

/// How far a state can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Footing {
    /// Computed from the create event on.
    Computed,
    /// Somewhere below it a state was asserted.
    Asserted,
    /// There is none: the event was rejected for its place in the state DAG (MSC4242).
    Undefined,
    /// Unknown: somewhere below it is a hole.
    Unknown,
}

impl Footing {
    /// The name in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Computed => "computed",
            Self::Asserted => "asserted",
            Self::Undefined => "undefined",
            Self::Unknown => "unknown",
        }
    }
}

/// The replay of a whole room in the manner of one algorithm and profile.
///
/// Keeps of every event its verdict and its states (maps that share nearly everything); the steps of a resolution are
/// recomputed on demand by [`Replay::steps`].
#[derive(Debug, Clone)]
pub struct Replay<'a> {
    room: &'a Room,
    recording: Recording,
}

/// What a [`Replay`] found out, without the room: something to keep where a borrowed room is in the way. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Recording {
    algorithm: Algorithm,
    profile: Profile,
    outcome: Arc<Outcome>,
}

impl Recording {
    /// The replay of the room it was made of. Of another room it would be nonsense.
    ///
    /// # Panics
    /// If the room has another number of events.
    pub fn of<'a>(&self, room: &'a Room) -> Replay<'a> {
        assert_eq!(self.outcome.known.len(), room.len(), "the recording of another room");
        Replay { room, recording: self.clone() }
    }

    /// The algorithm in use.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The profile in use.
    pub fn profile(&self) -> Profile {
        self.profile
    }
}

/// A replay that is under way: for those who must not be away for long.
///
/// ```
/// # use hindsight::auth::Profile;
/// # use hindsight::dump::{Options, load};
/// # use hindsight::replay::Replaying;
/// # let scenario = include_bytes!("../../fixtures/topic-vs-ban/scenario.json5");
/// # let dump = load(scenario, &Options::default())?;
/// let mut replaying = Replaying::new(&dump.room, None, Profile::Spec);
/// while !replaying.advance(1000) {
///     // Time to paint: replaying.done() events are replayed.
/// }
/// let replay = replaying.finish();
/// # assert!(replay.current().state.is_some());
/// # Ok::<(), hindsight::dump::LoadError>(())
/// ```
pub struct Replaying<'a> {
    room: &'a Room,
    algorithm: Algorithm,
    profile: Profile,
    build: Build<'a>,
}

impl<'a> Replaying<'a> {
    /// Begins to replay a room. `algorithm`: by default that of the room version.
    pub fn new(room: &'a Room, algorithm: Option<Algorithm>, profile: Profile) -> Self {
        let algorithm = algorithm.unwrap_or(room.rules().algorithm);
        Self { room, algorithm, profile, build: Build::new(room, algorithm, profile) }
    }

    /// The same, but nobody asks which messages of a room with a state DAG are soft-failed.
    #[must_use]
    pub fn without_soft_failures(mut self) -> Self {
        self.build.ask_no_soft_failures();
        self
    }

    /// The same, but in a room with a state DAG an event that names a rejected one is judged as if it named what that one
    /// names: to find out what a correct server would have named.
    #[must_use]
    pub(crate) fn passing_over_rejected(mut self) -> Self {
        self.build.pass_over_rejected();
        self
    }

    /// How many events have been replayed.
    pub fn done(&self) -> usize {
        self.build.done()
    }

    /// Replays up to so many more events. Returns whether that were all.
    pub fn advance(&mut self, events: usize) -> bool {
        self.build.advance(events)
    }

    /// The replay; what is left of it is done now.
    pub fn finish(mut self) -> Replay<'a> {
        self.build.advance(usize::MAX);
        let Self { room, algorithm, profile, build } = self;
        let outcome = Arc::new(build.finish());
        Replay { room, recording: Recording { algorithm, profile, outcome } }
    }
}

/// The state of the room now: the resolution over the forward extremities.
#[derive(Debug, Clone)]
pub struct Current {
    /// The forward extremities, ascending: accepted events with a place in the DAG that no accepted event has as its
    /// parent; of a state DAG, accepted state events that no accepted state event names in `prev_state_events`. Events recorded as soft-failed or as outliers are none, but what an accepted event reaches through
    /// soft-failed ones is none either.
    pub extremities: Vec<EventIx>,
    /// The resolved state; `None` if there is no extremity, or the state after one is unknown. (In a state DAG that has no
    /// extremity because all its events were rejected, it is known: it has no entries.)
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
        Replaying::new(room, algorithm, profile).finish()
    }

    /// The replay without the room.
    pub fn recording(&self) -> Recording {
        self.recording.clone()
    }

    /// The room.
    pub fn room(&self) -> &'a Room {
        self.room
    }

    /// The algorithm in use.
    pub fn algorithm(&self) -> Algorithm {
        self.recording.algorithm
    }

    /// The profile in use.
    pub fn profile(&self) -> Profile {
        self.recording.profile
    }

    fn known(&self, ix: EventIx) -> Known {
        self.recording.outcome.known[ix.index()]
    }

    /// The state before an event; `None` if it is unknown (or the event has no place in the DAG).
    pub fn before(&self, ix: EventIx) -> Option<&StateMap> {
        self.known(ix).before.map(|before| self.recording.outcome.states.get(before))
    }

    /// The state after an event; `None` if it is unknown (or the event has no place in the DAG).
    pub fn after(&self, ix: EventIx) -> Option<&StateMap> {
        self.known(ix).after.map(|after| self.recording.outcome.states.get(after))
    }

    /// How far the state after an event can be relied on.
    pub fn footing(&self, ix: EventIx) -> Footing {
        self.known(ix).footing
    }

    /// Whether the states after the event's parents differed, so that a resolution ran.
    pub fn resolved(&self, ix: EventIx) -> bool {
        self.known(ix).resolved
    }

    /// Why an event was rejected, if it was.
    pub fn rejection(&self, ix: EventIx) -> Option<&Rejection> {
        self.recording.outcome.rejections.get(&ix)
    }

    /// The rejected events.
    pub fn rejected(&self) -> &EventSet {
        &self.recording.outcome.rejected
    }

    fn state_dag(&self) -> Option<&StateDagOutcome> {
        self.recording.outcome.state_dag.as_deref()
    }

    /// Along which edges auth chains go here: those that events list, or the calculated ones of a state DAG.
    pub fn auth(&self) -> AuthEdges<'_> {
        AuthEdges::of_replay(self.room, self.state_dag().map(|dag| &dag.auth))
    }

    /// The calculated auth events of an event; `None` where the event lists its own, and where no state is defined before
    /// it.
    pub fn calculated_auth(&self, ix: EventIx) -> Option<&[EventIx]> {
        self.state_dag()?.auth.get(ix)
    }

    /// Whether an event of a state DAG waits, because something it rests on is not in the dump: it is neither accepted nor
    /// rejected. Never so in other rooms.
    pub fn is_unprocessed(&self, ix: EventIx) -> bool {
        self.state_dag().is_some_and(|dag| dag.unprocessed.contains(ix))
    }

    /// How many events wait so.
    pub fn unprocessed_count(&self) -> usize {
        self.state_dag().map_or(0, |dag| dag.unprocessed.len())
    }

    /// Whether the current state at its arrival refuses a message of a room with a state DAG that is accepted; `None` for
    /// all other events, and where nobody could ask because the room is absurdly wide. The one answer that depends on the
    /// order of the dump.
    pub fn soft_failed(&self, ix: EventIx) -> Option<bool> {
        let dag = self.state_dag()?;
        let is_message = self.room.key_of(ix).is_none() && self.before(ix).is_some();
        let is_asked = is_message && !self.rejected().contains(ix) && !dag.unasked.contains(ix);
        is_asked.then(|| dag.soft_failed.contains(ix))
    }

    /// Whether an event is such that it is a forward extremity until others follow it.
    pub fn may_be_extremity(&self, ix: EventIx) -> bool {
        if self.rejected().contains(ix) {
            return false;
        }
        if self.room.rules().has_state_dag() {
            return self.room.key_of(ix).is_some() && self.after(ix).is_some();
        }
        let recorded = self.room.recorded(ix);
        !self.room.is_outlier(ix) && !recorded.outlier && !recorded.soft_failed
    }

    /// Something that resolves as this replay does.
    pub fn resolver(&self) -> Resolver<'_> {
        self.resolver_by(self.algorithm(), self.profile())
    }

    /// Something that resolves along the same auth edges, but by another algorithm or in another manner.
    pub fn resolver_by(&self, algorithm: Algorithm, profile: Profile) -> Resolver<'_> {
        Resolver::new(self.room, algorithm, profile).along(self.auth())
    }

    /// Where the implementation that the profile stands for would have failed to resolve the state before an event.
    pub fn failure(&self, ix: EventIx) -> Option<&Failure> {
        self.recording.outcome.failures.get(&ix)
    }

    /// The state of the room now.
    pub fn current(&self) -> &Current {
        &self.recording.outcome.current
    }

    /// The states after the parents of an event, in the order of the event: what is resolved for the state before it.
    ///
    /// `None` if one of them is unknown.
    pub fn inputs(&self, ix: EventIx) -> Option<Vec<StateMap>> {
        self.room.state_links(ix).map(|link| self.after_link(link)).collect()
    }

    /// The states that are resolved for a place: those after the parents of an event, or after the forward extremities.
    ///
    /// `None` if one of them is unknown, the event has no place in the DAG, or there are no extremities.
    pub fn inputs_at(&self, place: Place) -> Option<Vec<StateMap>> {
        match place {
            Place::Event(ix) if self.room.is_outlier(ix) => None,
            Place::Event(ix) => self.inputs(ix),
            Place::Now => {
                let after = self.current().extremities.iter().map(|ix| self.after(*ix).cloned());
                after.collect::<Option<Vec<_>>>().filter(|states| !states.is_empty())
            }
        }
    }

    /// The state at a place: before an event, or the current one. `None` if it is unknown.
    pub fn state_at(&self, place: Place) -> Option<&StateMap> {
        match place {
            Place::Event(ix) => self.before(ix),
            Place::Now => self.current().state.as_ref(),
        }
    }

    /// The state after an event, be it in the dump or only asserted.
    pub fn after_link(&self, link: Link) -> Option<StateMap> {
        match link {
            Link::Event(ix) => self.after(ix).cloned(),
            Link::Missing(missing) => {
                Some(state_of(self.room, &self.room.asserted_missing(missing)?.events(self.room)))
            }
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
        self.resolve_at(None, sets, observer)
    }

    /// Resolves given states as the replay does when it comes to the event `at`: what it judges later does not count as
    /// rejected yet. That matters where an asserted state holds later events. `None`: as at the end.
    pub fn resolve_at<O: Observer>(
        &self,
        at: Option<EventIx>,
        sets: &[StateMap],
        observer: &mut O,
    ) -> Resolution {
        let earlier = at.map(|ix| self.rejected_before(ix));
        let rejected = earlier.as_ref().unwrap_or(&self.recording.outcome.rejected);
        let resolution = self.resolver().resolve(sets, rejected, observer);
        if let Some(ix) = at.filter(|_| self.room.rules().auth_source == AuthSource::Calculated) {
            observer.step(|| Step::CalcAuth(self.calculation(ix, &resolution.state)));
        }
        resolution
    }

    /// How the auth events of an event follow from a state.
    fn calculation(&self, ix: EventIx, state: &StateMap) -> CalcAuth {
        let room = self.room;
        let (keys, unreadable) = match selection(room, ix, self.profile()) {
            Ok(selected) => (selected.without_implied_create(room).collect(), None),
            Err(refusal) => (Vec::new(), Some(refusal.reason())),
        };
        let selected =
            |key| SelectedKey { key, reason: SelectedFor::of(room, ix, key), event: state.get(key) };
        CalcAuth { event: ix, size: state.len(), keys: keys.into_iter().map(selected).collect(), unreadable }
    }

    /// The events that were rejected before the replay came to an event.
    pub fn rejected_before(&self, ix: EventIx) -> EventSet {
        self.recording.outcome.rejected.iter().take_while(|rejected| *rejected < ix).collect()
    }

    /// Judges one event as this replay does, but on another state before it (`None`: unknown), and with other events
    /// rejected. Returns why it would be rejected, if it would be.
    pub fn judge_on(&self, ix: EventIx, before: Option<&StateMap>, rejected: &EventSet) -> Option<Rejection> {
        let judge = Judge { room: self.room, profile: self.profile(), rejected };
        judge.verdict(ix, before.map(StateMap::view), &mut Verdicts::new(self.profile()))
    }

    /// Judges one event again and says what every check came to, with what the rules read.
    pub fn judge(&self, ix: EventIx) -> Vec<Check> {
        let judge =
            Judge { room: self.room, profile: self.profile(), rejected: &self.recording.outcome.rejected };
        judge.checks(ix, self.before(ix).map(StateMap::view))
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
}

/// The state that consists of the given state events.
pub fn state_of(room: &Room, events: &[EventIx]) -> StateMap {
    events.iter().filter_map(|ix| Some((room.key_of(*ix)?, *ix))).collect()
}
