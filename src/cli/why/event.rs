//! Why an event was rejected, or lost, as text.

use std::io::Write as _;

use super::story::Teller;
use crate::cli::compare::show;
use crate::cli::error::CliError;
use crate::cli::output::Ui;
use crate::cli::{resolve, steps};
use crate::describe::Describer;
use crate::diagnose::standing::{Explanation, Flip, Standing};
use crate::explain::explain_check;
use crate::replay::Replay;
use crate::room::EventIx;

pub(super) fn tell(
    replay: &Replay<'_>,
    describer: &Describer<'_>,
    explanation: &Explanation,
    all: bool,
    ui: &mut Ui,
) -> Result<(), CliError> {
    let theme = ui.theme();
    let event = explanation.event;
    let room = replay.room();
    writeln!(ui.out(), "{}", show::line(describer, theme, event))?;
    let key = room.key_of(event).map(|key| describer.key(key)).unwrap_or_default();
    let standing = match &explanation.standing {
        Standing::Rejected => format!("It was {}", show::verdict(describer, theme, replay, event)),
        Standing::Outlier => {
            "It is an outlier: it has no place in the DAG, so it never came up for a decision.".to_owned()
        }
        Standing::Message => {
            "It was accepted. It is no state event, so it is no part of any state.".to_owned()
        }
        Standing::Unknown => {
            "It was accepted. The current state is unknown: it lies behind a hole.".to_owned()
        }
        Standing::Current => {
            format!("{}: {key} is what it says.", theme.good("It is part of the current state"))
        }
        Standing::Aside => format!(
            "It was accepted, but {}: nothing that counts was built on it.",
            theme.bad("it is not in the history of the forward extremities")
        ),
        Standing::Past(None) => {
            format!("It is {}: {key} is unset now.", theme.bad("no part of the current state"))
        }
        Standing::Past(Some(value)) => {
            let value = show::line(describer, theme, *value);
            format!("It is {}: {key} is now\n  {value}", theme.bad("no part of the current state"))
        }
    };
    writeln!(ui.out(), "{standing}")?;
    let recorded = room.recorded(event);
    if recorded.soft_failed {
        writeln!(
            ui.out(),
            "The server soft-failed it: it is no forward extremity, though others may build on it."
        )?;
    }
    if explanation.standing == Standing::Rejected {
        return rejected(replay, describer, explanation, ui);
    }
    let Some(story) = &explanation.story else { return Ok(()) };
    let mut teller = Teller::new(replay, describer, all);
    for chapter in explanation.chapters() {
        teller.chapter(story.key, chapter, ui)?;
    }
    teller.unfold(ui)
}

fn rejected(
    replay: &Replay<'_>,
    describer: &Describer<'_>,
    explanation: &Explanation,
    ui: &mut Ui,
) -> Result<(), CliError> {
    let theme = ui.theme();
    for culprit in &explanation.culprits {
        writeln!(ui.out(), "\nIt rests on {}", show::line(describer, theme, *culprit))?;
        writeln!(ui.out(), "  which was {}", show::verdict(describer, theme, replay, *culprit))?;
    }
    let nodes: Vec<_> = explanation.checks.iter().map(|check| explain_check(replay.room(), check)).collect();
    let mut tree = String::new();
    steps::write_tree(
        &mut tree,
        &nodes,
        &|span| resolve::paint_span(describer, theme, span),
        &|tone, text| resolve::paint(theme, tone, text),
    );
    writeln!(ui.out(), "\n{}", theme.heading("The checks on receipt:"))?;
    ui.out().write_all(tree.as_bytes())?;
    for Flip { key, found, instead } in &explanation.flips {
        let value = |value: Option<EventIx>| show::value(describer, theme, value);
        writeln!(ui.out(), "\n{} {}", theme.heading("What decided:"), describer.key(*key))?;
        writeln!(ui.out(), "  it was {}", value(*found))?;
        writeln!(ui.out(), "  with this instead the event would be allowed: {}", value(*instead))?;
    }
    Ok(())
}
