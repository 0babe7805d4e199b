//! Databases that tests make, and those kept with the project, looked at without Hindsight.

use std::fs;
use std::path::Path;

use hindsight::auth::Profile;
use hindsight::dump::{self, Options};
use hindsight::event::room_version::Rules;
use hindsight::generate::{Blueprint, Mode, Netsplits, Plan, Preset, generate};
use hindsight::replay::Replay;
use hindsight::room::Room;
use rusqlite::{Connection, OpenFlags};

use crate::stored::Stored;
use crate::synapse;

fn read_only(path: &Path) -> Connection {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

/// A made database of one room, whose states are those of the replay.
fn check_made(room: &Room, profile: Profile) -> Stored {
    let folder = tempfile::tempdir().unwrap();
    let mut database = synapse::Database::create(&folder.path().join("made.db")).unwrap();
    database.add(room, profile).unwrap();
    let connection = database.finish().unwrap();
    let stored = Stored::read(&connection, room.room_id().unwrap());
    let replay = Replay::new(room, None, profile);
    for ix in room.events() {
        let expected = replay.after(ix).map(|state| state.hash(room));
        assert_eq!(stored.after(room.id(ix)), expected, "{}", room.id(ix));
    }
    stored
}

#[test]
fn made_databases_have_the_states_of_the_replay() {
    for seed in 1..=48 {
        let rules = &Rules::ALL[seed % 12];
        let made = generate(&Plan::new(seed as u64, Mode::ALL[seed / 12 % 4], rules)).room();
        check_made(&made, Profile::Synapse);
    }
}

/// Long chains are broken off, and merges that lose a key are written down whole.
#[test]
fn made_databases_have_whole_states_and_differences() {
    let blueprint = Blueprint {
        events: 2_000,
        members: 60,
        state: 60,
        netsplits: Netsplits { every: 200, length: 150, parts: 3 },
        ..Blueprint::preset(Preset::R10k)
    };
    let dump = dump::load(&blueprint.ndjson(), &Options::default()).unwrap();
    let stored = check_made(&dump.room, Profile::Spec);
    assert_eq!(stored.longest_chain(), 100);
    assert!(stored.whole() > 10, "{}", stored.whole());
    assert!(stored.groups() > 1_200, "{}", stored.groups());
}

/// The table of what a server holds, and the database it was made from, say the same.
fn check_truth(connection: &Connection, room_id: &str, truth: &str) {
    let stored = Stored::read(connection, room_id);
    let mut events = 0;
    for line in truth.lines().skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        assert_eq!(stored.after(cells[0]).as_deref(), Some(cells[2]), "{}", cells[0]);
        // That of an accepted state event is what its group is built upon.
        let before = stored.built_upon(cells[0]);
        assert!(["-", cells[2]].contains(&cells[4]) || before.as_deref() == Some(cells[4]), "{line}");
        events += 1;
    }
    assert!(events > 0 && events == stored.events(), "{events} of {}", stored.events());
}

#[test]
fn the_databases_kept_hold_what_their_tables_say() {
    for (file, rooms) in [
        (
            "homeserver.db",
            [
                ("nojoin.alpha", "!RpKrscTDVyLTPLVhoV:alpha.test"),
                ("hostile12.alpha", "!uyrjG7oNKuKkhL_gh33Y2NRCAgnAIJF1w1r3HETjMN0"),
            ],
        ),
        (
            "partial.db",
            [
                ("partial.gamma", "!QciQjScEusXsnnvIcm:alpha.test"),
                ("unpartialled.gamma", "!gHDBEZLHflQMBmakaM:alpha.test"),
            ],
        ),
    ] {
        let connection = read_only(&synapse::fixture().with_file_name(file));
        for (label, room_id) in rooms {
            let truth = synapse::fixture().with_file_name(format!("{label}.truth.tsv"));
            check_truth(&connection, room_id, &fs::read_to_string(truth).unwrap());
        }
    }
}
