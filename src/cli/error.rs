//! What can go wrong in the program, and the exit code it leads to.

use std::fmt;
use std::io;
use std::path::Path;

/// Exit code: wrong usage or unusable input.
pub(super) const UNUSABLE: u8 = 2;

/// Why a command stopped.
#[derive(Debug)]
pub(super) struct CliError {
    /// What is wrong, as a sentence without a full stop; may have several lines.
    pub(super) message: String,
    /// What to do about it.
    pub(super) hint: Option<String>,
    /// The exit code.
    pub(super) code: u8,
}

impl CliError {
    /// Wrong usage or unusable input.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, code: UNUSABLE }
    }

    /// Says what to do.
    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A file that cannot be read or written; `what` is "read" or "write".
    pub(super) fn file(what: &str, path: &Path, error: &io::Error) -> Self {
        let path = super::text::escape(&path.display().to_string());
        let reason = match error.kind() {
            io::ErrorKind::NotFound => "there is no such file or folder".to_owned(),
            io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            _ => error.to_string(),
        };
        Self::new(format!("cannot {what} {path}: {reason}"))
    }

    /// Nobody reads the output any more: the end of the program, but nothing to talk about.
    fn closed_pipe() -> Self {
        Self { message: String::new(), hint: None, code: 0 }
    }

    /// Whether there is nothing to say.
    pub(super) fn is_quiet(&self) -> bool {
        self.message.is_empty()
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CliError {}

impl From<io::Error> for CliError {
    /// An error on the way to standard output.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::closed_pipe();
        }
        Self::new(format!("cannot write the output: {error}"))
    }
}
