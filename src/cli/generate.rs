//! `hindsight generate`: rooms as large as wanted.

use std::io::{self, IsTerminal as _, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum, ValueHint};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::Globals;
use super::error::CliError;
use super::output::Ui;
use super::text;
use crate::event::room_version::Rules;
use crate::generate::{Blueprint, Mode, Plan, Preset, generate};

pub(super) const EXAMPLES: &str = "\
Examples:
  hindsight generate > room.ndjson                    1,000 events, 50 members, 10 servers
  hindsight generate --seed 7 --mode netsplit | hindsight inspect --verify -
  hindsight generate --events 300000 --members 20000 --room-version 12 -o room.ndjson
  hindsight generate --mode adversarial --events 20000 | hindsight check --against ruma -
  hindsight generate --preset r100k | zstd > r100k.ndjson.zst

The same arguments give the same room, on every machine. Event IDs and content hashes are real, signatures are left \
out, parents come first.";

/// Arguments of `generate`.
#[derive(Debug, Args)]
pub(super) struct GenerateArgs {
    /// Begin with this well-known room; the other options change it
    #[arg(long, value_enum, value_name = "NAME")]
    preset: Option<PresetName>,

    /// The number of events
    #[arg(long, value_name = "N")]
    events: Option<usize>,

    /// About how many users are joined in the end
    #[arg(long, value_name = "N")]
    members: Option<usize>,

    /// The number of servers
    #[arg(long, value_name = "N")]
    servers: Option<u16>,

    /// Where the randomness begins
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,

    /// In what manner the room comes about
    #[arg(long, value_enum, default_value = "realistic")]
    mode: ModeName,

    /// How many events lie between the beginnings of two netsplits; 0: there is none
    #[arg(long, value_name = "N")]
    netsplit_every: Option<usize>,

    /// How many events a netsplit lasts
    #[arg(long, value_name = "N")]
    netsplit_length: Option<usize>,

    /// The file to write; by default standard output
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
}

/// Values of `--preset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PresetName {
    /// 10,000 events, 500 members
    R10k,
    /// 100,000 events, 5,000 members
    R100k,
    /// 1,000,000 events, 50,000 members
    R1m,
    /// 20,000 events; every 20 a merge of states that conflict on about 15 keys
    ConflictHeavy,
    /// 20,000 events; 64 servers cut off from one another for the last 2,000, and an event that merges them all
    Wide,
}

/// Values of `--mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ModeName {
    /// Servers lag behind, and are cut off now and then; nobody does anything illegal
    Realistic,
    /// As realistic, but servers are cut off from one another most of the time
    Netsplit,
    /// As realistic, but clocks stand still or run wild
    Skew,
    /// A third of the servers listen to nobody for a while and go on: bans evaded, powers used that were lost; they cite
    /// stale auth events, forge times and depths, and send what nobody may send
    Adversarial,
    /// Whatever can be sent at all: wrong and missing auth events, content of every wrong type, several create events,
    /// events put far back; at most 1,000 events
    Malformed,
}

/// Every event is chosen with all others in view, so the time grows with the square of the room.
const MOST_MALFORMED: usize = 1_000;

pub(super) fn run(args: &GenerateArgs, globals: &Globals, ui: &mut Ui) -> Result<u8, CliError> {
    if args.mode == ModeName::Malformed {
        let room = malformed(args, globals, ui)?;
        ui.write(args.output.as_deref(), |out| out.write_all(room.as_bytes()))?;
        return Ok(0);
    }
    let blueprint = blueprint(args, globals)?;
    ui.write(args.output.as_deref(), |out| make(&blueprint, out))?;
    Ok(0)
}

