//! Where implementations depart from one another in these rules: events on which the profiles decide differently, and
//! beside them events on which they agree. The expected outcomes are what the implementations did.

use hindsight::auth::{Profile, Refusal, Verdict};
use hindsight::event::room_version::Rules;
use hindsight::generate::Draft;
use serde_json::{Value, json};

use self::Outcome::{Allowed as Yes, Raises, Refused as No};
use super::scene::{ALICE, BOB, CAROL, DAVE, ERIN, Scene};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Allowed,
    Refused,
    /// An exception that ends the whole resolution.
    Raises,
}

impl Outcome {
    fn of(verdict: &Verdict) -> Self {
        match verdict {
            Ok(_) => Self::Allowed,
            Err(Refusal::Rule(_) | Refusal::Unreadable(..)) => Self::Refused,
            Err(Refusal::Raised(..)) => Self::Raises,
        }
    }
}

/// The number of a point, the room versions, what happens, what the text, Synapse and ruma make of it, and how to get
/// there. The event made last is judged by the state before it, as if all of that had been accepted.
type Difference = (&'static str, &'static [&'static str], &'static str, [Outcome; 3], fn(&mut Scene));

const ANY: &[&str] = &["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"];
const KNOCKING: &[&str] = &["7", "8", "9", "10", "11", "12"];
const FLOATS: &[&str] = &["1", "2", "3", "4", "5"];
const STRINGS: &[&str] = &["1", "2", "3", "4", "5", "6", "7", "8", "9"];
const INTEGERS: &[&str] = &["10", "11", "12"];

#[rustfmt::skip]
const DIFFERENCES: &[Difference] = &[
    //                 spec Synapse ruma
    ("D39", ANY,      "an invited user joins; no join rules", [Yes, Yes, No], |s| { no_join_rules(s); s.send(Draft::invite(ALICE, DAVE)); s.send(Draft::join(DAVE)); }),
    ("D39", ANY,      "an invited user joins; join rules without a rule", [Yes, Yes, No], |s| {
        s.send(Draft::state("m.room.join_rules", "", ALICE, json!({})));
        s.send(Draft::invite(ALICE, DAVE));
        s.send(Draft::join(DAVE));
    }),
    ("D39", ANY,      "nobody invited joins; no join rules", [No, No, No], |s| { no_join_rules(s); s.send(Draft::join(DAVE)); }),
    ("D39", KNOCKING, "somebody knocks; no join rules", [No, No, No], |s| { no_join_rules(s); s.send(Draft::knock(DAVE)); }),

    ("D40", ANY,      "a level below one's own is added; the default is above", [Yes, Yes, No], |s| { bob_30(s, None); bob_sets(s, Some(30)); }),
    ("D40", ANY,      "a level below one's own is removed; the default is above", [Yes, Yes, No], |s| { bob_30(s, Some(30)); bob_sets(s, None); }),
    ("D40", ANY,      "a level below one's own is changed", [Yes, Yes, Yes], |s| { bob_30(s, Some(30)); bob_sets(s, Some(29)); }),
    ("D40", ANY,      "a level above one's own is added", [No, No, No], |s| { bob_30(s, None); bob_sets(s, Some(31)); }),

    ("D44", ANY,      "unfederated; a remote user is banned", [Yes, No, Yes], |s| { federate(s, &json!(false)); s.send(Draft::ban(ALICE, DAVE)); }),
    ("D44", ANY,      "unfederated; a local user is banned", [Yes, Yes, Yes], |s| { federate(s, &json!(false)); s.send(Draft::ban(ALICE, ERIN)); }),
    ("D44", ANY,      "m.federate is a string; a local user sets the topic", [Yes, Yes, No], |s| { federate(s, &json!("yes")); s.send(Draft::topic(ALICE, "?")); }),
    ("D44", ANY,      "m.federate is a string; a remote user joins", [Yes, No, No], |s| {
        federate(s, &json!("yes"));
        s.send(Draft::join_rules(ALICE, "public"));
        s.send(Draft::join(DAVE));
    }),

    ("D55", ANY,      "a user ID with a server name that is none is listed", [No, Yes, No], odd_user),
    ("D55", ANY,      "such a user ID was listed; a topic", [Yes, Yes, No], |s| { odd_user(s); s.send(Draft::topic(BOB, "?")); }),

    ("D56", FLOATS,   "a level of 50.9 is set", [Yes, Yes, No], |s| { s.levels_of_bob(&json!(50.9)); }),
    ("D56", FLOATS,   "a level of 50.9 was set; a topic", [Yes, Yes, No], |s| { s.levels_of_bob(&json!(50.9)); s.send(Draft::topic(BOB, "?")); }),
    ("D56", STRINGS,  "a level of \"5_0\" is set", [No, Yes, No], |s| { s.levels_of_bob(&json!("5_0")); }),
    ("D56", STRINGS,  "a level of \" +050 \" was set; a topic", [Yes, Yes, Yes], |s| { s.levels_of_bob(&json!(" +050 ")); s.send(Draft::topic(BOB, "?")); }),
    ("D56", STRINGS,  "the level to ban was null; a ban", [Yes, Yes, No], |s| { s.levels(&json!({ "ban": null })); s.send(Draft::ban(BOB, CAROL)); }),
    ("D56", STRINGS,  "the level to ban was null; a topic", [Yes, Yes, Yes], |s| { s.levels(&json!({ "ban": null })); s.send(Draft::topic(BOB, "?")); }),
    ("D56", INTEGERS, "a level of \"50\" is set", [No, Raises, No], |s| { s.levels_of_bob(&json!("50")); }),
];

/// Begins anew, without join rules.
fn no_join_rules(scene: &mut Scene) {
    *scene = Scene::blank(scene.rules());
    scene.created_with(&json!({}));
    scene.levels(&json!({}));
}

/// Begins anew, with this `m.federate`.
fn federate(scene: &mut Scene, federate: &Value) {
    *scene = Scene::blank(scene.rules());
    scene.created_with(&json!({ "m.federate": federate }));
}

/// Bob has level 30 and may set power levels; banning needs `ban`.
fn bob_30(scene: &mut Scene, ban: Option<i64>) {
    let draft = thirty(scene, ALICE, ban);
    scene.send(draft);
}

fn bob_sets(scene: &mut Scene, ban: Option<i64>) {
    let draft = thirty(scene, BOB, ban);
    scene.send(draft);
}

fn thirty(scene: &Scene, sender: &str, ban: Option<i64>) -> Draft {
    let mut content = json!({ "events": { "m.room.power_levels": 30 }, "users": { BOB: 30 } });
    if let Some(ban) = ban {
        content["ban"] = ban.into();
    }
    scene.levels_draft(sender, &content)
}

fn odd_user(scene: &mut Scene) {
    scene.levels(&json!({ "users": { "@x:not a server": 0 } }));
}

impl Scene {
    fn levels_of_bob(&mut self, level: &Value) {
        self.levels(&json!({ "users": { BOB: level } }));
    }
}

#[test]
fn profiles_differ_where_implementations_do() {
    let mut failures = Vec::new();
    for (point, versions, what, expected, make) in DIFFERENCES {
        for version in *versions {
            let rules = Rules::of(version).unwrap();
            let mut scene = Scene::public(rules);
            make(&mut scene);
            let verdicts = Profile::ALL.map(|profile| scene.verdict(profile));
            if verdicts.each_ref().map(Outcome::of) != *expected {
                failures.push(format!("{point}, version {version}: {what}: {verdicts:?}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
