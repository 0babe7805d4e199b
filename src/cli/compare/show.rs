//! What all comparisons show alike: events, values, verdicts, and the step at which two resolutions part.

use std::io::Write as _;

use serde_json::{Value, json};

use crate::cli::error::CliError;
use crate::cli::output::{Theme, Ui};
use crate::cli::{resolve, steps, text};
use crate::describe::Describer;
use crate::diagnose::compare::{KeyDifference, SideBySide};
use crate::diagnose::fate::Decision;
use crate::explain::{Node, Sentence, Tone, explain_rejection, explain_steps, find_step};
use crate::replay::{Place, Replay};
use crate::resolve::step::Step;
use crate::room::{EventIx, Link, Room};

/// So many details of a step are shown.
const DETAILS: usize = 6;

/// An event in one line: short ID, time, sender, summary.
pub(in crate::cli) fn line(describer: &Describer<'_>, theme: Theme, ix: EventIx) -> String {
    format!(
        "{}  {}  {}  {}",
        theme.id(describer.short_id(ix)),
        theme.dim(describer.time(ix)),
        theme.user(describer.sender(ix)),
        describer.summary(ix)
    )
}

/// What a state has under a key.
pub(in crate::cli) fn value(describer: &Describer<'_>, theme: Theme, value: Option<EventIx>) -> String {
    value.map_or_else(|| "unset".to_owned(), |ix| line(describer, theme, ix))
}

/// Whether an event was accepted, and if not, why.
pub(in crate::cli) fn verdict(
    describer: &Describer<'_>,
    theme: Theme,
    replay: &Replay<'_>,
    ix: EventIx,
) -> String {
    match replay.rejection(ix) {
        Some(rejection) => {
            let sentence = explain_rejection(replay.room(), rejection);
            theme.bad(self::sentence(describer, theme, &sentence)).to_string()
        }
        None => theme.good("accepted").to_string(),
    }
}

/// A sentence in colours.
pub(in crate::cli) fn sentence(describer: &Describer<'_>, theme: Theme, sentence: &Sentence) -> String {
    steps::render(sentence, &|span| resolve::paint_span(describer, theme, span))
}

/// The first step at which two resolutions part, as each of them has it.
pub(in crate::cli) fn first_difference(
    describer: &Describer<'_>,
    side_by_side: &SideBySide,
    names: &[String; 2],
    ui: &mut Ui,
) -> Result<(), CliError> {
    let Some(line) = side_by_side.alignment.first_difference.map(|at| side_by_side.alignment.lines[at])
    else {
        return Ok(());
    };
    let theme = ui.theme();
    writeln!(ui.out(), "   The first step at which they part: {}", theme.heading(line.phase))?;
    let sides = [(&side_by_side.one, line.one), (&side_by_side.other, line.other)];
    for (name, (steps, step)) in names.iter().zip(sides) {
        match step.and_then(|step| node_of(describer.room(), steps, step)) {
            Some(node) => write_node(describer, name, node, ui)?,
            None => writeln!(ui.out(), "     {name}: no such step")?,
        }
    }
    Ok(())
}

/// The keys on which two answers differ, with both.
pub(in crate::cli) fn write_keys(
    describer: &Describer<'_>,
    names: &[String; 2],
    keys: &[KeyDifference],
    ui: &mut Ui,
) -> Result<(), CliError> {
    const SHOWN: usize = 8;
    let theme = ui.theme();
    for difference in keys.iter().take(SHOWN) {
        writeln!(ui.out(), "     {}", describer.key(difference.key))?;
        for (name, held) in names.iter().zip([difference.one, difference.other]) {
            writeln!(ui.out(), "       {name}: {}", value(describer, theme, held))?;
        }
    }
    if let Some(more) = keys.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        writeln!(ui.out(), "     … and {}", text::count(more, "more key"))?;
    }
    Ok(())
}

/// What a reference leads to, by its short ID.
pub(in crate::cli) fn link(describer: &Describer<'_>, link: Link) -> String {
    match link {
        Link::Event(ix) => describer.short_id(ix),
        Link::Missing(missing) => describer.missing_id(missing),
    }
}

/// For the first few keys, how the value that the other side has got lost on this one.
pub(in crate::cli) fn fates(
    describer: &Describer<'_>,
    side_by_side: &SideBySide,
    keys: &[KeyDifference],
    names: &[String; 2],
    ui: &mut Ui,
) -> Result<(), CliError> {
    const SHOWN: usize = 3;
    let room = describer.room();
    for difference in keys.iter().take(SHOWN) {
        writeln!(ui.out(), "   How {} came out:", describer.key(difference.key))?;
        let sides = [(&side_by_side.one, difference.other), (&side_by_side.other, difference.one)];
        for (name, (steps, wanted)) in names.iter().zip(sides) {
            let Some(wanted) = wanted else { continue };
            let node = Decision::new(room, steps, difference.key).explain(wanted);
            write_node(describer, name, node, ui)?;
        }
    }
    Ok(())
}

fn node_of(room: &Room, steps: &[Step], step: usize) -> Option<Node> {
    find_step(&explain_steps(room, steps), step).cloned()
}

fn write_node(describer: &Describer<'_>, name: &str, mut node: Node, ui: &mut Ui) -> Result<(), CliError> {
    let theme = ui.theme();
    let hidden = node.children.len().saturating_sub(DETAILS);
    node.children.truncate(DETAILS);
    if hidden > 0 {
        let words = format!("… and {hidden} more");
        node.children.push(Node::new(Tone::Plain, Sentence::new().with(words)));
    }
    // The name says which side it is; the phase has been named.
    node.tone = if node.tone == Tone::Phase { Tone::Plain } else { node.tone };
    let mut tree = String::new();
    steps::write_tree(
        &mut tree,
        &[node],
        &|span| resolve::paint_span(describer, theme, span),
        &|tone, text| resolve::paint(theme, tone, text),
    );
    for (number, line) in tree.lines().enumerate() {
        let head = if number == 0 { format!("{name}: ") } else { "  ".to_owned() };
        writeln!(ui.out(), "     {head}{line}")?;
    }
    Ok(())
}

/// The first step at which two resolutions part; null if they do not.
pub(in crate::cli) fn first_difference_json(room: &Room, side_by_side: &SideBySide) -> Value {
    let Some(line) = side_by_side.alignment.first_difference.map(|at| side_by_side.alignment.lines[at])
    else {
        return Value::Null;
    };
    let step = |steps: &[Step], at: Option<usize>| {
        at.map_or(Value::Null, |at| steps::to_json(room, steps)[at].take())
    };
    json!({
        "phase": line.phase,
        "one": step(&side_by_side.one, line.one),
        "other": step(&side_by_side.other, line.other),
    })
}

/// A place: the event ID, or null for the current state.
pub(in crate::cli) fn place_json(room: &Room, at: Place) -> Value {
    at.event().map(|ix| room.id(ix)).into()
}

/// Keys on which two states differ, with both values.
pub(in crate::cli) fn keys_json(room: &Room, keys: &[KeyDifference]) -> Value {
    keys.iter()
        .map(|difference| {
            let (event_type, state_key) = room.key(difference.key);
            let id = |value: Option<EventIx>| value.map(|ix| room.id(ix));
            json!({
                "type": event_type, "state_key": state_key,
                "one": id(difference.one), "other": id(difference.other),
            })
        })
        .collect()
}
