//! Phases and steps as a tree; only what is seen is laid out.

use std::collections::BTreeSet;

use egui::{Pos2, Rect, ScrollArea, Ui};
use smallvec::SmallVec;

use super::Subject;
use crate::app::context::Context;
use crate::app::inspector::auth::tone_mark;
use crate::app::inspector::state::disclosure;
use crate::app::line::{Line, fill_row, row};
use crate::app::theme::size;
use crate::describe::Describer;
use crate::explain::{Node, Tone};
use crate::session::{Command, Item, Steps};

/// A phase without steps of its own is open from the start if it has at most so many details.
const FEW: usize = 8;
/// The width of one level.
const INDENT: f32 = 16.0;

/// What the tree keeps.
#[derive(Debug, Default)]
pub(super) struct TreeView {
    shape: Option<(Subject, Vec<Flat>)>,
    /// The rows that are not as they would be by themselves.
    toggled: BTreeSet<usize>,
    /// The rows that are seen, and the step that they were worked out for.
    visible: Vec<usize>,
    worked_out_for: Option<Option<usize>>,
    /// From where to where the list was seen last.
    offset: f32,
    height: f32,
}

/// A node, with its place in the tree.
#[derive(Debug)]
struct Flat {
    path: SmallVec<[u32; 4]>,
    step: Option<usize>,
    /// Where the nodes under it end.
    end: usize,
    is_open: bool,
}

fn flatten(nodes: &[Node], path: &SmallVec<[u32; 4]>, flat: &mut Vec<Flat>) {
    for (number, node) in (0_u32..).zip(nodes) {
        let mut path = path.clone();
        path.push(number);
        let has_steps = node.children.iter().any(|child| child.step.is_some());
        let is_open = path.len() == 1 && (has_steps || node.children.len() <= FEW);
        let place = flat.len();
        flat.push(Flat { path: path.clone(), step: node.step, end: 0, is_open });
        flatten(&node.children, &path, flat);
        flat[place].end = flat.len();
    }
}

fn node_at<'a>(nodes: &'a [Node], path: &[u32]) -> Option<&'a Node> {
    let (first, rest) = path.split_first()?;
    let node = nodes.get(*first as usize)?;
    if rest.is_empty() { Some(node) } else { node_at(&node.children, rest) }
}

/// Draws the tree. `current`: the step to be marked.
pub(super) fn tree_ui(
    ui: &mut Ui,
    cx: &Context<'_>,
    describer: &Describer<'_>,
    view: &mut TreeView,
    subject: &Subject,
    steps: &Steps,
    current: Option<usize>,
) {
    if view.shape.as_ref().is_none_or(|(known, _)| known != subject) {
        let mut flat = Vec::new();
        flatten(&steps.nodes, &SmallVec::new(), &mut flat);
        *view = TreeView { shape: Some((subject.clone(), flat)), ..TreeView::default() };
    }
    let TreeView { shape, toggled, visible, worked_out_for, offset, height } = view;
    let Some((_, flat)) = shape else { return };
    let mut area = ScrollArea::vertical().auto_shrink(false).id_salt("steps");
    if *worked_out_for != Some(current) {
        *visible = unfolded(flat, toggled, current);
        *worked_out_for = Some(current);
        let row = current.and_then(|_| visible.iter().position(|place| flat[*place].step == current));
        if let Some(y) = row.map(|row| row as f32 * size::ROW)
            && *height > 0.0
            && !(*offset..*offset + *height - 2.0 * size::ROW).contains(&y)
        {
            area = area.vertical_scroll_offset((y - *height / 3.0).max(0.0));
        }
    }
    ui.spacing_mut().item_spacing.y = 0.0;
    let mut toggle = None;
    let output = area.show_rows(ui, size::ROW, visible.len(), |ui, rows| {
        for place in &visible[rows] {
            let Some(node) = node_at(&steps.nodes, &flat[*place].path) else { continue };
            let is_open = is_open(flat, toggled, current, *place);
            if node_ui(ui, cx, describer, node, &flat[*place], is_open, current) {
                toggle = Some(*place);
            }
        }
    });
    (*offset, *height) = (output.state.clamped_offset().y, output.inner_rect.height());
    if let Some(place) = toggle {
        if !toggled.remove(&place) {
            toggled.insert(place);
        }
        *worked_out_for = None;
        *visible = unfolded(flat, toggled, current);
        *worked_out_for = Some(current);
    }
}

/// Whether what is under a row is seen. The way to the current step is open; its details are told beside the tree.
fn is_open(flat: &[Flat], toggled: &BTreeSet<usize>, current: Option<usize>, place: usize) -> bool {
    let row = &flat[place];
    let leads_there =
        || current.is_some() && flat[place + 1..row.end].iter().any(|below| below.step == current);
    (row.is_open || leads_there()) != toggled.contains(&place)
}

