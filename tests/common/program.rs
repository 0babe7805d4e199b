//! The program, as people and scripts run it.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::process::{Command, Output, Stdio};

/// The program, away from whatever the one who tests has set.
pub(crate) fn hindsight(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hindsight"));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null());
    for variable in ["NO_COLOR", "CLICOLOR_FORCE", "COLUMNS"] {
        command.env_remove(variable);
    }
    for (variable, _) in std::env::vars_os() {
        if variable.as_encoded_bytes().starts_with(b"PG") {
            command.env_remove(variable);
        }
    }
    command
}

pub(crate) fn run(arguments: &[&str]) -> Output {
    hindsight(arguments).output().unwrap()
}

/// What goes to standard output where nothing goes wrong.
pub(crate) fn stdout(arguments: &[&str]) -> Vec<u8> {
    let output = run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    output.stdout
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Why the program refuses: in words, with exit code 2 and nothing on standard output.
pub(crate) fn refusal(output: &Output) -> String {
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    failure(output)
}

/// Why the program gives up, perhaps after a part of its output.
pub(crate) fn failure(output: &Output) -> String {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(!text.contains("panicked"), "{text}");
    text
}

/// Exit code, standard output and standard error in one text, for snapshots.
pub(crate) fn transcript(output: &Output) -> String {
    let mut transcript = format!("exit code {}\n", output.status.code().unwrap());
    for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        if !bytes.is_empty() {
            // The program is called hindsight.exe on Windows.
            let text = String::from_utf8_lossy(bytes).replace("hindsight.exe", "hindsight");
            transcript.push_str(&format!("--- {name}\n{text}"));
        }
    }
    transcript
}
