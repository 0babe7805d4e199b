//! The events of a room, with what the server noted of each.
//!
//! They are asked for by their stream orderings, so many at a time: then every database looks them up one by one, however
//! many there are of other rooms. Of one question for a whole room, PostgreSQL may think that it is best answered by
//! reading all of `event_json`.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::io::Write;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::database::{Cell, Param, Row};
use super::error::Error;
use super::import::{Imported, Progress};
use super::record::{EventRecord, write as write_record};
use super::schema::Schema;
use super::server::Server;

/// How many events to ask for at once.
const AT_ONCE: usize = 1_000;

/// By the redacted event: the first redaction of it that the server accepted, and whether content was removed.
type Redactions = HashMap<String, (String, bool)>;

/// What must be known of all events before the first is written.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// Their stream orderings, ascending.
    orderings: Vec<i64>,
    redactions: Redactions,
    /// The state groups that they refer to. (`state_groups_state` has a column for the room, but no index by it.)
    pub(super) groups: BTreeSet<i64>,
}

impl Survey {
    pub(super) fn of(server: &mut Server, room_id: &str) -> Result<Self, Error> {
        let mut survey = Self::default();
        let all = "SELECT stream_ordering FROM events WHERE room_id = $1";
        server.main.stream(all, &[Param(room_id)], &mut |row| {
            survey.orderings.extend(row.int(0));
            Ok(())
        })?;
        survey.orderings.sort_unstable();
        survey.orderings.dedup();
        let sql = survey_query(&server.schema);
        let Self { orderings, redactions, groups } = &mut survey;
        server.main.among(&sql, orderings, AT_ONCE, &mut |row| {
            groups.extend(row.int(0));
            let is_accepted = !row.is_there(4);
            if let (Some(redacted), Some(by), true) = (row.text(1), row.text(2), is_accepted) {
                let redaction = redactions.entry(redacted.into()).or_insert_with(|| (by.into(), false));
                redaction.1 |= row.flag(3);
            }
            Ok(())
        })?;
        Ok(survey)
    }
}

fn survey_query(schema: &Schema) -> String {
    let redactions = schema.has_all("redactions", &["event_id", "redacts"]);
    let rejections = schema.has("rejections", "event_id");
    let (redacts, censored) = match (redactions, schema.has("redactions", "have_censored")) {
        (true, true) => ("d.redacts, d.event_id", "d.have_censored"),
        (true, false) => ("d.redacts, d.event_id", "NULL"),
        (false, _) => ("NULL, NULL", "NULL"),
    };
    format!(
        "SELECT s.state_group, {redacts}, {censored}, {} FROM events e \
         LEFT JOIN event_to_state_groups s ON s.event_id = e.event_id{}{} \
         WHERE e.stream_ordering IN ({{}}) ORDER BY e.stream_ordering",
        if rejections { "r.event_id" } else { "NULL" },
        if redactions { " LEFT JOIN redactions d ON d.event_id = e.event_id" } else { "" },
        if rejections { " LEFT JOIN rejections r ON r.event_id = e.event_id" } else { "" },
    )
}

/// Writes the events in the order in which they came.
pub(super) fn write(
    server: &mut Server,
    room_version: Option<&str>,
    survey: &Survey,
    out: &mut dyn Write,
    progress: &Progress,
) -> Result<Imported, Error> {
    let sql = query(&server.schema);
    let mut imported = Imported::default();
    let mut last = String::new();
    server.main.among(&sql, &survey.orderings, AT_ONCE, &mut |row| {
        let Some(event_id) = row.text(0) else { return Ok(()) };
        // A damaged table may have several rows where the schema has one.
        if last == event_id {
            return Ok(());
        }
        event(&event_id, row, room_version, &survey.redactions, out, &mut imported)?;
        last = event_id.into();
        progress.event();
        Ok(())
    })?;
    Ok(imported)
}

