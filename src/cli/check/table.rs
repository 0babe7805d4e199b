//! Reports as a table for people.

use std::io::{self, Write};

use super::super::output::Theme;
use super::super::text::{escape, number};
use super::details::details;
use crate::batch::{Checked, Expect, Report, Ruma, Settings, Verdict};

/// The columns. Which there are, and how wide, follows from the arguments alone, so that the tables of shards fit
/// together; the name, which may be of any width, comes last.
pub(super) struct Table {
    columns: Vec<Column>,
    theme: Theme,
}

struct Column {
    title: String,
    width: usize,
    cell: Box<dyn Fn(&Checked) -> String>,
}

impl Column {
    fn new(title: impl Into<String>, width: usize, cell: impl Fn(&Checked) -> String + 'static) -> Self {
        let title = title.into();
        Self { width: width.max(title.len()), title, cell: Box::new(cell) }
    }
}

impl Table {
    pub(super) fn new(settings: &Settings, theme: Theme) -> Self {
        let mut columns = vec![
            Column::new("events", 7, |room| number(room.events)),
            Column::new("merges", 7, |room| number(room.merges)),
            Column::new("conflicted", 0, |room| number(room.conflicted)),
            Column::new("rejected", 0, |room| number(room.rejected)),
            Column::new("unknown", 0, |room| number(room.unknown)),
            Column::new("findings", 0, |room| number(room.findings.error + room.findings.warning)),
        ];
        if !matches!(settings.expect, Expect::Nothing) {
            columns.push(Column::new("as expected", 0, as_expected));
        }
        for profile in settings.profiles.iter().copied().filter(|profile| *profile != settings.profile) {
            columns.push(Column::new(format!("vs {profile}"), 0, move |room| {
                differing(room, |other| other.profile == profile && other.algorithm == room.algorithm)
            }));
        }
        for algorithm in settings.algorithms.iter().copied() {
            columns.push(Column::new(format!("vs {algorithm}"), 0, move |room| {
                differing(room, |other| other.algorithm == algorithm && other.profile == room.profile)
            }));
        }
        if settings.against_ruma {
            columns.push(Column::new("vs ruma itself", 0, |room| match &room.ruma {
                Some(Ruma::Asked { differences, .. }) => number(*differences),
                _ => "-".to_owned(),
            }));
        }
        Self { columns, theme }
    }

    pub(super) fn header(&self, out: &mut Vec<u8>) {
        let titles = self.columns.iter().map(|column| format!(" {:>1$}", column.title, column.width));
        let line = format!("{:7}{}  room", "", titles.collect::<String>());
        // Writing to memory does not fail.
        let _ = writeln!(out, "{}", self.theme.heading(line));
    }

    pub(super) fn room(&self, report: &Report, out: &mut Vec<u8>) {
        let _ = self.try_room(report, out);
    }

    fn try_room(&self, report: &Report, out: &mut Vec<u8>) -> io::Result<()> {
        let verdict = report.verdict();
        let word = verdict.as_str();
        match verdict {
            Verdict::Ok => write!(out, "{:7}", self.theme.good(word))?,
            Verdict::Differs | Verdict::Broken => write!(out, "{:7}", self.theme.bad(word))?,
        }
        for column in &self.columns {
            let cell = report.outcome.as_ref().map_or_else(|_| "-".to_owned(), |room| (column.cell)(room));
            write!(out, " {cell:>0$}", column.width)?;
        }
        writeln!(out, "  {}", escape(&report.name.display().to_string()))?;
        for line in details(report) {
            writeln!(out, "        {line}")?;
        }
        Ok(())
    }
}

/// "118/120": of all events that could be compared with something.
fn as_expected(room: &Checked) -> String {
    let comparisons = || room.expectations.iter().filter_map(|expected| expected.comparison.as_ref().ok());
    if comparisons().next().is_none() {
        return "-".to_owned();
    }
    let agreeing: usize = comparisons().map(|comparison| comparison.agreeing).sum();
    let events: usize = comparisons().map(|comparison| comparison.events).sum();
    format!("{}/{}", number(agreeing), number(events))
}

fn differing(room: &Checked, is_asked: impl Fn(&crate::batch::Other) -> bool) -> String {
    let other = room.differences.iter().find(|other| is_asked(other));
    other.map_or_else(|| "-".to_owned(), |other| number(other.differences.places()))
}
