//! Where the events of a room are drawn: rows, lanes, and the lines between them, in integers.
//!
//! ```text
//!   row 0   ●        create          lane 0
//!   row 1   ●        join
//!   row 2   ├─●      ban             lane 1
//!   row 3   ● │      topic
//!   row 4   ◌ │      5 events        a linear run, collapsed
//!   row 5   ●─┘      merge
//!   row 6   ●        now             the forward extremities
//! ```
//!
//! Three steps, each a pure function of the one before it, none of them of a cursor: so nothing moves while somebody steps
//! through time.
//!
//! 1. [`Graph::new`]: the events that are shown, and the edges between them, across those that are not.
//! 2. [`Graph::collapse`]: the same with linear runs as one row each.
//! 3. [`Lanes::new`]: a lane for every row. [`Lanes::window`] answers what is in some rows, however many there are.
//!
//! Rows are in topological order, the oldest first, so a list and a canvas agree: row downwards, lane to the right.

mod build;
mod collapse;
mod density;
mod excerpt;
mod graph;
mod lanes;
mod links;
mod packed;
mod reach;
mod window;

#[cfg(test)]
mod tests;

pub use self::density::Bucket;
pub use self::graph::{Edge, EdgeKind, Graph, Item, Run};
pub use self::lanes::Lanes;
pub use self::links::Edges;
pub use self::window::{Row, Segment, Shape, Window};
