//! From a session to a link, and back.

use super::{LARGEST, LinkError, LinkedItem, LinkedPlace, LinkedRoom, ShareLink};
use crate::export::scenario_text;
use crate::room::{EventIx, Room};
use crate::session::{Cursor, EdgeMode, Effect, Origin, Pair, Position, Session};

/// So much of an event ID stands in a link, if it suffices.
const ID_LENGTH: usize = 13;

/// Rooms with more text than this are not even tried: packing them takes time, and text of events, with its hashes,
/// becomes a tenth at best.
const LARGEST_TRIED: usize = LARGEST * 50;

/// Of more than so many things that are selected or expanded none is in a link, which would have no end.
const MOST: usize = 256;

fn few<T>(items: impl Iterator<Item = T> + Clone) -> impl Iterator<Item = T> {
    let is_few = items.clone().nth(MOST).is_none();
    items.filter(move |_| is_few)
}

impl Session {
    /// A link to what is seen, with the room in it; of a built-in room with its name.
    ///
    /// # Errors
    /// If the room is so large that it is not even tried to pack it.
    pub fn link(&self) -> Result<ShareLink, LinkError> {
        let room = match &self.source().origin {
            Origin::Tutorial(slug) => LinkedRoom::Tutorial(slug.clone()),
            Origin::Link | Origin::Local if self.is_empty() => LinkedRoom::Open,
            Origin::Link | Origin::Local => LinkedRoom::Scenario(self.linked_text()?),
        };
        Ok(ShareLink { room, ..self.link_to_place() })
    }

    /// A link to a place in the room that is open, without the room: of use to somebody who has the same file.
    pub fn link_to_place(&self) -> ShareLink {
        let settings = self.settings();
        ShareLink {
            room: LinkedRoom::Open,
            at: Some(match self.cursor().event {
                Position::Now => LinkedPlace::Now,
                Position::Event(ix) => LinkedPlace::Event(self.name_in_link(ix)),
                Position::Over(chosen) => {
                    LinkedPlace::Over(self.chosen(chosen).iter().map(|ix| self.name_in_link(*ix)).collect())
                }
            }),
            step: self.cursor().step,
            pair: Some(settings.pair).filter(|pair| *pair != Pair::default_for(self.room())),
            compare: settings.compare,
            filter: settings.filter.clone(),
            search: settings.search.clone(),
            axis: settings.axis,
            edges: settings.edges,
            bright_future: !settings.dim_future,
            collapse: settings.collapse,
            // Where nothing is collapsed, nothing is expanded either.
            expanded: few(settings.collapse.then_some(&settings.expanded).into_iter().flatten())
                .map(|ix| self.name_in_link(*ix))
                .collect(),
            selected: few(self.selection().items().iter())
                .filter_map(|item| LinkedItem::new(self.room(), item, |ix| self.name_in_link(ix)))
                .collect(),
        }
    }

    /// What copying a link comes to. A room that is too large stays out of it.
    pub(in crate::session) fn copy_link(&self, with_room: bool) -> Vec<Effect> {
        let whole = with_room.then(|| self.link().and_then(|link| Ok((link.encode()?, link.room))));
        let (fragment, notice) = match whole {
            Some(Ok((fragment, LinkedRoom::Scenario(_)))) => {
                let size = fragment.len().div_ceil(1000);
                (Ok(fragment), Effect::tell(format!("Link copied, with the room in it: {size} kB")))
            }
            Some(Ok((fragment, _))) => (Ok(fragment), Effect::tell("Link copied")),
            Some(Err(error)) => (
                self.link_to_place().encode(),
                Effect::complain(format!("{error}. The link that was copied holds the place alone")),
            ),
            None => (self.link_to_place().encode(), Effect::tell("Link copied, without the room")),
        };
        match fragment {
            Ok(fragment) => vec![Effect::CopyLink(fragment), notice],
            Err(error) => vec![Effect::complain(error)],
        }
    }

    fn linked_text(&self) -> Result<Vec<u8>, LinkError> {
        let room = self.room();
        let bytes: usize = room.events().map(|ix| room.event(ix).json().len()).sum();
        if bytes > LARGEST_TRIED {
            return Err(LinkError::TooLarge { bytes });
        }
        Ok(scenario_text(&self.replay()).into_bytes())
    }

    /// As much of the ID as tells the event from all others.
    fn name_in_link(&self, ix: EventIx) -> String {
        let id = self.room().id(ix);
        let placeholder = self.source().placeholders.iter().find(|(_, real)| *real == id);
        if let (Some((name, _)), Origin::Tutorial(_)) = (placeholder, &self.source().origin) {
            return name.clone();
        }
        match id.get(..ID_LENGTH) {
            Some(head) if self.room().find_prefix(head).len() == 1 => head.to_owned(),
            _ => id.to_owned(),
        }
    }

