//! Importing a large room from a database of Synapse on SQLite, and listing many.
//!
//! ```sh
//! cargo bench --bench import              # a room of 200,000 events and 5,000 members; 100,000 rooms of 10 events
//! cargo bench --bench import -- --quick   # a tenth of that
//! cargo bench --bench import -- --keep    # the databases stay, and their folder is printed
//! ```
//!
//! The large room is one of `hindsight generate`, its database has its states as Synapse would have written them down. Of
//! the many there is only what is counted. Timed, by the clock, is the program; the least of some runs counts. The bench
//! fails if importing takes ten seconds.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the table and the progress go there")]

#[path = "../tests/common/synapse.rs"]
mod synapse;

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use hindsight::auth::Profile;
use hindsight::dump::{self, Options};
use hindsight::generate::{Blueprint, Preset};

/// How often the program is run.
const RUNS: usize = 3;
/// It is to take less.
const LIMIT: Duration = Duration::from_secs(10);

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    if !has("--bench") {
        println!("nothing is measured without optimization: cargo bench --bench import");
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let (events, rooms) = if has("--quick") { (20_000, 10_000) } else { (200_000, 100_000) };
    let [one, many, imported] = ["one.db", "many.db", "room.ndjson"].map(|name| folder.path().join(name));
    make(&one, events)?;
    make_many(&many, rooms)?;
    let [one_source, many_source] = [&one, &many].map(|path| format!("synapse:{}", path.display()));
    let import =
        time(&["import", &one_source, "-o", imported.to_str().ok_or("the folder's name is no text")?])?;
    let list_one = time(&["rooms", &one_source])?;
    let list = time(&["rooms", &many_source, "--limit", "20"])?;
    println!("| database | size | `hindsight rooms` | `hindsight import` | imported |");
    println!("|---|---|---|---|---|");
    println!(
        "| one room, {events} events | {} | {list_one:.2?} | {import:.2?} | {} |",
        mib(&one)?,
        mib(&imported)?
    );
    println!("| {rooms} rooms, {} events | {} | {list:.2?} | | |", rooms * 10, mib(&many)?);
    if has("--keep") {
        println!("{}", folder.keep().display());
    }
    assert!(import < LIMIT, "{import:?}");
    Ok(())
}

/// Makes a database of one room.
fn make(path: &Path, events: usize) -> Result<()> {
    eprintln!("making a room of {events} events");
    let blueprint = Blueprint { events, members: events / 40, ..Blueprint::preset(Preset::R100k) };
    let dump = dump::load(&blueprint.ndjson(), &Options::default())?;
    eprintln!("making its database");
    let mut database = synapse::Database::create(path)?;
    database.add(&dump.room, Profile::Spec)?;
    database.finish()?.close().map_err(|(_, error)| error)?;
    Ok(())
}

/// Makes a database of many rooms of ten events, of which the ninth and the tenth have the same parent.
fn make_many(path: &Path, rooms: usize) -> Result<()> {
    eprintln!("making a database of {rooms} rooms");
    let database = synapse::Database::create(path)?;
    database.connection.execute_batch(&format!(
        "CREATE TEMP TABLE room AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rooms})
           SELECT i, '!' || i || ':example.org' AS id FROM n;
         CREATE TEMP TABLE event AS WITH RECURSIVE n(d) AS (SELECT 1 UNION ALL SELECT d + 1 FROM n WHERE d < 10)
           SELECT (i - 1) * 10 + d AS stream, i, id AS room_id, d, '$' || i || '_' || d AS id,
                  '$' || i || '_' || min(d - 1, 8) AS parent FROM room, n;
         INSERT INTO rooms SELECT id, 0, '@user:example.org', '11', 1 FROM room;
         INSERT INTO room_stats_state (room_id, name) SELECT id, 'Room ' || i FROM room;
         INSERT INTO room_stats_current SELECT id, 5, i % 1000, 0, 0, 0, 0, 0, 0 FROM room;
         INSERT INTO events (stream_ordering, topological_ordering, event_id, type, room_id, processed, outlier, depth,
             sender, instance_name)
           SELECT stream, d, id, CASE d WHEN 1 THEN 'm.room.create' ELSE 'm.room.message' END, room_id, 1, 0, d,
             '@user:example.org', 'master' FROM event ORDER BY stream;
         INSERT INTO event_json SELECT id, room_id, CASE stream % 99 WHEN 7 THEN '{{\"soft_failed\":true}}' ELSE '{{}}' END,
             '{{\"content\":{{\"body\":\"' || hex(randomblob(200)) || '\"}}}}', 3 FROM event;
         INSERT INTO event_edges (event_id, prev_event_id) SELECT id, parent FROM event WHERE d > 1;
         INSERT INTO event_forward_extremities SELECT id, room_id FROM event WHERE d > 8;
         INSERT INTO rejections SELECT id, 'auth_error', '0' FROM event WHERE stream % 101 = 7;
         INSERT INTO current_state_events SELECT id, room_id, 'm.room.create', '', NULL, stream FROM event WHERE d = 1;"
    ))?;
    database.finish()?.close().map_err(|(_, error)| error)?;
    Ok(())
}

/// The least time that the program takes.
fn time(arguments: &[&str]) -> Result<Duration> {
    let mut least = Duration::MAX;
    for _ in 0..RUNS {
        let start = Instant::now();
        let mut command = Command::new(env!("CARGO_BIN_EXE_hindsight"));
        let output = command.args(arguments).stdin(Stdio::null()).output()?;
        least = least.min(start.elapsed());
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
    }
    eprintln!("hindsight {}: {least:.2?}", arguments.join(" "));
    Ok(least)
}

fn mib(path: &Path) -> Result<String> {
    Ok(format!("{:.0} MiB", fs::metadata(path)?.len() as f64 / f64::from(1 << 20)))
}
