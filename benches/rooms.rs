//! Whole rooms: loading and replaying them, beside the fair baseline in the same run, and a table of the ratios.
//!
//! ```sh
//! cargo bench --bench rooms                          # r10k, r100k, conflict-heavy, wide; some minutes
//! cargo bench --bench rooms -- --quick               # without r100k, every measurement once
//! cargo bench --bench rooms -- wide                  # one room
//! HINDSIGHT_R1M=1 cargo bench --bench rooms -- r1m   # the million; with `baseline` instead of `1` beside ruma too
//! ```
//!
//! Both sides run on one thread, and times are processor time where not said otherwise: the least of several runs, but
//! the baseline replays r100k once. Hindsight judges and resolves as the profile `ruma`, makes all findings and keeps
//! all states. The bench fails if the rejected events or the state in the end are not the same on both sides.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the table and the progress go there")]

#[path = "support/mod.rs"]
mod support;
#[path = "support/table.rs"]
mod table;

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use hindsight::auth::Profile;
use hindsight::dump::{self, Options};
use hindsight::executor::{Executor, Sequential};
use hindsight::generate::{Blueprint, Preset};
use hindsight::replay::Replay;
use hindsight::resolve::Resolver;
use support::baseline::Baseline;
use support::measure::{Spread, memory, timed};
use support::threads::Threads;

/// How often both sides are measured.
const RUNS: usize = 5;
/// How often with the million events.
const HUGE_RUNS: usize = 2;
/// A baseline that takes longer than this is measured once.
const BASELINE_PATIENCE: Duration = Duration::from_secs(5);
/// The argument by which this program asks itself, in a process of its own, how much memory a room takes.
const MEMORY: &str = "--memory-of";

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What is measured of one room.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) room: &'static str,
    pub(crate) events: usize,
    pub(crate) bytes: usize,
    pub(crate) ours: Side,
    /// `None` if it was not run.
    pub(crate) baseline: Option<Side>,
    /// By wall clock: loading with one thread and with four.
    pub(crate) load_by_threads: [Duration; 2],
    /// Bytes held after the replay and at most during it, the file itself not counted.
    pub(crate) memory: Option<(u64, u64)>,
}

/// The times of one side.
#[derive(Debug, Clone)]
pub(crate) struct Side {
    pub(crate) load: Duration,
    pub(crate) replay: Duration,
    /// Of resolutions with conflicts, by wall clock.
    pub(crate) resolutions: Option<Spread>,
}

/// What both sides have to agree on.
#[derive(Debug, PartialEq, Eq)]
struct Answers {
    state_hash: String,
    rejected: BTreeSet<String>,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, path, ..] = &arguments[..]
        && flag == MEMORY
    {
        return print_memory(path.as_ref());
    }
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("nothing is measured without optimization: cargo bench --bench rooms");
        return Ok(());
    }
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let named: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let is_wanted = |preset: &Preset| {
        let by_name = named.iter().any(|name| *name == preset.as_str());
        by_name || named.is_empty() && !(quick && *preset == Preset::R100k)
    };
    let runs = if quick { 1 } else { RUNS };
    let mut table = Vec::new();
    let huge = std::env::var_os("HINDSIGHT_R1M");
    for preset in Preset::ALL.into_iter().filter(is_wanted) {
        match (preset, &huge) {
            (Preset::R1m, None) => {}
            (Preset::R1m, Some(huge)) => {
                table.push(measure(preset, runs.min(HUGE_RUNS), huge == "baseline")?);
            }
            _ => table.push(measure(preset, runs, true)?),
        }
    }
    println!("{}", table::render(&table));
    Ok(())
}

fn measure(preset: Preset, runs: usize, with_baseline: bool) -> Result<Measured> {
    let room = preset.as_str();
    eprintln!("{room}: making the room");
    let bytes = Blueprint::preset(preset).ndjson();
    eprintln!("{room}: measuring Hindsight");
    let (events, ours, our_answers) = measure_ours(&bytes, runs)?;
    let load_by_threads = [1, 4].map(|threads| wall_time_of_load(&bytes, &Threads::new(threads), runs));
    let memory = measure_memory(&bytes)?;
    let baseline = if with_baseline {
        eprintln!("{room}: measuring the baseline");
        let (baseline, their_answers) = measure_baseline(&bytes, runs)?;
        assert_eq!(our_answers, their_answers, "both sides answer alike");
        Some(baseline)
    } else {
        None
    };
    let bytes = bytes.len();
    Ok(Measured { room, events, bytes, ours, baseline, load_by_threads, memory })
}

