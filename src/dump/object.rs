//! An input that is one JSON object: a scenario, a response of the federation API, or a single event.

use serde_json::Value;

use super::Format;
use super::intake::{Intake, Section};
use super::read::NotADump;
use super::scan::{self, Lines};
use super::scenario::Scenario;
use crate::event::json;
use crate::report::{Code, Finding};

/// JSON5 nested deeper is not handed to its recursive parser.
const MAX_JSON5_DEPTH: usize = 100;

const GIVE_PDUS: &str =
    "give PDUs in federation format, as /state, /event_auth or a database export has them";

/// Where in the input a piece of the object stands.
pub(super) struct Place<'a> {
    text: &'a str,
    lines: Option<(&'a Lines, usize)>,
    listed: Vec<u64>,
}

impl<'a> Place<'a> {
    /// `text` is the part of the input that begins at `offset`.
    pub(super) fn new(text: &'a str, lines: &'a Lines, offset: usize) -> Self {
        Self { text, lines: Some((lines, offset)), listed: Vec::new() }
    }

    /// The text was converted; the elements of its list stood on these lines.
    pub(super) fn listed(listed: Vec<u64>) -> Self {
        Self { text: "", lines: None, listed }
    }

    /// The line on which `part`, a slice of the text, begins.
    pub(super) fn line(&self, part: &str) -> Option<u64> {
        let (lines, offset) = self.lines?;
        let inside = (part.as_ptr() as usize).checked_sub(self.text.as_ptr() as usize)?;
        Some(lines.of(offset + inside))
    }

    /// The line of each of the `elements` of the object's one list.
    pub(super) fn lines_of(&self, elements: &[&str]) -> Vec<Option<u64>> {
        if self.lines.is_none() && self.listed.len() == elements.len() {
            return self.listed.iter().copied().map(Some).collect();
        }
        elements.iter().map(|element| self.line(element)).collect()
    }
}

/// Turns JSON5 into JSON. Also returns where the objects in the lists of the object begin.
///
/// # Errors
/// The finding that says where it is no JSON5.
pub(super) fn from_json5(text: &str) -> Result<(String, Vec<usize>), Finding> {
    let scan::Json5 { depth, listed } = scan::json5(text.as_bytes());
    if depth > MAX_JSON5_DEPTH {
        let message = format!("nested {depth} levels deep: too deep to be read as JSON5");
        return Err(Finding::new(Code::NestedTooDeep, message));
    }
    let value: Value = json5::from_str(text).map_err(|error| {
        let line = error.position().map(|position| position.line as u64 + 1);
        Finding::new(Code::NotJson, format!("not JSON5: {error}")).maybe_line(line)
    })?;
    Ok((value.to_string(), listed))
}

struct Members<'a> {
    tardis_version: Option<&'a str>,
    events: Option<&'a str>,
    /// Any member that only scenarios have.
    scenario: bool,
    pdus: Option<&'a str>,
    auth_chain: Option<&'a str>,
    state: Option<&'a str>,
    event: Option<&'a str>,
    edus: Option<&'a str>,
    members_omitted: bool,
    /// `type` or another member that makes the object look like an event.
    pdu: bool,
    ids_only: bool,
    error: Option<&'a str>,
    client: bool,
}

impl<'a> Members<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let list = |json: Option<&'a str>| json.filter(|json| json.starts_with('['));
        let [tardis_version, events, room_version, calculate, state_after, annotations] = json::pick(
            text,
            [
                "tardis_version",
                "events",
                "room_version",
                "calculate_event_ids",
                "precalculated_state_after",
                "annotations",
            ],
        )
        .ok()?;
        let [pdus, auth_chain, state, event, edus, omitted] =
            json::pick(text, ["pdus", "auth_chain", "state", "event", "edus", "members_omitted"]).ok()?;
        let [kind, sender, prev_events, pdu_ids, auth_chain_ids, errcode, chunk, rooms] = json::pick(
            text,
            ["type", "sender", "prev_events", "pdu_ids", "auth_chain_ids", "errcode", "chunk", "rooms"],
        )
        .ok()?;
        Some(Self {
            tardis_version,
            events: list(events),
            scenario: [room_version, calculate, state_after, annotations].iter().any(Option::is_some),
            pdus: list(pdus),
            auth_chain: list(auth_chain),
            state: list(state),
            event: event.filter(|event| event.starts_with('{')),
            edus: list(edus).filter(|edus| json::elements(edus).is_some_and(|edus| !edus.is_empty())),
            members_omitted: omitted == Some("true"),
            pdu: kind.is_some() || sender.is_some() && prev_events.is_some(),
            ids_only: pdu_ids.is_some() || auth_chain_ids.is_some(),
            error: errcode,
            client: chunk.is_some() || rooms.is_some(),
        })
    }
}

