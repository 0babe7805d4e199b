//! Reading what a server's database holds.

use super::{
    Expectation, ExpectedCurrent, ExpectedEvent, ExpectedOfStateDag, ExpectedState, Origin, Unreadable,
};

/// Where the table has the columns that are read.
struct Columns {
    event_id: usize,
    after_hash: usize,
    before_hash: Option<usize>,
    flags: Option<usize>,
}

impl Columns {
    fn of(header: &str) -> Option<Self> {
        let find = |name: &str| header.split('\t').position(|column| column == name);
        Some(Self {
            event_id: find("event_id")?,
            after_hash: find("after_hash")?,
            before_hash: find("before_hash"),
            flags: find("flags"),
        })
    }
}

pub(super) fn parse(text: &str) -> Result<Expectation, Unreadable> {
    let mut lines = text.lines();
    let header = lines.next().unwrap_or_default();
    let Some(columns) = Columns::of(header) else {
        let message =
            "not an expectation: neither JSON nor a table with the columns `event_id` and `after_hash`";
        return Err(Unreadable(message.to_owned()));
    };
    let mut events = Vec::new();
    for (number, line) in (2..).zip(lines).filter(|(_, line)| !line.is_empty()) {
        let event = event(&columns, line);
        events.push(event.ok_or_else(|| Unreadable(format!("line {number} has too few columns")))?);
    }
    let current = ExpectedCurrent::default();
    Ok(Expectation { origin: Origin::Server, room_version: None, algorithm: None, events, current })
}

fn event(columns: &Columns, line: &str) -> Option<ExpectedEvent> {
    let cells: Vec<&str> = line.split('\t').collect();
    let state = |place: usize| -> Option<Option<ExpectedState>> {
        let hash = *cells.get(place)?;
        Some((hash != "-").then(|| ExpectedState::Known { hash: Some(hash.into()), list: None }))
    };
    let flags = columns.flags.map(|place| cells.get(place).copied()).unwrap_or(Some(""))?;
    let has = |flag: &str| flags.split(',').any(|other| other.trim() == flag);
    Some(ExpectedEvent {
        id: (*cells.get(columns.event_id)?).into(),
        rejected: columns.flags.map(|_| has("rejected")),
        resolved: None,
        before: columns.before_hash.map_or(Some(None), state)?,
        after: state(columns.after_hash)?,
        provisional: has("partial_state"),
        state_dag: ExpectedOfStateDag::default(),
    })
}

pub(super) fn add_current(current: &mut ExpectedCurrent, state: Option<&str>, extremities: Option<&str>) {
    if let Some(hash) = state.and_then(|table| table.lines().find_map(|line| line.strip_prefix("# hash "))) {
        current.state = Some(ExpectedState::Known { hash: Some(hash.trim().into()), list: None });
    }
    if let Some(table) = extremities {
        let forward = table.lines().filter_map(|line| line.strip_prefix("forward\t"));
        let mut forward: Vec<Box<str>> = forward.map(|id| id.trim_end().into()).collect();
        forward.sort_unstable();
        current.extremities = Some(forward);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(hash: &str) -> Option<ExpectedState> {
        Some(ExpectedState::Known { hash: Some(hash.into()), list: None })
    }

    #[test]
    fn columns_are_found_by_name() {
        let text =
            "after_hash\tevent_id\tflags\tbefore_hash\naa\t$a\t-\t-\nbb\t$b\trejected,soft_failed\taa\n";
        let truth = parse(text).unwrap();
        let [a, b] = &*truth.events else { panic!("{truth:?}") };
        assert_eq!((&*a.id, a.rejected, &a.before, &a.after), ("$a", Some(false), &None, &known("aa")));
        assert_eq!((&*b.id, b.rejected, &b.before, &b.after), ("$b", Some(true), &known("aa"), &known("bb")));
        assert!(parse("event_id\tafter_hash\n$a\n").unwrap_err().to_string().contains("line 2"));
        assert!(parse("hello").is_err());
    }

    #[test]
    fn the_current_state_is_its_hash_and_the_forward_extremities() {
        let mut current = ExpectedCurrent::default();
        add_current(
            &mut current,
            Some("# hash cc\n\"t\"\t\"\"\t$a\n"),
            Some("forward\t$b\nforward\t$a\nbackward\t$c\n"),
        );
        assert_eq!(current.state, known("cc"));
        assert_eq!(current.extremities, Some(vec!["$a".into(), "$b".into()]));
    }
}
