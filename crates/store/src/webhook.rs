//! Where an environment wants to be told what happens (spec/trophy.md 9.1).
//!
//! Endpoints belong to the environment and hear of all its spaces (AMB-47). Every change moves the
//! configuration of those spaces, because their catalogs say what is listened to. Must not know how
//! messages get there.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use uuid::Uuid;

use crate::access::{Environment, Space};
use crate::driver::{Row, Tx, Value};
use crate::time::{instant, maybe_instant};
use crate::{Error, Result};

/// An endpoint. `Debug` leaves its secrets out.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its id.
    pub id: Uuid,
    /// For people.
    pub name: String,
    /// Where messages go.
    pub url: String,
    /// The kinds of messages it wants (spec/trophy.md 9.4).
    pub kinds: BTreeSet<String>,
    /// What messages are signed with.
    pub secret: String,
    /// What they were signed with before, and until when they still are.
    pub old_secret: Option<(String, Timestamp)>,
    /// Whether messages go there.
    pub is_active: bool,
    /// Why not.
    pub disabled_reason: Option<String>,
    /// Made.
    pub created: Timestamp,
    /// Last changed.
    pub updated: Timestamp,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("id", &self.id)
            .field("url", &self.url)
            .field("kinds", &self.kinds)
            .field("is_active", &self.is_active)
            .finish_non_exhaustive()
    }
}

/// Reads the columns of [`select_endpoints`].
pub(crate) fn endpoint(row: &Row<'_>) -> Result<Endpoint> {
    let old_secret: Option<String> = row.get(5)?;
    Ok(Endpoint {
        id: row.get(0)?,
        name: row.get(1)?,
        url: row.get(2)?,
        kinds: serde_json::from_str(&row.get::<String>(3)?).map_err(Error::broken)?,
        secret: row.get(4)?,
        old_secret: old_secret.zip(maybe_instant(row, 6)?),
        is_active: row.get(7)?,
        disabled_reason: row.get(8)?,
        created: instant(row, 9)?,
        updated: instant(row, 10)?,
    })
}

/// A select of endpoints `w`; more columns may follow.
macro_rules! select_endpoints {
    ($rest:literal) => {
        concat!(
            "select w.id, w.name, w.url, w.kinds, w.secret, w.old_secret, w.old_secret_until,
                    w.is_active, w.disabled_reason, w.created_at, w.updated_at ",
            $rest
        )
    };
}
pub(crate) use select_endpoints;

/// The active endpoints of the environment of a space, oldest first.
pub fn active(tx: &mut Tx<'_>, space: Space) -> Result<Vec<Endpoint>> {
    tx.rows(
        select_endpoints!(
            "from space s join webhook_endpoint w on w.environment_id = s.environment_id
             where s.id = $1 and w.is_active order by w.created_at, w.id"
        ),
        &[space.id().into()],
        endpoint,
    )
}

/// The kinds of messages that anybody wants of a space.
pub(crate) fn listened(tx: &mut Tx<'_>, space: Space) -> Result<BTreeSet<String>> {
    let endpoints = active(tx, space)?;
    Ok(endpoints.into_iter().flat_map(|one| one.kinds).collect())
}

/// The endpoints of an environment, oldest first.
pub fn list(
    tx: &mut Tx<'_>,
    environment: Environment,
    limit: i64,
    skip: i64,
) -> Result<Vec<Endpoint>> {
    tx.rows(
        select_endpoints!(
            "from webhook_endpoint w where w.environment_id = $1
             order by w.created_at, w.id limit $2 offset $3"
        ),
        &[environment.id().into(), limit.into(), skip.into()],
        endpoint,
    )
}

/// One endpoint of an environment.
pub fn find(tx: &mut Tx<'_>, environment: Environment, id: Uuid) -> Result<Option<Endpoint>> {
    tx.row(
        select_endpoints!("from webhook_endpoint w where w.environment_id = $1 and w.id = $2"),
        &[environment.id().into(), id.into()],
        endpoint,
    )
}