/// A room full of what servers should not send, as a dump.
fn malformed(args: &GenerateArgs, globals: &Globals, ui: &Ui) -> Result<String, CliError> {
    let shaped = args.preset.is_some() || args.members.is_some() || args.servers.is_some();
    if shaped || args.netsplit_every.is_some() || args.netsplit_length.is_some() {
        let message = "a malformed room has its own servers, members and netsplits";
        return Err(
            CliError::new(message).hint("leave out all options but --seed, --events and --room-version")
        );
    }
    let events = args.events.unwrap_or(200);
    if events > MOST_MALFORMED {
        let message = format!("a malformed room has at most {MOST_MALFORMED} events");
        return Err(CliError::new(message).hint("take several with different seeds"));
    }
    let rules = match &globals.room_version {
        Some(version) => rules(version)?,
        None => Blueprint::preset(Preset::R10k).rules,
    };
    let plan = Plan { seed: args.seed, mode: Mode::Adversarial, rules, events };
    Ok(ui.busy("making the room", || generate(&plan).ndjson()))
}

fn rules(version: &str) -> Result<&'static Rules, CliError> {
    Rules::of(version).ok_or_else(|| {
        let known: Vec<&str> = Rules::ALL.iter().map(|rules| rules.id).collect();
        CliError::new(format!("room version {} is not known", text::escape(version)))
            .hint(format!("known are {}", known.join(", ")))
    })
}

fn blueprint(args: &GenerateArgs, globals: &Globals) -> Result<Blueprint, CliError> {
    let mut blueprint = match args.preset {
        Some(PresetName::R10k) => Blueprint::preset(Preset::R10k),
        Some(PresetName::R100k) => Blueprint::preset(Preset::R100k),
        Some(PresetName::R1m) => Blueprint::preset(Preset::R1m),
        Some(PresetName::ConflictHeavy) => Blueprint::preset(Preset::ConflictHeavy),
        Some(PresetName::Wide) => Blueprint::preset(Preset::Wide),
        None => {
            let events = args.events.unwrap_or(1_000);
            Blueprint { events, members: events / 20, servers: 10, ..Blueprint::preset(Preset::R10k) }
        }
    };
    if let Some(version) = &globals.room_version {
        blueprint.rules = rules(version)?;
    }
    blueprint.seed = args.seed;
    blueprint.events = args.events.unwrap_or(blueprint.events);
    blueprint.members = args.members.unwrap_or(blueprint.members);
    blueprint.servers = args.servers.map_or(blueprint.servers, usize::from);
    match args.mode {
        ModeName::Realistic | ModeName::Malformed => {}
        ModeName::Netsplit => blueprint = blueprint.with_mode(Mode::Netsplit),
        ModeName::Skew => blueprint = blueprint.with_mode(Mode::Skew),
        ModeName::Adversarial => blueprint = blueprint.with_mode(Mode::Adversarial),
    }
    blueprint.netsplits.every = args.netsplit_every.unwrap_or(blueprint.netsplits.every);
    blueprint.netsplits.length = args.netsplit_length.unwrap_or(blueprint.netsplits.length);
    Ok(blueprint)
}

/// Writes the room, and shows how far it is.
fn make(blueprint: &Blueprint, out: &mut dyn Write) -> io::Result<()> {
    let mut progress = Progress::new(blueprint.events);
    let made = blueprint.make(|line| {
        progress.advance();
        out.write_all(line)
    });
    progress.bar.finish_and_clear();
    made.map(|_| ())
}

/// Work shorter than this shows no progress.
const PATIENCE: Duration = Duration::from_secs(1);
/// Every so many events the clock is looked at.
const OFTEN: u64 = 1024;

/// A bar on standard error, if a person looks at it and it takes long enough.
struct Progress {
    bar: ProgressBar,
    start: Instant,
    done: u64,
    is_shown: bool,
}

impl Progress {
    fn new(events: usize) -> Self {
        let bar = ProgressBar::with_draw_target(Some(events as u64), ProgressDrawTarget::hidden());
        if let Ok(style) =
            ProgressStyle::with_template("{bar:20} {percent:>3} %  {human_pos} events, {eta} left")
        {
            bar.set_style(style);
        }
        Self { bar, start: Instant::now(), done: 0, is_shown: !io::stderr().is_terminal() }
    }

    fn advance(&mut self) {
        self.done += 1;
        if !self.done.is_multiple_of(OFTEN) {
            return;
        }
        if !self.is_shown && self.start.elapsed() >= PATIENCE {
            self.is_shown = true;
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.set_position(self.done);
    }
}
