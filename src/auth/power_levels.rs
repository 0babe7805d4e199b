//! The rule for `m.room.power_levels`.

use super::dependent::{Check, creators};
use super::level::{Level, Reading};
use super::operand::{LevelField, Operand, Recorder};
use super::profile::{Errors, UserIds};
use super::{Refusal, Rule, Verdict};
use crate::event::content::{Field, Levels, NamedLevel, PowerLevels, RawLevel};
use crate::event::room_version::LevelGrammar;
use crate::room::{EventIx, KeyIx};

pub(super) fn check_power_levels<S, R>(check: &mut Check<'_, S, R>, own: Level) -> Verdict
where
    S: Fn(KeyIx) -> Option<EventIx>,
    R: Recorder,
{
    let Some(new) = check.event.as_power_levels() else { return Ok(Rule::Allowed) };
    check_form(check, new)?;
    check_users(check, new)?;
    // Synapse compares with the state event of the same key, even where that is not the empty one.
    let same_key = check.switches.errors != Errors::Raise || check.event.state_key() == Some("");
    let Some((_, old)) = check.power_levels().filter(|_| same_key) else {
        return Ok(Rule::LevelsFirst);
    };
    for name in NamedLevel::ALL {
        check_named(check, name, old, new, own)?;
    }
    let events = MapChange { pair: [&old.events, &new.events], field: LevelField::Event };
    let notifications =
        MapChange { pair: [&old.notifications, &new.notifications], field: LevelField::Notification };
    let limited = if check.rules.limit_notifications { &[events, notifications][..] } else { &[events] };
    let rules = [Rule::LevelsMapsOld, Rule::LevelsMapsNew];
    check_maps(check, rules, limited, own, |_, old, own| old > own)?;
    if check.switches.user_ids == UserIds::ValidOrUnreadable && !old.users_are_valid {
        return Err(check.unreadable(Rule::LevelsUsersOld, "`users` has a key that is no user ID".into()));
    }
    let users = MapChange { pair: [&old.users, &new.users], field: LevelField::User };
    let rules = [Rule::LevelsUsersOld, Rule::LevelsUsersNew];
    let sender = check.sender();
    check_maps(check, rules, &[users], own, |user, old, own| user != sender && old >= own)?;
    Ok(Rule::LevelsAllowed)
}

/// The rules about integers of version 10 and later; and ruma's reading of everything beforehand.
fn check_form<S, R>(check: &Check<'_, S, R>, new: &PowerLevels) -> Result<(), Refusal>
where
    S: Fn(KeyIx) -> Option<EventIx>,
    R: Recorder,
{
    let strict = check.rules.levels == LevelGrammar::Integers;
    if !strict && check.switches.errors != Errors::RumaErrors {
        return check_floats(check, new);
    }
    let fail = |at: Rule, text: String| match check.switches.errors {
        Errors::Raise => Refusal::Raised(at, format!("SynapseError: 400: {text}")),
        Errors::RumaErrors => Refusal::Unreadable(at, text),
        Errors::Refuse => Refusal::Rule(at),
    };
    let bad = |raw: &RawLevel| match check.switches.errors {
        Errors::RumaErrors => {
            !matches!(check.switches.numbers.read(raw, check.rules.levels), Reading::Number(_))
        }
        _ => !matches!(raw, RawLevel::Integer(_)),
    };
    if let Some(raw) = new.named.iter().flatten().find(|raw| bad(raw)) {
        return Err(fail(Rule::LevelsNamed, format!("{raw} is not an integer")));
    }
    for map in [&new.events, &new.notifications] {
        match map {
            Field::Malformed(kind) => {
                return Err(fail(Rule::LevelsMaps, format!("a map of levels is {kind}")));
            }
            Field::Value(levels) => {
                if let Some((_, raw)) = levels.entries.iter().find(|(_, raw)| bad(raw)) {
                    return Err(fail(Rule::LevelsMaps, format!("{raw} is not an integer")));
                }
            }
            Field::Absent => {}
        }
    }
    Ok(())
}

/// Levels beyond what a double can hold: the appendix on floats of room versions 1 to 5 rejects the event.
fn check_floats<S, R>(check: &Check<'_, S, R>, new: &PowerLevels) -> Result<(), Refusal>
where
    S: Fn(KeyIx) -> Option<EventIx>,
    R: Recorder,
{
    if check.switches.errors != Errors::Refuse || check.rules.levels != LevelGrammar::IntegersStringsFloats {
        return Ok(());
    }
    let maps = [&new.users, &new.events, &new.notifications].into_iter().filter_map(Field::value);
    let listed = maps.flat_map(|levels| &levels.entries).map(|(_, level)| level);
    let beyond = |level: &RawLevel| matches!(level, RawLevel::Float(level) if !level.is_finite());
    if new.named.iter().flatten().chain(listed).any(beyond) {
        let text = "a level is beyond the range of a double".to_owned();
        return Err(Refusal::Unreadable(Rule::LevelsUsers, text));
    }
    Ok(())
}

/// The rules about `users` alone.
fn check_users<S, R>(check: &Check<'_, S, R>, new: &PowerLevels) -> Result<(), Refusal>
where
    S: Fn(KeyIx) -> Option<EventIx>,
    R: Recorder,
{
    let fail = |at: Rule, text: String| match check.switches.errors {
        Errors::Raise => Refusal::Raised(at, format!("SynapseError: 400: {text}")),
        _ => Refusal::Rule(at),
    };
    let users = match &new.users {
        Field::Absent => return Ok(()),
        Field::Malformed(kind) => return Err(fail(Rule::LevelsUsers, format!("users is {kind}"))),
        Field::Value(users) => users,
    };
    let valid = match check.switches.user_ids {
        UserIds::SigilAndColon => {
            users.entries.iter().all(|(user, _)| user.starts_with('@') && user.contains(':'))
        }
        UserIds::ValidWhenSet | UserIds::ValidOrUnreadable => new.users_are_valid,
    };
    if !valid {
        return Err(fail(Rule::LevelsUsers, "Not a valid user_id".into()));
    }
    let strict = check.rules.levels == LevelGrammar::Integers;
    for (user, raw) in &users.entries {
        let readable = matches!(check.switches.numbers.read(raw, check.rules.levels), Reading::Number(_));
        if !readable || strict && !matches!(raw, RawLevel::Integer(_)) {
            return Err(fail(Rule::LevelsUsers, format!("Not a valid power level: {raw} for {user}")));
        }
    }
    if check.rules.privileged_creators
        && users.entries.iter().any(|(user, _)| creators::has(check.room, check.create, user))
    {
        return Err(fail(Rule::LevelsCreators, "Creator users must not appear in content.users".into()));
    }
    Ok(())
}

fn check_named<S, R>(
    check: &mut Check<'_, S, R>,
    name: NamedLevel,
    old: &PowerLevels,
    new: &PowerLevels,
    own: Level,
) -> Result<(), Refusal>
where
    S: Fn(KeyIx) -> Option<EventIx>,
    R: Recorder,
{
    let old = read_change(check, Rule::LevelsNamedOld, old.named(name))?;
    let new = read_change(check, Rule::LevelsNamedNew, new.named(name))?;
    if old == new {
        return Ok(());
    }
    check.recorder.record(|| Operand::Change { field: LevelField::Named(name), old, new });
    let default = check.switches.absent_level_is_default.then(|| name.default());
    let above = |level: Option<i64>| level.or(default).is_some_and(|level| Level::Finite(level) > own);
    if above(old) {
        return Err(Refusal::Rule(Rule::LevelsNamedOld));
    }
    if above(new) {
        return Err(Refusal::Rule(Rule::LevelsNamedNew));
    }
    Ok(())
}

/// Reads a level that may have been changed. Python fails on a `null` that is there.
fn read_change<S, R>(
    check: &Check<'_, S, R>,
    at: Rule,
    raw: Option<&RawLevel>,
) -> Result<Option<i64>, Refusal>
where
    S: Fn(KeyIx) -> Option<EventIx>,
    R: Recorder,
{
    match raw {
        None => Ok(None),
        Some(RawLevel::Null) if check.switches.errors == Errors::Raise => {
            Err(check.unreadable(at, "TypeError: int() argument must not be 'NoneType'".into()))
        }
        Some(raw) => check.read(at, raw),
    }
}

/// A map of levels, before and after.
struct MapChange<'a> {
    pair: [&'a Field<Levels>; 2],
    field: fn(Box<str>) -> LevelField,
}

/// Checks the changes of some maps under one pair of rules: that about old levels comes first, for every entry; only
/// then that about new levels. `guarded` tells whether an old level may not be touched.
fn check_maps<S, R>(
    check: &mut Check<'_, S, R>,
    rules: [Rule; 2],
    maps: &[MapChange<'_>],
    own: Level,
    guarded: impl Fn(&str, Level, Level) -> bool,
) -> Result<(), Refusal>
where
    S: Fn(KeyIx) -> Option<EventIx>,
    R: Recorder,
{
    let [at_old, at_new] = rules;
    let mut too_high = false;
    for map in maps {
        match check_map(check, rules, map, own, &guarded, &mut too_high) {
            // What cannot be read comes too late to matter.
            Err(refusal) if too_high && refusal != Refusal::Rule(at_old) => break,
            result => result?,
        }
    }
    if too_high { Err(Refusal::Rule(at_new)) } else { Ok(()) }
}

/// Compares two maps of levels entry by entry, until an old level is met that may not be touched. A new level above the
/// sender's own is noted in `too_high`.
fn check_map<S, R>(
    check: &mut Check<'_, S, R>,
    [at_old, at_new]: [Rule; 2],
    MapChange { pair: [old, new], field }: &MapChange<'_>,
    own: Level,
    guarded: impl Fn(&str, Level, Level) -> bool,
    too_high: &mut bool,
) -> Result<(), Refusal>
where
    S: Fn(KeyIx) -> Option<EventIx>,
    R: Recorder,
{
    for (map, at) in [(*old, at_old), (*new, at_new)] {
        if let Field::Malformed(kind) = map {
            return Err(check.unreadable(at, format!("a map of levels is {kind}")));
        }
        if let (Errors::RumaErrors, Some(levels)) = (check.switches.errors, map.value()) {
            for (_, raw) in levels.entries.iter().filter(|_| !levels.plain) {
                check.read(at, raw)?;
            }
        }
    }
    for (key, old, new) in side_by_side(old.value(), new.value()) {
        if let (Some(RawLevel::Integer(old)), Some(RawLevel::Integer(new))) = (old, new)
            && old == new
            && old.unsigned_abs() < 1 << 53
        {
            // What everybody can read, and nobody changed.
            continue;
        }
        let before = read_change(check, at_old, old)?;
        let after = read_change(check, at_new, new)?;
        if before == after {
            continue;
        }
        let is_guarded = before.is_some_and(|level| guarded(key, level.into(), own));
        // The change recorded last is the one that decides.
        if is_guarded || !*too_high {
            check.recorder.record(|| Operand::Change { field: field(key.into()), old: before, new: after });
        }
        if is_guarded {
            return Err(Refusal::Rule(at_old));
        }
        *too_high |= after.is_some_and(|level| Level::Finite(level) > own);
    }
    Ok(())
}

/// The entries of two maps by key, ascending.
fn side_by_side<'a>(
    old: Option<&'a Levels>,
    new: Option<&'a Levels>,
) -> impl Iterator<Item = (&'a str, Option<&'a RawLevel>, Option<&'a RawLevel>)> {
    let entries =
        |levels: Option<&'a Levels>| levels.into_iter().flat_map(|levels| &levels.entries).peekable();
    let (mut old, mut new) = (entries(old), entries(new));
    std::iter::from_fn(move || {
        let key: &str = match (old.peek(), new.peek()) {
            (Some((old, _)), Some((new, _))) => old.min(new),
            (Some((key, _)), None) | (None, Some((key, _))) => key,
            (None, None) => return None,
        };
        let old = old.next_if(|(other, _)| **other == *key).map(|(_, level)| level);
        let new = new.next_if(|(other, _)| **other == *key).map(|(_, level)| level);
        Some((key, old, new))
    })
}
