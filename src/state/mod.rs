//! Room states as persistent maps.
//!
//! A state maps [`KeyIx`](crate::room::KeyIx) to [`EventIx`](crate::room::EventIx). Two states of one room share nearly
//! everything, so a state is a trie with 16-way branches whose nodes are shared: a snapshot costs a number, a change makes
//! one node a level, and comparing states skips whatever they share.
//!
//! ```text
//!   before ──► root ──► [keys 0..16] [keys 16..32]
//!                            │            ▲
//!   after ───► root' ──► [keys 0..16]' ───┘      (one leaf and the root made anew)
//! ```
//!
//! A replay keeps its states in a store, where every node is kept once; a [`StateMap`] is a state of its own, which may
//! rest on the nodes of such a store.
//!
//! | what | cost, for states of `n` keys of which `d` differ |
//! |---|---|
//! | look up a key | one node a level: log₁₆ of the number of keys in the room |
//! | change `c` keys | at most `c` nodes a level of 64 bytes each, fewer where the same ones came about before |
//! | compare `k` states | `k · d` nodes a level at most; nothing where they share their nodes |
//! | iterate | `n` |

mod compare;
mod diff;
mod hash;
mod map;
mod node;
mod store;

pub(crate) use self::compare::{Difference, Differences};
pub use self::diff::{Conflict, Split, Values, conflicts};
pub(crate) use self::hash::hash_of;
pub use self::map::StateMap;
pub(crate) use self::node::StateView;
pub(crate) use self::store::{Change, Finished, Store, Stored};
