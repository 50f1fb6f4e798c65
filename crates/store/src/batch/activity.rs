//! The activities that the users of a batch log.

use std::collections::BTreeSet;

use engine::amount::Amount;
use engine::command::Command;
use engine::outcome::{ActivityLog, ActivityOutcome};

use super::{Decided, Item, WorkingSet};
use crate::access::Space;
use crate::driver::{Column, Tx};
use crate::{Error, Result};

/// Finds out which ids that commands choose for their logs are taken.
pub(super) fn load_taken(tx: &mut Tx<'_>, set: &mut WorkingSet, items: &[Item<'_>]) -> Result<()> {
    let named: BTreeSet<(Space, &str)> = items
        .iter()
        .filter_map(|item| match item.command {
            Command::LogActivity(log) => Some((item.space, log.id.as_deref()?)),
            _ => None,
        })
        .collect();
    tx.look_up(
        "select a.space_id, a.id from {keys(space_id bigint, id text)} k
         join activity_log a on a.space_id = k.space_id and a.id = k.id",
        &[
            Column::Int(named.iter().map(|(space, _)| space.id()).collect()),
            Column::Text(named.iter().map(|(_, id)| *id).collect()),
        ],
        |row| {
            let logged = set.logged.entry(Space::of(row, 0)?).or_default();
            logged.insert(row.get(1)?);
            Ok(())
        },
    )?;
    Ok(())
}

/// Writes the logs.
pub(super) fn save(tx: &mut Tx<'_>, decided: &[Decided<'_>]) -> Result<()> {
    let rows: Vec<(i64, i64, &ActivityLog)> = decided
        .iter()
        .filter_map(|one| {
            let log = one.outcome.appended.activity.as_ref()?;
            Some((one.space.id(), one.user.0, log))
        })
        .collect();
    let tags = rows
        .iter()
        .map(|row| row.2.tags.as_ref().map(serde_json::to_string).transpose())
        .collect::<Result<Vec<_>, _>>()
        .map_err(Error::broken)?;
    let data: Vec<Option<String>> = rows
        .iter()
        .map(|row| row.2.additional_data.as_ref().map(ToString::to_string))
        .collect();
    tx.many(
        "insert into activity_log (space_id, id, user_id, activity_id, outcome, value, tags,
                                   additional_data, completed_at, created_at)
         select k.space_id, k.id, k.user_id, k.activity_id, k.outcome, k.value, k.tags,
                k.additional_data, k.completed_at, k.created_at
         from {keys(space_id bigint, id text, user_id bigint, activity_id uuid, outcome text,
                    value bigint, tags json, additional_data json, completed_at bigint,
                    created_at bigint)} k",
        &[
            Column::Int(rows.iter().map(|row| row.0).collect()),
            Column::Text(rows.iter().map(|row| row.2.id.as_str()).collect()),
            Column::Int(rows.iter().map(|row| row.1).collect()),
            Column::Uuid(rows.iter().map(|row| row.2.activity.0).collect()),
            Column::OptText(
                rows.iter()
                    .map(|row| row.2.outcome.map(ActivityOutcome::name))
                    .collect(),
            ),
            Column::OptInt(
                rows.iter()
                    .map(|row| row.2.value.map(Amount::millionths))
                    .collect(),
            ),
            Column::OptJson(tags.iter().map(Option::as_deref).collect()),
            Column::OptJson(data.iter().map(Option::as_deref).collect()),
            Column::Int(
                rows.iter()
                    .map(|row| row.2.completed.as_microsecond())
                    .collect(),
            ),
            Column::Int(
                rows.iter()
                    .map(|row| row.2.created.as_microsecond())
                    .collect(),
            ),
        ],
    )?;
    Ok(())
}
