//! Whatever is done to a session, it stays whole.

use std::sync::Arc;

use proptest::prelude::*;

use super::link::{LinkedRoom, ShareLink};
use super::*;
use crate::auth::Profile;
use crate::dump::{Options, load};
use crate::event::room_version::Rules;
use crate::generate::{Mode, Plan, generate};
use crate::room::{KeyIx, MissingIx};

macro_rules! fixtures {
    ($($slug:literal),*) => { &[$(($slug, include_bytes!(concat!("../../fixtures/", $slug, "/scenario.json5"))),)*] };
}

const FIXTURES: &[(&str, &[u8])] = fixtures![
    "topic-vs-ban",
    "own-chain-linear",
    "r3-priority-inversion",
    "msc4297-problem-a",
    "twenty-way-merge",
    "v1-room",
    "hole-with-snapshot"
];

pub(super) fn fixture(slug: &str) -> Session {
    let (_, bytes) = FIXTURES.iter().find(|(name, _)| *name == slug).unwrap();
    Session::new(slug, load(bytes, &Options::default()).unwrap())
}

fn generated(seed: u64) -> Session {
    let rules = &Rules::ALL[seed as usize % 14];
    let builder = generate(&Plan::new(seed, Mode::ALL[seed as usize % 4], rules));
    let room = builder.room();
    let lines: Vec<&str> = room.events().map(|ix| room.event(ix).json()).collect();
    let options = Options { room_version: Some(rules.id.to_owned()), ..Options::default() };
    Session::new("generated", load(lines.join("\n").as_bytes(), &options).unwrap())
}

fn directions() -> impl Strategy<Value = Direction> {
    prop_oneof![Just(Direction::Next), Just(Direction::Previous)]
}

fn targets() -> impl Strategy<Value = Target> {
    use Target::*;
    prop::sample::select(vec![Notable, Merge, Conflicted, Rejected, Reset, Difference, Hit])
}

/// Places in the room and just beyond.
fn positions() -> impl Strategy<Value = Position> {
    prop_oneof![9 => (0_usize..70).prop_map(|n| Position::Event(EventIx::new(n))), 1 => Just(Position::Now)]
}

fn items() -> impl Strategy<Value = Item> {
    prop_oneof![
        positions().prop_map(|position| position.event().map_or(Item::Now, Item::Event)),
        (0_usize..3).prop_map(|n| Item::Missing(MissingIx::new(n))),
        (0_usize..30).prop_map(|n| Item::Key(KeyIx::new(n))),
        (0_usize..40).prop_map(Item::Step),
        (0_usize..3).prop_map(Item::Finding),
        Just(Item::User("@alice:a.example".into())),
    ]
}

fn queries() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "",
        "is:state",
        "is:merge OR is:rejected",
        "type:member",
        "-is:state",
        "alice",
        "is:odd",
        "key:\"\"",
    ])
    .prop_map(str::to_owned)
}

fn pairs() -> impl Strategy<Value = Pair> {
    (0_usize..3, 0_usize..3)
        .prop_map(|(a, p)| Pair { algorithm: Pair::ALGORITHMS[a], profile: Profile::ALL[p] })
}

fn jumps() -> impl Strategy<Value = Command> {
    use Command::*;
    prop_oneof![
        Just(FirstEvent),
        Just(LastEvent),
        (positions(), prop::option::of(0_usize..20)).prop_map(|(event, step)| Seek(Cursor { event, step })),
        positions().prop_map(SeekEvent),
        Just(ResolveSelection),
        Just(StepInto),
        Just(StepOut),
        Just(FirstStep),
        Just(LastStep),
        (0_usize..40).prop_map(SeekStep),
        (targets(), directions()).prop_map(|(target, direction)| Find(target, direction)),
        directions().prop_map(FindChange),
        ((0_usize..30).prop_map(KeyIx::new), directions())
            .prop_map(|(key, direction)| FindChangeOf(key, direction)),
    ]
}

