//! A difference between ruma's answer and ours, as data and as a sentence.

use std::fmt::Write as _;

use crate::resolve::Algorithm;
use crate::room::{EventIx, KeyIx, Room};
use crate::state::StateMap;

/// How many keys of a state a sentence names.
const NAMED_KEYS: usize = 5;

/// Where in the room a question came up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// At an event: its verdict, or the state before it.
    Event(EventIx),
    /// At the forward extremities: the state of the room now.
    Current,
    /// At state sets that somebody gave.
    Sets,
}

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Do the rules allow the event against its `auth_events`?
    AuthEvents,
    /// Do they allow it against the state before it?
    StateBefore,
    /// What do the states after its parents resolve to?
    Resolution(Algorithm),
}

/// What one side answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The event is allowed.
    Allowed,
    /// The event is refused, for this reason.
    Refused(String),
    /// The sets resolve to this state.
    State(StateMap),
    /// The resolution fails, with this message.
    Failed(String),
}

impl Answer {
    /// Whether both mean the same; reasons and messages may differ.
    pub fn agrees_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Allowed, Self::Allowed)
            | (Self::Refused(_), Self::Refused(_))
            | (Self::Failed(_), Self::Failed(_)) => true,
            (Self::State(one), Self::State(other)) => one == other,
            _ => false,
        }
    }
}

/// One question to which ruma gives another answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where it came up.
    pub place: Place,
    /// What was asked.
    pub question: Question,
    /// What Hindsight says.
    pub ours: Answer,
    /// What ruma says.
    pub theirs: Answer,
}

impl Difference {
    /// The keys on which two resolved states differ, ascending: the key, our event, ruma's event. Empty if not both
    /// answers are states.
    pub fn keys(&self) -> Vec<(KeyIx, Option<EventIx>, Option<EventIx>)> {
        match (&self.ours, &self.theirs) {
            (Answer::State(ours), Answer::State(theirs)) => ours.diff(theirs).collect(),
            _ => Vec::new(),
        }
    }

    /// The difference as a sentence without a full stop, with whole event IDs.
    pub fn describe(&self, room: &Room) -> String {
        let mut text = match (self.question, self.place) {
            (Question::AuthEvents, place) => format!("{}, by its auth_events: ", name(room, place)),
            (Question::StateBefore, place) => format!("{}, by the state before it: ", name(room, place)),
            (Question::Resolution(algorithm), Place::Event(ix)) => {
                format!("the state before {} by {algorithm}: ", room.id(ix))
            }
            (Question::Resolution(algorithm), place) => format!("{} by {algorithm}: ", name(room, place)),
        };
        let keys = self.keys();
        if keys.is_empty() {
            let _ = write!(text, "Hindsight {}, ruma {}", answer(&self.ours), answer(&self.theirs));
            return text;
        }
        let id = |event: Option<EventIx>| event.map_or("nothing", |event| room.id(event));
        for (place, (key, ours, theirs)) in keys.iter().take(NAMED_KEYS).enumerate() {
            let (event_type, state_key) = room.key(*key);
            let comma = if place == 0 { "" } else { ", " };
            let (ours, theirs) = (id(*ours), id(*theirs));
            let _ = write!(text, "{comma}({event_type}, {state_key:?}) is {ours}, with ruma {theirs}");
        }
        if keys.len() > NAMED_KEYS {
            let _ = write!(text, ", and {} more", keys.len() - NAMED_KEYS);
        }
        text
    }
}

fn name(room: &Room, place: Place) -> &str {
    match place {
        Place::Event(ix) => room.id(ix),
        Place::Current => "the current state",
        Place::Sets => "the given state sets",
    }
}

fn answer(answer: &Answer) -> String {
    match answer {
        Answer::Allowed => "allows it".into(),
        Answer::Refused(reason) => format!("refuses it ({reason})"),
        Answer::State(state) => format!("resolves to {} entries", state.len()),
        Answer::Failed(message) => format!("fails ({message})"),
    }
}
