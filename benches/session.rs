//! How long the debugger is away when somebody goes somewhere: seeking an event with the recording of its resolution,
//! stepping, filtering; in processor time. The longest counts: a frame has 16 ms.
//!
//! ```sh
//! cargo bench --bench session                             # r10k, r100k, conflict-heavy, wide; a minute
//! HINDSIGHT_R1M=1 cargo bench --bench session -- r1m      # the million
//! ```

#![expect(clippy::print_stdout, reason = "the table goes there")]

#[path = "support/mod.rs"]
mod support;

use std::error::Error;
use std::time::Duration;

use hindsight::dump::{self, Options};
use hindsight::generate::{Blueprint, Preset, Rng};
use hindsight::room::EventIx;
use hindsight::session::{Command, Cursor, Direction, Session, Target};
use support::measure::{Spread, timed};

/// So many places are visited.
const VISITS: usize = 2_000;
/// So many steps are taken at each merge that is stepped through.
const STEPS: usize = 200;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let named: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |preset: &Preset| match named.is_empty() {
        true => *preset != Preset::R1m || std::env::var_os("HINDSIGHT_R1M").is_some(),
        false => named.iter().any(|name| name == preset.as_str()),
    };
    println!("| room | | number | median | 99 of 100 below | longest |\n|---|---|---|---|---|---|");
    for preset in Preset::ALL.into_iter().filter(wanted) {
        measure(preset)?;
    }
    Ok(())
}

fn measure(preset: Preset) -> Result<()> {
    let dump = dump::load(&Blueprint::preset(preset).ndjson(), &Options::default())?;
    let mut session = Session::new(preset.as_str(), dump);
    let print = |what: &str, times: Vec<Duration>| {
        if let Some(Spread { count, median, p99, max }) = Spread::of(times) {
            println!("| `{}` | {what} | {count} | {median:.2?} | {p99:.2?} | {max:.2?} |", preset.as_str());
        }
    };
    let mut rng = Rng::new(1);
    let events = session.room().len();
    let anywhere: Vec<EventIx> = (0..VISITS).map(|_| EventIx::new(rng.below(events))).collect();
    print("seek any event", visit(&mut session, &anywhere));
    let replay = session.replay();
    let merges: Vec<EventIx> = session.room().events().filter(|ix| replay.resolved(*ix)).collect();
    drop(replay);
    let some: Vec<EventIx> = merges.iter().step_by(merges.len().div_ceil(VISITS).max(1)).copied().collect();
    print("seek a conflicted merge, to its last step", visit(&mut session, &some));
    print("step", step(&mut session, &some));
    let filters = ["is:state", "type:m.room.member", "is:conflicted", "lunch"];
    print("filter", (0..5).flat_map(|_| filters).map(|filter| apply(&mut session, set(filter))).collect());
    apply(&mut session, set(""));
    apply(&mut session, Command::FirstEvent);
    let next = || Command::Find(Target::Conflicted, Direction::Next);
    print("go to the next conflicted merge", (0..VISITS).map(|_| apply(&mut session, next())).collect());
    Ok(())
}

fn set(filter: &str) -> Command {
    Command::SetFilter(filter.to_owned())
}

/// Carries out a command and looks at what every panel looks at.
fn apply(session: &mut Session, command: Command) -> Duration {
    let ((shown, roles), time) = timed(|| {
        session.apply(command);
        let shown = session.steps().map_or(0, |steps| steps.nodes.len()) + session.rows().len();
        (shown, session.roles().iter().count())
    });
    assert!(shown > 0, "the last row is always there");
    assert!(roles <= session.room().len(), "roles are those of events");
    time
}

fn visit(session: &mut Session, events: &[EventIx]) -> Vec<Duration> {
    let go = |ix: &EventIx| {
        let seek = apply(session, Command::Seek(Cursor::at(*ix)));
        let enter = apply(session, Command::StepInto);
        seek + enter + apply(session, Command::LastStep)
    };
    events.iter().map(go).collect()
}

fn step(session: &mut Session, merges: &[EventIx]) -> Vec<Duration> {
    let mut times = Vec::new();
    for ix in merges.iter().step_by(merges.len().div_ceil(50).max(1)) {
        session.apply(Command::Seek(Cursor::at(*ix)));
        session.apply(Command::StepInto);
        let steps = session.step_count().min(STEPS);
        times.extend((1..steps).map(|_| apply(session, Command::MoveSteps(1))));
        times.extend((1..steps).map(|_| apply(session, Command::MoveSteps(-1))));
    }
    times
}
