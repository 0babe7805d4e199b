//! The controls that move through the steps of a resolution.

use egui::{ComboBox, RichText, Role, Slider, Ui, WidgetInfo};

use super::icons::{Icon, icon_button};
use crate::app::context::Context;
use crate::app::keys;
use crate::app::seats::Windows;
use crate::session::Command;

/// Steps per second.
const SPEEDS: [f64; 6] = [0.5, 1.0, 2.0, 5.0, 10.0, 30.0];

/// What the controls keep.
#[derive(Debug)]
pub(super) struct TransportView {
    speed: f64,
    /// When the next step is due, in seconds.
    due: Option<f64>,
}

impl Default for TransportView {
    fn default() -> Self {
        Self { speed: 1.0, due: None }
    }
}

/// Draws the controls. `count`: the number of steps.
pub(super) fn transport_ui(
    ui: &mut Ui,
    cx: &Context<'_>,
    view: &mut TransportView,
    windows: &mut Windows,
    count: usize,
) {
    let last = count.saturating_sub(1);
    let step = cx.session.cursor().step;
    play(ui, cx, view, windows, last);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        let play = if windows.playing { (Icon::Pause, "Pause") } else { (Icon::Play, "Play") };
        for ((icon, name), is_enabled, command) in [
            ((Icon::First, "First step"), step != Some(0), Command::FirstStep),
            ((Icon::Previous, "Previous step"), step.is_some_and(|step| step > 0), Command::MoveSteps(-1)),
            (play, true, Command::TogglePlay),
            ((Icon::Next, "Next step"), step != Some(last), Command::MoveSteps(1)),
            ((Icon::Last, "Last step"), step != Some(last), Command::LastStep),
        ] {
            let tip = crate::session::CommandInfo::of(&command);
            let keys = tip.and_then(|info| info.shortcuts.first()).map(|shortcut| keys::words(*shortcut));
            let response = icon_button(ui, icon, name, is_enabled);
            let response = match keys {
                Some(keys) => response.on_hover_text(format!("{name}  ({keys})")),
                None => response.on_hover_text(name),
            };
            if response.clicked() {
                cx.send(command);
            }
        }
        let speed = ComboBox::from_id_salt("speed")
            .width(84.0)
            .selected_text(speed_name(view.speed))
            .show_ui(ui, |ui| {
                for speed in SPEEDS {
                    ui.selectable_value(&mut view.speed, speed, speed_name(speed));
                }
            });
        speed.response.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, "Speed"));
        ui.add_space(6.0);
        let text = match step {
            Some(step) => format!("Step {} of {count}", step + 1),
            None => format!("{count} steps"),
        };
        ui.label(RichText::new(text).color(cx.tokens.weak));
        if step.is_none() && ui.button("Step into").clicked() {
            cx.send(Command::StepInto);
        }
        if step.is_some() && ui.button("Step out").clicked() {
            cx.send(Command::StepOut);
        }
        let mut place = step.unwrap_or(0);
        ui.spacing_mut().slider_width = (ui.available_width() - 8.0).max(60.0);
        let slider = ui.add(Slider::new(&mut place, 0..=last).show_value(false));
        slider.widget_info(|| WidgetInfo::slider(true, (place + 1) as f64, "Step of the resolution"));
        if slider.changed() {
            cx.send(Command::ScrubToStep(place));
        }
    });
}

fn speed_name(speed: f64) -> String {
    let noun = if (speed - 1.0).abs() < f64::EPSILON { "step" } else { "steps" };
    format!("{speed} {noun}/s")
}

/// Goes a step on when it is time to.
fn play(ui: &Ui, cx: &Context<'_>, view: &mut TransportView, windows: &mut Windows, last: usize) {
    if !windows.playing {
        view.due = None;
        return;
    }
    let now = ui.input(|input| input.time);
    let due = *view.due.get_or_insert(now + 1.0 / view.speed);
    if now >= due {
        if cx.session.cursor().step == Some(last) {
            windows.playing = false;
            return;
        }
        cx.send(Command::MoveSteps(1));
        view.due = Some(now + 1.0 / view.speed);
    }
    let wait = view.due.map_or(0.0, |due| due - now).max(0.0);
    ui.ctx().request_repaint_after(std::time::Duration::from_secs_f64(wait));
}
