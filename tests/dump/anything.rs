//! Any bytes at all: nothing panics, and the order of lines does not matter.

use super::*;

/// What may not depend on chance.
fn outcome(bytes: &[u8], verify: bool) -> (Vec<String>, Vec<String>) {
    match load(bytes, &Options { verify, max_size: 1 << 24, ..Options::default() }) {
        Ok(dump) => (
            ids(&dump.room).into_iter().map(str::to_owned).collect(),
            dump.findings.iter().map(ToString::to_string).collect(),
        ),
        Err(error) => (vec![error.to_string()], error.findings().iter().map(ToString::to_string).collect()),
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let events = hashed_room("11");
    let body = json!({"event": events[5], "state": events[..3], "auth_chain": events[..2]});
    let text = lines(&events);
    vec![
        text.clone().into_bytes(),
        Value::Array(events).to_string().into_bytes(),
        body.to_string().into_bytes(),
        scenario("12", SCENARIO_EVENTS).into_bytes(),
        gzip(text.as_bytes()),
        include_bytes!("../data/dump.ndjson.zst").to_vec(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert_eq!(outcome(&bytes, true), outcome(&bytes, true));
    }

    #[test]
    fn arbitrary_brackets_do_no_harm(text in "([\\[\\]{}\",:'/*\n ]|[a-z$1]|\"events\"|\"type\"|event_id|\\\\){0,120}") {
        prop_assert_eq!(outcome(text.as_bytes(), true), outcome(text.as_bytes(), true));
    }

    #[test]
    fn mutated_dumps_do_no_harm(
        seed in 0_usize..6,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 1..12),
    ) {
        let mut bytes = seeds().swap_remove(seed);
        for (at, byte, kind) in edits {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => { bytes.remove(at); }
                _ => bytes.truncate(at),
            }
        }
        prop_assert_eq!(outcome(&bytes, true), outcome(&bytes, true));
    }

    #[test]
    fn the_order_of_lines_does_not_matter(
        order in Just(0..14_usize).prop_map(Vec::from_iter).prop_shuffle(),
        bare in any::<bool>(),
    ) {
        let mut events = hashed_room("11");
        let mut copy = events[3].clone();
        copy["unsigned"] = json!({"age": 1});
        let mut forged = events[4].clone();
        forged["sender"] = json!("@Eve:x");
        let record = json!({"event_id": events[2]["event_id"], "event": events[2], "outlier": true, "rejected": "x"});
        if bare {
            events[5].as_object_mut().unwrap().remove("event_id");
        }
        let mut create = events[0].clone();
        create["room_id"] = json!("!other:x");
        create["event_id"] = json!("$other");
        create["content"] = json!({"room_version": "3"});
        events.extend([copy, forged, record, create]);
        let mut texts: Vec<String> = events.iter().map(ToString::to_string).collect();
        texts.extend(["rubbish", "{}", "", "[]"].map(str::to_owned));
        let shuffled: Vec<&str> = order.iter().map(|place| texts[*place].as_str()).collect();
        let of = |lines: &[&str]| {
            let dump = load_ok(lines.join("\n"));
            let room = &dump.room;
            let events: Vec<_> = room
                .events()
                .map(|ix| (room.id(ix).to_owned(), room.event(ix).json().to_owned(), room.recorded(ix).clone()))
                .collect();
            let mut codes: Vec<_> = dump.findings.iter().map(|finding| finding.code).collect();
            codes.sort_unstable();
            (events, codes, room.rules().id)
        };
        let straight: Vec<&str> = texts.iter().map(String::as_str).collect();
        prop_assert_eq!(of(&shuffled), of(&straight));
    }
}
