//! A small room, one event of which is to be judged.

use std::collections::{BTreeMap, BTreeSet};

use hindsight::auth::{Profile, Subject, Verdict, check_dependent};
use hindsight::event::Event;
use hindsight::event::room_version::Rules;
use hindsight::generate::{Draft, Reference, RoomBuilder, State};
use hindsight::room::{EventIx, Input, LoadedEvent, Room};
use serde_json::{Value, json};

/// Created the room.
pub(crate) const ALICE: &str = "@alice:one";
/// Joined; level 50.
pub(crate) const BOB: &str = "@bob:two";
/// Joined; level 0.
pub(crate) const CAROL: &str = "@carol:two";
/// Never was in the room.
pub(crate) const DAVE: &str = "@dave:three";
/// Never was in the room, but is on the server of its creator.
pub(crate) const ERIN: &str = "@erin:one";

/// The greatest level that canonical JSON can express.
pub(crate) const GREATEST: i64 = (1 << 53) - 1;

/// A room under construction. What is sent with [`send`](Self::send) counts as accepted by what comes after.
pub(crate) struct Scene {
    builder: RoomBuilder,
    /// The state before the event made last.
    before: State,
    last: usize,
    altered: BTreeMap<usize, Event>,
    foreign: Vec<Event>,
    /// Events that a case makes to be rejected, besides the one it is about.
    pub(crate) refused: BTreeSet<usize>,
}

impl Scene {
    /// Nothing at all.
    pub(crate) fn blank(rules: &'static Rules) -> Self {
        Self {
            builder: RoomBuilder::new(rules, 1),
            before: State::new(),
            last: 0,
            altered: BTreeMap::new(),
            foreign: Vec::new(),
            refused: BTreeSet::new(),
        }
    }

    /// Alice's public room; Bob (level 50) and Carol (level 0) have joined.
    pub(crate) fn public(rules: &'static Rules) -> Self {
        let mut scene = Self::blank(rules);
        scene.created_with(&json!({}));
        scene.levels(&json!({}));
        scene.send(Draft::join_rules(ALICE, "public"));
        scene.send(Draft::join(BOB));
        scene.send(Draft::join(CAROL));
        scene
    }

    /// Alice creates the room, with some more content, and joins.
    pub(crate) fn created_with(&mut self, content: &Value) {
        let create = self.create(content);
        self.send(create);
        self.send(Draft::join(ALICE));
    }

    /// A create event of Alice's with some more content.
    pub(crate) fn create(&self, content: &Value) -> Draft {
        let mut create = Draft::create(self.rules(), ALICE);
        merge(&mut create.content, content);
        create
    }

