//! The panels of the debugger over real rooms: what is shown, and what clicks and keys do.
#![cfg(feature = "gui")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/window.rs"]
mod window;

use egui::{Event, Key, Modifiers, Pos2, Role, Vec2, vec2};
use egui_kittest::Node;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use hindsight::app::loading::{Request, Source};
use hindsight::dump::{Options, load};
use hindsight::resolve::step::Step;
use hindsight::session::{Item, Position};
use window::Window;

/// The size of the window.
const SIZE: Vec2 = vec2(1280.0, 800.0);

impl Window {
    fn click_at(&mut self, pos: Pos2) {
        self.0.hover_at(pos);
        self.0.run_steps(1);
        self.0.drag_at(pos);
        self.0.drop_at(pos);
        self.0.run_steps(2);
    }

    /// Everything that is shown and whose name contains the text.
    fn shown<'a>(&'a self, text: &'a str) -> Vec<Node<'a>> {
        self.0.query_all_by_label_contains(text).collect()
    }

    #[track_caller]
    fn shows(&self, text: &str) {
        assert!(!self.shown(text).is_empty(), "{text:?} is not shown");
    }

    fn at(&self) -> String {
        match self.session().cursor().event {
            Position::Event(ix) => self.session().describer().short_id(ix),
            Position::Over(_) | Position::Now => "now".to_owned(),
        }
    }

    /// Goes to the last conflicted merge and into its resolution, to the first step of a kind.
    fn go_to_step(&mut self, is_it: impl Fn(&Step) -> bool) -> usize {
        self.press(Key::End).press_with(Modifiers::SHIFT, Key::C).press(Key::Enter);
        let steps = &self.session().steps().unwrap().steps;
        let wanted = steps.iter().position(is_it).unwrap();
        for _ in 0..wanted {
            self.press(Key::Period);
        }
        assert_eq!(self.session().cursor().step, Some(wanted));
        wanted
    }
}

#[test]
fn the_state_tab_follows_the_cursor() {
    let mut window = Window::fixture(SIZE, "r3-priority-inversion");
    window.press(Key::End);
    window.shows("Current state");
    window.shows("6 entries, 0 changed");
    window.press_with(Modifiers::SHIFT, Key::C);
    assert_eq!(window.at(), "MERGE");
    window.shows("State before MERGE");
    window.shows("Held after parent  A ERIN_SAYS  B ALICE_STEPS_DOWN");
    // At the second check of power events the running state gets another power levels event.
    window.go_to_step(|step| matches!(step, Step::AuthCheck(check) if check.number == 2));
    window.shows("Running state after step");
    window.shows("5 entries, 1 changed");
    window.click("Only changes");
    window.shows("ALICE_STEPS_DOWN");
    assert!(window.shown("m.room.create  1").is_empty());
}

#[test]
fn links_light_up_everywhere_and_select() {
    let mut window = Window::fixture(SIZE, "r3-priority-inversion");
    window.press(Key::End).press_with(Modifiers::SHIFT, Key::C);
    let title = window.0.get_by_label("State before MERGE").rect();
    let merge = window.session().cursor().event.event().unwrap();
    let link = Pos2::new(title.left() + title.width() - 4.0, title.center().y);
    // The line is as wide as its text.
    window.0.hover_at(link);
    window.0.run_steps(2);
    assert_eq!(window.session().hovered(), Some(&Item::Event(merge)));
    window.click_at(link);
    assert_eq!(window.session().selection().items(), [Item::Event(merge)]);
    // Outside of the link nothing is selected.
    window.press(Key::Escape);
    window.click_at(Pos2::new(title.left() + 4.0, title.center().y));
    assert!(window.session().selection().is_empty());
}

