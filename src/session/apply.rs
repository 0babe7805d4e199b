//! What commands do.

use super::command::Command;
use super::compare::{Comparison, Sides};
use super::cursor::{Cursor, Position};
use super::effect::{Effect, ScenarioFile, Zoom};
use super::filter::Query;
use super::find::Direction;
use super::item::Item;
use super::roles::Roles;
use super::running::Running;
use super::settings::Settings;
use super::steps::Steps;
use super::{Memo, Rows, Session};
use crate::diagnose::resets::diagnose;
use crate::replay::{Pair, Recording};
use crate::room::KeyIx;

/// So many replays are kept.
const KEPT: usize = 4;

/// How the cursor moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Movement {
    /// To somewhere else: going back returns from it.
    Jump,
    /// One of a series of small movements, which going back takes as one.
    Small,
}

impl Session {
    /// Carries out a command. What it makes no sense to do is not done; if somebody should know why, an effect tells.
    pub fn apply(&mut self, command: Command) -> Vec<Effect> {
        match command {
            Command::MoveEvents(_)
            | Command::FirstEvent
            | Command::LastEvent
            | Command::Seek(_)
            | Command::SeekEvent(_)
            | Command::ScrubToRow(_)
            | Command::ScrubToValue(_)
            | Command::Find(..)
            | Command::FindChange(_)
            | Command::FindChangeOf(..)
            | Command::Back
            | Command::Forward => self.apply_event(&command),
            Command::MoveSteps(_)
            | Command::StepInto
            | Command::StepOut
            | Command::FirstStep
            | Command::LastStep
            | Command::SeekStep(_)
            | Command::ScrubToStep(_) => self.apply_step(&command),
            Command::ResolveSelection => self.resolve_selection(),
            Command::Select(_)
            | Command::ToggleSelected(_)
            | Command::SelectRange(_)
            | Command::ClearSelection
            | Command::Hover(_) => self.apply_selection(command),
            Command::SetFilter(_)
            | Command::SetSearch(_)
            | Command::SetAxis(_)
            | Command::ToggleDimFuture
            | Command::ToggleCollapse
            | Command::ToggleRun(_)
            | Command::SetEdges(_)
            | Command::ToggleEdges
            | Command::SetAlgorithm(_)
            | Command::SetProfile(_)
            | Command::SetCompare(_)
            | Command::ToggleCompare
            | Command::SwapCompare
            | Command::Undo
            | Command::Redo => self.apply_setting(command),
            Command::CopyLink => self.copy_link(true),
            Command::CopyLinkToPlace => self.copy_link(false),
            Command::CopyIds => vec![self.copy_ids()],
            Command::SaveScenario => vec![self.save_scenario()],
            Command::OpenFile => vec![Effect::OpenFile],
            Command::OpenTutorial(slug) => vec![Effect::OpenTutorial(slug)],
            Command::ExportSvg => vec![Effect::ExportSvg],
            Command::OpenPalette => vec![Effect::OpenPalette],
            Command::ShowKeys => vec![Effect::ShowKeys],
            Command::ShowFindings => vec![Effect::ShowFindings],
            Command::FocusFilter => vec![Effect::FocusFilter],
            Command::FocusSearch => vec![Effect::FocusSearch],
            Command::ToggleTheme => vec![Effect::ToggleTheme],
            Command::ZoomIn => vec![Effect::Zoom(Some(Zoom::In))],
            Command::ZoomOut => vec![Effect::Zoom(Some(Zoom::Out))],
            Command::ZoomReset => vec![Effect::Zoom(None)],
            Command::TogglePlay => vec![Effect::TogglePlay],
            Command::CancelLoading => vec![Effect::CancelLoading],
        }
    }

