//! Rooms of dumps that something went wrong with.

use hindsight::dump::{self, Options};
use hindsight::event::room_version::Rules;
use hindsight::generate::{Mode, Plan, Rng, generate};
use hindsight::room::Room;
use rayon::prelude::*;

/// Runs a check on random rooms in whose dumps words, numbers and brackets were swapped. `HINDSIGHT_ROOMS` replaces
/// `default`.
pub(crate) fn each_mangled(default: u64, check: impl Fn(&Room) -> Result<(), String> + Sync) {
    let rooms = std::env::var("HINDSIGHT_ROOMS").ok().and_then(|rooms| rooms.parse().ok()).unwrap_or(default);
    (1..=rooms).into_par_iter().for_each(|seed| {
        let rules = &Rules::ALL[seed as usize % 14];
        let plan = Plan::new(seed, Mode::ALL[seed as usize % 4], rules);
        let text = mangled(&generate(&plan).ndjson(), seed);
        let options = Options { room_version: Some(rules.id.to_owned()), ..Options::default() };
        let Ok(dump) = dump::load(text.as_bytes(), &options) else { return };
        if let Err(wrong) = check(&dump.room) {
            panic!("seed {seed}, version {}: {wrong}\n{text}", rules.id);
        }
    });
}

fn mangled(text: &str, seed: u64) -> String {
    let mut rng = Rng::new(seed);
    let tokens: Vec<&str> = text.split_inclusive(['"', ',', ':', '{', '}', '[', ']']).collect();
    let mut mangled = tokens.clone();
    for _ in 0..rng.within(1, 12) {
        let place = rng.below(tokens.len());
        // Of the same end, so that most lines stay JSON.
        let same = |token: &&&str| token.chars().last() == tokens[place].chars().last();
        let others: Vec<&&str> = tokens.iter().filter(same).collect();
        mangled[place] = others[rng.below(others.len())];
    }
    mangled.concat()
}
