//! Messages on their way to endpoints (spec/trophy.md 9.2).
//!
//! Whoever sends a message claims it first: until `due_at` nobody else will. A process that dies says
//! nothing of its claims, so they fall due again. Must not know how messages are sent or when they
//! are tried again.

use jiff::Timestamp;
use uuid::Uuid;

use crate::access::Space;
use crate::driver::{Column, Row, Tx};
use crate::time::{instant, maybe_instant};
use crate::webhook::{Endpoint, endpoint, select_endpoints};
use crate::{Error, Result};

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

/// How it stands with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is on its way or will be tried again.
    Pending,
    /// The receiver took it.
    Delivered,
    /// It was tried as often as messages are.
    Failed,
}

impl State {
    /// The text kept in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    /// The state with a name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Pending, Self::Delivered, Self::Failed]
            .into_iter()
            .find(|state| state.as_str() == name)
    }
}

fn state(row: &Row<'_>, index: usize) -> Result<State> {
    let name: String = row.get(index)?;
    State::named(&name).ok_or_else(|| Error::broken(format!("unknown state {name}")))
}

/// The active endpoints of all environments at which something waits, with the instant at which the
/// first of it is due.
pub fn waiting(tx: &mut Tx<'_>) -> Result<Vec<(Endpoint, Timestamp)>> {
    let all = tx.rows(
        select_endpoints!(
            ", (select d.due_at from delivery d
                where d.endpoint_id = w.id and d.due_at is not null
                order by d.due_at limit 1)
             from webhook_endpoint w where w.is_active order by w.created_at, w.id"
        ),
        &[],
        |row| Ok((endpoint(row)?, maybe_instant(row, 11)?)),
    )?;
    Ok(all
        .into_iter()
        .filter_map(|(endpoint, due)| Some((endpoint, due?)))
        .collect())
}

/// A message that this process alone may send now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// Its id.
    pub id: Uuid,
    /// What happened.
    pub event: Uuid,
    /// What is signed and sent.
    pub body: Vec<u8>,
    /// The number of this attempt, from 1.
    pub attempt: i64,
    /// Attempts that do not count against the number of retries.
    pub before: i64,
}

/// Claims messages that are due at an endpoint until an instant, those due first before others. A claim
/// that nobody ended in time broke off with its process: that attempt does not count.
pub fn claim(
    tx: &mut Tx<'_>,
    endpoint: Uuid,
    limit: i64,
    now: Timestamp,
    until: Timestamp,
) -> Result<Vec<Claimed>> {
    let claimed = tx.rows(
        "select d.id, d.event_id, d.body, d.attempts, d.attempts_before, d.is_claimed
         from delivery d where d.endpoint_id = $1 and d.due_at <= $2
         order by d.due_at, d.id limit $3 {lock}",
        &[endpoint.into(), now.as_microsecond().into(), limit.into()],
        |row| {
            let broke_off = i64::from(row.get::<bool>(5)?);
            Ok(Claimed {
                id: row.get(0)?,
                event: row.get(1)?,
                body: row.get(2)?,
                attempt: row.get::<i64>(3)? + 1,
                before: row.get::<i64>(4)? + broke_off,
            })
        },
    )?;
    tx.many(
        "update delivery set is_claimed = true, due_at = k.until, attempts = k.attempt,
                attempts_before = k.before
         from {keys(endpoint_id uuid, id uuid, until bigint, attempt bigint, before bigint)} k
         where delivery.endpoint_id = k.endpoint_id and delivery.id = k.id",
        &[
            Column::Uuid(vec![endpoint; claimed.len()]),
            Column::Uuid(claimed.iter().map(|one| one.id).collect()),
            Column::Int(vec![until.as_microsecond(); claimed.len()]),
            Column::Int(claimed.iter().map(|one| one.attempt).collect()),
            Column::Int(claimed.iter().map(|one| one.before).collect()),
        ],
    )?;
    Ok(claimed)
}

/// Makes due what processes before this one had claimed, where no other process can be at work;
/// answers how much that was.
pub fn release(tx: &mut Tx<'_>, now: Timestamp) -> Result<u64> {
    tx.run(
        "update delivery set due_at = $1 where due_at is not null and is_claimed",
        &[now.as_microsecond().into()],
    )
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Its number, from 1.
    pub number: i64,
    /// When it began.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: i64,
    /// The status of the answer, if one came.
    pub status: Option<i64>,
    /// Why it failed, if it did.
    pub error: Option<String>,
    /// How the body of the answer begins.
    pub answer: Option<String>,
}

