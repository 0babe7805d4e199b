//! The command-line program; everything is in [`hindsight::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    hindsight::cli::main()
}
