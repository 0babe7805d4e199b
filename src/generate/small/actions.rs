//! What users do: actions that are legal (as far as a glance at the state tells), or attempts that need not be.

use serde_json::{Value, json};

use crate::event::content::{JoinRule, Membership, NamedLevel, RawLevel};
use crate::generate::{Draft, IdentityServer, Rng, RoomBuilder, State};

/// A level above all, for creators of version 12.
const INFINITE: i64 = i64::MAX;

/// What a server sees when it makes an event.
pub(super) struct View<'a> {
    pub(super) builder: &'a RoomBuilder,
    pub(super) state: &'a State,
    /// Everybody who could be in the room.
    pub(super) users: &'a [String],
    /// Only what is legal, as far as a glance tells.
    pub(super) lawful: bool,
}

fn number(raw: &RawLevel) -> Option<i64> {
    match raw {
        RawLevel::Integer(level) => Some(*level),
        RawLevel::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}

impl View<'_> {
    fn at(&self, event_type: &str, key: &str) -> Option<usize> {
        self.state.get(&(event_type.to_owned(), key.to_owned())).copied()
    }

    fn membership(&self, user: &str) -> Membership {
        self.at("m.room.member", user)
            .and_then(|member| self.builder.pdu(member).event.as_member()?.membership.value().cloned())
            .unwrap_or(Membership::Leave)
    }

    fn is_joined(&self, user: &str) -> bool {
        self.membership(user) == Membership::Join
    }

    fn join_rule(&self) -> JoinRule {
        self.at("m.room.join_rules", "")
            .and_then(|rules| self.builder.pdu(rules).event.as_join_rule()?.value().cloned())
            .unwrap_or(JoinRule::Invite)
    }

    fn levels(&self) -> Option<usize> {
        self.at("m.room.power_levels", "")
    }

    fn is_creator(&self, user: &str) -> bool {
        let create = self.builder.pdu(0);
        let more = create.content["additional_creators"].as_array();
        create.event.sender() == user
            || self.builder.rules().privileged_creators
                && more.is_some_and(|more| more.iter().any(|creator| creator == user))
    }

    fn level(&self, user: &str) -> i64 {
        if self.is_creator(user) && self.builder.rules().privileged_creators {
            return INFINITE;
        }
        let Some(levels) = self.levels() else {
            return if self.is_creator(user) { 100 } else { 0 };
        };
        let listed = self.builder.pdu(levels).event.as_power_levels().and_then(|levels| {
            levels.users.value().and_then(|users| users.get(user)).or(levels.named(NamedLevel::UsersDefault))
        });
        listed.and_then(number).unwrap_or(0)
    }

    fn needed(&self, name: NamedLevel) -> i64 {
        self.levels()
            .and_then(|levels| self.builder.pdu(levels).event.as_power_levels()?.named(name))
            .and_then(number)
            .unwrap_or_else(|| name.default())
    }

    pub(super) fn may_send(&self, user: &str, event_type: &str, is_state: bool) -> bool {
        let own = self.levels().and_then(|levels| {
            let levels = self.builder.pdu(levels).event.as_power_levels()?;
            number(levels.events.value()?.get(event_type)?)
        });
        let name = if is_state { NamedLevel::StateDefault } else { NamedLevel::EventsDefault };
        let needed =
            own.unwrap_or_else(|| if self.levels().is_some() { self.needed(name) } else { name.default() });
        self.is_joined(user) && self.level(user) >= needed
    }

    /// Something that `user` does; `None` if the dice name something illegal.
    pub(super) fn action(&self, rng: &mut Rng, user: &str) -> Option<Draft> {
        let other = rng.pick(self.users).as_str();
        let draft = match rng.below(100) {
            0..=21 => self.enter(rng, user)?,
            22..=27 => Draft::leave(user),
            28..=38 => Draft::invite(user, other),
            39..=46 => Draft::kick(user, other),
            47..=53 => Draft::ban(user, other),
            54..=65 => self.power_levels(rng, user)?,
            66..=71 => Draft::join_rules(user, self.some_join_rule(rng)),
            72..=83 => Draft::topic(user, &format!("topic {}", rng.below(1000))),
            84..=88 => Draft::name(user, &format!("name {}", rng.below(1000))),
            89..=90 => self.third_party(rng, user, other),
            91 => self.aliases(user),
            92 => self.redaction(rng, user),
            93..=94 => Draft::state("org.example.own", user, user, json!({ "n": rng.below(1000) })),
            _ => Draft::message(user, &format!("message {}", rng.below(1000))),
        };
        if self.lawful {
            return self.is_lawful(&draft).then_some(draft);
        }
        // Attempts by outsiders soon bore.
        let enters = draft.state_key.as_deref() == Some(user);
        (enters || self.is_joined(user) || rng.chance(20)).then_some(draft)
    }

    fn is_lawful(&self, draft: &Draft) -> bool {
        let sender = draft.sender.as_str();
        if draft.event_type == "m.room.member" {
            let target = draft.state_key.as_deref().unwrap_or_default();
            return self.is_lawful_member(sender, target, &draft.content);
        }
        if draft.event_type == "m.room.third_party_invite" {
            return self.is_joined(sender) && self.level(sender) >= self.needed(NamedLevel::Invite);
        }
        self.may_send(sender, &draft.event_type, draft.state_key.is_some())
    }

    fn is_lawful_member(&self, sender: &str, target: &str, content: &Value) -> bool {
        let may = |name, other: i64| {
            self.is_joined(sender) && self.level(sender) >= self.needed(name) && other < self.level(sender)
        };
        let now = self.membership(target);
        match content["membership"].as_str().unwrap_or_default() {
            "leave" if sender == target => {
                matches!(now, Membership::Join | Membership::Invite | Membership::Knock)
            }
            "leave" => {
                let counts = matches!(now, Membership::Join | Membership::Invite | Membership::Ban);
                let unbans = now != Membership::Ban || self.level(sender) >= self.needed(NamedLevel::Ban);
                counts && unbans && may(NamedLevel::Kick, self.level(target))
            }
            "ban" => now != Membership::Ban && may(NamedLevel::Ban, self.level(target)),
            "invite" => {
                !matches!(now, Membership::Join | Membership::Ban) && may(NamedLevel::Invite, i64::MIN)
            }
            _ => now != Membership::Ban,
        }
    }

    /// A join or a knock, as the join rule asks for.
    fn enter(&self, rng: &mut Rng, user: &str) -> Option<Draft> {
        let rules = self.builder.rules();
        let rule = self.join_rule();
        let membership = self.membership(user);
        if !self.lawful && rng.chance(40) {
            return Some(if rng.chance(70) { Draft::join(user) } else { Draft::knock(user) });
        }
        if membership == Membership::Invite || rule == JoinRule::Public && membership != Membership::Join {
            return Some(Draft::join(user));
        }
        if matches!(membership, Membership::Join | Membership::Ban) {
            return None;
        }
        let knocks = matches!(rule, JoinRule::Knock | JoinRule::KnockRestricted);
        if knocks && rules.knock && rng.chance(50) {
            return Some(Draft::knock(user));
        }
        if !matches!(rule, JoinRule::Restricted | JoinRule::KnockRestricted) || !rules.restricted {
            return None;
        }
        let vouches =
            |user: &&String| self.is_joined(user) && self.level(user) >= self.needed(NamedLevel::Invite);
        let vouching: Vec<&str> = self.users.iter().filter(vouches).map(String::as_str).collect();
        let place = rng.below(vouching.len());
        vouching.get(place).map(|authoriser| Draft::restricted_join(user, authoriser))
    }

    fn some_join_rule(&self, rng: &mut Rng) -> &'static str {
        let rules = self.builder.rules();
        match rng.below(if self.lawful { 10 } else { 12 }) {
            0..=3 => "public",
            4 | 5 => "invite",
            6 if rules.knock => "knock",
            7 | 8 if rules.restricted => "restricted",
            9 if rules.knock_restricted => "knock_restricted",
            10 => "private",
            11 => "knock_restricted",
            _ => "public",
        }
    }

    /// New power levels: the present ones with one or two changes within the sender's reach.
    fn power_levels(&self, rng: &mut Rng, user: &str) -> Option<Draft> {
        let own = self.level(user);
        if self.lawful && !self.may_send(user, "m.room.power_levels", true) {
            return None;
        }
        let mut content = match self.levels() {
            Some(levels) => self.builder.pdu(levels).content.clone(),
            None => json!({ "users": {} }),
        };
        let ceiling = if self.lawful { own.min(100) } else { 100 };
        for _ in 0..rng.within(1, 2) {
            let level = (*rng.pick(&[0, 10, 25, 50, 50, 75, 100])).min(ceiling);
            match rng.below(10) {
                0..=5 => self.change_user(rng, user, &mut content, level),
                6 | 7 => {
                    let name = rng.pick(&NamedLevel::ALL);
                    if !self.lawful || self.needed(*name) <= own && name.default() <= own {
                        content[name.as_str()] = level.into();
                    }
                }
                8 => self.change_entry(rng, "events", &mut content, level, own),
                _ => self.change_entry(rng, "notifications", &mut content, level, own),
            }
        }
        Some(Draft::power_levels(user, content))
    }

    fn change_user(&self, rng: &mut Rng, user: &str, content: &mut Value, level: i64) {
        let target = rng.pick(self.users).as_str();
        let barred = self.is_creator(target) && self.builder.rules().privileged_creators
            || target != user && self.level(target) >= self.level(user);
        if self.lawful && barred {
            return;
        }
        if rng.chance(15)
            && let Some(users) = content["users"].as_object_mut()
        {
            users.remove(target);
        } else if content["users"].is_object() {
            content["users"][target] = level.into();
        }
    }

    fn change_entry(&self, rng: &mut Rng, map: &str, content: &mut Value, level: i64, own: i64) {
        let keys = match map {
            "events" => ["m.room.topic", "m.room.name", "m.room.power_levels", "org.example.own"],
            _ => ["room", "other", "room", "room"],
        };
        let key = *rng.pick(&keys);
        let old = content[map][key].as_i64().unwrap_or(0);
        if self.lawful && old > own || !(content[map].is_object() || content[map].is_null()) {
            return;
        }
        content[map][key] = level.into();
    }

    fn third_party(&self, rng: &mut Rng, user: &str, other: &str) -> Draft {
        let identity = IdentityServer::new(1);
        let token = *rng.pick(&["token-a", "token-b"]);
        match self.at("m.room.third_party_invite", token) {
            Some(offer) if self.builder.pdu(offer).event.sender() == user || !self.lawful => {
                let key = if self.lawful || rng.chance(80) { 1 } else { 2 };
                IdentityServer::new(key).invite(user, other, token)
            }
            _ => identity.offer(user, token),
        }
    }

    fn aliases(&self, user: &str) -> Draft {
        let server = crate::event::server_name(user);
        Draft::state("m.room.aliases", server, user, json!({ "aliases": [] }))
    }

    fn redaction(&self, rng: &mut Rng, user: &str) -> Draft {
        let target = self.builder.pdu(rng.below(self.builder.len())).event.id();
        let mut draft = Draft::timeline("m.room.redaction", user, json!({ "redacts": target }));
        let own = crate::event::server_name(target) == crate::event::server_name(user);
        let may = !self.lawful || own || self.level(user) >= self.needed(NamedLevel::Redact);
        draft.redacts = may.then(|| target.to_owned());
        draft
    }
}
