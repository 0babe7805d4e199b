//! TARDIS scenarios: rooms written by hand, with placeholders for event IDs.
//!
//! The format is TARDIS's `ScenarioFile`
//! (<https://github.com/matrix-org/tardis/blob/main/src/scenario.ts>).

use std::borrow::Cow;
use std::collections::BTreeMap;

use petgraph::algo::kosaraju_scc;
use petgraph::graph::DiGraph;

use super::asserted::StateMap;
use super::findings::Findings;
use super::intake::{Intake, Raw, Section};
use super::object::Place;
use super::settle::reference_hash;
use super::version::Declared;
use crate::event::json::{self, Integer};
use crate::event::room_version::Rules;
use crate::event::{Event, Kind};
use crate::report::{Code, Finding};
use crate::room::{Annotations, Assertion, Provenance};

/// 2024-01-01T00:00:00Z: where TARDIS's clock starts.
const FIRST_TIMESTAMP: i64 = 1_704_067_200_000;
/// How far TARDIS's clock goes from one event to the next.
const TICK: i64 = 1000;

/// A scenario without its events.
#[derive(Debug)]
pub(super) struct Scenario {
    pub(super) declared: Declared,
    /// `calculate_event_ids`: the IDs given are placeholders.
    pub(super) calculate: bool,
    state_after: StateMap,
    title: Option<String>,
    /// Captions by event ID as given, labels before explanations.
    captions: BTreeMap<Box<str>, String>,
}

impl Scenario {
    /// Reads the scenario `text` and hands its `events` to the intake, completed but with their placeholders.
    pub(super) fn read(text: &str, events: &str, place: &Place<'_>, intake: &mut Intake) -> Self {
        let members = json::pick(
            text,
            ["room_version", "room_id", "calculate_event_ids", "precalculated_state_after", "annotations"],
        );
        let [version, room_id, calculate, state_after, annotations] = members.unwrap_or_default();
        let calculate = calculate == Some("true");
        let mut findings = Findings::default();
        let mut odd = |name: &str, json: &str| {
            let message = format!("`{name}` of the scenario is {}: ignored", json::kind(json));
            intake.findings.push(Finding::new(Code::OddField, message).maybe_line(place.line(json)));
        };
        let mut map = StateMap::default();
        if let Some(json) = state_after.filter(|json| *json != "null") {
            match StateMap::read(json) {
                Ok(read) => map = read,
                Err(_) => odd("precalculated_state_after", json),
            }
            map.report(&mut findings);
        }
        let declared = Declared {
            version: version.and_then(|json| {
                // People write 10 for "10".
                json::string(json)
                    .map(Cow::into_owned)
                    .or_else(|| json.parse::<u32>().ok().map(|n| n.to_string()))
            }),
            room_id: room_id.and_then(json::string).map(Box::from),
        };
        let (title, captions) = read_annotations(annotations, &mut odd);
        intake.findings.extend(findings.finish());
        read_events(events, calculate, place, intake);
        Self { declared, calculate, state_after: map, title, captions }
    }

    /// Gives every event its room ID and, where IDs are calculated, its real ID. Returns the real IDs by
    /// placeholder.
    pub(super) fn settle(
        &self,
        raws: &mut [Raw],
        rules: &'static Rules,
        findings: &mut Findings,
    ) -> BTreeMap<String, String> {
        let mut work = Work::new(self, rules, raws);
        for turn in work.order(raws, findings) {
            work.settle(&mut raws[turn.index], &turn, findings);
        }
        work.real
    }

    /// The states the scenario asserts.
    pub(super) fn assertions(&self, placeholders: &BTreeMap<String, String>) -> Vec<Assertion> {
        self.state_after.assertions(placeholders, Provenance::Scenario).collect()
    }

    /// The captions, by real event ID.
    pub(super) fn annotations(&self, placeholders: &BTreeMap<String, String>) -> Annotations {
        let captions = self.captions.iter().map(|(id, caption)| {
            let real = placeholders.get(&**id).map_or(&**id, String::as_str);
            (real.into(), caption.clone())
        });
        Annotations { title: self.title.clone(), captions: captions.collect() }
    }
}

