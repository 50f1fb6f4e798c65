//! The organization: our extension of the Admin API.

use axum::Json;
use axum::extract::State;
use store::access::Environment;
use store::driver::Tx;
use store::tenancy;
use wire::extension::{Organization, UpdateOrganization};

use super::batch;
use crate::app::App;
use crate::body::RawBody;
use crate::door::EnvironmentCaller;
use crate::problem::{Problem, Result};

fn shown(tx: &mut Tx<'_>, environment: Environment) -> Result<Json<Organization>> {
    let found = tenancy::organization(tx, environment)?.ok_or_else(Problem::unauthorized)?;
    Ok(Json(Organization {
        name: found.name,
        multi_tenancy: found.is_multi_tenant,
    }))
}

/// Shows the organization. A Kleos extension.
#[utoipa::path(
    get, path = "/organization", operation_id = "kleos_organization_get", tag = "Kleos",
    responses(
        (status = 200, description = "The organization.", body = Organization),
    ),
)]
pub async fn get_organization(
    State(app): State<App>,
    EnvironmentCaller(caller): EnvironmentCaller,
) -> Result<Json<Organization>> {
    let environment = caller.environment;
    app.read(&caller, move |view| shown(view.tx, environment))
        .await
}

/// Switches multi-tenancy. A Kleos extension.
///
/// What was stored without a tenant stays stored while multi-tenancy is on, and so do tenants while
/// it is off.
#[utoipa::path(
    patch, path = "/organization", operation_id = "kleos_organization_update", tag = "Kleos",
    request_body = UpdateOrganization,
    responses(
        (status = 200, description = "The organization after the change.", body = Organization),
    ),
)]
pub async fn update_organization(
    State(app): State<App>,
    EnvironmentCaller(caller): EnvironmentCaller,
    body: RawBody,
) -> Result<Json<Organization>> {
    let change: UpdateOrganization = batch::object(&body)?;
    let environment = caller.environment;
    app.administer(&caller, move |tx, _, _| {
        if let Some(is_on) = change.multi_tenancy {
            tenancy::set_multi_tenancy(tx, environment, is_on)?;
        }
        shown(tx, environment)
    })
    .await
}
