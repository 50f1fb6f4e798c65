//! Messages on their way to endpoints (spec/trophy.md 9.2).
//!
//! Whoever sends a message claims it first: until `due_at` nobody else will. A process that dies says
//! nothing of its claims, so they fall due again. Must not know how messages are sent or when they
//! are tried again.

use jiff::Timestamp;
use uuid::Uuid;

use crate::Result;
use crate::access::Space;
use crate::driver::{Column, Row, Tx};
use crate::time::{instant, maybe_instant};
use crate::webhook::{Endpoint, endpoint, select_endpoints};

/// A message to be sent.
#[derive(Clone, Copy, Debug)]
pub struct NewDelivery<'a> {
    /// Its id.
    pub id: Uuid,
    /// Where to.
    pub endpoint: Uuid,
    /// Where it happened.
    pub space: Space,
    /// What happened: the same for all endpoints.
    pub event: Uuid,
    /// The kind of message (spec/trophy.md 9.4).
    pub kind: &'a str,
    /// What is signed and sent, byte for byte.
    pub body: &'a [u8],
}

/// Keeps messages; they are due at once.
pub fn insert(tx: &mut Tx<'_>, deliveries: &[NewDelivery<'_>], now: Timestamp) -> Result<()> {
    let now = vec![now.as_microsecond(); deliveries.len()];
    tx.many(
        "insert into delivery
             (endpoint_id, id, space_id, event_id, kind, body, state, attempts, due_at, created_at)
         select k.endpoint_id, k.id, k.space_id, k.event_id, k.kind, k.body, 'pending', 0,
                k.now, k.now
         from {keys(endpoint_id uuid, id uuid, space_id bigint, event_id uuid, kind text,
                    body bytes, now bigint)} k",
        &[
            Column::Uuid(deliveries.iter().map(|one| one.endpoint).collect()),
            Column::Uuid(deliveries.iter().map(|one| one.id).collect()),
            Column::Int(deliveries.iter().map(|one| one.space.id()).collect()),
            Column::Uuid(deliveries.iter().map(|one| one.event).collect()),
            Column::Text(deliveries.iter().map(|one| one.kind).collect()),
            Column::Bytes(deliveries.iter().map(|one| one.body).collect()),
            Column::Int(now),
        ],
    )?;
    Ok(())
}
