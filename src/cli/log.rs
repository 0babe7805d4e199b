//! `hindsight log`: the graph as text.

mod graph;

use std::borrow::Cow;
use std::io::Write as _;

use renderdag::{Ancestor, GraphRowRenderer, Renderer};
use serde::Serialize;

use self::graph::{Graph, Parent};
use super::args::{Globals, GraphStyle, LogArgs};
use super::error::CliError;
use super::marks::{conflicts, gaps, is_asserted, is_current, rule_number};
use super::output::{Theme, Ui};
use super::{load, text};
use crate::describe::Describer;
use crate::event::room_version::AuthSource;
use crate::replay::Replay;
use crate::room::{EventIx, Room};
use crate::state::{Split, StateMap};

/// A graph with more lines side by side than this cannot be read, and may be larger than the dump many times over.
const MOST_LANES: usize = 100;

/// The row above all others: the state that the forward extremities resolve to.
const NOW: usize = usize::MAX;

pub(super) fn run(args: &LogArgs, globals: &Globals, ui: &mut Ui) -> Result<u8, CliError> {
    let dump = load::open(globals, &args.input.dump, ui)?;
    let room = &dump.room;
    let replay = ui.busy(&format!("replaying {}", text::count(room.len(), "event")), || {
        Replay::new(room, globals.algorithm(), globals.profile())
    });
    let shown = |ix: &EventIx| {
        if args.state {
            room.event(*ix).is_state() && !room.is_outlier(*ix)
        } else {
            args.all || !room.is_outlier(*ix)
        }
    };
    let mut events: Vec<EventIx> = room.events().rev().filter(shown).collect();
    events.truncate(args.limit.unwrap_or(usize::MAX));
    if args.reverse {
        events.reverse();
    }
    if globals.is_json() {
        return json(&replay, &events, ui);
    }
    if events.is_empty() {
        ui.note("no event to show; outliers are shown with --all");
        return Ok(0);
    }
    let log = Log { replay: &replay, describer: &Describer::of(&dump), theme: ui.theme(), style: args.graph };
    let graph = Graph::new(room, &events, args.reverse);
    let lanes = graph.lanes(&events, &replay.current().extremities);
    if lanes > MOST_LANES {
        ui.note(format_args!(
            "the graph would be {lanes} lanes wide: the events are listed without it (try --limit)"
        ));
        return log.list(&events, ui).map(|()| 0);
    }
    let renderer = GraphRowRenderer::new().output().with_min_row_height(1);
    match args.graph {
        GraphStyle::Unicode => log.draw(&events, &graph, args.reverse, renderer.build_box_drawing(), ui)?,
        GraphStyle::Ascii => log.draw(&events, &graph, args.reverse, renderer.build_ascii(), ui)?,
    }
    Ok(0)
}

struct Log<'a> {
    replay: &'a Replay<'a>,
    describer: &'a Describer<'a>,
    theme: Theme,
    style: GraphStyle,
}

