//! Any bytes as an expectation, held against the replay of a small room.

use std::fmt::Write as _;
use std::sync::LazyLock;

use hindsight::auth::Profile;
use hindsight::dump::{Dump, Options, load};
use hindsight::expect::{Expectation, KEPT};
use hindsight::replay::Replay;

const ROOM: &[u8] = include_bytes!("../../fixtures/conformance/rv11-stale-138.ndjson");
const EXPECTED: &[u8] = include_bytes!("../../fixtures/conformance/rv11-stale-138.expected.json");

static DUMP: LazyLock<Dump> =
    LazyLock::new(|| load(ROOM, &Options::default()).expect("the fixture can be loaded"));
static REPLAY: LazyLock<Replay<'_>> = LazyLock::new(|| Replay::new(&DUMP.room, None, Profile::Synapse));

/// Reads the bytes as an expectation and compares.
///
/// # Panics
/// If something does not hold that must hold for every expectation.
pub fn expect(data: &[u8]) {
    let expectation = match Expectation::parse(data) {
        Ok(expectation) => expectation,
        Err(why) => return assert!(!why.to_string().is_empty()),
    };
    let text = String::from_utf8_lossy(data);
    let expectation = expectation.with_current(Some(&text), Some(&text));
    let comparison = expectation.compare(&REPLAY);
    assert_eq!(comparison.agrees(), comparison.missed == 0);
    assert_eq!(comparison.misses.len(), comparison.missed.min(KEPT));
    assert_eq!(comparison, expectation.compare(&REPLAY));
}

/// An expectation of each kind: what Synapse decided, and what its database would hold.
pub(crate) fn expectations() -> [(&'static str, Vec<u8>); 2] {
    let room = &DUMP.room;
    let mut truth = "event_id\tafter_hash\tbefore_hash\tflags\n".to_owned();
    for ix in room.events() {
        let [after, before] = [REPLAY.after(ix), REPLAY.before(ix)]
            .map(|state| state.map_or_else(|| "-".to_owned(), |state| state.hash(room)));
        let flags = if REPLAY.rejected().contains(ix) { "rejected" } else { "-" };
        let _ = writeln!(truth, "{}\t{after}\t{before}\t{flags}", room.id(ix));
    }
    [("expected.json", EXPECTED.to_vec()), ("truth.tsv", truth.into_bytes())]
}
