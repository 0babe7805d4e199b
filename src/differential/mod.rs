//! ruma's `state_res` beside ours: the same room, the same questions, the answers compared.
//!
//! Every verdict of a replay (the rules against the `auth_events`, the rules against the state before) and every
//! resolution that had anything to resolve is asked of ruma too, on the inputs that the replay had. So a difference
//! shows where it arises and not wherever it leads; and if there is none, both agree on the whole room.
//!
//! ```
//! use hindsight::auth::Profile;
//! use hindsight::differential::{Comparison, RumaRoom};
//! use hindsight::dump::{Options, load};
//! use hindsight::replay::Replay;
//!
//! let scenario = include_bytes!("../../fixtures/topic-vs-ban/scenario.json5");
//! let room = load(scenario, &Options::default())?.room;
//! let ruma = RumaRoom::new(&room)?;
//! let comparison = Comparison::new(&Replay::new(&room, None, Profile::Ruma), &ruma);
//! assert!(comparison.resolutions > 0);
//! assert!(comparison.differences.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! With the profile `ruma` a difference is a mistake of ours or a change in ruma. With another profile it is a place
//! where servers part. Checked against ruma-state-res 0.18.

mod compare;
mod difference;
mod pdu;
mod ruma_room;
mod walk;

pub use self::compare::Comparison;
pub use self::difference::{Answer, Difference, Place, Question};
pub use self::pdu::Unrepresentable;
pub use self::ruma_room::RumaRoom;
