//! Why an event was accepted or rejected, and how the state here came to hold what it holds under a key.

use std::cmp::Reverse;

use egui::{ScrollArea, Ui};

use super::pair;
use crate::app::context::Context;
use crate::app::inspector::auth::{node_ui, tone_mark};
use crate::app::line::{Line, focus, nothing_ui};
use crate::app::theme::size;
use crate::describe::Describer;
use crate::diagnose::resets::{Loss, Verdict, damage, explain_loss};
use crate::explain::{Node, Sentence, Span, Tone, explain_rejection, sentence};
use crate::resolve::step::Step;
use crate::room::{EventIx, KeyIx, Room};
use crate::session::{Command, Cursor, Pair, Position, Steps};

/// So many changes of a key are told, the last one first.
const CHAPTERS: usize = 12;
/// Of so many merges the steps are told.
const EXPLAINED: usize = 2;

/// What the tab keeps.
#[derive(Debug, Default)]
pub(in crate::app) struct WhyView {
    story: Option<(Question, Story)>,
}

/// What the story depends on.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Question {
    at: Position,
    pair: Pair,
    event: Option<EventIx>,
    key: Option<KeyIx>,
    /// Somebody has looked for losses.
    diagnosed: bool,
}

#[derive(Debug, Default)]
struct Story {
    /// What is lost at the cursor, and how.
    losses: Vec<Node>,
    verdict: Option<(Tone, Sentence)>,
    holder: Option<Sentence>,
    chapters: Vec<Chapter>,
    /// What the merge at the cursor has decided.
    outcome: Vec<(Tone, Sentence)>,
    /// There are older changes.
    goes_on: bool,
}

/// One change of the key.
#[derive(Debug)]
struct Chapter {
    at: Position,
    tone: Tone,
    sentence: Sentence,
    /// The steps of the merge that are about the key.
    steps: Vec<(usize, Tone, Sentence)>,
}

/// Draws the tab.
pub(in crate::app) fn why_ui(ui: &mut Ui, cx: &Context<'_>, view: &mut WhyView) {
    let session = cx.session;
    let event = focus(cx);
    let key = session.selection().key(session.room()).or_else(|| session.room().key_of(event?));
    let diagnosed = session.diagnosis().is_some();
    let question = Question { at: session.cursor().event, pair: pair(cx), event, key, diagnosed };
    if view.story.as_ref().is_none_or(|(known, _)| *known != question) {
        view.story = Some((question, tell(cx, question)));
    }
    let Some((_, story)) = &view.story else { return };
    let describer = session.describer();
    if let Some(ix) = event {
        super::event_title_ui(ui, cx, ix);
    }
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        if let Some((tone, verdict)) = &story.verdict {
            let (mark, color) = tone_mark(*tone, cx.tokens);
            Line::new(ui, cx, &describer).tinted(mark, color).sentence(verdict).show(ui);
            ui.separator();
        }
        for loss in &story.losses {
            node_ui(ui, cx, &describer, loss, 0);
            ui.separator();
        }
        match &story.holder {
            Some(holder) => {
                Line::new(ui, cx, &describer).color(cx.tokens.strong).sentence(holder).show(ui);
            }
            None => {
                nothing_ui(
                    ui,
                    cx,
                    "Select a state event or a state key to see why the state holds what it holds",
                );
            }
        }
        outcome_ui(ui, cx, &describer, &story.outcome);
        for chapter in &story.chapters {
            chapter_ui(ui, cx, &describer, chapter);
        }
        if story.goes_on {
            nothing_ui(ui, cx, "There are older changes; go back to see them");
        }
    });
}

/// What the merge at the cursor decided, where no key is asked about.
fn outcome_ui(ui: &mut Ui, cx: &Context<'_>, describer: &Describer<'_>, outcome: &[(Tone, Sentence)]) {
    if outcome.is_empty() {
        return;
    }
    ui.add_space(size::GAP);
    ui.label(egui::RichText::new("What the merge here decided").color(cx.tokens.strong));
    for (tone, sentence) in outcome {
        let (mark, color) = tone_mark(*tone, cx.tokens);
        Line::new(ui, cx, describer).tinted(mark, color).sentence(sentence).show(ui);
    }
}

