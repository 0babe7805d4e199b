//! A database on a PostgreSQL server: one read-only transaction, cursors, and what its errors mean.

mod connect;
mod trouble;

use std::fmt;
use std::time::Duration;

use ::postgres::config::SslMode;
use ::postgres::fallible_iterator::FallibleIterator as _;
use ::postgres::types::{FromSql, ToSql, Type};
use ::postgres::{Client, Config};
use smallvec::SmallVec;

use self::trouble::translate;
use super::address::{Address, Complete, is_socket};
use super::database::{Cell, Each, Param, Row};
use super::error::Error;
use super::tls::Verify;

/// How many rows are fetched at once: an event has 64 KiB at most.
const AT_ONCE: usize = 1_000;

/// A connection in a transaction.
pub(super) struct Postgres {
    client: Client,
    /// What to tell the user.
    pub(super) notes: Vec<String>,
}

impl Postgres {
    /// Connects and begins the transaction. `timeout`: how long the server may work on one answer.
    pub(super) fn open(address: &Address, timeout: Option<Duration>) -> Result<Self, Error> {
        let complete = address.complete(&|name| std::env::var(name).ok())?;
        let failed = |error: ::postgres::Error| translate(&error, Some(&complete));
        let mut client = connect::connect(config(&complete), &complete)?;
        // Everything is seen as it was at one moment. The rest is for a server that has its own ideas of short answers.
        let timeout = timeout.map_or(0, |timeout| i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX));
        let begin = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
             SET LOCAL statement_timeout = {timeout}; \
             SET LOCAL idle_in_transaction_session_timeout = 0; \
             SET LOCAL jit = off; \
             SET LOCAL cursor_tuple_fraction = 1.0"
        );
        client.batch_execute(&begin).map_err(failed)?;
        Ok(Self { client, notes: complete.notes })
    }

    /// Whether to look up every row by an index. The server thinks that a thousand rows are as well found by reading all of a
    /// table, if that is not very large; but there is a thousand after the other.
    pub(super) fn prefer_indices(&mut self, prefer: bool) -> Result<(), Error> {
        let others = if prefer { "off" } else { "on" };
        let set = format!(
            "SET LOCAL enable_hashjoin = {others}; SET LOCAL enable_mergejoin = {others}; \
             SET LOCAL enable_seqscan = {others}"
        );
        self.client.batch_execute(&set).map_err(|error| translate(&error, None))
    }

    /// Asks, and hands over row by row as the server sends them.
    pub(super) fn rows(&mut self, sql: &str, params: &[Param<'_>], each: Each<'_>) -> Result<(), Error> {
        let failed = |error: ::postgres::Error| translate(&error, None);
        let params: SmallVec<[&(dyn ToSql + Sync); 4]> = params.iter().map(to_sql).collect();
        let mut rows = self.client.query_raw(sql, params).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            each(&cells(&row).map_err(failed)?)?;
        }
        Ok(())
    }

    /// Asks with a cursor: the rows come a thousand at a time, and each thousand may take as long as any answer.
    pub(super) fn stream(&mut self, sql: &str, params: &[Param<'_>], each: Each<'_>) -> Result<(), Error> {
        let failed = |error: ::postgres::Error| translate(&error, None);
        let params: SmallVec<[&(dyn ToSql + Sync); 4]> = params.iter().map(to_sql).collect();
        let declare = format!("DECLARE hindsight NO SCROLL CURSOR FOR {sql}");
        self.client.execute(&declare, &params).map_err(failed)?;
        let fetch = self.client.prepare(&format!("FETCH {AT_ONCE} FROM hindsight")).map_err(failed)?;
        loop {
            let rows = self.client.query(&fetch, &[]).map_err(failed)?;
            for row in &rows {
                each(&cells(row).map_err(failed)?)?;
            }
            if rows.len() < AT_ONCE {
                break;
            }
        }
        self.client.batch_execute("CLOSE hindsight").map_err(failed)
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Postgres")
    }
}

fn config(complete: &Complete) -> Config {
    let mut config = Config::new();
    for (host, port) in &complete.hosts {
        config.host(host).port(*port);
    }
    config.user(&complete.user).dbname(&complete.database).application_name("hindsight");
    if let Some(password) = &complete.password {
        config.password(password);
    }
    if let Some(options) = &complete.options {
        config.options(options);
    }
    // Nobody listens on a socket.
    let sockets = complete.hosts.iter().any(|(host, _)| is_socket(host));
    config.ssl_mode(match complete.verify {
        Verify::Plain => SslMode::Disable,
        Verify::Prefer if sockets => SslMode::Disable,
        Verify::Prefer => SslMode::Prefer,
        Verify::Nothing | Verify::Authority(_) | Verify::Full(_) => SslMode::Require,
    });
    config
}

fn to_sql<'a>(param: &'a Param<'_>) -> &'a (dyn ToSql + Sync) {
    &param.0
}

fn cells(row: &::postgres::Row) -> Result<Row<'_>, ::postgres::Error> {
    let cells: Result<SmallVec<_>, _> = (0..row.len()).map(|column| row.try_get(column)).collect();
    cells.map(Row)
}

impl<'a> FromSql<'a> for Cell<'a> {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(match *ty {
            Type::BOOL => Self::Int(bool::from_sql(ty, raw)?.into()),
            Type::INT2 => Self::Int(i16::from_sql(ty, raw)?.into()),
            Type::INT4 => Self::Int(i32::from_sql(ty, raw)?.into()),
            Type::INT8 => Self::Int(i64::from_sql(ty, raw)?),
            Type::TEXT
            | Type::VARCHAR
            | Type::BPCHAR
            | Type::NAME
            | Type::UNKNOWN
            | Type::BYTEA
            | Type::JSON => Self::Bytes(raw),
            // Text, after the number of its form.
            Type::JSONB => Self::Bytes(raw.get(1..).unwrap_or_default()),
            _ => Self::Other,
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
