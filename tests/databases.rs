//! Databases of Synapse as an admin meets them: on the command line, with all that can be wrong.
#![cfg(all(feature = "cli", feature = "synapse"))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stderr, reason = "what is skipped is said")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rusqlite::Connection;
use serde_json::Value;

const NOJOIN: &str = "!RpKrscTDVyLTPLVhoV:alpha.test";
const HOSTILE: &str = "!uyrjG7oNKuKkhL_gh33Y2NRCAgnAIJF1w1r3HETjMN0";

fn hindsight(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hindsight"));
    command.args(args).current_dir(fixtures()).stdin(Stdio::null());
    for name in ["NO_COLOR", "CLICOLOR_FORCE", "PGPASSWORD", "PGPASSFILE", "PGSSLMODE", "PGSSLROOTCERT"] {
        command.env_remove(name);
    }
    command
}

fn run(args: &[&str]) -> Output {
    hindsight(args).output().unwrap()
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/synapse")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// The answer, if all is well.
fn answer(args: &[&str]) -> String {
    let output = run(args);
    assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    text(&output.stdout).to_owned()
}

/// What is said when it is not: exit code 2, and nothing on standard output.
fn complaint(args: &[&str]) -> String {
    refused(&run(args))
}

fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "");
    text(&output.stderr).to_owned()
}

