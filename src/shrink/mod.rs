//! The smallest room that still shows something: a reset, a difference between implementations, a rejection.
//!
//! Delta debugging: events, users, branches and content are taken away for as long as a [`Property`] holds. Whatever is
//! tried is a sound room: what hung on an event that is gone hangs on what that hung on, and no event that stays gets
//! another verdict. What is left is written as a scenario in the form of the fixtures.
//!
//! ```
//! use hindsight::auth::Profile;
//! use hindsight::dump::{Options, load};
//! use hindsight::replay::Replay;
//! use hindsight::shrink::{Rejection, shrink};
//!
//! let scenario = include_bytes!("../../fixtures/rejected-event-cited/scenario.json5");
//! let dump = load(scenario, &Options::default())?;
//! let replay = Replay::new(&dump.room, None, Profile::Spec);
//! let rejected = replay.rejected().iter().next().expect("there is one");
//! let property = Rejection::of(&replay, rejected).expect("it is rejected");
//! let shrunk = shrink(&dump.room, &property, &mut |_, _| {}).expect("the room has the property");
//! assert!(shrunk.room.len() < dump.room.len());
//! assert!(load(shrunk.scenario.as_bytes(), &Options::default()).is_ok());
//! # Ok::<(), hindsight::dump::LoadError>(())
//! ```

mod cut;
mod engine;
mod fixture;
mod property;
mod relevant;
mod reset;
mod simplify;
mod tale;

use self::engine::Engine;
pub use self::property::{Difference, Property, Rejection};
pub use self::reset::Reset;
use crate::room::{EventIx, Room};

/// In which form the room could be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As a fixture: readable names, IDs that follow from the events.
    Fixture,
    /// With the IDs, and whatever else, of the room that was shrunk: something hangs on them.
    AsItWas,
    /// As that, and no scenario but events one a line: something hangs on what a scenario cannot say, such as that an event
    /// names no room.
    Events,
}

/// A room that was shrunk.
#[derive(Debug, Clone)]
pub struct Shrunk {
    /// The room, as the scenario has it.
    pub room: Room,
    /// The events that the property is about.
    pub targets: Vec<EventIx>,
    /// The scenario; with [`Form::Events`] the events, one a line.
    pub scenario: String,
    /// Its story, for a `README.md` beside it.
    pub readme: String,
    /// In which form it is written.
    pub form: Form,
    /// How many rooms were tried.
    pub probes: usize,
}

/// Shrinks a room; `None` if it does not have the property. `on_probe` is called for every room that is tried, with the
/// number of events that are left and that of rooms tried.
///
/// The same room gives the same result. Each room that is tried is built and replayed; their number grows with what is
/// left in the end and the logarithm of what there was.
pub fn shrink(
    room: &Room,
    property: &dyn Property,
    on_probe: &mut dyn FnMut(usize, usize),
) -> Option<Shrunk> {
    let mut engine = Engine::new(room, property, on_probe)?;
    engine.run();
    let (small, probes) = engine.into_parts();
    Some(fixture::write(&small, property, room.len(), probes))
}
