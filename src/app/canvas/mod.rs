//! The graph around the cursor: events as cards, or as dots from afar; pan by dragging, zoom by the wheel.

mod card;
mod minimap;
mod toolbar;
mod view;

use egui::{Color32, Frame, Margin, Panel, Rect, Sense, Shape, Stroke, Ui, WidgetInfo, pos2, vec2};

pub use self::view::CanvasView;
use self::view::{Detail, Eye};
use super::context::Context;
use super::nodes::{self, Mark, RowFrame};
use super::sheet::{Servers, Sheet, Sheets};
use super::theme::{Tokens, legend, size};
use crate::describe::Describer;
use crate::event::room_version::AuthSource;
use crate::layout::{Item, Row};
use crate::session::picture::{self, Palette};
use crate::session::{EdgeMode, Extremity, Role, Session};

/// Which of the hues references to auth events have.
const AUTH_HUE: usize = 3;

/// Draws the panel.
pub fn canvas_ui(ui: &mut Ui, cx: &Context<'_>, view: &mut CanvasView, sheets: &mut Sheets) {
    let (sheet, servers) = sheets.drawing(cx.session);
    let margin = Margin::symmetric(8, 4);
    let frame = Frame::new().fill(cx.tokens.panel).inner_margin(margin);
    Panel::top("graph tools").frame(frame).show(ui, |ui| toolbar::toolbar_ui(ui, cx, view));
    Panel::bottom("graph legend").frame(frame).show(ui, |ui| legend_ui(ui, cx));
    let rect = ui.available_rect_before_wrap();
    if sheet.lanes.is_empty() {
        let text = "No event to draw: clear the filter";
        let font = egui::FontId::proportional(size::BODY);
        ui.painter().text(rect.center(), egui::Align2::CENTER_CENTER, text, font, cx.tokens.weak);
        return;
    }
    let all = ui.allocate_rect(rect, Sense::click_and_drag());
    all.widget_info(|| WidgetInfo::labeled(egui::Role::Canvas, true, "Graph"));
    cx.focus_ring(ui, &all, -1.0);
    let here = sheet.row_of(cx.session.cursor().event);
    let eye = view.look(ui, cx, &all, sheet, in_question(cx.session, sheet).or(here));
    let drawing = Drawing { cx, sheet, servers, describer: &cx.session.describer(), eye, here };
    let clipped = ui.clip_rect();
    ui.set_clip_rect(clipped.intersect(rect));
    drawing.paint(ui);
    ui.set_clip_rect(clipped);
    minimap::minimap_ui(ui, cx, view, sheet, &eye, here);
    if all.clicked() && !cx.session.selection().is_empty() {
        cx.send(crate::session::Command::ClearSelection);
    }
}

/// The row of the event that the step at the cursor is about.
fn in_question(session: &Session, sheet: &Sheet) -> Option<usize> {
    let (ix, _) = session.roles().iter().find(|(_, roles)| roles.contains(Role::Chosen))?;
    sheet.lanes.graph().row_of(ix)
}

/// What the canvas shows as SVG, in the colours of the theme.
pub fn picture(session: &Session, view: &CanvasView, sheets: &mut Sheets, tokens: &Tokens) -> String {
    let (sheet, servers) = sheets.drawing(session);
    let rgb = |color: Color32| u32::from_be_bytes([0, color.r(), color.g(), color.b()]);
    let palette = Palette {
        background: rgb(tokens.background),
        cursor: rgb(tokens.cursor),
        text: rgb(tokens.text),
        weak: rgb(tokens.weak),
        warning: rgb(tokens.warning),
        bad: rgb(tokens.bad),
        accent: rgb(tokens.accent),
    };
    let hue = |ix| rgb(servers.color(session.room(), ix, tokens));
    picture::svg(session, &sheet.lanes, view.rows(), &palette, hue)
}

