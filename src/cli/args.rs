//! The arguments of the program.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;

use super::anonymise::{self, AnonymiseArgs};
use super::check::{self, CheckArgs};
use super::compare::{self, CompareArgs};
use super::generate::{self, GenerateArgs};
use super::import::{self, ImportArgs};
use super::rooms::{self, RoomsArgs};
use super::shrink::{self, ShrinkArgs};
use super::why::{self, WhyArgs};
use crate::auth::Profile;
use crate::dump::Holes;
use crate::event::room_version::Algorithm;

const EXAMPLES: &str = "\
Examples:
  hindsight inspect room.ndjson.gz            what is in a dump
  hindsight log fixtures/topic-vs-ban         the graph of a room as text
  hindsight resolve room.ndjson --steps       how the current state comes about, step by step
  hindsight diagnose room.ndjson              who lost what to no one's doing: state resets
  hindsight check dumps/                      many rooms at once
  hindsight open room.ndjson                  the debugger, in a window
  hindsight rooms homeserver.db               the rooms of a Synapse server
  hindsight diagnose homeserver.db --room '#ops:example.org'

DUMP is a file, `-` for standard input, or a folder with a scenario.json5 or room.ndjson in it. PDUs in \
federation format (one a line, or an array), TARDIS scenarios and federation responses are recognised; gzip \
and Zstandard are read as they are. It may also be a SOURCE, the database of a Synapse server, with --room: \
homeserver.db, synapse:PATH, or postgres://USER@HOST/DATABASE (see `hindsight import --help`).

Exit code: 0 nothing found, 1 findings of the kind the command looks for, 2 wrong usage or unusable input.";

const INSPECT_EXAMPLES: &str = "\
Examples:
  hindsight inspect room.ndjson.gz
  hindsight inspect --verify room.ndjson              recompute event IDs and content hashes
  hindsight inspect --format json room.ndjson | jq .holes
  curl … | hindsight inspect -

Exit code: 1 if there are findings of severity error.";

const LOG_EXAMPLES: &str = "\
Examples:
  hindsight log room.ndjson | less -R
  hindsight log --limit 20 room.ndjson                the last twenty events
  hindsight log --state --reverse room.ndjson         state events, oldest first

Marks:
  ◆ state event, part of the current state       ○ other event
  ● state event, replaced since                  × rejected event
  ~ an event that is not in the dump";

const REPLAY_EXAMPLES: &str = "\
Examples:
  hindsight replay room.ndjson
  hindsight replay --at '$abc' --at '$def' room.ndjson
  hindsight replay --format json --state full room.ndjson
  hindsight replay --profile synapse room.ndjson      verdicts as Synapse gives them";

const RESOLVE_EXAMPLES: &str = "\
Examples:
  hindsight resolve room.ndjson                       the current state
  hindsight resolve room.ndjson '$abc' --steps        the state before an event, step by step
  hindsight resolve room.ndjson --at '$abc' --at '$def'
                                                      the states after these events, resolved
  hindsight resolve room.ndjson --algorithm v2.1      with another algorithm
  hindsight resolve room.ndjson --state-set a.json --state-set b.json

A state set is a file with a JSON array of event IDs.";

const DIAGNOSE_EXAMPLES: &str = "\
Examples:
  hindsight diagnose room.ndjson                      the state resets of a room, the worst first
  hindsight diagnose fixtures/r0-join-rule-twin       an honest room in which a member disappears
  hindsight diagnose --what-if room.ndjson            would another algorithm, another clock have helped?
  hindsight diagnose --all room.ndjson                what was taken back legitimately, too
  hindsight diagnose --algorithm v2.1 room.ndjson     after an upgrade to room version 12

A state reset is a value that a merge lost although nobody who did not know of it took it back. What each cause \
(RETROACTIVE, ORDER_INVERSION, …) means is in the README.

Exit code: 1 if there is a state reset.";

const EXPORT_EXAMPLES: &str = "\
Examples:
  hindsight export --as dot room.ndjson | dot -Tsvg -o room.svg
  hindsight export --as scenario room.ndjson -o room.json
  hindsight export --as ndjson fixtures/topic-vs-ban
  hindsight export --as html room.ndjson -o report.html    for a bug report
  hindsight export --as html --at '$abc' room.ndjson -o report.html

  dot       Graphviz: prev_events solid, auth_events dashed
  ndjson    all events in federation format, one a line, parents first
  scenario  a TARDIS scenario, asserted states and captions included
  svg       the graph around one resolution: of small rooms all of it
  html      a report in one page that needs nothing from elsewhere: the room, its state resets
            with the evidence, the graph, the steps of one resolution, the events named";

