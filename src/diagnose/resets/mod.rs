//! State resets: values that a merge lost although nobody took them back.
//!
//! A merge resolves the states after its parents. For every key on which they differ it keeps one value, and the others are
//! lost. Mostly that is as it should be: two topics were set at the same time, or a value was taken back by a ban that its
//! author had not heard of. A *state reset* is a loss that nobody caused: an old value comes back, or a key vanishes,
//! because the replay holds history against itself.
//!
//! ```text
//!            ┌── public ◄── Bob joins ◄── invite ◄─┐
//!   create ◄─┤                                     merge      Bob is gone: his join is replayed after both join
//!            └── public ◄── a message ◄────────────┘          rules, and meets the one that came after it
//! ```
//!
//! `x ≺ y` means that `y` reaches `x` by `prev_events` or `auth_events`: both are statements of knowledge. Values that do not
//! know of each other are concurrent. [`diagnose`] looks at every merge with conflicts and at the forward extremities:
//!
//! 1. What became of each key: its [`Class`]. Only a key that moved forward is never a reset.
//! 2. How each lost value was lost: a chain of [`Cause`]s, read off a recording of the resolution. It is recorded for those
//!    merges only where step 1 found something.
//! 3. Whether somebody took it back: a [`Verdict`]. That a revocation was effective is tried out: without it, does the value
//!    survive?
//!
//! Near holes "concurrent" may mean "nobody knows": there the verdict is [`Verdict::Undecided`].

mod branches;
mod but_for;
mod cause;
mod damage;
mod entry;
mod groups;
mod loss;
mod past;
mod recording;
mod run;
mod severity;
mod stale;
mod tell;
#[cfg(test)]
mod tests;
mod what_if;

pub use self::but_for::ButFor;
pub use self::damage::{Damage, LostPower, damage};
pub use self::groups::Group;
pub use self::loss::{
    Branch, Cause, Class, Code, Deciding, Inversion, InversionBy, Loss, LostTip, Placement, Relation, Search,
    StaleInput, Verdict,
};
pub use self::past::relations;
pub use self::run::{Diagnosing, Diagnosis, diagnose, diagnose_at};
pub use self::severity::Severity;
pub use self::tell::{explain_loss, loss_title};
pub use self::what_if::{Counterfactual, Supposition, WhatIf, what_if};
