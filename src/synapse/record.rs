//! The records that an import writes, one a line; members that are false, null or empty are left out.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::value::RawValue;

/// `[type, state_key, event_id]`
pub(super) type Entry = (String, String, String);

/// What the server says of the room as a whole.
#[derive(Debug, Default, Serialize)]
pub(super) struct ServerRecord {
    pub(super) server: About,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct About {
    pub(super) software: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) schema_version: Option<i64>,
    pub(super) room_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) room_version: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) forward_extremities: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) backward_extremities: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) current_state: Vec<Entry>,
    #[serde(skip_serializing_if = "is_false")]
    pub(super) partial_state: bool,
}

/// A state group: a whole state, what differs from that of another one, or from the one it was built on.
#[derive(Debug, Default, Serialize)]
pub(super) struct GroupRecord<'a> {
    pub(super) state_group: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) prev_state_group: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) base: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) state: Vec<(&'a str, &'a str, &'a str)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) without: Vec<(&'a str, &'a str)>,
}

/// An event, with what the server noted of it.
#[derive(Debug, Default, Serialize)]
pub(super) struct EventRecord<'a> {
    pub(super) event_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) room_version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stream_ordering: Option<i64>,
    #[serde(skip_serializing_if = "is_false")]
    pub(super) outlier: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rejected: Option<&'a str>,
    #[serde(skip_serializing_if = "is_false")]
    pub(super) soft_failed: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub(super) partial_state: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) state_group: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) redacted_by: Option<&'a str>,
    #[serde(skip_serializing_if = "is_false")]
    pub(super) censored: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unreadable: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) event: Option<&'a RawValue>,
}

/// A change of the state that clients were told of.
#[derive(Debug, Serialize)]
pub(super) struct DeltaRecord<'a> {
    pub(super) state_delta: Delta<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct Delta<'a> {
    pub(super) stream_id: i64,
    #[serde(rename = "type")]
    pub(super) event_type: &'a str,
    pub(super) state_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) event_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) prev_event_id: Option<&'a str>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "so serde calls it")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// Writes a record and ends the line.
pub(super) fn write(record: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, record)?;
    out.write_all(b"\n")
}
