//! Databases in which something is wrong: refused with a word on what to do, or read as far as they go. Never a crash.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hindsight::dump::Holes;
use hindsight::generate::Rng;
use hindsight::report::Code;
use rusqlite::Connection;

use crate::program::{refusal, run, stderr, stdout};
use crate::stream::Stream;
use crate::synapse::fixture;

const ROOM: &str = "!RpKrscTDVyLTPLVhoV:alpha.test";

/// A copy of the database kept with the project, in a folder of its own.
struct Copy {
    folder: tempfile::TempDir,
}

impl Copy {
    fn new() -> Self {
        let copy = Self { folder: tempfile::tempdir().unwrap() };
        fs::copy(fixture(), copy.path()).unwrap();
        copy
    }

    /// A copy on which this was done.
    fn with(sql: &str) -> Self {
        let copy = Self::new();
        copy.change(sql);
        copy
    }

    fn change(&self, sql: &str) {
        let connection = Connection::open(self.path()).unwrap();
        connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
        connection.execute_batch(sql).unwrap();
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("homeserver.db")
    }

    fn source(&self) -> String {
        format!("synapse:{}", self.path().to_str().unwrap())
    }

    /// Why it is not read.
    fn refused(&self) -> String {
        let source = self.source();
        let text = refusal(&run(&["import", &source, "--room", ROOM]));
        for arguments in [&["rooms", &source][..], &["inspect", &source, "--room", ROOM]] {
            refusal(&run(arguments));
        }
        assert_eq!(
            fs::read_dir(self.folder.path())
                .unwrap()
                .filter(|entry| is_rest(entry.as_ref().unwrap()))
                .count(),
            0
        );
        text
    }

    fn imported(&self) -> Stream {
        Stream::read(stdout(&["import", &self.source(), "--room", ROOM]))
    }
}

/// Something that an import would leave behind.
fn is_rest(entry: &fs::DirEntry) -> bool {
    !entry.file_name().to_str().unwrap().starts_with("homeserver.db")
}

fn refused(path: &Path) -> String {
    refusal(&run(&["import", &format!("synapse:{}", path.to_str().unwrap()), "--room", ROOM]))
}

#[test]
fn what_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let whole = fs::read(fixture()).unwrap();
    for (name, bytes) in [
        ("empty", &[][..]),
        ("text", b"{\"event_id\": \"$a\"}\n"),
        ("header", &whole[..16]),
        ("header-and-a-bit", &whole[..100]),
        ("first-page", &whole[..512]),
        ("half", &whole[..whole.len() / 2]),
        ("all-but-a-page", &whole[..whole.len() - 512]),
        ("all-but-a-byte", &whole[..whole.len() - 1]),
    ] {
        let text = refused(&file(name, bytes));
        assert!(text.contains(name), "{text}");
    }
    assert!(refused(&file("cut", &whole[..whole.len() / 3])).contains("cut off"), "it says what happened");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, &whole).unwrap();
    let text = refused(&file("packed.gz", &packed.finish().unwrap()));
    assert!(text.contains("decompress"), "{text}");
    let text = refused(&folder.path().join("nothing"));
    assert!(text.to_lowercase().contains("no such file"), "{text}");
    refused(folder.path());
    let dump = fixture().with_file_name("postgres.sql");
    assert!(refused(&dump).contains("pg_dump"), "it says what it is");
}