/// TARDIS shows `events` as the label of a row, and `titles` above the graph while the row is current. Here an event
/// has one caption: the label, then the explanation.
fn read_annotations(
    annotations: Option<&str>,
    odd: &mut impl FnMut(&str, &str),
) -> (Option<String>, BTreeMap<Box<str>, String>) {
    let mut captions: BTreeMap<Box<str>, String> = BTreeMap::new();
    let Some(json) = annotations.filter(|json| *json != "null") else { return (None, captions) };
    let Ok([title, titles, events]) = json::pick(json, ["title", "titles", "events"]) else {
        odd("annotations", json);
        return (None, captions);
    };
    for (name, texts) in [("annotations.events", events), ("annotations.titles", titles)] {
        let Some(texts) = texts.filter(|texts| *texts != "null") else { continue };
        let Ok(texts) = json::members(texts) else {
            odd(name, texts);
            continue;
        };
        for (id, text) in texts {
            let Some(text) = json::string(text) else {
                odd(name, text);
                continue;
            };
            let caption = captions.entry(id).or_default();
            if caption.is_empty() {
                caption.push_str(&text);
            } else if *caption != text {
                caption.push('\n');
                caption.push_str(&text);
            }
        }
    }
    (title.and_then(json::string).map(Cow::into_owned), captions)
}

fn read_events(events: &str, calculate: bool, place: &Place<'_>, intake: &mut Intake) {
    let elements = json::elements(events).unwrap_or_default();
    let mut clock = FIRST_TIMESTAMP;
    for (element, line) in elements.iter().zip(place.lines_of(&elements)) {
        match json::members(element) {
            Ok(members) => {
                let text = fill(members, calculate, &mut clock);
                intake.text(&text, line, Section::Plain, true);
            }
            Err(_) => intake.text(element, line, Section::Plain, true),
        }
    }
}

/// Fills in what a scenario may leave out. A timestamp of 0 counts as left out where TARDIS calculates IDs, for
/// else the IDs would not be TARDIS's.
fn fill(members: BTreeMap<Box<str>, &str>, calculate: bool, clock: &mut i64) -> String {
    let mut members: BTreeMap<Box<str>, Cow<'_, str>> =
        members.into_iter().map(|(key, json)| (key, Cow::Borrowed(json))).collect();
    // With a state DAG there are no `auth_events`.
    let others = if members.contains_key("prev_state_events") { "prev_state_events" } else { "auth_events" };
    for name in ["prev_events", others] {
        let list = members.entry(name.into()).or_insert(Cow::Borrowed("[]"));
        if *list == "null" {
            *list = Cow::Borrowed("[]");
        }
    }
    let given = members.get("origin_server_ts").map(|json| (&**json, json::integer(json)));
    match given {
        Some((_, Some(Integer::Exact(0)))) if calculate => {}
        None | Some(("null", _)) => {}
        Some((_, Some(Integer::Exact(given) | Integer::Clamped(given)))) => {
            *clock = given.saturating_add(TICK);
            return json::object(&members);
        }
        Some((_, None)) => return json::object(&members),
    }
    members.insert("origin_server_ts".into(), clock.to_string().into());
    *clock = clock.saturating_add(TICK);
    json::object(&members)
}

/// An event in the order in which IDs can be calculated.
struct Turn {
    index: usize,
    in_cycle: bool,
}

/// IDs being calculated.
struct Work<'a> {
    scenario: &'a Scenario,
    rules: &'static Rules,
    calculate: bool,
    /// The event that names the room, by its place and placeholder, where an event does.
    create: Option<(usize, Box<str>)>,
    room_id: Option<Box<str>>,
    real: BTreeMap<String, String>,
}

impl<'a> Work<'a> {
    fn new(scenario: &'a Scenario, rules: &'static Rules, raws: &[Raw]) -> Self {
        let is_create = |raw: &&Raw| raw.event.is_state_of(Kind::Create);
        let create = raws.iter().position(|raw| is_create(&raw)).filter(|_| rules.room_id_is_create_id);
        Self {
            scenario,
            rules,
            calculate: scenario.calculate && rules.event_ids_are_hashes(),
            create: create.map(|index| (index, raws[index].given_id().unwrap_or_default().into())),
            room_id: scenario.declared.room_id.clone(),
            real: BTreeMap::new(),
        }
    }

