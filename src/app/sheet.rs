//! Rows and lanes for the events that are shown, kept until something changes them.

use std::collections::{BTreeMap, BTreeSet};

use egui::Color32;

use super::theme::Tokens;
use crate::describe::marks;
use crate::event::server_name;
use crate::layout::{Bucket, Edges, Graph, Item, Lanes};
use crate::room::{EventIx, EventSet, KeyIx, Room};
use crate::session::{Axis, EdgeMode, Position, Session};

/// What the rows depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cause {
    revision: u64,
    collapse: bool,
    expanded: BTreeSet<EventIx>,
}

impl Cause {
    fn of(session: &Session) -> Self {
        let settings = session.settings();
        Self {
            revision: session.revision(),
            collapse: settings.collapse,
            expanded: settings.expanded.clone(),
        }
    }

    fn is_of(&self, session: &Session) -> bool {
        let settings = session.settings();
        self.revision == session.revision()
            && self.collapse == settings.collapse
            && self.expanded == settings.expanded
    }
}

/// How many buckets a minimap and a timeline have, at most: about as many as a screen has points.
const BUCKETS: usize = 1024;

/// One graph with lanes, and what a minimap shows of it.
#[derive(Debug)]
pub struct Sheet {
    cause: Cause,
    /// Rows and lanes.
    pub lanes: Lanes,
    /// By rows: the number of conflicted merges, of rejected events, and of merges.
    pub density: Vec<Bucket<3>>,
}

impl Sheet {
    /// The events by `prev_events` or `prev_state_events`, collapsed if that is set.
    fn history(session: &Session, edges: Edges) -> Self {
        let (settings, replay) = (session.settings(), session.replay());
        let last = match edges {
            Edges::State => &replay.current().extremities,
            _ => session.timeline_extremities(),
        };
        let graph = Graph::new(session.room(), edges, &shown(session), last);
        if !settings.collapse {
            return Self::new(session, graph);
        }
        let mut expanded = EventSet::new(session.room().len());
        settings.expanded.iter().for_each(|ix| {
            expanded.insert(*ix);
        });
        Self::new(session, graph.collapse(&expanded, |ix| stands_out(session, ix)))
    }

    fn new(session: &Session, graph: Graph) -> Self {
        let (room, replay) = (session.room(), session.replay());
        let lanes = Lanes::new(graph);
        let density = lanes.density(BUCKETS, |ix| {
            [replay.resolved(ix), replay.rejected().contains(ix), room.state_parents(ix).len() > 1]
        });
        Self { cause: Cause::of(session), lanes, density }
    }

    /// The row that stands for a place: its own, that of the run it is part of, else the next one that is shown.
    pub fn row_of(&self, position: Position) -> Option<usize> {
        let graph = self.lanes.graph();
        let last = graph.len().checked_sub(1);
        match position {
            Position::Now => graph.now().or(last),
            place => graph.nearest_row(place.anchor()?),
        }
    }
}

/// Whether somebody would miss the event in a collapsed run.
fn stands_out(session: &Session, ix: EventIx) -> bool {
    let (room, replay) = (session.room(), session.replay());
    replay.rejected().contains(ix)
        || session.resets().contains(ix)
        || replay.is_unprocessed(ix)
        || marks::is_soft_failed(&replay, ix)
        || session.extremity(ix).state
        || room.caption(ix).is_some()
        || Some(ix) == room.create_event()
}

/// The events that the filter lets through, ascending.
fn shown(session: &Session) -> Vec<EventIx> {
    let mut shown = session.rows().events().to_vec();
    shown.sort_unstable();
    shown
}

/// The events by `auth_events`. All of them together have thousands of lanes, since events are cited forever after; so
/// what is drawn is an excerpt, and only that is reduced: for a whole room it would take seconds.
#[derive(Debug)]
struct AuthGraph {
    cause: Cause,
    graph: Graph,
    /// Of what the excerpt is.
    focus: Vec<EventIx>,
    excerpt: Sheet,
}

/// So many edges up from the events in question an excerpt goes.
const DISTANCE: usize = 8;
/// An excerpt has at most so many rows.
const MOST_ROWS: usize = 400;