#[test]
fn the_event_tab_shows_json_and_hashes() {
    let mut window = Window::fixture(SIZE, "r3-priority-inversion");
    window.press(Key::End).press_with(Modifiers::SHIFT, Key::C).click("Event");
    window.shows("\"auth_events\": [");
    window.shows("The event ID is the reference hash");
    window.shows("prev_events  ERIN_SAYS, ALICE_STEPS_DOWN");
    let cited = window.shown("\"$").len();
    window.click("\"auth_events\": [");
    window.shows("elements");
    assert!(window.shown("\"$").len() < cited, "what is folded is not shown");
}

#[test]
fn an_event_of_absurd_size_is_neither_hashed_nor_shown() {
    let scenario = include_bytes!("../fixtures/r3-priority-inversion/scenario.json5");
    let room = load(scenario, &Options::default()).unwrap().room;
    let mut bytes: Vec<u8> =
        room.events().flat_map(|ix| format!("{}\n", room.event(ix).json()).into_bytes()).collect();
    let (first, last) = (room.events().next().unwrap(), room.events().next_back().unwrap());
    bytes.extend(
        serde_json::json!({
            "type": "m.room.message", "sender": room.event(first).sender(), "room_id": room.room_id(),
            "content": { "numbers": vec![0; 600_000] }, "origin_server_ts": 1, "depth": 1, "hashes": {},
            "prev_events": [room.id(last)], "auth_events": [room.id(first)],
        })
        .to_string()
        .into_bytes(),
    );
    let mut window = Window::open(SIZE, Request::new("large", Source::Bytes(bytes)));
    window.press(Key::End).press(Key::ArrowUp).click("Event");
    assert_eq!(window.session().room().len(), room.len() + 1);
    window.shows("where 65,536 are allowed; no hash is checked");
    window.shows("too large or too deep to be shown");
}

#[test]
fn the_auth_tab_tells_rules_and_what_they_read() {
    let mut window = Window::fixture(SIZE, "rejected-event-cited");
    window.press(Key::Home).press(Key::R).click("Auth");
    let rejected = window.session().cursor().event.event().unwrap();
    assert!(window.session().replay().rejected().contains(rejected));
    window.shows("against its own auth_events: ");
    window.shows("refused by rule");
    window.shows("Looked up");
    window.click("Why");
    window.shows("is rejected by");
}

#[test]
fn the_why_tab_tells_who_won_and_leads_to_the_step() {
    let mut window = Window::fixture(SIZE, "r3-priority-inversion");
    window.press(Key::End).click("Why");
    let room = window.session().room();
    let carol = room.find_key("m.room.member", "@carol:b.example");
    let carol = carol.or_else(|| {
        let keys = (0..room.key_count()).map(hindsight::room::KeyIx::new);
        keys.into_iter().find(|key| room.key(*key).1.starts_with("@carol"))
    });
    assert!(carol.is_some());
    window.click("State");
    let row = window.shown("@carol  CAROL")[0].rect();
    window.click_at(Pos2::new(row.left() + 26.0, row.center().y));
    assert_eq!(window.session().selection().items(), [Item::Key(carol.unwrap())]);
    window.click("Why");
    window.shows("In the current state m.room.member @carol is CAROL");
    window.shows("The parents of MERGE disagreed: ");
    window.shows("refused by rule 4.5.5");
    // The button beside the check of the kick.
    let kick = window.shown("refused by rule 4.5.5")[0].rect();
    let buttons: Vec<_> = window.0.query_all_by_label_contains("Step ").map(|node| node.rect()).collect();
    let button = buttons.into_iter().find(|rect| (rect.center().y - kick.top()).abs() < 16.0).unwrap();
    window.click_at(button.center());
    assert_eq!(window.at(), "MERGE");
    let step = window.session().cursor().step.unwrap();
    assert!(
        matches!(&window.session().steps().unwrap().steps[step], Step::AuthCheck(check) if !check.verdict.is_allowed())
    );
}

#[test]
fn the_why_tab_tells_what_a_merge_decided() {
    let mut window = Window::fixture(SIZE, "msc4297-problem-a");
    window.press(Key::End).click("Why");
    window.shows("What the merge here decided");
    window.shows("m.room.join_rules is gone: no candidate passed");
}

