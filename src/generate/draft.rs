//! Drafts of events: what a client asks for, before a server puts it into the graph.

use serde_json::{Value, json};

use crate::event::room_version::Rules;

/// Which event a draft refers to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reference {
    /// An event of the builder, by number.
    Made(usize),
    /// An event that nobody has, by ID.
    Unknown(String),
}

/// An event to be. What is left open is filled in by [`RoomBuilder::send`](super::RoomBuilder::send).
#[derive(Debug, Clone)]
pub struct Draft {
    /// `type`
    pub event_type: String,
    /// `state_key`
    pub state_key: Option<String>,
    /// `sender`
    pub sender: String,
    /// `content`
    pub content: Value,
    /// `prev_events`
    pub prev: Vec<Reference>,
    /// `auth_events`; of no use in a room with a state DAG.
    pub auth: Vec<Reference>,
    /// `prev_state_events`, of use in a room with a state DAG only. `None`: what follows from `prev`
    /// ([`RoomBuilder::state_parents`](super::RoomBuilder::state_parents)).
    pub prev_state: Option<Vec<Reference>>,
    /// `origin_server_ts`
    pub timestamp: i64,
    /// `depth`; `None`: one more than the greatest of the parents.
    pub depth: Option<i64>,
    /// The event to redact: at the top level, and in `content` from version 11 on.
    pub redacts: Option<String>,
}

impl Draft {
    /// A state event.
    pub fn state(event_type: &str, state_key: &str, sender: &str, content: Value) -> Self {
        Self { state_key: Some(state_key.to_owned()), ..Self::timeline(event_type, sender, content) }
    }

    /// An event that is not a state event.
    pub fn timeline(event_type: &str, sender: &str, content: Value) -> Self {
        Self {
            event_type: event_type.to_owned(),
            state_key: None,
            sender: sender.to_owned(),
            content,
            prev: Vec::new(),
            auth: Vec::new(),
            prev_state: None,
            timestamp: 0,
            depth: None,
            redacts: None,
        }
    }

    /// `m.room.create` as the room version wants it.
    pub fn create(rules: &Rules, sender: &str) -> Self {
        let mut content = json!({ "room_version": rules.id });
        if !rules.creator_is_sender {
            content["creator"] = sender.into();
        }
        Self::state("m.room.create", "", sender, content)
    }

    /// `m.room.member`
    pub fn member(sender: &str, target: &str, membership: &str) -> Self {
        Self::state("m.room.member", target, sender, json!({ "membership": membership }))
    }

    /// A user joins.
    pub fn join(user: &str) -> Self {
        Self::member(user, user, "join")
    }

    /// A user joins a restricted room; `authoriser` vouches.
    pub fn restricted_join(user: &str, authoriser: &str) -> Self {
        let mut draft = Self::join(user);
        draft.content["join_authorised_via_users_server"] = authoriser.into();
        draft
    }

    /// A user leaves.
    pub fn leave(user: &str) -> Self {
        Self::member(user, user, "leave")
    }

    /// A user removes another, or lifts a ban.
    pub fn kick(sender: &str, target: &str) -> Self {
        Self::member(sender, target, "leave")
    }

    /// A user bans another.
    pub fn ban(sender: &str, target: &str) -> Self {
        Self::member(sender, target, "ban")
    }

    /// A user invites another.
    pub fn invite(sender: &str, target: &str) -> Self {
        Self::member(sender, target, "invite")
    }

    /// A user asks to be let in.
    pub fn knock(user: &str) -> Self {
        Self::member(user, user, "knock")
    }

    /// `m.room.power_levels`
    pub fn power_levels(sender: &str, content: Value) -> Self {
        Self::state("m.room.power_levels", "", sender, content)
    }

    /// `m.room.join_rules`
    pub fn join_rules(sender: &str, rule: &str) -> Self {
        Self::state("m.room.join_rules", "", sender, json!({ "join_rule": rule }))
    }

    /// `m.room.topic`
    pub fn topic(sender: &str, text: &str) -> Self {
        Self::state("m.room.topic", "", sender, json!({ "topic": text }))
    }

    /// `m.room.name`
    pub fn name(sender: &str, text: &str) -> Self {
        Self::state("m.room.name", "", sender, json!({ "name": text }))
    }

    /// `m.room.message`
    pub fn message(sender: &str, text: &str) -> Self {
        Self::timeline("m.room.message", sender, json!({ "body": text, "msgtype": "m.text" }))
    }

    /// Sets the parents.
    #[must_use]
    pub fn after(mut self, prev: &[usize]) -> Self {
        self.prev = prev.iter().copied().map(Reference::Made).collect();
        self
    }

    /// Sets the timestamp.
    #[must_use]
    pub fn at(mut self, timestamp: i64) -> Self {
        self.timestamp = timestamp;
        self
    }
}
