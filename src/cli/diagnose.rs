//! `hindsight diagnose`: what merges lost, and whether somebody took it back.

mod json;

use std::io::Write as _;

use super::args::{DiagnoseArgs, Globals};
use super::error::CliError;
use super::output::Ui;
use super::resolve::{paint, paint_span};
use super::{findings, load, select, steps, text};
use crate::describe::Describer;
use crate::diagnose::resets::{
    Counterfactual, Diagnosing, Diagnosis, Loss, Supposition, Verdict, WhatIf, damage, explain_loss,
};
use crate::diagnose::told::{Told, ToldBack, setbacks, told_back};
use crate::explain::Span;
use crate::replay::{Place, Replay};
use crate::resolve::Algorithm;
use crate::room::{EventIx, Room};

/// A reset was found.
const FOUND: u8 = 1;

pub(super) fn run(args: &DiagnoseArgs, globals: &Globals, ui: &mut Ui) -> Result<u8, CliError> {
    let dump = load::open(globals, &args.input.dump, ui)?;
    let room = &dump.room;
    let at = select::events(&dump, &args.at)?;
    let replay = ui.busy("replaying", || Replay::new(room, globals.algorithm(), globals.profile()));
    let diagnosis = ui.busy("looking for state resets", || {
        let diagnosing = Diagnosing::new(&replay);
        if args.every_change { diagnosing.with_every_change() } else { diagnosing }.finish()
    });
    let shown = Shown::new(args, &at, &diagnosis);
    let mut told_back = told_back(&replay);
    told_back.retain(|told| args.is_wanted(&at, told.at.into()));
    let report =
        Report { replay: &replay, diagnosis: &diagnosis, args, what_if: WhatIf::new(&replay), told_back };
    if globals.is_json() {
        report.write_json(&shown, ui)?;
    } else {
        report.write(&shown, &Describer::of(&dump), ui)?;
    }
    findings::show_some(&replay.findings(), ui);
    Ok(if shown.resets.is_empty() { 0 } else { FOUND })
}

/// Which losses are shown, by their places, the worst first.
struct Shown {
    resets: Vec<usize>,
    undecided: Vec<usize>,
    legitimate: Vec<usize>,
}

impl Shown {
    fn new(args: &DiagnoseArgs, at: &[EventIx], diagnosis: &Diagnosis) -> Self {
        let of = |verdict: Verdict| {
            let mut places = diagnosis.of(verdict);
            places.retain(|place| args.is_wanted(at, diagnosis.losses[*place].at));
            places
        };
        Self {
            resets: of(Verdict::Reset),
            undecided: of(Verdict::Undecided),
            legitimate: of(Verdict::Legitimate),
        }
    }
}

impl DiagnoseArgs {
    fn is_wanted(&self, at: &[EventIx], place: Place) -> bool {
        at.is_empty() || place.event().is_some_and(|merge| at.contains(&merge))
    }
}

struct Report<'t, 'a> {
    replay: &'t Replay<'a>,
    diagnosis: &'t Diagnosis,
    args: &'t DiagnoseArgs,
    what_if: WhatIf<'t, 'a>,
    /// What asserted states lost.
    told_back: Vec<ToldBack>,
}

impl Report<'_, '_> {
    fn write_json(&self, shown: &Shown, ui: &mut Ui) -> Result<(), CliError> {
        let list = |places: &[usize]| -> Vec<_> {
            places.iter().map(|place| self.loss_json(*place, self.args.what_if)).collect()
        };
        let room = self.replay.room();
        let mut object = serde_json::json!({
            "room_id": room.room_id(),
            "room_version": room.rules().id,
            "algorithm": self.replay.algorithm().as_str(),
            "profile": self.replay.profile().as_str(),
            "merges": self.diagnosis.merges,
            "conflicts": self.diagnosis.conflicts,
            "resets": list(&shown.resets),
            "undecided": list(&shown.undecided),
            "legitimate_count": shown.legitimate.len(),
        });
        if self.args.all {
            object["legitimate"] = list(&shown.legitimate).into();
        }
        if !self.told_back.is_empty() {
            object["told_states"] = self.told_back.iter().map(|told| told_back_json(room, told)).collect();
        }
        if room.stored().is_some() {
            object["told"] = setbacks(room).iter().map(|told| told_json(room, told)).collect();
        }
        ui.json(&object)
    }

