//! Rooms with what Synapse and ruma decide about them: the corpora beside the project, and the copy of a part of one
//! that the project carries. Expected results come from those implementations, never from this program.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it skips"
)]

#[path = "common/shared.rs"]
mod shared;

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use hindsight::auth::Profile;
use hindsight::dump::{self, Dump, Options};
use hindsight::expect::{Comparison, Expectation};
use hindsight::replay::{Replay, state_of};
use hindsight::resolve::{Algorithm, Resolver};
use hindsight::room::{EventIx, EventSet, Room};
use hindsight::state::StateMap;
use serde_json::Value;
use shared::shared;

/// The entries of a folder, sorted.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    entries
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// `NAME` or `NAME.gz` in a folder.
fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    [name.to_owned(), format!("{name}.gz")]
        .into_iter()
        .map(|name| folder.join(name))
        .find(|path| path.is_file())
}

fn text(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if path.extension().is_some_and(|extension| extension == "gz") {
        let mut text = String::new();
        flate2::read::GzDecoder::new(&*bytes).read_to_string(&mut text).unwrap();
        return text;
    }
    String::from_utf8(bytes).unwrap()
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&text(path)).unwrap()
}

fn load(path: &Path, options: &Options) -> Dump {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    dump::load(&bytes, options).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn algorithm(name: &Value) -> Algorithm {
    match name.as_str().unwrap() {
        "v1" => Algorithm::V1,
        "v2" => Algorithm::V2,
        "v2.1" => Algorithm::V2_1,
        other => panic!("no algorithm {other}"),
    }
}

fn hash(state: Option<&StateMap>, room: &Room) -> Option<String> {
    state.map(|state| state.hash(room))
}

fn ids<'a>(room: &'a Room, events: &[EventIx]) -> Vec<&'a str> {
    let mut ids: Vec<&str> = events.iter().map(|ix| room.id(*ix)).collect();
    ids.sort_unstable();
    ids
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect()
}

