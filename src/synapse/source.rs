//! What names a database.

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::address::Address;
use super::error::Error;

/// What stands before the path of an SQLite database.
const PREFIX: &str = "synapse:";

/// A database: where it is, and how to get in.
#[derive(Debug, Clone)]
pub enum Source {
    /// A file of SQLite.
    Sqlite(PathBuf),
    /// A database on a PostgreSQL server.
    Postgres(Box<Address>),
}

impl Source {
    /// The database that an argument names: `synapse:PATH`, `postgres://…`, `postgresql://…`, or the path of a file that
    /// begins as those of SQLite do. `None` if it names something else.
    ///
    /// # Errors
    /// If it names a database in a form that is not understood.
    pub fn of(argument: &Path) -> Result<Option<Self>, Error> {
        let text = argument.as_os_str().as_encoded_bytes();
        if let Some(path) = text.strip_prefix(PREFIX.as_bytes()) {
            if is_url(path) {
                return Self::url(&String::from_utf8_lossy(path)).map(Some);
            }
            return Ok(Some(Self::Sqlite(without_prefix(argument.as_os_str()))));
        }
        if is_url(text) {
            return Self::url(&argument.to_string_lossy()).map(Some);
        }
        match Head::of(argument) {
            Some(Head::Sqlite) => Ok(Some(Self::Sqlite(argument.to_owned()))),
            Some(head) => Err(head.refuse().of(&argument.display().to_string())),
            None => Ok(None),
        }
    }

    /// As [`Source::of`], for an argument that can be nothing else: any path is that of an SQLite database.
    ///
    /// # Errors
    /// If it names a database in a form that is not understood.
    pub fn must(argument: &Path) -> Result<Self, Error> {
        Ok(Self::of(argument)?.unwrap_or_else(|| Self::Sqlite(argument.to_owned())))
    }

    fn url(text: &str) -> Result<Self, Error> {
        Ok(Self::Postgres(Box::new(Address::parse(text)?)))
    }
}

/// Without a password, whoever may read over one's shoulder.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "{}", path.display()),
            Self::Postgres(address) => address.fmt(f),
        }
    }
}

fn is_url(text: &[u8]) -> bool {
    [&b"postgres://"[..], b"postgresql://"].iter().any(|scheme| text.starts_with(scheme))
}

#[cfg(unix)]
fn without_prefix(argument: &OsStr) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    OsStr::from_bytes(&argument.as_bytes()[PREFIX.len()..]).into()
}

#[cfg(not(unix))]
fn without_prefix(argument: &OsStr) -> PathBuf {
    let text = argument.to_string_lossy();
    text.strip_prefix(PREFIX).unwrap_or(&text).into()
}

/// What a file begins as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Head {
    Sqlite,
    /// SQLite under gzip or Zstandard.
    Packed,
    /// What `pg_dump` wrote.
    PgDump,
}

impl Head {
    /// Looks at the first bytes of a file; `None` if there is none, or something else in it.
    pub(super) fn of(path: &Path) -> Option<Self> {
        // What comes out of a pipe would be gone.
        if !path.metadata().ok()?.is_file() {
            return None;
        }
        let mut head = Vec::new();
        File::open(path).ok()?.take(1 << 18).read_to_end(&mut head).ok()?;
        let packed = head.starts_with(&[0x1f, 0x8b]) || head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]);
        let plain = match crate::dump::decompress(head, 1 << 10) {
            Ok(plain) | Err((plain, _)) => plain,
        };
        let is_dump = plain.starts_with(b"PGDMP") || find(&plain, b"-- PostgreSQL database dump");
        match plain.starts_with(b"SQLite format 3\0") {
            true if packed => Some(Self::Packed),
            true => Some(Self::Sqlite),
            false => is_dump.then_some(Self::PgDump),
        }
    }

    /// Why such a file is not read.
    pub(super) fn refuse(self) -> Error {
        match self {
            Self::Packed | Self::Sqlite => Error::new("this is a compressed SQLite database")
                .hint("decompress it first: gunzip -k, or unzstd"),
            Self::PgDump => Error::new("this is the output of pg_dump, not a database").hint(
                "restore it into an empty database (createdb synapse_copy; then psql -f or pg_restore -d), and name \
                 that: postgres:///synapse_copy",
            ),
        }
    }
}

fn find(text: &[u8], what: &[u8]) -> bool {
    memchr::memmem::find(&text[..text.len().min(256)], what).is_some()
}
