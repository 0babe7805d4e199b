//! What a hostile or broken server can send: events that are well-formed, but little else.

use serde_json::{Map, Value, json};

use crate::event::content::NamedLevel;
use crate::event::room_version::{LevelGrammar, Rules};
use crate::generate::{Draft, Reference, Rng, RoomBuilder, State};

/// The greatest integer of canonical JSON.
const GREATEST: i64 = (1 << 53) - 1;

/// Makes drafts worse.
pub(super) struct Adversary<'a> {
    pub(super) rng: &'a mut Rng,
    pub(super) builder: &'a RoomBuilder,
    pub(super) users: &'a [String],
}

/// Perhaps an odd create event.
pub(super) fn odd_create(rng: &mut Rng, create: &mut Draft, rules: &Rules) {
    let content = &mut create.content;
    match rng.below(60) {
        0 | 1 => content["m.federate"] = false.into(),
        2 => content["m.federate"] = true.into(),
        3 => content["m.federate"] = "false".into(),
        4 => content["m.federate"] = Value::Null,
        5 if !rules.creator_is_sender => content["creator"] = "@u0:s1".into(),
        6 if !rules.creator_is_sender => content["creator"] = "nobody".into(),
        7 if !rules.creator_is_sender => {
            content.as_object_mut().map(|content| content.remove("creator"));
        }
        8 => content["additional_creators"] = json!(["@u0:s1", "nobody"]),
        9 => content["additional_creators"] = "@u0:s1".into(),
        10 => content["additional_creators"] = json!([1]),
        11 => content["additional_creators"] = json!(["@u0:s1", "@u0:s1"]),
        _ => {}
    }
}

