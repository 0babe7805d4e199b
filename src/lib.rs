//! Hindsight: a time-travelling debugger for Matrix state resolution.
#![forbid(unsafe_code)]

pub mod auth;
#[cfg(feature = "cli")]
pub mod cli;
pub mod dump;
pub mod event;
pub mod explain;
pub mod replay;
pub mod report;
pub mod resolve;
pub mod room;
pub mod state;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
