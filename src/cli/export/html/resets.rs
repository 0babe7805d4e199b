//! What merges lost, with the evidence.

use super::super::super::diagnose::{for_advice, place_name};
use super::words::Writer;
use crate::describe::text;
use crate::diagnose::resets::{Diagnosis, Verdict, WhatIf, damage, explain_loss};
use crate::replay::Replay;

/// So many resets are told in full.
const MOST_RESETS: usize = 20;
/// Of so many repetitions the places are named.
const NAMED: usize = 5;

pub(super) fn write(page: &mut Writer<'_>, replay: &Replay<'_>, diagnosis: &Diagnosis) {
    let groups = diagnosis.grouped(&diagnosis.of(Verdict::Reset));
    page.section("resets", "State resets", |page| {
        page.paragraph("weak", |page| {
            page.out.text(
                "A state reset is a value that a merge of branches lost although nobody took it back. \"Later\" and \"at the \
                 same time\" are about knowledge: an event is later than all that it refers to, directly or through others.",
            );
        });
        if groups.is_empty() {
            page.paragraph("", |page| page.out.text("None was found."));
        }
        let what_if = WhatIf::new(replay);
        for (number, group) in groups.iter().take(MOST_RESETS).enumerate() {
            let loss = &diagnosis.losses[group.told];
            let counterfactuals = for_advice(&what_if, replay, loss);
            let node = explain_loss(
                replay.room(),
                loss,
                &damage(replay, diagnosis, group.told),
                &counterfactuals,
            );
            page.out.raw("\n");
            page.out.open("article", &[("class", "reset")]);
            page.out.open("h3", &[]);
            page.out.text(&format!("{}. ", number + 1));
            page.sentence(&node.sentence);
            page.out.close("h3");
            page.paragraph("weak", |page| {
                page.out.text("Cause ");
                page.out.leaf("b", &[], loss.cause().code.as_str());
                page.out.text(&format!("; severity {}; {}", loss.severity.as_str(), loss.class.as_str()));
            });
            page.tree(&node.children, false);
            if !group.again.is_empty() {
                again(page, diagnosis, &group.again);
            }
            page.out.close("article");
        }
        if groups.len() > MOST_RESETS {
            let more = text::number(groups.len() - MOST_RESETS);
            let hint = format!("… and {more} more; `hindsight diagnose --limit {}` tells all.", groups.len());
            page.paragraph("weak", |page| page.out.text(&hint));
        }
        others(page, diagnosis);
    });
}

fn again(page: &mut Writer<'_>, diagnosis: &Diagnosis, places: &[usize]) {
    let names: Vec<String> = places
        .iter()
        .take(NAMED)
        .map(|place| place_name(page.describer, diagnosis.losses[*place].at))
        .collect();
    let more = if places.len() > NAMED { ", …" } else { "" };
    let times = text::count(places.len(), "time");
    let again = format!("The same again {times}: {}{more}", names.join(", "));
    page.paragraph("weak", |page| page.out.text(&again));
}

/// What else was lost, by cause.
fn others(page: &mut Writer<'_>, diagnosis: &Diagnosis) {
    let counts: Vec<_> = diagnosis.by_cause().into_iter().rev().collect();
    if counts.is_empty() {
        return;
    }
    page.out.open("table", &[]);
    page.out.leaf("caption", &[], "All values that merges lost, ordinary conflicts among them");
    page.out.raw("<thead><tr>");
    for name in ["Verdict", "Cause"] {
        page.out.leaf("th", &[("scope", "col")], name);
    }
    page.out.leaf("th", &[("scope", "col"), ("class", "count")], "Values");
    page.out.raw("</tr></thead><tbody>");
    for ((verdict, code), count) in counts {
        page.out.raw("<tr>");
        page.out.leaf("td", &[], verdict.as_str());
        page.out.leaf("td", &[], code.as_str());
        page.out.leaf("td", &[("class", "count")], &text::number(count));
        page.out.raw("</tr>");
    }
    page.out.raw("</tbody></table>\n");
}
