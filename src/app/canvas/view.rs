//! Where the canvas is looked at from.

use std::ops::Range;

use egui::{Rect, Response, Ui, Vec2, vec2};

use super::super::context::Context;
use super::super::sheet::Sheet;
use super::minimap;
use crate::session::{Cursor, EdgeMode};

/// The distance of two lanes and of two rows, at a zoom of 1.
const PITCH: Vec2 = vec2(172.0, 54.0);
/// The size of a card, at a zoom of 1.
const CARD: Vec2 = vec2(156.0, 40.0);
/// How far one can zoom.
pub(super) const ZOOM: std::ops::RangeInclusive<f32> = 0.08..=2.0;

/// Below this zoom texts are hard to read.
const READABLE: f32 = 0.75;

/// How much of an event is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// A card of two lines.
    Card,
    /// A card of one line.
    Line,
    /// A mark.
    Dots,
}

/// What the canvas keeps.
#[derive(Debug)]
pub struct CanvasView {
    pub(super) zoom: f32,
    /// What is in the middle: the row, and the place across in lanes.
    center: (f64, f32),
    /// The cursor is kept in sight.
    pub(super) follow: bool,
    /// Everything is to be brought into sight.
    pub(super) fit: bool,
    /// The cursor that was brought into sight last, and in which graph.
    followed: Option<(Cursor, EdgeMode, u64, bool)>,
    /// The rows seen last.
    pub(super) seen: Range<usize>,
}

impl Default for CanvasView {
    fn default() -> Self {
        Self { zoom: 1.0, center: (0.0, 0.0), follow: true, fit: false, followed: None, seen: 0..0 }
    }
}

impl CanvasView {
    /// The rows seen last.
    pub fn rows(&self) -> Range<usize> {
        self.seen.clone()
    }

    /// Puts a row into the middle, from where the minimap was pressed.
    pub(super) fn go_to(&mut self, row: f64) {
        self.center.0 = row;
        self.follow = false;
    }

    /// Keeps the cursor in sight from now on, or no longer.
    pub(super) fn set_follow(&mut self, follow: bool) {
        self.follow = follow;
        if follow && let Some(followed) = &mut self.followed {
            // Whatever it was: it is looked for anew.
            followed.2 = u64::MAX;
        }
    }

    /// Takes dragging and the wheel, and keeps the cursor in sight.
    pub(super) fn look(
        &mut self,
        ui: &Ui,
        cx: &Context<'_>,
        all: &Response,
        sheet: &Sheet,
        here: Option<usize>,
    ) -> Eye {
        let rect = all.rect;
        let first = self.followed.is_none();
        if self.fit || first {
            self.fit(rect.size(), sheet, first);
        }
        let session = cx.session;
        let settings = session.settings();
        let place = (session.cursor(), settings.edges, session.revision(), settings.collapse);
        if self.followed != Some(place) {
            let is_same = self.followed.is_some_and(|(_, edges, revision, collapse)| {
                (edges, revision, collapse) == (place.1, place.2, place.3)
            });
            self.followed = Some(place);
            if let Some(here) = here.filter(|_| self.follow || !is_same) {
                self.bring(rect.size(), sheet, here, is_same && !first);
                if settings.edges == EdgeMode::Auth {
                    // What it rests on is above it.
                    let rows = f64::from(rect.height() / PITCH.y / self.zoom);
                    self.center.0 = self.center.0.min((here as f64 + 0.8 - rows / 2.0).max(0.0));
                }
            }
        }
        self.take_input(ui, all);
        let last = sheet.lanes.len().saturating_sub(1) as f64;
        self.center.0 = self.center.0.clamp(0.0, last);
        self.center.1 = self.center.1.clamp(0.0, sheet.lanes.width() as f32 - 1.0);
        let eye = Eye::new(rect, self.zoom, self.center, sheet);
        self.seen = eye.rows();
        eye
    }

    fn take_input(&mut self, ui: &Ui, all: &Response) {
        let pitch = PITCH * self.zoom;
        if all.dragged() {
            let by = all.drag_delta();
            self.center.0 -= f64::from(by.y / pitch.y);
            self.center.1 -= by.x / pitch.x;
            self.follow = false;
        }
        let Some(pointer) = ui.input(|input| input.pointer.hover_pos()) else { return };
        if !all.contains_pointer() && !ui.rect_contains_pointer(minimap::without(all.rect)) {
            return;
        }
        let (zoom, wheel) = ui.input(|input| (input.zoom_delta(), input.smooth_scroll_delta()));
        let factor = zoom * (wheel.y * 0.004).exp();
        if (factor - 1.0).abs() > 1e-4 {
            self.zoom_at(factor, pointer - all.rect.center());
        }
    }

