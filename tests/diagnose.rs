//! State resets in rooms whose story is known, in rooms of real servers, and in random ones.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it found"
)]

#[path = "common/shared.rs"]
mod shared;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use hindsight::auth::Profile;
use hindsight::diagnose::resets::{
    Class, Code, Diagnosing, Diagnosis, InversionBy, Loss, Severity, Supposition, Verdict, damage, diagnose,
    relations, what_if,
};
use hindsight::dump::{self, Dump, Options};
use hindsight::event::room_version::Rules;
use hindsight::generate::{Draft, Mode, Plan, RoomBuilder, generate};
use hindsight::replay::{Place, Replay};
use hindsight::resolve::Algorithm;
use hindsight::resolve::step::Decider;
use hindsight::room::{EventIx, Room};
use serde_json::json;

fn open(path: &Path) -> Dump {
    dump::load(&fs::read(path).unwrap(), &Options::default()).unwrap()
}

fn fixture(slug: &str) -> Dump {
    open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(slug).join("scenario.json5"))
}

fn named(dump: &Dump, name: &str) -> EventIx {
    dump.room.find(&dump.placeholders[name]).unwrap()
}

fn losses(dump: &Dump, algorithm: Option<Algorithm>) -> Diagnosis {
    diagnose(&Replay::new(&dump.room, algorithm, Profile::Spec))
}

/// The only loss of a room.
fn only(dump: &Dump, algorithm: Option<Algorithm>) -> Loss {
    let mut losses = losses(dump, algorithm).losses;
    assert_eq!(losses.len(), 1, "{losses:#?}");
    losses.remove(0)
}

fn codes(loss: &Loss) -> Vec<Code> {
    loss.worst().chain.iter().map(|cause| cause.code).collect()
}

#[test]
fn an_honest_join_is_held_against_a_later_join_rule() {
    let dump = fixture("r0-join-rule-twin");
    for algorithm in [Algorithm::V2, Algorithm::V2_1] {
        let loss = only(&dump, Some(algorithm));
        assert_eq!((loss.verdict, loss.class, loss.after), (Verdict::Reset, Class::VanishSome, None));
        assert_eq!(loss.at, Place::Event(named(&dump, "$MERGE")));
        assert_eq!(codes(&loss), [Code::Retroactive]);
        assert_eq!(loss.cause().by, Some(named(&dump, "$JR_SHUT")));
        assert_eq!(loss.cause().deciding[0].needed, Some(named(&dump, "$JR_OPEN")));
        assert_eq!(loss.cause().inversion.as_ref().unwrap().by, InversionBy::Round);
        assert!(loss.search.concurrent_with(&dump.room, named(&dump, "$BOB")).is_empty());
        assert!(loss.stale.is_empty());
    }
}

#[test]
fn the_clock_decides_in_version_12_and_not_in_11() {
    let dump = fixture("r2-clock-against-epoch");
    let loss = only(&dump, None);
    assert_eq!((loss.verdict, loss.class), (Verdict::Reset, Class::RollbackLocal));
    assert_eq!(codes(&loss), [Code::OrderInversion]);
    let inversion = loss.cause().inversion.as_ref().unwrap();
    assert_eq!(inversion.older, named(&dump, "$BOB_JOINS"));
    assert_eq!(inversion.newer, named(&dump, "$BOB_LEAVES"));
    assert_eq!(inversion.by, InversionBy::Key(Decider::Timestamp));
    let replay = Replay::new(&dump.room, None, Profile::Spec);
    let healing: Vec<Supposition> = what_if(&replay, &loss)
        .into_iter()
        .filter(|counterfactual| counterfactual.heals)
        .map(|counterfactual| counterfactual.supposition)
        .collect();
    for wanted in
        [Supposition::Algorithm(Algorithm::V2), Supposition::MonotoneClocks, Supposition::UndisputedMainline]
    {
        assert!(healing.contains(&wanted), "{wanted:?} is not in {healing:?}");
    }
    assert!(!healing.iter().any(|other| matches!(other, Supposition::Profile(_))), "{healing:?}");
    assert!(losses(&fixture("r2-clock-against-epoch-v11"), None).losses.is_empty());
}