/// What the marks mean: the parts that are played inside of a resolution, else what an event is.
fn legend_ui(ui: &mut Ui, cx: &Context<'_>) {
    // Close together: the space is the graph's.
    ui.spacing_mut().interact_size.y = 16.0;
    ui.spacing_mut().item_spacing.y = 2.0;
    let roles = cx.session.roles();
    if cx.session.cursor().step.is_some() {
        let played = |role: Role| roles.iter().any(|(_, roles)| roles.contains(role));
        let played: Vec<Role> = Role::ALL.into_iter().filter(|role| played(*role)).collect();
        ui.horizontal_wrapped(|ui| {
            legend::roles_ui(ui, |role| played.contains(&role));
            implied_ui(ui, cx);
        });
        return;
    }
    let t = cx.tokens;
    let (room, replay) = (cx.session.room(), cx.session.replay());
    let hue = t.hue(0);
    let marks = [
        (Mark::State(hue), "State event", true),
        (Mark::Message(hue), "Other event", true),
        (Mark::Rejected, "Rejected", true),
        (Mark::Misplaced, "Rejected for its parents", is_misplaced_told(cx)),
        (Mark::Waiting, "Waits for a missing event", replay.unprocessed_count() > 0),
        (Mark::Outlier(hue), "Outlier", !room.rules().has_state_dag()),
        (Mark::Now, "Now", true),
    ];
    ui.horizontal_wrapped(|ui| {
        for (mark, text, _) in marks.into_iter().filter(|(.., is_told)| *is_told) {
            legend::entry_ui(ui, text, |painter, center| {
                mark.paint(painter, center, size::MARK, t.panel, 1.0, t);
            });
        }
        if room.rules().has_state_dag() {
            extremities_ui(ui, cx);
        } else if cx.session.settings().edges == EdgeMode::Prev {
            legend::entry_ui(ui, "Auth events", |painter, center| {
                let line = [center - vec2(8.0, 0.0), center + vec2(8.0, 0.0)];
                painter.extend(Shape::dashed_line(&line, Stroke::new(1.2, t.hues[AUTH_HUE]), 5.0, 3.0));
            });
        }
        implied_ui(ui, cx);
        let colours = egui::RichText::new("Colours are servers").small().color(t.weak);
        ui.add(egui::Label::new(colours).extend());
    });
}

/// Whether somebody may see an event that was rejected for what it names.
fn is_misplaced_told(cx: &Context<'_>) -> bool {
    cx.session.room().rules().has_state_dag() && !cx.session.replay().rejected().is_empty()
}

/// What a ring and a bar around a mark mean.
fn extremities_ui(ui: &mut Ui, cx: &Context<'_>) {
    for (extremity, text, tip) in [
        (
            Extremity { state: true, timeline: false },
            "State extremity",
            "A forward extremity of the state DAG: no accepted state event names it in prev_state_events. The current state \
             is resolved from the states after these",
        ),
        (
            Extremity { state: false, timeline: true },
            "Extremity",
            "A forward extremity: no event names it in prev_events. In this room version these say nothing of the state",
        ),
    ] {
        let entry = legend::entry_ui(ui, text, |painter, center| {
            Mark::State(cx.tokens.hue(0)).paint(painter, center, 3.0, cx.tokens.panel, 1.0, cx.tokens);
            nodes::paint_extremity(painter, center, 3.0, extremity, 1.0, cx.tokens);
        });
        entry.on_hover_text(tip);
    }
}

