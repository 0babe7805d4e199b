//! A room with a state DAG (MSC4242) in the debugger: edges, marks, and what the inspector says.
#![cfg(feature = "gui")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/window.rs"]
mod window;

use egui::{Key, Vec2, vec2};
use egui_kittest::Node;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use hindsight::app::loading::{Request, Source};
use hindsight::session::{EdgeMode, Item, Position};
use window::Window;

/// The size of the window.
const SIZE: Vec2 = vec2(1600.0, 1300.0);

fn label(node: &Node<'_>) -> Option<String> {
    node.accesskit_node().label()
}

impl Window {
    /// The scene, at its first event.
    fn scene() -> Self {
        let scene = include_bytes!("../src/session/testdata/state-dag.json5");
        let mut window = Self::open(SIZE, Request::new("state-dag.json5", Source::Bytes(scene.to_vec())));
        window.press(Key::Home);
        window
    }

    fn labels(&self, role: egui::Role) -> Vec<String> {
        self.0.query_all_by_role(role).filter_map(|node| label(&node)).collect()
    }

    /// What is said of the row of an event.
    fn row(&self, name: &str) -> String {
        let name = format!(" {name} ");
        self.labels(egui::Role::ListItem).into_iter().find(|label| label.contains(&name)).unwrap()
    }

    fn go_to(&mut self, name: &str) -> &mut Self {
        let name = format!(" {name} ");
        self.0
            .query_all_by_role(egui::Role::ListItem)
            .find(|node| label(node).is_some_and(|label| label.contains(&name)))
            .unwrap()
            .click();
        self.0.run_steps(2);
        self
    }

    #[track_caller]
    fn shows(&self, text: &str) {
        assert!(self.0.query_all_by_label_contains(text).next().is_some(), "{text:?} is not shown");
    }

    fn is_shown(&self, label: &str) -> bool {
        self.0.query_all_by_label(label).next().is_some()
    }
}

#[test]
fn the_state_dag_is_the_third_kind_of_edges() {
    let mut window = Window::scene();
    window.click("State DAG");
    assert_eq!(window.session().settings().edges, EdgeMode::State);
    window.press(Key::E);
    assert_eq!(window.session().settings().edges, EdgeMode::Prev);
    window.press(Key::E).press(Key::E);
    assert_eq!(window.session().settings().edges, EdgeMode::State);
    // All events are there, the messages as leaves, with the current state after the extremities of the state DAG.
    let nodes = window.labels(egui::Role::Button);
    let nodes = nodes.iter().filter(|label| label.starts_with("Graph ")).count();
    assert_eq!(nodes, window.session().room().len() + 1);
    // In other rooms nobody is offered what is not there.
    let mut other = Window::fixture(SIZE, "topic-vs-ban");
    assert!(!other.is_shown("State DAG") && !other.is_shown("State extremity"));
    other.press(Key::E).press(Key::E);
    assert_eq!(other.session().settings().edges, EdgeMode::Prev);
}

#[test]
fn the_palette_offers_the_edges_that_there_are() {
    let offered = |mut window: Window| {
        window.press_with(egui::Modifiers::COMMAND, Key::K);
        window.0.get_by_label("Command").type_text("state dag");
        window.0.run_steps(3);
        window.0.query_all_by_label_contains("Show prev_state_events in the graph").next().is_some()
    };
    assert!(offered(Window::scene()));
    assert!(!offered(Window::fixture(SIZE, "topic-vs-ban")));
}

#[test]
fn extremities_and_what_was_not_taken_in_are_marked() {
    let window = Window::scene();
    for (name, said) in [
        ("MERGE", "state extremity"),
        ("CAROL", "state extremity"),
        ("LATE", "waits"),
        ("LATER", "waits"),
        ("BAD", "rejected: parents"),
        ("WORSE", "rejected: parents"),
    ] {
        assert!(window.row(name).contains(said), "{}", window.row(name));
    }
    assert!(window.row("LAST").ends_with(" extremity") && !window.row("LAST").contains("state ext"));
    assert!(!window.row("BOB_TOPIC").contains("extremity"));
    let nodes = window.labels(egui::Role::Button);
    assert!(nodes.iter().any(|label| label.starts_with("Graph MERGE") && label.ends_with("state extremity")));
    for entry in ["State extremity", "Extremity", "Waits for a missing event", "Rejected for its parents"] {
        assert!(window.is_shown(entry), "{entry}");
    }
    window.shows("2 state extremities");
}

#[test]
fn the_event_tab_lists_what_the_state_follows_from() {
    let mut window = Window::scene();
    window.go_to("MERGE").click("Event");
    window.shows("prev_events  HELLO, BOB_TOPIC");
    window.shows("prev_state_events  BAN, BOB_TOPIC");
    window.shows("auth_events (calculated)  ALICE, PL");
    window.go_to("LATER");
    window.shows("for no state is defined before it");
    window.shows("Waits, neither accepted nor rejected, for what is not in the dump");
    // What is missing is a link: it is selected, and all that name it light up.
    let gone = window.session().room().find_missing("$GONE").unwrap();
    let link = window
        .0
        .query_all_by_role(egui::Role::Link)
        .find(|node| label(node).is_some_and(|label| label.contains("GONE")));
    link.unwrap().click_accesskit();
    window.0.run_steps(2);
    assert_eq!(window.session().selection().items(), [Item::Missing(gone)]);
    window.go_to("WORSE");
    window.shows("Rejected of those that it names in prev_state_events  BAD");
}

#[test]
fn the_auth_tab_tells_where_auth_events_come_from() {
    let mut window = Window::scene();
    window.go_to("MERGE").click("Auth");
    window.shows("resolved from those after BAN, BOB_TOPIC");
    window.shows("the membership of the sender");
    window.go_to("BOB");
    window.shows("which is that after JR");
    window.shows("m.room.member @bob is absent from the state");
    window.shows("a join, an invite and a knock ask for the join rules");
}

#[test]
fn state_and_reasons_follow_the_state_dag() {
    let mut window = Window::scene();
    window.go_to("MERGE");
    window.shows("Held after state parent  A BAN  B BOB_TOPIC");
    window.go_to("BAD");
    window.shows("it was rejected for what it names in prev_state_events");
    window.go_to("LATE").click("Why");
    window.shows("LATE waits, neither accepted nor rejected, for what is not in the dump: ");
    window.go_to("MERGE");
    window.shows("what it names in prev_state_events is, and the state before it allows it");
}

#[test]
fn a_merge_is_stepped_through_up_to_its_auth_events() {
    let mut window = Window::scene();
    window.press(Key::C).press(Key::Enter);
    let Position::Event(merge) = window.session().cursor().event else { panic!("no merge") };
    assert_eq!(window.session().describer().short_id(merge), "MERGE");
    let count = window.session().step_count();
    for _ in 1..count {
        window.press(Key::Period);
    }
    assert_eq!(window.session().cursor().step, Some(count - 1));
    window.shows("E Auth event");
    window.shows("Calculated auth event");
    window.shows("Auth events of MERGE");
    window.shows("resolved from those after BAN, BOB_TOPIC");
}