#[test]
fn a_kick_is_held_against_a_later_demotion_of_its_sender() {
    let dump = fixture("r3-priority-inversion");
    for algorithm in [Algorithm::V2, Algorithm::V2_1] {
        let loss = only(&dump, Some(algorithm));
        assert_eq!((loss.verdict, loss.class), (Verdict::Reset, Class::RollbackDeep));
        assert_eq!(codes(&loss), [Code::Retroactive]);
        assert_eq!(loss.cause().by, Some(named(&dump, "$ALICE_STEPS_DOWN")));
        let inversion = loss.cause().inversion.as_ref().unwrap();
        assert_eq!(
            (inversion.by, &inversion.waits_for[..]),
            (InversionBy::Blocked, &[named(&dump, "$CAROL")][..])
        );
    }
}

#[test]
fn problem_a_lacks_the_authority_because_of_a_stale_state() {
    let dump = fixture("msc4297-problem-a");
    let loss = only(&dump, Some(Algorithm::V2));
    assert_eq!((loss.verdict, loss.class, loss.at), (Verdict::Reset, Class::VanishAll, Place::Now));
    assert_eq!(codes(&loss), [Code::MissingAuthority]);
    assert_eq!(loss.stale.len(), 1);
    assert_eq!(loss.stale[0].has, Some(named(&dump, "$JR_PUBLIC")));
    assert_eq!(loss.stale[0].knows, named(&dump, "$JR_INVITE"));
    assert_eq!(loss.stale[0].since.event(), Some(named(&dump, "$CAROL_SAYS")));
    let replay = Replay::new(&dump.room, None, Profile::Spec);
    let heals = |wanted: Supposition| {
        what_if(&replay, &loss).iter().any(|other| other.supposition == wanted && other.heals)
    };
    assert!(heals(Supposition::Algorithm(Algorithm::V2_1)));
    assert!(heals(Supposition::Corrected(0)));
    assert!(heals(Supposition::WithoutBranch(1)));
    assert!(!heals(Supposition::WithoutBranch(0)));
    assert!(losses(&dump, Some(Algorithm::V2_1)).losses.is_empty());
}

#[test]
fn problem_b_goes_by_stale_authority_because_of_a_stale_state() {
    let dump = fixture("msc4297-problem-b");
    let loss = only(&dump, Some(Algorithm::V2));
    assert_eq!((loss.verdict, loss.class), (Verdict::Reset, Class::RollbackLocal));
    assert_eq!(loss.severity, Severity::Critical);
    assert_eq!(codes(&loss), [Code::StaleAuthority]);
    assert_eq!(loss.cause().deciding[0].needed, Some(named(&dump, "$PL1")));
    assert_eq!(loss.stale[0].knows, named(&dump, "$PL2"));
    let replay = Replay::new(&dump.room, None, Profile::Spec);
    let damage = damage(&replay, &diagnose(&replay), 0);
    let powers: Vec<(&str, i64, i64)> =
        damage.powers.iter().map(|lost| (&*lost.user, lost.before, lost.after)).collect();
    assert_eq!(powers, [("@bob:b.example", 50, 0), ("@carol:c.example", 50, 0)]);
    assert!(losses(&dump, Some(Algorithm::V2_1)).losses.is_empty());
}

/// What somebody took back who did not know of it is no reset; and it would have survived but for that.
#[test]
fn concurrent_revocations_are_not_flagged() {
    for (slug, by) in [
        ("ban-vs-power-levels", "$BAN"),
        ("topic-vs-ban", "$BAN"),
        ("join-rules-vs-join", ""),
        ("knock", ""),
        ("restricted-join", ""),
        ("third-party-invite", ""),
        ("v12-creators", ""),
        ("twenty-way-merge", ""),
    ] {
        let dump = fixture(slug);
        let loss = only(&dump, None);
        assert_eq!((loss.verdict, codes(&loss)), (Verdict::Legitimate, vec![Code::Revoked]), "{slug}");
        let but_for = loss.worst().but_for.as_ref().unwrap();
        assert!(but_for.survives, "{slug}");
        assert_eq!(but_for.removed, [loss.cause().by.unwrap()], "{slug}");
        if let Some(by) = dump.placeholders.get(by) {
            assert_eq!(loss.cause().by, dump.room.find(by), "{slug}");
        }
    }
    for slug in ["equal-timestamps", "mainline-epochs", "power-level-duel", "rejected-event-cited", "v1-room"]
    {
        assert!(losses(&fixture(slug), None).losses.is_empty(), "{slug}");
    }
}

