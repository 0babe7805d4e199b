//! What a room is, in a few lines.

use egui::{Frame, Grid, Margin, RichText, ScrollArea, Ui};

use super::context::Context;
use super::theme::size;
use crate::describe::text;
use crate::session::{Pair, Session};

/// What has been counted, which takes going through the whole room.
#[derive(Debug, Default)]
pub struct OverviewView {
    counted: Option<Counted>,
}

#[derive(Debug, Clone, Copy)]
struct Counted {
    /// For which replay. For another room there is another view.
    pair: Pair,
    merges: usize,
    conflicted: usize,
}

impl Counted {
    fn of(session: &Session, pair: Pair) -> Self {
        let (room, replay) = (session.room(), session.replay());
        let merges = room.events().filter(|ix| room.state_links(*ix).count() > 1).count();
        let conflicted = room.events().filter(|ix| replay.resolved(*ix)).count();
        Self { pair, merges, conflicted }
    }
}

/// Room, version, numbers.
pub(super) fn overview_ui(ui: &mut Ui, cx: &Context<'_>, view: &mut OverviewView) {
    let pair = Pair::of(&cx.session.replay().recording());
    let counted = view.counted.filter(|counted| counted.pair == pair);
    let counted = counted.unwrap_or_else(|| Counted::of(cx.session, pair));
    view.counted = Some(counted);
    let frame = Frame::new().inner_margin(Margin::symmetric(size::SPACE as i8, size::GAP as i8));
    let area = ScrollArea::vertical().auto_shrink(false);
    area.show(ui, |ui| frame.show(ui, |ui| facts_ui(ui, cx, counted)));
}

fn facts_ui(ui: &mut Ui, cx: &Context<'_>, counted: Counted) {
    let (room, replay) = (cx.session.room(), cx.session.replay());
    ui.heading(&cx.session.source().name);
    ui.add_space(size::GAP);
    let mut facts = vec![
        ("Room", room.room_id().unwrap_or("unknown").to_owned()),
        ("Room version", room.rules().id.to_owned()),
        ("Algorithm", format!("{} by profile {}", replay.algorithm(), replay.profile().as_str())),
        ("Events", text::number(room.len())),
        ("Merges", text::number(counted.merges)),
        ("Conflicted merges", text::number(counted.conflicted)),
        ("Rejected events", text::number(replay.rejected().len())),
        ("Missing events", text::number(room.missing().len())),
        ("Forward extremities", text::number(cx.session.timeline_extremities().len())),
    ];
    if room.rules().has_state_dag() {
        facts.push(("State DAG extremities", text::number(replay.current().extremities.len())));
        facts.push(("Waiting events", text::number(replay.unprocessed_count())));
    }
    Grid::new("facts").num_columns(2).spacing([size::SPACE, size::GAP]).show(ui, |ui| {
        for (name, value) in facts {
            ui.label(RichText::new(name).color(cx.tokens.weak));
            ui.label(value);
            ui.end_row();
        }
    });
}