fn chapter_ui(ui: &mut Ui, cx: &Context<'_>, describer: &Describer<'_>, chapter: &Chapter) {
    ui.add_space(size::GAP);
    let (mark, color) = tone_mark(chapter.tone, cx.tokens);
    Line::new(ui, cx, describer).tinted(mark, color).sentence(&chapter.sentence).show(ui);
    for (step, tone, sentence) in &chapter.steps {
        ui.horizontal_top(|ui| {
            ui.add_space(size::SPACE);
            let button = ui.small_button(format!("Step {}", step + 1));
            if button.on_hover_text("Go to this step of the resolution").clicked() {
                cx.send(Command::Seek(Cursor { event: chapter.at, step: Some(*step) }));
            }
            let (mark, color) = tone_mark(*tone, cx.tokens);
            Line::new(ui, cx, describer).tinted(mark, color).sentence(sentence).show(ui);
        });
    }
}

fn tell(cx: &Context<'_>, question: Question) -> Story {
    let verdict = question.event.map(|ix| verdict(cx, ix));
    let mut story = Story { verdict, losses: losses(cx, question), ..Story::default() };
    let Some(key) = question.key else {
        story.outcome = cx.session.steps().map(outcome).unwrap_or_default();
        return story;
    };
    let session = cx.session;
    let place = match question.at {
        Position::Now => sentence!["In the current state "],
        Position::Event(ix) => sentence!["In the state before ", ix, " "],
        Position::Over(_) => sentence!["In the state resolved here "],
    };
    story.holder = Some(match session.state_at(question.at) {
        None => place.with("nothing is known of ").with(key),
        Some(state) => match state.get(key) {
            Some(ix) => place.with(key).with(" is ").with(Span::Described(ix)),
            None => place.with(key).with(" is absent"),
        },
    });
    let mut explained = 0;
    let mut at = decides(cx, question.at, key).then_some(question.at);
    let mut from = question.at;
    for _ in 0..CHAPTERS {
        let Some(here) = at.take().or_else(|| session.last_change(key, from).map(Position::Event)) else {
            return story;
        };
        from = here;
        story.chapters.extend(chapters(cx, here, key, here != question.at, &mut explained));
    }
    story.goes_on = session.last_change(key, from).is_some();
    story
}

/// So many losses are told.
const LOSSES: usize = 16;

/// What is lost at the place: of the key in question first, then the worst first.
fn losses(cx: &Context<'_>, question: Question) -> Vec<Node> {
    let session = cx.session;
    let Some(diagnosis) = session.diagnosis() else { return Vec::new() };
    let mut losses: Vec<_> = session.losses_at(question.at).collect();
    losses.sort_by_key(|(_, loss)| {
        (question.key != Some(loss.key), loss.verdict != Verdict::Reset, Reverse(loss.severity))
    });
    let replay = session.replay();
    let tell = |(place, loss): &(usize, &Loss)| {
        explain_loss(session.room(), loss, &damage(&replay, diagnosis, *place), &[])
    };
    losses.iter().take(LOSSES).map(tell).collect()
}

/// Whether the event passed.
fn verdict(cx: &Context<'_>, ix: EventIx) -> (Tone, Sentence) {
    let (room, replay) = (cx.session.room(), cx.session.replay());
    if let Some(rejection) = replay.rejection(ix) {
        return (Tone::Bad, sentence![ix, " is "].and(explain_rejection(room, rejection)));
    }
    if room.is_outlier(ix) {
        return (Tone::Note, sentence![ix, " is an outlier: it has no place in the graph, and no state"]);
    }
    let has_state_dag = room.rules().has_state_dag();
    match replay.before(ix) {
        None if replay.is_unprocessed(ix) => {
            let missing = replay.waits_for(ix).into_iter().map(Span::Missing);
            let what = sentence![ix, " waits, neither accepted nor rejected, for what is not in the dump: "];
            (Tone::Note, what.list(missing, "nothing"))
        }
        Some(_) if replay.soft_failed(ix) == Some(true) => {
            let why = " is accepted, for the state before it allows it, but soft-failed: the current state at its arrival does not";
            (Tone::Note, sentence![ix, why])
        }
        Some(_) if has_state_dag => {
            let why =
                " is accepted: what it names in prev_state_events is, and the state before it allows it";
            (Tone::Good, sentence![ix, why])
        }
        Some(_) => {
            (Tone::Good, sentence![ix, " is accepted: by its own auth_events, and by the state before it"])
        }
        None => {
            let why =
                " is taken as accepted: the state before it is unknown, so only its auth_events were checked";
            (Tone::Note, sentence![ix, why])
        }
    }
}

