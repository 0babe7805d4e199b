//! Checking one room.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::beside::Beside;
use super::difference::Differences;
use super::report::{Checked, Counts, Expected, Other, Report, Ruma, Trouble};
use super::source::{self, Source};
use crate::auth::Profile;
use crate::differential::{Comparison, Place, RumaRoom};
use crate::dump::{self, Dump, Format, Options};
use crate::event::room_version::Rules;
use crate::executor::Sequential;
use crate::expect::Expectation;
use crate::generate::{Mode, Plan, RoomBuilder, generate};
use crate::replay::Replay;
use crate::report::{Finding, Severity};
use crate::resolve::Algorithm;
use crate::room::Room;

/// What a room is held against.
#[derive(Debug, Clone, Default)]
pub enum Expect {
    /// Nothing.
    #[default]
    Nothing,
    /// The files beside its dump. States to take for granted (`NAME.forced.json`) are part of an expectation.
    Beside,
    /// This expectation, from this file.
    Given(PathBuf, Expectation),
}

/// How to check a room.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// How to read its dump.
    pub load: Options,
    /// The algorithm; by default that of the room version.
    pub algorithm: Option<Algorithm>,
    /// The profile.
    pub profile: Profile,
    /// What it is held against.
    pub expect: Expect,
    /// Profiles that should give the same.
    pub profiles: Vec<Profile>,
    /// Algorithms that should give the same.
    pub algorithms: Vec<Algorithm>,
    /// Ask ruma itself all questions of a replay by the profile that stands for it.
    pub against_ruma: bool,
}

/// Loads, replays and checks a room.
pub fn check(source: &Source, settings: &Settings) -> Report {
    Report { name: source.name().into_owned(), outcome: outcome(source, settings) }
}

fn outcome(source: &Source, settings: &Settings) -> Result<Checked, Trouble> {
    if let Source::Generated { seed } = source {
        let room = random_room(*seed).room();
        return Ok(of_room(&room, &[], settings, |replay| given(replay, settings).into_iter().collect()));
    }
    let beside = match (source, &settings.expect) {
        (Source::File { file, .. }, Expect::Beside) => Beside::of(file),
        _ => Beside::default(),
    };
    let mut options = settings.load.clone();
    if let Source::Made { .. } = source {
        // It is the room that was asked for, perhaps by another name.
        options.room_id = None;
    }
    if let (Some(forced), None) = (&beside.forced, &options.asserted_state) {
        options.asserted_state = Some(unpacked(forced).map_err(Trouble::Unreadable)?);
    }
    let bytes = bytes(source, options.max_size).map_err(Trouble::Unreadable)?;
    // Rooms are what is done side by side.
    let dump = dump::load_with(bytes, &options, &Sequential);
    let dump = dump.map_err(|error| Trouble::NoRoom(error.to_string()))?;
    if let Some(room_id) = &options.room_id
        && dump.room.events().all(|ix| dump.room.is_foreign(ix))
    {
        return Err(Trouble::NoRoom(format!("no event of the room {room_id} is in the dump")));
    }
    Ok(of_room(&dump.room, &dump.findings, settings, |replay| {
        given(replay, settings).into_iter().chain(expected(&beside, &dump, replay, settings)).collect()
    }))
}

/// The room behind [`Source::Generated`]: 10 to 60 events. The room version and the manner in which it comes about
/// follow from the seed too; 48 seeds in a row have all of them.
pub fn random_room(seed: u64) -> RoomBuilder {
    let versions = &Rules::ALL[..12];
    let place = |per: usize, count: usize| usize::try_from(seed / per as u64 % count as u64).unwrap_or(0);
    let mode = Mode::ALL[place(versions.len(), Mode::ALL.len())];
    generate(&Plan::new(seed, mode, &versions[place(1, versions.len())]))
}

