//! Tenants of an environment (spec/trophy.md 13.12).

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use store::access::Environment;
use store::driver::Tx;
use store::tenancy::{self, Tenant};
use wire::trophy_admin as w;

use super::batch::{self, ItemResult};
use crate::app::App;
use crate::body::{RawBody, Segment};
use crate::door::EnvironmentCaller;
use crate::problem::{Problem, Result};
use crate::query::Query;

const NOT_FOUND: &str = "Tenant not found by ID";

fn shown(tenant: &Tenant) -> w::AdminTenant {
    w::AdminTenant {
        id: tenant.id.to_string(),
        customer_id: tenant.customer_id.clone(),
        name: tenant.name.clone(),
        // Archived ones cannot be reached.
        status: w::ArchiveStatus::Active,
        created: instant(tenant.created),
        updated: instant(tenant.updated),
    }
}

fn instant(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// Refuses the whole call while the organization has no tenants.
fn require_multi_tenancy(tx: &mut Tx<'_>, environment: Environment) -> Result<()> {
    if tenancy::organization(tx, environment)?.is_some_and(|found| found.is_multi_tenant) {
        return Ok(());
    }
    Err(Problem::unprocessable(
        "multi-tenancy is off: switch it on with PATCH /admin/v1/organization \
         {\"multiTenancy\": true}, or set KLEOS_MULTI_TENANCY=on before the first start",
    ))
}

/// What is wrong with the texts of a tenant.
fn problem(customer_id: &str, name: &str) -> std::result::Result<(), String> {
    for (member, text) in [("customerId", customer_id), ("name", name)] {
        if text.trim().is_empty() {
            return Err(format!("{member} must not be empty"));
        }
        if text.chars().count() > 255 {
            return Err(format!("{member} must have at most 255 characters"));
        }
    }
    // It has to survive the way through a header.
    if customer_id.trim() != customer_id || customer_id.chars().any(char::is_control) {
        return Err(
            "customerId must not begin or end with a space nor contain control characters"
                .to_owned(),
        );
    }
    Ok(())
}

/// Refuses a customer id that another tenant has.
fn refuse_taken(
    tx: &mut Tx<'_>,
    environment: Environment,
    own: Option<&Tenant>,
    customer_id: &str,
) -> ItemResult<()> {
    let held = tenancy::find_customer(tx, environment, customer_id)?;
    if held.is_some_and(|held| own.is_none_or(|own| own.id != held.id)) {
        let sentence = "already exists in this environment";
        return Err(format!("Customer ID \"{customer_id}\" {sentence}").into());
    }
    Ok(())
}

/// Lists tenants, oldest first.
#[utoipa::path(
    get, path = "/tenants", operation_id = "admin_tenants_list", tag = "Tenants",
    params(
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "How many, 10 if not said."),
        ("skip" = Option<i64>, Query, minimum = 0, description = "How many to leave out."),
    ),
    responses(
        (status = 200, description = "The tenants.", body = Vec<w::AdminTenant>),
    ),
)]
pub async fn list_tenants(
    State(app): State<App>,
    EnvironmentCaller(caller): EnvironmentCaller,
    query: Query,
) -> Result<Json<Vec<w::AdminTenant>>> {
    let environment = caller.environment;
    app.read(&caller, move |view| {
        require_multi_tenancy(view.tx, environment)?;
        let (limit, skip) = query.page()?;
        let tenants = tenancy::list_tenants(view.tx, environment, limit, skip)?;
        Ok(Json(tenants.iter().map(shown).collect()))
    })
    .await
}

/// Creates tenants.
#[utoipa::path(
    post, path = "/tenants", operation_id = "admin_tenants_create", tag = "Tenants",
    request_body = Vec<w::CreateTenantRequestItem>,
    responses(
        (status = 200, description = "None was created.", body = w::Created<w::AdminTenant>),
        (status = 201, description = "At least one was created.", body = w::Created<w::AdminTenant>),
    ),
)]
pub async fn create_tenants(
    State(app): State<App>,
    EnvironmentCaller(caller): EnvironmentCaller,
    body: RawBody,
) -> Result<Response> {
    let environment = caller.environment;
    app.administer(&caller, move |tx, ids, now| {
        require_multi_tenancy(tx, environment)?;
        let items = batch::items(&body)?;
        batch::create_each(items, |item: w::CreateTenantRequestItem| {
            problem(&item.customer_id, &item.name)?;
            refuse_taken(tx, environment, None, &item.customer_id)?;
            let (customer_id, name) = (&item.customer_id, &item.name);
            let tenant = tenancy::insert_tenant(tx, environment, customer_id, name, ids, now)?;
            Ok(shown(&tenant))
        })
    })
    .await
}

