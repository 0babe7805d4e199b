//! Findings as text and JSON.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::output::{Painted, Theme, Ui};
use super::text;
use crate::report::{Code, Finding, Severity};

/// So many findings of one kind are shown in passing.
const SHOWN: usize = 3;
/// With more findings than this, one line sums them up.
const SUMMED: usize = 10;

/// The stable JSON form of a finding.
#[derive(Debug, Serialize)]
pub(super) struct FindingJson<'a> {
    severity: &'static str,
    code: &'static str,
    line: Option<u64>,
    event_id: Option<&'a str>,
    message: &'a str,
    remedy: Option<&'static str>,
    spec: Option<&'static str>,
}

impl<'a> FindingJson<'a> {
    pub(super) fn new(finding: &'a Finding) -> Self {
        Self {
            severity: finding.severity().as_str(),
            code: finding.code.as_str(),
            line: finding.line,
            event_id: finding.event.as_deref(),
            message: &finding.message,
            remedy: finding.remedy,
            spec: finding.spec,
        }
    }
}

/// Whether something was left out or is broken.
pub(super) fn has_errors(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity() == Severity::Error)
}

/// Shows what stands out on standard error: of each kind the first few.
pub(super) fn show_some(findings: &[Finding], ui: &mut Ui) {
    let theme = ui.error_theme();
    for (code, group) in by_code(findings) {
        let mut lines = Vec::new();
        for finding in group.iter().take(SHOWN) {
            // Writing to memory does not fail.
            let _ = show(finding, group.len() == 1, theme, &mut lines);
        }
        ui.say(String::from_utf8_lossy(&lines).trim_end());
        if let Some(more) = group.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            let more = format!("  … and {} more {code} (`hindsight inspect` shows all)", text::number(more));
            ui.say(theme.dim(more));
        }
    }
    if findings.len() > SUMMED {
        ui.say(theme.dim(format!("{} about the input", counts(findings))));
    }
}

/// Writes all findings in full.
pub(super) fn show_all(findings: &[Finding], ui: &mut Ui) -> io::Result<()> {
    let theme = ui.theme();
    for (_, group) in by_code(findings) {
        for finding in group {
            show(finding, true, theme, ui.out())?;
        }
    }
    Ok(())
}

/// "2 errors, 1 warning".
pub(super) fn counts(findings: &[Finding]) -> String {
    let of = |severity| findings.iter().filter(|finding| finding.severity() == severity).count();
    let parts: Vec<String> = [Severity::Error, Severity::Warning, Severity::Info]
        .into_iter()
        .filter(|severity| of(*severity) > 0)
        .map(|severity| match severity {
            Severity::Info => format!("{} for information", text::number(of(severity))),
            Severity::Error | Severity::Warning => text::count(of(severity), severity.as_str()),
        })
        .collect();
    if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
}

/// The findings of each kind, errors before warnings.
fn by_code(findings: &[Finding]) -> Vec<(Code, Vec<&Finding>)> {
    let mut groups: BTreeMap<(std::cmp::Reverse<Severity>, Code), Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        groups.entry((std::cmp::Reverse(finding.severity()), finding.code)).or_default().push(finding);
    }
    groups.into_iter().map(|((_, code), group)| (code, group)).collect()
}

fn show(finding: &Finding, in_full: bool, theme: Theme, out: &mut impl Write) -> io::Result<()> {
    write!(out, "{}", kind(finding, theme))?;
    if let Some(line) = finding.line {
        write!(out, " line {line}")?;
    }
    if let Some(event) = &finding.event {
        write!(out, " {}", theme.id(text::escape(event)))?;
    }
    writeln!(out, ": {}", text::escape(&finding.message))?;
    if in_full && let Some(remedy) = finding.remedy {
        writeln!(out, "  {} {remedy}", theme.dim("hint:"))?;
    }
    if in_full && let Some(spec) = finding.spec {
        writeln!(out, "  {} {spec}", theme.dim("spec:"))?;
    }
    Ok(())
}

fn kind(finding: &Finding, theme: Theme) -> Painted<String> {
    let text = format!("{}[{}]", finding.severity(), finding.code);
    match finding.severity() {
        Severity::Error => theme.bad(text),
        Severity::Warning => theme.warn(text),
        Severity::Info => theme.dim(text),
    }
}
