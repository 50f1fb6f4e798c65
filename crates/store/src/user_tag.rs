//! The tags that users carry, for reading (spec/aworld.md 2.9). They are written with the other rows of
//! their user, by [`crate::batch`].

use std::collections::BTreeMap;

use engine::id::{TagId, UserId};
use engine::state::UserTag;
use jiff::Timestamp;
use uuid::Uuid;

use crate::Result;
use crate::access::Space;
use crate::driver::{Column, Row, Tx};
use crate::time::instant;

/// A tag from column `first` on.
fn user_tag(row: &Row<'_>, first: usize) -> Result<(TagId, UserTag)> {
    Ok((
        TagId(row.get(first)?),
        UserTag {
            priority: row.get(first + 1)?,
            created: instant(row, first + 2)?,
            updated: instant(row, first + 3)?,
            is_removed: false,
        },
    ))
}

/// At most `limit` tags of a user by the instant of their last change, from the one behind `after` on.
pub fn list(
    tx: &mut Tx<'_>,
    space: Space,
    user: UserId,
    is_ascending: bool,
    after: Option<(Timestamp, TagId)>,
    limit: i64,
) -> Result<Vec<(TagId, UserTag)>> {
    let (sql, start) = if is_ascending {
        (
            "select tag_id, priority, created_at, updated_at from user_tag
             where space_id = $1 and user_id = $2 and (updated_at, tag_id) > ($3, $4)
             order by updated_at, tag_id limit $5",
            (i64::MIN, Uuid::nil()),
        )
    } else {
        (
            "select tag_id, priority, created_at, updated_at from user_tag
             where space_id = $1 and user_id = $2 and (updated_at, tag_id) < ($3, $4)
             order by updated_at desc, tag_id desc limit $5",
            (i64::MAX, Uuid::max()),
        )
    };
    let (updated, tag) = after.map_or(start, |(at, tag)| (at.as_microsecond(), tag.0));
    tx.rows(
        sql,
        &[
            space.id().into(),
            user.0.into(),
            updated.into(),
            tag.into(),
            limit.into(),
        ],
        |row| user_tag(row, 0),
    )
}

/// A tag that a user carries.
pub fn find(tx: &mut Tx<'_>, space: Space, user: UserId, tag: TagId) -> Result<Option<UserTag>> {
    tx.row(
        "select tag_id, priority, created_at, updated_at from user_tag
         where space_id = $1 and user_id = $2 and tag_id = $3",
        &[space.id().into(), user.0.into(), tag.0.into()],
        |row| Ok(user_tag(row, 0)?.1),
    )
}

/// All tags of some users, each user's by priority.
pub fn of_users(
    tx: &mut Tx<'_>,
    space: Space,
    users: &[UserId],
) -> Result<BTreeMap<UserId, Vec<(TagId, UserTag)>>> {
    let mut all: BTreeMap<UserId, Vec<(TagId, UserTag)>> = BTreeMap::new();
    let rows = tx.look_up(
        "select k.id, t.tag_id, t.priority, t.created_at, t.updated_at
         from {keys(space_id bigint, id bigint)} k
         join user_tag t on t.space_id = k.space_id and t.user_id = k.id",
        &[
            Column::Int(vec![space.id(); users.len()]),
            Column::Int(users.iter().map(|user| user.0).collect()),
        ],
        |row| Ok((UserId(row.get(0)?), user_tag(row, 1)?)),
    )?;
    for (user, tag) in rows {
        all.entry(user).or_default().push(tag);
    }
    for tags in all.values_mut() {
        tags.sort_by_key(|(id, tag)| (tag.priority, tag.created, *id));
    }
    Ok(all)
}
