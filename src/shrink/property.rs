//! What a smaller room must still show.

use std::collections::BTreeSet;

use super::relevant;
use crate::auth::{Refusal, Rule};
use crate::explain::{Node, Span, Tone, explain_check, explain_rejection, sentence};
use crate::replay::compare::Walk;
use crate::replay::{CheckKind, Pair, Replay};
use crate::room::{EventIx, Room};
use crate::state::StateMap;

/// What a smaller room must still show.
pub trait Property {
    /// By which algorithm and in whose manner rooms are replayed.
    fn pair(&self) -> Pair;

    /// The IDs of the events that it is about: they stay.
    fn targets(&self) -> Vec<Box<str>>;

    /// Whether the replayed room shows it. `targets` are the events that it is about, in the order of
    /// [`Property::targets`].
    fn holds(&self, replay: &Replay<'_>, targets: &[EventIx]) -> bool;

    /// The events that probably matter, beside those that authorize them: tried first.
    fn relevant(&self, replay: &Replay<'_>, targets: &[EventIx]) -> Vec<EventIx> {
        relevant::events(replay, targets)
    }

    /// What it is, as a sentence without a full stop. `name` gives the name of an event.
    fn describe(&self, name: &dyn Fn(EventIx) -> String, targets: &[EventIx]) -> String;

    /// How it comes about, in a room that shows it; `None` if there is nothing to add.
    fn explain(&self, _replay: &Replay<'_>, _targets: &[EventIx]) -> Option<Node> {
        None
    }
}

/// An event is rejected by the same check for the same reason.
#[derive(Debug, Clone)]
pub struct Rejection {
    event_id: Box<str>,
    pair: Pair,
    number: &'static str,
    check: CheckKind,
    refusal: Option<(u8, Rule)>,
}

impl Rejection {
    /// That of an event; `None` if it is not rejected.
    pub fn of(replay: &Replay<'_>, ix: EventIx) -> Option<Self> {
        let rejection = replay.rejection(ix)?;
        let refusal = rejection.refusal.as_ref();
        let numbering = replay.room().rules().numbering;
        Some(Self {
            event_id: replay.room().id(ix).into(),
            pair: Pair::of(&replay.recording()),
            number: refusal.map_or("-", |refusal| refusal.rule().number(numbering)),
            check: rejection.check,
            refusal: refusal.map(kind),
        })
    }
}

/// The manner of a refusal and its rule, without what it says about values.
fn kind(refusal: &Refusal) -> (u8, Rule) {
    let manner = match refusal {
        Refusal::Rule(_) => 0,
        Refusal::Unreadable(..) => 1,
        Refusal::Raised(..) => 2,
    };
    (manner, refusal.rule())
}

impl Property for Rejection {
    fn pair(&self) -> Pair {
        self.pair
    }

    fn targets(&self) -> Vec<Box<str>> {
        vec![self.event_id.clone()]
    }

    fn holds(&self, replay: &Replay<'_>, targets: &[EventIx]) -> bool {
        targets.first().and_then(|ix| replay.rejection(*ix)).is_some_and(|rejection| {
            (rejection.check, rejection.refusal.as_ref().map(kind)) == (self.check, self.refusal)
        })
    }

    fn relevant(&self, replay: &Replay<'_>, targets: &[EventIx]) -> Vec<EventIx> {
        let read = targets.iter().flat_map(|ix| replay.judge(*ix)).flat_map(|check| check.reads);
        let mut events: Vec<EventIx> = read.filter_map(|(_, event)| event).collect();
        events.extend(relevant::events(replay, targets));
        events
    }

    fn describe(&self, name: &dyn Fn(EventIx) -> String, targets: &[EventIx]) -> String {
        let event = targets.first().map_or_else(String::new, |ix| name(*ix));
        let check = match self.check {
            CheckKind::Format => "for its form",
            CheckKind::AuthEvents => "by its own auth events",
            CheckKind::StateParents => "by its place in the state DAG",
            CheckKind::StateBefore => "by the state before it",
            CheckKind::Recorded => "by the server that recorded it",
        };
        let rule = self
            .refusal
            .map_or_else(String::new, |(_, rule)| format!(" (rule {}: {})", self.number, rule.text()));
        format!("{event} is rejected {check}{rule}")
    }

    fn explain(&self, replay: &Replay<'_>, targets: &[EventIx]) -> Option<Node> {
        let ix = *targets.first()?;
        let room = replay.room();
        let sentence =
            sentence![Span::Described(ix), ": "].and(explain_rejection(room, replay.rejection(ix)?));
        let failed = replay.judge(ix).into_iter().filter(|check| matches!(check.verdict, Some(Err(_))));
        let checks = failed.map(|check| explain_check(room, &check));
        Some(Node::new(Tone::Bad, sentence).with(checks))
    }
}

/// On what two replays differ.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Aspect {
    /// One rejects the event.
    Verdict,
    /// The state before the event has different values for a key.
    StateBefore(Box<str>, Box<str>),
    /// So has the state of the room now.
    Current(Box<str>, Box<str>),
}

/// Two algorithms or profiles disagree on an event, or on the current state.
#[derive(Debug, Clone)]
pub struct Difference {
    one: Pair,
    other: Pair,
    event_id: Option<Box<str>>,
    aspect: Aspect,
}

