//! What is imported is what the database holds.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use hindsight::auth::Profile;
use hindsight::dump::{self, Dump, Options};
use hindsight::event::room_version::Rules;
use hindsight::generate::{Mode, Plan, generate};
use rusqlite::Connection;
use serde_json::Value;

use crate::program::{hindsight, refusal, run, stderr, stdout, transcript};
use crate::shared::shared;
use crate::stream::Stream;
use crate::synapse::{Database, fixture};

/// The rooms of a database, as `hindsight rooms` lists them.
fn rooms(source: &str) -> Vec<Value> {
    serde_json::from_slice(&stdout(&["rooms", source, "--format", "json"])).unwrap()
}

fn import(source: &str, room_id: &str) -> Stream {
    Stream::read(stdout(&["import", source, "--room", room_id]))
}

fn source(path: &Path) -> String {
    format!("synapse:{}", path.to_str().unwrap())
}

#[test]
fn the_databases_kept_are_imported_as_their_tables_say() {
    for (file, label) in [
        ("homeserver.db", "nojoin.alpha"),
        ("homeserver.db", "hostile12.alpha"),
        ("partial.db", "partial.gamma"),
        ("partial.db", "unpartialled.gamma"),
    ] {
        let room_id = match label.split_once('.').unwrap().0 {
            "nojoin" => "!RpKrscTDVyLTPLVhoV:alpha.test",
            "hostile12" => "!uyrjG7oNKuKkhL_gh33Y2NRCAgnAIJF1w1r3HETjMN0",
            "partial" => "!QciQjScEusXsnnvIcm:alpha.test",
            _ => "!gHDBEZLHflQMBmakaM:alpha.test",
        };
        let truth = fs::read_to_string(fixture().with_file_name(format!("{label}.truth.tsv"))).unwrap();
        import(&source(&fixture().with_file_name(file)), room_id).agrees_with(&truth, label);
    }
}

