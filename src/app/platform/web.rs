//! The browser.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::mpsc::{self, Receiver, Sender};

use js_sys::{Array, Function, Promise, Uint8Array};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Blob, HtmlAnchorElement, HtmlCanvasElement, HtmlInputElement, Url};

use crate::app::loading::{self, Failure, Handle, Outcome, Source, Work};
use crate::app::pace::proceed;
use crate::app::{App, Start};
use crate::executor::Sequential;
use crate::session::Session;

/// How many bytes a dump may have when decompressed: a tab has 4 GiB for everything.
pub const MAX_SIZE: u64 = 1 << 30;

/// How many bytes a file may have. It is in the memory twice while it is handed over.
const MAX_FILE: f64 = 400.0 * 1024.0 * 1024.0;

/// How long loading may keep a frame waiting, in milliseconds.
const SLICE: f64 = 8.0;

/// The address of the page, without the fragment.
pub fn page_address() -> String {
    let href = web_sys::window().and_then(|window| window.location().href().ok()).unwrap_or_default();
    href.split('#').next().unwrap_or_default().to_owned()
}

/// What the address has behind its `#`.
pub fn fragment() -> String {
    let hash = web_sys::window().and_then(|window| window.location().hash().ok()).unwrap_or_default();
    hash.trim_start_matches('#').to_owned()
}

/// A file that somebody chose or dropped.
#[derive(Debug, Clone)]
pub struct File(web_sys::File);

impl File {
    /// Paths lead nowhere in a browser.
    pub fn at(_: PathBuf) -> Option<Self> {
        None
    }

    /// The file that was dropped.
    pub fn dropped(file: &egui::DroppedFileHandle) -> Option<Self> {
        file.web_file().cloned().map(Self)
    }

    /// Its name.
    pub fn name(&self) -> String {
        self.0.name()
    }

    /// A page never learns the path.
    pub fn path(&self) -> Option<&Path> {
        None
    }

    async fn read(&self) -> Result<Vec<u8>, String> {
        let size = self.0.size();
        if size > MAX_FILE {
            let (size, limit) = (size / 1_048_576.0, MAX_FILE / 1_048_576.0);
            return Err(format!(
                "{size:.0} MiB are too much for a browser tab, which takes {limit:.0} MiB; compress the file with gzip \
                 or zstd, or use the desktop program: hindsight open FILE"
            ));
        }
        let buffer = JsFuture::from(self.0.array_buffer()).await;
        let buffer = buffer.map_err(|error| format!("the browser cannot read it: {}", words(&error)))?;
        Ok(Uint8Array::new(&buffer).to_vec())
    }
}

/// What JavaScript says went wrong.
fn words(error: &JsValue) -> String {
    let message = error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
    message.or_else(|| error.as_string()).unwrap_or_else(|| format!("{error:?}"))
}

/// Does the work in slices.
pub fn start(work: Work, handle: &Handle) {
    let handle = handle.clone();
    spawn_local(async move {
        let outcome = match work {
            Work::Replay(room, pair) => drive(loading::replay(room, pair, &handle), &handle).await,
            Work::Diagnose(room, recording) => {
                drive(loading::diagnose(room, recording, &handle), &handle).await
            }
            Work::Compare(sides) => drive(loading::compare(sides, &handle), &handle).await,
            Work::Load(mut request) => {
                let bytes = match &mut request.source {
                    Source::Tutorial(tutorial) => Ok(tutorial.scenario.to_vec()),
                    Source::Bytes(bytes) => Ok(std::mem::take(bytes)),
                    Source::File(file) => file.read().await,
                };
                match bytes {
                    Ok(bytes) => drive(loading::load(bytes, *request, &Sequential, &handle), &handle).await,
                    Err(message) => {
                        Some(Outcome::Failed(Failure { name: request.name, message, findings: Vec::new() }))
                    }
                }
            }
        };
        if let Some(outcome) = outcome {
            handle.send(outcome);
        }
    });
}

/// Works until the slice is over, lets the browser paint, and goes on.
async fn drive(work: impl Future<Output = Outcome>, handle: &Handle) -> Option<Outcome> {
    let mut work = pin!(work);
    while !handle.is_cancelled() {
        let until = now() + SLICE;
        while now() < until {
            if let Some(outcome) = proceed(work.as_mut()) {
                return Some(outcome);
            }
        }
        breathe().await;
    }
    None
}