    /// Goes where a link leads, with its settings. The room of the link has to be open already. Where the link asks for
    /// another replay, the place is sought again as soon as that is there.
    pub fn follow(&mut self, link: &ShareLink) -> Vec<Effect> {
        let mut settings = self.settings().clone();
        settings.pair = link.pair.unwrap_or_else(|| Pair::default_for(self.room()));
        settings.compare = link.compare;
        settings.filter.clone_from(&link.filter);
        settings.axis = link.axis;
        settings.edges = if link.edges.is_of(self.room()) { link.edges } else { EdgeMode::default() };
        settings.search.clone_from(&link.search);
        settings.dim_future = !link.bright_future;
        settings.collapse = link.collapse;
        settings.expanded = link.expanded.iter().filter_map(|name| self.event_of_link(name).ok()).collect();
        let mut effects = self.change_settings(settings, false);
        let place = link.at.as_ref().map(|at| self.place_of_link(at));
        match place {
            None => {}
            Some(Ok(event)) => effects.extend(self.seek_when_ready(Cursor { event, step: link.step })),
            Some(Err(complaint)) => effects.push(complaint),
        }
        let event = |name: &str| self.event_of_link(name).ok();
        let selected = link.selected.iter().filter_map(|item| item.find(self.room(), event)).collect();
        self.select_all(selected);
        effects
    }

    fn place_of_link(&mut self, at: &LinkedPlace) -> Result<Position, Effect> {
        match at {
            LinkedPlace::Now => Ok(Position::Now),
            LinkedPlace::Event(name) => self.event_of_link(name).map(Position::Event),
            LinkedPlace::Over(names) => {
                let events: Result<Vec<EventIx>, Effect> =
                    names.iter().map(|name| self.event_of_link(name)).collect();
                self.over(&events?)
            }
        }
    }

    fn event_of_link(&self, name: &str) -> Result<EventIx, Effect> {
        let room: &Room = self.room();
        let real = |name: &str| room.find(self.source().placeholders.get(name)?);
        let only = |found: Vec<EventIx>| match found[..] {
            [ix] => Some(ix),
            _ => None,
        };
        let found = room.find(name).or_else(|| real(name)).or_else(|| only(room.find_prefix(name)));
        found.ok_or_else(|| Effect::complain(format!("The link leads to an event that is not here: {name}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::{Options, load};
    use crate::generate::{Blueprint, Preset};
    use crate::session::tests::fixture;
    use crate::session::{Axis, Command, Item, Settings};

    #[test]
    fn a_link_shows_what_was_seen() {
        let mut session = fixture("topic-vs-ban");
        let key = session.room().find_key("m.room.topic", "").unwrap();
        for command in [
            Command::SetSearch("type:topic".to_owned()),
            Command::ToggleDimFuture,
            Command::ToggleCollapse,
            Command::ToggleRun(EventIx::new(1)),
            Command::Select(Item::Key(key)),
            Command::ToggleSelected(Item::Event(EventIx::new(2))),
            Command::ToggleSelected(Item::User("@bob:b.example".into())),
        ] {
            session.apply(command);
        }
        let fragment = session.link_to_place().encode().unwrap();
        assert!(fragment.contains("search=type:topic&future=bright&collapse=on&expanded=$"), "{fragment}");
        assert!(fragment.contains("selected=key:m.room.topic/&selected=$"), "{fragment}");
        let mut other = fixture("topic-vs-ban");
        other.follow(&ShareLink::decode(&fragment).unwrap());
        assert_eq!((other.settings(), other.selection()), (session.settings(), session.selection()));
        // A link of an earlier version tells none of that: all is as at the beginning.
        session.follow(&ShareLink::decode("at=now&axis=depth").unwrap());
        let fresh = Settings { axis: Axis::Depth, ..Settings::new(session.settings().pair) };
        assert_eq!((session.settings(), session.selection().is_empty()), (&fresh, true));
        // More is selected than a link should hold.
        let dump =
            load(&Blueprint { events: 400, ..Blueprint::preset(Preset::R10k) }.ndjson(), &Options::default())
                .unwrap();
        let mut large = Session::new("large", dump);
        large.apply(Command::FirstEvent);
        large.apply(Command::SelectRange(Position::Now));
        assert!(large.selection().items().len() > 300);
        assert!(!large.link_to_place().encode().unwrap().contains("selected"));
    }
}