    /// Zooms; what is `away` from the middle stays where it is.
    pub(super) fn zoom_at(&mut self, factor: f32, away: Vec2) {
        let old = PITCH * self.zoom;
        self.zoom = (self.zoom * factor).clamp(*ZOOM.start(), *ZOOM.end());
        let new = PITCH * self.zoom;
        self.center.0 += f64::from(away.y / old.y - away.y / new.y);
        self.center.1 += away.x / old.x - away.x / new.x;
    }

    /// Chooses a zoom at which everything can be seen. At `first` one at which everything can be read.
    fn fit(&mut self, size: Vec2, sheet: &Sheet, first: bool) {
        let (rows, lanes) = (sheet.lanes.len() as f32, sheet.lanes.width() as f32);
        let across = (size.x - minimap::WIDTH) / (lanes * PITCH.x + 16.0);
        let down = size.y / ((rows + 0.3) * PITCH.y);
        let fitting = across.min(down).clamp(*ZOOM.start(), 1.0);
        // What cannot be read as a whole is read in part: larger where there is space.
        let part = if size.y < 400.0 { READABLE + 0.1 } else { 1.0 };
        self.zoom = if first && fitting < READABLE { part } else { fitting };
        self.center = (f64::from((rows - 1.0) / 2.0), (lanes - 1.0) / 2.0);
        self.fit = false;
    }

    /// Moves as little as needed to have a row in sight, away from the edge if it `moves` only.
    fn bring(&mut self, size: Vec2, sheet: &Sheet, here: usize, moves: bool) {
        let pitch = PITCH * self.zoom;
        let (rows, lanes) = (f64::from(size.y / pitch.y), (size.x - minimap::WIDTH) / pitch.x);
        let row = here as f64;
        if sheet.lanes.len() as f64 <= rows {
            self.center.0 = (sheet.lanes.len() as f64 - 1.0) / 2.0;
        } else {
            let slack = if moves { rows / 2.0 - (rows * 0.2).max(0.8) } else { rows * 0.2 };
            self.center.0 = self.center.0.clamp(row - slack.max(0.0), row + slack.max(0.0));
        }
        let width = sheet.lanes.width() as f32;
        if width <= lanes {
            self.center.1 = (width - 1.0) / 2.0;
        } else {
            let (lane, slack) = (sheet.lanes.lane(here) as f32, (lanes / 2.0 - 0.6).max(0.0));
            self.center.1 = self.center.1.clamp(lane - slack, lane + slack);
        }
    }
}

/// What can be seen in one frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Eye {
    pub(super) rect: Rect,
    pub(super) zoom: f32,
    pub(super) detail: Detail,
    /// The row at the upper edge, with its hidden part.
    top: f64,
    /// Where lane 0 is.
    left: f32,
    len: usize,
    width: usize,
}

impl Eye {
    fn new(rect: Rect, zoom: f32, center: (f64, f32), sheet: &Sheet) -> Self {
        let pitch = PITCH * zoom;
        let detail = match zoom {
            0.7.. => Detail::Card,
            0.42.. => Detail::Line,
            _ => Detail::Dots,
        };
        let top = center.0 - f64::from(rect.height() / 2.0 / pitch.y);
        let middle = rect.center().x - minimap::WIDTH / 2.0;
        let left = middle - center.1 * pitch.x;
        Self { rect, zoom, detail, top, left, len: sheet.lanes.len(), width: sheet.lanes.width() }
    }

    pub(super) fn row_height(&self) -> f32 {
        PITCH.y * self.zoom
    }

    pub(super) fn card(&self) -> Vec2 {
        match self.detail {
            Detail::Card => CARD * self.zoom,
            Detail::Line => vec2(CARD.x, CARD.y * 0.8) * self.zoom,
            Detail::Dots => vec2(PITCH.x, PITCH.y).min(Vec2::splat(150.0)) * self.zoom * 0.9,
        }
    }

    pub(super) fn y(&self, row: usize) -> f32 {
        self.rect.top() + ((row as f64 - self.top) as f32) * self.row_height()
    }

    pub(super) fn x(&self, lane: usize) -> f32 {
        self.left + lane as f32 * PITCH.x * self.zoom
    }

    /// The rows that are in sight at least in part.
    pub(super) fn rows(&self) -> Range<usize> {
        let count = f64::from(self.rect.height() / self.row_height());
        let start = (self.top - 0.5).floor().max(0.0) as usize;
        let end = (self.top + count + 1.5).ceil().max(0.0) as usize;
        start.min(self.len)..end.min(self.len)
    }

    /// The lanes that are in sight at least in part.
    pub(super) fn lanes(&self) -> Range<usize> {
        let pitch = PITCH.x * self.zoom;
        let start = ((self.rect.left() - self.left) / pitch - 1.0).floor().max(0.0) as usize;
        let end = ((self.rect.right() - self.left) / pitch + 2.0).ceil().max(0.0) as usize;
        start.min(self.width)..end.min(self.width)
    }
}