#[test]
fn the_resolution_is_stepped_by_keys_buttons_and_rows() {
    let mut window = Window::fixture(SIZE, "r3-priority-inversion");
    window.press(Key::End);
    window.shows("there is nothing to resolve");
    window.click("Previous conflicted merge");
    assert_eq!(window.at(), "MERGE");
    window.click("Step into");
    assert_eq!(window.session().cursor().step, Some(0));
    window.shows("Step 1 of 15");
    window.click("Next step").click("Next step").click("Previous step");
    assert_eq!(window.session().cursor().step, Some(1));
    window.click("Last step");
    window.shows("Step 15 of 15");
    window.go_to_step(|step| matches!(step, Step::PowerPop(pop) if pop.number == 2));
    window.shows("its sender has more power than that of CAROL");
    window.shows("2 ready, 1 blocked");
    window.shows("waits for CAROL; would come first");
    window.go_to_step(|step| matches!(step, Step::AuthCheck(check) if !check.verdict.is_allowed()));
    window.shows("the sender lacks the power to kick the target");
    window.click("Step out");
    assert_eq!(window.session().cursor().step, None);
}

#[test]
fn steps_play_at_the_speed_that_is_set_and_stop_at_the_end() {
    let mut window = Window::fixture(SIZE, "topic-vs-ban");
    window.press(Key::End).press_with(Modifiers::SHIFT, Key::C).press(Key::Enter).press(Key::Space);
    window.shows("Pause");
    let last = window.session().step_count() - 1;
    for _ in 0..50 * (last + 2) {
        window.0.step();
    }
    assert_eq!(window.session().cursor().step, Some(last));
    window.shows("Play");
}

#[test]
fn the_mainline_is_a_ruler() {
    let mut window = Window::fixture(SIZE, "mainline-epochs");
    window.go_to_step(|step| matches!(step, Step::MainlinePosition(position) if position.number == 2));
    window.shows("Position on the mainline");
    let marks = window.shown("m.room.power_levels").len();
    assert!(marks > 1, "the power levels of the mainline are shown");
}

#[test]
fn two_algorithms_stand_side_by_side() {
    let mut window = Window::fixture(SIZE, "msc4297-problem-a");
    window.press(Key::End).press_with(Modifiers::SHIFT, Key::C).press(Key::Enter).press(Key::X);
    window.settle();
    let (one, other) =
        (window.session().replay().algorithm(), window.session().other_replay().unwrap().algorithm());
    assert_ne!(one, other);
    window.shows("differ");
    window.click("First difference");
    let alignment = window.session().alignment().unwrap();
    let first = alignment.first_difference.unwrap();
    let step = alignment.lines[..=first].iter().rev().find_map(|line| line.one);
    assert_eq!(window.session().cursor().step, step);
    window.click("Swap");
    window.settle();
    assert_eq!(window.session().replay().algorithm(), other);
    window.press(Key::X);
    assert!(window.session().settings().compare.is_none());
}

#[test]
fn the_palette_finds_and_runs_commands() {
    let mut window = Window::fixture(SIZE, "r3-priority-inversion");
    window.press(Key::Home).press_with(Modifiers::COMMAND, Key::K);
    window.0.get_by_label("Command").type_text("ncm");
    window.0.run_steps(2);
    window.press(Key::Enter);
    assert_eq!(window.at(), "MERGE");
    assert!(window.0.query_by_label("Command").is_none(), "it closes");
    window.press_with(Modifiers::COMMAND, Key::K);
    window.0.get_by_label("Command").type_text("KICK");
    window.0.run_steps(2);
    window.shows("go to m.room.member @carol = leave");
    window.press(Key::Escape);
    assert!(window.0.query_by_label("Command").is_none(), "Escape closes it");
    assert_eq!(window.at(), "MERGE");
}

