//! One table of rule flags per room version.
//!
//! No algorithm in this program asks "is the version at least 11?": it asks for the rule it needs.
//! The table follows the room version pages of the specification
//! (<https://spec.matrix.org/latest/rooms/>).

use std::fmt;

use ruma::room_version_rules::RoomVersionRules as RumaRules;

/// Which state resolution algorithm a room version prescribes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// Room version 1: phases ordered by `depth` and SHA-1.
    V1,
    /// Room versions 2 to 11: power ordering, mainline ordering, iterative auth checks.
    V2,
    /// Room version 12 (MSC4297): as [`Algorithm::V2`], but the first iterative auth checks start
    /// from nothing, and the conflicted state subgraph is replayed too.
    V2_1,
}

impl Algorithm {
    /// The name used in arguments and output: `v1`, `v2` or `v2.1`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::V2_1 => "v2.1",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How event IDs come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventIdFormat {
    /// Versions 1 and 2: chosen by the sending server, part of the PDU.
    Given,
    /// Version 3: `$` and the reference hash in standard Base64.
    StandardHash,
    /// Version 4 and later: `$` and the reference hash in URL-safe Base64.
    UrlSafeHash,
}

/// Which JSON values count as a power level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LevelGrammar {
    /// Versions 1 to 5: integers, strings of integers, floats (truncated).
    IntegersStringsFloats,
    /// Versions 6 to 9: integers and strings of integers.
    IntegersStrings,
    /// Version 10 and later: integers.
    Integers,
}

/// Which page of the specification numbers the authorization rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Numbering {
    /// Versions 1 and 2 (aliases are rule 4, redactions rule 11).
    V1,
    /// Versions 3 to 5 (no rule for redactions).
    V3,
    /// Version 6 (no rule for aliases).
    V6,
    /// Version 7 (knocking).
    V7,
    /// Versions 8 and 9 (restricted joins).
    V8,
    /// Version 10 (integer power levels).
    V10,
    /// Version 11 (no `creator` in the create event).
    V11,
    /// Version 12 (the room ID is the create event's ID; creators above all levels).
    V12,
    /// Version 12 as changed by MSC4242: a rule 2 on `prev_state_events` goes before, hardly anything is left of that on
    /// `auth_events`.
    StateDag,
}

/// Where the state before an event comes from, and with it what merges branches of state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateSource {
    /// The states after `prev_events`. Every event merges, and accepted events without accepted children are the forward
    /// extremities.
    PrevEvents,
    /// The states after `prev_state_events` (MSC4242): the state DAG. Only state events merge; messages are leaves and no
    /// forward extremities. The state is a function of the events alone, so behind a hole nothing can be judged.
    PrevStateEvents,
}

/// Where the auth events of an event come from, along which state resolution goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthSource {
    /// The event lists them, and is checked against them.
    Event,
    /// What the auth events selection finds in the state before the event (MSC4242): nobody can choose others.
    Calculated,
}

/// What a room version prescribes, as flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// The identifier in `m.room.create`.
    pub id: &'static str,
    /// The state resolution algorithm.
    pub algorithm: Algorithm,
    /// How event IDs come about.
    pub event_ids: EventIdFormat,
    /// Which JSON values count as a power level.
    pub levels: LevelGrammar,
    /// Which page numbers the authorization rules.
    pub numbering: Numbering,
    /// `m.room.aliases` has a rule of its own (versions 1 to 5).
    pub aliases_rule: bool,
    /// `m.room.redaction` has an authorization rule of its own (versions 1 and 2).
    pub redaction_rule: bool,
    /// Changes of `notifications` in power levels are checked (6+).
    pub limit_notifications: bool,
    /// `knock` is a membership and a join rule (7+).
    pub knock: bool,
    /// `restricted` is a join rule (8+).
    pub restricted: bool,
    /// `knock_restricted` is a join rule (10+).
    pub knock_restricted: bool,
    /// The creator is the create event's `sender`, not `content.creator` (11+).
    pub creator_is_sender: bool,
    /// The room ID is the create event's ID with another sigil; the create event is never listed
    /// in `auth_events` (12+, MSC4291).
    pub room_id_is_create_id: bool,
    /// Creators, `additional_creators` among them, have more power than any level (12+, MSC4289).
    pub privileged_creators: bool,
    /// Where the state before an event comes from.
    pub state_source: StateSource,
    /// Where auth events come from.
    pub auth_source: AuthSource,
}

