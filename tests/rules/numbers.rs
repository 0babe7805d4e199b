//! The numbers of the rules as the specification prints them.

use hindsight::auth::Rule::{self, *};

/// The families of room versions whose rules are numbered alike.
pub(crate) const FAMILIES: [&[&str]; 9] = [
    &["1", "2"],
    &["3", "4", "5"],
    &["6"],
    &["7"],
    &["8", "9"],
    &["10"],
    &["11"],
    &["12", "org.matrix.hydra.11"],
    &["org.matrix.msc4242.12"],
];

/// Every rule with its number in each family, read off the rendered lists under
/// <https://spec.matrix.org/latest/rooms/> (matrix-spec d0ba2aae); empty where the text has no such rule.
///
/// Two rows name what the lists have no item of its own for. That an auth event cannot be had (`AuthMissing`) is
/// the premise of the item about `auth_events` as a whole. In version 12 the create event is not among the auth
/// events: to lack it (`AuthNoCreate`) is to fail the item about the room ID.
///
/// The last column is that of MSC4242 ("Auth rules changes", with the rule of version 12 on the room ID after the new rule
/// 2). An empty list of `prev_state_events` (`StateParentsNone`) fails the rule on them as a whole. Two of
/// its items have no number here, for they cannot be broken: 3, where what is named was found good, and 4.3, for
/// calculated auth events come from accepted state.
///
/// The other way round, one item has no row: that whose server vouches for a restricted join must have signed it (4.2.1
/// in versions 8 to 11, 5.2.1 in version 12). Nobody without the keys of servers can tell.
#[rustfmt::skip]
pub(crate) const NUMBERS: &[(Rule, [&str; 9])] = &[
    //                    1-2        3-5        6          7          8-9        10         11         12         MSC4242
    (CreateHasParents,   ["1.1",     "1.1",     "1.1",     "1.1",     "1.1",     "1.1",     "1.1",     "1.1",      "1.1"]),
    (CreateHasStateParents, ["", "", "", "", "", "", "", "", "1.2"]),
    (CreateRoomId,       ["1.2",     "1.2",     "1.2",     "1.2",     "1.2",     "1.2",     "1.2",     "1.2",      "1.3"]),
    (CreateVersion,      ["1.3",     "1.3",     "1.3",     "1.3",     "1.3",     "1.3",     "1.3",     "1.3",      "1.4"]),
    (CreateNoCreator,    ["1.4",     "1.4",     "1.4",     "1.4",     "1.4",     "1.4",     "",        "",         ""]),
    (CreateAdditional,   ["",        "",        "",        "",        "",        "",        "",        "1.4",      "1.5"]),
    (CreateAllowed,      ["1.5",     "1.5",     "1.5",     "1.5",     "1.5",     "1.5",     "1.4",     "1.5",      "1.6"]),
    (StateParentsNone, ["", "", "", "", "", "", "", "", "2"]),
    (StateParentForeign, ["", "", "", "", "", "", "", "", "2.1"]),
    (StateParentMessage, ["", "", "", "", "", "", "", "", "2.2"]),
    (StateParentRejected, ["", "", "", "", "", "", "", "", "2.3"]),
    (RoomIdNotCreate,    ["",        "",        "",        "",        "",        "",        "",        "2",        ""]),
    (AuthMissing,        ["2",       "2",       "2",       "2",       "2",       "2",       "2",       "3",        ""]),
    (AuthDuplicate,      ["2.1",     "2.1",     "2.1",     "2.1",     "2.1",     "2.1",     "2.1",     "3.1",      ""]),
    (AuthUnexpected,     ["2.2",     "2.2",     "2.2",     "2.2",     "2.2",     "2.2",     "2.2",     "3.2",      ""]),
    (AuthRejected,       ["2.3",     "2.3",     "2.3",     "2.3",     "2.3",     "2.3",     "2.3",     "3.3",      ""]),
    (AuthNoCreate,       ["2.4",     "2.4",     "2.4",     "2.4",     "2.4",     "2.4",     "2.4",     "2",        "3"]),
    (AuthOtherRoom,      ["2.5",     "2.5",     "2.5",     "2.5",     "2.5",     "2.5",     "2.5",     "3.4",      ""]),
    (Federate,           ["3",       "3",       "3",       "3",       "3",       "3",       "3",       "4",        "5"]),
    (AliasesNoKey,       ["4.1",     "4.1",     "",        "",        "",        "",        "",        "",         ""]),
    (AliasesServer,      ["4.2",     "4.2",     "",        "",        "",        "",        "",        "",         ""]),
    (AliasesAllowed,     ["4.3",     "4.3",     "",        "",        "",        "",        "",        "",         ""]),
    (MemberMalformed,    ["5.1",     "5.1",     "4.1",     "4.1",     "4.1",     "4.1",     "4.1",     "5.1",      "6.1"]),
    (JoinCreator,        ["5.2.1",   "5.2.1",   "4.2.1",   "4.2.1",   "4.3.1",   "4.3.1",   "4.3.1",   "5.3.1",    "6.3.1"]),
    (JoinOther,          ["5.2.2",   "5.2.2",   "4.2.2",   "4.2.2",   "4.3.2",   "4.3.2",   "4.3.2",   "5.3.2",    "6.3.2"]),
    (JoinBanned,         ["5.2.3",   "5.2.3",   "4.2.3",   "4.2.3",   "4.3.3",   "4.3.3",   "4.3.3",   "5.3.3",    "6.3.3"]),
    (JoinInvited,        ["5.2.4",   "5.2.4",   "4.2.4",   "4.2.4",   "4.3.4",   "4.3.4",   "4.3.4",   "5.3.4",    "6.3.4"]),
    (JoinRestrictedIn,   ["",        "",        "",        "",        "4.3.5.1", "4.3.5.1", "4.3.5.1", "5.3.5.1",  "6.3.5.1"]),
    (JoinRestrictedNo,   ["",        "",        "",        "",        "4.3.5.2", "4.3.5.2", "4.3.5.2", "5.3.5.2",  "6.3.5.2"]),
    (JoinRestrictedYes,  ["",        "",        "",        "",        "4.3.5.3", "4.3.5.3", "4.3.5.3", "5.3.5.3",  "6.3.5.3"]),
    (JoinPublic,         ["5.2.5",   "5.2.5",   "4.2.5",   "4.2.5",   "4.3.6",   "4.3.6",   "4.3.6",   "5.3.6",    "6.3.6"]),
    (JoinNotAllowed,     ["5.2.6",   "5.2.6",   "4.2.6",   "4.2.6",   "4.3.7",   "4.3.7",   "4.3.7",   "5.3.7",    "6.3.7"]),
    (Invite3pidBanned,   ["5.3.1.1", "5.3.1.1", "4.3.1.1", "4.3.1.1", "4.4.1.1", "4.4.1.1", "4.4.1.1", "5.4.1.1",  "6.4.1.1"]),
    (Invite3pidUnsigned, ["5.3.1.2", "5.3.1.2", "4.3.1.2", "4.3.1.2", "4.4.1.2", "4.4.1.2", "4.4.1.2", "5.4.1.2",  "6.4.1.2"]),
    (Invite3pidFields,   ["5.3.1.3", "5.3.1.3", "4.3.1.3", "4.3.1.3", "4.4.1.3", "4.4.1.3", "4.4.1.3", "5.4.1.3",  "6.4.1.3"]),
    (Invite3pidMxid,     ["5.3.1.4", "5.3.1.4", "4.3.1.4", "4.3.1.4", "4.4.1.4", "4.4.1.4", "4.4.1.4", "5.4.1.4",  "6.4.1.4"]),
    (Invite3pidNoInvite, ["5.3.1.5", "5.3.1.5", "4.3.1.5", "4.3.1.5", "4.4.1.5", "4.4.1.5", "4.4.1.5", "5.4.1.5",  "6.4.1.5"]),
    (Invite3pidSender,   ["5.3.1.6", "5.3.1.6", "4.3.1.6", "4.3.1.6", "4.4.1.6", "4.4.1.6", "4.4.1.6", "5.4.1.6",  "6.4.1.6"]),
    (Invite3pidSigned,   ["5.3.1.7", "5.3.1.7", "4.3.1.7", "4.3.1.7", "4.4.1.7", "4.4.1.7", "4.4.1.7", "5.4.1.7",  "6.4.1.7"]),
    (Invite3pidNoMatch,  ["5.3.1.8", "5.3.1.8", "4.3.1.8", "4.3.1.8", "4.4.1.8", "4.4.1.8", "4.4.1.8", "5.4.1.8",  "6.4.1.8"]),
    (InviteNotJoined,    ["5.3.2",   "5.3.2",   "4.3.2",   "4.3.2",   "4.4.2",   "4.4.2",   "4.4.2",   "5.4.2",    "6.4.2"]),
    (InviteTargetIn,     ["5.3.3",   "5.3.3",   "4.3.3",   "4.3.3",   "4.4.3",   "4.4.3",   "4.4.3",   "5.4.3",    "6.4.3"]),
    (InviteAllowed,      ["5.3.4",   "5.3.4",   "4.3.4",   "4.3.4",   "4.4.4",   "4.4.4",   "4.4.4",   "5.4.4",    "6.4.4"]),
    (InviteLevel,        ["5.3.5",   "5.3.5",   "4.3.5",   "4.3.5",   "4.4.5",   "4.4.5",   "4.4.5",   "5.4.5",    "6.4.5"]),
    (LeaveOwn,           ["5.4.1",   "5.4.1",   "4.4.1",   "4.4.1",   "4.5.1",   "4.5.1",   "4.5.1",   "5.5.1",    "6.5.1"]),
    (LeaveNotJoined,     ["5.4.2",   "5.4.2",   "4.4.2",   "4.4.2",   "4.5.2",   "4.5.2",   "4.5.2",   "5.5.2",    "6.5.2"]),
    (LeaveUnban,         ["5.4.3",   "5.4.3",   "4.4.3",   "4.4.3",   "4.5.3",   "4.5.3",   "4.5.3",   "5.5.3",    "6.5.3"]),
    (LeaveAllowed,       ["5.4.4",   "5.4.4",   "4.4.4",   "4.4.4",   "4.5.4",   "4.5.4",   "4.5.4",   "5.5.4",    "6.5.4"]),
    (LeaveLevel,         ["5.4.5",   "5.4.5",   "4.4.5",   "4.4.5",   "4.5.5",   "4.5.5",   "4.5.5",   "5.5.5",    "6.5.5"]),
    (BanNotJoined,       ["5.5.1",   "5.5.1",   "4.5.1",   "4.5.1",   "4.6.1",   "4.6.1",   "4.6.1",   "5.6.1",    "6.6.1"]),
    (BanAllowed,         ["5.5.2",   "5.5.2",   "4.5.2",   "4.5.2",   "4.6.2",   "4.6.2",   "4.6.2",   "5.6.2",    "6.6.2"]),
    (BanLevel,           ["5.5.3",   "5.5.3",   "4.5.3",   "4.5.3",   "4.6.3",   "4.6.3",   "4.6.3",   "5.6.3",    "6.6.3"]),
    (KnockRule,          ["",        "",        "",        "4.6.1",   "4.7.1",   "4.7.1",   "4.7.1",   "5.7.1",    "6.7.1"]),
    (KnockOther,         ["",        "",        "",        "4.6.2",   "4.7.2",   "4.7.2",   "4.7.2",   "5.7.2",    "6.7.2"]),
    (KnockAllowed,       ["",        "",        "",        "4.6.3",   "4.7.3",   "4.7.3",   "4.7.3",   "5.7.3",    "6.7.3"]),
    (KnockMember,        ["",        "",        "",        "4.6.4",   "4.7.4",   "4.7.4",   "4.7.4",   "5.7.4",    "6.7.4"]),
    (MembershipUnknown,  ["5.6",     "5.6",     "4.6",     "4.7",     "4.8",     "4.8",     "4.8",     "5.8",      "6.8"]),
    (SenderNotJoined,    ["6",       "6",       "5",       "5",       "5",       "5",       "5",       "6",        "7"]),
    (ThirdPartyInvite,   ["7.1",     "7.1",     "6.1",     "6.1",     "6.1",     "6.1",     "6.1",     "7.1",      "8.1"]),
    (RequiredLevel,      ["8",       "8",       "7",       "7",       "7",       "7",       "7",       "8",        "9"]),
    (OthersStateKey,     ["9",       "9",       "8",       "8",       "8",       "8",       "8",       "9",        "10"]),
    (LevelsNamed,        ["",        "",        "",        "",        "",        "9.1",     "9.1",     "10.1",     "11.1"]),
    (LevelsMaps,         ["",        "",        "",        "",        "",        "9.2",     "9.2",     "10.2",     "11.2"]),
    (LevelsUsers,        ["10.1",    "10.1",    "9.1",     "9.1",     "9.1",     "9.3",     "9.3",     "10.3",     "11.3"]),
    (LevelsCreators,     ["",        "",        "",        "",        "",        "",        "",        "10.4",     "11.4"]),
    (LevelsFirst,        ["10.2",    "10.2",    "9.2",     "9.2",     "9.2",     "9.4",     "9.4",     "10.5",     "11.5"]),
    (LevelsNamedOld,     ["10.3.1",  "10.3.1",  "9.3.1",   "9.3.1",   "9.3.1",   "9.5.1",   "9.5.1",   "10.6.1",   "11.6.1"]),
    (LevelsNamedNew,     ["10.3.2",  "10.3.2",  "9.3.2",   "9.3.2",   "9.3.2",   "9.5.2",   "9.5.2",   "10.6.2",   "11.6.2"]),
    (LevelsMapsOld,      ["10.4.1",  "10.4.1",  "9.4.1",   "9.4.1",   "9.4.1",   "9.6.1",   "9.6.1",   "10.7.1",   "11.7.1"]),
    (LevelsMapsNew,      ["10.5.1",  "10.5.1",  "9.5.1",   "9.5.1",   "9.5.1",   "9.7.1",   "9.7.1",   "10.8.1",   "11.8.1"]),
    (LevelsUsersOld,     ["10.6.1",  "10.6.1",  "9.6.1",   "9.6.1",   "9.6.1",   "9.8.1",   "9.8.1",   "10.9.1",   "11.9.1"]),
    (LevelsUsersNew,     ["10.7.1",  "10.7.1",  "9.7.1",   "9.7.1",   "9.7.1",   "9.9.1",   "9.9.1",   "10.10.1",  "11.10.1"]),
    (LevelsAllowed,      ["10.8",    "10.8",    "9.8",     "9.8",     "9.8",     "9.10",    "9.10",    "10.11",    "11.11"]),
    (RedactionLevel,     ["11.1",    "",        "",        "",        "",        "",        "",        "",         ""]),
    (RedactionOwnServer, ["11.2",    "",        "",        "",        "",        "",        "",        "",         ""]),
    (RedactionNo,        ["11.3",    "",        "",        "",        "",        "",        "",        "",         ""]),
    (Allowed,            ["12",      "11",      "10",      "10",      "10",      "10",      "10",      "11",       "12"]),
];

/// The column of a room version in [`NUMBERS`].
pub(crate) fn family(version: &str) -> usize {
    FAMILIES.iter().position(|family| family.contains(&version)).expect("every room version is in a family")
}

/// The number of a rule in a room version, if the rule exists there.
pub(crate) fn printed(rule: Rule, version: &str) -> Option<&'static str> {
    let (_, numbers) = NUMBERS.iter().find(|(other, _)| *other == rule)?;
    Some(numbers[family(version)]).filter(|number| !number.is_empty())
}