/// The smallest rooms known to show a cause, named after it: resets shrunk from honest random rooms of 41 and 42 events, and
/// two legitimate ones. (Fixtures with a story: RETROACTIVE is R0 and R3, ORDER_INVERSION R2, MISSING_AUTHORITY and
/// STALE_AUTHORITY are MSC4297's A and B, REVOKED `ban-vs-power-levels`, OVERWRITTEN `power-level-duel`.)
#[test]
fn small_rooms_show_their_cause() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/causes");
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let cause = path.file_stem().unwrap().to_str().unwrap().to_uppercase().replace('-', "_");
        let dump = open(&path);
        let losses = losses(&dump, None).losses;
        let shown = losses.iter().find(|loss| codes(loss).iter().any(|code| code.as_str() == cause));
        let loss = shown.unwrap_or_else(|| panic!("{cause}: {losses:#?}"));
        let expected = match &*cause {
            "RETROACTIVE" | "STALE_AUTHORITY" => Verdict::Reset,
            "SELF_REVOKED" | "CASCADE" => Verdict::Legitimate,
            other => panic!("{other}"),
        };
        assert_eq!(loss.verdict, expected, "{cause}");
        assert!(dump.room.len() <= 12, "{cause}: {}", dump.room.len());
        seen += 1;
    }
    assert_eq!(seen, 4);
}

/// Bob is out while the door is shut, and in again when it is opened: nobody merges in between, and nothing shows at the
/// end.
#[test]
fn what_clients_see_in_between_is_looked_at_too() {
    let mut builder = RoomBuilder::new(Rules::of("11").unwrap(), 1);
    builder.send(Draft::create(builder.rules(), "@a:a"));
    builder.send(Draft::join("@a:a"));
    builder.send(Draft::power_levels("@a:a", json!({ "users": { "@a:a": 100 } })));
    let public = builder.send(Draft::join_rules("@a:a", "public"));
    builder.send_after(&[public], Draft::message("@a:a", "late").at(50));
    let bob = builder.send_after(&[public], Draft::join("@b:b").at(51));
    let shut = builder.send_after(&[bob], Draft::join_rules("@a:a", "invite").at(52));
    builder.send_after(&[shut], Draft::join_rules("@a:a", "public").at(53));
    let room = builder.room();
    let replay = Replay::new(&room, None, Profile::Spec);
    assert!(diagnose(&replay).losses.is_empty());
    let every = Diagnosing::new(&replay).with_every_change().finish();
    let [loss] = &every.losses[..] else { panic!("{every:#?}") };
    assert_eq!((loss.verdict, loss.arrival), (Verdict::Reset, true));
    assert_eq!(loss.at.event().map(|ix| room.id(ix)), Some(builder.pdu(shut).event.id()));
    assert!(every.reset_merges().is_empty());
    // A merge that comes to the same leaves nothing to add.
    let dump = fixture("r3-priority-inversion");
    let replay = Replay::new(&dump.room, None, Profile::Spec);
    assert_eq!(Diagnosing::new(&replay).with_every_change().finish().losses.len(), 1);
}

fn real(room: &str) -> Vec<PathBuf> {
    let Some(folder) = shared::shared(&format!("real/rooms/{room}")) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.to_string_lossy().contains(".tardis.ndjson"));
    paths.sort();
    paths
}

/// Alice (100) opens the room eight times; each time the next merge brings back an older `knock` of Beth's (50), because
/// the more powerful sender comes first.
#[test]
fn eight_join_rules_are_lost_to_the_order_of_power() {
    for path in real("nojoin") {
        let dump = open(&path);
        let diagnosis = losses(&dump, None);
        let mut lost = BTreeSet::new();
        for loss in diagnosis.resets().filter(|loss| loss.at != Place::Now) {
            assert_eq!(loss.key, dump.room.well_known().join_rules);
            let inversion = loss.cause().inversion.as_ref().unwrap();
            assert_eq!(inversion.by, InversionBy::Key(Decider::Level), "{}", path.display());
            assert_eq!(Some(inversion.older), loss.after);
            lost.insert(loss.worst().event);
        }
        assert_eq!(lost.len(), 8, "{}", path.display());
    }
}