/// What dots instead of a line mean, where there can be some.
fn implied_ui(ui: &mut Ui, cx: &Context<'_>) {
    let rules = cx.session.room().rules();
    let (text, tip) = if rules.auth_source == AuthSource::Calculated {
        (
            "Calculated auth event",
            "In this room version events list no auth_events: they are looked up in the state before the event, and the \
             room ID stands for the create event",
        )
    } else if rules.room_id_is_create_id {
        (
            "Implied auth event",
            "In this room version the room ID is the ID of the create event, so no event lists it in its auth_events",
        )
    } else {
        return;
    };
    let hue = match cx.session.settings().edges {
        EdgeMode::Prev | EdgeMode::State => cx.tokens.hues[AUTH_HUE],
        EdgeMode::Auth => cx.tokens.weak,
    };
    let entry = legend::entry_ui(ui, text, |painter, center| {
        nodes::dotted(painter, &[center - vec2(8.0, 0.0), center + vec2(8.0, 0.0)], Stroke::new(1.6, hue));
    });
    entry.on_hover_text(tip);
}

/// One frame of the canvas.
struct Drawing<'a> {
    cx: &'a Context<'a>,
    sheet: &'a Sheet,
    servers: &'a Servers,
    describer: &'a Describer<'a>,
    eye: Eye,
    /// The row of the cursor.
    here: Option<usize>,
}

