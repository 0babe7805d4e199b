//! The story of a state key as text.

use std::collections::BTreeSet;
use std::io::Write as _;

use crate::cli::compare::show;
use crate::cli::error::CliError;
use crate::cli::output::{Theme, Ui};
use crate::cli::{resolve, steps, text};
use crate::describe::Describer;
use crate::diagnose::fate::Decision;
use crate::diagnose::story::{Chapter, Merge, Story, Turn, What};
use crate::explain::explain_rejection;
use crate::replay::{Place, Replay};
use crate::room::{EventIx, KeyIx};

/// So many branches of a merge are listed.
const BRANCHES: usize = 8;
/// How many values that lost are explained at one merge.
const LOSERS: usize = 4;

/// Tells stories of one room.
pub(super) struct Teller<'a> {
    replay: &'a Replay<'a>,
    describer: &'a Describer<'a>,
    all: bool,
    /// Who has been told to win over whom.
    told: BTreeSet<(Option<EventIx>, EventIx)>,
    /// The merges left out since the last chapter that was told.
    folded: usize,
    /// At a merge that was told an older value came back, or the key was unset.
    is_odd: bool,
}

impl<'a> Teller<'a> {
    pub(super) fn new(replay: &'a Replay<'a>, describer: &'a Describer<'a>, all: bool) -> Self {
        Self { replay, describer, all, told: BTreeSet::new(), folded: 0, is_odd: false }
    }

    /// The whole story.
    pub(super) fn tell(mut self, story: &Story, ui: &mut Ui) -> Result<(), CliError> {
        let theme = ui.theme();
        let title = format!("The story of {}", self.describer.key(story.key));
        let until = match story.until {
            Place::Event(ix) => format!(", as {} has it", self.describer.short_id(ix)),
            Place::Now => String::new(),
        };
        writeln!(ui.out(), "{}{until}", theme.heading(title))?;
        if story.chapters.is_empty() {
            writeln!(ui.out(), "\nNothing in that history ever set it.")?;
        }
        for chapter in &story.chapters {
            self.chapter(story.key, chapter, ui)?;
        }
        self.unfold(ui)?;
        let end = match story.until {
            Place::Event(_) => "After that event it is",
            Place::Now => "Now it is",
        };
        let value = match story.value {
            Some(value) => show::value(self.describer, theme, value),
            None => "unknown: the state there lies behind a hole".to_owned(),
        };
        writeln!(ui.out(), "\n{} {value}", theme.heading(end))?;
        if self.is_odd {
            let hint =
                "`hindsight diagnose` tells whether somebody took back what was lost at the places marked !";
            writeln!(ui.out(), "{}", theme.dim(hint))?;
        }
        Ok(())
    }

    /// One chapter, unless it says nothing new.
    pub(super) fn chapter(&mut self, key: KeyIx, chapter: &Chapter, ui: &mut Ui) -> Result<(), CliError> {
        if let What::Merge(merge) = &chapter.what
            && !self.all
            && self.says_nothing_new(merge)
        {
            self.folded += 1;
            return Ok(());
        }
        self.unfold(ui)?;
        match (&chapter.what, chapter.at) {
            (What::Set { replaced }, Place::Event(ix)) => self.set(ix, *replaced, ui),
            (What::Attempt { stayed }, Place::Event(ix)) => self.attempt(ix, *stayed, ui),
            (What::Merge(merge), at) => self.merge(key, at, merge, ui),
            (What::Asserted { value, computed, provenance }, Place::Event(ix)) => {
                let theme = ui.theme();
                let place = self.place(theme, ix);
                writeln!(ui.out(), "\n{place}\n  the state here is asserted, by {}", provenance.as_str())?;
                writeln!(ui.out(), "  it is {}", show::value(self.describer, theme, *value))?;
                if let Some(computed) = computed {
                    let computed = show::value(self.describer, theme, *computed);
                    writeln!(ui.out(), "  by the events it would be {computed}")?;
                }
                Ok(())
            }
            (What::Unknown(links), Place::Event(ix)) => {
                let place = self.place(ui.theme(), ix);
                let links: Vec<String> = links.iter().map(|link| show::link(self.describer, *link)).collect();
                let parents = links.join(", ");
                writeln!(
                    ui.out(),
                    "\n{place}\n  what it was here is unknown: {parents} is not in the dump, or without place"
                )?;
                Ok(())
            }
            (_, Place::Now) => Ok(()),
        }
    }

    /// Says how many merges were left out.
    pub(super) fn unfold(&mut self, ui: &mut Ui) -> Result<(), CliError> {
        let folded = std::mem::take(&mut self.folded);
        if folded > 0 {
            let theme = ui.theme();
            let merges = text::count(folded, "merge");
            let line = format!(
                "  … {merges} with branches that had older or beaten values: it stays (--all shows them)"
            );
            writeln!(ui.out(), "\n{}", theme.dim(line))?;
        }
        Ok(())
    }

