//! The debugger: egui, on the desktop and in the browser.
//!
//! A panel is a function that reads a [`Context`] and sends [commands](crate::session::Command), which are applied
//! at the end of the frame. What a panel keeps for itself is in [`Views`]. Where panels sit is said in `seats`.
//! No panel does anything long: that is what [`loading`] is for.

mod bar;
pub mod canvas;
mod captions;
mod compare;
pub mod context;
pub mod events;
mod findings;
mod help;
mod inspector;
mod keys;
mod line;
mod links;
pub mod loading;
pub mod nodes;
mod notices;
mod overview;
pub mod pace;
mod palette;
pub mod platform;
mod remembered;
mod resolution;
pub mod scroll;
mod seats;
pub mod sheet;
mod start;
mod state;
#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;
pub mod theme;
pub mod timeline;
pub mod tutorials;

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, TryRecvError};

use egui::{CentralPanel, Panel, Theme, Ui};

pub use self::context::{Commands, Context};
use self::loading::{Loaded, Outcome, Request, Source, Task, Work};
use self::notices::Notices;
use self::remembered::Remembered;
pub use self::seats::{Views, Windows};
use self::theme::Tokens;
use self::tutorials::Tutorial;
use crate::replay::Pair;
use crate::session::link::{LinkedRoom, ShareLink};
use crate::session::{Effect, Session, Zoom};

/// The name under which the system knows the program.
pub const APP_ID: &str = "hindsight";

/// What to begin with.
#[derive(Debug, Default)]
pub struct Start {
    /// What to load.
    pub request: Option<Request>,
    /// A link, without the `#`.
    pub fragment: Option<String>,
}

/// The application: a session, and everything around it that has to do with this machine.
#[derive(Debug)]
pub struct App {
    session: Session,
    commands: Commands,
    /// What was typed for a field that is about to open.
    ahead: keys::Ahead,
    views: Views,
    notices: Notices,
    remembered: Remembered,
    /// A link to a place in a file that is still to be opened.
    awaiting: Option<ShareLink>,
    /// What is being loaded.
    task: Option<Task>,
    /// Replays of the open room under way.
    replays: Vec<Task>,
    /// The replay whose losses are looked for, or have been.
    diagnosing: Option<(Pair, Option<Task>)>,
    /// A dialog that asks for a file.
    picking: Option<Receiver<platform::File>>,
    /// Dialogs that ask where to save.
    saving: Vec<Receiver<Result<String, String>>>,
}

impl App {
    /// The application in a window or a page.
    pub fn new(cc: &eframe::CreationContext<'_>, start: Start) -> Self {
        Self::with(&cc.egui_ctx, Remembered::load(cc.storage), start)
    }

    /// The application without a window, for tests.
    pub fn headless(ctx: &egui::Context, start: Start) -> Self {
        Self::with(ctx, Remembered::default(), start)
    }

    fn with(ctx: &egui::Context, remembered: Remembered, start: Start) -> Self {
        theme::install(ctx);
        let mut app = Self {
            session: Session::empty(),
            commands: Commands::default(),
            ahead: keys::Ahead::default(),
            views: Views::default(),
            notices: Notices::default(),
            remembered,
            awaiting: None,
            task: None,
            replays: Vec::new(),
            diagnosing: None,
            picking: None,
            saving: Vec::new(),
        };
        if let Some(request) = start.request {
            app.load(request, ctx);
        } else if let Some(fragment) = start.fragment.filter(|fragment| !fragment.is_empty()) {
            app.follow(&fragment, ctx);
        }
        app
    }

    /// The session.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Whether something is being loaded or replayed.
    pub fn is_busy(&self) -> bool {
        self.task.is_some() || !self.replays.is_empty()
    }

    /// Starts to load; what was being loaded is not any more, what is open stays until the new room is there.
    pub fn load(&mut self, request: Request, ctx: &egui::Context) {
        self.task = Some(Task::start(Work::Load(Box::new(request)), ctx));
    }

    /// Opens what a link describes, given without the `#`, and goes there.
    pub fn follow(&mut self, fragment: &str, ctx: &egui::Context) {
        let link = match ShareLink::decode(fragment) {
            Ok(link) => link,
            Err(error) => return self.notices.complain("Link not opened", error.to_string(), &[]),
        };
        let request = match &link.room {
            LinkedRoom::Open if self.session.is_empty() => {
                self.notices.tell("The link leads to a place in a file: open the file to go there");
                self.awaiting = Some(link);
                return;
            }
            LinkedRoom::Open => {
                for effect in self.session.follow(&link) {
                    self.perform(effect, ctx);
                }
                return;
            }
            LinkedRoom::Tutorial(slug) => match Tutorial::find(slug) {
                Some(tutorial) => Request::tutorial(tutorial),
                None => {
                    let text =
                        format!("there is no built-in room of the name {slug}; was the whole link copied?");
                    return self.notices.complain("Link not opened", text, &[]);
                }
            },
            LinkedRoom::Scenario(text) => Request::new("Room of a link", Source::Bytes(text.clone())),
        };
        // The room has been taken out of it; what is left is the place.
        let link = ShareLink { room: LinkedRoom::Open, ..link };
        self.load(Request { link: Some(link), ..request }, ctx);
    }