/// An attempt with what follows from it.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Where to.
    pub endpoint: Uuid,
    /// The message.
    pub id: Uuid,
    /// What came of it.
    pub attempt: Attempt,
    /// How it stands now.
    pub state: State,
    /// When it is tried again; with [`State::Pending`] only.
    pub due: Option<Timestamp>,
}

/// Ends claims. What was claimed anew in the meantime, replayed or deleted, stays as it is, unless it
/// was delivered.
pub fn end(tx: &mut Tx<'_>, ended: &[Ended], now: Timestamp) -> Result<()> {
    tx.many(
        "update delivery set is_claimed = false, state = k.state, due_at = k.due_at,
                finished_at = k.finished_at
         from {keys(endpoint_id uuid, id uuid, number bigint, state text, due_at bigint,
                    finished_at bigint)} k
         where delivery.endpoint_id = k.endpoint_id and delivery.id = k.id
           and delivery.due_at is not null
           and (delivery.attempts = k.number and delivery.is_claimed or k.state = 'delivered')",
        &[
            Column::Uuid(ended.iter().map(|one| one.endpoint).collect()),
            Column::Uuid(ended.iter().map(|one| one.id).collect()),
            Column::Int(ended.iter().map(|one| one.attempt.number).collect()),
            Column::Text(ended.iter().map(|one| one.state.as_str()).collect()),
            Column::OptInt(
                ended
                    .iter()
                    .map(|one| one.due.map(Timestamp::as_microsecond))
                    .collect(),
            ),
            Column::OptInt(
                ended
                    .iter()
                    .map(|one| one.due.is_none().then_some(now.as_microsecond()))
                    .collect(),
            ),
        ],
    )?;
    // A message may have been deleted with its endpoint while it was under way.
    tx.many(
        "insert into delivery_attempt
             (endpoint_id, delivery_id, number, at, took_ms, status, error, answer)
         select d.endpoint_id, d.id, k.number, k.at, k.took_ms, k.status, k.error, k.answer
         from {keys(endpoint_id uuid, id uuid, number bigint, at bigint, took_ms bigint,
                    status bigint, error text, answer text)} k
         join delivery d on d.endpoint_id = k.endpoint_id and d.id = k.id
         where true
         on conflict (endpoint_id, delivery_id, number) do nothing",
        &[
            Column::Uuid(ended.iter().map(|one| one.endpoint).collect()),
            Column::Uuid(ended.iter().map(|one| one.id).collect()),
            Column::Int(ended.iter().map(|one| one.attempt.number).collect()),
            Column::Int(
                ended
                    .iter()
                    .map(|one| one.attempt.at.as_microsecond())
                    .collect(),
            ),
            Column::Int(ended.iter().map(|one| one.attempt.took_ms).collect()),
            Column::OptInt(ended.iter().map(|one| one.attempt.status).collect()),
            Column::OptText(
                ended
                    .iter()
                    .map(|one| one.attempt.error.as_deref())
                    .collect(),
            ),
            Column::OptText(
                ended
                    .iter()
                    .map(|one| one.attempt.answer.as_deref())
                    .collect(),
            ),
        ],
    )?;
    Ok(())
}

/// A message with everything that came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: Uuid,
    /// What happened.
    pub event: Uuid,
    /// The kind of message.
    pub kind: String,
    /// What is signed and sent.
    pub body: Vec<u8>,
    /// How it stands.
    pub state: State,
    /// When it is tried next.
    pub due: Option<Timestamp>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was delivered or given up.
    pub finished: Option<Timestamp>,
    /// The attempts so far, the first one first.
    pub attempts: Vec<Attempt>,
}

fn delivery(row: &Row<'_>) -> Result<Delivery> {
    Ok(Delivery {
        id: row.get(0)?,
        event: row.get(1)?,
        kind: row.get(2)?,
        body: row.get(3)?,
        state: state(row, 4)?,
        due: maybe_instant(row, 5)?,
        created: instant(row, 6)?,
        finished: maybe_instant(row, 7)?,
        attempts: Vec::new(),
    })
}

/// What a list of messages is to show.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Only those in this state.
    pub state: Option<State>,
    /// Only those of this kind.
    pub kind: Option<&'a str>,
    /// At most so many.
    pub limit: i64,
    /// So many left out.
    pub skip: i64,
}

