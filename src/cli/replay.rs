//! `hindsight replay`: the state before and after every event.

use std::collections::BTreeMap;
use std::io::Write as _;

use rayon::prelude::*;
use serde_json::{Value, json};

use super::args::{Globals, ReplayArgs, StateForm};
use super::error::CliError;
use super::output::{Theme, Ui};
use super::{findings, load, select, text};
use crate::describe::Describer;
use crate::event::room_version::AuthSource;
use crate::explain::explain_rejection;
use crate::replay::{Footing, Rejection, Replay, StoredState};
use crate::room::{EventIx, GroupIx, Room, When};
use crate::state::StateMap;

pub(super) fn run(args: &ReplayArgs, globals: &Globals, ui: &mut Ui) -> Result<u8, CliError> {
    let dump = load::open(globals, &args.input.dump, ui)?;
    let room = &dump.room;
    let wanted = select::events(&dump, &args.at)?;
    let events: Vec<EventIx> = if wanted.is_empty() { room.events().collect() } else { wanted };
    let replay = ui.busy("replaying", || Replay::new(room, globals.algorithm(), globals.profile()));
    if globals.is_json() {
        let hashed: &[EventIx] = if args.state == StateForm::Hash { &events } else { &[] };
        let hashes = ui.busy("hashing states", || {
            let computed = Hashes::new(&replay, hashed);
            let stored = stored_hashes(&replay, &computed, hashed);
            AllHashes { computed, stored }
        });
        for ix in events {
            ui.json(&event_json(&replay, &hashes, ix, args.state))?;
        }
        ui.json(&final_json(&replay))?;
    } else {
        write_table(&replay, &Describer::of(&dump), &events, ui)?;
    }
    findings::show_some(&replay.findings(), ui);
    Ok(0)
}

/// State hashes, each computed once: most events have the state of their parent.
struct Hashes {
    /// For every event the numbers of the states before and after it; `None` where unknown.
    numbers: Vec<[Option<usize>; 2]>,
    /// By number; empty where nobody asks.
    hashes: Vec<String>,
}

impl Hashes {
    /// Hashes the states at the given events. A hash is over a whole state, so large rooms keep all cores busy.
    fn new(replay: &Replay<'_>, events: &[EventIx]) -> Self {
        let room = replay.room();
        let mut numbers: Vec<[Option<usize>; 2]> = Vec::with_capacity(room.len());
        let mut states: Vec<&StateMap> = Vec::new();
        for ix in room.events() {
            let before = replay.before(ix).map(|before| {
                let parent = room.state_parents(ix).iter().find(|parent| {
                    replay.after(**parent).is_some_and(|after| after.shares_root_with(before))
                });
                parent.and_then(|parent| numbers[parent.index()][1]).unwrap_or_else(|| {
                    states.push(before);
                    states.len() - 1
                })
            });
            let after = replay.after(ix).map(|after| match before {
                Some(number) if after.shares_root_with(states[number]) => number,
                _ => {
                    states.push(after);
                    states.len() - 1
                }
            });
            numbers.push([before, after]);
        }
        let mut wanted = vec![false; states.len()];
        for number in events.iter().flat_map(|ix| numbers[ix.index()]).flatten() {
            wanted[number] = true;
        }
        let hash = |(state, wanted): (&StateMap, bool)| if wanted { state.hash(room) } else { String::new() };
        let hashes = states.into_par_iter().zip(wanted).map(hash).collect();
        Self { numbers, hashes }
    }

    fn before(&self, ix: EventIx) -> Option<&str> {
        self.numbers[ix.index()][0].map(|number| &*self.hashes[number])
    }

    fn after(&self, ix: EventIx) -> Option<&str> {
        self.numbers[ix.index()][1].map(|number| &*self.hashes[number])
    }
}

/// Why an event was rejected: `null` or `{"check", "rule", "reason"}`.
pub(super) fn rejection_json(room: &Room, rejection: Option<&Rejection>) -> Value {
    rejection.map_or(Value::Null, |rejection| {
        let rule = rejection.refusal.as_ref().map(|refusal| refusal.rule().number(room.rules().numbering));
        json!({ "check": rejection.check.as_str(), "rule": rule, "reason": rejection.reason })
    })
}

/// A state list: `[[type, state_key, event_id], …]`.
pub(super) fn state_json(room: &Room, state: &StateMap) -> Value {
    state.list(room).map(|(event_type, state_key, event)| json!([event_type, state_key, event])).collect()
}

/// The calculated auth events: sorted IDs, `null` where no state is defined before the event.
fn calculated_json(replay: &Replay<'_>, ix: EventIx) -> Value {
    let Some(auth) = replay.calculated_auth(ix) else { return Value::Null };
    let mut ids: Vec<&str> = auth.iter().map(|auth| replay.room().id(*auth)).collect();
    ids.sort_unstable();
    ids.into()
}