const OPEN_EXAMPLES: &str = "\
Examples:
  hindsight open room.ndjson.gz
  hindsight open fixtures/topic-vs-ban                a room with a story
  hindsight open r3-priority-inversion                the same, built in
  hindsight open                                      choose in the window";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  hindsight completions bash > ~/.local/share/bash-completion/completions/hindsight
  hindsight completions zsh > ~/.zfunc/_hindsight
  hindsight completions fish > ~/.config/fish/completions/hindsight.fish";

const MAN_EXAMPLES: &str = "\
Examples:
  hindsight man | man -l -
  hindsight man -o ~/.local/share/man/man1            one page a command";

/// A time-travelling debugger for Matrix state resolution.
#[derive(Debug, Parser)]
#[command(name = "hindsight", version, after_long_help = EXAMPLES, max_term_width = 100)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
    #[command(flatten)]
    pub(super) globals: Globals,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show what is in a dump: room, version, forks, extremities, holes, findings
    #[command(after_long_help = INSPECT_EXAMPLES)]
    Inspect(InspectArgs),
    /// Show the graph of events as text, newest first
    #[command(after_long_help = LOG_EXAMPLES)]
    Log(LogArgs),
    /// Compute the state before and after every event
    #[command(after_long_help = REPLAY_EXAMPLES)]
    Replay(ReplayArgs),
    /// Resolve state: at events, at the forward extremities, or of given state sets
    #[command(after_long_help = RESOLVE_EXAMPLES)]
    Resolve(ResolveArgs),
    /// Tell the story of a state key, or why an event was rejected or lost
    #[command(after_long_help = why::EXAMPLES)]
    Why(WhyArgs),
    /// Show where algorithms and profiles part, at which step, and whether it heals
    #[command(after_long_help = compare::EXAMPLES)]
    Compare(CompareArgs),
    /// Find state resets: what merges lost, how, and whether somebody took it back
    #[command(after_long_help = DIAGNOSE_EXAMPLES)]
    Diagnose(DiagnoseArgs),
    /// Check many rooms at once: against expectations, profiles, algorithms, or ruma
    #[command(after_long_help = check::EXAMPLES)]
    Check(Box<CheckArgs>),
    /// Step through the room in a window: the debugger
    #[command(after_long_help = OPEN_EXAMPLES)]
    Open(OpenArgs),
    /// Write the room in another format
    #[command(after_long_help = EXPORT_EXAMPLES)]
    Export(ExportArgs),
    /// Find the smallest room that still shows something: a reset, a difference, a rejection
    #[command(after_long_help = shrink::EXAMPLES)]
    Shrink(ShrinkArgs),
    /// Replace all names and words in the room, to show it to others
    #[command(after_long_help = anonymise::EXAMPLES)]
    Anonymise(AnonymiseArgs),
    /// List the rooms of a Synapse server, with what looks like trouble
    #[command(after_long_help = rooms::EXAMPLES)]
    Rooms(RoomsArgs),
    /// Write a room of a Synapse server's database as a dump
    #[command(after_long_help = import::EXAMPLES)]
    Import(ImportArgs),
    /// Make a room: realistic or hostile, as large as wanted, always the same
    #[command(after_long_help = generate::EXAMPLES)]
    Generate(GenerateArgs),
    /// Print a completion script for a shell
    #[command(after_long_help = COMPLETIONS_EXAMPLES)]
    Completions(CompletionsArgs),
    /// Print the manual page
    #[command(after_long_help = MAN_EXAMPLES)]
    Man(ManArgs),
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct Globals {
    /// The state resolution algorithm; auto is that of the room version
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        hide_possible_values = true,
        value_name = "auto|v1|v2|v2.1"
    )]
    pub(super) algorithm: AlgorithmName,

    /// Whose behaviour to reproduce where implementations differ; by default spec, for `check --expect` synapse
    #[arg(long, global = true, value_enum, hide_possible_values = true, value_name = "spec|synapse|ruma")]
    pub(super) profile: Option<ProfileName>,

    /// Read the events under the rules of this room version, whatever the dump says
    #[arg(long, global = true, value_name = "VERSION")]
    pub(super) room_version: Option<String>,

    /// States to take for granted: a JSON file {event ID: [IDs of state events]}, the state after the event
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) asserted_state: Option<PathBuf>,

    /// The state where a parent is missing, if a server's database says what the server took it to be: that, or unknown
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "stored",
        hide_possible_values = true,
        value_name = "stored|unknown"
    )]
    pub(super) holes: HolesName,

    /// The room to look at, if the dump holds several; by default the one with most events. In a database: its ID, an
    /// alias, or the beginning of its ID
    #[arg(long, global = true, value_name = "ROOM")]
    pub(super) room: Option<String>,

    /// The database in which Synapse keeps its state groups, if they are not in the main one
    #[arg(long, global = true, value_name = "SOURCE", value_hint = ValueHint::AnyPath)]
    pub(super) state_database: Option<PathBuf>,

    /// How long a database may work on one answer; 0: as long as it likes
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 300)]
    pub(super) statement_timeout: u64,

    /// For people or for programs; for `check` also junit, for CI systems
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "text",
        hide_possible_values = true,
        value_name = "text|json"
    )]
    pub(super) format: OutputFormat,

    /// When to use colours; auto is on terminals, unless NO_COLOR is set
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        hide_possible_values = true,
        value_name = "auto|always|never"
    )]
    pub(super) color: ColorWhen,
}

