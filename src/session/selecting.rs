//! What commands do to the selection, and with it.

use super::Session;
use super::chosen::MOST_CHOSEN;
use super::command::Command;
use super::cursor::{Cursor, Position};
use super::effect::Effect;
use super::item::Item;
use crate::room::EventIx;

impl Session {
    pub(super) fn apply_selection(&mut self, command: Command) -> Vec<Effect> {
        match command {
            Command::Hover(item) => {
                self.hover_next = self.is_there(&item).then_some(item);
                return Vec::new();
            }
            Command::Select(item) if self.is_there(&item) => self.selection.set(item),
            Command::ToggleSelected(item) if self.is_there(&item) => self.selection.toggle(item),
            Command::SelectRange(to) if self.is_place(to) => {
                let here = self.cursor.event.anchor().map_or(Position::Now, Position::Event);
                let (here, there) = (self.rows.row_from(here), self.rows.row_from(to));
                let rows = here.min(there)..=here.max(there);
                let items = rows.filter_map(|row| self.rows.get(row).event()).map(Item::Event);
                self.selection.extend(items);
            }
            Command::ClearSelection => self.selection.clear(),
            _ => {}
        }
        Vec::new()
    }

    fn is_there(&self, item: &Item) -> bool {
        item.is_of(&self.room)
            && match item {
                Item::Step(step) => self.steps().is_some_and(|steps| *step < steps.steps.len()),
                Item::Finding(place) => *place < self.findings.len(),
                _ => true,
            }
    }

    /// Selects just these, as far as they are there.
    pub(super) fn select_all(&mut self, items: Vec<Item>) {
        self.selection.clear();
        let items: Vec<Item> = items.into_iter().filter(|item| self.is_there(item)).collect();
        self.selection.extend(items);
    }

    /// Goes to the resolution over the selected events.
    pub(super) fn resolve_selection(&mut self) -> Vec<Effect> {
        let events = self.selection.events();
        if events.len() < 2 {
            return vec![Effect::tell("Select two events or more, to resolve over the states after them")];
        }
        self.over(&events).map_or_else(|error| vec![error], |place| self.seek(Cursor::at(place)))
    }

    /// The place where the states after some events are resolved. Says why there is none.
    pub(super) fn over(&mut self, events: &[EventIx]) -> Result<Position, Effect> {
        if events.len() > MOST_CHOSEN {
            return Err(Effect::complain(format!(
                "{} events are too many to resolve over: at most {MOST_CHOSEN}",
                events.len()
            )));
        }
        let chosen = self.choices.of(events).ok_or_else(|| Effect::complain("There are no events"))?;
        Ok(Position::Over(chosen))
    }

    pub(super) fn copy_ids(&self) -> Effect {
        let mut events = self.selection.events();
        if events.is_empty() {
            match self.cursor.event {
                Position::Over(chosen) => events.extend(self.chosen(chosen)),
                place => events.extend(place.event()),
            }
        }
        if events.is_empty() {
            return Effect::tell("Select an event first");
        }
        let ids: Vec<&str> = events.iter().map(|ix: &EventIx| self.room.id(*ix)).collect();
        Effect::CopyText(ids.join("\n"))
    }
}
