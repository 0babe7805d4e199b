//! Expectations: what somebody else decided about the events of a room, held against a replay.
//!
//! Two kinds are read. An *expected file* is JSON, made by replaying the room with another implementation:
//!
//! ```text
//! {"room_version": "11", "algorithm": "v2",
//!  "events": {event ID: {"rejected": null | reason, "resolved": bool,
//!                        "state_before_hash": hex | null, "state_before": state list,
//!                        "state_after_hash": hex | null, "state_after": state list}},
//!  "final": {"extremities": [event IDs], "resolved": bool, "state_hash": hex | null, "state": state list}}
//! ```
//!
//! where each part may be left out, and a hash of null says that the state cannot be known. *Truth* is a table with a
//! header line and tab-separated columns `event_id`, `after_hash`, `before_hash` and `flags`: the states that a
//! server's database holds. A server was told some of them by others; those do not follow from a dump, so what is
//! unknown here is not held against it.
//!
//! A dump of a server's database holds its expectation itself: the states that the server stored
//! ([`Expectation::of_database`]).
//!
//! Of reasons only their presence is compared, never the text.

mod compare;
mod expected;
pub(crate) mod hashes;
mod stored;
mod truth;

use std::fmt;

pub use self::compare::{Aspect, Comparison, KEPT, Miss};
use crate::event::room_version::Algorithm;
use crate::room::GroupIx;

/// One entry of a state list: type, state key, event ID.
pub(crate) type Entry = (Box<str>, Box<str>, Box<str>);

/// What a state must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ExpectedState {
    /// It cannot be known.
    Unknown,
    /// It has this hash, or these entries, or both.
    Known { hash: Option<Box<str>>, list: Option<Vec<Entry>> },
    /// It is that of this state group of the room.
    Stored(GroupIx),
}

/// What must come out for one event; `None` where nothing is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExpectedEvent {
    pub(crate) id: Box<str>,
    pub(crate) rejected: Option<bool>,
    resolved: Option<bool>,
    pub(crate) before: Option<ExpectedState>,
    pub(crate) after: Option<ExpectedState>,
    /// Whoever made the expectation did not know the state for sure.
    pub(crate) provisional: bool,
    state_dag: ExpectedOfStateDag,
}

/// What must come out for one event of a room with a state DAG; `None` where nothing is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct ExpectedOfStateDag {
    /// The calculated auth events, sorted; of an event without any state before it, `None`.
    auth_events: Option<Option<Vec<Box<str>>>>,
    unprocessed: Option<bool>,
    soft_failed: Option<bool>,
}

/// What the room must be like now; `None` where nothing is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ExpectedCurrent {
    /// Sorted.
    pub(crate) extremities: Option<Vec<Box<str>>>,
    resolved: Option<bool>,
    pub(crate) state: Option<ExpectedState>,
}

/// Where an expectation comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// A replay of the same dump: whatever it knows must be known.
    Replay,
    /// A server, which also holds states that do not follow from the dump.
    Server,
}

/// What somebody else decided about the events of a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    origin: Origin,
    room_version: Option<Box<str>>,
    algorithm: Option<Algorithm>,
    events: Vec<ExpectedEvent>,
    current: ExpectedCurrent,
}

impl Expectation {
    /// Reads an expected file, or truth; the bytes tell which. They must not be compressed.
    ///
    /// # Errors
    /// If the bytes are neither.
    pub fn parse(bytes: &[u8]) -> Result<Self, Unreadable> {
        let text = std::str::from_utf8(bytes).map_err(|error| Unreadable(format!("not UTF-8: {error}")))?;
        let text = text.trim_start_matches('\u{feff}');
        if text.trim_start().starts_with('{') { expected::parse(text) } else { truth::parse(text) }
    }

    /// Adds to truth what the server holds as the current state (the line `# hash HEX` of the table
    /// `current_state.tsv`) and as forward extremities (the lines `forward`, tab, event ID of `extremities.tsv`).
    ///
    /// They are compared only where every state of the server was: behind a hole nothing current is known.
    #[must_use]
    pub fn with_current(mut self, current_state: Option<&str>, extremities: Option<&str>) -> Self {
        truth::add_current(&mut self.current, current_state, extremities);
        self
    }

    /// The algorithm that the answers were computed with; `None` for that of the room version.
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.algorithm
    }

    /// The number of events that something is told of.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// What is told of events.
    pub(crate) fn events(&self) -> &[ExpectedEvent] {
        &self.events
    }

    /// What is told of now.
    pub(crate) fn current(&self) -> &ExpectedCurrent {
        &self.current
    }

    /// Whether no event is told of.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}

/// Why bytes are no expectation; a sentence without a full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable(String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unreadable {}
