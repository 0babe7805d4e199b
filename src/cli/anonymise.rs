//! `hindsight anonymise`: the room without the names and words in it.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};
use serde_json::{Value, json};

use super::args::{DumpArg, Globals};
use super::error::CliError;
use super::output::Ui;
use super::{export, load, text};
use crate::anonymise::{Anonymised, anonymise, differing_losses};
use crate::auth::Profile;
use crate::describe::{Describer, Names};
use crate::diagnose::resets::diagnose;
use crate::export::{write_events, write_scenario};
use crate::replay::Replay;
use crate::rewrite::deviations;
use crate::room::{EventIx, Room};

pub(super) const EXAMPLES: &str = "\
Examples:
  hindsight anonymise room.ndjson -o public.ndjson
  hindsight anonymise room.ndjson --map secret.json | zstd > public.ndjson.zst
  hindsight anonymise room.ndjson --as scenario -o public.json

Users, servers, rooms, names, topics, messages, avatars and everything else that is not read by authorization or state \
resolution is replaced, the same thing by the same name everywhere. Event IDs follow from that; where the order of two \
could decide something, it is kept. Then both rooms are replayed by every profile and compared.

What stays can tell something too: who did what when (timestamps, references, memberships, levels), under other names.

Exit code: 1 if the new room does not behave as the old one.";

/// So many deviations are shown.
const SHOWN: usize = 5;

/// Arguments of `anonymise`.
#[derive(Debug, Args)]
pub(super) struct AnonymiseArgs {
    #[command(flatten)]
    input: DumpArg,

    /// The file to write; by default standard output
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,

    /// The format to write; by default ndjson, or scenario if states are asserted
    #[arg(long = "as", value_enum, value_name = "FORMAT")]
    form: Option<Form>,

    /// Write what stands for what into this file, as JSON: keep it to yourself
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    map: Option<PathBuf>,
}

/// Values of `--as`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// PDUs, one a line
    Ndjson,
    /// A TARDIS scenario
    Scenario,
}

pub(super) fn run(args: &AnonymiseArgs, globals: &Globals, ui: &mut Ui) -> Result<u8, CliError> {
    if globals.is_json() && args.output.is_none() {
        return Err(CliError::new("the dump and the report cannot both go to standard output")
            .hint("name a file for the dump with -o"));
    }
    let dump = load::open(globals, &args.input.dump, ui)?;
    let room = &dump.room;
    let events = text::count(room.len(), "event");
    let new = ui
        .busy(&format!("anonymising {events}"), || anonymise(room))
        .map_err(|_| CliError::new("no event can be written"))?;
    let new_room = &new.rewritten.room;
    let has_asserted = room.all_asserted().next().is_some()
        || room.missing().any(|missing| room.asserted_missing(missing).is_some());
    let form = args.form.unwrap_or(if has_asserted { Form::Scenario } else { Form::Ndjson });
    let found = ui.busy("comparing the replays", || check(room, &new, globals));
    ui.write(args.output.as_deref(), |mut out| match form {
        Form::Ndjson => write_events(new_room, true, &mut out),
        Form::Scenario => write_scenario(&replay(new_room, globals, globals.profile()), true, &mut out),
    })?;
    if let Some(path) = &args.map {
        ui.write(Some(path), |out| writeln!(out, "{:#}", map(room, &new)))?;
    }
    if form == Form::Ndjson && has_asserted {
        ui.note("asserted states are left out, for NDJSON has no place for them; --as scenario has");
    }
    if form == Form::Ndjson && !export::create_tells_version(new_room) {
        let id = new_room.rules().id;
        ui.note(format_args!("load it with --room-version {id}: the create event does not tell"));
    }
    if globals.is_json() {
        ui.json(&report_json(room, &new, &found))?;
    } else {
        report(room, &new, ui);
        verdict(room, &found, ui);
    }
    Ok(u8::from(!found.is_empty()))
}

fn replay<'a>(room: &'a Room, globals: &Globals, profile: Profile) -> Replay<'a> {
    Replay::new(room, globals.algorithm(), profile)
}