#[test]
fn the_keys_are_told() {
    let mut window = Window::fixture(SIZE, "topic-vs-ban");
    window.press_with(Modifiers::SHIFT, Key::Questionmark);
    window.shows("Shortcuts");
    window.shows("Ctrl+K");
    window.press(Key::Escape);
    assert!(window.shown("Shortcuts").is_empty());
}

#[test]
fn captions_lead_through_a_room() {
    let mut window = Window::fixture(SIZE, "r3-priority-inversion");
    window.press(Key::Home);
    window.shows("Alice creates the room.");
    window.click("Next");
    window.shows("Alice joins.");
    window.click("Back");
    window.shows("Alice creates the room.");
    window.press(Key::End).click("Back");
    window.shows("The kick has to wait for Carol's join");
}

#[test]
fn findings_lead_to_their_events() {
    let scenario = include_bytes!("../fixtures/r3-priority-inversion/scenario.json5");
    let room = load(scenario, &Options::default()).unwrap().room;
    // Without one of its events, the room has a hole.
    let events = room.events().filter(|ix| ix.index() != 4);
    let mut bytes: Vec<u8> =
        events.flat_map(|ix| format!("{}\n", room.event(ix).json()).into_bytes()).collect();
    bytes.extend(b"this is no JSON\n");
    let mut window = Window::open(SIZE, Request::new("broken", Source::Bytes(bytes)));
    let findings = window.session().findings().len();
    assert!(findings >= 2);
    window.click(&format!("{findings} findings"));
    window.shows("not JSON");
    let row = window.shown("line ")[0].rect();
    window.click_at(Pos2::new(row.right() - 20.0, row.center().y));
    assert!(matches!(window.session().selection().last(), Some(Item::Finding(_))));
    window.shows("What to do");
}

impl Window {
    /// The links that a screen reader finds, by name.
    fn links<'a>(&'a self, name: &'a str) -> Vec<Node<'a>> {
        let links = self.0.query_all_by_role_and_label(Role::Link, name);
        links.collect()
    }

    fn selected(&self) -> Option<String> {
        match self.session().selection().last()? {
            Item::Event(ix) => Some(self.session().describer().short_id(*ix)),
            other => Some(format!("{other:?}")),
        }
    }

    fn tab(&mut self) -> Option<String> {
        self.press(Key::Tab);
        let mut all =
            self.0.query_all_by(|node| node.is_focused() && node.label().or(node.value()).is_some());
        let node = all.next()?;
        node.accesskit_node().label().or(node.value())
    }
}

#[test]
fn links_in_sentences_are_reached_by_keyboard_and_screen_reader() {
    let mut window = Window::fixture(SIZE, "r3-priority-inversion");
    window.go_to_step(|step| matches!(step, Step::PowerPop(pop) if pop.number == 1));
    let first = window.session().steps().unwrap().steps.iter().find_map(|step| match step {
        Step::PowerPop(pop) => Some(window.session().describer().short_id(pop.event)),
        _ => None,
    });
    let first = first.unwrap();
    // In the sentence of the step.
    let at = |window: &Window| {
        let links = window.links(&first);
        links.iter().position(|link| link.rect().center().y > 500.0 && link.rect().center().y < 545.0)
    };
    let place = at(&window).unwrap();
    window.links(&first)[place].focus();
    window.0.run_steps(2);
    assert!(window.links(&first)[place].is_focused());
    assert_eq!(window.selected(), None);
    window.press(Key::Enter);
    assert_eq!(window.selected().as_deref(), Some(&*first));
    assert!(window.session().cursor().step.is_some(), "Enter presses the link, and is no shortcut now");
    // The next stop is the next link of the sentence.
    assert_eq!(window.tab().as_deref(), Some("@alice"));
    window.press_with(Modifiers::SHIFT, Key::Tab);
    window.press(Key::Enter);
    assert_eq!(window.at(), first, "pressed once more it leads there");
    // A screen reader presses without the keyboard.
    window.press_with(Modifiers::ALT, Key::ArrowLeft);
    let place = at(&window).unwrap();
    window.press(Key::Escape);
    window.links(&first)[place].click_accesskit();
    window.0.run_steps(2);
    assert_eq!(window.selected().as_deref(), Some(&*first));
}

