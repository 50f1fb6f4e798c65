//! Users by the caller's id and by ours (spec/trophy.md 2.1).

use std::collections::{BTreeMap, BTreeSet};

use engine::calendar::Zone;
use engine::id::UserId;
use engine::user::User;
use jiff::Timestamp;
use uuid::Uuid;

use crate::access::Space;
use crate::driver::{Column, Row, Tx};
use crate::time::{instant, maybe_date};
use crate::{Error, Result};

/// A user as `select_users!` reads it, from column `first` on.
pub(crate) fn user(row: &Row<'_>, first: usize) -> Result<User> {
    let attributes: String = row.get(first + 7)?;
    let device_tokens: Option<String> = row.get(first + 5)?;
    Ok(User {
        id: UserId(row.get(first)?),
        external_id: row.get(first + 1)?,
        email: row.get(first + 2)?,
        name: row.get(first + 3)?,
        tz: row.get(first + 4)?,
        device_tokens: device_tokens
            .map(|text| serde_json::from_str(&text).map_err(Error::broken))
            .transpose()?,
        is_subscribed: row.get(first + 6)?,
        attributes: if attributes == "{}" {
            BTreeMap::new()
        } else {
            serde_json::from_str(&attributes).map_err(Error::broken)?
        },
        sign_up_date: maybe_date(row, first + 8)?,
        is_control: row.get(first + 9)?,
        created: instant(row, first + 10)?,
        updated: instant(row, first + 11)?,
        lang: row.get(first + 12)?,
        profile_image: row.get(first + 13)?,
        principal: row.get(first + 14)?,
        preferences: row
            .get::<Option<String>>(first + 15)?
            .map(|text| serde_json::from_str(&text).map_err(Error::broken))
            .transpose()?
            .unwrap_or_default(),
    })
}

macro_rules! select_users {
    ($rest:literal) => {
        concat!(
            "select u.space_id, u.id, u.external_id, u.email, u.name, u.tz, u.device_tokens,
                    u.is_subscribed, u.attributes, u.sign_up_date, u.is_control, u.created_at,
                    u.updated_at, u.lang, u.profile_image, u.principal_id, u.preferences ",
            $rest
        )
    };
}

const BY_EXTERNAL: &str = select_users!(
    "from {keys(space_id bigint, external_id text)} k
     join end_user u on u.space_id = k.space_id and u.external_id = k.external_id"
);
const BY_EXTERNAL_HELD: &str = select_users!(
    "from {keys(space_id bigint, external_id text)} k
     join end_user u on u.space_id = k.space_id and u.external_id = k.external_id
     order by u.space_id, u.id {hold}"
);
/// Users by the caller's ids; `is_held` keeps other writers of them waiting.
pub(crate) fn by_external(
    tx: &mut Tx<'_>,
    keys: &[(Space, &str)],
    is_held: bool,
) -> Result<Vec<(Space, User)>> {
    let columns = [
        Column::Int(keys.iter().map(|(space, _)| space.id()).collect()),
        Column::Text(keys.iter().map(|(_, id)| *id).collect()),
    ];
    tx.look_up(
        if is_held {
            BY_EXTERNAL_HELD
        } else {
            BY_EXTERNAL
        },
        &columns,
        |row| Ok((Space::of(row, 0)?, user(row, 1)?)),
    )
}

/// One user by the caller's id.
pub fn find(tx: &mut Tx<'_>, space: Space, external_id: &str) -> Result<Option<User>> {
    Ok(by_external(tx, &[(space, external_id)], false)?
        .into_iter()
        .next()
        .map(|(_, user)| user))
}

/// One user by our number.
pub fn find_by_id(tx: &mut Tx<'_>, space: Space, id: UserId) -> Result<Option<User>> {
    tx.row(
        select_users!("from end_user u where u.space_id = $1 and u.id = $2"),
        &[space.id().into(), id.0.into()],
        |row| user(row, 1),
    )
}

/// Users by our numbers, as far as there are such.
pub fn by_ids(tx: &mut Tx<'_>, space: Space, ids: &[UserId]) -> Result<BTreeMap<UserId, User>> {
    let columns = [
        Column::Int(vec![space.id(); ids.len()]),
        Column::Int(ids.iter().map(|id| id.0).collect()),
    ];
    let users = tx.look_up(
        select_users!(
            "from {keys(space_id bigint, id bigint)} k
             join end_user u on u.space_id = k.space_id and u.id = k.id"
        ),
        &columns,
        |row| user(row, 1),
    )?;
    Ok(users.into_iter().map(|user| (user.id, user)).collect())
}

/// The user of a space who stands for a person.
pub fn find_by_principal(tx: &mut Tx<'_>, space: Space, principal: Uuid) -> Result<Option<User>> {
    tx.row(
        select_users!("from end_user u where u.space_id = $1 and u.principal_id = $2"),
        &[space.id().into(), principal.into()],
        |row| user(row, 1),
    )
}

