//! The command-line program: arguments, renderers, exit codes.
//!
//! One file a subcommand. Answers go to standard output, findings, notes and progress to standard error. Exit code 0:
//! nothing found; 1: findings of the kind the command looks for; 2: wrong usage or unusable input. A closed pipe ends
//! quietly.

mod anonymise;
mod args;
mod check;
mod compare;
mod database;
mod diagnose;
mod error;
mod export;
mod findings;
mod generate;
mod import;
mod inspect;
mod load;
mod log;
mod manual;
mod open;
mod output;
mod replay;
mod resolve;
mod rooms;
mod select;
mod shrink;
mod steps;
#[cfg(all(feature = "synapse", not(target_arch = "wasm32")))]
mod whole_file;
mod why;

use std::process::ExitCode;

use clap::Parser as _;

use self::args::{Cli, Command, OutputFormat};
use self::error::CliError;
use self::output::Ui;
use crate::describe::{marks, text};

/// Runs the program with the arguments and streams of the process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help that nobody reads to its end is no failure.
            let _ = error.print();
            return if error.use_stderr() { error::UNUSABLE.into() } else { ExitCode::SUCCESS };
        }
    };
    let mut ui = Ui::new(&cli.globals);
    let outcome = run(&cli, &mut ui).and_then(|code| ui.flush().map(|()| code));
    match outcome {
        Ok(code) => code.into(),
        Err(error) => {
            report(&error, &mut ui);
            error.code.into()
        }
    }
}

fn run(cli: &Cli, ui: &mut Ui) -> Result<u8, CliError> {
    let globals = &cli.globals;
    if globals.format == OutputFormat::Junit && !matches!(cli.command, Command::Check(_)) {
        return Err(CliError::new("--format junit is for `hindsight check`").hint("use text or json"));
    }
    match &cli.command {
        Command::Inspect(args) => inspect::run(args, globals, ui),
        Command::Log(args) => log::run(args, globals, ui),
        Command::Replay(args) => replay::run(args, globals, ui),
        Command::Resolve(args) => resolve::run(args, globals, ui),
        Command::Why(args) => why::run(args, globals, ui),
        Command::Compare(args) => compare::run(args, globals, ui),
        Command::Diagnose(args) => diagnose::run(args, globals, ui),
        Command::Check(args) => check::run(args, globals, ui),
        Command::Open(args) => open::run(args, globals, ui),
        Command::Export(args) => export::run(args, globals, ui),
        Command::Anonymise(args) => anonymise::run(args, globals, ui),
        Command::Shrink(args) => shrink::run(args, globals, ui),
        Command::Rooms(args) => rooms::run(args, globals, ui),
        Command::Import(args) => import::run(args, globals, ui),
        Command::Generate(args) => generate::run(args, globals, ui),
        Command::Completions(args) => manual::completions(args, ui),
        Command::Man(args) => manual::run(args, ui),
    }
}

fn report(error: &CliError, ui: &mut Ui) {
    if error.is_quiet() {
        return;
    }
    let theme = ui.error_theme();
    ui.say(format_args!("{} {error}", theme.bad("error:")));
    if let Some(hint) = &error.hint {
        ui.say(format_args!("{} {hint}", theme.dim("hint:")));
    }
}
