//! What a session asks its shell to do: all that needs files, a clipboard, a window or another thread.

use std::fmt;
use std::sync::Arc;

use super::compare::Sides;
use crate::export;
use crate::replay::{Pair, Recording};
use crate::room::Room;

/// Something for the shell to do.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Replay the room, off the frame, and hand the outcome to [`Session::provide`](super::Session::provide).
    Replay(Pair),
    /// Compare two replays, off the frame, and hand the outcome to
    /// [`Session::provide_comparison`](super::Session::provide_comparison).
    Compare(Sides),
    /// Tell something, for a moment.
    Tell(Notice),
    /// Ask for a file and load it.
    OpenFile,
    /// Show the built-in rooms, or load the one of that name.
    OpenTutorial(Option<&'static str>),
    /// Put a link with this fragment (without `#`) on the clipboard.
    CopyLink(String),
    /// Put a text on the clipboard.
    CopyText(String),
    /// Ask where to, and save.
    SaveScenario(ScenarioFile),
    /// Ask where to, and save the graph as it is seen.
    ExportSvg,
    /// Open the palette.
    OpenPalette,
    /// Show the shortcuts.
    ShowKeys,
    /// Show the findings.
    ShowFindings,
    /// Put the keyboard into the filter.
    FocusFilter,
    /// Put the keyboard into the search.
    FocusSearch,
    /// Change between light and dark.
    ToggleTheme,
    /// Multiply the size of everything; `None`: as usual.
    Zoom(Option<Zoom>),
    /// Start to play the steps, or stop.
    TogglePlay,
    /// Stop loading.
    CancelLoading,
}

/// Larger or smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zoom {
    /// Larger.
    In,
    /// Smaller.
    Out,
}

/// A short message: sentence case, no full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Something did not work.
    pub is_error: bool,
    /// What to say.
    pub text: String,
}

impl Effect {
    pub(super) fn tell(text: impl Into<String>) -> Self {
        Self::Tell(Notice { is_error: false, text: text.into() })
    }

    pub(super) fn complain(text: impl fmt::Display) -> Self {
        Self::Tell(Notice { is_error: true, text: text.to_string() })
    }
}

/// A room to be saved as a scenario. The text is made on demand, because that may take a while: elsewhere, if there is
/// another thread.
#[derive(Debug, Clone)]
pub struct ScenarioFile {
    /// A name for the file.
    pub name: String,
    pub(super) room: Arc<Room>,
    pub(super) recording: Recording,
}

impl ScenarioFile {
    /// The scenario, as TARDIS and this program read it.
    pub fn bytes(&self) -> Vec<u8> {
        export::scenario_text(&self.recording.of(&self.room)).into_bytes()
    }
}
