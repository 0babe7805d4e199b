//! Rooms as large as wanted, in linear time.
//!
//! Servers see a part of the room each, make events on what they see, and send them to the others. A server that has
//! several forward extremities cites them all and builds on their resolved state, as servers do. Kept are what events
//! refer to, and of state events what resolution reads; the lines go out as they are made.

mod acts;
mod adversary;
mod blueprint;
mod content;
mod ledger;
mod levels;
mod merge;
mod network;
mod pdu;
mod people;
mod text;
mod view;
mod world;

#[cfg(test)]
mod tests;

pub use self::blueprint::{Blueprint, Made, Netsplits, Preset};
