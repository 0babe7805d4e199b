//! A room beside the same history with, or without, a state DAG.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;

use serde_json::{Value, json};

use super::args::CompareArgs;
use super::show;
use crate::cli::args::Globals;
use crate::cli::error::CliError;
use crate::cli::output::Ui;
use crate::cli::replay::rejection_json;
use crate::cli::{findings, text};
use crate::describe::{Describer, Names};
use crate::diagnose::resets::loss_title;
use crate::diagnose::retold::{Because, Comparison, Fate, Parting, Reset, Why};
use crate::diagnose::rooms::ViewDifference;
use crate::dump::Dump;
use crate::export;
use crate::replay::{Place, Replay};
use crate::rewrite::{Retold, retell};
use crate::room::{EventIx, Room};

/// So many keys and verdicts of a list are shown.
const LISTED: usize = 6;

pub(super) fn run(dump: &Dump, args: &CompareArgs, globals: &Globals, ui: &mut Ui) -> Result<u8, CliError> {
    let room = &dump.room;
    if room.rules().has_state_dag() == args.as_state_dag {
        let (has, flag) =
            if args.as_state_dag { ("a", "--without-state-dag") } else { ("no", "--as-state-dag") };
        return Err(CliError::new(format!("the room has {has} state DAG already")).hint(flag));
    }
    let one = ui.busy("replaying", || Replay::new(room, globals.algorithm(), globals.profile()));
    let retold = ui.busy("telling the room anew", || retell(&one)).map_err(|why| {
        CliError::new(why.to_string()).hint("compare versions 12 and org.matrix.msc4242.12")
    })?;
    if let Some(path) = &args.save {
        let mut bytes = Vec::new();
        let written =
            export::write_events(&retold.room, false, &mut bytes).and_then(|()| fs::write(path, bytes));
        written.map_err(|error| {
            CliError::new(format!("cannot write {}: {error}", text::escape(&path.display().to_string())))
        })?;
    }
    let other = ui.busy("replaying", || Replay::new(&retold.room, Some(one.algorithm()), one.profile()));
    let comparison = ui.busy("comparing", || Comparison::new(&one, &other, &retold.events));
    if globals.is_json() {
        ui.json(&to_json(&one, &other, &retold, &comparison))?;
    } else {
        let nobody = Names::new(&retold.room, &BTreeMap::new());
        let describers = [&Describer::of(dump), &Describer::new(&retold.room, &nobody)];
        let writer = Writer { replays: [&one, &other], describers, limit: args.limit };
        writer.write(&retold, &comparison, ui)?;
    }
    findings::show_some(&one.findings(), ui);
    Ok(u8::from(!comparison.agrees()))
}

struct Writer<'a> {
    replays: [&'a Replay<'a>; 2],
    describers: [&'a Describer<'a>; 2],
    limit: usize,
}

/// How a room is called.
fn name(room: &Room) -> &'static str {
    if room.rules().has_state_dag() { "state DAG" } else { "version 12" }
}

