//! The table of commands: what they are called and which keys they have.

use super::axis::Axis;
use super::command::{Command, CommandKind};
use super::find::{Direction, Target};
use super::settings::EdgeMode;
use crate::auth::Profile;
use crate::resolve::Algorithm;

/// A key on the keyboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// The key that writes this character without modifiers; letters are in upper case.
    Char(char),
    /// ←
    Left,
    /// →
    Right,
    /// ↑
    Up,
    /// ↓
    Down,
    /// Home
    Home,
    /// End
    End,
    /// Page up
    PageUp,
    /// Page down
    PageDown,
    /// Enter
    Enter,
    /// Escape
    Escape,
    /// Backspace
    Backspace,
    /// Space
    Space,
}

/// A key with modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shortcut {
    /// The key.
    pub key: Key,
    /// With Ctrl; on a Mac with Command.
    pub ctrl: bool,
    /// With Shift.
    pub shift: bool,
    /// With Alt; on a Mac with Option.
    pub alt: bool,
}

const fn plain(key: Key) -> Shortcut {
    Shortcut { key, ctrl: false, shift: false, alt: false }
}

const fn shift(key: Key) -> Shortcut {
    Shortcut { shift: true, ..plain(key) }
}

const fn ctrl(key: Key) -> Shortcut {
    Shortcut { ctrl: true, ..plain(key) }
}

const fn ctrl_shift(key: Key) -> Shortcut {
    Shortcut { shift: true, ..ctrl(key) }
}

const fn alt(key: Key) -> Shortcut {
    Shortcut { alt: true, ..plain(key) }
}

const fn char(c: char) -> Shortcut {
    plain(Key::Char(c))
}

impl Shortcut {
    /// The shortcut in words: "Ctrl+Shift+Z", "→".
    pub fn text(self) -> String {
        let mut text = String::new();
        for (held, name) in [(self.ctrl, "Ctrl+"), (self.alt, "Alt+"), (self.shift, "Shift+")] {
            if held {
                text.push_str(name);
            }
        }
        match self.key {
            // `?` is what one presses to get it.
            Key::Char('/') if text == "Shift+" => return "?".to_owned(),
            Key::Char(c) => text.push(c),
            Key::Left => text.push('←'),
            Key::Right => text.push('→'),
            Key::Up => text.push('↑'),
            Key::Down => text.push('↓'),
            Key::Home => text.push_str("Home"),
            Key::End => text.push_str("End"),
            Key::PageUp => text.push_str("Page up"),
            Key::PageDown => text.push_str("Page down"),
            Key::Enter => text.push_str("Enter"),
            Key::Escape => text.push_str("Escape"),
            Key::Backspace => text.push_str("Backspace"),
            Key::Space => text.push_str("Space"),
        }
        text
    }
}

/// Where a command stands in the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Moving from event to event.
    Events,
    /// Moving inside a resolution.
    Steps,
    /// Going to the next thing of a kind.
    Find,
    /// Selecting.
    Selection,
    /// What is shown and how.
    View,
    /// Algorithms, profiles, comparison.
    Resolution,
    /// Back, forward, undo, redo.
    History,
    /// Files and links.
    Room,
    /// The rest.
    Application,
}

impl Group {
    /// All groups, in the order of the help.
    pub const ALL: [Self; 9] = [
        Self::Events,
        Self::Steps,
        Self::Find,
        Self::Selection,
        Self::View,
        Self::Resolution,
        Self::History,
        Self::Room,
        Self::Application,
    ];

    /// The heading.
    pub fn label(self) -> &'static str {
        match self {
            Self::Events => "Events",
            Self::Steps => "Steps of a resolution",
            Self::Find => "Find",
            Self::Selection => "Selection",
            Self::View => "View",
            Self::Resolution => "Algorithm and comparison",
            Self::History => "History",
            Self::Room => "Room",
            Self::Application => "Application",
        }
    }
}

/// One line of the table.
#[derive(Debug)]
pub struct CommandInfo {
    /// A name that stays: `event.next`.
    pub id: &'static str,
    /// The name in menus and on buttons.
    pub name: &'static str,
    /// What it does, for palette and help.
    pub text: &'static str,
    /// Where it stands in the help.
    pub group: Group,
    /// The keys; the first one is shown.
    pub shortcuts: &'static [Shortcut],
    /// What it is a line about.
    pub kind: CommandKind,
    /// The command itself; `None` if it needs arguments that only a panel can give. Such commands are not in the
    /// palette.
    pub command: Option<Command>,
}

