//! The `content` of the events of a large room: small enough to be kept for every state event, and written as
//! canonical JSON without a tree in between.

use std::rc::Rc;

use ruma::room_version_rules::RedactionRules;

use super::levels::Levels;
use super::people::{People, UserIx};
use super::text;
use crate::event::content::{JoinRule, Membership};
use crate::event::room_version::Rules;

/// An event by its number, counted from 0 in the order the events are made.
pub(super) type Number = u32;

/// What an event says. Numbers stand for texts that follow from them.
#[derive(Debug, Clone)]
pub(super) enum Content {
    Create,
    Member { user: UserIx, membership: Membership, profile: u32, authoriser: Option<UserIx> },
    PowerLevels(Rc<Levels>),
    JoinRules(JoinRule),
    HistoryVisibility(u32),
    GuestAccess(u32),
    Name(u32),
    Topic(u32),
    Avatar(u32),
    Alias(u32),
    Pinned(Number),
    ServerAcl(u32),
    Call { user: UserIx, call: u32 },
    Message(u32),
    Reaction { to: Number, which: u32 },
    Redaction(Number),
}

/// Keys of state events that are not about a user come first.
const FIXED_KEYS: usize = 16;

/// The place of the membership of a user among the state keys of the room.
pub(super) fn member_key(user: UserIx) -> usize {
    FIXED_KEYS + 2 * user as usize
}

/// The place of (`m.room.create`, ``).
pub(super) const CREATE_KEY: usize = 0;
/// The place of (`m.room.power_levels`, ``).
pub(super) const POWER_LEVELS_KEY: usize = 1;
/// The place of (`m.room.join_rules`, ``).
pub(super) const JOIN_RULES_KEY: usize = 2;

impl Content {
    /// The event type.
    pub(super) fn event_type(&self) -> &'static str {
        match self {
            Self::Create => "m.room.create",
            Self::Member { .. } => "m.room.member",
            Self::PowerLevels(_) => "m.room.power_levels",
            Self::JoinRules(_) => "m.room.join_rules",
            Self::HistoryVisibility(_) => "m.room.history_visibility",
            Self::GuestAccess(_) => "m.room.guest_access",
            Self::Name(_) => "m.room.name",
            Self::Topic(_) => "m.room.topic",
            Self::Avatar(_) => "m.room.avatar",
            Self::Alias(_) => "m.room.canonical_alias",
            Self::Pinned(_) => "m.room.pinned_events",
            Self::ServerAcl(_) => "m.room.server_acl",
            Self::Call { .. } => "org.matrix.msc3401.call.member",
            Self::Message(_) => "m.room.message",
            Self::Reaction { .. } => "m.reaction",
            Self::Redaction(_) => "m.room.redaction",
        }
    }

    /// The place of the event's state key among those of the room; `None` if it is no state event.
    pub(super) fn key(&self) -> Option<usize> {
        match self {
            Self::Create => Some(CREATE_KEY),
            Self::PowerLevels(_) => Some(POWER_LEVELS_KEY),
            Self::JoinRules(_) => Some(JOIN_RULES_KEY),
            Self::HistoryVisibility(_) => Some(3),
            Self::GuestAccess(_) => Some(4),
            Self::Name(_) => Some(5),
            Self::Topic(_) => Some(6),
            Self::Avatar(_) => Some(7),
            Self::Alias(_) => Some(8),
            Self::Pinned(_) => Some(9),
            Self::ServerAcl(_) => Some(10),
            Self::Member { user, .. } => Some(member_key(*user)),
            Self::Call { user, .. } => Some(member_key(*user) + 1),
            Self::Message(_) | Self::Reaction { .. } | Self::Redaction(_) => None,
        }
    }

    /// Writes the member `state_key`, which a state event has.
    pub(super) fn write_state_key(&self, out: &mut Vec<u8>, people: &People) {
        out.extend(br#","state_key":"#);
        match self.about() {
            Some(user) => people.write_id(out, user),
            None => out.extend(br#""""#),
        }
    }

    /// The user whose ID is the state key, if it is not empty.
    pub(super) fn about(&self) -> Option<UserIx> {
        match self {
            Self::Member { user, .. } | Self::Call { user, .. } => Some(*user),
            _ => None,
        }
    }
}

/// Writes contents as canonical JSON.
pub(super) struct Writer<'a> {
    pub(super) rules: &'static Rules,
    pub(super) redaction: &'a RedactionRules,
    pub(super) people: &'a People,
    /// The IDs of events that contents refer to.
    pub(super) id: &'a dyn Fn(Number, &mut Vec<u8>),
    pub(super) sender: UserIx,
}

/// An object of which members are written in the order of their names.
struct Object<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl<'a> Object<'a> {
    fn new(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, first: true }
    }

    /// The name of the next member; its value is to be written to what is returned.
    fn key(&mut self, name: &str) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        text::string(self.out, name);
        self.out.push(b':');
        self.out
    }

    fn string(&mut self, name: &str, value: &str) {
        text::string(self.key(name), value);
    }

    fn user(&mut self, name: &str, people: &People, user: UserIx) {
        people.write_id(self.key(name), user);
    }

    fn end(self) {
        self.out.push(b'}');
    }
}

