//! Stories and comparisons hold together whatever the room: on random rooms, on those built to set implementations apart,
//! and on rooms of real servers.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it skips"
)]

#[path = "common/rooms.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod rooms;
#[path = "common/shared.rs"]
mod shared;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use hindsight::auth::Profile;
use hindsight::diagnose::compare::{Comparison, Ending, KeyDifference, SideBySide};
use hindsight::diagnose::fate::{Decision, Fate};
use hindsight::diagnose::rooms::{Reason, Views};
use hindsight::diagnose::server::{Deviations, Oddity};
use hindsight::diagnose::standing::{Explanation, Standing};
use hindsight::diagnose::story::{Merge, Story, Turn, What};
use hindsight::dump::{Dump, Options, decompress, load};
use hindsight::expect::Expectation;
use hindsight::generate::RoomBuilder;
use hindsight::replay::{Pair, Place, Replay, state_of};
use hindsight::resolve::Algorithm;
use hindsight::room::{AuthEdges, EventIx, EventSet, KeyIx, Room};
use hindsight::state::StateMap;
use serde_json::Value;
use shared::shared;

fn pairs(room: &Room) -> Vec<Pair> {
    let own = room.rules().algorithm;
    let mut pairs: Vec<Pair> =
        Profile::ALL.into_iter().map(|profile| Pair { algorithm: own, profile }).collect();
    pairs.push(Pair { algorithm: own, profile: Profile::Spec }.counterpart());
    pairs
}

fn replay(room: &Room, pair: Pair) -> Replay<'_> {
    Replay::new(room, Some(pair.algorithm), pair.profile)
}

/// Every difference comes from a parting, every parting is one, and what becomes of it is what the states say.
fn check_comparison(one: &Replay<'_>, other: &Replay<'_>) -> Result<Comparison, String> {
    let room = one.room();
    let comparison = Comparison::new(one, other);
    let differing = room.events().filter(|ix| {
        one.before(*ix) != other.before(*ix)
            || one.after(*ix) != other.after(*ix)
            || one.rejection(*ix).is_some() != other.rejection(*ix).is_some()
            || one.failure(*ix).is_some() != other.failure(*ix).is_some()
    });
    let differing = differing.count();
    if comparison.events != differing {
        return Err(format!("{} events differ, told are {}", differing, comparison.events));
    }
    if comparison.partings.is_empty() != comparison.agrees() {
        return Err(format!("differences without a parting, or the other way round: {comparison:?}"));
    }
    let differs_now = one.current().state != other.current().state;
    let is_open = comparison.partings.iter().any(|parting| parting.ending == Ending::Open);
    if differs_now != is_open {
        return Err(format!("the current states differ: {differs_now}, but: {comparison:?}"));
    }
    for parting in &comparison.partings {
        if let Some(steps) = parting.steps(one, other) {
            let has_difference = steps.first_difference().is_some();
            if !has_difference || parting.keys.is_empty() && !steps.fails_alone() {
                return Err(format!("no step differs: {parting:?}"));
            }
            for difference in &parting.keys {
                for (steps, won) in [(&steps.one, difference.one), (&steps.other, difference.other)] {
                    let decision = Decision::new(room, steps, difference.key);
                    let fate = won.map(|won| decision.fate(won));
                    if !matches!(fate, None | Some(Fate::Won(_) | Fate::Failed(_))) {
                        return Err(format!("{won:?} is the value, yet its fate is {fate:?}: {parting:?}"));
                    }
                }
            }
        }
        if let Ending::Healed(Place::Event(ix)) = parting.ending {
            let apart = |ix| match (one.after(ix), other.after(ix)) {
                (Some(one), Some(other)) => {
                    KeyDifference::all(one, other).iter().map(|key| key.key).collect()
                }
                _ => BTreeSet::new(),
            };
            let here = apart(ix);
            let before: BTreeSet<KeyIx> =
                room.prev_events(ix).iter().flat_map(|parent| apart(*parent)).collect();
            if before.is_subset(&here) {
                return Err(format!("nothing heals there: {parting:?}"));
            }
        }
    }
    Ok(comparison)
}

