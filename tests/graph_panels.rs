//! List, graph and timeline over real rooms: what is shown, and what clicks and keys do.
#![cfg(feature = "gui")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/window.rs"]
mod window;

use egui::{Event, Key, Modifiers, MouseWheelUnit, Pos2, TouchPhase, Vec2, pos2, vec2};
use egui_kittest::Node;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use hindsight::app::loading::{Request, Source};
use hindsight::generate::{Blueprint, Preset};
use hindsight::room::EventIx;
use hindsight::session::{Axis, EdgeMode, Item, Position, Role};
use window::Window;

/// What a screen reader says.
fn label(node: &Node<'_>) -> Option<String> {
    node.accesskit_node().label()
}

/// The size of the window.
const SIZE: Vec2 = vec2(1600.0, 1300.0);

impl Window {
    /// A built-in room, at its first event.
    fn at_start(name: &str) -> Self {
        let mut window = Self::fixture(SIZE, name);
        window.press(Key::Home);
        window
    }

    /// The row of the list, or the node of the graph, that is called so.
    fn find<'a>(&'a self, label: &'a str) -> Node<'a> {
        self.0.get_by_label_contains(label)
    }

    fn row(&self, name: &str) -> Node<'_> {
        let (number, _) = self.event(name);
        self.0
            .query_all_by_role(egui::Role::ListItem)
            .find(|node| label(node).is_some_and(|label| label.starts_with(&format!("{number} "))))
            .unwrap()
    }

    fn node(&self, name: &str) -> Node<'_> {
        self.0
            .query_all_by_role(egui::Role::Button)
            .find(|node| label(node).is_some_and(|label| label.starts_with(&format!("Graph {name} "))))
            .unwrap()
    }

    /// The event that the scenario gives a name.
    fn event(&self, name: &str) -> (usize, EventIx) {
        let session = self.session();
        let ix = session.room().events().find(|ix| session.describer().short_id(*ix) == name).unwrap();
        (ix.index(), ix)
    }

    fn at(&self, name: &str) -> bool {
        self.session().cursor().event == Position::Event(self.event(name).1)
    }

    fn rows_shown(&self) -> usize {
        self.0.query_all_by_role(egui::Role::ListItem).count()
    }

    fn drag(&mut self, from: Pos2, to: Pos2) {
        self.0.drag_at(from);
        self.0.step();
        self.0.hover_at(to);
        self.0.step();
        self.0.drop_at(to);
        self.0.run_steps(2);
    }
}

#[test]
fn a_click_goes_there_and_selects() {
    let mut window = Window::at_start("r3-priority-inversion");
    assert!(window.at("CREATE"));
    window.row("KICK").click();
    window.0.run_steps(2);
    assert!(window.at("KICK"));
    let (_, kick) = window.event("KICK");
    assert_eq!(window.session().selection().items(), [Item::Event(kick)]);
    window.row("JR").click_modifiers(Modifiers::COMMAND);
    window.0.run_steps(2);
    assert!(window.at("KICK"));
    assert_eq!(window.session().selection().events().len(), 2);
    window.find("2 events selected");
    window.row("ALICE").click_modifiers(Modifiers::SHIFT);
    window.0.run_steps(2);
    assert!(window.session().selection().events().len() > 4);
    window.0.get_by_label("Clear selection").click();
    window.0.run_steps(2);
    assert!(window.session().selection().is_empty());
}

#[test]
fn rows_tell_what_stands_out() {
    let window = Window::at_start("r3-priority-inversion");
    let said = label(&window.row("MERGE")).unwrap();
    assert!(said.contains("@alice") && said.contains("2 conflicts"), "{said}");
    assert!(label(&window.row("KICK")).unwrap().contains("leave @carol"));
    let mut window = Window::at_start("hole-with-snapshot");
    window.press(Key::Home);
    let labels: Vec<String> =
        window.0.query_all_by_role(egui::Role::ListItem).filter_map(|node| label(&node)).collect();
    assert!(labels.iter().any(|label| label.contains("hole")), "{labels:?}");
    assert!(labels.iter().any(|label| label.contains("asserted")), "{labels:?}");
    assert!(labels.last().unwrap().starts_with("now "), "{labels:?}");
}

#[test]
fn the_filter_shows_less_and_says_what_is_wrong() {
    let mut window = Window::at_start("twenty-way-merge");
    let all = window.session().room().len();
    window.press(Key::Slash);
    window.0.get_by_label("Filter").type_text("is:merge");
    window.0.run_steps(4);
    assert_eq!(window.session().settings().filter, "is:merge");
    assert_eq!(window.rows_shown(), 2);
    window.find("1 of 45 events");
    window.0.get_by_label("Filter").type_text(" is:odd");
    window.0.run_steps(4);
    window.find("is:odd is not known");
    assert_eq!(window.rows_shown(), 2, "the filter before it stays in force");
    window.0.get_by_label("Filter").type_text(" (");
    window.0.run_steps(2);
    assert!(window.session().filter_error().is_some());
    assert_eq!(all, 45);
}

