//! A database of SQLite, read as if nobody ever wrote to it, and only where that is so.

mod file;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ToSql};

use self::file::Print;
use super::database::{Cell, Each, Param, Row};
use super::error::Error;

/// How many steps of SQLite's machine go by between two looks at the clock.
const STEPS: i32 = 100_000;

/// An open database.
pub(super) struct Sqlite {
    connection: Connection,
    before: Print,
    clock: Clock,
}

impl Sqlite {
    /// Opens the file. `timeout`: how long SQLite may look for the next row.
    pub(super) fn open(path: &Path, timeout: Option<Duration>) -> Result<Self, Error> {
        let before = Print::of(path)?;
        before.check()?;
        if before.rolls_back() {
            probe(path)?;
        }
        let failed = |error: rusqlite::Error| translate(&error);
        let connection = connect(&format!("{}?mode=ro&immutable=1", before.uri())).map_err(failed)?;
        // A file from elsewhere may come with views and triggers that do whatever they like.
        connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA query_only = ON;").map_err(failed)?;
        let clock = Clock::new(timeout);
        clock.watch(&connection).map_err(failed)?;
        Ok(Self { connection, before, clock })
    }

    /// Asks, and hands over row by row.
    pub(super) fn query(&mut self, sql: &str, params: &[Param<'_>], each: Each<'_>) -> Result<(), Error> {
        let failed = |error: rusqlite::Error| translate(&error);
        self.clock.restart();
        let mut statement = self.connection.prepare(sql).map_err(failed)?;
        let columns = statement.column_count();
        let mut rows = statement.query(rusqlite::params_from_iter(params)).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let mut cells = Row(smallvec::SmallVec::new());
            for column in 0..columns {
                cells.0.push(cell(row.get_ref(column).map_err(failed)?));
            }
            each(&cells)?;
            self.clock.restart();
        }
        Ok(())
    }

    /// Whether the file is still as it was.
    pub(super) fn finish(&self) -> Result<(), Error> {
        self.before.is_unchanged()
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sqlite").field(&self.before).finish()
    }
}

impl ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.0.as_bytes())))
    }
}

fn cell(value: ValueRef<'_>) -> Cell<'_> {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(number) => Cell::Int(number),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Cell::Bytes(bytes),
        ValueRef::Real(_) => Cell::Other,
    }
}

fn connect(uri: &str) -> rusqlite::Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(uri, flags)
}

/// Asks SQLite itself whether somebody writes just now. Reading as immutable would not notice.
fn probe(path: &Path) -> Result<(), Error> {
    let uri = file::uri(path)?;
    let locked = connect(&format!("{uri}?mode=ro")).and_then(|connection| {
        connection.busy_timeout(Duration::ZERO)?;
        connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))
    });
    match locked {
        Err(rusqlite::Error::SqliteFailure(error, _))
            if matches!(error.code, ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) =>
        {
            Err(Error::new("the database is locked: somebody writes to it").hint(file::copy_it(path)))
        }
        // Whatever else is wrong will be seen again; and some file systems know no locks.
        _ => Ok(()),
    }
}

/// What an error of SQLite means to somebody who has a file before them.
fn translate(error: &rusqlite::Error) -> Error {
    const AGAIN: &str = "copy it again (sqlite3 homeserver.db \".backup copy.db\"), or look at what \
                         sqlite3 FILE \"PRAGMA integrity_check\" says";
    let code = error.sqlite_error_code();
    match code {
        Some(ErrorCode::DatabaseCorrupt) => Error::new(format!("the file is damaged: {error}")).hint(AGAIN),
        Some(ErrorCode::NotADatabase) => Error::new("this is no SQLite database, or it is encrypted"),
        Some(ErrorCode::SystemIoFailure) => {
            Error::new(format!("the file cannot be read: {error}")).hint(AGAIN)
        }
        Some(ErrorCode::OperationInterrupted) => Error::new("the database took too long to answer")
            .hint("allow more with --statement-timeout SECONDS"),
        Some(ErrorCode::CannotOpen) => Error::new("the file cannot be opened"),
        _ => Error::new(format!("SQLite says: {error}")),
    }
}

/// Ends a query that finds nothing for too long.
struct Clock {
    start: Instant,
    timeout: Option<Duration>,
    /// When, in milliseconds after the start.
    end: Arc<AtomicU64>,
}

impl Clock {
    fn new(timeout: Option<Duration>) -> Self {
        Self { start: Instant::now(), timeout, end: Arc::new(AtomicU64::new(u64::MAX)) }
    }

    fn watch(&self, connection: &Connection) -> rusqlite::Result<()> {
        let (start, end) = (self.start, Arc::clone(&self.end));
        connection
            .progress_handler(STEPS, Some(move || millis(start.elapsed()) > end.load(Ordering::Relaxed)))
    }

    fn restart(&self) {
        if let Some(timeout) = self.timeout {
            self.end.store(millis(self.start.elapsed().saturating_add(timeout)), Ordering::Relaxed);
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
