//! What an event says, in one line.

use super::{Describer, text};
use crate::event::content::{Content, Create, Field, Levels, Member, NamedLevel, PowerLevels, RawLevel};
use crate::event::{Event, json};

/// How much of a text (a message, a topic) is shown.
const QUOTED: usize = 48;
/// How many users of power levels are shown.
const USERS: usize = 4;

/// The summary of an event.
pub(super) fn summary(event: &Event, describer: &Describer<'_>) -> String {
    let key = match event.state_key() {
        Some(state_key) => describer.state_key(event.event_type(), state_key),
        None => text::shorten(event.event_type(), 60),
    };
    // Without a state key such an event has no effect, so its content is not worth a word.
    let value = match event.content() {
        _ if event.state_key().is_none() => message(event, describer),
        Content::Create(create) => Some(format!(": {}", version(create))),
        Content::PlainMember(member) => Some(format!(" = {}", membership(member, describer))),
        Content::Member(member) => Some(format!(" = {}", membership(member, describer))),
        Content::PowerLevels(levels) => Some(power_levels(levels, describer)),
        Content::JoinRules(rule) => {
            Some(format!(" = {}", field(rule, |rule| text::shorten(rule.as_str(), QUOTED))))
        }
        Content::ThirdPartyInvite(_) => content_text(event, "display_name").map(|name| format!(": {name}")),
        Content::Other(_) => other_state(event),
    };
    format!("{key}{}", value.unwrap_or_default())
}

fn field<T>(field: &Field<T>, show: impl FnOnce(&T) -> String) -> String {
    match field {
        Field::Value(value) => show(value),
        Field::Absent => "(nothing)".to_owned(),
        Field::Malformed(found) => format!("({found})"),
    }
}

fn version(create: &Create) -> String {
    match &create.room_version {
        Field::Absent => "version 1".to_owned(),
        version => format!("version {}", field(version, |version| text::shorten(version, QUOTED))),
    }
}

fn membership(member: &Member, describer: &Describer<'_>) -> String {
    let membership = field(&member.membership, |word| text::shorten(word.as_str(), QUOTED));
    match member.authoriser.value() {
        Some(user) => format!("{membership}, by leave of {}", describer.user(user)),
        None if member.third_party_invite.is_some() => format!("{membership}, by third-party invite"),
        None => membership,
    }
}

fn power_levels(levels: &PowerLevels, describer: &Describer<'_>) -> String {
    let level = |level: &RawLevel| text::shorten(&level.to_string(), QUOTED);
    let mut parts: Vec<String> = match &levels.users {
        Field::Value(Levels { entries, .. }) => {
            let mut users: Vec<_> = entries.iter().collect();
            users.sort_by_key(|(_, value)| match value {
                RawLevel::Integer(level) => std::cmp::Reverse(*level),
                _ => std::cmp::Reverse(i64::MIN),
            });
            let users = users.into_iter().take(USERS);
            let mut users: Vec<String> =
                users.map(|(user, value)| format!("{} {}", describer.user(user), level(value))).collect();
            if entries.len() > USERS {
                users.push(format!("… {} more", text::number(entries.len() - USERS)));
            }
            users
        }
        Field::Absent => Vec::new(),
        malformed @ Field::Malformed(_) => vec![format!("users {}", field(malformed, |_| String::new()))],
    };
    for name in NamedLevel::ALL {
        if let Some(value) = levels.named(name).filter(|value| **value != RawLevel::Integer(name.default())) {
            parts.push(format!("{} {}", name.as_str(), level(value)));
        }
    }
    if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) }
}

/// The one member of `content` that says most, by event type.
fn telling(event_type: &str) -> Option<&'static str> {
    Some(match event_type {
        "m.room.name" => "name",
        "m.room.topic" => "topic",
        "m.room.canonical_alias" => "alias",
        "m.room.history_visibility" => "history_visibility",
        "m.room.guest_access" => "guest_access",
        "m.room.encryption" | "m.room.encrypted" => "algorithm",
        "m.room.avatar" => "url",
        "m.room.tombstone" => "replacement_room",
        "m.room.message" | "m.sticker" => "body",
        _ => return None,
    })
}

fn other_state(event: &Event) -> Option<String> {
    content_text(event, telling(event.event_type())?).map(|text| format!(" = {text}"))
}

fn message(event: &Event, describer: &Describer<'_>) -> Option<String> {
    if event.event_type() == "m.room.redaction" {
        // Top level up to room version 10, in the content from 11 on.
        let redacted = event.redacts().map(str::to_owned).or_else(|| {
            let content = content(event)?;
            let [redacts] = json::pick(content, ["redacts"]).ok()?;
            json::string(redacts?).map(Into::into)
        });
        return redacted.map(|id| format!(" of {}", describer.short_id_of(&id)));
    }
    if event.event_type() == "m.reaction" {
        let [relates] = json::pick(content(event)?, ["m.relates_to"]).ok()?;
        let [id, key] = json::pick(relates?, ["event_id", "key"]).ok()?;
        let (id, key) = (json::string(id?)?, json::string(key?)?);
        return Some(format!(": {} to {}", text::shorten(&key, 12), describer.short_id_of(&id)));
    }
    content_text(event, telling(event.event_type())?).map(|text| format!(": {text}"))
}

fn content(event: &Event) -> Option<&str> {
    let [content] = json::pick(event.json(), ["content"]).ok()?;
    content
}

fn content_text(event: &Event, name: &'static str) -> Option<String> {
    let [value] = json::pick(content(event)?, [name]).ok()?;
    let value = json::string(value?)?;
    Some(text::shorten(&value, QUOTED))
}
