//! Random rooms for a check, and the same room made differently.

use std::collections::HashMap;

use hindsight::event::Event;
use hindsight::event::room_version::Rules;
use hindsight::generate::{Mode, Plan, RoomBuilder, generate};
use hindsight::room::{Input, LoadedEvent, Room};
use rayon::prelude::*;

/// Runs a check on random rooms of every mode and version; a failure prints the smallest room it fails on.
/// `HINDSIGHT_ROOMS` replaces `default`.
pub(crate) fn each_room(default: u64, check: impl Fn(&Plan, &RoomBuilder) -> Result<(), String> + Sync) {
    let rooms = std::env::var("HINDSIGHT_ROOMS").ok().and_then(|rooms| rooms.parse().ok()).unwrap_or(default);
    let failures: Vec<String> = (1..=rooms)
        .into_par_iter()
        .filter_map(|seed| {
            let place = usize::try_from(seed).unwrap();
            // Now and then one with a state DAG.
            let rules = &Rules::ALL[if place % 13 == 12 { 13 } else { place % 12 }];
            let plan = Plan::new(seed, Mode::ALL[place / 12 % 4], rules);
            let room = generate(&plan);
            let failure = check(&plan, &room).err()?;
            let mode = plan.mode.as_str();
            Some(format!("seed {seed}, mode {mode}, version {}: {failure}\n{}", rules.id, room.ndjson()))
        })
        .collect();
    if let Some(smallest) = failures.iter().min_by_key(|failure| failure.len()) {
        panic!("{} of {rooms} rooms fail; the smallest:\n{smallest}", failures.len());
    }
}

/// A room of these events.
pub(crate) fn build(rules: &'static Rules, events: impl IntoIterator<Item = Event>) -> Room {
    let load = |event| LoadedEvent::new(event);
    let input = Input::new(rules, None, events.into_iter().map(load).collect());
    Room::build(input, &mut Vec::new()).unwrap()
}

/// The same events under the same IDs, with other timestamps.
pub(crate) fn retimed(builder: &RoomBuilder, time: impl Fn(i64) -> i64) -> Room {
    let retime = |number: usize| {
        let event = &builder.pdu(number).event;
        let mut json: serde_json::Value = serde_json::from_str(event.json()).unwrap();
        json["origin_server_ts"] = time(event.origin_server_ts()).into();
        Event::parse(&json.to_string()).unwrap().with_id(event.id())
    };
    build(builder.rules(), (0..builder.len()).map(retime))
}

/// The same events under other IDs; and the new ID of every old one.
pub(crate) fn renamed(builder: &RoomBuilder, salt: usize) -> (Room, HashMap<String, String>) {
    let ids = (0..builder.len()).map(|number| builder.pdu(number).event.id());
    let new: HashMap<String, String> = ids
        .enumerate()
        .map(|(number, id)| {
            let server = id.split_once(':').map_or(String::new(), |(_, server)| format!(":{server}"));
            (
                id.to_owned(),
                format!("${:08x}new{server}", (number * 7919 + salt).wrapping_mul(2_654_435_761) as u32),
            )
        })
        .collect();
    let rename = |number: usize| {
        let event = &builder.pdu(number).event;
        let json = new.iter().fold(event.json().to_owned(), |json, (old, new)| {
            let room = |id: &str| format!("\"!{}\"", &id[1..]);
            json.replace(&format!("\"{old}\""), &format!("\"{new}\"")).replace(&room(old), &room(new))
        });
        Event::parse(&json).unwrap().with_id(new[event.id()].as_str())
    };
    (build(builder.rules(), (0..builder.len()).map(rename)), new)
}
