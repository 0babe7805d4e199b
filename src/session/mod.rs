//! What a debugger is, without pixels.
//!
//! A [`Session`] holds a room, its replay, a cursor on two clocks, a selection, settings and history. It changes by
//! [`Command`]s alone; what they ask of the world outside (a file, the clipboard, a replay that takes long) comes back
//! as [`Effect`]s.
//!
//! ```text
//!   menu, palette, shortcuts,          ┌──────────┐      effects
//!   panels, links, tests ── Command ──►│ Session  ├──► files, clipboard, threads
//!                                      └────┬─────┘
//!                panels read: rows, cursor, steps, roles, differences
//! ```
//!
//! ```
//! use hindsight::dump::{Options, load};
//! use hindsight::session::{Command, Direction, Role, Session, Target};
//!
//! let scenario = include_bytes!("../../fixtures/topic-vs-ban/scenario.json5");
//! let mut session = Session::new("topic-vs-ban", load(scenario, &Options::default())?);
//! session.apply(Command::FirstEvent);
//! session.apply(Command::Find(Target::Conflicted, Direction::Next));
//! session.apply(Command::StepInto);
//! session.apply(Command::LastStep);
//! let denied = session.roles().iter().filter(|(_, roles)| roles.contains(Role::Denied));
//! assert_eq!(denied.count(), 1);
//! # Ok::<(), hindsight::dump::LoadError>(())
//! ```

mod apply;
mod axis;
mod chosen;
mod command;
mod compare;
mod cursor;
mod diagnosis;
mod difference;
mod effect;
mod filter;
mod find;
mod history;
pub mod hook;
mod item;
pub mod link;
pub mod listing;
pub mod picture;
mod roles;
mod running;
mod selecting;
mod settings;
mod steps;
mod table;
#[cfg(test)]
mod tests;

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use self::axis::Order;
pub use self::axis::{Axis, Rows};
use self::chosen::Choices;
pub use self::chosen::{Chosen, MOST_CHOSEN};
pub use self::command::{Command, CommandKind};
pub use self::compare::{Comparing, Comparison, Sides};
pub use self::cursor::{Cursor, Position};
use self::diagnosis::Diagnoses;
pub use self::difference::{Against, Entry, StateDiff};
pub use self::effect::{Effect, Notice, ScenarioFile, Zoom};
pub use self::filter::{Query, QueryError};
pub use self::find::{Direction, Target};
use self::history::Trail;
pub use self::item::{Item, Selection};
pub use self::roles::{Role, RoleSet, Roles};
use self::running::Running;
pub use self::settings::{EdgeMode, Settings};
pub use self::steps::Steps;
pub use self::table::{COMMANDS, CommandInfo, Group, Key, Shortcut};
use crate::describe::{Describer, Names};
pub use crate::diagnose::{Aligned, Alignment};
use crate::dump::{Dump, Format};
use crate::executor::{Executor, Sequential};
pub use crate::replay::Pair;
use crate::replay::{Recording, Replay};
use crate::report::Finding;
use crate::room::{EventIx, EventSet, Room};

/// Where a room came from, which decides what a link to it holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Origin {
    /// A file of this machine.
    #[default]
    Local,
    /// A built-in room, by the name of its fixture.
    Tutorial(String),
    /// A scenario that came in a link.
    Link,
}

/// What the input was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The name of the file or the built-in room.
    pub name: String,
    /// Where it came from.
    pub origin: Origin,
    /// What it was recognised as.
    pub format: Format,
    /// The compression around it.
    pub compression: Option<&'static str>,
    /// The real event ID of every placeholder of a scenario.
    pub placeholders: BTreeMap<String, String>,
    /// The number of lines.
    pub lines: u64,
    /// The number of records that were to be events.
    pub events_read: u64,
}

/// By which edges an event of a room with a state DAG is a forward extremity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extremity {
    /// By `prev_events`: what is sent next names it there.
    pub timeline: bool,
    /// Of the state DAG, by `prev_state_events`: the current state is resolved from the states after these.
    pub state: bool,
}

impl Extremity {
    /// In a word or two for each kind.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        let kinds = [(self.state, "state extremity"), (self.timeline, "extremity")];
        kinds.into_iter().filter_map(|(is, word)| is.then_some(word))
    }
}

/// Somebody who does pieces of work for a session.
type SharedExecutor = Arc<dyn Executor + Send + Sync>;

/// A debugger at work on one room.
pub struct Session {
    source: Source,
    room: Arc<Room>,
    names: OnceCell<Names>,
    findings: Vec<Finding>,
    diagnoses: Diagnoses,
    executor: SharedExecutor,
    /// The replays at hand, the one used last at the end.
    recordings: Vec<Recording>,
    /// The replay in use.
    shown: Recording,
    /// The replay compared with.
    other: Option<Recording>,
    /// Where the two differ, once that is known.
    comparison: Option<Comparison>,
    /// The replays asked for.
    asked: Vec<Pair>,
    /// Where to go when they are there.
    awaited: Option<Cursor>,
    settings: Settings,
    cursor: Cursor,
    choices: Choices,
    selection: Selection,
    hovered: Option<Item>,
    hover_next: Option<Item>,
    query: Query,
    query_error: Option<QueryError>,
    rows: Rows,
    /// How often the rows were made anew.
    revision: u64,
    roles: Roles,
    running: Option<Running>,
    places: Trail<Cursor>,
    /// The last movement was one of a series, which counts as one.
    in_series: bool,
    past_settings: Trail<Settings>,
    memo: Memo,
}

