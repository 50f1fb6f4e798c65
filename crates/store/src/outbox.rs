//! What happened and waits to be dispatched, written in the transaction that caused it.
//!
//! Ids of one desk ascend, and a user's commands pass one desk: their order is that of what a user did.
//! Must not know what the texts say.

use engine::id::UserId;
use engine::outcome::Notice;
use uuid::Uuid;

use crate::access::Space;
use crate::driver::{Column, Tx, Value};
use crate::{Error, Result};

/// A notice of the rules to be kept until it is dispatched.
#[derive(Clone, Copy, Debug)]
pub struct Pending<'a> {
    /// Its id: receivers tell repeats by it.
    pub id: Uuid,
    /// Where it happened.
    pub space: Space,
    /// Whom it is about, if anybody in particular.
    pub user: Option<UserId>,
    /// What happened.
    pub notice: &'a Notice,
    /// When, in microseconds UTC.
    pub at_us: i64,
}

/// Something to be kept until it is dispatched, in the form that the dispatcher reads.
#[derive(Clone, Copy, Debug)]
pub struct Written<'a> {
    /// Its id: receivers tell repeats by it.
    pub id: Uuid,
    /// Where it happened.
    pub space: Space,
    /// Whom it is about, if anybody in particular.
    pub user: Option<UserId>,
    /// The kind of message it leads to (spec/trophy.md 9.4).
    pub kind: &'a str,
    /// What happened, JSON.
    pub body: &'a str,
    /// When, in microseconds UTC.
    pub at_us: i64,
}

/// Something that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its id.
    pub id: Uuid,
    /// Where it happened.
    pub space: Space,
    /// Whom it is about, if anybody in particular.
    pub user: Option<UserId>,
    /// The kind of message it leads to.
    pub kind: String,
    /// What happened, JSON.
    pub body: String,
}

/// Keeps notices as they are.
pub fn insert(tx: &mut Tx<'_>, notices: &[Pending<'_>]) -> Result<()> {
    let bodies = notices
        .iter()
        .map(|pending| serde_json::to_string(pending.notice).map_err(Error::broken))
        .collect::<Result<Vec<_>>>()?;
    let written: Vec<Written<'_>> = notices
        .iter()
        .zip(&bodies)
        .map(|(pending, body)| Written {
            id: pending.id,
            space: pending.space,
            user: pending.user,
            kind: pending.notice.kind(),
            body,
            at_us: pending.at_us,
        })
        .collect();
    insert_written(tx, &written)
}

/// Keeps what happened.
pub fn insert_written(tx: &mut Tx<'_>, notices: &[Written<'_>]) -> Result<()> {
    tx.many(
        "insert into outbox (space_id, id, user_id, kind, body, created_at)
         select k.space_id, k.id, k.user_id, k.kind, k.body, k.created_at
         from {keys(space_id bigint, id uuid, user_id bigint, kind text, body json,
                    created_at bigint)} k",
        &[
            Column::Int(notices.iter().map(|pending| pending.space.id()).collect()),
            Column::Uuid(notices.iter().map(|pending| pending.id).collect()),
            Column::OptInt(
                notices
                    .iter()
                    .map(|pending| pending.user.map(|user| user.0))
                    .collect(),
            ),
            Column::Text(notices.iter().map(|pending| pending.kind).collect()),
            Column::Json(notices.iter().map(|pending| pending.body).collect()),
            Column::Int(notices.iter().map(|pending| pending.at_us).collect()),
        ],
    )?;
    Ok(())
}

/// What waits longest, space by space; only in spaces after `after`, if given.
pub fn first(tx: &mut Tx<'_>, after: Option<Space>, limit: i64) -> Result<Vec<Kept>> {
    let after = after.map_or(i64::MIN, Space::id);
    tx.rows(
        "select id, space_id, user_id, kind, body from outbox
         where space_id > $1 order by space_id, id limit $2",
        &[after.into(), Value::Int(limit)],
        |row| {
            Ok(Kept {
                id: row.get(0)?,
                space: Space::of(row, 1)?,
                user: row.get::<Option<i64>>(2)?.map(UserId),
                kind: row.get(3)?,
                body: row.get(4)?,
            })
        },
    )
}

/// Those that still wait. Nobody else gets hold of them until the transaction ends.
pub fn hold(tx: &mut Tx<'_>, space: Space, ids: &[Uuid]) -> Result<Vec<Uuid>> {
    tx.look_up(
        "select o.id from {keys(space_id bigint, id uuid)} k
         join outbox o on o.space_id = k.space_id and o.id = k.id
         order by o.space_id, o.id {hold}",
        &[
            Column::Int(vec![space.id(); ids.len()]),
            Column::Uuid(ids.to_vec()),
        ],
        |row| row.get(0),
    )
}

/// Forgets what was dispatched.
pub fn remove(tx: &mut Tx<'_>, space: Space, ids: &[Uuid]) -> Result<()> {
    tx.many(
        "delete from outbox where (space_id, id) in
             (select space_id, id from {keys(space_id bigint, id uuid)} k)",
        &[
            Column::Int(vec![space.id(); ids.len()]),
            Column::Uuid(ids.to_vec()),
        ],
    )?;
    Ok(())
}

/// How much waits.
pub fn depth(tx: &mut Tx<'_>) -> Result<i64> {
    Ok(tx
        .row("select count(*) from outbox", &[], |row| row.get(0))?
        .unwrap_or(0))
}
