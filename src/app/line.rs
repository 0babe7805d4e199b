//! A line of text with things in it that can be pointed at: to the pointer one widget, however many links it has.

use std::sync::Arc;

use egui::text::{LayoutJob, TextFormat, TextWrapping};
use egui::{Align, Color32, CursorIcon, FontId, Galley, Pos2, Rect, Response, Sense, TextStyle, Ui, vec2};

use super::context::Context;
use super::links::{self, Link, Reach};
use super::theme::{Tokens, size};
use crate::describe::Describer;
use crate::explain::{Sentence, Span};
use crate::room::{self, EventIx, KeyIx};
use crate::session::{Command, Item, Position};

/// Of many events so many are named.
const NAMED: usize = 4;

/// A line under construction.
pub(super) struct Line<'a> {
    cx: Context<'a>,
    describer: &'a Describer<'a>,
    tokens: &'static Tokens,
    font: FontId,
    color: Color32,
    job: LayoutJob,
    /// The number of characters so far.
    chars: usize,
    links: Vec<Link>,
}

impl<'a> Line<'a> {
    /// An empty line in the style of body text.
    pub(super) fn new(ui: &Ui, cx: &Context<'a>, describer: &'a Describer<'a>) -> Self {
        let font = TextStyle::Body.resolve(ui.style());
        let (tokens, color) = (cx.tokens, cx.tokens.text);
        Self {
            cx: *cx,
            describer,
            tokens,
            font,
            color,
            job: LayoutJob::default(),
            chars: 0,
            links: Vec::new(),
        }
    }

    /// From here on in small letters.
    #[must_use]
    pub(super) fn small(mut self) -> Self {
        self.font.size = size::SMALL;
        self
    }

    /// From here on in letters of equal width.
    #[must_use]
    pub(super) fn mono(mut self) -> Self {
        self.font = FontId::monospace(size::MONOSPACE);
        self
    }

    /// From here on in this colour.
    #[must_use]
    pub(super) fn color(mut self, color: Color32) -> Self {
        self.color = color;
        self
    }

    /// Adds text.
    #[must_use]
    pub(super) fn text(mut self, text: &str) -> Self {
        let color = self.color;
        self.push(text, color, Color32::TRANSPARENT);
        self
    }

    /// Adds text in another colour.
    #[must_use]
    pub(super) fn tinted(mut self, text: &str, color: Color32) -> Self {
        self.push(text, color, Color32::TRANSPARENT);
        self
    }

    fn push(&mut self, text: &str, color: Color32, background: Color32) {
        let format = TextFormat {
            font_id: self.font.clone(),
            color,
            background,
            valign: Align::Center,
            ..TextFormat::default()
        };
        self.job.append(text, 0.0, format);
        self.chars += text.chars().count();
    }

    /// Adds text that stands for something.
    #[must_use]
    pub(super) fn link(mut self, text: &str, item: Item) -> Self {
        let session = self.cx.session;
        let background = if session.hovered() == Some(&item) {
            self.tokens.hovered
        } else if session.selection().contains(&item) {
            self.tokens.selected
        } else {
            Color32::TRANSPARENT
        };
        let (start, from) = (self.chars, self.job.text.len());
        let accent = self.tokens.accent;
        self.push(text, accent, background);
        self.links.push(Link { chars: start..self.chars, bytes: from..self.job.text.len(), item });
        self
    }

    /// Adds an event by its short ID.
    #[must_use]
    pub(super) fn event(self, ix: EventIx) -> Self {
        let name = self.describer.short_id(ix);
        self.link(&name, Item::Event(ix))
    }

    /// Adds an event that is in the dump or not.
    #[must_use]
    pub(super) fn reference(self, link: room::Link) -> Self {
        match link {
            room::Link::Event(ix) => self.event(ix),
            room::Link::Missing(missing) => {
                let name = self.describer.missing_id(missing);
                self.link(&name, Item::Missing(missing))
            }
        }
    }

