//! Organization, environments and tenants (spec/trophy.md 1.1, 1.6, 13.12).

use engine::id::Ids;
use jiff::Timestamp;
use uuid::Uuid;

use crate::Result;
use crate::access::{Environment, Space};
use crate::driver::{Row, Tx};
use crate::time::instant;

/// The organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// For people.
    pub name: String,
    /// Whether it has tenants.
    pub is_multi_tenant: bool,
}

/// Makes the organization with its production environment and that environment's space, unless
/// they exist; answers the environment if it was made.
pub fn bootstrap(
    tx: &mut Tx<'_>,
    name: &str,
    is_multi_tenant: bool,
    ids: &mut Ids,
    now: Timestamp,
) -> Result<Option<Environment>> {
    if production(tx)?.is_some() {
        return Ok(None);
    }
    let organization = ids.user(now).0;
    let environment = ids.user(now).0;
    tx.run(
        "insert into organization (id, name, multi_tenancy) values ($1, $2, $3)",
        &[organization.into(), name.into(), is_multi_tenant.into()],
    )?;
    tx.run(
        "insert into environment (id, organization_id, name, key, kind, position, access_version)
         values ($1, $2, 'Production', 'production', 'production', 1, 1)",
        &[environment.into(), organization.into()],
    )?;
    let environment = Environment::made(environment);
    insert_space(tx, environment, None, ids, now)?;
    Ok(Some(environment))
}

/// The production environment.
pub fn production(tx: &mut Tx<'_>) -> Result<Option<Environment>> {
    tx.row(
        "select id from environment where kind = 'production'",
        &[],
        |row| Environment::of(row, 0),
    )
}

/// The organization of an environment.
pub fn organization(tx: &mut Tx<'_>, environment: Environment) -> Result<Option<Organization>> {
    tx.row(
        "select o.name, o.multi_tenancy from organization o
         join environment e on e.organization_id = o.id where e.id = $1",
        &[environment.id().into()],
        |row| {
            Ok(Organization {
                name: row.get(0)?,
                is_multi_tenant: row.get(1)?,
            })
        },
    )
}

/// An environment as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// For people.
    pub name: String,
    /// Unique.
    pub key: String,
    /// `production`, `staging` or `development`.
    pub kind: String,
}

fn listed(row: &Row<'_>) -> Result<Listed> {
    Ok(Listed {
        name: row.get(0)?,
        key: row.get(1)?,
        kind: row.get(2)?,
    })
}

/// All environments of the organization of one of them, in their order.
pub fn list_environments(tx: &mut Tx<'_>, environment: Environment) -> Result<Vec<Listed>> {
    tx.rows(
        "select name, key, kind from environment
         where organization_id = (select organization_id from environment where id = $1)
         order by position, id",
        &[environment.id().into()],
        listed,
    )
}

/// All environments; until the transaction ends nobody else may make one.
pub fn hold_environments(tx: &mut Tx<'_>) -> Result<Vec<Listed>> {
    tx.rows("select id from organization {hold}", &[], |_| Ok(()))?;
    tx.rows(
        "select name, key, kind from environment order by position, id",
        &[],
        listed,
    )
}

/// Switches multi-tenancy of the organization of an environment.
pub fn set_multi_tenancy(tx: &mut Tx<'_>, environment: Environment, is_on: bool) -> Result<()> {
    tx.run(
        "update organization set multi_tenancy = $2
         where id = (select organization_id from environment where id = $1)",
        &[environment.id().into(), is_on.into()],
    )?;
    tx.run(
        "update environment set access_version = access_version + 1
         where organization_id = (select organization_id from environment where id = $1)",
        &[environment.id().into()],
    )?;
    Ok(())
}

/// Says that keys or tenants of an environment changed.
pub fn bump_access(tx: &mut Tx<'_>, environment: Environment) -> Result<()> {
    tx.run(
        "update environment set access_version = access_version + 1 where id = $1",
        &[environment.id().into()],
    )?;
    Ok(())
}

/// Makes another environment of the organization with its space. The key must be free.
pub fn insert_environment(
    tx: &mut Tx<'_>,
    name: &str,
    key: &str,
    kind: &str,
    ids: &mut Ids,
    now: Timestamp,
) -> Result<Environment> {
    let id = ids.user(now).0;
    tx.run(
        "insert into environment (id, organization_id, name, key, kind, position, access_version)
         select $1, o.id, $2, $3, $4,
                (select max(position) from environment where organization_id = o.id) + 1, 1
         from organization o",
        &[id.into(), name.into(), key.into(), kind.into()],
    )?;
    let environment = Environment::made(id);
    insert_space(tx, environment, None, ids, now)?;
    Ok(environment)
}

