//! What is imported is what the database holds, by whatever engine and in whatever types.

use std::fs;
use std::io::Read as _;

use flate2::read::GzDecoder;
use hindsight::dump::{self, Options};
use postgres::Client;
use rusqlite::types::Value as Cell;
use serde_json::Value;

use crate::Server;
use crate::program::stdout;
use crate::shared::shared;
use crate::stream::Stream;
use crate::synapse::{Database, TABLES, fixture};

const ROOMS: [(&str, &str); 3] = [
    ("nojoin", "!RpKrscTDVyLTPLVhoV:alpha.test"),
    ("hostile12", "!uyrjG7oNKuKkhL_gh33Y2NRCAgnAIJF1w1r3HETjMN0"),
    ("unpartialled", "!gHDBEZLHflQMBmakaM:alpha.test"),
];

fn import(source: &str, room_id: &str) -> Vec<u8> {
    stdout(&["import", source, "--room", room_id])
}

#[test]
fn the_database_kept_is_imported_as_its_tables_say() {
    let Some(server) = Server::get() else { return };
    for (label, room_id) in ROOMS {
        let truth = fixture().with_file_name(format!("{label}.beta.truth.tsv"));
        let stream = Stream::read(import(&server.source(), room_id));
        stream.agrees_with(&fs::read_to_string(truth).unwrap(), label);
    }
}

#[test]
fn a_whole_server_is_imported_as_it_is() {
    let (Some(server), Some(real)) = (Server::get(), shared("real")) else { return };
    let unpacked = |path: String| {
        let mut bytes = Vec::new();
        match fs::read(real.join(&path)) {
            Ok(plain) => bytes = plain,
            Err(_) => {
                let packed = fs::File::open(real.join(format!("{path}.gz"))).unwrap();
                GzDecoder::new(packed).read_to_end(&mut bytes).unwrap();
            }
        }
        bytes
    };
    let source = server.url("reader", "beta");
    let labels: Vec<Value> = serde_json::from_slice(&unpacked("rooms.json".into())).unwrap();
    let listed: Vec<Value> =
        serde_json::from_slice(&stdout(&["rooms", &source, "--format", "json"])).unwrap();
    for entry in &labels {
        let (label, room_id) = (entry["label"].as_str().unwrap(), entry["room_id"].as_str().unwrap());
        let stream = Stream::read(import(&source, room_id));
        let truth = unpacked(format!("rooms/{label}/beta.truth.tsv"));
        stream.agrees_with(std::str::from_utf8(&truth).unwrap(), label);
        let events = unpacked(format!("rooms/{label}/beta.events.ndjson"));
        let plain = dump::load(&events, &Options::default()).unwrap();
        stream.replays_as(&plain, label);
        let row = listed.iter().find(|row| row["room_id"] == room_id).unwrap();
        let counted = unpacked(format!("rooms/{label}/beta.stats.json"));
        stream.is_as_counted(row, &serde_json::from_slice(&counted).unwrap(), label);
    }
}

