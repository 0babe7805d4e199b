//! The text form of `inspect`.

use std::io::{self, Write as _};

use super::super::output::Ui;
use super::super::{findings, text};
use super::facts::{Counts, Facts, Hole};
use crate::describe::Describer;
use crate::report::Finding;

/// So many entries of a list are shown; JSON output has all.
pub(super) const LISTED: usize = 10;
/// The width of the column of labels.
const LABELS: usize = 14;

pub(super) fn show(
    facts: &Facts<'_>,
    describer: &Describer<'_>,
    findings: &[Finding],
    ui: &mut Ui,
) -> io::Result<()> {
    let mut page = Page { describer, ui };
    page.room(facts)?;
    page.graph(facts)?;
    if let Some(state_dag) = &facts.state_dag {
        page.state_dag(state_dag)?;
    }
    page.gaps(facts)?;
    page.database(facts)?;
    page.tables(facts)?;
    page.heading("Findings")?;
    if findings.is_empty() {
        return writeln!(page.ui.out(), "none");
    }
    findings::show_all(findings, page.ui)
}

pub(super) struct Page<'a> {
    describer: &'a Describer<'a>,
    ui: &'a mut Ui,
}

impl Page<'_> {
    fn room(&mut self, facts: &Facts<'_>) -> io::Result<()> {
        self.fact("Room", &facts.room_id.map_or_else(|| "unknown".to_owned(), text::escape))?;
        if let Some(title) = facts.title {
            self.fact("Title", &text::shorten(title, 100))?;
        }
        self.fact("Version", &format!("{} ({})", facts.room_version, facts.room_version_from))?;
        self.fact("Algorithm", &format!("{}, profile {}", facts.algorithm, facts.profile))?;
        let compression = facts.compression.map(|name| format!(", {name}")).unwrap_or_default();
        let noun = if facts.lines == 1 { "line" } else { "lines" };
        let lines = text::number(facts.lines);
        self.fact("Input", &format!("{}{compression}, {lines} {noun}", facts.format))?;
        if let Some(create) = &facts.create {
            let id = self.id(create.event_id);
            let by = text::escape(create.sender);
            self.fact("Created", &format!("{} by {by} ({id})", text::date_time(create.origin_server_ts)))?;
            let creators: Vec<_> = create.creators.iter().map(|user| text::escape(user)).collect();
            self.fact("Creators", &list(&creators))?;
        }
        if let Some((first, last)) = facts.time {
            let span = text::duration(last.abs_diff(first));
            let (first, last) = (text::date_time(first), text::date_time(last));
            self.fact("Time", &format!("{first} to {last} UTC, {span}"))?;
        }
        if let Some(members) = &facts.members {
            let members = members
                .iter()
                .map(|(word, count)| format!("{} {}", text::number(*count), text::escape(word)));
            self.fact("Members", &members.collect::<Vec<_>>().join(", "))?;
        }
        self.fact("Events", &counts(&facts.counts))
    }

    fn graph(&mut self, facts: &Facts<'_>) -> io::Result<()> {
        self.heading("Graph")?;
        self.fact("Forks", &text::number(facts.forks.len()))?;
        let mut resolved: Vec<_> = facts.merges.iter().filter(|merge| merge.resolved).collect();
        resolved.sort_by_key(|merge| std::cmp::Reverse(merge.conflicts));
        let most = facts.merges.iter().map(|merge| merge.parents).max();
        let most = most.map(|most| format!(", of up to {most} parents")).unwrap_or_default();
        self.fact("Merges", &format!("{}{most}", text::number(facts.merges.len())))?;
        let largest = if resolved.len() > LISTED { ", the largest are" } else { "" };
        self.fact("Resolutions", &format!("{}{largest}", text::number(resolved.len())))?;
        for merge in resolved.iter().take(LISTED) {
            let conflicts = text::count(merge.conflicts, "conflict");
            self.event(merge.event_id, &conflicts)?;
        }
        self.rest(resolved.len())?;
        self.fact("Extremities", &text::number(facts.forward_extremities.len()))?;
        for id in facts.forward_extremities.iter().take(LISTED) {
            self.event(id, "")?;
        }
        self.rest(facts.forward_extremities.len())?;
        let state = match (&facts.state_hash, facts.footing) {
            (None, _) if facts.forward_extremities.is_empty() => {
                "unknown, for no event has a place in the DAG".to_owned()
            }
            (None, _) => "unknown, for what an extremity rests on is missing".to_owned(),
            (Some(hash), "asserted") => format!("{hash} (rests on an asserted state)"),
            (Some(hash), _) => hash.clone(),
        };
        self.fact("State hash", &state)
    }

    fn gaps(&mut self, facts: &Facts<'_>) -> io::Result<()> {
        if facts.holes.is_empty() && facts.missing_auth_events.is_empty() && facts.asserted_states.is_empty()
        {
            return Ok(());
        }
        self.heading("Gaps")?;
        self.fact("Holes", &text::number(facts.holes.len()))?;
        for hole in facts.holes.iter().take(LISTED) {
            self.event(hole.event_id, &missing(hole))?;
        }
        self.rest(facts.holes.len())?;
        if !facts.missing_auth_events.is_empty() {
            let missing: usize = facts.missing_auth_events.iter().map(|event| event.missing.len()).sum();
            let events = text::count(facts.missing_auth_events.len(), "event");
            self.fact("Auth events", &format!("{} missing, of {events}", text::number(missing)))?;
        }
        if !facts.asserted_states.is_empty() {
            self.fact("Asserted", &text::count(facts.asserted_states.len(), "state"))?;
        }
        for state in facts.asserted_states.iter().take(LISTED) {
            let id = self.id(state.event_id);
            let events = text::count(state.state_events, "state event");
            self.item(&format!("{} {id}: {events}, by {}", state.when, state.provenance))?;
        }
        self.rest(facts.asserted_states.len())
    }

    fn database(&mut self, facts: &Facts<'_>) -> io::Result<()> {
        let Some(database) = &facts.database else { return Ok(()) };
        self.heading("Server's database")?;
        if let Some(version) = database.schema_version {
            self.fact("Schema", &format!("version {version}"))?;
        }
        let differ = match database.states_that_differ {
            0 => "all as computed".to_owned(),
            some => format!("{} other than computed (see `compare --with server`)", text::number(some)),
        };
        let states = text::count(database.states, "event");
        let groups = text::count(database.state_groups, "state group");
        self.fact("Stored", &format!("states of {states} in {groups}, {differ}"))?;
        if database.partial_state {
            self.fact("Partial", "the server knows the state of the room only in part")?;
        }
        let (forward, backward) = (database.forward_extremities.len(), database.backward_extremities.len());
        let (forward, backward) = (text::number(forward), text::number(backward));
        self.fact("Extremities", &format!("{forward} forward, {backward} backward"))?;
        let changes = text::count(database.changes_told, "change");
        self.fact("Told", &format!("clients of {changes} of the current state"))
    }

    fn tables(&mut self, facts: &Facts<'_>) -> io::Result<()> {
        self.heading("Event types")?;
        let width = width(facts.types.iter().map(|row| row.event_type));
        for row in facts.types.iter().take(LISTED) {
            let name = text::shorten(row.event_type, width);
            let rejected = rejected(row.rejected);
            writeln!(self.ui.out(), "{name:<width$}  {:>7}{rejected}", text::number(row.events))?;
        }
        self.rest(facts.types.len())?;
        self.heading("Servers")?;
        let width = self::width(facts.servers.iter().map(|row| row.server));
        for row in facts.servers.iter().take(LISTED) {
            let name = text::shorten(row.server, width);
            let senders = text::count(row.senders, "sender");
            let rejected = rejected(row.rejected);
            writeln!(
                self.ui.out(),
                "{name:<width$}  {:>7}  by {senders}{rejected}",
                text::number(row.events)
            )?;
        }
        self.rest(facts.servers.len())
    }

    pub(super) fn heading(&mut self, heading: &str) -> io::Result<()> {
        let heading = self.ui.theme().heading(heading);
        writeln!(self.ui.out(), "\n{heading}")
    }

    pub(super) fn fact(&mut self, label: &str, value: &str) -> io::Result<()> {
        let label = self.ui.theme().dim(label);
        writeln!(self.ui.out(), "{label:<LABELS$}{value}")
    }

    pub(super) fn item(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.ui.out(), "{:LABELS$}{text}", "")
    }

    /// An event of a list, with a remark.
    pub(super) fn event(&mut self, event_id: &str, remark: &str) -> io::Result<()> {
        let line = match self.describer.room().find(event_id) {
            Some(ix) => {
                let width = self.describer.id_width();
                let id = self.ui.theme().id(self.describer.short_id(ix));
                format!("{id:<width$}  {}", self.describer.summary(ix))
            }
            None => self.id(event_id),
        };
        let remark = if remark.is_empty() { String::new() } else { format!("  [{remark}]") };
        let remark = self.ui.theme().warn(remark);
        self.item(&format!("{line}{remark}"))
    }

    /// What a list of `length` entries leaves out.
    pub(super) fn rest(&mut self, length: usize) -> io::Result<()> {
        match length.checked_sub(LISTED).filter(|rest| *rest > 0) {
            Some(rest) => {
                let rest = format!("… and {} more (--format json has all)", text::number(rest));
                let rest = self.ui.theme().dim(rest).to_string();
                self.item(&rest)
            }
            None => Ok(()),
        }
    }

    pub(super) fn id(&self, event_id: &str) -> String {
        self.ui.theme().id(self.describer.short_id_of(event_id)).to_string()
    }
}