    fn apply_event(&mut self, command: &Command) -> Vec<Effect> {
        let last = self.rows.len() - 1;
        let (row, movement) = match *command {
            Command::MoveEvents(by) => (self.row_after(by), Movement::Small),
            Command::FirstEvent => (0, Movement::Jump),
            Command::LastEvent => (last, Movement::Jump),
            Command::ScrubToRow(row) => (row.min(last), Movement::Small),
            Command::ScrubToValue(value) => (self.rows.row_at(&self.room, value), Movement::Small),
            Command::SeekEvent(position) => return self.seek(Cursor::at(position)),
            Command::Seek(cursor) => return self.seek(cursor),
            Command::Find(target, direction) => {
                let found = self.find(target, direction).ok_or_else(|| target.label());
                return self.go_to_found(found, direction);
            }
            Command::FindChange(direction) => return self.go_to_change(None, direction),
            Command::FindChangeOf(key, direction) => return self.go_to_change(Some(key), direction),
            Command::Back | Command::Forward => {
                let here = self.cursor;
                let place = if *command == Command::Back {
                    self.places.back(here)
                } else {
                    self.places.forward(here)
                };
                self.in_series = false;
                if let Ok(place) = place {
                    self.stand_at(place);
                }
                return Vec::new();
            }
            _ => return Vec::new(),
        };
        self.go(Cursor::at(self.rows.get(row)), movement);
        Vec::new()
    }

    /// The row so many rows away. Where the cursor's own event is not shown, the next row is the first after it.
    fn row_after(&self, by: i64) -> usize {
        let here = self.rows.row_from(self.cursor.event);
        let is_shown = self.rows.get(here) == self.cursor.event;
        let by = if by > 0 && !is_shown { by - 1 } else { by };
        let distance = usize::try_from(by.unsigned_abs()).unwrap_or(usize::MAX);
        if by < 0 {
            here.saturating_sub(distance)
        } else {
            here.saturating_add(distance).min(self.rows.len() - 1)
        }
    }

    /// Goes exactly there, or not at all.
    pub(super) fn seek(&mut self, to: Cursor) -> Vec<Effect> {
        if !self.is_place(to.event) {
            return vec![Effect::complain("There is no such event in this room")];
        }
        let steps = (to.step.is_some() && to.event != self.cursor.event).then(|| self.steps_at(to.event));
        if let Some(step) = to.step {
            let count = steps.as_ref().map_or_else(|| self.step_count(), |steps| count(steps.as_ref()));
            if step >= count {
                return vec![Effect::complain("The resolution there has no such step")];
            }
        }
        self.go(Cursor { step: None, ..to }, Movement::Jump);
        if let Some(steps) = steps {
            self.memo.steps = steps.into();
        }
        if to.step.is_some() {
            self.stand_at(to);
        }
        Vec::new()
    }

    fn go_to_found(&mut self, found: Result<Position, &str>, direction: Direction) -> Vec<Effect> {
        match found {
            Ok(position) => {
                self.go(Cursor::at(position), Movement::Jump);
                Vec::new()
            }
            Err(what) => {
                let side = match direction {
                    Direction::Next => "after",
                    Direction::Previous => "before",
                };
                vec![Effect::tell(format!("No {what} {side} this one"))]
            }
        }
    }

    fn go_to_change(&mut self, key: Option<KeyIx>, direction: Direction) -> Vec<Effect> {
        let here = || self.cursor.event.event().and_then(|ix| self.room.key_of(ix));
        let Some(key) = key.or_else(|| self.selection.key(&self.room)).or_else(here) else {
            return vec![Effect::tell("Select a state key first")];
        };
        if key.index() >= self.room.key_count() {
            return vec![Effect::complain("There is no such state key in this room")];
        }
        // So that going on from the event that was found asks about the same key.
        if self.selection.key(&self.room) != Some(key) {
            self.selection.set(Item::Key(key));
        }
        let found = self.find_change(key, direction).map(Position::Event).ok_or("change of this key");
        self.go_to_found(found, direction)
    }