#[test]
fn a_row_is_one_stop_until_it_is_pressed() {
    let mut window = Window::fixture(SIZE, "r3-priority-inversion");
    window.press(Key::End);
    let row = |window: &Window| {
        let rows = window.shown("@alice  ALICE  join");
        rows.iter().map(Node::rect).find(|rect| rect.left() > 900.0).unwrap()
    };
    let links = |window: &Window| -> Vec<String> {
        let rect = row(window);
        let inside =
            window.0.query_all_by_role(Role::Link).filter(|link| rect.contains(link.rect().center()));
        inside.filter_map(|link| link.accesskit_node().label()).collect()
    };
    assert_eq!(links(&window), ["@alice", "ALICE"]);
    let focus = |window: &mut Window| {
        window.shown("@alice  ALICE  join").iter().find(|row| row.rect().left() > 900.0).unwrap().focus();
        window.0.run_steps(2);
    };
    focus(&mut window);
    let next = window.tab().unwrap();
    assert!(next != "@alice", "{next}: the next row");
    focus(&mut window);
    window.press(Key::Enter);
    assert_eq!([window.tab(), window.tab()], ["@alice", "ALICE"].map(|name| Some(name.to_owned())));
    window.press(Key::Space);
    assert_eq!(window.selected().as_deref(), Some("ALICE"));
}

/// Who types fast, or has a slow machine, loses nothing of what is meant for a field, and presses no shortcuts with it.
#[test]
fn what_is_typed_at_once_goes_into_the_field_that_opens() {
    let key =
        |key, modifiers| Event::Key { key, physical_key: None, pressed: true, repeat: false, modifiers };
    let text = |text: &str| Event::Text(text.to_owned());
    let none = Modifiers::NONE;
    for pause in [0, 1] {
        let mut window = Window::fixture(SIZE, "r3-priority-inversion");
        let opening = [key(Key::Slash, none), text("/")];
        let typed = [key(Key::T, none), text("t"), text("ype:m.room.member")];
        window.0.input_mut().events.extend(opening);
        for _ in 0..pause {
            window.0.step();
        }
        window.0.input_mut().events.extend(typed);
        window.0.run_steps(8);
        assert_eq!(window.session().settings().filter, "type:m.room.member", "{pause} frames between");
    }
    let mut window = Window::fixture(SIZE, "r3-priority-inversion");
    window.0.input_mut().events.extend([key(Key::K, Modifiers::COMMAND), key(Key::E, none), text("end of")]);
    window.0.run_steps(6);
    assert!(window.0.query_all_by_value("end of").next().is_some());
}

/// A reset is flagged where it happens, can be searched for and jumped to, and is explained.
#[test]
fn resets_are_found_and_explained() {
    let mut window = Window::fixture(SIZE, "r3-priority-inversion");
    for _ in 0..200 {
        if window.session().diagnosis().is_some() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
        window.0.step();
    }
    let session = window.session();
    let merge = session.room().find(&session.source().placeholders["$MERGE"]).unwrap();
    assert!(session.resets().contains(merge) && session.resets().len() == 1);
    assert!(session.is_reset(Position::Event(merge)) && !session.is_reset(Position::Now));
    window.press(Key::Home).click("Why");
    assert!(window.shown("went back from").is_empty());
    window.press_with(Modifiers::COMMAND, Key::K);
    window.0.input_mut().events.push(Event::Text("next state reset".to_owned()));
    window.0.run_steps(4);
    window.press(Key::Enter);
    assert_eq!(window.session().cursor().event, Position::Event(merge));
    assert!(!window.shown("went back from").is_empty(), "the loss is not told");
    assert!(!window.shown("a state reset").is_empty(), "the verdict is not told");
}