#[test]
fn rooms_and_imports_as_text() {
    let source = "synapse:fixtures/synapse/homeserver.db";
    insta::assert_snapshot!("rooms", transcript(&run(&["rooms", source])));
    insta::assert_snapshot!("rooms_json", transcript(&run(&["rooms", source, "--format", "json"])));
    insta::assert_snapshot!("rooms_partial", transcript(&run(&["rooms", "fixtures/synapse/partial.db"])));
    insta::assert_snapshot!(
        "rooms_search",
        transcript(&run(&["rooms", source, "--search", "Rp", "--limit", "1"]))
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("room.ndjson");
    let output = run(&["import", source, "--room", "!Rp", "-o", file.to_str().unwrap()]);
    let text = transcript(&output).replace(folder.path().to_str().unwrap(), "FOLDER");
    let (counts, seconds) = text.rsplit_once(" in ").unwrap();
    assert!(seconds.ends_with(" s\n"), "{seconds}");
    insta::assert_snapshot!("import", counts);
    assert_eq!(
        fs::read(&file).unwrap(),
        stdout(&["import", source, "--room", "!RpKrscTDVyLTPLVhoV:alpha.test"])
    );
    let packed = folder.path().join("room.ndjson.gz");
    stdout(&["import", source, "--room", "!Rp", "-o", packed.to_str().unwrap()]);
    let mut plain = Vec::new();
    GzDecoder::new(fs::File::open(&packed).unwrap()).read_to_end(&mut plain).unwrap();
    assert_eq!(plain, fs::read(&file).unwrap());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left");
}

#[test]
fn a_database_stands_where_a_dump_does() {
    let source = "synapse:fixtures/synapse/homeserver.db";
    let file = tempfile::NamedTempFile::with_suffix(".ndjson").unwrap();
    fs::write(&file, stdout(&["import", source, "--room", "!Rp"])).unwrap();
    let file = file.path().to_str().unwrap();
    for (command, rest) in [
        ("inspect", &["--format", "json"][..]),
        ("replay", &["--format", "json", "--profile", "synapse"]),
        ("diagnose", &["--format", "json"]),
        ("resolve", &["--format", "json"]),
        ("compare", &["--with", "server"]),
        ("why", &["m.room.join_rules", "--format", "json"]),
        ("log", &[]),
        ("export", &["--as", "ndjson"]),
    ] {
        let arguments = |from: &[&'static str]| [from, rest].concat();
        let from_file = hindsight(&[command, file]).args(arguments(&[])).output().unwrap();
        for source in [source, "fixtures/synapse/homeserver.db"] {
            let from_database =
                hindsight(&[command, source, "--room", "!Rp"]).args(arguments(&[])).output().unwrap();
            assert_eq!(
                from_database.status.code(),
                from_file.status.code(),
                "{command}: {}",
                stderr(&from_database)
            );
            let [a, b] = [&from_database, &from_file]
                .map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
            assert_eq!(a.replace(source, "SOURCE"), b.replace(file, "SOURCE"), "{command}");
        }
    }
}

#[test]
fn all_rooms_are_checked_at_once() {
    let source = "synapse:fixtures/synapse/homeserver.db";
    let check = ["check", source, "--profile", "synapse", "--expect", "beside"];
    let output = run(&check);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}{}", stderr(&output));
    for room in [
        "104/104",
        "!RpKrscTDVyLTPLVhoV:alpha.test",
        "303/303",
        "!uyrjG7oNKuKkhL_gh33Y2NRCAgnAIJF1w1r3HETjMN0",
    ] {
        assert!(text.contains(room), "{text}");
    }
    let one = hindsight(&check).args(["--room", "!Rp"]).output().unwrap();
    let text = String::from_utf8_lossy(&one.stdout);
    assert!(text.contains("104/104") && !text.contains("303/303"), "{text}");
}

#[test]
fn rooms_are_found_by_the_beginning_of_their_id() {
    let source = "synapse:fixtures/synapse/homeserver.db";
    let all = refusal(&run(&["import", source]));
    assert!(all.contains("!RpKrscTDVyLTPLVhoV:alpha.test") && all.contains("!uyrjG7oNKuKkhL"), "{all}");
    let none = refusal(&run(&["import", source, "--room", "!nothing"]));
    assert!(none.contains("hindsight rooms"), "{none}");
    refusal(&run(&["inspect", source, "--room", "!nothing"]));
    refusal(&run(&["inspect", source]));
    // Of one room it need not be said which.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("one.db");
    let mut database = Database::create(&path).unwrap();
    let room = generate(&Plan::new(1, Mode::ALL[0], &Rules::ALL[10])).room();
    database.add(&room, Profile::Synapse).unwrap();
    let connection = database.finish().unwrap();
    connection
        .execute("INSERT INTO room_aliases VALUES ('#pub:x', ?, '@a:x')", [room.room_id().unwrap()])
        .unwrap();
    drop(connection);
    let whole = stdout(&["import", &self::source(&path)]);
    assert_eq!(whole, stdout(&["import", &self::source(&path), "--room", "#pub:x"]));
    assert_eq!(whole, stdout(&["import", &self::source(&path), "--room", room.room_id().unwrap()]));
}

/// All versions and manners of rooms come back as they were.
#[test]
fn made_rooms_come_back_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("many #1? 100%.db");
    let mut database = Database::create(&path).unwrap();
    let mut made = Vec::new();
    for seed in 1..=48 {
        let room = generate(&Plan::new(seed as u64, Mode::ALL[seed / 12 % 4], &Rules::ALL[seed % 12]));
        let dump = dump::load(room.ndjson().as_bytes(), &Options::default()).unwrap();
        // Version 12 rooms of the same beginning are the same room.
        if made.iter().all(|other: &Dump| other.room.room_id() != dump.room.room_id()) {
            database.add(&dump.room, Profile::Synapse).unwrap();
            made.push(dump);
        }
    }
    database.finish().unwrap();
    let source = source(&path);
    let listed = rooms(&source);
    assert_eq!(listed.len(), made.len());
    for dump in made {
        let id = dump.room.room_id().unwrap();
        let stream = import(&source, id);
        assert_eq!(stream.server["room_version"], dump.room.rules().id);
        let row = listed.iter().find(|row| row["room_id"] == id).unwrap();
        assert_eq!(row["events"], stream.events.len());
        assert_eq!(row["room_version"], dump.room.rules().id, "{row}");
        let replay = hindsight::replay::Replay::new(&dump.room, None, Profile::Synapse);
        let loaded = stream.load(dump::Holes::Stored);
        for ix in dump.room.events() {
            let event_id = dump.room.id(ix);
            let group = stream.event(event_id)["state_group"].as_i64();
            let hash = replay.after(ix).map(|state| state.hash(&dump.room));
            assert_eq!(group.map(|group| stream.hash(group)), hash, "{id} {event_id}");
            let [a, b] = [(&loaded.room, loaded.room.find(event_id).unwrap()), (&dump.room, ix)]
                .map(|(room, ix)| serde_json::from_str::<Value>(room.event(ix).json()).unwrap());
            let [a, b] = [a, b].map(|mut json| {
                json.as_object_mut().unwrap().remove("event_id");
                json
            });
            assert_eq!(a, b);
        }
    }
}