/// Where the new room behaves otherwise.
struct Found {
    profile: Profile,
    event: EventIx,
    aspect: &'static str,
}

/// Compares verdicts and states by every profile, and causes of losses by the one asked for.
fn check(room: &Room, new: &Anonymised, globals: &Globals) -> Vec<Found> {
    let mut found = Vec::new();
    for profile in Profile::ALL {
        let (old, now) = (replay(room, globals, profile), replay(&new.rewritten.room, globals, profile));
        let deviations = deviations(&old, &now, &new.rewritten.events);
        let deviations = deviations.into_iter();
        found.extend(deviations.map(|(event, how)| Found { profile, event, aspect: how.as_str() }));
        if profile == globals.profile() {
            let last = room.events().next_back();
            let losses = differing_losses(&diagnose(&old), &diagnose(&now), &new.rewritten.events);
            let events = losses.into_iter().filter_map(|at| at.event().or(last));
            found.extend(events.map(|event| Found { profile, event, aspect: "what was lost" }));
        }
    }
    found
}

/// What was done.
fn report(room: &Room, new: &Anonymised, ui: &mut Ui) {
    ui.note(format_args!(
        "replaced {}, {} and {} in {}",
        text::count(new.users().len(), "user"),
        text::count(new.servers().len(), "server"),
        text::count(new.texts().len(), "text"),
        text::count(new.rewritten.room.len(), "event")
    ));
    let outcome = new.rewritten.outcome;
    for (count, what) in [
        (outcome.tied, "with an equal timestamp keep the order of their IDs"),
        (
            outcome.spread,
            "with the timestamp of too many others got timestamps of their own, in the order of their IDs",
        ),
        (outcome.misplaced, "could not get an ID in the old order"),
        (outcome.unhashable, "have no canonical form: their IDs are made up"),
        (outcome.lost, "could not be written"),
    ] {
        if count > 0 {
            ui.note(format_args!("{} {what}", text::count(count, "event")));
        }
    }
    if room.annotations().title.is_some() || !room.annotations().captions.is_empty() {
        ui.note("captions are left out, for they are free text");
    }
}

/// Where the new room behaves otherwise.
fn verdict(room: &Room, found: &[Found], ui: &mut Ui) {
    if found.is_empty() {
        ui.note(
            "the new room behaves as the old one by every profile: same verdicts, same states, same losses",
        );
        return;
    }
    let theme = ui.error_theme();
    let names = Names::new(room, &std::collections::BTreeMap::new());
    let describer = Describer::new(room, &names);
    ui.say(format_args!(
        "{} the new room does not behave as the old one: {}",
        theme.bad("differs:"),
        text::count(found.len(), "difference")
    ));
    for Found { profile, event, aspect } in found.iter().take(SHOWN) {
        ui.say(format_args!("  {aspect} by {profile}, of {}", describer.line(*event)));
    }
    if found.len() > SHOWN {
        ui.say(theme.dim("  …"));
    }
}

fn report_json(room: &Room, new: &Anonymised, found: &[Found]) -> Value {
    let outcome = new.rewritten.outcome;
    let deviation = |Found { profile, event, aspect }: &Found| json!({ "profile": profile.as_str(), "event_id": room.id(*event), "aspect": aspect });
    json!({
        "events": new.rewritten.room.len(),
        "users": new.users().len(),
        "servers": new.servers().len(),
        "texts": new.texts().len(),
        "tied": outcome.tied,
        "spread": outcome.spread,
        "misplaced": outcome.misplaced,
        "unhashable": outcome.unhashable,
        "lost": outcome.lost,
        "deviations": found.iter().map(deviation).collect::<Vec<_>>(),
    })
}

/// What stands for what.
fn map(room: &Room, new: &Anonymised) -> Value {
    let ids = room.events().zip(&new.rewritten.events);
    let ids =
        ids.filter_map(|(ix, now)| Some((room.id(ix).to_owned(), new.rewritten.room.id((*now)?).into())));
    json!({
        "users": new.users(),
        "servers": new.servers(),
        "texts": new.texts(),
        "events": ids.collect::<serde_json::Map<String, Value>>(),
    })
}