impl Globals {
    /// The algorithm asked for; `None` for that of the room version.
    pub(super) fn algorithm(&self) -> Option<Algorithm> {
        match self.algorithm {
            AlgorithmName::Auto => None,
            AlgorithmName::V1 => Some(Algorithm::V1),
            AlgorithmName::V2 => Some(Algorithm::V2),
            AlgorithmName::V2_1 => Some(Algorithm::V2_1),
        }
    }

    /// The profile asked for.
    pub(super) fn profile(&self) -> Profile {
        self.profile.map_or(Profile::Spec, ProfileName::profile)
    }

    /// What to make of holes.
    pub(super) fn holes(&self) -> Holes {
        match self.holes {
            HolesName::Stored => Holes::Stored,
            HolesName::Unknown => Holes::Unknown,
        }
    }

    /// Whether the output is for programs.
    pub(super) fn is_json(&self) -> bool {
        self.format == OutputFormat::Json
    }
}

/// Values of `--algorithm`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum AlgorithmName {
    Auto,
    V1,
    V2,
    #[value(name = "v2.1")]
    V2_1,
}

/// Values of `--profile`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ProfileName {
    Spec,
    Synapse,
    Ruma,
}

impl ProfileName {
    /// The profile of this name.
    pub(super) fn profile(self) -> Profile {
        match self {
            Self::Spec => Profile::Spec,
            Self::Synapse => Profile::Synapse,
            Self::Ruma => Profile::Ruma,
        }
    }
}

/// Values of `--holes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum HolesName {
    Stored,
    Unknown,
}

/// Values of `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputFormat {
    #[value(alias = "table")]
    Text,
    Json,
    Junit,
}

/// Values of `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ColorWhen {
    Auto,
    Always,
    Never,
}

/// The dump to read.
#[derive(Debug, Args)]
pub(super) struct DumpArg {
    /// The dump: a file, `-` for standard input, or a folder with a scenario.json5 or room.ndjson
    #[arg(value_name = "DUMP", value_hint = ValueHint::AnyPath)]
    pub(super) dump: PathBuf,
}

/// Arguments of `inspect`.
#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    #[command(flatten)]
    pub(super) input: DumpArg,

    /// Recompute event IDs and content hashes, and report those that differ
    #[arg(long)]
    pub(super) verify: bool,
}

/// Arguments of `log`.
#[derive(Debug, Args)]
pub(super) struct LogArgs {
    #[command(flatten)]
    pub(super) input: DumpArg,

    /// Show only the newest N events
    #[arg(short = 'n', long, value_name = "N")]
    pub(super) limit: Option<usize>,

    /// Oldest first
    #[arg(long)]
    pub(super) reverse: bool,

    /// Show outliers too
    #[arg(long, conflicts_with = "state")]
    pub(super) all: bool,

    /// Show state events only
    #[arg(long)]
    pub(super) state: bool,

    /// The characters to draw the graph with
    #[arg(long, value_enum, default_value = "unicode")]
    pub(super) graph: GraphStyle,
}

/// Values of `log --graph`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum GraphStyle {
    Unicode,
    Ascii,
}