#[test]
fn an_empty_list_says_what_to_do() {
    let mut window = Window::at_start("topic-vs-ban");
    window.press(Key::Slash);
    window.0.get_by_label("Filter").type_text("nothing-has-this");
    window.0.run_steps(4);
    window.find("No event matches the filter");
    window.0.get_by_label("Clear filter").click();
    window.0.run_steps(4);
    assert_eq!(window.session().rows().events().len(), window.session().room().len());
    assert!(window.rows_shown() > 5);
}

#[test]
fn runs_collapse_and_expand() {
    let blueprint = Blueprint { events: 300, ..Blueprint::preset(Preset::R10k) };
    let mut window = Window::open(SIZE, Request::new("room", Source::Bytes(blueprint.ndjson())));
    window.0.get_by_label("Collapse runs").click();
    window.0.run_steps(3);
    assert!(window.session().settings().collapse);
    let expand = window.0.query_all_by_label_contains("Expand ").next().unwrap();
    expand.click();
    window.0.run_steps(3);
    assert_eq!(window.session().settings().expanded.len(), 1);
    let left = window.0.query_all_by_label_contains("Expand ").count();
    window.press(Key::L);
    assert_eq!(window.0.query_all_by_label_contains("Expand ").count(), 0, "{left} were left");
}

#[test]
fn only_what_can_be_seen_is_there() {
    let blueprint = Blueprint { events: 3_000, ..Blueprint::preset(Preset::R10k) };
    let mut window = Window::open(SIZE, Request::new("room", Source::Bytes(blueprint.ndjson())));
    assert!((20..60).contains(&window.rows_shown()), "{}", window.rows_shown());
    window.press(Key::Home);
    assert_eq!(window.session().cursor().event, Position::Event(EventIx::new(0)));
    window.row_number(0);
    // The wheel moves the list, not the cursor.
    window.0.hover_at(pos2(200.0, 300.0));
    window.0.step();
    let wheel = Event::MouseWheel {
        unit: MouseWheelUnit::Line,
        delta: vec2(0.0, -20.0),
        phase: TouchPhase::Move,
        source: egui::MouseWheelSource::Wheel,
        modifiers: Modifiers::NONE,
    };
    window.0.event(wheel);
    window.0.run_steps(60);
    assert!(window.number_at_top() > 5, "{}", window.number_at_top());
    assert_eq!(window.session().cursor().event, Position::Event(EventIx::new(0)));
    // The cursor is followed again as soon as it moves.
    window.press(Key::ArrowRight);
    window.row_number(1);
}

impl Window {
    fn row_number(&self, number: usize) {
        let start = format!("{number} ");
        let mut rows = self.0.query_all_by_role(egui::Role::ListItem);
        assert!(rows.any(|node| label(&node).is_some_and(|label| label.starts_with(&start))), "{number}");
    }

    fn number_at_top(&self) -> usize {
        let label = label(&self.0.query_all_by_role(egui::Role::ListItem).next().unwrap()).unwrap();
        label.split(' ').next().unwrap().parse().unwrap()
    }
}

#[test]
fn other_axes_order_the_rows_otherwise() {
    let mut window = Window::at_start("r2-clock-against-epoch");
    for axis in [Axis::OriginServerTs, Axis::File, Axis::Depth, Axis::Topological] {
        window
            .0
            .query_all_by_role(egui::Role::ComboBox)
            .find(|node| node.rect().left() < 430.0)
            .unwrap()
            .click();
        window.0.run_steps(2);
        let choice = window.0.query_all_by_label(axis.label()).last().unwrap();
        choice.click();
        window.0.run_steps(3);
        assert_eq!(window.session().rows().axis(), axis);
        assert_eq!(window.rows_shown(), window.session().rows().len());
    }
}

#[test]
fn the_graph_shows_parts_and_keeps_the_place() {
    let mut window = Window::at_start("r3-priority-inversion");
    window.press(Key::C).press(Key::Enter);
    assert!(window.at("MERGE"));
    let is_chosen =
        |window: &Window| window.session().roles().iter().any(|(_, roles)| roles.contains(Role::Chosen));
    for _ in 0..window.session().step_count() {
        if is_chosen(&window) {
            break;
        }
        window.press(Key::Period);
    }
    assert!(is_chosen(&window));
    window.find("P Power ordering");
    window.find("B Blocked");
    // Inside of a resolution a click looks, and does not leave.
    window.node("KICK").click();
    window.0.run_steps(2);
    assert!(window.at("MERGE") && window.session().cursor().step.is_some());
    assert_eq!(window.session().selection().items(), [Item::Event(window.event("KICK").1)]);
    window.press(Key::Backspace);
    window.node("KICK").click();
    window.0.run_steps(2);
    assert!(window.at("KICK"));
}

