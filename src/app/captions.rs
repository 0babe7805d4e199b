//! Tutorials: the caption of the event at the cursor, and the way through a room.

use egui::{RichText, Ui};

use super::context::Context;
use super::theme::size;
use super::tutorials::{TUTORIALS, Tutorial};
use crate::describe::text;
use crate::room::EventIx;
use crate::session::{Command, Origin, Position};

/// What the banner keeps.
#[derive(Debug, Default)]
pub(super) struct CaptionsView {
    /// The events with captions, in the order of the room. Worked out once.
    stops: Option<Vec<EventIx>>,
}

/// Whether the room has captions to be shown.
pub(super) fn has_captions(cx: &Context<'_>) -> bool {
    !cx.session.room().annotations().captions.is_empty()
}

/// Draws the banner.
pub(super) fn captions_ui(ui: &mut Ui, cx: &Context<'_>, view: &mut CaptionsView) {
    let room = cx.session.room();
    let stops = view.stops.get_or_insert_with(|| {
        let mut stops: Vec<EventIx> =
            room.annotations().captions.keys().filter_map(|id| room.find(id)).collect();
        stops.sort_unstable();
        stops
    });
    let here = cx.session.cursor().event;
    // The last stop that has been reached.
    let reached = match here {
        Position::Now => stops.len(),
        place => stops.partition_point(|stop| Some(*stop) <= place.anchor()),
    };
    ui.add_space(size::GAP);
    ui.horizontal(|ui| {
        let title = room.annotations().title.as_deref().unwrap_or(&cx.session.source().name);
        ui.label(RichText::new(text::escape(title)).strong());
        ui.label(RichText::new(format!("{reached} of {}", stops.len())).color(cx.tokens.weak));
        let at_stop = reached > 0 && here == Position::Event(stops[reached - 1]);
        let back = if at_stop { reached.checked_sub(2) } else { reached.checked_sub(1) };
        let back = back.map(|stop| Position::Event(stops[stop]));
        let on = stops.get(reached).map(|stop| Position::Event(*stop));
        let on = on.or((here != Position::Now).then_some(Position::Now));
        for (name, tip, to) in
            [("Back", "Go to the caption before this one", back), ("Next", "Go to the next caption", on)]
        {
            if ui.add_enabled(to.is_some(), egui::Button::new(name)).on_hover_text(tip).clicked()
                && let Some(to) = to
            {
                cx.send(Command::SeekEvent(to));
            }
        }
        neighbours_ui(ui, cx);
    });
    let (caption, color) = match (here, reached.checked_sub(1)) {
        (Position::Now, _) => {
            ("This is the state of the room now, resolved over its forward extremities", cx.tokens.weak)
        }
        (Position::Over(_), _) => (
            "This resolves over events that you have chosen, as if one event had them all as parents",
            cx.tokens.weak,
        ),
        (Position::Event(ix), Some(stop)) => {
            let is_here = stops[stop] == ix;
            (
                room.caption(stops[stop]).unwrap_or_default(),
                if is_here { cx.tokens.text } else { cx.tokens.weak },
            )
        }
        (Position::Event(_), None) => ("The story begins with the next caption", cx.tokens.weak),
    };
    ui.label(RichText::new(text::escape_lines(caption)).color(color));
    ui.add_space(size::GAP);
}

/// The rooms before and after this one.
fn neighbours_ui(ui: &mut Ui, cx: &Context<'_>) {
    let Origin::Tutorial(slug) = &cx.session.source().origin else { return };
    let Some(number) = TUTORIALS.iter().position(|tutorial| tutorial.slug == slug) else { return };
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        let at = |number: Option<usize>| number.and_then(|number| TUTORIALS.get(number));
        let mut offer = |name: &str, tutorial: Option<&'static Tutorial>| {
            let button = ui.add_enabled(tutorial.is_some(), egui::Button::new(name));
            let Some(tutorial) = tutorial else { return };
            if button.on_hover_text(tutorial.title()).clicked() {
                cx.send(Command::OpenTutorial(Some(tutorial.slug)));
            }
        };
        offer("Next room", at(number.checked_add(1)));
        offer("Room before", at(number.checked_sub(1)));
        if ui.button("All rooms").clicked() {
            cx.send(Command::OpenTutorial(None));
        }
        ui.label(RichText::new(format!("Room {} of {}", number + 1, TUTORIALS.len())).color(cx.tokens.weak));
    });
}
