//! All rows in one strip: where states differ, where events are rejected, where branches meet; and the cursor, to be
//! dragged.

use egui::{
    Align2, Color32, CornerRadius, CursorIcon, FontId, Mesh, Rangef, Rect, Response, Sense, Shape, Stroke,
    Ui, WidgetInfo, pos2, vec2,
};

use super::context::Context;
use super::nodes;
use super::theme::size;
use crate::describe::text;
use crate::session::{Axis, Command, Position, Session};

/// How many parts the rows are divided into, at most.
const BUCKETS: usize = 1024;
/// The space for the names of the tracks.
const NAMES: f32 = 84.0;
/// The height of the line of labels.
const LABELS: f32 = 16.0;
/// About how far labels are apart.
const APART: f32 = 130.0;
/// What each track shows.
const TRACKS: [&str; 3] = ["Conflicts", "Rejected", "Merges"];

/// What the strip keeps.
#[derive(Debug, Default)]
pub struct TimelineView {
    counted: Option<Counted>,
}

/// How many rows of each kind there are where.
#[derive(Debug)]
struct Counted {
    revision: u64,
    buckets: Vec<[u32; 3]>,
    most: [u32; 3],
}

impl Counted {
    fn new(session: &Session) -> Self {
        let (room, replay) = (session.room(), session.replay());
        let rejected = replay.rejected();
        let rows = session.rows();
        let (len, count) = (rows.len(), rows.len().min(BUCKETS));
        let mut buckets = vec![[0; 3]; count];
        for row in 0..len {
            let is = match rows.get(row) {
                Position::Event(ix) => {
                    [replay.resolved(ix), rejected.contains(ix), room.state_links(ix).nth(1).is_some()]
                }
                Position::Over(_) | Position::Now => {
                    let current = replay.current();
                    [current.resolved, false, current.extremities.len() > 1]
                }
            };
            let bucket = &mut buckets[row * count / len];
            for (sum, is) in bucket.iter_mut().zip(is) {
                *sum += u32::from(is);
            }
        }
        let most = [0, 1, 2].map(|kind| buckets.iter().map(|bucket| bucket[kind]).max().unwrap_or(0));
        Self { revision: session.revision(), buckets, most }
    }
}

/// Draws the strip.
pub fn timeline_ui(ui: &mut Ui, cx: &Context<'_>, view: &mut TimelineView) {
    let session = cx.session;
    if view.counted.as_ref().is_some_and(|counted| counted.revision != session.revision()) {
        view.counted = None;
    }
    let counted = view.counted.get_or_insert_with(|| Counted::new(session));
    let rect = ui.available_rect_before_wrap();
    let response = ui.allocate_rect(rect, Sense::click_and_drag());
    let strip = Strip {
        cx,
        tracks: Rect::from_min_max(
            rect.min + vec2(NAMES, 2.0),
            (rect.max - vec2(8.0, LABELS)).max(rect.min + vec2(NAMES + 20.0, 8.0)),
        ),
        rows: session.rows().len(),
        here: session.rows().row_from(session.cursor().event.anchor().map_or(Position::Now, Position::Event)),
    };
    strip.scrub(&response);
    cx.focus_ring(ui, &response, -1.0);
    strip.paint_past(ui);
    strip.paint_tracks(ui, counted);
    strip.paint_labels(ui, rect.bottom() - LABELS / 2.0);
    strip.paint_cursor(ui);
    strip.tip(response);
}

/// The strip in one frame.
struct Strip<'a> {
    cx: &'a Context<'a>,
    tracks: Rect,
    /// The number of rows.
    rows: usize,
    /// The row of the cursor.
    here: usize,
}

