//! What belongs to a user's streak beyond its row: pauses, corrections, the past (spec/trophy.md 5.7, 5.8, 15.3).
//!
//! Looked up user by user, and only where the row of the streak says that it matters ([`Depth`]).

use engine::command::Command;
use engine::id::PauseId;
use engine::state::{Correction, CorrectionKind, Pause, Row, UserState};
use engine::streak::Depth;
use jiff::civil::Date;

use super::save::changed;
use super::want::{Want, Wants};
use super::{Item, Member, WorkingSet};
use crate::driver::{Column, Tx};
use crate::time::{date, instant, maybe_date};
use crate::{Error, Result, streak};

/// Loads what the streaks of users need; says of which users all days have to be loaded.
pub(super) fn load(
    tx: &mut Tx<'_>,
    set: &mut WorkingSet,
    items: &[Item<'_>],
    wants: &Wants,
    named: &Wants,
) -> Result<Vec<usize>> {
    let mut deep = Vec::new();
    for (index, want) in wants.iter().chain(named) {
        let member = &set.members[*index];
        let mut depth = Depth::default();
        let own = |item: &&Item<'_>| item.space == member.space && item.user == member.name;
        // Whoever is only named is as somebody for whom time passes.
        let commands = items.iter().filter(own).map(|item| item.command);
        for command in commands.chain([&Command::Settle]) {
            let one = Depth::of(&want.catalog, &member.state, command, want.days_from);
            depth.pauses |= one.pauses;
            depth.corrections |= one.corrections;
            depth.past |= one.past;
        }
        let state = &mut set.members[*index].state;
        if depth.pauses {
            load_pauses(tx, want, state)?;
        }
        if depth.corrections {
            load_corrections(tx, want, state)?;
        }
        if depth.past {
            let frequency = want.catalog.streak.frequency;
            let past = streak::periods(tx, want.space, want.user, frequency, Date::MIN)?;
            state.past = past.into_iter().map(|lived| (lived.start, lived)).collect();
            deep.push(*index);
        }
    }
    Ok(deep)
}

fn load_pauses(tx: &mut Tx<'_>, want: &Want, state: &mut UserState) -> Result<()> {
    let pauses = tx.rows(
        "select id, start, last, archived_on from streak_pause
         where space_id = $1 and user_id = $2",
        &[want.space.id().into(), want.user.0.into()],
        |row| {
            let pause = Pause {
                start: date(row, 1)?,
                end: date(row, 2)?,
                archived: maybe_date(row, 3)?,
            };
            Ok((PauseId(row.get(0)?), Row::stored(pause)))
        },
    )?;
    state.pauses = pauses.into_iter().collect();
    Ok(())
}

fn load_corrections(tx: &mut Tx<'_>, want: &Want, state: &mut UserState) -> Result<()> {
    let corrections = tx.rows(
        "select at, date, frequency, length, started, counted from streak_correction
         where space_id = $1 and user_id = $2",
        &[want.space.id().into(), want.user.0.into()],
        |row| {
            let counted: Option<String> = row.get(5)?;
            let kind = match counted {
                Some(text) => CorrectionKind::Reset {
                    counted: serde_json::from_str(&text).map_err(Error::broken)?,
                },
                None => CorrectionKind::Restored,
            };
            let correction = Correction {
                date: date(row, 1)?,
                frequency: streak::frequency(row, 2)?,
                length: row.get(3)?,
                started: maybe_date(row, 4)?,
                kind,
            };
            Ok((instant(row, 0)?, Row::stored(correction)))
        },
    )?;
    state.corrections = corrections.into_iter().collect();
    Ok(())
}

/// Writes pauses and corrections.
pub(super) fn save(tx: &mut Tx<'_>, members: &[Member]) -> Result<()> {
    save_pauses(tx, members)?;
    save_corrections(tx, members)
}

fn save_pauses(tx: &mut Tx<'_>, members: &[Member]) -> Result<()> {
    let rows = changed(members, |state| &state.pauses);
    let starts: Vec<String> = rows.iter().map(|row| row.3.start.to_string()).collect();
    let ends: Vec<String> = rows.iter().map(|row| row.3.end.to_string()).collect();
    let archived: Vec<Option<String>> = rows
        .iter()
        .map(|row| row.3.archived.map(|on| on.to_string()))
        .collect();
    tx.many(
        "insert into streak_pause (space_id, user_id, id, start, last, archived_on)
         select k.space_id, k.user_id, k.id, k.start, k.last, k.archived_on
         from {keys(space_id bigint, user_id bigint, id uuid, start text, last text,
                    archived_on text)} k
         where true
         on conflict (space_id, user_id, id) do update set archived_on = excluded.archived_on",
        &[
            Column::Int(rows.iter().map(|row| row.0).collect()),
            Column::Int(rows.iter().map(|row| row.1).collect()),
            Column::Uuid(rows.iter().map(|row| row.2.0).collect()),
            Column::Text(starts.iter().map(String::as_str).collect()),
            Column::Text(ends.iter().map(String::as_str).collect()),
            Column::OptText(archived.iter().map(Option::as_deref).collect()),
        ],
    )?;
    Ok(())
}

fn save_corrections(tx: &mut Tx<'_>, members: &[Member]) -> Result<()> {
    let rows = changed(members, |state| &state.corrections);
    let dates: Vec<String> = rows.iter().map(|row| row.3.date.to_string()).collect();
    let started: Vec<Option<String>> = rows
        .iter()
        .map(|row| row.3.started.map(|date| date.to_string()))
        .collect();
    let counted = rows
        .iter()
        .map(|row| match &row.3.kind {
            CorrectionKind::Reset { counted } => serde_json::to_string(counted)
                .map(Some)
                .map_err(Error::broken),
            CorrectionKind::Restored => Ok(None),
        })
        .collect::<Result<Vec<_>>>()?;
    tx.many(
        "insert into streak_correction
             (space_id, user_id, at, date, frequency, length, started, counted)
         select k.space_id, k.user_id, k.at, k.date, k.frequency, k.length, k.started, k.counted
         from {keys(space_id bigint, user_id bigint, at bigint, date text, frequency text,
                    length bigint, started text, counted json)} k",
        &[
            Column::Int(rows.iter().map(|row| row.0).collect()),
            Column::Int(rows.iter().map(|row| row.1).collect()),
            Column::Int(rows.iter().map(|row| row.2.as_microsecond()).collect()),
            Column::Text(dates.iter().map(String::as_str).collect()),
            Column::Text(rows.iter().map(|row| row.3.frequency.name()).collect()),
            Column::Int(rows.iter().map(|row| row.3.length).collect()),
            Column::OptText(started.iter().map(Option::as_deref).collect()),
            Column::OptJson(counted.iter().map(Option::as_deref).collect()),
        ],
    )?;
    Ok(())
}
