//! From the bytes of a dump to a [`Room`].
//!
//! The only place that parses outside input. What the bytes are is told from the bytes, never from a file name:
//! gzip or Zstandard around NDJSON, a JSON array, a TARDIS scenario (JSON5) or a response of the
//! federation API.
//!
//! ```text
//! compressed ─► read ─► intake ─► version ─► scenario ─► settle ─► merge ─► Room::build
//!               shape   events    rules      real IDs    IDs       duplicates
//! ```
//!
//! Broken input is normal: what can be used is used, and the rest is a [`Finding`]. The events and their order
//! in the room do not depend on the order of the lines.

mod asserted;
mod compressed;
mod findings;
mod intake;
mod loading;
mod merge;
mod object;
mod read;
mod record;
mod scan;
mod scenario;
mod server;
mod settle;
mod version;

use std::collections::BTreeMap;
use std::fmt;

use self::compressed::Plain;
pub use self::loading::{Loading, Progress};
use crate::event::room_version::Rules;
use crate::executor::{Executor, Sequential};
use crate::report::{Code, Finding};
use crate::room::Room;

/// How to read a dump.
#[derive(Debug, Clone)]
pub struct Options {
    /// Read the events under the rules of this room version, whatever the dump says.
    pub room_version: Option<String>,
    /// The room to show, if the dump holds several; by default the one with most events.
    pub room_id: Option<String>,
    /// The bytes of a file of asserted states: JSON `{event_id: [IDs of state events]}`, the state after the event.
    pub asserted_state: Option<Vec<u8>>,
    /// How many bytes the input may have when decompressed; the rest is left out.
    pub max_size: u64,
    /// Recompute event IDs and content hashes and report those that differ.
    pub verify: bool,
    /// What to make of events whose parents are not there.
    pub holes: Holes,
}

/// What the state is where a parent is not there, if a server's database says what the server took it to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Holes {
    /// What the server stored: an axiom, and what follows from it is marked so.
    #[default]
    Stored,
    /// Unknown, as if there were no database.
    Unknown,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            room_version: None,
            room_id: None,
            asserted_state: None,
            max_size: 4 << 30,
            verify: false,
            holes: Holes::Stored,
        }
    }
}

/// What a dump was recognised as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One PDU a line; also one or several pretty-printed PDUs.
    Ndjson,
    /// A JSON array of PDUs.
    Array,
    /// A TARDIS scenario.
    Scenario,
    /// Records `{"event_id", "event", "rejected", …}`, one a line: events as a server's database has them.
    ServerEvents,
    /// A response of the federation API; the text names the endpoint, like `/send_join`.
    Federation(&'static str),
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ndjson => f.write_str("NDJSON"),
            Self::Array => f.write_str("JSON array"),
            Self::Scenario => f.write_str("TARDIS scenario"),
            Self::ServerEvents => f.write_str("NDJSON with server metadata"),
            Self::Federation(endpoint) => write!(f, "federation response ({endpoint})"),
        }
    }
}

/// A loaded dump.
#[derive(Debug, Clone)]
pub struct Dump {
    /// The room.
    pub room: Room,
    /// What is wrong or odd, by line, event and code.
    pub findings: Vec<Finding>,
    /// What the input was recognised as.
    pub format: Format,
    /// The compression around it: `gzip` or `zstd`.
    pub compression: Option<&'static str>,
    /// The real event ID of every placeholder of a scenario whose IDs were calculated.
    pub placeholders: BTreeMap<String, String>,
    /// The number of lines of the decompressed input.
    pub lines: u64,
    /// The number of records that were to be events, the unusable and repeated ones among them.
    pub events_read: u64,
}

/// Why there is nothing to show.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadError {
    /// The room version asked for is not known: wrong usage.
    UnknownRoomVersion {
        /// What was asked for.
        given: String,
    },
    /// The file of asserted states is not of the form `{event_id: [event IDs]}`: wrong usage.
    AssertedState {
        /// What is wrong with it.
        message: String,
    },
    /// The input was understood to be something else than events.
    NotADump {
        /// What it is.
        message: String,
        /// What to do.
        remedy: &'static str,
        /// What was found up to then.
        findings: Vec<Finding>,
    },
    /// No record of the input is a usable event.
    NoEvents {
        /// How many records were tried.
        read: u64,
        /// Why they are not usable.
        findings: Vec<Finding>,
    },
}

impl LoadError {
    /// What was found before the loader gave up.
    pub fn findings(&self) -> &[Finding] {
        match self {
            Self::NotADump { findings, .. } | Self::NoEvents { findings, .. } => findings,
            Self::UnknownRoomVersion { .. } | Self::AssertedState { .. } => &[],
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownRoomVersion { given } => {
                let known: Vec<_> = Rules::ALL.iter().map(|rules| rules.id).collect();
                write!(f, "room version {given:?} is not known; known are {}", known.join(", "))
            }
            Self::AssertedState { message } => {
                write!(f, "the file of asserted states is not {{event_id: [event IDs]}}: {message}")
            }
            Self::NotADump { message, remedy, .. } => write!(f, "{message} ({remedy})"),
            Self::NoEvents { read: 0, findings } if findings.is_empty() => {
                f.write_str("the input is empty (give PDUs in federation format, one a line)")
            }
            Self::NoEvents { read, findings } => {
                write!(f, "no usable event in the input, {read} records were tried")?;
                match findings.iter().find(|finding| finding.code != Code::UnknownRoomVersion) {
                    Some(first) => write!(f, "; the first trouble is {first}"),
                    None => f.write_str(" (give PDUs in federation format, one a line)"),
                }
            }
        }
    }
}

impl std::error::Error for LoadError {}

/// Loads a dump.
///
/// ```
/// use hindsight::dump::{Options, load};
///
/// let line = br#"{"type": "m.room.create", "state_key": "", "sender": "@a:x", "room_id": "!r:x", "depth": 1,
///     "content": {"room_version": "11"}, "prev_events": [], "auth_events": [], "origin_server_ts": 1}"#;
/// let dump = load(line, &Options::default()).unwrap();
/// assert_eq!(dump.room.rules().id, "11");
/// ```
///
/// # Errors
/// If there is nothing to show, or an option makes no sense. The error carries the findings up to there.
pub fn load(bytes: &[u8], options: &Options) -> Result<Dump, LoadError> {
    load_with(bytes.into(), options, &Sequential)
}

/// As [`load`], but takes the bytes over, which saves a copy: the events are pieces of them. `executor` does what can be
/// done side by side; the outcome is the same whoever does it.
///
/// # Errors
/// As [`load`].
pub fn load_with(bytes: Vec<u8>, options: &Options, executor: &dyn Executor) -> Result<Dump, LoadError> {
    let mut loading = Loading::new(bytes, options)?;
    loop {
        match loading.advance(executor) {
            Progress::Going(next) => loading = next,
            Progress::Done(done) => return done.map(|dump| *dump),
        }
    }
}

/// Takes gzip or Zstandard off, if it is there.
///
/// # Errors
/// If more than `limit` bytes come out, or the stream breaks: what came out before that, and why it is not all.
pub fn decompress(bytes: Vec<u8>, limit: u64) -> Result<Vec<u8>, (Vec<u8>, String)> {
    let Plain { bytes, broken, .. } = compressed::decompress(bytes, limit);
    match broken {
        None => Ok(bytes),
        Some(why) => Err((bytes, why)),
    }
}
