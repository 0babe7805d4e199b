//! What the marks mean.

use egui::{Align2, FontId, Painter, Pos2, Response, Sense, Ui, vec2};

use super::{Tokens, roles, size};
use crate::session::Role;

/// Marks with their letters and names, one after the other. Roles that `shown` says no to are left out.
pub fn roles_ui(ui: &mut Ui, shown: impl Fn(Role) -> bool) {
    let tokens = Tokens::of(ui.visuals());
    for role in Role::ALL.into_iter().filter(|role| shown(*role)) {
        let style = roles::style(role, tokens);
        let text = format!("{} {}", style.letter, role.label());
        entry_ui(ui, &text, |painter, center| style.paint(painter, center, size::MARK));
    }
}

/// A mark and what it means: one piece, so that no line ends between the two.
pub fn entry_ui(ui: &mut Ui, text: &str, paint: impl FnOnce(&Painter, Pos2)) -> Response {
    let font = FontId::proportional(size::SMALL);
    let galley = ui.painter().layout_no_wrap(text.to_owned(), font.clone(), ui.visuals().text_color());
    let (rect, response) = ui.allocate_exact_size(vec2(galley.size().x + 24.0, 16.0), Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, text));
    paint(ui.painter(), rect.left_center() + vec2(7.0, 0.0));
    let left = rect.left_center() + vec2(18.0, 0.0);
    ui.painter().text(left, Align2::LEFT_CENTER, text, font, ui.visuals().text_color());
    response
}
