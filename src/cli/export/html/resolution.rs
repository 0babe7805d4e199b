//! One resolution: what went in, what was in dispute, every step, and what came out.

use std::collections::BTreeMap;

use super::super::chosen::{Chosen, Reason};
use super::words::Writer;
use crate::describe::text;
use crate::explain::explain_steps;
use crate::replay::Replay;
use crate::room::{EventIx, Link};
use crate::state::{Conflict, StateMap, conflicts};

/// So many states that are merged are named.
const MOST_HEADS: usize = 30;
/// So many keys in dispute are listed.
const MOST_KEYS: usize = 100;
/// So many candidates for one key.
const MOST_CANDIDATES: usize = 12;

pub(super) fn write(page: &mut Writer<'_>, replay: &Replay<'_>, chosen: &Chosen) {
    page.section("resolution", "The resolution", |page| {
        page.paragraph("lead", |page| {
            page.out.text("How ");
            page.sentence(&chosen.title());
            page.out.text(" came about. ");
            page.out.text(match chosen.reason {
                Reason::Asked => "",
                Reason::WorstReset => "The worst state reset is there.",
                Reason::Current => "No merge has a state reset.",
                Reason::Last => {
                    "No merge has a state reset, and with one forward extremity there is nothing to resolve now; this is the \
                     last resolution before it."
                }
            });
        });
        heads(page, &chosen.heads(replay));
        match &chosen.sets {
            Some(sets) if !sets.is_empty() => resolve(page, replay, chosen, sets),
            _ => page.paragraph("", |page| {
                page.out.text("There is nothing to resolve: what the state rests on is not in the dump.");
            }),
        }
    });
}

fn heads(page: &mut Writer<'_>, heads: &[Link]) {
    if heads.is_empty() {
        return;
    }
    let merged = format!("Merged are the states after {}:", text::count(heads.len(), "event"));
    page.paragraph("", |page| page.out.text(&merged));
    page.out.raw("<ol>");
    for head in heads.iter().take(MOST_HEADS) {
        page.out.raw("<li>");
        match head {
            Link::Event(ix) => page.described(*ix),
            Link::Missing(_) => page.link(*head),
        }
        page.out.raw("</li>");
    }
    if heads.len() > MOST_HEADS {
        let more = format!("… and {} more", text::number(heads.len() - MOST_HEADS));
        page.out.leaf("li", &[("class", "weak")], &more);
    }
    page.out.raw("</ol>\n");
}

fn resolve(page: &mut Writer<'_>, replay: &Replay<'_>, chosen: &Chosen, sets: &[StateMap]) {
    let mut steps = Vec::new();
    let resolution = replay.resolve_at(chosen.merge(), sets, &mut steps);
    if let Some(failure) = &resolution.failure {
        let who = replay.profile().as_str();
        let message =
            format!("{who} fails here: {}. What follows is what the specification gives.", failure.message);
        page.paragraph("verdict bad", |page| page.out.text(&message));
    }
    let disputed = conflicts(sets);
    if disputed.is_empty() {
        page.paragraph("", |page| page.out.text("These states are the same: nothing was in dispute."));
    } else {
        keys(page, &disputed, &resolution.state);
    }
    page.out.leaf("h3", &[], "Step by step");
    page.was_cut = false;
    page.tree(&explain_steps(replay.room(), &steps), true);
    if page.was_cut {
        page.paragraph("weak", |page| {
            page.out.text("Long lists are shortened here. ");
            page.out.leaf("code", &[], "hindsight resolve --steps");
            page.out.text(" tells all of it.");
        });
    }
    let state = format!(
        "The outcome has {}; state hash {}.",
        text::count(resolution.state.len(), "key"),
        resolution.state.hash(replay.room())
    );
    page.paragraph("weak", |page| page.out.text(&state));
}

/// What was in dispute: the candidates for each key, and which one was kept.
fn keys(page: &mut Writer<'_>, disputed: &[Conflict], state: &StateMap) {
    page.out.open("table", &[]);
    let caption = format!("In dispute: {}", text::count(disputed.len(), "key"));
    page.out.leaf("caption", &[], &caption);
    page.out.raw("<thead><tr>");
    for name in ["Key", "Candidates", "Kept"] {
        page.out.leaf("th", &[("scope", "col")], name);
    }
    page.out.raw("</tr></thead><tbody>");
    for conflict in disputed.iter().take(MOST_KEYS) {
        page.out.raw("<tr>");
        page.out.open("th", &[("scope", "row")]);
        let key = page.describer.key(conflict.key);
        page.out.leaf("bdi", &[], &key);
        page.out.raw("</th><td>");
        candidates(page, conflict);
        page.out.raw("</td><td>");
        match state.get(conflict.key) {
            Some(ix) => page.event(ix),
            None => page.out.text("nothing"),
        }
        page.out.raw("</td></tr>");
    }
    page.out.raw("</tbody></table>\n");
    if disputed.len() > MOST_KEYS {
        let more = format!("… and {} more keys", text::number(disputed.len() - MOST_KEYS));
        page.paragraph("weak", |page| page.out.text(&more));
    }
}

fn candidates(page: &mut Writer<'_>, conflict: &Conflict) {
    let mut counts: BTreeMap<EventIx, usize> = BTreeMap::new();
    for (_, event) in conflict.values.held() {
        *counts.entry(event).or_default() += 1;
    }
    let without = conflict.values.len() - conflict.values.held().len();
    let in_states = |page: &mut Writer<'_>, count: usize| {
        if conflict.values.len() > 2 {
            page.out.text(&format!(" in {}", text::count(count, "state")));
        }
    };
    page.out.raw("<ul>");
    for (event, count) in counts.iter().take(MOST_CANDIDATES) {
        page.out.raw("<li>");
        page.described(*event);
        in_states(page, *count);
        page.out.raw("</li>");
    }
    if counts.len() > MOST_CANDIDATES {
        let more = format!("… and {} more", text::number(counts.len() - MOST_CANDIDATES));
        page.out.leaf("li", &[("class", "weak")], &more);
    }
    if without > 0 {
        page.out.raw("<li>nothing");
        in_states(page, without);
        page.out.raw("</li>");
    }
    page.out.raw("</ul>");
}
