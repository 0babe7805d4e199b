//! From paths, folders and globs to a list of rooms.

use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use walkdir::{DirEntry, WalkDir};

use super::names;
use super::run::pool;
use super::source::{self, Source};

/// Why there is nothing to check.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Missing {
    /// There is nothing at this path, nor does it match anything as a glob.
    Path(PathBuf),
    /// This is no pattern that a glob may have.
    Pattern(PathBuf, String),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "there is no file or folder {}", path.display()),
            Self::Pattern(path, reason) => write!(f, "{} is no pattern: {reason}", path.display()),
        }
    }
}

impl std::error::Error for Missing {}

/// Finds the rooms behind `arguments`: files, `-`, folders with all that is below them, and globs of either. With `jobs`
/// threads.
///
/// In folders, files that end in `.ndjson`, `.jsonl` or `.json5` are rooms, and those in `.json` in whose beginning there
/// is an event; each also with `.gz` or `.zst`. What goes with a room (`*.expected.json`, `*.forced.json`) is none, nor
/// are hidden files and folders. A folder with a `scenario.json5` or `room.ndjson` is itself a room. Links are
/// followed, but into each folder once.
///
/// The rooms are in the order of their paths, each file once however often it was named.
///
/// # Errors
/// If there is nothing at one of the paths.
pub fn discover(arguments: &[PathBuf], jobs: usize) -> Result<Vec<Source>, Missing> {
    let mut arguments = expand(arguments)?;
    arguments.sort();
    let mut found = Found::default();
    for argument in &arguments {
        found.add(argument);
    }
    let Found { rooms, mut sources, .. } = found;
    let look = |room: Room| Source::look(room.name, room.file, room.asked);
    // Without threads it takes longer.
    let looked: Vec<Source> = match pool(jobs) {
        Ok(pool) => pool.install(|| rooms.into_par_iter().filter_map(look).collect()),
        Err(_) => rooms.into_iter().filter_map(look).collect(),
    };
    sources.extend(looked);
    sources.sort_by(|one, other| one.name().cmp(&other.name()));
    Ok(sources)
}

/// Replaces globs by what they match.
fn expand(arguments: &[PathBuf]) -> Result<Vec<PathBuf>, Missing> {
    let mut paths = Vec::new();
    for argument in arguments {
        if argument.as_os_str() == "-" || fs::symlink_metadata(argument).is_ok() {
            paths.push(argument.clone());
            continue;
        }
        let before = paths.len();
        if let Some(pattern) = argument.to_str().filter(|text| text.contains(['*', '?', '['])) {
            let matches = glob::glob(pattern)
                .map_err(|error| Missing::Pattern(argument.clone(), error.msg.to_owned()))?;
            paths.extend(matches.flatten());
        }
        if paths.len() == before {
            return Err(Missing::Path(argument.clone()));
        }
    }
    Ok(paths)
}

/// A file that may be a room.
struct Room {
    name: PathBuf,
    file: PathBuf,
    /// Somebody named the file, so it is a room whatever it is called.
    asked: bool,
}

#[derive(Default)]
struct Found {
    rooms: Vec<Room>,
    sources: Vec<Source>,
    /// What was met, by its real folder.
    files: HashSet<PathBuf>,
    folders: HashSet<PathBuf>,
    /// The folder looked at last, and where it really is.
    last: (PathBuf, PathBuf),
}

impl Found {
    fn add(&mut self, argument: &Path) {
        if argument.as_os_str() == "-" {
            if !self.sources.contains(&Source::Stdin) {
                self.sources.push(Source::Stdin);
            }
        } else if argument.is_dir() {
            self.add_folder(argument);
        } else if !names::is_companion(argument) {
            self.add_file(argument, true);
        }
    }