#[test]
fn databases_of_others_are_refused() {
    for (sql, word) in [
        ("CREATE TABLE photos (id INTEGER)", "photos"),
        ("CREATE TABLE roomserver_events (event_nid INTEGER)", "Dendrite"),
        ("PRAGMA user_version = 7", "no table"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other.db");
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let text = refused(&path);
        assert!(text.contains(word), "{text}");
    }
}

#[test]
fn a_schema_that_does_not_suffice_is_refused_by_name() {
    for (sql, words) in [
        ("UPDATE schema_version SET version = 59", &["59", "60"][..]),
        ("DROP TABLE state_group_edges", &["table `state_group_edges` is missing"]),
        ("DROP TABLE event_json", &["table `event_json` is missing"]),
        ("ALTER TABLE event_json RENAME COLUMN json TO jason", &["column `json`", "`event_json`"]),
        (
            "ALTER TABLE state_groups_state RENAME COLUMN event_id TO e",
            &["column `event_id`", "`state_groups_state`"],
        ),
    ] {
        let copy = Copy::with(sql);
        let text = refusal(&run(&["import", &copy.source(), "--room", ROOM]));
        assert!(words.iter().all(|word| text.contains(word)), "{sql}: {text}");
    }
    for version in [60, 94, 95, 1_000_000] {
        let copy = Copy::with(&format!("UPDATE schema_version SET version = {version}"));
        let output = run(&["import", &copy.source(), "--room", ROOM]);
        assert!(output.status.success(), "{version}: {}", stderr(&output));
        assert_eq!(stderr(&output).contains("newer"), version > 94, "{}", stderr(&output));
    }
}

/// Schemas have tables and columns fewer and more over the years.
#[test]
fn optional_tables_and_columns_may_be_absent() {
    let whole = Copy::new().imported();
    for sql in [
        "DROP TABLE partial_state_events; DROP TABLE partial_state_rooms",
        "DROP TABLE current_state_delta_stream",
        "DROP TABLE room_stats_state; DROP TABLE room_stats_current; DROP TABLE room_aliases",
        "ALTER TABLE redactions RENAME COLUMN have_censored TO x",
        "DROP TABLE redactions",
        "ALTER TABLE event_edges RENAME COLUMN is_state TO x",
        "ALTER TABLE events RENAME COLUMN rejection_reason TO x",
        "ALTER TABLE current_state_events RENAME COLUMN membership TO x",
    ] {
        let copy = Copy::with(sql);
        let stream = copy.imported();
        assert_eq!(stream.events.len(), whole.events.len(), "{sql}");
        assert_eq!(stream.group_count(), whole.group_count(), "{sql}");
        stdout(&["rooms", &copy.source()]);
        for record in &stream.events {
            let same = whole.event(record["event_id"].as_str().unwrap());
            assert_eq!(record["rejected"], same["rejected"], "{sql}");
        }
    }
}

/// A file that somebody writes to, or that was not closed, is read wrongly or not at all.
#[test]
fn a_database_in_use_is_refused() {
    let copy = Copy::new();
    let connection = Connection::open(copy.path()).unwrap();
    connection.busy_timeout(Duration::ZERO).unwrap();
    connection.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let text = copy.refused();
    assert!(text.contains("lock") && text.contains(".backup"), "{text}");
    connection.execute_batch("UPDATE rooms SET is_public = 1; COMMIT").unwrap();
    copy.imported();

    connection.query_row("PRAGMA journal_mode = WAL", (), |_| Ok(())).unwrap();
    connection.execute_batch("UPDATE rooms SET is_public = 0").unwrap();
    let text = copy.refused();
    assert!(text.contains("-wal") && text.contains(".backup"), "{text}");
    drop(connection);
    // Closed, the log is part of the file again.
    copy.imported();

    let copy = Copy::new();
    fs::write(
        copy.folder.path().join("homeserver.db-journal"),
        b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7 and so on",
    )
    .unwrap();
    assert!(copy.refused().contains("-journal"));
    fs::write(copy.folder.path().join("homeserver.db-journal"), b"").unwrap();
    copy.imported();
}

#[test]
fn nothing_is_written() {
    let copy = Copy::new();
    let before = (fs::read(copy.path()).unwrap(), copy.path().metadata().unwrap().modified().unwrap());
    let mut permissions = fs::metadata(copy.path()).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(copy.path(), permissions).unwrap();
    copy.imported();
    stdout(&["rooms", &copy.source()]);
    stdout(&["inspect", &copy.source(), "--room", ROOM]);
    let after = (fs::read(copy.path()).unwrap(), copy.path().metadata().unwrap().modified().unwrap());
    assert!(before == after);
    assert_eq!(fs::read_dir(copy.folder.path()).unwrap().count(), 1);
}

#[test]
fn a_version_that_is_not_noted_is_that_of_the_create_event() {
    let copy = Copy::with("UPDATE rooms SET room_version = NULL");
    let stream = copy.imported();
    assert!(stream.server["room_version"].is_null());
    assert_eq!(stream.load(Holes::Stored).room.rules().id, "11");
    let rooms = String::from_utf8(stdout(&["rooms", &copy.source()])).unwrap();
    assert!(rooms.contains("no room version"), "{rooms}");
    // And of a room that only its events know.
    let copy = Copy::with("DELETE FROM rooms");
    assert_eq!(copy.imported().load(Holes::Stored).room.rules().id, "11");
}

#[test]
fn events_that_cannot_be_read_are_findings() {
    let whole = Copy::new().imported();
    let last = "(SELECT event_id FROM events WHERE type = 'm.room.join_rules' AND room_id LIKE '!Rp%' ORDER BY stream_ordering DESC LIMIT 1)";
    for (sql, word) in [
        (format!("DELETE FROM event_json WHERE event_id = {last}"), "no row"),
        (
            format!(
                "UPDATE event_json SET json = x'7b22636f6e74656e74223a22fffe227d' WHERE event_id = {last}"
            ),
            "UTF-8",
        ),
        (format!("UPDATE event_json SET json = '{{\"content\": {{' WHERE event_id = {last}"), "JSON"),
        (format!("UPDATE event_json SET json = '' WHERE event_id = {last}"), "JSON"),
    ] {
        let copy = Copy::with(&sql);
        let stream = copy.imported();
        assert_eq!(stream.events.len(), whole.events.len());
        let broken: Vec<_> = stream.events.iter().filter(|record| record["event"].is_null()).collect();
        let [record] = &broken[..] else { panic!("{sql}: {broken:?}") };
        assert!(record["unreadable"].as_str().unwrap().contains(word), "{record}");
        let dump = stream.load(Holes::Stored);
        assert_eq!(dump.room.len(), whole.events.len() - 1);
        let id = record["event_id"].as_str().unwrap();
        let told = |finding: &hindsight::report::Finding| {
            finding.code == Code::MalformedEvent && finding.event.as_deref() == Some(id)
        };
        assert!(dump.findings.iter().any(told), "{:?}", dump.findings);
        let output = run(&["inspect", &copy.source(), "--room", ROOM]);
        assert_ne!(output.status.code(), Some(101), "{}", stderr(&output));
    }
}

/// Spaces, line breaks and the order of members are the database's business.
#[test]
fn json_may_be_written_in_any_manner() {
    let whole = Copy::new().imported();
    let copy = Copy::new();
    let connection = Connection::open(copy.path()).unwrap();
    let mut statement = connection.prepare("SELECT event_id, json FROM event_json").unwrap();
    let events: Vec<(String, String)> =
        statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
    for (number, (id, json)) in events.iter().enumerate() {
        // serde_json sorts the members.
        let value: serde_json::Value = serde_json::from_str(json).unwrap();
        let pretty = serde_json::to_string_pretty(&value)
            .unwrap()
            .replace('\n', if number % 2 == 0 { "\n" } else { "\r\n" });
        let bytes: &dyn rusqlite::ToSql = if number % 3 == 0 { &pretty.as_bytes() } else { &pretty };
        connection
            .execute("UPDATE event_json SET json = ? WHERE event_id = ?", rusqlite::params![bytes, id])
            .unwrap();
    }
    drop(statement);
    drop(connection);
    let stream = copy.imported();
    for record in &stream.events {
        assert_eq!(record["event"], whole.event(record["event_id"].as_str().unwrap())["event"]);
    }
    stream.replays_as(&whole.load(Holes::Unknown), "json in another manner");
}

#[test]
fn internal_metadata_need_not_be_json() {
    for metadata in ["", "null", "[]", "{\"soft_failed\": 3}", "{\"soft_failed\": \"yes\"}", "{"] {
        let copy = Copy::with(&format!("UPDATE event_json SET internal_metadata = '{metadata}'"));
        assert!(copy.imported().events.iter().all(|record| record["soft_failed"].is_null()), "{metadata}");
    }
    let copy = Copy::with("UPDATE event_json SET internal_metadata = '{ \"soft_failed\" :\n true }'");
    assert!(copy.imported().events.iter().all(|record| record["soft_failed"] == true));
}

/// The states that hang on a broken state group are unknown, and the rest is not.
#[test]
fn broken_state_groups_are_findings() {
    let groups = "(SELECT id FROM state_groups WHERE room_id LIKE '!Rp%' ORDER BY id LIMIT 1 OFFSET 40)";
    for (sql, is_wrong) in [
        (
            format!(
                "UPDATE state_group_edges SET prev_state_group = (SELECT max(id) FROM state_groups WHERE room_id LIKE '!Rp%') WHERE state_group = {groups}"
            ),
            true,
        ),
        (
            format!(
                "UPDATE state_group_edges SET prev_state_group = state_group WHERE state_group = {groups}"
            ),
            true,
        ),
        (
            format!(
                "DELETE FROM state_groups WHERE id = {groups}; DELETE FROM state_groups_state WHERE state_group = {groups}"
            ),
            false,
        ),
        (
            format!(
                "UPDATE state_group_edges SET prev_state_group = 9223372036854775807 WHERE state_group = {groups}"
            ),
            true,
        ),
        (
            format!(
                "UPDATE state_group_edges SET prev_state_group = -9223372036854775808 WHERE state_group = {groups}"
            ),
            true,
        ),
        ("UPDATE event_to_state_groups SET state_group = 9223372036854775807".to_owned(), true),
        ("UPDATE event_to_state_groups SET state_group = 'many'".to_owned(), false),
        ("UPDATE state_groups_state SET event_id = '$nobody' WHERE type = 'm.room.topic'".to_owned(), false),
        (
            "DELETE FROM state_groups; DELETE FROM state_group_edges; DELETE FROM state_groups_state"
                .to_owned(),
            true,
        ),
    ] {
        let copy = Copy::with(&sql);
        for command in ["import", "inspect", "replay", "diagnose"] {
            let output = run(&[command, &copy.source(), "--room", ROOM]);
            assert!(
                matches!(output.status.code(), Some(0 | 1)),
                "{command} after {sql}: {}",
                stderr(&output)
            );
        }
        let bytes = stdout(&["import", &copy.source(), "--room", ROOM]);
        let dump = hindsight::dump::load(&bytes, &hindsight::dump::Options::default()).unwrap();
        assert_eq!(dump.room.len(), 104, "{sql}");
        let told = dump.findings.iter().any(|finding| finding.code == Code::BadStoredState);
        assert!(told || !is_wrong, "{sql}: {:?}", dump.findings);
    }
}

/// Values that no server writes: `NULL`, other types, the greatest numbers, text of any length. The constraints of the tables
/// are gone.
#[test]
fn strange_values_do_no_harm() {
    let values = [
        "NULL",
        "0",
        "-1",
        "9223372036854775807",
        "-9223372036854775808",
        "1e300",
        "''",
        "'x'",
        "x'00'",
        "x'ff'",
        "'$'",
        "char(0)",
        "printf('%.*c', 100000, 'a')",
        "'{}'",
        "'[]'",
        "char(10)",
    ];
    let tables = [
        "events",
        "event_json",
        "rooms",
        "event_to_state_groups",
        "state_groups",
        "state_groups_state",
        "state_group_edges",
        "current_state_events",
        "event_forward_extremities",
        "event_backward_extremities",
        "rejections",
        "redactions",
        "current_state_delta_stream",
        "partial_state_events",
        "schema_version",
        "room_stats_state",
        "event_edges",
    ];
    let loose = Copy::new();
    let connection = Connection::open(loose.path()).unwrap();
    connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    let triggers: Vec<String> = connection
        .prepare("SELECT 'DROP TRIGGER ' || name FROM sqlite_master WHERE type = 'trigger'")
        .unwrap()
        .query_map((), |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    connection.execute_batch(&triggers.join(";")).unwrap();
    let mut columns = Vec::new();
    for table in tables {
        connection
            .execute_batch(&format!("CREATE TABLE loose AS SELECT * FROM {table}; DROP TABLE {table}; ALTER TABLE loose RENAME TO {table}"))
            .unwrap();
        let mut names =
            connection.prepare(&format!("SELECT name FROM pragma_table_info('{table}')")).unwrap();
        columns.extend(
            names
                .query_map((), |row| row.get(0))
                .unwrap()
                .map(|name: Result<String, _>| (table, name.unwrap())),
        );
    }
    drop(connection);
    let mut rng = Rng::new(1);
    for (number, (table, column)) in columns.iter().enumerate() {
        let copy = Copy::new();
        fs::copy(loose.path(), copy.path()).unwrap();
        let value = values[number % values.len()];
        // One row, or all.
        let which = match rng.below(3) {
            0 => String::new(),
            _ => format!("WHERE rowid % 97 = {}", rng.below(97)),
        };
        let sql = format!("UPDATE {table} SET {column} = {value} {which}");
        copy.change(&sql);
        for arguments in [
            &["rooms"][..],
            &["import", "--room", ROOM],
            &["inspect", "--room", ROOM],
            &["diagnose", "--room", ROOM],
        ] {
            let source = copy.source();
            let output = run(&[&arguments[..1], &[&*source], &arguments[1..]].concat());
            assert!(
                matches!(output.status.code(), Some(0..=2)),
                "{arguments:?} after {sql}: {}",
                stderr(&output)
            );
        }
    }
}

/// Bytes that the disk lost.
#[test]
fn damaged_files_do_no_harm() {
    let whole = fs::read(fixture()).unwrap();
    let copy = Copy::new();
    for seed in 1..=60 {
        let mut rng = Rng::new(seed);
        let mut bytes = whole.clone();
        for _ in 0..rng.within(1, 400) {
            let place = rng.below(bytes.len());
            bytes[place] = rng.below(256) as u8;
        }
        fs::write(copy.path(), bytes).unwrap();
        for arguments in [&["rooms"][..], &["import", "--room", ROOM]] {
            let source = copy.source();
            let output = run(&[&arguments[..1], &[&*source], &arguments[1..]].concat());
            assert!(matches!(output.status.code(), Some(0 | 2)), "seed {seed}: {}", stderr(&output));
        }
    }
}
