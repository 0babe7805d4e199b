//! Dumps of other people: the corpora beside the project.

use super::*;

fn files(folder: &Path, suffix: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, suffix));
        } else if path.to_str().is_some_and(|path| path.ends_with(suffix)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn published_scenarios_get_the_ids_tardis_gives() {
    let Some(folder) = shared("corpus/published/tardis") else { return };
    for path in files(&folder, ".json5") {
        let dump = load_ok(fs::read(&path).unwrap());
        assert_eq!(dump.format, Format::Scenario);
        assert_eq!(dump.findings, [], "{}", path.display());
        let ids: BTreeMap<String, String> =
            serde_json::from_slice(&fs::read(path.with_extension("ids.json")).unwrap()).unwrap();
        assert_eq!(dump.placeholders, ids, "{}", path.display());
        let plain = load_ok(fs::read(path.with_extension("ndjson")).unwrap());
        for ix in plain.room.events() {
            let same = dump.room.find(plain.room.id(ix)).unwrap();
            let [a, b] = [plain.room.event(ix), dump.room.event(same)]
                .map(|event| serde_json::from_str::<Value>(event.json()).unwrap());
            assert_eq!(a, b);
        }
    }
}

#[test]
fn fixtures_get_the_ids_they_expect() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    for path in files(&folder, "scenario.json5") {
        let dump = load_ok(fs::read(&path).unwrap());
        let expected: Value =
            serde_json::from_slice(&fs::read(path.with_file_name("expected.json")).unwrap()).unwrap();
        let mut known: Vec<&str> =
            expected["events"].as_object().unwrap().keys().map(String::as_str).collect();
        let mut ids = ids(&dump.room);
        ids.sort_unstable();
        known.sort_unstable();
        assert_eq!(ids, known, "{}", path.display());
    }
}

#[test]
fn all_hashes_of_the_conformance_corpus_are_right() {
    let Some(folder) = shared("corpus/synapse") else { return };
    let options = Options { verify: true, ..Options::default() };
    for path in files(&folder, ".ndjson") {
        let dump = load(&fs::read(&path).unwrap(), &options).unwrap();
        let findings: Vec<_> = dump
            .findings
            .iter()
            .filter(|f| f.code != Code::SeveralCreates)
            .map(ToString::to_string)
            .collect();
        assert_eq!(findings, [""; 0], "{}", path.display());
        assert_eq!(dump.room.len() as u64, dump.events_read);
    }
}

#[test]
fn real_rooms_load_in_both_forms() {
    let Some(folder) = shared("real/rooms") else { return };
    let mut tried = 0;
    for path in files(&folder, ".tardis.ndjson.gz") {
        let events = PathBuf::from(path.to_str().unwrap().replace(".tardis.", ".events."));
        let dumps = [&path, &events].map(|path| load_ok(fs::read(path).unwrap()));
        assert_eq!(dumps.each_ref().map(|dump| dump.format), [Format::Ndjson, Format::ServerEvents]);
        let sorted = |dump: &Dump| {
            let mut ids: Vec<_> = ids(&dump.room).into_iter().map(str::to_owned).collect();
            ids.sort_unstable();
            ids
        };
        assert_eq!(sorted(&dumps[0]), sorted(&dumps[1]), "{}", path.display());
        for dump in &dumps {
            assert_eq!(dump.room.len() as u64, dump.events_read, "{}", path.display());
            let usual = [Code::MissingPrevEvent, Code::MissingAuthEvent];
            let other: Vec<_> = dump.findings.iter().filter(|f| !usual.contains(&f.code)).collect();
            assert!(other.is_empty(), "{}: {other:?}", path.display());
        }
        tried += 1;
    }
    assert!(tried > 0);
}

#[test]
fn events_of_mautrix_note_their_ids_in_unsigned() {
    let Some(folder) = shared("corpus/published/mautrix") else { return };
    for path in files(&folder, ".jsonl") {
        let bare = load_ok(fs::read(&path).unwrap());
        let full = load_ok(fs::read(path.with_extension("ndjson")).unwrap());
        assert_eq!(bare.findings, []);
        assert_eq!(ids(&bare.room), ids(&full.room));
    }
}
