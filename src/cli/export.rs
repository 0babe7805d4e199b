//! `hindsight export`: the room in another format.

mod chosen;
mod dot;
mod graph;
mod html;

use self::chosen::Chosen;
use self::graph::Picture;
use super::args::{ExportArgs, ExportForm, Globals};
use super::error::CliError;
use super::output::Ui;
use super::{load, select, text};
use crate::describe::Describer;
use crate::diagnose::resets::diagnose;
use crate::dump::Dump;
use crate::event::content::Field;
use crate::export;
use crate::replay::Replay;
use crate::room::{EventIx, Recorded, Room};

pub(super) fn run(args: &ExportArgs, globals: &Globals, ui: &mut Ui) -> Result<u8, CliError> {
    let is_report = matches!(args.form, ExportForm::Html | ExportForm::Svg);
    if !is_report && !args.at.is_empty() {
        return Err(CliError::new("--at is for --as html and --as svg"));
    }
    let dump = load::open(globals, &args.input.dump, ui)?;
    warn_of_losses(&dump.room, args, ui);
    let at = select::events(&dump, &args.at)?;
    if args.form == ExportForm::Ndjson {
        ui.write(args.output.as_deref(), |mut out| export::write_events(&dump.room, args.records, &mut out))?;
        return Ok(0);
    }
    let replay = ui.busy(&format!("replaying {}", text::count(dump.room.len(), "event")), || {
        Replay::new(&dump.room, globals.algorithm(), globals.profile())
    });
    if is_report {
        report(&dump, &replay, &at, args, ui)?;
    } else {
        ui.write(args.output.as_deref(), |mut out| match args.form {
            ExportForm::Dot => dot::write(&dump, &replay, args.edges, &mut out),
            _ => export::write_scenario(&replay, args.records, &mut out),
        })?;
    }
    Ok(0)
}

fn report(
    dump: &Dump,
    replay: &Replay<'_>,
    at: &[EventIx],
    args: &ExportArgs,
    ui: &mut Ui,
) -> Result<(), CliError> {
    let describer = Describer::of(dump);
    // What cannot be resolved is told before the work begins.
    let asked = if at.is_empty() { None } else { Some(Chosen::asked(replay, &describer, at)?) };
    let diagnosis = ui.busy("looking for state resets", || diagnose(replay));
    let chosen = asked.unwrap_or_else(|| Chosen::by_default(replay, &diagnosis));
    ui.write(args.output.as_deref(), |mut out| {
        if args.form == ExportForm::Svg {
            let picture = Picture::new(replay, &describer, &chosen, &diagnosis).standalone();
            return out.write_all(picture.as_bytes());
        }
        let report =
            html::Report { dump, replay, describer: &describer, diagnosis: &diagnosis, chosen: &chosen };
        report.write(&mut out)
    })
}

/// Says what the format has no place for.
fn warn_of_losses(room: &Room, args: &ExportArgs, ui: &mut Ui) {
    if matches!(args.form, ExportForm::Dot | ExportForm::Svg | ExportForm::Html) {
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
