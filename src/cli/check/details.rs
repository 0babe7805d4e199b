//! What is wrong with a room, in words.

use super::super::text::{count, escape, number};
use crate::batch::{Checked, Differences, Expected, Other, Report, Ruma, Trouble};
use crate::expect::Miss;

/// So many points of one comparison are told.
const TOLD: usize = 5;

/// One line a thing, harmless for terminals; nothing if the room is ok. Lines that begin with a space belong to the one
/// before.
pub(super) fn details(report: &Report) -> Vec<String> {
    match &report.outcome {
        Err(Trouble::Unreadable(reason)) => vec![format!("cannot be read: {}", escape(reason))],
        Err(Trouble::NoRoom(reason)) => vec![escape(reason)],
        Err(Trouble::Bug(message)) => {
            let bug = "this is a bug of Hindsight, please report it, with the dump if you can";
            vec![format!("panicked: {}", escape(message)), format!(" {bug}")]
        }
        Ok(checked) => of_checked(checked),
    }
}

fn of_checked(checked: &Checked) -> Vec<String> {
    let mut lines = Vec::new();
    for expected in &checked.expectations {
        add_expected(expected, &mut lines);
    }
    for other in &checked.differences {
        add_other(other, checked, &mut lines);
    }
    if let Some(ruma) = &checked.ruma {
        add_ruma(ruma, &mut lines);
    }
    if let Some(error) = &checked.error {
        lines.push(escape(&error.to_string()));
        if checked.findings.error > 1 {
            let more = count(checked.findings.error - 1, "more error");
            lines.push(format!(" … and {more} (`hindsight inspect` shows all)"));
        }
    }
    lines
}

fn add_expected(expected: &Expected, lines: &mut Vec<String>) {
    let comparison = match &expected.comparison {
        Ok(comparison) => comparison,
        Err(reason) => {
            lines.push(format!("cannot be compared: {}", escape(reason)));
            return;
        }
    };
    if comparison.agrees() {
        return;
    }
    let file = escape(&expected.file.display().to_string());
    let points = count(comparison.missed, "point");
    lines.push(format!("not as {file} says, by {}, in {points}:", expected.algorithm));
    // Of an event the first point will do: after a wrong state before it comes a wrong state after it.
    let mut misses: Vec<&Miss> = comparison.misses.iter().collect();
    misses.dedup_by(|next, miss| next.event_id.is_some() && next.event_id == miss.event_id);
    misses.truncate(TOLD);
    lines.extend(misses.iter().map(|miss| format!(" {}", escape(&miss.to_string()))));
    if comparison.missed > misses.len() {
        lines.push(format!(" … and {} more", number(comparison.missed - misses.len())));
    }
}

fn add_other(other: &Other, checked: &Checked, lines: &mut Vec<String>) {
    let Some(first) = &other.differences.first else { return };
    let (one, two) = if other.algorithm == checked.algorithm {
        (checked.profile.as_str(), other.profile.as_str())
    } else {
        (checked.algorithm.as_str(), other.algorithm.as_str())
    };
    lines.push(format!("{one} and {two} differ on {}; first:", places(&other.differences)));
    let id = first.event_id.as_ref().map_or_else(String::new, |id| format!("{} ", escape(id)));
    let what = escape(&first.what);
    lines.push(format!(" {id}{what}: {} by {one}, {} by {two}", escape(&first.one), escape(&first.other)));
}

/// "3 events and the current state".
fn places(differences: &Differences) -> String {
    match (differences.events, differences.current) {
        (0, _) => "the current state".to_owned(),
        (events, false) => count(events, "event"),
        (events, true) => format!("{} and the current state", count(events, "event")),
    }
}

fn add_ruma(ruma: &Ruma, lines: &mut Vec<String>) {
    match ruma {
        Ruma::Asked { differences, first: Some((_, sentence)), .. } => {
            lines.push(format!("ruma itself gives {}; first:", count(*differences, "other answer")));
            lines.push(format!(" {}", escape(sentence)));
        }
        Ruma::Asked { .. } => {}
        Ruma::Unrepresentable(reason) => lines.push(format!("not compared with ruma: {}", escape(reason))),
    }
}
