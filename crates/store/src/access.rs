//! Who may reach what: the only place that makes a [`Space`] out of a request's identity.

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::Result;
use crate::driver::{Row, Tx};
use crate::time::maybe_instant;

/// The leaf of isolation. Whoever holds one was authenticated for it, or works on a row that names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Space(i64);

impl Space {
    pub(crate) fn id(self) -> i64 {
        self.0
    }

    pub(crate) fn of(row: &Row<'_>, index: usize) -> Result<Self> {
        Ok(Self(row.get(index)?))
    }

    pub(crate) fn made(id: i64) -> Self {
        Self(id)
    }

    /// A number for logs; nothing can be reached with it.
    pub fn number(self) -> i64 {
        self.0
    }

    /// What clients of the second dialect know the space by (`workspaceId`, spec/aworld.md 2.2);
    /// nothing can be reached with it.
    pub fn public_id(self) -> String {
        public_id("workspace", self.0)
    }
}

/// Ten characters that stand for one of our numbers and tell nothing of it.
fn public_id(what: &str, number: i64) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    Sha256::digest(format!("{what}:{number}"))
        .iter()
        .take(10)
        .map(|byte| char::from(LETTERS[usize::from(byte % 64)]))
        .collect()
}

/// What clients of the second dialect know the organization of an environment by (`accountId`).
pub fn account_id(tx: &mut Tx<'_>, space: Space) -> Result<Option<String>> {
    tx.row(
        "select e.organization_id from space s join environment e on e.id = s.environment_id
         where s.id = $1",
        &[space.0.into()],
        |row| Ok(public_id("account", row.get(0)?)),
    )
}

/// An isolated stage of an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Environment(i64);

impl Environment {
    pub(crate) fn id(self) -> i64 {
        self.0
    }

    pub(crate) fn of(row: &Row<'_>, index: usize) -> Result<Self> {
        Ok(Self(row.get(index)?))
    }

    pub(crate) fn made(id: i64) -> Self {
        Self(id)
    }
}

/// A key as it is kept, with what its environment says at the same moment.
#[derive(Clone, Debug)]
pub struct KeyRecord {
    /// Its id.
    pub id: Uuid,
    /// The readable part.
    pub prefix: String,
    /// SHA-256 of the secret part.
    pub hash: Vec<u8>,
    /// Whether it may be used.
    pub is_active: bool,
    /// Where it may be used.
    pub environment: Environment,
    /// The one user of an application key; nothing for an admin key.
    pub user: Option<String>,
    /// Whether the organization has tenants.
    pub is_multi_tenant: bool,
    /// Moves whenever a key, tenant or the multi-tenancy of the environment changes.
    pub version: i64,
}

/// Finds a key by its readable part. The caller compares the secret part.
pub fn find_key(tx: &mut Tx<'_>, prefix: &str) -> Result<Option<KeyRecord>> {
    tx.row(
        "select k.id, k.prefix, k.hash, k.is_active, k.environment_id, k.user_external_id,
                o.multi_tenancy, e.access_version
         from api_key k
         join environment e on e.id = k.environment_id
         join organization o on o.id = e.organization_id
         where k.prefix = $1",
        &[prefix.into()],
        |row| {
            Ok(KeyRecord {
                id: row.get(0)?,
                prefix: row.get(1)?,
                hash: row.get(2)?,
                is_active: row.get(3)?,
                environment: Environment::of(row, 4)?,
                user: row.get(5)?,
                is_multi_tenant: row.get(6)?,
                version: row.get(7)?,
            })
        },
    )
}

/// The space of an environment that has no tenant.
pub fn default_space(tx: &mut Tx<'_>, environment: Environment) -> Result<Option<Space>> {
    tx.row(
        "select id from space where environment_id = $1 and tenant_id is null",
        &[environment.id().into()],
        |row| Space::of(row, 0),
    )
}

/// The space of a tenant that is not archived.
pub fn tenant_space(
    tx: &mut Tx<'_>,
    environment: Environment,
    customer_id: &str,
) -> Result<Option<Space>> {
    tx.row(
        "select s.id from tenant t
         join space s on s.environment_id = t.environment_id and s.tenant_id = t.id
         where t.environment_id = $1 and t.customer_id = $2 and not t.is_archived",
        &[environment.id().into(), customer_id.into()],
        |row| Space::of(row, 0),
    )
}

/// What a transaction has to know of a space before it trusts what it remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    /// Moves with the configuration of the space.
    pub config: i64,
    /// Moves with the keys and tenants of its environment.
    pub access: i64,
    /// What the test clock of its environment shows; nothing: it lives by the clock of the machine.
    pub test_now: Option<Timestamp>,
}

fn versions_from(row: &Row<'_>, first: usize) -> Result<Versions> {
    Ok(Versions {
        config: row.get(first)?,
        access: row.get(first + 1)?,
        test_now: maybe_instant(row, first + 2)?,
    })
}

/// The versions of a space as this transaction sees them.
pub fn versions(tx: &mut Tx<'_>, space: Space) -> Result<Option<Versions>> {
    tx.row(
        "select s.config_version, e.access_version, e.test_now
         from space s join environment e on e.id = s.environment_id
         where s.id = $1",
        &[space.id().into()],
        |row| versions_from(row, 0),
    )
}

/// The versions of several spaces.
pub fn versions_of(tx: &mut Tx<'_>, spaces: &[Space]) -> Result<Vec<(Space, Versions)>> {
    tx.look_up(
        "select s.id, s.config_version, e.access_version, e.test_now
         from {keys(id bigint)} k
         join space s on s.id = k.id
         join environment e on e.id = s.environment_id",
        &[crate::driver::Column::Int(
            spaces.iter().map(|space| space.id()).collect(),
        )],
        |row| Ok((Space::of(row, 0)?, versions_from(row, 1)?)),
    )
}

/// The customer ids of the tenants whose spaces these are; spaces without a tenant are left out.
pub fn customers(tx: &mut Tx<'_>, spaces: &[Space]) -> Result<Vec<(Space, String)>> {
    tx.look_up(
        "select s.id, t.customer_id
         from {keys(id bigint)} k
         join space s on s.id = k.id
         join tenant t on t.environment_id = s.environment_id and t.id = s.tenant_id",
        &[crate::driver::Column::Int(
            spaces.iter().map(|space| space.id()).collect(),
        )],
        |row| Ok((Space::of(row, 0)?, row.get(1)?)),
    )
}

/// The spaces of an environment.
pub fn spaces_of(tx: &mut Tx<'_>, environment: Environment) -> Result<Vec<Space>> {
    tx.rows(
        "select id from space where environment_id = $1 order by id",
        &[environment.id().into()],
        |row| Space::of(row, 0),
    )
}

/// All spaces, for work that has to visit each of them.
pub fn all_spaces(tx: &mut Tx<'_>) -> Result<Vec<Space>> {
    tx.rows("select id from space order by id", &[], |row| {
        Space::of(row, 0)
    })
}
