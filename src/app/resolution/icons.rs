//! Buttons with drawn signs: those of a tape recorder.

use egui::{Color32, Pos2, Rect, Response, Role, Sense, Shape, Stroke, Ui, WidgetInfo, pos2, vec2};

/// A sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Icon {
    First,
    Previous,
    Play,
    Pause,
    Next,
    Last,
}

/// A button with a sign, which is called `name`.
pub(super) fn icon_button(ui: &mut Ui, icon: Icon, name: &str, is_enabled: bool) -> Response {
    ui.add_enabled_ui(is_enabled, |ui| {
        let (rect, response) = ui.allocate_exact_size(vec2(30.0, 24.0), Sense::click());
        let visuals = ui.style().interact(&response);
        let painter = ui.painter();
        painter.rect(
            rect,
            visuals.corner_radius,
            visuals.weak_bg_fill,
            visuals.bg_stroke,
            egui::StrokeKind::Inside,
        );
        let color = if is_enabled { visuals.fg_stroke.color } else { ui.visuals().weak_text_color() };
        paint(ui, icon, rect.center(), color);
        response.widget_info(|| WidgetInfo::labeled(Role::Button, is_enabled, name));
        response
    })
    .inner
}

fn paint(ui: &Ui, icon: Icon, center: Pos2, color: Color32) {
    let r = 5.0;
    let bar = |x: f32| Rect::from_center_size(pos2(center.x + x, center.y), vec2(2.5, 2.0 * r));
    let triangle = |x: f32, direction: f32| {
        let tip = pos2(center.x + x + direction * r, center.y);
        let base = center.x + x - direction * r * 0.7;
        let points = vec![tip, pos2(base, center.y - r), pos2(base, center.y + r)];
        Shape::convex_polygon(points, color, Stroke::NONE)
    };
    let shapes = match icon {
        Icon::First => vec![Shape::rect_filled(bar(-5.0), 0.0, color), triangle(2.0, -1.0)],
        Icon::Previous => vec![triangle(-1.0, -1.0)],
        Icon::Play => vec![triangle(0.0, 1.0), triangle(0.5, 1.0)],
        Icon::Pause => {
            vec![Shape::rect_filled(bar(-3.0), 0.0, color), Shape::rect_filled(bar(3.0), 0.0, color)]
        }
        Icon::Next => vec![triangle(1.0, 1.0)],
        Icon::Last => vec![triangle(-2.0, 1.0), Shape::rect_filled(bar(5.0), 0.0, color)],
    };
    ui.painter().extend(shapes);
}
