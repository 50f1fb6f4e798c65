//! The tags of the users of a batch.

use engine::id::TagId;
use engine::state::{Row, UserTag};

use super::load::{position_at, user_columns};
use super::want::Wants;
use super::{Member, WorkingSet};
use crate::Result;
use crate::driver::{Column, Tx};
use crate::time::instant;

/// Loads the tags of users, where there are tags.
pub(super) fn load(tx: &mut Tx<'_>, set: &mut WorkingSet, wants: &Wants) -> Result<()> {
    let wants = wants
        .iter()
        .filter(|(_, want)| want.catalog.book.has_tags());
    tx.look_up(
        "select k.i, t.tag_id, t.priority, t.created_at, t.updated_at
         from {keys(i bigint, space_id bigint, user_id bigint)} k
         join user_tag t on t.space_id = k.space_id and t.user_id = k.user_id",
        &user_columns(wants),
        |row| {
            let tag = UserTag {
                priority: row.get(2)?,
                created: instant(row, 3)?,
                updated: instant(row, 4)?,
                is_removed: false,
            };
            let state = &mut set.members[position_at(row, 0)?].state;
            state.tags.insert(TagId(row.get(1)?), Row::stored(tag));
            Ok(())
        },
    )?;
    Ok(())
}

/// Writes the tags that changed and deletes those that were taken away.
pub(super) fn save(tx: &mut Tx<'_>, members: &[Member]) -> Result<()> {
    let (removed, kept): (Vec<_>, Vec<_>) = super::save::changed(members, |state| &state.tags)
        .into_iter()
        .partition(|row| row.3.is_removed);
    tx.many(
        "insert into user_tag (space_id, user_id, tag_id, priority, created_at, updated_at)
         select k.space_id, k.user_id, k.tag_id, k.priority, k.created_at, k.updated_at
         from {keys(space_id bigint, user_id bigint, tag_id uuid, priority bigint,
                    created_at bigint, updated_at bigint)} k
         where true
         on conflict (space_id, user_id, tag_id) do update set
             priority = excluded.priority, created_at = excluded.created_at,
             updated_at = excluded.updated_at",
        &[
            Column::Int(kept.iter().map(|row| row.0).collect()),
            Column::Int(kept.iter().map(|row| row.1).collect()),
            Column::Uuid(kept.iter().map(|row| row.2.0).collect()),
            Column::Int(kept.iter().map(|row| row.3.priority).collect()),
            Column::Int(
                kept.iter()
                    .map(|row| row.3.created.as_microsecond())
                    .collect(),
            ),
            Column::Int(
                kept.iter()
                    .map(|row| row.3.updated.as_microsecond())
                    .collect(),
            ),
        ],
    )?;
    tx.many(
        "delete from user_tag where (space_id, user_id, tag_id) in
             (select k.space_id, k.user_id, k.tag_id
              from {keys(space_id bigint, user_id bigint, tag_id uuid)} k)",
        &[
            Column::Int(removed.iter().map(|row| row.0).collect()),
            Column::Int(removed.iter().map(|row| row.1).collect()),
            Column::Uuid(removed.iter().map(|row| row.2.0).collect()),
        ],
    )?;
    Ok(())
}
