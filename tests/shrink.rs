//! Small rooms that show what large ones did.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it skips"
)]

#[path = "common/mangle.rs"]
mod mangle;
#[path = "common/rooms.rs"]
#[expect(dead_code, reason = "other tests make other rooms")]
mod rooms;
#[path = "common/sequel.rs"]
mod sequel;
#[path = "common/shared.rs"]
mod shared;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use hindsight::anonymise::{anonymise, differing_losses};
use hindsight::auth::Profile;
use hindsight::diagnose::resets::{Code, diagnose};
use hindsight::dump::{self, Options};
use hindsight::event::room_version::Rules;
use hindsight::generate::{Blueprint, Mode, Preset};
use hindsight::replay::{Pair, Place, Replay};
use hindsight::resolve::Algorithm;
use hindsight::room::{EventIx, Room};
use hindsight::shrink::{Difference, Form, Property, Rejection, Reset, Shrunk, shrink};
use sequel::Sequel;
use serde_json::json;
use shared::shared;

/// Before an event a user has another membership than somebody who knows of everything would think.
struct Membership {
    at: Box<str>,
    user: String,
    membership: Option<&'static str>,
    algorithm: Algorithm,
    /// What matters is not guessed at: everything is tried.
    blind: bool,
}

impl Property for Membership {
    fn pair(&self) -> Pair {
        Pair { algorithm: self.algorithm, profile: Profile::Spec }
    }

    fn targets(&self) -> Vec<Box<str>> {
        vec![self.at.clone()]
    }

    fn holds(&self, replay: &Replay<'_>, targets: &[EventIx]) -> bool {
        let room = replay.room();
        let membership = |ix: EventIx| {
            let state = replay.before(ix)?;
            let event = state.get(room.find_key("m.room.member", &self.user)?)?;
            room.event(event).as_member()?.membership.value().map(|membership| membership.as_str().to_owned())
        };
        // A parent knew better, and nobody else had anything to say.
        let at = targets[0];
        let other = room.prev_events(at).iter().any(|parent| {
            let state = replay.after(*parent).unwrap();
            let held = room.find_key("m.room.member", &self.user).and_then(|key| state.get(key));
            let held = held.and_then(|ix| room.event(ix).as_member()?.membership.value().cloned());
            held.is_some_and(|held| Some(held.as_str()) != self.membership)
        });
        other && membership(at).as_deref() == self.membership
    }

    fn relevant(&self, replay: &Replay<'_>, targets: &[EventIx]) -> Vec<EventIx> {
        let parents = targets.iter().flat_map(|ix| replay.room().prev_events(*ix)).copied();
        if self.blind { replay.room().events().collect() } else { parents.collect() }
    }

    fn describe(&self, name: &dyn Fn(EventIx) -> String, targets: &[EventIx]) -> String {
        format!("{} is {} before {}", self.user, self.membership.unwrap_or("forgotten"), name(targets[0]))
    }
}

fn large(version: &str, seed: u64) -> Sequel {
    let rules = Rules::of(version).unwrap();
    let blueprint = Blueprint { events: 5_000, members: 250, seed, rules, ..Blueprint::preset(Preset::R10k) };
    Sequel::of(&blueprint.ndjson())
}

/// What a shrunk room has to be whatever was shrunk: it is read without trouble and still shows it.
fn assert_sound(shrunk: &Shrunk, property: &dyn Property, most: usize) {
    let version = (shrunk.form == Form::Events).then(|| shrunk.room.rules().id.to_owned());
    let options = Options { room_version: version, ..Options::default() };
    let dump = dump::load(shrunk.scenario.as_bytes(), &options).unwrap();
    let errors: Vec<_> = dump.findings.iter().map(ToString::to_string).collect();
    let ids = |room: &Room| room.events().map(|ix| room.id(ix).to_owned()).collect::<Vec<_>>();
    assert_eq!(ids(&dump.room), ids(&shrunk.room), "{errors:?}");
    let replay = property.pair().replay(&dump.room).of(&dump.room);
    assert!(property.holds(&replay, &shrunk.targets), "{}", shrunk.scenario);
    assert!(dump.room.len() < most, "{} events\n{}", dump.room.len(), shrunk.scenario);
    for ix in dump.room.events().filter(|_| shrunk.form == Form::Fixture) {
        assert!(dump.room.caption(ix).is_some(), "{}", shrunk.scenario);
    }
}

