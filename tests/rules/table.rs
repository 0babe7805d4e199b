//! The cases: which rule decides about which event, and how.

use hindsight::auth::Rule::{self, *};
use hindsight::generate::{Draft, IdentityServer, Reference};
use serde_json::{Value, json};

use self::Outcome::{Allowed as Yes, Refused as No};
use super::numbers::{family, printed};
use super::scene::{ALICE, BOB, CAROL, DAVE, ERIN, GREATEST, Scene};

/// What becomes of the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Allowed,
    Refused,
}

/// What is there before the case begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// Nothing.
    Blank,
    /// [`Scene::public`].
    Public,
    /// Nothing; and the event is judged by an empty state.
    Stateless,
}

/// A rule decides about an event: the one whose number `make` returns.
pub(crate) struct Case {
    pub(crate) rule: Rule,
    pub(crate) outcome: Outcome,
    pub(crate) what: &'static str,
    pub(crate) start: Start,
    pub(crate) make: fn(&mut Scene) -> usize,
    /// The families it applies to; by default all that have the rule.
    families: (usize, usize),
}

impl Case {
    /// Whether the case applies to a room version.
    pub(crate) fn applies_to(&self, version: &str) -> bool {
        let (first, last) = self.families;
        (first..=last).contains(&family(version)) && printed(self.rule, version).is_some()
    }

    /// Only from this version on.
    const fn since(mut self, version: usize) -> Self {
        self.families.0 = family_of(version);
        self
    }

    /// Only up to this version.
    const fn until(mut self, version: usize) -> Self {
        self.families.1 = family_of(version);
        self
    }
}

/// The column of a room version.
const fn family_of(version: usize) -> usize {
    [0, 0, 0, 1, 1, 1, 2, 3, 4, 4, 5, 6, 7][version]
}

type Make = fn(&mut Scene) -> usize;

const fn case(start: Start, rule: Rule, outcome: Outcome, what: &'static str, make: Make) -> Case {
    Case { rule, outcome, what, start, make, families: (0, 8) }
}

/// A case that begins with nothing.
const fn blank(rule: Rule, outcome: Outcome, what: &'static str, make: Make) -> Case {
    case(Start::Blank, rule, outcome, what, make)
}

/// A case that begins with Alice's public room: Bob (50) and Carol (0) are in, Dave is not.
const fn public(rule: Rule, outcome: Outcome, what: &'static str, make: Make) -> Case {
    case(Start::Public, rule, outcome, what, make)
}

/// The identity server that knows Dave's address, and the token of the invite to it.
fn identity() -> IdentityServer {
    IdentityServer::new(1)
}
const TOKEN: &str = "token";

impl Scene {
    fn join_rule(&mut self, rule: &str) {
        self.join_rule_by(ALICE, rule);
    }

    fn join_rule_by(&mut self, sender: &str, rule: &str) {
        self.send(Draft::join_rules(sender, rule));
    }

    /// Bob offers an invite by address; the invite of Dave that follows is handed over with its third-party part changed.
    fn third_party_invite(&mut self, change: fn(&mut Value)) -> usize {
        self.send(identity().offer(BOB, TOKEN));
        let mut invite = identity().invite(BOB, DAVE, TOKEN);
        change(&mut invite.content["third_party_invite"]);
        self.send(invite)
    }

    /// Bob offers an invite by address with other keys; the invite of Dave follows.
    fn third_party_keys(&mut self, change: fn(&mut Value)) -> usize {
        let mut offer = identity().offer(BOB, TOKEN);
        change(&mut offer.content);
        self.send(offer);
        self.send(identity().invite(BOB, DAVE, TOKEN))
    }

    /// A create event as its only event, with some more content.
    fn only_create(&mut self, content: &Value) -> usize {
        let create = self.create(content);
        self.send(create)
    }

    /// A membership event with content of any kind.
    fn membership(&mut self, sender: &str, target: &str, content: Value) -> usize {
        self.send(Draft::state("m.room.member", target, sender, content))
    }

    /// Alice sets these levels, then Bob those; both beside the usual ones.
    fn bob_changes(&mut self, old: &Value, new: &Value) -> usize {
        self.levels(old);
        self.levels_by(BOB, new)
    }

    fn redaction(&mut self, sender: &str, redacts: &str) -> usize {
        let mut draft = Draft::timeline("m.room.redaction", sender, json!({ "redacts": redacts }));
        draft.redacts = Some(redacts.to_owned());
        self.send(draft)
    }
}

/// A user besides those of the scene.
const FRED: &str = "@fred:two";