#[test]
fn differences_come_from_partings() {
    rooms::each_room(600, |_, builder| {
        let room = builder.room();
        let pairs = pairs(&room);
        let first = replay(&room, pairs[0]);
        for pair in &pairs[1..] {
            check_comparison(&first, &replay(&room, *pair)).map_err(|error| format!("{pair}: {error}"))?;
        }
        Ok(())
    });
}

/// Where the value of a key changes, or branches disagree, there is a chapter; and there is none elsewhere.
fn check_story(replay: &Replay<'_>, key: KeyIx) -> Result<(), String> {
    let room = replay.room();
    let story = Story::new(replay, key, Place::Now);
    let value = replay.current().state.as_ref().map(|state| state.get(key));
    if story.value != value {
        return Err(format!("it is {value:?}, not {:?}", story.value));
    }
    let told: BTreeSet<Place> = story.chapters.iter().map(|chapter| chapter.at).collect();
    let mut history = BTreeSet::new();
    let mut stack = replay.current().extremities.clone();
    while let Some(ix) = stack.pop() {
        if history.insert(ix) {
            stack.extend(room.state_parents(ix));
        }
    }
    for ix in history {
        let parents: Vec<_> = room
            .state_parents(ix)
            .iter()
            .map(|parent| replay.after(*parent).map(|state| state.get(key)))
            .collect();
        let after = replay.after(ix).map(|state| state.get(key));
        let before = replay.before(ix).map(|state| state.get(key));
        if before.is_none() {
            continue;
        }
        let is_still = parents.iter().all(|parent| *parent == before) && before == after;
        let is_own = room.key_of(ix) == Some(key);
        let is_first = parents.is_empty() && after.is_none_or(|value| value.is_none());
        if told.contains(&Place::Event(ix)) == ((is_still || is_first) && !is_own) {
            return Err(format!("{}: told {}", room.id(ix), told.contains(&Place::Event(ix))));
        }
    }
    for chapter in &story.chapters {
        let What::Merge(merge) = &chapter.what else { continue };
        let steps = Merge::steps(replay, chapter.at).ok_or("a merge without inputs")?;
        let decision = Decision::new(room, &steps, key);
        for loser in merge.losers() {
            if matches!(decision.fate(loser), Fate::Won(_)) {
                return Err(format!("{} lost, yet won: {merge:?}", room.id(loser)));
            }
        }
        if merge.turn == Turn::Vanished && merge.value.is_some() {
            return Err(format!("it is there: {merge:?}"));
        }
    }
    Ok(())
}

#[test]
fn stories_leave_nothing_out() {
    rooms::each_room(400, |_, builder| {
        let room = builder.room();
        for profile in [Profile::Spec, Profile::Synapse] {
            let replay = Replay::new(&room, None, profile);
            for key in (0..room.key_count()).map(KeyIx::new) {
                check_story(&replay, key).map_err(|error| format!("{:?}: {error}", room.key(key)))?;
            }
            for ix in room.events() {
                let explanation = Explanation::new(&replay, ix);
                let is_rejected = replay.rejection(ix).is_some();
                if (explanation.standing == Standing::Rejected) != is_rejected {
                    return Err(format!("{}: {:?}", room.id(ix), explanation.standing));
                }
                if matches!(explanation.standing, Standing::Past(_)) && explanation.lost_at().is_none() {
                    return Err(format!("{} is past, and never lost", room.id(ix)));
                }
            }
        }
        Ok(())
    });
}

fn fixture(name: &str) -> Dump {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    load(&fs::read(folder.join("scenario.json5")).unwrap(), &Options::default()).unwrap()
}

