//! Reading the databases of Synapse: SQLite, and PostgreSQL.
//!
//! A [`Source`] names a database. [`Server::open`] looks at it and says what is missing; [`rooms`](Server::rooms) lists
//! its rooms, [`choose`](Server::choose) finds one by ID, alias or the beginning of its ID, and
//! [`import`](Server::import) writes it as the records that [`dump`](crate::dump) reads.
//!
//! ```text
//! source ─► sqlite   ┐                      ┌─► room       which room
//!           postgres ┴► database ─► schema ─┼─► rooms      all of them, with what looks like trouble
//!           (tls, passwords)                └─► import     one of them: groups, records ─► JSON Lines
//! ```
//!
//! Nothing is ever written: SQLite files are opened as immutable, PostgreSQL in one read-only transaction, in which
//! everything is seen as of one moment. The SQL is the same for both.

mod address;
mod database;
mod error;
mod events;
mod forks;
mod groups;
mod import;
mod passwords;
mod postgres;
mod record;
mod room;
mod rooms;
mod schema;
mod server;
mod source;
mod sqlite;
#[cfg(test)]
mod testing;
mod tls;

pub use self::error::Error;
pub use self::import::{Imported, Progress};
pub use self::room::Candidate;
pub use self::rooms::{Listing, RoomRow, Trouble};
pub use self::server::{Access, Server};
pub use self::source::Source;
