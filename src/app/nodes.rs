//! How events and the lines between them look, in the list as on the canvas.

use egui::epaint::CubicBezierShape;
use egui::{Align2, Color32, FontId, Painter, Pos2, Rect, Shape, Stroke, pos2, vec2};

use super::context::Context;
use super::sheet::Servers;
use super::theme::{Tokens, roles};
use crate::describe::Describer;
use crate::layout::{EdgeKind, Item, Row, Segment, Shape as Path};
use crate::replay::CheckKind;
use crate::room::EventIx;
use crate::session::{self, Extremity, Position, Role, RoleSet};

/// Lines that go so far across are not dashed.
const FAR: f32 = 3000.0;

/// Of several parts that an event plays, the one that counts most at a step.
const BY_WEIGHT: [Role; 11] = [
    Role::Chosen,
    Role::Authorizing,
    Role::Denied,
    Role::Allowed,
    Role::Ready,
    Role::Blocked,
    Role::Mainline,
    Role::Power,
    Role::Subgraph,
    Role::AuthDifference,
    Role::Conflicted,
];

/// The part that decides how an event looks.
pub fn leading(roles: RoleSet) -> Option<Role> {
    BY_WEIGHT.into_iter().find(|role| roles.contains(*role))
}

/// What the mark of a row looks like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mark {
    /// A part in the resolution at the cursor.
    Role(Role),
    /// A state event.
    State(Color32),
    /// Another event.
    Message(Color32),
    /// A rejected event.
    Rejected,
    /// An event that was rejected for what it names in `prev_state_events`.
    Misplaced,
    /// An event that waits for a missing one: neither accepted nor rejected.
    Waiting,
    /// An event without a place in the graph.
    Outlier(Color32),
    /// Several events.
    Run,
    /// The current state.
    Now,
}

impl Mark {
    /// That of a row.
    pub fn of(cx: &Context<'_>, item: Item, servers: &Servers) -> Self {
        match item {
            Item::Now => Self::Now,
            Item::Run(_) => Self::Run,
            Item::Event(ix) => Self::of_event(cx, ix, servers),
        }
    }

    fn of_event(cx: &Context<'_>, ix: EventIx, servers: &Servers) -> Self {
        let room = cx.session.room();
        if let Some(role) = leading(cx.session.role_of(ix)) {
            return Self::Role(role);
        }
        let color = servers.color(room, ix, cx.tokens);
        let replay = cx.session.replay();
        if let Some(rejection) = replay.rejection(ix) {
            if rejection.check == CheckKind::StateParents { Self::Misplaced } else { Self::Rejected }
        } else if replay.is_unprocessed(ix) {
            Self::Waiting
        } else if room.is_outlier(ix) {
            Self::Outlier(color)
        } else if room.key_of(ix).is_some() {
            Self::State(color)
        } else {
            Self::Message(color)
        }
    }

    /// Paints the mark. `behind`: what is behind it; `fade`: 1, or less for what is dimmed.
    pub fn paint(self, painter: &Painter, center: Pos2, radius: f32, behind: Color32, fade: f32, t: &Tokens) {
        let dim = |color: Color32| color.gamma_multiply(fade);
        let stroke = |color| Stroke::new((radius * 0.3).max(1.2), dim(color));
        if !matches!(self, Self::State(_) | Self::Message(_)) {
            painter.circle_filled(center, radius * 1.25, behind);
        }
        match self {
            Self::Role(role) => {
                let mut style = roles::style(role, t);
                style.color = dim(style.color);
                style.paint(painter, center, radius * 1.1);
            }
            Self::State(color) => {
                painter.circle_filled(center, radius, dim(color));
            }
            Self::Message(color) => {
                painter.circle_filled(center, radius * 0.68, dim(color));
            }
            Self::Rejected | Self::Misplaced => {
                let is_small = self == Self::Misplaced;
                if is_small {
                    painter.circle_stroke(center, radius * 1.1, Stroke::new(1.2, dim(t.bad)));
                }
                let arm = vec2(radius, radius) * if is_small { 0.55 } else { 0.85 };
                painter.line_segment([center - arm, center + arm], stroke(t.bad));
                let arm = vec2(arm.x, -arm.y);
                painter.line_segment([center - arm, center + arm], stroke(t.bad));
            }
            Self::Waiting => {
                painter.circle_stroke(center, radius * 1.1, Stroke::new(1.2, dim(t.warning)));
                let font = FontId::proportional(radius * 2.0);
                painter.text(center, Align2::CENTER_CENTER, "?", font, dim(t.warning));
            }
            Self::Outlier(color) => {
                painter.circle_stroke(center, radius * 0.7, stroke(color));
            }
            Self::Run => {
                for place in [-1.0, 0.0, 1.0] {
                    painter.circle_filled(
                        center + vec2(0.0, place * radius * 0.8),
                        radius * 0.28,
                        dim(t.weak),
                    );
                }
            }
            Self::Now => {
                painter.circle_stroke(center, radius, stroke(t.accent));
                painter.circle_filled(center, radius * 0.4, dim(t.accent));
            }
        }
    }
}

