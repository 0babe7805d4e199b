//! Replays of one dump by several algorithms and profiles.

use std::io::Write as _;

use rayon::prelude::*;
use serde_json::{Value, json};

use super::args::{CompareArgs, pair};
use super::show;
use crate::cli::args::Globals;
use crate::cli::error::CliError;
use crate::cli::output::Ui;
use crate::cli::{resolve, select, text};
use crate::describe::Describer;
use crate::diagnose::compare::{Comparison, Ending, KeyDifference, Parting, Question, SideBySide};
use crate::dump::Dump;
use crate::replay::{Pair, Place, Replay};
use crate::room::{AuthEdges, EventSet, Room};
use crate::state::StateMap;

pub(super) fn run(
    dump: &Dump,
    given: &[&str],
    args: &CompareArgs,
    globals: &Globals,
    ui: &mut Ui,
) -> Result<u8, CliError> {
    let pairs = pairs(given, globals, &dump.room)?;
    if !args.state_set.is_empty() {
        return of_sets(args, globals, dump, &pairs, ui);
    }
    let room = &dump.room;
    let replays: Vec<Replay<'_>> = ui.busy("replaying", || {
        pairs.par_iter().map(|pair| Replay::new(room, Some(pair.algorithm), pair.profile)).collect()
    });
    let (first, others) = replays.split_first().ok_or_else(|| CliError::new("nothing to compare"))?;
    let comparisons: Vec<Comparison> =
        ui.busy("comparing", || others.par_iter().map(|other| Comparison::new(first, other)).collect());
    let differs = comparisons.iter().any(|comparison| !comparison.agrees());
    if globals.is_json() {
        let compared = comparisons.iter().zip(others);
        ui.json(&json!({
            "room_id": room.room_id(),
            "room_version": room.rules().id,
            "with": pairs.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "comparisons": compared.map(|(comparison, other)| to_json(comparison, first, other)).collect::<Vec<_>>(),
        }))?;
    } else {
        let describer = Describer::of(dump);
        for (comparison, other) in comparisons.iter().zip(others) {
            Writer { describer: &describer, one: first, other, limit: args.limit }.write(comparison, ui)?;
        }
    }
    Ok(u8::from(differs))
}

/// The pairs that are named, the one to compare with first; each once.
pub(in crate::cli) fn pairs<S: AsRef<str>>(
    with: &[S],
    globals: &Globals,
    room: &Room,
) -> Result<Vec<Pair>, CliError> {
    let own = room.rules().algorithm;
    let mut pairs: Vec<Pair> = Vec::new();
    for given in with.iter().map(AsRef::as_ref) {
        let pair = pair(given, own, globals)?;
        if !pairs.contains(&pair) {
            pairs.push(pair);
        }
    }
    if pairs.len() == 1 {
        let algorithm = globals.algorithm().unwrap_or(own);
        pairs.insert(0, Pair { algorithm, profile: globals.profile() });
    }
    if pairs.windows(2).all(|pair| pair[0] == pair[1]) {
        let what = pairs.first().map_or_else(|| "nothing".to_owned(), |only| format!("only {only}"));
        return Err(CliError::new(format!("there is {what} to compare"))
            .hint("name something else too, as in --with v2 --with v2.1, or --with spec --with synapse"));
    }
    Ok(pairs)
}

/// "1 event differs", "2 events differ".
fn differ(count: usize, noun: &str) -> String {
    format!("{} {}", text::count(count, noun), if count == 1 { "differs" } else { "differ" })
}

struct Writer<'a> {
    describer: &'a Describer<'a>,
    one: &'a Replay<'a>,
    other: &'a Replay<'a>,
    limit: usize,
}

