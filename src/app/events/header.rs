//! Filter, search, time axis.

use egui::{Align, Button, ComboBox, Key, Layout, Response, RichText, TextEdit, Ui, WidgetInfo};

use super::super::context::Context;
use super::super::seats::Windows;
use crate::describe::text;
use crate::session::{Axis, Command, CommandInfo, Direction, Query, Target};

/// In larger rooms a filter or a search begins when somebody has stopped typing.
const AT_ONCE: usize = 200_000;
/// How long one has to have stopped, in seconds.
const PAUSE: f64 = 0.35;

/// What is being typed.
#[derive(Debug, Default)]
pub(super) struct Header {
    filter: Typed,
    search: Typed,
    /// The search is open.
    searching: bool,
}

/// A text that somebody types, and what has become of it.
#[derive(Debug, Default)]
struct Typed {
    text: String,
    /// What the session had when it was last looked at.
    known: String,
    /// When it is to be sent.
    due: Option<f64>,
}

impl Typed {
    /// Takes over what something else has set: undo, a link, a button.
    fn follow(&mut self, set: &str) {
        if self.known != set {
            set.clone_into(&mut self.known);
            if self.due.is_none() {
                set.clone_into(&mut self.text);
            }
        }
    }

    /// A text that is to be sent now.
    fn ready(&mut self, ui: &Ui, response: &Response, at_once: bool) -> Option<String> {
        let now = ui.input(|input| input.time);
        if response.changed() {
            self.due = Some(if at_once { now } else { now + PAUSE });
        }
        let due = self.due?;
        if due > now && !response.lost_focus() {
            ui.ctx().request_repaint_after_secs((due - now) as f32);
            return None;
        }
        self.due = None;
        (self.text != self.known).then(|| {
            self.known.clone_from(&self.text);
            self.text.clone()
        })
    }
}

pub(super) fn header_ui(ui: &mut Ui, cx: &Context<'_>, header: &mut Header, windows: &mut Windows) {
    let settings = cx.session.settings();
    let at_once = cx.session.room().len() <= AT_ONCE;
    header.filter.follow(&settings.filter);
    header.search.follow(&settings.search);
    let focus = std::mem::take(&mut windows.focus_search);
    header.searching |= focus || !settings.search.is_empty();
    ui.spacing_mut().item_spacing.y = 4.0;
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            axis_ui(ui, cx);
            let field = field(ui, &mut header.filter.text, "Filter", "Filter, like is:state sender:@bob");
            field.clone().on_hover_text(HELP);
            if std::mem::take(&mut windows.focus_filter) {
                field.request_focus();
            }
            if let Some(text) = header.filter.ready(ui, &field, at_once) {
                cx.send(Command::SetFilter(text));
            }
        });
    });
    if let Some(error) = cx.session.filter_error() {
        let text = format!("Filter: {error}");
        ui.label(RichText::new(text).small().color(cx.tokens.bad));
    }
    if header.searching {
        search_ui(ui, cx, header, focus, at_once);
    }
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        toggle_ui(ui, "Dim future", settings.dim_future, Command::ToggleDimFuture, cx);
        if settings.axis == Axis::Topological {
            toggle_ui(ui, "Collapse runs", settings.collapse, Command::ToggleCollapse, cx);
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.label(RichText::new(counts(cx)).small().color(cx.tokens.weak));
        });
    });
}

const HELP: &str = "Words are looked for in IDs and JSON\n\
    type:  sender:  server:  key:  id:  contain the text\n\
    is:state  is:message  is:merge  is:conflicted  is:rejected\n\
    is:reset  is:soft-failed  is:outlier  is:hole  is:waits\n\
    -x not, OR either, ( ) group, \"two words\"";

/// A line of text to be typed, as wide as it goes.
fn field(ui: &mut Ui, text: &mut String, name: &'static str, hint: &str) -> Response {
    let response = ui.add(TextEdit::singleline(text).hint_text(hint).desired_width(f32::INFINITY));
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(egui::Role::TextInput, true, name);
        info.current_text_value = Some(text.clone());
        info
    });
    response
}

fn axis_ui(ui: &mut Ui, cx: &Context<'_>) {
    let now = cx.session.settings().axis;
    let response = ComboBox::from_id_salt("axis")
        .selected_text(now.label())
        .width(ui.spacing().interact_size.x)
        .show_ui(ui, |ui| {
            for axis in Axis::ALL {
                if ui.selectable_label(axis == now, axis.label()).clicked() {
                    cx.send(Command::SetAxis(axis));
                }
            }
        })
        .response;
    response.on_hover_text("What orders the events");
}

fn search_ui(ui: &mut Ui, cx: &Context<'_>, header: &mut Header, focus: bool, at_once: bool) {
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if ui.button("Close").on_hover_text("End the search").clicked() {
                header.searching = false;
                header.search = Typed::default();
                cx.send(Command::SetSearch(String::new()));
            }
            for (name, direction) in [("Next", Direction::Next), ("Previous", Direction::Previous)] {
                let command = Command::Find(Target::Hit, direction);
                let info = CommandInfo::of(&command);
                let button = ui.button(name).on_hover_text(info.map_or("", |info| info.text));
                let label = info.map_or(name, |info| info.name);
                button.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, label));
                if button.clicked() {
                    cx.send(command);
                }
            }
            let settings = cx.session.settings();
            if !settings.search.is_empty() {
                let found = match Query::parse(&settings.search) {
                    Ok(_) => RichText::new(text::number(cx.session.hits().len())).color(cx.tokens.weak),
                    Err(error) => RichText::new(error.to_string()).color(cx.tokens.bad),
                };
                ui.label(found.small()).on_hover_text("Events that the search matches");
            }
            let field = field(ui, &mut header.search.text, "Search", "Search, like type:m.room.topic");
            if focus {
                field.request_focus();
            }
            let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
            if let Some(text) = header.search.ready(ui, &field, at_once) {
                cx.send(Command::SetSearch(text));
            }
            if entered {
                cx.send(Command::Find(Target::Hit, Direction::Next));
            }
        });
    });
}

fn toggle_ui(ui: &mut Ui, name: &str, on: bool, command: Command, cx: &Context<'_>) {
    let info = CommandInfo::of(&command);
    let key = info.and_then(|info| info.shortcuts.first()).map(|shortcut| format!("  ({})", shortcut.text()));
    let tip = info.map_or(String::new(), |info| format!("{}{}", info.text, key.unwrap_or_default()));
    let button = Button::new(RichText::new(name).small()).selected(on).small();
    if ui.add(button).on_hover_text(tip).clicked() {
        cx.send(command);
    }
}

/// "12 of 345 events"
fn counts(cx: &Context<'_>) -> String {
    let (shown, all) = (cx.session.rows().events().len(), cx.session.room().len());
    if shown == all {
        text::count(all, "event")
    } else {
        format!("{} of {}", text::number(shown), text::count(all, "event"))
    }
}
