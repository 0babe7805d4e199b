//! What is wrong or odd about the input.

use egui::{Align2, Panel, RichText, ScrollArea, Ui, Window};

use super::context::Context;
use super::line::{Line, fill_row, row};
use super::theme::{Tokens, size};
use crate::describe::{Describer, text};
use crate::report::{Finding, Severity};
use crate::session::{Command, Item, Position};

/// Shows the findings, if they are open.
pub(super) fn findings_ui(ui: &Ui, cx: &Context<'_>, is_open: &mut bool) {
    let screen = ui.ctx().content_rect();
    Window::new("Findings")
        .open(is_open)
        .default_size([(screen.width() * 0.6).min(900.0), (screen.height() * 0.5).min(480.0)])
        .pivot(Align2::CENTER_CENTER)
        .default_pos(screen.center())
        .collapsible(false)
        .show(ui.ctx(), |ui| list_ui(ui, cx));
}

fn list_ui(ui: &mut Ui, cx: &Context<'_>) {
    let findings = cx.session.findings();
    if findings.is_empty() {
        ui.label("Nothing is wrong or odd about this room");
        return;
    }
    let of = |severity| findings.iter().filter(|finding| finding.severity() == severity).count();
    let counts =
        [(Severity::Error, "errors"), (Severity::Warning, "warnings"), (Severity::Info, "for information")];
    let counts: Vec<String> =
        counts.into_iter().map(|(severity, name)| format!("{} {name}", of(severity))).collect();
    ui.label(RichText::new(counts.join(", ")).color(cx.tokens.weak));
    let describer = cx.session.describer();
    let chosen = cx.session.selection().items().iter().rev().find_map(|item| match item {
        Item::Finding(place) => findings.get(*place),
        _ => None,
    });
    Panel::bottom("finding").resizable(false).show(ui, |ui| {
        ui.add_space(size::GAP);
        match chosen {
            Some(finding) => finding_ui(ui, cx, &describer, finding),
            None => {
                ui.label(RichText::new("Click a finding to see all of it").color(cx.tokens.weak));
            }
        }
        ui.add_space(size::GAP);
    });
    ui.spacing_mut().item_spacing.y = 0.0;
    ScrollArea::vertical().auto_shrink(false).show_rows(ui, size::ROW, findings.len(), |ui, rows| {
        for place in rows {
            row_ui(ui, cx, &describer, &findings[place], place);
        }
    });
}

fn sign(severity: Severity, tokens: &Tokens) -> (&'static str, egui::Color32) {
    match severity {
        Severity::Error => ("\u{d7}", tokens.bad),
        Severity::Warning => ("!", tokens.warning),
        Severity::Info => ("i", tokens.weak),
    }
}

fn row_ui(ui: &mut Ui, cx: &Context<'_>, describer: &Describer<'_>, finding: &Finding, place: usize) {
    let tokens = cx.tokens;
    let item = Item::Finding(place);
    let (rect, response) = row(ui, tokens, cx.session.selection().contains(&item).then_some(tokens.selected));
    let (sign, color) = sign(finding.severity(), tokens);
    let line = Line::new(ui, cx, describer).tinted(&format!("{sign}  "), color);
    let response = fill_row(ui, describe(line, cx, finding), (rect, response), 6.0, 4.0);
    if !response.clicked() {
        return;
    }
    cx.send(Command::Select(item.clone()));
    if let Some(ix) = finding.event.as_deref().and_then(|id| cx.session.room().find(id)) {
        cx.send(Command::SeekEvent(Position::Event(ix)));
    }
}

/// Where and what.
fn describe<'a>(mut line: Line<'a>, cx: &Context<'_>, finding: &Finding) -> Line<'a> {
    if let Some(number) = finding.line {
        line = line.tinted(&format!("line {number}  "), cx.tokens.weak);
    }
    if let Some(id) = &finding.event {
        line = match cx.session.room().find(id) {
            Some(ix) => line.event(ix),
            None => line.text(&text::shorten(id, 16)),
        };
        line = line.text("  ");
    }
    line.text(&text::escape(&finding.message))
}

fn finding_ui(ui: &mut Ui, cx: &Context<'_>, describer: &Describer<'_>, finding: &Finding) {
    let (_, color) = sign(finding.severity(), cx.tokens);
    let kind = format!("{} {}  ", finding.severity(), finding.code);
    describe(Line::new(ui, cx, describer).tinted(&kind, color), cx, finding).show(ui);
    if let Some(remedy) = finding.remedy {
        Line::new(ui, cx, describer).tinted("What to do  ", cx.tokens.weak).text(remedy).show(ui);
    }
    if let Some(spec) = finding.spec {
        ui.hyperlink_to("Specification", spec).on_hover_text(spec);
    }
}