fn event_json(replay: &Replay<'_>, hashes: &AllHashes, ix: EventIx, form: StateForm) -> Value {
    let room = replay.room();
    let mut object = json!({
        "event_id": room.id(ix),
        "rejected": rejection_json(room, replay.rejection(ix)),
        "resolved": replay.resolved(ix),
        "footing": replay.footing(ix).as_str(),
    });
    if room.is_outlier(ix) {
        object["outlier"] = true.into();
    }
    if room.rules().auth_source == AuthSource::Calculated {
        object["auth_events"] = calculated_json(replay, ix);
    }
    if replay.is_unprocessed(ix) {
        object["unprocessed"] = true.into();
    }
    if let Some(soft_failed) = replay.soft_failed(ix) {
        object["soft_failed"] = soft_failed.into();
    }
    if let Some(failure) = replay.failure(ix) {
        object["error"] = failure.message.as_str().into();
    }
    match form {
        StateForm::Hash => {
            object["state_before"] = hashes.computed.before(ix).into();
            object["state_after"] = hashes.computed.after(ix).into();
            if let Some(stored) = room.stored() {
                let hash = |when| Some(hashes.stored.get(&stored.of_event(ix, when)?)?.as_str());
                object["stored_before"] = hash(When::Before).into();
                object["stored_after"] = hash(When::After).into();
            }
        }
        StateForm::Full => {
            if room.stored().is_some() {
                let list =
                    |when| replay.stored(ix, when).map_or(Value::Null, |stored| json!(stored.list(room)));
                object["stored_before"] = list(When::Before);
                object["stored_after"] = list(When::After);
            }
            let list = |state: Option<&StateMap>| state.map_or(Value::Null, |state| state_json(room, state));
            object["state_before"] = list(replay.before(ix));
            object["state_after"] = list(replay.after(ix));
        }
        StateForm::None => {}
    }
    object
}

/// The hashes of computed and of stored states.
struct AllHashes {
    computed: Hashes,
    stored: BTreeMap<GroupIx, String>,
}

