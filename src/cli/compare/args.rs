//! The arguments of `compare`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::super::args::Globals;
use super::super::error::CliError;
use super::super::text;
use crate::auth::Profile;
use crate::replay::Pair;
use crate::resolve::Algorithm;

/// The name of the server that the dump is from.
pub(super) const SERVER: &str = "server";

pub(in crate::cli) const EXAMPLES: &str = "\
Examples:
  hindsight compare room.ndjson --with spec --with synapse   do implementations part here?
  hindsight compare room.ndjson --with v2 --with v2.1        what would another algorithm change?
  hindsight compare room.ndjson --with v2.1:spec --with v2.1:synapse --with v2.1:ruma
  hindsight compare room.ndjson --with v2.1 --state-set a.json --state-set b.json
                                                             on these state sets only
  hindsight compare room.ndjson --with server                did the server compute its states right?
  hindsight compare alpha.ndjson beta.ndjson                 one room as two servers see it
  hindsight compare room.ndjson --as-state-dag               would a state DAG have prevented this reset?

`server` stands for the states in NAME.truth.tsv or NAME.expected.json beside the dump (or --truth), and those \
asserted in the dump. Only where deviations begin is told, and how many events rest on it; where a parent is missing, \
the state that the server was told by others is the origin. By default it is held against --profile synapse.

Replays are compared with the first one named, or with that of --algorithm and --profile if only one is. They part \
where they answer the same question differently; what merely follows from that is counted. `healed` says where a \
difference is gone again.

With --as-state-dag every event names, in place of its auth_events, the latest state events that its sender knew of; asserted states are left behind, for a state DAG has no place for them. The events get new IDs, in the same order where that can matter.

Exit code: 1 if anything differs.";

/// Arguments of `compare`.
#[derive(Debug, Args)]
pub(in crate::cli) struct CompareArgs {
    /// The dump: a file, `-` for standard input, or a folder with a scenario.json5 or room.ndjson
    #[arg(value_name = "DUMP", value_hint = ValueHint::AnyPath)]
    pub(super) dump: PathBuf,

    /// Another dump of the same room
    #[arg(value_name = "OTHER", value_hint = ValueHint::AnyPath, conflicts_with_all = ["with", "state_set", "truth"])]
    pub(super) other: Option<PathBuf>,

    /// Replay by this algorithm and profile: v2, v2.1:synapse, ruma; or `server`; may be given several times
    #[arg(long, value_name = "ALGORITHM[:PROFILE]|server", required_unless_present_any = ["other", "as_state_dag", "without_state_dag"])]
    pub(super) with: Vec<String>,

    /// With --with server: the states it holds, as a table or as an expected file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "with")]
    pub(super) truth: Option<PathBuf>,

    /// Compare how this state set, a JSON array of event IDs, is resolved with others; may be given several times
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) state_set: Vec<PathBuf>,

    /// With --state-set: take this event for rejected; may be given several times
    #[arg(long, value_name = "EVENT", allow_hyphen_values = true, requires = "state_set")]
    pub(super) rejected: Vec<String>,

    /// Tell the room, of version 12, anew as one with a state DAG (MSC4242), and compare both
    #[arg(long, conflicts_with_all = ["other", "with", "state_set", "truth"])]
    pub(super) as_state_dag: bool,

    /// Tell the room, which has a state DAG, anew as one of version 12, and compare both
    #[arg(long, conflicts_with_all = ["other", "with", "state_set", "truth", "as_state_dag"])]
    pub(super) without_state_dag: bool,

    /// With either of these: write the room told anew to this file, as NDJSON
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) save: Option<PathBuf>,

    /// Show so many places in full; JSON output has all of them
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    pub(super) limit: usize,
}

/// What a `--with` names.
pub(super) fn pair(given: &str, algorithm: Algorithm, globals: &Globals) -> Result<Pair, CliError> {
    let unknown = || {
        CliError::new(format!("{} is no algorithm and no profile", text::shorten(given, 60))).hint(
            "algorithms are auto, v1, v2 and v2.1, profiles spec, synapse and ruma: v2.1, ruma, v2:synapse",
        )
    };
    let algorithm_of = |name: &str| match name {
        "auto" => Some(algorithm),
        _ => Pair::ALGORITHMS.into_iter().find(|algorithm| algorithm.as_str() == name),
    };
    let profile_of = |name: &str| Profile::ALL.into_iter().find(|profile| profile.as_str() == name);
    let (algorithm, profile) = match given.split_once(':') {
        Some((first, second)) => (algorithm_of(first), profile_of(second)),
        None => match profile_of(given) {
            Some(profile) => (Some(globals.algorithm().unwrap_or(algorithm)), Some(profile)),
            None => (algorithm_of(given), Some(globals.profile())),
        },
    };
    algorithm.zip(profile).map(|(algorithm, profile)| Pair { algorithm, profile }).ok_or_else(unknown)
}