impl Writer<'_> {
    fn names(&self) -> [&'static str; 2] {
        self.replays.map(|replay| name(replay.room()))
    }

    fn write(&self, retold: &Retold, found: &Comparison, ui: &mut Ui) -> Result<(), CliError> {
        let theme = ui.theme();
        let rooms = self.replays.map(Replay::room);
        let [from, to] = rooms.map(|room| room.rules().id);
        let id = |room: &Room| text::escape(room.room_id().unwrap_or("(no room ID)"));
        writeln!(ui.out(), "{}, version {from}, told anew as version {to}: {}", id(rooms[0]), id(rooms[1]))?;
        let events = text::count(found.common, "event");
        let rounds = text::count(retold.rounds, "round");
        writeln!(ui.out(), "{}", theme.dim(format!("{events}, written in {rounds}")))?;
        if let Some(ix) = retold.unsettled {
            let settled = format!(
                "after {rounds} only the first {} are settled, up to {}: what is said of later ones may not last",
                text::count(ix.index(), "event"),
                self.describers[0].short_id(ix),
            );
            writeln!(ui.out(), "{}", theme.warn(settled))?;
        }
        for line in remarks(retold) {
            writeln!(ui.out(), "{}", theme.warn(line))?;
        }
        if found.agrees() {
            writeln!(ui.out(), "{}", theme.good("Both have the same verdicts and states."))?;
        }
        self.write_verdicts(found, ui)?;
        self.write_now(found, ui)?;
        self.write_partings(found, ui)?;
        self.write_resets(found, ui)
    }

    fn write_verdicts(&self, found: &Comparison, ui: &mut Ui) -> Result<(), CliError> {
        let theme = ui.theme();
        if found.verdicts.is_empty() {
            return Ok(());
        }
        let count = text::count(found.verdicts.len(), "event");
        writeln!(ui.out(), "\n{}", theme.heading(format!("{count} judged differently")))?;
        for at in found.verdicts.iter().take(self.limit) {
            writeln!(ui.out(), "  {}", show::line(self.describers[0], theme, at.one))?;
            for (side, ix) in [(0, at.one), (1, at.other)] {
                let verdict = match self.replays[side].is_unprocessed(ix) {
                    true => theme.warn("waits for what is missing".to_owned()).to_string(),
                    false => show::verdict(self.describers[side], theme, self.replays[side], ix),
                };
                writeln!(ui.out(), "    {}: {verdict}", self.names()[side])?;
            }
        }
        self.more(found.verdicts.len(), self.limit, ui)
    }

    fn write_now(&self, found: &Comparison, ui: &mut Ui) -> Result<(), CliError> {
        let theme = ui.theme();
        match &found.now {
            Some(now) if now.is_empty() => writeln!(ui.out(), "\nThe current state is the same.")?,
            Some(now) => {
                let keys = text::count(now.len(), "key");
                let heading = format!("The current state differs on {keys}");
                writeln!(ui.out(), "\n{}", theme.heading(heading))?;
                self.write_keys(now, ui)?;
            }
            None => writeln!(ui.out(), "\nOne of the current states is unknown.")?,
        }
        Ok(())
    }

    fn write_keys(&self, keys: &[ViewDifference], ui: &mut Ui) -> Result<(), CliError> {
        let theme = ui.theme();
        for difference in keys.iter().take(LISTED) {
            let key = self.describers[0].state_key(&difference.key.0, &difference.key.1);
            writeln!(ui.out(), "    {key}")?;
            for (side, value) in [(0, difference.one), (1, difference.other)] {
                let value = show::value(self.describers[side], theme, value);
                writeln!(ui.out(), "      {}: {value}", self.names()[side])?;
            }
        }
        self.more(keys.len(), LISTED, ui)
    }

    fn write_partings(&self, found: &Comparison, ui: &mut Ui) -> Result<(), CliError> {
        if found.partings.is_empty() {
            return Ok(());
        }
        let theme = ui.theme();
        let events = text::count(found.events, "event");
        let places = text::count(found.partings.len(), "place");
        let heading = format!("{events} with other states, which begin to differ at {places}");
        writeln!(ui.out(), "\n{}", theme.heading(heading))?;
        for (number, parting) in found.partings.iter().take(self.limit).enumerate() {
            self.write_parting(number + 1, parting, ui)?;
        }
        self.more(found.partings.len(), self.limit, ui)
    }

    fn write_parting(&self, number: usize, parting: &Parting, ui: &mut Ui) -> Result<(), CliError> {
        let theme = ui.theme();
        let line = show::line(self.describers[0], theme, parting.at.one);
        writeln!(ui.out(), "{} {line}", theme.heading(format!("{number}.")))?;
        writeln!(ui.out(), "   {}", why(parting.why))?;
        if let Some(keys) = &parting.keys {
            self.write_keys(keys, ui)?;
        }
        if parting.consequences > 0 {
            let events = text::count(parting.consequences, "later event");
            writeln!(ui.out(), "   inherited by {events}")?;
        }
        Ok(())
    }

    fn write_resets(&self, found: &Comparison, ui: &mut Ui) -> Result<(), CliError> {
        let theme = ui.theme();
        let [here, there] = self.names();
        let (count, count_there) = (found.resets.len(), found.resets_there);
        let heading = format!("State resets: {count} ({here}), {count_there} ({there})");
        writeln!(ui.out(), "\n{}", theme.heading(heading))?;
        for (number, reset) in found.resets.iter().take(self.limit).enumerate() {
            let title = show::sentence(self.describers[0], theme, &loss_title(&reset.loss));
            writeln!(ui.out(), "{} {title}", theme.heading(format!("{}.", number + 1)))?;
            let fate = fate(reset, there);
            let fate = match reset.fate {
                Fate::Kept(_) => theme.good(fate),
                _ => theme.bad(fate),
            };
            writeln!(ui.out(), "   {fate}")?;
            if let Fate::Kept(value) | Fate::Other(Some(value)) = reset.fate {
                writeln!(ui.out(), "   {there}: {}", show::line(self.describers[1], theme, value))?;
            }
        }
        self.more(count, self.limit, ui)
    }

    fn more(&self, all: usize, shown: usize, ui: &mut Ui) -> Result<(), CliError> {
        if let Some(more) = all.checked_sub(shown).filter(|more| *more > 0) {
            writeln!(ui.out(), "  … and {} more (--format json has all)", text::number(more))?;
        }
        Ok(())
    }
}

/// What is to be known of how the room was written.
fn remarks(retold: &Retold) -> Vec<String> {
    let mut lines = Vec::new();
    let lost = retold.events.iter().filter(|event| event.is_none()).count();
    if lost > 0 {
        lines.push(format!("{} left out: of other rooms, or not to be written", text::count(lost, "event")));
    }
    if retold.outcome.spread + retold.outcome.misplaced > 0 {
        let count = retold.outcome.spread + retold.outcome.misplaced;
        lines.push(format!("the order of {} could not be kept in IDs alone", text::count(count, "event")));
    }
    lines
}

