//! The persons above users: one for each e-mail address and owner (spec/aworld.md 1.1, 3.24).
//!
//! An owner is the organization for its own spaces, and each tenant for its own: the people of one
//! owner are never seen by another. Must not know what a user of a space is.

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

use crate::access::Space;
use crate::driver::{Column, Row, Tx};
use crate::time::instant;
use crate::{Error, Result};

/// A person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Our id.
    pub id: Uuid,
    /// The address, in small letters.
    pub email: String,
    /// The given name.
    pub first_name: Option<String>,
    /// The family name.
    pub last_name: Option<String>,
    /// Made.
    pub created: Timestamp,
    /// Last changed.
    pub updated: Timestamp,
}

/// What a request says of a person.
#[derive(Clone, Copy, Debug)]
pub struct Person<'a> {
    /// The address, in any letters.
    pub email: &'a str,
    /// The given name.
    pub first_name: Option<&'a str>,
    /// The family name.
    pub last_name: Option<&'a str>,
}

fn principal(row: &Row<'_>) -> Result<Principal> {
    Ok(Principal {
        id: row.get(0)?,
        email: row.get(1)?,
        first_name: row.get(2)?,
        last_name: row.get(3)?,
        created: instant(row, 4)?,
        updated: instant(row, 5)?,
    })
}

/// Whose people the users of a space are.
pub fn owner(tx: &mut Tx<'_>, space: Space) -> Result<String> {
    tx.row(
        "select e.organization_id, s.tenant_id from space s
         join environment e on e.id = s.environment_id where s.id = $1",
        &[space.id().into()],
        |row| {
            let organization: i64 = row.get(0)?;
            let tenant: Option<Uuid> = row.get(1)?;
            Ok(match tenant {
                Some(tenant) => format!("tenant:{tenant}"),
                None => format!("organization:{organization}"),
            })
        },
    )?
    .ok_or_else(|| Error::broken("a space that is not there"))
}

/// The person of an address, known to the owner of a space.
pub fn find_by_email(tx: &mut Tx<'_>, space: Space, email: &str) -> Result<Option<Principal>> {
    let owner = owner(tx, space)?;
    of_owner(tx, &owner, &email.to_lowercase())
}

fn of_owner(tx: &mut Tx<'_>, owner: &str, email: &str) -> Result<Option<Principal>> {
    tx.row(
        "select id, email, first_name, last_name, created_at, updated_at from principal
         where owner = $1 and email = $2",
        &[owner.into(), email.into()],
        principal,
    )
}

/// The person of an address, made with `id` if the owner of the space does not know it. Names that are
/// known stay; missing ones are filled in.
pub fn find_or_insert(
    tx: &mut Tx<'_>,
    space: Space,
    person: &Person<'_>,
    id: Uuid,
    now: Timestamp,
) -> Result<Principal> {
    let owner = owner(tx, space)?;
    let email = person.email.to_lowercase();
    tx.run(
        "insert into principal
             (owner, email, id, first_name, last_name, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $6)
         on conflict (owner, email) do update set
             first_name = coalesce(principal.first_name, excluded.first_name),
             last_name = coalesce(principal.last_name, excluded.last_name),
             updated_at = excluded.updated_at
         where (principal.first_name is null and excluded.first_name is not null)
            or (principal.last_name is null and excluded.last_name is not null)",
        &[
            owner.as_str().into(),
            email.as_str().into(),
            id.into(),
            person.first_name.into(),
            person.last_name.into(),
            now.as_microsecond().into(),
        ],
    )?;
    of_owner(tx, &owner, &email)?.ok_or(Error::Busy)
}

/// Those of the persons whom the owner of a space knows.
pub fn by_ids(tx: &mut Tx<'_>, space: Space, ids: &[Uuid]) -> Result<BTreeMap<Uuid, Principal>> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let owner = owner(tx, space)?;
    let rows = tx.look_up(
        "select p.id, p.email, p.first_name, p.last_name, p.created_at, p.updated_at
         from {keys(owner text, id uuid)} k
         join principal p on p.id = k.id and p.owner = k.owner",
        &[
            Column::Text(vec![owner.as_str(); ids.len()]),
            Column::Uuid(ids.to_vec()),
        ],
        principal,
    )?;
    Ok(rows.into_iter().map(|person| (person.id, person)).collect())
}
