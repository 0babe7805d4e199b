//! Rooms with state DAGs (MSC4242), with what Synapse's code decides about them. Expected results come from there, never
//! from this program.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it skips"
)]

#[path = "common/shared.rs"]
mod shared;

use std::fs;
use std::path::{Path, PathBuf};

use hindsight::auth::Profile;
use hindsight::dump::{self, Options};
use hindsight::expect::Expectation;
use hindsight::replay::Replay;
use shared::shared;

fn expectations(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.to_str().unwrap().ends_with(".expected.json"));
    paths.sort();
    paths
}

fn check(path: &Path, profile: Profile) -> Vec<String> {
    let base = path.to_str().unwrap().strip_suffix(".expected.json").unwrap();
    let forced = fs::read(format!("{base}.forced.json")).ok();
    let options = Options { asserted_state: forced, ..Options::default() };
    let dump = dump::load(&fs::read(format!("{base}.ndjson")).unwrap(), &options).unwrap();
    let expected = Expectation::parse(&fs::read(path).unwrap()).unwrap();
    let replay = Replay::new(&dump.room, expected.algorithm(), profile);
    let comparison = expected.compare(&replay);
    assert!(comparison.current && comparison.unknown == 0 && comparison.events == expected.len());
    comparison.misses.iter().map(|miss| format!("{}: {miss}", path.display())).collect()
}

/// Verdicts, what waits, states before and after, calculated auth events, soft failures, extremities, current state: of 35
/// rooms, and of 11 that tell the same as rooms of version 12.
#[test]
fn state_dag_rooms_agree_with_synapse() {
    let Some(folder) = shared("corpus/statedag") else { return };
    let paths = expectations(&folder);
    assert_eq!(paths.iter().filter(|path| path.to_str().unwrap().contains(".v12.")).count(), 11);
    assert_eq!(paths.len(), 46);
    let misses: Vec<String> = paths.iter().flat_map(|path| check(path, Profile::Synapse)).collect();
    assert!(misses.is_empty(), "{}", misses.join("\n"));
}