    fn write(&self, shown: &Shown, describer: &Describer<'_>, ui: &mut Ui) -> Result<(), CliError> {
        let room = self.replay.room();
        let theme = ui.theme();
        let resets = match shown.resets.len() {
            0 => theme.good("no state resets".to_owned()),
            some => theme.bad(text::count(some, "state reset")),
        };
        let title = text::escape(room.room_id().unwrap_or("(no room ID)"));
        writeln!(
            ui.out(),
            "{title}, version {}; algorithm {}, profile {}",
            room.rules().id,
            self.replay.algorithm(),
            self.replay.profile()
        )?;
        writeln!(
            ui.out(),
            "{resets}; {} looked at, {} in conflict",
            text::count(self.diagnosis.merges, "merge"),
            text::count(self.diagnosis.conflicts, "key"),
        )?;
        for line in self.other_counts(shown) {
            writeln!(ui.out(), "{}", theme.dim(line))?;
        }
        self.write_list("State resets, the worst first", &shown.resets, describer, ui)?;
        if self.args.all {
            self.write_list("Undecided, near holes", &shown.undecided, describer, ui)?;
            self.write_list("Legitimate losses", &shown.legitimate, describer, ui)?;
        }
        self.write_told_back(describer, ui)?;
        self.write_told(describer, ui)
    }

    /// What was lost without a merge.
    fn write_told_back(&self, describer: &Describer<'_>, ui: &mut Ui) -> Result<(), CliError> {
        if self.told_back.is_empty() {
            return Ok(());
        }
        let theme = ui.theme();
        writeln!(ui.out(), "\n{}", theme.heading("What asserted states lost, though a parent had it"))?;
        for told in self.told_back.iter().take(self.args.limit) {
            let key = describer.key(told.key);
            let lost = describer.short_id(told.before);
            let what = match told.after {
                None => format!("{} is gone", theme.id(lost)),
                Some(after) => format!(
                    "went back from {} to the older {}",
                    theme.id(lost),
                    theme.id(describer.short_id(after))
                ),
            };
            let (at, parent) = (describer.short_id(told.at), describer.short_id(told.parent));
            let by = told.provenance.as_str();
            writeln!(ui.out(), "   {} {key} {what}", theme.bad("✗"))?;
            writeln!(
                ui.out(),
                "     at {}, whose state is asserted, by {by}; its parent {} had it",
                theme.id(at),
                theme.id(parent)
            )?;
            if !told.is_certain {
                let words = "undecided: another parent is not in the dump, and may have brought it about";
                writeln!(ui.out(), "     {}", theme.dim(words))?;
            }
        }
        if let Some(more) = self.told_back.len().checked_sub(self.args.limit).filter(|more| *more > 0) {
            writeln!(ui.out(), "   {}", theme.dim(format!("… and {} more (--limit)", text::number(more))))?;
        }
        Ok(())
    }

    /// What clients of the server saw of all this.
    fn write_told(&self, describer: &Describer<'_>, ui: &mut Ui) -> Result<(), CliError> {
        let setbacks = setbacks(self.replay.room());
        if setbacks.is_empty() {
            return Ok(());
        }
        let theme = ui.theme();
        let title = "What clients of this server were told, where it was no step forward";
        writeln!(ui.out(), "\n{}", theme.heading(title))?;
        for told in setbacks.iter().take(self.args.limit) {
            let key = describer.key(told.key);
            let before = describer.short_id(told.before);
            let what = match told.after {
                None => format!("{before} was taken out of the state"),
                Some(after) => format!("{before} gave way to the older {}", describer.short_id(after)),
            };
            writeln!(ui.out(), "   {} {key}: {what}", theme.dim(format!("change {}:", told.stream_id)))?;
        }
        if let Some(more) = setbacks.len().checked_sub(self.args.limit).filter(|more| *more > 0) {
            writeln!(ui.out(), "   {}", theme.dim(format!("… and {} more (--limit)", text::number(more))))?;
        }
        Ok(())
    }

    fn other_counts(&self, shown: &Shown) -> Vec<String> {
        let mut lines = Vec::new();
        let mut say = |count: usize, what: &str| {
            if count > 0 && !self.args.all {
                let losses = if count == 1 { "other loss" } else { "other losses" };
                lines.push(format!("{} {losses} {what} (--all shows them)", text::number(count)));
            }
        };
        say(shown.undecided.len(), "undecided: what could tell is not in the dump");
        say(shown.legitimate.len(), "legitimate: taken back by somebody, or an ordinary conflict");
        lines
    }