/// Synapse can keep its states in a database of their own.
#[test]
fn states_may_be_in_a_database_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let [main, state] = ["main.db", "state.db"].map(|name| folder.path().join(name));
    fs::copy(fixture(), &main).unwrap();
    fs::copy(fixture(), &state).unwrap();
    let tables = ["state_groups", "state_groups_state", "state_group_edges"];
    let open = |path: &Path| {
        let connection = Connection::open(path).unwrap();
        connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
        connection
    };
    let connection = open(&main);
    for table in tables {
        connection.execute_batch(&format!("DROP TABLE {table}")).unwrap();
    }
    drop(connection);
    let connection = open(&state);
    for table in ["events", "event_json", "event_to_state_groups", "current_state_events", "rooms"] {
        connection.execute_batch(&format!("DROP TABLE {table}")).unwrap();
    }
    drop(connection);
    let (main, state) = (source(&main), source(&state));
    let one = stdout(&["import", "synapse:fixtures/synapse/homeserver.db", "--room", "!Rp"]);
    assert_eq!(stdout(&["import", &main, "--state-database", &state, "--room", "!Rp"]), one);
    let alone = refusal(&run(&["import", &main, "--room", "!Rp"]));
    assert!(alone.contains("state_groups") && alone.contains("--state-database"), "{alone}");
    stdout(&["rooms", &main]);
    refusal(&run(&["import", &state, "--room", "!Rp"]));
    // What the rest of the program does with it.
    stdout(&["replay", &main, "--state-database", &state, "--room", "!Rp"]);
}

fn unpacked(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    let packed = path.with_file_name(format!("{}.gz", path.file_name().unwrap().to_str().unwrap()));
    match fs::read(path) {
        Ok(plain) => bytes = plain,
        Err(_) => _ = GzDecoder::new(fs::File::open(packed).unwrap()).read_to_end(&mut bytes).unwrap(),
    }
    bytes
}

/// Every room of two real servers: each state as the server holds it, and as computed, and the room as from a plain dump.
#[test]
fn whole_servers_are_imported_as_they_are() {
    let Some(real) = shared("real") else { return };
    let labels: Vec<Value> = serde_json::from_slice(&fs::read(real.join("rooms.json")).unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for nick in ["alpha", "gamma"] {
        let path: PathBuf = folder.path().join(nick);
        fs::write(&path, unpacked(&real.join(format!("db/{nick}.sqlite")))).unwrap();
        let source = source(&path);
        let listed = rooms(&source);
        for entry in &labels {
            let (label, room_id) = (entry["label"].as_str().unwrap(), entry["room_id"].as_str().unwrap());
            let beside = real.join("rooms").join(label);
            if !beside.join(format!("{nick}.stats.json")).is_file() {
                assert!(listed.iter().all(|row| row["room_id"] != room_id));
                continue;
            }
            let label = &format!("{label} of {nick}");
            let stream = import(&source, room_id);
            let truth = String::from_utf8(unpacked(&beside.join(format!("{nick}.truth.tsv")))).unwrap();
            stream.agrees_with(&truth, label);
            let events = unpacked(&beside.join(format!("{nick}.events.ndjson")));
            let plain = dump::load(&events, &Options::default()).unwrap();
            stream.replays_as(&plain, label);
            let row = listed.iter().find(|row| row["room_id"] == room_id).unwrap();
            let counted = fs::read(beside.join(format!("{nick}.stats.json"))).unwrap();
            stream.is_as_counted(row, &serde_json::from_slice(&counted).unwrap(), label);
        }
    }
}
