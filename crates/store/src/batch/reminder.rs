//! How far the messages to the users of a batch have come.

use engine::reminder::Reminders;
use engine::state::Row;

use super::load::{position_at, user_columns};
use super::want::Wants;
use super::{Member, WorkingSet};
use crate::driver::{Column, Tx};
use crate::{Error, Result};

/// Loads it, where messages are sent.
pub(super) fn load(tx: &mut Tx<'_>, set: &mut WorkingSet, wants: &Wants) -> Result<()> {
    let wants = wants
        .iter()
        .filter(|(_, want)| want.catalog.sends_messages());
    tx.look_up(
        "select k.i, r.body from {keys(i bigint, space_id bigint, user_id bigint)} k
         join reminder r on r.space_id = k.space_id and r.user_id = k.user_id",
        &user_columns(wants),
        |row| {
            let reminders: Reminders =
                serde_json::from_str(&row.get::<String>(1)?).map_err(Error::broken)?;
            let state = &mut set.members[position_at(row, 0)?].state;
            state.reminders = Some(Row::stored(reminders));
            Ok(())
        },
    )?;
    Ok(())
}

/// Writes what changed.
pub(super) fn save(tx: &mut Tx<'_>, members: &[Member]) -> Result<()> {
    let rows: Vec<(i64, i64, &Reminders)> = members
        .iter()
        .filter(|member| !member.state.is_new)
        .filter_map(|Member { space, state, .. }| {
            let row = state.reminders.as_ref().filter(|row| row.is_changed())?;
            Some((space.id(), state.user.get().id.0, row.get()))
        })
        .collect();
    let bodies = rows
        .iter()
        .map(|row| serde_json::to_string(row.2).map_err(Error::broken))
        .collect::<Result<Vec<_>>>()?;
    tx.many(
        "insert into reminder (space_id, user_id, body)
         select k.space_id, k.user_id, k.body
         from {keys(space_id bigint, user_id bigint, body json)} k
         where true
         on conflict (space_id, user_id) do update set body = excluded.body",
        &[
            Column::Int(rows.iter().map(|row| row.0).collect()),
            Column::Int(rows.iter().map(|row| row.1).collect()),
            Column::Json(bodies.iter().map(String::as_str).collect()),
        ],
    )?;
    Ok(())
}