/// What has been found out about the present place, and is forgotten when that changes.
#[derive(Default)]
struct Memo {
    steps: OnceCell<Option<Steps>>,
    other_steps: OnceCell<Option<Steps>>,
    alignment: OnceCell<Option<Alignment>>,
    hits: OnceCell<EventSet>,
    latest: OnceCell<Vec<EventIx>>,
    diffs: RefCell<BTreeMap<Against, Option<Arc<StateDiff>>>>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("source", &self.source)
            .field("settings", &self.settings)
            .field("cursor", &self.cursor)
            .field("selection", &self.selection)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// A session without a room: all lists are empty, and the cursor stays where it is.
    pub fn empty() -> Self {
        let source = Source {
            name: String::new(),
            origin: Origin::Local,
            format: Format::Ndjson,
            compression: None,
            placeholders: BTreeMap::new(),
            lines: 0,
            events_read: 0,
        };
        let room = Room::empty();
        let recording = Pair::default_for(&room).replay(&room);
        Self::build(source, room, Vec::new(), recording)
    }

    /// A session on a dump, which is replayed by the algorithm of its room version: that takes as long as the room is
    /// large. See [`Session::with_replay`].
    pub fn new(name: impl Into<String>, dump: Dump) -> Self {
        let recording = Pair::default_for(&dump.room).replay(&dump.room);
        Self::with_replay(name, Origin::Local, dump, recording)
    }

    /// A session on a dump that has been replayed elsewhere. Begins at the first event if the room has captions, else at
    /// the end.
    ///
    /// # Panics
    /// If the recording is that of a room with another number of events.
    pub fn with_replay(name: impl Into<String>, origin: Origin, dump: Dump, recording: Recording) -> Self {
        let Dump { room, findings, format, compression, placeholders, lines, events_read } = dump;
        let source =
            Source { name: name.into(), origin, format, compression, placeholders, lines, events_read };
        let mut all = findings;
        all.extend(recording.of(&room).findings());
        Self::build(source, room, all, recording)
    }

    fn build(source: Source, room: Room, findings: Vec<Finding>, recording: Recording) -> Self {
        let cursor = match room.events().next() {
            Some(first) if !room.annotations().captions.is_empty() => Cursor::at(first),
            _ => Cursor::NOW,
        };
        let rows = Rows::new(&room, Order::new(&room, Axis::default()), room.events().collect());
        Self {
            source,
            findings,
            diagnoses: Diagnoses::default(),
            room: Arc::new(room),
            names: OnceCell::new(),
            executor: Arc::new(Sequential),
            settings: Settings::new(Pair::of(&recording)),
            recordings: vec![recording.clone()],
            shown: recording,
            other: None,
            comparison: None,
            asked: Vec::new(),
            awaited: None,
            cursor,
            choices: Choices::default(),
            selection: Selection::default(),
            hovered: None,
            hover_next: None,
            query: Query::default(),
            query_error: None,
            rows,
            revision: 0,
            roles: Roles::default(),
            running: None,
            places: Trail::default(),
            in_series: false,
            past_settings: Trail::default(),
            memo: Memo::default(),
        }
    }

    /// Lends somebody who does pieces of work side by side.
    #[must_use]
    pub fn with_executor(mut self, executor: Arc<dyn Executor + Send + Sync>) -> Self {
        self.executor = executor;
        self
    }

    /// Whether there is no room.
    pub fn is_empty(&self) -> bool {
        self.room.is_empty()
    }

    /// What the input was.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The room; one without events if there is none.
    pub fn room(&self) -> &Room {
        &self.room
    }