    fn apply_step(&mut self, command: &Command) -> Vec<Effect> {
        if *command == Command::StepOut {
            self.go(Cursor { step: None, ..self.cursor }, Movement::Jump);
            return Vec::new();
        }
        let count = self.step_count();
        let Some(last) = count.checked_sub(1) else {
            let why = if self.steps().is_some() {
                "Nothing to resolve here, for all states agree"
            } else {
                "The state here is unknown"
            };
            return vec![Effect::tell(why)];
        };
        let (step, movement) = match *command {
            Command::MoveSteps(by) => match step_after(self.cursor.step, by, last) {
                Some(step) => (step, Movement::Small),
                None => return Vec::new(),
            },
            Command::StepInto => (self.cursor.step.unwrap_or(0), Movement::Jump),
            Command::FirstStep => (0, Movement::Jump),
            Command::LastStep => (last, Movement::Jump),
            Command::SeekStep(step) if step > last => {
                return vec![Effect::complain("The resolution here has no such step")];
            }
            Command::SeekStep(step) => (step, Movement::Jump),
            Command::ScrubToStep(step) => (step.min(last), Movement::Small),
            _ => return Vec::new(),
        };
        self.go(Cursor { step: Some(step), ..self.cursor }, movement);
        Vec::new()
    }

    fn apply_setting(&mut self, command: Command) -> Vec<Effect> {
        let mut new = self.settings.clone();
        match command {
            Command::Undo | Command::Redo => {
                let value = if command == Command::Undo {
                    self.past_settings.back(new)
                } else {
                    self.past_settings.forward(new)
                };
                return value.map_or_else(|_| Vec::new(), |settings| self.use_settings(settings));
            }
            Command::SetFilter(text) => {
                let is_typing = continues(&self.settings.filter, &text);
                new.filter = text;
                return self.change_settings(new, is_typing);
            }
            Command::SetSearch(text) => {
                let is_typing = continues(&self.settings.search, &text);
                new.search = text;
                return self.change_settings(new, is_typing);
            }
            Command::SetAxis(axis) => new.axis = axis,
            Command::ToggleDimFuture => new.dim_future = !new.dim_future,
            Command::ToggleCollapse => {
                new.collapse = !new.collapse;
                new.expanded.clear();
            }
            Command::ToggleRun(ix) if ix.index() < self.room.len() => {
                let was_expanded = new.expanded.remove(&ix);
                new.expanded.extend((!was_expanded).then_some(ix));
            }
            Command::SetEdges(edges) if !edges.is_of(&self.room) => {
                return vec![Effect::tell("Rooms of this version have no state DAG")];
            }
            Command::SetEdges(edges) => new.edges = edges,
            Command::ToggleEdges => new.edges = new.edges.next(&self.room),
            Command::SetAlgorithm(algorithm) => {
                new.pair.algorithm = algorithm.unwrap_or(self.room.rules().algorithm);
            }
            Command::SetProfile(profile) => new.pair.profile = profile,
            Command::SetCompare(pair) => new.compare = pair,
            Command::ToggleCompare => {
                new.compare = if new.compare.is_some() { None } else { Some(new.pair.counterpart()) };
            }
            Command::SwapCompare => {
                if let Some(other) = new.compare {
                    new.compare = Some(new.pair);
                    new.pair = other;
                }
            }
            _ => {}
        }
        self.change_settings(new, false)
    }

    pub(super) fn change_settings(&mut self, new: Settings, continues: bool) -> Vec<Effect> {
        if new == self.settings {
            return Vec::new();
        }
        if !(continues && self.past_settings.can_go_back()) {
            self.past_settings.leave(self.settings.clone());
        }
        self.use_settings(new)
    }

    /// Makes settings come true.
    fn use_settings(&mut self, new: Settings) -> Vec<Effect> {
        let old = std::mem::replace(&mut self.settings, new);
        let before = Pair::of(&self.shown);
        let effects = self.use_replays();
        let is_replaced = Pair::of(&self.shown) != before;
        if old.search != self.settings.search {
            self.memo.hits.take();
        }
        if is_replaced {
            self.use_diagnosis();
        }
        if old.filter != self.settings.filter || old.axis != self.settings.axis || is_replaced {
            self.refresh_rows(is_replaced);
        }
        effects
    }

