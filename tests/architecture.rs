//! The invariants of the house, as far as reading its sources can tell.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What each room of the core may use. Floors go up from left to right and from top to bottom; nothing points back.
const MAY_USE: &[(&str, &[&str])] = &[
    ("event", &[]),
    ("report", &[]),
    ("executor", &[]),
    ("room", &["event", "report", "executor"]),
    ("state", &["room"]),
    ("dump", &["event", "report", "executor", "room"]),
    ("auth", &["event", "room"]),
    ("resolve", &["event", "room", "state", "auth"]),
    ("replay", &["event", "report", "room", "state", "auth", "resolve"]),
    ("explain", &["event", "room", "state", "auth", "resolve", "replay"]),
    ("layout", &["room"]),
    ("export", &["event", "room", "replay"]),
    ("rewrite", &["event", "room", "state", "auth", "resolve", "replay"]),
    ("describe", &["event", "dump", "room", "state", "replay", "explain", "export"]),
    ("expect", &["event", "room", "state", "replay"]),
    ("diagnose", &["event", "room", "state", "auth", "resolve", "replay", "explain", "expect"]),
    ("anonymise", &["event", "room", "replay", "auth", "diagnose", "rewrite"]),
    (
        "shrink",
        &[
            "event", "room", "state", "dump", "auth", "resolve", "replay", "explain", "diagnose", "export",
            "rewrite", "describe",
        ],
    ),
    (
        "session",
        &[
            "event", "report", "executor", "room", "state", "dump", "auth", "resolve", "replay", "explain",
            "export", "layout", "describe", "diagnose",
        ],
    ),
    ("differential", &["event", "room", "state", "auth", "resolve", "replay"]),
    ("generate", &["event", "room", "state", "auth", "resolve", "replay"]),
];

/// What floors 0 to 5 must not touch: files, clocks, the environment, threads, the terminal.
const FORBIDDEN: &[&str] = &[
    "std::fs",
    "std::env",
    "std::time",
    "std::thread",
    "std::net",
    "std::process",
    "std::io::stdin",
    "std::io::stdout",
    "println!",
    "eprintln!",
    "print!",
    "dbg!",
    "rayon",
    "egui",
    "unsafe ",
];

/// The sources of a module, without their unit tests and comments.
fn sources(module: &str) -> BTreeMap<PathBuf, String> {
    fn collect(path: &Path, found: &mut BTreeMap<PathBuf, String>) {
        if path.is_dir() {
            for entry in fs::read_dir(path).unwrap() {
                collect(&entry.unwrap().path(), found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            let text = fs::read_to_string(path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            let code: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            found.insert(path.to_owned(), code.join("\n"));
        }
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeMap::new();
    for path in [source.join(module), source.join(format!("{module}.rs"))] {
        if path.exists() {
            collect(&path, &mut found);
        }
    }
    assert!(!found.is_empty(), "no sources of {module}");
    found
}

/// The modules of this crate that a source names.
fn uses(code: &str) -> BTreeSet<String> {
    code.match_indices("crate::")
        .filter(|(at, _)| !code[..*at].ends_with('$'))
        .map(|(at, path)| {
            code[at + path.len()..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
        })
        .collect()
}

#[test]
fn rooms_use_only_rooms_below_them() {
    let mut known = BTreeSet::new();
    for (module, may_use) in MAY_USE {
        assert!(
            may_use.iter().all(|lower| known.contains(lower)),
            "the table itself points back at {module}"
        );
        known.insert(*module);
        for (path, code) in sources(module) {
            for used in uses(&code).into_iter().filter(|used| used != module) {
                assert!(may_use.contains(&&*used), "{} uses {used}", path.display());
            }
        }
    }
}

#[test]
fn the_core_does_no_io() {
    for (module, _) in MAY_USE {
        for (path, code) in sources(module) {
            for forbidden in FORBIDDEN {
                assert!(!code.contains(forbidden), "{} has {forbidden}", path.display());
            }
        }
    }
}

/// Algorithms ask for rules, never for a version; and for switches, hardly ever for a profile by name.
#[test]
fn room_versions_are_a_table() {
    for module in ["auth", "resolve", "replay"] {
        for (path, code) in sources(module) {
            assert!(!code.contains("rules().id"), "{} asks for the room version", path.display());
        }
    }
}

#[test]
fn the_core_forbids_unsafe_code() {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs");
    assert!(fs::read_to_string(library).unwrap().contains("#![forbid(unsafe_code)]"));
}

/// Reading databases knows of dumps only how they are packed, and nothing of the rest of the house.
#[test]
fn databases_are_read_apart_from_the_rest() {
    for (path, code) in sources("synapse") {
        for used in uses(&code).into_iter().filter(|used| used != "synapse") {
            assert!(used == "dump", "{} uses {used}", path.display());
        }
        for statement in ["INSERT INTO", "UPDATE ", "DELETE FROM", "CREATE TABLE", "DROP "] {
            assert!(!code.contains(statement), "{} has {statement}", path.display());
        }
    }
}
