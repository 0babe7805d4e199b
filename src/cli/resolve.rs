//! `hindsight resolve`: one resolution, and the reason of every decision.

use std::io::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::args::{Globals, ResolveArgs};
use super::error::CliError;
use super::output::{Theme, Ui};
use super::replay::{rejection_json, state_json};
use super::{findings, load, select, steps, text};
use crate::describe::Describer;
use crate::dump::Dump;
use crate::event::room_version::AuthSource;
use crate::explain::{Span, Tone, explain_check, explain_rejection, explain_steps};
use crate::replay::{Pair, Replay, state_of};
use crate::resolve::step::Step;
use crate::resolve::{Resolution, Resolver};
use crate::room::{EventIx, EventSet, Link, Room};
use crate::state::StateMap;

/// What was resolved.
struct Question {
    /// In words: "State before X".
    title: String,
    /// What each input is, in words.
    inputs: Vec<String>,
    /// The events asked about.
    at: Vec<EventIx>,
    /// The event whose resolution the steps are of, where it is none of those.
    steps_of: Option<EventIx>,
}

pub(super) fn run(args: &ResolveArgs, globals: &Globals, ui: &mut Ui) -> Result<u8, CliError> {
    let dump = load::open(globals, &args.input.dump, ui)?;
    let describer = Describer::of(&dump);
    if !args.state_set.is_empty() {
        return resolve_sets(args, globals, &dump, &describer, ui);
    }
    let room = &dump.room;
    let at = select::events(&dump, &args.events())?;
    let replay = ui.busy("replaying", || Replay::new(room, globals.algorithm(), globals.profile()));
    let named = !at.is_empty();
    let (mut question, sets) = ask(&replay, &describer, at);
    let sets = match sets {
        Ok(sets) if sets.is_empty() && !named => {
            return Err(CliError::new(
                "no event of the dump has a place in the DAG: there is no current state",
            )
            .hint("an export of the timeline is needed, not of the state alone"));
        }
        Ok(sets) => sets,
        // The state before it is unknown, but why the event was rejected may be known all the same.
        Err(why) => match question.at[..] {
            [ix] if replay.rejection(ix).is_some() && !globals.is_json() => {
                write_checks(&replay, &describer, ix, ui)?;
                return Ok(0);
            }
            _ => return Err(why),
        },
    };
    let one = match question.at[..] {
        [ix] if named => Some(ix),
        _ => None,
    };
    let resolution = replay.resolve_at(one, &sets, &mut ());
    let steps = args.steps.then(|| {
        // With a single extremity there is nothing to resolve now. What is asked for is how things came to be.
        question.steps_of =
            (!named && !resolution.resolved).then(|| last_resolution(&replay, &question.at)).flatten();
        let sets = question.steps_of.and_then(|merge| replay.inputs(merge)).unwrap_or(sets);
        let mut steps = Vec::new();
        replay.resolve_at(question.steps_of.or(one), &sets, &mut steps);
        steps
    });
    let answer = Answer { room, globals, algorithm: replay.algorithm().as_str(), resolution, steps };
    if globals.is_json() {
        ui.json(&answer.to_json(&question, Some(&replay)))?;
    } else {
        answer.write(&question, &describer, ui)?;
        if let [ix] = question.at[..]
            && named
            && (args.steps || replay.rejection(ix).is_some())
        {
            write_checks(&replay, &describer, ix, ui)?;
        }
    }
    findings::show_some(&replay.findings(), ui);
    Ok(0)
}

/// The last event before (or at) the only extremity whose parents' states differed.
pub(super) fn last_resolution(replay: &Replay<'_>, extremities: &[EventIx]) -> Option<EventIx> {
    let [mut at] = *extremities else { return None };
    while !replay.resolved(at) {
        let [parent] = *replay.room().state_parents(at) else { return None };
        at = parent;
    }
    Some(at)
}