fn objects(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A copy of the fixture that may be spoilt.
fn spoilt(how: impl FnOnce(&Connection)) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("homeserver.db");
    fs::copy(fixtures().join("homeserver.db"), &path).unwrap();
    how(&Connection::open(&path).unwrap());
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

#[test]
fn rooms_are_listed() {
    let output = run(&["rooms", "homeserver.db"]);
    insta::assert_snapshot!("rooms", text(&output.stdout));
    insta::assert_snapshot!("rooms_json", answer(&["rooms", "synapse:homeserver.db", "--format", "json"]));
    let output = run(&["rooms", "partial.db", "--sort", "trouble", "--limit", "1"]);
    insta::assert_snapshot!("rooms_trouble", text(&output.stdout).to_owned() + text(&output.stderr));
    assert!(answer(&["rooms", "homeserver.db", "--search", "RPK"]).contains(NOJOIN));
    assert_eq!(answer(&["rooms", "homeserver.db", "--search", "none"]).lines().count(), 1);
}

/// What the list says of a room is what `inspect` says of its dump.
#[test]
fn the_list_agrees_with_the_rooms() {
    for file in ["homeserver.db", "partial.db"] {
        let listed: Value = serde_json::from_str(&answer(&["rooms", file, "--format", "json"])).unwrap();
        for room in listed.as_array().unwrap() {
            let id = room["room_id"].as_str().unwrap();
            let output = run(&["inspect", file, "--room", id, "--format", "json", "--profile", "synapse"]);
            let facts: Value = serde_json::from_slice(&output.stdout).unwrap();
            let counts = &facts["counts"];
            assert_eq!(room["events"], counts["events"], "{id}");
            assert_eq!(room["outliers"], counts["outliers"], "{id}");
            assert_eq!(room["rejected"], counts["recorded_rejected"], "{id}");
            assert_eq!(room["soft_failed"], counts["recorded_soft_failed"], "{id}");
            assert_eq!(room["forks"], facts["forks"].as_array().unwrap().len(), "{id}");
            assert_eq!(room["room_version"], facts["room_version"], "{id}");
        }
    }
}

/// The states imported are those that the server holds, and those that it should hold.
#[test]
fn rooms_are_as_the_server_has_them() {
    for (file, room, truth) in [
        ("homeserver.db", NOJOIN, "nojoin.alpha.truth.tsv"),
        ("homeserver.db", HOSTILE, "hostile12.alpha.truth.tsv"),
        ("partial.db", "!gH", "unpartialled.gamma.truth.tsv"),
    ] {
        let output = run(&["check", file, "--room", room, "--expect", truth]);
        assert!(output.status.success(), "{}", text(&output.stdout));
        let output = run(&["check", file, "--room", room, "--expect", "beside"]);
        assert!(output.status.success(), "{}", text(&output.stdout));
    }
}

#[test]
fn a_database_stands_wherever_a_dump_does() {
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("room.ndjson.gz");
    let dump = dump.to_str().unwrap();
    let output = run(&["import", "homeserver.db", "--room", "!Rp", "-o", dump]);
    assert!(text(&output.stderr).contains("104 events"), "{}", text(&output.stderr));
    for args in [
        &["inspect", "--format", "json"][..],
        &["log"],
        &["replay", "--format", "json", "--state", "full"],
        &["resolve", "--steps"],
        &["why", "--", "m.room.join_rules"],
        &["diagnose", "--format", "json"],
        &["compare", "--with", "v2", "--with", "v2.1"],
        &["export", "--as", "ndjson"],
    ] {
        let (command, rest) = args.split_first().unwrap();
        let of = |input: &[&str]| {
            let at = rest.iter().position(|arg| *arg == "--").unwrap_or(rest.len());
            let (options, operands) = rest.split_at(at);
            let operands = operands.iter().filter(|arg| **arg != "--");
            let mut all = vec![*command];
            all.extend(options);
            all.extend(input);
            all.extend(operands);
            text(&run(&all).stdout)
                .replace("gzip", "")
                .replace("\"compression\":\"\"", "\"compression\":null")
        };
        assert_eq!(of(&[dump]), of(&["homeserver.db", "--room", "!Rp"]), "{args:?}");
        assert!(!of(&[dump]).is_empty(), "{args:?}");
    }
    // Two views of one room.
    let output = run(&["compare", "homeserver.db", "homeserver.db", "--room", "!Rp", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let all = answer(&["check", "homeserver.db", "synapse:partial.db", "--format", "json"]);
    assert_eq!(objects(&all).len(), 4);
}

#[test]
fn the_right_room_is_asked_for() {
    insta::assert_snapshot!("which_room", complaint(&["inspect", "homeserver.db"]));
    insta::assert_snapshot!("no_such_room", complaint(&["import", "homeserver.db", "--room", "!none:x"]));
    insta::assert_snapshot!("ambiguous_room", complaint(&["log", "homeserver.db", "--room", "!"]));
    let (_folder, one) = spoilt(|database| {
        let others = format!("PRAGMA foreign_keys = OFF; DELETE FROM rooms WHERE room_id <> '{NOJOIN}'");
        database.execute_batch(&others).unwrap();
    });
    assert!(answer(&["log", &one]).lines().count() > 50, "a database with one room needs no --room");
}

#[test]
fn a_database_that_is_in_use_is_not_read() {
    let (folder, path) = spoilt(|_| {});
    let writer = Connection::open(&path).unwrap();
    writer.execute_batch("BEGIN EXCLUSIVE").unwrap();
    assert!(complaint(&["rooms", &path]).contains("the database is locked"));
    drop(writer);
    answer(&["rooms", &path]);
    fs::write(folder.path().join("homeserver.db-wal"), "x").unwrap();
    let said = complaint(&["rooms", &path]);
    assert!(said.contains("-wal") && said.contains(".backup"), "{said}");
}

#[test]
fn what_is_no_database_of_synapse_is_said_to_be_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let whole = fs::read(fixtures().join("homeserver.db")).unwrap();
    fs::write(path("cut.db"), &whole[..whole.len() / 2]).unwrap();
    fs::write(path("text.db"), "not a database at all").unwrap();
    let mut damaged = whole.clone();
    damaged[40_000..800_000].fill(0xff);
    fs::write(path("damaged.db"), damaged).unwrap();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, &whole).unwrap();
    fs::write(path("packed.db.gz"), packed.finish().unwrap()).unwrap();
    let dendrite = Connection::open(path("dendrite.db")).unwrap();
    dendrite.execute_batch("CREATE TABLE roomserver_events (event_nid INTEGER)").unwrap();
    drop(dendrite);
    for (name, expected) in [
        ("none.db", "there is no such file"),
        ("cut.db", "the file is cut off"),
        ("text.db", "this is no SQLite database"),
        ("damaged.db", "the file is damaged"),
        ("packed.db.gz", "decompress it first"),
        ("dendrite.db", "a database of Dendrite"),
    ] {
        for command in ["rooms", "import"] {
            let said = complaint(&[command, &path(name)]);
            assert!(said.contains(expected), "{said}");
        }
        let said = complaint(&["inspect", &format!("synapse:{}", path(name))]);
        assert!(said.contains(expected), "{said}");
    }
    let said = complaint(&["rooms", fixtures().join("postgres.sql").to_str().unwrap()]);
    assert!(said.contains("pg_dump") && said.contains("restore"), "{said}");
}

#[test]
fn schemas_that_are_too_old_or_lack_something_are_refused() {
    let (_old, path) = spoilt(|database| {
        database.execute_batch("UPDATE schema_version SET version = 54").unwrap();
    });
    assert!(complaint(&["rooms", &path]).contains("version 54"));
    let (_less, path) = spoilt(|database| {
        database.execute_batch("DROP TABLE state_group_edges").unwrap();
    });
    assert!(complaint(&["import", &path, "--room", "!Rp"]).contains("table `state_group_edges` is missing"));
    let (_new, path) = spoilt(|database| {
        database.execute_batch("UPDATE schema_version SET version = 120").unwrap();
    });
    assert!(text(&run(&["rooms", &path]).stderr).contains("known are 60 to 94"));
}

/// The state groups may be in a database of their own.
#[test]
fn states_may_be_elsewhere() {
    let tables = ["state_groups", "state_group_edges", "state_groups_state"];
    let (_main, main) = spoilt(|database| {
        for table in tables {
            database.execute_batch(&format!("DROP TABLE {table}")).unwrap();
        }
    });
    let (_state, state) = spoilt(|database| {
        for table in ["events", "event_json", "event_to_state_groups"] {
            database.execute_batch(&format!("PRAGMA foreign_keys = OFF; DROP TABLE {table}")).unwrap();
        }
    });
    assert!(complaint(&["import", &main, "--room", "!Rp"]).contains("--state-database"));
    assert!(complaint(&["import", &state, "--room", "!Rp"]).contains("for `state`"));
    let both = answer(&["import", &main, "--room", "!Rp", "--state-database", &state]);
    assert_eq!(both, answer(&["import", "homeserver.db", "--room", "!Rp"]));
}

/// A file appears when it is complete; what cannot be is not there at all.
#[test]
fn no_half_of_a_file_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("room.ndjson");
    let (_spoilt, path) = spoilt(|database| {
        database.execute_batch("DROP TABLE state_group_edges").unwrap();
    });
    complaint(&["import", &path, "--room", "!Rp", "-o", out.to_str().unwrap()]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let none = folder.path().join("none/room.ndjson");
    complaint(&["import", "homeserver.db", "--room", "!Rp", "-o", none.to_str().unwrap()]);
    answer(&["import", "homeserver.db", "--room", "!Rp", "-o", out.to_str().unwrap()]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// Nothing of a database changes by being read.
#[test]
fn nothing_is_written() {
    let (folder, path) = spoilt(|_| {});
    let before = (fs::read(&path).unwrap(), fs::metadata(&path).unwrap().modified().unwrap());
    for args in [&["rooms", &path][..], &["import", &path, "--room", "!Rp"], &["check", &path]] {
        run(args);
    }
    assert!(before == (fs::read(&path).unwrap(), fs::metadata(&path).unwrap().modified().unwrap()));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// The URL of a database of the tests' own server, with another name of the host and more parameters; see tests/postgres.sh.
fn postgres() -> Option<String> {
    let url = std::env::var("HINDSIGHT_POSTGRES").ok();
    if url.is_none() {
        eprintln!("skipped: no PostgreSQL (HINDSIGHT_POSTGRES is not set, see tests/postgres.sh)");
    }
    url
}

#[test]
fn postgresql_is_read_as_sqlite_is() {
    let Some(url) = postgres() else { return };
    insta::assert_snapshot!("rooms_postgres", answer(&["rooms", &url]));
    for (room, truth) in [
        (NOJOIN, "nojoin.beta.truth.tsv"),
        (HOSTILE, "hostile12.beta.truth.tsv"),
        ("!gH", "unpartialled.beta.truth.tsv"),
    ] {
        let output = run(&["check", &url, "--room", room, "--expect", truth]);
        assert!(output.status.success(), "{}", text(&output.stdout));
    }
    // Two servers' views of one room: from two engines.
    let views = answer(&[
        "compare",
        "homeserver.db",
        &url,
        "--room",
        NOJOIN,
        "--format",
        "json",
        "--profile",
        "synapse",
    ]);
    assert_eq!(objects(&views)[0]["common"], 104);
}

#[test]
fn postgresql_that_lets_nobody_in_is_said_to_do_so() {
    let Some(url) = postgres() else { return };
    let (login, place) = url.rsplit_once('@').unwrap();
    let (host, _) = place.rsplit_once('/').unwrap();
    let password = login.rsplit_once(':').unwrap().1.to_owned();
    let of = |url: &str| {
        let said = complaint(&["rooms", url]);
        assert!(!said.contains(&password), "{said}");
        said
    };
    assert!(of(&format!("postgres://reader:wrong@{place}")).contains("wrong password"));
    assert!(of(&format!("postgres://reader@{place}?passfile=/none")).contains("asks for a password"));
    assert!(of(&format!("{login}@{host}/none")).contains("\"none\" does not exist"));
    assert!(of(&format!("{login}@{host}/postgres")).contains("no table"));
    assert!(of(&format!("{login}@127.0.0.1:1/synapse")).contains("refused"));
    assert!(of(&format!("{login}@host.invalid/synapse")).contains("host.invalid is not known"));
    assert!(of("postgres:///synapse?host=/none&user=reader").contains("no socket"));
    assert!(of(&format!("{url}?sslmode=magic")).contains("sslmode=magic"));
    let with_password =
        hindsight(&["rooms", &format!("postgres://reader@{place}")]).env("PGPASSWORD", &password).output();
    assert!(with_password.unwrap().status.success());
}

#[test]
fn postgresql_shows_its_certificate() {
    let (Some(url), Ok(authority)) = (postgres(), std::env::var("HINDSIGHT_POSTGRES_CA")) else { return };
    // The certificate is for this name.
    let named = url.replace("127.0.0.1", "localhost");
    let rooms = answer(&["rooms", &url]);
    for (url, parameters) in [
        (&url, "sslmode=disable".to_owned()),
        (&url, "sslmode=require".to_owned()),
        (&url, format!("sslmode=require&sslrootcert={authority}")),
        (&url, format!("sslmode=verify-ca&sslrootcert={authority}")),
        (&named, format!("sslmode=verify-full&sslrootcert={authority}")),
    ] {
        assert_eq!(answer(&["rooms", &format!("{url}?{parameters}")]), rooms, "{parameters}");
    }
    let said = complaint(&["rooms", &format!("{url}?sslmode=verify-full&sslrootcert={authority}")]);
    assert!(said.contains("certificate"), "{said}");
    let said = complaint(&["rooms", &format!("{named}?sslmode=verify-full&sslrootcert=system")]);
    assert!(said.contains("certificate"), "{said}");
    let said = complaint(&["rooms", &format!("{url}?sslmode=verify-ca&sslrootcert=homeserver.db")]);
    assert!(said.contains("root certificates"), "{said}");
}
