//! A room as a TARDIS scenario.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::events;
use super::harmless::escape_json;
use crate::replay::Replay;
use crate::room::{AssertedState, EventIx, Link, Room, When};

/// The scenario as a text, without what a server noted of the events.
pub fn scenario_text(replay: &Replay<'_>) -> String {
    let mut text = Vec::new();
    // A vector takes whatever is written.
    let _ = write(replay, false, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// Writes the scenario. Plain JSON, which is JSON5 too. With `records`, what a server noted of the events is kept.
///
/// # Errors
/// If `out` fails.
pub fn write(replay: &Replay<'_>, records: bool, out: &mut impl Write) -> io::Result<()> {
    let room = replay.room();
    writeln!(out, "{{")?;
    writeln!(out, "  \"tardis_version\": 1,")?;
    writeln!(out, "  \"room_version\": {},", json(room.rules().id)?)?;
    if let Some(room_id) = room.room_id() {
        writeln!(out, "  \"room_id\": {},", json(room_id)?)?;
    }
    writeln!(out, "  \"calculate_event_ids\": false,")?;
    writeln!(out, "  \"events\": [")?;
    for ix in room.events() {
        let comma = if ix.index() + 1 < room.len() { "," } else { "" };
        writeln!(out, "    {}{comma}", events::line(room, ix, records))?;
    }
    write!(out, "  ]")?;
    let states: BTreeMap<&str, Vec<&str>> = states(replay);
    if !states.is_empty() {
        writeln!(out, ",")?;
        write!(out, "  \"precalculated_state_after\": ")?;
        object(&states, 2, out)?;
    }
    annotations(room, out)?;
    writeln!(out, "\n}}")
}

/// The asserted states, each as the state after some event: a scenario knows no other.
fn states<'a>(replay: &'a Replay<'_>) -> BTreeMap<&'a str, Vec<&'a str>> {
    let room = replay.room();
    let ids = |state: &AssertedState| state.events(room).iter().map(|ix| room.id(*ix)).collect::<Vec<_>>();
    let mut states = BTreeMap::new();
    for missing in room.missing() {
        if let Some(state) = room.asserted_missing(missing) {
            states.insert(room.missing_id(missing), ids(state));
        }
    }
    for (ix, when, state) in room.all_asserted() {
        match when {
            When::After => {
                states.insert(room.id(ix), ids(state));
            }
            When::Before => before(replay, ix, &ids(state), &mut states),
        }
    }
    states
}

/// The state before an event is the state after its parents; where one of these is known, the state after
/// the event itself has to do.
fn before<'a>(
    replay: &'a Replay<'_>,
    ix: EventIx,
    state: &[&'a str],
    states: &mut BTreeMap<&'a str, Vec<&'a str>>,
) {
    let room = replay.room();
    let missing: Option<Vec<_>> = room
        .state_links(ix)
        .map(|link| match link {
            Link::Missing(missing) => Some(missing),
            Link::Event(_) => None,
        })
        .collect();
    match missing.filter(|missing| !missing.is_empty()) {
        Some(missing) => {
            states.extend(missing.into_iter().map(|missing| (room.missing_id(missing), state.to_vec())));
        }
        None => {
            if let Some(after) = replay.after(ix) {
                states
                    .entry(room.id(ix))
                    .or_insert_with(|| after.iter().map(|(_, event)| room.id(event)).collect());
            }
        }
    }
}

/// A caption is a label and perhaps an explanation on the lines after it.
fn annotations(room: &Room, out: &mut impl Write) -> io::Result<()> {
    let annotations = room.annotations();
    if annotations.title.is_none() && annotations.captions.is_empty() {
        return Ok(());
    }
    let mut labels = BTreeMap::new();
    let mut titles = BTreeMap::new();
    for (id, caption) in &annotations.captions {
        let (label, title) = caption.split_once('\n').map_or((&**caption, None), |(a, b)| (a, Some(b)));
        labels.insert(&**id, label);
        titles.extend(title.map(|title| (&**id, title)));
    }
    writeln!(out, ",")?;
    writeln!(out, "  \"annotations\": {{")?;
    if let Some(title) = &annotations.title {
        writeln!(out, "    \"title\": {},", json(title)?)?;
    }
    write!(out, "    \"titles\": ")?;
    object(&titles, 4, out)?;
    write!(out, ",\n    \"events\": ")?;
    object(&labels, 4, out)?;
    write!(out, "\n  }}")
}

/// One member a line; `indent` is that of the brace.
fn object(
    members: &BTreeMap<&str, impl serde::Serialize>,
    indent: usize,
    out: &mut impl Write,
) -> io::Result<()> {
    if members.is_empty() {
        return write!(out, "{{}}");
    }
    for (place, (name, value)) in members.iter().enumerate() {
        let before = if place == 0 { "{" } else { "," };
        write!(out, "{before}\n{:indent$}  {}: {}", "", json(name)?, json(value)?)?;
    }
    write!(out, "\n{:indent$}}}", "")
}

fn json(value: &(impl serde::Serialize + ?Sized)) -> io::Result<String> {
    Ok(escape_json(&serde_json::to_string(value)?).into_owned())
}
