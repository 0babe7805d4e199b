//! Loading a dump a piece at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::asserted::{self, StateMap};
use super::compressed::{Decompressing, Plain, Step};
use super::findings::Findings;
use super::intake::{Intake, Raw};
use super::read::{NotADump, Reading, Recognised};
use super::server::odd_version;
use super::settle::{self, Settling};
use super::{Dump, Format, Holes, LoadError, Options, merge, version};
use crate::event::room_version::Rules;
use crate::executor::Executor;
use crate::report::{Code, Finding};
use crate::room::{Annotations, Assertion, Building, Built, IdTable, Input, Provenance, ServerRecords};

/// A dump that is being loaded: for those who must not be away for long, like a window that is to be painted.
///
/// With an executor that works alone a piece takes some milliseconds: a mebibyte of lines or of the elements of an array is
/// read, or 500 IDs are computed, or one of the passes over all events is made that building a room takes, or a
/// mebibyte is decompressed. A single object is read in one piece.
///
/// ```
/// use hindsight::dump::{Loading, Options, Progress};
/// use hindsight::executor::Sequential;
///
/// let scenario = include_bytes!("../../fixtures/topic-vs-ban/scenario.json5");
/// let mut loading = Loading::new(scenario.to_vec(), &Options::default())?;
/// let dump = loop {
///     match loading.advance(&Sequential) {
///         Progress::Going(next) => loading = next, // time to paint: next.done() of the work is done
///         Progress::Done(outcome) => break outcome?,
///     }
/// };
/// assert!(dump.room.len() > 5);
/// # Ok::<(), hindsight::dump::LoadError>(())
/// ```
pub struct Loading {
    context: Box<Context>,
    stage: Stage,
}

/// What a piece of work comes to.
pub enum Progress {
    /// There is more to do.
    Going(Loading),
    /// The dump, or why there is none.
    Done(Result<Box<Dump>, LoadError>),
}

/// What is known before the events, or beside them.
struct Context {
    options: Options,
    requested: Option<&'static Rules>,
    asserted: StateMap,
    compression: Option<&'static str>,
}

/// What stands in a dump beside its events.
struct Found {
    format: Format,
    lines: u64,
    events_read: u64,
    placeholders: BTreeMap<String, String>,
    findings: Findings,
    server: ServerRecords,
}

enum Stage {
    Compressed(Box<Decompressing>),
    Reading {
        /// If the input is UTF-8 it is the source, which events are pieces of; else they have copies.
        source: Option<Arc<String>>,
        bytes: Vec<u8>,
        intake: Box<Intake>,
        reading: Option<Reading>,
    },
    Settling {
        found: Box<Found>,
        settling: Settling,
        ids: Option<IdTable>,
        assertions: Vec<Assertion>,
        annotations: Annotations,
    },
    Building {
        found: Box<Found>,
        building: Box<Building>,
        more: Vec<Finding>,
    },
}

impl Loading {
    /// Begins to load a dump.
    ///
    /// # Errors
    /// If an option makes no sense.
    pub fn new(bytes: Vec<u8>, options: &Options) -> Result<Self, LoadError> {
        let requested = version::requested(options)?;
        let asserted = match &options.asserted_state {
            Some(file) => asserted::parse(file).map_err(|message| LoadError::AssertedState { message })?,
            None => StateMap::default(),
        };
        let mut context = Context { options: options.clone(), requested, asserted, compression: None };
        let stage = decompressed(Decompressing::begin(bytes, options.max_size), &mut context);
        Ok(Self { context: Box::new(context), stage })
    }

    /// About how much of the work is done, from 0 to 1.
    pub fn done(&self) -> f32 {
        let share = |done: usize, all: usize| done as f32 / all.max(1) as f32;
        match &self.stage {
            Stage::Compressed(compressed) => 0.1 * compressed.done(),
            Stage::Reading { source, bytes, reading, .. } => {
                let all = source.as_ref().map_or(bytes.len(), |source| source.len());
                let place = reading.as_ref().map(|reading| reading.place().unwrap_or(all));
                0.1 + 0.5 * share(place.unwrap_or(0), all)
            }
            Stage::Settling { settling, .. } => {
                let (done, all) = settling.done();
                0.6 + 0.2 * share(done, all)
            }
            Stage::Building { building, .. } => 0.8 + 0.2 * building.done(),
        }
    }

    /// Does a piece of the work; `executor` does what can be done side by side. What comes out in the end does not depend
    /// on who does it.
    #[must_use]
    pub fn advance(self, executor: &dyn Executor) -> Progress {
        let Self { mut context, stage } = self;
        let outcome = match stage {
            Stage::Compressed(compressed) => Ok(decompressed(compressed.advance(), &mut context)),
            Stage::Reading { source, bytes, intake, reading } => {
                read(source, bytes, intake, reading, &context, executor)
            }
            Stage::Settling { mut found, mut settling, ids, assertions, annotations } => {
                if settling.advance(&mut found.findings, executor) {
                    begin_building(found, settling, ids, assertions, annotations, &mut context)
                } else {
                    Ok(Stage::Settling { found, settling, ids, assertions, annotations })
                }
            }
            Stage::Building { found, building, mut more } => match building.advance(&mut more, executor) {
                Built::Going(building) => Ok(Stage::Building { found, building, more }),
                Built::Done(room) => {
                    let Found { format, lines, events_read, placeholders, mut findings, .. } = *found;
                    findings.extend(more);
                    return Progress::Done(Ok(Box::new(Dump {
                        room: *room,
                        findings: findings.finish(),
                        format,
                        compression: context.compression,
                        placeholders,
                        lines,
                        events_read,
                    })));
                }
            },
        };
        match outcome {
            Ok(stage) => Progress::Going(Self { context, stage }),
            Err(error) => Progress::Done(Err(error)),
        }
    }
}

