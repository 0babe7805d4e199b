//! The application without a window: rooms are opened, and bad files do no harm.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use egui::{Event, Key, Modifiers, RawInput};

use super::loading::{Request, Source};
use super::tutorials::Tutorial;
use super::{App, Start};

/// An application and its frames.
struct Desk {
    ctx: egui::Context,
    app: App,
}

impl Desk {
    fn new(start: Start) -> Self {
        let ctx = egui::Context::default();
        let app = App::headless(&ctx, start);
        let mut desk = Self { ctx, app };
        desk.wait();
        desk
    }

    fn tutorial(slug: &str) -> Self {
        let request = Request::tutorial(Tutorial::find(slug).expect("built in"));
        Self::new(Start { request: Some(request), fragment: None })
    }

    fn link(fragment: &str) -> Self {
        Self::new(Start { request: None, fragment: Some(fragment.to_owned()) })
    }

    fn frame(&mut self, events: Vec<Event>, dropped_files: Vec<egui::DroppedFileHandle>) -> egui::FullOutput {
        let screen = egui::Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(1280.0, 800.0));
        let input = RawInput { screen_rect: Some(screen), events, dropped_files, ..RawInput::default() };
        let Self { ctx, app } = self;
        let mut output = ctx.run_ui(input, |ui| app.frame(ui));
        // Nobody paints.
        output.textures_delta.clear();
        output
    }

    /// Frames until nothing is being loaded.
    fn wait(&mut self) {
        let start = Instant::now();
        loop {
            self.frame(Vec::new(), Vec::new());
            if !self.app.is_busy() {
                break;
            }
            assert!(start.elapsed() < Duration::from_secs(60), "still loading");
            std::thread::sleep(Duration::from_millis(1));
        }
        self.frame(Vec::new(), Vec::new());
    }

    fn drop(&mut self, path: PathBuf) {
        self.frame(Vec::new(), vec![Arc::new(Dropped(path))]);
        self.wait();
    }

    fn press(&mut self, key: Key, modifiers: Modifiers) {
        let event = Event::Key { key, physical_key: None, pressed: true, repeat: false, modifiers };
        self.frame(vec![event], Vec::new());
    }

    fn notices(&self) -> Vec<String> {
        self.app.notices.texts().map(str::to_owned).collect()
    }
}

#[derive(Debug)]
struct Dropped(PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &std::path::Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|error| error.to_string())
    }
}

fn fixture(slug: &str) -> PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(slug)
}

#[test]
fn begins_without_a_room() {
    let desk = Desk::new(Start::default());
    assert!(desk.app.session().is_empty());
    assert_eq!(desk.app.state()["session"], serde_json::Value::Null);
}

#[test]
fn bad_files_give_a_message_and_leave_the_room_open() {
    let mut desk = Desk::tutorial("topic-vs-ban");
    let events = desk.app.session().room().len();
    let folder = tempfile::tempdir().unwrap();
    let scenario = std::fs::read(fixture("knock").join("scenario.json5")).unwrap();
    for (name, bytes) in [
        ("picture.jpg", &b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01"[..]),
        ("empty.ndjson", b""),
        ("half.json5", &scenario[..scenario.len() / 2]),
        ("blank.ndjson", &[0; 10_000]),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        desk.drop(path);
        let notices = desk.notices();
        assert!(notices.iter().any(|text| text.starts_with(name)), "{name}: {notices:?}");
        assert_eq!(desk.app.session().room().len(), events, "{name}");
    }
    desk.drop(folder.path().join("gone.ndjson"));
    assert!(desk.notices().last().unwrap().contains("no such file"));
    desk.drop(folder.path().to_owned());
    assert!(desk.notices().last().unwrap().contains("scenario.json5"));
    assert_eq!(desk.app.session().room().len(), events);
}

#[test]
fn what_works_takes_complaints_away_and_is_remembered() {
    let mut desk = Desk::new(Start::default());
    desk.drop(fixture("nowhere"));
    assert_eq!(desk.notices().len(), 1);
    desk.drop(fixture("knock"));
    assert_eq!(desk.notices(), [""; 0]);
    assert_eq!(desk.app.session().source().name, "knock");
    assert_eq!(desk.app.remembered.recent, [fixture("knock")]);
}

#[test]
fn links_lead_to_rooms_and_places() {
    let desk = Desk::link("room=r3-priority-inversion&at=$MERGE&step=2");
    let session = desk.app.session();
    let merge = session.cursor().event.event().unwrap();
    assert_eq!(session.room().prev_events(merge).len(), 2);
    assert_eq!(session.cursor().step, Some(2));

    for bad in ["room=nowhere", "scenario=rubbish", "step=x"] {
        let desk = Desk::link(bad);
        assert!(desk.app.session().is_empty());
        assert_eq!(desk.notices().len(), 1, "{bad}");
    }
}

/// What somebody copies opens the same view elsewhere.
#[test]
fn a_copied_link_comes_back() {
    let bytes = Tutorial::find("mainline-epochs").unwrap().scenario.to_vec();
    let request = Request::new("mine", Source::Bytes(bytes));
    let mut desk = Desk::new(Start { request: Some(request), fragment: None });
    desk.press(Key::End, Modifiers::NONE);
    desk.app.commands.send(crate::session::Command::CopyLink);
    let output = desk.frame(Vec::new(), Vec::new());
    let copied = output.platform_output.commands.into_iter().find_map(|command| match command {
        egui::OutputCommand::CopyText(text) => Some(text),
        _ => None,
    });
    let copied = copied.unwrap();
    let other = Desk::link(copied.split_once('#').unwrap().1);
    assert_eq!(other.app.session().room().len(), desk.app.session().room().len());
    assert_eq!(other.app.session().cursor(), desk.app.session().cursor());
}

#[test]
fn a_link_to_a_place_waits_for_its_file() {
    let mut desk = Desk::link("at=now");
    assert_eq!(desk.notices().len(), 1);
    desk.drop(fixture("knock"));
    assert_eq!(desk.app.session().cursor().event, crate::session::Position::Now);
}

#[test]
fn keys_are_commands() {
    let mut desk = Desk::tutorial("topic-vs-ban");
    let at = |desk: &Desk| desk.app.session().cursor().event;
    let first = at(&desk);
    desk.press(Key::ArrowRight, Modifiers::NONE);
    assert_ne!(at(&desk), first);
    desk.press(Key::ArrowLeft, Modifiers::NONE);
    assert_eq!(at(&desk), first);
    let theme = desk.ctx.theme();
    desk.app.commands.send(crate::session::Command::ToggleTheme);
    desk.frame(Vec::new(), Vec::new());
    desk.frame(Vec::new(), Vec::new());
    assert_ne!(desk.ctx.theme(), theme);
    desk.press(Key::K, Modifiers::COMMAND);
    assert!(desk.app.views.windows.palette);
}

#[test]
fn loading_can_be_cancelled() {
    let mut desk = Desk::tutorial("knock");
    let line = std::fs::read(fixture("conformance").join("rv11-forky-139.ndjson")).unwrap();
    let request = Request::new("long", Source::Bytes(line.repeat(400)));
    let ctx = desk.ctx.clone();
    desk.app.load(request, &ctx);
    desk.app.commands.send(crate::session::Command::CancelLoading);
    desk.frame(Vec::new(), Vec::new());
    assert!(!desk.app.is_busy());
    assert_eq!(desk.app.session().source().origin, crate::session::Origin::Tutorial("knock".into()));
}
