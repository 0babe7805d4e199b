//! Records of a server's database that are no events: about the room, its state groups, what clients were told.

use serde::Deserialize;

use crate::event::room_version::Rules;
use crate::report::{Code, Finding};
use crate::room::{GroupRecord, ServerNotes, ServerRecords, StateDelta, StateEntry};

/// A record; which it is, its members tell.
#[derive(Deserialize)]
struct Record {
    server: Option<Notes>,
    state_delta: Option<Delta>,
    unreadable: Option<Box<str>>,
    event_id: Option<Box<str>>,
    state_group: Option<i64>,
    prev_state_group: Option<i64>,
    base: Option<i64>,
    #[serde(default)]
    state: Vec<StateEntry>,
    #[serde(default)]
    without: Vec<(Box<str>, Box<str>)>,
}

#[derive(Deserialize)]
struct Notes {
    schema_version: Option<i64>,
    room_version: Option<Box<str>>,
    #[serde(default)]
    forward_extremities: Vec<Box<str>>,
    #[serde(default)]
    backward_extremities: Vec<Box<str>>,
    #[serde(default)]
    current_state: Vec<StateEntry>,
    #[serde(default)]
    partial_state: bool,
}

#[derive(Deserialize)]
struct Delta {
    stream_id: i64,
    #[serde(rename = "type")]
    event_type: Box<str>,
    state_key: Box<str>,
    event_id: Option<Box<str>>,
    prev_event_id: Option<Box<str>>,
}

/// Reads a record, which is a JSON object.
///
/// # Errors
/// If it is not of one of the forms, or says that the server has an event that cannot be read.
pub(super) fn read(text: &str, server: &mut ServerRecords) -> Result<(), Finding> {
    let record: Record = serde_json::from_str(text).map_err(|error| {
        let text = error.to_string();
        // Lines inside the record would be taken for lines of the file.
        let (reason, _) = text.rsplit_once(" at line ").unwrap_or((&text, ""));
        Finding::new(
            Code::BadStoredState,
            format!("a record of a server's database cannot be read: {reason}"),
        )
    })?;
    if let Some(why) = record.unreadable {
        let finding = Finding::new(Code::MalformedEvent, format!("the server's database has it, but {why}"));
        return Err(record.event_id.into_iter().fold(finding, Finding::event));
    }
    if let Some(notes) = record.server {
        server.notes = Some(notes.into());
    } else if let Some(delta) = record.state_delta {
        let Delta { stream_id, event_type, state_key, event_id, prev_event_id } = delta;
        server.deltas.push(StateDelta { stream_id, event_type, state_key, event_id, prev_event_id });
    } else if let Some(number) = record.state_group {
        let Record { prev_state_group: prev, base, state: entries, without, .. } = record;
        server.groups.push(GroupRecord { number, prev, base, entries, without });
    }
    Ok(())
}

/// What the server notes of the room's version, where it is not what the room is read as.
pub(super) fn odd_version(server: &ServerRecords, rules: &Rules) -> Option<Finding> {
    let notes = server.notes.as_ref()?;
    let message = match notes.room_version.as_deref() {
        None => format!("the server's database notes no version of the room: read as version {}", rules.id),
        Some(noted) if noted != rules.id => {
            format!("the server's database notes room version {noted:?}: read as {}", rules.id)
        }
        Some(_) => return None,
    };
    Some(Finding::new(Code::OddField, message).remedy("another one can be named with --room-version"))
}

impl From<Notes> for ServerNotes {
    fn from(notes: Notes) -> Self {
        let sorted = |mut ids: Vec<Box<str>>| {
            ids.sort_unstable();
            ids
        };
        Self {
            schema_version: notes.schema_version,
            room_version: notes.room_version,
            forward_extremities: sorted(notes.forward_extremities),
            backward_extremities: sorted(notes.backward_extremities),
            current_state: notes.current_state,
            partial_state: notes.partial_state,
        }
    }
}