/// Paints around a mark whether the event is a forward extremity: a ring for one of the state DAG, and a bar below, where
/// no line goes on, for one by `prev_events`.
pub fn paint_extremity(
    painter: &Painter,
    center: Pos2,
    radius: f32,
    extremity: Extremity,
    fade: f32,
    t: &Tokens,
) {
    let stroke = Stroke::new(1.5, t.accent.gamma_multiply(fade));
    if extremity.state {
        painter.circle_stroke(center, radius + 2.8, stroke);
    }
    if extremity.timeline {
        let y = center.y + radius + 4.2;
        painter.line_segment([pos2(center.x - radius, y), pos2(center.x + radius, y)], stroke);
    }
}

/// Where the parts of one row are.
#[derive(Debug, Clone, Copy)]
pub struct RowFrame {
    /// The upper edge.
    pub top: f32,
    /// The middle of the mark.
    pub middle: f32,
    /// The lower edge.
    pub bottom: f32,
}

/// Paints the lines of one row. `x`: where a lane is; `stroke`: how a line looks.
pub fn paint_lines(
    painter: &Painter,
    row: &Row,
    frame: RowFrame,
    x: impl Fn(usize) -> f32,
    stroke: impl Fn(&Segment) -> Stroke,
) {
    for segment in &row.segments {
        let stroke = stroke(segment);
        let (from, to) = (x(segment.from), x(segment.to));
        let line = match segment.shape {
            Path::Pass => [pos2(from, frame.top), pos2(to, frame.bottom)],
            Path::Down => [pos2(from, frame.middle), pos2(to, frame.bottom)],
            Path::Up => [pos2(from, frame.top), pos2(to, frame.middle)],
            Path::Stub => [pos2(from, frame.top + (frame.middle - frame.top) * 0.2), pos2(to, frame.middle)],
        };
        match segment.kind {
            EdgeKind::Direct if from == to => {
                painter.line_segment(line, stroke);
            }
            EdgeKind::Direct => {
                let [start, end] = line;
                let bend = vec2(0.0, (end.y - start.y) * 0.6);
                let points = [start, start + bend, end - vec2(0.0, bend.y * 0.4), end];
                painter.add(CubicBezierShape::from_points_stroke(
                    points,
                    false,
                    Color32::TRANSPARENT,
                    stroke,
                ));
            }
            // Across hundreds of lanes there would be too many dashes to see, and to paint.
            EdgeKind::Implied | EdgeKind::Indirect if (from - to).abs() > FAR => {
                painter.line_segment(line, stroke);
            }
            EdgeKind::Implied => dotted(painter, &line, stroke),
            EdgeKind::Indirect => {
                dashed(painter, &line, stroke, 4.0, 3.0);
            }
            EdgeKind::Missing => {
                painter.extend(Shape::dotted_line(&line, stroke.color, 3.0, stroke.width * 0.7));
            }
        }
    }
}

