//! Two dumps of one room.

use std::io::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::args::CompareArgs;
use super::show;
use crate::cli::args::Globals;
use crate::cli::error::CliError;
use crate::cli::output::Ui;
use crate::cli::replay::rejection_json;
use crate::cli::{database, load, text};
use crate::describe::Describer;
use crate::diagnose::compare::Side;
use crate::diagnose::rooms::{Divergence, Fetch, Reason, Shared, ViewDifference, Views};
use crate::dump::Dump;
use crate::replay::Replay;
use crate::room::{EventIx, Link, Room};

/// So many events of a list are shown.
const LISTED: usize = 6;

pub(super) fn run(
    one: &Dump,
    path: &Path,
    args: &CompareArgs,
    globals: &Globals,
    ui: &mut Ui,
) -> Result<u8, CliError> {
    let other = load::open(globals, path, ui)?;
    check_same_room(&one.room, &other.room)?;
    let (replay_one, replay_other) = ui.busy("replaying", || {
        rayon::join(
            || Replay::new(&one.room, globals.algorithm(), globals.profile()),
            || Replay::new(&other.room, globals.algorithm(), globals.profile()),
        )
    });
    let views = ui.busy("comparing", || Views::new(&replay_one, &replay_other));
    if globals.is_json() {
        ui.json(&to_json(&views, &replay_one, &replay_other))?;
    } else {
        writeln!(ui.out(), "A: {}\nB: {}\n", database::title(&args.dump), database::title(path))?;
        let describers = [Describer::of(one), Describer::of(&other)];
        let writer =
            Writer { replays: [&replay_one, &replay_other], describers: &describers, limit: args.limit };
        writer.write(&views, ui)?;
    }
    Ok(u8::from(!views.agrees()))
}

fn check_same_room(one: &Room, other: &Room) -> Result<(), CliError> {
    let shown = |room: &Room| text::escape(room.room_id().unwrap_or("a room without ID"));
    if one.room_id() != other.room_id() && one.room_id().is_some() && other.room_id().is_some() {
        return Err(CliError::new(format!("these are different rooms: {} and {}", shown(one), shown(other)))
            .hint("compare two dumps of the same room, as two servers see it"));
    }
    if one.rules().id != other.rules().id {
        let versions = format!("{} and {}", one.rules().id, other.rules().id);
        return Err(CliError::new(format!("the dumps are read as different room versions: {versions}"))
            .hint("name the version with --room-version"));
    }
    Ok(())
}

struct Writer<'a> {
    replays: [&'a Replay<'a>; 2],
    describers: &'a [Describer<'a>; 2],
    limit: usize,
}