const V1: Rules = Rules {
    id: "1",
    algorithm: Algorithm::V1,
    event_ids: EventIdFormat::Given,
    levels: LevelGrammar::IntegersStringsFloats,
    numbering: Numbering::V1,
    aliases_rule: true,
    redaction_rule: true,
    limit_notifications: false,
    knock: false,
    restricted: false,
    knock_restricted: false,
    creator_is_sender: false,
    room_id_is_create_id: false,
    privileged_creators: false,
    state_source: StateSource::PrevEvents,
    auth_source: AuthSource::Event,
};
const V2: Rules = Rules { id: "2", algorithm: Algorithm::V2, ..V1 };
const V3: Rules = Rules {
    id: "3",
    event_ids: EventIdFormat::StandardHash,
    numbering: Numbering::V3,
    redaction_rule: false,
    ..V2
};
const V4: Rules = Rules { id: "4", event_ids: EventIdFormat::UrlSafeHash, ..V3 };
const V5: Rules = Rules { id: "5", ..V4 };
const V6: Rules = Rules {
    id: "6",
    levels: LevelGrammar::IntegersStrings,
    numbering: Numbering::V6,
    aliases_rule: false,
    limit_notifications: true,
    ..V5
};
const V7: Rules = Rules { id: "7", numbering: Numbering::V7, knock: true, ..V6 };
const V8: Rules = Rules { id: "8", numbering: Numbering::V8, restricted: true, ..V7 };
const V9: Rules = Rules { id: "9", ..V8 };
const V10: Rules = Rules {
    id: "10",
    levels: LevelGrammar::Integers,
    numbering: Numbering::V10,
    knock_restricted: true,
    ..V9
};
const V11: Rules = Rules { id: "11", numbering: Numbering::V11, creator_is_sender: true, ..V10 };
const V12: Rules = Rules {
    id: "12",
    algorithm: Algorithm::V2_1,
    numbering: Numbering::V12,
    room_id_is_create_id: true,
    privileged_creators: true,
    ..V11
};
/// The unstable identifier under which version 12 was tested.
const HYDRA: Rules = Rules { id: "org.matrix.hydra.11", ..V12 };
/// Version 12 with a state DAG
/// ([MSC4242](https://github.com/matrix-org/matrix-spec-proposals/pull/4242)).
const STATE_DAG: Rules = Rules {
    id: "org.matrix.msc4242.12",
    numbering: Numbering::StateDag,
    state_source: StateSource::PrevStateEvents,
    auth_source: AuthSource::Calculated,
    ..V12
};

impl Rules {
    /// Every room version this program knows, oldest first.
    pub const ALL: &'static [Self] = &[V1, V2, V3, V4, V5, V6, V7, V8, V9, V10, V11, V12, HYDRA, STATE_DAG];

