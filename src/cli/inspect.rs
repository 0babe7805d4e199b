//! `hindsight inspect`: what is in a dump.

mod facts;
mod show;
mod state_dag;

use self::facts::Facts;
use super::args::{Globals, InspectArgs};
use super::error::CliError;
use super::output::Ui;
use super::{findings, load, text};
use crate::describe::Describer;
use crate::replay::Replay;

pub(super) fn run(args: &InspectArgs, globals: &Globals, ui: &mut Ui) -> Result<u8, CliError> {
    let mut dump = load::open_with(globals, &args.input.dump, args.verify, ui)?;
    let mut findings = std::mem::take(&mut dump.findings);
    let room = &dump.room;
    let replay = ui.busy(&format!("replaying {}", text::count(room.len(), "event")), || {
        Replay::new(room, globals.algorithm(), globals.profile())
    });
    findings.extend(replay.findings());
    let facts = Facts::new(&dump, &replay, globals, &findings);
    if globals.is_json() {
        ui.json(&facts)?;
    } else {
        show::show(&facts, &Describer::of(&dump), &findings, ui)?;
    }
    Ok(u8::from(findings::has_errors(&findings)))
}
