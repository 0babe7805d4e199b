//! What lies beside a dump: expectations, and states asserted for them.

use std::path::{Path, PathBuf};

use super::names::{self, PACKED};

/// What follows the name of a dump in that of its expectations: one for its own algorithm, others for others.
const EXPECTED: [&str; 4] = ["expected", "expected-v1", "expected-v2", "expected-v2.1"];
/// Forms in which a server's view of a room is dumped; all of them have the same truth.
const FORMS: [&str; 2] = ["events", "tardis"];

/// The files beside a dump.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Beside {
    /// Expected files.
    pub(super) expected: Vec<PathBuf>,
    /// States to take for granted.
    pub(super) forced: Option<PathBuf>,
    /// A table of a server's states.
    pub(super) truth: Option<PathBuf>,
    /// The state that the server holds now, and the forward extremities.
    pub(super) current_state: Option<PathBuf>,
    pub(super) extremities: Option<PathBuf>,
}

impl Beside {
    /// Looks beside `NAME.ndjson` for `NAME.expected.json` and the like, and for the truth of `NAME`, `NAME.events` or
    /// `NAME.tardis`; beside the dump of a folder for `expected.json`.
    pub(super) fn of(file: &Path) -> Self {
        let stem = names::stem(file);
        let named = |ending: &str| {
            let own = names::is_own_dump(file).then(|| stem.with_file_name(ending));
            let with_name = append(&stem, &format!(".{ending}"));
            packed(&with_name).or_else(|| packed(&own?))
        };
        let view = |ending: &str| {
            let is_form = stem.extension().is_some_and(|form| FORMS.iter().any(|other| form == *other));
            let view = if is_form { stem.with_extension("") } else { stem.clone() };
            packed(&append(&view, &format!(".{ending}")))
        };
        Self {
            expected: EXPECTED.iter().filter_map(|ending| named(&format!("{ending}.json"))).collect(),
            forced: named("forced.json"),
            truth: view("truth.tsv"),
            current_state: view("current_state.tsv"),
            extremities: view("extremities.tsv"),
        }
    }
}

fn append(path: &Path, ending: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

/// The file, or a compressed form of it, if there is one.
fn packed(path: &Path) -> Option<PathBuf> {
    PACKED.into_iter().map(|ending| append(path, ending)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn companions_share_the_name_of_the_dump() {
        let folder = tempfile::tempdir().unwrap();
        let names = [
            "a.expected.json",
            "a.expected-v2.1.json.gz",
            "a.forced.json",
            "a.truth.tsv",
            "b.truth.tsv.gz",
            "b.extremities.tsv",
            "expected.json",
            "forced.json",
        ];
        for name in names {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let beside = |name: &str| {
            let Beside { expected, forced, truth, current_state, extremities } =
                Beside::of(&folder.path().join(name));
            let others = [forced, truth, current_state, extremities].into_iter().flatten();
            let name = |path: PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
            expected.into_iter().chain(others).map(name).collect::<Vec<_>>()
        };
        assert_eq!(beside("a.ndjson"), names[..4]);
        assert_eq!(beside("a.ndjson.zst"), names[..4]);
        assert_eq!(beside("a.events.ndjson"), ["a.truth.tsv"]);
        assert_eq!(beside("b.tardis.ndjson.gz"), ["b.truth.tsv.gz", "b.extremities.tsv"]);
        assert_eq!(beside("b.v12.ndjson"), [""; 0]);
        for own in ["scenario.json5", "room.ndjson.gz"] {
            assert_eq!(beside(own), ["expected.json", "forced.json"]);
        }
    }
}
