//! Rooms drawn from the bytes of the fuzzer.
//!
//! A room is drawn event by event: who does what, after which events, authorized by which. Zeros stand for what is
//! usual, so that most events are allowed and rooms get somewhere; every choice can also be odd, and some hostile.
//! The event IDs are made up, which lets events refer to later ones and to themselves.

mod content;
mod graph;
mod source;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hindsight::dump::{Dump, LoadError, Options, load};
use hindsight::event::room_version::Rules;
use hindsight::replay::Replay;
use hindsight::room::{EventIx, EventSet};
use hindsight::state::StateMap;
use serde_json::{Map, Value};

use self::content::{Membership, TOKENS, TYPES, USERS};
use self::graph::{Key, Made, Target};
pub(crate) use self::source::Source;

/// More events make a room slower, not richer.
const MAX_EVENTS: usize = 40;

/// What may be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Everything.
    Anything,
    /// What ruma's types can hold, and does not send it around in circles.
    Ruma,
}

/// A drawn room: the dump of it, and what is left to draw from.
pub(crate) struct Drawing<'a> {
    pub(crate) lines: Vec<String>,
    pub(crate) options: Options,
    /// For what is done with the room.
    pub(crate) rest: Source<'a>,
}

impl<'a> Drawing<'a> {
    pub(crate) fn new(data: &'a [u8], scope: Scope) -> Self {
        // The end belongs to what is done with the room, so that another event does not change that too.
        let (events, rest) = data.split_at(data.len() - data.len().min(48) / 2);
        let mut source = Source::new(events);
        let versions = if scope == Scope::Ruma { &Rules::ALL[..12] } else { Rules::ALL };
        // Most rooms fork more interestingly from version 2 on.
        let rules = &versions[(source.below(versions.len()) + 10) % versions.len()];
        let style = source.byte();
        let mut pen = Pen {
            source,
            scope,
            rules,
            style,
            lines: Vec::new(),
            made: Vec::new(),
            tips: Vec::new(),
            asserted: BTreeMap::new(),
        };
        pen.room();
        let options = Options {
            room_version: (style & 1 == 1).then(|| rules.id.to_owned()),
            asserted_state: (!pen.asserted.is_empty()).then(|| pen.asserted_states()),
            ..Options::default()
        };
        Self { lines: pen.lines, options, rest: Source::new(rest) }
    }

    /// The room, its lines in this order.
    pub(crate) fn load(&self, lines: &[&str]) -> Result<Dump, LoadError> {
        load(lines.join("\n").as_bytes(), &self.options)
    }

    /// State sets, some of them tampered with, and which events count as rejected.
    pub(crate) fn sets(&mut self, replay: &Replay<'_>) -> (Vec<StateMap>, EventSet) {
        let room = replay.room();
        let source = &mut self.rest;
        let any = |source: &mut Source<'_>| EventIx::new(room.len() - 1 - source.below(room.len()));
        let sets = (0..2 + source.below(3))
            .map(|_| {
                let mut set = replay.after(any(source)).cloned().unwrap_or_default();
                for _ in 0..source.below(4) {
                    let event = any(source);
                    match room.key_of(event).filter(|_| !room.is_foreign(event)) {
                        Some(key) if source.once_in(4) => set.remove(key),
                        Some(key) => set.insert(key, event),
                        None => None,
                    };
                }
                set
            })
            .collect();
        let rejected = match source.below(3) {
            0 => replay.rejected().clone(),
            1 => EventSet::default(),
            _ => {
                let mask = source.number();
                room.events().filter(|ix| mask >> (ix.index() % 64) & 1 == 1).collect()
            }
        };
        (sets, rejected)
    }
}

/// What draws.
struct Pen<'a> {
    source: Source<'a>,
    scope: Scope,
    rules: &'static Rules,
    style: u8,
    lines: Vec<String>,
    made: Vec<Made>,
    tips: Vec<usize>,
    asserted: BTreeMap<String, Vec<String>>,
}

/// An event without its references.
struct Draft {
    event_type: &'static str,
    state_key: Option<String>,
    sender: String,
    content: String,
    /// The keys that authorize it, beside those that authorize everything.
    needs: Vec<Key>,
}

