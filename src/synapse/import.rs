//! One room as JSON Lines: what is there of the room as a whole.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::database::Param;
use super::error::Error;
use super::record::{About, Delta, DeltaRecord, Entry, ServerRecord, write as write_record};
use super::server::Server;

/// How far an import is; another thread may look.
#[derive(Debug, Default)]
pub struct Progress {
    events: AtomicUsize,
    groups: AtomicUsize,
}

impl Progress {
    /// Events read.
    pub fn events(&self) -> usize {
        self.events.load(Ordering::Relaxed)
    }

    /// State groups read; they come first.
    pub fn groups(&self) -> usize {
        self.groups.load(Ordering::Relaxed)
    }

    pub(super) fn event(&self) {
        self.events.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn group(&self) {
        self.groups.fetch_add(1, Ordering::Relaxed);
    }
}

/// What an import wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// Events, all that follow among them.
    pub events: usize,
    /// Events without a place in the DAG.
    pub outliers: usize,
    /// Events that the server rejected.
    pub rejected: usize,
    /// Events that it soft-failed.
    pub soft_failed: usize,
    /// Events without JSON that can be read.
    pub unreadable: usize,
    /// State groups.
    pub state_groups: usize,
}

/// Writes what the server says of the room as a whole.
pub(super) fn server(
    server: &mut Server,
    room_id: &str,
    room_version: Option<&str>,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let asked = [Param(room_id)];
    let mut about = About {
        software: "synapse",
        schema_version: server.schema.version,
        room_id: room_id.to_owned(),
        room_version: room_version.map(str::to_owned),
        ..About::default()
    };
    for (table, ids) in [
        ("event_forward_extremities", &mut about.forward_extremities),
        ("event_backward_extremities", &mut about.backward_extremities),
    ] {
        let sql = format!("SELECT event_id FROM {table} WHERE room_id = $1");
        server.main.rows(&sql, &asked, &mut |row| {
            ids.extend(row.text(0).map(String::from));
            Ok(())
        })?;
        ids.sort();
    }
    let sql = "SELECT type, state_key, event_id FROM current_state_events WHERE room_id = $1";
    let state: &mut Vec<Entry> = &mut about.current_state;
    server.main.stream(sql, &asked, &mut |row| {
        if let (Some(event_type), Some(state_key), Some(event_id)) = (row.text(0), row.text(1), row.text(2)) {
            state.push((event_type.into(), state_key.into(), event_id.into()));
        }
        Ok(())
    })?;
    state.sort();
    if server.schema.has("partial_state_rooms", "room_id") {
        let sql = "SELECT room_id FROM partial_state_rooms WHERE room_id = $1";
        about.partial_state = server.text(sql, &asked)?.is_some();
    }
    Ok(write_record(&ServerRecord { server: about }, out)?)
}

/// The version of the room as the server has it.
pub(super) fn room_version(server: &mut Server, room_id: &str) -> Result<Option<String>, Error> {
    if !server.schema.has("rooms", "room_version") {
        return Ok(None);
    }
    let sql = "SELECT room_version FROM rooms WHERE room_id = $1";
    Ok(server.text(sql, &[Param(room_id)])?.filter(|version| !version.is_empty()))
}

/// Writes what clients were told of changes of the state.
pub(super) fn deltas(server: &mut Server, room_id: &str, out: &mut dyn Write) -> Result<(), Error> {
    const COLUMNS: [&str; 6] = ["stream_id", "room_id", "type", "state_key", "event_id", "prev_event_id"];
    if !server.schema.has_all("current_state_delta_stream", &COLUMNS) {
        return Ok(());
    }
    let sql = "SELECT stream_id, type, state_key, event_id, prev_event_id FROM current_state_delta_stream \
               WHERE room_id = $1 ORDER BY stream_id, type, state_key";
    server.main.stream(sql, &[Param(room_id)], &mut |row| {
        let (Some(stream_id), Some(event_type), Some(state_key)) = (row.int(0), row.text(1), row.text(2))
        else {
            return Ok(());
        };
        let (event_id, prev_event_id) = (row.text(3), row.text(4));
        let state_delta = Delta {
            stream_id,
            event_type: &event_type,
            state_key: &state_key,
            event_id: event_id.as_deref(),
            prev_event_id: prev_event_id.as_deref(),
        };
        Ok(write_record(&DeltaRecord { state_delta }, out)?)
    })
}

#[cfg(test)]
mod tests {
    use super::super::{groups, testing};
    use super::*;

    fn imported(rows: &str) -> (Imported, Vec<String>) {
        let mut out = Vec::new();
        let place = testing::database(rows);
        let mut server = place.server();
        let imported = server.import("!r:x", &mut out, &Progress::default()).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(groups::expand(&text).len() == imported.state_groups);
        (imported, text.lines().map(str::to_owned).collect())
    }