impl Writer<'_> {
    /// The content as sent.
    pub(super) fn whole(&self, content: &Content, out: &mut Vec<u8>) {
        self.write(content, out, false);
    }

    /// What redaction leaves of it, which is what the reference hash covers.
    ///
    /// Source: the section on redactions of each room version's page.
    pub(super) fn redacted(&self, content: &Content, out: &mut Vec<u8>) {
        self.write(content, out, true);
    }

    fn write(&self, content: &Content, out: &mut Vec<u8>, redacted: bool) {
        match content {
            Content::Create => self.create(out, redacted),
            Content::Member { user, membership, profile, authoriser } => {
                self.member(out, *user, membership, *profile, *authoriser, redacted);
            }
            Content::PowerLevels(levels) => {
                levels.write(out, self.people, redacted.then_some(self.redaction));
            }
            Content::JoinRules(rule) => self.join_rules(out, rule, redacted),
            Content::HistoryVisibility(which) => {
                let visibility = ["shared", "invited", "joined", "world_readable"][*which as usize % 4];
                let mut object = Object::new(out);
                object.string("history_visibility", visibility);
                object.end();
            }
            Content::Redaction(target) => self.redaction(out, *target, redacted),
            _ if redacted => Object::new(out).end(),
            _ => self.unprotected(content, out),
        }
    }

    fn create(&self, out: &mut Vec<u8>, redacted: bool) {
        let mut object = Object::new(out);
        if !self.rules.creator_is_sender {
            object.user("creator", self.people, self.sender);
        }
        if !redacted || self.redaction.keep_room_create_content {
            object.string("room_version", self.rules.id);
        }
        object.end();
    }

    fn member(
        &self,
        out: &mut Vec<u8>,
        user: UserIx,
        membership: &Membership,
        profile: u32,
        authoriser: Option<UserIx>,
        redacted: bool,
    ) {
        let mut object = Object::new(out);
        let shows = !redacted && matches!(membership, Membership::Join | Membership::Invite);
        if shows && profile % 4 != 3 {
            text::media(object.key("avatar_url"), user, profile / 2);
        }
        if shows {
            text::display_name(object.key("displayname"), user, profile);
        }
        let keeps = !redacted || self.redaction.keep_room_member_join_authorised_via_users_server;
        if let Some(authoriser) = authoriser.filter(|_| keeps) {
            object.user("join_authorised_via_users_server", self.people, authoriser);
        }
        object.string("membership", membership.as_str());
        if !redacted && (*membership == Membership::Ban || profile % 8 == 7) {
            text::words(object.key("reason"), profile, 4);
        }
        object.end();
    }

    fn join_rules(&self, out: &mut Vec<u8>, rule: &JoinRule, redacted: bool) {
        let mut object = Object::new(out);
        let lists = matches!(rule, JoinRule::Restricted | JoinRule::KnockRestricted);
        if lists && (!redacted || self.redaction.keep_room_join_rules_allow) {
            let allow = object.key("allow");
            allow.extend(br#"[{"room_id":"!space:"#);
            allow.extend(self.people.server_of(self.sender).as_bytes());
            allow.extend(br#"","type":"m.room_membership"}]"#);
        }
        object.string("join_rule", rule.as_str());
        object.end();
    }

    fn redaction(&self, out: &mut Vec<u8>, target: Number, redacted: bool) {
        let mut object = Object::new(out);
        if !redacted {
            text::words(object.key("reason"), target, 3);
        }
        let keeps = !redacted || self.redaction.keep_room_redaction_redacts;
        if self.redaction.content_field_redacts && keeps {
            (self.id)(target, object.key("redacts"));
        }
        object.end();
    }

    /// Contents of which a redaction leaves nothing.
    fn unprotected(&self, content: &Content, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        match content {
            Content::GuestAccess(which) => {
                object.string("guest_access", ["can_join", "forbidden"][*which as usize % 2]);
            }
            Content::Name(seed) => text::words(object.key("name"), *seed, 3),
            Content::Topic(seed) => text::words(object.key("topic"), *seed, 12),
            Content::Avatar(seed) => text::media(object.key("url"), *seed, 0),
            Content::Alias(seed) => {
                let alias = object.key("alias");
                alias.extend(b"\"#");
                alias.extend(text::word(*seed).as_bytes());
                alias.push(b':');
                alias.extend(self.people.server_of(self.sender).as_bytes());
                alias.push(b'"');
            }
            Content::Pinned(event) => {
                let pinned = object.key("pinned");
                pinned.push(b'[');
                (self.id)(*event, pinned);
                pinned.push(b']');
            }
            Content::ServerAcl(seed) => {
                object.key("allow").extend(br#"["*"]"#);
                object.key("allow_ip_literals").extend(b"false");
                let deny = object.key("deny");
                deny.extend(b"[\"");
                deny.extend(text::word(*seed).as_bytes());
                deny.extend(b".invalid\"]");
            }
            Content::Call { user, call } => {
                object.string("application", "m.call");
                object.string("call_id", "");
                text::device(object.key("device_id"), *user);
                text::integer(object.key("expires"), 14_400_000);
                text::integer(object.key("session"), i64::from(*call));
            }
            Content::Message(seed) => {
                text::words(object.key("body"), *seed, 3 + seed % 16);
                object.string("msgtype", "m.text");
            }
            Content::Reaction { to, which } => {
                let mut relation = Object::new(object.key("m.relates_to"));
                (self.id)(*to, relation.key("event_id"));
                relation.string("key", ["👍️", "❤️", "😂", "🎉"][*which as usize % 4]);
                relation.string("rel_type", "m.annotation");
                relation.end();
            }
            _ => {}
        }
        object.end();
    }
}