    /// Takes a replay that was made elsewhere. One that nobody has asked for is kept all the same.
    ///
    /// # Panics
    /// If it is that of a room with another number of events.
    pub fn provide(&mut self, recording: Recording) -> Vec<Effect> {
        let pair = Pair::of(&recording);
        let _ = recording.of(&self.room);
        self.asked.retain(|asked| *asked != pair);
        self.recordings.retain(|known| Pair::of(known) != pair);
        self.recordings.push(recording);
        if self.recordings.len() > KEPT {
            let used = [Some(Pair::of(&self.shown)), self.other.as_ref().map(Pair::of)];
            let wanted = [Some(self.settings.pair), self.settings.compare];
            let is_idle = |known: &Recording| {
                let known = Some(Pair::of(known));
                !used.contains(&known) && !wanted.contains(&known)
            };
            if let Some(idle) = self.recordings.iter().position(is_idle) {
                self.recordings.remove(idle);
            }
        }
        let before = Pair::of(&self.shown);
        let mut effects = self.use_replays();
        if Pair::of(&self.shown) != before {
            self.use_diagnosis();
            self.refresh_rows(true);
        }
        if let Some(cursor) = self.awaited.take() {
            effects.extend(self.seek_when_ready(cursor));
        }
        effects
    }

    /// Takes a comparison that was made elsewhere. One of other replays than those in use is dropped.
    pub fn provide_comparison(&mut self, pairs: [Pair; 2], comparison: Comparison) {
        if self.sides().is_some_and(|sides| sides.pairs() == pairs) {
            self.comparison = Some(comparison);
        }
    }

    /// The replays that are to be compared, if both are there.
    fn sides(&self) -> Option<Sides> {
        let other = self.other.clone()?;
        Some(Sides { room: self.shared_room(), one: self.shown.clone(), other })
    }

    /// Goes somewhere as soon as the replay that is set is in use: in another one there may be no such step.
    pub(super) fn seek_when_ready(&mut self, to: Cursor) -> Vec<Effect> {
        let is_ready = Pair::of(&self.shown) == self.settings.pair;
        self.awaited = (!is_ready).then_some(to);
        self.seek(if is_ready { to } else { Cursor { step: None, ..to } })
    }

    /// Makes the replays that are asked for here and now, which takes as long as the room is large.
    pub fn settle(&mut self) {
        while let Some(pair) = self.asked.first().copied() {
            let recording = pair.replay(&self.room);
            self.provide(recording);
        }
        if let Some(recording) = self.undiagnosed() {
            let (pair, diagnosis) = (Pair::of(recording), diagnose(&recording.of(&self.room)));
            self.provide_diagnosis(pair, diagnosis);
        }
        if let Some(sides) = self.sides().filter(|_| self.comparison.is_none()) {
            self.provide_comparison(sides.pairs(), sides.begin().finish());
        }
    }

    /// Uses the replays that the settings name, as far as they are at hand, and asks for the others.
    fn use_replays(&mut self) -> Vec<Effect> {
        let find = |pair: Pair| self.recordings.iter().find(|known| Pair::of(known) == pair).cloned();
        let (shown, other) = (find(self.settings.pair), self.settings.compare.map(|pair| (pair, find(pair))));
        let mut effects = Vec::new();
        let mut wanted = Vec::new();
        if shown.is_none() {
            wanted.push(self.settings.pair);
        }
        if let Some((pair, None)) = &other {
            wanted.push(*pair);
        }
        wanted.dedup();
        effects.extend(
            wanted.iter().filter(|pair| !self.asked.contains(pair)).map(|pair| Effect::Replay(*pair)),
        );
        self.asked = wanted;
        let other = other.and_then(|(_, recording)| recording);
        let is_new = |new: &Recording, old: &Recording| Pair::of(new) != Pair::of(old);
        if let Some(shown) = shown.filter(|shown| is_new(shown, &self.shown)) {
            self.shown = shown;
            self.other = other;
            self.forget_resolutions();
        } else if other.as_ref().map(Pair::of) != self.other.as_ref().map(Pair::of) {
            self.other = other;
            self.memo.other_steps.take();
            self.memo.alignment.take();
            self.comparison = None;
        } else {
            return effects;
        }
        effects.extend(self.sides().map(Effect::Compare));
        effects
    }