impl Writer<'_> {
    fn pairs(&self) -> [Pair; 2] {
        [self.one, self.other].map(|replay| Pair::of(&replay.recording()))
    }

    fn write(&self, comparison: &Comparison, ui: &mut Ui) -> Result<(), CliError> {
        let theme = ui.theme();
        let [one, other] = self.pairs();
        writeln!(ui.out(), "{}", theme.heading(format!("{one} and {other}")))?;
        if comparison.agrees() {
            writeln!(ui.out(), "  agree on every event, and on the current state\n")?;
            return Ok(());
        }
        let count = |count: usize, noun: &str| text::count(count, noun);
        writeln!(
            ui.out(),
            "  part at {}; {} in verdict or state, {} among them",
            count(comparison.partings.len(), "place"),
            differ(comparison.events, "event"),
            count(comparison.merges, "merge"),
        )?;
        match &comparison.now {
            Some(now) if now.is_empty() => writeln!(ui.out(), "  the current state is the same")?,
            Some(now) => writeln!(ui.out(), "  the current state differs on {}", count(now.len(), "key"))?,
            None => writeln!(ui.out(), "  the current state is known to one of them only")?,
        }
        for (number, parting) in comparison.partings.iter().take(self.limit).enumerate() {
            writeln!(ui.out())?;
            self.write_parting(number + 1, parting, ui)?;
        }
        if let Some(more) = comparison.partings.len().checked_sub(self.limit).filter(|more| *more > 0) {
            writeln!(ui.out(), "\n… and {} (--limit shows more)", count(more, "more place"))?;
        }
        writeln!(ui.out())?;
        Ok(())
    }

    fn write_parting(&self, number: usize, parting: &Parting, ui: &mut Ui) -> Result<(), CliError> {
        let theme = ui.theme();
        let names = Pair::apart(self.pairs());
        let place = match parting.at {
            Place::Event(ix) => show::line(self.describer, theme, ix),
            Place::Now => "now, over the forward extremities".to_owned(),
        };
        writeln!(ui.out(), "{} {place}", theme.heading(format!("{number}.")))?;
        match (parting.question, parting.at) {
            (Question::Resolution, _) => {
                writeln!(ui.out(), "   The same states are resolved differently:")?;
                show::write_keys(self.describer, &names, &parting.keys, ui)?;
                if parting.fails {
                    self.write_failure(&names, parting.at, ui)?;
                }
                if let Some(steps) = parting.steps(self.one, self.other) {
                    show::first_difference(self.describer, &steps, &names, ui)?;
                    show::fates(self.describer, &steps, &parting.keys, &names, ui)?;
                }
            }
            (Question::Verdict, Place::Event(ix)) => {
                writeln!(ui.out(), "   The event is judged differently:")?;
                for (name, replay) in names.iter().zip([self.one, self.other]) {
                    let verdict = show::verdict(self.describer, theme, replay, ix);
                    writeln!(ui.out(), "     {name}: {verdict}")?;
                }
            }
            (Question::Verdict, Place::Now) => {}
        }
        self.write_aftermath(parting, ui)
    }

    fn write_failure(&self, names: &[String; 2], at: Place, ui: &mut Ui) -> Result<(), CliError> {
        for (name, replay) in names.iter().zip([self.one, self.other]) {
            let failure = match at {
                Place::Event(ix) => replay.failure(ix),
                Place::Now => replay.current().failure.as_ref(),
            };
            if let Some(failure) = failure {
                writeln!(ui.out(), "     {name} fails: {}", text::escape(&failure.message))?;
            }
        }
        Ok(())
    }

    fn write_aftermath(&self, parting: &Parting, ui: &mut Ui) -> Result<(), CliError> {
        let theme = ui.theme();
        if !parting.again.is_empty() {
            let again = text::count(parting.again.len(), "later place");
            writeln!(ui.out(), "   Decided in the same two ways again at {again}.")?;
        }
        if parting.consequences > 0 {
            let events = differ(parting.consequences, "later event");
            writeln!(ui.out(), "   Because of it {events}.")?;
        }
        let ending = match parting.ending {
            Ending::Open => theme.bad("The current state still differs because of it.").to_string(),
            Ending::Healed(Place::Now) => {
                theme.good("Healed now: the forward extremities resolve to the same.").to_string()
            }
            Ending::Healed(Place::Event(ix)) => {
                let line = show::line(self.describer, theme, ix);
                format!("{} {line}", theme.good("Healed at"))
            }
            Ending::Aside => "It is no part of the present: nothing accepted was built on it.".to_owned(),
            Ending::Stateless => "No state differs because of it.".to_owned(),
        };
        writeln!(ui.out(), "   {ending}")?;
        Ok(())
    }
}