    pub(crate) fn rules(&self) -> &'static Rules {
        self.builder.rules()
    }

    /// Sends an event that cites what it should.
    pub(crate) fn send(&mut self, draft: Draft) -> usize {
        self.before = self.builder.state().clone();
        self.last = self.builder.send(draft);
        self.last
    }

    /// Sends an event that others will not accept; what comes after goes on without it.
    pub(crate) fn send_refused(&mut self, mut draft: Draft) -> usize {
        draft.auth = self.citable(&draft);
        let number = self.builder.add(draft.at(1000).after(&[self.last]));
        self.refused.insert(number);
        number
    }

    /// Sends an event that names these events in `prev_state_events`.
    pub(crate) fn send_below(&mut self, mut draft: Draft, parents: Vec<Reference>) -> usize {
        draft.prev_state = Some(parents);
        self.send(draft)
    }

    /// Sends an event with a field at the top changed afterwards.
    pub(crate) fn send_altered(&mut self, draft: Draft, field: &str, value: &str) -> usize {
        let number = self.send(draft);
        let event = &self.builder.pdu(number).event;
        let mut pdu: Value = serde_json::from_str(event.json()).unwrap();
        pdu[field] = value.into();
        let altered = Event::parse(&pdu.to_string()).unwrap().with_id(event.id());
        self.altered.insert(number, altered);
        number
    }

    /// The auth events that a draft should cite, to be changed.
    pub(crate) fn citable(&self, draft: &Draft) -> Vec<Reference> {
        self.builder.auth_events(draft, self.builder.state())
    }

    /// Sends an event that cites these events, too.
    pub(crate) fn send_citing(&mut self, mut draft: Draft, more: &[usize]) -> usize {
        draft.auth = self.citable(&draft);
        draft.auth.extend(more.iter().copied().map(Reference::Made));
        self.send(draft)
    }

    /// Sends an event that cites what it should, but another event in place of its power levels.
    pub(crate) fn send_citing_levels(&mut self, mut draft: Draft, levels: Reference) -> usize {
        let right = Reference::Made(self.number("m.room.power_levels", ""));
        draft.auth = self.citable(&draft).into_iter().filter(|other| *other != right).collect();
        draft.auth.push(levels);
        self.send(draft)
    }

    /// The power levels of another room of Alice's.
    pub(crate) fn levels_elsewhere(&mut self) -> Reference {
        let mut other = RoomBuilder::new(self.rules(), 2);
        other.send(Draft::create(self.rules(), ALICE).at(5));
        other.send(Draft::join(ALICE));
        let levels = other.send(Draft::power_levels(ALICE, json!({})));
        let event = other.pdu(levels).event.clone();
        let reference = Reference::Unknown(event.id().to_owned());
        self.foreign.push(event);
        reference
    }

    /// The event that holds a key now.
    pub(crate) fn number(&self, event_type: &str, key: &str) -> usize {
        self.builder.state()[&(event_type.to_owned(), key.to_owned())]
    }

    /// The ID of an event.
    pub(crate) fn id(&self, number: usize) -> String {
        self.builder.pdu(number).event.id().to_owned()
    }

    /// Power levels that list Alice (who cannot be listed from version 12 on) and Bob, and say some more.
    pub(crate) fn levels_draft(&self, sender: &str, content: &Value) -> Draft {
        let mut levels = json!({ "users": { BOB: 50 } });
        if !self.rules().privileged_creators {
            levels["users"][ALICE] = 100.into();
        }
        merge(&mut levels, content);
        Draft::power_levels(sender, levels)
    }

    /// Alice sets power levels.
    pub(crate) fn levels(&mut self, content: &Value) -> usize {
        self.levels_by(ALICE, content)
    }

    /// Somebody sets power levels.
    pub(crate) fn levels_by(&mut self, sender: &str, content: &Value) -> usize {
        let draft = self.levels_draft(sender, content);
        self.send(draft)
    }

    /// The room as it stands.
    pub(crate) fn room(&self) -> Room {
        let made = (0..self.builder.len())
            .map(|number| self.altered.get(&number).unwrap_or(&self.builder.pdu(number).event));
        let load = |event: &Event| LoadedEvent::new(event.clone());
        let input = Input::new(self.rules(), None, made.chain(&self.foreign).map(load).collect());
        Room::build(input, &mut Vec::new()).unwrap()
    }

    /// An event in a room built from the scene.
    pub(crate) fn index(&self, room: &Room, number: usize) -> EventIx {
        room.find(self.builder.pdu(number).event.id()).unwrap()
    }

    /// The verdict on the event made last, were everything before it accepted.
    pub(crate) fn verdict(&self, profile: Profile) -> Verdict {
        let room = self.room();
        let subject = Subject { room: &room, event: self.index(&room, self.last), profile };
        let state = |key| {
            let (event_type, key) = room.key(key);
            let number = self.before.get(&(event_type.to_owned(), key.to_owned()))?;
            Some(self.index(&room, *number))
        };
        check_dependent(subject, state, ())
    }
}

/// Writes `more` over `content`, objects within one another.
fn merge(content: &mut Value, more: &Value) {
    match (content, more) {
        (Value::Object(content), Value::Object(more)) => {
            for (key, value) in more {
                merge(content.entry(key).or_insert(Value::Null), value);
            }
        }
        (content, more) => content.clone_from(more),
    }
}
