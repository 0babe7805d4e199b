//! Any bytes as a dump: what loads is looked at from all sides.

use std::collections::BTreeSet;

use hindsight::auth::Profile;
use hindsight::dump::{Dump, Format, LoadError, Options, load_with};
use hindsight::executor::{Executor, Sequential};
use hindsight::explain::{explain_check, explain_rejection, explain_steps};
use hindsight::replay::Replay;
use hindsight::report::{Code, Finding};
use hindsight::room::{EventIx, Link, Room, When};
use serde::de::IgnoredAny;

/// A decompressed input may not grow beyond this.
const MAX_SIZE: u64 = 1 << 22;
/// Larger rooms are not replayed, for time's sake.
const MAX_REPLAYED: usize = 64;

/// Loads the bytes with and without verification, walks over the room, and replays it if it is small.
///
/// # Panics
/// If something does not hold that must hold for every input.
pub fn load(data: &[u8]) {
    let quick = run(data, false, &Sequential);
    let verified = run(data, true, &Sequential);
    let again = run(data, true, &Backwards);
    match (&quick, &verified, &again) {
        (Ok(quick), Ok(verified), Ok(again)) => {
            assert!(same_room(&quick.room, &verified.room), "to verify changes the room");
            assert!(same_room(&verified.room, &again.room), "the order of the work decides what the room is");
            assert_eq!(verified.findings, again.findings);
            assert_eq!(verified.placeholders, again.placeholders);
            look_at(quick);
            walk(&verified.room);
            order_of_lines(data, quick);
            if quick.room.len() <= MAX_REPLAYED {
                Profile::ALL.into_iter().for_each(|profile| replay(&quick.room, profile));
            }
        }
        (Err(quick), Err(verified), Err(again)) => {
            assert_eq!(quick, verified, "to verify changes the error");
            assert_eq!(verified, again);
            assert!(!quick.to_string().is_empty());
        }
        _ => panic!("to verify decides whether it loads"),
    }
}

fn run(data: &[u8], verify: bool, executor: &dyn Executor) -> Result<Dump, LoadError> {
    load_with(data.to_vec(), &Options { verify, max_size: MAX_SIZE, ..Options::default() }, executor)
}

/// Cuts the work into pieces and does the last one first.
struct Backwards;

impl Executor for Backwards {
    fn width(&self) -> usize {
        2
    }

    fn run(&self, pieces: usize, piece: &(dyn Fn(usize) + Sync)) {
        (0..pieces).rev().for_each(piece);
    }
}

fn same_room(a: &Room, b: &Room) -> bool {
    let same = |ix: EventIx| {
        a.id(ix) == b.id(ix)
            && a.event(ix).json() == b.event(ix).json()
            && a.recorded(ix) == b.recorded(ix)
            && a.prev_links(ix).eq(b.prev_links(ix))
            && a.auth_links(ix).eq(b.auth_links(ix))
    };
    a.len() == b.len() && a.rules() == b.rules() && a.events().all(same)
}

/// What `inspect` says of a dump.
fn look_at(dump: &Dump) {
    assert!(!dump.format.to_string().is_empty());
    assert!(dump.findings.is_sorted(), "the findings are not in order");
    for finding in &dump.findings {
        assert!(!finding.to_string().is_empty());
        assert!(
            finding.line.is_none_or(|line| 1 <= line && line <= dump.lines.max(1)),
            "{finding} is nowhere"
        );
    }
    for (name, id) in &dump.placeholders {
        assert!(dump.room.find(id).is_some() || !name.is_empty());
    }
    assert!(dump.room.len() as u64 <= dump.events_read, "more events than records");
}

