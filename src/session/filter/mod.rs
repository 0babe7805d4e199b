//! Filters: a small language of queries over events.
//!
//! ```text
//!   type:m.room.member sender:@bob     both
//!   is:conflicted OR is:rejected       either
//!   -type:m.room.message "good bye"    not of that type, and with these words
//!   (is:state OR is:merge) -server:b.example
//! ```
//!
//! | term | matches |
//! |---|---|
//! | `is:state`, `is:message` | state events; others |
//! | `is:merge`, `is:conflicted` | several parents; states that differ |
//! | `is:rejected`, `is:reset` | rejected events; state resets |
//! | `is:soft-failed`, `is:outlier`, `is:hole` | soft-failed; without a place in the graph; with missing parents |
//! | `is:waits` | in a state DAG: neither accepted nor rejected, for something it rests on is missing |
//! | `type:T` | the event type contains T |
//! | `sender:U`, `server:S` | the sender's ID, or the name of their server, contains it |
//! | `key:K` | a state event whose state key contains K; `key:""`: the empty one |
//! | `id:I` | the event ID contains it |
//! | `WORD`, `"SOME WORDS"` | the ID or the JSON text of the event contains it |
//!
//! Letters of ASCII match in either case. What has to be looked up is looked up once a query: of types, senders and
//! keys every distinct one is compared once, whatever the number of events.

mod parse;
mod run;

use std::fmt;
use std::ops::Range;

pub(super) use self::run::{Facts, matching};

/// A parsed query.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    /// `None`: everything matches.
    root: Option<Expression>,
}

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    /// If it makes no sense: where, and why.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        parse::parse(text).map(|root| Self { root })
    }

    /// Whether every event matches.
    pub fn is_everything(&self) -> bool {
        self.root.is_none()
    }
}

/// Why a query makes no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryError {
    /// Which bytes of the query are to blame.
    pub at: Range<usize>,
    /// What is wrong, without a full stop.
    pub message: String,
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for QueryError {}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Expression {
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Not(Box<Expression>),
    Term(Term),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Term {
    Is(Flag),
    Type(String),
    Sender(String),
    Server(String),
    Key(String),
    Id(String),
    Text(String),
}

/// What an event may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Flag {
    State,
    Message,
    Merge,
    Conflicted,
    Rejected,
    Reset,
    SoftFailed,
    Outlier,
    Hole,
    Waits,
}

impl Flag {
    const ALL: [(&'static str, Self); 10] = [
        ("state", Self::State),
        ("message", Self::Message),
        ("merge", Self::Merge),
        ("conflicted", Self::Conflicted),
        ("rejected", Self::Rejected),
        ("reset", Self::Reset),
        ("soft-failed", Self::SoftFailed),
        ("outlier", Self::Outlier),
        ("hole", Self::Hole),
        ("waits", Self::Waits),
    ];
}
