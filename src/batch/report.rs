//! What is found out about one room.

use std::path::PathBuf;

use super::difference::Differences;
use crate::auth::Profile;
use crate::expect;
use crate::replay::Footing;
use crate::report::{Finding, Severity};
use crate::resolve::Algorithm;

/// How a room came off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Nothing was found.
    Ok,
    /// It is not as expected, or those who were asked do not agree.
    Differs,
    /// It could not be checked, or parts of the input are unusable.
    Broken,
}

impl Verdict {
    /// The name in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Differs => "differs",
            Self::Broken => "broken",
        }
    }
}

/// What is found out about one room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The name of the room: its path.
    pub name: PathBuf,
    /// What was found out, or why nothing was.
    pub outcome: Result<Checked, Trouble>,
}

/// Why a room could not be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The file cannot be read; a sentence without a full stop.
    Unreadable(String),
    /// There is no room in it; a sentence without a full stop.
    NoRoom(String),
    /// Hindsight itself failed: a bug, with the message of the panic.
    Bug(String),
}

/// What was found out about a room that could be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The room ID, if any event tells it.
    pub room_id: Option<Box<str>>,
    /// The room version.
    pub room_version: &'static str,
    /// The algorithm used.
    pub algorithm: Algorithm,
    /// The profile used.
    pub profile: Profile,
    /// The number of events.
    pub events: usize,
    /// Events with several parents.
    pub merges: usize,
    /// Of these: those whose parents' states differ, so that a resolution had something to do.
    pub conflicted: usize,
    /// Rejected events.
    pub rejected: usize,
    /// Events with a place in the DAG before or after which the state is unknown, because there is a hole below them.
    pub unknown: usize,
    /// Resolutions in which the implementation that the profile stands for would fail.
    pub failures: usize,
    /// The number of findings of each severity.
    pub findings: Counts,
    /// The first finding of severity error.
    pub error: Option<Finding>,
    /// The hash of the current state; `None` if that is unknown.
    pub state_hash: Option<String>,
    /// How far the current state can be relied on.
    pub footing: Footing,
    /// How far the room is as expected.
    pub expectations: Vec<Expected>,
    /// How other replays differ from this one.
    pub differences: Vec<Other>,
    /// How ruma's answers differ, if they were asked for.
    pub ruma: Option<Ruma>,
}

/// Findings by severity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Something in the input is broken.
    pub error: usize,
    /// Something is odd.
    pub warning: usize,
    /// For information.
    pub info: usize,
}

impl Counts {
    /// Counts findings.
    pub fn of<'a>(findings: impl Iterator<Item = &'a Finding>) -> Self {
        let mut counts = Self::default();
        for finding in findings {
            match finding.severity() {
                Severity::Error => counts.error += 1,
                Severity::Warning => counts.warning += 1,
                Severity::Info => counts.info += 1,
            }
        }
        counts
    }
}

/// A room held against one expectation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The file it is in.
    pub file: PathBuf,
    /// The algorithm it was computed with.
    pub algorithm: Algorithm,
    /// How far they agree; or why the file cannot be used, a sentence without a full stop.
    pub comparison: Result<expect::Comparison, String>,
}

/// Another replay of the room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    /// Its profile.
    pub profile: Profile,
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// Where it differs from the main one.
    pub differences: Differences,
}

/// What ruma says about the room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ruma {
    /// Its types cannot hold an event of the room, so nothing was compared; a sentence without a full stop.
    Unrepresentable(String),
    /// It was asked.
    Asked {
        /// Verdicts compared.
        verdicts: usize,
        /// Resolutions compared.
        resolutions: usize,
        /// Answers that differ.
        differences: usize,
        /// The first of them: the event it is about, if it is about one, and a sentence without a full stop.
        first: Option<(Option<Box<str>>, String)>,
    },
}

impl Report {
    /// How the room came off.
    pub fn verdict(&self) -> Verdict {
        self.outcome.as_ref().map_or(Verdict::Broken, Checked::verdict)
    }
}

impl Checked {
    /// How the room came off.
    pub fn verdict(&self) -> Verdict {
        let misses = |expected: &Expected| expected.comparison.as_ref().is_ok_and(|made| !made.agrees());
        let differs = self.expectations.iter().any(misses)
            || self.differences.iter().any(|other| other.differences.places() > 0)
            || matches!(self.ruma, Some(Ruma::Asked { differences: 1.., .. }));
        let is_broken =
            self.findings.error > 0 || self.expectations.iter().any(|expected| expected.comparison.is_err());
        match (differs, is_broken) {
            (true, _) => Verdict::Differs,
            (false, true) => Verdict::Broken,
            (false, false) => Verdict::Ok,
        }
    }
}
