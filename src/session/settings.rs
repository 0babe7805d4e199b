//! What somebody has set, as opposed to where they are: what undo brings back.

use std::collections::BTreeSet;

use super::axis::Axis;
use crate::replay::Pair;
use crate::room::EventIx;

/// Which edges the graph shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum EdgeMode {
    /// `prev_events`
    #[default]
    Prev,
    /// `auth_events`
    Auth,
}

impl EdgeMode {
    /// The name in links and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Prev => "prev",
            Self::Auth => "auth",
        }
    }

    /// The edges of that name.
    pub fn of(name: &str) -> Option<Self> {
        [Self::Prev, Self::Auth].into_iter().find(|edges| edges.as_str() == name)
    }
}

/// The settings of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The text of the filter; empty: everything is shown.
    pub filter: String,
    /// The text to search for among what is shown.
    pub search: String,
    /// What orders the rows.
    pub axis: Axis,
    /// What comes after the cursor is dimmed.
    pub dim_future: bool,
    /// Linear runs are collapsed to one row.
    pub collapse: bool,
    /// The runs that are expanded all the same, each by its first event.
    pub expanded: BTreeSet<EventIx>,
    /// Which edges the graph shows.
    pub edges: EdgeMode,
    /// The algorithm and profile in use.
    pub pair: Pair,
    /// Those to compare with.
    pub compare: Option<Pair>,
}

impl Settings {
    /// The settings to begin with.
    pub fn new(pair: Pair) -> Self {
        Self {
            filter: String::new(),
            search: String::new(),
            axis: Axis::default(),
            dim_future: true,
            collapse: false,
            expanded: BTreeSet::new(),
            edges: EdgeMode::default(),
            pair,
            compare: None,
        }
    }
}
