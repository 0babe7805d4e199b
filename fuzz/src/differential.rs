//! Any room that ruma can hold, beside ruma: every verdict and every resolution.

use hindsight::auth::Profile;
use hindsight::differential::{Comparison, RumaRoom};
use hindsight::replay::Replay;
use hindsight::resolve::Algorithm;

use crate::draw::{Drawing, Scope};

/// Draws a room, and compares the profile `ruma` with ruma. False if ruma cannot hold the room.
///
/// # Panics
/// If they differ.
pub fn differential(data: &[u8]) -> bool {
    let mut drawing = Drawing::new(data, Scope::Ruma);
    let lines: Vec<&str> = drawing.lines.iter().map(String::as_str).collect();
    let Ok(dump) = drawing.load(&lines) else { return false };
    let room = &dump.room;
    let Ok(ruma) = RumaRoom::new(room) else { return false };
    let replay = Replay::new(room, None, Profile::Ruma);
    let mut comparison = Comparison::new(&replay, &ruma);
    let (sets, rejected) = drawing.sets(&replay);
    for algorithm in [Algorithm::V2, Algorithm::V2_1] {
        comparison.add_sets(&replay, &ruma, algorithm, &sets, &rejected);
    }
    if let Some(difference) = comparison.differences.first() {
        let sets: Vec<_> = sets.iter().map(|set| set.list(room).collect::<Vec<_>>()).collect();
        let rejected: Vec<&str> = rejected.iter().map(|ix| room.id(ix)).collect();
        let text = difference.describe(room);
        let asserted = drawing.options.asserted_state.map(|file| String::from_utf8_lossy(&file).into_owned());
        panic!(
            "{text}\nsets: {sets:?}\nrejected: {rejected:?}\nasserted: {asserted:?}\n{}",
            drawing.lines.join("\n")
        );
    }
    true
}