fn of_room(
    room: &Room,
    findings: &[Finding],
    settings: &Settings,
    expectations: impl FnOnce(&Replay<'_>) -> Vec<Expected>,
) -> Checked {
    let replay = Replay::new(room, settings.algorithm, settings.profile);
    Checked {
        expectations: expectations(&replay),
        differences: others(&replay, settings),
        ruma: settings.against_ruma.then(|| ruma(&replay)),
        ..facts(findings, &replay)
    }
}

fn bytes(source: &Source, max_size: u64) -> Result<Vec<u8>, String> {
    match source {
        Source::File { file, .. } => File::open(file).and_then(|file| {
            let len = file.metadata()?.len();
            read(file, len, max_size)
        }),
        Source::Stdin => read(io::stdin().lock(), 0, max_size),
        Source::Made { make, .. } => return make.bytes(),
        Source::Unreadable { reason, .. } => return Err(reason.clone()),
        Source::Generated { .. } => Ok(Vec::new()),
    }
    .map_err(|error| source::reason(&error))
}

/// Reads to the end, but not for ever: a pipe or a device may have none. One byte more than the loader takes is read,
/// so that it notices. `len`: how many there are, as far as is known.
fn read(input: impl Read, len: u64, max_size: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One more than there is, so that the end is met without growing.
    let room = usize::try_from(len.min(max_size).saturating_add(1)).unwrap_or(usize::MAX);
    bytes.try_reserve_exact(room).map_err(|_| io::ErrorKind::OutOfMemory)?;
    input.take(max_size.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The bytes of a file without compression.
fn unpacked(file: &Path) -> Result<Vec<u8>, String> {
    let named = |reason: String| format!("{}: {reason}", file.display());
    let bytes = fs::read(file).map_err(|error| named(source::reason(&error)))?;
    dump::decompress(bytes, Options::default().max_size).map_err(|(_, why)| named(why))
}

/// Reads an expectation from a file, perhaps a compressed one.
///
/// # Errors
/// If it cannot be read or is none; a sentence without a full stop.
pub fn read_expectation(file: &Path) -> Result<Expectation, String> {
    Expectation::parse(&unpacked(file)?).map_err(|error| format!("{}: {error}", file.display()))
}

fn facts(findings: &[Finding], replay: &Replay<'_>) -> Checked {
    let room = replay.room();
    let of_replay = replay.findings();
    let findings = || findings.iter().chain(&of_replay);
    let current = replay.current();
    let placed = || room.events().filter(|ix| !room.is_outlier(*ix));
    let failures = placed().filter(|ix| replay.failure(*ix).is_some()).count();
    Checked {
        room_id: room.room_id().map(Box::from),
        room_version: room.rules().id,
        algorithm: replay.algorithm(),
        profile: replay.profile(),
        events: room.len(),
        merges: placed().filter(|ix| room.state_links(*ix).nth(1).is_some()).count(),
        conflicted: placed().filter(|ix| replay.resolved(*ix)).count(),
        rejected: replay.rejected().len(),
        unknown: placed().filter(|ix| replay.before(*ix).is_none() || replay.after(*ix).is_none()).count(),
        failures: failures + usize::from(current.failure.is_some()),
        findings: Counts::of(findings()),
        error: findings().find(|finding| finding.severity() == Severity::Error).cloned(),
        state_hash: current.state.as_ref().map(|state| state.hash(room)),
        footing: current.footing,
        expectations: Vec::new(),
        differences: Vec::new(),
        ruma: None,
    }
}

/// The expectation that was named, if there is one.
fn given(replay: &Replay<'_>, settings: &Settings) -> Option<Expected> {
    match &settings.expect {
        Expect::Nothing | Expect::Beside => None,
        Expect::Given(file, expectation) => Some(compare(file.clone(), expectation, replay)),
    }
}

/// The expectations beside a dump. With an algorithm asked for, those computed with another do not apply.
fn expected(beside: &Beside, dump: &Dump, replay: &Replay<'_>, settings: &Settings) -> Vec<Expected> {
    let mut all = Vec::new();
    if matches!(settings.expect, Expect::Beside)
        && let Some(stored) = Expectation::of_database(&dump.room)
    {
        all.push(compare("stored states".into(), &stored, replay));
    }
    for file in beside.expected.iter().chain(&beside.truth) {
        let mut read = read_expectation(file);
        // Only this form of a dump tells which events are soft-failed, without which nobody knows the extremities.
        if Some(file) == beside.truth.as_ref() && dump.format == Format::ServerEvents {
            read = read.and_then(|truth| with_current(truth, beside));
        }
        match read {
            Ok(expectation) => {
                let is_other = |algorithm| settings.algorithm.is_some_and(|asked| asked != algorithm);
                if !expectation.algorithm().is_some_and(is_other) {
                    all.push(compare(file.clone(), &expectation, replay));
                }
            }
            Err(reason) => {
                let algorithm = replay.algorithm();
                all.push(Expected { file: file.clone(), algorithm, comparison: Err(reason) });
            }
        }
    }
    all
}

/// What a server tells of the states in the dump of a file: the truth beside it, else an expected file for the algorithm
/// of its room version; and the file that tells it. `None` if there is neither.
///
/// # Errors
/// If the file is there, but cannot be read or is no expectation; a sentence without a full stop.
pub fn server_view(file: &Path, dump: &Dump) -> Result<Option<(PathBuf, Expectation)>, String> {
    let beside = Beside::of(file);
    let Some(found) = beside.truth.as_ref().or(beside.expected.first()) else { return Ok(None) };
    let mut told = read_expectation(found)?;
    if beside.truth.is_some() && dump.format == Format::ServerEvents {
        told = with_current(told, &beside)?;
    }
    Ok(Some((found.clone(), told)))
}

/// Adds the current state and the forward extremities that the server holds, if they lie beside the dump.
fn with_current(truth: Expectation, beside: &Beside) -> Result<Expectation, String> {
    let text = |file: &PathBuf| {
        let text = String::from_utf8(unpacked(file)?);
        text.map_err(|error| format!("{}: not UTF-8: {error}", file.display()))
    };
    let [state, extremities] =
        [&beside.current_state, &beside.extremities].map(|file| file.as_ref().map(text).transpose());
    Ok(truth.with_current(state?.as_deref(), extremities?.as_deref()))
}

/// Compares with the replay at hand, or with one by the algorithm of the expectation.
fn compare(file: PathBuf, expectation: &Expectation, replay: &Replay<'_>) -> Expected {
    let algorithm = expectation.algorithm().unwrap_or(replay.algorithm());
    let comparison = if algorithm == replay.algorithm() {
        expectation.compare(replay)
    } else {
        expectation.compare(&Replay::new(replay.room(), Some(algorithm), replay.profile()))
    };
    Expected { file, algorithm, comparison: Ok(comparison) }
}

/// Replays by the other profiles, and by the other algorithms.
fn others(replay: &Replay<'_>, settings: &Settings) -> Vec<Other> {
    let profiles = settings.profiles.iter().map(|profile| (replay.algorithm(), *profile));
    let algorithms = settings.algorithms.iter().map(|algorithm| (*algorithm, replay.profile()));
    let mut done = vec![(replay.algorithm(), replay.profile())];
    let mut others = Vec::new();
    for (algorithm, profile) in profiles.chain(algorithms) {
        if !done.contains(&(algorithm, profile)) {
            done.push((algorithm, profile));
            let other = Replay::new(replay.room(), Some(algorithm), profile);
            let differences = Differences::between(replay, &other);
            others.push(Other { profile, algorithm, differences });
        }
    }
    others
}

fn ruma(replay: &Replay<'_>) -> Ruma {
    let room: &Room = replay.room();
    let own = (replay.profile() != Profile::Ruma)
        .then(|| Replay::new(room, Some(replay.algorithm()), Profile::Ruma));
    let replay = own.as_ref().unwrap_or(replay);
    let theirs = match RumaRoom::of_replay(replay) {
        Ok(theirs) => theirs,
        Err(reason) => return Ruma::Unrepresentable(reason.to_string()),
    };
    let comparison = Comparison::new(replay, &theirs);
    let first = comparison.differences.first().map(|first| {
        let event = match first.place {
            Place::Event(ix) => Some(room.id(ix).into()),
            Place::Current | Place::Sets => None,
        };
        (event, first.describe(room))
    });
    Ruma::Asked {
        verdicts: comparison.verdicts,
        resolutions: comparison.resolutions,
        differences: comparison.differences.len(),
        first,
    }
}
