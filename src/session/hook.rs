//! What a session shows, as JSON: for tests that look at the application from outside.

use serde_json::{Value, json};

use super::{Cursor, Item, Origin, Position, Role, Session};
use crate::explain::{Sentence, Span};
use crate::report::Severity;
use crate::room::{EventIx, KeyIx, Room};

/// So many events of one role are listed.
const LISTED: usize = 100;

/// What is seen. Goes through the whole room, so it is not for every frame.
pub fn to_json(session: &Session) -> Value {
    let (source, settings, room) = (session.source(), session.settings(), session.room());
    let replay = session.replay();
    let state = session.state_at(session.cursor().event);
    json!({
        "name": source.name,
        "origin": match &source.origin {
            Origin::Local => "local",
            Origin::Tutorial(_) => "tutorial",
            Origin::Link => "link",
        },
        "room_id": room.room_id(),
        "room_version": (!session.is_empty()).then_some(room.rules().id),
        "counts": {
            "events": room.len(),
            "missing": room.missing().len(),
            "rows": session.rows().len(),
            "conflicted": room.events().filter(|ix| replay.resolved(*ix)).count(),
            "rejected": replay.rejected().len(),
            "resets": session.resets().len(),
            "extremities": replay.current().extremities.len(),
        },
        "findings": findings(session),
        "algorithm": replay.algorithm().as_str(),
        "profile": replay.profile().as_str(),
        "pending": session.pending().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "cursor": cursor(session),
        "caption": session.caption(),
        "state": state.map(|state| json!({ "keys": state.len(), "hash": state.hash(room) })),
        "roles": roles(session),
        "selection": session.selection().items().iter().map(|item| name(room, item)).collect::<Vec<_>>(),
        "hovered": session.hovered().map(|item| name(room, item)),
        "settings": {
            "filter": settings.filter,
            "filter_error": session.filter_error().map(ToString::to_string),
            "search": settings.search,
            "axis": settings.axis.as_str(),
            "edges": settings.edges.as_str(),
            "dim_future": settings.dim_future,
            "collapse": settings.collapse,
            "expanded": settings.expanded.iter().map(|ix| room.id(*ix)).collect::<Vec<_>>(),
        },
        "compare": compare(session),
        "can": {
            "back": session.can_go_back(),
            "forward": session.can_go_forward(),
            "undo": session.can_undo(),
            "redo": session.can_redo(),
        },
    })
}

fn findings(session: &Session) -> Value {
    let count = |severity| session.findings().iter().filter(|found| found.severity() == severity).count();
    json!({
        "error": count(Severity::Error),
        "warning": count(Severity::Warning),
        "info": count(Severity::Info),
    })
}

fn cursor(session: &Session) -> Value {
    let Cursor { event, step } = session.cursor();
    let room = session.room();
    let steps = session.steps();
    let at_step = step.zip(steps);
    json!({
        "event": event.event().map(|ix| room.id(ix)),
        "over": match event {
            Position::Over(chosen) => Some(ids(room, session.chosen(chosen))),
            _ => None,
        },
        "now": event == Position::Now,
        "row": session.rows().row_of(event),
        "step": step,
        "steps": session.step_count(),
        "step_name": at_step.and_then(|(step, steps)| Some(steps.steps.get(step)?.name())),
        "sentence": at_step.and_then(|(step, steps)| Some(plain(room, steps.sentence(step)?))),
    })
}

fn ids<'a>(room: &'a Room, events: &[EventIx]) -> Vec<&'a str> {
    events.iter().map(|ix| room.id(*ix)).collect()
}

fn roles(session: &Session) -> Value {
    let room = session.room();
    let of = |role: Role| {
        let events = session.roles().iter().filter(|(_, roles)| roles.contains(role));
        let ids: Vec<&str> = events.map(|(ix, _)| room.id(ix)).take(LISTED).collect();
        (!ids.is_empty()).then(|| (role.as_str().to_owned(), json!(ids)))
    };
    Value::Object(Role::ALL.into_iter().filter_map(of).collect())
}

fn compare(session: &Session) -> Value {
    let Some(pair) = session.settings().compare else { return Value::Null };
    let room = session.room();
    json!({
        "with": pair.to_string(),
        "ready": session.other_replay().is_some(),
        "events": session.comparison().map(|comparison| comparison.events.len()),
        "now": session.comparison().map(|comparison| comparison.now),
        "first": session.comparison().and_then(super::Comparison::first).map(|first| match first {
            Position::Event(ix) => json!(room.id(ix)),
            Position::Over(_) | Position::Now => json!("now"),
        }),
        "lines": session.alignment().map(|alignment| alignment.lines.len()),
        "first_different_line": session.alignment().and_then(|alignment| alignment.first_difference),
    })
}

/// A sentence as a text, with whole IDs.
pub fn plain(room: &Room, sentence: &Sentence) -> String {
    let mut text = String::new();
    for span in &sentence.0 {
        match span {
            Span::Text(words) => text.push_str(words),
            Span::Event(ix) => text.push_str(room.id(*ix)),
            Span::Described(ix) => text.push_str(&described(room, *ix)),
            Span::Missing(missing) => text.push_str(room.missing_id(*missing)),
            Span::User(user) => text.push_str(user),
            Span::Key(key) => text.push_str(&key_name(room, *key)),
            Span::Level(level) => text.push_str(&level.to_string()),
            Span::Rule(rule) => text.push_str(rule),
            Span::Time(time) => text.push_str(&format!("{time} ms")),
            Span::Value(value) => text.push_str(value),
        }
    }
    text
}

fn described(room: &Room, ix: EventIx) -> String {
    let what = match room.key_of(ix) {
        Some(key) => key_name(room, key),
        None => room.event(ix).event_type().to_owned(),
    };
    format!("{} ({what})", room.id(ix))
}

fn key_name(room: &Room, key: KeyIx) -> String {
    match room.key(key) {
        (event_type, "") => event_type.to_owned(),
        (event_type, state_key) => format!("{event_type} {state_key}"),
    }
}

fn name(room: &Room, item: &Item) -> Value {
    match item {
        Item::Event(ix) => json!({ "event": room.id(*ix) }),
        Item::Missing(missing) => json!({ "missing": room.missing_id(*missing) }),
        Item::Key(key) => json!({ "key": room.key(*key) }),
        Item::User(user) => json!({ "user": &**user }),
        Item::Server(server) => json!({ "server": &**server }),
        Item::Step(step) => json!({ "step": step }),
        Item::Now => json!("now"),
        Item::Finding(place) => json!({ "finding": place }),
    }
}