    /// Adds events by their short IDs, of many the first ones.
    #[must_use]
    pub(super) fn events(mut self, events: &[EventIx]) -> Self {
        let told = if events.len() > NAMED + 1 { &events[..NAMED] } else { events };
        let more = events.len() - told.len();
        for (place, ix) in told.iter().enumerate() {
            let between = match place {
                0 => "",
                place if place + 1 == events.len() => " and ",
                _ => ", ",
            };
            self = self.text(between).event(*ix);
        }
        if more > 0 { self.text(&format!(" and {more} more")) } else { self }
    }

    /// Adds a user.
    #[must_use]
    pub(super) fn user(self, user: &str) -> Self {
        let name = self.describer.user(user);
        self.link(&name, Item::User(user.into()))
    }

    /// Adds a state key.
    #[must_use]
    pub(super) fn key(self, key: KeyIx) -> Self {
        let name = self.describer.key(key);
        self.link(&name, Item::Key(key))
    }

    /// Adds a sentence.
    #[must_use]
    pub(super) fn sentence(self, sentence: &Sentence) -> Self {
        sentence.0.iter().fold(self, Self::span)
    }

    fn span(self, span: &Span) -> Self {
        match span {
            Span::Event(ix) => self.event(*ix),
            Span::Described(ix) => {
                let (summary, weak) = (self.describer.summary(*ix), self.tokens.weak);
                let sender = self.cx.session.room().event(*ix).sender().to_owned();
                self.event(*ix).tinted(&format!(" ({summary} by "), weak).user(&sender).tinted(")", weak)
            }
            Span::Missing(missing) => self.reference(room::Link::Missing(*missing)),
            Span::User(user) => self.user(user),
            Span::Key(key) => self.key(*key),
            Span::Text(_) | Span::Level(_) | Span::Rule(_) | Span::Time(_) | Span::Value(_) => {
                let (text, strong) = (self.describer.span(span), self.tokens.strong);
                if matches!(span, Span::Text(_)) { self.text(&text) } else { self.tinted(&text, strong) }
            }
        }
    }

    /// Lays the line out in one row, with an ellipsis where it is too long.
    pub(super) fn cut(mut self, ui: &Ui, width: f32) -> LaidOut<'a> {
        self.job.wrap = TextWrapping::truncate_at_width(width.max(1.0));
        self.lay_out(ui)
    }

    /// Lays the line out in as many rows as it needs.
    pub(super) fn wrapped(mut self, ui: &Ui, width: f32) -> LaidOut<'a> {
        self.job.wrap = TextWrapping::wrap_at_width(width.max(1.0));
        self.lay_out(ui)
    }

    fn lay_out(self, ui: &Ui) -> LaidOut<'a> {
        let text = self.job.text.clone();
        let galley = ui.painter().layout_job(self.job);
        LaidOut { cx: self.cx, galley, links: self.links, text }
    }

    /// Shows it as a widget of its own, wrapped.
    pub(super) fn show(self, ui: &mut Ui) -> Response {
        let width = ui.available_width();
        self.show_within(ui, width)
    }

    /// Shows it as a widget of its own, in as many rows as it needs to be no wider.
    pub(super) fn show_within(self, ui: &mut Ui, width: f32) -> Response {
        let laid_out = self.wrapped(ui, width);
        // The keyboard goes to the links in it, not to the line.
        let (rect, response) = ui.allocate_exact_size(laid_out.galley.size(), Sense::CLICK);
        laid_out.show(ui, rect.min, response, Reach::Always)
    }
}

/// A line that is ready to be painted.
pub(super) struct LaidOut<'a> {
    cx: Context<'a>,
    galley: Arc<Galley>,
    links: Vec<Link>,
    text: String,
}

