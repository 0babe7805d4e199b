//! Every fixture tells its story as its `expected.json` says, under the profile and algorithm it says it for.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use hindsight::auth::Profile;
use hindsight::dump::{self, Dump, Options};
use hindsight::expect::Expectation;
use hindsight::explain::{Span, explain_steps};
use hindsight::replay::{CheckKind, Replay};
use hindsight::resolve::Algorithm;
use hindsight::resolve::step::{Decider, PowerQueue, Step};
use hindsight::room::{EventIx, Room};
use serde_json::Value;

fn folders() -> Vec<PathBuf> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut folders: Vec<PathBuf> = fs::read_dir(fixtures)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("expected.json").is_file())
        .collect();
    folders.sort();
    folders
}

fn open(folder: &Path) -> (Dump, Value) {
    let bytes = fs::read(folder.join("scenario.json5")).unwrap();
    let dump = dump::load(&bytes, &Options::default())
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let expected = serde_json::from_slice(&fs::read(folder.join("expected.json")).unwrap()).unwrap();
    (dump, expected)
}

fn fixture(slug: &str) -> (Dump, Value) {
    open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(slug))
}

/// The event behind a readable name.
fn named(dump: &Dump, name: &str) -> EventIx {
    let id = dump.placeholders.get(name).map_or(name, String::as_str);
    dump.room.find(id).unwrap_or_else(|| panic!("no event {name}"))
}

fn algorithm(name: &str) -> Algorithm {
    match name {
        "v1" => Algorithm::V1,
        "v2" => Algorithm::V2,
        "v2.1" => Algorithm::V2_1,
        other => panic!("no algorithm {other}"),
    }
}

/// The hash of the state at the focus: before an event, or over the forward extremities.
fn at_focus(replay: &Replay<'_>, focus: &Value) -> Option<String> {
    let room = replay.room();
    let state = match focus.as_str() {
        Some(id) => replay.before(room.find(id).unwrap()),
        None => replay.current().state.as_ref(),
    };
    state.map(|state| state.hash(room))
}

#[test]
fn there_are_enough_fixtures_and_each_has_captions() {
    let folders = folders();
    assert!(folders.len() >= 20, "{}", folders.len());
    for folder in folders {
        assert!(folder.join("README.md").is_file(), "{}", folder.display());
        let (dump, _) = open(&folder);
        for ix in dump.room.events() {
            assert!(
                dump.room.caption(ix).is_some(),
                "{}: no caption for {}",
                folder.display(),
                dump.room.id(ix)
            );
        }
        assert!(dump.room.annotations().title.is_some(), "{}", folder.display());
    }
}

#[test]
fn synapse_decides_as_expected() {
    for folder in folders() {
        let (dump, told) = open(&folder);
        let expectation = Expectation::parse(told.to_string().as_bytes()).unwrap();
        assert_eq!(expectation.len(), dump.room.len(), "{}", folder.display());
        let comparison = expectation.compare(&Replay::new(&dump.room, None, Profile::Synapse));
        let misses: Vec<String> = comparison.misses.iter().map(ToString::to_string).collect();
        assert!(comparison.current && misses.is_empty(), "{}:\n{}", folder.display(), misses.join("\n"));
    }
}

#[test]
fn profiles_and_algorithms_give_what_is_told() {
    let mut told = 0;
    for folder in folders() {
        let (dump, expected) = open(&folder);
        for profile in Profile::ALL {
            let answer = &expected["profiles"][profile.as_str()];
            if answer.is_object() {
                told += 1;
                let replay = Replay::new(&dump.room, None, profile);
                let hash = at_focus(&replay, &expected["focus"]);
                assert_eq!(answer["state_hash"].as_str(), hash.as_deref(), "{} {profile}", folder.display());
            }
        }
        for (name, answer) in expected["algorithms"].as_object().into_iter().flatten() {
            told += 1;
            let replay = Replay::new(&dump.room, Some(algorithm(name)), Profile::Synapse);
            let hash = at_focus(&replay, &expected["focus"]);
            assert_eq!(answer["state_hash"].as_str(), hash.as_deref(), "{} {name}", folder.display());
        }
    }
    assert!(told >= 18, "{told}");
}

/// Where no profile is said to differ, the text agrees with Synapse on every verdict and state.
#[test]
fn the_text_agrees_where_nothing_else_is_told() {
    for folder in folders() {
        let (dump, expected) = open(&folder);
        if expected["profiles"].is_object() {
            continue;
        }
        let room = &dump.room;
        let [spec, synapse] =
            [Profile::Spec, Profile::Synapse].map(|profile| Replay::new(room, None, profile));
        assert_eq!(spec.rejected(), synapse.rejected(), "{}", folder.display());
        assert_eq!(spec.current().state, synapse.current().state, "{}", folder.display());
    }
}

