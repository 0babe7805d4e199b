//! Which algorithm and profile resolve, and which are compared with them.

use egui::{ComboBox, RichText, Role, Ui, WidgetInfo};

use crate::app::context::Context;
use crate::auth::Profile;
use crate::resolve::Algorithm;
use crate::session::{Command, Pair};

/// The choice of algorithm and profile.
pub(super) fn pair_ui(ui: &mut Ui, cx: &Context<'_>) {
    let pair = cx.session.settings().pair;
    if let Some(algorithm) = algorithm_ui(ui, "Algorithm", pair.algorithm, room_algorithm(cx)) {
        cx.send(Command::SetAlgorithm(Some(algorithm)));
    }
    if let Some(profile) = profile_ui(ui, "Profile", pair.profile) {
        cx.send(Command::SetProfile(profile));
    }
}

/// The choice of what to compare with.
pub(super) fn compare_ui(ui: &mut Ui, cx: &Context<'_>) {
    let compare = cx.session.settings().compare;
    let toggle = ui.selectable_label(compare.is_some(), "Compare");
    if toggle.on_hover_text("Compare with another algorithm or profile  (X)").clicked() {
        cx.send(Command::ToggleCompare);
    }
    if let Some(pair) = compare {
        ui.label(RichText::new("with").color(cx.tokens.weak));
        if let Some(algorithm) = algorithm_ui(ui, "Other algorithm", pair.algorithm, room_algorithm(cx)) {
            cx.send(Command::SetCompare(Some(Pair { algorithm, ..pair })));
        }
        if let Some(profile) = profile_ui(ui, "Other profile", pair.profile) {
            cx.send(Command::SetCompare(Some(Pair { profile, ..pair })));
        }
        if ui.button("Swap").on_hover_text("Exchange the two sides").clicked() {
            cx.send(Command::SwapCompare);
        }
    }
    for pending in cx.session.pending() {
        ui.spinner();
        ui.label(RichText::new(format!("replaying by {pending}")).color(cx.tokens.weak));
    }
}

fn room_algorithm(cx: &Context<'_>) -> Algorithm {
    cx.session.room().rules().algorithm
}

fn algorithm_ui(ui: &mut Ui, name: &str, chosen: Algorithm, of_room: Algorithm) -> Option<Algorithm> {
    let mut picked = None;
    let combo = ComboBox::from_id_salt(name).width(64.0).selected_text(chosen.as_str()).show_ui(ui, |ui| {
        for algorithm in Pair::ALGORITHMS {
            let remark = if algorithm == of_room { " (room version)" } else { "" };
            let text = format!("{algorithm}{remark}");
            if ui.selectable_label(algorithm == chosen, text).clicked() {
                picked = Some(algorithm);
            }
        }
    });
    combo.response.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, format!("{name} {chosen}")));
    picked
}

fn profile_ui(ui: &mut Ui, name: &str, chosen: Profile) -> Option<Profile> {
    let mut picked = None;
    let combo = ComboBox::from_id_salt(name).width(84.0).selected_text(chosen.as_str()).show_ui(ui, |ui| {
        for profile in Profile::ALL {
            if ui.selectable_label(profile == chosen, profile.as_str()).clicked() {
                picked = Some(profile);
            }
        }
    });
    combo.response.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, format!("{name} {chosen}")));
    picked
}
