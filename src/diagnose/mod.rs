//! What changed, and whether it should have: the story of a state key, where replays part, and state resets.

mod align;
pub mod ancestry;
pub mod compare;
pub mod fate;
pub mod resets;
pub mod retold;
pub mod rooms;
pub mod server;
pub mod standing;
pub mod state_dag;
pub mod story;
pub mod told;
mod trace;

pub use self::align::{Aligned, Alignment};
