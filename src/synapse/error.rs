//! Why a database cannot be read.

use std::fmt;
use std::io;

/// Why a database cannot be read, or what was read cannot be written.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The database, or the way to it.
    Source {
        /// What is wrong, as a sentence without a full stop. Never has a password in it.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The output.
    Write(io::Error),
}

impl Error {
    /// Something is wrong with the database or the way to it.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self::Source { message: message.into(), hint: None }
    }

    /// Says what to do.
    #[must_use]
    pub(super) fn hint(self, what: impl Into<String>) -> Self {
        match self {
            Self::Source { message, .. } => Self::Source { message, hint: Some(what.into()) },
            write @ Self::Write(_) => write,
        }
    }

    /// Says which database it is.
    #[must_use]
    pub(super) fn of(self, title: &str) -> Self {
        match self {
            Self::Source { message, hint } => Self::Source { message: format!("{title}: {message}"), hint },
            write @ Self::Write(_) => write,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source { message, .. } => f.write_str(message),
            Self::Write(error) => write!(f, "cannot write the output: {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Source { .. } => None,
            Self::Write(error) => Some(error),
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}