fn unfolded(flat: &[Flat], toggled: &BTreeSet<usize>, current: Option<usize>) -> Vec<usize> {
    let mut visible = Vec::new();
    let mut place = 0;
    while place < flat.len() {
        visible.push(place);
        place = if is_open(flat, toggled, current, place) { place + 1 } else { flat[place].end };
    }
    visible
}

/// Draws a row. Returns whether it is to be opened or closed.
fn node_ui(
    ui: &mut Ui,
    cx: &Context<'_>,
    describer: &Describer<'_>,
    node: &Node,
    flat: &Flat,
    is_open: bool,
    current: Option<usize>,
) -> bool {
    let tokens = cx.tokens;
    let depth = flat.path.len() - 1;
    let is_current = node.step.is_some() && node.step == current;
    let is_hovered = node.step.is_some_and(|step| cx.session.hovered() == Some(&Item::Step(step)));
    let fill = if is_current { Some(tokens.cursor) } else { is_hovered.then_some(tokens.hovered) };
    let (rect, response) = row(ui, tokens, fill);
    if is_current {
        let bar = Rect::from_min_max(rect.min, Pos2::new(rect.left() + 3.0, rect.bottom()));
        ui.painter().rect_filled(bar, 0.0, tokens.accent);
    }
    let indent = depth as f32 * INDENT + 20.0;
    let has_children = !node.children.is_empty();
    let triangle = Pos2::new(rect.left() + indent - 9.0, rect.center().y);
    if has_children {
        disclosure(ui, triangle, is_open, tokens.weak);
    }
    let is_later = node.step.zip(current).is_some_and(|(step, current)| step > current);
    let color = match node.tone {
        _ if is_later => tokens.weak,
        Tone::Phase => tokens.strong,
        Tone::Plain | Tone::Good | Tone::Bad | Tone::Note => tokens.text,
    };
    let (mark, mark_color) = tone_mark(node.tone, tokens);
    let line = Line::new(ui, cx, describer).color(color).tinted(mark, mark_color).sentence(&node.sentence);
    let response = fill_row(ui, line, (rect, response), indent, 4.0);
    if response.hovered()
        && let Some(step) = node.step
    {
        cx.send(Command::Hover(Item::Step(step)));
    }
    if !response.clicked() {
        return false;
    }
    let on_triangle = response.interact_pointer_pos().is_some_and(|pos| pos.x < triangle.x + 8.0);
    match node.step {
        Some(step) if !(on_triangle && has_children) => {
            if current.is_some() || cx.session.step_count() > step {
                cx.send(Command::SeekStep(step));
            }
            false
        }
        _ => has_children,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::Sentence;

    fn node(step: Option<usize>, children: Vec<Node>) -> Node {
        let node = Node::new(Tone::Plain, Sentence::new()).with(children);
        Node { step, ..node }
    }

    fn tree() -> Vec<Node> {
        let details = || vec![node(None, Vec::new()), node(None, Vec::new())];
        let many = (0..20).map(|_| node(None, Vec::new())).collect();
        vec![
            node(Some(0), details()),
            node(Some(1), many),
            node(None, vec![node(Some(2), details()), node(Some(3), details())]),
        ]
    }

    #[test]
    fn steps_are_seen_and_long_lists_are_not() {
        let (nodes, mut flat) = (tree(), Vec::new());
        flatten(&nodes, &SmallVec::new(), &mut flat);
        assert_eq!(flat.len(), 3 + 21 + 7);
        let seen = |current| -> Vec<Option<usize>> {
            let visible = unfolded(&flat, &BTreeSet::new(), current);
            visible.into_iter().map(|place| flat[place].step).collect()
        };
        assert_eq!(seen(None), [Some(0), None, None, Some(1), None, Some(2), Some(3)]);
        assert_eq!(seen(Some(3)), seen(None));
        // A phase that somebody has closed is closed even where one stands in it.
        let phase = flat.iter().position(|row| row.path.len() == 1 && row.step.is_none()).unwrap();
        let closed = unfolded(&flat, &BTreeSet::from([phase]), Some(3));
        assert_eq!(closed.last(), Some(&phase));
        for (place, row) in flat.iter().enumerate() {
            assert_eq!(node_at(&nodes, &row.path).unwrap().step, flat[place].step);
        }
    }

    #[test]
    fn closing_a_phase_hides_all_of_it() {
        let (nodes, mut flat) = (tree(), Vec::new());
        flatten(&nodes, &SmallVec::new(), &mut flat);
        let phase = flat.iter().position(|row| row.path.len() == 1 && row.step.is_none()).unwrap();
        let visible = unfolded(&flat, &BTreeSet::from([phase]), None);
        assert!(visible.iter().all(|place| *place <= phase));
    }
}