impl Difference {
    /// The first difference of a room, or that at an event; `None` if there is none.
    pub fn find(room: &Room, one: Pair, other: Pair, at: Option<EventIx>) -> Option<Self> {
        let replays = (&one.replay(room).of(room), &other.replay(room).of(room));
        let found = match at {
            Some(ix) => Some((Some(ix), aspect_at(replays, ix)?)),
            None => first(replays),
        };
        let (ix, aspect) = found?;
        Some(Self { one, other, event_id: ix.map(|ix| room.id(ix).into()), aspect })
    }
}

fn first(replays: (&Replay<'_>, &Replay<'_>)) -> Option<(Option<EventIx>, Aspect)> {
    let mut differing = Vec::new();
    Walk::new(replays.0.room()).advance(replays, usize::MAX, |ix, _, _| differing.push(ix));
    let at = |ix: EventIx| Some((Some(ix), aspect_at(replays, ix)?));
    differing.into_iter().find_map(at).or_else(|| {
        let states = (replays.0.current().state.as_ref(), replays.1.current().state.as_ref());
        let (event_type, state_key) = differing_key(replays.0.room(), states)?;
        Some((None, Aspect::Current(event_type, state_key)))
    })
}

fn aspect_at((one, other): (&Replay<'_>, &Replay<'_>), ix: EventIx) -> Option<Aspect> {
    if one.rejection(ix).is_some() != other.rejection(ix).is_some() {
        return Some(Aspect::Verdict);
    }
    let (event_type, state_key) = differing_key(one.room(), (one.before(ix), other.before(ix)))?;
    Some(Aspect::StateBefore(event_type, state_key))
}

fn differing_key(
    room: &Room,
    (one, other): (Option<&StateMap>, Option<&StateMap>),
) -> Option<(Box<str>, Box<str>)> {
    let (key, ..) = one?.diff(other?).next()?;
    let (event_type, state_key) = room.key(key);
    Some((event_type.into(), state_key.into()))
}

/// Whether two states have different values for a key.
fn differ(states: (Option<&StateMap>, Option<&StateMap>), room: &Room, key: (&str, &str)) -> bool {
    let (Some(one), Some(other)) = states else { return false };
    room.find_key(key.0, key.1).is_some_and(|key| one.get(key) != other.get(key))
}

impl Property for Difference {
    fn pair(&self) -> Pair {
        self.one
    }

    fn targets(&self) -> Vec<Box<str>> {
        self.event_id.iter().cloned().collect()
    }

    fn holds(&self, replay: &Replay<'_>, targets: &[EventIx]) -> bool {
        let room = replay.room();
        let other = self.other.replay(room).of(room);
        match (&self.aspect, targets.first()) {
            (Aspect::Current(event_type, state_key), _) => {
                let states = (replay.current().state.as_ref(), other.current().state.as_ref());
                differ(states, room, (event_type, state_key))
            }
            (Aspect::Verdict, Some(ix)) => replay.rejection(*ix).is_some() != other.rejection(*ix).is_some(),
            (Aspect::StateBefore(event_type, state_key), Some(ix)) => {
                differ((replay.before(*ix), other.before(*ix)), room, (event_type, state_key))
            }
            (_, None) => false,
        }
    }

    fn relevant(&self, replay: &Replay<'_>, targets: &[EventIx]) -> Vec<EventIx> {
        let other = self.other.replay(replay.room()).of(replay.room());
        let both = relevant::events(replay, targets).into_iter().chain(relevant::events(&other, targets));
        both.collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn describe(&self, name: &dyn Fn(EventIx) -> String, targets: &[EventIx]) -> String {
        let event = targets.first().map_or_else(String::new, |ix| name(*ix));
        let [one, other] = Pair::apart([self.one, self.other]);
        let key =
            |event_type: &str, state_key: &str| format!("{event_type} {state_key}").trim_end().to_owned();
        match &self.aspect {
            Aspect::Verdict => format!("{one} and {other} disagree on whether {event} is allowed"),
            Aspect::StateBefore(event_type, state_key) => {
                format!("{one} and {other} disagree on {} before {event}", key(event_type, state_key))
            }
            Aspect::Current(event_type, state_key) => {
                format!("{one} and {other} disagree on {} now", key(event_type, state_key))
            }
        }
    }

    fn explain(&self, replay: &Replay<'_>, targets: &[EventIx]) -> Option<Node> {
        let room = replay.room();
        let other = self.other.replay(room).of(room);
        let names = Pair::apart([self.one, self.other]);
        let key = match &self.aspect {
            Aspect::Verdict => return None,
            Aspect::StateBefore(event_type, state_key) | Aspect::Current(event_type, state_key) => {
                room.find_key(event_type, state_key)?
            }
        };
        let says = |name: &String, replay: &Replay<'_>| {
            let state = match targets.first() {
                Some(ix) => replay.before(*ix)?,
                None => replay.current().state.as_ref()?,
            };
            let sentence = sentence!["by ", Span::Value(name.as_str().into()), " it is "];
            let sentence = match state.get(key) {
                Some(event) => sentence.with(Span::Described(event)),
                None => sentence.with("gone"),
            };
            Some(Node::new(Tone::Plain, sentence))
        };
        let sides = [says(&names[0], replay)?, says(&names[1], &other)?];
        Some(Node::new(Tone::Bad, sentence!["the value of ", key, " differs"]).with(sides))
    }
}
