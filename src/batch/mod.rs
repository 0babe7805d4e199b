//! Many rooms at once.
//!
//! ```text
//!   paths, folders, globs ─► discover ─► [Source] ─► shard ─► Running (workers) ─► Ordered ─► reports
//!                            which files             which    within the memory    in the order
//!                            are rooms               of them                       of the paths
//! ```
//!
//! Each room is loaded, replayed and checked by one worker ([`check()`]); rooms are what is done at the same time. What
//! comes out does not depend on the number of workers, and the outputs of shards one after the other are the
//! output of the whole. A room that cannot be read, or on which Hindsight itself fails, is a report like any other.

mod beside;
mod check;
mod difference;
mod discover;
mod names;
mod ordered;
mod panics;
mod queue;
mod report;
mod run;
mod shard;
mod source;

pub use self::check::{Expect, Settings, check, random_room, read_expectation, server_view};
pub use self::difference::{Difference, Differences};
pub use self::discover::{Missing, discover};
pub use self::names::own_dump;
pub use self::ordered::Ordered;
pub use self::report::{Checked, Counts, Expected, Other, Report, Ruma, Trouble, Verdict};
pub use self::run::{Limits, Next, Outcome, Running};
pub use self::shard::Shard;
pub use self::source::{Make, Source};
