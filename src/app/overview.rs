//! What a room is, in a few lines.

use egui::{Grid, RichText, ScrollArea, Ui};

use super::context::Context;
use super::theme::size;

/// Room, version, numbers.
pub(super) fn overview_ui(ui: &mut Ui, cx: &Context<'_>) {
    let (room, replay) = (cx.session.room(), cx.session.replay());
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        ui.add_space(size::GAP);
        ui.heading(&cx.session.source().name);
        ui.add_space(size::GAP);
        let merges = room.events().filter(|ix| room.prev_events(*ix).len() > 1).count();
        let resolved = room.events().filter(|ix| replay.resolved(*ix)).count();
        let facts = [
            ("Room", room.room_id().unwrap_or("unknown").to_owned()),
            ("Room version", room.rules().id.to_owned()),
            ("Algorithm", format!("{} by profile {}", replay.algorithm(), replay.profile().as_str())),
            ("Events", room.len().to_string()),
            ("Merges", merges.to_string()),
            ("Conflicted merges", resolved.to_string()),
            ("Rejected events", replay.rejected().iter().count().to_string()),
            ("Missing events", room.missing().len().to_string()),
            ("Forward extremities", replay.current().extremities.len().to_string()),
        ];
        Grid::new("facts").num_columns(2).spacing([size::SPACE, size::GAP]).show(ui, |ui| {
            for (name, value) in facts {
                ui.label(RichText::new(name).color(cx.tokens.weak));
                ui.label(value);
                ui.end_row();
            }
        });
    });
}