fn to_json(comparison: &Comparison, one: &Replay<'_>, other: &Replay<'_>) -> Value {
    let room = one.room();
    let pairs = [one, other].map(|replay| Pair::of(&replay.recording()).to_string());
    json!({
        "one": pairs[0],
        "other": pairs[1],
        "events": comparison.events,
        "merges": comparison.merges,
        "current": comparison.now.as_ref().map(|now| show::keys_json(room, now)),
        "partings": comparison.partings.iter().map(|parting| parting_json(parting, one, other)).collect::<Vec<_>>(),
    })
}

fn parting_json(parting: &Parting, one: &Replay<'_>, other: &Replay<'_>) -> Value {
    let room = one.room();
    let mut object = json!({
        "at": show::place_json(room, parting.at),
        "question": match parting.question {
            Question::Resolution => "resolution",
            Question::Verdict => "verdict",
        },
        "keys": show::keys_json(room, &parting.keys),
        "fails": parting.fails,
        "again": parting.again.iter().map(|at| show::place_json(room, *at)).collect::<Vec<_>>(),
        "consequences": parting.consequences,
        "ending": match parting.ending {
            Ending::Open => "open",
            Ending::Healed(_) => "healed",
            Ending::Aside => "aside",
            Ending::Stateless => "stateless",
        },
        "healed_at": match parting.ending {
            Ending::Healed(at) => show::place_json(room, at),
            _ => Value::Null,
        },
    });
    if let (Question::Verdict, Place::Event(ix)) = (parting.question, parting.at) {
        let [one, other] =
            [one, other].map(|replay| crate::cli::replay::rejection_json(room, replay.rejection(ix)));
        object["verdicts"] = json!({ "one": one, "other": other });
    }
    if let Some(steps) = parting.steps(one, other) {
        object["first_step"] = show::first_difference_json(room, &steps);
    }
    object
}

/// How given state sets are resolved by each.
fn of_sets(
    args: &CompareArgs,
    globals: &Globals,
    dump: &Dump,
    pairs: &[Pair],
    ui: &mut Ui,
) -> Result<u8, CliError> {
    let sets: Vec<StateMap> =
        args.state_set.iter().map(|path| resolve::read_set(dump, path, ui)).collect::<Result<_, _>>()?;
    let rejected: EventSet = select::events(dump, &args.rejected)?.into_iter().collect();
    let room = &dump.room;
    let describer = Describer::of(dump);
    let calculated = resolve::calculated(room, pairs[0]);
    let edges = calculated.as_ref().map_or_else(|| AuthEdges::listed(room), Replay::auth);
    let mut found = Vec::new();
    let mut differs = false;
    for other in &pairs[1..] {
        let (steps, [one, theirs]) = SideBySide::of(room, edges, [pairs[0], *other], &sets, &rejected);
        let keys = KeyDifference::all(&one, &theirs);
        let fails = steps.fails_alone();
        differs |= !keys.is_empty() || fails;
        if globals.is_json() {
            found.push(json!({
                "one": pairs[0].to_string(), "other": other.to_string(), "keys": show::keys_json(room, &keys),
                "fails": fails, "first_step": show::first_difference_json(room, &steps),
            }));
            continue;
        }
        let theme = ui.theme();
        writeln!(ui.out(), "{}", theme.heading(format!("{} and {other}", pairs[0])))?;
        let names = Pair::apart([pairs[0], *other]);
        if keys.is_empty() && !fails {
            writeln!(ui.out(), "  resolve the state sets to the same state")?;
        } else {
            writeln!(ui.out(), "  resolve the state sets differently:")?;
        }
        show::write_keys(&describer, &names, &keys, ui)?;
        show::first_difference(&describer, &steps, &names, ui)?;
        show::fates(&describer, &steps, &keys, &names, ui)?;
        writeln!(ui.out())?;
    }
    if globals.is_json() {
        ui.json(&json!({
            "room_id": room.room_id(), "room_version": room.rules().id,
            "with": pairs.iter().map(ToString::to_string).collect::<Vec<_>>(), "state_sets": found,
        }))?;
    }
    Ok(u8::from(differs))
}