    /// The rules of a room version, if it is known.
    ///
    /// ```
    /// use hindsight::event::room_version::{Algorithm, Rules};
    ///
    /// assert_eq!(Rules::of("12").unwrap().algorithm, Algorithm::V2_1);
    /// assert!(Rules::of("1337").is_none());
    /// ```
    pub fn of(id: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|rules| rules.id == id)
    }

    /// Whether rooms of the version have a state DAG.
    pub fn has_state_dag(&self) -> bool {
        self.state_source == StateSource::PrevStateEvents
    }

    /// The room version that is the same but for the state DAG: version 12, for version 12 with one; else this one.
    pub fn without_state_dag(&'static self) -> &'static Self {
        if self.has_state_dag() { &V12 } else { self }
    }

    /// The room version that is the same but with a state DAG, if there is one.
    pub fn with_state_dag(&'static self) -> Option<&'static Self> {
        let same = Self { id: self.id, numbering: self.numbering, ..STATE_DAG };
        let without = Self { state_source: self.state_source, auth_source: self.auth_source, ..same };
        (*self == same || *self == without).then_some(&STATE_DAG)
    }

    /// The members of an event that hold references to others, in the order of canonical JSON: `auth_events`,
    /// `prev_events`, `prev_state_events`, as far as there are such.
    pub fn reference_members(&self) -> &'static [&'static str] {
        match (self.auth_source, self.state_source) {
            (AuthSource::Event, StateSource::PrevEvents) => &["auth_events", "prev_events"],
            (AuthSource::Event, StateSource::PrevStateEvents) => {
                &["auth_events", "prev_events", "prev_state_events"]
            }
            (AuthSource::Calculated, StateSource::PrevEvents) => &["prev_events"],
            (AuthSource::Calculated, StateSource::PrevStateEvents) => &["prev_events", "prev_state_events"],
        }
    }

    /// Event IDs are reference hashes and can be recomputed.
    pub fn event_ids_are_hashes(&self) -> bool {
        self.event_ids != EventIdFormat::Given
    }

    /// ruma's table for the same version, or for the one it is derived from: hashing is borrowed from there, and redaction
    /// but for `prev_state_events`, which it does not know.
    pub fn ruma(&self) -> RumaRules {
        match self.id {
            "1" => RumaRules::V1,
            "2" => RumaRules::V2,
            "3" => RumaRules::V3,
            "4" => RumaRules::V4,
            "5" => RumaRules::V5,
            "6" => RumaRules::V6,
            "7" => RumaRules::V7,
            "8" => RumaRules::V8,
            "9" => RumaRules::V9,
            "10" => RumaRules::V10,
            "11" => RumaRules::V11,
            _ => RumaRules::V12,
        }
    }
}

#[cfg(test)]
mod tests {
    use ruma::room_version_rules::{
        AuthorizationRules, EventIdFormatVersion, StateResolutionV2Rules, StateResolutionVersion,
    };

    use super::*;

    /// The same facts, told by another library.
    #[test]
    fn flags_agree_with_ruma() {
        for rules in Rules::ALL {
            let ruma = rules.ruma();
            let auth: &AuthorizationRules = &ruma.authorization;
            assert_eq!(rules.redaction_rule, auth.special_case_room_redaction, "{}", rules.id);
            assert_eq!(rules.aliases_rule, auth.special_case_room_aliases, "{}", rules.id);
            assert_eq!(rules.limit_notifications, auth.limit_notifications_power_levels, "{}", rules.id);
            assert_eq!(rules.knock, auth.knocking, "{}", rules.id);
            assert_eq!(rules.restricted, auth.restricted_join_rule, "{}", rules.id);
            assert_eq!(rules.knock_restricted, auth.knock_restricted_join_rule, "{}", rules.id);
            assert_eq!(rules.levels == LevelGrammar::Integers, auth.integer_power_levels, "{}", rules.id);
            assert_eq!(rules.creator_is_sender, auth.use_room_create_sender, "{}", rules.id);
            assert_eq!(rules.privileged_creators, auth.explicitly_privilege_room_creators, "{}", rules.id);
            assert_eq!(rules.room_id_is_create_id, auth.room_create_event_id_as_room_id, "{}", rules.id);
            assert_eq!(
                rules.levels == LevelGrammar::IntegersStringsFloats,
                !auth.strict_canonical_json,
                "{}",
                rules.id
            );
            let ids = match rules.event_ids {
                EventIdFormat::Given => EventIdFormatVersion::V1,
                EventIdFormat::StandardHash => EventIdFormatVersion::V2,
                EventIdFormat::UrlSafeHash => EventIdFormatVersion::V3,
            };
            assert_eq!(ids, ruma.event_id_format, "{}", rules.id);
            let algorithm = match ruma.state_res {
                StateResolutionVersion::V1 => Algorithm::V1,
                StateResolutionVersion::V2(v2) if v2 == StateResolutionV2Rules::V2_1 => Algorithm::V2_1,
                StateResolutionVersion::V2(_) => Algorithm::V2,
                other => panic!("a new algorithm: {other:?}"),
            };
            assert_eq!(rules.algorithm, algorithm, "{}", rules.id);
        }
    }
}