#[test]
fn the_graph_changes_edges_and_zooms() {
    let mut window = Window::at_start("r3-priority-inversion");
    window.row("KICK").click();
    window.0.run_steps(2);
    window.0.get_by_label("Auth chain").click();
    window.0.run_steps(3);
    assert_eq!(window.session().settings().edges, EdgeMode::Auth);
    window.node("PL0");
    let shown = |window: &Window| {
        let nodes = window.0.query_all_by_role(egui::Role::Button);
        nodes.filter(|node| label(node).is_some_and(|label| label.starts_with("Graph "))).count()
    };
    assert!(shown(&window) < window.session().room().len(), "what KICK does not rest on is left out");
    window.press(Key::E);
    assert_eq!(window.session().settings().edges, EdgeMode::Prev);
    let before = window.node("PL0").rect().width();
    window.0.get_by_label("Zoom in").click();
    window.0.run_steps(2);
    assert!(window.node("PL0").rect().width() > before);
    window.0.get_by_label("Fit").click();
    window.0.run_steps(2);
    assert_eq!(shown(&window), window.session().room().len() + 1);
    let before = window.node("PL0").rect().center();
    window.drag(pos2(1000.0, 300.0), pos2(1000.0, 340.0));
    assert!((window.node("PL0").rect().center().y - before.y).abs() > 20.0);
}

#[test]
fn the_timeline_scrubs() {
    let mut window = Window::at_start("twenty-way-merge");
    let strip = window.0.get_by_label("Timeline").rect();
    window.drag(strip.left_center() + vec2(100.0, 0.0), strip.center());
    let ix = window.session().cursor().event.event().unwrap().index();
    assert!((15..32).contains(&ix), "{ix}");
    window.drag(strip.center(), strip.right_center() - vec2(1.0, 0.0));
    assert_eq!(window.session().cursor().event, Position::Now);
    window.press(Key::ArrowLeft);
    assert_eq!(window.session().cursor().event, Position::Event(EventIx::new(44)));
}

#[test]
fn search_hits_are_counted_and_found() {
    let mut window = Window::at_start("twenty-way-merge");
    window.0.key_press_modifiers(Modifiers::COMMAND, Key::F);
    window.0.run_steps(2);
    window.0.get_by_label("Search").type_text("type:m.room.topic");
    window.0.run_steps(3);
    assert_eq!(window.session().hits().len(), 4);
    window.0.get_by_label("Next search hit").click();
    window.0.run_steps(2);
    let ix = window.session().cursor().event.event().unwrap();
    assert_eq!(window.session().room().event(ix).event_type(), "m.room.topic");
}

#[test]
fn a_selection_is_resolved_and_stepped_through() {
    let mut window = Window::at_start("r3-priority-inversion");
    let merge = window.event("MERGE").1;
    let parents: Vec<String> = {
        let session = window.session();
        let parents = session.room().prev_events(merge).iter();
        parents.map(|ix| session.describer().short_id(*ix)).collect()
    };
    window.row(&parents[0]).click();
    window.0.run_steps(2);
    for name in &parents[1..] {
        window.row(name).click_modifiers(Modifiers::COMMAND);
        window.0.run_steps(2);
    }
    window.click("Resolve over them");
    let Position::Over(chosen) = window.session().cursor().event else { panic!() };
    assert_eq!(window.session().chosen(chosen).len(), parents.len());
    window.find("Resolution over ");
    window.find("State resolved over ");
    // From here on it is a resolution like any other.
    window.press(Key::Enter).press(Key::Period).press(Key::Period);
    assert_eq!(window.session().cursor().step, Some(2));
    window.find("Step 3 of ");
    window.find("Running state after step 3");
    let link = window.session().link_to_place().encode().unwrap();
    assert!(link.contains("over=$") && link.contains("step=2"), "{link}");
    window.press(Key::Escape);
    assert!(window.session().selection().is_empty());
    assert_eq!(window.session().cursor().event, Position::Over(chosen));
    window.press_with(Modifiers::ALT, Key::ArrowLeft).press_with(Modifiers::ALT, Key::ArrowLeft);
    window.press_with(Modifiers::ALT, Key::ArrowLeft);
    assert!(window.at(&parents[0]));
    window.press_with(Modifiers::ALT, Key::ArrowRight);
    assert_eq!(window.session().cursor().event, Position::Over(chosen));
}

#[test]
fn the_auth_chain_leads_to_a_create_event_that_nobody_lists() {
    let mut window = Window::at_start("v12-creators");
    let (_, bob) = window.event("BOB");
    assert!(window.session().room().implied_auth_event(bob).is_some());
    window.row("BOB").click();
    window.0.run_steps(2);
    window.click("Auth chain");
    window.node("CREATE");
    window.find("Implied auth event");
    let mut older = Window::at_start("r3-priority-inversion");
    older.click("Auth chain");
    assert_eq!(older.0.query_all_by_label("Implied auth event").count(), 0);
}
