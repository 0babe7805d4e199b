//! The inspector: what is true at the cursor, and of the event that is selected.

pub(super) mod auth;
pub(super) mod event;
mod json;
pub(super) mod state;
pub(super) mod why;

use self::auth::AuthView;
use self::event::EventView;
use self::state::StateView;
use self::why::WhyView;
use super::context::Context;
use crate::room::EventIx;
use crate::session::{Pair, Position};

/// What the tabs keep: how they look, and what they have worked out already.
#[derive(Debug, Default)]
pub(super) struct InspectorView {
    pub(super) state: StateView,
    pub(super) event: EventView,
    pub(super) auth: AuthView,
    pub(super) why: WhyView,
}

/// By which algorithm and profile the replay that is shown was made.
fn pair(cx: &Context<'_>) -> Pair {
    let replay = cx.session.replay();
    Pair { algorithm: replay.algorithm(), profile: replay.profile() }
}

/// Why there is no state at the cursor.
pub(super) fn no_state(cx: &Context<'_>) -> &'static str {
    let (room, replay) = (cx.session.room(), cx.session.replay());
    match cx.session.cursor().event {
        Position::Event(ix) if room.rules().has_state_dag() && replay.rejected().contains(ix) => {
            "No state is defined before this event, for it was rejected for what it names in prev_state_events"
        }
        _ => "The state here is unknown, for an event that it rests on is not in the dump",
    }
}

/// The line at the top of a tab that is about one event.
fn event_title_ui(ui: &mut egui::Ui, cx: &Context<'_>, ix: EventIx) {
    let describer = cx.session.describer();
    let room = cx.session.room();
    let (summary, time) = (describer.summary(ix), describer.time(ix));
    let weak = cx.tokens.weak;
    super::line::Line::new(ui, cx, &describer)
        .event(ix)
        .text("  ")
        .tinted(&summary, cx.tokens.strong)
        .tinted("  by ", weak)
        .user(room.event(ix).sender())
        .tinted(&format!(", {time} UTC"), weak)
        .show(ui);
}