fn expectation(path: &Path) -> Expectation {
    Expectation::parse(text(path).as_bytes()).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What a replay misses of an expectation.
fn misses(comparison: &Comparison) -> impl Iterator<Item = String> {
    comparison.misses.iter().map(ToString::to_string)
}

/// Every expectation of a folder in the format of the corpus; returns the numbers of files and events.
fn agree_with_synapse(folder: &Path) -> (usize, usize) {
    let (mut files, mut events) = (0, 0);
    let mut wrong = Vec::new();
    for path in entries(folder) {
        let Some((base, _)) = name(&path).split_once(".expected") else { continue };
        let expected = expectation(&path);
        let forced = folder.join(format!("{base}.forced.json"));
        let options = Options {
            asserted_state: forced.is_file().then(|| fs::read(&forced).unwrap()),
            ..Options::default()
        };
        let dump = load(&find(folder, &format!("{base}.ndjson")).unwrap(), &options);
        let replay = Replay::new(&dump.room, expected.algorithm(), Profile::Synapse);
        let comparison = expected.compare(&replay);
        assert!(
            comparison.current && comparison.events == expected.len(),
            "{base} tells less than the format asks"
        );
        wrong.extend(misses(&comparison).map(|what| format!("{base} {what}")));
        files += 1;
        events += comparison.events;
    }
    assert!(wrong.is_empty(), "{} disagreements:\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
    (files, events)
}

#[test]
fn the_corpus_of_synapse_agrees() {
    let Some(folder) = shared("corpus/synapse") else { return };
    let (files, events) = agree_with_synapse(&folder);
    println!("{files} files, {events} events");
    assert!(files >= 82 && events >= 5_010);
}

#[test]
fn the_copy_of_the_corpus_agrees() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/conformance");
    let (files, _) = agree_with_synapse(&folder);
    assert!(files >= 30, "only {files} files");
}

/// The state sets of a case, and the events that count as rejected.
fn case(folder: &Path, room: &Room, expected: &Value) -> (Vec<StateMap>, EventSet) {
    let event = |id: &str| room.find(id).unwrap_or_else(|| panic!("{id} was not loaded"));
    let sets = (0..)
        .map_while(|number| find(folder, &format!("state-{number}.json")))
        .map(|path| state_of(room, &strings(&json(&path)).into_iter().map(event).collect::<Vec<_>>()))
        .collect();
    (sets, strings(&expected["rejected"]).into_iter().map(event).collect())
}

/// 67 rooms on which Synapse, ruma and the text part: every profile gives the answer of what it stands for.
#[test]
fn profiles_give_the_recorded_answers() {
    let Some(folder) = shared("corpus/profiles") else { return };
    let mut answers = 0;
    let mut wrong = Vec::new();
    for folder in entries(&folder).into_iter().filter(|path| path.is_dir()) {
        let expected = json(&folder.join("expected.json"));
        let dump = load(&folder.join("room.ndjson"), &Options::default());
        let room = &dump.room;
        let (sets, rejected) = case(&folder, room, &expected);
        for profile in Profile::ALL {
            let answer = &expected[profile.as_str()];
            if answer.is_null() {
                continue;
            }
            answers += 1;
            let resolution =
                Resolver::new(room, room.rules().algorithm, profile).resolve(&sets, &rejected, &mut ());
            let agrees = if answer["error"].is_string() {
                resolution.failure.is_some()
            } else {
                resolution.failure.is_none()
                    && answer["state_hash"].as_str() == Some(&resolution.state.hash(room))
            };
            if !agrees {
                let got: Vec<_> = resolution.state.list(room).collect();
                wrong.push(format!(
                    "{} {profile}: {:?} {got:?}\n  expected {answer}",
                    name(&folder),
                    resolution.failure
                ));
            }
        }
        wrong.extend(replays_differ(&folder, room, &expected));
    }
    println!("{answers} answers");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(answers >= 160);
}

/// Compares the verdicts of whole-room replays with those of the libraries.
fn replays_differ(folder: &Path, room: &Room, expected: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    for profile in [Profile::Synapse, Profile::Ruma] {
        let answer = &expected["replay"][profile.as_str()];
        let replay = Replay::new(room, None, profile);
        let rejected: Vec<EventIx> = replay.rejected().iter().collect();
        let mut rejects = strings(&answer["rejects"]);
        rejects.sort_unstable();
        if ids(room, &rejected) != rejects {
            wrong.push(format!(
                "{} {profile} rejects {:?}, not {rejects:?}",
                name(folder),
                ids(room, &rejected)
            ));
        }
        if let (Some(merge), Some(before)) =
            (expected["merge"].as_str(), answer["before_merge"]["state_hash"].as_str())
        {
            let merge = room.find(merge).unwrap();
            if replay.failure(merge).is_none() && hash(replay.before(merge), room).as_deref() != Some(before)
            {
                wrong.push(format!("{} {profile}: state before the merge", name(folder)));
            }
        }
    }
    wrong
}

/// Rooms of real servers: every event whose ancestors are all in the dump has the state the server stored.
#[test]
fn real_rooms_agree_with_the_databases_they_come_from() {
    let Some(folder) = shared("real/rooms") else { return };
    let (mut events, mut views, mut wrong) = (0, 0, Vec::new());
    for room_folder in entries(&folder).into_iter().filter(|path| path.is_dir()) {
        for nick in ["alpha", "beta", "gamma"] {
            for form in ["events", "tardis"] {
                let Some(path) = find(&room_folder, &format!("{nick}.{form}.ndjson")) else { continue };
                let beside = |what: &str| find(&room_folder, &format!("{nick}.{what}.tsv")).unwrap();
                let mut truth = expectation(&beside("truth"));
                if form == "events" {
                    // Only this form tells which events are soft-failed, and so no extremities.
                    let (now, extremities) = (text(&beside("current_state")), text(&beside("extremities")));
                    truth = truth.with_current(Some(&now), Some(&extremities));
                }
                let dump = load(&path, &Options::default());
                let replay = Replay::new(&dump.room, None, Profile::Synapse);
                let comparison = truth.compare(&replay);
                let place = format!("{} {nick} {form}", name(&room_folder));
                println!("{place}: {} compared, {} unknown", comparison.events, comparison.unknown);
                wrong.extend(misses(&comparison).map(|what| format!("{place} {what}")));
                if form == "events" {
                    events += comparison.events;
                    views += usize::from(comparison.current);
                    assert_eq!(
                        comparison.unknown,
                        behind_holes(&dump.room, &truth_ids(&beside("truth"))),
                        "{place}"
                    );
                }
            }
        }
    }
    println!("{events} events; current state of {views} complete views");
    assert!(events >= 8_891 && views >= 10);
    assert!(wrong.is_empty(), "{} disagreements:\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
}

/// The events that truth tells a state of for sure, and those that it does not.
fn truth_ids(path: &Path) -> Vec<(String, bool)> {
    let row = |line: &str| {
        (
            line.split('\t').next().unwrap().to_owned(),
            line.rsplit('\t').next().unwrap().contains("partial_state"),
        )
    };
    text(path).lines().skip(1).map(row).collect()
}

/// How many of the events have not their whole past in the dump, or only a provisional state at the server.
fn behind_holes(room: &Room, truth: &[(String, bool)]) -> usize {
    let mut complete = EventSet::new(room.len());
    for ix in room.events() {
        let whole = !room.is_outlier(ix)
            && !room.has_missing_prev(ix)
            && room.prev_events(ix).iter().all(|parent| complete.contains(*parent));
        if whole {
            complete.insert(ix);
        }
    }
    let is_behind =
        |(id, provisional): &&(String, bool)| *provisional || !complete.contains(room.find(id).unwrap());
    truth.iter().filter(is_behind).count()
}

/// The published vectors of other projects, each under the profile of its origin.
#[test]
fn published_vectors_agree() {
    let Some(folder) = shared("corpus/published") else { return };
    let origins = [
        ("ruma", Profile::Ruma),
        ("tuwunel", Profile::Ruma),
        ("synapse-test_v21", Profile::Synapse),
        ("tardis", Profile::Synapse),
        ("mautrix", Profile::Synapse),
    ];
    let (mut files, mut wrong) = (0, Vec::new());
    for (origin, profile) in origins {
        let folder = folder.join(origin);
        let (pool, expectations) = match folder.join("expected") {
            expected if expected.is_dir() => (folder.join("fixtures"), expected),
            _ => (folder.clone(), folder.clone()),
        };
        for path in entries(&expectations) {
            let Some((base, _)) = name(&path).split_once(".expected") else { continue };
            files += 1;
            let expected = json(&path);
            let found = if expected["kind"] == "resolve" {
                explicit_sets_differ(&pool, &expected, profile)
            } else {
                published_replay_differs(&path, base, &pool, &expected, profile)
            };
            wrong.extend(found.into_iter().map(|what| format!("{origin}/{} {profile}: {what}", name(&path))));
        }
    }
    println!("{files} files");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(files >= 28);
}

/// Loads the events of several files as one room.
fn load_pool(pool: &Path, files: &Value, version: &Value) -> Dump {
    let mut lines = String::new();
    for file in strings(files) {
        let text = text(&pool.join(file));
        match serde_json::from_str::<Vec<Value>>(&text) {
            Ok(events) => events.iter().for_each(|event| lines.push_str(&format!("{event}\n"))),
            Err(_) => lines.push_str(&text),
        }
    }
    let options = Options { room_version: version.as_str().map(str::to_owned), ..Options::default() };
    dump::load(lines.as_bytes(), &options).unwrap()
}

fn explicit_sets_differ(pool: &Path, expected: &Value, profile: Profile) -> Vec<String> {
    let dump = load_pool(pool, &expected["pdus"], &expected["room_version"]);
    let room = &dump.room;
    let sets: Vec<StateMap> = strings(&expected["state_sets"])
        .into_iter()
        .map(|file| {
            // Event IDs, or a state list whose entries end with one.
            let set = json(&pool.join(file));
            let id = |entry: &Value| entry.as_str().or(entry[2].as_str()).map(str::to_owned).unwrap();
            let events: Vec<EventIx> =
                set.as_array().unwrap().iter().map(|entry| room.find(&id(entry)).unwrap()).collect();
            state_of(room, &events)
        })
        .collect();
    let resolution = Resolver::new(room, algorithm(&expected["algorithm"]), profile).resolve(
        &sets,
        &EventSet::new(room.len()),
        &mut (),
    );
    let agrees =
        resolution.failure.is_none() && expected["state_hash"].as_str() == Some(&resolution.state.hash(room));
    if agrees { Vec::new() } else { vec![format!("{:?}", resolution.state.list(room).collect::<Vec<_>>())] }
}

fn published_replay_differs(
    path: &Path,
    base: &str,
    pool: &Path,
    expected: &Value,
    profile: Profile,
) -> Vec<String> {
    let folder = path.parent().unwrap();
    let dump = if expected["pdus"].is_array() {
        load_pool(pool, &expected["pdus"], &expected["room_version"])
    } else {
        let forced = folder.join(format!("{base}.forced.json"));
        let options = Options {
            asserted_state: forced.is_file().then(|| fs::read(&forced).unwrap()),
            room_version: expected["room_version"].as_str().map(str::to_owned),
            ..Options::default()
        };
        load(&folder.join(format!("{base}.ndjson")), &options)
    };
    let expectation = expectation(path);
    let replay = Replay::new(&dump.room, expectation.algorithm(), profile);
    misses(&expectation.compare(&replay)).collect()
}
