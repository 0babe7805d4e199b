//! Profiles: what implementations do where they differ, as switches.
//!
//! Two servers that both follow the specification in good faith can part for ever over one of these points.
//! Each switch has a number (D1, D16, …) under which the project's notes and test rooms know it.

use std::fmt;

/// Whose behaviour to reproduce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Profile {
    /// The text of the specification; where it is silent, the most common practice.
    #[default]
    Spec,
    /// Synapse (checked against matrix-synapse 1.163).
    Synapse,
    /// ruma's `state_res` (checked against ruma-state-res 0.18), fed with strict auth chains.
    Ruma,
}

impl Profile {
    /// All profiles.
    pub const ALL: [Self; 3] = [Self::Spec, Self::Synapse, Self::Ruma];

    /// The name used in arguments and output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Spec => "spec",
            Self::Synapse => "synapse",
            Self::Ruma => "ruma",
        }
    }

    /// The switches of this profile.
    pub fn switches(self) -> &'static Switches {
        match self {
            Self::Spec => &SPEC,
            Self::Synapse => &SYNAPSE,
            Self::Ruma => &RUMA,
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which values of `m.federate` keep other servers out (D44).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Federate {
    /// `false` alone.
    LiteralFalse,
    /// Everything but `true`.
    AnythingButTrue,
    /// `false`; a value that is neither boolean nor `null` makes the create event unreadable.
    MustBeBoolean,
}

/// What a user ID in `users` must look like (D55).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserIds {
    /// A valid user ID, asked of new power levels only.
    ValidWhenSet,
    /// `@` and `:` suffice.
    SigilAndColon,
    /// A valid user ID, or the whole map is unreadable, whenever it is read.
    ValidOrUnreadable,
}

/// How power levels are read from JSON (D56).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    /// By the grammar of the room version; `null` counts as absent before version 10.
    Grammar,
    /// By Python's `int()`; what it refuses raises an exception.
    Python,
    /// By ruma: integers within ±(2⁵³−1), and before version 10 strings of such.
    Ruma,
}

/// What malformed content does to a resolution (D25, D35, D36).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errors {
    /// The event is refused; the resolution goes on.
    Refuse,
    /// Synapse: anything but an `AuthError` ends the resolution.
    Raise,
    /// ruma: refused during auth checks; an unreadable level in the power ordering, an auth event without state
    /// key, or a missing event in the mainline ends the resolution.
    RumaErrors,
}

/// The points on which implementations differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switches {
    /// D1: the auth chain of a state set contains the state's own events.
    pub chains_include_state: bool,
    /// D37: in room version 12 the create event counts as an auth event of all others.
    pub create_in_auth_chains: bool,
    /// D16: the auth chains of power events are followed only through events of the full conflicted set.
    pub enlarge_within_full_set: bool,
    /// D17: power events are ordered by direct auth edges among themselves only.
    pub order_by_direct_edges: bool,
    /// D20: `m.room.create` is a power event.
    pub create_is_power_event: bool,
    /// D21: power levels and join rules are power events only with an empty state key.
    pub power_events_have_empty_key: bool,
    /// D30: an auth event that is missing hides those listed after it from the mainline walk.
    pub missing_auth_stops_mainline: bool,
    /// D33: an event that was rejected on receipt is never admitted.
    pub rejected_stay_out: bool,
    /// D39: without a join rule the room counts as `invite`.
    pub missing_join_rule_is_invite: bool,
    /// D40: a level that is absent on one side of a change is compared by its default.
    pub absent_level_is_default: bool,
    /// D44: in an unfederated room the target of a membership must be local too.
    pub federate_binds_target: bool,
    /// D44: which values of `m.federate` count.
    pub federate: Federate,
    /// D55
    pub user_ids: UserIds,
    /// D56
    pub numbers: Numbers,
    /// D61: a create event must name a room version that is known.
    pub create_names_known_version: bool,
    /// D61: a `creator` that is `null` counts as absent.
    pub null_creator_is_absent: bool,
    /// D25, D35, D36
    pub errors: Errors,
}

const SPEC: Switches = Switches {
    chains_include_state: false,
    create_in_auth_chains: false,
    enlarge_within_full_set: false,
    order_by_direct_edges: false,
    create_is_power_event: false,
    power_events_have_empty_key: false,
    missing_auth_stops_mainline: false,
    rejected_stay_out: false,
    missing_join_rule_is_invite: true,
    absent_level_is_default: false,
    federate_binds_target: false,
    federate: Federate::LiteralFalse,
    user_ids: UserIds::ValidWhenSet,
    numbers: Numbers::Grammar,
    create_names_known_version: true,
    null_creator_is_absent: false,
    errors: Errors::Refuse,
};

const SYNAPSE: Switches = Switches {
    chains_include_state: true,
    create_in_auth_chains: true,
    enlarge_within_full_set: true,
    order_by_direct_edges: true,
    create_is_power_event: true,
    power_events_have_empty_key: true,
    missing_auth_stops_mainline: false,
    rejected_stay_out: true,
    missing_join_rule_is_invite: true,
    absent_level_is_default: false,
    federate_binds_target: true,
    federate: Federate::AnythingButTrue,
    user_ids: UserIds::SigilAndColon,
    numbers: Numbers::Python,
    create_names_known_version: true,
    null_creator_is_absent: false,
    errors: Errors::Raise,
};

const RUMA: Switches = Switches {
    chains_include_state: false,
    create_in_auth_chains: false,
    enlarge_within_full_set: true,
    order_by_direct_edges: true,
    create_is_power_event: true,
    power_events_have_empty_key: true,
    missing_auth_stops_mainline: true,
    rejected_stay_out: false,
    missing_join_rule_is_invite: false,
    absent_level_is_default: true,
    federate_binds_target: false,
    federate: Federate::MustBeBoolean,
    user_ids: UserIds::ValidOrUnreadable,
    numbers: Numbers::Ruma,
    create_names_known_version: false,
    null_creator_is_absent: true,
    errors: Errors::RumaErrors,
};