/// Whether the states that meet at a place disagree on the key.
fn decides(cx: &Context<'_>, at: Position, key: KeyIx) -> bool {
    let parents = cx.session.parents_of(at);
    let mut held = parents.iter().filter_map(|(_, state)| state.as_ref()).map(|state| state.get(key));
    held.next().is_some_and(|first| held.any(|other| other != first))
}

/// What happened to the key at a place: it was decided by a merge before the event, or set by the event, or both.
/// The event's own setting counts only if it comes before the place that is asked about.
fn chapters(
    cx: &Context<'_>,
    at: Position,
    key: KeyIx,
    is_past: bool,
    explained: &mut usize,
) -> Vec<Chapter> {
    let (room, replay) = (cx.session.room(), cx.session.replay());
    let mut chapters = Vec::new();
    if let Position::Event(ix) = at
        && is_past
        && room.key_of(ix) == Some(key)
        && replay.after(ix).is_some_and(|state| state.get(key) == Some(ix))
    {
        let sentence = sentence![Span::Described(ix), " set it"];
        chapters.push(Chapter { at, tone: Tone::Plain, sentence, steps: Vec::new() });
    }
    if !decides(cx, at, key) {
        return chapters;
    }
    let winner = cx.session.state_at(at).and_then(|state| state.get(key));
    let start = match at {
        Position::Now => sentence!["The forward extremities disagreed: "],
        Position::Event(ix) => sentence!["The parents of ", ix, " disagreed: "],
        Position::Over(_) => sentence!["The chosen events disagreed: "],
    };
    let values = candidates(cx, at, key);
    let named = values.iter().map(|value| value.map_or_else(|| "nothing".into(), Span::Event));
    let sentence = start.list(named, "nothing").with("; out came ");
    let sentence = match winner {
        Some(ix) => sentence.with(ix),
        None => sentence.with("nothing"),
    };
    let mut steps = Vec::new();
    if *explained < EXPLAINED {
        *explained += 1;
        steps = cx.session.steps_at(at).map(|steps| about(room, &steps, key)).unwrap_or_default();
    }
    chapters.push(Chapter { at, tone: Tone::Note, sentence, steps });
    chapters
}

/// What the states that meet have under a key, each once.
fn candidates(cx: &Context<'_>, at: Position, key: KeyIx) -> Vec<Option<EventIx>> {
    let parents = cx.session.parents_of(at);
    let mut values: Vec<_> = parents.iter().filter_map(|(_, state)| Some(state.as_ref()?.get(key))).collect();
    values.sort_unstable();
    values.dedup();
    values
}

/// The steps that are about a key.
fn about(room: &Room, steps: &Steps, key: KeyIx) -> Vec<(usize, Tone, Sentence)> {
    let of_key = |ix: EventIx| room.key_of(ix) == Some(key);
    let mut told = Vec::new();
    for (number, step) in steps.steps.iter().enumerate() {
        let is_about = match step {
            Step::PowerPop(pop) => of_key(pop.event),
            Step::AuthCheck(check) => of_key(check.event),
            Step::MainlinePosition(position) => of_key(position.event),
            Step::Candidates(candidates) => candidates.key == key,
            Step::Choice(choice) => choice.key == key,
            Step::Restore(_) | Step::Result(_) => {
                let children = steps.node(number).into_iter().flat_map(|node| &node.children);
                let child = children.into_iter().find(|child| begins_with(child, key));
                told.extend(child.map(|child| (number, child.tone, child.sentence.clone())));
                false
            }
            _ => false,
        };
        if is_about && let Some(node) = steps.node(number) {
            told.push((number, node.tone, node.sentence.clone()));
        }
    }
    told
}

/// So many decisions are told.
const DECISIONS: usize = 100;

/// Which key got which event.
fn outcome(steps: &Steps) -> Vec<(Tone, Sentence)> {
    let result = steps.steps.iter().rposition(|step| matches!(step, Step::Result(_)));
    let nodes = result.and_then(|step| steps.node(step)).map(|node| &node.children);
    let told = nodes.into_iter().flatten().take(DECISIONS);
    told.filter(|_| !steps.is_trivial()).map(|node| (node.tone, node.sentence.clone())).collect()
}

fn begins_with(node: &Node, key: KeyIx) -> bool {
    node.sentence.0.first() == Some(&Span::Key(key))
}
