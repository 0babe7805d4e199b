//! Seed inputs: the fixtures for what reads, noise of every length for what draws.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use hindsight::generate::Rng;
use serde_json::Value;

use crate::expect::expectations;

/// An input to start from.
pub struct Seed {
    /// A file name.
    pub name: String,
    /// The input.
    pub bytes: Vec<u8>,
}

/// The seed inputs of a target.
///
/// # Errors
/// If the fixtures cannot be read.
pub fn seeds(target: &str) -> std::io::Result<Vec<Seed>> {
    match target {
        "load" => dumps(),
        "expect" => Ok(expectations().map(|(name, bytes)| Seed { name: name.to_owned(), bytes }).into()),
        _ => Ok(noise()),
    }
}

/// The fixtures as they are, compressed, and as responses of the federation API.
fn dumps() -> std::io::Result<Vec<Seed>> {
    let mut seeds = Vec::new();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let mut folders: Vec<_> = fs::read_dir(fixtures)?.collect::<Result<_, _>>()?;
    folders.sort_by_key(fs::DirEntry::file_name);
    for folder in folders.into_iter().filter(|folder| folder.path().is_dir()) {
        let mut files: Vec<_> = fs::read_dir(folder.path())?.collect::<Result<_, _>>()?;
        files.sort_by_key(fs::DirEntry::file_name);
        for file in files {
            let file = file.path();
            let dump =
                file.extension().is_some_and(|extension| extension == "ndjson" || extension == "json5");
            if dump && let Some(name) = file.file_name() {
                let name = format!("{}-{}", folder.file_name().display(), name.display());
                seeds.push(Seed { name, bytes: fs::read(&file)? });
            }
        }
    }
    let small =
        seeds.iter().filter(|seed| seed.name.ends_with(".ndjson")).min_by_key(|seed| seed.bytes.len());
    let more = small.map(|seed| other_forms(&String::from_utf8_lossy(&seed.bytes)));
    seeds.extend(more.unwrap_or_default());
    Ok(seeds)
}

/// The same events in the other forms that are read.
fn other_forms(text: &str) -> Vec<Seed> {
    let lines: Vec<&str> = text.lines().collect();
    let (list, few) = (lines.join(","), lines[..lines.len().min(6)].join(","));
    let wrap = |line: &&str| {
        let id =
            serde_json::from_str::<Value>(line).map(|event| event["event_id"].clone()).unwrap_or_default();
        format!("{{\"event_id\":{id},\"outlier\":false,\"rejected\":null,\"event\":{line}}}\n")
    };
    let last = lines.last().copied().unwrap_or_default();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let compressed = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish()).unwrap_or_default();
    [
        ("array.json", format!("[{list}]").into_bytes()),
        ("server.ndjson", lines.iter().map(wrap).collect::<String>().into_bytes()),
        ("backfill.json", format!("{{\"origin\":\"one\",\"pdus\":[{list}]}}").into_bytes()),
        ("state.json", format!("{{\"pdus\":[{few}],\"auth_chain\":[{few}]}}").into_bytes()),
        (
            "send_join.json",
            format!(
                "{{\"event\":{last},\"state\":[{few}],\"auth_chain\":[{few}],\"members_omitted\":false}}"
            )
            .into_bytes(),
        ),
        ("ndjson.gz", compressed),
    ]
    .map(|(name, bytes)| Seed { name: name.to_owned(), bytes })
    .into()
}

/// Bytes that follow from a number, many of them zero, which stands for what is usual.
fn noise() -> Vec<Seed> {
    let seed = |number: u64| {
        let mut rng = Rng::new(number);
        let length = 16 + 8 * rng.below(90);
        let odd = 25 + rng.below(70);
        let byte = |_| if rng.chance(odd) { rng.below(256) as u8 } else { 0 };
        Seed { name: format!("noise-{number:03}"), bytes: (0..length).map(byte).collect() }
    };
    (0..96).map(seed).collect()
}
