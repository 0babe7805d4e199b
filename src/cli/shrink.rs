//! `hindsight shrink`: the smallest room that still shows something.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use serde_json::json;

use super::args::{DumpArg, Globals};
use super::error::CliError;
use super::output::Ui;
use super::{compare, load, select, text};
use crate::diagnose::resets::diagnose;
use crate::dump::Dump;
use crate::replay::{Place, Replay};
use crate::shrink::{Difference, Form, Property, Rejection, Reset, Shrunk, shrink};

pub(super) const EXAMPLES: &str = "\
Examples:
  hindsight shrink room.ndjson --keep reset > small.json5
  hindsight shrink room.ndjson --keep 'reset@$abc' -o fixtures/my-reset/
  hindsight shrink room.ndjson --keep 'rejection@$abc'
  hindsight shrink room.ndjson --keep difference --with spec --with synapse
  hindsight shrink room.ndjson --keep 'difference@$abc' --with v2 --with v2.1

What to keep:
  reset               the worst state reset that `hindsight diagnose` finds: the same cause at the same key
  reset@EVENT         the worst one at the merge EVENT, or by which EVENT was lost; reset@now: of the current state
  rejection@EVENT     EVENT is still rejected, by the same check and rule
  difference          the algorithms or profiles named by --with still disagree where they first do
  difference@EVENT    … on EVENT: on its verdict, or on the state before it

Events, users, branches and content are taken away for as long as the room shows it; no event that stays gets another \
verdict. The result is a scenario like those of the fixtures. Names and words in it are those of the room: \
`hindsight anonymise` replaces them.

Exit code: 1 if the room does not show what is to be kept.";

/// Arguments of `shrink`.
#[derive(Debug, Args)]
pub(super) struct ShrinkArgs {
    #[command(flatten)]
    input: DumpArg,

    /// What the smaller room must still show
    #[arg(long, value_name = "WHAT[@EVENT]")]
    keep: String,

    /// For `difference`: an algorithm, a profile, or both as v2.1:synapse; give it at least twice, or once to compare with
    /// --algorithm and --profile
    #[arg(long, value_name = "ALGORITHM[:PROFILE]")]
    with: Vec<String>,

    /// Where to write the scenario: a file, or a folder for scenario.json5 and README.md; by default standard output
    #[arg(short, long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &ShrinkArgs, globals: &Globals, ui: &mut Ui) -> Result<u8, CliError> {
    if globals.is_json() && args.output.is_none() {
        return Err(CliError::new("the scenario and the report cannot both go to standard output")
            .hint("name a file or a folder for the scenario with -o"));
    }
    let dump = load::open(globals, &args.input.dump, ui)?;
    let Some(property) = property(args, globals, &dump, ui)? else {
        ui.say(nothing(args));
        return Ok(1);
    };
    let events = text::count(dump.room.len(), "event");
    let shrunk = ui.busy(&format!("shrinking {events}"), || shrink(&dump.room, &*property, &mut |_, _| {}));
    let Some(shrunk) = shrunk else {
        ui.say(nothing(args));
        return Ok(1);
    };
    write(args.output.as_deref(), &shrunk, ui)?;
    report(&dump, &shrunk, globals, ui)?;
    Ok(0)
}

fn nothing(args: &ShrinkArgs) -> String {
    format!("there is nothing to keep: the room does not show {}", text::escape(&args.keep))
}

/// Writes the scenario, into a folder with its story.
fn write(path: Option<&Path>, shrunk: &Shrunk, ui: &mut Ui) -> Result<(), CliError> {
    let Some(folder) = path.filter(|path| path.is_dir() || path.extension().is_none()) else {
        return ui.write(path, |out| out.write_all(shrunk.scenario.as_bytes()));
    };
    fs::create_dir_all(folder).map_err(|error| CliError::file("write", folder, &error))?;
    let dump = if shrunk.form == Form::Events { "room.ndjson" } else { "scenario.json5" };
    for (name, content) in [(dump, &shrunk.scenario), ("README.md", &shrunk.readme)] {
        ui.write(Some(&folder.join(name)), |out| out.write_all(content.as_bytes()))?;
    }
    Ok(())
}