/// The question that the arguments ask, and the states to resolve.
fn ask(
    replay: &Replay<'_>,
    describer: &Describer<'_>,
    at: Vec<EventIx>,
) -> (Question, Result<Vec<StateMap>, CliError>) {
    let room = replay.room();
    if let [ix] = at[..] {
        let inputs: Vec<String> =
            room.state_links(ix).map(|link| format!("after {}", name(describer, link))).collect();
        let title = format!("State before {}: {}", describer.short_id(ix), describer.summary(ix));
        return (Question { title, inputs, at, steps_of: None }, inputs_before(replay, describer, ix));
    }
    let (title, over) = if at.is_empty() {
        ("Current state, over the forward extremities".to_owned(), replay.current().extremities.clone())
    } else {
        let names: Vec<String> = at.iter().map(|ix| describer.short_id(*ix)).collect();
        (format!("The states after {}, resolved", names.join(", ")), at.clone())
    };
    let inputs = over.iter().map(|ix| format!("after {}", describer.line(*ix))).collect();
    let sets = over.iter().map(|ix| state_after(replay, describer, *ix)).collect();
    (Question { title, inputs, at: if at.is_empty() { over } else { at }, steps_of: None }, sets)
}

fn name(describer: &Describer<'_>, link: Link) -> String {
    match link {
        Link::Event(ix) => describer.line(ix),
        Link::Missing(missing) => format!("{} (not in the dump)", describer.missing_id(missing)),
    }
}

pub(super) fn inputs_before(
    replay: &Replay<'_>,
    describer: &Describer<'_>,
    ix: EventIx,
) -> Result<Vec<StateMap>, CliError> {
    let room = replay.room();
    if room.is_outlier(ix) {
        let id = describer.short_id(ix);
        return Err(CliError::new(format!(
            "{id} is an outlier: it has no place in the DAG, and so no state before it"
        )));
    }
    match (replay.inputs(ix), replay.before(ix)) {
        (Some(inputs), _) => Ok(inputs),
        // The state before it is asserted: one input.
        (None, Some(before)) => Ok(vec![before.clone()]),
        (None, None) => Err(unknown(describer, "before", ix)),
    }
}

pub(super) fn state_after(
    replay: &Replay<'_>,
    describer: &Describer<'_>,
    ix: EventIx,
) -> Result<StateMap, CliError> {
    replay.after(ix).cloned().ok_or_else(|| unknown(describer, "after", ix))
}

fn unknown(describer: &Describer<'_>, side: &str, ix: EventIx) -> CliError {
    CliError::new(format!("the state {side} {} is unknown: it lies behind a hole", describer.short_id(ix)))
        .hint("assert a state with --asserted-state, or export the missing part; `hindsight inspect` lists the holes")
}

/// The replay that tells the auth events, where the room version calculates them.
pub(super) fn calculated(room: &Room, pair: Pair) -> Option<Replay<'_>> {
    let calculates = room.rules().auth_source == AuthSource::Calculated;
    calculates.then(|| Replay::new(room, Some(pair.algorithm), pair.profile))
}

/// Resolves given state sets; no event counts as rejected but those named.
fn resolve_sets(
    args: &ResolveArgs,
    globals: &Globals,
    dump: &Dump,
    describer: &Describer<'_>,
    ui: &mut Ui,
) -> Result<u8, CliError> {
    let room = &dump.room;
    let sets: Vec<StateMap> =
        args.state_set.iter().map(|path| read_set(dump, path, ui)).collect::<Result<_, _>>()?;
    let rejected: EventSet = select::events(dump, &args.rejected)?.into_iter().collect();
    let algorithm = globals.algorithm().unwrap_or(room.rules().algorithm);
    let calculated = calculated(room, Pair { algorithm, profile: globals.profile() });
    let resolver = Resolver::new(room, algorithm, globals.profile());
    let mut resolver = match &calculated {
        Some(replay) => resolver.along(replay.auth()),
        None => resolver,
    };
    let mut steps = Vec::new();
    let resolution = if args.steps {
        resolver.resolve(&sets, &rejected, &mut steps)
    } else {
        resolver.resolve(&sets, &rejected, &mut ())
    };
    let question = Question {
        title: "The given state sets, resolved".to_owned(),
        inputs: args.state_set.iter().map(|path| text::escape(&path.display().to_string())).collect(),
        at: Vec::new(),
        steps_of: None,
    };
    let steps = args.steps.then_some(steps);
    let answer = Answer { room, globals, algorithm: algorithm.as_str(), resolution, steps };
    if globals.is_json() {
        ui.json(&answer.to_json(&question, None))?;
    } else {
        answer.write(&question, describer, ui)?;
    }
    Ok(0)
}