/// Why states begin to differ.
fn why(why: Why) -> &'static str {
    match why {
        Why::Told => "the state here was told to a server by others; in a state DAG no state can be told",
        Why::Hole => "something before it is missing, which the one room can do without and the other cannot",
        Why::Rules => {
            "the same state, but the event is judged by other rules: its own auth_events, or its place"
        }
        Why::Merge => {
            "other states are merged: in version 12 messages merge too, step by step; a state DAG joins all its tips at once"
        }
        Why::AuthEvents => {
            "the same states are merged, but auth events that were listed are not those calculated"
        }
        Why::Ids => "the same states are merged, and event IDs decide, which are others",
    }
}

/// What a reset is in the other room.
fn fate(reset: &Reset, there: &str) -> String {
    match (reset.fate, reset.because) {
        (Fate::Kept(_), Some(because)) => {
            let because = match because {
                Because::NothingIsTold => {
                    "here a server was told a state that contradicts what it knows; there none can be told"
                }
                Because::OneLine => "there the state events are one line, and nothing is merged",
                Because::OtherMerge => "there other states are merged",
                Because::OtherChains => "there auth events are others, and with them the auth chains",
            };
            format!("{there}: does not happen: {because}")
        }
        (Fate::Kept(_), None) => format!("{there}: does not happen"),
        (Fate::Same, _) => format!("{there}: happens all the same"),
        (Fate::Other(Some(_)), _) => format!("{there}: yet another value is there"),
        (Fate::Other(None), _) => format!("{there}: the key is unset"),
        (Fate::NeverAccepted, _) => format!("{there}: what is lost here was never accepted"),
        (Fate::Unknown, _) => format!("{there}: the state is unknown"),
    }
}

fn to_json(one: &Replay<'_>, other: &Replay<'_>, retold: &Retold, found: &Comparison) -> Value {
    let rooms = [one.room(), other.room()];
    let map = rooms[0].events().zip(&retold.events);
    let map: Vec<Value> =
        map.map(|(ix, there)| json!([rooms[0].id(ix), there.map(|there| rooms[1].id(there))])).collect();
    json!({
        "room_id": rooms[0].room_id(), "room_version": rooms[0].rules().id,
        "other_room_id": rooms[1].room_id(), "other_room_version": rooms[1].rules().id,
        "algorithm": one.algorithm().as_str(), "profile": one.profile().as_str(),
        "rounds": retold.rounds, "unsettled_from": retold.unsettled.map(|ix| rooms[0].id(ix)),
        "common": found.common, "event_ids": map,
        "verdicts": found.verdicts.iter().map(|at| json!({
            "event_id": rooms[0].id(at.one), "other_event_id": rooms[1].id(at.other),
            "one": rejection_json(rooms[0], one.rejection(at.one)),
            "other": rejection_json(rooms[1], other.rejection(at.other)),
            "unprocessed": [one.is_unprocessed(at.one), other.is_unprocessed(at.other)],
        })).collect::<Vec<_>>(),
        "events": found.events,
        "partings": found.partings.iter().map(|parting| json!({
            "at": rooms[0].id(parting.at.one), "other_at": rooms[1].id(parting.at.other),
            "why": parting.why.as_str(), "consequences": parting.consequences,
            "keys": parting.keys.as_ref().map(|keys| keys_json(rooms, keys)),
        })).collect::<Vec<_>>(),
        "current": found.now.as_ref().map(|now| keys_json(rooms, now)),
        "resets": found.resets.iter().map(|reset| reset_json(rooms, reset)).collect::<Vec<_>>(),
        "other_resets": found.resets_there,
    })
}

fn keys_json(rooms: [&Room; 2], keys: &[ViewDifference]) -> Value {
    let id = |room: &'_ Room, ix: Option<EventIx>| ix.map(|ix| room.id(ix).to_owned());
    keys.iter()
        .map(|difference| {
            json!({
                "type": difference.key.0, "state_key": difference.key.1,
                "one": id(rooms[0], difference.one), "other": id(rooms[1], difference.other),
            })
        })
        .collect()
}

fn reset_json(rooms: [&Room; 2], reset: &Reset) -> Value {
    let (event_type, state_key) = rooms[0].key(reset.loss.key);
    let at = match reset.loss.at {
        Place::Event(ix) => Value::from(rooms[0].id(ix)),
        Place::Now => "now".into(),
    };
    let value = match reset.fate {
        Fate::Kept(value) => Some(rooms[1].id(value)),
        Fate::Other(value) => value.map(|value| rooms[1].id(value)),
        Fate::Same | Fate::NeverAccepted | Fate::Unknown => None,
    };
    json!({
        "at": at, "type": event_type, "state_key": state_key,
        "cause": reset.loss.cause().code.as_str(),
        "lost": reset.loss.lost.iter().map(|tip| rooms[0].id(tip.event)).collect::<Vec<_>>(),
        "after": reset.loss.after.map(|after| rooms[0].id(after)),
        "other": reset.fate.as_str(), "other_value": value,
        "because": reset.because.map(Because::as_str),
    })
}
