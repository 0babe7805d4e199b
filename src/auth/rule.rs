//! The authorization rules by name, and their numbers in every room version.
//!
//! Source: "Authorization rules" of each page under <https://spec.matrix.org/latest/rooms/>. The numbers are those of
//! the rendered lists; those of MSC4242 follow from its section "Auth rules changes", where the rule of version 12 on the
//! room ID keeps its place after the new rule 2. Two rules of
//! that text have no number here because they cannot be broken: what is named belongs to the room and was accepted, so an
//! accepted create event is at its bottom (3); and auth events are calculated from accepted state (4.3).

use crate::event::room_version::Numbering;

macro_rules! rules {
    ($($name:ident [$($number:literal)*] $text:literal;)*) => {
        /// A rule that can decide about an event.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "`Rule::text` says what each rule says")]
        pub enum Rule { $($name,)* }

        impl Rule {
            /// Every rule, in the order of the text.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The numbers in the families of [`Numbering`]; empty where the rule does not exist.
            fn numbers(self) -> [&'static str; 9] {
                match self { $(Self::$name => [$($number,)*],)* }
            }

            /// What the rule says happened, as the middle of a sentence.
            pub fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

//                       v1-2     v3-5     v6       v7       v8-9     v10      v11      v12      MSC4242
rules! {
    CreateHasParents    ["1.1"    "1.1"    "1.1"    "1.1"    "1.1"    "1.1"    "1.1"    "1.1"    "1.1"]    "a create event has no prev_events";
    CreateHasStateParents [""    ""       ""       ""       ""       ""       ""       ""       "1.2"]    "a create event has no prev_state_events";
    CreateRoomId        ["1.2"    "1.2"    "1.2"    "1.2"    "1.2"    "1.2"    "1.2"    "1.2"    "1.3"]    "the create event's room ID does not fit";
    CreateVersion       ["1.3"    "1.3"    "1.3"    "1.3"    "1.3"    "1.3"    "1.3"    "1.3"    "1.4"]    "the room version is not recognised";
    CreateNoCreator     ["1.4"    "1.4"    "1.4"    "1.4"    "1.4"    "1.4"    ""       ""       ""]       "the create event names no creator";
    CreateAdditional    [""       ""       ""       ""       ""       ""       ""       "1.4"    "1.5"]    "additional_creators is not a list of valid user IDs";
    CreateAllowed       ["1.5"    "1.5"    "1.5"    "1.5"    "1.5"    "1.5"    "1.4"    "1.5"    "1.6"]    "a create event with nothing against it";
    StateParentsNone    [""       ""       ""       ""       ""       ""       ""       ""       "2"]      "prev_state_events is empty, so no path leads to the create event";
    StateParentForeign  [""       ""       ""       ""       ""       ""       ""       ""       "2.1"]    "prev_state_events names an event of another room";
    StateParentMessage  [""       ""       ""       ""       ""       ""       ""       ""       "2.2"]    "prev_state_events names an event that is not a state event";
    StateParentRejected [""       ""       ""       ""       ""       ""       ""       ""       "2.3"]    "prev_state_events names a rejected event";
    RoomIdNotCreate     [""       ""       ""       ""       ""       ""       ""       "2"      ""]       "the room ID is not that of an accepted create event";
    AuthMissing         ["2"      "2"      "2"      "2"      "2"      "2"      "2"      "3"      ""]      "an auth event cannot be had";
    AuthDuplicate       ["2.1"    "2.1"    "2.1"    "2.1"    "2.1"    "2.1"    "2.1"    "3.1"    ""]    "auth_events names the same key twice";
    AuthUnexpected      ["2.2"    "2.2"    "2.2"    "2.2"    "2.2"    "2.2"    "2.2"    "3.2"    ""]    "auth_events names an event that the selection does not call for";
    AuthRejected        ["2.3"    "2.3"    "2.3"    "2.3"    "2.3"    "2.3"    "2.3"    "3.3"    ""]       "auth_events names a rejected event";
    AuthNoCreate        ["2.4"    "2.4"    "2.4"    "2.4"    "2.4"    "2.4"    "2.4"    "2"      "3"]      "there is no create event to go by";
    AuthOtherRoom       ["2.5"    "2.5"    "2.5"    "2.5"    "2.5"    "2.5"    "2.5"    "3.4"    ""]    "auth_events names an event of another room";
    Federate            ["3"      "3"      "3"      "3"      "3"      "3"      "3"      "4"      "5"]      "the room is not federated and the sender is on another server";
    AliasesNoKey        ["4.1"    "4.1"    ""       ""       ""       ""       ""       ""       ""]       "aliases need a state key";
    AliasesServer       ["4.2"    "4.2"    ""       ""       ""       ""       ""       ""       ""]       "aliases must be sent from the server in the state key";
    AliasesAllowed      ["4.3"    "4.3"    ""       ""       ""       ""       ""       ""       ""]       "aliases of the sender's own server";
    MemberMalformed     ["5.1"    "5.1"    "4.1"    "4.1"    "4.1"    "4.1"    "4.1"    "5.1"    "6.1"]    "a membership event needs a state key and a membership";
    JoinCreator         ["5.2.1"  "5.2.1"  "4.2.1"  "4.2.1"  "4.3.1"  "4.3.1"  "4.3.1"  "5.3.1"  "6.3.1"]  "the creator's first join";
    JoinOther           ["5.2.2"  "5.2.2"  "4.2.2"  "4.2.2"  "4.3.2"  "4.3.2"  "4.3.2"  "5.3.2"  "6.3.2"]  "nobody can join for somebody else";
    JoinBanned          ["5.2.3"  "5.2.3"  "4.2.3"  "4.2.3"  "4.3.3"  "4.3.3"  "4.3.3"  "5.3.3"  "6.3.3"]  "the user is banned";
    JoinInvited         ["5.2.4"  "5.2.4"  "4.2.4"  "4.2.4"  "4.3.4"  "4.3.4"  "4.3.4"  "5.3.4"  "6.3.4"]  "the user is invited or already joined";
    JoinRestrictedIn    [""       ""       ""       ""       "4.3.5.1" "4.3.5.1" "4.3.5.1" "5.3.5.1" "6.3.5.1"] "the user is invited or already joined";
    JoinRestrictedNo    [""       ""       ""       ""       "4.3.5.2" "4.3.5.2" "4.3.5.2" "5.3.5.2" "6.3.5.2"] "no joined user with the power to invite vouches for the join";
    JoinRestrictedYes   [""       ""       ""       ""       "4.3.5.3" "4.3.5.3" "4.3.5.3" "5.3.5.3" "6.3.5.3"] "a joined user with the power to invite vouches for the join";
    JoinPublic          ["5.2.5"  "5.2.5"  "4.2.5"  "4.2.5"  "4.3.6"  "4.3.6"  "4.3.6"  "5.3.6"  "6.3.6"]  "the room is public";
    JoinNotAllowed      ["5.2.6"  "5.2.6"  "4.2.6"  "4.2.6"  "4.3.7"  "4.3.7"  "4.3.7"  "5.3.7"  "6.3.7"]  "the join rule does not let the user in";
    Invite3pidBanned    ["5.3.1.1" "5.3.1.1" "4.3.1.1" "4.3.1.1" "4.4.1.1" "4.4.1.1" "4.4.1.1" "5.4.1.1" "6.4.1.1"] "the invited user is banned";
    Invite3pidUnsigned  ["5.3.1.2" "5.3.1.2" "4.3.1.2" "4.3.1.2" "4.4.1.2" "4.4.1.2" "4.4.1.2" "5.4.1.2" "6.4.1.2"] "the third-party invite has no signed part";
    Invite3pidFields    ["5.3.1.3" "5.3.1.3" "4.3.1.3" "4.3.1.3" "4.4.1.3" "4.4.1.3" "4.4.1.3" "5.4.1.3" "6.4.1.3"] "the signed part lacks mxid or token";
    Invite3pidMxid      ["5.3.1.4" "5.3.1.4" "4.3.1.4" "4.3.1.4" "4.4.1.4" "4.4.1.4" "4.4.1.4" "5.4.1.4" "6.4.1.4"] "the signed part is about another user";
    Invite3pidNoInvite  ["5.3.1.5" "5.3.1.5" "4.3.1.5" "4.3.1.5" "4.4.1.5" "4.4.1.5" "4.4.1.5" "5.4.1.5" "6.4.1.5"] "no m.room.third_party_invite has this token";
    Invite3pidSender    ["5.3.1.6" "5.3.1.6" "4.3.1.6" "4.3.1.6" "4.4.1.6" "4.4.1.6" "4.4.1.6" "5.4.1.6" "6.4.1.6"] "the third-party invite was sent by somebody else";
    Invite3pidSigned    ["5.3.1.7" "5.3.1.7" "4.3.1.7" "4.3.1.7" "4.4.1.7" "4.4.1.7" "4.4.1.7" "5.4.1.7" "6.4.1.7"] "a signature matches a public key of the third-party invite";
    Invite3pidNoMatch   ["5.3.1.8" "5.3.1.8" "4.3.1.8" "4.3.1.8" "4.4.1.8" "4.4.1.8" "4.4.1.8" "5.4.1.8" "6.4.1.8"] "no signature matches a public key of the third-party invite";
    InviteNotJoined     ["5.3.2"  "5.3.2"  "4.3.2"  "4.3.2"  "4.4.2"  "4.4.2"  "4.4.2"  "5.4.2"  "6.4.2"]  "the sender is not joined";
    InviteTargetIn      ["5.3.3"  "5.3.3"  "4.3.3"  "4.3.3"  "4.4.3"  "4.4.3"  "4.4.3"  "5.4.3"  "6.4.3"]  "the invited user is already joined, or banned";
    InviteAllowed       ["5.3.4"  "5.3.4"  "4.3.4"  "4.3.4"  "4.4.4"  "4.4.4"  "4.4.4"  "5.4.4"  "6.4.4"]  "the sender has the power to invite";
    InviteLevel         ["5.3.5"  "5.3.5"  "4.3.5"  "4.3.5"  "4.4.5"  "4.4.5"  "4.4.5"  "5.4.5"  "6.4.5"]  "the sender lacks the power to invite";
    LeaveOwn            ["5.4.1"  "5.4.1"  "4.4.1"  "4.4.1"  "4.5.1"  "4.5.1"  "4.5.1"  "5.5.1"  "6.5.1"]  "a user may leave from where they are joined, invited or knocking";
    LeaveNotJoined      ["5.4.2"  "5.4.2"  "4.4.2"  "4.4.2"  "4.5.2"  "4.5.2"  "4.5.2"  "5.5.2"  "6.5.2"]  "the sender is not joined";
    LeaveUnban          ["5.4.3"  "5.4.3"  "4.4.3"  "4.4.3"  "4.5.3"  "4.5.3"  "4.5.3"  "5.5.3"  "6.5.3"]  "the sender lacks the power to unban";
    LeaveAllowed        ["5.4.4"  "5.4.4"  "4.4.4"  "4.4.4"  "4.5.4"  "4.5.4"  "4.5.4"  "5.5.4"  "6.5.4"]  "the sender has the power to kick, and more than the target";
    LeaveLevel          ["5.4.5"  "5.4.5"  "4.4.5"  "4.4.5"  "4.5.5"  "4.5.5"  "4.5.5"  "5.5.5"  "6.5.5"]  "the sender lacks the power to kick the target";
    BanNotJoined        ["5.5.1"  "5.5.1"  "4.5.1"  "4.5.1"  "4.6.1"  "4.6.1"  "4.6.1"  "5.6.1"  "6.6.1"]  "the sender is not joined";
    BanAllowed          ["5.5.2"  "5.5.2"  "4.5.2"  "4.5.2"  "4.6.2"  "4.6.2"  "4.6.2"  "5.6.2"  "6.6.2"]  "the sender has the power to ban, and more than the target";
    BanLevel            ["5.5.3"  "5.5.3"  "4.5.3"  "4.5.3"  "4.6.3"  "4.6.3"  "4.6.3"  "5.6.3"  "6.6.3"]  "the sender lacks the power to ban the target";
    KnockRule           [""       ""       ""       "4.6.1"  "4.7.1"  "4.7.1"  "4.7.1"  "5.7.1"  "6.7.1"]  "the join rule does not allow knocking";
    KnockOther          [""       ""       ""       "4.6.2"  "4.7.2"  "4.7.2"  "4.7.2"  "5.7.2"  "6.7.2"]  "nobody can knock for somebody else";
    KnockAllowed        [""       ""       ""       "4.6.3"  "4.7.3"  "4.7.3"  "4.7.3"  "5.7.3"  "6.7.3"]  "the user is neither banned nor invited nor joined";
    KnockMember         [""       ""       ""       "4.6.4"  "4.7.4"  "4.7.4"  "4.7.4"  "5.7.4"  "6.7.4"]  "the user is banned, invited or joined";
    MembershipUnknown   ["5.6"    "5.6"    "4.6"    "4.7"    "4.8"    "4.8"    "4.8"    "5.8"    "6.8"]    "the membership is unknown";
    SenderNotJoined     ["6"      "6"      "5"      "5"      "5"      "5"      "5"      "6"      "7"]      "the sender is not joined";
    ThirdPartyInvite    ["7.1"    "7.1"    "6.1"    "6.1"    "6.1"    "6.1"    "6.1"    "7.1"    "8.1"]    "third-party invites need the power to invite";
    RequiredLevel       ["8"      "8"      "7"      "7"      "7"      "7"      "7"      "8"      "9"]      "the sender lacks the power to send events of this type";
    OthersStateKey      ["9"      "9"      "8"      "8"      "8"      "8"      "8"      "9"      "10"]      "the state key is another user's ID";
    LevelsNamed         [""       ""       ""       ""       ""       "9.1"    "9.1"    "10.1"   "11.1"]   "a level is not an integer";
    LevelsMaps          [""       ""       ""       ""       ""       "9.2"    "9.2"    "10.2"   "11.2"]   "events or notifications is not an object of integers";
    LevelsUsers         ["10.1"   "10.1"   "9.1"    "9.1"    "9.1"    "9.3"    "9.3"    "10.3"   "11.3"]   "users is not an object of levels by user ID";
    LevelsCreators      [""       ""       ""       ""       ""       ""       ""       "10.4"   "11.4"]   "users names a creator of the room";
    LevelsFirst         ["10.2"   "10.2"   "9.2"    "9.2"    "9.2"    "9.4"    "9.4"    "10.5"   "11.5"]   "there are no power levels yet";
    LevelsNamedOld      ["10.3.1" "10.3.1" "9.3.1"  "9.3.1"  "9.3.1"  "9.5.1"  "9.5.1"  "10.6.1" "11.6.1"] "a level above the sender's own was changed";
    LevelsNamedNew      ["10.3.2" "10.3.2" "9.3.2"  "9.3.2"  "9.3.2"  "9.5.2"  "9.5.2"  "10.6.2" "11.6.2"] "a level was set above the sender's own";
    LevelsMapsOld       ["10.4.1" "10.4.1" "9.4.1"  "9.4.1"  "9.4.1"  "9.6.1"  "9.6.1"  "10.7.1" "11.7.1"] "an entry above the sender's own level was changed";
    LevelsMapsNew       ["10.5.1" "10.5.1" "9.5.1"  "9.5.1"  "9.5.1"  "9.7.1"  "9.7.1"  "10.8.1" "11.8.1"] "an entry was set above the sender's own level";
    LevelsUsersOld      ["10.6.1" "10.6.1" "9.6.1"  "9.6.1"  "9.6.1"  "9.8.1"  "9.8.1"  "10.9.1" "11.9.1"] "the level of a user not below the sender was changed";
    LevelsUsersNew      ["10.7.1" "10.7.1" "9.7.1"  "9.7.1"  "9.7.1"  "9.9.1"  "9.9.1"  "10.10.1" "11.10.1"] "a user was raised above the sender's own level";
    LevelsAllowed       ["10.8"   "10.8"   "9.8"    "9.8"    "9.8"    "9.10"   "9.10"   "10.11"  "11.11"]  "every change of levels is within the sender's power";
    RedactionLevel      ["11.1"   ""       ""       ""       ""       ""       ""       ""       ""]       "the sender has the power to redact";
    RedactionOwnServer  ["11.2"   ""       ""       ""       ""       ""       ""       ""       ""]       "the redacted event is of the same server";
    RedactionNo         ["11.3"   ""       ""       ""       ""       ""       ""       ""       ""]       "the sender may not redact this event";
    Allowed             ["12"     "11"     "10"     "10"     "10"     "10"     "10"     "11"     "12"]     "nothing speaks against it";
}

impl Rule {
    /// The number of the rule in the text of a room version ("5.4.3"); "-" if that version has no such rule.
    ///
    /// ```
    /// use hindsight::auth::Rule;
    /// use hindsight::event::room_version::Numbering;
    ///
    /// assert_eq!(Rule::LeaveLevel.number(Numbering::V1), "5.4.5");
    /// assert_eq!(Rule::LeaveLevel.number(Numbering::V12), "5.5.5");
    /// ```
    pub fn number(self, numbering: Numbering) -> &'static str {
        let number = self.numbers()[numbering as usize];
        if number.is_empty() { "-" } else { number }
    }

    /// Whether an event that this rule decides about is allowed where the rule is met as its text says.
    pub fn allows(self) -> bool {
        matches!(
            self,
            Self::CreateAllowed
                | Self::AliasesAllowed
                | Self::JoinCreator
                | Self::JoinInvited
                | Self::JoinRestrictedIn
                | Self::JoinRestrictedYes
                | Self::JoinPublic
                | Self::Invite3pidSigned
                | Self::InviteAllowed
                | Self::LeaveAllowed
                | Self::BanAllowed
                | Self::KnockAllowed
                | Self::LevelsFirst
                | Self::LevelsAllowed
                | Self::RedactionLevel
                | Self::RedactionOwnServer
                | Self::Allowed
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAMILIES: [Numbering; 9] = [
        Numbering::V1,
        Numbering::V3,
        Numbering::V6,
        Numbering::V7,
        Numbering::V8,
        Numbering::V10,
        Numbering::V11,
        Numbering::V12,
        Numbering::StateDag,
    ];

    /// Within one room version a number names one rule (from version 12 on one rule covers both ways of
    /// lacking a create event).
    #[test]
    fn numbers_are_unique_within_a_version() {
        for family in FAMILIES {
            let mut numbers: Vec<_> = Rule::ALL
                .iter()
                .filter(|rule| !(family >= Numbering::V12 && **rule == Rule::AuthNoCreate))
                .map(|rule| rule.number(family))
                .filter(|number| *number != "-")
                .collect();
            let count = numbers.len();
            numbers.sort_unstable();
            numbers.dedup();
            assert_eq!(numbers.len(), count, "{family:?}");
        }
    }

    /// The rules are listed in the order of the text, so numbers ascend.
    #[test]
    fn numbers_ascend() {
        for family in FAMILIES {
            let parts: Vec<Vec<u32>> = Rule::ALL
                .iter()
                .filter(|rule| !(family >= Numbering::V12 && **rule == Rule::AuthNoCreate))
                .map(|rule| rule.number(family))
                .filter(|number| *number != "-")
                .map(|number| number.split('.').map(|part| part.parse().unwrap()).collect())
                .collect();
            assert!(parts.is_sorted(), "{family:?}");
        }
    }
}