/// The messages to an endpoint, the newest first. The caller knows that the endpoint is its own.
pub fn list(tx: &mut Tx<'_>, endpoint: Uuid, wanted: Wanted<'_>) -> Result<Vec<Delivery>> {
    let mut listed = tx.rows(
        "select d.id, d.event_id, d.kind, d.body, d.state, d.due_at, d.created_at, d.finished_at
         from delivery d
         where d.endpoint_id = $1 and ($2 = '' or d.state = $2) and ($3 = '' or d.kind = $3)
         order by d.created_at desc, d.id desc limit $4 offset $5",
        &[
            endpoint.into(),
            wanted.state.map_or("", State::as_str).into(),
            wanted.kind.unwrap_or_default().into(),
            wanted.limit.into(),
            wanted.skip.into(),
        ],
        delivery,
    )?;
    add_attempts(tx, endpoint, &mut listed)?;
    Ok(listed)
}

/// One message to an endpoint. The caller knows that the endpoint is its own.
pub fn find(tx: &mut Tx<'_>, endpoint: Uuid, id: Uuid) -> Result<Option<Delivery>> {
    let found = tx.row(
        "select d.id, d.event_id, d.kind, d.body, d.state, d.due_at, d.created_at, d.finished_at
         from delivery d where d.endpoint_id = $1 and d.id = $2",
        &[endpoint.into(), id.into()],
        delivery,
    )?;
    let mut found: Vec<Delivery> = found.into_iter().collect();
    add_attempts(tx, endpoint, &mut found)?;
    Ok(found.pop())
}

fn add_attempts(tx: &mut Tx<'_>, endpoint: Uuid, deliveries: &mut [Delivery]) -> Result<()> {
    let ids: Vec<Uuid> = deliveries.iter().map(|one| one.id).collect();
    let attempts = tx.rows(
        "select delivery_id, number, at, took_ms, status, error, answer from delivery_attempt
         where endpoint_id = $1 and delivery_id {in $2} order by delivery_id, number",
        &[endpoint.into(), ids.as_slice().into()],
        |row| {
            let attempt = Attempt {
                number: row.get(1)?,
                at: instant(row, 2)?,
                took_ms: row.get(3)?,
                status: row.get(4)?,
                error: row.get(5)?,
                answer: row.get(6)?,
            };
            Ok((row.get::<Uuid>(0)?, attempt))
        },
    )?;
    for (id, attempt) in attempts {
        if let Some(one) = deliveries.iter_mut().find(|one| one.id == id) {
            one.attempts.push(attempt);
        }
    }
    Ok(())
}

/// Sends a message that was delivered or given up once more, with as many retries as a new one; says
/// whether there was one.
pub fn replay(tx: &mut Tx<'_>, endpoint: Uuid, id: Uuid, now: Timestamp) -> Result<bool> {
    let changed = tx.run(
        "update delivery set state = 'pending', due_at = $3, finished_at = null,
                attempts_before = attempts
         where endpoint_id = $1 and id = $2 and due_at is null",
        &[endpoint.into(), id.into(), now.as_microsecond().into()],
    )?;
    Ok(changed > 0)
}

/// Sends everything once more that was made since an instant and given up; answers how much that is.
pub fn replay_failed(
    tx: &mut Tx<'_>,
    endpoint: Uuid,
    since: Timestamp,
    now: Timestamp,
) -> Result<u64> {
    tx.run(
        "update delivery set state = 'pending', due_at = $3, finished_at = null,
                attempts_before = attempts
         where endpoint_id = $1 and created_at >= $2 and state = 'failed' and due_at is null",
        &[
            endpoint.into(),
            since.as_microsecond().into(),
            now.as_microsecond().into(),
        ],
    )
}

/// Forgets messages made before an instant, at most so many: those that are through, and those to
/// endpoints where nothing goes any more. Answers how many.
pub fn sweep(tx: &mut Tx<'_>, before: Timestamp, limit: i64) -> Result<usize> {
    let old: Vec<(Uuid, Uuid)> = tx.rows(
        "select d.endpoint_id, d.id from delivery d
         where d.created_at < $1
           and (d.due_at is null
                or not exists (select 1 from webhook_endpoint w
                               where w.id = d.endpoint_id and w.is_active))
         order by d.created_at limit $2",
        &[before.as_microsecond().into(), limit.into()],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let keys = [
        Column::Uuid(old.iter().map(|(endpoint, _)| *endpoint).collect()),
        Column::Uuid(old.iter().map(|(_, id)| *id).collect()),
    ];
    tx.many(
        "delete from delivery_attempt where (endpoint_id, delivery_id) in
             (select endpoint_id, id from {keys(endpoint_id uuid, id uuid)} k)",
        &keys,
    )?;
    tx.many(
        "delete from delivery where (endpoint_id, id) in
             (select endpoint_id, id from {keys(endpoint_id uuid, id uuid)} k)",
        &keys,
    )?;
    Ok(old.len())
}