fn counts(counts: &Counts) -> String {
    let messages = counts.events - counts.state_events;
    let mut text = format!(
        "{} ({} state, {} other)",
        text::number(counts.events),
        text::number(counts.state_events),
        text::number(messages)
    );
    for (count, what) in [
        (counts.rejected, "rejected"),
        (counts.outliers, "outliers"),
        (counts.foreign, "of other rooms"),
        (counts.recorded_rejected, "recorded as rejected"),
        (counts.recorded_soft_failed, "recorded as soft-failed"),
        (counts.recorded_partial_state, "recorded with partial state"),
    ] {
        if count > 0 {
            text.push_str(&format!(", {} {what}", text::number(count)));
        }
    }
    text
}

fn missing(hole: &Hole<'_>) -> String {
    let line = hole.line.map(|line| format!("line {line}, ")).unwrap_or_default();
    let parents = text::count(hole.missing.len(), "parent");
    let state = if hole.asserted { "the state is asserted" } else { "the state is unknown" };
    format!("{line}{parents} missing, {state}")
}

fn rejected(count: usize) -> String {
    if count > 0 { format!("  {} rejected", text::number(count)) } else { String::new() }
}

fn list(items: &[String]) -> String {
    if items.len() <= LISTED {
        return items.join(", ");
    }
    format!("{}, … {} more", items[..LISTED].join(", "), items.len() - LISTED)
}

fn width<'a>(names: impl Iterator<Item = &'a str>) -> usize {
    names.take(LISTED).map(|name| text::escape(name).chars().count()).max().unwrap_or(0).min(50)
}
