//! A replay and what a server holds.

use std::io::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::args::{CompareArgs, pair};
use super::show;
use crate::auth::Profile;
use crate::batch::{read_expectation, server_view};
use crate::cli::args::Globals;
use crate::cli::error::CliError;
use crate::cli::output::Ui;
use crate::cli::{database, load, text};
use crate::describe::Describer;
use crate::diagnose::compare::KeyDifference;
use crate::diagnose::server::{Deviations, Oddity, Origin};
use crate::dump::Dump;
use crate::expect::Expectation;
use crate::replay::{Pair, Place, Replay};
use crate::room::{Link, Room, When};

pub(super) fn run(
    dump: &Dump,
    given: &[&str],
    args: &CompareArgs,
    globals: &Globals,
    ui: &mut Ui,
) -> Result<u8, CliError> {
    if !args.state_set.is_empty() {
        return Err(CliError::new(
            "a server tells nothing about state sets: --state-set does not go with --with server",
        ));
    }
    let room = &dump.room;
    let told = told(args, dump)?;
    let asserts = room.all_asserted().next().is_some()
        || room.missing().any(|missing| room.asserted_missing(missing).is_some());
    if told.is_none() && !asserts {
        return Err(CliError::new("nothing tells which states the server holds").hint(
            "put NAME.truth.tsv or NAME.expected.json beside the dump, or name a file with --truth; \
             the dump itself asserts no state",
        ));
    }
    let algorithm = globals.algorithm().or(told.as_ref().and_then(|(_, told)| told.algorithm()));
    let own = algorithm.unwrap_or(room.rules().algorithm);
    let mut pairs: Vec<Pair> =
        given.iter().map(|given| pair(given, own, globals)).collect::<Result<_, _>>()?;
    if pairs.is_empty() {
        let profile = if globals.profile.is_some() { globals.profile() } else { Profile::Synapse };
        pairs.push(Pair { algorithm: own, profile });
    }
    let source = told.as_ref().map(|(source, _)| source.clone());
    let describer = Describer::of(dump);
    let mut found = Vec::new();
    let mut deviates = false;
    for pair in pairs {
        let replay = ui.busy("replaying", || Replay::new(room, Some(pair.algorithm), pair.profile));
        let told = told.as_ref().map(|(_, told)| told);
        let deviations = ui.busy("comparing", || Deviations::new(&replay, told));
        deviates |= !deviations.origins.is_empty();
        if globals.is_json() {
            found.push(to_json(room, pair, &deviations));
        } else {
            write(&describer, pair, source.as_deref(), &deviations, args.limit, ui)?;
        }
    }
    if globals.is_json() {
        ui.json(&json!({
            "room_id": room.room_id(), "room_version": room.rules().id, "server": source, "comparisons": found,
        }))?;
    }
    Ok(u8::from(deviates))
}

/// What the server tells, and what to call where it does.
fn told(args: &CompareArgs, dump: &Dump) -> Result<Option<(String, Expectation)>, CliError> {
    let named = |(file, told): (PathBuf, Expectation)| (text::escape(&file.display().to_string()), told);
    let unreadable = |reason: String| CliError::new(text::escape(&reason));
    if let Some(file) = &args.truth {
        return Ok(Some(named((file.clone(), read_expectation(file).map_err(unreadable)?))));
    }
    if let Some(stored) = Expectation::of_database(&dump.room) {
        return Ok(Some((database::title(&args.dump), stored)));
    }
    if args.dump.as_os_str() == "-" {
        return Ok(None);
    }
    Ok(server_view(&load::locate(&args.dump)?, dump).map_err(unreadable)?.map(named))
}

fn write(
    describer: &Describer<'_>,
    pair: Pair,
    source: Option<&str>,
    deviations: &Deviations,
    limit: usize,
    ui: &mut Ui,
) -> Result<(), CliError> {
    let theme = ui.theme();
    let server =
        source.map_or_else(|| "asserted states".to_owned(), |source| format!("the server ({source})"));
    writeln!(ui.out(), "{}", theme.heading(format!("{pair} and {server}")))?;
    if source.is_some() {
        let (compared, agreeing) = (deviations.compared, deviations.agreeing);
        let events = text::count(compared, "event");
        writeln!(ui.out(), "  {events} could be compared, {} agree", text::number(agreeing))?;
    }
    if deviations.origins.is_empty() {
        writeln!(ui.out(), "  {}\n", theme.good("no deviation"))?;
        return Ok(());
    }
    let begin = text::count(deviations.origins.len(), "place");
    writeln!(ui.out(), "  states that do not follow from the events begin at {begin}")?;
    for (number, origin) in deviations.origins.iter().take(limit).enumerate() {
        let place = match origin.at {
            Place::Event(ix) => show::line(describer, theme, ix),
            Place::Now => "now".to_owned(),
        };
        writeln!(ui.out(), "\n{} {place}", theme.heading(format!("{}.", number + 1)))?;
        write_origin(describer, origin, ui)?;
    }
    if let Some(more) = deviations.origins.len().checked_sub(limit).filter(|more| *more > 0) {
        writeln!(ui.out(), "\n… and {} (--limit shows more)", text::count(more, "more place"))?;
    }
    writeln!(ui.out())?;
    Ok(())
}

