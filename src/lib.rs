//! Hindsight: a time-travelling debugger for Matrix state resolution.
#![forbid(unsafe_code)]

pub mod event;
pub mod report;
pub mod room;
pub mod state;
