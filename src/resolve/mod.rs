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

mod chain;
mod chance;
mod iterative;
mod mainline;
mod power;
pub mod step;
mod v1;
mod v2;

use self::chain::Masks;
use self::step::{Input, Observer, Outcome, Step};
use crate::auth::{Errors, Profile};
pub use crate::event::room_version::Algorithm;
use crate::room::{EventIx, EventSet, Room};
use crate::state::{Conflict, StateMap};

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

/// Resolves state sets of one room, in the manner of one algorithm and profile. Keep it for many resolutions: it
/// reuses its memory.
#[derive(Debug)]
pub struct Resolver<'a> {
    room: &'a Room,
    algorithm: Algorithm,
    profile: Profile,
    masks: Masks,
}

impl<'a> Resolver<'a> {
    /// A resolver for a room.
    pub fn new(room: &'a Room, algorithm: Algorithm, profile: Profile) -> Self {
        Self { room, algorithm, profile, masks: Masks::default() }
    }

    /// The algorithm in use.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
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
        let trivial = sets.windows(2).all(|pair| pair[0] == pair[1]);
        observer.step(|| {
            let sizes = sets.iter().map(StateMap::len).collect();
            Step::Input(Input { algorithm: self.algorithm, sizes, trivial })
        });
        if trivial {
            let state = sets.first().cloned().unwrap_or_default();
            observer.step(|| Step::Result(Outcome { size: state.len(), keys: Vec::new() }));
            return Resolution { state, resolved: false, sizes: Sizes::default(), failure: None };
        }
        match self.run(self.profile, sets, rejected, observer) {
            Ok((state, sizes)) => {
                observer.step(|| Step::Result(outcome(sets, &state)));
                Resolution { state, resolved: true, sizes, failure: None }
            }
            Err(failure) => {
                observer.step(|| Step::Failure(failure.message.clone()));
                // By the text no resolution fails, so the alternative is there for the types alone.
                let (state, sizes) = self
                    .run(Profile::Spec, sets, rejected, &mut ())
                    .unwrap_or_else(|_| (sets[0].clone(), Sizes::default()));
                Resolution { state, resolved: true, sizes, failure: Some(failure) }
            }
        }
    }

    fn run<O: Observer>(
        &mut self,
        profile: Profile,
        sets: &[StateMap],
        rejected: &EventSet,
        observer: &mut O,
    ) -> Result<(StateMap, Sizes), Failure> {
        match self.algorithm {
            Algorithm::V1 => v1::resolve(self.room, profile, sets, rejected, observer),
            Algorithm::V2 | Algorithm::V2_1 => {
                let context = v2::Context { room: self.room, profile, rejected, algorithm: self.algorithm };
                v2::resolve(context, &mut self.masks, sets, observer)
            }
        }
    }
}

/// What became of every key that the sets or the result disagree on.
fn outcome(sets: &[StateMap], state: &StateMap) -> Outcome {
    let mut all = sets.to_vec();
    all.push(state.clone());
    let keys = crate::state::Split::new(&all)
        .conflicts
        .into_iter()
        .map(|Conflict { key, mut values }| {
            let winner = values.pop();
            (Conflict { key, values }, winner)
        })
        .collect();
    Outcome { size: state.len(), keys }
}