    fn add_folder(&mut self, folder: &Path) {
        let walk = WalkDir::new(folder).follow_links(true).sort_by_file_name();
        let mut entries = walk.into_iter();
        while let Some(entry) = entries.next() {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => {
                    let is_hidden = entry.depth() > 0 && is_hidden(&entry);
                    if is_hidden || !self.folders.insert(real(entry.path())) {
                        entries.skip_current_dir();
                    } else {
                        self.add_own_dump(entry.path());
                    }
                }
                Ok(entry) if is_hidden(&entry) || !entry.file_type().is_file() => {}
                Ok(entry) if names::may_be_dump(entry.path()) => self.add_file(entry.path(), false),
                Ok(_) => {}
                Err(error) => self.add_error(&error),
            }
        }
    }

    fn add_own_dump(&mut self, folder: &Path) {
        if let Some(file) = names::own_dump(folder)
            && self.is_new(&file)
        {
            self.rooms.push(Room { name: folder.to_owned(), file, asked: false });
        }
    }

    fn add_file(&mut self, file: &Path, asked: bool) {
        // `room.ndjson` beside `scenario.json5` is the same room once more.
        let is_other_form = !asked
            && names::is_own_dump(file)
            && file.parent().and_then(names::own_dump).is_some_and(|own| own != file);
        if !is_other_form && self.is_new(file) {
            self.rooms.push(Room { name: file.to_owned(), file: file.to_owned(), asked });
        }
    }

    /// Whether the file was not met yet. What tells it from others is its name in its real folder: two links to one
    /// file are two files.
    fn is_new(&mut self, file: &Path) -> bool {
        let folder = file.parent().unwrap_or(file);
        if self.last.0 != folder || self.last.1.as_os_str().is_empty() {
            let real = if folder.as_os_str().is_empty() { real(Path::new(".")) } else { real(folder) };
            self.last = (folder.to_owned(), real);
        }
        self.files.insert(self.last.1.join(file.file_name().unwrap_or_default()))
    }

    /// A folder that cannot be entered may hold rooms; a link that leads back above itself, or nowhere, holds none.
    fn add_error(&mut self, error: &walkdir::Error) {
        let (Some(path), None) = (error.path(), error.loop_ancestor()) else { return };
        let leads_nowhere =
            error.io_error().is_some_and(|error| error.kind() == std::io::ErrorKind::NotFound);
        if !leads_nowhere || names::says_dump(path) {
            let reason = error.io_error().map_or_else(|| error.to_string(), source::reason);
            self.sources.push(Source::Unreadable { name: path.to_owned(), reason });
        }
    }
}

fn is_hidden(entry: &DirEntry) -> bool {
    entry.file_name().as_encoded_bytes().starts_with(b".")
}

