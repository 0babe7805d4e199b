//! A server's databases, open.

use std::time::Duration;

use super::database::{Database, Param};
use super::error::Error;
use super::events::Survey;
use super::import::{Imported, Progress};
use super::postgres::Postgres;
use super::room::{self, Candidate};
use super::rooms::{self, Listing};
use super::schema::Schema;
use super::source::Source;
use super::sqlite::Sqlite;
use super::{events, groups, import};

/// How to get at the databases of a server.
#[derive(Debug, Clone)]
pub struct Access {
    /// The main database.
    pub source: Source,
    /// The database with the states, if Synapse has one of its own for them.
    pub state: Option<Source>,
    /// How long a database may work on one answer; `None`: as long as it likes.
    pub timeout: Option<Duration>,
}

/// The databases of a server, open and looked at.
#[derive(Debug)]
pub struct Server {
    title: String,
    pub(super) main: Database,
    pub(super) schema: Schema,
    state: Option<(Database, String)>,
    notes: Vec<String>,
}

impl Server {
    /// Opens the databases, and looks whether everything needed is there.
    ///
    /// # Errors
    /// If they cannot be read, or are none of Synapse.
    pub fn open(access: &Access) -> Result<Self, Error> {
        let title = access.source.to_string();
        let (mut main, mut notes) = open(&access.source, access.timeout).map_err(|error| error.of(&title))?;
        let schema = Schema::of(&mut main).map_err(|error| error.of(&title))?;
        notes.extend(schema.check_main().map_err(|error| error.of(&title))?);
        // Opened after the first look into the main database: what that speaks of is there.
        let state = access.state.as_ref().map(|source| {
            let title = source.to_string();
            let opened = open(source, access.timeout).and_then(|(mut database, more)| {
                Schema::of(&mut database)?.check_state(false)?;
                notes.extend(more);
                Ok(database)
            });
            opened.map_err(|error| error.of(&title)).map(|database| (database, title))
        });
        let state = state.transpose()?;
        Ok(Self { title, main, schema, state, notes })
    }

    /// What is worth telling: of a schema newer than any known, of a password file that was not used.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Lists the rooms. What needs a look at every event of a very large server is left out, unless it is to be
    /// `thorough`.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn rooms(&mut self, thorough: bool) -> Result<Listing, Error> {
        let listing = rooms::list(&mut self.main, &self.schema, thorough);
        listing
            .and_then(|listing| self.main.finish().map(|()| listing))
            .map_err(|error| error.of(&self.title))
    }

    /// The IDs of all rooms, with the number of events in each.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn room_ids(&mut self) -> Result<Vec<(String, u64)>, Error> {
        rooms::ids(&mut self.main).map_err(|error| error.of(&self.title))
    }

    /// The rooms that may be meant by an ID, an alias, or the beginning of an ID; without any, all of them. At most
    /// `limit`.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn choose(&mut self, asked: Option<&str>, limit: usize) -> Result<Vec<Candidate>, Error> {
        room::candidates(&mut self.main, &self.schema, asked, limit).map_err(|error| error.of(&self.title))
    }

    /// Writes a room as JSON Lines: what the server says of the room, the state groups that its events refer to, its
    /// events, and what clients were told of its state.
    ///
    /// # Errors
    /// If a database cannot be read, or the output not be written.
    pub fn import(
        &mut self,
        room_id: &str,
        out: &mut dyn std::io::Write,
        progress: &Progress,
    ) -> Result<Imported, Error> {
        if self.state.is_none() {
            self.schema.check_state(true).map_err(|error| error.of(&self.title))?;
        }
        let title = self.title.clone();
        let failed = |error: Error| error.of(&title);
        let version = import::room_version(self, room_id).map_err(failed)?;
        import::server(self, room_id, version.as_deref(), out).map_err(failed)?;
        let survey = Survey::of(self, room_id).map_err(failed)?;
        let (state, state_title) = match &mut self.state {
            Some((database, title)) => (database, &*title),
            None => (&mut self.main, &title),
        };
        let state_groups = groups::write(state, &survey.groups, out, progress)
            .and_then(|groups| state.finish().map(|()| groups))
            .map_err(|error| error.of(state_title))?;
        let imported = events::write(self, version.as_deref(), &survey, out, progress).map_err(failed)?;
        import::deltas(self, room_id, out).map_err(failed)?;
        self.main.finish().map_err(failed)?;
        Ok(Imported { state_groups, ..imported })
    }

    /// The text that a query answers with.
    pub(super) fn text(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Option<String>, Error> {
        let mut text = None;
        self.main.rows(sql, params, &mut |row| {
            text = text.take().or_else(|| row.text(0).map(Into::into));
            Ok(())
        })?;
        Ok(text)
    }
}

/// Opens a database; with it comes what to tell the user.
fn open(source: &Source, timeout: Option<Duration>) -> Result<(Database, Vec<String>), Error> {
    match source {
        Source::Sqlite(path) => Ok((Database::Sqlite(Box::new(Sqlite::open(path, timeout)?)), Vec::new())),
        Source::Postgres(address) => {
            let mut postgres = Postgres::open(address, timeout)?;
            let notes = std::mem::take(&mut postgres.notes);
            Ok((Database::Postgres(Box::new(postgres)), notes))
        }
    }
}
