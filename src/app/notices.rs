//! Messages in the lower right corner: what worked, what did not and what to do about it.

use egui::{Align2, Area, Frame, Id, RichText, Ui, vec2};

use super::theme::{Tokens, size};
use crate::report::Finding;

/// How long a message that needs no answer stays, in seconds.
const STAY: f64 = 6.0;
/// How many findings a message shows.
const FINDINGS: usize = 4;
/// How many messages there are at most.
const AT_MOST: usize = 4;

#[derive(Debug)]
struct Notice {
    is_error: bool,
    /// What kind of trouble it is.
    title: Option<&'static str>,
    text: String,
    findings: Vec<Finding>,
    /// When it was first shown, in seconds.
    since: Option<f64>,
}

/// The messages shown.
#[derive(Debug, Default)]
pub(super) struct Notices(Vec<Notice>);

impl Notices {
    /// Says something for a moment.
    pub(super) fn tell(&mut self, text: impl Into<String>) {
        self.push(Notice {
            is_error: false,
            title: None,
            text: text.into(),
            findings: Vec::new(),
            since: None,
        });
    }

    /// Says what went wrong; stays until it is closed.
    pub(super) fn complain(&mut self, title: &'static str, text: impl Into<String>, findings: &[Finding]) {
        let findings = findings.iter().take(FINDINGS).cloned().collect();
        self.push(Notice { is_error: true, title: Some(title), text: text.into(), findings, since: None });
    }

    fn push(&mut self, notice: Notice) {
        self.0.retain(|other| other.text != notice.text);
        self.0.push(notice);
        let surplus = self.0.len().saturating_sub(AT_MOST);
        self.0.drain(..surplus);
    }

    /// Takes complaints away, because something worked.
    pub(super) fn clear_errors(&mut self) {
        self.0.retain(|notice| !notice.is_error);
    }

    /// The texts, for tests.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|notice| notice.text.as_str())
    }

    /// Shows the messages.
    pub(super) fn show(&mut self, ui: &mut Ui) {
        let ctx = ui.ctx().clone();
        let now = ctx.input(|input| input.time);
        self.0.retain(|notice| notice.is_error || notice.since.is_none_or(|since| now - since < STAY));
        if self.0.is_empty() {
            return;
        }
        let tokens = Tokens::of(ui.visuals());
        Area::new(Id::unique("notices")).anchor(Align2::RIGHT_BOTTOM, vec2(-16.0, -16.0)).show(&ctx, |ui| {
            ui.set_max_width(440.0);
            let mut closed = None;
            for (number, notice) in self.0.iter_mut().enumerate() {
                if notice.since.is_none() {
                    notice.since = Some(now);
                    ctx.request_repaint_after_secs(STAY as f32 + 0.1);
                }
                if notice_ui(ui, notice, tokens) {
                    closed = Some(number);
                }
            }
            if let Some(number) = closed {
                self.0.remove(number);
            }
        });
    }
}

/// Whether it is to be closed.
fn notice_ui(ui: &mut Ui, notice: &Notice, tokens: &Tokens) -> bool {
    let color = if notice.is_error { tokens.bad } else { tokens.weak };
    let stroke = egui::Stroke::new(1.0, color);
    let frame = Frame::window(ui.style()).stroke(stroke).inner_margin(10);
    let shown = frame.show(ui, |ui| {
        ui.set_width(418.0);
        let close = ui.horizontal_top(|ui| {
            ui.vertical(|ui| {
                // The rest is for the button.
                ui.set_width(350.0);
                match notice.title {
                    Some(title) => ui.label(RichText::new(title).strong().color(color)),
                    None => ui.label(&notice.text),
                };
            });
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Min), |ui| ui.button("Close").clicked())
                .inner
        });
        if notice.title.is_some() {
            ui.label(&notice.text);
        }
        for finding in &notice.findings {
            ui.label(RichText::new(finding.to_string()).small().color(tokens.weak));
        }
        close.inner
    });
    ui.add_space(size::GAP);
    shown.inner
}
