//! A server's database where a dump is asked for.

use std::path::Path;

use super::args::Globals;
use super::error::CliError;
use super::output::Ui;

#[cfg(all(feature = "synapse", not(target_arch = "wasm32")))]
pub(super) use self::enabled::{imported, open, rooms, shown, title, which};

/// A room out of a database.
pub(super) struct Room {
    /// Its ID.
    pub(super) id: String,
    /// Its records.
    pub(super) bytes: Vec<u8>,
}

/// Imports the room asked for, if the argument names a database and not a dump.
pub(super) fn read(globals: &Globals, argument: &Path, ui: &mut Ui) -> Result<Option<Room>, CliError> {
    #[cfg(all(feature = "synapse", not(target_arch = "wasm32")))]
    return enabled::read(globals, argument, ui);
    #[cfg(not(all(feature = "synapse", not(target_arch = "wasm32"))))]
    {
        let _ = (globals, ui);
        if is_database(argument) { Err(disabled()) } else { Ok(None) }
    }
}

/// Whether the argument names a database and not a dump.
pub(super) fn is_database(argument: &Path) -> bool {
    let text = argument.to_string_lossy();
    ["synapse:", "postgres://", "postgresql://"].iter().any(|start| text.starts_with(start))
        || is_sqlite(argument)
}

fn is_sqlite(path: &Path) -> bool {
    use std::io::Read as _;
    // What comes out of a pipe would be gone.
    let mut head = [0; 16];
    path.is_file()
        && std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok()
        && head == *b"SQLite format 3\0"
}

#[cfg(not(all(feature = "synapse", not(target_arch = "wasm32"))))]
pub(super) use self::disabled::*;

#[cfg(not(all(feature = "synapse", not(target_arch = "wasm32"))))]
mod disabled {
    use super::CliError;

    /// Says that this program reads no databases.
    pub(in crate::cli) fn disabled() -> CliError {
        CliError::new("this build of hindsight reads no databases")
            .hint("build it with the feature `synapse`")
    }

    /// No rooms.
    pub(in crate::cli) fn rooms(
        _: &super::Globals,
        _: &std::path::Path,
        _: &mut super::Ui,
    ) -> Result<Vec<crate::batch::Source>, CliError> {
        Err(disabled())
    }

    /// What to call the dump.
    pub(in crate::cli) fn title(argument: &std::path::Path) -> String {
        super::super::text::escape(&argument.display().to_string())
    }
}

#[cfg(all(feature = "synapse", not(target_arch = "wasm32")))]
mod enabled {
    use std::path::{Path, PathBuf};
    use std::sync::Arc;
    use std::time::Duration;

    use super::super::args::Globals;
    use super::super::error::CliError;
    use super::super::output::Ui;
    use super::super::text;
    use super::Room;
    use crate::batch;
    use crate::synapse::{Access, Candidate, Error, Imported, Progress, Server, Source};

    /// About how many bytes the records of an event have, its state group among them.
    const EVENT: u64 = 2_000;
    /// So many rooms are listed in an error.
    const LISTED: usize = 8;

    impl From<Error> for CliError {
        fn from(error: Error) -> Self {
            match error {
                Error::Source { message, hint } => {
                    let cli = Self::new(text::escape(&message));
                    match hint {
                        Some(hint) => cli.hint(text::escape(&hint)),
                        None => cli,
                    }
                }
                Error::Write(error) => error.into(),
            }
        }
    }

    /// What to call a dump or a database: as it was named, but without a password.
    pub(in crate::cli) fn title(argument: &Path) -> String {
        match Source::of(argument) {
            Ok(Some(source @ Source::Postgres(_))) => shown(&source),
            // The argument may be a URL that is not understood.
            Err(_) if argument.to_string_lossy().contains("://") => "the database".to_owned(),
            _ => text::escape(&argument.display().to_string()),
        }
    }

    /// What to call a database.
    pub(in crate::cli) fn shown(source: &Source) -> String {
        text::escape(&source.to_string())
    }

    pub(super) fn read(globals: &Globals, argument: &Path, ui: &mut Ui) -> Result<Option<Room>, CliError> {
        let Some(source) = Source::of(argument)? else { return Ok(None) };
        let mut server = open(globals, source, ui)?;
        let id = which(&mut server, globals.room.as_deref(), argument, ui)?;
        let mut bytes = Vec::new();
        let outcome = imported(&mut server, &id, &mut bytes, ui)?;
        if outcome.events == 0 {
            return Err(CliError::new(format!(
                "the database has no event of the room {}",
                text::escape(&id)
            )));
        }
        Ok(Some(Room { id, bytes }))
    }

