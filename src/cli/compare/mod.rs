//! `hindsight compare`: algorithms, profiles, a server, or two dumps, side by side.

mod args;
mod replays;
pub(in crate::cli) mod show;

use super::args::Globals;
use super::error::CliError;
use super::output::Ui;
pub(super) use args::{CompareArgs, EXAMPLES};
pub(super) use replays::pairs;

pub(super) fn run(args: &CompareArgs, globals: &Globals, ui: &mut Ui) -> Result<u8, CliError> {
    replays::run(args, globals, ui)
}