fn movements() -> impl Strategy<Value = Command> {
    use Command::*;
    let by = |least: i64, most: i64| prop_oneof![8 => least..most, 1 => Just(i64::MIN), 1 => Just(i64::MAX)];
    prop_oneof![
        5 => jumps(),
        1 => by(-5, 6).prop_map(MoveEvents),
        1 => (0_usize..80).prop_map(ScrubToRow),
        1 => any::<i64>().prop_map(ScrubToValue),
        2 => by(-3, 6).prop_map(MoveSteps),
        1 => (0_usize..40).prop_map(ScrubToStep),
        1 => prop_oneof![Just(Back), Just(Forward)],
    ]
}

fn settings() -> impl Strategy<Value = Command> {
    use Command::*;
    prop_oneof![
        queries().prop_map(SetFilter),
        queries().prop_map(SetSearch),
        prop::sample::select(Axis::ALL.to_vec()).prop_map(SetAxis),
        Just(ToggleDimFuture),
        Just(ToggleCollapse),
        (0_usize..70).prop_map(|n| ToggleRun(EventIx::new(n))),
        Just(ToggleEdges),
        pairs().prop_map(|pair| SetAlgorithm(Some(pair.algorithm))),
        pairs().prop_map(|pair| SetProfile(pair.profile)),
        prop::option::of(pairs()).prop_map(SetCompare),
        Just(ToggleCompare),
        Just(SwapCompare),
    ]
}

fn commands() -> impl Strategy<Value = Command> {
    use Command::*;
    prop_oneof![
        8 => movements(),
        4 => settings(),
        1 => items().prop_map(Select),
        1 => items().prop_map(ToggleSelected),
        1 => positions().prop_map(SelectRange),
        1 => items().prop_map(Hover),
        2 => Just(ResolveSelection),
        1 => Just(ClearSelection),
        1 => Just(Undo),
        1 => Just(Redo),
        1 => Just(CopyLink),
        1 => Just(CopyIds),
    ]
}

/// What must hold at any time.
fn check(session: &Session) {
    let (room, cursor, rows) = (session.room(), session.cursor(), session.rows());
    assert!(session.is_place(cursor.event), "{cursor:?}");
    if let Position::Over(chosen) = cursor.event {
        let events = session.chosen(chosen);
        assert!((2..=MOST_CHOSEN).contains(&events.len()) && events.is_sorted());
        assert_eq!(rows.row_of(cursor.event), None);
        let fresh = Steps::over(&session.replay(), events).map(|steps| steps.steps);
        assert_eq!(session.steps().map(|steps| &steps.steps), fresh.as_ref());
        assert_eq!(
            session.state_at(cursor.event),
            session.steps().map(|steps| steps.resolution.state.clone())
        );
    }
    assert!(cursor.step.is_none_or(|step| step < session.step_count()), "{cursor:?}");
    let axis = session.settings().axis;
    assert!(session.settings().edges.is_of(room));
    assert_eq!(rows.axis(), axis);
    assert!(rows.events().is_sorted_by_key(|ix| (axis.value(room, *ix), *ix)));
    assert!(rows.events().windows(2).all(|pair| pair[0] != pair[1]));
    for row in 0..rows.len() {
        assert_eq!(rows.row_of(rows.get(row)), Some(row));
    }
    for item in session.selection().items() {
        assert!(item.is_of(room), "{item:?}");
        if let Item::Step(step) = item {
            assert!(*step < session.steps().unwrap().steps.len());
        }
    }
    assert!(session.roles().iter().all(|(ix, _)| ix.index() < room.len()));
    match cursor.step {
        None => assert!(session.roles().iter().next().is_none() && session.running_state().is_none()),
        Some(step) => {
            let fresh = Roles::default().seek(&session.steps().unwrap().steps, Some(step));
            assert!(session.roles().iter().eq(fresh.iter()), "roles at {cursor:?}");
            assert!(session.running_state().is_some());
            assert!(session.state_diff(Against::PreviousStep).is_some());
        }
    }
    let in_use = [Some(Pair::of(&session.shown)), session.other.as_ref().map(Pair::of)];
    let set = [Some(session.settings().pair), session.settings().compare];
    for (in_use, set) in in_use.into_iter().zip(set) {
        assert!(in_use == set || set.is_some_and(|set| session.pending().contains(&set)), "{set:?}");
    }
    if let (Some(comparison), Some(other)) = (session.comparison(), session.other_replay()) {
        // An independent way: state by state.
        let replay = session.replay();
        let differs = |ix: &EventIx| {
            (replay.before(*ix), replay.after(*ix)) != (other.before(*ix), other.after(*ix))
                || replay.rejected().contains(*ix) != other.rejected().contains(*ix)
                || replay.failure(*ix).is_some() != other.failure(*ix).is_some()
        };
        assert_eq!(comparison.events, session.room().events().filter(differs).collect::<Vec<_>>());
    }
}

