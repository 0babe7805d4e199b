//! `hindsight check`: many rooms at once.

mod args;
mod details;
mod interrupt;
mod json;
mod junit;
mod progress;
mod summary;
mod table;

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

pub(super) use self::args::{CheckArgs, EXAMPLES};
use self::interrupt::Interrupt;
use self::json::RoomJson;
use self::junit::Junit;
use self::progress::Progress;
use self::summary::Summary;
use self::table::Table;
use super::args::{Globals, OutputFormat};
use super::error::CliError;
use super::output::Ui;
use super::{database, load};
use crate::auth::Profile;
use crate::batch::{
    self, Expect, Limits, Next, Ordered, Report, Running, Settings, Source, Trouble, Verdict,
};
use crate::dump::Options;

/// How often to look for Ctrl-C and to send what is there.
const TICK: Duration = Duration::from_millis(100);
/// Send what is there also when it is so much.
const FULL: usize = 1 << 16;
/// Exit code: interrupted, as shells have it for Ctrl-C.
const INTERRUPTED: u8 = 130;

pub(super) fn run(args: &CheckArgs, globals: &Globals, ui: &mut Ui) -> Result<u8, CliError> {
    let jobs = args.jobs.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let settings = settings(args, globals, ui)?;
    let rooms = Arc::new(rooms(args, globals, jobs, ui)?);
    let limits = Limits { jobs, memory: args.memory.map_or_else(memory, |size| size.as_u64()) };
    let printer = Printer::new(args, globals, &settings, ui);
    let mut check = Check {
        summary: Summary::new(rooms.len(), jobs, &settings),
        progress: Progress::new(rooms.iter().map(Source::cost).sum()),
        ordered: Ordered::default(),
        printer,
        rooms,
        keep: args.keep.clone(),
        ui,
    };
    let interrupt = Interrupt::watch();
    let interrupted = check.run(limits, settings, &interrupt)?;
    let Check { printer, progress, summary, .. } = check;
    progress.end();
    printer.end(ui)?;
    ui.flush()?;
    summary.show(interrupted, ui);
    if interrupted {
        return Ok(INTERRUPTED);
    }
    if args.shard == batch::Shard::WHOLE {
        summary.insist_on_expectations()?;
    }
    Ok(summary.exit_code())
}

/// The rooms of the shard.
fn rooms(args: &CheckArgs, globals: &Globals, jobs: usize, ui: &mut Ui) -> Result<Vec<Source>, CliError> {
    let mut paths = args.paths.clone();
    if let Some(list) = &args.files_from {
        paths.extend(listed(&load::read(list, ui)?));
    }
    let databases: Vec<PathBuf> = paths.extract_if(.., |path| database::is_database(path)).collect();
    let found = ui.busy("looking for rooms", || batch::discover(&paths, jobs));
    let mut rooms = found.map_err(|error| CliError::new(super::text::escape(&error.to_string())))?;
    for argument in &databases {
        rooms.extend(database::rooms(globals, argument, ui)?);
    }
    let seeds = args.seed..args.seed.saturating_add(args.generated.unwrap_or(0));
    rooms.extend(seeds.map(|seed| Source::Generated { seed }));
    if rooms.is_empty() {
        let hint = "rooms are files in .ndjson, .jsonl, .json5 or .json (also .gz or .zst), and folders with a \
                    scenario.json5 or room.ndjson";
        return Err(CliError::new("there is no room to check").hint(hint));
    }
    let range = args.shard.range(rooms.len());
    rooms.truncate(range.end);
    Ok(rooms.split_off(range.start))
}

/// The paths of a list, one a line; or ended by zero bytes, as `find -print0` does.
fn listed(list: &[u8]) -> Vec<PathBuf> {
    let end = if list.contains(&0) { 0 } else { b'\n' };
    let lines = list.split(|byte| *byte == end).map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    lines.filter(|line| !line.is_empty()).map(path).collect()
}

#[cfg(unix)]
fn path(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    std::ffi::OsStr::from_bytes(bytes).into()
}

#[cfg(not(unix))]
fn path(bytes: &[u8]) -> PathBuf {
    String::from_utf8_lossy(bytes).into_owned().into()
}

fn settings(args: &CheckArgs, globals: &Globals, ui: &Ui) -> Result<Settings, CliError> {
    let asserted_state = globals.asserted_state.as_deref().map(|path| load::read(path, ui)).transpose()?;
    let expect = match &args.expect {
        None => Expect::Nothing,
        Some(path) if path.as_os_str() == "beside" => Expect::Beside,
        Some(path) => {
            let read = batch::read_expectation(path);
            let expectation = read.map_err(|reason| CliError::new(super::text::escape(&reason)))?;
            Expect::Given(path.clone(), expectation)
        }
    };
    Ok(Settings {
        load: Options {
            room_version: globals.room_version.clone(),
            room_id: globals.room.clone(),
            asserted_state,
            verify: args.verify,
            ..Options::default()
        },
        algorithm: globals.algorithm(),
        profile: match globals.profile {
            // Who writes expectations and tables of truth is Synapse.
            None if args.expect.is_some() => Profile::Synapse,
            _ => globals.profile(),
        },
        expect,
        profiles: args.profiles.iter().map(|name| name.profile()).collect(),
        algorithms: args.algorithms.clone(),
        against_ruma: args.against.is_some(),
    })
}