/// Updates tenants.
#[utoipa::path(
    patch, path = "/tenants", operation_id = "admin_tenants_update", tag = "Tenants",
    request_body = Vec<w::UpdateTenantRequestItem>,
    responses(
        (status = 200, description = "What was updated.", body = w::Updated<w::AdminTenant>),
    ),
)]
pub async fn update_tenants(
    State(app): State<App>,
    EnvironmentCaller(caller): EnvironmentCaller,
    body: RawBody,
) -> Result<Response> {
    let environment = caller.environment;
    app.administer(&caller, move |tx, _, now| {
        require_multi_tenancy(tx, environment)?;
        let items = batch::items(&body)?;
        batch::update_each(items, |id, item: w::UpdateTenantRequestItem| {
            let before = tenancy::find_tenant(tx, environment, id)?.ok_or(NOT_FOUND)?;
            if item.customer_id.is_none() && item.name.is_none() {
                return Err("customerId or name must be given".into());
            }
            let mut tenant = Tenant {
                customer_id: item
                    .customer_id
                    .unwrap_or_else(|| before.customer_id.clone()),
                name: item.name.unwrap_or_else(|| before.name.clone()),
                ..before.clone()
            };
            if tenant != before {
                problem(&tenant.customer_id, &tenant.name)?;
                refuse_taken(tx, environment, Some(&before), &tenant.customer_id)?;
                tenant.updated = now;
                tenancy::update_tenant(tx, environment, &tenant)?;
            }
            Ok(shown(&tenant))
        })
    })
    .await
}

/// Archives tenants with everything in them.
#[utoipa::path(
    delete, path = "/tenants", operation_id = "admin_tenants_delete", tag = "Tenants",
    params(
        ("ids" = Vec<String>, Query, min_items = 1, max_items = 100, description = "The ids, 1 to 100."),
    ),
    responses(
        (status = 200, description = "What was deleted.", body = w::Deleted),
    ),
)]
pub async fn delete_tenants(
    State(app): State<App>,
    EnvironmentCaller(caller): EnvironmentCaller,
    query: Query,
) -> Result<Response> {
    let environment = caller.environment;
    app.administer(&caller, move |tx, _, now| {
        require_multi_tenancy(tx, environment)?;
        let ids = batch::ids(&query)?;
        batch::delete_each(ids, |id| {
            if tenancy::archive_tenant(tx, environment, id, now)? {
                Ok(())
            } else {
                Err(NOT_FOUND.into())
            }
        })
    })
    .await
}

/// Shows one tenant.
#[utoipa::path(
    get, path = "/tenants/{id}", operation_id = "admin_tenants_get", tag = "Tenants",
    params(
        ("id" = String, Path, description = "The id of the tenant."),
    ),
    responses(
        (status = 200, description = "The tenant.", body = w::AdminTenant),
        (status = 404, description = "There is no such tenant.", body = wire::ErrorBody),
    ),
)]
pub async fn get_tenant(
    State(app): State<App>,
    EnvironmentCaller(caller): EnvironmentCaller,
    Segment(id): Segment,
) -> Result<Json<w::AdminTenant>> {
    let environment = caller.environment;
    app.read(&caller, move |view| {
        require_multi_tenancy(view.tx, environment)?;
        let id = batch::path_id(&id)?;
        tenancy::find_tenant(view.tx, environment, id)?
            .map(|tenant| Json(shown(&tenant)))
            .ok_or_else(|| Problem::absent(NOT_FOUND))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_id_survives_a_header() {
        assert_eq!(problem("customer_12345", "Customer"), Ok(()));
        assert_eq!(problem("Kunde Äpfel & Söhne", "Customer"), Ok(()));
        for customer_id in ["", " ", " a", "a ", "a\tb", "a\nb", &"a".repeat(256)] {
            assert!(problem(customer_id, "Customer").is_err(), "{customer_id:?}");
        }
        assert!(problem("a", " ").is_err());
    }

    #[test]
    fn instants_have_milliseconds() {
        let at = Timestamp::from_microsecond(1_767_225_600_123_999).unwrap();
        assert_eq!(instant(at), "2026-01-01T00:00:00.123Z");
    }
}