fn start(which: usize) -> Session {
    match which {
        0 => Session::empty(),
        1..=7 => fixture(FIXTURES[which - 1].0),
        _ => generated(which as u64),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_commands_leave_a_session_whole(
        which in 0_usize..40,
        commands in prop::collection::vec((commands(), any::<bool>()), 0..30),
    ) {
        let mut session = start(which);
        check(&session);
        for (command, settle) in commands {
            let kind = command.kind();
            for effect in session.apply(command) {
                if let Effect::Replay(pair) = effect {
                    prop_assert!(session.pending().contains(&pair), "{:?} {}", kind, pair);
                }
            }
            if settle {
                session.settle();
                prop_assert!(session.pending().is_empty());
            }
            session.end_frame();
            check(&session);
        }
        let told = hook::to_json(&session).to_string();
        prop_assert!(told.contains("\"cursor\""));
    }

    #[test]
    fn undo_restores_and_redo_repeats(which in 1_usize..12, before in prop::collection::vec(settings(), 0..6), change in settings()) {
        let mut session = start(which);
        for command in before {
            session.apply(command);
        }
        session.settle();
        let (old, rows) = (session.settings().clone(), session.rows().events().to_vec());
        session.apply(change);
        session.settle();
        let new = session.settings().clone();
        // What is typed on counts as one change.
        if new == old || !old.filter.is_empty() || !old.search.is_empty() {
            return Ok(());
        }
        session.apply(Command::Undo);
        session.settle();
        prop_assert_eq!(session.settings(), &old);
        prop_assert_eq!(session.rows().events(), rows);
        session.apply(Command::Redo);
        prop_assert_eq!(session.settings(), &new);
    }

    #[test]
    fn back_returns_from_a_jump(which in 1_usize..12, before in prop::collection::vec(movements(), 0..8), jump in jumps()) {
        let mut session = start(which);
        for command in before {
            session.apply(command);
        }
        let old = session.cursor();
        session.apply(jump);
        // Steps of one resolution are one place.
        if session.cursor().event == old.event {
            return Ok(());
        }
        session.apply(Command::Back);
        // A jump with a step passes by the event itself.
        if session.cursor() != old {
            session.apply(Command::Back);
        }
        prop_assert_eq!(session.cursor(), old);
    }

    #[test]
    fn a_link_leads_to_the_same_place(which in 1_usize..40, commands in prop::collection::vec(commands(), 0..15)) {
        let mut session = start(which);
        for command in commands {
            session.apply(command);
            session.settle();
        }
        // A filter that makes no sense is kept as it is; the one in force before it is not in the link.
        if session.filter_error().is_some() {
            return Ok(());
        }
        let fragment = session.link().unwrap().encode().unwrap();
        let link = ShareLink::decode(&fragment).unwrap();
        let LinkedRoom::Scenario(text) = &link.room else { panic!("no room in {fragment}") };
        let dump = load(text, &Options::default()).unwrap();
        let recording = Pair::default_for(&dump.room).replay(&dump.room);
        let mut other = Session::with_replay("link", Origin::Link, dump, recording);
        other.follow(&link);
        other.settle();
        prop_assert_eq!(other.room().rules().id, session.room().rules().id);
        // What the file itself holds is its order; a link has its own.
        if session.settings().axis != Axis::File {
            prop_assert_eq!(other.rows().events(), session.rows().events());
        }
        // Each session numbers its own choices.
        let place = |session: &Session| match session.cursor() {
            Cursor { event: Position::Over(chosen), step } => (session.chosen(chosen).to_vec(), None, step),
            Cursor { event, step } => (Vec::new(), Some(event), step),
        };
        prop_assert_eq!(place(&other), place(&session));
        prop_assert_eq!(other.steps().map(|s| &s.steps), session.steps().map(|s| &s.steps));
        let seen = |session: &Session| {
            let items = session.selection().items().iter();
            let items = items.filter(|item| !matches!(item, Item::Step(_) | Item::Finding(_)));
            let mut settings = session.settings().clone();
            if !settings.collapse {
                settings.expanded.clear();
            }
            (settings, items.cloned().collect::<Vec<_>>(), session.hits().iter().collect::<Vec<_>>())
        };
        prop_assert_eq!(seen(&other), seen(&session));
        prop_assert_eq!(other.link().unwrap().encode().unwrap(), fragment);
    }
}

#[test]
fn seeking_a_step_is_taking_so_many() {
    let mut seen = 0;
    for (slug, _) in FIXTURES {
        let mut session = fixture(slug);
        let merges: Vec<EventIx> =
            session.room().events().filter(|ix| session.replay().resolved(*ix)).collect();
        for ix in merges {
            session.apply(Command::SeekEvent(ix.into()));
            for step in 0..session.step_count() {
                session.apply(Command::MoveSteps(1));
                assert_eq!(session.cursor().step, Some(step));
                let stepped: (Vec<_>, _) =
                    (session.roles().iter().collect(), session.running_state().cloned());
                session.apply(Command::StepOut);
                session.apply(Command::SeekStep(step));
                assert_eq!((session.roles().iter().collect(), session.running_state().cloned()), stepped);
                session.apply(Command::LastEvent);
                session.apply(Command::Seek(Cursor { event: ix.into(), step: Some(step) }));
                assert_eq!((session.roles().iter().collect(), session.running_state().cloned()), stepped);
                seen += 1;
            }
        }
    }
    assert!(seen > 100, "{seen}");
}

#[test]
fn the_keyboard_leads_to_who_denied_whom() {
    let mut session = fixture("topic-vs-ban");
    assert_eq!(session.caption(), Some("Alice creates the room."));
    session.apply(Command::Find(Target::Conflicted, Direction::Next));
    let named =
        |session: &Session, name: &str| session.room().find(&session.source().placeholders[name]).unwrap();
    assert_eq!(session.cursor(), Cursor::at(named(&session, "$MERGE")));
    assert_eq!(session.step_count(), session.steps().unwrap().steps.len());
    session.apply(Command::StepInto);
    session.apply(Command::LastStep);
    let topic = named(&session, "$TOPIC_BOB");
    assert!(
        session.role_of(topic).contains(Role::Denied) && session.role_of(topic).contains(Role::Conflicted)
    );
    assert!(session.role_of(named(&session, "$BAN")).contains(Role::Allowed));
    // Reverse-continue: the merge put the first topic back, Bob had changed it.
    let key = session.room().find_key("m.room.topic", "").unwrap();
    session.apply(Command::LastEvent);
    session.apply(Command::Select(Item::Key(key)));
    let mut changes = Vec::new();
    loop {
        session.apply(Command::FindChange(Direction::Previous));
        match session.cursor().event {
            Position::Event(ix) if changes.last() != Some(&ix) => changes.push(ix),
            _ => break,
        }
    }
    assert_eq!(changes, ["$MERGE", "$TOPIC_BOB", "$TOPIC_ALICE"].map(|name| named(&session, name)));
}

#[test]
fn comparing_finds_where_implementations_part() {
    let mut session = fixture("own-chain-linear");
    let effects = session.apply(Command::SetCompare(Pair::parse("v2:synapse")));
    assert!(matches!(effects[..], [Effect::Replay(_)]), "{effects:?}");
    assert!(session.comparison().is_none());
    let recording = Pair::parse("v2:synapse").unwrap().replay(session.room());
    let effects = session.provide(recording);
    let [Effect::Compare(sides)] = &effects[..] else { panic!("{effects:?}") };
    assert!(session.comparison().is_none());
    let mut comparing = sides.begin();
    while !comparing.advance(1) {}
    session.provide_comparison(sides.pairs(), comparing.finish());
    assert_eq!(session.comparison().unwrap().events.len(), 1);
    session.apply(Command::FirstEvent);
    session.apply(Command::Find(Target::Difference, Direction::Next));
    let alignment = session.alignment().unwrap();
    let first = alignment.first_difference.unwrap();
    assert!(alignment.lines[..first].iter().all(|line| line.same));
    assert!(!alignment.lines[first].same);
    for (side, steps) in [(0, session.steps()), (1, session.other_steps())] {
        let numbers = alignment.lines.iter().filter_map(|line| [line.one, line.other][side]);
        assert!(numbers.eq(0..steps.unwrap().steps.len()));
    }
    session.apply(Command::SwapCompare);
    assert!(session.pending().is_empty(), "both are at hand");
}

#[test]
fn the_filter_matches_what_it_says() {
    let mut session = fixture("topic-vs-ban");
    let mut shown = |query: &str| {
        session.apply(Command::SetFilter(query.to_owned()));
        assert_eq!(session.filter_error(), None, "{query}");
        session.rows().events().len()
    };
    assert_eq!(shown(""), 11);
    for (query, count) in [
        ("is:state", 8),
        ("is:message", 3),
        ("is:merge", 1),
        ("is:conflicted", 1),
        ("is:rejected", 0),
        ("type:TOPIC", 2),
        ("type:topic sender:@bob", 1),
        ("server:b.example", 4),
        ("key:\"\"", 5),
        ("key:@bob", 2),
        ("-is:state -\"cheap seeds\"", 2),
        ("type:topic OR type:ban OR gardening", 3),
    ] {
        assert_eq!(shown(query), count, "{query}");
    }
    session.apply(Command::SetFilter("is:odd".to_owned()));
    assert!(session.filter_error().is_some());
    assert_eq!(session.rows().events().len(), 3, "the filter before it stays in force");
}

#[test]
fn typing_is_undone_at_once() {
    let mut session = fixture("topic-vs-ban");
    for text in ["b", "bo", "bob", "bo"] {
        session.apply(Command::SetFilter(text.to_owned()));
    }
    session.apply(Command::SetFilter(String::new()));
    session.apply(Command::Undo);
    assert_eq!(session.settings().filter, "bo");
    session.apply(Command::Undo);
    assert_eq!(session.settings().filter, "");
    assert!(!session.can_undo());
}

#[test]
fn a_local_file_that_is_too_large_is_linked_by_place() {
    let blueprint = crate::generate::Blueprint {
        events: 3000,
        members: 20,
        ..crate::generate::Blueprint::preset(crate::generate::Preset::R10k)
    };
    let dump = load(&blueprint.ndjson(), &Options::default()).unwrap();
    let mut session = Session::new("large.ndjson", dump);
    session.apply(Command::MoveEvents(-1));
    let effects = session.apply(Command::CopyLink);
    let [Effect::CopyLink(fragment), Effect::Tell(notice)] = &effects[..] else { panic!("{effects:?}") };
    assert!(fragment.starts_with("at=$") && fragment.len() < 40, "{fragment}");
    assert!(notice.is_error && notice.text.contains("kB"), "{}", notice.text);
    let effects = session.apply(Command::SaveScenario);
    let [Effect::SaveScenario(file)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(file.name, "large.scenario.json5");
    let again = load(&file.bytes(), &Options::default()).unwrap().room;
    assert_eq!(again.len(), session.room().len());
}

#[test]
fn a_session_can_be_made_on_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<Session>();
    let session = Session::empty().with_executor(Arc::new(Sequential));
    assert!(session.is_empty() && session.rows().len() == 1 && session.steps().is_none());
}