#[rustfmt::skip]
pub(crate) const CASES: &[Case] = &[
    // ── Create events ──
    public(CreateHasParents, No, "a second create event, after others", |s| { let create = s.create(&json!({})); s.send(create) }),
    blank(CreateHasParents, No, "a first create event with a parent that nobody has", |s| {
        let mut create = s.create(&json!({}));
        create.prev = vec![Reference::Unknown("$nobody:one".into())];
        s.send(create)
    }),
    blank(CreateRoomId, No, "a room ID that the creator's server has no right to", |s| {
        let create = s.create(&json!({}));
        s.send_altered(create, "room_id", "!room:elsewhere")
    }),
    blank(CreateRoomId, No, "any room ID, even of the creator's server", |s| {
        let create = s.create(&json!({}));
        s.send_altered(create, "room_id", "!room:one")
    }).since(12),
    blank(CreateVersion, No, "an unknown version", |s| s.only_create(&json!({ "room_version": "0.5" }))),
    blank(CreateVersion, No, "a version that is no string", |s| s.only_create(&json!({ "room_version": 11 }))),
    blank(CreateNoCreator, No, "no creator", |s| {
        let mut create = s.create(&json!({}));
        create.content = json!({ "room_version": s.rules().id });
        s.send(create)
    }),
    blank(CreateAdditional, No, "a creator that is no user ID", |s| s.only_create(&json!({ "additional_creators": [BOB, "bob"] }))),
    blank(CreateAdditional, No, "a creator that is no string", |s| s.only_create(&json!({ "additional_creators": [5] }))),
    blank(CreateAdditional, No, "a string in place of the list", |s| s.only_create(&json!({ "additional_creators": BOB }))),
    blank(CreateAllowed, Yes, "the usual create event", |s| s.only_create(&json!({}))),
    blank(CreateAllowed, Yes, "no version, which means 1", |s| {
        let mut create = s.create(&json!({}));
        create.content = json!({ "creator": ALICE });
        s.send(create)
    }),
    blank(CreateAllowed, Yes, "no creator", |s| {
        let mut create = s.create(&json!({}));
        create.content = json!({ "room_version": s.rules().id });
        s.send(create)
    }).since(11),
    blank(CreateAllowed, Yes, "nonsense among the additional creators", |s| s.only_create(&json!({ "additional_creators": 5 }))).until(11),
    blank(CreateAllowed, Yes, "additional creators", |s| s.only_create(&json!({ "additional_creators": [BOB] }))),

    // ── Room ID and auth events ──
    // ── The rules on prev_state_events (MSC4242) ──
    blank(CreateHasStateParents, No, "a create event that names a state event nobody has", |s| {
        let mut create = s.create(&json!({}));
        create.prev_state = Some(vec![Reference::Unknown("$nobody".to_owned())]);
        s.send(create)
    }),
    public(StateParentsNone, No, "no state parents", |s| s.send_below(Draft::message(BOB, "?"), vec![])),
    public(StateParentForeign, No, "a state event of another room", |s| {
        let levels = s.levels_elsewhere();
        s.send_below(Draft::topic(ALICE, "?"), vec![levels])
    }),
    public(StateParentForeign, No, "a state event of another room beside a message: the text asks for the room first", |s| {
        let message = s.send(Draft::message(BOB, "?"));
        let levels = s.levels_elsewhere();
        s.send_below(Draft::topic(ALICE, "?"), vec![Reference::Made(message), levels])
    }),
    public(StateParentMessage, No, "a message", |s| {
        let message = s.send(Draft::message(BOB, "?"));
        s.send_below(Draft::topic(ALICE, "?"), vec![Reference::Made(message)])
    }),
    public(StateParentMessage, No, "a message of the sender's, named by a message", |s| {
        let message = s.send(Draft::message(BOB, "?"));
        s.send_below(Draft::message(BOB, "?"), vec![Reference::Made(message)])
    }),
    public(StateParentRejected, No, "power levels by somebody without power", |s| {
        let refused = s.send_refused(Draft::topic(CAROL, "?"));
        s.send_below(Draft::topic(ALICE, "?"), vec![Reference::Made(refused)])
    }),
    public(StateParentRejected, No, "one rejected event beside others", |s| {
        let refused = s.send_refused(Draft::topic(CAROL, "?"));
        let levels = s.number("m.room.power_levels", "");
        s.send_below(Draft::message(BOB, "?"), vec![Reference::Made(levels), Reference::Made(refused)])
    }),
    public(StateParentRejected, No, "an event that names a rejected one, which rejects it", |s| {
        let refused = s.send_refused(Draft::topic(CAROL, "?"));
        let heir = s.send_below(Draft::topic(ALICE, "?"), vec![Reference::Made(refused)]);
        s.refused.insert(heir);
        s.send_below(Draft::topic(ALICE, "!"), vec![Reference::Made(heir)])
    }),

    public(RoomIdNotCreate, No, "the room ID names no event", |s| s.send_altered(Draft::message(BOB, "?"), "room_id", "!nosuch")),
    public(RoomIdNotCreate, No, "the room ID names a join", |s| {
        let join = s.id(s.number("m.room.member", ALICE)).replace('$', "!");
        s.send_altered(Draft::message(BOB, "?"), "room_id", &join)
    }),
    blank(RoomIdNotCreate, No, "the room ID names a rejected create event", |s| {
        let create = s.create(&json!({ "room_version": "0.5" }));
        let create = s.send(create);
        s.refused.insert(create);
        s.send(Draft::join(ALICE))
    }),
    public(AuthMissing, No, "an auth event that nobody has", |s| {
        s.send_citing_levels(Draft::message(BOB, "?"), Reference::Unknown("$nobody:one".into()))
    }),
    public(AuthDuplicate, No, "old and new power levels", |s| {
        let old = s.number("m.room.power_levels", "");
        s.levels(&json!({ "ban": 60 }));
        s.send_citing(Draft::message(BOB, "?"), &[old])
    }),
    public(AuthUnexpected, No, "join rules cited by a message", |s| s.send_citing(Draft::message(BOB, "?"), &[s.number("m.room.join_rules", "")])),
    public(AuthUnexpected, No, "join rules cited by a leave", |s| s.send_citing(Draft::leave(BOB), &[s.number("m.room.join_rules", "")])),
    public(AuthUnexpected, No, "another's membership", |s| s.send_citing(Draft::message(BOB, "?"), &[s.number("m.room.member", CAROL)])),
    public(AuthUnexpected, No, "an event without state key", |s| {
        let message = s.send(Draft::message(BOB, "!"));
        s.send_citing(Draft::message(BOB, "?"), &[message])
    }),
    public(AuthUnexpected, No, "the membership of who vouches, before joins could be restricted", |s| {
        s.send_citing(Draft::restricted_join(DAVE, BOB), &[s.number("m.room.member", BOB)])
    }).until(7),
    public(AuthUnexpected, No, "the create event, which the room ID implies", |s| s.send_citing(Draft::message(BOB, "?"), &[0])).since(12),
    public(AuthRejected, No, "power levels by somebody without power", |s| {
        let mut levels = s.levels_draft(CAROL, &json!({ "users": { CAROL: 100 } }));
        levels.timestamp = 1000;
        let bad = s.send_refused(levels);
        s.send_citing_levels(Draft::message(BOB, "?"), Reference::Made(bad))
    }),
    public(AuthNoCreate, No, "no create event cited", |s| {
        let mut message = Draft::message(BOB, "?");
        message.auth = s.citable(&message).into_iter().filter(|other| *other != Reference::Made(0)).collect();
        s.send(message)
    }).until(11),
    case(Start::Stateless, AuthNoCreate, No, "no create event in the state", |s| {
        s.created_with(&json!({}));
        s.send(Draft::message(ALICE, "?"))
    }),
    public(AuthOtherRoom, No, "power levels of another room", |s| {
        let levels = s.levels_elsewhere();
        s.send_citing_levels(Draft::message(BOB, "?"), levels)
    }),

    // ── Federation ──
    blank(Federate, No, "a remote join into an unfederated room", |s| {
        s.created_with(&json!({ "m.federate": false }));
        s.join_rule("public");
        s.send(Draft::join(DAVE))
    }),
    blank(JoinPublic, Yes, "a local join into an unfederated room", |s| {
        s.created_with(&json!({ "m.federate": false }));
        s.join_rule("public");
        s.send(Draft::join(ERIN))
    }),
    blank(JoinPublic, Yes, "a remote join into a room that says it is federated", |s| {
        s.created_with(&json!({ "m.federate": true }));
        s.join_rule("public");
        s.send(Draft::join(DAVE))
    }),

    // ── Aliases: a rule of their own up to version 5 ──
    public(AliasesNoKey, No, "no state key", |s| s.send(Draft::timeline("m.room.aliases", BOB, json!({})))),
    public(AliasesServer, No, "another server's aliases", |s| s.send(Draft::state("m.room.aliases", "one", BOB, json!({})))),
    public(AliasesAllowed, Yes, "a user without power", |s| s.send(Draft::state("m.room.aliases", "two", CAROL, json!({})))),
    public(AliasesAllowed, Yes, "not even a member", |s| s.send(Draft::state("m.room.aliases", "three", DAVE, json!({})))),
    public(SenderNotJoined, No, "aliases by no member", |s| s.send(Draft::state("m.room.aliases", "three", DAVE, json!({})))).since(6),
    public(RequiredLevel, No, "aliases by a user without power", |s| s.send(Draft::state("m.room.aliases", "two", CAROL, json!({})))).since(6),
    public(Allowed, Yes, "another server's aliases", |s| s.send(Draft::state("m.room.aliases", "one", BOB, json!({})))).since(6),

    // ── Membership: its form ──
    public(MemberMalformed, No, "no state key", |s| s.send(Draft::timeline("m.room.member", BOB, json!({ "membership": "join" })))),
    public(MemberMalformed, No, "no membership", |s| s.membership(BOB, BOB, json!({}))),
    public(MembershipUnknown, No, "an unknown word", |s| s.membership(BOB, BOB, json!({ "membership": "dance" }))),
    public(MembershipUnknown, No, "a membership that is no string", |s| s.membership(BOB, BOB, json!({ "membership": 5 }))),
    public(MembershipUnknown, No, "a knock before there was knocking", |s| s.send(Draft::knock(DAVE))).until(6),

    // ── Join ──
    blank(JoinCreator, Yes, "the creator's first join", |s| {
        s.only_create(&json!({}));
        s.send(Draft::join(ALICE))
    }),
    blank(JoinCreator, Yes, "the creator's first join, sent by somebody else", |s| {
        s.only_create(&json!({}));
        s.send(Draft::member(BOB, ALICE, "join"))
    }),
    blank(JoinCreator, Yes, "the creator is whom the content names", |s| {
        s.only_create(&json!({ "creator": BOB }));
        s.send(Draft::join(BOB))
    }).until(10),
    blank(JoinNotAllowed, No, "the creator is not who sent the create event", |s| {
        s.only_create(&json!({ "creator": BOB }));
        s.send(Draft::join(ALICE))
    }).until(10),
    blank(JoinNotAllowed, No, "whom the content names is not the creator", |s| {
        s.only_create(&json!({ "creator": BOB }));
        s.send(Draft::join(BOB))
    }).since(11),
    blank(JoinNotAllowed, No, "an additional creator's first join", |s| {
        s.only_create(&json!({ "additional_creators": [BOB] }));
        s.send(Draft::join(BOB))
    }),
    blank(JoinNotAllowed, No, "the creator's join after another event", |s| {
        s.created_with(&json!({}));
        s.send(Draft::leave(ALICE));
        s.send(Draft::join(ALICE))
    }),
    public(JoinOther, No, "a join for somebody else", |s| s.send(Draft::member(BOB, DAVE, "join"))),
    public(JoinBanned, No, "a banned user", |s| { s.send(Draft::ban(ALICE, CAROL)); s.send(Draft::join(CAROL)) }),
    public(JoinInvited, Yes, "an invited user", |s| { s.join_rule("invite"); s.send(Draft::invite(CAROL, DAVE)); s.send(Draft::join(DAVE)) }),
    public(JoinInvited, Yes, "a joined user once more", |s| { s.join_rule("invite"); s.send(Draft::join(CAROL)) }),
    public(JoinInvited, Yes, "an invited user where others knock", |s| { s.join_rule("knock"); s.send(Draft::invite(CAROL, DAVE)); s.send(Draft::join(DAVE)) }).since(7),
    public(JoinRestrictedIn, Yes, "an invited user", |s| { s.join_rule("restricted"); s.send(Draft::invite(CAROL, DAVE)); s.send(Draft::join(DAVE)) }),
    public(JoinRestrictedIn, Yes, "a joined user once more", |s| { s.join_rule("restricted"); s.send(Draft::join(CAROL)) }),
    public(JoinRestrictedIn, Yes, "an invited user, by knock_restricted", |s| { s.join_rule("knock_restricted"); s.send(Draft::invite(CAROL, DAVE)); s.send(Draft::join(DAVE)) }).since(10),
    public(JoinRestrictedNo, No, "nobody vouches", |s| { s.join_rule("restricted"); s.send(Draft::join(DAVE)) }),
    public(JoinRestrictedNo, No, "who vouches is no string", |s| {
        s.join_rule("restricted");
        s.membership(DAVE, DAVE, json!({ "membership": "join", "join_authorised_via_users_server": 5 }))
    }),
    public(JoinRestrictedNo, No, "who vouches was never there", |s| { s.join_rule("restricted"); s.send(Draft::restricted_join(DAVE, FRED)) }),
    public(JoinRestrictedNo, No, "who vouches has left", |s| { s.join_rule("restricted"); s.send(Draft::leave(BOB)); s.send(Draft::restricted_join(DAVE, BOB)) }),
    public(JoinRestrictedNo, No, "who vouches is one short of the level", |s| {
        s.levels(&json!({ "invite": 51 }));
        s.join_rule("restricted");
        s.send(Draft::restricted_join(DAVE, BOB))
    }),
    public(JoinRestrictedNo, No, "nobody vouches, by knock_restricted", |s| { s.join_rule("knock_restricted"); s.send(Draft::join(DAVE)) }).since(10),
    public(JoinRestrictedYes, Yes, "who vouches has just the level", |s| {
        s.levels(&json!({ "invite": 50 }));
        s.join_rule("restricted");
        s.send(Draft::restricted_join(DAVE, BOB))
    }),
    public(JoinRestrictedYes, Yes, "by knock_restricted", |s| { s.join_rule("knock_restricted"); s.send(Draft::restricted_join(DAVE, CAROL)) }).since(10),
    public(JoinRestrictedYes, Yes, "a creator vouches, whatever the level", |s| {
        s.levels(&json!({ "invite": GREATEST }));
        s.join_rule("restricted");
        s.send(Draft::restricted_join(DAVE, ALICE))
    }).since(12),
    public(JoinPublic, Yes, "somebody new", |s| s.send(Draft::join(DAVE))),
    public(JoinPublic, Yes, "somebody who has left", |s| { s.send(Draft::leave(CAROL)); s.send(Draft::join(CAROL)) }),
    public(JoinNotAllowed, No, "nobody invited", |s| { s.join_rule("invite"); s.send(Draft::join(DAVE)) }),
    public(JoinNotAllowed, No, "an invited user, but the rule is reserved", |s| { s.join_rule("private"); s.send(Draft::invite(CAROL, DAVE)); s.send(Draft::join(DAVE)) }),
    public(JoinNotAllowed, No, "a user who has only knocked", |s| { s.join_rule("knock"); s.send(Draft::knock(DAVE)); s.send(Draft::join(DAVE)) }).since(7),
    public(JoinNotAllowed, No, "an invited user, but knock is no rule yet", |s| { s.join_rule("knock"); s.send(Draft::invite(CAROL, DAVE)); s.send(Draft::join(DAVE)) }).until(6),
    public(JoinNotAllowed, No, "an invited user, but restricted is no rule yet", |s| { s.join_rule("restricted"); s.send(Draft::invite(CAROL, DAVE)); s.send(Draft::join(DAVE)) }).until(7),
    public(JoinNotAllowed, No, "an invited user, but knock_restricted is no rule yet", |s| { s.join_rule("knock_restricted"); s.send(Draft::invite(CAROL, DAVE)); s.send(Draft::join(DAVE)) }).until(9),

    // ── Invite by address ──
    public(Invite3pidBanned, No, "a banned user", |s| { s.send(Draft::ban(ALICE, DAVE)); s.third_party_invite(|_| {}) }),
    public(Invite3pidUnsigned, No, "nothing signed", |s| s.third_party_invite(|invite| *invite = json!({ "display_name": "dave" }))),
    public(Invite3pidUnsigned, No, "null in place of it all", |s| s.third_party_invite(|invite| *invite = Value::Null)),
    public(Invite3pidFields, No, "no mxid", |s| s.third_party_invite(|invite| invite["signed"] = json!({ "token": TOKEN }))),
    public(Invite3pidFields, No, "no token", |s| s.third_party_invite(|invite| invite["signed"] = json!({ "mxid": DAVE }))),
    public(Invite3pidFields, No, "signed holds a string", |s| s.third_party_invite(|invite| invite["signed"] = "yes".into())),
    public(Invite3pidMxid, No, "signed for somebody else", |s| s.third_party_invite(|invite| invite["signed"]["mxid"] = FRED.into())),
    public(Invite3pidNoInvite, No, "no offer", |s| s.send(identity().invite(BOB, DAVE, TOKEN))),
    public(Invite3pidNoInvite, No, "an offer with another token", |s| {
        s.send(identity().offer(BOB, "another"));
        s.send(identity().invite(BOB, DAVE, TOKEN))
    }),
    public(Invite3pidSender, No, "an offer by somebody else", |s| {
        s.send(identity().offer(ALICE, TOKEN));
        s.send(identity().invite(BOB, DAVE, TOKEN))
    }),
    public(Invite3pidSigned, Yes, "well signed", |s| s.third_party_invite(|_| {})),
    public(Invite3pidSigned, Yes, "the key stands alone", |s| s.third_party_keys(|offer| offer["public_keys"] = json!([]))),
    public(Invite3pidSigned, Yes, "the key stands in the list", |s| s.third_party_keys(|offer| {
        let other = IdentityServer::new(2).offer(BOB, TOKEN).content["public_key"].clone();
        offer["public_key"] = other;
    })),
    public(Invite3pidSigned, Yes, "by somebody who has left and has no level: neither is asked", |s| {
        s.send(identity().offer(CAROL, TOKEN));
        s.levels(&json!({ "invite": 100 }));
        s.send(Draft::leave(CAROL));
        s.send(identity().invite(CAROL, DAVE, TOKEN))
    }),
    public(Invite3pidNoMatch, No, "signed with another key", |s| {
        s.send(IdentityServer::new(2).offer(BOB, TOKEN));
        s.send(identity().invite(BOB, DAVE, TOKEN))
    }),
    public(Invite3pidNoMatch, No, "changed after it was signed", |s| s.third_party_invite(|invite| invite["signed"]["more"] = 1.into())),
    public(Invite3pidNoMatch, No, "no signatures", |s| s.third_party_invite(|invite| invite["signed"] = json!({ "mxid": DAVE, "token": TOKEN }))),
    public(Invite3pidNoMatch, No, "no keys", |s| s.third_party_keys(|offer| *offer = json!({ "display_name": "dave" }))),

    // ── Invite ──
    public(InviteNotJoined, No, "by somebody outside", |s| s.send(Draft::invite(DAVE, FRED))),
    public(InviteTargetIn, No, "of a joined user", |s| s.send(Draft::invite(BOB, CAROL))),
    public(InviteTargetIn, No, "of a banned user", |s| { s.send(Draft::ban(ALICE, DAVE)); s.send(Draft::invite(BOB, DAVE)) }),
    public(InviteAllowed, Yes, "without power, where none is needed", |s| s.send(Draft::invite(CAROL, DAVE))),
    public(InviteAllowed, Yes, "with just the level", |s| { s.levels(&json!({ "invite": 50 })); s.send(Draft::invite(BOB, DAVE)) }),
    public(InviteAllowed, Yes, "of an invited user once more", |s| { s.send(Draft::invite(CAROL, DAVE)); s.send(Draft::invite(BOB, DAVE)) }),
    public(InviteAllowed, Yes, "by a creator, whatever the level", |s| { s.levels(&json!({ "invite": GREATEST })); s.send(Draft::invite(ALICE, DAVE)) }).since(12),
    public(InviteLevel, No, "one short of the level", |s| { s.levels(&json!({ "invite": 51 })); s.send(Draft::invite(BOB, DAVE)) }),

    // ── Leave, kick, unban ──
    public(LeaveOwn, Yes, "a joined user", |s| s.send(Draft::leave(CAROL))),
    public(LeaveOwn, Yes, "an invited user", |s| { s.send(Draft::invite(CAROL, DAVE)); s.send(Draft::leave(DAVE)) }),
    public(LeaveOwn, Yes, "a user who has knocked", |s| { s.join_rule("knock"); s.send(Draft::knock(DAVE)); s.send(Draft::leave(DAVE)) }).since(7),
    public(LeaveOwn, No, "a banned user", |s| { s.send(Draft::ban(ALICE, CAROL)); s.send(Draft::leave(CAROL)) }),
    public(LeaveOwn, No, "a user who has left", |s| { s.send(Draft::leave(CAROL)); s.send(Draft::leave(CAROL)) }),
    public(LeaveOwn, No, "a user who never was there", |s| s.send(Draft::leave(DAVE))),
    public(LeaveNotJoined, No, "a kick from outside", |s| s.send(Draft::kick(DAVE, CAROL))),
    public(LeaveNotJoined, No, "a kick by a moderator who has left", |s| { s.send(Draft::leave(BOB)); s.send(Draft::kick(BOB, CAROL)) }),
    public(LeaveUnban, No, "an unban one short of the level to ban", |s| {
        s.levels(&json!({ "ban": 51, "kick": 50 }));
        s.send(Draft::ban(ALICE, DAVE));
        s.send(Draft::kick(BOB, DAVE))
    }),
    public(LeaveAllowed, Yes, "an unban with just the levels to ban and to kick", |s| { s.send(Draft::ban(ALICE, DAVE)); s.send(Draft::kick(BOB, DAVE)) }),
    public(LeaveAllowed, Yes, "a kick with just the level", |s| s.send(Draft::kick(BOB, CAROL))),
    public(LeaveAllowed, Yes, "a kick of a user one below", |s| { s.levels(&json!({ "users": { CAROL: 49 } })); s.send(Draft::kick(BOB, CAROL)) }),
    public(LeaveAllowed, Yes, "an invite taken back", |s| { s.send(Draft::invite(CAROL, DAVE)); s.send(Draft::kick(BOB, DAVE)) }),
    public(LeaveAllowed, Yes, "a kick by a creator, whatever the levels", |s| {
        s.levels(&json!({ "kick": GREATEST, "users": { CAROL: GREATEST } }));
        s.send(Draft::kick(ALICE, CAROL))
    }).since(12),
    public(LeaveLevel, No, "an unban one short of the level to kick", |s| {
        s.levels(&json!({ "ban": 50, "kick": 51 }));
        s.send(Draft::ban(ALICE, DAVE));
        s.send(Draft::kick(BOB, DAVE))
    }),
    public(LeaveLevel, No, "an unban of a user with the same level", |s| {
        s.levels(&json!({ "users": { CAROL: 50 } }));
        s.send(Draft::ban(ALICE, CAROL));
        s.send(Draft::kick(BOB, CAROL))
    }),
    public(LeaveLevel, No, "a kick one short of the level", |s| { s.levels(&json!({ "kick": 51 })); s.send(Draft::kick(BOB, CAROL)) }),
    public(LeaveLevel, No, "a kick of a user with the same level", |s| { s.levels(&json!({ "users": { CAROL: 50 } })); s.send(Draft::kick(BOB, CAROL)) }),
    public(LeaveLevel, No, "a kick of a creator", |s| { s.levels(&json!({ "users": { BOB: GREATEST } })); s.send(Draft::kick(BOB, ALICE)) }).since(12),
    blank(LeaveLevel, No, "a kick of one creator by another", |s| {
        s.created_with(&json!({ "additional_creators": [BOB] }));
        s.join_rule("public");
        s.send(Draft::join(BOB));
        s.send(Draft::kick(BOB, ALICE))
    }).since(12),

    // ── Ban ──
    public(BanNotJoined, No, "from outside", |s| s.send(Draft::ban(DAVE, CAROL))),
    public(BanAllowed, Yes, "with just the level", |s| s.send(Draft::ban(BOB, CAROL))),
    public(BanAllowed, Yes, "of a user one below", |s| { s.levels(&json!({ "users": { CAROL: 49 } })); s.send(Draft::ban(BOB, CAROL)) }),
    public(BanAllowed, Yes, "of a user who never was there", |s| s.send(Draft::ban(BOB, DAVE))),
    public(BanAllowed, Yes, "by a creator, whatever the levels", |s| {
        s.levels(&json!({ "ban": GREATEST, "users": { CAROL: GREATEST } }));
        s.send(Draft::ban(ALICE, CAROL))
    }).since(12),
    public(BanLevel, No, "one short of the level", |s| { s.levels(&json!({ "ban": 51 })); s.send(Draft::ban(BOB, CAROL)) }),
    public(BanLevel, No, "of a user with the same level", |s| { s.levels(&json!({ "users": { CAROL: 50 } })); s.send(Draft::ban(BOB, CAROL)) }),
    public(BanLevel, No, "of a creator", |s| { s.levels(&json!({ "users": { BOB: GREATEST } })); s.send(Draft::ban(BOB, ALICE)) }).since(12),

    // ── Knock ──
    public(KnockRule, No, "on a public room", |s| s.send(Draft::knock(DAVE))),
    public(KnockRule, No, "where one must be invited", |s| { s.join_rule("invite"); s.send(Draft::knock(DAVE)) }),
    public(KnockRule, No, "on a restricted room", |s| { s.join_rule("restricted"); s.send(Draft::knock(DAVE)) }),
    public(KnockRule, No, "knock_restricted is no rule yet", |s| { s.join_rule("knock_restricted"); s.send(Draft::knock(DAVE)) }).until(9),
    public(KnockOther, No, "for somebody else", |s| { s.join_rule("knock"); s.send(Draft::member(BOB, DAVE, "knock")) }),
    public(KnockAllowed, Yes, "somebody new", |s| { s.join_rule("knock"); s.send(Draft::knock(DAVE)) }),
    public(KnockAllowed, Yes, "somebody who has left", |s| { s.join_rule("knock"); s.send(Draft::leave(CAROL)); s.send(Draft::knock(CAROL)) }),
    public(KnockAllowed, Yes, "once more", |s| { s.join_rule("knock"); s.send(Draft::knock(DAVE)); s.send(Draft::knock(DAVE)) }),
    public(KnockAllowed, Yes, "by knock_restricted", |s| { s.join_rule("knock_restricted"); s.send(Draft::knock(DAVE)) }).since(10),
    public(KnockMember, No, "a banned user", |s| { s.join_rule("knock"); s.send(Draft::ban(ALICE, DAVE)); s.send(Draft::knock(DAVE)) }),
    public(KnockMember, No, "an invited user", |s| { s.join_rule("knock"); s.send(Draft::invite(CAROL, DAVE)); s.send(Draft::knock(DAVE)) }),
    public(KnockMember, No, "a joined user", |s| { s.join_rule("knock"); s.send(Draft::knock(CAROL)) }),

    // ── Any other event ──
    public(SenderNotJoined, No, "a message from outside", |s| s.send(Draft::message(DAVE, "?"))),
    public(SenderNotJoined, No, "a message by an invited user", |s| { s.send(Draft::invite(CAROL, DAVE)); s.send(Draft::message(DAVE, "?")) }),
    public(SenderNotJoined, No, "a message by a banned user", |s| { s.send(Draft::ban(BOB, CAROL)); s.send(Draft::message(CAROL, "?")) }),
    public(SenderNotJoined, No, "a creator who has left", |s| { s.send(Draft::leave(ALICE)); s.send(Draft::topic(ALICE, "?")) }),
    public(ThirdPartyInvite, Yes, "with just the level to invite", |s| { s.levels(&json!({ "invite": 50 })); s.send(identity().offer(BOB, TOKEN)) }),
    public(ThirdPartyInvite, Yes, "without the level to send state, which is not asked", |s| s.send(identity().offer(CAROL, TOKEN))),
    public(ThirdPartyInvite, No, "one short of the level to invite", |s| { s.levels(&json!({ "invite": 51 })); s.send(identity().offer(BOB, TOKEN)) }),
    public(RequiredLevel, No, "state one short of its default level", |s| { s.levels(&json!({ "users": { CAROL: 49 } })); s.send(Draft::topic(CAROL, "?")) }),
    public(RequiredLevel, No, "state one short of the level set", |s| { s.levels(&json!({ "state_default": 51 })); s.send(Draft::topic(BOB, "?")) }),
    public(RequiredLevel, No, "a message one short of the level set", |s| { s.levels(&json!({ "events_default": 51 })); s.send(Draft::message(BOB, "?")) }),
    public(RequiredLevel, No, "one short of the level of the type", |s| { s.levels(&json!({ "events": { "m.room.topic": 51 } })); s.send(Draft::topic(BOB, "?")) }),
    public(RequiredLevel, No, "users_default below what a message needs", |s| { s.levels(&json!({ "users_default": -1 })); s.send(Draft::message(CAROL, "?")) }),
    public(RequiredLevel, No, "the creator is a user like others", |s| {
        s.levels(&json!({ "events": { "m.room.topic": 100 } }));
        s.levels(&json!({ "events": { "m.room.topic": 100 }, "users": { ALICE: 99 } }));
        s.send(Draft::topic(ALICE, "?"))
    }).until(11),
    blank(RequiredLevel, No, "state before there are power levels, not by the creator", |s| {
        s.created_with(&json!({}));
        s.join_rule("public");
        s.send(Draft::join(BOB));
        s.send(Draft::topic(BOB, "?"))
    }),
    blank(RequiredLevel, No, "the level of 100 of a creator without power levels is whom the content names", |s| {
        s.only_create(&json!({ "creator": BOB }));
        s.send(Draft::join(BOB));
        s.join_rule_by(BOB, "public");
        s.send(Draft::join(ALICE));
        s.send(Draft::topic(ALICE, "?"))
    }).until(10),
    public(OthersStateKey, No, "another user's ID", |s| s.send(Draft::state("org.example.own", CAROL, BOB, json!({})))),
    public(OthersStateKey, No, "no user ID, but it starts like one", |s| s.send(Draft::state("org.example.own", "@", BOB, json!({})))),
    public(Allowed, Yes, "one's own ID as state key", |s| s.send(Draft::state("org.example.own", BOB, BOB, json!({})))),
    public(Allowed, Yes, "a message without power", |s| s.send(Draft::message(CAROL, "!"))),
    public(Allowed, Yes, "state with just its default level", |s| s.send(Draft::topic(BOB, "!"))),
    public(Allowed, Yes, "just the level of the type", |s| { s.levels(&json!({ "state_default": 100, "events": { "m.room.topic": 50 } })); s.send(Draft::topic(BOB, "!")) }),
    public(Allowed, Yes, "state by the grace of users_default", |s| { s.levels(&json!({ "users_default": 50 })); s.send(Draft::topic(CAROL, "!")) }),
    public(Allowed, Yes, "a creator, whatever the level", |s| { s.levels(&json!({ "events": { "m.room.topic": GREATEST } })); s.send(Draft::topic(ALICE, "!")) }).since(12),
    blank(Allowed, Yes, "an additional creator, whatever the level", |s| {
        s.created_with(&json!({ "additional_creators": [DAVE] }));
        s.levels(&json!({ "events": { "m.room.topic": GREATEST } }));
        s.join_rule("public");
        s.send(Draft::join(DAVE));
        s.send(Draft::topic(DAVE, "!"))
    }).since(12),
    blank(Allowed, Yes, "the creator before there are power levels", |s| { s.created_with(&json!({})); s.send(Draft::topic(ALICE, "!")) }),
    blank(Allowed, Yes, "a message before there are power levels", |s| {
        s.created_with(&json!({}));
        s.join_rule("public");
        s.send(Draft::join(BOB));
        s.send(Draft::message(BOB, "!"))
    }),

    // ── Power levels: their form ──
    public(LevelsNamed, No, "a string", |s| s.levels(&json!({ "ban": "50" }))),
    public(LevelsNamed, No, "null", |s| s.levels(&json!({ "users_default": null }))),
    public(LevelsNamed, No, "a boolean", |s| s.levels(&json!({ "invite": true }))),
    public(LevelsNamed, No, "a float", |s| s.levels(&json!({ "redact": 50.5 }))),
    blank(LevelsNamed, No, "a string in the first power levels", |s| { s.created_with(&json!({})); s.levels(&json!({ "kick": "50" })) }),
    public(LevelsMaps, No, "a string in events", |s| s.levels(&json!({ "events": { "m.room.topic": "50" } }))),
    public(LevelsMaps, No, "a string in notifications", |s| s.levels(&json!({ "notifications": { "room": "50" } }))),
    public(LevelsMaps, No, "a list in place of events", |s| s.levels(&json!({ "events": [] }))),
    public(LevelsMaps, No, "null in place of notifications", |s| s.levels(&json!({ "notifications": null }))),
    public(LevelsUsers, No, "a list in place of users", |s| s.send(Draft::power_levels(ALICE, json!({ "users": [] })))),
    public(LevelsUsers, No, "a key that is no user ID", |s| s.levels(&json!({ "users": { "carol": 0 } }))),
    public(LevelsUsers, No, "a word for a level", |s| s.levels(&json!({ "users": { CAROL: "much" } }))),
    public(LevelsUsers, No, "a string of a float", |s| s.levels(&json!({ "users": { CAROL: "25.0" } }))),
    public(LevelsUsers, No, "a string with underscores", |s| s.levels(&json!({ "users": { CAROL: "2_5" } }))),
    public(LevelsUsers, No, "a boolean", |s| s.levels(&json!({ "users": { CAROL: true } }))),
    public(LevelsUsers, No, "a float", |s| s.levels(&json!({ "users": { CAROL: 25.5 } }))).since(6),
    public(LevelsUsers, No, "a string", |s| s.levels(&json!({ "users": { CAROL: "25" } }))).since(10),
    public(LevelsAllowed, Yes, "a string", |s| s.levels(&json!({ "ban": "50", "users": { CAROL: " +025 " } }))).until(9),
    public(LevelsAllowed, Yes, "a negative string", |s| s.levels(&json!({ "users": { CAROL: "-25" } }))).until(9),
    public(LevelsAllowed, Yes, "a float", |s| s.levels(&json!({ "users": { CAROL: 25.5 } }))).until(5),
    public(Allowed, Yes, "the level is the string of 50", |s| { s.levels(&json!({ "users": { BOB: " 050 " } })); s.send(Draft::topic(BOB, "!")) }).until(9),
    public(RequiredLevel, No, "the level is the string of 49", |s| { s.levels(&json!({ "users": { BOB: "49" } })); s.send(Draft::topic(BOB, "?")) }).until(9),
    public(Allowed, Yes, "the level is a float that truncates to 50", |s| { s.levels(&json!({ "users": { BOB: 50.9 } })); s.send(Draft::topic(BOB, "!")) }).until(5),
    public(RequiredLevel, No, "the level is a float that truncates to 49", |s| { s.levels(&json!({ "users": { BOB: 49.9 } })); s.send(Draft::topic(BOB, "?")) }).until(5),
    public(LevelsCreators, No, "the creator listed", |s| s.levels(&json!({ "users": { ALICE: 100 } }))),
    blank(LevelsCreators, No, "an additional creator listed", |s| { s.created_with(&json!({ "additional_creators": [BOB] })); s.levels(&json!({})) }),
    blank(LevelsFirst, Yes, "the first power levels", |s| { s.created_with(&json!({})); s.levels(&json!({})) }),
    blank(LevelsFirst, Yes, "the first power levels, above the sender's own", |s| {
        s.created_with(&json!({}));
        s.levels(&json!({ "ban": 150, "events": { "m.room.topic": 150 }, "users": { BOB: 150 } }))
    }),

    // ── Power levels: what changes. Bob's level is 50; one cannot touch what is above, nor a user who is not below ──
    public(LevelsNamedOld, No, "a level one above lowered", |s| s.bob_changes(&json!({ "ban": 51 }), &json!({ "ban": 50 }))),
    public(LevelsNamedOld, No, "a level one above removed", |s| s.bob_changes(&json!({ "ban": 51 }), &json!({}))),
    public(LevelsAllowed, Yes, "a level as high as the sender's lowered", |s| s.bob_changes(&json!({ "ban": 50 }), &json!({ "ban": 49 }))),
    public(LevelsAllowed, Yes, "a level as high as the sender's removed", |s| s.bob_changes(&json!({ "ban": 50 }), &json!({}))),
    public(LevelsAllowed, Yes, "a level above the sender's left alone", |s| s.bob_changes(&json!({ "ban": 51 }), &json!({ "ban": 51, "kick": 49 }))),
    public(LevelsNamedNew, No, "a level raised to one above", |s| s.bob_changes(&json!({ "kick": 50 }), &json!({ "kick": 51 }))),
    public(LevelsNamedNew, No, "a level added one above", |s| s.levels_by(BOB, &json!({ "users_default": 51 }))),
    public(LevelsAllowed, Yes, "a level added as high as the sender's", |s| s.levels_by(BOB, &json!({ "users_default": 50 }))),
    public(LevelsMapsOld, No, "an entry of events one above lowered", |s| s.bob_changes(&json!({ "events": { "a": 51 } }), &json!({ "events": { "a": 50 } }))),
    public(LevelsMapsOld, No, "an entry of events one above removed", |s| s.bob_changes(&json!({ "events": { "a": 51 } }), &json!({ "events": {} }))),
    public(LevelsMapsOld, No, "all of events removed, one above among them", |s| s.bob_changes(&json!({ "events": { "a": 51 } }), &json!({}))),
    public(LevelsMapsOld, No, "an entry of notifications one above lowered", |s| s.bob_changes(&json!({ "notifications": { "room": 51 } }), &json!({ "notifications": { "room": 50 } }))).since(6),
    public(LevelsMapsOld, No, "one entry raised too far, a later one from above: the text asks for the old levels first", |s| {
        s.bob_changes(&json!({ "events": { "b": 51 } }), &json!({ "events": { "a": 51, "b": 50 } }))
    }),
    public(LevelsMapsOld, No, "an entry of events raised too far, one of notifications from above", |s| {
        s.bob_changes(&json!({ "notifications": { "room": 51 } }), &json!({ "events": { "a": 51 } }))
    }).since(6),
    public(LevelsAllowed, Yes, "notifications are not guarded yet", |s| s.bob_changes(&json!({ "notifications": { "room": 51 } }), &json!({ "notifications": { "room": 52 } }))).until(5),
    public(LevelsAllowed, Yes, "entries as high as the sender's changed", |s| s.bob_changes(&json!({ "events": { "a": 50, "b": 50 }, "notifications": { "room": 50 } }), &json!({ "events": { "a": 49 } }))),
    public(LevelsMapsNew, No, "an entry of events raised to one above", |s| s.bob_changes(&json!({ "events": { "a": 50 } }), &json!({ "events": { "a": 51 } }))),
    public(LevelsMapsNew, No, "an entry of events added one above", |s| s.levels_by(BOB, &json!({ "events": { "a": 51 } }))),
    public(LevelsMapsNew, No, "an entry of notifications added one above", |s| s.levels_by(BOB, &json!({ "notifications": { "room": 51 } }))).since(6),
    public(LevelsAllowed, Yes, "entries added as high as the sender's", |s| s.levels_by(BOB, &json!({ "events": { "a": 50 }, "notifications": { "room": 50 } }))),
    public(LevelsUsersOld, No, "a user as high as the sender lowered", |s| s.bob_changes(&json!({ "users": { CAROL: 50 } }), &json!({ "users": { CAROL: 49 } }))),
    public(LevelsUsersOld, No, "a user as high as the sender removed", |s| s.bob_changes(&json!({ "users": { CAROL: 50 } }), &json!({}))),
    public(LevelsUsersOld, No, "one user raised too far, a later one as high: the text asks for the old levels first", |s| {
        s.bob_changes(&json!({ "users": { FRED: 50 } }), &json!({ "users": { CAROL: 51, FRED: 49 } }))
    }),
    public(LevelsAllowed, Yes, "a user one below the sender removed", |s| s.bob_changes(&json!({ "users": { CAROL: 49 } }), &json!({}))),
    public(LevelsAllowed, Yes, "a user one below the sender raised to the sender's level", |s| s.bob_changes(&json!({ "users": { CAROL: 49 } }), &json!({ "users": { CAROL: 50 } }))),
    public(LevelsAllowed, Yes, "the sender steps down: the own entry is exempt", |s| s.levels_by(BOB, &json!({ "users": { BOB: 49 } }))),
    public(LevelsAllowed, Yes, "the sender's own entry removed", |s| {
        let mut levels = s.levels_draft(BOB, &json!({}));
        levels.content["users"].as_object_mut().unwrap().remove(BOB);
        s.send(levels)
    }),
    public(LevelsUsersNew, No, "a user raised to one above", |s| s.bob_changes(&json!({ "users": { CAROL: 49 } }), &json!({ "users": { CAROL: 51 } }))),
    public(LevelsUsersNew, No, "a user added one above", |s| s.levels_by(BOB, &json!({ "users": { CAROL: 51 } }))),
    public(LevelsUsersNew, No, "the sender's own entry raised: it is not exempt here", |s| s.levels_by(BOB, &json!({ "users": { BOB: 51 } }))),
    public(LevelsAllowed, Yes, "a creator changes what is as high as can be", |s| {
        s.levels(&json!({ "ban": GREATEST, "events": { "a": GREATEST }, "users": { CAROL: GREATEST } }));
        s.levels(&json!({ "kick": GREATEST, "users": { FRED: GREATEST } }))
    }).since(12),

    // ── Redactions: a rule of their own in versions 1 and 2 ──
    public(RedactionLevel, Yes, "with just the level", |s| s.redaction(BOB, &s.id(0))),
    public(RedactionOwnServer, Yes, "of an event of the same server, without power", |s| s.redaction(CAROL, &s.id(s.number("m.room.member", BOB)))),
    public(RedactionNo, No, "of another server's event, without power", |s| s.redaction(CAROL, &s.id(0))),
    public(RedactionNo, No, "of another server's event, one short of the level", |s| { s.levels(&json!({ "redact": 51 })); s.redaction(BOB, &s.id(0)) }),
    public(RedactionNo, No, "of nothing, without power", |s| s.send(Draft::timeline("m.room.redaction", CAROL, json!({})))),
    public(RequiredLevel, No, "a redaction one short of the level of its type", |s| { s.levels(&json!({ "events": { "m.room.redaction": 51 } })); s.redaction(BOB, &s.id(0)) }),
    public(Allowed, Yes, "any redaction, without power", |s| s.redaction(CAROL, &s.id(0))).since(3),
];
