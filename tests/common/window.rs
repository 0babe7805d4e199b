//! The debugger without a window, for tests: frames are drawn, widgets found by what a screen reader says of them.
#![allow(dead_code, clippy::unwrap_used, reason = "each test uses a part of it, and fails by panicking")]

use std::path::PathBuf;
use std::time::Duration;

use egui::{Key, Modifiers, Vec2};
use egui_kittest::Harness;
use hindsight::app::loading::Request;
use hindsight::app::platform::File;
use hindsight::app::{App, Start};
use hindsight::session::Session;

/// A window on a room.
pub(crate) struct Window(pub(crate) Harness<'static, Option<App>>);

impl Window {
    /// Opens a room in a window of so many points, and waits until it is there.
    pub(crate) fn open(size: Vec2, request: Request) -> Self {
        let mut start = Some(Start { request: Some(request), ..Start::default() });
        let frame = move |ui: &mut egui::Ui, app: &mut Option<App>| {
            let app = app.get_or_insert_with(|| App::headless(ui.ctx(), start.take().unwrap()));
            app.frame(ui);
        };
        let harness = Harness::builder()
            .with_size(size)
            .with_context_setup(hindsight::app::theme::install)
            // People write emoji, for which there is no font.
            .allow_missing_glyphs()
            .build_ui_state(frame, None);
        let mut window = Self(harness);
        window.settle();
        assert!(!window.session().is_empty());
        window
    }

    /// Opens one of `fixtures/`.
    pub(crate) fn fixture(size: Vec2, name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
        Self::open(size, Request::file(File::at(path).unwrap()))
    }

    /// Draws frames until nothing is loaded or replayed any more.
    pub(crate) fn settle(&mut self) {
        for _ in 0..4000 {
            self.0.step();
            if self.0.state().as_ref().is_some_and(|app| !app.is_busy()) {
                self.0.run_steps(3);
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("loading does not end");
    }

    pub(crate) fn session(&self) -> &Session {
        self.0.state().as_ref().unwrap().session()
    }

    pub(crate) fn press(&mut self, key: Key) -> &mut Self {
        self.press_with(Modifiers::NONE, key)
    }

    pub(crate) fn press_with(&mut self, modifiers: Modifiers, key: Key) -> &mut Self {
        self.0.key_press_modifiers(modifiers, key);
        self.0.run_steps(2);
        self
    }

    pub(crate) fn click(&mut self, label: &str) -> &mut Self {
        use egui_kittest::kittest::Queryable as _;
        self.0.get_by_label(label).click();
        self.0.run_steps(3);
        self
    }
}