fn report(dump: &Dump, shrunk: &Shrunk, globals: &Globals, ui: &mut Ui) -> Result<(), CliError> {
    let room = &shrunk.room;
    if globals.is_json() {
        return ui.json(&json!({
            "events_before": dump.room.len(),
            "events": room.len(),
            "probes": shrunk.probes,
            "form": match shrunk.form {
                Form::Fixture => "fixture",
                Form::AsItWas => "as_it_was",
                Form::Events => "events",
            },
            "title": room.annotations().title,
            "targets": shrunk.targets.iter().map(|ix| room.id(*ix)).collect::<Vec<_>>(),
        }));
    }
    ui.note(format_args!(
        "{} of {} left, after {} tries: {}",
        text::count(room.len(), "event"),
        text::number(dump.room.len()),
        text::number(shrunk.probes),
        text::escape(room.annotations().title.as_deref().unwrap_or_default())
    ));
    match shrunk.form {
        Form::Fixture => {}
        Form::AsItWas => {
            ui.note("the event IDs are those of the dump: with IDs of its own the room would not show it");
        }
        Form::Events => ui.note(format_args!(
            "written as events, one a line: a scenario would not show it; load it with --room-version {}",
            room.rules().id
        )),
    }
    Ok(())
}

/// What is asked for; `None` if there is none of it in the room.
fn property(
    args: &ShrinkArgs,
    globals: &Globals,
    dump: &Dump,
    ui: &Ui,
) -> Result<Option<Box<dyn Property>>, CliError> {
    let (what, event) = match args.keep.split_once('@') {
        None | Some(("reset", "now")) => (&*args.keep, None),
        Some((what, event)) => (what, Some(select::event(dump, event)?)),
    };
    let room = &dump.room;
    let whole = format!("replaying {}", text::count(room.len(), "event"));
    match (what, event) {
        ("reset" | "reset@now", _) => {
            let now = (what == "reset@now").then_some(Place::Now);
            Ok(reset(dump, now.or(event.map(Place::Event)), globals, ui))
        }
        ("rejection", Some(ix)) => {
            let replay = ui.busy(&whole, || Replay::new(room, globals.algorithm(), globals.profile()));
            Ok(Rejection::of(&replay, ix).map(boxed))
        }
        ("difference", _) => {
            let all = compare::pairs(&args.with, globals, room)?;
            let places = (0..all.len()).flat_map(|one| (one + 1..all.len()).map(move |other| (one, other)));
            let mut pairs = places.map(|(one, other)| (all[one], all[other]));
            let find = || pairs.find_map(|(one, other)| Difference::find(room, one, other, event));
            Ok(ui.busy(&whole, find).map(boxed))
        }
        ("rejection", None) => {
            Err(CliError::new("whose rejection is to be kept?").hint("say rejection@EVENT"))
        }
        _ => Err(CliError::new(format!("{} cannot be kept", text::escape(&args.keep)))
            .hint("known are reset, reset@EVENT, rejection@EVENT, difference and difference@EVENT")),
    }
}

fn boxed(property: impl Property + 'static) -> Box<dyn Property> {
    Box::new(property)
}

/// The worst reset of the room, or of a place.
fn reset(dump: &Dump, at: Option<Place>, globals: &Globals, ui: &Ui) -> Option<Box<dyn Property>> {
    let replay = ui.busy("replaying", || Replay::new(&dump.room, globals.algorithm(), globals.profile()));
    let diagnosis = ui.busy("looking for state resets", || diagnose(&replay));
    Reset::find(&replay, &diagnosis, at).map(boxed)
}
