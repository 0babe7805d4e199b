//! Hindsight: a time-travelling debugger for Matrix state resolution.
//!
//! Load a room dump, replay it, and look into any resolution:
//!
//! ```
//! use hindsight::auth::Profile;
//! use hindsight::dump::{Options, load};
//! use hindsight::explain::explain_steps;
//! use hindsight::replay::Replay;
//!
//! let scenario = include_bytes!("../fixtures/topic-vs-ban/scenario.json5");
//! let dump = load(scenario, &Options::default())?;
//! let replay = Replay::new(&dump.room, None, Profile::Spec);
//!
//! let merge = dump.room.events().rfind(|ix| replay.resolved(*ix)).expect("the room forks");
//! let inputs = replay.inputs(merge).expect("nothing is missing");
//! let (resolution, steps) = replay.steps(&inputs);
//! assert_eq!(Some(&resolution.state), replay.before(merge));
//! assert!(!explain_steps(&dump.room, &steps).is_empty());
//! # Ok::<(), hindsight::dump::LoadError>(())
//! ```
//!
//! The modules are the rooms of a house; each uses only those listed before it:
//!
//! | module | what lives there |
//! |---|---|
//! | [`event`] | one PDU, parsed once; room versions as a table of flags |
//! | [`report`] | findings: what every partial failure becomes |
//! | [`executor`] | who does independent pieces of work: the core starts no threads, but may be lent some |
//! | [`room`] | the room as a graph of dense indices |
//! | [`state`] | states as persistent maps |
//! | [`dump`] | bytes in, events and findings out |
//! | [`auth`] | the authorization rules, and the profiles |
//! | [`resolve`] | state resolution v1, v2, v2.1, and its steps |
//! | [`replay`] | state before and after every event |
//! | [`explain`] | steps and verdicts as sentences |
//! | [`describe`] | events, users and times in few words |
//! | [`layout`] | rows and lanes for the events that are shown, in integers |
//! | [`export`] | a room as text |
//! | [`rewrite`] | a room with other events, its hashes and IDs derived again |
//! | [`expect`] | what others decided, held against a replay |
//! | [`diagnose`] | the story of a state key, where replays part, and state resets |
//! | [`anonymise`] | a room without the names and words in it |
//! | [`shrink`] | the smallest room that still shows something |
//! | [`session`] | what a debugger is, without pixels: cursor, selection, filters, commands, links |
//! | `differential` | ruma beside ours; needs the feature of that name |
//! | `generate` | making rooms; needs the feature of that name |
//! | `batch` | many rooms at once, with files and threads; needs the feature of that name |
//! | `synapse` | reading the databases of a server; needs the feature of that name |
//! | `app` | the debugger, on the desktop and in the browser; needs the feature `gui` |
//!
//! None of them but the last three does I/O, reads a clock, starts a thread or prints: the same code serves a terminal, a
//! server and a browser tab. Broken input is normal: loading returns what can be shown, and findings about the rest.
#![forbid(unsafe_code)]

pub mod anonymise;
#[cfg(feature = "gui")]
pub mod app;
pub mod auth;
#[cfg(feature = "batch")]
pub mod batch;
#[cfg(feature = "cli")]
pub mod cli;
pub mod describe;
pub mod diagnose;
#[cfg(feature = "differential")]
pub mod differential;
pub mod dump;
pub mod event;
pub mod executor;
pub mod expect;
pub mod explain;
pub mod export;
#[cfg(any(test, feature = "generate"))]
pub mod generate;
pub mod layout;
pub mod replay;
pub mod report;
pub mod resolve;
pub mod rewrite;
pub mod room;
pub mod session;
pub mod shrink;
pub mod state;
#[cfg(all(not(target_arch = "wasm32"), feature = "synapse"))]
pub mod synapse;
#[cfg(all(not(target_arch = "wasm32"), any(feature = "cli", feature = "gui")))]
mod threads;