    /// The events, each after those it refers to.
    fn order(&self, raws: &[Raw], findings: &mut Findings) -> Vec<Turn> {
        let mut place: BTreeMap<&str, usize> = BTreeMap::new();
        for (index, raw) in raws.iter().enumerate() {
            if let Some(id) = raw.given_id() {
                place.entry(id).or_insert(index);
            }
        }
        let mut graph = DiGraph::<(), ()>::with_capacity(raws.len(), raws.len() * 4);
        let nodes: Vec<_> = raws.iter().map(|_| graph.add_node(())).collect();
        for (index, raw) in raws.iter().enumerate() {
            let event = &raw.event;
            let named = event.prev_events().chain(event.auth_events()).chain(event.prev_state_events());
            let named = named.filter_map(|id| place.get(&*id));
            let create = self.create.as_ref().map(|(create, _)| create).filter(|create| **create != index);
            let mut targets: Vec<usize> = named.chain(create).copied().collect();
            targets.sort_unstable();
            targets.dedup();
            for target in targets {
                graph.add_edge(nodes[index], nodes[target], ());
            }
        }
        let mut turns = Vec::with_capacity(raws.len());
        for mut group in kosaraju_scc(&graph) {
            group.sort_unstable();
            let in_cycle = group.len() > 1 || graph.contains_edge(group[0], group[0]);
            if in_cycle && self.calculate {
                let message = "refers to itself through its placeholder: its real ID cannot be calculated";
                findings.push(raws[group[0].index()].finding(Code::Cycle, message));
            }
            turns.extend(group.into_iter().map(|node| Turn { index: node.index(), in_cycle }));
        }
        turns
    }

    /// Rewrites one event; those it refers to are done.
    fn settle(&mut self, raw: &mut Raw, turn: &Turn, findings: &mut Findings) {
        let Ok(members) = json::members(raw.event.json()) else { return };
        let mut members: BTreeMap<Box<str>, Cow<'_, str>> =
            members.into_iter().map(|(key, json)| (key, Cow::Borrowed(json))).collect();
        self.set_room(&mut members, &raw.event);
        let placeholder = raw.claimed_id().map(str::to_owned);
        let mut id = placeholder.clone();
        if self.calculate {
            self.set_references(&mut members, &raw.event);
            if !turn.in_cycle {
                members.remove("event_id");
                match reference_hash(&json::object(&members), self.rules) {
                    Ok(real) => id = Some(real),
                    Err(error) => {
                        let message = format!("the placeholder stays: {error}");
                        findings.push(raw.finding(Code::Unverifiable, message));
                    }
                }
            }
            if let (Some(placeholder), Some(real)) = (&placeholder, &id) {
                self.learn(placeholder, real, raw, findings);
            }
        }
        if let Some(id) = &id {
            members.insert("event_id".into(), json::quote(id).into());
            if self.create.as_ref().is_some_and(|(create, _)| *create == turn.index) {
                self.room_id = Some(format!("!{}", id.strip_prefix('$').unwrap_or(id)).into());
            }
        }
        // Only IDs changed, and strings are as good as strings.
        if let Ok(parsed) = Event::parse(&json::object(&members)) {
            raw.event = parsed.into_parts().0;
        }
    }

    fn set_room(&self, members: &mut BTreeMap<Box<str>, Cow<'_, str>>, event: &Event) {
        if self.rules.room_id_is_create_id && event.is_state_of(Kind::Create) {
            if self.calculate {
                members.remove("room_id");
            }
            return;
        }
        let given = event.room_id();
        // In a room named by its create event the scenario's own ID for it is a placeholder too.
        let placeholder = self.calculate
            && self.create.as_ref().is_some_and(|(_, create)| {
                given == self.scenario.declared.room_id.as_deref()
                    || given.and_then(|id| id.strip_prefix('!')) == create.strip_prefix('$')
            });
        if let Some(room_id) = &self.room_id
            && (given.is_none() || placeholder)
        {
            members.insert("room_id".into(), json::quote(room_id).into());
        }
    }

    fn set_references(&self, members: &mut BTreeMap<Box<str>, Cow<'_, str>>, event: &Event) {
        for name in self.rules.reference_members() {
            let ids = event.references_in(name);
            let real = |id: &str| self.real.get(id).map_or(id, String::as_str).to_owned();
            if ids.clone().any(|id| self.real.contains_key(&*id)) {
                let ids: Vec<_> = ids.map(|id| json::quote(&real(&id))).collect();
                members.insert((*name).into(), format!("[{}]", ids.join(",")).into());
            }
        }
    }

    fn learn(&mut self, placeholder: &str, real: &str, raw: &Raw, findings: &mut Findings) {
        match self.real.get(placeholder) {
            None => {
                self.real.insert(placeholder.to_owned(), real.to_owned());
            }
            Some(other) if other != real => {
                let message = "another event has this placeholder too; references to it mean that one";
                findings.push(raw.finding(Code::ConflictingDuplicate, message));
            }
            Some(_) => {}
        }
    }
}
