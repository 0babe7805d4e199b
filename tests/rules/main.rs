//! The authorization rules, one by one: for every rule, in every room version that has it, small rooms in which exactly
//! that rule decides about an event, and the number under which the specification of that version prints it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod numbers;
mod profiles;
mod scene;
mod table;

use std::collections::BTreeSet;

use hindsight::auth::{Profile, Refusal, Rule, Subject, Verdict, check_dependent, rule_number};
use hindsight::event::content::NamedLevel;
use hindsight::event::room_version::{AuthSource, Rules};
use hindsight::replay::Replay;
use numbers::{FAMILIES, NUMBERS, family, printed};
use scene::{BOB, Scene};
use serde_json::json;
use table::{CASES, Case, Outcome, Start};

/// The verdicts on the event of a case. A rule about the event and its `auth_events` alone decides once; any other must
/// decide alike against the auth events and against the state before the event.
fn verdicts(case: &Case, rules: &'static Rules, what: &str) -> Vec<Verdict> {
    let mut scene = match case.start {
        Start::Blank | Start::Stateless => Scene::blank(rules),
        Start::Public => Scene::public(rules),
    };
    let number = (case.make)(&mut scene);
    let room = scene.room();
    let ix = scene.index(&room, number);
    if case.start == Start::Stateless {
        let subject = Subject { room: &room, event: ix, profile: Profile::Spec };
        return vec![check_dependent(subject, |_| None, ())];
    }
    let replay = Replay::new(&room, None, Profile::Spec);
    let rejected: Vec<_> = replay.rejected().iter().filter(|other| *other != ix).collect();
    let refused: BTreeSet<_> = scene.refused.iter().map(|number| scene.index(&room, *number)).collect();
    assert!(
        rejected.iter().copied().eq(refused),
        "{what}: {:?}",
        rejected.first().and_then(|first| replay.rejection(*first))
    );
    assert_eq!(replay.rejection(ix).is_some(), case.outcome == Outcome::Refused, "{what}");
    let verdicts: Vec<Verdict> = replay.judge(ix).into_iter().filter_map(|check| check.verdict).collect();
    let own_alone = case.rule < Rule::Federate;
    assert!(own_alone || verdicts.len() == 2, "{what}: {verdicts:?}");
    match own_alone {
        true => verdicts[..1].to_vec(),
        // Where auth events are calculated there is one check.
        false if rules.auth_source == AuthSource::Calculated => verdicts[1..].to_vec(),
        false => verdicts,
    }
}

#[test]
fn every_case_is_decided_by_its_rule() {
    let mut count = 0;
    let mut failures = Vec::new();
    for case in CASES {
        let versions = Rules::ALL.iter().filter(|rules| case.applies_to(rules.id));
        let before = count;
        for rules in versions {
            count += 1;
            let what = format!("{:?}, version {}: {}", case.rule, rules.id, case.what);
            let number = printed(case.rule, rules.id).unwrap();
            let expected = match case.outcome {
                Outcome::Allowed => Ok(case.rule),
                Outcome::Refused => Err(Refusal::Rule(case.rule)),
            };
            for verdict in verdicts(case, rules, &what) {
                if verdict != expected || rule_number(&verdict, rules.numbering) != number {
                    failures.push(format!("{what}: expected rule {number}, got {verdict:?}"));
                }
            }
        }
        assert!(count > before, "no room version for: {}", case.what);
    }
    assert!(failures.is_empty(), "{} of {count}:\n{}", failures.len(), failures.join("\n"));
}

/// Every rule, in every family of room versions that has it, decides in some case; so a new rule wants a new case.
#[test]
fn every_rule_decides_somewhere() {
    for (rule, numbers) in NUMBERS {
        for (versions, _) in FAMILIES.iter().zip(numbers).filter(|(_, number)| !number.is_empty()) {
            let covered = CASES.iter().any(|case| case.rule == *rule && case.applies_to(versions[0]));
            assert!(covered, "no case for {rule:?} in version {}", versions[0]);
        }
    }
    // All rules can decide: none is left out.
    assert!(NUMBERS.iter().map(|(rule, _)| rule).eq(Rule::ALL));
}

/// The seven levels that stand at the top of power levels are guarded alike: Bob (50) may touch what is at most 50.
#[test]
fn all_seven_levels_are_guarded() {
    for (rules, name) in
        Rules::ALL.iter().flat_map(|rules| NamedLevel::ALL.map(|name| (rules, name.as_str())))
    {
        let change = |old: i64, new: i64| {
            let mut scene = Scene::public(rules);
            let open = |level| json!({ "events": { "m.room.power_levels": 0 }, name: level });
            scene.levels(&open(old));
            scene.levels_by(BOB, &open(new));
            scene.verdict(Profile::Spec).map_err(|refusal| refusal.rule())
        };
        assert_eq!(change(50, 49), Ok(Rule::LevelsAllowed), "{name}, version {}", rules.id);
        assert_eq!(change(51, 50), Err(Rule::LevelsNamedOld), "{name}, version {}", rules.id);
        assert_eq!(change(50, 51), Err(Rule::LevelsNamedNew), "{name}, version {}", rules.id);
    }
}

#[test]
fn numbers_are_those_of_the_text() {
    for rules in Rules::ALL {
        for (rule, numbers) in NUMBERS {
            let number = Some(numbers[family(rules.id)]).filter(|number| !number.is_empty());
            assert_eq!(
                rule.number(rules.numbering),
                number.unwrap_or("-"),
                "{rule:?} in version {}",
                rules.id
            );
        }
    }
}