/// A planted reset is found by its merge, and what is left of the room shows it for the same cause.
fn assert_reset_stays(room: &Room, merge: &str, user: &str) {
    let start = Instant::now();
    let replay = Replay::new(room, None, Profile::Spec);
    let at = Place::Event(room.find(merge).unwrap());
    let found = diagnose(&replay);
    let loss =
        found.resets().find(|loss| loss.at == at && room.key(loss.key).1 == user).expect("it is found");
    assert_eq!(loss.cause().code, Code::Retroactive);
    let property = Reset::of(&replay, loss);
    let shrunk = shrink(room, &property, &mut |_, _| {}).expect("it is there");
    assert_eq!(shrunk.form, Form::Fixture);
    assert_sound(&shrunk, &property, 20);
    let again = Replay::new(&shrunk.room, None, Profile::Spec);
    let again = diagnose(&again);
    let resets: Vec<_> =
        again.resets().map(|loss| (loss.cause().code, shrunk.room.key(loss.key).1)).collect();
    assert!(resets.contains(&(Code::Retroactive, user)), "{resets:?}");
    let (left, tries) = (shrunk.room.len(), shrunk.probes);
    println!("reset among {} events: {left} left after {tries} tries, {:?}", room.len(), start.elapsed());
}

/// R0, planted in a room of 5,000 events: a join is undone by the join rule that came after it.
#[test]
fn a_forgotten_member_is_found_again() {
    for (version, seed) in [("11", 1), ("12", 2), ("10", 3)] {
        let mut room = large(version, seed);
        let (admin, member) = (room.creator(), room.member());
        let public = json!({ "join_rule": "public" });
        let open = room.send(&[], &admin, "m.room.join_rules", Some(""), &public);
        let says = room.send(&[&open], &member, "m.room.message", None, &json!({ "body": "slow" }));
        let bob = "@newcomer:late.example";
        let join = json!({ "membership": "join" });
        let joins = room.send(&[&open], bob, "m.room.member", Some(bob), &join);
        let shut = json!({ "join_rule": "invite" });
        let shut = room.send(&[&joins], &admin, "m.room.join_rules", Some(""), &shut);
        let merge = room.send(&[&says, &shut], &admin, "m.room.message", None, &json!({ "body": "Bob?" }));
        let room = room.room();
        assert_reset_stays(&room, &merge, bob);
        let property = Membership {
            at: merge.into(),
            user: bob.to_owned(),
            membership: None,
            algorithm: room.rules().algorithm,
            blind: false,
        };
        let shrunk = shrink(&room, &property, &mut |_, _| {}).expect("it was planted");
        assert_eq!(shrunk.form, Form::Fixture);
        println!(
            "R0 in version {version}: {} of {} events, {} tries",
            shrunk.room.len(),
            room.len(),
            shrunk.probes
        );
        assert_sound(&shrunk, &property, 20);
    }
}

/// R3: a kick is undone because its sender stepped down later. Without a guess at what matters it takes longer.
#[test]
fn a_kick_that_came_too_late_is_found_again() {
    for (version, seed, blind) in [("11", 4, false), ("11", 4, true), ("9", 5, true)] {
        let mut room = large(version, seed);
        let (admin, member) = (room.creator(), room.member());
        let mut levels = room.content("m.room.power_levels");
        let carol = "@newcomer:late.example";
        let membership = |word: &str| json!({ "membership": word });
        let open = json!({ "join_rule": "public" });
        let open = room.send(&[], &admin, "m.room.join_rules", Some(""), &open);
        let says = room.send(&[&open], &member, "m.room.message", None, &json!({ "body": "slow" }));
        let joins = room.send(&[&open], carol, "m.room.member", Some(carol), &membership("join"));
        let kick = room.send(&[&joins], &admin, "m.room.member", Some(carol), &membership("leave"));
        levels["users"][&admin] = 0.into();
        let down = room.send(&[&kick], &admin, "m.room.power_levels", Some(""), &levels);
        let merge = room.send(&[&says, &down], &admin, "m.room.message", None, &json!({ "body": "Carol?" }));
        let room = room.room();
        assert_reset_stays(&room, &merge, carol);
        let property = Membership {
            at: merge.into(),
            user: carol.to_owned(),
            membership: Some("join"),
            algorithm: room.rules().algorithm,
            blind,
        };
        let start = Instant::now();
        let shrunk = shrink(&room, &property, &mut |_, _| {}).expect("it was planted");
        let (left, tries) = (shrunk.room.len(), shrunk.probes);
        println!(
            "R3 in version {version}, blind {blind}: {left} events, {tries} tries, {:?}",
            start.elapsed()
        );
        assert_sound(&shrunk, &property, 20);
    }
}

