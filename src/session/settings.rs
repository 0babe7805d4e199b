//! What somebody has set, as opposed to where they are: what undo brings back.

use std::collections::BTreeSet;

use super::axis::Axis;
use crate::replay::Pair;
use crate::room::{EventIx, Room};

/// Which edges the graph shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum EdgeMode {
    /// `prev_events`
    #[default]
    Prev,
    /// `auth_events`
    Auth,
    /// `prev_state_events`; only where the room version has a state DAG
    State,
}

impl EdgeMode {
    /// All kinds of edges.
    pub const ALL: [Self; 3] = [Self::Prev, Self::Auth, Self::State];

    /// The name in links and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Prev => "prev",
            Self::Auth => "auth",
            Self::State => "state",
        }
    }

    /// The edges of that name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|edges| edges.as_str() == name)
    }

    /// Whether a room has such edges.
    pub fn is_of(self, room: &Room) -> bool {
        self != Self::State || room.rules().has_state_dag()
    }

    /// The edges that come after these in a room; after the last ones the first.
    #[must_use]
    pub fn next(self, room: &Room) -> Self {
        match self {
            Self::Prev => Self::Auth,
            Self::Auth if Self::State.is_of(room) => Self::State,
            Self::Auth | Self::State => Self::Prev,
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::{Options, load};
    use crate::resolve::step::Step;
    use crate::session::link::ShareLink;
    use crate::session::tests::fixture;
    use crate::session::{Command, Direction, Extremity, Position, Role, Session, Target};

    fn state_dag() -> Session {
        let scene = include_bytes!("testdata/state-dag.json5");
        Session::new("state-dag", load(scene, &Options::default()).unwrap())
    }

    fn named(session: &Session, name: &str) -> EventIx {
        session.room().find(&session.source().placeholders[name]).unwrap()
    }

    #[test]
    fn the_edges_of_a_state_dag_are_the_third_kind() {
        let mut session = state_dag();
        let mut modes = Vec::new();
        for _ in 0..4 {
            session.apply(Command::ToggleEdges);
            modes.push(session.settings().edges);
        }
        assert_eq!(modes, [EdgeMode::Auth, EdgeMode::State, EdgeMode::Prev, EdgeMode::Auth]);
        session.apply(Command::SetEdges(EdgeMode::State));
        let fragment = session.link_to_place().encode().unwrap();
        assert!(fragment.ends_with("&edges=state"), "{fragment}");
        session.apply(Command::Undo);
        assert_eq!(session.settings().edges, EdgeMode::Auth);
        session.follow(&ShareLink::decode(&fragment).unwrap());
        assert_eq!(session.settings().edges, EdgeMode::State);
        // Elsewhere there are no such edges, whoever asks for them.
        let mut other = fixture("topic-vs-ban");
        other.apply(Command::ToggleEdges);
        assert_eq!(other.apply(Command::SetEdges(EdgeMode::State)).len(), 1);
        assert_eq!(other.settings().edges, EdgeMode::Auth);
        other.follow(&ShareLink::decode("edges=state").unwrap());
        assert_eq!(other.settings().edges, EdgeMode::Prev);
    }

    #[test]
    fn both_kinds_of_extremities_are_told_apart() {
        let session = state_dag();
        let of = |name| session.extremity(named(&session, name));
        let neither = Extremity::default();
        assert_eq!(of("$MERGE"), Extremity { state: true, ..neither });
        assert_eq!(of("$CAROL"), Extremity { state: true, ..neither });
        assert_eq!(
            of("$LAST"),
            Extremity { timeline: true, ..neither },
            "a message is none of the state DAG"
        );
        // What waits or was rejected is none, and covers none.
        for name in ["$LATE", "$LATER", "$BAD", "$WORSE", "$BOB_TOPIC"] {
            assert_eq!(of(name), neither, "{name}");
        }
        let other = fixture("topic-vs-ban");
        assert_eq!(other.timeline_extremities(), other.replay().current().extremities);
        assert!(other.room().events().all(|ix| other.extremity(ix) == neither));
    }

    #[test]
    fn what_waits_is_found_and_says_for_what() {
        let mut session = state_dag();
        session.apply(Command::SetFilter("is:waits".to_owned()));
        let waiting = [named(&session, "$LATE"), named(&session, "$LATER")];
        assert_eq!(session.rows().events(), waiting);
        for ix in waiting {
            let missing: Vec<&str> =
                session.replay().waits_for(ix).iter().map(|gap| session.room().missing_id(*gap)).collect();
            assert_eq!(missing, ["$GONE"]);
        }
        assert!(session.replay().waits_for(named(&session, "$BAD")).is_empty());
    }

    #[test]
    fn the_last_step_shows_what_authorizes_the_event() {
        let mut session = state_dag();
        session.apply(Command::FirstEvent);
        session.apply(Command::Find(Target::Conflicted, Direction::Next));
        let merge = named(&session, "$MERGE");
        assert_eq!(session.cursor().event, Position::Event(merge));
        session.apply(Command::LastStep);
        let steps = session.steps().unwrap();
        assert!(matches!(steps.steps.last(), Some(Step::CalcAuth(_))));
        let playing = |role| {
            let playing = session.roles().iter().filter(|(_, roles)| roles.contains(role));
            playing.map(|(ix, _)| ix).collect::<Vec<_>>()
        };
        assert_eq!(playing(Role::Chosen), [merge]);
        assert_eq!(playing(Role::Authorizing), session.replay().calculated_auth(merge).unwrap());
        let sentence = session.describer().sentence(steps.sentence(steps.steps.len() - 1).unwrap());
        assert!(sentence.contains("resolved from those after BAN, BOB_TOPIC"), "{sentence}");
    }
}