fn write_origin(describer: &Describer<'_>, origin: &Origin, ui: &mut Ui) -> Result<(), CliError> {
    let theme = ui.theme();
    let names = ["computed".to_owned(), "server".to_owned()];
    let (words, keys) = match &origin.oddity {
        Oddity::FromElsewhere { gaps } if gaps.is_empty() => (
            "The state here does not follow from the dump: the server was told it by another one.".to_owned(),
            None,
        ),
        Oddity::FromElsewhere { gaps } => {
            let parents: Vec<String> = gaps.iter().map(|link| show::link(describer, *link)).collect();
            let is = if parents.len() == 1 { "parent" } else { "parents" };
            let words = format!(
                "The state here is asserted: without its {is} {} it does not follow from the dump. The server was told it by another one.",
                parents.join(", ")
            );
            (words, None)
        }
        Oddity::Partial => ("The server knew only a part of the state here.".to_owned(), None),
        Oddity::Asserted { provenance, keys: None, .. } => (
            format!(
                "The state here is asserted, by {}; without a parent nothing else is known.",
                provenance.as_str()
            ),
            None,
        ),
        Oddity::Asserted { provenance, keys, .. } => (
            format!(
                "The state here is asserted, by {}, and is not what follows from the events:",
                provenance.as_str()
            ),
            keys.as_ref(),
        ),
        Oddity::State { before, keys } => {
            let side = if *before { "before" } else { "after" };
            (
                format!("The states it is built on agree, but the state {side} it is another one:"),
                keys.as_ref(),
            )
        }
        Oddity::Verdict { rejected: true } => {
            ("The server rejected it; by the rules it is allowed.".to_owned(), None)
        }
        Oddity::Verdict { rejected: false } => {
            ("The server accepted it; by the rules it is rejected.".to_owned(), None)
        }
        Oddity::Extremities => ("The server has other forward extremities.".to_owned(), None),
    };
    writeln!(ui.out(), "   {words}")?;
    if let Some(keys) = keys {
        show::write_keys(describer, &names, keys, ui)?;
    }
    if let Some(hash) = &origin.hash {
        writeln!(ui.out(), "   {}", theme.dim(format!("state hash of the server: {}", text::escape(hash))))?;
    }
    if let Some(same) = origin.same_as_after {
        let line = show::line(describer, theme, same);
        writeln!(ui.out(), "   It is the very state after {line}")?;
    }
    if origin.consequences > 0 {
        let events = text::count(origin.consequences, "later event");
        let rest = if origin.consequences == 1 { "rests" } else { "rest" };
        writeln!(ui.out(), "   {events} {rest} on it.")?;
    }
    Ok(())
}

fn to_json(room: &Room, pair: Pair, deviations: &Deviations) -> Value {
    json!({
        "with": pair.to_string(),
        "compared": deviations.compared,
        "agreeing": deviations.agreeing,
        "origins": deviations.origins.iter().map(|origin| origin_json(room, origin)).collect::<Vec<_>>(),
    })
}

fn origin_json(room: &Room, origin: &Origin) -> Value {
    let keys = |keys: &Option<Vec<KeyDifference>>| {
        keys.as_ref().map_or(Value::Null, |keys| show::keys_json(room, keys))
    };
    let mut object = match &origin.oddity {
        Oddity::FromElsewhere { gaps } => json!({
            "oddity": "from_elsewhere",
            "missing": gaps.iter().map(|link| link_id(room, *link)).collect::<Vec<_>>(),
        }),
        Oddity::Partial => json!({ "oddity": "partial_state" }),
        Oddity::Asserted { provenance, when, keys: differing } => json!({
            "oddity": "asserted", "by": provenance.as_str(), "keys": keys(differing),
            "when": match when {
                Some(When::Before) => "before",
                Some(When::After) => "after",
                None => "after_missing_parent",
            },
        }),
        Oddity::State { before, keys: differing } => json!({
            "oddity": "state", "when": if *before { "before" } else { "after" }, "keys": keys(differing),
        }),
        Oddity::Verdict { rejected } => json!({ "oddity": "verdict", "server_rejected": rejected }),
        Oddity::Extremities => json!({ "oddity": "extremities" }),
    };
    object["at"] = show::place_json(room, origin.at);
    object["hash"] = origin.hash.as_deref().into();
    object["same_as_after"] = origin.same_as_after.map(|ix| room.id(ix)).into();
    object["consequences"] = origin.consequences.into();
    object
}

fn link_id(room: &Room, link: Link) -> &str {
    match link {
        Link::Event(ix) => room.id(ix),
        Link::Missing(missing) => room.missing_id(missing),
    }
}
