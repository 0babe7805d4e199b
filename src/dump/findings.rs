//! Collecting findings without a flood of them.

use std::collections::BTreeMap;

use crate::report::{Code, Finding};

/// So many findings of one code are listed; the rest is counted.
pub(super) const LISTED: u64 = 1000;

/// Findings, at most [`LISTED`] of one code.
#[derive(Debug, Default)]
pub(super) struct Findings {
    list: Vec<Finding>,
    counts: BTreeMap<Code, u64>,
}

impl Findings {
    pub(super) fn push(&mut self, finding: Finding) {
        let count = self.counts.entry(finding.code).or_default();
        *count += 1;
        if *count <= LISTED {
            self.list.push(finding);
        }
    }

    /// Takes over the findings of a part of the input whose lines were counted from `lines` on.
    pub(super) fn absorb(&mut self, part: Self, lines: u64) {
        for mut finding in part.list {
            finding.line = finding.line.map(|line| line + lines);
            self.push(finding);
        }
        for (code, count) in part.counts {
            // The listed ones counted as they were pushed.
            *self.counts.entry(code).or_default() += count.saturating_sub(LISTED);
        }
    }

    pub(super) fn extend(&mut self, mut findings: Vec<Finding>) {
        findings.sort();
        for finding in findings {
            self.push(finding);
        }
    }

    /// The findings by line, event and code, with a count of those that were left out.
    pub(super) fn finish(self) -> Vec<Finding> {
        let Self { mut list, counts } = self;
        for (code, count) in counts {
            if let Some(more) = count.checked_sub(LISTED).filter(|more| *more > 0) {
                let noun = if more == 1 { "finding" } else { "findings" };
                list.push(Finding::new(code, format!("and {more} more {noun} of this kind, not listed")));
            }
        }
        list.sort();
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_summed_up() {
        let mut findings = Findings::default();
        for line in (1..=LISTED + 7).rev() {
            findings.push(Finding::new(Code::NotJson, "x").line(line));
        }
        findings.push(Finding::new(Code::Cycle, "y").line(3));
        let list = findings.finish();
        assert_eq!(list.len() as u64, LISTED + 2);
        assert_eq!(list[0].message, "and 7 more findings of this kind, not listed");
        assert!(list.is_sorted());
    }
}