/// Says that what is listened to in the spaces of an environment changed. Whoever changes endpoints
/// of one environment waits here for the others.
fn bump(tx: &mut Tx<'_>, environment: Environment) -> Result<()> {
    tx.row(
        "select id from environment where id = $1 {hold}",
        &[environment.id().into()],
        |_| Ok(()),
    )?;
    tx.run(
        "update space set config_version = config_version + 1 where environment_id = $1",
        &[environment.id().into()],
    )?;
    Ok(())
}

fn kinds(endpoint: &Endpoint) -> Result<String> {
    serde_json::to_string(&endpoint.kinds).map_err(Error::broken)
}

/// Keeps a new endpoint.
pub fn insert(tx: &mut Tx<'_>, environment: Environment, endpoint: &Endpoint) -> Result<()> {
    bump(tx, environment)?;
    let (old_secret, until) = old(endpoint);
    tx.run(
        "insert into webhook_endpoint
             (id, environment_id, name, url, kinds, secret, old_secret, old_secret_until,
              is_active, disabled_reason, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        &[
            endpoint.id.into(),
            environment.id().into(),
            endpoint.name.as_str().into(),
            endpoint.url.as_str().into(),
            Value::Json(&kinds(endpoint)?),
            endpoint.secret.as_str().into(),
            old_secret.into(),
            until.into(),
            endpoint.is_active.into(),
            endpoint.disabled_reason.as_deref().into(),
            endpoint.created.as_microsecond().into(),
            endpoint.updated.as_microsecond().into(),
        ],
    )?;
    Ok(())
}

fn old(endpoint: &Endpoint) -> (Option<&str>, Option<i64>) {
    match &endpoint.old_secret {
        Some((secret, until)) => (Some(secret), Some(until.as_microsecond())),
        None => (None, None),
    }
}

/// Changes an endpoint.
pub fn update(tx: &mut Tx<'_>, environment: Environment, endpoint: &Endpoint) -> Result<()> {
    bump(tx, environment)?;
    let (old_secret, until) = old(endpoint);
    tx.run(
        "update webhook_endpoint
         set name = $3, url = $4, kinds = $5, secret = $6, old_secret = $7, old_secret_until = $8,
             is_active = $9, disabled_reason = $10, updated_at = $11
         where environment_id = $1 and id = $2",
        &[
            environment.id().into(),
            endpoint.id.into(),
            endpoint.name.as_str().into(),
            endpoint.url.as_str().into(),
            Value::Json(&kinds(endpoint)?),
            endpoint.secret.as_str().into(),
            old_secret.into(),
            until.into(),
            endpoint.is_active.into(),
            endpoint.disabled_reason.as_deref().into(),
            endpoint.updated.as_microsecond().into(),
        ],
    )?;
    Ok(())
}

/// Switches off an endpoint that said it is gone for good, if it is still on and still at the address
/// that said so.
pub fn disable(tx: &mut Tx<'_>, id: Uuid, url: &str, reason: &str, now: Timestamp) -> Result<()> {
    let environment = tx.row(
        "select environment_id from webhook_endpoint where id = $1 and url = $2 and is_active",
        &[id.into(), url.into()],
        |row| Environment::of(row, 0),
    )?;
    let Some(environment) = environment else {
        return Ok(());
    };
    bump(tx, environment)?;
    tx.run(
        "update webhook_endpoint
         set is_active = false, disabled_reason = $3, updated_at = $4
         where id = $1 and url = $2 and is_active",
        &[
            id.into(),
            url.into(),
            reason.into(),
            now.as_microsecond().into(),
        ],
    )?;
    Ok(())
}

/// Deletes an endpoint with everything that was or would have been sent there; says whether there was
/// one.
pub fn delete(tx: &mut Tx<'_>, environment: Environment, id: Uuid) -> Result<bool> {
    bump(tx, environment)?;
    let deleted = tx.run(
        "delete from webhook_endpoint where environment_id = $1 and id = $2",
        &[environment.id().into(), id.into()],
    )?;
    if deleted == 0 {
        return Ok(false);
    }
    tx.run(
        "delete from delivery_attempt where endpoint_id = $1",
        &[id.into()],
    )?;
    tx.run("delete from delivery where endpoint_id = $1", &[id.into()])?;
    Ok(true)
}
