//! What a frame of the debugger costs: all panels laid out, painted into shapes and divided into triangles, without a
//! window and without the graphics card; in processor time.
//!
//! ```sh
//! cargo bench --bench app                             # 1,000 and 100,000 events; a minute
//! HINDSIGHT_R1M=1 cargo bench --bench app             # the million too
//! ```

#![expect(clippy::print_stdout, reason = "the table goes there")]

#[path = "support/mod.rs"]
mod support;

use std::time::Duration;

use egui::{Context, Event, Key, Modifiers, PointerButton, Pos2, RawInput, Rect, Vec2, pos2, vec2};
use hindsight::app::loading::{Request, Source};
use hindsight::app::{App, Start};
use hindsight::generate::{Blueprint, Preset, Rng};
use support::measure::{Spread, timed};

/// So many frames are drawn of each kind.
const FRAMES: usize = 400;

fn main() {
    let mut rooms = vec![
        ("1,000", Blueprint { events: 1_000, members: 50, ..Blueprint::preset(Preset::R10k) }),
        ("100,000", Blueprint::preset(Preset::R100k)),
    ];
    if std::env::var_os("HINDSIGHT_R1M").is_some() {
        rooms.push(("1,000,000", Blueprint::preset(Preset::R1m)));
    }
    println!(
        "| events | window | frame | number | median | 99 of 100 below | longest |\n|---|---|---|---|---|---|---|"
    );
    for (events, blueprint) in &rooms {
        for size in [vec2(1280.0, 800.0), vec2(2560.0, 1440.0)] {
            measure(events, blueprint, size);
        }
    }
}

/// An application without a window.
struct Desk {
    ctx: Context,
    app: App,
    size: Vec2,
    time: f64,
}

impl Desk {
    fn new(blueprint: &Blueprint, size: Vec2) -> Self {
        let ctx = Context::default();
        let request = Request::new("room", Source::Bytes(blueprint.ndjson()));
        let app = App::headless(&ctx, Start { request: Some(request), ..Start::default() });
        let mut desk = Self { ctx, app, size, time: 0.0 };
        // What looks for state resets in the meantime would be counted too.
        while desk.app.is_busy() || desk.app.session().diagnosis().is_none() {
            desk.frame(Vec::new());
            std::thread::sleep(Duration::from_millis(2));
        }
        desk
    }

    /// Draws one frame.
    fn frame(&mut self, events: Vec<Event>) -> Duration {
        self.time += 1.0 / 60.0;
        let screen = Rect::from_min_size(Pos2::ZERO, self.size);
        let input =
            RawInput { screen_rect: Some(screen), time: Some(self.time), events, ..RawInput::default() };
        let Self { ctx, app, .. } = self;
        let (_, time) = timed(|| {
            let mut output = ctx.run_ui(input, |ui| app.frame(ui));
            output.textures_delta.clear();
            ctx.tessellate(output.shapes, output.pixels_per_point).len()
        });
        time
    }

    fn press(&mut self, key: Key) -> Duration {
        let event = |pressed| {
            let modifiers = Modifiers::NONE;
            Event::Key { key, physical_key: None, pressed, repeat: false, modifiers }
        };
        self.frame(vec![event(true), event(false)])
    }

    fn button(&mut self, at: Pos2, pressed: bool) -> Duration {
        let modifiers = Modifiers::NONE;
        let event = Event::PointerButton { pos: at, button: PointerButton::Primary, pressed, modifiers };
        self.frame(vec![Event::PointerMoved(at), event])
    }
}

fn measure(events: &str, blueprint: &Blueprint, size: Vec2) {
    let mut desk = Desk::new(blueprint, size);
    let print = |what: &str, times: Vec<Duration>| {
        if let Some(Spread { count, median, p99, max }) = Spread::of(times) {
            let (width, height) = (size.x, size.y);
            println!(
                "| {events} | {width}×{height} | {what} | {count} | {median:.2?} | {p99:.2?} | {max:.2?} |"
            );
        }
    };
    for _ in 0..20 {
        desk.frame(Vec::new());
    }
    let mut rng = Rng::new(1);
    let resting = (0..FRAMES).map(|_| desk.frame(Vec::new())).collect();
    print("nothing happens", resting);
    desk.press(Key::Home);
    print("to the next event", (0..FRAMES).map(|_| desk.press(Key::ArrowRight)).collect());
    let mut pointed = |desk: &mut Desk| {
        let at = pos2(rng.below(size.x as usize) as f32, 60.0 + rng.below(size.y as usize - 120) as f32);
        desk.frame(vec![Event::PointerMoved(at)])
    };
    print("the pointer moves", (0..FRAMES).map(|_| pointed(&mut desk)).collect());
    let strip = |part: f32| pos2(100.0 + part * (size.x - 120.0), size.y - 40.0);
    desk.button(strip(0.5), true);
    let mut scrub = |desk: &mut Desk| {
        let at = strip(rng.below(10_000) as f32 / 10_000.0);
        desk.frame(vec![Event::PointerMoved(at)])
    };
    print("scrub to anywhere", (0..FRAMES).map(|_| scrub(&mut desk)).collect());
    desk.button(strip(0.5), false);
    let step = |desk: &mut Desk, number: usize| match number % 8 {
        0 => {
            desk.press(Key::C);
            desk.press(Key::Enter)
        }
        _ => desk.press(Key::Period),
    };
    print("to the next step", (0..FRAMES).map(|number| step(&mut desk, number)).collect());
    // All panels have lines with links in them here; a screen reader is told of each.
    desk.press(Key::Home);
    desk.press(Key::C);
    desk.press(Key::Enter);
    for _ in 0..8 {
        desk.press(Key::Period);
    }
    print("nothing happens at a step", (0..FRAMES).map(|_| desk.frame(Vec::new())).collect());
    desk.ctx.enable_accesskit();
    desk.frame(Vec::new());
    print("the same with a screen reader", (0..FRAMES).map(|_| desk.frame(Vec::new())).collect());
}
