//! Asking which events match.

use aho_corasick::AhoCorasick;

use super::{Expression, Flag, Query, Term};
use crate::describe::marks;
use crate::event::server_name;
use crate::executor::{self, Executor};
use crate::replay::Replay;
use crate::room::{EventIx, EventSet, KeyIx, Room};
use crate::session::find::is_merge;

/// What there is to be asked about.
#[derive(Clone, Copy)]
pub(in crate::session) struct Facts<'a> {
    pub(in crate::session) replay: &'a Replay<'a>,
    pub(in crate::session) resets: &'a EventSet,
    pub(in crate::session) executor: &'a dyn Executor,
}

impl<'a> Facts<'a> {
    fn room(&self) -> &'a Room {
        self.replay.room()
    }
}

/// The events that match a query, ascending.
pub(in crate::session) fn matching(query: &Query, facts: Facts<'_>) -> Vec<EventIx> {
    let room = facts.room();
    let Some(root) = &query.root else { return room.events().collect() };
    let test = Test::new(root, facts);
    let ranges = executor::ranges(facts.executor, room.len(), 4096);
    let parts = executor::map(facts.executor, ranges.len(), |number| {
        let events = ranges[number].clone().map(EventIx::new);
        events.filter(|ix| test.matches(facts, *ix)).collect::<Vec<_>>()
    });
    parts.concat()
}

/// A query made ready for one room: what can be looked up is.
enum Test {
    All(Vec<Test>),
    Any(Vec<Test>),
    Not(Box<Test>),
    Is(Flag),
    /// By key, the type of state events; and by type, that of messages, as far as one is known to be right.
    Type(Vec<bool>, Words),
    /// By key of the sender's membership.
    Sender(Vec<bool>),
    /// By key.
    Key(Vec<bool>),
    Id(Words),
    Text(Words),
}

impl Test {
    fn new(expression: &Expression, facts: Facts<'_>) -> Self {
        let room = facts.room();
        let many = |parts: &[Expression]| parts.iter().map(|part| Self::new(part, facts)).collect();
        let keys = |is_it: &dyn Fn(&str, &str) -> bool| {
            let key = |place| room.key(KeyIx::new(place));
            (0..room.key_count()).map(key).map(|(kind, state_key)| is_it(kind, state_key)).collect()
        };
        match expression {
            Expression::All(parts) => Self::All(many(parts)),
            Expression::Any(parts) => Self::Any(many(parts)),
            Expression::Not(inner) => Self::Not(Box::new(Self::new(inner, facts))),
            Expression::Term(Term::Is(flag)) => Self::Is(*flag),
            Expression::Term(Term::Type(value)) => {
                let words = Words::new(value);
                Self::Type(keys(&|event_type, _| words.are_in(event_type)), words)
            }
            Expression::Term(Term::Sender(value)) => {
                let words = Words::new(value);
                Self::Sender(keys(&|kind, user| kind == "m.room.member" && words.are_in(user)))
            }
            Expression::Term(Term::Server(value)) => {
                let words = Words::new(value);
                Self::Sender(keys(&|kind, user| kind == "m.room.member" && words.are_in(server_name(user))))
            }
            Expression::Term(Term::Key(value)) if value.is_empty() => {
                Self::Key(keys(&|_, state_key| state_key.is_empty()))
            }
            Expression::Term(Term::Key(value)) => {
                let words = Words::new(value);
                Self::Key(keys(&|_, state_key| words.are_in(state_key)))
            }
            Expression::Term(Term::Id(value)) => Self::Id(Words::new(value)),
            Expression::Term(Term::Text(value)) => Self::Text(Words::new(value)),
        }
    }

    fn matches(&self, facts: Facts<'_>, ix: EventIx) -> bool {
        let room = facts.room();
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(facts, ix)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(facts, ix)),
            Self::Not(inner) => !inner.matches(facts, ix),
            Self::Is(flag) => is(*flag, facts, ix),
            Self::Type(keys, words) => match room.key_of(ix) {
                Some(key) => keys[key.index()],
                None => words.are_in(room.event(ix).event_type()),
            },
            Self::Sender(keys) => keys[room.sender_key(ix).index()],
            Self::Key(keys) => room.key_of(ix).is_some_and(|key| keys[key.index()]),
            Self::Id(words) => words.are_in(room.id(ix)),
            Self::Text(words) => words.are_in(room.event(ix).json()) || words.are_in(room.id(ix)),
        }
    }
}

fn is(flag: Flag, facts: Facts<'_>, ix: EventIx) -> bool {
    let (room, replay) = (facts.room(), facts.replay);
    match flag {
        Flag::State => room.key_of(ix).is_some(),
        Flag::Message => room.key_of(ix).is_none(),
        Flag::Merge => is_merge(room, ix),
        Flag::Conflicted => replay.resolved(ix),
        Flag::Rejected => replay.rejected().contains(ix),
        Flag::Reset => facts.resets.contains(ix),
        Flag::SoftFailed => marks::is_soft_failed(replay, ix),
        Flag::Outlier => room.is_outlier(ix),
        Flag::Hole => room.has_missing_state_parent(ix),
        Flag::Waits => replay.is_unprocessed(ix),
    }
}

/// A text to be found, in either case.
struct Words(Option<AhoCorasick>);

impl Words {
    fn new(text: &str) -> Self {
        // A pattern so long that no automaton can be built for it is longer than any event.
        Self(AhoCorasick::builder().ascii_case_insensitive(true).build([text]).ok())
    }

    fn are_in(&self, text: &str) -> bool {
        self.0.as_ref().is_some_and(|words| words.is_match(text))
    }
}
