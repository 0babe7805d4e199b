//! Hindsight's profile `ruma` against ruma-state-res itself, on every verdict and conflicted merge of the corpora and of
//! the rooms of real servers.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it skips"
)]

use std::fs;
use std::path::{Path, PathBuf};

use hindsight::auth::Profile;
use hindsight::differential::{Comparison, RumaRoom};
use hindsight::dump::{self, Options};
use hindsight::replay::Replay;
use rayon::prelude::*;

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

/// Compares a dump with ruma; returns how many verdicts and resolutions there were, and what differs.
fn compare(path: &Path) -> (usize, usize, Vec<String>) {
    let name = path.display();
    let Ok(dump) = dump::load(&fs::read(path).unwrap(), &Options::default()) else {
        return (0, 0, Vec::new());
    };
    let room = &dump.room;
    let replay = Replay::new(room, None, Profile::Ruma);
    // Where auth events are calculated, ruma is given those.
    let ruma = match RumaRoom::of_replay(&replay) {
        Ok(ruma) => ruma,
        Err(error) => {
            println!("skipped: {name}: {error}");
            return (0, 0, Vec::new());
        }
    };
    let comparison = Comparison::new(&replay, &ruma);
    let differences = comparison.differences.iter();
    let wrong = differences.map(|difference| format!("{name}: {}", difference.describe(room))).collect();
    (comparison.verdicts, comparison.resolutions, wrong)
}

#[test]
fn every_verdict_and_merge_agrees_with_ruma() {
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
    let (verdicts, merges, wrong) = paths.par_iter().map(|path| compare(path)).reduce(
        || (0, 0, Vec::new()),
        |mut sum, (verdicts, merges, wrong)| {
            sum.2.extend(wrong);
            (sum.0 + verdicts, sum.1 + merges, sum.2)
        },
    );
    println!("{} dumps, {verdicts} verdicts, {merges} conflicted merges", paths.len());
    assert!(wrong.is_empty(), "{} disagreements:\n{}", wrong.len(), wrong[..wrong.len().min(10)].join("\n"));
    assert!(here >= 30 && merges >= 300, "{here} dumps in the project, {merges} merges in all");
}