/// What holds of every diagnosis.
fn check(room: &Room, replay: &Replay<'_>, diagnosis: &Diagnosis) {
    for (place, loss) in diagnosis.losses.iter().enumerate() {
        if loss.arrival {
            assert!(loss.repeats.is_none());
            continue;
        }
        let state = match loss.at {
            Place::Event(merge) => replay.before(merge).unwrap(),
            Place::Now => replay.current().state.as_ref().unwrap(),
        };
        assert_eq!(state.get(loss.key), loss.after);
        assert_eq!(loss.class.is_vanished(), loss.after.is_none());
        assert_eq!(loss.verdict, loss.lost.iter().map(|tip| tip.verdict).max().unwrap());
        assert!(loss.repeats.is_none_or(|first| first < place && diagnosis.losses[first].key == loss.key));
        for tip in &loss.lost {
            assert!(loss.tips.contains(&tip.event));
            assert_ne!(Some(tip.event), loss.after);
            assert_eq!(tip.chain[0].event, tip.event);
            let (leaf, links) = tip.chain.split_last().unwrap();
            assert!(links.iter().all(|cause| cause.code == Code::Cascade));
            assert_ne!(leaf.code, Code::Cascade);
            if tip.verdict == Verdict::Reset {
                assert_eq!(leaf.code.verdict(), Verdict::Reset);
            }
            let by = leaf.by.map(|by| relations(room, &[by, leaf.event])[0].2.as_str());
            match leaf.code {
                Code::Revoked | Code::SelfRevoked if !leaf.uncertain => assert_eq!(by, Some("concurrent")),
                Code::Retroactive => assert_eq!(by, Some("after")),
                Code::OrderInversion if !leaf.uncertain => assert_eq!(by, Some("before")),
                _ => {}
            }
        }
        assert!(damage(replay, diagnosis, place).keys.contains(&loss.key));
    }
}

fn print(name: &str, diagnosis: &Diagnosis) {
    let causes: Vec<String> = diagnosis
        .by_cause()
        .iter()
        .map(|((verdict, code), count)| format!("{} {} {count}", verdict.as_str(), code.as_str()))
        .collect();
    println!("{name}: {} merges, {} recorded; {}", diagnosis.merges, diagnosis.recorded, causes.join(", "));
}

#[test]
fn rooms_of_real_servers_are_diagnosed() {
    let Some(rooms) = shared::shared("real/rooms") else { return };
    let mut names: Vec<String> =
        fs::read_dir(rooms).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    for name in names {
        for path in real(&name) {
            let dump = open(&path);
            let replay = Replay::new(&dump.room, None, Profile::Synapse);
            let diagnosis = diagnose(&replay);
            print(&path.file_name().unwrap().to_string_lossy(), &diagnosis);
            check(&dump.room, &replay, &diagnosis);
        }
    }
}

/// Random rooms in which nobody lies and all clocks are right, and others. `HINDSIGHT_ROOMS=2000` for more.
#[test]
fn random_rooms_are_diagnosed() {
    let rooms = std::env::var("HINDSIGHT_ROOMS").ok().and_then(|rooms| rooms.parse().ok()).unwrap_or(120);
    for mode in Mode::ALL {
        let mut causes: BTreeMap<(Verdict, Code), usize> = BTreeMap::new();
        let (mut merges, mut flagged) = (0, 0);
        for seed in 0..rooms {
            let versions = ["1", "6", "8", "11", "12"];
            let rules = Rules::of(versions[usize::try_from(seed).unwrap() % versions.len()]).unwrap();
            let room = generate(&Plan::new(seed, mode, rules)).room();
            let replay = Replay::new(&room, None, Profile::Spec);
            let diagnosis = diagnose(&replay);
            check(&room, &replay, &diagnosis);
            // In slices it is the same.
            let mut slices = Diagnosing::new(&replay);
            while !slices.advance(3) {}
            assert_eq!(slices.finish(), diagnosis);
            let every = Diagnosing::new(&replay).with_every_change().finish();
            assert_eq!(every.losses[..diagnosis.losses.len()], diagnosis.losses);
            check(&room, &replay, &every);
            merges += diagnosis.merges;
            flagged += diagnosis.resets().map(|loss| loss.at).collect::<BTreeSet<_>>().len();
            for (cause, count) in diagnosis.by_cause() {
                *causes.entry(cause).or_default() += count;
            }
        }
        println!("{}: {flagged} of {merges} merges have resets; {causes:?}", mode.as_str());
    }
}
