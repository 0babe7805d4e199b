//! Hindsight's profile `ruma` against ruma-state-res itself, on every conflicted merge of the corpora and of the rooms
//! of real servers.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it skips"
)]

#[path = "common/ruma_side.rs"]
#[expect(dead_code, reason = "the random rooms use more of it")]
mod ruma_side;

use std::fs;
use std::path::{Path, PathBuf};

use hindsight::auth::Profile;
use hindsight::dump::{self, Options};
use hindsight::replay::Replay;
use hindsight::resolve::Algorithm;
use rayon::prelude::*;
use ruma_side::RumaSide;

/// Every dump below a folder.
fn dumps(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            dumps(&path, found);
        } else if name.contains(".ndjson") && !name.contains(".tardis.") {
            found.push(path);
        }
    }
}

/// Compares every resolution of a dump with ruma's; returns how many there were, and what differs.
fn compare(path: &Path) -> (usize, Vec<String>) {
    let name = path.display();
    // Rooms with state DAGs are not of a version ruma knows, and hold no event in the usual format.
    let Ok(dump) = dump::load(&fs::read(path).unwrap(), &Options::default()) else { return (0, Vec::new()) };
    let room = &dump.room;
    let algorithm = room.rules().algorithm;
    if algorithm == Algorithm::V1 {
        return (0, Vec::new());
    }
    let Some(ruma) = RumaSide::try_new(room) else {
        println!("skipped: {name} has events that ruma's types cannot hold");
        return (0, Vec::new());
    };
    let replay = Replay::new(room, None, Profile::Ruma);
    let (mut merges, mut wrong) = (0, Vec::new());
    for merge in room.events().filter(|ix| replay.resolved(*ix)) {
        let sets = replay.inputs(merge).unwrap();
        let resolution = replay.resolve(&sets, &mut ());
        if resolution.failure.as_ref().is_some_and(|failure| failure.message.contains("not deterministic")) {
            continue;
        }
        merges += 1;
        let theirs = ruma.resolve(algorithm, &sets, replay.rejected());
        let agrees = match (&theirs, &resolution.failure) {
            (Ok(theirs), None) => {
                resolution.state.list(room).eq(theirs.iter().map(|(kind, key, id)| (&**kind, &**key, &**id)))
            }
            (Err(_), Some(_)) => true,
            _ => false,
        };
        if !agrees {
            wrong.push(format!("{name} {}: {theirs:?} against {:?}", room.id(merge), resolution.failure));
        }
    }
    (merges, wrong)
}

#[test]
fn every_conflicted_merge_agrees_with_ruma() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    dumps(&root.join("fixtures/conformance"), &mut paths);
    let here = paths.len();
    for folder in ["../shared/corpus", "../shared/real/rooms"] {
        let folder = root.join(folder);
        if folder.is_dir() {
            dumps(&folder, &mut paths);
        } else {
            println!("skipped: {} is not there", folder.display());
        }
    }
    paths.sort();
    let (merges, wrong) = paths.par_iter().map(|path| compare(path)).reduce(
        || (0, Vec::new()),
        |(merges, mut wrong), (more, also)| {
            wrong.extend(also);
            (merges + more, wrong)
        },
    );
    println!("{} dumps, {merges} conflicted merges", paths.len());
    assert!(wrong.is_empty(), "{} disagreements:\n{}", wrong.len(), wrong[..wrong.len().min(10)].join("\n"));
    assert!(here >= 30 && merges >= 300, "{here} dumps in the project, {merges} merges in all");
}