/// At most `limit` users of a space by the instant of their last change, from the one behind `after` on.
pub fn list(
    tx: &mut Tx<'_>,
    space: Space,
    is_ascending: bool,
    after: Option<(Timestamp, UserId)>,
    limit: i64,
) -> Result<Vec<User>> {
    let (sql, start) = if is_ascending {
        (
            select_users!(
                "from end_user u where u.space_id = $1 and (u.updated_at, u.id) > ($2, $3)
                 order by u.updated_at, u.id limit $4"
            ),
            (i64::MIN, i64::MIN),
        )
    } else {
        (
            select_users!(
                "from end_user u where u.space_id = $1 and (u.updated_at, u.id) < ($2, $3)
                 order by u.updated_at desc, u.id desc limit $4"
            ),
            (i64::MAX, i64::MAX),
        )
    };
    let (updated, id) = after.map_or(start, |(at, id)| (at.as_microsecond(), id.0));
    tx.rows(
        sql,
        &[space.id().into(), updated.into(), id.into(), limit.into()],
        |row| user(row, 1),
    )
}

/// How many activities a user has logged.
pub fn count_activity_logs(tx: &mut Tx<'_>, space: Space, id: UserId) -> Result<i64> {
    let count = tx.row(
        "select count(*) from activity_log where space_id = $1 and user_id = $2",
        &[space.id().into(), id.0.into()],
        |row| row.get(0),
    )?;
    Ok(count.unwrap_or(0))
}

/// How rankings show users: the caller's id and the name, by our ids.
pub fn names(
    tx: &mut Tx<'_>,
    space: Space,
    ids: &[UserId],
) -> Result<BTreeMap<UserId, (String, Option<String>)>> {
    let columns = [
        Column::Int(vec![space.id(); ids.len()]),
        Column::Int(ids.iter().map(|id| id.0).collect()),
    ];
    let rows = tx.look_up(
        "select u.id, u.external_id, u.name from {keys(space_id bigint, id bigint)} k
         join end_user u on u.space_id = k.space_id and u.id = k.id",
        &columns,
        |row| Ok((UserId(row.get(0)?), (row.get(1)?, row.get(2)?))),
    )?;
    Ok(rows.into_iter().collect())
}

/// The zones of users, by our ids.
pub fn zones(
    tx: &mut Tx<'_>,
    space: Space,
    ids: &BTreeSet<UserId>,
) -> Result<BTreeMap<UserId, Zone>> {
    let ids: Vec<UserId> = ids.iter().copied().collect();
    let names = zone_names(tx, space, &ids)?.into_iter();
    Ok(names
        .map(|(user, tz)| (user, Zone::of(tz.as_deref())))
        .collect())
}

/// The zones in which users of a space live, each once.
pub fn all_zones(tx: &mut Tx<'_>, space: Space) -> Result<Vec<Zone>> {
    tx.rows(
        "select distinct tz from end_user where space_id = $1",
        &[space.id().into()],
        |row| Ok(Zone::of(row.get::<Option<String>>(0)?.as_deref())),
    )
}

/// The zones of users, as they were told.
pub fn zone_names(
    tx: &mut Tx<'_>,
    space: Space,
    ids: &[UserId],
) -> Result<Vec<(UserId, Option<String>)>> {
    tx.look_up(
        "select u.id, u.tz from {keys(space_id bigint, id bigint)} k
         join end_user u on u.space_id = k.space_id and u.id = k.id",
        &[
            Column::Int(vec![space.id(); ids.len()]),
            Column::Int(ids.iter().map(|id| id.0).collect()),
        ],
        |row| Ok((UserId(row.get(0)?), row.get(1)?)),
    )
}

/// How many users a space has.
pub fn count(tx: &mut Tx<'_>, space: Space) -> Result<i64> {
    let count = tx.row(
        "select count(*) from end_user where space_id = $1",
        &[space.id().into()],
        |row| row.get(0),
    )?;
    Ok(count.unwrap_or(0))
}

/// The users of a space after `position`, in the order of our ids, each with the caller's id.
pub fn after(
    tx: &mut Tx<'_>,
    space: Space,
    position: i64,
    limit: i64,
) -> Result<Vec<(UserId, String)>> {
    tx.rows(
        "select id, external_id from end_user where space_id = $1 and id > $2 order by id limit $3",
        &[space.id().into(), position.into(), limit.into()],
        |row| Ok((UserId(row.get(0)?), row.get(1)?)),
    )
}

