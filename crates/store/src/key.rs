//! Admin keys and application keys (spec/trophy.md 1.5, 13.14). Secrets come in hashed.

use jiff::Timestamp;
use uuid::Uuid;

use crate::Result;
use crate::access::Environment;
use crate::driver::{Column, Tx};
use crate::tenancy::bump_access;
use crate::time::{instant, maybe_instant};

/// A key to be kept.
#[derive(Clone, Debug)]
pub struct NewKey<'a> {
    /// Its id.
    pub id: Uuid,
    /// The readable part.
    pub prefix: &'a str,
    /// SHA-256 of the secret part.
    pub hash: &'a [u8],
    /// The one user of an application key; nothing for an admin key.
    pub user: Option<&'a str>,
    /// For people.
    pub name: &'a str,
}

/// A key as it is listed.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Its id.
    pub id: Uuid,
    /// The readable part.
    pub prefix: String,
    /// For people.
    pub name: String,
    /// Whether it may be used.
    pub is_active: bool,
    /// Made.
    pub created: Timestamp,
    /// Last used, to the minute.
    pub last_used: Option<Timestamp>,
}

/// Keeps a new key.
pub fn insert(
    tx: &mut Tx<'_>,
    environment: Environment,
    key: &NewKey<'_>,
    now: Timestamp,
) -> Result<()> {
    tx.run(
        "insert into api_key
             (prefix, id, environment_id, user_external_id, name, hash, is_active, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        &[
            key.prefix.into(),
            key.id.into(),
            environment.id().into(),
            key.user.into(),
            key.name.into(),
            key.hash.into(),
            true.into(),
            now.as_microsecond().into(),
        ],
    )?;
    Ok(())
}

/// The admin keys of an environment, oldest first.
pub fn list_admin(tx: &mut Tx<'_>, environment: Environment) -> Result<Vec<Listed>> {
    tx.rows(
        "select id, prefix, name, is_active, created_at, last_used_at from api_key
         where environment_id = $1 and user_external_id is null
         order by created_at, prefix",
        &[environment.id().into()],
        |row| {
            Ok(Listed {
                id: row.get(0)?,
                prefix: row.get(1)?,
                name: row.get(2)?,
                is_active: row.get(3)?,
                created: instant(row, 4)?,
                last_used: maybe_instant(row, 5)?,
            })
        },
    )
}

/// Switches an admin key off; says whether there was one.
pub fn revoke_admin(tx: &mut Tx<'_>, environment: Environment, prefix: &str) -> Result<bool> {
    let changed = tx.run(
        "update api_key set is_active = false
         where environment_id = $1 and prefix = $2 and user_external_id is null",
        &[environment.id().into(), prefix.into()],
    )?;
    bump_access(tx, environment)?;
    Ok(changed > 0)
}

/// Deletes an application key; says whether there was one.
pub fn delete_application(tx: &mut Tx<'_>, environment: Environment, id: Uuid) -> Result<bool> {
    let changed = tx.run(
        "delete from api_key
         where environment_id = $1 and id = $2 and user_external_id is not null",
        &[environment.id().into(), id.into()],
    )?;
    bump_access(tx, environment)?;
    Ok(changed > 0)
}

/// Notes when keys were last used.
pub fn touch(tx: &mut Tx<'_>, used: &[(String, Timestamp)]) -> Result<()> {
    tx.many(
        "update api_key set last_used_at = k.at
         from {keys(prefix text, at bigint)} k where api_key.prefix = k.prefix",
        &[
            Column::Text(used.iter().map(|(prefix, _)| prefix.as_str()).collect()),
            Column::Int(used.iter().map(|(_, at)| at.as_microsecond()).collect()),
        ],
    )?;
    Ok(())
}