/// Half of the memory of the machine, or of what the process may use of it.
fn memory() -> u64 {
    use sysinfo::{MemoryRefreshKind, RefreshKind, System};
    let refresh = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(refresh);
    let told = [Some(system.total_memory()), system.cgroup_limits().map(|limits| limits.total_memory)];
    // Where the system tells nothing it is the size of a small machine.
    told.into_iter().flatten().filter(|bytes| *bytes > 0).min().unwrap_or(4 << 30) / 2
}

/// A check in progress.
struct Check<'a> {
    ui: &'a mut Ui,
    rooms: Arc<Vec<Source>>,
    /// The folder for random rooms that are not ok.
    keep: Option<PathBuf>,
    ordered: Ordered<Report>,
    printer: Printer,
    progress: Progress,
    summary: Summary,
}

impl Check<'_> {
    /// Checks all rooms; returns whether somebody stopped it.
    fn run(&mut self, limits: Limits, settings: Settings, interrupt: &Interrupt) -> Result<bool, CliError> {
        let costs: Vec<u64> = self.rooms.iter().map(Source::cost).collect();
        let rooms = Arc::clone(&self.rooms);
        let work = move |number: usize| batch::check(&rooms[number], &settings);
        let running = Running::start(costs, limits, work)
            .map_err(|error| CliError::new(format!("cannot start the workers: {error}")))?;
        let mut sent = Instant::now();
        loop {
            match running.next(TICK) {
                Next::Done(number, outcome) => self.take(number, outcome)?,
                Next::Nothing => {}
                Next::End => break,
            }
            if interrupt.came() {
                break;
            }
            if sent.elapsed() >= TICK || self.printer.pending.len() > FULL {
                self.send()?;
                sent = Instant::now();
            }
        }
        for report in std::mem::take(&mut self.ordered).rest() {
            self.printer.room(&report);
        }
        self.send()?;
        Ok(self.summary.is_incomplete())
    }

    fn take(&mut self, number: usize, outcome: batch::Outcome<Report>) -> Result<(), CliError> {
        let room = &self.rooms[number];
        let bug = |panic| Report { name: room.name().into_owned(), outcome: Err(Trouble::Bug(panic)) };
        let report = outcome.unwrap_or_else(bug);
        if let (Some(folder), Source::Generated { seed }) = (&self.keep, room)
            && report.verdict() != Verdict::Ok
        {
            keep(folder, *seed)?;
        }
        self.summary.add(&report);
        self.progress.advance(room.cost(), &self.summary);
        self.ordered.put(number, report);
        while let Some(report) = self.ordered.take() {
            self.printer.room(&report);
        }
        Ok(())
    }

    /// Sends what is printed so far.
    fn send(&mut self) -> Result<(), CliError> {
        if self.printer.pending.is_empty() {
            return Ok(());
        }
        let (ui, pending) = (&mut *self.ui, &self.printer.pending);
        self.progress.suspended(|| ui.send(pending))?;
        self.printer.pending.clear();
        Ok(())
    }
}

/// Writes a random room into a folder.
fn keep(folder: &Path, seed: u64) -> Result<(), CliError> {
    let file = folder.join(format!("seed-{seed}.ndjson"));
    let written =
        fs::create_dir_all(folder).and_then(|()| fs::write(&file, batch::random_room(seed).ndjson()));
    written.map_err(|error| CliError::file("write", &file, &error))
}

/// Reports as text.
struct Printer {
    form: Form,
    quiet: bool,
    pending: Vec<u8>,
}

enum Form {
    Table(Table),
    Json,
    Junit(Box<Junit>),
}

impl Printer {
    fn new(args: &CheckArgs, globals: &Globals, settings: &Settings, ui: &Ui) -> Self {
        let mut pending = Vec::new();
        let form = match globals.format {
            OutputFormat::Json => Form::Json,
            OutputFormat::Junit => Form::Junit(Box::new(Junit::new(args.shard))),
            OutputFormat::Text => {
                let table = Table::new(settings, ui.theme());
                // Of all shards the first has it, so that it is there once in the whole.
                if args.shard.is_first() {
                    table.header(&mut pending);
                }
                Form::Table(table)
            }
        };
        Self { form, quiet: args.quiet, pending }
    }

    fn room(&mut self, report: &Report) {
        if self.quiet && report.verdict() == Verdict::Ok {
            return;
        }
        match &mut self.form {
            Form::Table(table) => table.room(report, &mut self.pending),
            Form::Json => RoomJson::new(report).write(&mut self.pending),
            Form::Junit(junit) => junit.room(report),
        }
    }

    /// Prints what can be said only at the end.
    fn end(self, ui: &mut Ui) -> Result<(), CliError> {
        match self.form {
            Form::Table(_) | Form::Json => Ok(()),
            Form::Junit(junit) => junit.write(ui),
        }
    }
}
