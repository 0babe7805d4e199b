//! The authorization rules of room versions 1 to 12.
//!
//! A check takes an event and a way to look up state, and returns a [`Verdict`]: allowed or not, and the rule of
//! the specification that decided. What the rules read (memberships, levels and where each came from) leaves through a
//! [`Recorder`]; the recorder `()` costs nothing.
//!
//! The rules are split as the specification splits them:
//! - [`check_independent`]: rules about the event alone and what it names, once for every event;
//! - [`check_dependent`]: rules about some state, against the event's `auth_events`, against the state before it, and
//!   against the running state of a resolution.
//!
//! Source: <https://spec.matrix.org/latest/server-server-api/#authorization-rules> and the pages of the room versions.

mod dependent;
mod independent;
mod level;
mod member;
mod memo;
mod operand;
mod power_levels;
mod profile;
mod rule;
mod selection;
mod third_party;
mod verdicts;

use crate::event::room_version::Numbering;

pub use self::dependent::{Subject, check_dependent, sender_level};
pub use self::independent::check_independent;
pub use self::level::Level;
pub use self::operand::{LevelField, LevelSource, Needed, Operand, Recorder, Role};
pub use self::profile::{Errors, Federate, Numbers, Profile, Switches, UserIds};
pub use self::rule::Rule;
pub use self::selection::{SelectedFor, Selection, selection};
pub(crate) use self::third_party::{decode_key, is_signature, signed_message};
pub(crate) use self::verdicts::Verdicts;

/// Why an event is not allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The rule says so.
    Rule(Rule),
    /// At this rule something could not be read; the text says what.
    Unreadable(Rule, String),
    /// At this rule the implementation raises an exception that ends a whole resolution; the text is the
    /// exception.
    Raised(Rule, String),
}

impl Refusal {
    /// The rule at which it happened.
    pub fn rule(&self) -> Rule {
        match self {
            Self::Rule(rule) | Self::Unreadable(rule, _) | Self::Raised(rule, _) => *rule,
        }
    }

    /// What could not be read, or the exception.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Rule(_) => None,
            Self::Unreadable(_, text) | Self::Raised(_, text) => Some(text),
        }
    }

    /// One sentence without a full stop: what the rule says, or what went wrong.
    pub fn reason(&self) -> String {
        match self {
            Self::Rule(rule) => rule.text().to_owned(),
            Self::Unreadable(_, text) => format!("cannot be read: {text}"),
            Self::Raised(_, text) => format!("raises {text}"),
        }
    }
}

/// The outcome of a check: the rule that allowed the event, or why it is refused.
pub type Verdict = Result<Rule, Refusal>;

/// The number of the rule that decided, in the text of the room version.
pub fn rule_number(verdict: &Verdict, numbering: Numbering) -> &'static str {
    match verdict {
        Ok(rule) => rule.number(numbering),
        Err(refusal) => refusal.rule().number(numbering),
    }
}
