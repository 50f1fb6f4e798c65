//! Events of batches that were acknowledged and wait to be carried out (spec/trophy.md 3.8).
//!
//! A row goes in the transaction that keeps what its event led to: that it is still there says that nothing has come of it yet.

use std::collections::HashSet;

use jiff::Timestamp;
use uuid::Uuid;

use crate::Result;
use crate::access::Space;
use crate::driver::{Column, Tx};
use crate::time::instant;

/// An event that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Its id; the order of ids is that of the queue.
    pub id: Uuid,
    /// Whose, by the caller's id.
    pub user: String,
    /// What, as it was sent.
    pub body: String,
    /// When it came.
    pub arrived: Timestamp,
}

/// Adds events at the end.
pub fn insert(tx: &mut Tx<'_>, space: Space, events: &[Queued]) -> Result<()> {
    tx.many(
        "insert into queued_event (id, space_id, user_external_id, body, arrived_at)
         select k.id, k.space_id, k.user_external_id, k.body, k.arrived_at
         from {keys(id uuid, space_id bigint, user_external_id text, body text,
                    arrived_at bigint)} k",
        &[
            Column::Uuid(events.iter().map(|event| event.id).collect()),
            Column::Int(vec![space.id(); events.len()]),
            Column::Text(events.iter().map(|event| event.user.as_str()).collect()),
            Column::Text(events.iter().map(|event| event.body.as_str()).collect()),
            Column::Int(
                events
                    .iter()
                    .map(|event| event.arrived.as_microsecond())
                    .collect(),
            ),
        ],
    )?;
    Ok(())
}

/// The events after an id, first come first.
pub fn after(tx: &mut Tx<'_>, id: Uuid, limit: i64) -> Result<Vec<(Space, Queued)>> {
    tx.rows(
        "select id, space_id, user_external_id, body, arrived_at from queued_event
         where id > $1 order by id limit $2",
        &[id.into(), limit.into()],
        |row| {
            let queued = Queued {
                id: row.get(0)?,
                user: row.get(2)?,
                body: row.get(3)?,
                arrived: instant(row, 4)?,
            };
            Ok((Space::of(row, 1)?, queued))
        },
    )
}

fn columns(events: &[(Space, Uuid)]) -> [Column<'static>; 2] {
    [
        Column::Int(events.iter().map(|(space, _)| space.id()).collect()),
        Column::Uuid(events.iter().map(|(_, id)| *id).collect()),
    ]
}

/// Which of these events still wait. They are held until the transaction ends: another process that
/// carries one of them out is waited for. To be called before anything else is held.
pub fn hold(tx: &mut Tx<'_>, events: &[(Space, Uuid)]) -> Result<HashSet<Uuid>> {
    let found = tx.look_up(
        "select q.id from {keys(space_id bigint, id uuid)} k
         join queued_event q on q.id = k.id and q.space_id = k.space_id
         order by q.id {hold}",
        &columns(events),
        |row| row.get(0),
    )?;
    Ok(found.into_iter().collect())
}

/// Takes events out.
pub fn remove(tx: &mut Tx<'_>, events: &[(Space, Uuid)]) -> Result<()> {
    tx.many(
        "delete from queued_event
         where (space_id, id) in (select space_id, id from {keys(space_id bigint, id uuid)} k)",
        &columns(events),
    )?;
    Ok(())
}

/// How many events wait.
pub fn depth(tx: &mut Tx<'_>) -> Result<i64> {
    Ok(tx
        .row("select count(*) from queued_event", &[], |row| row.get(0))?
        .unwrap_or(0))
}
