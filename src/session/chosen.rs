//! Events that somebody has chosen to resolve over: places in time that the room itself does not have.

use std::collections::HashMap;
use std::sync::Arc;

use crate::room::EventIx;

/// More events than this are not resolved over at once.
pub const MOST_CHOSEN: usize = 64;

/// Some events of a session, over the states after which it resolves. The session that made it knows which
/// ([`Session::chosen`](super::Session::chosen)), so that places can be copied, compared and gone back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chosen {
    last: EventIx,
    number: usize,
}

impl Chosen {
    /// The last of the events, in topological order: after that the place is in time.
    pub fn last(self) -> EventIx {
        self.last
    }
}

/// All choices that were made in a session. The same events are the same choice.
#[derive(Debug, Clone, Default)]
pub(super) struct Choices {
    sets: Vec<Arc<[EventIx]>>,
    numbers: HashMap<Arc<[EventIx]>, usize>,
}

impl Choices {
    /// The choice of these events, in whatever order they come; `None` if there is none.
    pub(super) fn of(&mut self, events: &[EventIx]) -> Option<Chosen> {
        let mut events = events.to_vec();
        events.sort_unstable();
        events.dedup();
        let last = *events.last()?;
        let events: Arc<[EventIx]> = events.into();
        let number = *self.numbers.entry(Arc::clone(&events)).or_insert_with(|| {
            self.sets.push(events);
            self.sets.len() - 1
        });
        Some(Chosen { last, number })
    }

    /// The events of a choice, ascending; none if it is that of another session.
    pub(super) fn events(&self, chosen: Chosen) -> &[EventIx] {
        let events = self.sets.get(chosen.number).filter(|events| events.last() == Some(&chosen.last));
        events.map_or(&[], |events| events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolve::step::Step;
    use crate::session::link::ShareLink;
    use crate::session::tests::fixture;
    use crate::session::{Command, Cursor, Direction, Effect, Item, Position, Target};

    #[test]
    fn the_same_events_are_the_same_choice() {
        let [a, b, c] = [1, 2, 3].map(EventIx::new);
        let mut choices = Choices::default();
        let first = choices.of(&[b, a]).unwrap();
        assert_eq!(choices.of(&[a, b, a]), Some(first));
        let second = choices.of(&[c, a]).unwrap();
        assert_ne!(first, second);
        assert_eq!((choices.events(first), choices.events(second)), (&[a, b][..], &[a, c][..]));
        assert_eq!((first.last(), second.last()), (b, c));
        assert_eq!(choices.of(&[]), None);
        let mut others = Choices::default();
        assert!(others.events(second).is_empty(), "that of another session");
        assert_eq!(others.of(&[b]).map(|chosen| choices.events(chosen).len()), Some(2));
    }

    /// What several events come to is what an event with all of them as parents would find.
    #[test]
    fn resolving_over_the_parents_is_resolving_the_merge() {
        let mut session = fixture("topic-vs-ban");
        session.apply(Command::Find(Target::Conflicted, Direction::Next));
        let Position::Event(merge) = session.cursor().event else { panic!("no merge") };
        let steps = session.steps().unwrap().steps.clone();
        let parents = session.room().state_parents(merge).to_vec();
        for ix in &parents {
            session.apply(Command::ToggleSelected(Item::Event(*ix)));
        }
        session.apply(Command::ResolveSelection);
        let Position::Over(chosen) = session.cursor().event else { panic!("{:?}", session.cursor()) };
        assert_eq!(session.chosen(chosen).len(), parents.len());
        // The order of the inputs is another.
        let decisions = |steps: &[Step]| -> Vec<Step> {
            let is_decision = |step: &&Step| matches!(step, Step::PowerPop(_) | Step::AuthCheck(_));
            steps.iter().filter(is_decision).cloned().collect()
        };
        assert_eq!(decisions(&session.steps().unwrap().steps), decisions(&steps));
        assert_eq!(session.state_at(session.cursor().event), session.replay().before(merge).cloned());
        assert_eq!(session.parents_of(session.cursor().event).len(), parents.len());

        session.apply(Command::StepInto);
        session.apply(Command::MoveSteps(3));
        assert_eq!(session.cursor().step, Some(3));
        assert!(session.roles().iter().next().is_some() && session.running_state().is_some());
        session.apply(Command::ClearSelection);
        assert_eq!(session.cursor(), Cursor { event: Position::Over(chosen), step: Some(3) });
        let fragment = session.link_to_place().encode().unwrap();
        assert_eq!(fragment.matches("over=$").count(), parents.len(), "{fragment}");

        // From here the rows go on beside the last of the events.
        session.apply(Command::MoveEvents(-1));
        assert_eq!(session.cursor(), Cursor::at(chosen.last()));
        session.apply(Command::Back);
        session.apply(Command::MoveEvents(1));
        assert_eq!(session.cursor().event.event().map(EventIx::index), Some(chosen.last().index() + 1));
        session.apply(Command::FirstEvent);
        session.follow(&ShareLink::decode(&fragment).unwrap());
        assert_eq!(session.cursor(), Cursor { event: Position::Over(chosen), step: Some(3) });
    }

    #[test]
    fn what_cannot_be_resolved_over_says_so() {
        let mut session = fixture("twenty-way-merge");
        let here = session.cursor();
        let told = |effects: &[Effect]| match effects {
            [Effect::Tell(notice)] => notice.text.clone(),
            other => panic!("{other:?}"),
        };
        assert!(told(&session.apply(Command::ResolveSelection)).contains("Select two events"));
        let many = vec![EventIx::new(0); MOST_CHOSEN + 1];
        assert!(told(&[session.over(&many).unwrap_err()]).contains("too many"));
        let mut other = fixture("topic-vs-ban");
        let place = other.over(&[EventIx::new(1), EventIx::new(2)]).unwrap();
        assert!(told(&session.apply(Command::SeekEvent(place))).contains("no such event"));
        assert_eq!(session.cursor(), here);
    }
}