/// The hashes of the states that the server stored before and after the given events. Where it is what was computed, the
/// hash is known.
fn stored_hashes(replay: &Replay<'_>, computed: &Hashes, events: &[EventIx]) -> BTreeMap<GroupIx, String> {
    let Some(stored) = replay.room().stored() else { return BTreeMap::new() };
    let mut states: BTreeMap<GroupIx, (StoredState<'_>, Option<&str>)> = BTreeMap::new();
    for ix in events.iter().copied() {
        let own = [
            (When::Before, replay.before(ix), computed.before(ix)),
            (When::After, replay.after(ix), computed.after(ix)),
        ];
        for (when, state, hash) in own {
            let Some(group) = stored.of_event(ix, when) else { continue };
            let Some(held) = replay.stored_group(group) else { continue };
            let is_same = state.zip(held.map()).is_some_and(|(own, held)| own.shares_root_with(held));
            let known = hash.filter(|_| is_same);
            let entry = states.entry(group).or_insert((held, known));
            entry.1 = entry.1.or(known);
        }
    }
    let hash = |(group, (state, known)): (GroupIx, (StoredState<'_>, Option<&str>))| {
        (group, known.map_or_else(|| state.hash(replay.room()), str::to_owned))
    };
    states.into_par_iter().map(hash).collect()
}

fn final_json(replay: &Replay<'_>) -> Value {
    let room = replay.room();
    let current = replay.current();
    let mut extremities: Vec<&str> = current.extremities.iter().map(|ix| room.id(*ix)).collect();
    extremities.sort_unstable();
    let mut object = json!({
        "extremities": extremities,
        "resolved": current.resolved,
        "footing": current.footing.as_str(),
        "error": current.failure.as_ref().map(|failure| &failure.message),
        "state_hash": current.state.as_ref().map(|state| state.hash(room)),
        "state": current.state.as_ref().map(|state| state_json(room, state)),
    });
    if let Some(stored) = room.stored() {
        let mut state: Vec<_> = stored.notes().current_state.iter().collect();
        state.sort_unstable();
        object["stored_extremities"] = json!(stored.notes().forward_extremities);
        object["stored_state"] = json!(state);
    }
    json!({ "final": object })
}

fn write_table(
    replay: &Replay<'_>,
    describer: &Describer<'_>,
    events: &[EventIx],
    ui: &mut Ui,
) -> Result<(), CliError> {
    let theme = ui.theme();
    let (id_width, user_width) = (describer.id_width(), describer.user_width());
    let time_width = events.iter().map(|ix| describer.time(*ix).chars().count()).max().unwrap_or(4);
    let heading = format!(
        "{:<id_width$}  {:<time_width$}  {:<user_width$}  {:>KEYS$}  what",
        "event", "time", "sender", "state"
    );
    writeln!(ui.out(), "{}", theme.heading(heading))?;
    for ix in events.iter().copied() {
        let flags = flags(replay, describer, ix, theme);
        let (keys, changed) = keys(replay, ix);
        let keys = if changed { theme.good(keys) } else { theme.dim(keys) };
        writeln!(
            ui.out(),
            "{:<id_width$}  {:<time_width$}  {:<user_width$}  {keys:>KEYS$}  {}{}",
            theme.id(describer.short_id(ix)),
            describer.time(ix),
            theme.user(describer.sender(ix)),
            describer.summary(ix),
            flags,
        )?;
    }
    write_current(replay, describer, ui)
}

/// The width of the column for the size of the state.
const KEYS: usize = 7;

/// The number of keys of the state after an event, with `+` if the event set a new one and `~` if it replaced one; and
/// whether it did either. (Hashes of whole states are for programs.)
fn keys(replay: &Replay<'_>, ix: EventIx) -> (String, bool) {
    let Some(after) = replay.after(ix) else { return ("?".to_owned(), false) };
    let mark = match replay.before(ix) {
        Some(before) if before.shares_root_with(after) => "",
        Some(before) if before.len() < after.len() => "+",
        Some(before) if before != after => "~",
        Some(_) | None => "",
    };
    (format!("{mark}{}", after.len()), !mark.is_empty())
}

/// What is special about an event, in brackets.
fn flags(replay: &Replay<'_>, describer: &Describer<'_>, ix: EventIx, theme: Theme) -> String {
    let room = replay.room();
    let mut flags = String::new();
    if let Some(rejection) = replay.rejection(ix) {
        let sentence = explain_rejection(room, rejection);
        let words = describer.sentence(&sentence);
        flags.push_str(&format!("  {}", theme.bad(format!("[{words}]"))));
    }
    if room.is_outlier(ix) {
        flags.push_str(&format!("  {}", theme.dim("[outlier: no place in the DAG]")));
        return flags;
    }
    if replay.soft_failed(ix) == Some(true) {
        flags.push_str(&format!("  {}", theme.warn("[soft-failed: the state of its time refuses it]")));
    }
    if replay.resolved(ix) {
        flags.push_str(&format!("  {}", theme.warn("[resolved]")));
    }
    match replay.footing(ix) {
        // What there is to say stands with the verdict.
        Footing::Computed | Footing::Undefined => {}
        Footing::Asserted => flags.push_str(&format!("  {}", theme.dim("[rests on an asserted state]"))),
        Footing::Unknown if replay.is_unprocessed(ix) => {
            flags.push_str(&format!("  {}", theme.warn("[waits: what it rests on is missing]")));
        }
        Footing::Unknown => flags.push_str(&format!("  {}", theme.warn("[state unknown: a hole below]"))),
    }
    let stored = replay.stored(ix, When::After);
    if stored.is_some_and(|stored| replay.after(ix).is_some_and(|own| stored.map() != Some(own))) {
        flags.push_str(&format!("  {}", theme.warn("[the server stored another state]")));
    }
    flags
}

fn write_current(replay: &Replay<'_>, describer: &Describer<'_>, ui: &mut Ui) -> Result<(), CliError> {
    let theme = ui.theme();
    let current = replay.current();
    let names: Vec<String> = current.extremities.iter().map(|ix| describer.short_id(*ix)).collect();
    let over = text::count(names.len(), "forward extremity");
    writeln!(ui.out())?;
    match &current.state {
        Some(state) => {
            let hash = state.hash(replay.room());
            let keys = text::count(state.len(), "key");
            writeln!(ui.out(), "{} {keys}, hash {hash}", theme.heading("Current state:"))?;
        }
        None if names.is_empty() => {
            writeln!(
                ui.out(),
                "{} unknown, for no event has a place in the DAG",
                theme.heading("Current state:")
            )?;
            return Ok(());
        }
        None => writeln!(ui.out(), "{} unknown, for it lies behind a hole", theme.heading("Current state:"))?,
    }
    writeln!(ui.out(), "over {over}: {}", names.join(", "))?;
    if replay.unprocessed_count() > 0 {
        let count = text::count(replay.unprocessed_count(), "event");
        writeln!(ui.out(), "{count} could not be judged: what they rest on is not in the dump")?;
    }
    let rejected = text::count(replay.rejected().len(), "event");
    let merges = replay.room().events().filter(|ix| replay.resolved(*ix)).count();
    writeln!(
        ui.out(),
        "{rejected} rejected, {} resolved; algorithm {}, profile {}",
        text::count(merges, "merge"),
        replay.algorithm(),
        replay.profile().as_str(),
    )?;
    Ok(())
}