    #[test]
    fn a_room_is_written_with_all_that_is_noted_of_it() {
        let (imported, lines) = imported(
            "INSERT INTO rooms VALUES ('!r:x', '11'), ('!other:x', '1');
             INSERT INTO events (event_id, room_id, stream_ordering, outlier, rejection_reason) VALUES
                 ('$a', '!r:x', 1, 0, NULL), ('$b', '!r:x', -5, 1, 'auth_error'), ('$c', '!r:x', 2, 0, NULL),
                 ('$x', '!other:x', 3, 0, NULL);
             INSERT INTO event_json (event_id, internal_metadata, json) VALUES
                 ('$a', '{}', '{\"a\": 1}'), ('$b', '{\"soft_failed\": true}', ' {\"b\":\n\"\u{2028}\"}\n'),
                 ('$c', '{\"soft_failed\":', '{\"c\": 3}'), ('$x', '{}', '{}');
             INSERT INTO rejections VALUES ('$b', 'oversized_event');
             INSERT INTO event_to_state_groups VALUES ('$a', 7), ('$x', 8);
             INSERT INTO state_groups (id) VALUES (7), (8);
             INSERT INTO redactions VALUES ('$c', '$a', 1), ('$b', '$c', 0), ('$x', '$b', 1);
             INSERT INTO partial_state_rooms VALUES ('!r:x');
             INSERT INTO partial_state_events VALUES ('!r:x', '$c');
             INSERT INTO event_forward_extremities VALUES ('$c', '!r:x'), ('$a', '!r:x'), ('$x', '!other:x');
             INSERT INTO event_backward_extremities VALUES ('$z', '!r:x');
             INSERT INTO current_state_events (event_id, room_id, type, state_key) VALUES
                 ('$c', '!r:x', 'm.b', 'k'), ('$a', '!r:x', 'm.a', ''), ('$x', '!other:x', 'm.a', '');
             INSERT INTO current_state_delta_stream VALUES
                 (9, '!r:x', 'm.b', 'k', NULL, '$a'), (3, '!r:x', 'm.b', 'k', '$a', NULL), (4, '!other:x', '', '', '', '');",
        );
        let expected = [
            r#"{"server":{"software":"synapse","schema_version":94,"room_id":"!r:x","room_version":"11","forward_extremities":["$a","$c"],"backward_extremities":["$z"],"current_state":[["m.a","","$a"],["m.b","k","$c"]],"partial_state":true}}"#,
            r#"{"state_group":7}"#,
            "{\"event_id\":\"$b\",\"room_version\":\"11\",\"stream_ordering\":-5,\"outlier\":true,\"rejected\":\"oversized_event\",\"soft_failed\":true,\"event\":{\"b\": \"\u{2028}\"}}",
            r#"{"event_id":"$a","room_version":"11","stream_ordering":1,"state_group":7,"redacted_by":"$c","censored":true,"event":{"a": 1}}"#,
            r#"{"event_id":"$c","room_version":"11","stream_ordering":2,"partial_state":true,"event":{"c": 3}}"#,
            r#"{"state_delta":{"stream_id":3,"type":"m.b","state_key":"k","event_id":"$a"}}"#,
            r#"{"state_delta":{"stream_id":9,"type":"m.b","state_key":"k","prev_event_id":"$a"}}"#,
        ];
        assert_eq!(lines, expected);
        let counts =
            Imported { events: 3, outliers: 1, rejected: 1, soft_failed: 1, unreadable: 0, state_groups: 1 };
        assert_eq!(imported, counts);
    }

    #[test]
    fn json_that_cannot_be_read_is_said_to_be() {
        let (imported, lines) = imported(
            "INSERT INTO rooms VALUES ('!r:x', NULL);
             INSERT INTO events (event_id, room_id, stream_ordering, outlier) VALUES
                 ('$1', '!r:x', 1, 0), ('$2', '!r:x', 2, 0), ('$3', '!r:x', 3, 0), ('$4', '!r:x', 4, 0),
                 ('$5', '!r:x', 5, 'yes'), (NULL, '!r:x', 6, 0);
             INSERT INTO event_json (event_id, internal_metadata, json) VALUES
                 ('$2', NULL, x'7b22ff22'), ('$3', '{}', '{\"a\":}'), ('$4', '{}', NULL), ('$5', x'7b7d', x'7b7d');",
        );
        let whys: Vec<&str> =
            lines.iter().filter_map(|line| Some(line.split_once("\"unreadable\":\"")?.1)).collect();
        assert_eq!(
            whys,
            [
                "event_json has no row\"}",
                "not UTF-8 from byte 3\"}",
                "not JSON: expected value at line 1 column 6\"}",
                "event_json has no JSON in its row\"}"
            ]
        );
        assert_eq!(lines[5], r#"{"event_id":"$5","stream_ordering":5,"event":{}}"#);
        assert_eq!((imported.events, imported.unreadable), (5, 4));
    }

    #[test]
    fn tables_that_an_older_schema_has_not_are_done_without() {
        let (_, lines) = imported(
            "DROP TABLE partial_state_events; DROP TABLE partial_state_rooms; DROP TABLE redactions;
             DROP TABLE rejections; DROP TABLE current_state_delta_stream;
             ALTER TABLE events DROP COLUMN rejection_reason; UPDATE schema_version SET version = 60;
             INSERT INTO rooms VALUES ('!r:x', '1');
             INSERT INTO events (event_id, room_id, stream_ordering, outlier) VALUES ('$1', '!r:x', 1, 0);
             INSERT INTO event_json (event_id, json) VALUES ('$1', '{}');",
        );
        assert_eq!(lines.len(), 2);
    }
}