    /// The rooms of a database, or the one asked for, each to be imported when its turn comes.
    pub(in crate::cli) fn rooms(
        globals: &Globals,
        argument: &Path,
        ui: &mut Ui,
    ) -> Result<Vec<batch::Source>, CliError> {
        let source = Source::must(argument)?;
        let title = source.to_string();
        let mut server = open(globals, source.clone(), ui)?;
        let mut ids = ui.busy(&format!("listing the rooms of {}", shown(&source)), || server.room_ids())?;
        if globals.room.is_some() {
            let id = which(&mut server, globals.room.as_deref(), argument, ui)?;
            ids.retain(|(other, _)| *other == id);
        }
        let access = Arc::new(access(globals, source)?);
        let room = |(id, events): (String, u64)| {
            let name = PathBuf::from(format!("{title} {id}"));
            let access = Arc::clone(&access);
            let make = batch::Make::new(move || {
                let mut bytes = Vec::new();
                let made = Server::open(&access)
                    .and_then(|mut server| server.import(&id, &mut bytes, &Progress::default()));
                made.map(|_| bytes).map_err(|error| error.to_string())
            });
            batch::Source::Made { name, size: events.saturating_mul(EVENT), make }
        };
        Ok(ids.into_iter().map(room).collect())
    }

    /// Opens the databases of a server.
    pub(in crate::cli) fn open(globals: &Globals, source: Source, ui: &mut Ui) -> Result<Server, CliError> {
        let what = format!("opening {}", shown(&source));
        let access = access(globals, source)?;
        let server = ui.busy(&what, || Server::open(&access))?;
        for note in server.notes() {
            ui.note(text::escape(note));
        }
        Ok(server)
    }

    /// How to get at a server's databases.
    pub(in crate::cli) fn access(globals: &Globals, source: Source) -> Result<Access, CliError> {
        let state = globals.state_database.as_deref().map(Source::must).transpose()?;
        let timeout = Some(globals.statement_timeout).filter(|seconds| *seconds > 0).map(Duration::from_secs);
        Ok(Access { source, state, timeout })
    }

    /// The ID of the one room that is meant.
    pub(in crate::cli) fn which(
        server: &mut Server,
        asked: Option<&str>,
        argument: &Path,
        ui: &Ui,
    ) -> Result<String, CliError> {
        let mut found = ui.busy("looking for the room", || server.choose(asked, LISTED + 1))?;
        let lists_them = format!("hindsight rooms {}", title(argument));
        match (found.len(), asked) {
            (1, _) => Ok(found.swap_remove(0).room_id),
            (0, None) => Err(CliError::new(format!("{}: there is no room in it", title(argument)))),
            (0, Some(asked)) => {
                Err(CliError::new(format!("{}: there is no room {}", title(argument), text::escape(asked)))
                    .hint(format!("`{lists_them}` lists the rooms")))
            }
            (_, None) => {
                Err(CliError::new(format!("{} has several rooms: name one with --room", title(argument)))
                    .hint(format!("`{lists_them}` lists them; some are{}", list(&found))))
            }
            (_, Some(asked)) => {
                Err(CliError::new(format!("several rooms may be meant by {}", text::escape(asked)))
                    .hint(format!("they are{}", list(&found))))
            }
        }
    }

    fn list(rooms: &[Candidate]) -> String {
        let lines = rooms.iter().take(LISTED).map(|room| {
            let name = room.name.as_ref().map_or(String::new(), |name| format!(" ({})", text::escape(name)));
            format!("\n  {}{name}", text::escape(&room.room_id))
        });
        let more = if rooms.len() > LISTED { "\n  …" } else { "" };
        lines.chain([more.to_owned()]).collect()
    }

    /// Imports a room, and shows how far it is.
    pub(in crate::cli) fn imported(
        server: &mut Server,
        room_id: &str,
        out: &mut dyn std::io::Write,
        ui: &Ui,
    ) -> Result<Imported, CliError> {
        let progress = Progress::default();
        let room = text::escape(room_id);
        let what = || match (progress.groups(), progress.events()) {
            (0, 0) => format!("importing {room}"),
            (groups, 0) => format!("importing {room}: {}", text::count(groups, "state group")),
            (_, events) => format!("importing {room}: {}", text::count(events, "event")),
        };
        Ok(ui.busy_with(&what, || server.import(room_id, out, &progress))?)
    }
}
