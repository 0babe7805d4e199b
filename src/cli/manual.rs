//! `hindsight completions` and `hindsight man`.

use clap::CommandFactory as _;

use super::args::{Cli, CompletionsArgs, ManArgs};
use super::error::CliError;
use super::output::Ui;

/// Prints a completion script.
pub(super) fn completions(args: &CompletionsArgs, ui: &mut Ui) -> Result<u8, CliError> {
    // The generator panics where it cannot write, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "hindsight", &mut script);
    std::io::Write::write_all(ui.out(), &script)?;
    Ok(0)
}

/// Prints the manual page, or writes all of them.
pub(super) fn run(args: &ManArgs, ui: &mut Ui) -> Result<u8, CliError> {
    match &args.output {
        None => clap_mangen::Man::new(Cli::command()).render(ui.out())?,
        Some(folder) => std::fs::create_dir_all(folder)
            .and_then(|()| clap_mangen::generate_to(Cli::command(), folder))
            .map_err(|error| CliError::file("write", folder, &error))?,
    }
    Ok(0)
}
