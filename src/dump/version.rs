//! Which room version the events are of.

use std::collections::BTreeMap;

use super::findings::Findings;
use super::intake::Raw;
use super::settle::reference_hash;
use super::{LoadError, Options};
use crate::event::Kind;
use crate::event::content::Field;
use crate::event::room_version::Rules;
use crate::report::{Code, Finding};

/// What a scenario says about the room as a whole.
#[derive(Debug, Default)]
pub(super) struct Declared {
    /// `room_version`.
    pub(super) version: Option<String>,
    /// `room_id`.
    pub(super) room_id: Option<Box<str>>,
}

/// The rules of a version asked for by name.
pub(super) fn requested(options: &Options) -> Result<Option<&'static Rules>, LoadError> {
    let Some(id) = &options.room_version else { return Ok(None) };
    Rules::of(id).map(Some).ok_or_else(|| LoadError::UnknownRoomVersion { given: id.clone() })
}

/// Chooses the rules: what was asked for, else what the scenario declares, else what the create event says,
/// else what the records say, else a guess.
pub(super) fn choose(
    requested: Option<&'static Rules>,
    declared: Option<&Declared>,
    room_id: Option<&str>,
    raws: &[Raw],
    findings: &mut Findings,
) -> &'static Rules {
    let create = choose_create(raws, room_id);
    if let Some(rules) = requested {
        report_override(rules, declared, create, findings);
        return rules;
    }
    let told = declared
        .and_then(|declared| declared.version.clone())
        .or_else(|| create.map(|create| version_of(create, declared.is_some())))
        .or_else(|| recorded_version(raws))
        // TARDIS documents this default for scenarios.
        .or_else(|| declared.map(|_| "10".to_owned()));
    match told.as_deref().map(|id| (id, Rules::of(id))) {
        Some((_, Some(rules))) => rules,
        Some((id, None)) => {
            let rules = shape_of_create(create, declared, raws);
            let finding = Finding::new(
                Code::UnknownRoomVersion,
                format!("room version {id:?} is not known to this program; read as version {}", rules.id),
            );
            let finding = match create {
                Some(create) => create.finding(Code::UnknownRoomVersion, finding.message),
                None => finding,
            };
            findings.push(finding.remedy("name a known version with --room-version"));
            rules
        }
        None => guess(raws, findings),
    }
}

fn is_create(raw: &Raw) -> bool {
    raw.event.is_state_of(Kind::Create)
}

/// The create event of the room `room_id`, else of the room with most events; the choice does not depend on
/// the order of the events.
fn choose_create<'a>(raws: &'a [Raw], room_id: Option<&str>) -> Option<&'a Raw> {
    let mut creates = raws.iter().filter(|raw| is_create(raw));
    let first = creates.next()?;
    if creates.next().is_none() {
        return Some(first);
    }
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    for room in raws.iter().filter_map(|raw| raw.event.room_id()) {
        *sizes.entry(room).or_default() += 1;
    }
    let rank = |raw: &&Raw| {
        let room = room_of_create(raw);
        let wanted = room.is_some() && room.as_deref() == room_id;
        let size = room.and_then(|room| sizes.get(&*room).copied()).unwrap_or(0);
        let event = &raw.event;
        (!wanted, usize::MAX - size, event.origin_server_ts(), event.json().to_owned())
    };
    raws.iter().filter(|raw| is_create(raw)).min_by_key(rank)
}

/// The room of a create event: told by it, or its own ID where that is how rooms are named.
fn room_of_create(raw: &Raw) -> Option<String> {
    if let Some(room_id) = raw.event.room_id() {
        return Some(room_id.to_owned());
    }
    let id = match raw.given_id() {
        Some(id) => id.to_owned(),
        None => reference_hash(raw.event.json(), Rules::of(&version_of(raw, false))?).ok()?,
    };
    Some(format!("!{}", id.strip_prefix('$').unwrap_or(&id)))
}

/// The version a create event stands for. Absent means "1", but in a scenario "10": TARDIS's create events
/// leave it out.
fn version_of(create: &Raw, scenario: bool) -> String {
    match create.event.as_create().map(|create| &create.room_version) {
        Some(Field::Value(version)) => version.to_string(),
        Some(Field::Malformed(found)) => format!("({found})"),
        _ if scenario => "10".to_owned(),
        _ => "1".to_owned(),
    }
}

/// The version most records name, the smallest of several.
fn recorded_version(raws: &[Raw]) -> Option<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for version in raws.iter().filter_map(|raw| raw.record_version()) {
        *counts.entry(version).or_default() += 1;
    }
    let most = counts.values().copied().max()?;
    counts.into_iter().find(|(_, count)| *count == most).map(|(version, _)| version.to_owned())
}

fn report_override(
    rules: &'static Rules,
    declared: Option<&Declared>,
    create: Option<&Raw>,
    findings: &mut Findings,
) {
    let scenario = declared.and_then(|declared| declared.version.as_deref());
    if let Some(version) = scenario.filter(|version| *version != rules.id) {
        let message =
            format!("the scenario says room version {version:?}; read as {} as requested", rules.id);
        findings.push(Finding::new(Code::RoomVersionOverridden, message));
    } else if scenario.is_none()
        && let Some(create) = create
    {
        let version = version_of(create, declared.is_some());
        if version != rules.id {
            let message =
                format!("the create event says room version {version:?}; read as {} as requested", rules.id);
            findings.push(create.finding(Code::RoomVersionOverridden, message));
        }
    }
}

fn rules(id: &str) -> &'static Rules {
    Rules::of(id).unwrap_or(&Rules::ALL[0])
}

/// Whether most events have `prev_state_events` instead of `auth_events`.
fn has_state_dag(raws: &[Raw]) -> bool {
    raws.iter().filter(|raw| raw.event.names_state_parents()).count() * 2 > raws.len()
}

/// The version of rooms with state DAGs.
const STATE_DAG: &str = "org.matrix.msc4242.12";

/// A create event without a room ID is of the family of version 12.
fn shape_of_create(create: Option<&Raw>, declared: Option<&Declared>, raws: &[Raw]) -> &'static Rules {
    if has_state_dag(raws) {
        return rules(STATE_DAG);
    }
    let bare = create.is_some_and(|create| create.event.room_id().is_none());
    let named = declared.is_some_and(|declared| declared.room_id.is_some());
    rules(if bare && !named { "12" } else { "11" })
}

/// What the version looks like where nothing tells it: event IDs of versions 1 and 2 name a server, room IDs
/// from version 12 on do not.
fn guess(raws: &[Raw], findings: &mut Findings) -> &'static Rules {
    let most = |test: fn(&Raw) -> Option<bool>| {
        let answers: Vec<bool> = raws.iter().filter_map(test).collect();
        answers.iter().filter(|yes| **yes).count() * 2 > answers.len()
    };
    let (id, why) = if has_state_dag(raws) {
        (STATE_DAG, "the events have `prev_state_events`")
    } else if most(|raw| raw.given_id().map(|id| id.contains(':'))) {
        ("2", "the event IDs name servers")
    } else if most(|raw| raw.event.room_id().map(|id| !id.contains(':'))) {
        ("12", "the room ID names no server")
    } else {
        ("11", "nothing tells the version")
    };
    if !raws.is_empty() {
        let message = format!("there is no create event: read as room version {id}, for {why}");
        findings.push(
            Finding::new(Code::UnknownRoomVersion, message).remedy("name the version with --room-version"),
        );
    }
    rules(id)
}