    /// Draws a frame and applies what came of it.
    pub fn frame(&mut self, ui: &mut Ui) {
        let ctx = ui.ctx().clone();
        self.take_files(&ctx);
        self.take_outcomes(&ctx);
        keys::send_pressed(&ctx, &self.commands, &mut self.ahead);
        if let Some(path) = self.regions_ui(ui) {
            self.load_some(platform::File::at(path), &ctx);
        }
        self.notices.show(ui);
        for command in self.commands.take() {
            for effect in self.session.apply(command) {
                self.perform(effect, &ctx);
            }
        }
        self.session.end_frame();
        self.diagnose(&ctx);
    }

    /// Looks for state resets in the replay in use, while the window goes on.
    fn diagnose(&mut self, ctx: &egui::Context) {
        let Some(recording) = self.session.undiagnosed() else { return };
        let pair = Pair::of(recording);
        if self.diagnosing.as_ref().is_none_or(|(under_way, _)| *under_way != pair) {
            let work = Work::Diagnose(self.session.shared_room(), recording.clone());
            self.diagnosing = Some((pair, Some(Task::start(work, ctx))));
        }
    }

    /// Files that were dropped, chosen or saved since the last frame.
    fn take_files(&mut self, ctx: &egui::Context) {
        let dropped = ctx.input(|input| input.raw.dropped_files.clone());
        match &dropped[..] {
            [] => {}
            [file] => self.load_some(platform::File::dropped(file), ctx),
            [first, ..] => {
                self.load_some(platform::File::dropped(first), ctx);
                self.notices.tell(format!("Of {} files the first is opened", dropped.len()));
            }
        }
        if let Some(picking) = &self.picking {
            match picking.try_recv() {
                Ok(file) => {
                    self.picking = None;
                    self.load_some(Some(file), ctx);
                }
                Err(TryRecvError::Disconnected) => self.picking = None,
                Err(TryRecvError::Empty) => {}
            }
        }
        let Self { saving, notices, .. } = self;
        saving.retain(|dialog| match dialog.try_recv() {
            Ok(Ok(text)) => {
                notices.tell(text);
                false
            }
            Ok(Err(text)) => {
                notices.complain("Not saved", text, &[]);
                false
            }
            Err(error) => error == TryRecvError::Empty,
        });
    }

    fn load_some(&mut self, file: Option<platform::File>, ctx: &egui::Context) {
        if let Some(file) = file {
            self.load(Request::file(file), ctx);
        }
    }

    /// What was done off the frame since the last one.
    fn take_outcomes(&mut self, ctx: &egui::Context) {
        let mut outcomes = Vec::new();
        self.task.take_if(|task| task.poll().map(|outcome| outcomes.push(outcome)).is_some());
        self.replays.retain(|task| task.poll().map(|outcome| outcomes.push(outcome)).is_none());
        if let Some((_, diagnosing)) = &mut self.diagnosing {
            diagnosing.take_if(|task| task.poll().map(|outcome| outcomes.push(outcome)).is_some());
        }
        for outcome in outcomes {
            match outcome {
                Outcome::Loaded(loaded) => self.show(*loaded, ctx),
                Outcome::Diagnosed(pair, diagnosis) => self.session.provide_diagnosis(pair, diagnosis),
                Outcome::Compared(pairs, comparison) => self.session.provide_comparison(pairs, comparison),
                Outcome::Replayed(recording) => {
                    for effect in self.session.provide(recording) {
                        self.perform(effect, ctx);
                    }
                }
                Outcome::Failed(failure) => {
                    let text = format!("{}: {}", failure.name, failure.message);
                    self.notices.complain("Not opened", text, &failure.findings);
                }
            }
        }
    }

    /// Shows another room.
    fn show(&mut self, loaded: Loaded, ctx: &egui::Context) {
        let Loaded { session, sheets, path, link } = loaded;
        self.session = platform::lend_threads(session);
        self.replays.clear();
        self.diagnosing = None;
        self.views = Views { sheets, ..Views::default() };
        self.notices.clear_errors();
        if let Some(path) = path {
            self.remembered.opened(path);
        }
        if let Some(link) = link.or_else(|| self.awaiting.take()) {
            for effect in self.session.follow(&link) {
                self.perform(effect, ctx);
            }
        }
    }