impl Drawing<'_> {
    fn paint(&self, ui: &Ui) {
        let (rows, lanes) = (self.eye.rows(), self.eye.lanes());
        let window: Vec<Row> = self.sheet.lanes.window_in(rows, lanes).collect();
        let focus = Focus::of(self);
        for row in &window {
            self.paint_lines(ui, row, &focus);
        }
        self.paint_auth_edges(ui);
        for row in &window {
            self.node_ui(ui, row);
        }
    }

    fn frame(&self, row: usize) -> RowFrame {
        let middle = self.eye.y(row);
        let half = self.eye.row_height() / 2.0;
        RowFrame { top: middle - half, middle, bottom: middle + half }
    }

    /// Whether the cursor is in the row, or resolves over what is in it.
    fn is_here(&self, row: usize, item: Item) -> bool {
        self.here == Some(row) || matches!(item, Item::Event(ix) if self.cx.session.is_at(ix))
    }

    fn is_future(&self, row: usize) -> bool {
        self.cx.session.settings().dim_future && self.here.is_some_and(|here| row > here)
    }

    /// How far an event is dimmed: in the future, and where inside of a resolution it plays no part.
    fn fade(&self, row: usize, item: Item) -> f32 {
        let session = self.cx.session;
        let plays = |item| matches!(item, Item::Event(ix) if !session.role_of(ix).is_empty());
        let is_aside = session.cursor().step.is_some() && !self.is_here(row, item) && !plays(item);
        if self.is_future(row) && !plays(item) {
            self.cx.tokens.dimmed
        } else if is_aside {
            0.6
        } else {
            1.0
        }
    }

    fn paint_lines(&self, ui: &Ui, row: &Row, focus: &Focus) {
        let t = self.cx.tokens;
        let width = if self.eye.detail == Detail::Dots { 1.2 } else { 1.6 };
        let stroke = |segment: &crate::layout::Segment| {
            let fade = if self.is_future(row.row) { t.dimmed } else { 1.0 };
            if focus.has(row, segment) {
                Stroke::new(width + 0.8, t.accent.gamma_multiply(fade))
            } else {
                Stroke::new(width, t.weak.gamma_multiply(0.7 * fade))
            }
        };
        nodes::paint_lines(ui.painter(), row, self.frame(row.row), |lane| self.eye.x(lane), stroke);
    }

    /// Beside `prev_events` and `prev_state_events`, the auth events of the event in focus.
    fn paint_auth_edges(&self, ui: &Ui) {
        let session = self.cx.session;
        let focus = match session.hovered() {
            Some(crate::session::Item::Event(ix)) => Some(*ix),
            _ => session.cursor().event.event(),
        };
        let is_drawn = session.settings().edges == EdgeMode::Auth || self.eye.detail == Detail::Dots;
        let Some(ix) = focus.filter(|_| !is_drawn) else { return };
        let graph = self.sheet.lanes.graph();
        let place = |ix| {
            let row = graph.row_of(ix)?;
            Some(pos2(self.eye.x(self.sheet.lanes.lane(row)), self.eye.y(row)))
        };
        let Some(from) = place(ix) else { return };
        let half = self.eye.card().x / 2.0;
        let stroke = Stroke::new(1.2, self.cx.tokens.hues[AUTH_HUE]);
        let room = session.room();
        let replay = session.replay();
        let edges = replay.auth();
        let own = edges.of(ix).iter().map(|auth| (*auth, edges.are_calculated()));
        let all = own.chain(room.implied_auth_event(ix).map(|create| (create, true)));
        for (to, is_implied) in all.filter_map(|(auth, is_implied)| Some((place(auth)?, is_implied))) {
            // Out at the right side, and back in there: not to be taken for a line of the graph. What is far outside
            // is only hinted at: millions of points away, there would be as many dashes.
            let near = self.eye.rect.expand(60.0 + half);
            if !near.contains(from) {
                return;
            }
            let to = to.clamp(near.min, near.max);
            let (from, to) = (from + vec2(half, -4.0), to + vec2(half, 4.0));
            let bow = vec2(24.0 + (from.y - to.y).abs().sqrt() * 2.0, 0.0);
            let points = [from, from + bow, to + bow, to];
            let curve = egui::epaint::CubicBezierShape::from_points_stroke(
                points,
                false,
                Color32::TRANSPARENT,
                stroke,
            );
            let path = curve.flatten(Some(0.5));
            if is_implied {
                nodes::dotted(ui.painter(), &path, stroke);
            } else {
                nodes::dashed(ui.painter(), &path, stroke, 5.0, 3.0);
            }
            ui.painter().circle_filled(to, 2.5, stroke.color);
        }
    }

    fn node_ui(&self, ui: &Ui, row: &Row) {
        let center = pos2(self.eye.x(row.lane), self.eye.y(row.row));
        let rect = Rect::from_center_size(center, self.eye.card());
        if !ui.clip_rect().intersects(rect) {
            return;
        }
        // Hundreds of dots are not put into words unless somebody wants to hear them.
        let tell = || card::tell(self, row.item);
        let response = ui.interact(rect, ui.scope_id().with(("node", row.row)), Sense::click());
        let is_selected = self.cx.session.selection().contains(&nodes::session_item(row.item));
        response.widget_info(|| {
            WidgetInfo::selected(egui::Role::Button, true, is_selected, format!("Graph {}", tell().label()))
        });
        nodes::press(self.cx, &response, row.item);
        card::paint(self, ui, rect, row, tell, is_selected);
        self.cx.focus_ring(ui, &response, -1.0);
        if self.eye.detail == Detail::Dots {
            response.on_hover_ui(|ui| {
                ui.label(tell().label());
            });
        }
    }
}

/// The edges of the event in focus: what the pointer is on, else the cursor.
struct Focus {
    row: Option<usize>,
    parents: Vec<usize>,
}

impl Focus {
    fn of(drawing: &Drawing<'_>) -> Self {
        let graph = drawing.sheet.lanes.graph();
        let row = match drawing.cx.session.hovered() {
            Some(crate::session::Item::Event(ix)) => graph.row_of(*ix),
            Some(crate::session::Item::Now) => graph.now(),
            _ => drawing.here,
        };
        let parents = row.into_iter().flat_map(|row| graph.parents(row)).filter_map(|edge| edge.to).collect();
        Self { row, parents }
    }

    /// Whether a segment is part of an edge from the event in focus to its parents.
    fn has(&self, row: &Row, segment: &crate::layout::Segment) -> bool {
        let is_stub = segment.parent.is_none() && self.row == Some(row.row);
        is_stub
            || self.row.is_some_and(|focus| {
                segment.parent.is_some_and(|parent| {
                    self.parents.contains(&parent) && row.carries(segment, focus, parent)
                })
            })
    }
}
