//! One database, whatever its engine: a query in, rows out, one after the other.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::error::Error;
use super::postgres::Postgres;
use super::sqlite::Sqlite;

/// One value of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell<'a> {
    Null,
    /// A number; 0 or 1 for what is true or false.
    Int(i64),
    /// Text or bytes, which need not be UTF-8.
    Bytes(&'a [u8]),
    /// A value of a type that no table of Synapse has.
    Other,
}

/// Text that a query asks with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Param<'a>(pub(super) &'a str);

/// A row of an answer.
#[derive(Debug)]
pub(super) struct Row<'a>(pub(super) SmallVec<[Cell<'a>; 12]>);

impl<'a> Row<'a> {
    /// The value in a column, counted from 0. Whatever is not there is null.
    pub(super) fn cell(&self, column: usize) -> Cell<'a> {
        self.0.get(column).copied().unwrap_or(Cell::Null)
    }

    /// Text, with U+FFFD for what is not UTF-8; `None` if it is null or no text.
    pub(super) fn text(&self, column: usize) -> Option<Cow<'a, str>> {
        match self.cell(column) {
            Cell::Bytes(bytes) => Some(String::from_utf8_lossy(bytes)),
            _ => None,
        }
    }

    /// A number; also one written as text, as SQLite lets it be.
    pub(super) fn int(&self, column: usize) -> Option<i64> {
        match self.cell(column) {
            Cell::Int(number) => Some(number),
            Cell::Bytes(bytes) => std::str::from_utf8(bytes).ok()?.trim().parse().ok(),
            Cell::Null | Cell::Other => None,
        }
    }

    /// A count; what is none counts as 0.
    pub(super) fn count(&self, column: usize) -> u64 {
        self.int(column).and_then(|count| u64::try_from(count).ok()).unwrap_or(0)
    }

    /// Whether something is true.
    pub(super) fn flag(&self, column: usize) -> bool {
        self.int(column).is_some_and(|number| number != 0)
    }

    /// Whether there is any value.
    pub(super) fn is_there(&self, column: usize) -> bool {
        self.cell(column) != Cell::Null
    }
}

/// What takes the rows of an answer.
pub(super) type Each<'a> = &'a mut dyn FnMut(&Row<'_>) -> Result<(), Error>;

/// An open database.
#[derive(Debug)]
pub(super) enum Database {
    Sqlite(Box<Sqlite>),
    Postgres(Box<Postgres>),
}

impl Database {
    /// Asks for rows that are few, or grouped by the database. `$1`, `$2` … stand for the parameters, and must first
    /// appear in this order.
    pub(super) fn rows(&mut self, sql: &str, params: &[Param<'_>], each: Each<'_>) -> Result<(), Error> {
        match self {
            Self::Sqlite(sqlite) => sqlite.query(sql, params, each),
            Self::Postgres(postgres) => postgres.rows(sql, params, each),
        }
    }

    /// Asks for rows that may be very many, over a long time: never are all of them in memory.
    pub(super) fn stream(&mut self, sql: &str, params: &[Param<'_>], each: Each<'_>) -> Result<(), Error> {
        match self {
            Self::Sqlite(sqlite) => sqlite.query(sql, params, each),
            Self::Postgres(postgres) => postgres.stream(sql, params, each),
        }
    }

    /// Asks with a list of numbers, so many at a time as a statement may have. `{}` in the query stands for the list.
    pub(super) fn among(
        &mut self,
        sql: &str,
        numbers: &[i64],
        at_once: usize,
        each: Each<'_>,
    ) -> Result<(), Error> {
        if let Self::Postgres(postgres) = self {
            postgres.prefer_indices(true)?;
        }
        for some in numbers.chunks(at_once.max(1)) {
            let list: Vec<String> = some.iter().map(i64::to_string).collect();
            self.rows(&sql.replace("{}", &list.join(",")), &[], each)?;
        }
        match self {
            Self::Postgres(postgres) => postgres.prefer_indices(false),
            Self::Sqlite(_) => Ok(()),
        }
    }

    /// The number that a query answers with.
    pub(super) fn number(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Option<i64>, Error> {
        let mut number = None;
        self.rows(sql, params, &mut |row| {
            number = number.or(row.int(0));
            Ok(())
        })?;
        Ok(number)
    }

    /// The tables with their columns and the types of these, in lower case.
    pub(super) fn columns(&mut self) -> Result<Vec<[String; 3]>, Error> {
        const SQLITE: &str = "SELECT m.name, c.name, c.type FROM sqlite_master m, pragma_table_info(m.name) c \
                              WHERE m.type IN ('table', 'view')";
        // information_schema shows only what one may read, and what one may not would seem to be missing.
        const POSTGRES: &str = "SELECT CAST(c.relname AS text), CAST(a.attname AS text), \
             format_type(a.atttypid, NULL) FROM pg_catalog.pg_class c \
             JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid \
             WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped \
             AND c.relnamespace NOT IN (CAST('pg_catalog' AS regnamespace), \
                                        CAST('information_schema' AS regnamespace)) \
             AND pg_catalog.pg_table_is_visible(c.oid)";
        let sql = if matches!(self, Self::Sqlite(_)) { SQLITE } else { POSTGRES };
        let mut columns = Vec::new();
        self.rows(sql, &[], &mut |row| {
            let text = |column| row.text(column).unwrap_or_default().to_lowercase();
            columns.push([text(0), text(1), text(2)]);
            Ok(())
        })?;
        Ok(columns)
    }

    /// Whether what was read can be trusted: whether it is all of one moment.
    pub(super) fn finish(&self) -> Result<(), Error> {
        match self {
            Self::Sqlite(sqlite) => sqlite.finish(),
            // A transaction is of one moment.
            Self::Postgres(_) => Ok(()),
        }
    }
}
