//! What the marks mean.

use egui::{Sense, Ui, vec2};

use super::{Tokens, roles};
use crate::session::Role;

/// One line of marks with their letters and names, wrapped where it does not fit. Roles that `shown` says no to are
/// left out.
pub fn legend_ui(ui: &mut Ui, shown: impl Fn(Role) -> bool) {
    let tokens = Tokens::of(ui.visuals());
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        for role in Role::ALL.into_iter().filter(|role| shown(*role)) {
            let style = roles::style(role, tokens);
            ui.horizontal(|ui| {
                let (rect, _) = ui.allocate_exact_size(vec2(14.0, 14.0), Sense::hover());
                style.paint(ui.painter(), rect.center(), super::size::MARK);
                ui.small(format!("{} {}", style.letter, role.label()));
            });
            ui.add_space(8.0);
        }
    });
}
