//! An event on the canvas.

use egui::text::{LayoutJob, TextWrapping};
use egui::{Align2, Color32, CornerRadius, FontId, Painter, Pos2, Rect, Stroke, StrokeKind, Ui, pos2, vec2};

use super::super::nodes::{self, Mark};
use super::super::theme::{roles, size};
use super::Drawing;
use super::view::Detail;
use crate::describe::text;
use crate::layout::{Item, Row};

/// An event in words.
pub(super) struct Told {
    id: String,
    sender: String,
    summary: String,
    /// What its mark says, for screen readers.
    marks: Vec<&'static str>,
}

impl Told {
    /// All of it.
    pub(super) fn label(&self) -> String {
        let parts = [&*self.id, &self.sender, &self.summary].into_iter().filter(|part| !part.is_empty());
        parts.chain(self.marks.iter().copied()).collect::<Vec<_>>().join(" ")
    }
}

/// Puts a row into words.
pub(super) fn tell(drawing: &Drawing<'_>, item: Item) -> Told {
    let describer = drawing.describer;
    match item {
        Item::Event(ix) => Told {
            id: describer.short_id(ix),
            sender: describer.sender(ix),
            summary: nodes::briefly(describer, ix),
            marks: drawing.cx.session.extremity(ix).words().collect(),
        },
        Item::Run(run) => Told {
            id: text::count(run.count, "event"),
            sender: String::new(),
            summary: format!("{} to {}", describer.short_id(run.first), describer.short_id(run.last)),
            marks: Vec::new(),
        },
        Item::Now => {
            let extremities = drawing.cx.session.replay().current().extremities.len();
            Told {
                id: "now".to_owned(),
                sender: String::new(),
                summary: text::count(extremities, nodes::extremity(drawing.cx)),
                marks: Vec::new(),
            }
        }
    }
}

/// Paints a card, or a mark.
pub(super) fn paint(
    drawing: &Drawing<'_>,
    ui: &Ui,
    rect: Rect,
    row: &Row,
    tell: impl Fn() -> Told,
    is_selected: bool,
) {
    let (cx, t, eye) = (drawing.cx, drawing.cx.tokens, &drawing.eye);
    let painter = ui.painter();
    let fade = drawing.fade(row.row, row.item);
    let mark = Mark::of(cx, row.item, drawing.servers);
    let is_here = drawing.is_here(row.row, row.item);
    let is_lit = nodes::is_lit(cx, row.item);
    let ring = if is_here || is_lit {
        Some(t.accent)
    } else if is_selected {
        Some(t.strong)
    } else {
        None
    };
    let extremity = |at: Pos2, radius: f32| {
        if let Item::Event(ix) = row.item {
            nodes::paint_extremity(painter, at, radius, cx.session.extremity(ix), fade, t);
        }
    };
    if eye.detail == Detail::Dots {
        let radius = (eye.row_height() * 0.36).clamp(1.6, 8.0);
        if let Some(color) = ring {
            painter.circle_filled(rect.center(), radius * 1.9, color.gamma_multiply(0.35));
        }
        mark.paint(painter, rect.center(), radius, t.background, fade, t);
        extremity(rect.center(), radius);
        return;
    }
    let told = tell();
    let corner = CornerRadius::same((5.0 * eye.zoom).round() as u8);
    painter.rect_filled(rect, corner, t.background);
    let fill = if is_here {
        t.cursor
    } else if is_selected {
        t.selected
    } else {
        t.panel
    };
    painter.rect_filled(rect, corner, fill.gamma_multiply(fade.max(0.6)));
    let color = match (ring, mark) {
        (Some(color), _) => color,
        (None, Mark::Role(role)) => roles::style(role, t).color,
        (None, Mark::Rejected | Mark::Misplaced) => t.bad,
        (None, Mark::Waiting) => t.warning,
        (None, _) => t.line,
    };
    let width = if ring.is_some() || matches!(mark, Mark::Role(_)) { 1.6 } else { 1.0 };
    painter.rect_stroke(rect, corner, Stroke::new(width, color.gamma_multiply(fade)), StrokeKind::Inside);
    let radius = size::MARK * eye.zoom.clamp(0.8, 1.3);
    let at = pos2(
        rect.left() + 11.0 * eye.zoom,
        if eye.detail == Detail::Card { rect.top() + 12.5 * eye.zoom } else { rect.center().y },
    );
    mark.paint(painter, at, radius, fill, fade, t);
    extremity(at, radius);
    let text = Text { painter, fade, zoom: eye.zoom };
    // A ring around the mark needs some space.
    let is_ringed = matches!(row.item, Item::Event(ix) if cx.session.extremity(ix).state);
    let around = if is_ringed { 8.0 } else { 5.0 };
    let (left, right) = (at.x + radius + around, rect.right() - 6.0 * eye.zoom);
    if eye.detail == Detail::Line {
        text.cell(pos2(left, rect.center().y), right - left, &told.summary, size::BODY + 3.0, t.text);
        return;
    }
    let right = letters(drawing, &text, row.item, pos2(right, at.y), fade);
    let sender = match row.item {
        Item::Event(ix) => drawing.servers.color(cx.session.room(), ix, t),
        Item::Run(_) | Item::Now => t.weak,
    };
    let used = text.cell(pos2(left, at.y), (right - left) * 0.6, &told.sender, size::SMALL, sender);
    let left_of_id = left + used + if used > 0.0 { 6.0 } else { 0.0 };
    text.cell(pos2(left_of_id, at.y), right - left_of_id, &told.id, size::SMALL, t.weak);
    let color = if is_here { t.strong } else { t.text };
    let below = pos2(rect.left() + 7.0 * eye.zoom, rect.bottom() - 12.0 * eye.zoom);
    text.cell(below, rect.right() - below.x - 6.0 * eye.zoom, &told.summary, size::BODY - 0.5, color);
}

