//! Events as JSON, one a line.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::value::RawValue;

use super::harmless::escape_json;
use crate::event::{Event, json};
use crate::room::{EventIx, Recorded, Room};

/// Writes all events, one a line, parents first. With `records`, what a server noted of them is kept.
///
/// # Errors
/// If `out` fails.
pub fn write(room: &Room, records: bool, out: &mut impl Write) -> io::Result<()> {
    for ix in room.events() {
        out.write_all(line(room, ix, records).as_bytes())?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// An event in federation format with its `event_id`, on one line. With `records`, in a record where there is something
/// to record.
pub(super) fn line(room: &Room, ix: EventIx, records: bool) -> String {
    let pdu = with_id(room.event(ix));
    let text = if records && *room.recorded(ix) != Recorded::default() {
        record(room.id(ix), room.recorded(ix), &pdu)
    } else {
        pdu.into_owned()
    };
    escape_json(&text).into_owned()
}

/// The event as it was given, its ID put in.
fn with_id(event: &Event) -> Cow<'_, str> {
    // White space between the tokens is the only place for a line break in JSON.
    let given = event.json();
    let line = if given.contains(['\n', '\r']) {
        Cow::Owned(given.replace(['\n', '\r'], " "))
    } else {
        Cow::Borrowed(given)
    };
    let told = json::pick(given, ["event_id"]).ok().and_then(|[id]| id);
    match told.map(json::string) {
        Some(Some(id)) if id == event.id() => line,
        None => match line.trim_ascii_start().strip_prefix('{') {
            Some(rest) if rest.trim_ascii_start().starts_with('}') => line,
            Some(rest) => Cow::Owned(format!("{{\"event_id\":{},{rest}", json::quote(event.id()))),
            None => line,
        },
        // Another ID stands there: the record around the event, or the rules, said otherwise.
        Some(_) => match json::members(&line) {
            Ok(members) => {
                let others = members.iter().filter(|(name, _)| &***name != "event_id");
                let others: String =
                    others.map(|(name, json)| format!(",{}:{json}", json::quote(name))).collect();
                Cow::Owned(format!("{{\"event_id\":{}{others}}}", json::quote(event.id())))
            }
            Err(_) => line.clone(),
        },
    }
}

fn record(id: &str, recorded: &Recorded, pdu: &str) -> String {
    #[derive(Serialize)]
    struct Record<'a> {
        event_id: &'a str,
        outlier: bool,
        rejected: Option<&'a str>,
        soft_failed: bool,
        partial_state: bool,
        event: &'a RawValue,
    }
    serde_json::from_str(pdu)
        .and_then(|event| {
            serde_json::to_string(&Record {
                event_id: id,
                outlier: recorded.outlier,
                rejected: recorded.rejected.as_deref(),
                soft_failed: recorded.soft_failed,
                partial_state: recorded.partial_state,
                event,
            })
        })
        .unwrap_or_else(|_| pdu.to_owned())
}