fn measure_ours(bytes: &[u8], runs: usize) -> Result<(usize, Side, Answers)> {
    let (mut load, mut replay) = (Duration::MAX, Duration::MAX);
    for _ in 1..runs {
        let (dump, time) = load_timed(bytes, &Sequential)?;
        load = load.min(time);
        replay = replay.min(replay_timed(&dump).1);
    }
    let (dump, time) = load_timed(bytes, &Sequential)?;
    load = load.min(time);
    let (replayed, time) = replay_timed(&dump);
    replay = replay.min(time);
    let room = &dump.room;
    let resolutions = Spread::of(time_resolutions(&replayed, runs));
    let state = replayed.current().state.as_ref().ok_or("the current state is unknown")?;
    let rejected = replayed.rejected().iter().map(|ix| room.id(ix).to_owned()).collect();
    let answers = Answers { state_hash: state.hash(room), rejected };
    Ok((room.len(), Side { load, replay, resolutions }, answers))
}

fn load_timed(bytes: &[u8], executor: &dyn Executor) -> Result<(dump::Dump, Duration)> {
    let bytes = bytes.to_vec();
    let (dump, time) = timed(|| dump::load_with(bytes, &Options::default(), executor));
    Ok((dump?, time))
}

fn replay_timed(dump: &dump::Dump) -> (Replay<'_>, Duration) {
    timed(|| {
        let replay = Replay::new(&dump.room, None, Profile::Ruma);
        assert!(replay.findings().is_empty(), "nothing is recorded in a generated room");
        replay
    })
}

/// How long every resolution with conflicts takes: the least of several passes, since a pass may be interrupted.
fn time_resolutions(replay: &Replay<'_>, passes: usize) -> Vec<Duration> {
    let room = replay.room();
    let merges: Vec<_> = room.events().filter(|ix| replay.resolved(*ix)).collect();
    let mut least = vec![Duration::MAX; merges.len()];
    for _ in 0..passes {
        let mut resolver = Resolver::new(room, replay.algorithm(), replay.profile());
        for (merge, least) in merges.iter().zip(&mut least) {
            let inputs = replay.inputs(*merge).unwrap_or_default();
            let start = Instant::now();
            let resolution = resolver.resolve(&inputs, replay.rejected(), &mut ());
            *least = start.elapsed().min(*least);
            assert!(resolution.sizes.conflicts > 0, "the sets differ");
        }
    }
    least
}

fn wall_time_of_load(bytes: &[u8], threads: &Threads, runs: usize) -> Duration {
    let once = |_| {
        let bytes = bytes.to_vec();
        let start = Instant::now();
        let dump = dump::load_with(bytes, &Options::default(), threads);
        let time = start.elapsed();
        assert!(dump.is_ok(), "it was loaded before");
        time
    };
    (0..runs).map(once).min().unwrap_or_default()
}

fn measure_baseline(bytes: &[u8], runs: usize) -> Result<(Side, Answers)> {
    let (mut least, answers) = run_baseline(bytes)?;
    for _ in 1..runs {
        if least.replay > BASELINE_PATIENCE {
            break;
        }
        let (side, _) = run_baseline(bytes)?;
        least.load = least.load.min(side.load);
        least.replay = least.replay.min(side.replay);
    }
    Ok((least, answers))
}

fn run_baseline(bytes: &[u8]) -> Result<(Side, Answers)> {
    let (room, load) = timed(|| Baseline::load(bytes));
    let room = room?;
    let (outcome, replay) = timed(|| room.replay());
    let outcome = outcome?;
    let rejected = outcome.rejected.iter().map(ToString::to_string).collect();
    let answers = Answers { state_hash: outcome.state_hash(), rejected };
    Ok((Side { load, replay, resolutions: Spread::of(outcome.resolutions) }, answers))
}

/// The memory that a room takes, measured in a process of its own.
fn measure_memory(bytes: &[u8]) -> Result<Option<(u64, u64)>> {
    if memory().is_none() {
        return Ok(None);
    }
    let file = tempfile::NamedTempFile::new()?;
    fs::write(&file, bytes)?;
    let output = Command::new(std::env::current_exe()?).arg(MEMORY).arg(file.path()).output()?;
    let text = String::from_utf8(output.stdout)?;
    let numbers: Vec<u64> = text.split_whitespace().map(str::parse).collect::<std::result::Result<_, _>>()?;
    match numbers[..] {
        [held, most] => Ok(Some((held, most))),
        _ => Err(format!("no two numbers: {text:?}").into()),
    }
}

/// Loads and replays a file, and prints how much memory is held then and was at most, beside the file.
fn print_memory(path: &Path) -> Result<()> {
    let bytes = fs::read(path)?;
    let file = bytes.len() as u64;
    let dump = dump::load_with(bytes, &Options::default(), &Sequential)?;
    let replay = Replay::new(&dump.room, None, Profile::Ruma);
    let (held, most) = memory().ok_or("no /proc here")?;
    println!("{} {}", held.saturating_sub(file), most.saturating_sub(file));
    drop(replay);
    Ok(())
}
