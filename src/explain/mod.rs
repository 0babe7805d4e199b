//! Steps and verdicts as sentences: plain data, no formatting.
//!
//! A [`Sentence`] is a row of [`Span`]s. Text is text; events, users, keys, levels and rules stay what they are, so that a
//! terminal can shorten an ID, and a window can make it a link. A resolution becomes a tree of sentences: phases,
//! steps, details.

mod calculated;
mod steps;
mod verdict;

use std::borrow::Cow;

pub use self::calculated::explain_calculated_auth;
pub use self::steps::{explain_auth_check, explain_steps};
pub(crate) use self::verdict::operand_nodes;
pub use self::verdict::{explain_check, explain_rejection};
use crate::auth::Level;
use crate::room::{EventIx, KeyIx, MissingIx};

/// A piece of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span {
    /// Words.
    Text(Cow<'static, str>),
    /// An event, to be named by its ID.
    Event(EventIx),
    /// An event, to be named by its ID and by what it does.
    Described(EventIx),
    /// An event that is not in the dump.
    Missing(MissingIx),
    /// A user ID.
    User(Box<str>),
    /// A state key.
    Key(KeyIx),
    /// A power level.
    Level(Level),
    /// The number of a rule in the text of the room version.
    Rule(&'static str),
    /// A timestamp, in milliseconds since 1970.
    Time(i64),
    /// A value of the protocol: `join`, `public`, …
    Value(Box<str>),
}

impl From<&'static str> for Span {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Span {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<usize> for Span {
    fn from(number: usize) -> Self {
        Self::Text(number.to_string().into())
    }
}

impl From<EventIx> for Span {
    fn from(event: EventIx) -> Self {
        Self::Event(event)
    }
}

impl From<KeyIx> for Span {
    fn from(key: KeyIx) -> Self {
        Self::Key(key)
    }
}

impl From<Level> for Span {
    fn from(level: Level) -> Self {
        Self::Level(level)
    }
}

/// A row of spans. It has no full stop, so that sentences can be parts of others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sentence(pub Vec<Span>);

impl Sentence {
    /// The empty sentence.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a span.
    #[must_use]
    pub fn with(mut self, span: impl Into<Span>) -> Self {
        self.0.push(span.into());
        self
    }

    /// Adds spans.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Adds items with commas between, or `none` if there are none.
    #[must_use]
    pub fn list<T: Into<Span>>(mut self, items: impl IntoIterator<Item = T>, none: &'static str) -> Self {
        let before = self.0.len();
        for item in items {
            if self.0.len() > before {
                self.0.push(", ".into());
            }
            self.0.push(item.into());
        }
        if self.0.len() == before {
            self.0.push(none.into());
        }
        self
    }
}

/// A sentence of the given spans.
macro_rules! sentence {
    ($($span:expr),* $(,)?) => { $crate::explain::Sentence(vec![$($crate::explain::Span::from($span)),*]) };
}
pub(crate) use sentence;

/// What a node of an explanation tells of, for those who colour it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tone {
    /// A phase of the algorithm.
    Phase,
    /// Something neutral.
    Plain,
    /// An event is allowed, or wins.
    Good,
    /// An event is refused, or lost.
    Bad,
    /// A remark that helps to understand.
    Note,
}

/// A sentence with what belongs under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What kind of thing is said.
    pub tone: Tone,
    /// The place of the step in the list of steps, if the node is about just one.
    pub step: Option<usize>,
    /// What is said.
    pub sentence: Sentence,
    /// Details.
    pub children: Vec<Node>,
}

impl Node {
    /// A node without details.
    pub fn new(tone: Tone, sentence: Sentence) -> Self {
        Self { tone, step: None, sentence, children: Vec::new() }
    }

    /// Says which step it is about.
    #[must_use]
    pub fn at(mut self, step: usize) -> Self {
        self.step = Some(step);
        self
    }

    /// Adds details.
    #[must_use]
    pub fn with(mut self, children: impl IntoIterator<Item = Node>) -> Self {
        self.children.extend(children);
        self
    }
}

/// The node of a step, by its place in the list of steps.
pub fn find_step(nodes: &[Node], step: usize) -> Option<&Node> {
    // Nodes come in the order of their steps, phases without a step of their own before those under them.
    nodes
        .iter()
        .find_map(|node| if node.step == Some(step) { Some(node) } else { find_step(&node.children, step) })
}

/// "1 event", "2 events", "2 entries".
pub(crate) fn count(number: usize, noun: &str) -> String {
    format!("{number} {}", inflect(number, noun))
}

/// The noun in the form that the number asks for.
pub(crate) fn inflect(number: usize, noun: &str) -> String {
    match noun.strip_suffix('y') {
        _ if number == 1 => noun.to_owned(),
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ => format!("{noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn nouns_follow_their_number() {
        assert_eq!(["event", "key", "entry"].map(|noun| count(1, noun)), ["1 event", "1 key", "1 entry"]);
        assert_eq!(["event", "key", "entry"].map(|noun| count(0, noun)), ["0 events", "0 keys", "0 entries"]);
    }
}