/// What the current state is resolved over.
pub fn extremity(cx: &Context<'_>) -> &'static str {
    if cx.session.room().rules().has_state_dag() { "state extremity" } else { "forward extremity" }
}

/// What a row is for the session.
pub fn session_item(item: Item) -> session::Item {
    match item {
        Item::Event(ix) => session::Item::Event(ix),
        Item::Run(run) => session::Item::Event(run.first),
        Item::Now => session::Item::Now,
    }
}

/// What an event does, in as few words as a narrow column needs: without the prefix that nearly all types have, and
/// memberships as "join" and "ban @bob", the user only where it is not the sender.
pub fn briefly(describer: &Describer<'_>, ix: EventIx) -> String {
    let summary = describer.summary(ix);
    let brief = summary.strip_prefix("m.room.").or_else(|| summary.strip_prefix("m.")).unwrap_or(&summary);
    let membership = brief.strip_prefix("member ").and_then(|rest| rest.split_once(" = "));
    match membership {
        Some((user, what)) if user == describer.sender(ix) => what.to_owned(),
        Some((user, what)) => format!("{what} {user}"),
        None => brief.to_owned(),
    }
}

/// The place in time of a row; of a run that of its first event.
pub fn position(item: Item) -> Position {
    match item {
        Item::Event(ix) => Position::Event(ix),
        Item::Run(run) => Position::Event(run.first),
        Item::Now => Position::Now,
    }
}

/// What pressing on a row or a node does: a click goes there, and selects it; inside of a resolution it only selects, so
/// that one can look around without leaving it, and a double click goes there. With Ctrl or Command the selection
/// grows by it, with Shift by all rows up to it.
pub fn press(cx: &Context<'_>, response: &egui::Response, item: Item) {
    use crate::session::Command;
    if response.hovered() {
        cx.send(Command::Hover(session_item(item)));
    }
    let modifiers = response.ctx.input(|input| input.modifiers);
    if response.double_clicked() && cx.session.cursor().step.is_some() {
        cx.send(Command::SeekEvent(position(item)));
    } else if response.clicked() && modifiers.command {
        cx.send(Command::ToggleSelected(session_item(item)));
    } else if response.clicked() && modifiers.shift {
        cx.send(Command::SelectRange(position(item)));
    } else if response.clicked() {
        if cx.session.cursor().step.is_none() {
            cx.send(Command::SeekEvent(position(item)));
        }
        cx.send(Command::Select(session_item(item)));
    }
}

/// Whether the pointer is on what a row stands for, here or in another panel: the event, its sender, their server, its
/// state key.
pub fn is_lit(cx: &Context<'_>, item: Item) -> bool {
    let Some(hovered) = cx.session.hovered() else { return false };
    let room = cx.session.room();
    match (hovered, item) {
        (session::Item::Now, Item::Now) => true,
        (session::Item::Event(ix), Item::Event(own)) => *ix == own,
        (session::Item::Event(ix), Item::Run(run)) => run.first == *ix,
        (session::Item::Missing(missing), Item::Event(own)) => {
            let mut links = room.prev_links(own).chain(room.state_links(own));
            links.any(|link| link == crate::room::Link::Missing(*missing))
        }
        (session::Item::Key(key), Item::Event(own)) => room.key_of(own) == Some(*key),
        (session::Item::User(user), Item::Event(own)) => room.event(own).sender() == &**user,
        (session::Item::Server(server), Item::Event(own)) => {
            crate::event::server_name(room.event(own).sender()) == &**server
        }
        _ => false,
    }
}
/// Paints a path in dashes, as far as it is seen: a path across a large room is millions of dashes long.
pub fn dashed(painter: &Painter, path: &[Pos2], stroke: Stroke, dash: f32, gap: f32) {
    for part in seen(path, painter.clip_rect().expand(dash + gap)) {
        painter.extend(Shape::dashed_line(&part, stroke, dash, gap));
    }
}

/// Paints a path in dots, as far as it is seen: a reference that is not listed.
pub fn dotted(painter: &Painter, path: &[Pos2], stroke: Stroke) {
    dashed(painter, path, Stroke::new(stroke.width + 0.5, stroke.color), 2.0, 3.0);
}

/// The parts of a path inside a rectangle.
fn seen(path: &[Pos2], area: Rect) -> Vec<Vec<Pos2>> {
    let mut parts: Vec<Vec<Pos2>> = Vec::new();
    for pair in path.windows(2) {
        let Some((start, end)) = clipped(pair[0], pair[1], area) else { continue };
        match parts.last_mut() {
            Some(part) if part.last() == Some(&start) => part.push(end),
            _ => parts.push(vec![start, end]),
        }
    }
    parts
}

/// The part of a line inside a rectangle, by Liang and Barsky.
fn clipped(from: Pos2, to: Pos2, area: Rect) -> Option<(Pos2, Pos2)> {
    let along = to - from;
    let (mut enters, mut leaves) = (0.0_f32, 1.0_f32);
    for (start, step, min, max) in
        [(from.x, along.x, area.left(), area.right()), (from.y, along.y, area.top(), area.bottom())]
    {
        if step == 0.0 {
            if start < min || start > max {
                return None;
            }
            continue;
        }
        let (a, b) = ((min - start) / step, (max - start) / step);
        enters = enters.max(a.min(b));
        leaves = leaves.min(a.max(b));
    }
    let at = |part: f32| match part {
        0.0 => from,
        1.0 => to,
        part => from + along * part,
    };
    (enters <= leaves).then(|| (at(enters), at(leaves)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_paths_are_painted_as_far_as_they_are_seen() {
        let area = Rect::from_min_max(pos2(0.0, 0.0), pos2(100.0, 100.0));
        let parts = |path: &[Pos2]| seen(path, area);
        assert_eq!(parts(&[pos2(50.0, -1e6), pos2(50.0, 1e6)]), [[pos2(50.0, 0.0), pos2(50.0, 100.0)]]);
        assert!(parts(&[pos2(150.0, -1e6), pos2(150.0, 1e6)]).is_empty());
        // What bends inside stays in one piece; what comes back is another.
        let bent =
            [pos2(10.0, 10.0), pos2(20.0, 20.0), pos2(200.0, 20.0), pos2(200.0, 50.0), pos2(50.0, 50.0)];
        let expected: [Vec<Pos2>; 2] = [
            vec![pos2(10.0, 10.0), pos2(20.0, 20.0), pos2(100.0, 20.0)],
            vec![pos2(100.0, 50.0), pos2(50.0, 50.0)],
        ];
        assert_eq!(parts(&bent), expected);
    }
}