/// Arguments of `replay`.
#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    #[command(flatten)]
    pub(super) input: DumpArg,

    /// Show only these events (an ID, its beginning, or its name in the scenario)
    #[arg(long, value_name = "EVENT", allow_hyphen_values = true)]
    pub(super) at: Vec<String>,

    /// How to give states in JSON output
    #[arg(long, value_enum, default_value = "hash")]
    pub(super) state: StateForm,
}

/// Values of `replay --state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum StateForm {
    /// As its hash
    Hash,
    /// As a list [type, state_key, event_id]
    Full,
    /// Not at all
    None,
}

/// Arguments of `resolve`.
#[derive(Debug, Args)]
pub(super) struct ResolveArgs {
    #[command(flatten)]
    pub(super) input: DumpArg,

    /// An event (an ID, its beginning, or its name in the scenario); by default the forward extremities
    #[arg(value_name = "EVENT")]
    pub(super) event: Option<String>,

    /// As EVENT; may be given several times
    #[arg(long, value_name = "EVENT", allow_hyphen_values = true)]
    pub(super) at: Vec<String>,

    /// Resolve this state set, a JSON array of event IDs; may be given several times
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["at", "event"])]
    pub(super) state_set: Vec<PathBuf>,

    /// With --state-set: take this event for rejected; may be given several times
    #[arg(long, value_name = "EVENT", allow_hyphen_values = true, requires = "state_set")]
    pub(super) rejected: Vec<String>,

    /// Show every step of the resolution
    #[arg(long)]
    pub(super) steps: bool,
}

impl ResolveArgs {
    /// The events named, the positional one first.
    pub(super) fn events(&self) -> Vec<String> {
        self.event.iter().chain(&self.at).cloned().collect()
    }
}

/// Arguments of `diagnose`.
#[derive(Debug, Args)]
pub(super) struct DiagnoseArgs {
    #[command(flatten)]
    pub(super) input: DumpArg,

    /// Look at these merges only (an ID, its beginning, or its name in the scenario)
    #[arg(long, value_name = "EVENT", allow_hyphen_values = true)]
    pub(super) at: Vec<String>,

    /// Show legitimate and undecided losses too
    #[arg(long)]
    pub(super) all: bool,

    /// Look at every change of the current state too, as if events had arrived in topological order
    #[arg(long)]
    pub(super) every_change: bool,

    /// Say what would have been: with other algorithms and profiles, without each branch, with right clocks, …
    #[arg(long)]
    pub(super) what_if: bool,

    /// Show so many losses of each kind in text
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    pub(super) limit: usize,
}

/// Arguments of `open`.
#[derive(Debug, Args)]
pub(super) struct OpenArgs {
    /// The dump: a file, `-`, a folder with a scenario.json5 or room.ndjson, a built-in room, or a link
    #[arg(value_name = "DUMP", value_hint = ValueHint::AnyPath)]
    pub(super) dump: Option<PathBuf>,
}

/// Arguments of `export`.
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    pub(super) input: DumpArg,

    /// The format to write
    #[arg(long = "as", value_enum, value_name = "FORMAT")]
    pub(super) form: ExportForm,

    /// The file to write; by default standard output
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) output: Option<PathBuf>,

    /// With --as html or svg: the event before which the states are resolved that the report is about; of several, the
    /// states after them. By default the merge of the worst state reset, else the forward extremities
    #[arg(long, value_name = "EVENT", allow_hyphen_values = true)]
    pub(super) at: Vec<String>,

    /// With --as dot: which references to draw
    #[arg(long, value_enum, default_value = "both")]
    pub(super) edges: Edges,

    /// With --as ndjson or scenario: wrap each event that a server noted something of (outlier, rejected, soft-failed)
    /// in a record {"event_id", "event", …}, which TARDIS does not read
    #[arg(long)]
    pub(super) records: bool,
}

/// Values of `export --as`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ExportForm {
    /// Graphviz
    Dot,
    /// PDUs, one a line
    Ndjson,
    /// A TARDIS scenario
    Scenario,
    /// The graph around one resolution, as a picture
    Svg,
    /// A report for people: one page with the state resets, the graph, and the steps of one resolution
    Html,
}

/// Values of `export --edges`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Edges {
    Prev,
    Auth,
    Both,
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(super) shell: Shell,
}

/// Arguments of `man`.
#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// Write one page a command into this folder
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(super) output: Option<PathBuf>,
}