/// The letters of all parts that the event plays, from the right. Returns how far left they go.
fn letters(drawing: &Drawing<'_>, text: &Text<'_>, item: Item, from: Pos2, fade: f32) -> f32 {
    let Item::Event(ix) = item else { return from.x };
    let mut x = from.x;
    let roles: Vec<_> = drawing.cx.session.role_of(ix).iter().collect();
    for role in roles.into_iter().rev() {
        let style = roles::style(role, drawing.cx.tokens);
        let font = FontId::proportional(text.size(size::SMALL));
        let color = style.color.gamma_multiply(fade);
        text.painter.text(pos2(x, from.y), Align2::RIGHT_CENTER, style.letter, font, color);
        x -= 10.0 * text.zoom;
    }
    if let Some(place) = drawing.cx.session.roles().mainline(ix) {
        let font = FontId::proportional(text.size(size::SMALL));
        text.painter.text(
            pos2(x, from.y),
            Align2::RIGHT_CENTER,
            place.to_string(),
            font,
            drawing.cx.tokens.weak,
        );
        x -= 14.0 * text.zoom;
    }
    x
}

/// Paints texts that grow with the zoom and are cut off where the space ends.
struct Text<'a> {
    painter: &'a Painter,
    fade: f32,
    zoom: f32,
}

impl Text<'_> {
    /// Sizes come in steps, so that zooming does not fill the font atlas.
    fn size(&self, size: f32) -> f32 {
        ((size * self.zoom * 2.0).round() / 2.0).clamp(7.0, 26.0)
    }

    /// Returns the width of the text.
    fn cell(&self, left: Pos2, width: f32, text: &str, size: f32, color: Color32) -> f32 {
        if width < 8.0 || text.is_empty() {
            return 0.0;
        }
        let font = FontId::proportional(self.size(size));
        let mut job = LayoutJob::simple_singleline(text.to_owned(), font, Color32::PLACEHOLDER);
        job.wrap = TextWrapping::truncate_at_width(width);
        let galley = self.painter.layout_job(job);
        let size = galley.size();
        self.painter.galley(left - vec2(0.0, size.y / 2.0), galley, color.gamma_multiply(self.fade));
        size.x
    }
}