impl Adversary<'_> {
    /// Sets the references of the draft, and perhaps makes it worse in some way. `state` is what the server holds for
    /// true, `stale` the state at some earlier event.
    pub(super) fn corrupt(&mut self, draft: &mut Draft, state: &State, stale: &State) {
        if self.rng.chance(8) {
            self.replace(draft);
        }
        if self.rng.chance(12) {
            self.odd_content(draft);
        }
        if self.rng.chance(15) {
            draft.prev = self.some_events(3);
        }
        let basis = if self.rng.chance(12) { stale } else { state };
        draft.auth = self.builder.auth_events(draft, basis);
        if self.rng.chance(9) {
            self.wrong_auth_events(draft);
        }
        if self.builder.rules().has_state_dag() && self.rng.chance(20) {
            self.wrong_state_parents(draft);
        }
        if self.rng.chance(12) {
            draft.depth = Some(*self.rng.pick(&[0, 1, 5, 20, GREATEST]));
        }
        if self.rng.chance(12) {
            draft.timestamp = *self.rng.pick(&[0, 1, draft.timestamp - 50_000, 1_000_000, GREATEST]);
        }
        if draft.event_type == "m.room.create" && self.rng.chance(70) {
            draft.prev.clear();
            draft.prev_state = Some(Vec::new());
        }
        if draft.timestamp < 0 {
            draft.timestamp = 0;
        }
    }

    fn some_events(&mut self, most: usize) -> Vec<Reference> {
        let mut numbers: Vec<usize> =
            (0..self.rng.within(1, most)).map(|_| self.rng.below(self.builder.len())).collect();
        numbers.dedup();
        numbers.into_iter().map(Reference::Made).collect()
    }

    /// Another event by the same sender in place of the draft.
    fn replace(&mut self, draft: &mut Draft) {
        let user = draft.sender.clone();
        let other = self.rng.pick(self.users).clone();
        let new = match self.rng.below(12) {
            0 => Draft::create(self.builder.rules(), &user),
            1 | 2 => Draft::state("m.room.power_levels", "x", &user, self.levels(&user)),
            3 => Draft::state("m.room.join_rules", "x", &user, json!({ "join_rule": "public" })),
            4 => Draft::state("m.room.member", &other, &user, json!({})),
            5 => Draft::state("m.room.member", "nonsense", &user, json!({ "membership": "ban" })),
            6 => Draft::state("m.room.join_rules", "", &user, json!({})),
            7 => Draft::state("org.example.own", &other, &user, json!({})),
            8 => Draft::state("m.room.aliases", "s0", &user, json!({})),
            9 => Draft::timeline("m.room.member", &user, json!({ "membership": "join" })),
            10 => Draft::timeline("m.room.power_levels", &user, self.levels(&user)),
            _ => Draft::power_levels(&user, self.levels(&user)),
        };
        *draft = Draft {
            prev: draft.prev.clone(),
            prev_state: draft.prev_state.clone(),
            timestamp: draft.timestamp,
            ..new
        };
    }

    fn levels(&mut self, user: &str) -> Value {
        let mut content = json!({ "users": {} });
        if self.rng.chance(70) {
            content["users"][user] = (*self.rng.pick(&[50, 100])).into();
        }
        content
    }

    fn odd_content(&mut self, draft: &mut Draft) {
        match draft.event_type.as_str() {
            "m.room.power_levels" => self.odd_levels(&mut draft.content),
            "m.room.member" => self.odd_member(&mut draft.content),
            "m.room.join_rules" => {
                let rules = [json!(5), Value::Null, json!("frob"), json!("private"), json!("knock")];
                draft.content["join_rule"] = self.rng.pick(&rules).clone();
            }
            "m.room.third_party_invite" => {
                let contents = [json!({}), json!({ "public_key": 5 }), json!({ "public_keys": "x" })];
                draft.content = self.rng.pick(&contents).clone();
            }
            "m.room.create" => odd_create(self.rng, draft, self.builder.rules()),
            _ => {}
        }
    }

    fn odd_member(&mut self, content: &mut Value) {
        match self.rng.below(10) {
            0 => {
                content.as_object_mut().map(|content| content.remove("membership"));
            }
            1 => content["membership"] = 5.into(),
            2 => content["membership"] = "frob".into(),
            3 => content["membership"] = "knock".into(),
            4 => content["third_party_invite"] = json!({}),
            5 => content["third_party_invite"] = Value::Null,
            6 => content["third_party_invite"] = json!({ "signed": { "token": "token-a" } }),
            7 => content["join_authorised_via_users_server"] = "nobody".into(),
            8 => content["join_authorised_via_users_server"] = Value::Null,
            _ => content["join_authorised_via_users_server"] = self.rng.pick(self.users).as_str().into(),
        }
    }

    fn odd_level(&mut self) -> Value {
        let grammar = self.builder.rules().levels;
        let given = !self.builder.rules().event_ids_are_hashes();
        match self.rng.below(20) {
            0..=3 => "50".into(),
            4 => " +050 ".into(),
            5 => "-1".into(),
            6 => "1_00".into(),
            7 => "abc".into(),
            8 => "".into(),
            9 => Value::Null,
            10 => true.into(),
            11 => json!([]),
            12 => GREATEST.into(),
            13 => (-GREATEST).into(),
            14 => "9007199254740992".into(),
            // A float has no canonical form, so an event with one has no hash.
            15..=17 if given && grammar == LevelGrammar::IntegersStringsFloats => {
                (*self.rng.pick(&[50.0, 50.9, -0.5, 1e30])).into()
            }
            _ => 50.into(),
        }
    }

    fn odd_levels(&mut self, content: &mut Value) {
        let level = self.odd_level();
        match self.rng.below(16) {
            0..=4 => content[self.rng.pick(&NamedLevel::ALL).as_str()] = level,
            5 => {
                let name = self.rng.pick(&NamedLevel::ALL).as_str();
                content.as_object_mut().map(|content| content.remove(name));
            }
            6 | 7 => self.set(content, "users", level),
            8 | 9 => self.set(content, "events", level),
            10 => self.set(content, "notifications", level),
            11 => {
                let map = *self.rng.pick(&["users", "events", "notifications"]);
                content[map] = self.rng.pick(&[Value::Null, json!([]), json!(5), json!({})]).clone();
            }
            12..=14 => {
                let odd = ["@x", "nobody", "@a:b c", "", "@:s0", "@A b:s0", "@ä:s0", "@u0:s0:80"];
                let user = *self.rng.pick(&odd);
                if let Some(users) = content["users"].as_object_mut() {
                    users.insert(user.to_owned(), 0.into());
                }
            }
            _ => *content = json!({}),
        }
    }

    fn set(&mut self, content: &mut Value, map: &str, level: Value) {
        let key = match map {
            "users" => self.rng.pick(self.users).as_str(),
            "events" => *self.rng.pick(&["m.room.topic", "m.room.member", "m.room.power_levels"]),
            _ => "room",
        };
        let members = content[map].as_object().cloned();
        let mut members: Map<String, Value> = members.unwrap_or_default();
        members.insert(key.to_owned(), level);
        content[map] = Value::Object(members);
    }

    /// Other places in the state DAG: old ones, which are legal, and such as no event may have.
    fn wrong_state_parents(&mut self, draft: &mut Draft) {
        let parents = draft.prev_state.get_or_insert_default();
        match self.rng.below(12) {
            // Before what was said last.
            0..=3 => *parents = self.some_events(2),
            // An event beside its own ancestor.
            4 | 5 => {
                let more = parents.iter().filter_map(|parent| match parent {
                    Reference::Made(number) => self.builder.pdu(*number).prev_state.first(),
                    Reference::Unknown(_) => None,
                });
                let more: Vec<Reference> = more.copied().map(Reference::Made).collect();
                parents.extend(more);
            }
            6 => parents.extend(self.some_events(1)),
            7 => parents.extend(parents.first().cloned()),
            8 => parents.push(Reference::Unknown(format!("$nobody-has-this-{}", self.rng.below(3)))),
            9 => parents.clear(),
            10 => parents.truncate(1),
            _ => self.rng.shuffle(parents),
        }
    }

    fn wrong_auth_events(&mut self, draft: &mut Draft) {
        let auth = &mut draft.auth;
        let place = self.rng.below(auth.len());
        match self.rng.below(12) {
            0 | 1 if !auth.is_empty() => {
                auth.remove(place);
            }
            // Another event of a key that is there already, or instead of it.
            2..=4 if !auth.is_empty() => {
                let Reference::Made(number) = auth[place] else { return };
                let event = &self.builder.pdu(number).event;
                let same = |other: &usize| {
                    let other = &self.builder.pdu(*other).event;
                    other.event_type() == event.event_type() && other.state_key() == event.state_key()
                };
                let all: Vec<usize> = (0..self.builder.len()).filter(same).collect();
                let other = Reference::Made(*self.rng.pick(&all));
                if self.rng.chance(60) {
                    auth[place] = other;
                } else {
                    auth.insert(place, other);
                }
            }
            5 | 6 => auth.extend(self.some_events(1)),
            7 => {
                let unknown = format!("$nobody-has-this-{}", self.rng.below(3));
                let unknown = if self.builder.rules().event_ids_are_hashes() {
                    unknown
                } else {
                    format!("{unknown}:s0")
                };
                auth.insert(place, Reference::Unknown(unknown));
            }
            8 => auth.push(Reference::Made(0)),
            9 => auth.retain(|reference| *reference != Reference::Made(0)),
            10 => auth.clear(),
            _ => self.rng.shuffle(auth),
        }
    }
}
