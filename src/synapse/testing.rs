//! Small databases for tests.

use std::time::Duration;

use super::database::Database;
use super::schema::Schema;
use super::server::{Access, Server};
use super::source::Source;
use super::sqlite::Sqlite;

/// The tables that are read, as Synapse has them.
const TABLES: &str = include_str!("testing.sql");

pub(super) struct Place {
    folder: tempfile::TempDir,
}

/// A database with these rows.
pub(super) fn database(rows: &str) -> Place {
    let place = Place { folder: tempfile::tempdir().unwrap() };
    let connection = rusqlite::Connection::open(place.path()).unwrap();
    connection.execute_batch(TABLES).unwrap();
    connection.execute_batch(rows).unwrap();
    place
}

impl Place {
    pub(super) fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("homeserver.db")
    }

    pub(super) fn open(&self) -> (Database, Schema) {
        let mut database =
            Database::Sqlite(Box::new(Sqlite::open(&self.path(), Some(Duration::from_secs(9))).unwrap()));
        let schema = Schema::of(&mut database).unwrap();
        schema.check_main().unwrap();
        schema.check_state(true).unwrap();
        (database, schema)
    }

    pub(super) fn server(&self) -> Server {
        Server::open(&Access { source: Source::Sqlite(self.path()), state: None, timeout: None }).unwrap()
    }
}