impl Writer<'_> {
    fn write(&self, views: &Views, ui: &mut Ui) -> Result<(), CliError> {
        let theme = ui.theme();
        let only = |fetch: &Fetch| text::number(fetch.holes.len() + fetch.newer.len());
        writeln!(
            ui.out(),
            "{} in both; {} only in A, {} only in B",
            text::count(views.common, "event"),
            only(&views.for_other),
            only(&views.for_one),
        )?;
        if views.agrees() {
            writeln!(ui.out(), "{}", theme.good("Both have the same events, verdicts and states."))?;
            return Ok(());
        }
        self.write_verdicts(views, ui)?;
        match &views.now {
            Some(now) if now.is_empty() => writeln!(ui.out(), "The current state is the same.")?,
            Some(now) => {
                let keys = text::count(now.len(), "key");
                writeln!(ui.out(), "The current state differs on {keys}:")?;
                self.write_keys(now, ui)?;
            }
            None => writeln!(ui.out(), "The current state is unknown on one side at least, behind a hole.")?,
        }
        if views.divergences.is_empty() {
            writeln!(ui.out(), "\nOf the events in both, all have the same state where both know it.")?;
        } else {
            let have = if views.events == 1 {
                "1 has".to_owned()
            } else {
                format!("{} have", text::number(views.events))
            };
            let places = text::count(views.divergences.len(), "place");
            writeln!(
                ui.out(),
                "\nOf the events in both, {have} different states, which begins at {places}:"
            )?;
        }
        for (number, divergence) in views.divergences.iter().take(self.limit).enumerate() {
            self.write_divergence(number + 1, divergence, ui)?;
        }
        if let Some(more) = views.divergences.len().checked_sub(self.limit).filter(|more| *more > 0) {
            writeln!(ui.out(), "… and {} (--limit shows more)", text::count(more, "more place"))?;
        }
        self.write_fetch("B", "A", 0, &views.for_other, ui)?;
        self.write_fetch("A", "B", 1, &views.for_one, ui)
    }

    fn write_verdicts(&self, views: &Views, ui: &mut Ui) -> Result<(), CliError> {
        let theme = ui.theme();
        for at in views.verdicts.iter().take(self.limit) {
            writeln!(ui.out(), "Judged differently: {}", show::line(&self.describers[0], theme, at.one))?;
            for (name, side, ix) in [("A", 0, at.one), ("B", 1, at.other)] {
                let verdict = show::verdict(&self.describers[side], theme, self.replays[side], ix);
                writeln!(ui.out(), "  {name}: {verdict}")?;
            }
        }
        let noted = |side: usize, ix: EventIx| {
            let recorded = self.replays[side].room().recorded(ix);
            let mut words: Vec<&str> = Vec::new();
            words.extend(recorded.rejected.is_some().then_some("rejected"));
            words.extend(recorded.soft_failed.then_some("soft-failed"));
            if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
        };
        if !views.recorded.is_empty() {
            let events = text::count(views.recorded.len(), "event");
            writeln!(ui.out(), "The servers noted different things of {events}:")?;
        }
        for at in views.recorded.iter().take(LISTED) {
            let line = show::line(&self.describers[0], theme, at.one);
            writeln!(ui.out(), "  A: {}, B: {}: {line}", noted(0, at.one), noted(1, at.other))?;
        }
        self.more(views.recorded.len(), ui)
    }

    fn more(&self, all: usize, ui: &mut Ui) -> Result<(), CliError> {
        if let Some(more) = all.checked_sub(LISTED).filter(|more| *more > 0) {
            writeln!(ui.out(), "  … and {} more", text::number(more))?;
        }
        Ok(())
    }

    fn write_keys(&self, keys: &[ViewDifference], ui: &mut Ui) -> Result<(), CliError> {
        let theme = ui.theme();
        for difference in keys.iter().take(LISTED) {
            let key = self.describers[0].state_key(&difference.key.0, &difference.key.1);
            writeln!(ui.out(), "  {key}")?;
            for (name, side, value) in [("A", 0, difference.one), ("B", 1, difference.other)] {
                let value = show::value(&self.describers[side], theme, value);
                writeln!(ui.out(), "    {name}: {value}")?;
            }
        }
        self.more(keys.len(), ui)
    }

    fn write_divergence(&self, number: usize, divergence: &Divergence, ui: &mut Ui) -> Result<(), CliError> {
        let theme = ui.theme();
        let place = show::line(&self.describers[0], theme, divergence.at.one);
        writeln!(ui.out(), "{} {place}", theme.heading(format!("{number}.")))?;
        let words = match &divergence.reason {
            Reason::Hole(side, links) => {
                let (name, describer) = match side {
                    Side::One => ("A", &self.describers[0]),
                    Side::Other => ("B", &self.describers[1]),
                };
                let links: Vec<String> = links.iter().map(|link| show::link(describer, *link)).collect();
                format!("{name} lacks what comes before it ({})", links.join(", "))
            }
            Reason::Verdict => "It is judged differently".to_owned(),
            Reason::State => "The states before it agree, those of the event do not".to_owned(),
        };
        match &divergence.keys {
            Some(keys) => {
                writeln!(ui.out(), "   {words}; the states differ on {}:", text::count(keys.len(), "key"))?;
                self.write_keys(keys, ui)?;
            }
            None => writeln!(ui.out(), "   {words}, and so does not know the state.")?,
        }
        if divergence.consequences > 0 {
            let events = text::count(divergence.consequences, "later event");
            let differ = if divergence.consequences == 1 { "differs" } else { "differ" };
            writeln!(ui.out(), "   Because of it {events} {differ}.")?;
        }
        Ok(())
    }

    fn write_fetch(
        &self,
        who: &str,
        from: &str,
        side: usize,
        fetch: &Fetch,
        ui: &mut Ui,
    ) -> Result<(), CliError> {
        let all = fetch.holes.len() + fetch.newer.len();
        if all == 0 {
            return Ok(());
        }
        let theme = ui.theme();
        let heading = format!("What {who} would have to fetch from {from}: {}", text::count(all, "event"));
        writeln!(ui.out(), "\n{}", theme.heading(heading))?;
        let describer = &self.describers[side];
        for (words, events) in [("to fill holes", &fetch.holes), ("to catch up", &fetch.newer)] {
            if events.is_empty() {
                continue;
            }
            writeln!(ui.out(), "  {words}: {}", text::number(events.len()))?;
            for ix in events.iter().take(LISTED) {
                writeln!(ui.out(), "    {}", show::line(describer, theme, *ix))?;
            }
            if let Some(more) = events.len().checked_sub(LISTED).filter(|more| *more > 0) {
                writeln!(ui.out(), "    … and {} more", text::number(more))?;
            }
        }
        let names = |events: &[EventIx]| {
            let mut names: Vec<String> =
                events.iter().take(LISTED).map(|ix| describer.short_id(*ix)).collect();
            names.extend((events.len() > LISTED).then(|| "…".to_owned()));
            names.join(", ")
        };
        if !fetch.earliest.is_empty() {
            let (latest, earliest) = (names(&fetch.latest), names(&fetch.earliest));
            writeln!(ui.out(), "  Ask for {latest}, and for what comes before, back to {earliest}")?;
        }
        Ok(())
    }
}