impl Draft {
    fn state(event_type: &'static str, state_key: &str, sender: &str, content: String) -> Self {
        let state_key = Some(state_key.to_owned());
        Self { event_type, state_key, sender: sender.to_owned(), content, needs: Vec::new() }
    }

    fn timeline(event_type: &'static str, sender: &str, content: String) -> Self {
        Self { state_key: None, ..Self::state(event_type, "", sender, content) }
    }
}

/// Content without what no server that is built on ruma can hold: keys given twice, numbers beyond a double, `-0` as
/// an integer.
fn as_ruma_holds_it(content: &str) -> String {
    serde_json::from_str::<Value>(content).unwrap_or_else(|_| Value::Object(Map::new())).to_string()
}

fn key(event_type: &str, state_key: &str) -> Key {
    (event_type.to_owned(), state_key.to_owned())
}

impl Pen<'_> {
    fn room(&mut self) {
        // ruma takes whatever event the room ID names for the create event.
        let must_be_founded = self.scope == Scope::Ruma && self.rules.room_id_is_create_id;
        if must_be_founded || self.style >> 1 & 7 != 7 {
            self.found();
        }
        while !self.source.is_empty() && self.made.len() < MAX_EVENTS {
            let draft = self.draft();
            self.event(&draft);
            if self.source.once_in(32) {
                self.assert();
            }
        }
    }

    /// A room begins.
    fn found(&mut self) {
        let alice = USERS[0];
        let create = content::create(&mut self.source, self.rules, alice);
        self.event(&Draft::state("m.room.create", "", alice, create));
        self.event(&self.member(alice, 0, &Membership::of("join"), "{\"membership\":\"join\"}".to_owned()));
        if self.style >> 4 & 3 != 3 {
            let levels = content::power_levels(&mut self.source);
            self.event(&Draft::state("m.room.power_levels", "", alice, levels));
        }
        if self.style >> 6 & 3 != 3 {
            let rules = content::join_rules(&mut self.source);
            self.event(&Draft::state("m.room.join_rules", "", alice, rules));
        }
    }

    /// What happens next.
    fn draft(&mut self) -> Draft {
        let who = self.source.below(USERS.len());
        let sender = USERS[who];
        match self.source.below(20) {
            0 | 1 => self.membership(who, who, &Membership::of("join")),
            2 => Draft::timeline("m.room.message", sender, "{}".to_owned()),
            3 | 4 => Draft::state("m.room.topic", "", sender, "{}".to_owned()),
            5 | 6 => Draft::state("m.room.power_levels", "", sender, content::power_levels(&mut self.source)),
            7 => Draft::state("m.room.join_rules", "", sender, content::join_rules(&mut self.source)),
            8 => self.membership(who, who, &Membership::of("leave")),
            9 | 10 => self.on_another(who, "ban"),
            11 => self.on_another(who, "leave"),
            12 => self.on_another(who, "invite"),
            13 => {
                let authoriser = Some(self.source.below(USERS.len()));
                self.membership(who, who, &Membership { authoriser, ..Membership::of("join") })
            }
            14 => {
                let token = TOKENS[self.source.below(TOKENS.len())];
                let content = content::third_party_invite(&mut self.source);
                Draft::state("m.room.third_party_invite", token, sender, content)
            }
            15 => {
                let token = Some(self.source.below(TOKENS.len()));
                let target = self.source.below(USERS.len());
                self.membership(who, target, &Membership { token, ..Membership::of("invite") })
            }
            16 => {
                let target = self.source.below(USERS.len());
                let membership = Membership::any(&mut self.source);
                self.membership(who, target, &membership)
            }
            17 => {
                let redacted = self.source.below(self.made.len() + 1);
                let redacts = self.id(redacted);
                Draft::timeline(
                    "m.room.redaction",
                    sender,
                    format!("{{\"redacts\":{}}}", Value::from(redacts)),
                )
            }
            18 => self.membership(who, who, &Membership::of("knock")),
            _ => self.anything(sender),
        }
    }

    fn on_another(&mut self, who: usize, membership: &str) -> Draft {
        let target = self.source.below(USERS.len());
        self.membership(who, target, &Membership::of(membership))
    }

    fn membership(&mut self, who: usize, target: usize, membership: &Membership) -> Draft {
        let content = membership.content(&mut self.source, Some(target));
        self.member(USERS[who], target, membership, content)
    }

    fn member(&self, sender: &str, target: usize, membership: &Membership, content: String) -> Draft {
        let mut draft = Draft::state("m.room.member", USERS[target], sender, content);
        draft.needs.push(key("m.room.member", USERS[target]));
        draft.needs.push(key("m.room.join_rules", ""));
        draft.needs.extend(membership.authoriser.map(|user| key("m.room.member", USERS[user])));
        draft.needs.extend(membership.token.map(|token| key("m.room.third_party_invite", TOKENS[token])));
        draft
    }

    /// Any type with any key and any content.
    fn anything(&mut self, sender: &str) -> Draft {
        let event_type = self.source.pick(TYPES);
        let content = match self.source.below(7) {
            0 => "{}".to_owned(),
            1 => content::power_levels(&mut self.source),
            2 => content::join_rules(&mut self.source),
            3 => Membership::any(&mut self.source).content(&mut self.source, None),
            4 => content::create(&mut self.source, self.rules, sender),
            5 => content::third_party_invite(&mut self.source),
            _ => "{\"membership\":\"ban\",\"join_rule\":\"public\",\"users\":{}}".to_owned(),
        };
        match self.source.below(8) {
            0 => Draft::timeline(event_type, sender, content),
            1 => Draft::state(event_type, "", sender, content),
            2 => Draft::state(event_type, sender, sender, content),
            3 => Draft::state(event_type, USERS[self.source.below(USERS.len())], sender, content),
            4 => Draft::state(event_type, "one", sender, content),
            5 => Draft::state(event_type, "@", sender, content),
            6 => Draft::state(event_type, "\u{1f}\u{1f600}\"", sender, content),
            _ => Draft::state(event_type, TOKENS[0], sender, content),
        }
    }

    /// Puts an event into the graph and onto a line.
    fn event(&mut self, draft: &Draft) {
        let number = self.made.len();
        let parents = if number == 0 { Vec::new() } else { self.parents() };
        let mut after = self.state_after(&parents);
        let mut needed = draft.needs.clone();
        if !self.rules.room_id_is_create_id {
            needed.push(key("m.room.create", ""));
        }
        needed.push(key("m.room.power_levels", ""));
        needed.push(key("m.room.member", &draft.sender));
        needed.sort_unstable();
        needed.dedup();
        let auth = if number == 0 { Vec::new() } else { self.auth_events(&needed, &after) };
        let key = draft.state_key.clone().map(|state_key| (draft.event_type.to_owned(), state_key));
        if let Some(key) = &key {
            after.insert(key.clone(), number);
        }
        let json = self.json(draft, &parents, &auth);
        self.write(&json);
        self.tips.retain(|tip| !parents.iter().any(|parent| matches!(parent, Target::Event(n) if n == tip)));
        self.tips.push(number);
        self.made.push(Made { key, after });
    }

    fn json(&mut self, draft: &Draft, parents: &[Target], auth: &[Target]) -> String {
        let number = self.made.len();
        let (timestamp, depth) = self.claims(number);
        let content = match self.scope {
            Scope::Anything => draft.content.clone(),
            Scope::Ruma => as_ruma_holds_it(&draft.content),
        };
        let mut json = format!(
            "{{\"event_id\":{},\"type\":{},\"sender\":{},\"content\":{},\"origin_server_ts\":{timestamp},\"depth\":{depth},\
             \"prev_events\":[{}],\"auth_events\":[{}]",
            Value::from(self.id(number)),
            Value::from(draft.event_type),
            Value::from(draft.sender.as_str()),
            content,
            self.references(parents),
            self.references(auth),
        );
        if let Some(state_key) = &draft.state_key {
            let _ = write!(json, ",\"state_key\":{}", Value::from(state_key.as_str()));
        }
        if draft.event_type == "m.room.redaction" && number > 0 {
            let _ = write!(json, ",\"redacts\":{}", Value::from(self.id(number / 2)));
        }
        let creates = draft.event_type == "m.room.create" && draft.state_key.as_deref() == Some("");
        let room_id = match self.source.below(64) {
            62 => Some("!elsewhere:one".to_owned()),
            63 => None,
            _ if self.rules.room_id_is_create_id && creates => None,
            _ if self.rules.room_id_is_create_id => Some(format!("!{}", &self.id(0)[1..])),
            _ => Some("!r:one".to_owned()),
        };
        if let Some(room_id) = room_id {
            let _ = write!(json, ",\"room_id\":{}", Value::from(room_id));
        }
        json.push('}');
        json
    }

    /// `origin_server_ts` and `depth`.
    fn claims(&mut self, number: usize) -> (String, String) {
        const ODD: &[&str] = &[
            "0",
            "9007199254740991",
            "-1",
            "9223372036854775807",
            "-9223372036854775808",
            "99999999999999999999",
            "1e3",
            "1.5",
            "-0",
        ];
        let odd = if self.scope == Scope::Ruma { &ODD[..2] } else { ODD };
        let (mut timestamp, mut depth) = ((10 * number + 10).to_string(), (number + 1).to_string());
        match self.source.below(16) {
            9..=12 => timestamp = self.source.byte().to_string(),
            13 => timestamp = (10 * number).to_string(),
            14 => self.source.pick(odd).clone_into(&mut timestamp),
            15 => self.source.pick(ODD).clone_into(&mut depth),
            _ => {}
        }
        (timestamp, depth)
    }

    /// The line (or lines) of an event, now and then with what a server records beside it.
    fn write(&mut self, json: &str) {
        let id = Value::from(self.id(self.made.len()));
        let record = |more: &str| format!("{{\"event_id\":{id},\"event\":{json}{more}}}");
        match self.source.below(24) {
            17 => self.lines.push(record("")),
            18 => self.lines.push(record(",\"outlier\":true")),
            19 => self.lines.push(record(",\"rejected\":\"so it was\"")),
            20 => self.lines.push(record(",\"soft_failed\":true")),
            21 => self.lines.extend([json.to_owned(), record(",\"outlier\":true,\"rejected\":\"x\"")]),
            22 => self.lines.extend([json.to_owned(), json.to_owned()]),
            23 => self.lines.extend([json.to_owned(), json.replacen("\"depth\":", "\"depth\":1", 1)]),
            _ => self.lines.push(json.to_owned()),
        }
    }

    fn references(&self, targets: &[Target]) -> String {
        let pairs = !self.rules.event_ids_are_hashes();
        let reference = |target: &Target| {
            let id = match target {
                Target::Event(number) => self.id(*number),
                Target::Missing(number) => format!("$nobody{number}{}", self.id_tail()),
            };
            let id = Value::from(id);
            if pairs { format!("[{id},{{\"sha256\":\"x\"}}]") } else { id.to_string() }
        };
        targets.iter().map(reference).collect::<Vec<_>>().join(",")
    }

    /// The ID of an event by its number, in an order that has nothing to do with the numbers.
    fn id(&self, number: usize) -> String {
        let scrambled = (number as u8).wrapping_mul(self.style.wrapping_mul(2).wrapping_add(37));
        format!("${scrambled:02x}e{number}{}", self.id_tail())
    }

    fn id_tail(&self) -> &'static str {
        if self.rules.event_ids_are_hashes() { "" } else { ":one" }
    }

    /// Somebody says what the state after an event is: one that is there, or one that is missing.
    fn assert(&mut self) {
        let count = self.made.len();
        let event = match self.source.below(4) {
            0 => format!("$nobody{}{}", self.source.below(3), self.id_tail()),
            _ => {
                let number = self.source.below(count + 1);
                self.id(number)
            }
        };
        let mut state: Vec<usize> = match self.made.get(self.source.below(count)) {
            Some(made) => made.after.values().copied().collect(),
            None => Vec::new(),
        };
        if self.source.once_in(2) {
            state.push(self.source.below(count + 1));
        }
        let state = state.into_iter().map(|number| self.id(number)).collect();
        self.asserted.insert(event, state);
    }

    /// The file of the states that are asserted.
    fn asserted_states(&self) -> Vec<u8> {
        Value::from_iter(self.asserted.iter().map(|(event, state)| (event.clone(), state.clone())))
            .to_string()
            .into_bytes()
    }
}
