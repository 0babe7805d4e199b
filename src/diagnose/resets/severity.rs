//! How much a loss matters.

use serde_json::Value;

use crate::auth::{Level, Profile, sender_level};
use crate::event::Kind;
use crate::event::content::Membership;
use crate::room::{EventIx, KeyIx, Room};
use crate::state::StateMap;

/// From this level on a member counts as an administrator: what most rooms ask for to change state.
const POWERFUL: i64 = 50;

/// How much a loss matters; greater is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// What is there now says the same as what was lost.
    SameContent,
    /// State that gives no rights.
    Minor,
    /// A member, or who may come in.
    Major,
    /// A ban, the power levels, or a member with power.
    Critical,
}

impl Severity {
    /// The name in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SameContent => "same-content",
            Self::Minor => "minor",
            Self::Major => "major",
            Self::Critical => "critical",
        }
    }
}

/// How much it matters that `lost` was under a key, and `after` is now. `state` is the state after the merge.
pub(super) fn severity(
    room: &Room,
    profile: Profile,
    key: KeyIx,
    lost: &[EventIx],
    after: Option<EventIx>,
    state: &StateMap,
) -> Severity {
    let one = |lost: &EventIx| {
        if says_the_same(room, *lost, after) {
            return Severity::SameContent;
        }
        match (room.event(*lost).kind(), room.key(key).0) {
            (Kind::Create | Kind::PowerLevels, _) => Severity::Critical,
            (Kind::Member, _) => member(room, profile, *lost, state),
            (Kind::JoinRules | Kind::ThirdPartyInvite, _)
            | (_, "m.room.server_acl" | "m.room.history_visibility") => Severity::Major,
            _ => Severity::Minor,
        }
    };
    lost.iter().map(one).max().unwrap_or(Severity::Minor)
}

fn member(room: &Room, profile: Profile, lost: EventIx, state: &StateMap) -> Severity {
    match membership(room, lost) {
        Some(Membership::Ban) => Severity::Critical,
        Some(Membership::Join) if is_powerful(room, profile, lost, state) => Severity::Critical,
        _ => Severity::Major,
    }
}

fn is_powerful(room: &Room, profile: Profile, join: EventIx, state: &StateMap) -> bool {
    let known = room.well_known();
    let (levels, create) = (state.get(known.power_levels), state.get(known.create));
    matches!(
        sender_level(room, profile, join, levels, create),
        Ok((level, _)) if level >= Level::Finite(POWERFUL)
    )
}

/// The membership that an event sets.
pub(super) fn membership(room: &Room, ix: EventIx) -> Option<&Membership> {
    room.event(ix).as_member()?.membership.value()
}

/// Whether nobody would notice the difference: equal content, or a membership that was `leave` anyway.
pub(super) fn says_the_same(room: &Room, lost: EventIx, after: Option<EventIx>) -> bool {
    match after {
        None => membership(room, lost) == Some(&Membership::Leave),
        Some(after) => content(room, lost).is_some_and(|lost| Some(lost) == content(room, after)),
    }
}

fn content(room: &Room, ix: EventIx) -> Option<Value> {
    let json: Value = serde_json::from_str(room.event(ix).json()).ok()?;
    json.get("content").cloned()
}