/// Reads a state set: a JSON array of event IDs, or a state list `[[type, state_key, event_id], …]`.
pub(super) fn read_set(dump: &Dump, path: &Path, ui: &Ui) -> Result<StateMap, CliError> {
    let bytes = load::read(path, ui)?;
    let shown = text::escape(&path.display().to_string());
    let bad = |what: String| {
        CliError::new(format!("the state set {shown} {what}"))
            .hint("a state set is a JSON array of event IDs, such as [\"$abc\", \"$def\"]")
    };
    let entries: Vec<Value> =
        serde_json::from_slice(&bytes).map_err(|error| bad(format!("is not a JSON array: {error}")))?;
    let mut events = Vec::with_capacity(entries.len());
    for entry in &entries {
        let id = entry.as_str().or_else(|| entry.get(2).and_then(Value::as_str));
        let id = id.ok_or_else(|| {
            bad(format!("has an element that is no event ID: {}", text::shorten(&entry.to_string(), 60)))
        })?;
        let name = || dump.placeholders.get(id).or_else(|| dump.placeholders.get(&format!("${id}")));
        let real = name().map_or(id, String::as_str);
        let named = text::shorten(id, 60);
        let ix =
            dump.room.find(real).ok_or_else(|| bad(format!("names {named}, which is not in the dump")))?;
        if dump.room.key_of(ix).is_none() {
            return Err(bad(format!("names {named}, which is not a state event")));
        }
        events.push(ix);
    }
    let state = state_of(&dump.room, &events);
    if state.len() < events.len() {
        return Err(bad("names two events for the same key".to_owned()));
    }
    Ok(state)
}

/// What came out, and how.
struct Answer<'a> {
    room: &'a Room,
    globals: &'a Globals,
    algorithm: &'static str,
    resolution: Resolution,
    steps: Option<Vec<Step>>,
}

impl Answer<'_> {
    fn to_json(&self, question: &Question, replay: Option<&Replay<'_>>) -> Value {
        let Resolution { state, resolved, sizes, failure } = &self.resolution;
        let room = self.room;
        let mut object = json!({
            "room_id": room.room_id(),
            "room_version": room.rules().id,
            "algorithm": self.algorithm,
            "profile": self.globals.profile().as_str(),
            "at": question.at.iter().map(|ix| room.id(*ix)).collect::<Vec<_>>(),
            "resolved": resolved,
            "sizes": { "conflicts": sizes.conflicts, "power": sizes.power, "others": sizes.others },
            "state_hash": state.hash(room),
            "state": state_json(room, state),
            "error": failure.as_ref().map(|failure| &failure.message),
        });
        if let Some(steps) = &self.steps {
            object["steps"] = steps::to_json(room, steps);
        }
        if let Some(merge) = question.steps_of {
            object["steps_of"] = room.id(merge).into();
        }
        if let (Some(replay), [ix]) = (replay, &question.at[..]) {
            object["rejected"] = rejection_json(room, replay.rejection(*ix));
            object["checks"] = checks_json(replay, *ix);
        }
        object
    }

    fn write(&self, question: &Question, describer: &Describer<'_>, ui: &mut Ui) -> Result<(), CliError> {
        let theme = ui.theme();
        let Resolution { state, failure, .. } = &self.resolution;
        writeln!(ui.out(), "{}", theme.heading(&question.title))?;
        writeln!(
            ui.out(),
            "room {}, version {}; algorithm {}, profile {}",
            text::escape(self.room.room_id().unwrap_or("(no room ID)")),
            self.room.rules().id,
            self.algorithm,
            self.globals.profile().as_str(),
        )?;
        for (number, input) in question.inputs.iter().enumerate() {
            let label =
                if question.inputs.len() > 1 { format!("set {}: ", number + 1) } else { String::new() };
            writeln!(ui.out(), "  {}{input}", theme.dim(label))?;
        }
        if let Some(failure) = failure {
            let who = self.globals.profile().as_str();
            let message = text::escape(&failure.message);
            writeln!(ui.out(), "\n{} {who} fails: {message}", theme.bad("error:"))?;
            writeln!(ui.out(), "       the state below is what the specification gives")?;
        }
        if let Some(merge) = question.steps_of {
            let line = describer.line(merge);
            writeln!(
                ui.out(),
                "There is one forward extremity, so nothing is to be resolved now. The last resolution was at"
            )?;
            writeln!(ui.out(), "  {line}")?;
        }
        if let Some(steps) = &self.steps {
            writeln!(ui.out())?;
            let mut tree = String::new();
            let nodes = explain_steps(self.room, steps);
            steps::write_tree(
                &mut tree,
                &nodes,
                &|span| paint_span(describer, theme, span),
                &|tone, text| paint(theme, tone, text),
            );
            ui.out().write_all(tree.as_bytes())?;
        }
        let keys = text::count(state.len(), "key");
        writeln!(ui.out(), "\n{} {keys}, hash {}", theme.heading("State:"), state.hash(self.room))?;
        write_state(state, describer, ui)?;
        Ok(())
    }
}

