//! The file of an SQLite database: what its header and the files beside it say.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::super::error::Error;
use super::super::source::Head;

/// What may stand in the path of a URI as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The header, <https://www.sqlite.org/fileformat2.html#the_database_header>.
const HEADER: usize = 100;

/// What tells whether a file is as it was.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Print {
    path: PathBuf,
    uri: String,
    len: u64,
    modified: Option<SystemTime>,
    header: Vec<u8>,
}

impl Print {
    pub(super) fn of(path: &Path) -> Result<Self, Error> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => Error::new("there is no such file"),
            io::ErrorKind::PermissionDenied => Error::new("permission denied")
                .hint("read a copy that is yours, or run as the user of the server"),
            _ => Error::new(format!("cannot be read: {error}")),
        };
        let mut file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(Error::new("this is not a file"));
        }
        let mut header = Vec::with_capacity(HEADER);
        io::Read::by_ref(&mut file).take(HEADER as u64).read_to_end(&mut header).map_err(failed)?;
        let (len, modified) = (metadata.len(), metadata.modified().ok());
        Ok(Self { path: path.to_owned(), uri: uri(path)?, len, modified, header })
    }

    pub(super) fn uri(&self) -> &str {
        &self.uri
    }

    /// Whether writers keep what was in a `-journal` beside it; else they keep what is new in a `-wal`.
    pub(super) fn rolls_back(&self) -> bool {
        self.header.get(18..20) == Some(&[1, 1])
    }

    /// Refuses what is no whole database at rest.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.len == 0 {
            return Err(Error::new("the file is empty"));
        }
        if !self.header.starts_with(b"SQLite format 3\0") {
            return Err(Head::of(&self.path).map_or_else(
                || {
                    Error::new("this is no SQLite database").hint(
                        "Synapse's is called homeserver.db by default; with PostgreSQL say postgres://…",
                    )
                },
                Head::refuse,
            ));
        }
        if let Some(pages) = self.pages()
            && self.len < pages.saturating_mul(self.page_size())
        {
            let (has, should) = (self.len, pages.saturating_mul(self.page_size()));
            let message = format!("the file is cut off: it has {has} bytes of {should}");
            return Err(Error::new(message).hint("copy it again, all of it"));
        }
        self.is_at_rest()
    }

    /// The number of pages, if the header tells it reliably.
    fn pages(&self) -> Option<u64> {
        let number = |at: usize| self.header.get(at..at + 4);
        (number(24)? == number(92)?).then_some(())?;
        Some(u64::from(u32::from_be_bytes(number(28)?.try_into().ok()?))).filter(|pages| *pages > 0)
    }

    fn page_size(&self) -> u64 {
        let size =
            self.header.get(16..18).and_then(|bytes| bytes.try_into().ok()).map_or(0, u16::from_be_bytes);
        if size == 1 { 65_536 } else { u64::from(size) }
    }

    /// Refuses a database part of which is in a file beside it.
    fn is_at_rest(&self) -> Result<(), Error> {
        let runs = "the server runs, or did not stop as it should";
        if beside(&self.path, "-wal").is_some_and(|wal| fs::metadata(wal).is_ok_and(|wal| wal.len() > 0)) {
            let message = format!("changes are still in the -wal file beside it: {runs}");
            return Err(Error::new(message).hint(copy_it(&self.path)));
        }
        if beside(&self.path, "-journal").is_some_and(|journal| is_hot(&journal)) {
            let message = format!("a transaction is still in the -journal file beside it: {runs}");
            return Err(Error::new(message).hint(copy_it(&self.path)));
        }
        Ok(())
    }

    /// Refuses what was read if the file was written to in the meantime.
    pub(super) fn is_unchanged(&self) -> Result<(), Error> {
        let now = Self::of(&self.path)?;
        if now != *self {
            let message = "the file was written to while it was read: nothing of it can be relied on";
            return Err(Error::new(message).hint(copy_it(&self.path)));
        }
        self.is_at_rest()
    }
}