/// R1: whether a chain contains its own events (D1) is the first thing that the two do differently.
#[test]
fn the_auth_difference_is_where_synapse_parts_in_r1() {
    let dump = fixture("r1-own-chain");
    let pair = |profile| Pair { algorithm: Algorithm::V2_1, profile };
    let (spec, synapse) =
        (replay(&dump.room, pair(Profile::Spec)), replay(&dump.room, pair(Profile::Synapse)));
    let comparison = Comparison::new(&spec, &synapse);
    let [parting] = &comparison.partings[..] else { panic!("{comparison:?}") };
    let topic = dump.room.find_key("m.room.topic", "").unwrap();
    assert_eq!(parting.keys.iter().map(|key| key.key).collect::<Vec<_>>(), [topic]);
    assert_eq!(parting.ending, Ending::Open);
    let steps = parting.steps(&spec, &synapse).unwrap();
    assert_eq!(steps.first_difference().unwrap().0, "Auth difference");
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn room_and_sets(folder: &Path, expected: &Value) -> (Dump, Vec<StateMap>, EventSet) {
    let dump = load(&fs::read(folder.join("room.ndjson")).unwrap(), &Options::default()).unwrap();
    let find = |id: &Value| dump.room.find(id.as_str().unwrap()).unwrap();
    let set = |number: usize| {
        let file = folder.join(format!("state-{number}.json"));
        let ids = file.is_file().then(|| json(&file))?;
        let events: Vec<_> = ids.as_array().unwrap().iter().map(find).collect();
        Some(state_of(&dump.room, &events))
    };
    let sets = (0..).map_while(set).collect();
    let rejected = expected["rejected"].as_array().unwrap().iter().map(find).collect();
    (dump, sets, rejected)
}

/// Whether two answers of an expected file differ; two errors are alike.
fn answers_differ(one: &Value, other: &Value) -> bool {
    one["state_hash"] != other["state_hash"]
}

/// The rooms that were built to set implementations apart do so, in the phase that they were built for.
#[test]
fn implementations_part_where_a_room_was_built_for_it() {
    let Some(corpus) = shared("corpus/profiles") else { return };
    let (mut apart, mut natural) = (0, 0);
    for entry in fs::read_dir(corpus).unwrap() {
        let folder = entry.unwrap().path();
        if !folder.is_dir() {
            continue;
        }
        let expected = json(&folder.join("expected.json"));
        let name = expected["case"].as_str().unwrap();
        let (dump, sets, rejected) = room_and_sets(&folder, &expected);
        let room = &dump.room;
        let pair = |profile| Pair { algorithm: room.rules().algorithm, profile };
        for (one, other) in [
            (Profile::Synapse, Profile::Ruma),
            (Profile::Spec, Profile::Synapse),
            (Profile::Spec, Profile::Ruma),
        ] {
            let told = |profile: Profile| &expected[profile.as_str()];
            if told(one).is_null() || told(other).is_null() || told(other).get("varies").is_some() {
                continue;
            }
            let (steps, [first, second]) =
                SideBySide::of(room, AuthEdges::listed(room), [one, other].map(pair), &sets, &rejected);
            let differs = !KeyDifference::all(&first, &second).is_empty() || steps.fails_alone();
            assert_eq!(differs, answers_differ(told(one), told(other)), "{name}: {one} and {other}");
            if !differs {
                continue;
            }
            apart += 1;
            let (phase, ..) = steps.first_difference().unwrap_or_else(|| panic!("{name}: no step differs"));
            let codes: Vec<&str> =
                expected["divergences"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            if codes == ["D1"] {
                assert_eq!(phase, "Auth difference", "{name}: {one} and {other}");
            }
        }
        let Some(merge) = expected["merge"].as_str() else { continue };
        let [synapse, ruma] = [Profile::Synapse, Profile::Ruma].map(|profile| replay(room, pair(profile)));
        let comparison = check_comparison(&synapse, &ruma).unwrap_or_else(|error| panic!("{name}: {error}"));
        let states = |library: &str| &expected["replay"][library]["before_merge"];
        let is_apart = !expected["differs"].as_array().unwrap().is_empty();
        if is_apart && answers_differ(states("synapse"), states("ruma")) {
            natural += 1;
            let merge = Place::Event(room.find(merge).unwrap());
            let keys: BTreeSet<_> = comparison
                .partings
                .iter()
                .flat_map(|parting| &parting.keys)
                .map(|key| room.key(key.key))
                .collect();
            let wanted = expected["key"].as_array().unwrap();
            let is_told =
                wanted.iter().any(|key| keys.contains(&(key[0].as_str().unwrap(), key[1].as_str().unwrap())));
            let places: Vec<_> = comparison.partings.iter().map(|parting| parting.at).collect();
            let is_told = is_told || comparison.partings.iter().any(|parting| parting.fails);
            assert!(is_told && places.iter().any(|place| *place <= merge), "{name}: {comparison:?}");
        }
    }
    println!("{apart} pairs of answers differ, {natural} rooms part by themselves");
    assert!(apart > 50 && natural > 20);
}

#[test]
fn rooms_of_real_servers_are_compared_and_told() {
    let Some(rooms) = shared("real/rooms") else { return };
    for name in ["nojoin", "holes", "hostile12", "partial"] {
        let bytes = fs::read(rooms.join(name).join("alpha.events.ndjson.gz")).unwrap();
        let dump = load(&bytes, &Options::default()).unwrap();
        let pairs = pairs(&dump.room);
        let first = replay(&dump.room, pairs[0]);
        for pair in &pairs[1..] {
            check_comparison(&first, &replay(&dump.room, *pair))
                .unwrap_or_else(|error| panic!("{name}, {pair}: {error}"));
        }
        if name != "holes" && !name.starts_with("hostile") && name != "partial" {
            for key in (0..dump.room.key_count()).map(KeyIx::new) {
                check_story(&first, key)
                    .unwrap_or_else(|error| panic!("{name}, {:?}: {error}", dump.room.key(key)));
            }
        }
    }
}

/// `nojoin`: each of alice's join rules is rolled back at the next merge, since beth's is replayed later.
#[test]
fn lost_join_rules_are_told() {
    let Some(rooms) = shared("real/rooms/nojoin") else { return };
    let bytes = fs::read(rooms.join("alpha.events.ndjson.gz")).unwrap();
    let dump = load(&bytes, &Options::default()).unwrap();
    let replay = Replay::new(&dump.room, None, Profile::Spec);
    let key = dump.room.find_key("m.room.join_rules", "").unwrap();
    let story = Story::new(&replay, key, Place::Now);
    let mut lost = BTreeSet::new();
    for chapter in &story.chapters {
        let What::Merge(merge) = &chapter.what else { continue };
        if merge.turn != Turn::RolledBack {
            continue;
        }
        let steps = Merge::steps(&replay, chapter.at).unwrap();
        for loser in merge.losers() {
            let fate = Decision::new(&dump.room, &steps, key).fate(loser);
            if matches!(fate, Fate::Replaced { .. }) && dump.room.event(loser).sender().starts_with("@alice:")
            {
                lost.insert(loser);
            }
        }
    }
    assert_eq!(lost.len(), 8);
}

/// What a server with these states would tell; `tell` gives the hash of the state after an event.
fn truth(room: &Room, tell: impl Fn(EventIx) -> String) -> Expectation {
    let lines =
        room.events().filter(|ix| !room.is_outlier(*ix)).map(|ix| format!("{}\t{}\n", room.id(ix), tell(ix)));
    let table = format!("event_id\tafter_hash\n{}", lines.collect::<String>());
    Expectation::parse(table.as_bytes()).unwrap()
}

fn descendants(room: &Room, of: EventIx) -> BTreeSet<EventIx> {
    let mut found = BTreeSet::from([of]);
    let mut stack = vec![of];
    while let Some(ix) = stack.pop() {
        stack.extend(room.state_children(ix).iter().copied().filter(|child| found.insert(*child)));
    }
    found
}

/// A server that goes astray at one event has one origin; what follows from it is counted.
#[test]
fn a_server_that_goes_astray_is_found_out_where_it_does() {
    rooms::each_room(400, |plan, builder| {
        let room = builder.room();
        let replay = Replay::new(&room, None, Profile::Spec);
        let hash = |ix: EventIx| replay.after(ix).map_or("-".to_owned(), |state| state.hash(&room));
        let right = Deviations::new(&replay, Some(&truth(&room, hash)));
        let astray = EventIx::new(usize::try_from(plan.seed).unwrap() % room.len());
        let is_known = replay.before(astray).is_some() && !room.is_outlier(astray);
        if right.origins.iter().any(|origin| !matches!(origin.oddity, Oddity::FromElsewhere { .. })) {
            return Err(format!("nothing is wrong, but: {right:?}"));
        }
        if !is_known || !right.origins.is_empty() {
            return Ok(());
        }
        let gone = descendants(&room, astray);
        let wrong = truth(&room, |ix| {
            if gone.contains(&ix) && replay.after(ix).is_some() { "0".repeat(64) } else { hash(ix) }
        });
        let wrong = Deviations::new(&replay, Some(&wrong));
        let [origin] = &wrong.origins[..] else { return Err(format!("not one origin: {wrong:?}")) };
        let in_dag = gone.iter().filter(|ix| !room.is_outlier(**ix)).count();
        if (origin.at, origin.consequences) != (Place::Event(astray), in_dag - 1) {
            return Err(format!("astray at {astray:?} with {in_dag} events: {wrong:?}"));
        }
        Ok(())
    });
}

/// On views without holes nothing is found; with holes, the states that the server was told by others.
#[test]
fn real_servers_deviate_only_where_they_were_told_states() {
    let Some(rooms) = shared("real/rooms") else { return };
    let (mut whole, mut with_holes) = (0, 0);
    for entry in fs::read_dir(rooms).unwrap() {
        let folder = entry.unwrap().path();
        for view in ["alpha", "beta", "gamma"] {
            let read = |name: String| {
                let files = [name.clone(), format!("{name}.gz")].map(|name| folder.join(name));
                let bytes = files.iter().find_map(|file| fs::read(file).ok())?;
                Some(decompress(bytes, u64::MAX).unwrap())
            };
            let Some(bytes) = read(format!("{view}.events.ndjson")) else { continue };
            let dump = load(&bytes, &Options::default()).unwrap();
            let told = Expectation::parse(&read(format!("{view}.truth.tsv")).unwrap()).unwrap();
            let room = &dump.room;
            let replay = Replay::new(room, None, Profile::Synapse);
            let deviations = Deviations::new(&replay, Some(&told));
            let has_holes = room.events().any(|ix| !room.is_outlier(ix) && replay.before(ix).is_none());
            let name = folder.join(view);
            assert_eq!(!deviations.origins.is_empty(), has_holes, "{}: {deviations:?}", name.display());
            assert_eq!(deviations.compared, deviations.agreeing, "{}", name.display());
            for origin in &deviations.origins {
                let is_told = matches!(origin.oddity, Oddity::FromElsewhere { .. } | Oddity::Partial);
                assert!(is_told, "{}: {origin:?}", name.display());
            }
            let resting: usize = deviations.origins.iter().map(|origin| 1 + origin.consequences).sum();
            assert!(deviations.compared + resting <= room.len());
            whole += usize::from(!has_holes);
            with_holes += usize::from(has_holes);
        }
    }
    println!("{whole} views without holes, {with_holes} with");
    assert!(whole > 20 && with_holes > 8);
}

fn listed(room: &Room, state: Option<&StateMap>) -> Option<Vec<(String, String, String)>> {
    let own = |(kind, key, id): (&str, &str, &str)| (kind.to_owned(), key.to_owned(), id.to_owned());
    state.map(|state| state.list(room).map(own).collect())
}

/// Two views of which one lacks an event, or what came last.
fn check_views(builder: &RoomBuilder, lacks: impl Fn(usize) -> bool) -> Result<(), String> {
    let whole = builder.room();
    let kept = (0..builder.len()).filter(|number| !lacks(*number));
    let part = rooms::build(builder.rules(), kept.map(|number| builder.pdu(number).event.clone()));
    check_pair(&whole, &part)
}

/// Two views of which the second has nothing that the first lacks.
fn check_pair(whole: &Room, part: &Room) -> Result<(), String> {
    let (one, other) = (Replay::new(whole, None, Profile::Spec), Replay::new(part, None, Profile::Spec));
    let views = Views::new(&one, &other);
    let (mut common, mut differing, mut verdicts) = (0, 0, 0);
    for ix in whole.events() {
        let Some(there) = part.find(whole.id(ix)) else { continue };
        common += 1;
        differing += usize::from(listed(whole, one.after(ix)) != listed(part, other.after(there)));
        verdicts += usize::from(one.rejection(ix).is_some() != other.rejection(there).is_some());
    }
    if (views.common, views.events, views.verdicts.len()) != (common, differing, verdicts) {
        return Err(format!("{common} events, {differing} differ, {verdicts} verdicts, but: {views:?}"));
    }
    let followed: usize = views.divergences.iter().map(|divergence| 1 + divergence.consequences).sum();
    if followed != differing {
        return Err(format!("{followed} of {differing} are accounted for: {views:?}"));
    }
    if let Some(now) = &views.now {
        let [ours, theirs] = [
            listed(whole, one.current().state.as_ref()).unwrap(),
            listed(part, other.current().state.as_ref()).unwrap(),
        ]
        .map(|list| list.into_iter().collect::<BTreeSet<_>>());
        let keys: BTreeSet<_> =
            ours.symmetric_difference(&theirs).map(|(kind, key, _)| (kind, key)).collect();
        if keys.len() != now.len() {
            return Err(format!("{keys:?}, not {now:?}"));
        }
    }
    let fetched = views.for_other.holes.len() + views.for_other.newer.len();
    if fetched != whole.len() - common || !views.for_one.holes.is_empty() || !views.for_one.newer.is_empty() {
        return Err(format!("to fetch: {views:?}"));
    }
    if views.for_other.holes.is_empty()
        && views.divergences.iter().any(|found| matches!(found.reason, Reason::Hole(..)))
    {
        return Err(format!("holes, and nothing to fill them: {views:?}"));
    }
    Ok(())
}

/// The view of a server that was told another state after an event than what follows: states differ, and both are known.
fn told_otherwise(builder: &RoomBuilder, whole: &Room, place: usize) -> Option<Room> {
    let replay = Replay::new(whole, None, Profile::Spec);
    let (at, from) = (EventIx::new(place % whole.len()), EventIx::new(place / 2 % whole.len()));
    let state: Vec<&str> = replay.after(from)?.iter().map(|(_, event)| whole.id(event)).collect();
    let asserted = serde_json::json!({ whole.id(at): state }).to_string();
    let options = Options {
        asserted_state: Some(asserted.into_bytes()),
        room_version: Some(whole.rules().id.to_owned()),
        ..Options::default()
    };
    load(builder.ndjson().as_bytes(), &options).ok().map(|dump| dump.room)
}

#[test]
fn views_of_a_room_differ_by_what_one_of_them_lacks() {
    rooms::each_room(300, |plan, builder| {
        let place = usize::try_from(plan.seed).unwrap();
        let create = builder.pdu(0).event.id().to_owned();
        let gap = 1 + place % (builder.len() - 1);
        let id = |number: usize| builder.pdu(number).event.id().to_owned();
        check_views(builder, |_| false)?;
        check_views(builder, |number| number == gap && id(number) != create)?;
        let whole = builder.room();
        for place in [place, place * 7, place * 31] {
            if let Some(told) = told_otherwise(builder, &whole, place) {
                check_pair(&whole, &told)?;
            }
        }
        // What is after an event is gone: the other is behind, but has no holes.
        check_views(builder, |number| number > builder.len() / 2)
    });
}

#[test]
fn real_servers_see_one_room() {
    let Some(rooms) = shared("real/rooms") else { return };
    for (name, holes) in [("ops", false), ("holes", true), ("late", true)] {
        let dump = |view: &str| {
            let bytes = fs::read(rooms.join(name).join(format!("{view}.events.ndjson.gz"))).unwrap();
            load(&bytes, &Options::default()).unwrap()
        };
        let (alpha, gamma) = (dump("alpha"), dump("gamma"));
        let [one, other] = [&alpha, &gamma].map(|dump| Replay::new(&dump.room, None, Profile::Synapse));
        let views = Views::new(&one, &other);
        assert!(views.verdicts.is_empty(), "{name}");
        let by_holes = views.divergences.iter().all(|found| matches!(found.reason, Reason::Hole(..)));
        assert!(by_holes, "{name}: {:?}", views.divergences);
        assert_eq!(!views.for_other.holes.is_empty(), holes, "{name}");
    }
}
