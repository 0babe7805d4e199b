//! Stories as JSON.

use serde_json::{Value, json};

use crate::cli::compare::show;
use crate::cli::replay::rejection_json;
use crate::cli::resolve::checks_json;
use crate::cli::steps;
use crate::diagnose::fate::{Decision, Fate};
use crate::diagnose::standing::{Explanation, Standing};
use crate::diagnose::story::{Chapter, Merge, Story, Turn, What};
use crate::replay::Replay;
use crate::resolve::step::Step;
use crate::room::{EventIx, KeyIx, Link, Room};

fn link(room: &Room, link: Link) -> &str {
    match link {
        Link::Event(ix) => room.id(ix),
        Link::Missing(missing) => room.missing_id(missing),
    }
}

fn id(room: &Room, value: Option<EventIx>) -> Value {
    value.map(|ix| room.id(ix)).into()
}

/// Whether something is known, and if so its event or null.
fn known(room: &Room, value: Option<Option<EventIx>>) -> Value {
    value
        .map_or_else(|| json!({ "known": false }), |value| json!({ "known": true, "event": id(room, value) }))
}

fn key_json(room: &Room, key: KeyIx) -> (Value, Value) {
    let (event_type, state_key) = room.key(key);
    (event_type.into(), state_key.into())
}

pub(super) fn story(replay: &Replay<'_>, story: &Story) -> Value {
    let room = replay.room();
    let (event_type, state_key) = key_json(room, story.key);
    json!({
        "room_id": room.room_id(),
        "room_version": room.rules().id,
        "algorithm": replay.algorithm().as_str(),
        "profile": replay.profile().as_str(),
        "type": event_type,
        "state_key": state_key,
        "until": show::place_json(room, story.until),
        "value": known(room, story.value),
        "chapters": story.chapters.iter().map(|told| chapter(replay, story.key, told)).collect::<Vec<_>>(),
    })
}

fn chapter(replay: &Replay<'_>, key: KeyIx, chapter: &Chapter) -> Value {
    let room = replay.room();
    let mut object = match &chapter.what {
        What::Set { replaced } => json!({ "what": "set", "replaced": known(room, *replaced) }),
        What::Attempt { stayed } => {
            let rejection = chapter.at.event().and_then(|ix| replay.rejection(ix));
            json!({
                "what": "attempt", "stayed": known(room, *stayed), "rejected": rejection_json(room, rejection),
            })
        }
        What::Merge(merge) => merge_json(replay, key, chapter, merge),
        What::Asserted { value, computed, provenance } => json!({
            "what": "asserted", "value": id(room, *value), "computed": known(room, *computed),
            "by": provenance.as_str(),
        }),
        What::Unknown(links) => {
            let missing: Vec<&str> = links.iter().map(|gap| link(room, *gap)).collect();
            json!({ "what": "unknown", "missing": missing })
        }
    };
    object["at"] = show::place_json(room, chapter.at);
    if let Some(ix) = chapter.at.event() {
        object["sender"] = room.event(ix).sender().into();
        object["origin_server_ts"] = room.event(ix).origin_server_ts().into();
    }
    object
}

fn merge_json(replay: &Replay<'_>, key: KeyIx, chapter: &Chapter, merge: &Merge) -> Value {
    let room = replay.room();
    let turn = match merge.turn {
        Turn::CaughtUp => "caught_up",
        Turn::Contest => "contest",
        Turn::RolledBack => "rolled_back",
        Turn::Revived => "revived",
        Turn::Vanished => "vanished",
    };
    let branches: Vec<Value> = merge
        .branches
        .iter()
        .map(|(parent, value)| json!({ "after": link(room, *parent), "value": id(room, *value) }))
        .collect();
    let recorded = if merge.turn == Turn::CaughtUp { None } else { Merge::steps(replay, chapter.at) };
    let fates = recorded.map(|recorded| {
        let decision = Decision::new(room, &recorded, key);
        let mut events = merge.losers();
        events.extend(merge.value);
        events.into_iter().map(|event| fate_json(room, &recorded, &decision, event)).collect::<Vec<_>>()
    });
    json!({ "what": "merge", "turn": turn, "branches": branches, "value": id(room, merge.value), "fates": fates })
}

fn fate_json(room: &Room, recorded: &[Step], decision: &Decision<'_>, event: EventIx) -> Value {
    let (fate, step) = match decision.fate(event) {
        Fate::Won(step) => ("won", step),
        Fate::Refused(step) => ("refused", Some(step)),
        Fate::Replaced { by, .. } => ("replaced", Some(by)),
        Fate::Overwritten(step) => ("overwritten", Some(step)),
        Fate::Dropped(step) => ("dropped", Some(step)),
        Fate::Passed(step) => ("not_preferred", Some(step)),
        Fate::NotReplayed => ("not_replayed", None),
        Fate::Failed(step) => ("failed", Some(step)),
    };
    let step = step.map_or(Value::Null, |step| steps::to_json(room, recorded)[step].take());
    json!({ "event": room.id(event), "fate": fate, "step": step })
}

pub(super) fn explanation(replay: &Replay<'_>, explanation: &Explanation) -> Value {
    let room = replay.room();
    let event = explanation.event;
    let standing = match explanation.standing {
        Standing::Rejected => "rejected",
        Standing::Outlier => "outlier",
        Standing::Message => "message",
        Standing::Unknown => "unknown",
        Standing::Current => "current",
        Standing::Aside => "aside",
        Standing::Past(_) => "past",
    };
    let chapters: Vec<Value> = explanation
        .story
        .iter()
        .flat_map(|story| explanation.chapters().map(|told| chapter(replay, story.key, told)))
        .collect();
    json!({
        "room_id": room.room_id(),
        "room_version": room.rules().id,
        "algorithm": replay.algorithm().as_str(),
        "profile": replay.profile().as_str(),
        "event_id": room.id(event),
        "standing": standing,
        "value_now": match explanation.standing {
            Standing::Past(value) => id(room, value),
            Standing::Current => id(room, Some(event)),
            _ => Value::Null,
        },
        "rejected": rejection_json(room, replay.rejection(event)),
        "soft_failed": room.recorded(event).soft_failed,
        "stream_ordering": room.stored().and_then(|stored| stored.stream_ordering(event)),
        "checks": checks_json(replay, event),
        "rests_on_rejected": explanation.culprits.iter().map(|ix| room.id(*ix)).collect::<Vec<_>>(),
        "flips": explanation.flips.iter().map(|flip| {
            let (event_type, state_key) = key_json(room, flip.key);
            json!({
                "type": event_type, "state_key": state_key,
                "found": id(room, flip.found), "instead": id(room, flip.instead),
            })
        }).collect::<Vec<_>>(),
        "chapters": chapters,
        "lost_at": explanation.lost_at().map(|lost| show::place_json(room, lost.at)),
    })
}
