//! What the report is about, in a few lines and a table.

use super::words::Writer;
use crate::describe::{marks, text};
use crate::diagnose::resets::{Diagnosis, Verdict, loss_title};
use crate::dump::Dump;
use crate::explain::Tone;
use crate::replay::{Footing, Replay};
use crate::report::{Finding, Severity};
use crate::room::{EventIx, Room};

/// So many resets are named at the top.
const NAMED: usize = 3;
/// So many forward extremities.
const MOST_EXTREMITIES: usize = 10;
/// So many findings.
const MOST_FINDINGS: usize = 50;

/// The answer, before anything else.
pub(super) fn verdict(page: &mut Writer<'_>, diagnosis: &Diagnosis) {
    let groups = diagnosis.grouped(&diagnosis.of(Verdict::Reset));
    if groups.is_empty() {
        let merges = text::count(diagnosis.merges, "resolution");
        let answer = format!("No state reset was found in {merges}.");
        page.paragraph("verdict good", |page| page.out.text(&answer));
        return;
    }
    page.out.open("div", &[("class", "verdict bad")]);
    let count = text::count(groups.len(), "state reset");
    let answer = if groups.len() > 1 { format!("{count}, the worst first:") } else { format!("{count}:") };
    page.paragraph("", |page| {
        page.out.leaf("strong", &[], &answer);
    });
    page.out.raw("<ul>");
    for group in groups.iter().take(NAMED) {
        let loss = &diagnosis.losses[group.told];
        page.out.raw("<li>");
        page.line(Tone::Plain, &loss_title(loss));
        page.out.text(&format!(" ({}, {})", loss.cause().code.as_str(), loss.severity.as_str()));
        page.out.raw("</li>");
    }
    if groups.len() > NAMED {
        let more = format!("and {} more below", text::number(groups.len() - NAMED));
        page.out.leaf("li", &[], &more);
    }
    page.out.raw("</ul></div>\n");
}

/// What is in the room.
pub(super) fn write(
    page: &mut Writer<'_>,
    dump: &Dump,
    replay: &Replay<'_>,
    diagnosis: &Diagnosis,
    findings: &[Finding],
) {
    page.section("summary", "Summary", |page| {
        page.out.open("table", &[("class", "facts")]);
        page.out.leaf("caption", &[], "The room and how it was resolved");
        page.out.raw("<tbody>");
        for (name, value) in facts(dump, replay, diagnosis, findings) {
            fact(page, name, |page| page.out.leaf("bdi", &[], &value));
        }
        let extremities = &replay.current().extremities;
        fact(page, "Forward extremities", |page| {
            page.out.text(&text::number(extremities.len()));
            for (number, ix) in extremities.iter().take(MOST_EXTREMITIES).enumerate() {
                page.out.text(if number == 0 { ": " } else { ", " });
                page.event(*ix);
            }
            if extremities.len() > MOST_EXTREMITIES {
                page.out.text(", …");
            }
        });
        page.out.raw("</tbody></table>\n");
    });
}

fn fact(page: &mut Writer<'_>, name: &str, value: impl FnOnce(&mut Writer<'_>)) {
    page.out.raw("<tr>");
    page.out.leaf("th", &[("scope", "row")], name);
    page.out.raw("<td>");
    value(page);
    page.out.raw("</td></tr>\n");
}

fn facts(
    dump: &Dump,
    replay: &Replay<'_>,
    diagnosis: &Diagnosis,
    findings: &[Finding],
) -> Vec<(&'static str, String)> {
    let room = &dump.room;
    let count = |test: &dyn Fn(EventIx) -> bool| room.events().filter(|ix| test(*ix)).count();
    let state_events = count(&|ix| room.event(ix).is_state());
    let has_several = |ix| !room.is_outlier(ix) && room.state_links(ix).nth(1).is_some();
    let (merges, resolved) = (count(&has_several), count(&|ix| replay.resolved(ix)));
    let holes = count(&|ix| !marks::gaps(room, ix).is_empty());
    let current = replay.current();
    let mut facts = vec![
        ("Room ID", room.room_id().unwrap_or("unknown").to_owned()),
        ("Room version", room.rules().id.to_owned()),
        ("Resolved by", format!("algorithm {}, profile {}", replay.algorithm(), replay.profile())),
        (
            "Events",
            format!(
                "{}, {} of them state; {} rejected",
                text::number(room.len()),
                text::number(state_events),
                text::number(replay.rejected().len())
            ),
        ),
        ("Forks", text::number(count(&|ix| room.state_children(ix).len() > 1))),
        ("Merges", format!("{}, {} of them with a conflict", text::number(merges), text::number(resolved))),
        ("Keys in conflict", text::number(diagnosis.conflicts)),
        ("Holes", text::number(holes)),
        ("Findings", counts(findings)),
        (
            "Current state",
            match &current.state {
                Some(state) => format!("{}, hash {}", text::count(state.len(), "key"), state.hash(room)),
                None => "unknown".to_owned(),
            },
        ),
    ];
    if current.footing == Footing::Asserted {
        facts.push(("Rests on", "a state that was asserted, not computed".to_owned()));
    }
    if let Some(title) = &room.annotations().title {
        facts.insert(0, ("Title", text::shorten(title, 200)));
    }
    facts.extend(time(room));
    facts
}

fn time(room: &Room) -> Option<(&'static str, String)> {
    let times = || room.events().map(|ix| room.event(ix).origin_server_ts());
    let (first, last) = (times().min()?, times().max()?);
    Some(("Time", format!("{} to {} UTC", text::date_time(first), text::date_time(last))))
}

fn counts(findings: &[Finding]) -> String {
    super::super::super::findings::counts(findings)
}

/// What is wrong with the input.
pub(super) fn findings(page: &mut Writer<'_>, room: &Room, findings: &[Finding]) {
    if findings.is_empty() {
        return;
    }
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| std::cmp::Reverse(finding.severity()));
    page.section("findings", "Findings about the input", |page| {
        page.out.raw("<table><thead><tr>");
        for name in ["Severity", "Kind", "Event", "What"] {
            page.out.leaf("th", &[("scope", "col")], name);
        }
        page.out.raw("</tr></thead><tbody>\n");
        for finding in sorted.iter().take(MOST_FINDINGS) {
            row(page, room, finding);
        }
        page.out.raw("</tbody></table>\n");
        if sorted.len() > MOST_FINDINGS {
            let more = text::number(sorted.len() - MOST_FINDINGS);
            let hint = format!("… and {more} more; `hindsight inspect` shows all.");
            page.paragraph("weak", |page| page.out.text(&hint));
        }
    });
}

fn row(page: &mut Writer<'_>, room: &Room, finding: &Finding) {
    page.out.raw("<tr>");
    let class = if finding.severity() == Severity::Error { "bad" } else { "" };
    page.out.leaf("td", &[("class", class)], finding.severity().as_str());
    page.out.leaf("td", &[], finding.code.as_str());
    page.out.raw("<td>");
    match finding.event.as_deref().map(|id| (id, room.find(id))) {
        Some((_, Some(ix))) => page.event(ix),
        Some((id, None)) => page.out.leaf("bdi", &[], &text::shorten(id, 60)),
        None => {}
    }
    if let Some(line) = finding.line {
        page.out.text(&format!(" line {}", text::number(line)));
    }
    page.out.raw("</td><td>");
    page.out.leaf("bdi", &[], &text::shorten(&finding.message, 400));
    if let Some(remedy) = finding.remedy {
        page.out.text(&format!(" ({remedy})"));
    }
    page.out.raw("</td></tr>\n");
}