    /// Describes events and users in few words. The first call takes as long as sorting the IDs of all events.
    pub fn describer(&self) -> Describer<'_> {
        let names = self.names.get_or_init(|| Names::new(&self.room, &self.source.placeholders));
        Describer::new(&self.room, names)
    }

    /// The room, to be used elsewhere.
    pub fn shared_room(&self) -> Arc<Room> {
        Arc::clone(&self.room)
    }

    /// The replay in use. While the one that is set is still being made, the one before it.
    pub fn replay(&self) -> Replay<'_> {
        self.shown.of(&self.room)
    }

    /// The replay compared with, if there is one and it is ready.
    pub fn other_replay(&self) -> Option<Replay<'_>> {
        self.other.as_ref().map(|other| other.of(&self.room))
    }

    /// The replays that are set but still being made.
    pub fn pending(&self) -> &[Pair] {
        &self.asked
    }

    /// What is wrong or odd about the input, and where the replay that the session began with contradicts what the dump
    /// records.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The caption of the event at the cursor; at the last row the title of the scenario.
    pub fn caption(&self) -> Option<&str> {
        match self.cursor.event {
            Position::Event(ix) => self.room.caption(ix),
            Position::Over(_) => None,
            Position::Now => self.room.annotations().title.as_deref(),
        }
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Why the filter makes no sense, if so; then the one before it stays in force.
    pub fn filter_error(&self) -> Option<&QueryError> {
        self.query_error.as_ref()
    }

    /// Where the debugger stands.
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// What is selected.
    pub fn selection(&self) -> &Selection {
        &self.selection
    }

    /// What was pointed at in the frame before.
    pub fn hovered(&self) -> Option<&Item> {
        self.hovered.as_ref()
    }

    /// Ends a frame: what was pointed at in it becomes visible. To be called once a frame, after its commands.
    pub fn end_frame(&mut self) {
        self.hovered = self.hover_next.take();
    }

    /// The rows that the filter lets through, in the order of the time axis, with the last row.
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// A number that changes whenever the rows or the replay in use do: for those who keep something made from them.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The resolution at the cursor, recorded; `None` where the state there is unknown.
    pub fn steps(&self) -> Option<&Steps> {
        self.memo.steps.get_or_init(|| self.steps_at(self.cursor.event)).as_ref()
    }

    /// The resolution at the cursor in the replay compared with.
    pub fn other_steps(&self) -> Option<&Steps> {
        let record = || self.record(&self.other_replay()?, self.cursor.event);
        self.memo.other_steps.get_or_init(record).as_ref()
    }

    /// The number of steps that the cursor can take at its event: 0 where there is nothing to resolve.
    pub fn step_count(&self) -> usize {
        apply::count(self.steps())
    }

    /// The events that were chosen, ascending; none if the choice is that of another session.
    pub fn chosen(&self, chosen: Chosen) -> &[EventIx] {
        self.choices.events(chosen)
    }

    /// Whether the cursor is at an event, or resolves over it and others.
    pub fn is_at(&self, ix: EventIx) -> bool {
        match self.cursor.event {
            Position::Event(here) => here == ix,
            Position::Over(chosen) => self.chosen(chosen).binary_search(&ix).is_ok(),
            Position::Now => false,
        }
    }

    /// Whether there is such a place.
    fn is_place(&self, position: Position) -> bool {
        match position {
            Position::Event(ix) => ix.index() < self.room.len(),
            Position::Over(chosen) => !self.chosen(chosen).is_empty(),
            Position::Now => true,
        }
    }

    /// What part each event plays at the step of the cursor; outside of a resolution none plays any.
    pub fn roles(&self) -> &Roles {
        &self.roles
    }

    /// The parts that one event plays.
    pub fn role_of(&self, ix: EventIx) -> RoleSet {
        self.roles.of(ix)
    }

    /// Where the two replays differ; `None` if there is nothing to compare with, or as long as nobody has handed over what
    /// [`Effect::Compare`] asked for.
    pub fn comparison(&self) -> Option<&Comparison> {
        self.comparison.as_ref()
    }

    /// The steps of both resolutions at the cursor, side by side.
    pub fn alignment(&self) -> Option<&Alignment> {
        let align = || Some(Alignment::of(&self.steps()?.steps, &self.other_steps()?.steps));
        self.memo.alignment.get_or_init(align).as_ref()
    }

    /// The events that the search matches, shown or not; none if it makes no sense.
    pub fn hits(&self) -> &EventSet {
        self.memo.hits.get_or_init(|| {
            let query = Query::parse(&self.settings.search).ok().filter(|query| !query.is_everything());
            query.map(|query| self.matching(&query).into_iter().collect()).unwrap_or_default()
        })
    }

    /// The forward extremities by `prev_events`, ascending. In a room with a state DAG those of the state DAG, which make up
    /// the current state, are others.
    pub fn timeline_extremities(&self) -> &[EventIx] {
        self.memo.latest.get_or_init(|| self.replay().timeline_extremities())
    }

    /// Whether an event of a room with a state DAG is a forward extremity: by `prev_events`, and of the state DAG. In other
    /// rooms there is nothing to tell apart.
    pub fn extremity(&self, ix: EventIx) -> Extremity {
        if !self.room.rules().has_state_dag() {
            return Extremity::default();
        }
        let state = self.replay().current().extremities.binary_search(&ix).is_ok();
        Extremity { timeline: self.timeline_extremities().binary_search(&ix).is_ok(), state }
    }

    fn matching(&self, query: &Query) -> Vec<EventIx> {
        let replay = self.replay();
        let facts = filter::Facts { replay: &replay, resets: self.resets(), executor: &*self.executor };
        filter::matching(query, facts)
    }

    /// Whether there is a place to go back to.
    pub fn can_go_back(&self) -> bool {
        self.places.can_go_back()
    }

    /// Whether there is a place to go forward to.
    pub fn can_go_forward(&self) -> bool {
        self.places.can_go_forward()
    }

    /// Whether there is a setting to undo.
    pub fn can_undo(&self) -> bool {
        self.past_settings.can_go_back()
    }

    /// Whether there is a setting to redo.
    pub fn can_redo(&self) -> bool {
        self.past_settings.can_go_forward()
    }
}
