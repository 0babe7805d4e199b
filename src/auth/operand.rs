//! What a verdict was reached from.

use super::level::Level;
use crate::event::content::NamedLevel;
use crate::room::{EventIx, Link};

/// Why a user has the level they have, or why a level is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LevelSource {
    /// An entry for just this user or event type in these power levels.
    Entry(EventIx),
    /// The default that these power levels set (`users_default`, `state_default`, …, `ban`, …).
    Set(EventIx),
    /// These power levels say nothing: the specification's default.
    Default(EventIx),
    /// There are no power levels: the specification's default.
    NoPowerLevels,
    /// The user created the room.
    Creator(EventIx),
}

/// The part a user plays for an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Sent it.
    Sender,
    /// Is its target: the state key of a membership.
    Target,
    /// Vouches for a restricted join.
    Authoriser,
}

/// What a level is needed for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Needed {
    /// To ban, kick, invite, redact.
    Named(NamedLevel),
    /// To send events of this type.
    EventType(Box<str>),
}

/// Which level of `m.room.power_levels` a change is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LevelField {
    /// A level at the top.
    Named(NamedLevel),
    /// An entry of `events`.
    Event(Box<str>),
    /// An entry of `notifications`.
    Notification(Box<str>),
    /// An entry of `users`.
    User(Box<str>),
}

/// One thing that a rule looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operand {
    /// The create event.
    Create(Option<EventIx>),
    /// A membership; without an event it is `leave`.
    Membership {
        /// Whose.
        user: Box<str>,
        /// What that user is to the event.
        role: Role,
        /// The member event.
        event: Option<EventIx>,
        /// `join`, `leave`, …
        membership: Box<str>,
    },
    /// The join rule.
    JoinRule {
        /// The join rules event.
        event: Option<EventIx>,
        /// `public`, `invite`, …
        join_rule: Box<str>,
    },
    /// A user's power level.
    UserLevel {
        /// Whose.
        user: Box<str>,
        /// What that user is to the event.
        role: Role,
        /// How much.
        level: Level,
        /// Why.
        source: LevelSource,
    },
    /// A level that is needed.
    NeededLevel {
        /// For what.
        what: Needed,
        /// How much.
        level: i64,
        /// Why.
        source: LevelSource,
    },
    /// A change of power levels.
    Change {
        /// Of which level.
        field: LevelField,
        /// What it was.
        old: Option<i64>,
        /// What it is to be.
        new: Option<i64>,
    },
    /// The third-party invite that a membership refers to.
    ThirdPartyInvite {
        /// The token that links them.
        token: Box<str>,
        /// The `m.room.third_party_invite` event.
        event: Option<EventIx>,
    },
    /// The entry of `auth_events` that decided.
    AuthEvent(Link),
    /// The entry of `prev_state_events` that decided.
    StateParent(Link),
}

/// Where operands go. The recorder `()` ignores them at no cost: the operand is never made.
pub trait Recorder {
    /// Takes an operand.
    fn record(&mut self, operand: impl FnOnce() -> Operand);
}

impl Recorder for () {
    fn record(&mut self, _: impl FnOnce() -> Operand) {}
}

impl Recorder for Vec<Operand> {
    fn record(&mut self, operand: impl FnOnce() -> Operand) {
        self.push(operand());
    }
}

impl<R: Recorder> Recorder for &mut R {
    fn record(&mut self, operand: impl FnOnce() -> Operand) {
        (**self).record(operand);
    }
}