/// A journal that is to be rolled back: one that is kept for the next time begins with zeros.
fn is_hot(journal: &Path) -> bool {
    let mut first = [0];
    File::open(journal).and_then(|mut file| file.read_exact(&mut first)).is_ok() && first != [0]
}

fn beside(path: &Path, ending: &str) -> Option<PathBuf> {
    // SQLite looks beside the file itself, not beside a link to it.
    let mut name = fs::canonicalize(path).ok()?.into_os_string();
    name.push(ending);
    Some(name.into())
}

/// How to get a copy that is whole.
pub(super) fn copy_it(path: &Path) -> String {
    format!("make a copy that is whole, and read that: sqlite3 {} \".backup copy.db\"", quoted(path))
}

fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = text.chars().all(|c| c.is_alphanumeric() || "/._-+:".contains(c));
    if is_plain { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// The path as a URI, `file:///…`, without parameters.
pub(super) fn uri(path: &Path) -> Result<String, Error> {
    let path = fs::canonicalize(path).map_err(|error| Error::new(format!("cannot be read: {error}")))?;
    Ok(format!("file://{}", percent_encode(&bytes(&path), PLAIN)))
}

#[cfg(unix)]
fn bytes(path: &Path) -> Vec<u8> {
    use std::os::unix::ffi::OsStrExt as _;
    path.as_os_str().as_bytes().to_owned()
}

#[cfg(not(unix))]
fn bytes(path: &Path) -> Vec<u8> {
    // `\\?\C:\x` becomes `/C:/x`.
    let text = path.to_string_lossy().replace('\\', "/");
    format!("/{}", text.trim_start_matches("//?/")).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(error: &Error) -> String {
        error.to_string()
    }

    #[test]
    fn paths_become_uris() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a b?c#d%41.db");
        fs::write(&path, "x").unwrap();
        assert!(uri(&path).unwrap().ends_with("/a%20b%3Fc%23d%2541.db"));
        assert_eq!(quoted(Path::new("/x/it's here.db")), r"'/x/it'\''s here.db'");
    }

    #[test]
    fn journals_that_are_in_use_are_told_from_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE a (b)").unwrap();
        let check = || Print::of(&path).unwrap().check();
        check().unwrap();
        let journal = folder.path().join("x.db-journal");
        fs::write(&journal, "").unwrap();
        check().unwrap();
        fs::write(&journal, [0; 512]).unwrap();
        check().unwrap();
        fs::write(&journal, [0xd9, 0xd5]).unwrap();
        assert!(message(&check().unwrap_err()).contains("-journal"));
        fs::remove_file(&journal).unwrap();
        fs::write(folder.path().join("x.db-wal"), "x").unwrap();
        assert!(message(&check().unwrap_err()).contains("-wal"));
    }

    #[test]
    fn files_that_are_cut_off_or_change_are_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.execute_batch("CREATE TABLE a (b); INSERT INTO a VALUES (zeroblob(9999))").unwrap();
        let before = Print::of(&path).unwrap();
        before.is_unchanged().unwrap();
        connection.execute_batch("INSERT INTO a VALUES (1)").unwrap();
        assert!(message(&before.is_unchanged().unwrap_err()).contains("while it was read"));
        drop(connection);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert!(message(&Print::of(&path).unwrap().check().unwrap_err()).contains("cut off"));
        fs::write(&path, &whole[..50]).unwrap();
        assert!(Print::of(&path).unwrap().check().is_ok(), "left to SQLite, which finds no header");
        fs::write(&path, "").unwrap();
        assert!(message(&Print::of(&path).unwrap().check().unwrap_err()).contains("empty"));
        fs::write(&path, "something").unwrap();
        assert!(message(&Print::of(&path).unwrap().check().unwrap_err()).contains("no SQLite"));
    }
}