impl Log<'_> {
    fn draw(
        &self,
        events: &[EventIx],
        graph: &Graph,
        reverse: bool,
        mut renderer: impl Renderer<usize, Output = String>,
        ui: &mut Ui,
    ) -> Result<(), CliError> {
        let extremities = &self.replay.current().extremities;
        let shows_now = extremities.len() > 1 && extremities.iter().any(|ix| events.contains(ix));
        if shows_now && !reverse {
            let parents = extremities.iter().filter(|ix| graph.contains(**ix));
            let parents = parents.map(|ix| Ancestor::Parent(ix.index())).collect();
            let row = renderer.next_row(NOW, parents, self.glyph("@", "@"), self.now());
            ui.out().write_all(row.as_bytes())?;
        }
        for &ix in events {
            let mut parents: Vec<_> = graph
                .next(ix)
                .iter()
                .map(|parent| match parent {
                    Parent::Direct(parent) => Ancestor::Parent(parent.index()),
                    Parent::Indirect(parent) => Ancestor::Ancestor(parent.index()),
                    Parent::Missing => Ancestor::Anonymous,
                })
                .collect();
            if reverse && shows_now && extremities.contains(&ix) {
                parents.push(Ancestor::Parent(NOW));
            }
            let width = renderer.width(Some(&ix.index()), Some(&parents));
            let width = ui.width().saturating_sub(usize::try_from(width).unwrap_or(usize::MAX) + 1);
            let row = renderer.next_row(ix.index(), parents, self.event_glyph(ix), self.row(ix, width));
            ui.out().write_all(row.as_bytes())?;
        }
        if shows_now && reverse {
            let row = renderer.next_row(NOW, Vec::new(), self.glyph("@", "@"), self.now());
            ui.out().write_all(row.as_bytes())?;
        }
        Ok(())
    }

    /// The rows without lines between them.
    fn list(&self, events: &[EventIx], ui: &mut Ui) -> Result<(), CliError> {
        let width = ui.width().saturating_sub(3);
        for ix in events {
            let row = self.row(*ix, width);
            let mut lines = row.lines();
            writeln!(ui.out(), "{}  {}", self.event_glyph(*ix), lines.next().unwrap_or_default())?;
            for line in lines {
                writeln!(ui.out(), "   {line}")?;
            }
        }
        Ok(())
    }

    fn room(&self) -> &Room {
        self.describer.room()
    }

    fn glyph(&self, unicode: &str, ascii: &str) -> String {
        match self.style {
            GraphStyle::Unicode => unicode.to_owned(),
            GraphStyle::Ascii => ascii.to_owned(),
        }
    }

    fn event_glyph(&self, ix: EventIx) -> String {
        if self.replay.rejection(ix).is_some() {
            return self.theme.bad(self.glyph("×", "x")).to_string();
        }
        match self.room().key_of(ix) {
            None => self.glyph("○", "o"),
            Some(_) if is_current(self.replay, ix) => self.theme.good(self.glyph("◆", "*")).to_string(),
            Some(_) => self.glyph("●", "+"),
        }
    }

    /// The text of the synthetic row.
    fn now(&self) -> String {
        let current = self.replay.current();
        let states: Option<Vec<StateMap>> =
            current.extremities.iter().map(|ix| self.replay.after(*ix).cloned()).collect();
        let what = match states.filter(|_| current.state.is_some()) {
            None => "the state is unknown".to_owned(),
            Some(states) => text::count(Split::new(&states).conflicts.len(), "conflict"),
        };
        let extremities = text::count(current.extremities.len(), "forward extremity");
        let theme = self.theme;
        format!("{}  {}", theme.heading("now"), theme.warn(format!("[{extremities}: {what}]")))
    }

    fn row(&self, ix: EventIx, width: usize) -> String {
        let (describer, theme) = (self.describer, self.theme);
        let (id, user) = (describer.id_width(), describer.user_width());
        let summary = describer.summary(ix);
        let mut row = format!(
            "{:<id$}  {}  {:<user$}  ",
            theme.id(describer.short_id(ix)),
            theme.dim(describer.time(ix)),
            theme.user(describer.sender(ix)),
        );
        if self.replay.rejection(ix).is_some() {
            row.push_str(&theme.dim(summary).to_string());
        } else {
            row.push_str(&summary);
        }
        for flag in self.flags(ix) {
            row.push_str("  ");
            row.push_str(&flag);
        }
        if let Some(caption) = self.room().caption(ix) {
            for line in text::wrap(&text::escape_lines(caption), width.max(30)).lines() {
                row.push('\n');
                row.push_str(&theme.dim(line).to_string());
            }
        }
        row
    }

    fn flags(&self, ix: EventIx) -> Vec<String> {
        let (room, theme) = (self.room(), self.theme);
        let mut flags = Vec::new();
        let conflicts = conflicts(self.replay, ix);
        if conflicts > 0 {
            flags.push(theme.warn(format!("[merge: {}]", text::count(conflicts, "conflict"))).to_string());
        }
        if let Some(failure) = self.replay.failure(ix) {
            let message = text::shorten(&failure.message, 80);
            flags.push(theme.bad(format!("[resolution fails: {message}]")).to_string());
        }
        if let Some(rejection) = self.replay.rejection(ix) {
            let reason = text::shorten(&rejection.reason, 120);
            let rule = rule_number(room, rejection).map(|rule| format!(" rule {rule}")).unwrap_or_default();
            flags.push(theme.bad(format!("[rejected{rule}: {reason}]")).to_string());
        }
        if room.recorded(ix).soft_failed {
            flags.push(theme.warn("[soft-failed]").to_string());
        }
        if room.is_outlier(ix) {
            flags.push(
                theme.dim(if room.is_foreign(ix) { "[another room]" } else { "[outlier]" }).to_string(),
            );
        } else if !gaps(room, ix).is_empty() {
            flags.push(theme.warn("[hole]").to_string());
        }
        if is_asserted(room, ix) {
            flags.push(theme.warn("[asserted]").to_string());
        }
        flags
    }
}

#[derive(Serialize)]
struct Row<'a> {
    event_id: &'a str,
    #[serde(rename = "type")]
    event_type: &'a str,
    state_key: Option<&'a str>,
    sender: &'a str,
    origin_server_ts: i64,
    depth: i64,
    prev_events: Vec<Cow<'a, str>>,
    /// Those that the event lists; of a room with a state DAG the calculated ones.
    auth_events: Vec<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev_state_events: Option<Vec<Cow<'a, str>>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unprocessed: bool,
    rejected: Option<RejectedJson<'a>>,
    conflicts: usize,
    current: bool,
    hole: bool,
    asserted: bool,
    outlier: bool,
    soft_failed: bool,
    caption: Option<&'a str>,
}

#[derive(Serialize)]
struct RejectedJson<'a> {
    check: &'static str,
    rule: Option<&'static str>,
    reason: &'a str,
}

fn json(replay: &Replay<'_>, events: &[EventIx], ui: &mut Ui) -> Result<u8, CliError> {
    let room = replay.room();
    for &ix in events {
        let event = room.event(ix);
        ui.json(&Row {
            event_id: event.id(),
            event_type: event.event_type(),
            state_key: event.state_key(),
            sender: event.sender(),
            origin_server_ts: event.origin_server_ts(),
            depth: event.depth(),
            prev_events: event.prev_events().collect(),
            auth_events: match room.rules().auth_source {
                AuthSource::Event => event.auth_events().collect(),
                AuthSource::Calculated => {
                    replay.auth().of(ix).iter().map(|auth| room.id(*auth).into()).collect()
                }
            },
            prev_state_events: room.rules().has_state_dag().then(|| event.prev_state_events().collect()),
            unprocessed: replay.is_unprocessed(ix),
            rejected: replay.rejection(ix).map(|rejection| RejectedJson {
                check: rejection.check.as_str(),
                rule: rule_number(room, rejection),
                reason: &rejection.reason,
            }),
            conflicts: conflicts(replay, ix),
            current: is_current(replay, ix),
            hole: !gaps(room, ix).is_empty(),
            asserted: is_asserted(room, ix),
            outlier: room.is_outlier(ix),
            soft_failed: room.recorded(ix).soft_failed || replay.soft_failed(ix) == Some(true),
            caption: room.caption(ix),
        })?;
    }
    Ok(0)
}
