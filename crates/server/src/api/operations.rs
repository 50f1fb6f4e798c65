//! What operators ask: liveness, readiness, metrics, descriptions.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use utoipa::Modify;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};

use crate::app::App;

/// Adds the key header to a description.
#[derive(Debug)]
pub struct KeySecurity;

impl Modify for KeySecurity {
    fn modify(&self, description: &mut OpenApi) {
        let scheme = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-KEY")));
        let components = description.components.get_or_insert_with(Default::default);
        components.add_security_scheme("key", scheme);
        description.security = Some(vec![utoipa::openapi::SecurityRequirement::new(
            "key",
            Vec::<String>::new(),
        )]);
    }
}

/// The routes outside both APIs.
pub fn router(application: OpenApi, admin: OpenApi) -> Router<App> {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/openapi/application.json", get(async move || axum::Json(application)))
        .route("/openapi/admin.json", get(async move || axum::Json(admin)))
}

async fn ready(State(app): State<App>) -> Response {
    if app.is_ready() {
        "ready\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response()
    }
}
