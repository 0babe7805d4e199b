//! Making rooms: by hand, small at random, or as large as wanted.
//!
//! What comes out are real PDUs: content hashes and event IDs are those of the room version, `auth_events` are chosen
//! by the selection algorithm unless somebody wants them wrong. Everything is a function of a seed.
//!
//! - [`RoomBuilder`] makes a room event by event, of [`Draft`]s:
//!
//! ```
//! use hindsight::event::room_version::Rules;
//! use hindsight::generate::{Draft, RoomBuilder};
//!
//! let mut room = RoomBuilder::new(Rules::of("11").unwrap(), 1);
//! room.send(Draft::create(room.rules(), "@alice:one"));
//! room.send(Draft::join("@alice:one"));
//! room.send(Draft::join_rules("@alice:one", "public"));
//! room.send(Draft::join("@bob:two"));
//! assert_eq!(room.room().len(), 4);
//! ```
//!
//! - [`generate`] makes a small room that has everything the rules speak of in a few dozen events. Its time grows with
//!   the square of the room.
//! - [`Blueprint`] describes a room of any size, made in linear time and handed out line by line:
//!
//! ```
//! use hindsight::dump::{Options, load};
//! use hindsight::generate::{Blueprint, Preset};
//!
//! let blueprint = Blueprint { events: 200, members: 20, ..Blueprint::preset(Preset::R10k) };
//! let dump = load(&blueprint.ndjson(), &Options::default()).unwrap();
//! assert_eq!(dump.room.len(), 200);
//! ```

mod builder;
mod draft;
mod large;
mod perturb;
mod rng;
mod small;
mod third_party;

pub use self::builder::{Pdu, RoomBuilder, State};
pub use self::draft::{Draft, Reference};
pub use self::large::{Blueprint, Made, Netsplits, Preset};
pub use self::perturb::{perturbed_sets, random_rejected};
pub use self::rng::Rng;
pub use self::small::{Mode, Plan, generate};
pub use self::third_party::IdentityServer;