    /// The losses that are not the same as an earlier one, each with where it happened again.
    fn write_list(
        &self,
        title: &str,
        places: &[usize],
        describer: &Describer<'_>,
        ui: &mut Ui,
    ) -> Result<(), CliError> {
        if places.is_empty() {
            return Ok(());
        }
        let theme = ui.theme();
        let groups = self.diagnosis.grouped(places);
        writeln!(ui.out(), "\n{}", theme.heading(title))?;
        for (number, group) in groups.iter().take(self.args.limit).enumerate() {
            writeln!(ui.out())?;
            self.write_loss(number + 1, group.told, describer, ui)?;
            let again: Vec<&Loss> = group.again.iter().map(|place| &self.diagnosis.losses[*place]).collect();
            if !again.is_empty() {
                let names: Vec<String> =
                    again.iter().take(5).map(|loss| place_name(describer, loss.at)).collect();
                let more = if again.len() > names.len() { ", …" } else { "" };
                let times = text::count(again.len(), "time");
                writeln!(
                    ui.out(),
                    "   {}",
                    theme.dim(format!("the same again {times}: {}{more}", names.join(", ")))
                )?;
            }
        }
        if let Some(more) = groups.len().checked_sub(self.args.limit).filter(|more| *more > 0) {
            writeln!(ui.out(), "\n{}", theme.dim(format!("… and {} more (--limit)", text::number(more))))?;
        }
        Ok(())
    }

    fn write_loss(
        &self,
        number: usize,
        place: usize,
        describer: &Describer<'_>,
        ui: &mut Ui,
    ) -> Result<(), CliError> {
        let theme = ui.theme();
        let loss = &self.diagnosis.losses[place];
        let counterfactuals = self.counterfactuals(loss);
        let damage = damage(self.replay, self.diagnosis, place);
        let node = explain_loss(self.replay.room(), loss, &damage, &counterfactuals);
        let span = |span: &Span| paint_span(describer, theme, span);
        let head = format!("{number}. {} ({})", loss.severity.as_str(), loss.class.as_str());
        let mut tree = format!("{}: ", theme.heading(head));
        steps::write_tree(&mut tree, &[node], &span, &|tone, text| paint(theme, tone, text));
        ui.out().write_all(tree.as_bytes())?;
        Ok(())
    }

    /// All suppositions if asked for, else just the one that advice is made of.
    fn counterfactuals(&self, loss: &Loss) -> Vec<Counterfactual> {
        if self.args.what_if {
            return self.what_if.of(loss);
        }
        for_advice(&self.what_if, self.replay, loss)
    }
}

fn told_back_json(room: &Room, told: &ToldBack) -> serde_json::Value {
    let (event_type, state_key) = room.key(told.key);
    serde_json::json!({
        "at": room.id(told.at), "by": told.provenance.as_str(), "parent": room.id(told.parent),
        "type": event_type, "state_key": state_key, "turn": told.turn.as_str(), "before": room.id(told.before),
        "after": told.after.map(|after| room.id(after)), "certain": told.is_certain,
    })
}

fn told_json(room: &Room, told: &Told) -> serde_json::Value {
    let (event_type, state_key) = room.key(told.key);
    serde_json::json!({
        "stream_id": told.stream_id, "type": event_type, "state_key": state_key, "turn": told.turn.as_str(),
        "before": room.id(told.before), "after": told.after.map(|after| room.id(after)),
    })
}

/// The suppositions that advice is made of: for a reset, whether the newest algorithm would have kept the value.
pub(super) fn for_advice(what_if: &WhatIf<'_, '_>, replay: &Replay<'_>, loss: &Loss) -> Vec<Counterfactual> {
    let newest = Algorithm::V2_1;
    let would_upgrade = loss.verdict == Verdict::Reset && replay.algorithm() != newest;
    let suppositions = would_upgrade.then_some(Supposition::Algorithm(newest));
    what_if.only(loss, suppositions.as_slice())
}

pub(super) fn place_name(describer: &Describer<'_>, at: Place) -> String {
    match at {
        Place::Event(merge) => describer.short_id(merge),
        Place::Now => "now".to_owned(),
    }
}