fn insert_space(
    tx: &mut Tx<'_>,
    environment: Environment,
    tenant: Option<Uuid>,
    ids: &mut Ids,
    now: Timestamp,
) -> Result<Space> {
    let id = ids.user(now).0;
    tx.run(
        "insert into space (id, environment_id, tenant_id, config_version) values ($1, $2, $3, 1)",
        &[id.into(), environment.id().into(), tenant.into()],
    )?;
    Ok(Space::made(id))
}

/// A customer of the organization inside one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Our id.
    pub id: Uuid,
    /// The organization's id of its customer.
    pub customer_id: String,
    /// For people.
    pub name: String,
    /// Made.
    pub created: Timestamp,
    /// Last changed.
    pub updated: Timestamp,
}

fn tenant(row: &Row<'_>) -> Result<Tenant> {
    Ok(Tenant {
        id: row.get(0)?,
        customer_id: row.get(1)?,
        name: row.get(2)?,
        created: instant(row, 3)?,
        updated: instant(row, 4)?,
    })
}

/// The tenants of an environment that are not archived, oldest first.
pub fn list_tenants(
    tx: &mut Tx<'_>,
    environment: Environment,
    limit: i64,
    skip: i64,
) -> Result<Vec<Tenant>> {
    tx.rows(
        "select id, customer_id, name, created_at, updated_at from tenant
         where environment_id = $1 and not is_archived
         order by created_at, id limit $2 offset $3",
        &[environment.id().into(), limit.into(), skip.into()],
        tenant,
    )
}

/// One tenant that is not archived.
pub fn find_tenant(tx: &mut Tx<'_>, environment: Environment, id: Uuid) -> Result<Option<Tenant>> {
    tx.row(
        "select id, customer_id, name, created_at, updated_at from tenant
         where environment_id = $1 and id = $2 and not is_archived",
        &[environment.id().into(), id.into()],
        tenant,
    )
}

/// The tenant with a customer id, if it is taken.
pub fn find_customer(
    tx: &mut Tx<'_>,
    environment: Environment,
    customer_id: &str,
) -> Result<Option<Tenant>> {
    tx.row(
        "select id, customer_id, name, created_at, updated_at from tenant
         where environment_id = $1 and customer_id = $2 and not is_archived",
        &[environment.id().into(), customer_id.into()],
        tenant,
    )
}

/// Makes a tenant and its space. The customer id must be free.
pub fn insert_tenant(
    tx: &mut Tx<'_>,
    environment: Environment,
    customer_id: &str,
    name: &str,
    ids: &mut Ids,
    now: Timestamp,
) -> Result<Tenant> {
    let tenant = Tenant {
        id: ids.uuid(now),
        customer_id: customer_id.to_owned(),
        name: name.to_owned(),
        created: now,
        updated: now,
    };
    tx.run(
        "insert into tenant
             (id, environment_id, customer_id, name, is_archived, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $6)",
        &[
            tenant.id.into(),
            environment.id().into(),
            customer_id.into(),
            name.into(),
            false.into(),
            now.as_microsecond().into(),
        ],
    )?;
    insert_space(tx, environment, Some(tenant.id), ids, now)?;
    bump_access(tx, environment)?;
    Ok(tenant)
}

/// Changes a tenant's customer id and name.
pub fn update_tenant(tx: &mut Tx<'_>, environment: Environment, tenant: &Tenant) -> Result<()> {
    tx.run(
        "update tenant set customer_id = $3, name = $4, updated_at = $5
         where environment_id = $1 and id = $2",
        &[
            environment.id().into(),
            tenant.id.into(),
            tenant.customer_id.as_str().into(),
            tenant.name.as_str().into(),
            tenant.updated.as_microsecond().into(),
        ],
    )?;
    bump_access(tx, environment)
}

/// Archives a tenant: nothing in it can be reached any more.
pub fn archive_tenant(
    tx: &mut Tx<'_>,
    environment: Environment,
    id: Uuid,
    now: Timestamp,
) -> Result<bool> {
    let changed = tx.run(
        "update tenant set is_archived = true, updated_at = $3
         where environment_id = $1 and id = $2 and not is_archived",
        &[
            environment.id().into(),
            id.into(),
            now.as_microsecond().into(),
        ],
    )?;
    bump_access(tx, environment)?;
    Ok(changed > 0)
}
