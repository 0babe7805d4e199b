//! Testing support: making rooms, by hand or at random.
//!
//! What comes out are real PDUs: content hashes and event IDs are those of the room version, `auth_events` are chosen
//! by the selection algorithm unless somebody wants them wrong. Everything is a function of a seed.
//!
//! ```
//! use hindsight::event::room_version::Rules;
//! use hindsight::testing::{Draft, RoomBuilder};
//!
//! let mut room = RoomBuilder::new(Rules::of("11").unwrap(), 1);
//! room.send(Draft::create(room.rules(), "@alice:one"));
//! room.send(Draft::join("@alice:one"));
//! room.send(Draft::join_rules("@alice:one", "public"));
//! room.send(Draft::join("@bob:two"));
//! assert_eq!(room.room().len(), 4);
//! ```

mod actions;
mod adversary;
mod builder;
mod draft;
mod generate;
mod perturb;
mod rng;
mod third_party;

pub use self::builder::{Pdu, RoomBuilder, State};
pub use self::draft::{Draft, Reference};
pub use self::generate::{Mode, Plan, generate};
pub use self::perturb::{perturbed_sets, random_rejected};
pub use self::rng::Rng;
pub use self::third_party::IdentityServer;