fn labels(room: &Room, steps: &[Step]) -> String {
    fn walk(room: &Room, nodes: &[hindsight::explain::Node], text: &mut String) {
        for node in nodes {
            for span in &node.sentence.0 {
                match span {
                    Span::Text(words) => text.push_str(words),
                    Span::Event(ix) | Span::Described(ix) => text.push_str(room.id(*ix)),
                    Span::Rule(number) => text.push_str(number),
                    Span::Level(level) => text.push_str(&level.to_string()),
                    _ => text.push('_'),
                }
            }
            text.push('\n');
            walk(room, &node.children, text);
        }
    }
    let mut text = String::new();
    walk(room, &explain_steps(room, steps), &mut text);
    text
}

/// R3 is told by its ready sets: the kick is blocked by a join of level 0 while the demotion overtakes it.
#[test]
fn the_priority_inversion_shows_in_the_ready_sets() {
    let (dump, expected) = fixture("r3-priority-inversion");
    let room = &dump.room;
    let replay = Replay::new(room, None, Profile::Spec);
    let inputs = match expected["focus"].as_str() {
        Some(id) => replay.inputs(room.find(id).unwrap()).unwrap(),
        None => replay.current().extremities.iter().map(|ix| replay.after(*ix).unwrap().clone()).collect(),
    };
    let (_, steps) = replay.steps(&inputs);
    let events = steps
        .iter()
        .find_map(|step| match step {
            Step::PowerEvents(events) => Some(events),
            _ => None,
        })
        .unwrap();
    let kick = events
        .events
        .iter()
        .find(|entry| {
            room.event(entry.event)
                .as_member()
                .is_some_and(|m| m.membership.value().is_some_and(|m| m.as_str() == "leave"))
        })
        .unwrap();
    let mut queue = PowerQueue::new(events);
    let mut overtaken = false;
    for step in &steps {
        if let Step::PowerPop(pop) = step {
            let blocked = queue.blocked().find(|(entry, _)| entry.event == kick.event);
            if let Some((entry, by)) = blocked
                && room.event(pop.event).as_power_levels().is_some()
                && pop.decider == Decider::Level
            {
                overtaken |= entry.key.timestamp < room.event(pop.event).origin_server_ts() && by.len() == 1;
            }
            queue.pop(pop.event);
        }
    }
    assert!(overtaken, "the demotion is popped while the earlier kick waits");
    let text = labels(room, &steps);
    assert!(text.contains("blocked, or it would come first: "), "{text}");
    assert!(text.contains("with that, the verdict would be the opposite"), "{text}");
    assert!(text.contains("refused by rule 4.5.5"), "{text}");
}

/// Problem A: by v2 the join rules fail their check, because their sender is not in the room any more.
#[test]
fn problem_a_tells_why_the_join_rules_vanish() {
    let (dump, _) = fixture("msc4297-problem-a");
    let room = &dump.room;
    let replay = Replay::new(room, None, Profile::Spec);
    let inputs: Vec<_> =
        replay.current().extremities.iter().map(|ix| replay.after(*ix).unwrap().clone()).collect();
    let (resolution, steps) = replay.steps(&inputs);
    assert_eq!(resolution.state.get(room.well_known().join_rules), None);
    let text = labels(room, &steps);
    assert!(text.contains("is gone: no candidate passed"), "{text}");
    assert!(text.contains("refused by rule 5: the sender is not joined"), "{text}");
    let healed = Replay::new(room, Some(Algorithm::V2_1), Profile::Spec);
    let (resolution, steps) = healed.steps(&inputs);
    assert!(resolution.state.get(room.well_known().join_rules).is_some());
    assert!(steps.iter().any(|step| matches!(step, Step::ConflictedSubgraph(_))));
}

#[test]
fn a_rejected_event_names_the_check_and_the_rule() {
    let (dump, _) = fixture("rejected-event-cited");
    let replay = Replay::new(&dump.room, None, Profile::Spec);
    let mut checks: Vec<(CheckKind, &str)> = replay
        .rejected()
        .iter()
        .map(|ix| {
            let rejection = replay.rejection(ix).unwrap();
            let rule = rejection.refusal.as_ref().unwrap().rule();
            (rejection.check, rule.number(dump.room.rules().numbering))
        })
        .collect();
    checks.sort();
    assert_eq!(
        checks,
        [(CheckKind::AuthEvents, "2.3"), (CheckKind::AuthEvents, "7"), (CheckKind::StateBefore, "4.3.3")]
    );
}

/// What is asserted, derived and unknown around a hole.
#[test]
fn a_hole_is_never_taken_for_an_empty_state() {
    use hindsight::replay::Footing;
    let (dump, _) = fixture("hole-with-snapshot");
    let room = &dump.room;
    let replay = Replay::new(room, None, Profile::Spec);
    let (after_hole, _) = room.holes().next().expect("the room has a hole");
    assert_eq!(replay.before(after_hole), None);
    assert_eq!(replay.footing(after_hole), Footing::Asserted);
    let child = room.children(after_hole)[0];
    assert!(replay.before(child).is_some());
    assert_eq!(replay.footing(child), Footing::Asserted);
    assert_eq!(replay.footing(named(&dump, "$CREATE")), Footing::Computed);
}
