//! What all rooms together came to.

use std::time::{Duration, Instant};

use super::super::error::CliError;
use super::super::output::Ui;
use super::super::text::{count, number};
use crate::auth::Profile;
use crate::batch::{Expect, Report, Ruma, Settings, Verdict};

/// Totals over the rooms that are done.
pub(super) struct Summary {
    rooms: usize,
    jobs: usize,
    profile: Profile,
    /// Expectations are looked for beside the dumps.
    beside: bool,
    start: Instant,
    done: usize,
    differing: usize,
    broken: usize,
    events: usize,
    /// Rooms that were held against an expectation, and those that have none.
    expected: usize,
    unexpected: usize,
    compared: usize,
    agreeing: usize,
    answers: usize,
    unrepresentable: usize,
}

impl Summary {
    pub(super) fn new(rooms: usize, jobs: usize, settings: &Settings) -> Self {
        Self {
            rooms,
            jobs,
            profile: settings.profile,
            beside: matches!(settings.expect, Expect::Beside),
            start: Instant::now(),
            done: 0,
            differing: 0,
            broken: 0,
            events: 0,
            expected: 0,
            unexpected: 0,
            compared: 0,
            agreeing: 0,
            answers: 0,
            unrepresentable: 0,
        }
    }

    pub(super) fn add(&mut self, report: &Report) {
        self.done += 1;
        match report.verdict() {
            Verdict::Ok => {}
            Verdict::Differs => self.differing += 1,
            Verdict::Broken => self.broken += 1,
        }
        let Ok(checked) = &report.outcome else { return };
        self.events += checked.events;
        if checked.expectations.is_empty() {
            self.unexpected += 1;
        } else {
            self.expected += 1;
        }
        for comparison in checked.expectations.iter().filter_map(|expected| expected.comparison.as_ref().ok())
        {
            self.compared += comparison.events;
            self.agreeing += comparison.agreeing;
        }
        match &checked.ruma {
            Some(Ruma::Asked { verdicts, resolutions, .. }) => self.answers += verdicts + resolutions,
            Some(Ruma::Unrepresentable(_)) => self.unrepresentable += 1,
            None => {}
        }
    }

    pub(super) fn is_incomplete(&self) -> bool {
        self.done < self.rooms
    }

    pub(super) fn exit_code(&self) -> u8 {
        u8::from(self.differing + self.broken > 0)
    }

    /// A room that is to be held against an expectation and has none passes; that none has one is most likely a slip.
    pub(super) fn insist_on_expectations(&self) -> Result<(), CliError> {
        if self.beside && self.expected == 0 && self.unexpected > 0 {
            let hint = "beside NAME.ndjson it is NAME.expected.json or NAME.truth.tsv";
            return Err(CliError::new("no room has an expectation beside it").hint(hint));
        }
        Ok(())
    }

    /// "120/2,000 rooms, 40 rooms/s, 5,000 events/s".
    pub(super) fn progress(&self) -> String {
        let (rooms, events) = self.rates(self.start.elapsed());
        format!("{}/{} rooms, {rooms} rooms/s, {events} events/s", number(self.done), number(self.rooms))
    }

    pub(super) fn show(&self, interrupted: bool, ui: &mut Ui) {
        let theme = ui.error_theme();
        if interrupted {
            let rooms = format!("{} of {}", number(self.done), count(self.rooms, "room"));
            ui.say(format_args!("{} {rooms}", theme.warn("interrupted,")));
        }
        let ok = self.done - self.differing - self.broken;
        let mut parts = vec![theme.good(format!("{} ok", number(ok))).to_string()];
        for (rooms, what) in [(self.differing, "not as it should be"), (self.broken, "broken")] {
            if rooms > 0 {
                parts.push(theme.bad(format!("{} {what}", number(rooms))).to_string());
            }
        }
        ui.say(format_args!("{}: {}", count(self.done, "room"), parts.join(", ")));
        self.show_comparisons(ui);
        let elapsed = self.start.elapsed();
        let (rooms, events) = self.rates(elapsed);
        ui.say(format_args!(
            "{} in {:.2} s: {rooms} rooms/s, {events} events/s with {}",
            count(self.events, "event"),
            elapsed.as_secs_f64(),
            count(self.jobs, "job"),
        ));
    }

    fn show_comparisons(&self, ui: &mut Ui) {
        if self.expected > 0 {
            let (agreeing, compared) = (number(self.agreeing), count(self.compared, "expected event"));
            ui.say(format_args!("{agreeing} of {compared} agree, in {}", count(self.expected, "room")));
        }
        if self.agreeing < self.compared {
            ui.note(format_args!(
                "an expectation holds for whom it was made with; these rooms were replayed with `--profile {}`",
                self.profile
            ));
        }
        if self.beside && self.unexpected > 0 && self.expected > 0 {
            let rooms = count(self.unexpected, "room");
            ui.note(format_args!("nothing is expected of {rooms}: no such file lies beside"));
        }
        if self.answers > 0 {
            ui.say(format_args!("{} of ruma compared", count(self.answers, "answer")));
        }
        if self.unrepresentable > 0 {
            let rooms = count(self.unrepresentable, "room");
            ui.note(format_args!(
                "{rooms} not compared with ruma, whose types cannot hold some event of theirs"
            ));
        }
    }

    /// Rooms and events a second.
    fn rates(&self, elapsed: Duration) -> (String, String) {
        let seconds = elapsed.as_secs_f64().max(1e-3);
        let rate = |amount: usize| match amount as f64 / seconds {
            slow if slow < 10.0 => format!("{slow:.1}"),
            fast => number(fast as u64),
        };
        (rate(self.done), rate(self.events))
    }
}