fn query(schema: &Schema) -> String {
    let rejections = schema.has_all("rejections", &["event_id", "reason"]);
    let reason = match (rejections, schema.has("events", "rejection_reason")) {
        (true, true) => "COALESCE(r.reason, e.rejection_reason)",
        (true, false) => "r.reason",
        (false, true) => "e.rejection_reason",
        (false, false) => "NULL",
    };
    let partial = schema.has("partial_state_events", "event_id");
    format!(
        "SELECT e.event_id, e.stream_ordering, e.outlier, {reason}, s.state_group, {}, \
         j.event_id, j.internal_metadata, j.json FROM events e \
         LEFT JOIN event_json j ON j.event_id = e.event_id \
         LEFT JOIN event_to_state_groups s ON s.event_id = e.event_id{}{} \
         WHERE e.stream_ordering IN ({{}}) ORDER BY e.stream_ordering",
        if partial { "p.event_id" } else { "NULL" },
        if rejections { " LEFT JOIN rejections r ON r.event_id = e.event_id" } else { "" },
        if partial { " LEFT JOIN partial_state_events p ON p.event_id = e.event_id" } else { "" },
    )
}

fn event(
    event_id: &str,
    row: &Row<'_>,
    room_version: Option<&str>,
    redactions: &Redactions,
    out: &mut dyn Write,
    imported: &mut Imported,
) -> Result<(), Error> {
    let rejected = row.text(3);
    let redaction = redactions.get(event_id);
    let mut record = EventRecord {
        event_id,
        room_version,
        stream_ordering: row.int(1),
        outlier: row.flag(2),
        rejected: rejected.as_deref(),
        soft_failed: soft_failed(row.cell(7)),
        partial_state: row.is_there(5),
        state_group: row.int(4),
        redacted_by: redaction.map(|(by, _)| &**by),
        censored: redaction.is_some_and(|(_, censored)| *censored),
        ..EventRecord::default()
    };
    imported.events += 1;
    imported.outliers += usize::from(record.outlier);
    imported.rejected += usize::from(record.rejected.is_some());
    imported.soft_failed += usize::from(record.soft_failed);
    match json(row) {
        Ok(event) => {
            record.event = Some(&event);
            write_record(&record, out)?;
        }
        Err(why) => {
            imported.unreadable += 1;
            record.unreadable = Some(&why);
            write_record(&record, out)?;
        }
    }
    Ok(())
}

/// The JSON of an event, in one line.
fn json<'a>(row: &Row<'a>) -> Result<Cow<'a, RawValue>, String> {
    let bytes = match row.cell(8) {
        Cell::Bytes(bytes) => bytes,
        Cell::Null if !row.is_there(6) => return Err("event_json has no row".to_owned()),
        Cell::Null => return Err("event_json has no JSON in its row".to_owned()),
        Cell::Int(_) | Cell::Other => return Err("event_json has something else than text".to_owned()),
    };
    let text = std::str::from_utf8(bytes)
        .map_err(|error| format!("not UTF-8 from byte {}", error.valid_up_to() + 1))?;
    let not_json = |error: serde_json::Error| format!("not JSON: {error}");
    let raw: &RawValue = serde_json::from_str(text).map_err(not_json)?;
    if memchr::memchr(b'\n', raw.get().as_bytes()).is_none() {
        return Ok(Cow::Borrowed(raw));
    }
    // Between tokens, for within a string JSON has none.
    let text = raw.get().replace('\n', " ");
    RawValue::from_string(text).map(Cow::Owned).map_err(not_json)
}

/// What `event_json.internal_metadata` says of an event.
#[derive(Debug, Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    soft_failed: serde_json::Value,
}

/// Whether the metadata say so; wrong JSON says nothing.
fn soft_failed(metadata: Cell<'_>) -> bool {
    let Cell::Bytes(bytes) = metadata else { return false };
    if memchr::memmem::find(bytes, b"soft_failed").is_none() {
        return false;
    }
    serde_json::from_slice::<Metadata>(bytes).is_ok_and(|metadata| metadata.soft_failed == true)
}
