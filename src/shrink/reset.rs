//! A state reset as something to keep.

use super::property::Property;
use crate::diagnose::resets::{
    Code, Diagnosis, Loss, Verdict, damage, diagnose_at, explain_loss, loss_title,
};
use crate::explain::Node;
use crate::replay::{Pair, Place, Replay};
use crate::room::EventIx;

/// At a merge, or now, a key is reset for the same cause.
#[derive(Debug, Clone)]
pub struct Reset {
    at: Option<Box<str>>,
    event_type: Box<str>,
    state_key: Box<str>,
    code: Code,
    verdict: Verdict,
    pair: Pair,
}

impl Reset {
    /// That of a loss, which need not be a reset: its verdict is kept too.
    pub fn of(replay: &Replay<'_>, loss: &Loss) -> Self {
        let room = replay.room();
        let (event_type, state_key) = room.key(loss.key);
        Self {
            at: loss.at.event().map(|ix| room.id(ix).into()),
            event_type: event_type.into(),
            state_key: state_key.into(),
            code: loss.cause().code,
            verdict: loss.verdict,
            pair: Pair::of(&replay.recording()),
        }
    }

    /// The worst reset of a room, or of a place: of those at an event, which is the merge or was lost there.
    pub fn find(replay: &Replay<'_>, diagnosis: &Diagnosis, at: Option<Place>) -> Option<Self> {
        let concerns = |loss: &&Loss| match at {
            None => true,
            Some(Place::Now) => loss.at == Place::Now,
            Some(Place::Event(ix)) => {
                loss.at.event() == Some(ix) || loss.lost.iter().any(|lost| lost.event == ix)
            }
        };
        diagnosis.resets().find(concerns).map(|loss| Self::of(replay, loss))
    }

    /// The diagnosis of the place, and the loss among those it has.
    fn diagnose(&self, replay: &Replay<'_>, targets: &[EventIx]) -> Option<(Diagnosis, usize)> {
        let key = replay.room().find_key(&self.event_type, &self.state_key)?;
        let at = match &self.at {
            None => Place::Now,
            Some(_) => Place::Event(*targets.first()?),
        };
        let diagnosis = diagnose_at(replay, at);
        let is_it =
            |loss: &Loss| loss.key == key && (loss.verdict, loss.cause().code) == (self.verdict, self.code);
        let place = diagnosis.losses.iter().position(is_it)?;
        Some((diagnosis, place))
    }

    /// The cause at the end of the chain.
    pub fn code(&self) -> Code {
        self.code
    }
}

impl Property for Reset {
    fn pair(&self) -> Pair {
        self.pair
    }

    fn targets(&self) -> Vec<Box<str>> {
        self.at.iter().cloned().collect()
    }

    fn holds(&self, replay: &Replay<'_>, targets: &[EventIx]) -> bool {
        self.diagnose(replay, targets).is_some()
    }

    fn describe(&self, name: &dyn Fn(EventIx) -> String, targets: &[EventIx]) -> String {
        let key = format!("{} {}", self.event_type, self.state_key);
        let place = targets.first().map_or_else(|| "now".to_owned(), |ix| format!("at {}", name(*ix)));
        let what = if self.verdict == Verdict::Reset { "reset" } else { "lost" };
        format!("{} is {what} {place} ({})", key.trim_end(), self.code.as_str())
    }

    fn explain(&self, replay: &Replay<'_>, targets: &[EventIx]) -> Option<Node> {
        let (diagnosis, place) = self.diagnose(replay, targets)?;
        let loss = &diagnosis.losses[place];
        let mut node = explain_loss(replay.room(), loss, &damage(replay, &diagnosis, place), &[]);
        node.sentence = loss_title(loss);
        Some(node)
    }
}
