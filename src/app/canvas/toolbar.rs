//! Which edges, how near.

use egui::{Align, Button, Layout, RichText, Ui, Vec2};

use super::super::context::Context;
use super::view::CanvasView;
use crate::session::{Command, CommandInfo, EdgeMode};

pub(super) fn toolbar_ui(ui: &mut Ui, cx: &Context<'_>, view: &mut CanvasView) {
    let edges = cx.session.settings().edges;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        let key = CommandInfo::of(&Command::ToggleEdges).and_then(|info| info.shortcuts.first());
        let key = key.map_or(String::new(), |key| format!("  ({})", key.text()));
        for (mode, name, tip) in [
            (EdgeMode::Prev, "History", "Lines are prev_events: what the sender's server had seen"),
            (
                EdgeMode::Auth,
                "Auth chain",
                "Lines are auth_events, those that follow from others left out: what the events rest on",
            ),
            (
                EdgeMode::State,
                "State DAG",
                "Lines are prev_state_events: after which events the state before an event comes, and all that decides on it",
            ),
        ] {
            if !mode.is_of(cx.session.room()) {
                continue;
            }
            let button = Button::new(RichText::new(name).small()).selected(mode == edges).small();
            if ui.add(button).on_hover_text(format!("{tip}{key}")).clicked() {
                cx.send(Command::SetEdges(mode));
            }
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            for (name, factor, tip) in [("+", 1.25, "Zoom in"), ("\u{2212}", 0.8, "Zoom out")] {
                let button =
                    ui.add(Button::new(name).small()).on_hover_text(format!("{tip}; or use the wheel"));
                button.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, tip));
                if button.clicked() {
                    view.zoom_at(factor, Vec2::ZERO);
                }
            }
            ui.label(RichText::new(format!("{:.0} %", view.zoom * 100.0)).small().color(cx.tokens.weak));
            if ui.small_button("Fit").on_hover_text("Show everything").clicked() {
                view.fit = true;
            }
            let follow = Button::new(RichText::new("Follow").small()).selected(view.follow).small();
            if ui.add(follow).on_hover_text("Keep the cursor in sight; dragging the graph ends it").clicked()
            {
                view.set_follow(!view.follow);
            }
        });
    });
}
