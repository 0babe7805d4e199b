//! State resolution: v1, v2 and v2.1 as the specification's numbered steps.
//!
//! A [`Resolver`] takes state sets and returns one state. What it does on the way leaves as [`step::Step`]s through an
//! [`Observer`]; resolution is a function of its inputs, so a recording can be made at any time by running it again.
//!
//! ```text
//!   state sets ─► split ─► auth difference ─► (subgraph) ─► full conflicted set
//!                   │                                            │
//!             unconflicted        power events ◄─────────────────┤
//!                   │             ordered, checked               │
//!                   │                  ▼                         ▼
//!                   │             mainline ───────────►  all others ordered, checked
//!                   └──────────────► restore ◄───────────────────┘
//! ```
//!
//! Sources: <https://spec.matrix.org/latest/rooms/v1/#state-resolution>, <https://spec.matrix.org/latest/rooms/v2/#state-resolution>,
//! <https://spec.matrix.org/latest/rooms/v12/#state-resolution> (MSC4297).

mod chance;
mod difference;
mod graph;
mod iterative;
mod levels;
mod mainline;
mod marks;
mod masks;
mod power;
mod running;
mod sets;
pub mod step;
mod subgraph;
mod v1;
mod v2;
mod witnesses;

use self::sets::Sets;
use self::step::{Input, Observer, Outcome, Step};
use crate::auth::{Errors, Profile, Verdicts};
pub use crate::event::room_version::Algorithm;
use crate::room::{AuthEdges, EventIx, EventSet, KeyIx, Room};
use crate::state::{Change, Differences, StateMap, StateView};

/// The implementation that a profile stands for gives up here; the text is its error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The event at which it happened.
    pub event: EventIx,
    /// What the implementation says, with the event's ID.
    pub message: String,
    /// It does not fail, but its answer may vary from run to run.
    pub by_chance: bool,
}

impl Failure {
    fn new(room: &Room, event: EventIx, text: &str) -> Self {
        Self { event, message: format!("{text} (at {})", room.id(event)), by_chance: false }
    }

    fn by_chance(room: &Room, event: EventIx) -> Self {
        let text = "not deterministic: the answer may vary from run to run";
        Self { by_chance: true, ..Self::new(room, event, text) }
    }

    fn no_state_key(room: &Room, event: EventIx, errors: Errors) -> Self {
        let text = if errors == Errors::Raise { "AttributeError: state_key" } else { "MissingStateKey" };
        Self::new(room, event, text)
    }
}

/// How much a resolution had to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sizes {
    /// Conflicted keys.
    pub conflicts: usize,
    /// Events of the power ordering.
    pub power: usize,
    /// Events of the mainline ordering.
    pub others: usize,
}

/// What a resolution came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// The resolved state. Where `failure` is set: what the specification gives.
    pub state: StateMap,
    /// The sets were not all equal.
    pub resolved: bool,
    /// How much there was to do.
    pub sizes: Sizes,
    /// The implementation that the profile stands for would fail.
    pub failure: Option<Failure>,
}

/// A resolution as a difference to one of the sets.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The place of the set.
    pub(crate) base: usize,
    /// Where the resolved state differs from it, ascending by key.
    pub(crate) changes: Vec<Change>,
    /// As in a [`Resolution`].
    pub(crate) resolved: bool,
    pub(crate) sizes: Sizes,
    pub(crate) failure: Option<Failure>,
}

/// Resolves state sets of one room, in the manner of one algorithm and profile. Keep it for many resolutions: it
/// reuses its memory, and remembers what one resolution has found out about the room for the next.
#[derive(Debug)]
pub struct Resolver<'a> {
    room: &'a Room,
    edges: AuthEdges<'a>,
    algorithm: Algorithm,
    profile: Profile,
    undisputed_mainline: bool,
    differences: Differences,
    memory: v2::Memory,
    /// Where the implementation that the profile stands for fails, the answer is that of the specification.
    spec_memory: v2::Memory,
}

impl<'a> Resolver<'a> {
    /// A resolver for a room. Auth chains go along the auth events that events list.
    pub fn new(room: &'a Room, algorithm: Algorithm, profile: Profile) -> Self {
        Self {
            room,
            edges: AuthEdges::listed(room),
            algorithm,
            profile,
            undisputed_mainline: false,
            differences: Differences::default(),
            memory: v2::Memory::new(profile),
            spec_memory: v2::Memory::new(Profile::Spec),
        }
    }

    /// The algorithm in use.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The same, but auth chains go along these edges: the calculated ones of a room with a state DAG.
    #[must_use]
    pub fn along(self, edges: AuthEdges<'a>) -> Self {
        Self { edges, ..self }
    }