/// Reads the JSON object `text`.
pub(super) fn read(
    text: &str,
    place: &Place<'_>,
    intake: &mut Intake,
) -> Result<(Format, Option<Scenario>), NotADump> {
    let Some(members) = Members::read(text) else {
        return Err(NotADump { message: "the input is not a JSON object".to_owned(), remedy: GIVE_PDUS });
    };
    if !members.pdu
        && let Some(events) = members.events
        && (members.tardis_version.is_some() || members.scenario)
    {
        let scenario = Scenario::read(text, events, place, intake);
        return Ok((Format::Scenario, Some(scenario)));
    }
    let lists = [members.pdus, members.auth_chain, members.state, members.events];
    if members.pdu || members.event.is_some() && lists.iter().all(Option::is_none) {
        intake.text(text, place.line(text), Section::Plain, true);
        let format = if intake.wrapped > 0 { Format::ServerEvents } else { Format::Ndjson };
        return Ok((format, None));
    }
    federation(&members, place, intake).map(|endpoint| (Format::Federation(endpoint), None))
}

fn federation(
    members: &Members<'_>,
    place: &Place<'_>,
    intake: &mut Intake,
) -> Result<&'static str, NotADump> {
    let mut section = |list: &str, section| {
        for element in json::elements(list).unwrap_or_default() {
            intake.text(element, place.line(element), section, true);
        }
    };
    if let Some(auth_chain) = members.auth_chain {
        section(auth_chain, Section::Outlier);
    }
    let endpoint = if let Some(state) = members.state {
        section(state, Section::JoinState);
        join(members, place, intake);
        "/send_join"
    } else if let Some(pdus) = members.pdus {
        // Of a /state response it is not known where its events belong.
        let of_state = members.auth_chain.is_some();
        section(pdus, if of_state { Section::Outlier } else { Section::Plain });
        match (of_state, members.edus) {
            (true, _) => "/state",
            (false, Some(_)) => "/send",
            (false, None) => "/backfill",
        }
    } else if members.auth_chain.is_some() {
        "/event_auth"
    } else if let Some(events) = members.events {
        section(events, Section::Plain);
        "/get_missing_events"
    } else {
        return Err(something_else(members));
    };
    if let Some(edus) = members.edus {
        let count = json::elements(edus).map_or(0, |edus| edus.len());
        let message = format!("{count} EDUs in `edus` are not read: they are no part of the room's history");
        intake.findings.push(Finding::new(Code::UnreadSection, message).maybe_line(place.line(edus)));
    }
    Ok(endpoint)
}

/// Reads the join event of a `/send_join` response.
fn join(members: &Members<'_>, place: &Place<'_>, intake: &mut Intake) {
    let Some(event) = members.event else {
        let message = "the response has no `event`: which event its `state` belongs to is not known";
        let finding = Finding::new(Code::UnreadSection, message);
        intake.findings.push(finding.remedy("put the join event into the response as `event`"));
        return;
    };
    intake.text(event, place.line(event), Section::Join, true);
    if let Some(raw) = intake.raws.last_mut().filter(|raw| raw.section == Section::Join)
        && members.members_omitted
    {
        raw.recorded.get_or_insert_default().partial_state = true;
        let message = "`members_omitted` is true: the state before the join lacks most memberships";
        let finding = raw.finding(Code::UnreadSection, message);
        intake
            .findings
            .push(finding.remedy("ask for the state without omit_members, or complete it with /state"));
    }
}

fn something_else(members: &Members<'_>) -> NotADump {
    if members.ids_only {
        let message = "the input is a /state_ids response: it names events but holds none".to_owned();
        return NotADump { message, remedy: "ask for /state instead, or dump the events it names" };
    }
    if let Some(code) = members.error {
        let code = json::string(code).unwrap_or_default();
        let message = format!("the input is an error response of a server ({code})");
        return NotADump { message, remedy: "repeat the request" };
    }
    if members.client {
        let message =
            "the input is a response of the client-server API, whose events lack prev_events and auth_events";
        return NotADump { message: message.to_owned(), remedy: GIVE_PDUS };
    }
    let message = "the input is a JSON object, but neither an event, a scenario nor a federation response";
    NotADump { message: message.to_owned(), remedy: GIVE_PDUS }
}