/// A copy of the tables on SQLite.
fn on_sqlite(client: &mut Client, folder: &tempfile::TempDir) -> String {
    let path = folder.path().join("copy.db");
    let database = Database::create(&path).unwrap();
    let connection = &database.connection;
    connection.execute_batch("DELETE FROM schema_version; DELETE FROM schema_compat_version").unwrap();
    for table in TABLES {
        let columns: Vec<(String, bool)> = connection
            .prepare(&format!("SELECT name, type LIKE 'BOOL%' FROM pragma_table_info('{table}')"))
            .unwrap()
            .query_map((), |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let of_postgres: Vec<String> = columns
            .iter()
            .map(|(name, is_bool)| {
                if *is_bool {
                    format!("\"{}\"::int::text", name.to_lowercase())
                } else {
                    format!("\"{}\"::text", name.to_lowercase())
                }
            })
            .collect();
        let holes = vec!["?"; columns.len()].join(", ");
        let mut insert = connection.prepare(&format!("INSERT INTO {table} VALUES ({holes})")).unwrap();
        for row in client.query(&format!("SELECT {} FROM {table}", of_postgres.join(", ")), &[]).unwrap() {
            let cells = (0..columns.len())
                .map(|column| row.get::<_, Option<String>>(column).map_or(Cell::Null, Cell::Text));
            insert.execute(rusqlite::params_from_iter(cells)).unwrap();
        }
    }
    database.finish().unwrap();
    format!("synapse:{}", path.to_str().unwrap())
}

#[test]
fn both_engines_give_the_same_to_the_byte() {
    let Some(server) = Server::get() else { return };
    let folder = tempfile::tempdir().unwrap();
    let sqlite = on_sqlite(&mut server.connect("reader", "synapse"), &folder);
    for (_, room_id) in ROOMS {
        let [a, b] =
            [&sqlite, &server.source()].map(|source| String::from_utf8(import(source, room_id)).unwrap());
        for (a, b) in a.lines().zip(b.lines()) {
            assert_eq!(a, b);
        }
        assert_eq!(a.len(), b.len());
    }
    let [a, b] = [&sqlite, &server.source()].map(|source| {
        serde_json::from_slice::<Value>(&stdout(&["rooms", source, "--format", "json"])).unwrap()
    });
    assert_eq!(a, b);
}

/// A schema of the database that was made for this, and the URL by which it is the one that is seen.
fn schema(server: &Server, name: &str, json: &str, metadata: &str) -> String {
    let mut admin = server.connect("admin", "synapse");
    let mut sql = format!("DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name};");
    for table in TABLES.iter().filter(|table| **table != "event_json") {
        sql += &format!("CREATE VIEW {name}.{table} AS SELECT * FROM public.{table};");
    }
    sql += &format!(
        "CREATE TABLE {name}.event_json AS SELECT event_id, room_id, {metadata} AS internal_metadata, {json} AS json,
           format_version FROM public.event_json;
         CREATE VIEW {name}.state_groups_pending_deletion AS SELECT * FROM public.state_groups_pending_deletion;
         GRANT USAGE ON SCHEMA {name} TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA {name} TO reader;"
    );
    admin.batch_execute(&sql).unwrap();
    format!("{}?options=-csearch_path%3D{name}", server.source())
}

/// `jsonb` has its own order of members and its own spaces, `bytea` no encoding.
#[test]
fn json_may_be_of_any_type() {
    let Some(server) = Server::get() else { return };
    for (name, json, metadata) in [
        ("as_jsonb", "json::jsonb", "internal_metadata::jsonb"),
        ("as_json", "json::json", "internal_metadata::json"),
        ("as_bytea", "convert_to(json, 'UTF8')", "convert_to(internal_metadata, 'UTF8')"),
    ] {
        let source = schema(&server, name, json, metadata);
        for (label, room_id) in ROOMS {
            let [there, here] =
                [&source, &server.source()].map(|source| Stream::read(import(source, room_id)));
            assert_eq!(there.events, here.events, "{name} {label}");
            let truth = fixture().with_file_name(format!("{label}.beta.truth.tsv"));
            there.agrees_with(&fs::read_to_string(truth).unwrap(), name);
        }
        let [there, here] = [&source, &server.source()].map(|source| stdout(&["rooms", source]));
        assert_eq!(String::from_utf8(there), String::from_utf8(here), "{name}");
    }
}

#[test]
fn bytes_that_are_no_text_are_findings() {
    let Some(server) = Server::get() else { return };
    let json = "CASE WHEN event_id = (SELECT max(event_id) FROM public.event_json WHERE room_id LIKE '!Rp%')
                THEN '\\x7b22ff227d'::bytea ELSE convert_to(json, 'UTF8') END";
    let source = schema(&server, "no_text", json, "'\\xff'::bytea");
    let stream = Stream::read(import(&source, ROOMS[0].1));
    let unreadable: Vec<&Value> =
        stream.events.iter().filter(|record| record["unreadable"].is_string()).collect();
    let [record] = unreadable[..] else { panic!("{unreadable:?}") };
    assert!(record["unreadable"].as_str().unwrap().contains("UTF-8"), "{record}");
    stdout(&["rooms", &source]);
}

/// Even by those who may write.
#[test]
fn nothing_is_written() {
    let Some(server) = Server::get() else { return };
    let mut admin = server.connect("admin", "synapse");
    let mut rows = || -> Vec<(String, String)> {
        let mut sums = Vec::new();
        for table in TABLES {
            let sum = format!(
                "SELECT coalesce(md5(string_agg(t::text || ctid || xmin, '' ORDER BY ctid)), '') FROM public.{table} t"
            );
            sums.push((table.to_owned(), admin.query_one(&sum, &[]).unwrap().get(0)));
        }
        sums
    };
    let before = rows();
    let source = server.url("synapse", "synapse");
    for (_, room_id) in ROOMS {
        import(&source, room_id);
        stdout(&["inspect", &source, "--room", room_id]);
    }
    stdout(&["rooms", &source]);
    assert_eq!(before, rows());
}