impl AuthGraph {
    fn new(session: &Session) -> Self {
        let (room, replay) = (session.room(), session.replay());
        let graph = Graph::along(room, replay.auth(), Edges::Auth, &shown(session), &[]);
        let focus = focus(session);
        let excerpt = Self::excerpt_of(session, &graph, &focus);
        Self { cause: Cause::of(session), graph, focus, excerpt }
    }

    fn excerpt_of(session: &Session, graph: &Graph, focus: &[EventIx]) -> Sheet {
        let rows = focus.iter().filter_map(|ix| graph.row_of(*ix));
        Sheet::new(session, graph.excerpt(&graph.ancestry(rows, DISTANCE, MOST_ROWS)).reduced())
    }

    fn refresh(&mut self, session: &Session) {
        if !self.cause.is_of(session) {
            *self = Self::new(session);
        }
        let focus = focus(session);
        if focus != self.focus {
            self.excerpt = Self::excerpt_of(session, &self.graph, &focus);
            self.focus = focus;
        }
    }
}

/// The events whose auth chains are of interest: that at the cursor (at the last row the forward extremities), those that
/// are selected, and those that play a part in the resolution.
fn focus(session: &Session) -> Vec<EventIx> {
    let mut focus: Vec<EventIx> = match session.cursor().event {
        Position::Event(ix) => vec![ix],
        Position::Over(chosen) => session.chosen(chosen).to_vec(),
        Position::Now => session.replay().current().extremities.iter().copied().take(MOST_ROWS / 4).collect(),
    };
    focus.extend(session.selection().events().into_iter().take(MOST_ROWS / 4));
    focus.extend(session.roles().iter().map(|(ix, _)| ix).take(MOST_ROWS / 2));
    focus.sort_unstable();
    focus.dedup();
    focus
}

/// The graphs in use.
#[derive(Debug, Default)]
pub struct Sheets {
    history: Option<Sheet>,
    state_dag: Option<Sheet>,
    auth: Option<Box<AuthGraph>>,
    servers: Option<Servers>,
}

impl Sheets {
    /// The graphs that a room is first shown with.
    pub fn of(session: &Session) -> Self {
        let mut sheets = Self::default();
        sheets.listing(session);
        sheets
    }

    /// The events in the order of the list, with the servers of the room.
    pub fn listing<'a>(&'a mut self, session: &'a Session) -> (Listing<'a>, &'a Servers) {
        let has_lanes = session.rows().axis() == Axis::Topological;
        let sheet = has_lanes.then(|| match session.settings().edges {
            EdgeMode::State => kept(&mut self.state_dag, session, Edges::State),
            EdgeMode::Prev | EdgeMode::Auth => kept(&mut self.history, session, Edges::Prev),
        });
        let servers = self.servers.get_or_insert_with(|| Servers::new(session.room()));
        (Listing { session, sheet }, servers)
    }

    /// What the canvas shows, with the servers of the room.
    pub fn drawing<'a>(&'a mut self, session: &'a Session) -> (&'a Sheet, &'a Servers) {
        let sheet = match session.settings().edges {
            EdgeMode::Prev => kept(&mut self.history, session, Edges::Prev),
            EdgeMode::State => kept(&mut self.state_dag, session, Edges::State),
            EdgeMode::Auth => {
                let auth = self.auth.get_or_insert_with(|| Box::new(AuthGraph::new(session)));
                auth.refresh(session);
                &auth.excerpt
            }
        };
        (sheet, self.servers.get_or_insert_with(|| Servers::new(session.room())))
    }
}

/// The sheet at hand if it is still right, else a new one.
fn kept<'a>(place: &'a mut Option<Sheet>, session: &Session, edges: Edges) -> &'a Sheet {
    if !place.as_ref().is_some_and(|sheet| sheet.cause.is_of(session)) {
        *place = None;
    }
    place.get_or_insert_with(|| Sheet::history(session, edges))
}