/// The graph holds together.
fn walk(room: &Room) {
    let mut positions = BTreeSet::new();
    for ix in room.events() {
        let event = room.event(ix);
        assert_eq!(room.find(room.id(ix)), Some(ix));
        assert!(positions.insert(room.position(ix)), "two events in one place");
        assert!(serde_json::from_str::<IgnoredAny>(event.json()).is_ok() || event.json().len() > 1000);
        let parents = room.prev_events(ix);
        assert!(parents.iter().all(|parent| *parent < ix && room.children(*parent).contains(&ix)));
        assert!(room.auth_events(ix).iter().all(|auth| *auth < ix));
        assert!(room.children(ix).iter().all(|child| room.prev_events(*child).contains(&ix)));
        assert!(room.auth_children(ix).iter().all(|child| room.auth_events(*child).contains(&ix)));
        for link in room.prev_links(ix).chain(room.auth_links(ix)) {
            match link {
                Link::Event(other) => assert!(other < ix),
                Link::Missing(missing) => {
                    // The references on a circle count as missing though the events are there.
                    let id = room.missing_id(missing);
                    assert_eq!(room.find_missing(id), Some(missing));
                    assert!(room.find(id).is_none() || room.is_in_cycle(ix), "{id} is not missing");
                }
            }
        }
        if let Some(key) = room.key_of(ix) {
            assert_eq!(room.key(key), (event.event_type(), event.state_key().unwrap_or_default()));
        }
        assert_eq!(room.key(room.sender_key(ix)), ("m.room.member", event.sender()));
        for when in [When::Before, When::After] {
            let _ = room.asserted(ix, when);
        }
        let _ = (room.caption(ix), room.is_outlier(ix), room.is_foreign(ix), room.recorded(ix));
    }
    let ordered = |place: usize| {
        let key = hindsight::room::KeyIx::new(place);
        let (kind, state_key) = room.key(key);
        assert_eq!(room.find_key(kind, state_key), Some(key));
        place == 0 || room.key(hindsight::room::KeyIx::new(place - 1)) < (kind, state_key)
    };
    assert!((0..room.key_count()).all(ordered), "the keys are not in order");
    assert!(room.events().next().is_none_or(|ix| !room.find_prefix(room.id(ix)).is_empty()));
}

fn replay(room: &Room, profile: Profile) {
    let replay = Replay::new(room, None, profile);
    assert!(replay.findings().iter().all(|finding| !finding.to_string().is_empty()));
    for ix in room.events() {
        for check in replay.judge(ix) {
            let _ = explain_check(room, &check);
        }
        if let Some(rejection) = replay.rejection(ix) {
            let _ = explain_rejection(room, rejection);
        }
        if let (true, Some(inputs)) = (replay.resolved(ix), replay.inputs(ix)) {
            let mut steps = Vec::new();
            let resolution = replay.resolve_at(Some(ix), &inputs, &mut steps);
            assert_eq!(Some(&resolution.state), replay.before(ix));
            assert!(!explain_steps(room, &steps).is_empty());
        }
    }
}

/// The room does not depend on the order of the lines, nor what is wrong with it.
fn order_of_lines(data: &[u8], dump: &Dump) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let plain = matches!(dump.format, Format::Ndjson | Format::ServerEvents) && dump.compression.is_none();
    let one_a_line = |line: &str| line.starts_with('{') && serde_json::from_str::<IgnoredAny>(line).is_ok();
    if !plain || !text.lines().all(one_a_line) || text.lines().count() < 2 {
        return;
    }
    let lines: Vec<&str> = text.lines().rev().collect();
    let Ok(reversed) = run(lines.join("\n").as_bytes(), false, &Sequential) else {
        panic!("the order of the lines decides whether the dump loads");
    };
    assert!(same_room(&dump.room, &reversed.room), "the order of the lines decides what the room is");
    let codes = |findings: &[Finding]| -> Vec<Code> {
        let mut codes: Vec<Code> = findings.iter().map(|finding| finding.code).collect();
        codes.sort_unstable();
        codes
    };
    assert_eq!(
        codes(&dump.findings),
        codes(&reversed.findings),
        "the order of the lines decides what is wrong"
    );
}
