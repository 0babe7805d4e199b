//! Databases of Synapse on SQLite: those that the tests make, those kept with the project, and what is imported of them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "what is skipped is said")]

#[cfg(feature = "synapse")]
mod broken;
#[cfg(feature = "synapse")]
mod import;
mod made;
#[cfg(feature = "synapse")]
#[path = "../common/program.rs"]
mod program;
#[cfg(feature = "synapse")]
#[path = "../common/shared.rs"]
mod shared;
mod stored;
#[cfg(feature = "synapse")]
#[path = "../common/stream.rs"]
mod stream;
#[path = "../common/synapse.rs"]
mod synapse;