/// The rows of the list: those of a sheet in topological order, else those of the session, which have no lanes.
#[derive(Debug, Clone, Copy)]
pub struct Listing<'a> {
    session: &'a Session,
    /// Rows with lanes; none on other time axes, where parents may come after their children.
    pub sheet: Option<&'a Sheet>,
}

impl Listing<'_> {
    /// The number of rows. The last one is always that of the current state.
    pub fn count(&self) -> usize {
        match self.sheet {
            Some(sheet) => sheet.lanes.len() + usize::from(sheet.lanes.graph().now().is_none()),
            None => self.session.rows().len(),
        }
    }

    /// What is in a row.
    pub fn item(&self, row: usize) -> Item {
        match self.sheet {
            Some(sheet) if row < sheet.lanes.len() => sheet.lanes.graph().item(row),
            Some(_) => Item::Now,
            None => match self.session.rows().get(row) {
                Position::Event(ix) => Item::Event(ix),
                Position::Over(_) | Position::Now => Item::Now,
            },
        }
    }

    /// The row that a place is shown in, or the first row after it.
    pub fn row_of(&self, position: Position) -> usize {
        let last = self.count().saturating_sub(1);
        let position = position.anchor().map_or(Position::Now, Position::Event);
        match (self.sheet, position) {
            (Some(_), Position::Now) => last,
            (Some(sheet), _) => sheet.row_of(position).unwrap_or(last),
            (None, position) => self.session.rows().row_from(position),
        }
    }
}

/// Which colour each server has.
#[derive(Debug)]
pub struct Servers {
    /// By key of a sender's membership.
    numbers: Vec<u32>,
}

impl Servers {
    /// The server of the first event comes first, the others by name.
    fn new(room: &Room) -> Self {
        let mut known: BTreeMap<&str, u32> = BTreeMap::new();
        let user = |key: usize| match room.key(KeyIx::new(key)) {
            ("m.room.member", user) => Some(server_name(user)),
            _ => None,
        };
        let first = room.events().next().map(|ix| server_name(room.event(ix).sender()));
        let mut names: BTreeSet<&str> = (0..room.key_count()).filter_map(user).collect();
        let first = first.filter(|first| names.remove(first));
        for (number, name) in (0..).zip(first.into_iter().chain(names)) {
            known.insert(name, number);
        }
        let number = |key| user(key).and_then(|name| known.get(name).copied()).unwrap_or(0);
        Self { numbers: (0..room.key_count()).map(number).collect() }
    }

    /// The colour of the server that an event comes from.
    pub fn color(&self, room: &Room, ix: EventIx, tokens: &Tokens) -> Color32 {
        tokens.hue(self.numbers[room.sender_key(ix).index()] as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::{Options, load};
    use crate::session::Command;

    fn session() -> Session {
        let scenario = include_bytes!("../../fixtures/twenty-way-merge/scenario.json5");
        Session::new("test", load(scenario, &Options::default()).unwrap())
    }

    #[test]
    fn rows_follow_filter_and_axis() {
        let mut session = session();
        let mut sheets = Sheets::default();
        let all = sheets.listing(&session).0.count();
        assert_eq!(all, session.room().len() + 1);
        session.apply(Command::SetFilter("is:merge".to_owned()));
        let some = sheets.listing(&session).0.count();
        assert!(some < all && some == session.rows().len(), "{some}");
        for axis in Axis::ALL {
            session.apply(Command::SetAxis(axis));
            let (listing, _) = sheets.listing(&session);
            assert_eq!(listing.count(), session.rows().len());
            for row in 0..listing.count() {
                let position = session.rows().get(row);
                assert_eq!(listing.row_of(position), row);
            }
            assert_eq!(listing.item(listing.count() - 1), Item::Now);
        }
    }

    #[test]
    fn collapsed_rows_hold_all_events() {
        let mut session = session();
        let mut sheets = Sheets::default();
        session.apply(Command::ToggleCollapse);
        let listing = sheets.listing(&session).0;
        let count = |item| match item {
            Item::Event(_) => 1,
            Item::Run(run) => run.count,
            Item::Now => 0,
        };
        let events: usize = (0..listing.count()).map(|row| count(listing.item(row))).sum();
        assert_eq!(events, session.room().len());
    }
}