/// Writes final rows of users, each with the name it had when it was loaded; a new user had the one it
/// has now. A new user whose number another process has just given to somebody else is an
/// [`Error::Conflict`], for the rows of two users must never become one; so is a name or a principal
/// that another user of the space has.
pub(crate) fn save(tx: &mut Tx<'_>, users: &[(Space, &User, &str)]) -> Result<()> {
    let attributes = users
        .iter()
        .map(|(_, u, _)| serde_json::to_string(&u.attributes).map_err(Error::broken))
        .collect::<Result<Vec<_>>>()?;
    let tokens = users
        .iter()
        .map(|(_, u, _)| {
            u.device_tokens
                .as_ref()
                .map(serde_json::to_string)
                .transpose()
        })
        .map(|text| text.map_err(Error::broken))
        .collect::<Result<Vec<_>>>()?;
    let preferences = users
        .iter()
        .map(|(_, u, _)| {
            (!u.preferences.is_empty())
                .then(|| serde_json::to_string(&u.preferences).map_err(Error::broken))
                .transpose()
        })
        .collect::<Result<Vec<_>>>()?;
    let dates: Vec<Option<String>> = users
        .iter()
        .map(|(_, u, _)| u.sign_up_date.map(|date| date.to_string()))
        .collect();
    let all = users.iter();
    // The name as it was proves that the number is still that of the same user.
    let written = tx.many(
        "insert into end_user (space_id, id, external_id, email, name, tz, device_tokens,
                               is_subscribed, attributes, sign_up_date, is_control, created_at,
                               updated_at, lang, profile_image, principal_id, preferences)
         select k.space_id, k.id, k.external_id, k.email, k.name, k.tz, k.device_tokens,
                k.is_subscribed, k.attributes, k.sign_up_date, k.is_control, k.created_at,
                k.updated_at, k.lang, k.profile_image, k.principal_id, k.preferences
         from {keys(space_id bigint, id bigint, external_id text, email text, name text, tz text,
                    device_tokens json, is_subscribed bool, attributes json, sign_up_date text,
                    is_control bool, created_at bigint, updated_at bigint, lang text,
                    profile_image text, principal_id uuid, preferences json)} k
         where true
         on conflict (space_id, id) do update set
             email = excluded.email, name = excluded.name, tz = excluded.tz,
             device_tokens = excluded.device_tokens, is_subscribed = excluded.is_subscribed,
             attributes = excluded.attributes, sign_up_date = excluded.sign_up_date,
             is_control = excluded.is_control, updated_at = excluded.updated_at,
             lang = excluded.lang, profile_image = excluded.profile_image,
             principal_id = excluded.principal_id, preferences = excluded.preferences
         where end_user.external_id = excluded.external_id",
        &[
            Column::Int(all.clone().map(|(space, ..)| space.id()).collect()),
            Column::Int(all.clone().map(|(_, u, _)| u.id.0).collect()),
            Column::Text(all.clone().map(|(_, _, before)| *before).collect()),
            Column::OptText(all.clone().map(|(_, u, _)| u.email.as_deref()).collect()),
            Column::OptText(all.clone().map(|(_, u, _)| u.name.as_deref()).collect()),
            Column::OptText(all.clone().map(|(_, u, _)| u.tz.as_deref()).collect()),
            Column::OptJson(tokens.iter().map(Option::as_deref).collect()),
            Column::Bool(all.clone().map(|(_, u, _)| u.is_subscribed).collect()),
            Column::Json(attributes.iter().map(String::as_str).collect()),
            Column::OptText(dates.iter().map(Option::as_deref).collect()),
            Column::Bool(all.clone().map(|(_, u, _)| u.is_control).collect()),
            Column::Int(
                all.clone()
                    .map(|(_, u, _)| u.created.as_microsecond())
                    .collect(),
            ),
            Column::Int(
                all.clone()
                    .map(|(_, u, _)| u.updated.as_microsecond())
                    .collect(),
            ),
            Column::OptText(all.clone().map(|(_, u, _)| u.lang.as_deref()).collect()),
            Column::OptText(
                all.clone()
                    .map(|(_, u, _)| u.profile_image.as_deref())
                    .collect(),
            ),
            Column::OptUuid(all.clone().map(|(_, u, _)| u.principal).collect()),
            Column::OptJson(preferences.iter().map(Option::as_deref).collect()),
        ],
    )?;
    if usize::try_from(written) != Ok(users.len()) {
        return Err(Error::Conflict("end_user_pkey".to_owned()));
    }
    rename(tx, users)
}

/// Gives those users another name who have one.
fn rename(tx: &mut Tx<'_>, users: &[(Space, &User, &str)]) -> Result<()> {
    let renamed = || {
        users
            .iter()
            .filter(|(_, user, before)| user.external_id != *before)
    };
    if renamed().next().is_none() {
        return Ok(());
    }
    tx.many(
        "update end_user set external_id = k.external_id
         from {keys(space_id bigint, id bigint, external_id text)} k
         where end_user.space_id = k.space_id and end_user.id = k.id",
        &[
            Column::Int(renamed().map(|(space, ..)| space.id()).collect()),
            Column::Int(renamed().map(|(_, user, _)| user.id.0).collect()),
            Column::Text(
                renamed()
                    .map(|(_, user, _)| user.external_id.as_str())
                    .collect(),
            ),
        ],
    )?;
    Ok(())
}
