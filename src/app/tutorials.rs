//! The rooms of `fixtures/`, built in: a course, in the order of `fixtures/README.md`.

/// A room with a story.
#[derive(Debug, Clone, Copy)]
pub struct Tutorial {
    /// Its name in links and on the command line.
    pub slug: &'static str,
    /// The room, a TARDIS scenario with captions.
    pub scenario: &'static [u8],
    /// What happens in it and why, in Markdown.
    pub story: &'static str,
}

macro_rules! tutorials {
    ($($slug:literal)*) => {
        &[$(Tutorial {
            slug: $slug,
            scenario: include_bytes!(concat!("../../fixtures/", $slug, "/scenario.json5")),
            story: include_str!(concat!("../../fixtures/", $slug, "/README.md")),
        }),*]
    };
}

/// All of them, in a good order for learning.
pub const TUTORIALS: &[Tutorial] = tutorials! {
    "topic-vs-ban" "ban-vs-power-levels" "join-rules-vs-join" "mainline-epochs" "equal-timestamps" "power-level-duel"
    "rejected-event-cited" "knock" "restricted-join" "third-party-invite" "twenty-way-merge" "v12-creators" "v1-room"
    "hole-with-snapshot" "msc4297-problem-a" "msc4297-problem-b" "r0-join-rule-twin" "r3-priority-inversion"
    "r2-clock-against-epoch-v11" "r2-clock-against-epoch" "r1-own-chain" "own-chain-linear" "state-dag-fork-and-merge"
    "state-dag-bans" "state-dag-ban-evasion" "state-dag-faulty-parents" "state-dag-hole" "reset-by-gap"
    "reset-by-gap-state-dag" "reset-by-merge" "reset-by-merge-state-dag" "reset-of-power" "reset-of-power-state-dag"
    "state-dag-own-ancestor" "state-dag-creator-rejoins"
};

impl Tutorial {
    /// The one of that name.
    pub fn find(slug: &str) -> Option<&'static Self> {
        TUTORIALS.iter().find(|tutorial| tutorial.slug == slug)
    }

    /// Its title.
    pub fn title(&self) -> &'static str {
        self.story.lines().next().unwrap_or_default().trim_start_matches('#').trim()
    }

    /// What it takes place in, as the story says: the room version and the number of events.
    pub fn setting(&self) -> &'static str {
        let second = self.story.lines().skip(1).map(str::trim).find(|line| !line.is_empty());
        second.unwrap_or_default().split(". ").next().unwrap_or_default().trim_end_matches('.')
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::dump::{Options, load};

    #[test]
    fn all_fixtures_are_built_in() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        let rooms = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let rooms: BTreeSet<String> = rooms
            .filter(|path| path.join("scenario.json5").exists())
            .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        let built_in: BTreeSet<String> = TUTORIALS.iter().map(|tutorial| tutorial.slug.to_owned()).collect();
        assert_eq!(built_in, rooms);
    }

    #[test]
    fn tutorials_load_and_have_titles() {
        for tutorial in TUTORIALS {
            let dump = load(tutorial.scenario, &Options::default()).unwrap();
            assert!(!dump.room.annotations().captions.is_empty(), "{}", tutorial.slug);
            assert!(tutorial.title().len() > 4, "{}", tutorial.slug);
            assert!(
                tutorial.setting().starts_with("Room version"),
                "{}: {}",
                tutorial.slug,
                tutorial.setting()
            );
        }
    }
}
