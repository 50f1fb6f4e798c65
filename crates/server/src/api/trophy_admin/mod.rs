//! The Trophy Admin API and our extensions of it (spec/trophy.md 13, 15, Appendix A.2).

pub mod attributes;
pub mod batch;
pub mod references;

use axum::Router;
use axum::extract::State;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::operations::KeySecurity;
use crate::app::App;
use crate::door::AdminCaller;
use crate::problem::{Problem, Result};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Kleos Admin API", description = "Configuration and administration."),
    servers((url = "/admin/v1")),
    modifiers(&KeySecurity)
)]
struct Description;

/// Operations that are documented in the dialect and not built yet (docs/coverage.md).
const NOT_BUILT: &[(&str, &[&str])] = &[
    ("/metrics/events", &["POST"]),
    ("/points/{system}/boosts", &["GET", "POST", "PATCH", "DELETE"]),
    ("/points/{system}/boosts/{id}", &["GET"]),
    ("/streaks/freezes", &["POST"]),
    ("/streaks/pauses", &["POST", "DELETE"]),
    ("/streaks/restore", &["POST"]),
    ("/streaks/reset", &["POST"]),
    ("/settings", &["GET", "PATCH"]),
    ("/environments", &["GET"]),
];

/// The routes below `/admin/v1`, with their description.
pub fn router() -> (Router<App>, OpenApi) {
    let (mut router, description) = OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(
            attributes::list_attributes,
            attributes::create_attributes,
            attributes::update_attributes,
            attributes::delete_attributes
        ))
        .routes(routes!(attributes::get_attribute))
        .split_for_parts();
    for (path, methods) in NOT_BUILT {
        router = router.route(path, super::not_built(methods, not_built));
    }
    (router, description)
}

async fn not_built(State(app): State<App>, AdminCaller(caller): AdminCaller) -> Result<()> {
    app.read(&caller, |_| Ok(())).await?;
    Err(Problem::not_built())
}