    fn says_nothing_new(&mut self, merge: &Merge) -> bool {
        let pairs: Vec<_> = merge.losers().into_iter().map(|loser| (merge.value, loser)).collect();
        match merge.turn {
            Turn::CaughtUp => true,
            _ => {
                let mut is_new = pairs.is_empty();
                for pair in pairs {
                    is_new |= self.told.insert(pair);
                }
                !is_new
            }
        }
    }

    fn place(&self, theme: Theme, ix: EventIx) -> String {
        show::line(self.describer, theme, ix)
    }

    fn set(&self, ix: EventIx, replaced: Option<Option<EventIx>>, ui: &mut Ui) -> Result<(), CliError> {
        let theme = ui.theme();
        writeln!(ui.out(), "\n{}", self.place(theme, ix))?;
        let sender = theme.user(self.describer.sender(ix));
        match replaced {
            Some(Some(old)) => {
                let old = self.place(theme, old);
                writeln!(ui.out(), "  {sender} {} it, instead of\n    {old}", theme.good("sets"))?;
            }
            Some(None) => writeln!(ui.out(), "  {sender} {} it; it was not set before", theme.good("sets"))?,
            None => {
                writeln!(ui.out(), "  {sender} {} it; what it was before is unknown", theme.good("sets"))?;
            }
        }
        Ok(())
    }

    fn attempt(&self, ix: EventIx, stayed: Option<Option<EventIx>>, ui: &mut Ui) -> Result<(), CliError> {
        let theme = ui.theme();
        writeln!(ui.out(), "\n{}", self.place(theme, ix))?;
        let sender = theme.user(self.describer.sender(ix));
        let why = match self.replay.rejection(ix) {
            Some(rejection) => {
                show::sentence(self.describer, theme, &explain_rejection(self.replay.room(), rejection))
            }
            None => "rejected".to_owned(),
        };
        writeln!(ui.out(), "  {sender} {} to set it: {why}", theme.bad("tries"))?;
        if let Some(stayed) = stayed {
            writeln!(ui.out(), "  it stays {}", show::value(self.describer, theme, stayed))?;
        }
        Ok(())
    }

    fn merge(&mut self, key: KeyIx, at: Place, merge: &Merge, ui: &mut Ui) -> Result<(), CliError> {
        let theme = ui.theme();
        let place = match at {
            Place::Event(ix) => format!("{} {}", theme.heading("Before"), self.place(theme, ix)),
            Place::Now => theme.heading("Now").to_string(),
        };
        writeln!(ui.out(), "\n{place}")?;
        writeln!(ui.out(), "  {} that disagree:", theme.heading("branches meet"))?;
        for (link, value) in merge.branches.iter().take(BRANCHES) {
            let value = show::value(self.describer, theme, *value);
            writeln!(ui.out(), "    after {}: {value}", show::link(self.describer, *link))?;
        }
        if let Some(more) = merge.branches.len().checked_sub(BRANCHES).filter(|more| *more > 0) {
            writeln!(ui.out(), "    … and {} more", text::number(more))?;
        }
        let value = show::value(self.describer, theme, merge.value);
        self.is_odd |= matches!(merge.turn, Turn::RolledBack | Turn::Revived | Turn::Vanished);
        let (mark, words) = turn_words(theme, merge.turn);
        writeln!(ui.out(), "  {mark} it is {value}\n    {words}")?;
        if merge.turn == Turn::CaughtUp {
            return Ok(());
        }
        self.losers(key, at, merge, ui)
    }

    /// How the values that did not win lost.
    fn losers(&self, key: KeyIx, at: Place, merge: &Merge, ui: &mut Ui) -> Result<(), CliError> {
        let Some(recorded) = Merge::steps(self.replay, at) else { return Ok(()) };
        let decision = Decision::new(self.replay.room(), &recorded, key);
        let losers = merge.losers();
        let mut nodes: Vec<_> = losers.iter().take(LOSERS).map(|loser| decision.explain(*loser)).collect();
        if let (Turn::Revived, Some(value)) = (merge.turn, merge.value) {
            nodes.push(decision.explain(value));
        }
        let theme = ui.theme();
        let mut tree = String::new();
        steps::write_tree(
            &mut tree,
            &nodes,
            &|span| resolve::paint_span(self.describer, theme, span),
            &|tone, text| resolve::paint(theme, tone, text),
        );
        for line in tree.lines().filter(|line| !line.is_empty()) {
            writeln!(ui.out(), "    {line}")?;
        }
        if let Some(more) = losers.len().checked_sub(LOSERS).filter(|more| *more > 0) {
            writeln!(ui.out(), "    … and {} lost too", text::count(more, "more value"))?;
        }
        Ok(())
    }
}

fn turn_words(theme: Theme, turn: Turn) -> (String, &'static str) {
    let good = theme.good("✓").to_string();
    let odd = theme.warn("!").to_string();
    match turn {
        Turn::CaughtUp => (good, "the other branches had not heard of it yet"),
        Turn::Contest => (good, "which was set independently of the others"),
        Turn::RolledBack => (odd, "although that had been replaced knowingly: an older value came back"),
        Turn::Revived => (odd, "although no branch had it any more: an older value came back"),
        Turn::Vanished => (odd, "although a branch had set it: the key is unset"),
    }
}
