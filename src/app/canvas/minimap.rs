//! The whole graph in a narrow strip: how wide it is where, and where something happens.

use egui::{Color32, CornerRadius, Mesh, Rect, Sense, Shape, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};

use super::super::context::Context;
use super::super::sheet::Sheet;
use super::view::{CanvasView, Eye};

/// The width of the strip.
pub(super) const WIDTH: f32 = 44.0;

/// The canvas without the strip.
pub(super) fn without(rect: Rect) -> Rect {
    rect.with_max_x(rect.right() - WIDTH)
}

/// Draws the strip, unless everything is in sight.
pub(super) fn minimap_ui(
    ui: &Ui,
    cx: &Context<'_>,
    view: &mut CanvasView,
    sheet: &Sheet,
    eye: &Eye,
    here: Option<usize>,
) {
    let len = sheet.lanes.len();
    let seen = eye.rows();
    if seen.len() >= len {
        return;
    }
    let t = cx.tokens;
    let strip = eye.rect.with_min_x(eye.rect.right() - WIDTH);
    let response = ui.interact(strip, ui.scope_id().with("minimap"), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(egui::Role::ScrollBar, true, "Minimap"));
    let inner = strip.shrink2(vec2(4.0, 6.0));
    if let Some(pointer) = response.interact_pointer_pos() {
        let part = ((pointer.y - inner.top()) / inner.height()).clamp(0.0, 1.0);
        view.go_to(f64::from(part) * (len - 1) as f64);
    }
    let painter = ui.painter_at(strip);
    painter.rect_filled(strip, CornerRadius::ZERO, t.panel);
    let y = |row: usize| inner.top() + row as f32 / len as f32 * inner.height();
    let mut mesh = Mesh::default();
    let widest = sheet.lanes.width().max(1) as f32;
    let most = [0, 1].map(|kind| sheet.density.iter().map(|bucket| bucket.counts[kind]).max().unwrap_or(0));
    for bucket in &sheet.density {
        let (top, bottom) = (y(bucket.rows.start), y(bucket.rows.end));
        let width = inner.width() * 0.62 * (bucket.width as f32 / widest).sqrt().max(0.12);
        mesh.add_colored_rect(
            Rect::from_min_max(pos2(inner.left(), top), pos2(inner.left() + width, bottom)),
            t.line,
        );
        let [conflicted, rejected, _] = bucket.counts;
        let mut tick = |kind: usize, count: usize, from: f32, color: Color32| {
            if count > 0 {
                let from = pos2(inner.left() + inner.width() * from, top);
                let color = color.gamma_multiply(0.25 + 0.75 * count as f32 / most[kind] as f32);
                mesh.add_colored_rect(Rect::from_min_size(from, vec2(6.0, (bottom - top).max(1.5))), color);
            }
        };
        tick(0, conflicted, 0.66, t.warning);
        tick(1, rejected, 0.84, t.bad);
    }
    painter.add(Shape::mesh(mesh));
    let frame = Rect::from_x_y_ranges(
        strip.x_range().shrink(1.5),
        y(seen.start)..=y(seen.end).max(y(seen.start) + 3.0),
    );
    painter.rect_filled(frame, CornerRadius::same(2), t.accent.gamma_multiply(0.16));
    painter.rect_stroke(frame, CornerRadius::same(2), Stroke::new(1.0, t.accent), StrokeKind::Inside);
    if let Some(here) = here {
        painter.hline(strip.x_range(), y(here), Stroke::new(1.5, t.strong));
    }
    response.on_hover_text(
        "The whole graph: orange where states differ, further right where events are rejected",
    );
}