fn decompressed(step: Step, context: &mut Context) -> Stage {
    let Plain { bytes, compression, broken } = match step {
        Step::Going(compressed) => return Stage::Compressed(Box::new(compressed)),
        Step::Done(plain) => plain,
    };
    context.compression = compression;
    let (source, bytes) = match String::from_utf8(bytes) {
        Ok(text) => (Some(Arc::new(text)), Vec::new()),
        Err(error) => (None, error.into_bytes()),
    };
    let mut intake = Box::new(Intake::new(source.clone()));
    if let Some(why) = broken {
        let finding = Finding::new(Code::Truncated, why);
        intake.findings.push(finding.remedy("what came before is used; export or copy the file again"));
    }
    Stage::Reading { source, bytes, intake, reading: None }
}

fn read(
    source: Option<Arc<String>>,
    bytes: Vec<u8>,
    mut intake: Box<Intake>,
    reading: Option<Reading>,
    context: &Context,
    executor: &dyn Executor,
) -> Result<Stage, LoadError> {
    let text = source.as_ref().map_or(&*bytes, |source| source.as_bytes());
    let begun = match reading {
        Some(reading) => Ok(reading),
        None => Reading::new(text, &mut intake, executor),
    };
    let mut reading = match begun {
        Ok(reading) => reading,
        Err(NotADump { message, remedy }) => {
            return Err(LoadError::NotADump { message, remedy, findings: intake.findings.finish() });
        }
    };
    if !reading.advance(text, &mut intake, executor) {
        return Ok(Stage::Reading { source, bytes, intake, reading: Some(reading) });
    }
    // Events that are no pieces of the input have copies of theirs.
    drop(bytes);
    Ok(begin_settling(*intake, reading.recognised(), context))
}

/// The rules are known now, so IDs can be settled.
fn begin_settling(mut intake: Intake, recognised: Recognised, context: &Context) -> Stage {
    let Recognised { format, scenario, lines } = recognised;
    let ids = intake.distinct_ids().filter(|_| scenario.is_none());
    let Intake { mut raws, mut findings, read: events_read, server, .. } = intake;
    let Options { verify, room_id, .. } = &context.options;
    let declared = scenario.as_ref().map(|scenario| &scenario.declared);
    let rules = version::choose(context.requested, declared, room_id.as_deref(), &raws, &mut findings);
    let mut verify = *verify;
    let mut placeholders = BTreeMap::new();
    let mut assertions = Vec::new();
    let mut annotations = Annotations::default();
    if let Some(scenario) = scenario {
        placeholders = scenario.settle(&mut raws, rules, &mut findings);
        // IDs that were calculated a moment ago are right, and nobody writes hashes into a scenario.
        verify &= !scenario.calculate;
        assertions = scenario.assertions(&placeholders);
        annotations = scenario.annotations(&placeholders);
    }
    let found = Box::new(Found { format, lines, events_read, placeholders, findings, server });
    Stage::Settling { found, settling: Settling::new(raws, rules, verify), ids, assertions, annotations }
}

/// The IDs are known now, so the graph can be built.
fn begin_building(
    mut found: Box<Found>,
    settling: Settling,
    ids: Option<IdTable>,
    mut assertions: Vec<Assertion>,
    annotations: Annotations,
    context: &mut Context,
) -> Result<Stage, LoadError> {
    let mut server = std::mem::take(&mut found.server);
    let Found { findings, placeholders, .. } = &mut *found;
    let rules = settling.rules();
    findings.extend(odd_version(&server, rules).into_iter().collect());
    let (_, all) = settling.done();
    let settled = settling.settled();
    // The table tells places, which are others where something was left out.
    let ids = ids.filter(|_| settled.len() == all);
    assertions.extend(settle::send_join(&settled, findings));
    context.asserted.report(findings);
    assertions.extend(context.asserted.assertions(placeholders, Provenance::File));
    let kept = if ids.is_some() { settled } else { merge::merge(settled, rules, findings) };
    let events = kept.into_iter().map(Raw::into_loaded).collect();
    let room_id = context.options.room_id.as_deref().map(Box::from);
    server.are_axioms = context.options.holes == Holes::Stored;
    let input = Input { rules, room_id, events, assertions, stored: server, annotations };
    match Building::new(input, ids) {
        Ok(building) => Ok(Stage::Building { found, building, more: Vec::new() }),
        Err(_) => {
            let Found { events_read, findings, .. } = *found;
            Err(LoadError::NoEvents { read: events_read, findings: findings.finish() })
        }
    }
}
