//! Panics of single rooms.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, UnwindSafe};
use std::sync::Once;

thread_local! {
    /// Whether panics of this thread are caught just now.
    static CATCHING: Cell<bool> = const { Cell::new(false) };
    /// Where in the sources the last of them happened.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Does some work; if it panics, returns what the panic said and where it happened.
pub(super) fn caught<T>(work: impl FnOnce() -> T + UnwindSafe) -> Result<T, String> {
    watch();
    CATCHING.set(true);
    let result = panic::catch_unwind(work);
    CATCHING.set(false);
    result.map_err(|payload| {
        let message = message(&*payload);
        match PLACE.take() {
            Some(place) => format!("{message} ({place})"),
            None => message.to_owned(),
        }
    })
}

/// Has panics that are caught noted instead of printed. Only a hook learns where a panic happened.
fn watch() {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if CATCHING.get() {
                PLACE.set(info.location().map(ToString::to_string));
            } else {
                others(info);
            }
        }));
    });
}

fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message")
}
