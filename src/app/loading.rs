//! Loading and replaying off the frame.
//!
//! On the desktop a thread does it. In the browser the same work is done in slices of a few milliseconds between frames.
//! A Web Worker would not do: what comes out is a graph of shared, borrowed text in the memory of the worker, and to hand
//! it over it would have to be written, posted and read again, which takes as long as loading does. Threads that share
//! memory need headers that static hosts do not send. Slices need neither, and the code of the loader is the same
//! everywhere (see [`pace`](super::pace)).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};

use super::pace::{Pace, Stage};
use super::platform;
use super::sheet::Sheets;
use super::tutorials::Tutorial;
use crate::auth::Profile;
use crate::diagnose::resets::{Diagnosing, Diagnosis};
use crate::dump::{LoadError, Loading, Options, Progress};
use crate::executor::Executor;
use crate::replay::{Recording, Replaying};
use crate::report::Finding;
use crate::resolve::Algorithm;
use crate::room::Room;
use crate::session::link::ShareLink;
use crate::session::{Comparison, Origin, Pair, Session, Sides};

/// Where bytes come from.
#[derive(Debug)]
pub enum Source {
    /// A built-in room.
    Tutorial(&'static Tutorial),
    /// Bytes that are there already: standard input, or the scenario inside a link.
    Bytes(Vec<u8>),
    /// A file that somebody named, chose or dropped.
    File(platform::File),
}

/// What to load, and how.
#[derive(Debug)]
pub struct Request {
    /// What the room is called in the window.
    pub name: String,
    /// Where the bytes come from.
    pub source: Source,
    /// How to read them.
    pub options: Options,
    /// By which algorithm to replay it; `None`: by that of the room version.
    pub algorithm: Option<Algorithm>,
    /// In whose manner.
    pub profile: Profile,
    /// A link to follow once the room is there.
    pub link: Option<ShareLink>,
}

impl Request {
    /// A request with nothing special about it.
    pub fn new(name: impl Into<String>, source: Source) -> Self {
        let options = Options { max_size: platform::MAX_SIZE, ..Options::default() };
        Self { name: name.into(), source, options, algorithm: None, profile: Profile::Spec, link: None }
    }

    /// Loads a built-in room.
    pub fn tutorial(tutorial: &'static Tutorial) -> Self {
        Self::new(tutorial.title(), Source::Tutorial(tutorial))
    }

    /// Loads a file.
    pub fn file(file: platform::File) -> Self {
        Self::new(file.name(), Source::File(file))
    }

    fn origin(&self) -> Origin {
        match &self.source {
            Source::Tutorial(tutorial) => Origin::Tutorial(tutorial.slug.to_owned()),
            Source::Bytes(_) if self.link.is_some() => Origin::Link,
            Source::Bytes(_) | Source::File(_) => Origin::Local,
        }
    }
}

/// A room that is ready to be shown.
#[derive(Debug)]
pub struct Loaded {
    /// The room, replayed.
    pub session: Session,
    /// Its rows and lanes.
    pub sheets: Sheets,
    /// The file it came from, to find it again another day.
    pub path: Option<PathBuf>,
    /// A link to follow.
    pub link: Option<ShareLink>,
}

/// Why nothing was loaded.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What was to be loaded.
    pub name: String,
    /// What is wrong and what to do about it, without a full stop.
    pub message: String,
    /// What was found up to then.
    pub findings: Vec<Finding>,
}

/// What somebody waits for off the frame.
#[derive(Debug)]
pub enum Outcome {
    /// A room.
    Loaded(Box<Loaded>),
    /// No room.
    Failed(Failure),
    /// The same room, replayed by another pair.
    Replayed(Recording),
    /// Where two replays of the room differ.
    Compared([Pair; 2], Comparison),
    /// What a replay of the room has lost.
    Diagnosed(Pair, Diagnosis),
}

/// Something to do off the frame.
#[derive(Debug)]
pub enum Work {
    /// Load and replay.
    Load(Box<Request>),
    /// Replay once more.
    Replay(Arc<Room>, Pair),
    /// Compare two replays.
    Compare(Sides),
    /// Look for state resets.
    Diagnose(Arc<Room>, Recording),
}

/// Work under way, as the frame sees it. Dropping it cancels the work.
#[derive(Debug)]
pub struct Task {
    /// What it is about.
    pub name: String,
    pace: Arc<Pace>,
    cancelled: Arc<AtomicBool>,
    outcome: Receiver<Outcome>,
}

/// The other end of a [`Task`].
#[derive(Debug, Clone)]
pub struct Handle {
    pace: Arc<Pace>,
    cancelled: Arc<AtomicBool>,
    outcome: Sender<Outcome>,
    ctx: egui::Context,
}

