//! `hindsight open`: the desktop debugger.

use super::args::{Globals, OpenArgs};
use super::error::CliError;
use super::output::Ui;

/// Opens the window, and returns when it is closed.
#[cfg(feature = "gui")]
pub(super) fn run(args: &OpenArgs, globals: &Globals, ui: &mut Ui) -> Result<u8, CliError> {
    let start = enabled::start(args, globals, ui)?;
    crate::app::platform::run_window(start).map_err(|error| enabled::no_window(&error))?;
    Ok(0)
}

/// Says that this program has no window.
#[cfg(not(feature = "gui"))]
pub(super) fn run(_: &OpenArgs, _: &Globals, _: &mut Ui) -> Result<u8, CliError> {
    Err(CliError::new("this build of hindsight has no debugger").hint("build it with the feature `gui`"))
}

#[cfg(feature = "gui")]
mod enabled {
    use std::path::Path;

    use super::super::args::{Globals, OpenArgs};
    use super::super::error::CliError;
    use super::super::output::Ui;
    use super::super::{database, load};
    use crate::app::Start;
    use crate::app::loading::{Request, Source};
    use crate::app::platform::File;
    use crate::app::tutorials::Tutorial;
    use crate::dump::Options;

    /// What to begin with: a file, a built-in room, or a link.
    pub(super) fn start(args: &OpenArgs, globals: &Globals, ui: &mut Ui) -> Result<Start, CliError> {
        let Some(path) = args.dump.as_deref() else { return Ok(Start::default()) };
        let text = path.to_string_lossy();
        if let Some(fragment) = fragment(&text) {
            return Ok(Start { fragment: Some(fragment.to_owned()), ..Start::default() });
        }
        let imported = database::read(globals, path, ui)?;
        let room_id = imported.as_ref().map(|room| room.id.clone()).or(globals.room.clone());
        let mut request = match (imported, Tutorial::find(&text)) {
            (Some(room), _) => Request::new(database::title(path), Source::Bytes(room.bytes)),
            (None, Some(tutorial)) if !path.exists() => Request::tutorial(tutorial),
            (None, _) => request(path, ui)?,
        };
        let asserted_state =
            globals.asserted_state.as_deref().map(|path| load::read(path, ui)).transpose()?;
        request.options = Options {
            room_version: globals.room_version.clone(),
            room_id,
            asserted_state,
            holes: globals.holes(),
            ..request.options
        };
        request.algorithm = globals.algorithm();
        request.profile = globals.profile();
        Ok(Start { request: Some(request), fragment: None })
    }

    /// What a link has behind its `#`.
    fn fragment(text: &str) -> Option<&str> {
        let is_link = ["#", "https://", "http://", "file://"].iter().any(|start| text.starts_with(start));
        text.split_once('#').map(|(_, fragment)| fragment).filter(|_| is_link)
    }

    fn request(path: &Path, ui: &mut Ui) -> Result<Request, CliError> {
        if path.as_os_str() == "-" {
            return Ok(Request::new("standard input", Source::Bytes(load::read(path, ui)?)));
        }
        // Whoever asks for a file that is not there wants to know before a window opens.
        let found = load::locate(path)?;
        let file = std::path::absolute(&found).unwrap_or(found);
        let mut request = Request::file(File::from(file));
        if path.is_dir()
            && let Some(folder) = path.file_name()
        {
            request.name = folder.to_string_lossy().into_owned();
        }
        Ok(request)
    }

    /// Why there is no window.
    pub(super) fn no_window(error: &eframe::Error) -> CliError {
        let text = error.to_string();
        CliError::new(format!("no window can be opened: {}", reason(&text))).hint(
            "a display with OpenGL is needed (over SSH: ssh -X); without one, `hindsight log` and \
             `hindsight resolve --steps` tell the same as text, and the page in web/ needs only a browser",
        )
    }

    /// The libraries put the line of their own sources before what is wrong, which helps nobody here.
    fn reason(text: &str) -> &str {
        let after = text.rsplit_once(".rs:").and_then(|(_, rest)| rest.split_once(": "));
        after.map_or(text, |(_, reason)| reason).trim_end_matches('.')
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn places_in_sources_are_left_out() {
            assert_eq!(reason("os error at /x/y-0.30/src/mod.rs:78: no display."), "no display");
            assert_eq!(reason("no OpenGL"), "no OpenGL");
        }

        #[test]
        fn links_are_told_from_files() {
            assert_eq!(fragment("https://example.org/hindsight/#room=x"), Some("room=x"));
            assert_eq!(fragment("#room=x"), Some("room=x"));
            assert_eq!(fragment("dumps/#1.ndjson"), None);
        }
    }
}
