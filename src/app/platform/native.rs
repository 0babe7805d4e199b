//! The desktop.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use crate::app::loading::{self, Failure, Handle, Outcome, Source, Work};
use crate::app::pace::proceed;
use crate::app::{APP_ID, App, Start};
use crate::session::Session;
use crate::threads::Threads;

/// How many bytes a dump may have when decompressed.
pub const MAX_SIZE: u64 = 4 << 30;

/// Where the page is that links lead to. Only who put it somewhere knows: `HINDSIGHT_PAGE` tells, and else the link is
/// nothing but what belongs behind the `#`.
pub fn page_address() -> String {
    std::env::var("HINDSIGHT_PAGE").unwrap_or_default()
}

/// A file, or a folder with a room in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File(PathBuf);

impl File {
    /// The file of that path.
    pub fn at(path: PathBuf) -> Option<Self> {
        Some(Self(path))
    }

    /// The file that was dropped.
    pub fn dropped(file: &egui::DroppedFileHandle) -> Option<Self> {
        Some(Self(file.path().to_owned()))
    }

    /// The name without the folders.
    pub fn name(&self) -> String {
        self.0
            .file_name()
            .map_or_else(|| self.0.display().to_string(), |name| name.to_string_lossy().into_owned())
    }

    /// The path, to find it again another day.
    pub fn path(&self) -> Option<&Path> {
        Some(&self.0)
    }

    fn read(&self, limit: u64) -> Result<Vec<u8>, String> {
        let path = if self.0.is_dir() { in_folder(&self.0)? } else { self.0.clone() };
        let failed = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file any more; open another one".to_owned(),
            std::io::ErrorKind::PermissionDenied => {
                "permission denied; make the file readable first".to_owned()
            }
            _ => format!("the file cannot be read: {error}"),
        };
        let mut bytes = Vec::new();
        let file = fs::File::open(path).map_err(failed)?;
        // One byte more than is taken, so that the loader notices.
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
        Ok(bytes)
    }
}

impl From<PathBuf> for File {
    fn from(path: PathBuf) -> Self {
        Self(path)
    }
}

/// The room in a folder.
fn in_folder(folder: &Path) -> Result<PathBuf, String> {
    let names = ["scenario.json5", "room.ndjson", "room.ndjson.gz", "room.ndjson.zst"];
    let found = names.iter().map(|name| folder.join(name)).find(|path| path.is_file());
    found.ok_or_else(|| format!("the folder has none of {} in it; open a file instead", names.join(", ")))
}

/// Does the work in a thread.
pub fn start(work: Work, handle: &Handle) {
    let name = "load".to_owned();
    let spawned = thread::Builder::new().name(name).spawn({
        let handle = handle.clone();
        move || run(work, &handle)
    });
    if let Err(error) = spawned {
        handle.send(Outcome::Failed(Failure {
            name: "loading".to_owned(),
            message: format!("no thread could be started: {error}"),
            findings: Vec::new(),
        }));
    }
}

fn run(work: Work, handle: &Handle) {
    let outcome = match work {
        Work::Replay(room, pair) => drive(loading::replay(room, pair, handle), handle),
        Work::Diagnose(room, recording) => drive(loading::diagnose(room, recording, handle), handle),
        Work::Compare(sides) => drive(loading::compare(sides, handle), handle),
        Work::Load(mut request) => {
            let bytes = match &mut request.source {
                Source::Tutorial(tutorial) => Ok(tutorial.scenario.to_vec()),
                Source::Bytes(bytes) => Ok(std::mem::take(bytes)),
                Source::File(file) => file.read(request.options.max_size),
            };
            match bytes {
                Ok(bytes) => drive(loading::load(bytes, *request, &Threads, handle), handle),
                Err(message) => {
                    Some(Outcome::Failed(Failure { name: request.name, message, findings: Vec::new() }))
                }
            }
        }
    };
    if let Some(outcome) = outcome {
        handle.send(outcome);
    }
}

/// Works on until the end or until nobody waits for it any more.
fn drive(work: impl Future<Output = Outcome>, handle: &Handle) -> Option<Outcome> {
    let mut work = pin!(work);
    while !handle.is_cancelled() {
        if let Some(outcome) = proceed(work.as_mut()) {
            return Some(outcome);
        }
    }
    None
}

/// Gives a session all threads of the machine.
pub fn lend_threads(session: Session) -> Session {
    session.with_executor(Arc::new(Threads))
}

/// Asks for a file; it arrives later, unless the dialog is dismissed.
pub fn pick_file(ctx: &egui::Context) -> Receiver<File> {
    let (sender, receiver) = mpsc::channel();
    // Some systems want dialogs to be made on the main thread, which must not wait for them.
    let dialog = rfd::AsyncFileDialog::new().set_title("Open a room").pick_file();
    let ctx = ctx.clone();
    let wait = move || {
        if let Some(file) = pollster::block_on(dialog) {
            let _ = sender.send(File(file.path().to_owned()));
            ctx.request_repaint();
        }
    };
    // Without a thread there is no answer, as if the dialog had been dismissed.
    let _ = thread::Builder::new().name("dialog".to_owned()).spawn(wait);
    receiver
}

/// Asks where to, and saves; says afterwards what came of it, unless the dialog is dismissed.
pub fn save_file(
    name: &str,
    bytes: impl FnOnce() -> Vec<u8> + Send + 'static,
    ctx: &egui::Context,
) -> Receiver<Result<String, String>> {
    let (sender, receiver) = mpsc::channel();
    let dialog = rfd::AsyncFileDialog::new().set_title("Save").set_file_name(name).save_file();
    let ctx = ctx.clone();
    let wait = move || {
        if let Some(file) = pollster::block_on(dialog) {
            let path = file.path().display().to_string();
            let saved = fs::write(file.path(), bytes());
            let _ = sender.send(match saved {
                Ok(()) => Ok(format!("Saved {path}")),
                Err(error) => Err(format!("{path} cannot be written: {error}")),
            });
            ctx.request_repaint();
        }
    };
    let _ = thread::Builder::new().name("dialog".to_owned()).spawn(wait);
    receiver
}

/// Opens the window and shows it until it is closed.
///
/// # Errors
/// If there is no display, or it offers no OpenGL.
pub fn run_window(start: Start) -> Result<(), eframe::Error> {
    let viewport = egui::ViewportBuilder::default()
        .with_title("Hindsight")
        .with_app_id(APP_ID)
        .with_inner_size([1280.0, 800.0])
        .with_min_inner_size([640.0, 420.0])
        .with_drag_and_drop(true);
    let options = eframe::NativeOptions { viewport, ..Default::default() };
    eframe::run_native(APP_ID, options, Box::new(|cc| Ok(Box::new(App::new(cc, start)))))
}