fn to_json(views: &Views, one: &Replay<'_>, other: &Replay<'_>) -> Value {
    let rooms = [one.room(), other.room()];
    let shared = |at: &Shared| rooms[0].id(at.one);
    let noted = |room: &Room, ix: EventIx| {
        let recorded = room.recorded(ix);
        json!({ "rejected": recorded.rejected, "soft_failed": recorded.soft_failed })
    };
    json!({
        "room_id": rooms[0].room_id().or(rooms[1].room_id()),
        "room_version": rooms[0].rules().id,
        "common": views.common,
        "verdicts": views.verdicts.iter().map(|at| json!({
            "event_id": shared(at),
            "one": rejection_json(rooms[0], one.rejection(at.one)),
            "other": rejection_json(rooms[1], other.rejection(at.other)),
        })).collect::<Vec<_>>(),
        "recorded": views.recorded.iter().map(|at| json!({
            "event_id": shared(at), "one": noted(rooms[0], at.one), "other": noted(rooms[1], at.other),
        })).collect::<Vec<_>>(),
        "events": views.events,
        "divergences": views.divergences.iter().map(|divergence| divergence_json(rooms, divergence)).collect::<Vec<_>>(),
        "current": views.now.as_ref().map(|now| keys_json(rooms, now)),
        "one_lacks": fetch_json(rooms[1], &views.for_one),
        "other_lacks": fetch_json(rooms[0], &views.for_other),
    })
}

fn divergence_json(rooms: [&Room; 2], divergence: &Divergence) -> Value {
    let (reason, lacking, links) = match &divergence.reason {
        Reason::Hole(Side::One, links) => ("hole", Some("one"), link_ids(rooms[0], links)),
        Reason::Hole(Side::Other, links) => ("hole", Some("other"), link_ids(rooms[1], links)),
        Reason::Verdict => ("verdict", None, Vec::new()),
        Reason::State => ("state", None, Vec::new()),
    };
    json!({
        "at": rooms[0].id(divergence.at.one), "reason": reason, "lacking": lacking, "missing": links,
        "keys": divergence.keys.as_ref().map(|keys| keys_json(rooms, keys)),
        "consequences": divergence.consequences,
    })
}

fn link_ids<'a>(room: &'a Room, links: &[Link]) -> Vec<&'a str> {
    let id = |link: &Link| match link {
        Link::Event(ix) => room.id(*ix),
        Link::Missing(missing) => room.missing_id(*missing),
    };
    links.iter().map(id).collect()
}

fn keys_json(rooms: [&Room; 2], keys: &[ViewDifference]) -> Value {
    keys.iter()
        .map(|difference| {
            json!({
                "type": difference.key.0, "state_key": difference.key.1,
                "one": difference.one.map(|ix| rooms[0].id(ix)),
                "other": difference.other.map(|ix| rooms[1].id(ix)),
            })
        })
        .collect()
}

fn fetch_json(room: &Room, fetch: &Fetch) -> Value {
    let ids = |events: &[EventIx]| events.iter().map(|ix| room.id(*ix)).collect::<Vec<_>>();
    json!({
        "holes": ids(&fetch.holes), "newer": ids(&fetch.newer),
        "latest": ids(&fetch.latest), "earliest": ids(&fetch.earliest),
    })
}