/// Two manners that are to disagree, on whatever rooms there are of the differences known between implementations.
#[test]
fn differences_stay() {
    let Some(folder) = shared("corpus/profiles") else { return };
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let mut shrunk_rooms = 0;
    for folder in entries.into_iter().filter(|path| path.is_dir()) {
        let Some(path) = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| path.to_str().unwrap().contains(".ndjson"))
        else {
            continue;
        };
        let room = dump::load(&fs::read(&path).unwrap(), &Options::default()).unwrap().room;
        for other in [Profile::Synapse, Profile::Ruma] {
            let manner = |profile| Pair { profile, ..Pair::default_for(&room) };
            let Some(property) = Difference::find(&room, manner(Profile::Spec), manner(other), None) else {
                continue;
            };
            let shrunk = shrink(&room, &property, &mut |_, _| {}).expect("it was found");
            shrunk_rooms += 1;
            assert_sound(&shrunk, &property, room.len() + 1);
        }
    }
    println!("{shrunk_rooms} differences shrunk");
    assert!(shrunk_rooms > 30, "{shrunk_rooms}");
}

/// The worst resets of the fixtures and of the rooms of real servers.
#[test]
fn resets_stay() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths: Vec<PathBuf> = fs::read_dir(root.join("fixtures"))
        .unwrap()
        .map(|entry| entry.unwrap().path().join("scenario.json5"))
        .filter(|path| path.is_file())
        .collect();
    if let Some(folder) = shared("real/rooms") {
        let rooms = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        paths.extend(rooms.map(|room| room.join("alpha.events.ndjson.gz")).filter(|path| path.is_file()));
    }
    let mut codes = BTreeMap::new();
    for path in paths {
        let room = dump::load(&fs::read(&path).unwrap(), &Options::default()).unwrap().room;
        let replay = Replay::new(&room, None, Profile::Spec);
        let diagnosis = diagnose(&replay);
        for loss in diagnosis.resets().take(5) {
            let property = Reset::of(&replay, loss);
            let shrunk = shrink(&room, &property, &mut |_, _| {})
                .unwrap_or_else(|| panic!("{}: it was found", path.display()));
            assert_sound(&shrunk, &property, room.len().min(30) + 1);
            *codes.entry(property.code().as_str()).or_insert(0) += 1;
            println!("{}: {} of {} events", path.display(), shrunk.room.len(), room.len());
        }
    }
    println!("{codes:?}");
    assert!(codes.len() >= 3, "{codes:?}");
}

/// Whatever is lost in random rooms of every kind, reset or not, by every cause.
#[test]
fn losses_of_random_rooms_stay() {
    rooms::each_room(200, |_, builder| {
        let room = builder.room();
        let replay = Replay::new(&room, None, Profile::Spec);
        let mut seen = BTreeSet::new();
        for loss in
            diagnose(&replay).losses.iter().filter(|loss| seen.insert((loss.verdict, loss.cause().code)))
        {
            let property = Reset::of(&replay, loss);
            let shrunk = shrink(&room, &property, &mut |_, _| {}).ok_or("it is not found again")?;
            assert_sound(&shrunk, &property, room.len() + 1);
        }
        Ok(())
    });
}

