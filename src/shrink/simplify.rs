//! Events with less in them.

use crate::event::{Event, Kind, json};
use crate::resolve::Algorithm;
use crate::rewrite::{Members, members};
use crate::room::{EventIx, Room};

/// The members that are read; of others nothing is kept.
const READ: [&str; 12] = [
    "auth_events",
    "content",
    "depth",
    "event_id",
    "origin_server_ts",
    "prev_events",
    "prev_state_events",
    "redacts",
    "room_id",
    "sender",
    "state_key",
    "type",
];
/// Noon of a day in 2026, UTC, in milliseconds; where the time of a shrunk room begins.
const NOON: i64 = 1_767_268_800_000;
/// From one event to the next, in milliseconds.
const TICK: i64 = 1000;

/// The keys of content that an event is understood by: they stay.
fn telling(event: &Event) -> &'static [&'static str] {
    match event.kind() {
        Kind::Create => &["creator", "room_version"],
        Kind::Member => &["membership"],
        Kind::JoinRules => &["join_rule"],
        Kind::ThirdPartyInvite => &["public_key", "public_keys"],
        _ => match event.event_type() {
            "m.room.topic" => &["topic"],
            "m.room.name" => &["name"],
            "m.room.message" => &["body", "msgtype"],
            _ => &[],
        },
    }
}

/// The keys of content that authorization may read beside those.
fn read(event: &Event) -> &'static [&'static str] {
    match event.kind() {
        Kind::Create => &["additional_creators", "m.federate"],
        Kind::Member => &["join_authorised_via_users_server", "third_party_invite"],
        _ => &[],
    }
}

/// The content that is enough for most events; `None` if there is nothing to take away at once.
fn least_content(event: &Event, content: &str) -> Option<String> {
    if event.kind() == Kind::PowerLevels {
        return None;
    }
    let mut left = json::members(content).ok()?;
    let before = left.len();
    left.retain(|key, _| telling(event).contains(&&**key) || read(event).contains(&&**key));
    (left.len() < before).then(|| json::object(&left))
}

/// The event with only what is read of it; `None` if it is so already.
pub(super) fn event(room: &Room, ix: EventIx) -> Option<Members> {
    let event = room.event(ix);
    let mut members = members(event);
    let before = members.len();
    members.retain(|key, _| READ.contains(&&**key));
    let mut changed = members.len() < before;
    if let Some(content) = members.get_mut("content")
        && let Some(least) = least_content(event, content)
    {
        *content = least;
        changed = true;
    }
    changed.then_some(members)
}

/// The event without one entry of its content, or of an object in there. `skip` entries stay; `None` if there are no
/// more.
pub(super) fn without_entry(event: &Event, skip: usize) -> Option<Members> {
    let mut members = members(event);
    let content = members.get("content")?.clone();
    let entries = json::members(&content).ok()?;
    let mut place = 0;
    let mut is_next = || {
        place += 1;
        place == skip + 1
    };
    for (key, value) in entries.iter().filter(|(key, _)| !telling(event).contains(&&***key)) {
        if is_next() {
            let mut left = entries.clone();
            left.remove(key);
            members.insert("content".into(), json::object(&left));
            return Some(members);
        }
        let inner = json::members(value).ok().filter(|_| value.starts_with('{')).unwrap_or_default();
        for name in inner.keys() {
            if is_next() {
                let mut less = inner.clone();
                less.remove(name);
                let less = json::object(&less);
                let mut left = entries.clone();
                left.insert(key.clone(), &less);
                members.insert("content".into(), json::object(&left));
                return Some(members);
            }
        }
    }
    None
}

/// A timestamp for every event: a second apart, in the order of the old ones, and where these are equal, of the IDs.
pub(super) fn round_times(room: &Room) -> Vec<i64> {
    let mut events: Vec<EventIx> = room.events().collect();
    events.sort_unstable_by_key(|ix| (room.event(*ix).origin_server_ts(), room.id(*ix)));
    let mut times = vec![NOON; room.len()];
    for (number, ix) in (0..).zip(events) {
        times[ix.index()] = NOON + TICK * number;
    }
    times
}

/// The event at another time; without a depth, unless that is to stay or version 1 reads it.
pub(super) fn tidy(room: &Room, ix: EventIx, time: i64, depth: bool) -> Members {
    let mut members = members(room.event(ix));
    members.insert("origin_server_ts".into(), time.to_string());
    if !depth && room.rules().algorithm != Algorithm::V1 {
        members.remove("depth");
    }
    members
}
