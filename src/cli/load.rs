//! From an argument to a loaded dump.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::args::Globals;
use super::error::CliError;
use super::output::Ui;
use super::{database, findings, text};
use crate::batch::own_dump;
use crate::dump::{self, Dump, LoadError, Options};
use crate::room::{Provenance, Room};
use crate::threads::Threads;

/// Loads the dump that `path` names, and shows on standard error what stands out.
pub(super) fn open(globals: &Globals, path: &Path, ui: &mut Ui) -> Result<Dump, CliError> {
    let dump = open_with(globals, path, false, ui)?;
    findings::show_some(&dump.findings, ui);
    Ok(dump)
}

/// As [`open`], but leaves the findings to the caller. With `verify`, hashes are recomputed.
pub(super) fn open_with(globals: &Globals, path: &Path, verify: bool, ui: &mut Ui) -> Result<Dump, CliError> {
    let (bytes, room_id) = match database::read(globals, path, ui)? {
        Some(room) => (room.bytes, Some(room.id)),
        None => (read(path, ui)?, globals.room.clone()),
    };
    let asserted_state = globals.asserted_state.as_deref().map(|path| read(path, ui)).transpose()?;
    let options = Options {
        room_version: globals.room_version.clone(),
        room_id: room_id.clone(),
        asserted_state,
        verify,
        holes: globals.holes(),
        ..Options::default()
    };
    let what = format!("reading {}", database::title(path));
    let dump = ui
        .busy(&what, || dump::load_with(bytes, &options, &Threads))
        .map_err(|error| unusable(path, &error, ui))?;
    if let Some(room_id) = &room_id {
        check_room(&dump.room, room_id)?;
    }
    if let Some(path) = &globals.asserted_state
        && !asserts(&dump.room)
    {
        findings::show_some(&dump.findings, ui);
        let path = text::escape(&path.display().to_string());
        return Err(CliError::new(format!("no state of {path} is about an event of this dump")).hint(
            "the keys are IDs of events (or names of the scenario), the values lists of IDs of state events",
        ));
    }
    Ok(dump)
}

/// The bytes of a file, of standard input (`-`), or of the dump in a folder.
pub(super) fn read(path: &Path, ui: &Ui) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        let read = ui.busy("reading standard input", || read_some(io::stdin().lock(), &mut bytes));
        read.map_err(|error| CliError::new(format!("cannot read standard input: {error}")))?;
        return Ok(bytes);
    }
    let path = in_place(path)?;
    let failed = |error: io::Error| CliError::file("read", &path, &error);
    let file = fs::File::open(&path).map_err(failed)?;
    // A hint: devices and pipes have no length, and files grow.
    let len = file.metadata().map_or(0, |metadata| metadata.len().min(Options::default().max_size));
    let _ = bytes.try_reserve(usize::try_from(len).unwrap_or(0).saturating_add(1));
    let what = format!("reading {}", text::escape(&path.display().to_string()));
    ui.busy(&what, || read_some(file, &mut bytes)).map_err(failed)?;
    Ok(bytes)
}

/// The file itself, or the dump in a folder.
fn in_place(path: &Path) -> Result<PathBuf, CliError> {
    if path.is_dir() { in_folder(path) } else { Ok(path.to_owned()) }
}

/// The file that [`read`] would read, if it can be read at all; a database as it is named.
pub(super) fn locate(path: &Path) -> Result<PathBuf, CliError> {
    if database::is_database(path) {
        return Ok(path.to_owned());
    }
    let path = in_place(path)?;
    fs::File::open(&path).map_err(|error| CliError::file("read", &path, &error))?;
    Ok(path)
}

/// Reads to the end, but not for ever: a pipe or a device may have none. One byte more than the loader takes is read,
/// so that it notices.
fn read_some(input: impl io::Read, bytes: &mut Vec<u8>) -> io::Result<usize> {
    input.take(Options::default().max_size.saturating_add(1)).read_to_end(bytes)
}

fn in_folder(folder: &Path) -> Result<PathBuf, CliError> {
    own_dump(folder).ok_or_else(|| {
        let shown = text::escape(&folder.display().to_string());
        let hint =
            "a folder must hold a scenario.json5 or a room.ndjson (also .gz or .zst); else name the file";
        let other = some_dump(folder).map_or(String::new(), |name| format!(", such as {name}"));
        CliError::new(format!("the folder {shown} holds no dump of its own")).hint(format!("{hint}{other}"))
    })
}

/// A file of the folder that may be a dump.
fn some_dump(folder: &Path) -> Option<String> {
    let files = fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let first = files.filter(|file| file.to_string_lossy().contains(".ndjson")).min()?;
    Some(text::escape(&first.display().to_string()))
}

fn unusable(path: &Path, error: &LoadError, ui: &mut Ui) -> CliError {
    findings::show_some(error.findings(), ui);
    let source = match error {
        LoadError::UnknownRoomVersion { .. } | LoadError::AssertedState { .. } => String::new(),
        _ if path.as_os_str() == "-" => "standard input: ".to_owned(),
        _ => format!("{}: ", database::title(path)),
    };
    let message = match error {
        // The rest of the message is what was shown just now.
        LoadError::NoEvents { read, findings } if !findings.is_empty() => {
            format!(
                "no usable event among {}",
                text::count(usize::try_from(*read).unwrap_or(usize::MAX), "record")
            )
        }
        _ => text::escape(&error.to_string()),
    };
    CliError::new(format!("{source}{message}"))
}

/// Whether a state of the file given on request took effect.
fn asserts(room: &Room) -> bool {
    let missing = room.missing().filter_map(|missing| room.asserted_missing(missing));
    room.all_asserted()
        .map(|(.., state)| state)
        .chain(missing)
        .any(|state| state.provenance == Provenance::File)
}

/// A room ID of which the dump holds no event is most likely a slip.
fn check_room(room: &Room, room_id: &str) -> Result<(), CliError> {
    if room.events().any(|ix| !room.is_foreign(ix)) {
        return Ok(());
    }
    let mut rooms: BTreeMap<&str, usize> = BTreeMap::new();
    for id in room.events().filter_map(|ix| room.event(ix).room_id()) {
        *rooms.entry(id).or_default() += 1;
    }
    let mut rooms: Vec<_> = rooms.into_iter().collect();
    rooms.sort_by_key(|(_, events)| std::cmp::Reverse(*events));
    let list: Vec<String> = rooms
        .iter()
        .take(8)
        .map(|(id, events)| format!("\n  {} ({})", text::escape(id), text::count(*events, "event")))
        .collect();
    Err(CliError::new(format!("no event of the room {} is in the dump", text::escape(room_id)))
        .hint(format!("it holds{}", list.concat())))
}