/// A reset that was shrunk is still one when nobody in it has their name any more.
#[test]
fn shrunk_rooms_can_be_published() {
    let Some(folder) = shared("real/rooms/ops") else { return };
    let bytes = fs::read(folder.join("alpha.events.ndjson.gz")).unwrap();
    let room = dump::load(&bytes, &Options::default()).unwrap().room;
    let replay = Replay::new(&room, None, Profile::Spec);
    let property = Reset::find(&replay, &diagnose(&replay), None).unwrap();
    let shrunk = shrink(&room, &property, &mut |_, _| {}).unwrap();
    let new = anonymise(&shrunk.room).unwrap().rewritten;
    let [old, new_replay] = [&shrunk.room, &new.room].map(|room| Replay::new(room, None, Profile::Spec));
    assert_eq!(differing_losses(&diagnose(&old), &diagnose(&new_replay), &new.events), []);
    assert_eq!(diagnose(&new_replay).resets().next().unwrap().cause().code, property.code());
}

/// Differences between any two manners in random rooms of every kind.
#[test]
fn differences_of_random_rooms_stay() {
    rooms::each_room(150, |_, builder| {
        let room = builder.room();
        let spec = Pair::default_for(&room);
        let others = [
            Pair { profile: Profile::Synapse, ..spec },
            Pair { profile: Profile::Ruma, ..spec },
            Pair { algorithm: Algorithm::V2, ..spec },
            Pair { algorithm: Algorithm::V2_1, ..spec },
        ];
        for property in others.into_iter().filter_map(|other| Difference::find(&room, spec, other, None)) {
            let shrunk = shrink(&room, &property, &mut |_, _| {}).ok_or("it is not found again")?;
            assert_eq!(shrunk.form, Form::Fixture, "{}", shrunk.scenario);
            assert_sound(&shrunk, &property, room.len() + 1);
        }
        Ok(())
    });
}

/// Dumps that something went wrong with: what they show stays too.
#[test]
fn mangled_rooms_are_shrunk() {
    mangle::each_mangled(60, |room| {
        let spec = Pair::default_for(room);
        let replay = spec.replay(room).of(room);
        let ruma = Pair { profile: Profile::Ruma, ..spec };
        let mut properties: Vec<Box<dyn Property>> = Vec::new();
        if let Some(difference) = Difference::find(room, spec, ruma, None) {
            properties.push(Box::new(difference));
        }
        if let Some(rejection) = replay.rejected().iter().last().and_then(|ix| Rejection::of(&replay, ix)) {
            properties.push(Box::new(rejection));
        }
        for property in properties {
            let shrunk = shrink(room, &*property, &mut |_, _| {}).ok_or("it is not found again")?;
            assert_sound(&shrunk, &*property, room.len() + 1);
        }
        Ok(())
    });
}

/// The rejected events of a hostile room of every version.
#[test]
fn rejections_stay() {
    let base = Blueprint { events: 400, members: 30, ..Blueprint::preset(Preset::R10k) };
    for (seed, rules) in (1..).zip(Rules::ALL) {
        let blueprint = Blueprint { seed, rules, ..base }.with_mode(Mode::Adversarial);
        let room = dump::load(&blueprint.ndjson(), &Options::default()).unwrap().room;
        let replay = Replay::new(&room, None, Profile::Spec);
        for ix in replay.rejected().iter().step_by(7).take(4) {
            let property = Rejection::of(&replay, ix).unwrap();
            let shrunk = shrink(&room, &property, &mut |_, _| {}).expect("it is rejected");
            assert_sound(&shrunk, &property, 16);
        }
    }
}

/// A room without the property is not shrunk, and one event cannot be.
#[test]
fn there_must_be_something_to_keep() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/topic-vs-ban/scenario.json5");
    let room = dump::load(&fs::read(path).unwrap(), &Options::default()).unwrap().room;
    let replay = Replay::new(&room, None, Profile::Spec);
    assert!(Rejection::of(&replay, EventIx::new(0)).is_none());
    let manner = |profile| Pair { profile, ..Pair::default_for(&room) };
    assert!(Difference::find(&room, manner(Profile::Spec), manner(Profile::Spec), None).is_none());
    let nobody = Membership {
        at: room.id(EventIx::new(3)).into(),
        user: "@x:x".into(),
        membership: None,
        algorithm: Algorithm::V2,
        blind: false,
    };
    assert!(shrink(&room, &nobody, &mut |_, _| {}).is_none());
}
