//! Reports as JUnit XML for CI systems: one test suite, one test case a room.
//!
//! A file of that form has one root and counts at its beginning, so it is written at the end, and those of shards stand
//! side by side. No times are in it: the same rooms give the same file.

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::super::error::CliError;
use super::super::output::Ui;
use super::super::text::escape;
use super::details::details;
use crate::batch::{Report, Shard, Verdict};

pub(super) struct Junit {
    suite: TestSuite,
}

impl Junit {
    pub(super) fn new(shard: Shard) -> Self {
        let name = match shard {
            Shard::WHOLE => "rooms".to_owned(),
            _ => format!("rooms, shard {shard}"),
        };
        Self { suite: TestSuite::new(name) }
    }

    pub(super) fn room(&mut self, report: &Report) {
        let details = details(report);
        let verdict = report.verdict();
        let kind = match verdict {
            Verdict::Ok => None,
            Verdict::Differs => Some(NonSuccessKind::Failure),
            Verdict::Broken => Some(NonSuccessKind::Error),
        };
        let status = kind.map_or_else(TestCaseStatus::success, |kind| {
            let mut status = TestCaseStatus::non_success(kind);
            status.set_type(verdict.as_str()).set_description(details.join("\n"));
            // The first line, and the second if it belongs to that.
            let first =
                details.iter().enumerate().take_while(|(place, line)| *place == 0 || line.starts_with(' '));
            let first: Vec<&str> = first.take(2).map(|(_, line)| &**line).collect();
            status.set_message(first.concat());
            status
        });
        let mut case = TestCase::new(escape(&report.name.display().to_string()), status);
        case.set_classname("hindsight check");
        if let Ok(room) = &report.outcome {
            let facts = format!("{} events, room version {}", room.events, room.room_version);
            case.set_system_out(facts);
        }
        self.suite.add_test_case(case);
    }

    pub(super) fn write(self, ui: &mut Ui) -> Result<(), CliError> {
        let mut report = quick_junit::Report::new("hindsight check");
        report.add_test_suite(self.suite);
        let xml = report.to_string().map_err(|error| CliError::new(format!("cannot write XML: {error}")))?;
        ui.send(xml.as_bytes())
    }
}
