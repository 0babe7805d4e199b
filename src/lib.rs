//! Hindsight: a time-travelling debugger for Matrix state resolution.
#![forbid(unsafe_code)]

pub mod auth;
pub mod event;
pub mod replay;
pub mod report;
pub mod resolve;
pub mod room;
pub mod state;
