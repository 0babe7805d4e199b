//! `hindsight compare`: algorithms, profiles, a server, two dumps, or a room with and without a state DAG, side by side.

mod args;
mod replays;
mod retold;
mod rooms;
mod server;
pub(in crate::cli) mod show;

use super::args::Globals;
use super::error::CliError;
use super::load;
use super::output::Ui;
pub(super) use args::{CompareArgs, EXAMPLES};
pub(super) use replays::pairs;

pub(super) fn run(args: &CompareArgs, globals: &Globals, ui: &mut Ui) -> Result<u8, CliError> {
    let dump = load::open(globals, &args.dump, ui)?;
    if args.as_state_dag || args.without_state_dag {
        return retold::run(&dump, args, globals, ui);
    }
    if let Some(other) = &args.other {
        return rooms::run(&dump, other, args, globals, ui);
    }
    let pairs: Vec<&str> =
        args.with.iter().map(String::as_str).filter(|given| *given != args::SERVER).collect();
    if pairs.len() == args.with.len() {
        return replays::run(&dump, &pairs, args, globals, ui);
    }
    server::run(&dump, &pairs, args, globals, ui)
}
