//! The senders' levels as ruma reads them for the power ordering, and where that is a matter of chance.
//!
//! ruma reads the creators of the room from the first event it visits that cites a create event, keeps them for all
//! others, and visits in random order (D25). From then on it also stops at the first power levels an event cites
//! instead of reading on to the create event (D26). Where events cite no create event, or different ones, or several
//! power levels, the order of the ordering, and with it the resolved state, may vary from run to run.

use std::collections::BTreeSet;

use super::Failure;
use crate::auth::{Level, LevelSource, Profile, sender_level};
use crate::event::Kind;
use crate::room::{AuthEdges, EventIx, Link, Room};

/// What one event cites.
struct Cited {
    create: Option<EventIx>,
    /// The power levels that are read while the creators are unknown, and once they are known.
    levels: [Option<EventIx>; 2],
}

/// The power levels and the create event by which one level is read.
type Reading = (Option<EventIx>, Option<EventIx>);

/// Levels, and why, of all events of the ordering.
type Levels = Vec<(Level, LevelSource)>;

/// The senders' levels. `order` tells the order that levels lead to.
///
/// # Errors
/// Where ruma fails, and where the order is a matter of chance.
pub(super) fn sender_levels(
    (room, edges): (&Room, AuthEdges<'_>),
    events: &[EventIx],
    order: impl Fn(&Levels) -> Vec<EventIx>,
) -> Result<Levels, Failure> {
    let cited: Vec<Cited> = events.iter().map(|ix| Cited::by(room, edges, *ix)).collect();
    let readable = |place: usize, reading: &Reading| level(room, events[place], reading).is_ok();
    let mut runs = runs(&cited, readable).into_iter().map(|run| read(room, events, &run));
    let first = runs.next().unwrap_or_else(|| Ok(Vec::new()));
    // Where the room ID names the create event, its own place in the order means nothing, unless there are several.
    let is_create = |ix: &EventIx| room.event(*ix).kind() == Kind::Create;
    let one = room.rules().room_id_is_create_id && events.iter().filter(|ix| is_create(ix)).count() == 1;
    let order = |levels: &Levels| {
        let mut order = order(levels);
        order.retain(|ix| !(one && is_create(ix)));
        order
    };
    let mut expected = None;
    for run in runs {
        let same = match (&first, &run) {
            (Err(_), Err(_)) => true,
            (Ok(first), Ok(run)) if first == run => true,
            (Ok(first), Ok(run)) => *expected.get_or_insert_with(|| order(first)) == order(run),
            _ => false,
        };
        if !same {
            return Err(Failure::by_chance(room, events[0]));
        }
    }
    first
}

impl Cited {
    fn by(room: &Room, edges: AuthEdges<'_>, ix: EventIx) -> Self {
        let known = room.well_known();
        let implied = room.rules().room_id_is_create_id;
        let mut create = if implied { room.create_by_room_id(ix) } else { None };
        let mut levels = [None; 2];
        for auth in edges.links(ix).filter_map(Link::event) {
            let key = room.key_of(auth);
            if key == Some(known.power_levels) {
                levels = [Some(auth), levels[1].or(Some(auth))];
            } else if key == Some(known.create) && !implied {
                create = Some(auth);
            }
            if levels[0].is_some() && (implied || create.is_some()) {
                break;
            }
        }
        Self { create, levels }
    }
}

/// What a run can read for every event: enough of all possible runs that, if these agree on the order of any two
/// events, all do; and among them one that does not fail, if there is any.
fn runs(cited: &[Cited], readable: impl Fn(usize, &Reading) -> bool) -> Vec<Vec<Reading>> {
    let creates: BTreeSet<EventIx> = cited.iter().filter_map(|event| event.create).collect();
    let differs = |event: &Cited| event.levels[0] != event.levels[1];
    let unknown = |event: &Cited| (event.levels[0], None);
    let uncited: Vec<usize> = (0..cited.len()).filter(|place| cited[*place].create.is_none()).collect();
    let mut runs = Vec::new();
    if creates.is_empty() {
        runs.push(cited.iter().map(unknown).collect());
    }
    for create in creates {
        let known: Vec<Reading> = cited.iter().map(|event| (event.levels[1], Some(create))).collect();
        let (odd, plain): (Vec<usize>, Vec<usize>) = (0..cited.len())
            .filter(|place| cited[*place].create == Some(create))
            .partition(|place| differs(&cited[*place]));
        // The first event visited of those that cite this create event; of the plain ones any stands for all.
        for first in odd.into_iter().chain(plain.first().copied()) {
            let mut late = known.clone();
            late[first].0 = cited[first].levels[0];
            let mut early = late.clone();
            uncited.iter().for_each(|place| early[*place] = unknown(&cited[*place]));
            for place in &uncited {
                let (mut one, mut others) = (late.clone(), early.clone());
                one[*place] = early[*place];
                others[*place] = late[*place];
                runs.extend([one, others]);
            }
            if !uncited.is_empty() {
                let mut readable_early = late.clone();
                for place in uncited.iter().filter(|place| !readable(**place, &late[**place])) {
                    readable_early[*place] = early[*place];
                }
                runs.extend([readable_early, early]);
            }
            runs.push(late);
        }
    }
    runs
}

fn read(room: &Room, events: &[EventIx], run: &[Reading]) -> Result<Levels, Failure> {
    events.iter().zip(run).map(|(ix, reading)| level(room, *ix, reading)).collect()
}

fn level(room: &Room, ix: EventIx, (levels, create): &Reading) -> Result<(Level, LevelSource), Failure> {
    sender_level(room, Profile::Ruma, ix, *levels, *create)
        .map_err(|refusal| Failure::new(room, ix, refusal.detail().unwrap_or_default()))
}
