//! The Dashboard API of the second dialect: configuration and management of a workspace (spec/aworld.md 3).

pub mod documents;
pub mod missions;
pub mod user_tags;
pub mod users;
pub mod virtual_transactions;

use axum::Router;
use axum::extract::State;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use super::aworld::{description, not_built::DASHBOARD};
use crate::app::App;
use crate::bearer::DashboardBearer;
use crate::problem::{Problem, Result};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Kleos Dashboard API", description = "Configuration and management of a workspace."),
    servers((url = "/dashboard/v1"))
)]
struct Description;

/// The routes below `/dashboard/v1`, with their description.
pub fn router() -> (Router<App>, OpenApi) {
    let (mut router, description) = OpenApiRouter::with_openapi(Description::openapi())
        .merge(documents::routes())
        .merge(missions::routes())
        .merge(user_tags::routes())
        .merge(users::routes())
        .merge(virtual_transactions::routes())
        .split_for_parts();
    for (path, methods) in DASHBOARD {
        router = router.route(path, super::not_built(methods, &not_built));
    }
    (router, description::complete(description))
}

async fn not_built(State(app): State<App>, DashboardBearer(bearer): DashboardBearer) -> Result<()> {
    app.read(&bearer.caller, |_| Ok(())).await?;
    Err(Problem::not_built())
}