/// The entries of a state, aligned.
fn write_state(state: &StateMap, describer: &Describer<'_>, ui: &mut Ui) -> Result<(), CliError> {
    let theme = ui.theme();
    for (_, event) in state.iter() {
        let (id, user) = (describer.id_width(), describer.user_width());
        writeln!(
            ui.out(),
            "  {:<id$}  {}  {:<user$}  {}",
            theme.id(describer.short_id(event)),
            theme.dim(describer.time(event)),
            theme.user(describer.sender(event)),
            describer.summary(event),
        )?;
    }
    Ok(())
}

/// How the event fared on receipt: every check with what it read.
fn write_checks(
    replay: &Replay<'_>,
    describer: &Describer<'_>,
    ix: EventIx,
    ui: &mut Ui,
) -> Result<(), CliError> {
    let theme = ui.theme();
    let room = replay.room();
    let span = |span: &Span| paint_span(describer, theme, span);
    let verdict = match replay.rejection(ix) {
        Some(rejection) => theme.bad(steps::render(&explain_rejection(room, rejection), &span)).to_string(),
        None => theme.good("accepted").to_string(),
    };
    writeln!(ui.out(), "\n{} {verdict}", theme.heading(format!("{} on receipt:", describer.short_id(ix))))?;
    let nodes: Vec<_> = replay.judge(ix).iter().map(|check| explain_check(room, check)).collect();
    let mut tree = String::new();
    steps::write_tree(&mut tree, &nodes, &span, &|tone, text| paint(theme, tone, text));
    ui.out().write_all(tree.as_bytes())?;
    Ok(())
}

pub(super) fn checks_json(replay: &Replay<'_>, ix: EventIx) -> Value {
    let room = replay.room();
    let key = |key| {
        let (event_type, state_key) = room.key(key);
        json!([event_type, state_key])
    };
    replay
        .judge(ix)
        .iter()
        .map(|check| {
            json!({
                "check": check.kind.as_str(),
                "verdict": check.verdict.as_ref().map(|verdict| steps::verdict_to_json(room, verdict)),
                "reads": check.reads.iter().map(|(wanted, found)| {
                    json!({ "key": key(*wanted), "event": found.map(|event| room.id(event)) })
                }).collect::<Vec<_>>(),
                "operands": steps::operands_to_json(room, &check.operands),
            })
        })
        .collect()
}

pub(super) fn paint_span(describer: &Describer<'_>, theme: Theme, span: &Span) -> String {
    match span {
        Span::Event(ix) => theme.id(describer.short_id(*ix)).to_string(),
        Span::Described(ix) => format!(
            "{} ({} by {})",
            theme.id(describer.short_id(*ix)),
            describer.summary(*ix),
            theme.user(describer.sender(*ix)),
        ),
        Span::User(user) => theme.user(describer.user(user)).to_string(),
        Span::Rule(number) => theme.heading(number).to_string(),
        _ => describer.span(span),
    }
}

pub(super) fn paint(theme: Theme, tone: Tone, line: &str) -> String {
    match tone {
        Tone::Phase => theme.heading(line).to_string(),
        Tone::Plain => line.to_owned(),
        Tone::Good => format!("{} {line}", theme.good("✓")),
        Tone::Bad => format!("{} {line}", theme.bad("✗")),
        Tone::Note => format!("{} {line}", theme.warn("!")),
    }
}
