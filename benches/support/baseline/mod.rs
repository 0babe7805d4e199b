//! The fair baseline: `ruma::state_res` as a competent engineer would call it to replay a whole room.
//!
//! What it does, so that nobody has to trust the ratios:
//!
//! - *Loading* parses one line after the other with serde_json into a typed struct that borrows from the input; content
//!   stays raw JSON, as ruma wants it. Nothing is hashed or verified, as Hindsight's loader does by default. The lines
//!   are in causal order, so nothing is sorted either.
//! - *IDs* are interned: an ID is a copied pair of a reference and a dense index, and compares by the index. Events lie
//!   in one vector and are handed to ruma by reference, which is cheaper still than an `Arc`. ruma fetches by event ID
//!   and hashes with SipHash in its own maps; the table behind `fetch_event` uses a fast hash.
//! - *States* are ruma's own maps in an `Arc`: shared along the DAG, copied when a state event changes one that somebody
//!   else still needs, and changed in place if nobody does. The state after an event is dropped after its last child
//!   (Hindsight keeps them all). Looking up a key allocates nothing.
//! - *Merges* of states that are equal do not reach ruma, nor does what is the same object. For the others the auth chain
//!   of the unconflicted state is walked once, over dense indices, and each set's auth chain is passed without it: what
//!   all chains have is in no auth difference. The conflicted state subgraph is supplied where the room version
//!   wants it. ruma is given whole states, as its interface asks for.
//! - *Every event* is judged by all three checks: the rules without state, against its auth events, against the state
//!   before it. Rejected events are tracked and shown to ruma as such.
//! - *In the end* the forward extremities are resolved, and the state is hashed in Hindsight's form for comparison.

mod chain;
mod load;
mod pdu;
mod replay;
mod state;

pub(crate) use self::chain::Marks;
pub(crate) use self::load::Baseline;
pub(crate) use self::state::State;