impl Task {
    /// Starts the work; the frame is woken when it is done.
    pub fn start(work: Work, ctx: &egui::Context) -> Self {
        let name = match &work {
            Work::Load(request) => request.name.clone(),
            Work::Replay(_, pair) => pair.to_string(),
            Work::Diagnose(_, recording) => Pair::of(recording).to_string(),
            Work::Compare(sides) => sides.pairs().map(|pair| pair.to_string()).join(" and "),
        };
        let (sender, outcome) = mpsc::channel();
        let (pace, cancelled) = (Arc::<Pace>::default(), Arc::<AtomicBool>::default());
        let handle =
            Handle { pace: pace.clone(), cancelled: cancelled.clone(), outcome: sender, ctx: ctx.clone() };
        platform::start(work, &handle);
        Self { name, pace, cancelled, outcome }
    }

    /// The outcome, once it is there.
    pub fn poll(&self) -> Option<Outcome> {
        match self.outcome.try_recv() {
            Ok(outcome) => Some(outcome),
            Err(mpsc::TryRecvError::Empty) => None,
            Err(mpsc::TryRecvError::Disconnected) => Some(Outcome::Failed(Failure {
                name: self.name.clone(),
                message: "loading ended without an answer, which is a fault of this program".to_owned(),
                findings: Vec::new(),
            })),
        }
    }

    /// What is being done, and how much of it is done, from 0 to 1.
    pub fn progress(&self) -> (Stage, f32) {
        self.pace.progress()
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }
}

impl Handle {
    /// Nobody waits any more.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Hands the outcome over.
    pub fn send(&self, outcome: Outcome) {
        // Nobody is there any more after a cancellation.
        let _ = self.outcome.send(outcome);
        self.ctx.request_repaint();
    }
}

/// Does what there is to do with the bytes, resting now and then.
pub async fn load(bytes: Vec<u8>, request: Request, executor: &dyn Executor, handle: &Handle) -> Outcome {
    let origin = request.origin();
    let path = match &request.source {
        Source::File(file) => file.path().map(Path::to_owned),
        Source::Tutorial(_) | Source::Bytes(_) => None,
    };
    let Request { name, options, algorithm, profile, link, .. } = request;
    let failed = |error: LoadError| {
        let (message, findings) = (error.to_string(), error.findings().to_vec());
        Outcome::Failed(Failure { name: name.clone(), message, findings })
    };
    let mut loading = match Loading::new(bytes, &options) {
        Ok(loading) => loading,
        Err(error) => return failed(error),
    };
    let dump = loop {
        handle.pace.rest(Stage::Load, loading.done()).await;
        match loading.advance(executor) {
            Progress::Going(next) => loading = next,
            Progress::Done(Ok(dump)) => break *dump,
            Progress::Done(Err(error)) => return failed(error),
        }
    };
    let recording = replayed(&dump.room, algorithm, profile, handle).await;
    handle.pace.rest(Stage::Replay, 1.0).await;
    let session = Session::with_replay(name, origin, dump, recording);
    handle.pace.rest(Stage::Replay, 1.0).await;
    // Short names take a sort of all IDs, lanes a walk over all edges, which a frame has no time for.
    let _ = session.describer();
    handle.pace.rest(Stage::Replay, 1.0).await;
    let sheets = Sheets::of(&session);
    Outcome::Loaded(Box::new(Loaded { session, sheets, path, link }))
}

/// Replays a room once more.
pub async fn replay(room: Arc<Room>, pair: Pair, handle: &Handle) -> Outcome {
    Outcome::Replayed(replayed(&room, Some(pair.algorithm), pair.profile, handle).await)
}

/// Compares two replays.
pub async fn compare(sides: Sides, handle: &Handle) -> Outcome {
    let mut comparing = sides.begin();
    while !comparing.advance(STRIDE) {
        handle.pace.rest(Stage::Compare, comparing.done() as f32 / sides.len().max(1) as f32).await;
    }
    Outcome::Compared(sides.pairs(), comparing.finish())
}

/// Looks for what a replay has lost.
pub async fn diagnose(room: Arc<Room>, recording: Recording, handle: &Handle) -> Outcome {
    let replay = recording.of(&room);
    let mut diagnosing = Diagnosing::new(&replay);
    while !diagnosing.advance(STRIDE) {
        handle.pace.rest(Stage::Diagnose, diagnosing.done() as f32 / room.len().max(1) as f32).await;
    }
    Outcome::Diagnosed(Pair::of(&recording), diagnosing.finish())
}

/// So many events are replayed between two rests: less than a millisecond, nearly always.
const STRIDE: usize = 256;

async fn replayed(room: &Room, algorithm: Option<Algorithm>, profile: Profile, handle: &Handle) -> Recording {
    let mut replaying = Replaying::new(room, algorithm, profile);
    while !replaying.advance(STRIDE) {
        handle.pace.rest(Stage::Replay, replaying.done() as f32 / room.len().max(1) as f32).await;
    }
    replaying.finish().recording()
}