/// The path without links; as it is where that cannot be told.
fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"type": "m.x", "prev_events": [], "auth_events": []}"#;

    /// A folder with these files; the names found behind the arguments, which are relative to it.
    struct Place(tempfile::TempDir);

    impl Place {
        fn new(files: &[(&str, &str)]) -> Self {
            let folder = tempfile::tempdir().unwrap();
            for (name, text) in files {
                let path = folder.path().join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            Self(folder)
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn sources(&self, arguments: &[&str]) -> Vec<Source> {
            let arguments: Vec<PathBuf> = arguments.iter().map(|name| self.path(name)).collect();
            discover(&arguments, 2).unwrap()
        }

        fn names(&self, arguments: &[&str]) -> Vec<String> {
            let name = |source: &Source| {
                let name = source.name();
                name.strip_prefix(self.0.path()).unwrap_or(&name).to_str().unwrap().replace('\\', "/")
            };
            self.sources(arguments).iter().map(name).collect()
        }
    }

    #[test]
    fn a_folder_is_searched_for_what_holds_events() {
        let place = Place::new(&[
            ("b.ndjson", ""),
            ("a/z.jsonl", ""),
            ("a.json5", "nothing"),
            ("events.json", EVENT),
            ("other.json", "{\"rejected\": \"auth_events: no\"}"),
            ("b.expected.json", EVENT),
            ("b.forced.json", EVENT),
            ("notes.md", EVENT),
            (".hidden.ndjson", ""),
            (".git/c.ndjson", ""),
            ("story/scenario.json5", ""),
            ("story/room.ndjson", ""),
            ("story/more.ndjson", ""),
            ("story/expected.json", EVENT),
        ]);
        let all = ["a/z.jsonl", "a.json5", "b.ndjson", "events.json", "story", "story/more.ndjson"];
        assert_eq!(place.names(&[""]), all);
        // However often and in whatever way something is named, it is there once.
        assert_eq!(place.names(&["", "a", "./b.ndjson", "a/../story", "story/scenario.json5"]), all);
        assert_eq!(place.names(&["a", "notes.md", "b.expected.json"]), ["a/z.jsonl", "notes.md"]);
    }

    #[test]
    fn globs_are_expanded_where_no_shell_did() {
        let place =
            Place::new(&[("a/x.ndjson", ""), ("b/x.ndjson.gz", ""), ("b/y.ndjson", ""), ("[c].ndjson", "")]);
        assert_eq!(place.names(&["*/x.*"]), ["a/x.ndjson", "b/x.ndjson.gz"]);
        assert_eq!(place.names(&["**/?.ndjson"]), ["a/x.ndjson", "b/y.ndjson"]);
        assert_eq!(place.names(&["[ab]"]), ["a/x.ndjson", "b/x.ndjson.gz", "b/y.ndjson"]);
        assert_eq!(place.names(&["[c].ndjson"]), ["[c].ndjson"]);
        for missing in ["none", "*.none"] {
            let path = place.path(missing);
            assert_eq!(discover(std::slice::from_ref(&path), 1), Err(Missing::Path(path)));
        }
        assert!(matches!(discover(&["a/***/b".into()], 1), Err(Missing::Pattern(..))));
    }

    #[cfg(unix)]
    #[test]
    fn links_lead_into_each_folder_once() {
        use std::os::unix::fs::symlink;
        let place = Place::new(&[("a/x.ndjson", ""), ("b/y.ndjson", "")]);
        symlink(place.path("a"), place.path("b/loop")).unwrap();
        symlink(place.path("b"), place.path("a/loop")).unwrap();
        symlink(place.path("a"), place.path("a/self")).unwrap();
        symlink(place.path("a/x.ndjson"), place.path("b/z.ndjson")).unwrap();
        symlink(place.path("gone"), place.path("b/gone")).unwrap();
        symlink(place.path("gone"), place.path("b/gone.ndjson")).unwrap();
        let names = ["a/loop/gone.ndjson", "a/loop/y.ndjson", "a/loop/z.ndjson", "a/x.ndjson"];
        assert_eq!(place.names(&[""]), names);
        assert!(
            matches!(&place.sources(&[""])[0], Source::Unreadable { reason, .. } if reason.contains("no such file"))
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn names_need_not_be_text() {
        use std::os::unix::ffi::OsStrExt as _;
        let place = Place::new(&[]);
        let name = std::ffi::OsStr::from_bytes(b"\xff\xfe.ndjson");
        fs::write(place.0.path().join(name), "").unwrap();
        assert_eq!(place.sources(&[""])[0].name().file_name(), Some(name));
        let direct = discover(&[place.0.path().join(name)], 1).unwrap();
        assert_eq!(direct.len(), 1);
    }

    #[test]
    fn the_cost_is_that_of_the_decompressed_size() {
        use std::io::Write as _;
        let place = Place::new(&[("plain.ndjson", &"x".repeat(100_000)), ("tiny.ndjson", "")]);
        let file = fs::File::create(place.path("packed.ndjson.gz")).unwrap();
        let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::default());
        encoder.write_all(&[b'x'; 100_000]).unwrap();
        encoder.finish().unwrap();
        let costs: Vec<u64> = place.sources(&[""]).iter().map(Source::cost).collect();
        assert_eq!(costs[0], costs[1]);
        assert!(costs[2] < costs[1]);
    }
}
