//! Everything that can be done to a session.

use super::axis::Axis;
use super::cursor::{Cursor, Position};
use super::find::{Direction, Target};
use super::item::Item;
use super::settings::EdgeMode;
use crate::auth::Profile;
use crate::replay::Pair;
use crate::resolve::Algorithm;
use crate::room::{EventIx, KeyIx};

macro_rules! commands {
    ($($(#[$doc:meta])* $name:ident $(($($argument:ty),+))?;)*) => {
        /// The only way in which a session changes. Menus, the palette, shortcuts, panels, links and tests all send
        /// commands.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Command { $($(#[$doc])* $name $(($($argument),+))?,)* }

        /// A [`Command`] without its arguments.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum CommandKind { $($(#[$doc])* $name,)* }

        impl CommandKind {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
        }

        impl Command {
            /// The command without its arguments.
            pub fn kind(&self) -> CommandKind {
                match self { $(commands!(@pattern $name $(($($argument),+))?) => CommandKind::$name,)* }
            }
        }
    };
    (@pattern $name:ident) => { Self::$name };
    (@pattern $name:ident ($($argument:ty),+)) => { Self::$name(..) };
}

commands! {
    /// Goes so many rows on, or back.
    MoveEvents(i64);
    /// Goes to the first row.
    FirstEvent;
    /// Goes to the last row, which is [`Position::Now`].
    LastEvent;
    /// Goes exactly there, or not at all.
    Seek(Cursor);
    /// Goes to an event or the last row, exactly.
    SeekEvent(Position);
    /// Goes to a row, or the one nearest to it; consecutive ones count as one movement.
    ScrubToRow(usize);
    /// Goes to the row nearest to a value on the time axis; consecutive ones count as one movement.
    ScrubToValue(i64);
    /// Goes so many steps on, or back, inside the resolution at the cursor.
    MoveSteps(i64);
    /// Enters the resolution at the cursor, at its first step.
    StepInto;
    /// Leaves the resolution.
    StepOut;
    /// Goes to the first step.
    FirstStep;
    /// Goes to the last step.
    LastStep;
    /// Goes to exactly that step, or not at all.
    SeekStep(usize);
    /// Goes to a step, or the one nearest to it; consecutive ones count as one movement.
    ScrubToStep(usize);
    /// Goes to the resolution over the states after the selected events.
    ResolveSelection;
    /// Goes to the next thing of a kind, or the previous one.
    Find(Target, Direction);
    /// Goes to the next event that changes the selected state key, or the previous one.
    FindChange(Direction);
    /// The same for a given key, which becomes selected.
    FindChangeOf(KeyIx, Direction);
    /// Selects just that.
    Select(Item);
    /// Adds to the selection, or takes out of it.
    ToggleSelected(Item);
    /// Selects all rows from the cursor to there.
    SelectRange(Position);
    /// Selects nothing.
    ClearSelection;
    /// Points at something until the next frame.
    Hover(Item);
    /// Shows only events that this query matches; empty: all.
    SetFilter(String);
    /// Searches for this query.
    SetSearch(String);
    /// Orders the rows.
    SetAxis(Axis);
    /// Dims what comes after the cursor, or does so no longer.
    ToggleDimFuture;
    /// Collapses linear runs, or does so no longer.
    ToggleCollapse;
    /// Expands the run that begins with an event, or collapses it.
    ToggleRun(EventIx);
    /// Chooses the edges of the graph.
    SetEdges(EdgeMode);
    /// Chooses the other edges.
    ToggleEdges;
    /// Chooses the algorithm; `None`: that of the room version.
    SetAlgorithm(Option<Algorithm>);
    /// Chooses the profile.
    SetProfile(Profile);
    /// Compares with a pair, or with none.
    SetCompare(Option<Pair>);
    /// Compares, or does so no longer.
    ToggleCompare;
    /// Exchanges the pair in use and that compared with.
    SwapCompare;
    /// Goes to the place before.
    Back;
    /// Goes to the place one came back from.
    Forward;
    /// Brings the settings before the last change back.
    Undo;
    /// Undoes the undoing.
    Redo;
    /// Asks for a file to open.
    OpenFile;
    /// Shows the built-in rooms, or opens the one of that name.
    OpenTutorial(Option<&'static str>);
    /// Copies a link to what is seen, with the room in it if it fits.
    CopyLink;
    /// Copies a link to what is seen, without the room.
    CopyLinkToPlace;
    /// Copies the ID of the event at the cursor, or of those selected.
    CopyIds;
    /// Saves the room as a scenario.
    SaveScenario;
    /// Saves the graph as a picture.
    ExportSvg;
    /// Opens the palette of commands.
    OpenPalette;
    /// Shows the shortcuts.
    ShowKeys;
    /// Shows what was found wrong with the input.
    ShowFindings;
    /// Puts the keyboard into the filter.
    FocusFilter;
    /// Puts the keyboard into the search.
    FocusSearch;
    /// Changes from light to dark, or back.
    ToggleTheme;
    /// Makes everything larger.
    ZoomIn;
    /// Makes everything smaller.
    ZoomOut;
    /// Makes everything as large as usual.
    ZoomReset;
    /// Starts to play the steps, or stops.
    TogglePlay;
    /// Stops loading.
    CancelLoading;
}
