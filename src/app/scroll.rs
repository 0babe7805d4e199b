//! Scrolling through rows of equal height, however many: where one is is counted in rows, since points in a million rows
//! are more than an `f32` can tell apart.

use std::ops::Range;

use egui::{CornerRadius, CursorIcon, Id, Rect, Sense, Ui, pos2, vec2};

use super::theme::Tokens;

/// The width of the bar.
const BAR: f32 = 10.0;
/// The least height of the handle in it.
const HANDLE: f32 = 24.0;
/// So many rows stay visible around the row that is followed.
const MARGIN: f64 = 2.0;

/// Where somebody has scrolled to.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct RowScroll {
    /// The row at the upper edge, with the part of it that is hidden.
    top: f64,
    /// A row to be brought into sight.
    wanted: Option<usize>,
    /// How far below its upper edge the handle of the bar was taken.
    grip: f32,
}

/// The rows that can be seen.
#[derive(Debug, Clone)]
pub struct Visible {
    /// Which rows, those seen in part among them.
    pub rows: Range<usize>,
    /// Where they are, without the bar.
    pub rect: Rect,
    first: f32,
    height: f32,
}

impl Visible {
    /// Where a row is.
    pub fn row_rect(&self, row: usize) -> Rect {
        let y = self.first + (row - self.rows.start) as f32 * self.height;
        Rect::from_min_size(pos2(self.rect.left(), y), vec2(self.rect.width(), self.height))
    }
}

impl RowScroll {
    /// Brings a row into sight with the next frame.
    pub fn reveal(&mut self, row: usize) {
        self.wanted = Some(row);
    }

    /// Takes all space that is left, scrolls, paints the bar, and says what can be seen. `rows`: how many there are.
    pub fn show(&mut self, ui: &mut Ui, rows: usize, height: f32, tokens: &Tokens) -> Visible {
        let area = ui.available_rect_before_wrap();
        ui.allocate_rect(area, Sense::hover());
        let id = ui.make_persistent_id("rows");
        let fit = f64::from(area.height() / height);
        let last = (rows as f64 - fit).max(0.0);
        if let Some(row) = self.wanted.take() {
            let row = row.min(rows.saturating_sub(1)) as f64;
            let margin = MARGIN.min(((fit - 1.0) / 2.0).max(0.0));
            self.top = self.top.min(row - margin).max(row + 1.0 + margin - fit);
        }
        if ui.rect_contains_pointer(area) {
            let by = ui.input(|input| input.smooth_scroll_delta().y);
            self.top -= f64::from(by / height);
        }
        self.top = self.top.clamp(0.0, last);
        let body = area.with_max_x(area.right() - BAR);
        self.bar_ui(ui, id, area.with_min_x(body.right()), fit / (rows as f64).max(1.0), last, tokens);
        let first = self.top.floor();
        let end = ((self.top + fit).ceil() as usize).min(rows);
        let hidden = ((self.top - first) as f32 * height).round();
        Visible { rows: (first as usize).min(end)..end, rect: body, first: body.top() - hidden, height }
    }

    fn bar_ui(&mut self, ui: &Ui, id: Id, bar: Rect, part: f64, last: f64, tokens: &Tokens) {
        if last <= 0.0 {
            return;
        }
        let length = (bar.height() * part as f32).clamp(HANDLE.min(bar.height()), bar.height());
        let way = bar.height() - length;
        let handle = |top: f64| {
            let y = bar.top() + way * (top / last) as f32;
            Rect::from_min_size(pos2(bar.left() + 2.0, y), vec2(BAR - 4.0, length))
        };
        let response = ui.interact(bar, id.with("bar"), Sense::click_and_drag());
        if let Some(pointer) = response.interact_pointer_pos()
            && way > 0.0
        {
            if response.drag_started() || response.clicked() {
                let now = handle(self.top);
                self.grip = if now.contains(pointer) { pointer.y - now.top() } else { length / 2.0 };
            }
            if response.dragged() || response.clicked() {
                let top = f64::from((pointer.y - self.grip - bar.top()) / way) * last;
                self.top = top.clamp(0.0, last);
            }
        }
        let color = if response.hovered() || response.dragged() { tokens.weak } else { tokens.line };
        ui.painter().rect_filled(handle(self.top), CornerRadius::same(3), color);
        response.on_hover_cursor(CursorIcon::Default);
    }
}
