//! Reports as JSON Lines for programs.

use std::borrow::Cow;

use serde::Serialize;

use super::super::findings::FindingJson;
use crate::batch::{Checked, Expected, Other, Report, Ruma, Trouble};
use crate::expect::Miss;

/// The stable form of a report. What is absent from a room that could not be checked is null.
#[derive(Debug, Serialize)]
pub(super) struct RoomJson<'a> {
    path: Cow<'a, str>,
    /// "ok", "differs" or "broken".
    verdict: &'static str,
    trouble: Option<TroubleJson<'a>>,
    #[serde(flatten)]
    room: Option<CheckedJson<'a>>,
}

#[derive(Debug, Serialize)]
struct TroubleJson<'a> {
    /// "unreadable", "no_room" or "bug".
    kind: &'static str,
    message: &'a str,
}

#[derive(Debug, Serialize)]
struct CheckedJson<'a> {
    room_id: Option<&'a str>,
    room_version: &'static str,
    algorithm: &'static str,
    profile: &'static str,
    events: usize,
    merges: usize,
    conflicted: usize,
    rejected: usize,
    unknown: usize,
    failures: usize,
    findings: CountsJson,
    first_error: Option<FindingJson<'a>>,
    state_hash: Option<&'a str>,
    footing: &'static str,
    expectations: Vec<ExpectedJson<'a>>,
    differences: Vec<OtherJson<'a>>,
    ruma: Option<RumaJson<'a>>,
}

#[derive(Debug, Serialize)]
struct CountsJson {
    error: usize,
    warning: usize,
    info: usize,
}

#[derive(Debug, Serialize)]
struct ExpectedJson<'a> {
    file: Cow<'a, str>,
    algorithm: &'static str,
    /// Why the file cannot be used.
    trouble: Option<&'a str>,
    events: usize,
    agreeing: usize,
    unknown: usize,
    /// Whether the current state was compared too.
    current: bool,
    missed: usize,
    /// The first of those missed.
    misses: Vec<MissJson<'a>>,
}

#[derive(Debug, Serialize)]
struct MissJson<'a> {
    event_id: Option<&'a str>,
    aspect: &'static str,
    expected: &'a str,
    computed: &'a str,
    detail: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct OtherJson<'a> {
    profile: &'static str,
    algorithm: &'static str,
    events: usize,
    /// Whether the current state differs.
    current: bool,
    first: Option<DifferenceJson<'a>>,
}

#[derive(Debug, Serialize)]
struct DifferenceJson<'a> {
    event_id: Option<&'a str>,
    what: &'a str,
    /// By the profile and algorithm of the room.
    one: &'a str,
    /// By those of the difference.
    other: &'a str,
}

#[derive(Debug, Serialize)]
struct RumaJson<'a> {
    /// Why nothing was compared.
    trouble: Option<&'a str>,
    verdicts: usize,
    resolutions: usize,
    differences: usize,
    first: Option<RumaFirstJson<'a>>,
}

#[derive(Debug, Serialize)]
struct RumaFirstJson<'a> {
    event_id: Option<&'a str>,
    message: &'a str,
}

impl<'a> RoomJson<'a> {
    pub(super) fn new(report: &'a Report) -> Self {
        Self {
            path: report.name.to_string_lossy(),
            verdict: report.verdict().as_str(),
            trouble: report.outcome.as_ref().err().map(|trouble| {
                let (kind, message) = match trouble {
                    Trouble::Unreadable(message) => ("unreadable", message),
                    Trouble::NoRoom(message) => ("no_room", message),
                    Trouble::Bug(message) => ("bug", message),
                };
                TroubleJson { kind, message }
            }),
            room: report.outcome.as_ref().ok().map(CheckedJson::new),
        }
    }

    /// Writes one line. Characters that a terminal would obey are written as `\u` escapes.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        // Strings and numbers always have a JSON form.
        if let Ok(json) = serde_json::to_string(self) {
            out.extend_from_slice(crate::export::escape_json(&json).as_bytes());
            out.push(b'\n');
        }
    }
}

impl<'a> CheckedJson<'a> {
    fn new(checked: &'a Checked) -> Self {
        let counts = checked.findings;
        Self {
            room_id: checked.room_id.as_deref(),
            room_version: checked.room_version,
            algorithm: checked.algorithm.as_str(),
            profile: checked.profile.as_str(),
            events: checked.events,
            merges: checked.merges,
            conflicted: checked.conflicted,
            rejected: checked.rejected,
            unknown: checked.unknown,
            failures: checked.failures,
            findings: CountsJson { error: counts.error, warning: counts.warning, info: counts.info },
            first_error: checked.error.as_ref().map(FindingJson::new),
            state_hash: checked.state_hash.as_deref(),
            footing: checked.footing.as_str(),
            expectations: checked.expectations.iter().map(ExpectedJson::new).collect(),
            differences: checked.differences.iter().map(OtherJson::new).collect(),
            ruma: checked.ruma.as_ref().map(RumaJson::new),
        }
    }
}

impl<'a> ExpectedJson<'a> {
    fn new(expected: &'a Expected) -> Self {
        let comparison = expected.comparison.as_ref().ok();
        let count = |of: fn(&crate::expect::Comparison) -> usize| comparison.map_or(0, of);
        Self {
            file: expected.file.to_string_lossy(),
            algorithm: expected.algorithm.as_str(),
            trouble: expected.comparison.as_ref().err().map(String::as_str),
            events: count(|comparison| comparison.events),
            agreeing: count(|comparison| comparison.agreeing),
            unknown: count(|comparison| comparison.unknown),
            current: comparison.is_some_and(|comparison| comparison.current),
            missed: count(|comparison| comparison.missed),
            misses: comparison.map_or_else(Vec::new, |made| made.misses.iter().map(MissJson::new).collect()),
        }
    }
}

impl<'a> MissJson<'a> {
    fn new(miss: &'a Miss) -> Self {
        Self {
            event_id: miss.event_id.as_deref(),
            aspect: miss.aspect.as_str(),
            expected: &miss.expected,
            computed: &miss.computed,
            detail: miss.detail.as_deref(),
        }
    }
}

impl<'a> OtherJson<'a> {
    fn new(other: &'a Other) -> Self {
        Self {
            profile: other.profile.as_str(),
            algorithm: other.algorithm.as_str(),
            events: other.differences.events,
            current: other.differences.current,
            first: other.differences.first.as_ref().map(|first| DifferenceJson {
                event_id: first.event_id.as_deref(),
                what: &first.what,
                one: &first.one,
                other: &first.other,
            }),
        }
    }
}

impl<'a> RumaJson<'a> {
    fn new(ruma: &'a Ruma) -> Self {
        match ruma {
            Ruma::Unrepresentable(reason) => {
                Self { trouble: Some(reason), verdicts: 0, resolutions: 0, differences: 0, first: None }
            }
            Ruma::Asked { verdicts, resolutions, differences, first } => Self {
                trouble: None,
                verdicts: *verdicts,
                resolutions: *resolutions,
                differences: *differences,
                first: first
                    .as_ref()
                    .map(|(event_id, message)| RumaFirstJson { event_id: event_id.as_deref(), message }),
            },
        }
    }
}