impl Strip<'_> {
    /// Where a row begins; in the middle of it for the cursor.
    fn x(&self, row: f32) -> f32 {
        self.tracks.left() + row / self.rows as f32 * self.tracks.width()
    }

    fn row_at(&self, x: f32) -> usize {
        let part = f64::from((x - self.tracks.left()) / self.tracks.width()).clamp(0.0, 1.0);
        ((part * self.rows as f64) as usize).min(self.rows - 1)
    }

    fn scrub(&self, response: &Response) {
        let here = self.here;
        response.widget_info(|| {
            let mut info = WidgetInfo::slider(true, here as f64, "Timeline");
            info.role = egui::Role::Slider;
            info
        });
        if let Some(pointer) = response.interact_pointer_pos()
            && (response.dragged() || response.clicked())
        {
            let row = self.row_at(pointer.x);
            if row != self.here || self.cx.session.rows().get(row) != self.cx.session.cursor().event {
                self.cx.send(Command::ScrubToRow(row));
            }
        }
    }

    fn paint_past(&self, ui: &Ui) {
        let t = self.cx.tokens;
        let painter = ui.painter();
        painter.rect_filled(self.tracks, CornerRadius::same(3), t.background);
        let past = self.tracks.with_max_x(self.x(self.here as f32 + 0.5));
        painter.rect_filled(past, CornerRadius::same(3), t.selected.gamma_multiply(0.6));
    }

    fn paint_tracks(&self, ui: &Ui, counted: &Counted) {
        let t = self.cx.tokens;
        let height = self.tracks.height() / TRACKS.len() as f32;
        let mut mesh = Mesh::default();
        let width = (self.tracks.width() / counted.buckets.len() as f32).max(1.0);
        let colors = [t.warning, t.bad, t.weak];
        for (kind, name) in TRACKS.into_iter().enumerate() {
            let bottom = self.tracks.top() + height * (kind + 1) as f32 - 1.0;
            self.paint_name(ui, name, bottom - height / 2.0 + 0.5, counted.most[kind], colors[kind]);
            for (place, bucket) in counted.buckets.iter().enumerate().filter(|(_, bucket)| bucket[kind] > 0) {
                // One among many should be seen too.
                let part = bucket[kind] as f32 / counted.most[kind] as f32;
                let high = (height - 3.0).max(2.0) * (0.3 + 0.7 * part);
                let left =
                    self.tracks.left() + place as f32 / counted.buckets.len() as f32 * self.tracks.width();
                // In small rooms a mark in the middle of the row, else what is there.
                let wide = width.clamp(1.5, 7.0);
                let left = left + (width - wide).max(0.0) / 2.0;
                let bar = Rect::from_min_max(pos2(left, bottom - high), pos2(left + wide, bottom));
                mesh.add_colored_rect(bar, colors[kind]);
            }
        }
        ui.painter_at(self.tracks).add(Shape::mesh(mesh));
    }

    fn paint_name(&self, ui: &Ui, name: &str, middle: f32, most: u32, color: Color32) {
        let color = if most == 0 { self.cx.tokens.weak } else { color };
        let font = FontId::proportional(size::SMALL);
        let place = pos2(self.tracks.left() - 8.0, middle);
        ui.painter().text(place, Align2::RIGHT_CENTER, name, font, color);
    }

    /// Labels along the axis, in its unit.
    fn paint_labels(&self, ui: &Ui, middle: f32) {
        let (t, session) = (self.cx.tokens, self.cx.session);
        let rows = session.rows();
        let painter = ui.painter();
        let font = FontId::proportional(size::SMALL);
        let place = pos2(self.tracks.left() - 8.0, middle);
        painter.text(place, Align2::RIGHT_CENTER, unit(rows.axis()), font.clone(), t.weak);
        let apart = if rows.axis() == Axis::OriginServerTs { APART * 1.3 } else { APART };
        let count = (self.tracks.width() / apart).floor().max(1.0) as usize;
        let count = count.min(rows.events().len());
        for number in 0..count {
            let row = number * rows.events().len() / count;
            let Position::Event(ix) = rows.get(row) else { continue };
            let x = self.x(row as f32);
            painter.vline(
                x,
                Rangef::new(self.tracks.bottom(), self.tracks.bottom() + 3.0),
                Stroke::new(1.0, t.line),
            );
            let label = self.value(ix);
            painter.text(pos2(x + 1.0, middle + 1.0), Align2::LEFT_CENTER, label, font.clone(), t.weak);
        }
        let right = pos2(self.tracks.right(), middle + 1.0);
        painter.text(right, Align2::RIGHT_CENTER, "now", font, t.weak);
    }

    /// Where on the axis an event is.
    fn value(&self, ix: crate::room::EventIx) -> String {
        let (session, axis) = (self.cx.session, self.cx.session.rows().axis());
        match axis {
            Axis::OriginServerTs => session.describer().time(ix),
            Axis::Topological | Axis::File | Axis::Depth => {
                let value = axis.value(session.room(), ix);
                u64::try_from(value).map_or_else(|_| value.to_string(), text::number)
            }
        }
    }

    fn paint_cursor(&self, ui: &Ui) {
        let color = self.cx.tokens.accent;
        let x = self.x(self.here as f32 + 0.5);
        let painter = ui.painter();
        painter.vline(x, self.tracks.y_range(), Stroke::new(2.0, color));
        let top = self.tracks.top();
        let grip = vec![pos2(x - 5.0, top - 2.0), pos2(x + 5.0, top - 2.0), pos2(x, top + 5.0)];
        painter.add(Shape::convex_polygon(grip, color, Stroke::NONE));
    }

    /// What is where the pointer is.
    fn tip(&self, response: Response) {
        let Some(pointer) = response.hover_pos() else { return };
        let session = self.cx.session;
        let row = self.row_at(pointer.x);
        response.on_hover_cursor(CursorIcon::ResizeHorizontal).on_hover_ui_at_pointer(|ui| {
            match session.rows().get(row) {
                Position::Over(_) | Position::Now => ui.label("Now"),
                Position::Event(ix) => {
                    let describer = session.describer();
                    let what = nodes::briefly(&describer, ix);
                    ui.label(format!("{}  {}  {what}", describer.short_id(ix), describer.sender(ix)));
                    ui.weak(format!("{} {}", unit(session.rows().axis()), self.value(ix)))
                }
            };
        });
    }
}

/// What the numbers on an axis are.
fn unit(axis: Axis) -> &'static str {
    match axis {
        Axis::Topological => "Index",
        Axis::File => "Place in file",
        Axis::OriginServerTs => "Sent (UTC)",
        Axis::Depth => "Depth",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::{Options, load};

    #[test]
    fn every_row_is_counted_once() {
        let scenario = include_bytes!("../../fixtures/twenty-way-merge/scenario.json5");
        let mut session = Session::new("test", load(scenario, &Options::default()).unwrap());
        for axis in Axis::ALL {
            session.apply(Command::SetAxis(axis));
            let counted = Counted::new(&session);
            let sum = |kind: usize| counted.buckets.iter().map(|bucket| bucket[kind] as usize).sum::<usize>();
            let (room, replay) = (session.room(), session.replay());
            let now = usize::from(replay.current().resolved);
            assert_eq!(sum(0), room.events().filter(|ix| replay.resolved(*ix)).count() + now);
            assert_eq!(sum(1), replay.rejected().len());
            assert!(sum(2) >= 1);
        }
    }
}