    /// The same, but where the replayed state has no power levels, undisputed ones are the mainline (D2). No
    /// implementation does that; it is to ask what would be.
    #[must_use]
    pub fn with_undisputed_mainline(self) -> Self {
        Self { undisputed_mainline: true, ..self }
    }

    /// Resolves. `rejected` are the events that count as rejected.
    ///
    /// The order of the sets does not matter; a set that is given twice counts once or twice alike.
    pub fn resolve<O: Observer>(
        &mut self,
        sets: &[StateMap],
        rejected: &EventSet,
        observer: &mut O,
    ) -> Resolution {
        let views: Vec<StateView<'_>> = sets.iter().map(StateMap::view).collect();
        let Answer { base, changes, resolved, sizes, failure } = self.answer(&views, rejected, observer);
        let state = sets.get(base).cloned().unwrap_or_default().changed(&changes);
        Resolution { state, resolved, sizes, failure }
    }

    /// What is known of verdicts in the manner of the profile.
    pub(crate) fn verdicts(&mut self) -> &mut Verdicts {
        &mut self.memory.verdicts
    }

    /// Resolves; the answer is told as a difference.
    pub(crate) fn answer<O: Observer>(
        &mut self,
        given: &[StateView<'_>],
        rejected: &EventSet,
        observer: &mut O,
    ) -> Answer {
        self.answer_along(self.edges, given, rejected, observer)
    }

    /// The same along other edges, which are to be those of the resolutions before, and perhaps more of later events.
    pub(crate) fn answer_along<O: Observer>(
        &mut self,
        edges: AuthEdges<'_>,
        given: &[StateView<'_>],
        rejected: &EventSet,
        observer: &mut O,
    ) -> Answer {
        let mut differences = std::mem::take(&mut self.differences);
        let sets = Sets::new(given, &mut differences);
        let trivial = sets.are_equal();
        observer.step(|| {
            let sizes = given.iter().map(|set| set.len()).collect();
            Step::Input(Input { algorithm: self.algorithm, sizes, trivial })
        });
        let answer = if trivial {
            let size = given.first().map_or(0, |set| set.len());
            observer.step(|| Step::Result(Outcome { size, keys: Vec::new() }));
            Answer { base: 0, changes: Vec::new(), resolved: false, sizes: Sizes::default(), failure: None }
        } else {
            self.decide(edges, &sets, rejected, observer)
        };
        self.differences = differences;
        answer
    }

    fn decide<O: Observer>(
        &mut self,
        edges: AuthEdges<'_>,
        sets: &Sets<'_>,
        rejected: &EventSet,
        observer: &mut O,
    ) -> Answer {
        let Self { room, algorithm, profile, undisputed_mainline, .. } = *self;
        let answer = |entries: &[(KeyIx, EventIx)], sizes: Sizes, failure: Option<Failure>| {
            let (base, changes) = sets.as_changes(entries);
            Answer { base, changes, resolved: true, sizes, failure }
        };
        let context = v2::Context { room, edges, profile, rejected, algorithm, undisputed_mainline };
        match run(context, &mut self.memory, sets, observer) {
            Ok((entries, sizes)) => {
                observer.step(|| Step::Result(outcome(sets, &entries)));
                answer(&entries, sizes, None)
            }
            Err(failure) => {
                observer.step(|| Step::Failure(failure.message.clone()));
                // By the text no resolution fails, so the alternative is there for the types alone.
                let context = v2::Context { profile: Profile::Spec, ..context };
                let (entries, sizes) = run(context, &mut self.spec_memory, sets, &mut ()).unwrap_or_default();
                answer(&entries, sizes, Some(failure))
            }
        }
    }
}

/// The entries that the resolved state has beside the unconflicted ones, ascending by key.
fn run<O: Observer>(
    context: v2::Context<'_>,
    memory: &mut v2::Memory,
    sets: &Sets<'_>,
    observer: &mut O,
) -> Result<(Vec<(KeyIx, EventIx)>, Sizes), Failure> {
    match context.algorithm {
        Algorithm::V1 => v1::resolve(context, &mut memory.verdicts, sets, observer),
        Algorithm::V2 | Algorithm::V2_1 => v2::resolve(context, memory, sets, observer),
    }
}

/// What became of every key that the sets or the result disagree on.
fn outcome(sets: &Sets<'_>, entries: &[(KeyIx, EventIx)]) -> Outcome {
    let mut keys: Vec<KeyIx> = sets.differences.iter().map(|difference| difference.key).collect();
    keys.extend(entries.iter().map(|(key, _)| *key));
    keys.sort_unstable();
    keys.dedup();
    let became = |key: KeyIx| {
        let winner = entries.binary_search_by_key(&key, |(key, _)| *key).ok().map(|place| entries[place].1);
        (sets.values(key), winner)
    };
    let size = sets.unconflicted_len() + entries.len();
    Outcome { size, keys: keys.into_iter().map(became).collect() }
}
