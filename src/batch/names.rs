//! What the name of a file says about it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The dump of a folder that is one room, in the order of preference.
const OWN: [&str; 2] = ["scenario.json5", "room.ndjson"];
/// What may follow any name.
pub(super) const PACKED: [&str; 3] = ["", ".gz", ".zst"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    Gzip,
    Zstandard,
}

pub(super) fn compression(path: &Path) -> Option<Compression> {
    match path.extension()?.to_str()? {
        "gz" => Some(Compression::Gzip),
        "zst" => Some(Compression::Zstandard),
        _ => None,
    }
}

/// The file name without `.gz` or `.zst`.
fn unpacked(path: &Path) -> &OsStr {
    let name = if compression(path).is_some() { path.file_stem() } else { path.file_name() };
    name.unwrap_or_default()
}

fn extension(path: &Path) -> Option<&str> {
    Path::new(unpacked(path)).extension()?.to_str()
}

/// Whether a file of this name may hold a room.
pub(super) fn may_be_dump(path: &Path) -> bool {
    says_dump(path) || extension(path) == Some("json") && !is_companion(path)
}

/// Whether a file of this name holds a room, whatever is in it.
pub(super) fn says_dump(path: &Path) -> bool {
    matches!(extension(path), Some("ndjson" | "jsonl" | "json5"))
}

/// Whether the file goes with a room: an expectation, or asserted states.
pub(super) fn is_companion(path: &Path) -> bool {
    let Some(stem) = unpacked(path).to_str().and_then(|name| name.strip_suffix(".json")) else {
        return false;
    };
    let beside =
        |kind: &str| stem.strip_prefix(kind).or_else(|| Some(stem.rsplit_once(&format!(".{kind}"))?.1));
    let is_expected = |rest: &str| rest.is_empty() || rest.starts_with('-');
    beside("expected").is_some_and(is_expected) || beside("forced").is_some_and(str::is_empty)
}

/// The dump that a folder is about, if it is one: `scenario.json5` or `room.ndjson`, perhaps compressed.
pub fn own_dump(folder: &Path) -> Option<PathBuf> {
    let names = OWN.iter().flat_map(|name| PACKED.map(|packed| format!("{name}{packed}")));
    names.map(|name| folder.join(name)).find(|file| file.is_file())
}

/// Whether a file of this name is the dump of its folder, or another form of it.
pub(super) fn is_own_dump(path: &Path) -> bool {
    OWN.iter().any(|name| unpacked(path) == *name)
}

/// The name that the companions of a dump share with it: `alpha` for `alpha.ndjson.gz`.
pub(super) fn stem(path: &Path) -> PathBuf {
    path.with_file_name(Path::new(unpacked(path)).file_stem().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_rooms_from_what_goes_with_them() {
        for name in ["a.ndjson", "a.b.ndjson.gz", "a.jsonl.zst", "a.json5", "room.ndjson"] {
            assert!(may_be_dump(Path::new(name)) && says_dump(Path::new(name)), "{name}");
        }
        for name in ["a.json", "a.expectedly.json", "unexpected.json", "forced-a.json.gz"] {
            assert!(may_be_dump(Path::new(name)) && !says_dump(Path::new(name)), "{name}");
        }
        for name in [
            "a.expected.json",
            "a.expected-v2.1.json",
            "expected.json",
            "expected-v2.json.gz",
            "a.forced.json",
        ] {
            assert!(is_companion(Path::new(name)) && !may_be_dump(Path::new(name)), "{name}");
        }
        for name in ["truth.tsv.gz", "README.md", "ndjson", "a.gz", "", "a.sqlite"] {
            assert!(!may_be_dump(Path::new(name)), "{name}");
        }
        assert_eq!(stem(Path::new("x/a.b.ndjson.gz")), Path::new("x/a.b"));
        assert_eq!(stem(Path::new("x/a.v12.json5")), Path::new("x/a.v12"));
    }
}
