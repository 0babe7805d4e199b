//! `hindsight why`: the story of a state key, and of an event.

mod event;
mod json;
mod story;

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::args::Globals;
use super::error::CliError;
use super::output::Ui;
use super::{findings, load, select, text};
use crate::describe::Describer;
use crate::diagnose::standing::Explanation;
use crate::diagnose::story::Story;
use crate::dump::Dump;
use crate::replay::{Place, Replay};
use crate::room::{EventIx, KeyIx, Room};

/// So many state keys are listed.
const LISTED: usize = 8;

pub(super) const EXAMPLES: &str = "\
Examples:
  hindsight why room.ndjson m.room.power_levels       every value it had, and what became of it
  hindsight why room.ndjson m.room.member @bob:x.org  what happened to a membership
  hindsight why room.ndjson m.room.topic --at '$abc'  as the history of this event has it
  hindsight why room.ndjson '$abc'                    why was this event rejected, or lost?

Where branches met with different values, the one that won is told, and how the others lost: by which check, and by \
which rule. Merges at which branches merely caught up are counted; --all shows them.";

/// Arguments of `why`.
#[derive(Debug, Args)]
pub(super) struct WhyArgs {
    /// The dump: a file, `-` for standard input, or a folder with a scenario.json5 or room.ndjson
    #[arg(value_name = "DUMP", value_hint = ValueHint::AnyPath)]
    dump: PathBuf,

    /// A state event type, or an event (an ID, its beginning, or its name in the scenario)
    #[arg(value_name = "TYPE|EVENT", allow_hyphen_values = true)]
    what: String,

    /// The state key, or the beginning of it; by default the empty one
    #[arg(value_name = "STATE_KEY", allow_hyphen_values = true)]
    state_key: Option<String>,

    /// Tell the story along the history of this event, and not until now
    #[arg(long, value_name = "EVENT", allow_hyphen_values = true)]
    at: Option<String>,

    /// Show merges at which branches merely caught up, too
    #[arg(long)]
    all: bool,
}

/// What is asked about.
enum Subject {
    Key(KeyIx),
    Event(EventIx),
}

pub(super) fn run(args: &WhyArgs, globals: &Globals, ui: &mut Ui) -> Result<u8, CliError> {
    let dump = load::open(globals, &args.dump, ui)?;
    let room = &dump.room;
    let subject = subject(&dump, args)?;
    let until = match &args.at {
        Some(given) => Place::Event(select::event(&dump, given)?),
        None => Place::Now,
    };
    let replay = ui.busy("replaying", || Replay::new(room, globals.algorithm(), globals.profile()));
    match subject {
        Subject::Key(key) => {
            let story = ui.busy("looking for the key", || Story::new(&replay, key, until));
            if globals.is_json() {
                ui.json(&json::story(&replay, &story))?;
            } else {
                let describer = Describer::of(&dump);
                story::Teller::new(&replay, &describer, args.all).tell(&story, ui)?;
            }
        }
        Subject::Event(event) => {
            let explanation = ui.busy("looking for the event", || Explanation::new(&replay, event));
            if globals.is_json() {
                ui.json(&json::explanation(&replay, &explanation))?;
            } else {
                event::tell(&replay, &Describer::of(&dump), &explanation, args.all, ui)?;
            }
        }
    }
    findings::show_some(&replay.findings(), ui);
    Ok(0)
}

/// Types and event IDs look different; a name from a scenario may look like either, and then is a type only if there is
/// state of that type.
fn subject(dump: &Dump, args: &WhyArgs) -> Result<Subject, CliError> {
    let room = &dump.room;
    let is_type = || keys_of(room, &args.what).next().is_some();
    let needs_type = args.state_key.is_some() || args.at.is_some();
    if !args.what.starts_with('$') && (needs_type || is_type()) {
        return key(room, &args.what, args.state_key.as_deref()).map(Subject::Key);
    }
    if needs_type {
        return Err(CliError::new(
            "an event has one history of its own: a state key and --at go with a TYPE",
        ));
    }
    if args.what.starts_with("m.") && select::event(dump, &args.what).is_err() {
        return key(room, &args.what, None).map(Subject::Key);
    }
    select::event(dump, &args.what).map(Subject::Event)
}

/// The keys of an event type.
fn keys_of<'a>(room: &'a Room, event_type: &'a str) -> impl Iterator<Item = (KeyIx, &'a str)> {
    (0..room.key_count()).map(KeyIx::new).filter_map(move |key| {
        let (of, state_key) = room.key(key);
        (of == event_type).then_some((key, state_key))
    })
}

fn key(room: &Room, event_type: &str, state_key: Option<&str>) -> Result<KeyIx, CliError> {
    if let Some(key) = room.find_key(event_type, state_key.unwrap_or_default()) {
        return Ok(key);
    }
    let begins = |key: &&(KeyIx, &str)| state_key.is_none_or(|given| key.1.starts_with(given));
    let all: Vec<(KeyIx, &str)> = keys_of(room, event_type).collect();
    let found: Vec<&(KeyIx, &str)> = all.iter().filter(begins).collect();
    // `@bob` means `@bob:…`, though there may be an `@bobby:…`.
    let local = |key: &&&(KeyIx, &str)| key.1.split_once(':').map(|(local, _)| local) == state_key;
    match (&found[..], &found.iter().filter(local).collect::<Vec<_>>()[..]) {
        ([one], _) => Ok(one.0),
        (_, [one]) => Ok(one.0),
        _ => Err(no_key(event_type, state_key, &all, &found)),
    }
}

fn no_key(
    event_type: &str,
    state_key: Option<&str>,
    all: &[(KeyIx, &str)],
    found: &[&(KeyIx, &str)],
) -> CliError {
    let shown = text::shorten(event_type, 60);
    if all.is_empty() {
        return CliError::new(format!(
            "there is no state of the type {shown} in the dump, and no such event"
        ))
        .hint("types are written out, as m.room.topic; `hindsight resolve` lists the current state");
    }
    let message = match state_key {
        None => format!("{shown} has {}", text::count(all.len(), "state key")),
        Some(given) if found.is_empty() => {
            format!("{shown} has no state key that begins with {}", text::shorten(given, 60))
        }
        Some(given) => {
            format!("{} could be any of {}", text::shorten(given, 60), text::count(found.len(), "state key"))
        }
    };
    let listed = if found.is_empty() { all.iter().collect() } else { found.to_vec() };
    let list: Vec<String> =
        listed.iter().take(LISTED).map(|(_, key)| format!("\n  {}", text::shorten(key, 60))).collect();
    let more = if listed.len() > LISTED { "\n  …" } else { "" };
    CliError::new(message).hint(format!("give one of{}{more}", list.concat()))
}