    /// Does what a session asks for.
    fn perform(&mut self, effect: Effect, ctx: &egui::Context) {
        let windows = &mut self.views.windows;
        match effect {
            Effect::Replay(pair) => {
                self.replays.push(Task::start(Work::Replay(self.session.shared_room(), pair), ctx));
            }
            Effect::Compare(sides) => self.replays.push(Task::start(Work::Compare(sides), ctx)),
            Effect::Tell(notice) if notice.is_error => self.notices.complain("Not done", notice.text, &[]),
            Effect::Tell(notice) => self.notices.tell(notice.text),
            Effect::OpenFile => self.picking = Some(platform::pick_file(ctx)),
            Effect::OpenTutorial(None) => windows.tutorials = !windows.tutorials,
            Effect::OpenTutorial(Some(slug)) => {
                if let Some(tutorial) = Tutorial::find(slug) {
                    self.load(Request::tutorial(tutorial), ctx);
                }
            }
            Effect::CopyLink(fragment) => {
                ctx.copy_text(format!("{}#{fragment}", platform::page_address()));
            }
            Effect::CopyText(text) => {
                ctx.copy_text(text);
                self.notices.tell("Copied");
            }
            Effect::SaveScenario(file) => {
                let name = file.name.clone();
                self.saving.push(platform::save_file(&name, move || file.bytes(), ctx));
            }
            Effect::ExportSvg => {
                let tokens = Tokens::of(&ctx.style_of(ctx.theme()).visuals);
                let Views { canvas, sheets, .. } = &mut self.views;
                let picture = canvas::picture(&self.session, canvas, sheets, tokens);
                self.saving.push(platform::save_file("room.svg", move || picture.into_bytes(), ctx));
            }
            Effect::OpenPalette => windows.palette = !windows.palette,
            Effect::ShowKeys => windows.keys = !windows.keys,
            Effect::ShowFindings => windows.findings = !windows.findings,
            Effect::FocusFilter => windows.focus_filter = true,
            Effect::FocusSearch => windows.focus_search = true,
            Effect::ToggleTheme => {
                let other = if ctx.theme() == Theme::Dark { Theme::Light } else { Theme::Dark };
                ctx.set_theme(other);
            }
            Effect::Zoom(zoom) => zoom_ui(ctx, zoom),
            Effect::TogglePlay => windows.playing = !windows.playing,
            Effect::CancelLoading => {
                if let Some(task) = self.task.take() {
                    self.notices.tell(format!("{} is not loaded", task.name));
                }
            }
        }
    }

    /// Draws all regions. Returns a file that is to be opened again.
    fn regions_ui(&mut self, ui: &mut Ui) -> Option<PathBuf> {
        let Self { session, commands, views, remembered, task, .. } = self;
        let tokens = Tokens::of(ui.visuals());
        let cx = Context { session, commands, tokens };
        let reopened = Panel::top("bar").show(ui, |ui| bar::bar_ui(ui, &cx, task.as_ref(), remembered)).inner;
        if session.is_empty() {
            CentralPanel::default().show(ui, |ui| start::start_ui(ui, &cx));
        } else {
            seats::regions_ui(ui, &cx, views, &mut remembered.tabs);
        }
        seats::windows_ui(ui, &cx, views);
        if ui.input(|input| !input.raw.hovered_files.is_empty()) {
            drop_hint_ui(ui, tokens);
        }
        reopened
    }
}

impl eframe::App for App {
    fn ui(&mut self, ui: &mut Ui, _: &mut eframe::Frame) {
        self.frame(ui);
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        self.remembered.save(storage);
    }

    #[cfg(target_arch = "wasm32")]
    fn as_any_mut(&mut self) -> Option<&mut dyn std::any::Any> {
        Some(self)
    }
}

/// Larger or smaller by a tenth, within what can be read and still fits.
fn zoom_ui(ctx: &egui::Context, zoom: Option<Zoom>) {
    let factor = match zoom {
        Some(Zoom::In) => ctx.zoom_factor() * 1.1,
        Some(Zoom::Out) => ctx.zoom_factor() / 1.1,
        None => 1.0,
    };
    ctx.set_zoom_factor(factor.clamp(0.5, 3.0));
}

/// Says that a file may be dropped.
fn drop_hint_ui(ui: &Ui, tokens: &Tokens) {
    let layer = egui::LayerId::new(egui::Order::Foreground, egui::Id::unique("drop"));
    let painter = ui.ctx().layer_painter(layer);
    let rect = ui.ctx().content_rect();
    painter.rect_filled(rect, 0.0, tokens.background.gamma_multiply(0.85));
    let font = egui::FontId::proportional(theme::size::TITLE);
    painter.text(rect.center(), egui::Align2::CENTER_CENTER, "Drop the file to open it", font, tokens.strong);
}