    /// Another replay is in use: everything that rests on the one before is forgotten.
    fn forget_resolutions(&mut self) {
        self.memo = Memo::default();
        self.comparison = None;
        self.roles = Roles::default();
        self.running = None;
        let count = if self.cursor.step.is_some() { self.step_count() } else { 0 };
        let step = self.cursor.step.and_then(|step| Some(step.min(count.checked_sub(1)?)));
        self.cursor.step = step;
        self.refresh_step();
        self.drop_steps();
    }

    pub(super) fn refresh_rows(&mut self, is_replaced: bool) {
        match Query::parse(&self.settings.filter) {
            Ok(query) => {
                self.query = query;
                self.query_error = None;
            }
            Err(error) => self.query_error = Some(error),
        }
        if is_replaced {
            self.memo.hits.take();
        }
        let order = self.rows.order_for(&self.room, self.settings.axis);
        self.rows = Rows::new(&self.room, order, self.matching(&self.query));
        self.revision += 1;
        self.memo.diffs.take();
    }

    /// Moves the cursor and remembers where it was.
    fn go(&mut self, to: Cursor, movement: Movement) {
        if to == self.cursor {
            return;
        }
        if movement == Movement::Jump || !self.in_series {
            self.places.leave(self.cursor);
        }
        self.in_series = movement == Movement::Small;
        self.stand_at(to);
    }

    fn stand_at(&mut self, to: Cursor) {
        if to.event != self.cursor.event {
            self.memo.steps.take();
            self.memo.other_steps.take();
            self.memo.alignment.take();
            self.roles = Roles::default();
            self.running = None;
            self.drop_steps();
        }
        self.cursor = to;
        if let Some(step) = to.step {
            // What one has come back to may have been left under another replay.
            let last = self.step_count().checked_sub(1);
            self.cursor.step = last.map(|last| step.min(last));
        }
        self.refresh_step();
    }

    /// Finds out what belongs to the step of the cursor.
    fn refresh_step(&mut self) {
        let (roles, running) = (std::mem::take(&mut self.roles), self.running.take());
        self.memo.diffs.take();
        if let Some(step) = self.cursor.step
            && let Some(steps) = self.steps()
        {
            let roles = roles.seek(&steps.steps, Some(step));
            let running = Running::seek(running, &self.room, steps, step);
            (self.roles, self.running) = (roles, Some(running));
        }
    }

    /// Steps of another resolution are not selected any more.
    fn drop_steps(&mut self) {
        let is_step = |item: &Item| matches!(item, Item::Step(_));
        self.selection.retain(|item| !is_step(item));
        self.hovered = self.hovered.take().filter(|item| !is_step(item));
        self.hover_next = self.hover_next.take().filter(|item| !is_step(item));
    }

    fn save_scenario(&self) -> Effect {
        if self.is_empty() {
            return Effect::tell("Open a room first");
        }
        let stem = self.source.name.split('.').next().filter(|stem| !stem.is_empty()).unwrap_or("room");
        let name = format!("{stem}.scenario.json5");
        Effect::SaveScenario(ScenarioFile { name, room: self.shared_room(), recording: self.shown.clone() })
    }
}

/// The number of steps that the cursor can take.
pub(super) fn count(steps: Option<&Steps>) -> usize {
    steps.filter(|steps| !steps.is_trivial()).map_or(0, |steps| steps.steps.len())
}

/// The step so many steps away; `None` if that is outside of the resolution, before its first step.
fn step_after(step: Option<usize>, by: i64, last: usize) -> Option<usize> {
    let distance = usize::try_from(by.unsigned_abs()).unwrap_or(usize::MAX);
    match (step, by) {
        (None, ..=0) => None,
        (None, _) => Some((distance - 1).min(last)),
        (Some(step), ..0) => Some(step.saturating_sub(distance)),
        (Some(step), _) => Some(step.saturating_add(distance).min(last)),
    }
}

/// Whether a text was typed on, or the last of it deleted.
fn continues(old: &str, new: &str) -> bool {
    !old.is_empty() && !new.is_empty() && (new.starts_with(old) || old.starts_with(new))
}