/// Milliseconds since the page was opened.
fn now() -> f64 {
    web_sys::window().and_then(|window| window.performance()).map_or(0.0, |performance| performance.now())
}

/// Lets the browser do everything else it has to do.
async fn breathe() {
    let promise = Promise::new(&mut |resolve: Function, _| {
        let later = web_sys::window()
            .map(|window| window.set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, 0));
        if !matches!(later, Some(Ok(_))) {
            let _ = resolve.call0(&JsValue::NULL);
        }
    });
    let _ = JsFuture::from(promise).await;
}

/// A page has no threads to lend.
pub fn lend_threads(session: Session) -> Session {
    session
}

/// Asks for a file; it arrives later, unless the dialog is dismissed.
pub fn pick_file(ctx: &egui::Context) -> Receiver<File> {
    let (sender, receiver) = mpsc::channel();
    // Without a dialog there is no answer, as if it had been dismissed.
    let _ = ask_for_file(sender, ctx.clone());
    receiver
}

fn ask_for_file(sender: Sender<File>, ctx: egui::Context) -> Result<(), JsValue> {
    let document = web_sys::window().and_then(|window| window.document()).ok_or(JsValue::NULL)?;
    let input: HtmlInputElement = document.create_element("input")?.dyn_into()?;
    input.set_type("file");
    let chosen = Closure::once_into_js({
        let input = input.clone();
        move || {
            if let Some(file) = input.files().and_then(|files| files.get(0)) {
                let _ = sender.send(File(file));
                ctx.request_repaint();
            }
        }
    });
    input.set_onchange(Some(chosen.unchecked_ref()));
    input.click();
    Ok(())
}

/// Offers the bytes as a download.
pub fn save_file(
    name: &str,
    bytes: impl FnOnce() -> Vec<u8> + 'static,
    _: &egui::Context,
) -> Receiver<Result<String, String>> {
    let (sender, receiver) = mpsc::channel();
    let saved = download(name, &bytes());
    let _ = sender.send(match saved {
        Ok(()) => Ok(format!("Saved {name} where the browser keeps downloads")),
        Err(error) => Err(format!("{name} cannot be saved: {}", words(&error))),
    });
    receiver
}

fn download(name: &str, bytes: &[u8]) -> Result<(), JsValue> {
    let document = web_sys::window().and_then(|window| window.document()).ok_or(JsValue::NULL)?;
    let blob = Blob::new_with_u8_array_sequence(&Array::of1(&Uint8Array::from(bytes)))?;
    let url = Url::create_object_url_with_blob(&blob)?;
    let anchor: HtmlAnchorElement = document.create_element("a")?.dyn_into()?;
    anchor.set_href(&url);
    anchor.set_download(name);
    anchor.click();
    Url::revoke_object_url(&url)
}

thread_local! {
    static RUNNER: RefCell<Option<eframe::WebRunner>> = const { RefCell::new(None) };
}

/// What the debugger shows, as JSON; for tests.
#[wasm_bindgen]
pub fn hindsight_state() -> String {
    let state = RUNNER.with_borrow(|runner| Some(runner.as_ref()?.app_mut::<App>()?.state().to_string()));
    state.unwrap_or_else(|| "null".to_owned())
}

/// Starts the debugger on a canvas of the page.
///
/// # Errors
/// If the browser offers no WebGL.
#[wasm_bindgen]
pub async fn hindsight_start(canvas: HtmlCanvasElement) -> Result<(), JsValue> {
    console_error_panic_hook::set_once();
    let runner = eframe::WebRunner::new();
    let start = Start { fragment: Some(fragment()), request: None };
    let create: eframe::AppCreator<'static> = Box::new(|cc| Ok(Box::new(App::new(cc, start))));
    runner.start(canvas, eframe::WebOptions::default(), create).await?;
    let window = web_sys::window().ok_or(JsValue::NULL)?;
    // Somebody pastes a link into the address bar of an open tab.
    runner.add_event_listener(&window, "hashchange", |_: web_sys::Event, runner| {
        let ctx = runner.egui_ctx().clone();
        runner.app_mut::<App>().follow(&fragment(), &ctx);
        ctx.request_repaint();
    })?;
    RUNNER.with_borrow_mut(|kept| *kept = Some(runner));
    Ok(())
}

/// What the debugger died of, if it did.
#[wasm_bindgen]
pub fn hindsight_panic() -> Option<String> {
    RUNNER.with_borrow(|runner| Some(runner.as_ref()?.panic_summary()?.message()))
}