impl LaidOut<'_> {
    /// Paints it at `pos`; `response` is that of a widget around it, whose name is told.
    /// A link that the pointer is on lights up everywhere; a click selects it; two clicks go there.
    fn show(self, ui: &Ui, pos: Pos2, response: Response, reach: Reach) -> Response {
        self.paint(ui, pos, &response);
        let text = self.text;
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &text));
        links::links_ui(ui, &self.cx, (&self.galley, pos), &self.links, &response, reach);
        if self.galley.elided { response.on_hover_text(text) } else { response }
    }

    fn paint(&self, ui: &Ui, pos: Pos2, response: &Response) {
        let hit = response.hover_pos().and_then(|pointer| self.link_at(pointer - pos.to_vec2()));
        ui.painter().galley(pos, Arc::clone(&self.galley), self.cx.tokens.text);
        let Some((item, rect)) = hit else { return };
        let rect = rect.translate(pos.to_vec2());
        ui.painter().hline(rect.x_range(), rect.bottom(), egui::Stroke::new(1.0, self.cx.tokens.accent));
        ui.ctx().set_cursor_icon(CursorIcon::PointingHand);
        self.cx.point(response, item);
        if response.double_clicked()
            && let Item::Event(ix) = item
        {
            self.cx.send(Command::SeekEvent(Position::Event(*ix)));
        }
    }

    /// The link under a point that is relative to the line, and the part of it in that row.
    fn link_at(&self, point: Pos2) -> Option<(&Item, Rect)> {
        let mut first = 0;
        for row in &self.galley.rows {
            let rect = row.rect();
            if point.y < rect.bottom() {
                let x = point.x - rect.left();
                let is_under = |glyph: &egui::epaint::text::Glyph| {
                    (glyph.pos.x..glyph.pos.x + glyph.advance_width).contains(&x)
                };
                let place = first + row.glyphs.iter().position(is_under)?;
                let link = self.links.iter().find(|link| link.chars.contains(&place))?;
                let Link { chars: range, item, .. } = link;
                let glyphs = row.glyphs.get(range.start.saturating_sub(first)..)?;
                let last = glyphs.iter().take(range.end - range.start.max(first)).next_back()?;
                let left = rect.left() + glyphs.first()?.pos.x;
                let right = rect.left() + last.pos.x + last.advance_width;
                return Some((item, Rect::from_x_y_ranges(left..=right, rect.y_range())));
            }
            first += row.glyphs.len() + usize::from(row.ends_with_newline);
        }
        None
    }
}

/// A row of a list: as wide as there is space, lit up where the pointer is. Returns where its text begins.
pub(super) fn row(ui: &mut Ui, tokens: &Tokens, fill: Option<Color32>) -> (Rect, Response) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), size::ROW), Sense::click());
    let fill = fill.or(response.hovered().then_some(tokens.hovered));
    if let Some(fill) = fill {
        ui.painter().rect_filled(rect, 3.0, fill);
    }
    (rect, response)
}

/// Paints a line in a row, from `indent` points after its left edge on, vertically centered.
pub(super) fn fill_row(
    ui: &Ui,
    line: Line<'_>,
    (rect, response): (Rect, Response),
    indent: f32,
    right: f32,
) -> Response {
    line.cx.focus_ring(ui, &response, -1.0);
    let laid_out = line.cut(ui, rect.width() - indent - right);
    let y = rect.center().y - laid_out.galley.size().y / 2.0;
    links::press(ui, &response);
    laid_out.show(ui, Pos2::new(rect.left() + indent, y), response, Reach::WhenPressed)
}

/// The event that panels are about: the one selected last, else that of the cursor.
pub(super) fn focus(cx: &Context<'_>) -> Option<EventIx> {
    let selected = cx.session.selection().items().iter().rev().find_map(|item| match item {
        Item::Event(ix) => Some(*ix),
        _ => None,
    });
    selected.or(cx.session.cursor().event.event())
}

/// A weak remark where there is nothing to show.
pub(super) fn nothing_ui(ui: &mut Ui, cx: &Context<'_>, text: &str) {
    ui.add_space(size::SPACE);
    ui.label(egui::RichText::new(text).color(cx.tokens.weak));
}
