//! Notices waiting to be delivered, written in the transaction that caused them.

use engine::id::UserId;
use engine::outcome::Notice;
use uuid::Uuid;

use crate::access::Space;
use crate::driver::{Column, Tx};
use crate::{Error, Result};

/// A notice to be kept.
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

/// Keeps notices.
pub fn insert(tx: &mut Tx<'_>, notices: &[Pending<'_>]) -> Result<()> {
    let bodies = notices
        .iter()
        .map(|pending| serde_json::to_string(pending.notice).map_err(Error::broken))
        .collect::<Result<Vec<_>>>()?;
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
            Column::Text(
                notices
                    .iter()
                    .map(|pending| pending.notice.kind())
                    .collect(),
            ),
            Column::Json(bodies.iter().map(String::as_str).collect()),
            Column::Int(notices.iter().map(|pending| pending.at_us).collect()),
        ],
    )?;
    Ok(())
}

/// How many notices wait.
pub fn depth(tx: &mut Tx<'_>) -> Result<i64> {
    Ok(tx
        .row("select count(*) from outbox", &[], |row| row.get(0))?
        .unwrap_or(0))
}
