//! The arguments of `check`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use bytesize::ByteSize;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, ValueEnum, ValueHint};

use super::super::args::ProfileName;
use crate::batch::Shard;
use crate::resolve::Algorithm;

pub(in crate::cli) const EXAMPLES: &str = "\
Examples:
  hindsight check dumps/                              every room below a folder
  hindsight check 'backup/**/*.ndjson.zst' --jobs 8   a glob, if the shell leaves it alone
  find . -name '*.ndjson' | hindsight check --files-from -
  hindsight check corpus/ --expect beside             as NAME.expected.json beside NAME.ndjson says?
  hindsight check dumps/ --profiles spec,synapse,ruma rooms on which implementations part
  hindsight check dumps/ --against ruma               does ruma itself give what we say it gives?
  hindsight check --generated 20000 --against ruma -q the same of random rooms; shows only what differs
  hindsight check --generated 99 --profiles ruma --keep odd/
                                                      random rooms on which implementations part, as files
  hindsight check homeserver.db                       all rooms of a Synapse server, or that of --room
  hindsight check dumps/ --format junit > report.xml
  hindsight check dumps/ --format json --shard 3/8    the third of eight machines

One line a room, in the order of the paths: how it came off (ok, differs, broken), its events; those with several \
parents; of these, those whose parents' states conflict; rejected events; events whose state is unknown because there \
is a hole below them; findings; how many events are as expected; and on how many others (vs …) differ. A summary goes \
to standard error, so the outputs of all shards, one after the other, are the output of the whole (JUnit apart: one \
file each).

In folders, rooms are files in .ndjson, .jsonl or .json5, files in .json in which there are events, each perhaps \
with .gz or .zst, and folders with a scenario.json5 or room.ndjson. Hidden files, expectations and asserted states \
(*.expected*.json, *.forced.json) are not.

Exit code: 0 all rooms are ok, 1 something differs or is broken, 2 wrong usage or no rooms at all, 130 interrupted.";

/// Arguments of `check`.
#[derive(Debug, Args)]
pub(in crate::cli) struct CheckArgs {
    /// Dumps, folders with dumps anywhere below, globs, `-` for a dump on standard input, or a server's database
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath, required_unless_present_any = ["files_from", "generated"])]
    pub(super) paths: Vec<PathBuf>,

    /// Read more paths from this file (`-`: standard input), one a line, or ended by zero bytes
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) files_from: Option<PathBuf>,

    /// Check so many small random rooms too, of all room versions, honest ones and hostile ones
    #[arg(long, value_name = "N")]
    pub(super) generated: Option<u64>,

    /// The seed of the first random room; each of the others has the next
    #[arg(long, value_name = "SEED", default_value_t = 1, requires = "generated")]
    pub(super) seed: u64,

    /// Write the random rooms that are not ok into this folder
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, requires = "generated")]
    pub(super) keep: Option<PathBuf>,

    /// Compare with an expected file or a table of truth; `beside`: with those beside each dump
    ///
    /// Beside NAME.ndjson these are NAME.expected.json, NAME.expected-v2.json and the like, with the states of
    /// NAME.forced.json taken for granted, and NAME.truth.tsv (also for NAME.events.ndjson and NAME.tardis.ndjson),
    /// beside the dump of a folder expected.json. Each may be compressed. An expectation says by which
    /// algorithm it was computed, and is compared with a replay by that; and since Synapse computes both forms, in the
    /// manner of Synapse, unless --profile says otherwise.
    #[arg(long, value_name = "FILE|beside", value_hint = ValueHint::FilePath)]
    pub(super) expect: Option<PathBuf>,

    /// Replay by these profiles too, and count the events on which they differ from --profile
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PROFILE,…")]
    pub(super) profiles: Vec<ProfileName>,

    /// Replay by these algorithms too, and count the events on which they differ from --algorithm
    #[arg(long, value_parser = algorithm_parser(), value_delimiter = ',', value_name = "ALGORITHM,…")]
    pub(super) algorithms: Vec<Algorithm>,

    /// Ask this implementation itself, and compare its answers with those of the profile that stands for it
    #[arg(long, value_enum, value_name = "IMPLEMENTATION")]
    pub(super) against: Option<Implementation>,

    /// Recompute event IDs and content hashes, and report those that differ
    #[arg(long)]
    pub(super) verify: bool,

    /// Show only rooms that are not ok
    #[arg(short, long)]
    pub(super) quiet: bool,

    /// How many rooms to check at the same time [default: the number of cores]
    #[arg(short, long, value_name = "N")]
    pub(super) jobs: Option<NonZeroUsize>,

    /// About how much memory to use: a large room waits for its turn, one larger than this is checked alone at the end
    /// [default: half of what the machine has]
    #[arg(long, value_name = "SIZE")]
    pub(super) memory: Option<ByteSize>,

    /// Check only the Ith of N parts of the rooms in the order of their paths
    #[arg(long, value_name = "I/N", default_value_t = Shard::WHOLE, hide_default_value = true)]
    pub(super) shard: Shard,
}

/// Values of `--against`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Implementation {
    /// ruma-state-res, which is part of this program
    Ruma,
}

fn algorithm_parser() -> impl clap::builder::TypedValueParser<Value = Algorithm> {
    const NAMES: [&str; 3] = ["v1", "v2", "v2.1"];
    PossibleValuesParser::new(NAMES).map(|name| match &*name {
        "v1" => Algorithm::V1,
        "v2" => Algorithm::V2,
        _ => Algorithm::V2_1,
    })
}
