//! `hindsight export`: the room in another format.

mod dot;

use std::io::Write;

use super::args::{ExportArgs, ExportForm, Globals};
use super::error::CliError;
use super::output::Ui;
use super::{load, text};
use crate::dump::Dump;
use crate::event::content::Field;
use crate::export;
use crate::replay::Replay;
use crate::room::{Recorded, Room};

pub(super) fn run(args: &ExportArgs, globals: &Globals, ui: &mut Ui) -> Result<u8, CliError> {
    let dump = load::open(globals, &args.input.dump, ui)?;
    warn_of_losses(&dump.room, args, ui);
    let replay = (args.form != ExportForm::Ndjson).then(|| {
        ui.busy(&format!("replaying {}", text::count(dump.room.len(), "event")), || {
            Replay::new(&dump.room, globals.algorithm(), globals.profile())
        })
    });
    ui.write(args.output.as_deref(), |mut out| write(&dump, replay.as_ref(), args, &mut out))?;
    Ok(0)
}

fn write(
    dump: &Dump,
    replay: Option<&Replay<'_>>,
    args: &ExportArgs,
    out: &mut impl Write,
) -> std::io::Result<()> {
    match (args.form, replay) {
        (ExportForm::Dot, Some(replay)) => dot::write(dump, replay, args.edges, out),
        (ExportForm::Scenario, Some(replay)) => export::write_scenario(replay, args.records, out),
        _ => export::write_events(&dump.room, args.records, out),
    }
}

/// Says what the format has no place for.
fn warn_of_losses(room: &Room, args: &ExportArgs, ui: &mut Ui) {
    if args.form == ExportForm::Dot {
        return;
    }
    let recorded = room.events().filter(|ix| *room.recorded(*ix) != Recorded::default()).count();
    if recorded > 0 && !args.records {
        ui.note(format_args!(
            "what a server noted of {} (outlier, rejected, soft-failed) has no place in this format; \
             --records keeps it",
            text::count(recorded, "event")
        ));
    }
    if args.form == ExportForm::Ndjson && !create_tells_version(room) {
        ui.note(format_args!(
            "the create event does not say that this is room version {0}; load the export with --room-version {0}",
            room.rules().id
        ));
    }
    let asserted = room.missing().filter(|missing| room.asserted_missing(*missing).is_some()).count()
        + room.all_asserted().count();
    if asserted > 0 && args.form == ExportForm::Ndjson {
        ui.note(format_args!(
            "{} left out, for NDJSON has no place for them; --as scenario has",
            text::count(asserted, "asserted state")
        ));
    }
}

/// Whether the room version can be read from the create event alone.
pub(super) fn create_tells_version(room: &Room) -> bool {
    let create = room.create_event().and_then(|ix| room.event(ix).as_create());
    create.is_none_or(|create| match &create.room_version {
        Field::Value(version) => **version == *room.rules().id,
        Field::Absent => room.rules().id == "1",
        Field::Malformed(_) => false,
    })
}