impl CommandInfo {
    /// The line with that ID.
    pub fn find(id: &str) -> Option<&'static Self> {
        COMMANDS.iter().find(|info| info.id == id)
    }

    /// The first line about a command.
    pub fn of(command: &Command) -> Option<&'static Self> {
        COMMANDS
            .iter()
            .find(|info| info.command.as_ref() == Some(command))
            .or_else(|| COMMANDS.iter().find(|info| info.kind == command.kind()))
    }
}

macro_rules! table {
    ($($group:ident { $($id:literal $name:literal $text:literal [$($key:expr),*] $kind:ident $(($($argument:expr),+))? $(: $none:ident)?;)* })*) => {
        /// Every command, in the order of menus and help.
        pub static COMMANDS: &[CommandInfo] = &[$($(CommandInfo {
            id: $id,
            name: $name,
            text: $text,
            group: Group::$group,
            shortcuts: &[$($key),*],
            kind: CommandKind::$kind,
            command: table!(@command $kind $(($($argument),+))? $(: $none)?),
        },)*)*];
    };
    (@command $kind:ident : panel) => { None };
    (@command $kind:ident $(($($argument:expr),+))?) => { Some(Command::$kind $(($($argument),+))?) };
}

use Direction::{Next, Previous};

table! {
    Events {
        "event.next" "Next event" "Go to the next event" [plain(Key::Right), plain(Key::Down)] MoveEvents(1);
        "event.previous" "Previous event" "Go to the previous event" [plain(Key::Left), plain(Key::Up)] MoveEvents(-1);
        "event.page-next" "20 events on" "Go 20 events on" [plain(Key::PageDown)] MoveEvents(20);
        "event.page-previous" "20 events back" "Go 20 events back" [plain(Key::PageUp)] MoveEvents(-20);
        "event.first" "First event" "Go to the first event" [plain(Key::Home)] FirstEvent;
        "event.last" "Now" "Go to the last row, the current state" [plain(Key::End)] LastEvent;
        "event.seek" "Go to event" "Go to a given event" [] SeekEvent: panel;
        "cursor.seek" "Go to place" "Go to a given event and step" [] Seek: panel;
        "event.scrub" "Drag to row" "Drag the cursor to a row" [] ScrubToRow: panel;
        "event.scrub-value" "Drag to time" "Drag the cursor along the time axis" [] ScrubToValue: panel;
    }
    Steps {
        "step.into" "Step into" "Enter the resolution at the cursor" [plain(Key::Enter)] StepInto;
        "step.out" "Step out" "Leave the resolution" [plain(Key::Backspace)] StepOut;
        "step.next" "Next step" "Go to the next step of the resolution" [char('.'), shift(Key::Right)] MoveSteps(1);
        "step.previous" "Previous step" "Go to the previous step of the resolution" [char(','), shift(Key::Left)] MoveSteps(-1);
        "step.first" "First step" "Go to the first step of the resolution" [shift(Key::Home)] FirstStep;
        "step.last" "Last step" "Go to the last step of the resolution" [shift(Key::End)] LastStep;
        "step.seek" "Go to step" "Go to a given step" [] SeekStep: panel;
        "step.scrub" "Drag to step" "Drag along the steps" [] ScrubToStep: panel;
        "step.play" "Play or pause" "Play the steps, or stop" [plain(Key::Space)] TogglePlay;
    }
    Find {
        "find.notable-next" "Next point of interest" "Go to the next conflicted merge, rejection or reset" [char('N')] Find(Target::Notable, Next);
        "find.notable-previous" "Previous point of interest" "Go to the previous conflicted merge, rejection or reset" [char('P')] Find(Target::Notable, Previous);
        "find.conflicted-next" "Next conflicted merge" "Go to the next merge of states that differ" [char('C')] Find(Target::Conflicted, Next);
        "find.conflicted-previous" "Previous conflicted merge" "Go to the previous merge of states that differ" [shift(Key::Char('C'))] Find(Target::Conflicted, Previous);
        "find.merge-next" "Next merge" "Go to the next event with several parents" [char('M')] Find(Target::Merge, Next);
        "find.merge-previous" "Previous merge" "Go to the previous event with several parents" [shift(Key::Char('M'))] Find(Target::Merge, Previous);
        "find.rejected-next" "Next rejected event" "Go to the next rejected event" [char('R')] Find(Target::Rejected, Next);
        "find.rejected-previous" "Previous rejected event" "Go to the previous rejected event" [shift(Key::Char('R'))] Find(Target::Rejected, Previous);
        "find.reset-next" "Next state reset" "Go to the next state reset" [] Find(Target::Reset, Next);
        "find.reset-previous" "Previous state reset" "Go to the previous state reset" [] Find(Target::Reset, Previous);
        "find.difference-next" "Next difference" "Go to the next event on which the compared replays differ" [char('D')] Find(Target::Difference, Next);
        "find.difference-previous" "Previous difference" "Go to the previous event on which the compared replays differ" [shift(Key::Char('D'))] Find(Target::Difference, Previous);
        "find.hit-next" "Next search hit" "Go to the next event that the search matches" [ctrl(Key::Char('G'))] Find(Target::Hit, Next);
        "find.hit-previous" "Previous search hit" "Go to the previous event that the search matches" [ctrl_shift(Key::Char('G'))] Find(Target::Hit, Previous);
        "find.change-previous" "Last change of this key" "Go back to the last event that changed the selected state key (reverse-continue)" [char('[')] FindChange(Previous);
        "find.change-next" "Next change of this key" "Go on to the next event that changes the selected state key" [char(']')] FindChange(Next);
        "find.change-of" "Change of a key" "Go to an event that changes a given state key" [] FindChangeOf: panel;
        "find.focus" "Search" "Search events" [ctrl(Key::Char('F'))] FocusSearch;
        "find.set" "Search for" "Set the text to search for" [] SetSearch: panel;
    }
    Selection {
        "selection.set" "Select" "Select one thing" [] Select: panel;
        "selection.toggle" "Add to selection" "Add to the selection, or take out of it" [] ToggleSelected: panel;
        "selection.range" "Select up to here" "Select all rows from the cursor to another" [] SelectRange: panel;
        "selection.clear" "Clear selection" "Select nothing" [plain(Key::Escape)] ClearSelection;
        "selection.hover" "Point at" "Point at something" [] Hover: panel;
        "selection.resolve" "Resolve over selection" "Resolve over the states after the selected events" [char('O')] ResolveSelection;
        "selection.copy" "Copy event ID" "Copy the ID of the event at the cursor, or of those selected" [ctrl_shift(Key::Char('I'))] CopyIds;
    }
    View {
        "filter.focus" "Filter" "Show only some of the events" [char('/')] FocusFilter;
        "filter.clear" "Clear filter" "Show all events" [ctrl_shift(Key::Char('F'))] SetFilter(String::new());
        "axis.topological" "Topological order" "Order events by topology, parents first" [] SetAxis(Axis::Topological);
        "axis.file" "File order" "Order events as in the file" [] SetAxis(Axis::File);
        "axis.time" "Order by time sent" "Order events by origin_server_ts" [] SetAxis(Axis::OriginServerTs);
        "axis.depth" "Order by depth" "Order events by depth" [] SetAxis(Axis::Depth);
        "view.dim" "Dim the future" "Dim the events after the cursor, or do so no longer" [char('F')] ToggleDimFuture;
        "view.collapse" "Collapse runs" "Collapse linear runs, or do so no longer" [char('L')] ToggleCollapse;
        "view.run" "Expand run" "Expand a collapsed run, or collapse it" [] ToggleRun: panel;
        "view.edges" "Other edges" "Go on from prev_events to auth_events in the graph, and to the state DAG where there is one" [char('E')] ToggleEdges;
        "view.edges-prev" "History" "Show prev_events in the graph" [] SetEdges(EdgeMode::Prev);
        "view.edges-auth" "Auth chain" "Show auth_events in the graph" [] SetEdges(EdgeMode::Auth);
        "view.edges-state" "State DAG" "Show prev_state_events in the graph and in the list" [] SetEdges(EdgeMode::State);
        "view.theme" "Light or dark" "Change between the light and the dark theme" [char('T')] ToggleTheme;
        "view.zoom-in" "Larger" "Make everything larger" [ctrl(Key::Char('+')), ctrl(Key::Char('='))] ZoomIn;
        "view.zoom-out" "Smaller" "Make everything smaller" [ctrl(Key::Char('-'))] ZoomOut;
        "view.zoom-reset" "Usual size" "Make everything as large as usual" [ctrl(Key::Char('0'))] ZoomReset;
    }
    Resolution {
        "compare.toggle" "Compare" "Compare two algorithms or profiles, or stop it" [char('X')] ToggleCompare;
        "compare.set" "Compare with" "Choose the algorithm and profile to compare with" [] SetCompare: panel;
        "compare.swap" "Swap sides" "Exchange the two sides of the comparison" [shift(Key::Char('X'))] SwapCompare;
        "algorithm.room" "Algorithm of the room version" "Resolve by the algorithm of the room version" [] SetAlgorithm(None);
        "algorithm.v1" "State resolution v1" "Resolve by state resolution v1" [] SetAlgorithm(Some(Algorithm::V1));
        "algorithm.v2" "State resolution v2" "Resolve by state resolution v2" [] SetAlgorithm(Some(Algorithm::V2));
        "algorithm.v2.1" "State resolution v2.1" "Resolve by state resolution v2.1" [] SetAlgorithm(Some(Algorithm::V2_1));
        "profile.spec" "Profile spec" "Decide as the specification says" [] SetProfile(Profile::Spec);
        "profile.synapse" "Profile Synapse" "Decide as Synapse does" [] SetProfile(Profile::Synapse);
        "profile.ruma" "Profile ruma" "Decide as ruma does" [] SetProfile(Profile::Ruma);
    }
    History {
        "history.back" "Back" "Go to the place before" [alt(Key::Left)] Back;
        "history.forward" "Forward" "Go to the place one came back from" [alt(Key::Right)] Forward;
        "history.undo" "Undo" "Bring the settings before the last change back" [ctrl(Key::Char('Z'))] Undo;
        "history.redo" "Redo" "Change the settings again" [ctrl_shift(Key::Char('Z')), ctrl(Key::Char('Y'))] Redo;
    }
    Room {
        "room.open" "Open…" "Open a dump" [ctrl(Key::Char('O'))] OpenFile;
        "room.tutorials" "Tutorials" "Open a built-in room" [] OpenTutorial(None);
        "room.findings" "Findings" "Show what is wrong or odd about the input" [] ShowFindings;
        "room.cancel" "Cancel loading" "Stop loading" [] CancelLoading;
        "share.link" "Copy link" "Copy a link to this room and place" [ctrl_shift(Key::Char('L'))] CopyLink;
        "share.place" "Copy link without the room" "Copy a link to this place, of use to those who have the same file" [] CopyLinkToPlace;
        "share.scenario" "Save scenario…" "Save the room as a TARDIS scenario" [ctrl(Key::Char('S'))] SaveScenario;
        "share.svg" "Export SVG…" "Save the graph as a picture" [ctrl(Key::Char('E'))] ExportSvg;
    }
    Application {
        "app.palette" "Commands…" "Find a command" [ctrl(Key::Char('K'))] OpenPalette;
        "app.keys" "Shortcuts" "Show the shortcuts" [shift(Key::Char('/'))] ShowKeys;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn every_command_is_in_the_table() {
        let told: BTreeSet<CommandKind> = COMMANDS.iter().map(|info| info.kind).collect();
        let forgotten: Vec<_> = CommandKind::ALL.iter().filter(|kind| !told.contains(kind)).collect();
        assert!(forgotten.is_empty(), "{forgotten:?}");
        for info in COMMANDS {
            assert!(info.command.as_ref().is_none_or(|command| command.kind() == info.kind), "{}", info.id);
            assert!(info.command.is_some() || info.shortcuts.is_empty(), "{} needs a panel", info.id);
            assert!(!info.text.ends_with('.') && !info.name.ends_with([':', '.']), "{}", info.id);
        }
    }

    #[test]
    fn shortcuts_and_names_are_unique() {
        let mut owners = BTreeMap::new();
        for info in COMMANDS {
            for shortcut in info.shortcuts {
                let other = owners.insert(*shortcut, info.id);
                assert!(other.is_none(), "{} is that of {} and of {other:?}", shortcut.text(), info.id);
            }
        }
        for name in
            [|info: &CommandInfo| info.id, |info: &CommandInfo| info.name, |info: &CommandInfo| info.text]
        {
            let names: BTreeSet<&str> = COMMANDS.iter().map(name).collect();
            assert_eq!(names.len(), COMMANDS.len());
        }
    }

    #[test]
    fn shortcuts_are_told_in_words() {
        assert_eq!(ctrl_shift(Key::Char('Z')).text(), "Ctrl+Shift+Z");
        assert_eq!(shift(Key::Char('/')).text(), "?");
        assert_eq!(alt(Key::Left).text(), "Alt+←");
    }
}
