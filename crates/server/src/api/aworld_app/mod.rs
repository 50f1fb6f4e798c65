//! The App API of the second dialect: what users see and do (spec/aworld.md 3).

pub mod activity_logs;
pub mod missions;
pub mod users;
pub mod virtual_balances;
pub mod virtual_transactions;

use axum::Router;
use axum::extract::State;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use super::aworld::{description, not_built::APP};
use crate::app::App;
use crate::bearer::AppBearer;
use crate::problem::{Problem, Result};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Kleos App API", description = "What users of a workspace see and do."),
    servers((url = "/app/v1"))
)]
struct Description;

/// The routes below `/app/v1`, with their description.
pub fn router() -> (Router<App>, OpenApi) {
    let (mut router, description) = OpenApiRouter::with_openapi(Description::openapi())
        .merge(activity_logs::routes())
        .merge(missions::routes())
        .merge(users::routes())
        .merge(virtual_balances::routes())
        .merge(virtual_transactions::routes())
        .split_for_parts();
    for (path, methods) in APP {
        router = router.route(path, super::not_built(methods, &not_built));
    }
    (router, description::complete(description))
}

async fn not_built(State(app): State<App>, AppBearer(bearer): AppBearer) -> Result<()> {
    app.read(&bearer.caller, |_| Ok(())).await?;
    Err(Problem::not_built())
}
